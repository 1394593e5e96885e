"""New responses from a model, and the model fitted to them."""

import gc
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import CODING, lme4_data, simulate

import glmmlib as gl
from glmmlib.rows import merge_rows
from glmmlib.start import fit_glm

LME4 = json.loads((Path(__file__).parents[1] / "reference" / "inference_lme4.json").read_text())
pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")


@pytest.fixture(scope="module")
def data():
    return simulate(groups=20, rows=40, seed=1)


@pytest.fixture(scope="module")
def m(data):
    return gl.glmer("y ~ 1 + x + (1 + x | g)", data)


@pytest.fixture(scope="module")
def herds():
    return gl.glmer("proportion ~ period + (1 | herd)", lme4_data("cbpp"), weights="size")


# --- simulate --------------------------------------------------------------------------------

def test_simulated_responses_have_the_models_means(m):
    conditional = m.simulate(800, seed=1, re="conditional")
    np.testing.assert_allclose(conditional.mean(axis=1), m.predict(), atol=5 * 0.5 / np.sqrt(800))
    new = m.simulate(800, seed=2).to_numpy()
    assert new.mean() == pytest.approx(m.predict(re="marginal").mean(), abs=0.01)
    # Groups of their own: their totals vary more than trials alone would make them.
    totals = new.reshape(20, 40, 800).mean(axis=1)
    alone = conditional.to_numpy().reshape(20, 40, 800).mean(axis=1)
    assert totals.std(axis=1).mean() > 1.5 * alone.std(axis=1).mean()


def test_simulation_is_reproducible(m):
    pd.testing.assert_frame_equal(m.simulate(2, seed=7), m.simulate(2, seed=7))
    assert not m.simulate(seed=7).equals(m.simulate(seed=8))
    assert m.simulate(3, seed=np.random.default_rng(1)).shape == (m.nobs, 3)


def test_trials_are_respected(herds):
    successes = herds.simulate(50, seed=1).to_numpy() * herds.design.weights[:, None]
    np.testing.assert_allclose(successes, np.round(successes), atol=1e-9)
    assert np.all(successes <= herds.design.weights[:, None]) and successes.max() > 3


def test_guess_rate_and_offset_are_respected(data):
    guessing = gl.glmer("y ~ x + (1 | g)", data.assign(h=-30.0), gl.Binomial(guess=0.4), offset="h")
    low = guessing.refit(held={"(Intercept)": 0.0, "x": 0.0, "sd_(Intercept)|g": 0.0})  # eta = -30
    assert low.simulate(20, seed=1).to_numpy().mean() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("family, dispersion", [("gaussian", 0.36), ("gamma", 0.25)])
def test_the_dispersion_is_that_of_the_fit(family, dispersion):
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(25), 40)
    eta = 1 + rng.normal(0, 0.5, 25)[g]
    y = rng.normal(eta, 0.6) if family == "gaussian" else rng.gamma(4, np.exp(eta) / 4)
    m = gl.glmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g}), family)
    draws = m.simulate(200, seed=1, re="conditional").to_numpy()
    spread = draws.var(axis=1) / m.family.variance(m.predict())
    assert spread.mean() == pytest.approx(m.sigma**2, rel=0.05) == pytest.approx(dispersion, rel=0.15)


def test_simulate_names_what_it_cannot_do(m):
    with pytest.raises(gl.DataError, match="n must be a whole number, 1 or more"):
        m.simulate(0)
    with pytest.raises(gl.DataError, match="re must be one of 'new', 'conditional', not 'fixed'"):
        m.simulate(re="fixed")


# --- refit -----------------------------------------------------------------------------------

def test_a_refit_is_lme4s(herds):
    again = herds.refit(LME4["refit"]["y"])
    assert again.loglik == pytest.approx(LME4["refit"]["loglik"], abs=1e-4)
    np.testing.assert_allclose(again.fixef, LME4["refit"]["fixef"], rtol=1e-3)


