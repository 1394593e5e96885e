"""The catalogue of section 7: its questions and every mistake they know."""

import warnings

import numpy as np
import pytest
from every_section import *  # noqa: F403

import glmmlib as gl
from glmmlib.teaching import cohort
from glmmlib.teaching.exercises import s7_issues as s7


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
