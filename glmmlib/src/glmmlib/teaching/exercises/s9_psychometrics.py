"""The questions of section 9: guess and lapse rates, the Weibull function, what a threshold is.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here.
"""

import warnings

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import logit

import glmmlib as gl

from ..checks import Choice, Mistake, Prediction
from ..cohort import cache, load_crowding
from .common import CODING, crossing, number

FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) + Condition | Subject)"
GUESS = 0.25
TARGET = 0.75           # of question 2
RATES = (0.25, 0.06)    # guess and lapse rate of question 1
HIGH = 0.85             # of question 7


@cache
def reference(name):
    """One of the section's models, fitted afresh: "plain", "guessing", "lapsing" or "weibull"."""
    families = {"plain": gl.Binomial(), "guessing": gl.Binomial(guess=GUESS),
                "lapsing": gl.Binomial(guess=GUESS, lapse="estimate"), "weibull": gl.Binomial("cloglog", guess=GUESS)}
    formula = FORMULA.replace("Size", "LogSize") if name == "weibull" else FORMULA
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        return gl.glmer(formula, data(), family=families[name], contrasts=CODING)


@cache
def data():
    """The trials, with the logarithm of size."""
    crowding = load_crowding()
    return crowding.assign(LogSize=np.log(crowding["Size"]))


def mean_size():
    """The mean that center(Size) takes away, in arcmin."""
    return data()["Size"].mean()


# --- 1: shares of the rise -------------------------------------------------------------------------

def share_of_rise_at_half():
    return number("share_of_rise_at_half", "shares of the whole rise (0 to 1)", (0.5 - GUESS) / (1 - GUESS), [
        Mistake(0.5, "this is the proportion correct itself: the curve starts at the guess rate, not at 0."),
        Mistake(0.5 - GUESS, "so much the curve has risen above the guess rate: divide by how much it rises in all."),
        Mistake(GUESS + (1 - GUESS) * 0.5,
                "this is the proportion correct at half of the rise; the question is the other way round."),
        Mistake((1 - 0.5) / (1 - GUESS), "this is the share of the rise that is still to come."),
        Mistake(0.5 * (1 - GUESS), "you multiplied by the height of the rise: take the floor away and divide."),
        Mistake(0.5 / (1 + GUESS), "the height of the rise is one minus the guess rate, not one plus the guess rate."),
    ])


def halfway_with_lapses():
    guess, lapse = RATES
    return number("halfway_with_lapses", "proportion correct", (guess + 1 - lapse) / 2, decimals=3, mistakes=[
        Mistake((1 + guess) / 2, "this is halfway without lapses: with them the curve ends below 1."),
        Mistake(0.5, "one half is halfway only for a curve from 0 to 1."),
        Mistake((1 - lapse) / 2, "you left out the guess rate: the curve starts there, not at 0."),
        Mistake((1 - guess - lapse) / 2, "this is half the height of the rise: add the floor on which it stands."),
        Mistake((1 + guess) / 2 - lapse, "you took away the whole lapse rate: when the ceiling sinks, the middle sinks by half."),
        Mistake((1 + guess + lapse) / 2, "lapses lower the ceiling; you raised it."),
        Mistake((1 + guess) / 2 * (1 - lapse),
                "you let lapses take their share of everything: in this model the floor stays at the guess rate."),
        Mistake(1 - lapse, "this is the ceiling of the curve."),
    ])


# --- 2: the guess rate -----------------------------------------------------------------------------

def better_fit():
    return Prediction("better_fit", ["without guess rate", "with guess rate", "no difference"])


def eta_at_target():
    right = logit((TARGET - GUESS) / (1 - GUESS))
    return number("eta_at_target", "units of η (log-odds)", right, [
        Mistake(logit(TARGET), "this is the logit of 0.75, as if the curve began at 0: undo the guess rate first."),
        Mistake((TARGET - GUESS) / (1 - GUESS), "this is the share of the rise: take its logit."),
        Mistake(TARGET - GUESS, "this is what is left of 0.75 without the guess rate: divide by the rise and take the logit."),
        Mistake(logit(TARGET - GUESS), "you took the guess rate away but did not divide by the height of the rise."),
        Mistake(TARGET, "this is the proportion itself; η is asked for."),
        Mistake(-right, "the sign is turned: this share lies above one half, so η lies above 0."),
        Mistake(np.log((TARGET - GUESS) / (1 - GUESS)), "you took the logarithm of the share: take that of its odds."),
        Mistake(logit(GUESS + (1 - GUESS) * TARGET), "you put the guess rate on once more; it has to be undone."),
    ])