@pytest.mark.parametrize("formula", ["y ~ x + (1 + x | g)", "y ~ x + (1 + x || g)"])
def test_a_refit_is_the_fit_of_the_new_responses(formula, data):
    m = gl.glmer(formula, data)
    for name, y in m.simulate(4, seed=5).items():
        warm, cold = m.refit(y), gl.glmer(formula, data.assign(y=y))
        assert warm.loglik == pytest.approx(cold.loglik, abs=1e-6)
        np.testing.assert_allclose(warm.parameters, cold.parameters, atol=2e-4)
        np.testing.assert_allclose(warm.se, cold.se, rtol=1e-3)
        np.testing.assert_allclose(warm.ranef["g"], cold.ranef["g"], atol=1e-3)


def crossed(seed=1):
    """Counts, times and proportions of 20 people by 12 items, with an exposure."""
    rng = np.random.default_rng(seed)
    person, item = np.repeat(np.arange(20), 24), np.tile(np.arange(12), 40)
    data = pd.DataFrame({"person": person, "item": item, "x": rng.normal(size=480), "exposure": rng.uniform(1, 3, 480)})
    eta = 0.5 + 0.4 * data.x + rng.normal(0, 0.5, 20)[person] + rng.normal(0, 0.4, 12)[item]
    return data.assign(
        count=rng.poisson(data.exposure * np.exp(eta)), time=rng.gamma(4, np.exp(eta) / 4), score=rng.normal(eta, 0.6),
        trials=6.0, share=rng.binomial(6, 0.25 + 0.7 / (1 + np.exp(-2 * eta))) / 6)


