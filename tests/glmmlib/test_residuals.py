"""Residuals against lme4's, and quantile residuals against what they promise."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import lme4_data, simulate
from scipy import stats

import glmmlib as gl

LME4 = json.loads((Path(__file__).parents[1] / "reference" / "inference_lme4.json").read_text())
TYPES = ["pearson", "deviance", "response", "working"]


@pytest.fixture(scope="module")
def herds():
    return gl.glmer("proportion ~ period + (1 | herd)", lme4_data("cbpp"), weights="size")


@pytest.fixture(scope="module")
def sleep():
    return gl.lmer("Reaction ~ Days + (Days | Subject)", lme4_data("sleepstudy"))


@pytest.mark.parametrize("type", TYPES)
def test_residuals_of_proportions_are_lme4s(herds, type):
    np.testing.assert_allclose(herds.residuals(type), LME4["residuals"]["herds"][type], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("type", TYPES)
def test_residuals_of_a_linear_model_are_lme4s(sleep, type):
    expected = LME4["residuals"]["sleep"][type]
    np.testing.assert_allclose(sleep.residuals(type), expected, rtol=1e-3, atol=1e-4 * np.max(np.abs(expected)))


def simulated(family, seed):
    """Data from the family's own model with random intercepts, and the formula's fit to them."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(40), 40), rng.normal(size=1600)
    eta = 0.5 + 0.6 * x + rng.normal(0, 0.5, 40)[g]
    data = pd.DataFrame({"x": x, "g": g, "n": rng.integers(1, 12, 1600).astype(float)})
    if family == "binomial":
        p = 0.25 + 0.75 / (1 + np.exp(-eta))
        data["y"] = rng.binomial(data.n.astype(int), p) / data.n
        return gl.glmer("y ~ x + (1 | g)", data, gl.Binomial(guess=0.25), weights="n")
    data["y"] = {"poisson": lambda: rng.poisson(np.exp(eta)), "gamma": lambda: rng.gamma(2, np.exp(eta) / 2),
                 "gaussian": lambda: rng.normal(eta, 0.7)}[family]()
    return gl.glmer("y ~ x + (1 | g)", data, family)


@pytest.mark.parametrize("family", ["binomial", "poisson", "gamma", "gaussian"])
def test_quantile_residuals_are_standard_normal_where_the_model_is_true(family):
    r = simulated(family, 11).residuals("quantile", seed=3)
    # The modes take up some of the noise: 40 of 1600 rows' worth, which the test cannot see.
    assert stats.kstest(r, "norm").pvalue > 0.05
    assert abs(r.mean()) < 0.05 and r.std() == pytest.approx(1, abs=0.05)


def test_quantile_residuals_show_a_wrong_family():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(40), 40)
    y = rng.negative_binomial(1.5, 1.5 / (1.5 + np.exp(1 + rng.normal(0, 0.4, 40)[g])))
    m = gl.glmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g}), "poisson")
    assert stats.kstest(m.residuals("quantile", seed=1), "norm").pvalue < 1e-10


@pytest.mark.parametrize("family, y, mu, weights, dispersion, law", [
    (gl.Binomial(), 0.3, 0.4, 10.0, 1.0, stats.binom(10, 0.4)),
    (gl.Binomial(), 0.0, 0.4, 10.0, 1.0, stats.binom(10, 0.4)),
    (gl.Binomial(), 1.0, 0.4, 1.0, 1.0, stats.binom(1, 0.4)),
    (gl.Poisson(), 0.0, 2.5, 1.0, 1.0, stats.poisson(2.5)),
    (gl.Poisson(), 4.0, 2.5, 1.0, 1.0, stats.poisson(2.5)),
    (gl.Gamma(), 1.7, 2.5, 2.0, 0.5, stats.gamma(4, scale=2.5 / 4)),
    (gl.Gaussian(), 1.7, 2.5, 2.0, 0.5, stats.norm(2.5, 0.5)),
])
def test_tails_are_those_of_the_distribution(family, y, mu, weights, dispersion, law):
    value = y * weights if family.name == "binomial" else y
    tails = np.array(family.tails(*(np.array([v]) for v in (y, mu, weights)), dispersion))[:, 0]
    at = law.pmf(value) if family.name in ("binomial", "poisson") else 0.0
    assert tails.tolist() == pytest.approx([law.cdf(value) - at, at, law.sf(value)])


def test_quantile_residuals_are_finite_far_out():
    family = gl.Gaussian()
    from glmmlib.residuals import _quantiles

    y = np.array([-30.0, -9.0, 0.0, 9.0, 30.0])
    r = _quantiles(*family.tails(y, np.zeros(5), np.ones(5), 1.0), np.random.default_rng(0))
    np.testing.assert_allclose(r, y, atol=1e-9)


def test_deviance_residuals_make_up_the_deviance():
    m = gl.glmer("y ~ x + (1 | g)", simulate(groups=10, rows=30))
    p, y = m.predict(), m.design.y
    loglik = np.sum(np.where(y == 1, np.log(p), np.log1p(-p)))
    assert np.sum(m.residuals("deviance") ** 2) == pytest.approx(-2 * loglik)


def test_unknown_type_is_named():
    m = gl.glmer("y ~ 1 + (1 | g)", simulate(groups=8, rows=20))
    with pytest.raises(gl.DataError, match="type must be one of 'pearson', .*, not 'raw'"):
        m.residuals("raw")