def typical_threshold():
    m, c, mean = reference("guessing"), -0.5, mean_size()
    b, eta = m.fixef.to_numpy(), logit((TARGET - GUESS) / (1 - GUESS))
    plain = reference("plain").fixef.to_numpy()

    def objection(size):
        p = m.predict(pd.DataFrame({"Size": [size], "Condition": "uncrowded"}), re="population")[0]
        if abs(p - TARGET) < 0.005:
            return None
        return (f"at this size the model with guess rate predicts {100 * p:.1f} % correct for the typical subject, "
                f"uncrowded; {100 * TARGET:g} % are asked for.")

    return number("typical_threshold", "arcmin", mean + crossing(b, c, eta), decimals=3, objection=objection, mistakes=[
        Mistake(crossing(b, c, eta), "this is the centred size: add the mean of all sizes to have it in arcmin."),
        Mistake(mean + crossing(b, c, logit(TARGET)),
                "you took the logit of 0.75 without undoing the guess rate; here this η means a higher proportion."),
        Mistake(mean + crossing(plain, c, logit(TARGET)),
                "this is the threshold of the model without guess rate."),
        Mistake(mean + crossing(plain, c, eta),
                "you used the coefficients of the model without guess rate: they belong to another curve."),
        Mistake(mean + crossing(b, c, 0), "here η is 0: that is half of the rise, 62.5 % correct."),
        Mistake(mean + crossing(b, c, TARGET), "you used the proportion as if it were η."),
        Mistake(mean + crossing(b, c, (TARGET - GUESS) / (1 - GUESS)),
                "you used the share of the rise as if it were η: take its logit."),
        Mistake(mean + crossing(b, -c, eta), "this is the threshold for crowded: the code of uncrowded is -0.5."),
        Mistake(mean + crossing(b, 0, eta), "this lies midway between the conditions: put the code of uncrowded in."),
        Mistake(mean + crossing([*b[:3], 0], c, eta), "you left out the interaction."),
    ])


# --- 3: the lapse rate -----------------------------------------------------------------------------

def curve_top():
    lapse = reference("lapsing").lapse
    return number("curve_top", "proportion correct", 1 - lapse, decimals=3, mistakes=[
        Mistake(lapse, "this is the lapse rate; how high does that let the curve rise?"),
        Mistake(1 - lapse - GUESS, "this is how far the curve rises from its floor: the question is where it ends."),
        Mistake(1.0, "that would be the ceiling without lapses."),
        Mistake(GUESS + (1 - GUESS) * (1 - lapse),
                "here a lapse would still be right by guessing; in this model a lapse is an error, and the ceiling 1 - lapse rate."),
        Mistake(100 * (1 - lapse), "this is in percent; a proportion is asked for."),
        Mistake(1 - GUESS, "this uses the guess rate in the place of the lapse rate."),
    ])


def lapse_upper():
    m = reference("lapsing")
    profile = _profile()
    (lower, upper), wider = profile.confint(0.95).loc["lapse"], profile.confint(0.99).loc["lapse", "upper"]
    return number("lapse_upper", "proportion of trials", upper, decimals=3, mistakes=[
        Mistake(lower, "this is the lower end of the interval."),
        Mistake(m.lapse, "this is the estimate; the upper end of its interval is asked for."),
        Mistake(wider, "this is the upper end of the 99 % interval; 95 % are asked for."),
        Mistake(100 * upper, "this is in percent; a proportion is asked for."),
        Mistake(upper - lower, "this is the width of the interval."),
        Mistake(1 - upper, "this is what is left for the curve; the upper end of the lapse rate itself is asked for."),
        Mistake(profile.confint(0.9).loc["lapse", "upper"], "this is the upper end of the 90 % interval; 95 % are asked for."),
    ])


@cache
def _profile():
    return gl.profile(reference("lapsing"), "lapse", level=0.99)