KINDS = {
    "poisson, crossed, offset": lambda d: gl.glmer(
        "count ~ x + offset(log(exposure)) + (1 | person) + (1 | item)", d, "poisson"),
    "gamma": lambda d: gl.glmer("time ~ x + (x | person)", d, "gamma"),
    "REML, crossed": lambda d: gl.lmer("score ~ x + (1 | person) + (1 | item)", d),
    "ML": lambda d: gl.lmer("score ~ x + (x || person)", d, REML=False),
    "guess and lapse rate": lambda d: gl.glmer(
        "share ~ x + (1 | person)", d, gl.Binomial(guess=0.25, lapse="estimate"), weights="trials"),
    "observed information": lambda d: gl.glmer(
        "share ~ x + (1 | person)", d, gl.Binomial("probit"), weights="trials", information="observed"),
    "quadrature": lambda d: gl.glmer("share ~ x + (1 | person)", d, weights="trials", nAGQ=7),
    "nAGQ=0": lambda d: gl.glmer("share ~ x + (1 | person)", d, weights="trials", nAGQ=0),
    "priors": lambda d: gl.glmer(
        "share ~ x + (x | person)", d, weights="trials", priors=gl.Priors(cov=gl.priors.Wishart())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind_are_simulated_and_refitted(kind):
    data, fit = crossed(), KINDS[kind]
    m = fit(data)
    y = m.simulate(seed=2).sim_1
    warm, cold = m.refit(y), fit(data.assign(**{m.design.formula.response: y}))
    assert warm.converged and warm.loglik == pytest.approx(cold.loglik, abs=1e-5)
    np.testing.assert_allclose(warm.parameters, cold.parameters, rtol=1e-3, atol=1e-3)
    assert (warm.method, warm.npar) == (cold.method, cold.npar)
    held = m.refit(held={"sd_(Intercept)|person": 0.7})
    assert held.converged and held.loglik < m.loglik and held.parameters.iloc[0] == pytest.approx(0.7)
    by_data = m.refit(data=data.assign(**{m.design.formula.response: y}))
    assert by_data.loglik == pytest.approx(cold.loglik, abs=1e-5)


def test_a_refitted_model_carries_its_response(m, data):
    y = m.simulate(seed=1).sim_1
    again = m.refit(y)
    np.testing.assert_array_equal(again.design.variables["y"], y)
    np.testing.assert_array_equal(m.design.variables["y"], data.y)


def test_a_refit_leaves_a_singular_start():
    data = simulate(groups=15, rows=20, sd=(0.0, 0.0), seed=4)
    flat = gl.glmer("y ~ x + (1 | g)", data)
    assert flat.is_singular
    rng = np.random.default_rng(0)
    eta = rng.normal(0, 1.5, 15)[data.g.astype("category").cat.codes]
    y = (rng.random(300) < 1 / (1 + np.exp(-eta))).astype(float)
    assert flat.refit(y).parameters["sd_(Intercept)|g"] > 0.8


def test_reml_is_refitted_by_reml():
    sleep = lme4_data("sleepstudy")
    m = gl.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    y = m.simulate(seed=1).sim_1
    cold = gl.lmer("Reaction ~ Days + (Days | Subject)", sleep.assign(Reaction=y))
    assert m.refit(y).loglik == pytest.approx(cold.loglik, abs=1e-6)
    assert m.refit(y).method == "REML"


def test_weights_leave_rows_out(m, data):
    keep = np.arange(len(data)) >= 40  # all but the first group
    without = gl.glmer("y ~ 1 + x + (1 + x | g)", data[keep])
    again = m.refit(weights=keep.astype(float))
    assert again.loglik == pytest.approx(without.loglik, abs=1e-5)
    np.testing.assert_allclose(again.fixef, without.fixef, rtol=1e-4)
    np.testing.assert_allclose(again.ranef["g"].iloc[0], 0, atol=1e-10)  # nothing is known of it


def test_weights_count_rows(m, data):
    doubled = gl.glmer("y ~ 1 + x + (1 + x | g)", pd.concat([data, data], ignore_index=True))
    np.testing.assert_allclose(m.refit(weights=np.full(len(data), 2.0)).fixef, doubled.fixef, rtol=1e-4)


def test_other_data_are_read_by_the_same_formula_and_coding():
    crowding = gl.load_crowding()
    some = crowding[crowding.Subject.isin(["1", "2", "3", "4", "5"])]
    m = gl.glmer("ResponseCorrect ~ center(Size) * Condition + (1 | Subject)", crowding, contrasts=CODING)
    other = gl.glmer("ResponseCorrect ~ center(Size) * Condition + (1 | Subject)", some, contrasts=CODING)
    again = m.refit(data=some)
    assert again.loglik == pytest.approx(other.loglik, abs=1e-7) and list(again.fixef.index) == list(other.fixef.index)


def test_held_fixed_effects_are_offsets(data):
    m = gl.glmer("y ~ x + z + (1 | g)", data)
    held = m.refit(held={"x": 0.7, "z": -0.2})
    by_offset = gl.glmer("y ~ 1 + (1 | g)", data.assign(known=0.7 * data.x - 0.2 * data.z), offset="known")
    assert held.loglik == pytest.approx(by_offset.loglik, abs=1e-7)
    assert held.npar == by_offset.npar == m.npar - 2
    assert (held.fixef["x"], held.fixef["z"]) == (pytest.approx(0.7), pytest.approx(-0.2))
    np.testing.assert_allclose(held.se, [by_offset.se.iloc[0], 0, 0], rtol=1e-3, atol=1e-8)


def test_held_variances_are_held(m):
    held = m.refit(held={"sd_x|g": 0.3, "cor_x.(Intercept)|g": -0.5, "sd_(Intercept)|g": 1.1})
    assert held.converged
    np.testing.assert_allclose(held.parameters[["sd_x|g", "cor_x.(Intercept)|g", "sd_(Intercept)|g"]], [0.3, -0.5, 1.1])
    assert held.loglik < m.loglik
    nearly = m.refit(held=dict(m.parameters[["sd_x|g", "cor_x.(Intercept)|g"]]))
    assert nearly.loglik == pytest.approx(m.loglik, abs=1e-6)
    np.testing.assert_allclose(nearly.fixef, m.fixef, atol=1e-4)


def test_no_variance_is_a_glm(m):
    pooled = fit_glm(merge_rows(m.design), m.family, m.design.coefnames)
    held = m.refit(held={"sd_x|g": 0, "sd_(Intercept)|g": 0})
    np.testing.assert_allclose(held.fixef, pooled.beta, atol=1e-5)
    np.testing.assert_allclose(held.vcov, np.linalg.inv(pooled.information), rtol=2e-3)
    assert held.converged and held.is_singular


def test_what_is_held_stays_held_until_it_is_let_go(m):
    held = m.refit(held={"x": 0.5})
    assert held.refit(m.simulate(seed=1).sim_1).fixef["x"] == pytest.approx(0.5)
    assert held.refit(held={}).loglik == pytest.approx(m.loglik, abs=1e-6)


def test_a_series_is_put_in_the_datas_order(m):
    y = m.simulate(seed=4).sim_1
    assert m.refit(y.sample(frac=1, random_state=1)).loglik == pytest.approx(m.refit(y).loglik, abs=1e-9)


@pytest.mark.parametrize("call, sentence", [
    (lambda m: m.refit(np.zeros(5)), "one value for each of the 800 rows"),
    (lambda m: m.refit(np.full(800, 0.5)), "must be 0 or 1"),
    (lambda m: m.refit(np.full(800, np.nan)), "missing or infinite in 800 rows"),
    (lambda m: m.refit(["a"] * 800), "must be numbers"),
    (lambda m: m.refit(np.ones(800)), "is 1 in all 800 rows"),
    (lambda m: m.refit(weights=-np.ones(800)), "weights must be 0 or more"),
    (lambda m: m.refit(np.zeros(800), data=pd.DataFrame()), "y or data, not both"),
    (lambda m: m.refit(held={"w": 1}), "no parameter 'w'; it has: sd_"),
    (lambda m: m.refit(held={"sd_x|g": -1}), "0 or more, not -1"),
    (lambda m: m.refit(held={"cor_x.(Intercept)|g": 2}), "between -1 and 1"),
])
def test_refit_names_what_it_cannot_do(m, call, sentence):
    with pytest.raises(gl.DataError, match=sentence):
        call(m)


def test_separated_responses_are_said_to_be(m, data):
    with pytest.raises(gl.SeparationError, match="x"):
        m.refit((data.x > 0).astype(float))


@pytest.mark.parametrize("structure, change", [
    ("nested", {}), ("nested", {"held": {"x": 0.5}}), ("crossed", {}),
])
def test_memory_stays_flat(structure, change, data):
    """What the kernels allocate counts too: they do so through NumPy, which says so."""
    data = data.assign(item=np.tile(np.arange(10), len(data) // 10))
    m = gl.glmer({"nested": "y ~ 1 + x + (1 + x | g)", "crossed": "y ~ 1 + x + (1 | g) + (1 | item)"}[structure], data)
    y = m.simulate(4, seed=1).to_numpy().T
    for i in range(4):
        m.refit(y[i], **change)
    tracemalloc.start()
    m.refit(y[0], **change)
    before = tracemalloc.get_traced_memory()[0]
    for i in range(25):
        m.refit(y[i % 4], **change)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 25 * y[0].nbytes / 2  # not one array with an entry for each row is kept


def test_other_data_may_have_other_coefficients():
    data = crossed()
    data["kind"] = np.array(["a", "b", "c"])[data.item % 3]
    m = gl.lmer("score ~ kind + (0 + kind | person)", data)
    fewer = data[data.kind != "c"]
    cold = gl.lmer("score ~ kind + (0 + kind | person)", fewer)
    assert m.refit(data=fewer).loglik == pytest.approx(cold.loglik, abs=1e-6)
