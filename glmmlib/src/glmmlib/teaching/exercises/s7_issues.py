"""The questions of section 7: convergence, the stepwise reduction, singular fits, and priors.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here, singular or
not. The expected values that marks are given for are computed in the notebook's hidden tests;
here, what is right is only used to leave out a mistake that happens to lead to the right number.
"""

import warnings

import numpy as np

import glmmlib as gl

from ..checks import Mistake, Prediction
from ..cohort import cache, load_crowding
from .common import CODING, count, number

FIXED = "ResponseCorrect ~ 1 + center(Size) * Condition"
SIZE, CONDITION = "center(Size)", "ConditionCrowded.vs.Uncrowded"
STEPS = {   # the tutorial's equations 17 to 19
    "maximal": f"{FIXED} + (1 + center(Size) * Condition | Subject)",
    "no correlations": f"{FIXED} + (1 + center(Size) * Condition || Subject)",
    "nor interaction": f"{FIXED} + (1 + center(Size) + Condition || Subject)",
}
SIMPLE = f"{FIXED} + (1 + center(Size) || Subject)"     # whose deviance is looked at from close by
DISTANCE = 0.1                                          # how close, in log-odds per arcmin
DIGIT = (1, 1, 0.5, 0.5)                                # 1 arcmin above the mean size, crowded
NO_VARIANCE = 1e-4                                      # a smaller standard deviation counts as none


# --- the models, fitted afresh: a student's own variables play no part in them -------------------

def reference(step="maximal"):
    """The model of a step of the reduction."""
    return _fit(STEPS[step])


def penalised():
    """The maximal model with a Wishart prior on the random effects' covariance."""
    return _fit(STEPS["maximal"], prior="wishart")


@cache
def bowl():
    """The deviance (3,) of the simple model with the slope for size held below, at, above its estimate."""
    simple = _fit(SIMPLE)
    held = simple.fixef[SIZE] + DISTANCE * np.arange(-1, 2)
    return np.array([-2 * simple.refit(held={SIZE: value}).loglik for value in held])


def covariance(model=None):
    """Sigma (4, 4) of the random effects of the maximal model."""
    Lambda = (model or reference()).fit.Lambdas[0]
    return Lambda @ Lambda.T


def condition_estimates():
    """The coefficient of condition (3,) at the three steps."""
    return np.array([reference(step).fixef[CONDITION] for step in STEPS])


