"""Section 7 graded through the real pipeline: right answers, none, and typical wrong ones."""

import warnings

import numpy as np
import pytest
from every_section import *  # noqa: F403

import glmmlib as gl
from glmmlib.teaching import cohort
from glmmlib.teaching.exercises import s7_issues as s7

SECTION = "s7_issues"
FULL = {"curvature-test": 2, "count-test": 4, "predict-culprit-test": 1, "mixture-test": 3, "predict-change-test": 1,
        "shift-test": 3, "price-test": 2}
NONE = dict.fromkeys(FULL, 0)
PREDICTED = {**NONE, "predict-culprit-test": 1, "predict-change-test": 1}
SECRETS = ("s7.reference", "s7.bowl", "s7.covariance", "estimates.max")

VARIABLES = {
    "curvature": "curvature, standard_error",
    "count": "parameters_18, parameters_19, parameters_lme4",
    "predict-culprit": "predicted_culprit",
    "mixture": "digit_variance, directions_with_variance",
    "predict-change": "predicted_change",
    "shift": "condition_shift, correlations_chisq, correlations_df",
    "price": "loglik_price, se_ratio",
}
BEFORE = {  # what an answer's cell computes first
    "curvature": "a, b, c = deviance[5:8]\n",
    "mixture": "w = np.array([1, 1, .5, .5])\n",
    "shift": 'k = "ConditionCrowded.vs.Uncrowded"\nx = np.array([f.fixef[k] for f in list(structures.values())[:3]])\n'
             "two = list(structures.values())[1]\n",
    "price": 'k = "ConditionCrowded.vs.Uncrowded"\n',
}
RIGHT = {
    "curvature": "100 * (a - 2 * b + c), np.sqrt(200) / np.sqrt(1e4 * (a - 2 * b + c))",
    "count": "8, 7, 12",
    "predict-culprit": '"neither"',
    "mixture": "w @ Sigma @ w, 3",
    "predict-change": '"some standard errors"',
    "shift": "np.ptp(x) / m.se[k], 2 * (m.loglik - two.loglik), 6",
    "price": "m.loglik - p.loglik, p.se[k] / m.se[k]",
}

# student -> (answers that differ from the right ones, points that differ from full, said on the page)
SUBMISSIONS = {
    "right-other-forms": (
        {"curvature": "str(round((a - b - (b - c)) / h**2)), simple.se['center(Size)']",
         "count": '"8", np.array([7.0]), 12.0', "predict-culprit": '" Neither "', "predict-change": '["next to nothing"]',
         "mixture": "np.float32(np.sum((w @ m.fit.Lambdas[0])**2)), str((m.convergence.components['Subject'].sd > .01).sum())",
         "shift": "round(np.ptp(x) / m.se[k], 2), [two.aic - m.aic + 12], m.npar - two.npar",
         "price": "round((m.aic - p.aic) / -2, 2), [np.sqrt(p.vcov.loc[k, k] / m.vcov.loc[k, k])]"}, {}, []),
    "first-thoughts": (
        {"curvature": "a - 2 * b + c, 1 / np.sqrt(100 * (a - 2 * b + c))", "count": "14, 8, 8", "predict-culprit": '"a variance of zero"',
         "mixture": "w**2 @ np.diag(Sigma), 4", "predict-change": '"which effects are significant"',
         "shift": "np.ptp(x), m.loglik - two.loglik, 1", "price": "p.loglik - m.loglik, m.se[k] / p.se[k]"}, PREDICTED,
        ["divide by 0.1²", "you took the deviance for the log-likelihood", "the six correlations have gone", "this is equation 18",
         "if Condition were a number", "you left out the covariances", "these are the random effects; along how many", "this is in log-odds",
         "the statistic is twice that", "more than one pair", "what the prior takes away", "turn it round"]),
    "second-thoughts": (
        {"curvature": "10 * (a - 2 * b + c), .02 / (a - 2 * b + c)", "count": "12, 10, 10",
         "mixture": "np.sqrt(w @ Sigma @ w), 1", "shift": "100 * np.ptp(x) / abs(x[0]), two.loglik * 2 - m.loglik * 2, 8",
         "price": "m.aic * -.5 - p.penalised_loglik + 14, p.se[k] - m.se[k]"},
        {"curvature-test": 0, "count-test": 0, "mixture-test": 0, "shift-test": 0, "price-test": 0},
        ["you divided by the distance once", "this is the variance of the estimate", "if Condition stays a factor",
         "no longer correlated with each other", "you counted six variances", "this is the standard deviation; the variance", "directions *without* variance",
         "in percent of the estimate", "cannot be negative", "these are the parameters of the smaller model", "prior's own density", "this is a difference; the ratio"]),
    "partly": (
        {"curvature": "50 * (a - 2 * b + c), np.sqrt(2 / (100 * (a - 2 * b + c)))", "count": "8, 6, 25", "mixture": "w @ Sigma @ w, 10",
         "shift": "np.ptp(x) / m.se[k], two.aic - m.aic, 10", "price": "2 * (m.loglik - p.loglik), p.se[k] / m.se[k]"},
        {"curvature-test": 1, "count-test": 1, "mixture-test": 2, "shift-test": 1, "price-test": 1},
        ["this is the curvature of the log-likelihood", "the fixed effect of the interaction stays", "you let all six random coefficients correlate",
         "these are the subjects", "which charges for parameters", "its four variances stay", "take that of the log-likelihood itself"]),
    "crashes": (
        {"curvature": "deviance, None", "count": '"eight", True, ...', "predict-culprit": '"both"', "predict-change": "7",
         "mixture": "Sigma, undefined_name", "shift": "np.nan, gl.anova, '8,8'", "price": "float('inf'), p.se"}, NONE,
        ["holds 13 values", "is not answered yet", "without quotes, unit or words", "not a comparison", "none of the options", "not a text",
         "is NaN", "call it, with ( )", "after a point, not a comma", "is infinite", "holds 4 values"]),
}