def loglik_gain():
    small, large = reference("guessing"), reference("lapsing")
    gain = large.loglik - small.loglik
    return number("loglik_gain", "units of log-likelihood", gain, decimals=1, mistakes=[
        Mistake(-gain, "this is the model without lapse rate minus the one with it."),
        Mistake(2 * gain, "this is the difference of the deviances, -2 log L: twice the one asked for."),
        Mistake(-2 * gain, "this is the difference of the deviances, -2 log L: minus twice the one asked for."),
        Mistake(small.aic - large.aic, "this is the difference of the AICs, which count the new parameter against the model."),
        Mistake(large.aic - small.aic, "this is a difference of AICs; the log-likelihood is asked for."),
        Mistake(small.bic - large.bic, "this is the difference of the BICs."),
        Mistake(large.loglik - reference("plain").loglik,
                "this compares with the model that has no guess rate: the two are not nested. Compare with the one that has."),
        Mistake(large.loglik, "this is the log-likelihood of one model; the difference of two is asked for."),
    ])


# --- 4: Weibull ------------------------------------------------------------------------------------

def _weibull():
    """Coefficients, mean of the log sizes, and (scale, shape) of a condition's code."""
    b, mean_log = reference("weibull").fixef.to_numpy(), data()["LogSize"].mean()
    return b, mean_log, lambda c: (np.exp(mean_log + crossing(b, c, 0)), b[1] + b[3] * c)


def weibull_shape():
    b, _, curve = _weibull()
    shape = curve(-0.5)[1]
    return number("weibull_shape", "units of η per unit of log size", shape, [
        Mistake(b[1], "this is the slope midway between the conditions: put the code of uncrowded in."),
        Mistake(curve(0.5)[1], "this is the slope of the crowded condition: the code of uncrowded is -0.5."),
        Mistake(1 / shape, "you turned it round: the exponent is the slope itself."),
        Mistake(np.exp(shape), "you took the exponential; only the scale needs that."),
        Mistake(b[3], "this is the interaction alone."),
        Mistake(b[1] - b[3], "you coded uncrowded as -1: its code is -0.5."),
        Mistake(b[0] - 0.5 * b[2], "this is the intercept of the condition; the exponent is its slope."),
    ])


def weibull_scale():
    b, mean_log, curve = _weibull()
    scale = curve(-0.5)[0]
    return number("weibull_scale", "arcmin", scale, [
        Mistake(np.log(scale), "this is the logarithm of the scale: take its exponential."),
        Mistake(np.exp(crossing(b, -0.5, 0)), "you forgot the centring: the mean of the logarithms has to be added first."),
        Mistake(crossing(b, -0.5, 0), "this is on the scale of centred logarithms: add their mean and take the exponential."),
        Mistake(mean_size() * np.exp(crossing(b, -0.5, 0)),
                "you used the mean of the sizes; what was taken away is the mean of their logarithms."),
        Mistake(np.exp(mean_log - crossing(b, -0.5, 0)), "the sign is turned: η is 0 at minus intercept over slope."),
        Mistake(curve(0.5)[0], "this is the scale of the crowded condition."),
        Mistake(curve(0)[0], "this lies midway between the conditions."),
        Mistake(mean_size() + crossing(b, -0.5, 0), "sizes were not added but logarithms: mean of the logarithms, then the exponential."),
        Mistake(_halfway(*curve(-0.5)), "this is the size at half of the rise; the scale is where η is 0, at 63 % of it."),
    ])


def weibull_threshold():
    _, _, curve = _weibull()
    scale, shape = curve(-0.5)
    return number("weibull_threshold", "arcmin", _halfway(scale, shape), [
        Mistake(scale, "this is the scale: there 63 % of the rise are done, 1 - 1/e, not half of it."),
        Mistake(scale * np.log(2), "the exponent is missing: take log 2 to the power of 1 / shape."),
        Mistake(scale * np.log(2) ** shape, "the exponent is 1 / shape, not shape."),
        Mistake(scale * 0.5 ** (1 / shape), "you solved (x/a)^b = 1/2; it is 1 - exp(-(x/a)^b) that shall be one half."),
        Mistake(scale * (-np.log(1 - 0.625)) ** (1 / shape),
                "you set F to 0.625: that is the proportion correct; half of the rise means F = 0.5."),
        Mistake(_halfway(*curve(0.5)), "this is the crowded condition."),
        Mistake(np.log(_halfway(scale, shape)), "this is the logarithm of the size."),
    ])


def _halfway(scale, shape):
    return scale * np.log(2) ** (1 / shape)


# --- 5: differences between conditions -------------------------------------------------------------

def _typical():
    m = reference("guessing")
    return m.thresholds(re="population"), m.thresholds(re="population", between="Condition").iloc[0]


