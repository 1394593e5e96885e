"""Fits compared with lme4's; the numbers come from tests/reference/lme4_reference.R."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import CODING, MAXIMAL

import glmmlib as gl

REFERENCE = Path(__file__).parents[1] / "reference"
EXPECTED = json.loads((REFERENCE / "lme4_reference.json").read_text())

CASES = {
    "maximal": MAXIMAL,
    "uncorrelated": "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition || Subject)",
    "slope": "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) | Subject)",
    "two_terms": "ResponseCorrect ~ 1 + center(Size) * Cond + (1 + center(Size) | Subject) + (0 + Cond | Subject)",
    "uncentred": "ResponseCorrect ~ 1 + Size + Condition + (1 + Size | Subject)",
    "one_condition": "ResponseCorrect ~ 1 + Size.c + (1 + Size.c | Subject)",
    "cbpp": "sick ~ period + (1 | herd)",
}


def data_for(case):
    if case == "cbpp":
        return pd.read_csv(REFERENCE / "cbpp_binary.csv", dtype={"period": str}), None
    data = gl.load_crowding()
    if case == "one_condition":  # centred on all trials before the subset was taken
        data["Size.c"] = data.Size - data.Size.mean()
        return data[data.Condition == "crowded"].rename(columns={"Size.c": "Size_c"}), None
    if case == "two_terms":
        return data.assign(Cond=np.where(data.Condition == "crowded", 0.5, -0.5)), None
    return data, CODING


@pytest.fixture(scope="module", params=CASES)
def pair(request):
    data, contrasts = data_for(request.param)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        fit = gl.glmer(CASES[request.param].replace("Size.c", "Size_c"), data, contrasts=contrasts)
    return fit, EXPECTED[request.param]


def test_fits_the_same_rows(pair):
    m, lme4 = pair
    assert m.nobs == lme4["nobs"] and m.converged


def test_loglik(pair):
    m, lme4 = pair
    best = max(lme4["loglik"], lme4["loglik_default"])
    assert m.loglik > best - 1e-5, "worse than lme4's optimum"
    assert m.loglik == pytest.approx(best, abs=1e-4), "another objective, or lme4 missed the optimum"
    assert (m.aic, m.bic) == pytest.approx((lme4["aic"], lme4["bic"]), abs=1e-3)


def test_fixed_effects(pair):
    m, lme4 = pair
    np.testing.assert_allclose(m.fixef, lme4["fixef"], rtol=1e-3, atol=1e-5)


def test_standard_errors(pair):
    m, lme4 = pair
    np.testing.assert_allclose(m.se, lme4["se"], rtol=0.01)
    np.testing.assert_allclose(m.vcov, lme4["vcov"], rtol=0.03, atol=2e-4)


def test_random_effect_covariance(pair):
    m, lme4 = pair
    q = len(m.ranef[next(iter(m.ranef))].columns)
    covariance = m.fit.Lambdas[0] @ m.fit.Lambdas[0].T
    np.testing.assert_allclose(covariance, np.reshape(lme4["vcov_re"], (q, q)), rtol=2e-3, atol=2e-4)
    assert m.is_singular == lme4["singular"]


def test_conditional_modes_and_their_sd(pair):
    m, lme4 = pair
    (modes,), (sd,) = m.ranef.values(), m.ranef_sd.values()
    assert [str(level) for level in modes.index] == [str(level) for level in lme4["levels"]]
    np.testing.assert_allclose(modes, np.reshape(lme4["ranef"], modes.shape), atol=1e-3)
    np.testing.assert_allclose(sd, np.reshape(lme4["ranef_sd"], sd.shape), rtol=0.01, atol=1e-4)


def test_pearson_residuals(pair):
    m, lme4 = pair
    residuals = m.residuals()
    assert (residuals.min(), residuals.max()) == pytest.approx(lme4["pearson_range"], rel=1e-3)