@cache
def _fit(formula, prior=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        return gl.glmer(formula, load_crowding(), contrasts=CODING,
                        priors=None if prior is None else gl.Priors(cov=prior))


# --- predictions: any of the options earns the point ---------------------------------------------

def predicted_culprit():
    return Prediction("predicted_culprit", ["a variance of zero", "a correlation of 1 or -1", "neither"])


def predicted_change():
    return Prediction("predicted_change", ["next to nothing", "some standard errors", "which effects are significant"])


# --- slope and curvature ---------------------------------------------------------------------------

def curvature():
    left, bottom, right = bowl()
    second = left - 2 * bottom + right
    value = second / DISTANCE**2
    return number("curvature", "deviance per squared log-odds per arcmin", value, decimals=0, mistakes=[
        Mistake(second, "this is the change of the difference: a curvature is that per squared distance, so divide by 0.1²."),
        Mistake(second / DISTANCE, "you divided by the distance once: that makes a slope; a curvature needs its square."),
        Mistake(second / (2 * DISTANCE)**2, "the points are 0.1 apart, not 0.2: it is the distance of neighbours that counts."),
        Mistake((right - left) / (2 * DISTANCE), "this is the slope at the bottom, which has to be near zero; how fast does the slope change?"),
        Mistake((right - bottom) / DISTANCE, "this is the slope to the right of the bottom; how fast does the slope change?"),
        Mistake(-value, "a curvature upwards counts as positive: look at the signs of the three terms."),
        Mistake(value / 2, "this is the curvature of the log-likelihood (but for its sign); that of the deviance is asked for."),
        Mistake((left - bottom + right) / DISTANCE**2, "the middle value counts twice: it belongs to both differences."),
    ])


def standard_error():
    left, bottom, right = bowl()
    value = (left - 2 * bottom + right) / DISTANCE**2
    return number("standard_error", "log-odds per arcmin", np.sqrt(2 / value), decimals=2, mistakes=[
        Mistake(np.sqrt(1 / value), "you took the deviance for the log-likelihood: it is twice as steep, which is what the 2 is for."),
        Mistake(2 / value, "this is the variance of the estimate: take its root."),
        Mistake(1 / value, "this has neither the 2 nor the root."),
        Mistake(np.sqrt(value / 2), "this is upside down: the more strongly curved, the *smaller* the standard error."),
        Mistake(np.sqrt(2 * value), "this is upside down: the more strongly curved, the *smaller* the standard error."),
        Mistake(np.sqrt(4 / value), "there is one 2 too many in this."),
        Mistake(np.sqrt(2 / value) / np.sqrt(10), "the curvature is of all data already: do not divide by the number of subjects."),
        Mistake(1.96 * np.sqrt(2 / value), "this is half the width of a 95 % interval; the standard error is asked for."),
    ])


# --- the parameters of each step -------------------------------------------------------------------

def parameters_18():
    return count("parameters_18", "parameters", 8, [
        Mistake(14, "this is the maximal model, equation 17: the six correlations have gone."),
        Mistake(4, "these are the variances of the random effects (or the fixed effects) alone: count both."),
        Mistake(6, "these are the correlations that have gone; those that are left are asked for."),
        Mistake(9, "a residual variance? The outcome is 0 or 1: its variance follows from its mean."),
        Mistake(12, "this is what lme4 estimates if Condition stays a factor; glmmlib takes all correlations away."),
        Mistake(13, "all six correlations have gone, not one."),
        Mistake(18, "the subjects are no parameters, nor is their number."),
    ])


def parameters_19():
    return count("parameters_19", "parameters", 7, [
        Mistake(8, "this is equation 18: one variance less is left now."),
        Mistake(6, "the fixed effect of the interaction stays: only its variation between subjects goes."),
        Mistake(10, "the three random effects that are left are no longer correlated with each other."),
        Mistake(3, "these are the variances alone: count the fixed effects, too."),
        Mistake(4, "these are the fixed effects alone: count the variances, too."),
        Mistake(13, "this is the maximal model less one: the correlations had gone before."),
        Mistake(17, "the subjects are no parameters, nor is their number."),
    ])


def parameters_lme4():
    return count("parameters_lme4", "parameters", 12, [
        Mistake(8, "that would be so if Condition were a number. As a factor it brings one column for each level, twice."),
        Mistake(10, "you counted six variances and four fixed effects; within each of the last two terms there is "
                    "a correlation as well."),
        Mistake(6, "these are the random coefficients; each has a variance, some are correlated, and there are fixed effects."),
        Mistake(14, "this is equation 17: not all correlations stay."),
        Mistake(25, "you let all six random coefficients correlate: only those within the same term do."),
        Mistake(13, "a residual variance? The outcome is 0 or 1: its variance follows from its mean."),
        Mistake(16, "each of the last two terms has two variances and *one* correlation."),
        Mistake(9, "one term of two columns? Both Condition and the interaction have a column for each level."),
    ])


# --- the singular fit -------------------------------------------------------------------------------

def digit_variance():
    Sigma, w = covariance(), np.array(DIGIT)
    right, sd = w @ Sigma @ w, np.sqrt(np.diag(Sigma))
    other = w * (1, 1, -1, -1)
    modes = reference().ranef["Subject"].to_numpy() @ w
    return number("digit_variance", "squared log-odds", right, decimals=3, mistakes=[
        Mistake(w**2 @ sd**2, "you left out the covariances: deviations that go together add up, others cancel."),
        Mistake(w @ sd**2, "weights enter a variance squared, and the covariances count as well."),
        Mistake(np.sqrt(right), "this is the standard deviation; the variance is asked for."),
        Mistake((w @ sd) ** 2, "this would hold if all deviations went together perfectly: use the whole matrix, not the standard deviations."),
        Mistake(other @ Sigma @ other, "this is for uncrowded digits; crowded has the code +0.5."),
        Mistake(np.ones(4) @ Sigma @ np.ones(4), "crowded has the code 0.5, not 1, and so has its product with 1 arcmin."),
        Mistake(np.var(modes), "this is how the ten conditional modes scatter; the variance that the model estimates is asked for."),
        Mistake(np.var(modes, ddof=1), "this is how the ten conditional modes scatter; the variance that the model estimates is asked for."),
        Mistake(Sigma[0, 0], "this is the variance of the intercept alone."),
        Mistake(Sigma.sum(axis=0) @ w, "the weights belong on both sides of the covariance matrix."),
    ])


def directions_with_variance():
    right = np.sum(np.linalg.eigvalsh(covariance()) > NO_VARIANCE**2)
    return count("directions_with_variance", "directions", right, [
        Mistake(4, "these are the random effects; along how many of the four components is there any variance?"),
        Mistake(4 - right, "these are the directions *without* variance."),
        Mistake(0, "the four variances are not zero, so subjects do vary along some directions."),
        Mistake(10, "these are the subjects, or the parameters of the covariance matrix; it is the rows of the table of components that count."),
        Mistake(6, "these are the correlations; it is the rows of the table of components that count."),
        Mistake(1, "is the first component the only one with a standard deviation above zero?"),
        Mistake(2, "count again the components whose standard deviation is not zero, however small its share is."),
    ])


# --- the conclusions ----------------------------------------------------------------------------------

def condition_shift():
    b, se = condition_estimates(), reference().se[CONDITION]
    interaction = np.array([reference(step).fixef.iloc[3] for step in STEPS])
    right = np.ptp(b) / se
    return number("condition_shift", "standard errors", right, decimals=2, mistakes=[
        Mistake(np.ptp(b), "this is in log-odds: divide it by the standard error in the maximal model."),
        Mistake(-right, "the largest minus the smallest cannot be negative."),
        Mistake(100 * np.ptp(b) / abs(b[0]), "this is in percent of the estimate; divide by the standard error."),
        Mistake(np.ptp(b) / abs(b[0]), "this is relative to the estimate; divide by the standard error."),
        Mistake(np.ptp(interaction) / reference().se.iloc[3], "this is for the interaction; condition is asked for."),
        Mistake(np.std(b) / se, "this is the standard deviation of the three estimates; the largest minus the smallest is asked for."),
        Mistake(abs(b[0]) / se, "this is the z value of the maximal model; by how much does the estimate *change*?"),
        Mistake(np.ptp(b) / se**2, "you divided by the variance: divide by the standard error."),
    ])


def correlations_chisq():
    large, small = reference(), reference("no correlations")
    right = 2 * (large.loglik - small.loglik)
    return number("correlations_chisq", "units of chi-squared", right, decimals=1, mistakes=[
        Mistake(right / 2, "this is the difference of the log-likelihoods: the statistic is twice that."),
        Mistake(-right, "this is the smaller model minus the larger: the statistic cannot be negative."),
        Mistake(small.aic - large.aic, "this is the difference of the AIC, which charges for parameters; take -2*log(L)."),
        Mistake(large.aic - small.aic, "this is the difference of the AIC, which charges for parameters; take -2*log(L)."),
        Mistake(small.bic - large.bic, "this is the difference of the BIC, which charges for parameters; take -2*log(L)."),
        Mistake(right / 6, "this is per degree of freedom; the statistic is the whole."),
        Mistake(2 * (reference("no correlations").loglik - reference("nor interaction").loglik),
                "this is the step from equation 18 to 19; the correlations go from 17 to 18."),
    ])


def correlations_df():
    return count("correlations_df", "degrees of freedom", 6, [
        Mistake(1, "a single parameter? Four random effects form more than one pair."),
        Mistake(4, "these are the random effects; it is their pairs that are correlated."),
        Mistake(8, "these are the parameters of the smaller model; the difference is asked for."),
        Mistake(14, "these are the parameters of the larger model; the difference is asked for."),
        Mistake(12, "each pair has one correlation: the matrix is symmetric."),
        Mistake(-6, "a number of degrees of freedom is positive: larger model minus smaller."),
        Mistake(10, "these are all parameters of the covariance matrix; its four variances stay."),
        Mistake(9, "ten subjects less one? It is parameters that count."),
    ])


# --- the prior ------------------------------------------------------------------------------------------

def loglik_price():
    m, p = reference(), penalised()
    right = m.loglik - p.loglik
    return number("loglik_price", "log-likelihood", right, decimals=2, mistakes=[
        Mistake(-right, "this is the penalised fit minus the other: the price is what the prior takes away."),
        Mistake(2 * right, "this is the difference of -2*log(L), or of the AIC: take that of the log-likelihood itself."),
        Mistake(m.loglik - p.penalised_loglik, "the second term contains the prior's own density: compare the likelihoods alone, m.loglik with p.loglik."),
        Mistake(p.loglik - p.penalised_loglik, "this is what the prior itself contributes; how much *likelihood* was given up?"),
        Mistake(p.loglik, "this is the log-likelihood of the penalised fit; the difference is asked for."),
        Mistake(m.loglik, "this is the log-likelihood of the fit without prior; the difference is asked for."),
        Mistake(p.loglik / m.loglik, "log-likelihoods are compared by their difference, not their ratio."),
    ])


def se_ratio():
    m, p = reference(), penalised()
    right = p.se[CONDITION] / m.se[CONDITION]
    sds = np.sqrt(np.diag(covariance(p)) / np.diag(covariance(m)))
    return number("se_ratio", "times the one without prior", right, decimals=2, mistakes=[
        Mistake(1 / right, "this is the standard error without prior in multiples of the one with it: turn it round."),
        Mistake(p.se[CONDITION] - m.se[CONDITION], "this is a difference; the ratio is asked for."),
        Mistake(100 * (right - 1), "this is the increase in percent; the ratio is asked for."),
        Mistake(p.fixef[CONDITION] / m.fixef[CONDITION], "this is the ratio of the estimates; that of their standard errors is asked for."),
        Mistake(sds[2], "this is how the *subjects'* standard deviation changes; the standard error of the fixed effect is asked for."),
        Mistake(right**2, "this is the ratio of the variances: take its root."),
        Mistake(p.se.iloc[3] / m.se.iloc[3], "this is for the interaction; condition is asked for."),
        Mistake(p.coefficients["z value"].iloc[2] / m.coefficients["z value"].iloc[2],
                "this is the ratio of the z values; that of the standard errors is asked for."),
    ])
