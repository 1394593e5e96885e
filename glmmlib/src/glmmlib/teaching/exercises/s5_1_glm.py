"""The questions of section 5.1: a logistic regression for all trials, and for one subject.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here. The expected
values that marks are given for are computed in the notebook's hidden tests; here, what is right is
only used to leave out a mistake that happens to lead to the right number.
"""


import numpy as np
from scipy.special import expit, logit

from glmmlib.glm import glm

from ..checks import Choice, Mistake, Prediction
from ..cohort import cache, load_crowding
from .common import CODING, crossing, number

FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition"
TARGET = 0.625
STEP = 0.5           # arcmin above the mean size, in question 1
ELSEWHERE = 2.5      # arcmin, in question 2


@cache
def reference():
    """The pooled model, fitted afresh: a student's own variables play no part in it."""
    return glm(FORMULA, load_crowding(), contrasts=CODING)


@cache
def one_subject(subject="4", formula="ResponseCorrect ~ 1 + SizeCentred * Condition"):
    """The model of one subject's trials; SizeCentred counts from the mean of all trials."""
    return glm(formula, one_subject_rows(subject), contrasts=CODING if "Condition" in formula else None)


def one_subject_rows(subject="4"):
    """The trials of one subject, with SizeCentred, which counts from the mean of all trials."""
    d = load_crowding()
    return d.assign(SizeCentred=d["Size"] - mean_size())[d["Subject"] == subject]


def mean_size():
    """The mean of all trials' sizes, which center(Size) takes away, in arcmin."""
    return load_crowding()["Size"].mean()


# --- predictions ---------------------------------------------------------------------------------

def predicted_change_by_centring():
    return Prediction("predicted_change_by_centring",
                      ["none", "the intercept", "intercept and condition", "all four"])


def predicted_cost_at_larger_sizes():
    return Prediction("predicted_cost_at_larger_sizes", ["more", "the same", "less"])


def predicted_own_slopes():
    return Prediction("predicted_own_slopes", ["flatter", "about the same", "steeper"])


# --- question 1: size ----------------------------------------------------------------------------

def size_effect_direction():
    return Choice("size_effect_direction", ["positive", "negative"], mistakes={
        "positive": "look at the sign of the coefficient of center(Size): below zero, larger digits are worse.",
        "negative": "look at the sign of the coefficient of center(Size): above zero, larger digits are better.",
    })


def size_effect_significant():
    return Choice("size_effect_significant", ["significant", "not significant"], mistakes={
        "significant": "the p value of center(Size) is not below 0.05: compare the last column with it.",
        "not significant": "the p value of center(Size) is below 0.05. (A number such as 2e-16 has 15 "
                           "zeros after the point.)",
    })


def odds_factor_per_tenth():
    b = _pooled()[1]
    return number("odds_factor_per_tenth", "multiples of the odds", np.exp(0.1 * b), [
        Mistake(b, "this is the coefficient, in log-odds per arcmin: take a tenth of it, then the exponential."),
        Mistake(0.1 * b, "this is what a tenth of an arcmin adds to the log-odds: the exponential turns "
                         "adding into multiplying."),
        Mistake(np.exp(b), "this is the factor for a whole arcmin; one tenth is asked for."),
        Mistake(0.1 * np.exp(b),
                "a tenth of the factor for an arcmin: factors multiply, so divide the coefficient by ten "
                "before you take the exponential."),
        Mistake(1 + 0.1 * (np.exp(b) - 1),
                "you took a tenth of the growth over an arcmin; odds grow like interest, by the same factor "
                "at each step."),
        Mistake(1 + 0.1 * b, "1 + x is only roughly exp(x): take the exponential."),
        Mistake(np.exp(-0.1 * b), "this is the factor for digits that are smaller by a tenth."),
        Mistake(np.exp(0.1 * _slopes()[0]),
                "this is the factor in the uncrowded condition: midway between the two is asked for."),
        Mistake(np.exp(0.1 * _slopes()[1]),
                "this is the factor in the crowded condition: midway between the two is asked for."),
        Mistake(expit(0.1 * b), "this is a probability: odds are the exponential of log-odds."),
    ], decimals=3)