def difference_se():
    single, difference = _typical()
    first, second = single["se"]
    return number("difference_se", "arcmin", difference["se"], decimals=3, mistakes=[
        Mistake(np.hypot(first, second),
                "you took the two thresholds as independent; they share subjects and coefficients."),
        Mistake(first + second, "standard errors do not add up."),
        Mistake(abs(second - first), "you took one standard error from the other."),
        Mistake(first, "this is the standard error of the uncrowded threshold alone."),
        Mistake(second, "this is the standard error of the crowded threshold alone."),
        Mistake((first + second) / 2, "this is the mean of the two standard errors."),
        Mistake(difference["difference"], "this is the difference itself."),
        Mistake(difference["se"] ** 2, "this is the variance."),
    ])


def difference_lower():
    single, difference = _typical()
    d = difference["difference"]
    return number("difference_lower", "arcmin", difference["lower"], decimals=3, mistakes=[
        Mistake(single["lower"][1] - single["lower"][0], "you subtracted the lower ends: an interval of a difference is not that."),
        Mistake(single["lower"][1] - single["upper"][0],
                "you compared the ends of the two intervals: that takes the worst of both at once."),
        Mistake(d - 1.959964 * np.hypot(*single["se"]),
                "you took the two thresholds as independent; they share subjects and coefficients."),
        Mistake(d - difference["se"], "you went one standard error down; 95 % need 1.96."),
        Mistake(difference["upper"], "this is the upper end."),
        Mistake(d, "this is the difference itself; the lower end of its interval is asked for."),
        Mistake(-difference["lower"], "this is uncrowded minus crowded."),
    ])


# --- 6: slope and just-noticeable difference -------------------------------------------------------

def jnd_crowded():
    b = reference("guessing").fixef.to_numpy()
    slopes = b[1] + b[3] * np.array([-0.5, 0.5])
    jnd = np.log(3) / slopes
    return number("jnd_crowded", "arcmin", jnd[1], decimals=3, mistakes=[
        Mistake(slopes[1], "this is the slope, in log-odds per arcmin: the steeper the curve, the smaller the JND."),
        Mistake(1 / slopes[1], "this is one unit of η in arcmin; from half to three quarters of the rise η goes from 0 to log 3."),
        Mistake(2 * jnd[1], "this is the whole distance from one quarter to three quarters; the JND is half of it."),
        Mistake(np.log(3) * slopes[1], "you multiplied by the slope: divide."),
        Mistake(jnd[0], "this is the JND of the uncrowded condition."),
        Mistake(np.log(3) / b[1], "this lies midway between the conditions."),
        Mistake(logit((0.75 - GUESS) / (1 - GUESS)) / slopes[1],
                "you went to 75 % correct; the JND goes to three quarters of the rise."),
        Mistake(0.25 / slopes[1], "you divided a quarter of the rise by the slope; the slope is in units of η."),
    ])


def steeper_means():
    return Choice("steeper_means", ["smaller JND", "larger JND", "lower threshold"], mistakes={
        "larger JND": "on a steep curve a small step in size is enough to go from a quarter to three quarters.",
        "lower threshold": "the threshold says where the curve rises, not how fast: steep curves may lie anywhere."})


# --- 7: the average curve --------------------------------------------------------------------------

def average_curve():
    return Prediction("average_curve", ["flatter", "equally steep", "steeper"])


def average_threshold():
    m = reference("guessing")

    def at(p, re, condition="crowded", of=m):
        def short(size):
            return of.predict(pd.DataFrame({"Size": [size], "Condition": condition}), re=re)[0] - p
        try:
            return brentq(short, -20, 50, xtol=1e-8)
        except ValueError:      # this curve never gets there
            return np.nan

    right = at(HIGH, "marginal")
    subjects = m.thresholds(p=HIGH)
    return number("average_threshold", "arcmin", right, [
        Mistake(at(HIGH, "population"), "this is the threshold of the typical subject's curve; that of the average curve is asked for."),
        Mistake(subjects.loc[subjects["Condition"] == "crowded", "threshold"].mean(),
                "this is the average of the measured subjects' thresholds; the threshold of the average curve is asked for."),
        Mistake(at(HIGH, "marginal", "uncrowded"), "this is the uncrowded condition."),
        Mistake(at(TARGET, "marginal"), "this is for 75 % correct; 85 % are asked for."),
        Mistake(at(0.625, "marginal"), "this is for 62.5 % correct; 85 % are asked for."),
        Mistake(right - mean_size(), "this is a centred size; predictions take sizes in arcmin."),
        Mistake(at(HIGH, "marginal", of=reference("plain")), "this is the model without guess rate."),
    ])