def source(cell, value):
    dots = "".join(f"{name} = ...\n" for name in VARIABLES[cell].split(", "))
    return f"{dots}{BEFORE.get(cell, '')}{VARIABLES[cell]} = {value}"


def right_answers():
    """What is right, computed by other routes than the notebook's and the catalogue's."""
    crowding = gl.load_crowding()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        steps = [gl.glmer(formula, crowding, contrasts=s7.CODING) for formula in s7.STEPS.values()]
    m, no_correlations, _ = steps
    simple = gl.glmer(s7.SIMPLE, crowding, contrasts=s7.CODING)
    wishart = gl.Priors(cov=gl.priors.Wishart(df=6.5))
    p = gl.glmer(s7.STEPS["maximal"], crowding, contrasts=s7.CODING, priors=wishart)
    Sigma = m.fit.Lambdas[0] @ m.fit.Lambdas[0].T
    condition = [fit.fixef["ConditionCrowded.vs.Uncrowded"] for fit in steps]
    se = m.se["ConditionCrowded.vs.Uncrowded"]
    return {
        s7.curvature: 2 / simple.se["center(Size)"]**2,
        s7.standard_error: simple.se["center(Size)"],
        s7.parameters_18: 8,
        s7.parameters_19: 7,
        s7.parameters_lme4: 12,
        s7.digit_variance: Sigma[0, 0] + Sigma[1, 1] + (Sigma[2, 2] + Sigma[3, 3]) / 4 + 2 * Sigma[0, 1]
            + Sigma[0, 2] + Sigma[0, 3] + Sigma[1, 2] + Sigma[1, 3] + Sigma[2, 3] / 2,
        s7.directions_with_variance: np.linalg.matrix_rank(Sigma, tol=1e-6),
        s7.condition_shift: (max(condition) - min(condition)) / se,
        s7.correlations_chisq: no_correlations.aic - m.aic + 2 * 6,
        s7.correlations_df: 6,
        s7.loglik_price: (p.aic - m.aic) / 2,
        s7.se_ratio: p.se["ConditionCrowded.vs.Uncrowded"] / se,
    }


NUMBERS = {"curvature": 8, "standard_error": 8, "parameters_18": 7, "parameters_19": 7, "parameters_lme4": 8, "digit_variance": 9,
           "directions_with_variance": 6, "condition_shift": 7, "correlations_chisq": 7, "correlations_df": 8, "loglik_price": 7,
           "se_ratio": 7}
PREDICTIONS = [s7.predicted_culprit, s7.predicted_change]


def test_lme4_s_double_bar_has_the_parameters_that_are_asked_for():
    """The four terms that lme4 makes of it, written out: what varies, and how many columns that has for a factor."""
    columns = {"1": 1, "0 + center(Size)": 1, "0 + Condition": 2, "0 + center(Size):Condition": 2}
    crowding = gl.load_crowding()
    for term, expected in columns.items():
        assert gl.glmer(f"{s7.FIXED} + ({term} | Subject)", crowding).ranef["Subject"].shape[1] == expected
    assert 4 + sum(q * (q + 1) // 2 for q in columns.values()) == 12


@pytest.mark.parametrize("whose", ["class-1", "class-3"])
def test_another_class_s_data_need_no_change(whose):
    """With a cohort's data in place of the bundled ones all questions still tell mistakes from the right answer."""
    with cohort.chosen(whose):
        for name in NUMBERS:
            assert len(getattr(s7, name)().mistakes) >= 5, name