def accuracy_gain():
    b0, b1, b2, b3 = _pooled()
    low, high = expit(b0), expit(b0 + STEP * b1)
    in_uncrowded = expit(b0 - b2 / 2 + STEP * (b1 - b3 / 2)) - expit(b0 - b2 / 2)
    return number("accuracy_gain", "proportion correct", high - low, [
        Mistake(STEP * b1, "this is the gain in log-odds: take the inverse link at both sizes, then subtract."),
        Mistake(expit(STEP * b1),
                "this is the inverse link of a difference: take it at both sizes first, then subtract."),
        Mistake(expit(STEP * b1) - 0.5,
                "you left out the intercept, as if 50 % were correct at the mean size."),
        Mistake(STEP * b1 / 4,
                "this is the divide-by-four rule, which holds near 50 % only: predict at both sizes."),
        Mistake(STEP * b1 * low * (1 - low),
                "this follows the tangent at the mean size, but the curve bends: predict at both sizes."),
        Mistake(high, "this is the accuracy at the larger size: take the accuracy at the mean size from it."),
        Mistake(low, "this is the accuracy at the mean size itself."),
        Mistake(low - high, "this is the mean size minus the larger one: the question asks for it the other way round."),
        Mistake(100 * (high - low), "these are percentage points: give a proportion (10 points are 0.100)."),
        Mistake(expit(b0 + b1) - low, "this is the gain over a whole arcmin; half of one is asked for."),
        Mistake(in_uncrowded, "this is the gain in the uncrowded condition: midway between the two is asked for."),
    ], decimals=3)


# --- question 2: condition -----------------------------------------------------------------------

def condition_effect_at_mean():
    b0, _, b2, b3 = _pooled()
    return number("condition_effect_at_mean", "log-odds", b2, [
        Mistake(-b2, "this is uncrowded minus crowded: the question asks for it the other way round."),
        Mistake(b2 / 2,
                "this is half the difference: from uncrowded (-0.5) to crowded (+0.5) the coding rises by 1."),
        Mistake(2 * b2, "this is twice the difference: from -0.5 to +0.5 the coding rises by 1, not by 2."),
        Mistake(expit(b0 + b2 / 2) - expit(b0 - b2 / 2),
                "this is a difference of probabilities; the question asks for log-odds."),
        Mistake(np.exp(b2), "this is an odds ratio; the question asks for log-odds."),
        Mistake(b2 - b3 * mean_size(), "this is the difference at size 0: you used a model with Size not centred."),
        Mistake(b0 + b2 / 2, "these are the log-odds in the crowded condition: take those in the other from them."),
        Mistake(b2 + b3, "this is the difference one arcmin above the mean size."),
    ])


def condition_effect_at_2_5_arcmin():
    b0, b1, b2, b3 = _pooled()
    x = ELSEWHERE - mean_size()
    at = [b0 + b1 * x + c * (b2 + b3 * x) for c in (-0.5, 0.5)]
    return number("condition_effect_at_2_5_arcmin", "log-odds", b2 + b3 * x, [
        Mistake(b2, "this is the difference at the mean size: with an interaction it is another one elsewhere."),
        Mistake(b2 + b3 * ELSEWHERE,
                "you multiplied the interaction by the size itself: it counts from the mean size."),
        Mistake(b3 * x, "this is what the interaction adds: the coefficient of condition belongs to it."),
        Mistake(b2 - b3 * x, "you subtracted the interaction's part: in the linear predictor it is added, sign and all."),
        Mistake(b2 + b3, "the interaction is per arcmin from the mean size, and 2.5 arcmin is not one arcmin above it."),
        Mistake(b2 + 0.5 * b3 * x, "you halved the interaction: from -0.5 to +0.5 the coding rises by 1."),
        Mistake(0.5 * (b2 + b3 * x), "this is half the difference: from -0.5 to +0.5 the coding rises by 1."),
        Mistake(-(b2 + b3 * x), "this is uncrowded minus crowded: the question asks for it the other way round."),
        Mistake(expit(at[1]) - expit(at[0]),
                "this is a difference of probabilities; the question asks for log-odds."),
    ])


