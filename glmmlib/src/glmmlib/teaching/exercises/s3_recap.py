"""The questions of section 3: GLMs and GLMMs, simulated, checked and put into words.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here. The expected
values that marks are given for are computed in the notebook's hidden tests; here, what is right is
only used to leave out a mistake that happens to lead to the right number. A simulation of the
student's own has no single right result: its columns are judged by how they hang together.
"""

import warnings

import numpy as np
import pandas as pd
from scipy.special import expit

import glmmlib as gl

from ..checks import Choice, Mistake, Prediction, Table
from ..cohort import cache, load_crowding
from .common import count, number

FORMULA = "ResponseCorrect ~ 1 + center(Size) + (1 | Subject)"
LINE = {"intercept": 0.4, "slope": 0.6, "x": -2.0}     # question 1
COUNTS = {"intercept": 1.0, "slope": 0.5}              # question 2
TRIALS = {"intercept": 0.5, "slope": 1.2, "sd": 0.5, "subjects": 200, "trials": 10}     # question 5
CLINIC_SD = 2.0                                        # question 7
PERSONS, SESSIONS = 40, 6
FAR = 5.5           # standard errors; chance goes as far in less than one of a million simulations


# --- data and models -----------------------------------------------------------------------------

@cache
def _word_counts():
    crowding = load_crowding()
    rng = np.random.default_rng(int(crowding["ResponseCorrect"].sum()))    # another class, other counts
    fluency = rng.normal(0, 0.35, PERSONS)
    d = pd.DataFrame({"Person": np.repeat(np.arange(1, PERSONS + 1), SESSIONS),
                      "Practice": np.tile(np.arange(SESSIONS), PERSONS)})
    return d.assign(Words=rng.poisson(np.exp(2.0 + 0.1 * d["Practice"] + fluency[d["Person"] - 1])))


def word_counts():
    """Simulated: words that 40 persons named in a minute, after 0 to 5 sessions of practice.

    Columns Person, Practice (sessions) and Words. Log-means are 2.0 + 0.1 per session, and persons
    differ by a standard deviation of 0.35.
    """
    return _word_counts().copy()


@cache
def reference():
    """The section's GLMM of the crowding data, fitted afresh: a student's own variables play no part."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        return gl.glmer(FORMULA, load_crowding())


@cache
def linear_model():
    """The straight line of ResponseCorrect on Size."""
    import statsmodels.formula.api as smf

    return smf.ols("ResponseCorrect ~ Size", load_crowding()).fit()


@cache
def count_model():
    """The Poisson regression of the word counts on practice."""
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    return smf.glm("Words ~ Practice", word_counts(), family=sm.families.Poisson()).fit()


def size_at(quantile):
    """A quantile of all trials' sizes, in arcmin."""
    return load_crowding()["Size"].quantile(quantile)


