"""The questions of section 6: subject-specific intercepts and thresholds.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here. The expected
values that marks are given for are computed in the notebook's hidden tests; here, what is right is
only used to leave out a mistake that happens to lead to the right number.
"""

import warnings

import numpy as np
from scipy.special import expit, logit

import glmmlib as gl

from ..checks import Choice, Mistake, Prediction
from ..cohort import cache, load_crowding
from .common import CODING, crossing, number

FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject)"
TARGET = 0.625


@cache
def reference():
    """The section's model, fitted afresh: a student's own variables play no part in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        return gl.glmer(FORMULA, load_crowding(), contrasts=CODING)


def mean_size():
    """The mean that center(Size) takes away, in arcmin."""
    return load_crowding()["Size"].mean()


def predicted_moved_furthest():
    return Prediction("predicted_moved_furthest", ["near", "far"])


def subject_9_intercept():
    deviations, own, population = _intercepts()
    return number("subject_9_intercept", "log-odds", own["9"], [
        Mistake(deviations["9"],
                "this is the deviation of subject 9 from the population: add the population intercept."),
        Mistake(population,
                "this is the population's intercept: add the deviation of subject 9 to it."),
        Mistake(population - deviations["9"],
                "you subtracted the deviation; a negative deviation lowers the intercept: add it."),
        Mistake(own["10"],
                "this is the intercept of subject 10: positions count from 0, so ask for the label '9'."),
        Mistake(own["8"], "this is the intercept of subject 8."),
        Mistake(expit(own["9"]),
                "this is a probability; the intercept is asked for on the scale of the linear "
                "predictor, in log-odds."),
        Mistake(np.exp(own["9"]), "these are odds; take no exponential: the answer is in log-odds."),
    ])


def subject_9_minus_subject_8():
    deviations, own, _ = _intercepts()
    return number("subject_9_minus_subject_8", "log-odds", own["9"] - own["8"], [
        Mistake(own["8"] - own["9"],
                "this is subject 8 minus subject 9: the question asks for it the other way round."),
        Mistake(own["9"] - deviations["8"],
                "you took a deviation away from an intercept: compare two intercepts or two deviations."),
        Mistake(deviations["9"] - own["8"],
                "you took an intercept away from a deviation: compare two intercepts or two deviations."),
        Mistake(expit(own["9"]) - expit(own["8"]),
                "this is a difference of probabilities; the question asks for log-odds."),
    ])


def subject_9_minus_population():
    deviations, own, population = _intercepts()
    return number("subject_9_minus_population", "log-odds", deviations["9"], [
        Mistake(-deviations["9"],
                "this is the population minus subject 9: the question asks for it the other way round."),
        Mistake(deviations["9"] - population,
                "you took the population intercept away from the deviation, which already is the "
                "difference between the two."),
        Mistake(own["9"], "this is the intercept of subject 9 itself, not its difference from the population's."),
        Mistake(expit(own["9"]) - expit(population),
                "this is a difference of probabilities; the question asks for log-odds."),
    ])


def subject_9_compared_with_subject_8():
    return Choice("subject_9_compared_with_subject_8", ["smaller", "larger"], mistakes=_DIRECTION)


def subject_9_compared_with_population():
    return Choice("subject_9_compared_with_population", ["smaller", "larger"], mistakes=_DIRECTION)


_DIRECTION = {
    "smaller": "look at the sign of the difference you computed: above zero means larger.",
    "larger": "look at the sign of the difference you computed: below zero means smaller.",
}


def new_subject_intercept():
    _, own, population = _intercepts()
    return number("new_subject_intercept", "log-odds", population, [
        Mistake(0.0,
                "zero is what we expect of a new subject's deviation; its intercept is the population's "
                "plus that."),
        Mistake(expit(population), "this is a probability; the intercept is in log-odds."),
        Mistake(own["10"],
                "this is the intercept of subject 10, the last of those measured; nobody has measured "
                "the new one."),
    ])


def subject_2_threshold_uncrowded():
    return _threshold("subject_2_threshold_uncrowded", -0.5, "uncrowded", "crowded")


def subject_2_threshold_crowded():
    return _threshold("subject_2_threshold_crowded", +0.5, "crowded", "uncrowded")


def subject_2_threshold_difference():
    b = reference().coef["Subject"].loc["2"].to_numpy()
    population = reference().fixef.to_numpy()
    target = logit(TARGET)
    difference = crossing(b, +0.5, target) - crossing(b, -0.5, target)
    return number("subject_2_threshold_difference", "arcmin", difference, [
        Mistake(-difference,
                "this is uncrowded minus crowded: the question asks how much larger the digits must be "
                "when crowded."),
        Mistake(crossing(population, +0.5, target) - crossing(population, -0.5, target),
                "this is the difference for the typical subject: use the coefficients of subject 2."),
        Mistake(crossing(b, +0.5, 0) - crossing(b, -0.5, 0),
                "this is the difference at 50 % correct (log-odds 0); the target is 62.5 %."),
        Mistake(-b[2] / b[1],
                "you divided the effect of condition by the slope: that ignores the interaction, through "
                "which the slope itself differs between the conditions."),
        Mistake(b[2], "this is the effect of condition in log-odds; a difference of sizes is asked for."),
    ])


def _threshold(name, condition, this, other):
    b = reference().coef["Subject"].loc["2"].to_numpy()
    deviations = reference().ranef["Subject"].loc["2"].to_numpy()
    population, mean, target = reference().fixef.to_numpy(), mean_size(), logit(TARGET)
    centred = crossing(b, condition, target)

    def objection(size):
        eta = b[0] + b[1] * (size - mean) + condition * (b[2] + b[3] * (size - mean))
        if abs(expit(eta) - TARGET) < 0.005:
            return None
        return (f"at this size the model predicts {100 * expit(eta):.1f} % correct for subject 2, "
                f"{this}; {100 * TARGET:g} % are asked for.")

    return number(name, "arcmin", mean + centred, objection=objection, mistakes=[
        Mistake(centred,
                "this is the centred size, counted from the mean of all sizes: add that mean to have "
                "it in arcmin."),
        Mistake(target, "this is the target in log-odds; the size at which it is reached is asked for."),
        Mistake(mean + crossing(b, condition, 0),
                "here the log-odds are 0 and 50 % are correct; 62.5 % are log-odds of "
                f"{target:.3f} (this model knows no guess rate)."),
        Mistake(mean + crossing(b, condition, TARGET),
                "you used the proportion 0.625 as if it were log-odds: take its logit first."),
        Mistake(mean + crossing(b, -condition, target),
                f"this is the threshold for {other}: the coding is -0.5 for uncrowded and +0.5 for crowded."),
        Mistake(mean + crossing(b, 0, target),
                "this lies midway between the conditions: put the coding of the condition (-0.5 or +0.5) in."),
        Mistake(mean + crossing(b, 2 * condition, target),
                "you coded the conditions as -1 and 1: they are -0.5 and +0.5."),
        Mistake(mean + crossing(population, condition, target),
                "this is the threshold of the typical subject: use the coefficients of subject 2."),
        Mistake(mean + crossing(deviations, condition, target),
                "you used the deviations of subject 2 alone: add the fixed effects to them."),
        Mistake(mean + crossing([*b[:3], 0], condition, target),
                "you left out the interaction: it makes the slope differ between the conditions."),
    ])


def _intercepts():
    """Deviations and own intercepts by subject, and the population's."""
    m = reference()
    return (m.ranef["Subject"]["(Intercept)"], m.coef["Subject"]["(Intercept)"],
            m.fixef["(Intercept)"])
