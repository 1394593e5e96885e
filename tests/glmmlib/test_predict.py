"""Predictions for groups, for the typical group and on average, with intervals."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import lme4_data, simulate
from scipy.special import expit, ndtri

import glmmlib as gl

LME4 = json.loads((Path(__file__).parents[1] / "reference" / "inference_lme4.json").read_text())


@pytest.fixture(scope="module")
def herds():
    return gl.glmer("proportion ~ period + (1 | herd)", lme4_data("cbpp"), weights="size")


@pytest.fixture(scope="module")
def m():
    return gl.glmer("y ~ 1 + x + (1 + x | g)", simulate(groups=30, rows=40, seed=2))


def test_predictions_are_lme4s(herds):
    np.testing.assert_allclose(herds.predict(), LME4["predict"]["conditional"], atol=1e-4)
    np.testing.assert_allclose(herds.predict(re="population"), LME4["predict"]["population"], atol=1e-4)


def test_a_new_group_is_predicted_as_lme4_does(herds):
    new = pd.DataFrame({"period": ["1", "2", "3", "4"], "herd": "none"})
    with pytest.raises(gl.DataError, match="none"):
        herds.predict(new)
    predicted = herds.predict(new, type="link", allow_new_levels=True)
    np.testing.assert_allclose(predicted, LME4["predict"]["new_herd"], atol=1e-3)


def test_the_marginal_mean_is_the_mean_over_groups(m):
    new = pd.DataFrame({"x": [-2.0, 0.0, 1.5]})
    rng = np.random.default_rng(1)
    b = rng.standard_normal((200_000, 2)) @ m.fit.Lambdas[0].T + m.fit.beta
    by_hand = [expit(b[:, 0] + b[:, 1] * x).mean() for x in new.x]
    np.testing.assert_allclose(m.predict(new, re="marginal"), by_hand, atol=2e-3)
    np.testing.assert_allclose(expit(m.predict(new, re="marginal", type="link")), m.predict(new, re="marginal"))


@pytest.mark.parametrize("family", ["poisson", "gamma"])
def test_the_marginal_mean_with_the_log_link_has_a_closed_form(family):
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(30), 20)
    mean = np.exp(0.3 + rng.normal(0, 0.8, 30)[g])
    y = rng.poisson(mean) if family == "poisson" else rng.gamma(3, mean / 3)
    m = gl.glmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g}), family)
    variance = m.fit.Lambdas[0][0, 0] ** 2
    np.testing.assert_allclose(m.predict(re="marginal"), np.exp(m.fit.beta[0] + variance / 2))


def test_the_marginal_mean_with_the_probit_has_a_closed_form():
    from scipy.special import ndtr

    m = gl.glmer("y ~ x + (1 + x | g)", simulate(groups=20, rows=40, seed=4), gl.Binomial("probit"))
    Z = m.design.X
    variance = np.sum((Z @ m.fit.Lambdas[0]) ** 2, axis=1)
    expected = ndtr(m.predict(re="population", type="link") / np.sqrt(1 + variance))
    np.testing.assert_allclose(m.predict(re="marginal"), expected, rtol=1e-6)


def test_population_intervals_follow_from_vcov(m):
    new = pd.DataFrame({"x": [-1.0, 2.0]})
    table = m.predict(new, re="population", se=True, level=0.9)
    X = np.column_stack([np.ones(2), new.x])
    se = np.sqrt(np.sum(X @ m.vcov.to_numpy() * X, axis=1))
    np.testing.assert_allclose(table.se, se)
    np.testing.assert_allclose(table.lower, expit(X @ m.fit.beta - ndtri(0.95) * se))
    np.testing.assert_allclose(table.upper, expit(X @ m.fit.beta + ndtri(0.95) * se))


def test_group_intervals_follow_from_the_joint_covariance(m):
    some = pd.DataFrame({"x": [0.5, -1.0], "g": ["g003", "g010"]})
    table = m.predict(some, type="link", se=True)
    for (x, g), se in zip(some.to_numpy(), table.se):
        combination = np.array([1, x, 1, x], dtype=float)
        cov = m.joint_cov["g"][list(m.ranef["g"].index).index(g)]
        assert se == pytest.approx(np.sqrt(combination @ cov @ combination))


def test_a_new_group_is_as_uncertain_as_groups_differ(m):
    new = pd.DataFrame({"x": [0.5], "g": ["unseen"]})
    z = np.array([1, 0.5])
    own, typical = (m.predict(new, type="link", se=True, **how).se.item()
                    for how in ({"allow_new_levels": True}, {"re": "population"}))
    assert own**2 == pytest.approx(typical**2 + np.sum((z @ m.fit.Lambdas[0]) ** 2))


def test_the_marginal_interval_is_the_delta_methods(m):
    new, h = pd.DataFrame({"x": [1.0]}), 1e-5
    from glmmlib.marginal import marginal_mean

    eta = m.predict(new, re="population", type="link")
    variance = np.sum((np.array([[1, 1.0]]) @ m.fit.Lambdas[0]) ** 2, axis=1)
    slope = np.diff([marginal_mean(m.family, eta + step, variance).item() for step in (-h, h)])[0] / (2 * h)
    table = m.predict(new, re="marginal", se=True)
    mean = table.predicted.item()
    expected = slope * m.predict(new, re="population", se=True).se.item() / (mean * (1 - mean))
    assert table.se.item() == pytest.approx(expected, rel=1e-6)
    assert table.lower.item() < mean < table.upper.item()


def test_a_linear_model_predicts_alike_for_typical_and_average():
    sleep = gl.lmer("Reaction ~ Days + (Days | Subject)", lme4_data("sleepstudy"))
    np.testing.assert_allclose(sleep.predict(re="marginal"), sleep.predict(re="population"))
    assert np.all(sleep.predict(se=True).se > 0)


def test_unknown_options_are_named(m):
    for option in ({"re": "typical"}, {"type": "odds"}, {"level": 95, "se": True}):
        with pytest.raises(gl.DataError, match="must be one of|between 0 and 1"):
            m.predict(**option)


def test_a_pickled_crossed_model_predicts_the_same():
    """What it makes only when asked for goes along."""
    rng = np.random.default_rng(8)
    a, b, x = rng.integers(0, 20, 400), rng.integers(0, 10, 400), rng.normal(size=400)
    y = rng.random(400) < 1 / (1 + np.exp(-x - rng.normal(size=20)[a] - rng.normal(size=10)[b]))
    data = pd.DataFrame({"y": y.astype(int), "x": x, "a": a.astype(str), "b": b.astype(str)})
    m = gl.glmer("y ~ 1 + x + (1 | a) + (1 | b)", data)
    again = pickle.loads(pickle.dumps(m))
    pd.testing.assert_frame_equal(again.predict(data.head(), se=True), m.predict(data.head(), se=True), check_exact=True)