def average_over(eta, sd):
    """The mean of the inverse logit of eta + b where b ~ Normal(0, sd), by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    return weights @ expit(eta + sd * nodes) / weights.sum()


# --- predictions ---------------------------------------------------------------------------------

def predicted_largest_step():
    return Prediction("predicted_largest_step", ["near 0", "near 0.5", "near 1", "the same everywhere"])


def predicted_variance():
    return Prediction("predicted_variance", ["smaller", "about equal", "larger"])


def predicted_average_curve():
    return Prediction("predicted_average_curve", ["flatter", "just as steep", "steeper"])


# --- question 1: three links ---------------------------------------------------------------------

def mean_gaussian():
    b0, b1, x, eta = _line()
    return number("mean_gaussian", "units of the outcome", eta, [
        Mistake(b0 - b1 * x, "look at the sign of x: slope times x is negative here."),
        Mistake(b0 * x + b1, "you exchanged intercept and slope."),
        Mistake(b1 * x, "this is slope times x: the intercept belongs to it."),
        Mistake(expit(eta), "this is the inverse of the logit: a linear model has the identity link."),
        Mistake(np.exp(eta), "this is the inverse of the log: a linear model has the identity link."),
        Mistake((b0 + b1) * x, "x multiplies the slope only."),
    ], decimals=3)


def mean_binomial():
    b0, b1, x, eta = _line()
    return number("mean_binomial", "probability", expit(eta), [
        Mistake(eta, "this is the linear predictor, in log-odds: apply the inverse of the logit."),
        Mistake(np.exp(eta), "these are odds: divide them by 1 + odds to have a probability."),
        Mistake(expit(-eta), "this is the probability of a 0, not of a 1: look at the sign in the exponent."),
        Mistake(expit(b0 - b1 * x), "look at the sign of x: slope times x is negative here."),
        Mistake(expit(b0) + expit(b1 * x), "the link is for the whole linear predictor, not for each of its terms."),
        Mistake(expit(b1 * x), "you left out the intercept."),
        Mistake(0.5 + eta / 4, "this is the divide-by-four rule, a straight line; the curve itself is asked for."),
        Mistake(100 * expit(eta), "this is a percentage: give a probability."),
    ], decimals=3)


def mean_poisson():
    b0, b1, x, eta = _line()
    return number("mean_poisson", "expected count", np.exp(eta), [
        Mistake(eta, "this is the linear predictor, a log-count: apply the inverse of the log."),
        Mistake(expit(eta), "this is the inverse of the logit: the inverse of the log is the exponential."),
        Mistake(np.exp(-eta), "look at the sign in the exponent."),
        Mistake(np.exp(b0 - b1 * x), "look at the sign of x: slope times x is negative here."),
        Mistake(np.exp(b0) + np.exp(b1 * x), "the link is for the whole linear predictor, not for each of its terms."),
        Mistake(10**eta, "the log of the link is the natural one: take exp, not a power of ten."),
        Mistake(np.exp(b1 * x), "you left out the intercept."),
    ], decimals=3)


def _line():
    b0, b1, x = LINE["intercept"], LINE["slope"], LINE["x"]
    return b0, b1, x, b0 + b1 * x


# --- question 2: simulate a GLM ------------------------------------------------------------------

def my_counts_predictor():
    return _by_property("my_counts", "column eta", _odd_counts_predictor)


def my_counts_mean():
    return _by_property("my_counts", "column lam", _odd_counts_mean)


def my_counts_outcome():
    return _by_property("my_counts", "column y", _odd_counts_outcome)


def _odd_counts_predictor(d):
    x, eta = _columns(d, "x", "eta")
    b0, b1 = COUNTS["intercept"], COUNTS["slope"]
    right = b0 + b1 * x
    if len(d) < 500:
        return f"it has {len(d)} rows; at least 500 are asked for."
    if np.std(x) < 0.1:
        return "x is (nearly) the same in all rows: let it vary."
    return _odd_predictor(eta, right, [
        (b1 + b0 * x, "intercept and slope are exchanged."),
        (np.exp(right), "this is already the mean: eta comes before the link."),
        (b1 * x, "the intercept is missing."),
        (b0 + x, "the slope is missing."),
        (b0 - b1 * x, "look at the sign of the slope."),
    ], [x])


def _odd_counts_mean(d):
    eta, lam = _columns(d, "eta", "lam")
    return _odd_mean(lam, np.exp(eta), [
        (eta, "it is eta itself: the inverse link is missing."),
        (expit(eta), "this is the inverse of the logit; the inverse of the log is asked for."),
        (10**eta, "the log is the natural one: take exp, not a power of ten."),
        (np.round(np.exp(eta)), "the means are rounded: only counts are whole numbers, their means are not."),
    ])


def _odd_counts_outcome(d):
    x, eta, lam, y = _columns(d, "x", "eta", "lam", "y")
    if np.any(y != np.round(y)) or np.any(y < 0):
        return "counts are whole numbers from 0 upwards: a normal distribution does not draw such."
    if np.any(lam <= 0):
        return "some means lam are not above 0, so no Poisson distribution has them: mend lam first."
    if _far(y - lam, lam) or _far((y - lam) * x, lam * x**2):
        return _first(
            (np.all(eta > 0) and not _far(y - eta, eta), "they look as if drawn with the mean eta: the mean is lam."),
            (set(y) <= {0, 1}, "they are zeros and ones, as from a Bernoulli distribution."),
            (not _far(y - lam.mean(), lam), "they look as if all had the same mean: each row has a lam of its own."),
            (True, "their means are not those of the column lam."))
    # of a Poisson variable, (y - lam)^2 / lam has mean 1 and variance 2 + 1/lam
    spread = (y - lam) ** 2 / lam - 1
    if _far(spread, 2 + 1 / lam):
        return ("they scatter less than Poisson counts do: a mean is not yet a count, draw one." if spread.mean() < 0
                else "they scatter more than Poisson counts do: is there noise from somewhere else?")


# --- question 3: assumptions ---------------------------------------------------------------------

def impossible_predictions():
    d = load_crowding()
    line = linear_model()
    fitted = line.fittedvalues
    above, below = int((fitted > 1).sum()), int((fitted < 0).sum())
    sizes = d.loc[(fitted > 1) | (fitted < 0), "Size"].nunique()
    half = (fitted > 1) | (fitted < 0.5)
    return count("impossible_predictions", "trials", above + below, [
        Mistake(above, "these are the predictions above 1; those below 0 count, too."),
        Mistake(below, "these are the predictions below 0; those above 1 count, too."),
        Mistake(sizes, "this counts different sizes; each trial is to count."),
        Mistake(len(d) - above - below, "these are the predictions that are possible: count the others."),
        Mistake(len(d), "this counts all trials; only those with an impossible prediction are asked for."),
        Mistake(int(half.sum()), "a prediction below 0.5 is possible; one below 0 is not."),
        Mistake(int((fitted > 0.5).sum()), "a prediction above 0.5 is possible; one above 1 is not."),
        Mistake(int((fitted > 0).sum()), "a prediction above 0 is possible up to 1."),
        Mistake(0.0, "there are some: look at the predictions for the largest and for the smallest sizes."),
    ])


def dispersion():
    fit, d = count_model(), word_counts()
    chi2, df = fit.pearson_chi2, fit.df_resid
    return number("dispersion", "multiples of the expected variance", chi2 / df, [
        Mistake(chi2, "this is Pearson's chi-square: divide it by the residual degrees of freedom."),
        Mistake(fit.deviance / df, "this is the deviance by its degrees of freedom: take Pearson's chi-square."),
        Mistake(fit.deviance, "this is the deviance: take Pearson's chi-square, and divide it."),
        Mistake(d.Words.var() / d.Words.mean(),
                "this is the variance of all counts by their mean: what practice explains is still in it."),
        Mistake(df, "these are the residual degrees of freedom: they divide Pearson's chi-square."),
        Mistake(np.sqrt(chi2 / df), "this is the root, by which standard errors grow; the ratio is asked for."),
        Mistake(df / chi2, "this is the ratio upside down."),
        Mistake(fit.scale, "statsmodels' scale is 1 for every Poisson model: it is assumed, not estimated."),
    ])


# --- question 4: how many parameters -------------------------------------------------------------

def sigma_parameters():
    return count("sigma_parameters", "variances and covariances", 10, [
        Mistake(16.0, "these are all cells of the 4 by 4 matrix, but it is symmetric: a covariance stands in it twice."),
        Mistake(4.0, "these are the variances: their covariances are estimated as well."),
        Mistake(6.0, "these are the covariances: the variances on the diagonal are estimated as well."),
        Mistake(14.0, "these are the parameters of the whole model: leave out the four of the population."),
        Mistake(40.0, "these are the deviations of ten subjects: they are drawn, not parameters."),
        Mistake(3.0, "this would be the answer for one slope: how many coefficients vary between subjects?"),
        Mistake(8.0, "this would be four variances and four coefficients of the population."),
    ])


def crossed_parameters():
    return count("crossed_parameters", "variances and covariances", 4, [
        Mistake(6.0, "you let by-item and by-subject deviations covary: they are assumed independent."),
        Mistake(3.0, "these are the three variances, or those by subject alone: intercept and slope covary, "
                     "and items have a variance too."),
        Mistake(2.0, "two is the number of grouping factors: the by-subject intercepts and slopes have a matrix."),
        Mistake(5.0, "count the symmetric matrix once: two variances and one covariance by subject."),
        Mistake(9.0, "these are the cells of a 3 by 3 matrix: it is symmetric, and items and subjects are independent."),
        Mistake(1.0, "count those by subject and those by item."),
    ])


# --- question 5: simulate a GLMM -----------------------------------------------------------------

def my_trials_deviations():
    return _by_property("my_trials", "column b", _odd_deviations)


def my_trials_predictor():
    return _by_property("my_trials", "column eta", _odd_trials_predictor)


def my_trials_mean():
    return _by_property("my_trials", "column p", _odd_trials_mean)


def my_trials_outcome():
    return _by_property("my_trials", "column y", _odd_trials_outcome)


def _odd_deviations(d):
    b, = _columns(d, "b")
    if "subject" not in d:
        raise _Odd("there is no column 'subject'.")
    subjects, trials, sd = TRIALS["subjects"], TRIALS["trials"], TRIALS["sd"]
    groups = pd.Series(b, d.index).groupby(d["subject"].to_numpy())
    sizes = groups.size()
    if len(sizes) != subjects or set(sizes) != {trials}:
        return f"{subjects} subjects with {trials} rows each are asked for; there are {len(sizes)} with {_range(sizes)}."
    if np.any(groups.max() - groups.min() > 1e-9):
        return "it changes within a subject: draw one deviation for each subject and repeat it in all its rows."
    own = groups.first()
    if np.ptp(own) < 1e-9:
        return "it is the same for all subjects: draw one for each."
    if abs(own.mean() - TRIALS["intercept"]) < abs(own.mean()):
        return "its mean is not 0: the intercept belongs to the linear predictor, not to the deviations."
    # the relative error of a standard deviation is about 1 / sqrt(2 (J - 1))
    if abs(own.std() / sd - 1) > FAR / np.sqrt(2 * (subjects - 1)):
        return (f"its standard deviation over subjects is {own.std():.2f}, which by chance alone does not come "
                f"from {sd:g}. (NumPy's normal asks for a standard deviation, not for a variance.)")


def _odd_trials_predictor(d):
    x, b, eta = _columns(d, "x", "b", "eta")
    b0, b1 = TRIALS["intercept"], TRIALS["slope"]
    if np.std(x) < 0.1:
        return "x is (nearly) the same in all rows: let it vary."
    return _odd_predictor(eta, b0 + b + b1 * x, [
        (b0 + b1 * x, "the deviations b are missing in it."),
        (b0 + (b1 + b) * x, "the deviations are in the slope; here, intercepts differ between subjects."),
        (b + b1 * x, "the population's intercept is missing: b is a deviation from it."),
        (b1 + b + b0 * x, "intercept and slope are exchanged."),
        (expit(b0 + b + b1 * x), "this is already the probability: eta comes before the link."),
        (b0 + b - b1 * x, "look at the sign of the slope."),
    ], [x, b])


def _odd_trials_mean(d):
    x, b, eta, p = _columns(d, "x", "b", "eta", "p")
    return _odd_mean(p, expit(eta), [
        (eta, "it is eta itself: the inverse link is missing."),
        (np.exp(eta), "these are odds, or means of counts: the inverse of the logit is asked for."),
        (expit(-eta), "these are the probabilities of a 0: look at the sign in the exponent."),
        (expit(eta - b) + b, "the deviations were added after the link: they belong to the log-odds."),
        (expit(eta) + b, "the deviations were added after the link: they belong to the log-odds, and there only."),
    ])


def _odd_trials_outcome(d):
    x, b, p, y = _columns(d, "x", "b", "p", "y")
    if not set(y) <= {0, 1}:
        return "outcomes of a Bernoulli distribution are 0 or 1."
    if np.any((p < 0) | (p > 1)):
        return "some p lie outside 0 to 1, so nothing can be drawn with them: mend p first."
    if np.all(y == (p > 0.5)):
        return "each is the likelier outcome: a probability is not yet an outcome, draw one."
    variance = p * (1 - p)
    if any(_far((y - p) * by, variance * by**2) for by in (np.ones_like(p), x, b)):
        return _first(
            (not _far(y - 0.5, np.full_like(p, 0.25)), "they look like tosses of a fair coin: each row has a p of its own."),
            (True, "their frequencies are not those of the column p."))


# --- question 7: typical and average -------------------------------------------------------------

def typical_person():
    eta = _eta_at(0.95)
    return number("typical_person", "probability", expit(eta), [
        Mistake(eta, "these are log-odds: apply the inverse link."),
        Mistake(np.exp(eta), "these are odds: a probability is asked for."),
        Mistake(average_over(eta, CLINIC_SD), "this is the average over persons; the typical one has b = 0."),
        Mistake(expit(reference().fixef.iloc[0]), "this is for the mean size; the 95th percentile is asked for."),
        Mistake(expit(_eta_uncentred(0.95)), "you multiplied the slope by the size itself: it counts from the mean size."),
        Mistake(expit(_eta_at(0.05)), "this is for the 5th percentile of size; the 95th is asked for."),
        Mistake(expit(eta + CLINIC_SD), "this is for a person who lies one standard deviation above the typical one."),
    ])


def average_person():
    eta, sd = _eta_at(0.95), CLINIC_SD
    return number("average_person", "probability", average_over(eta, sd), [
        Mistake(expit(eta), "this is the typical person (b = 0): average the probabilities of persons of all kinds."),
        Mistake(eta, "these are log-odds: take each person's probability, then the average."),
        Mistake(expit(eta + sd), "this is one person, one standard deviation above the typical one: take the average."),
        Mistake(expit(eta - sd), "this is one person, one standard deviation below the typical one: take the average."),
        Mistake((expit(eta - sd) + expit(eta + sd)) / 2,
                "this averages two persons, at plus and minus one standard deviation: persons are spread more finely."),
        Mistake(average_over(eta, np.sqrt(sd)), "you took the root of the standard deviation: it is no variance."),
        Mistake(average_over(eta, sd**2), "you drew with the variance: NumPy's normal asks for the standard deviation."),
        Mistake(average_over(eta, _estimated_sd()), "this is with the spread that was estimated: the clinic's is larger."),
        Mistake(average_over(reference().fixef.iloc[0], sd), "this is for the mean size; the 95th percentile is asked for."),
    ])


# --- question 8: find what is wrong --------------------------------------------------------------

_SENTENCES = {
    "a": "if the second parameter is a standard deviation, the variance is its square: statsmodels' scale "
         "and R's sigma() differ in just this.",
    "b": "ordered categories have no single mean that a link could be put on: they need a cumulative model, "
         "which extends the GLM.",
    "c": "a logistic regression says of its residuals only that they have the variance that goes with the mean.",
    "d": "what makes a subject's trials alike is in the subject's random effects; given these, "
         "nothing more connects them.",
    "e": "with a curved link, the average of persons is not the person with average log-odds.",
    "f": "that is what the sign for independence between the two distributions says.",
}


def sentence(letter):
    """Whether the sentence of that letter is right or wrong."""
    return Choice(f"sentence_{letter}", ["right", "wrong"], mistakes=dict.fromkeys(
        ["right", "wrong"], f"think again: {_SENTENCES[letter]}"))


# --- question 9: by and for ----------------------------------------------------------------------

def gap_grouping():
    return Choice("gap_grouping", ["by", "for"], mistakes={
        "for": "'for' goes with a predictor; a grouping factor takes 'by'.",
        "by": "'by' goes with a grouping factor; a predictor takes 'for'.",
    })


def gap_predictor():
    return Choice("gap_predictor", ["by", "for"], mistakes=dict(gap_grouping().mistakes))


# --- question 10: other scales -------------------------------------------------------------------

def count_factor():
    b0, b = count_model().params
    d = word_counts()
    return number("count_factor", "multiples of the expected count", np.exp(b), [
        Mistake(b, "this is what a session adds to the log-count: the exponential turns adding into multiplying."),
        Mistake(1 + b, "1 + x is only roughly exp(x): take the exponential."),
        Mistake(np.exp(b) - 1, "this is the growth; the factor is 1 more."),
        Mistake(100 * (np.exp(b) - 1), "this is the growth in percent; the factor is asked for."),
        Mistake(expit(b), "this is the inverse of the logit: counts have a log link."),
        Mistake(np.exp(b0), "this is the expected count before any practice, not what a session does to it."),
        Mistake(np.exp(b0 + b), "this is the expected count after one session, not the factor."),
        Mistake(np.exp(b0 + b) - np.exp(b0), "these are the words gained in the first session: a factor is asked for."),
        Mistake(np.polyfit(d.Practice, d.Words, 1)[0], "this is the slope of a straight line, in words: a factor is asked for."),
        Mistake(np.exp(-b), "this is the factor for one session less."),
        Mistake(10**b, "the log is the natural one: take exp, not a power of ten."),
    ], decimals=3)


def largest_change():
    b0, b = reference().fixef
    at_mean = expit(b0 + b) - expit(b0)
    return number("largest_change", "probability per arcmin", b / 4, [
        Mistake(b, "this is the slope in log-odds: what is left of it in probabilities, at most?"),
        Mistake(4 * b, "you multiplied by four: probabilities change less than log-odds."),
        Mistake(b / 2, "you halved it: the rule has another number in its name."),
        Mistake(np.exp(b), "this is the factor for the odds; the change of the probability is asked for."),
        Mistake(expit(b), "the inverse link of a slope has no meaning: the link is for whole predictions."),
        Mistake(at_mean, "this is the change over one arcmin from the mean size; the rule gives the most possible."),
        Mistake(b * expit(b0) * (1 - expit(b0)),
                "this is how steep the curve is at the mean size; it is steepest where the probability is 0.5."),
        Mistake(np.exp(b) / 4, "you divided the odds ratio by four: divide the slope itself, in log-odds."),
        Mistake(b0 / 4, "you divided the intercept by four: the slope is asked about."),
    ], decimals=3)


def accuracy_at_5th():
    return _accuracy("accuracy_at_5th", 0.05, 0.95)


def accuracy_at_95th():
    return _accuracy("accuracy_at_95th", 0.95, 0.05)


def _accuracy(name, quantile, other):
    b0, b = reference().fixef
    eta = _eta_at(quantile)
    end = load_crowding()["Size"].agg("min" if quantile < 0.5 else "max")
    line = linear_model().params
    return number(name, "probability", expit(eta), [
        Mistake(eta, "these are log-odds: apply the inverse link."),
        Mistake(np.exp(eta), "these are odds: apply the whole inverse link."),
        Mistake(expit(_eta_uncentred(quantile)),
                "you multiplied the slope by the size itself: it counts from the mean size."),
        Mistake(expit(b * (size_at(quantile) - _mean_size())), "you left out the intercept."),
        Mistake(expit(_eta_at(other)), f"this is for the {100 * other:.0f}th percentile of size."),
        Mistake(expit(b0 + b * (quantile - _mean_size())),
                f"{quantile:g} is not a size: take the size below which {100 * quantile:.0f} % of the trials' sizes lie."),
        Mistake(expit(b0 + b * (end - _mean_size())), "this is for the smallest or largest size of all, not for a percentile."),
        Mistake(expit(b0), "this is for the mean size."),
        Mistake(line["Intercept"] + line["Size"] * size_at(quantile), "this is what the straight line predicts, not the GLMM."),
        Mistake(100 * expit(eta), "this is a percentage: give a probability."),
    ], decimals=3)


# --- shared --------------------------------------------------------------------------------------

def _mean_size():
    return load_crowding()["Size"].mean()


def _eta_at(quantile):
    """The typical subject's log-odds at a quantile of size."""
    b0, b1 = reference().fixef
    return b0 + b1 * (size_at(quantile) - _mean_size())