def condition_coefficient_holds():
    return Choice("condition_coefficient_holds", ["at every size", "at the mean size only"], mistakes={
        "at every size": "you have just computed another difference at another size: the interaction adds "
                         "to it wherever the centred size is not 0.",
    })


# --- question 3: interaction ---------------------------------------------------------------------

def slope_uncrowded():
    return _slope("slope_uncrowded", 0, -0.5)


def slope_crowded():
    return _slope("slope_crowded", 1, +0.5)


def _slope(name, which, condition):
    _, b1, _, b3 = _pooled()
    right, other = _slopes()[which], _slopes()[1 - which]
    this, that = (("uncrowded", "crowded"), ("crowded", "uncrowded"))[which]
    return number(name, "log-odds per arcmin", right, [
        Mistake(b1, "this is the slope midway between the conditions: the interaction changes it in each."),
        Mistake(other, f"this is the slope for {that}: uncrowded is coded -0.5 and crowded +0.5."),
        Mistake(b1 + 2 * condition * b3,
                "you coded the conditions as -1 and 1: they are -0.5 and +0.5, so half the interaction counts."),
        Mistake(b1 - 2 * condition * b3, f"half the interaction counts, with the sign that {this} has."),
        Mistake(b3, "this is the difference between the two slopes."),
        Mistake(condition * b3, "this is what the interaction adds: the coefficient of size belongs to it."),
        Mistake(np.exp(right), "this is an odds ratio per arcmin; the slope is asked for, in log-odds."),
    ])


def crowding_costs_more():
    return Choice("crowding_costs_more", ["at larger sizes", "at smaller sizes"], mistakes={
        "at larger sizes": "compare the slopes: where the crowded line rises faster, it comes closer to the other.",
        "at smaller sizes": "compare the slopes: where the crowded line rises more slowly, it falls further behind.",
    })


# --- question 4: a size for 62.5 % ---------------------------------------------------------------

def threshold_from_mean():
    right = crossing(_pooled(), -0.5, logit(TARGET))
    return _threshold("threshold_from_mean", "arcmin from the mean size", 0, [
        Mistake(mean_size() + right, "this counts from zero: how far from the mean size is asked for here."),
        Mistake(-right, "the size lies on the other side of the mean: look at the sign."),
    ])


def threshold_uncrowded():
    centred = crossing(_pooled(), -0.5, logit(TARGET))
    return _threshold("threshold_uncrowded", "arcmin", mean_size(), [
        Mistake(centred, "this counts from the mean size: add that mean, to have the size itself."),
        Mistake(mean_size() - centred, "you subtracted the centred size from the mean: add it, sign and all."),
    ])


def _threshold(name, unit, origin, mistakes):
    b, target = _pooled(), logit(TARGET)

    def objection(size):
        at = expit(_eta(b, -0.5, size - origin))
        if abs(at - TARGET) < 0.005:
            return None
        return (f"there the model predicts {100 * at:.1f} % correct when uncrowded; "
                f"{100 * TARGET:g} % are asked for.")

    return number(name, unit, origin + crossing(b, -0.5, target), [
        *mistakes,
        Mistake(target, "this is the target in log-odds; the size at which it is reached is asked for."),
        Mistake(origin + crossing(b, -0.5, 0),
                "at log-odds of 0 this model predicts 50 %. It knows no guess rate, so 62.5 % are log-odds of "
                f"{target:.3f}."),
        Mistake(origin + crossing(b, -0.5, TARGET),
                "you used the proportion 0.625 as if it were log-odds: take its logit first."),
        Mistake(origin + crossing(b, +0.5, target), "this is the size for crowded: uncrowded is coded -0.5."),
        Mistake(origin + crossing(b, 0, target),
                "this lies midway between the conditions: put the coding of uncrowded, -0.5, in."),
        Mistake(origin + crossing(b, -1, target), "you coded uncrowded as -1: it is -0.5."),
        Mistake(origin + crossing([*b[:3], 0], -0.5, target),
                "you left out the interaction: it changes the slope in each condition."),
        Mistake(origin + crossing([b[0], b[1], 0, b[3]], -0.5, target),
                "you left out the coefficient of condition: it moves the line up or down."),
        Mistake(origin + target / _slopes()[0],
                "you left out the intercept: subtract it from the target before you divide."),
    ], objection=objection)