def _eta_uncentred(quantile):
    b0, b1 = reference().fixef
    return b0 + b1 * size_at(quantile)


def _estimated_sd():
    return reference().varcorr["sdcor"].iloc[0]


class _Odd(Exception):
    """What is wrong with a table, so that no more can be said about it."""


def _by_property(name, column, odd):
    """A question about a simulation: it is right when its columns hang together as they ought to."""
    def problem(table):
        try:
            return odd(table)
        except _Odd as reason:
            return str(reason)

    return Table(name, column, problem=problem, agrees=lambda table, _: problem(table) is None)


def _columns(d, *names):
    """The named columns of d as arrays of finite floats."""
    arrays = []
    for name in names:
        if name not in d:
            raise _Odd(f"there is no column '{name}'.")
        try:
            array = d[name].to_numpy(dtype=float)
        except (TypeError, ValueError):
            raise _Odd(f"the column '{name}' holds something that is not a number.") from None
        if not np.all(np.isfinite(array)):
            raise _Odd(f"the column '{name}' holds missing or infinite values.")
        arrays.append(array)
    return arrays


def _first(*cases):
    return next(message for holds, message in cases if holds)


def _far(deviations, variances):
    """Whether the sum of deviations is further from 0 than chance would take it."""
    return abs(np.sum(deviations)) > FAR * np.sqrt(np.sum(variances)) + 1e-9


def _close(one, other):
    return np.allclose(one, other, rtol=1e-6, atol=1e-8)


def _odd_predictor(eta, right, known, predictors):
    if _close(eta, right):
        return None
    for wrong, message in known:
        if _close(eta, wrong):
            return message
    off = eta - right
    # noise has mean 0 and nothing to do with the predictors
    if not any(_far(off * by, off**2 * by**2) for by in (np.ones_like(off), *predictors)):
        return "there is noise in it: the linear predictor has no error term, chance enters with the outcomes."
    return "it is not the linear predictor that is asked for."


def _odd_mean(mean, right, known):
    if _close(mean, right):
        return None
    return next((message for wrong, message in known if _close(mean, wrong)),
                "it does not follow from eta by the inverse link.")


def _range(sizes):
    low, high = sizes.min(), sizes.max()
    return f"{low} rows each" if low == high else f"{low} to {high} rows"