# --- question 5: one subject ---------------------------------------------------------------------

def line_that_tells():
    return Choice("line_that_tells", ["dispersion", "degrees of freedom", "AIC", "scoring iterations"], mistakes={
        "dispersion": "for 0/1 outcomes it is always taken to be 1, for one subject as for ten.",
        "AIC": "its size does depend on the number of trials, but it does not say how many there were.",
        "scoring iterations": "four or five steps are usual for few and for many trials.",
    })


def subject_4_slope():
    b0, b1, b2, b3 = one_subject().coef
    return number("subject_4_slope", "log-odds per arcmin", b1, [
        Mistake(_pooled()[1], "this is the slope of all subjects' trials: select the rows of subject 4 first."),
        Mistake(one_subject("5").coef.iloc[1],
                "this is the slope of subject 5: positions count from 0, so select the label '4'."),
        Mistake(b1 - b3 / 2, "this is the slope when uncrowded: midway between the conditions is asked for."),
        Mistake(b1 + b3 / 2, "this is the slope when crowded: midway between the conditions is asked for."),
        Mistake(one_subject("4", "ResponseCorrect ~ 1 + SizeCentred + Condition").coef.iloc[1],
                "you left the interaction out of the formula: the model is to be the same as before."),
        Mistake(one_subject("4", "ResponseCorrect ~ 1 + SizeCentred").coef.iloc[1],
                "you left condition out of the formula: the model is to be the same as before."),
        Mistake(np.exp(b1), "this is an odds ratio; the slope is asked for, in log-odds per arcmin."),
        Mistake(b0, "this is the intercept: the slope is the coefficient of size."),
    ])


def subject_4_intercept():
    b0, b1, b2, b3 = one_subject().coef
    own_mean = one_subject_rows()["SizeCentred"].mean()
    return number("subject_4_intercept", "log-odds", b0, [
        Mistake(b0 + b1 * own_mean,
                "these are the log-odds at subject 4's own mean size: center(Size) took the mean of the rows "
                "you selected. Count sizes from the mean of all trials."),
        Mistake(b0 - b1 * mean_size(), "these are the log-odds at size 0: count sizes from the mean of all trials."),
        Mistake(_pooled()[0], "this is the intercept of all subjects' trials: select the rows of subject 4 first."),
        Mistake(b0 - b2 / 2, "this is the intercept when uncrowded: midway between the conditions is asked for."),
        Mistake(b0 + b2 / 2, "this is the intercept when crowded: midway between the conditions is asked for."),
        Mistake(one_subject("5").coef.iloc[0],
                "this is the intercept of subject 5: positions count from 0, so select the label '4'."),
        Mistake(b0 - _pooled()[0], "this is how far subject 4 lies from all trials together: give the intercept itself."),
        Mistake(expit(b0), "this is a probability; the intercept is in log-odds."),
    ])


# --- shared --------------------------------------------------------------------------------------

def _pooled():
    return reference().coef.to_numpy()


def _slopes():
    """Slopes (log-odds per arcmin): uncrowded, crowded."""
    _, b1, _, b3 = _pooled()
    return b1 - b3 / 2, b1 + b3 / 2


def _eta(b, condition, centred):
    """Log-odds from coefficients b (4,) at a centred size in a condition."""
    return b[0] + b[1] * centred + condition * (b[2] + b[3] * centred)
