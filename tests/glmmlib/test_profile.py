"""Profile likelihood against lme4's, and against its own definition."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import lme4_data, simulate
from scipy.optimize import approx_fprime

import glmmlib as gl
from glmmlib.certificate import certify
from glmmlib.held import Held
from glmmlib.laplace import make_objective, polish
from glmmlib.parameters import parameters_of, phi_of
from glmmlib.refitting import _held_at, descend_from

LME4 = json.loads((Path(__file__).parents[1] / "reference" / "inference_lme4.json").read_text())
pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")


def model(name):
    if name == "sleep":
        return gl.lmer("Reaction ~ Days + (Days | Subject)", lme4_data("sleepstudy"))
    if name == "herds":
        return gl.glmer("proportion ~ period + (1 | herd)", lme4_data("cbpp"), weights="size")
    data = gl.load_crowding()
    data["Size.c"] = data.Size - data.Size.mean()
    return gl.glmer("ResponseCorrect ~ `Size.c` + (`Size.c` | Subject)", data[data.Condition == "crowded"])


@pytest.mark.parametrize("name", ["sleep", "herds", "slopes"])
def test_intervals_are_lme4s(name):
    expected = LME4["profile"][name]
    table = gl.confint(model(name), method="profile")
    width = np.subtract(expected["upper"], expected["lower"])
    assert [n.replace("`", "") for n in table.index] == expected["names"]
    assert np.max(np.abs(table.lower - expected["lower"]) / width) < 2e-3
    assert np.max(np.abs(table.upper - expected["upper"]) / width) < 2e-3


def test_quadrature_and_a_lapse_rate_are_profiled():
    data = simulate(groups=10, rows=60, sd=(0.8, 0.0), seed=12).round({"x": 0})
    data["y"] = np.where(np.random.default_rng(1).random(len(data)) < 0.08, 0, data.y)
    m = gl.glmer("y ~ x + (1 | g)", data, gl.Binomial(lapse="estimate"), nAGQ=3)
    (limits,) = gl.confint(m, "lapse", method="profile").to_numpy()
    assert limits[0] < m.lapse < limits[1]
    for limit in limits:
        rise = 2 * (m.loglik - m.refit(held={"lapse": limit}).loglik)
        assert rise == pytest.approx(3.841459, rel=5e-3) or limit == 0 and rise < 3.841459


@pytest.mark.filterwarnings("ignore::glmmlib.ConvergenceWarning")
def test_a_lapse_rate_that_is_estimated_as_zero_is_profiled():
    data = simulate(groups=10, rows=60, sd=(0.8, 0.0), seed=12)
    m = gl.glmer("y ~ x + (1 | g)", data, gl.Binomial(lapse="estimate"))
    assert m.lapse < 1e-6
    (limits,) = gl.confint(m, "lapse", method="profile").to_numpy()
    assert limits[0] == 0
    assert 2 * (m.loglik - m.refit(held={"lapse": limits[1]}).loglik) == pytest.approx(3.841459, rel=5e-3)


@pytest.fixture(scope="module")
def m():
    return gl.glmer("y ~ x + z + (1 + x | g)", simulate(groups=15, rows=40, seed=6))


def test_zeta_is_the_root_of_the_rise_in_deviance(m):
    table = gl.profile(m).table
    for name, part in table.groupby("parameter"):
        assert part.value.is_monotonic_increasing and part.zeta.is_monotonic_increasing
        for value, zeta in part[["value", "zeta"]].iloc[[1, -2]].to_numpy():
            rise = 2 * (m.loglik - m.refit(held={name: value}).loglik)
            assert zeta**2 == pytest.approx(rise, rel=1e-3, abs=1e-5)


def test_a_fixed_effects_limit_is_where_the_likelihood_ratio_says(m):
    lower, upper = gl.profile(m, "x").confint(0.95).loc["x"]
    for limit in (lower, upper):
        assert 2 * (m.loglik - m.refit(held={"x": limit}).loglik) == pytest.approx(3.841459, rel=2e-3)


def test_a_limit_at_the_boundary_is_the_boundary():
    flat = gl.glmer("y ~ x + (1 + x | g)", simulate(groups=12, rows=25, sd=(0.6, 0.0), seed=8))
    table = gl.confint(flat, "varcorr", method="profile")
    assert table.lower["sd_x|g"] == 0 and 0 < table.upper["sd_x|g"] < 1
    assert -1 <= table.lower["cor_x.(Intercept)|g"] and table.upper["cor_x.(Intercept)|g"] <= 1


def test_the_gradient_on_the_surface_is_exact():
    """Held parameters of every kind, one by one and together, against finite differences."""
    rng = np.random.default_rng(0)
    data = simulate(groups=8, rows=30, seed=9)
    m = gl.glmer("y ~ x + z + (1 + x + z | g)", data)
    objective = make_objective(m.design, m.family, **m.options)
    named = parameters_of(m.design, m.family)
    for held in ({"x": 0.4}, {"sd_x|g": 0.4}, {"cor_z.x|g": -0.3}, {"cor_x.(Intercept)|g": 0.6},
                 {"x": 0.1, "z": 0.2, "sd_z|g": 0.5, "sd_x|g": 0.2, "cor_z.x|g": 0.7}):
        surface = Held(objective, [(named[name], value) for name, value in held.items()])
        psi = phi_of(objective, m.fit) + 0.1 * rng.normal(size=len(m.fit.phi))
        numeric = approx_fprime(psi, lambda p: surface(p)[0], 1e-6)
        np.testing.assert_allclose(surface(psi)[1], numeric, rtol=1e-4, atol=2e-3)
        placed = surface.place(psi)
        np.testing.assert_allclose(surface.place(placed), placed, atol=1e-12)  # already there


def test_what_is_still_to_gain_means_the_same_with_and_without_held_parameters(m):
    """Beside an optimum, on the surface and off it: the deviance that lies between, by Newton's parabola."""
    objective = make_objective(m.design, m.family, **m.options)
    nudge = 1e-3 * np.random.default_rng(0).normal(size=len(m.fit.phi))
    phi = m.fit.phi + nudge
    deviance, gradient = objective(phi)
    certificate = certify(objective, phi, gradient, objective.hessian(phi)[0])
    assert certificate.decrement == pytest.approx(deviance - objective(m.fit.phi)[0], rel=0.05)
    surface = Held(objective, [(parameters_of(m.design, m.family)["x"], 0.7)])
    psi = polish(surface, descend_from(m.fit, surface, m.fit.phi))[0]
    certificate = _held_at(objective, surface, psi + nudge, surface.hessian(psi + nudge)[0]).certificate
    assert certificate.decrement == pytest.approx(surface(psi + nudge)[0] - surface(psi)[0], rel=0.05)


def test_profiles_of_a_linear_model_include_sigma():
    table = gl.profile(model("sleep"), ["sigma"]).table
    assert set(table.parameter) == {"sigma"} and len(table) > 10


def test_intervals_of_all_methods_share_names(m):
    profiled = gl.confint(m, "fixef", method="profile")
    assert list(gl.confint(m).index) == list(profiled.index) == ["(Intercept)", "x", "z"]
    boot = gl.confint(m, ["sd_x|g", "x"], method="boot", n=20, seed=1, progress=False)
    assert list(boot.index) == ["sd_x|g", "x"] and np.all(boot.lower < boot.upper)


@pytest.mark.parametrize("call, sentence", [
    (lambda m: gl.profile(m, "w"), "no parameter 'w'; it has: sd_"),
    (lambda m: gl.confint(m, "varcorr"), "use method='profile' or 'boot'"),
    (lambda m: gl.confint(m, method="exact"), "method must be one of 'wald', 'profile', 'boot', not 'exact'"),
    (lambda m: gl.confint(m, n=100), "'n' is an option of method='boot' only"),
    (lambda m: gl.profile(m, "x").confint(0.999), "reaches to level 0.99 only"),
    (lambda m: gl.profile(m.refit(held={"x": 1})), "held parameters cannot be profiled"),
])
def test_what_cannot_be_done_is_named(m, call, sentence):
    with pytest.raises(gl.DataError, match=sentence):
        call(m)


def test_no_profile_of_a_likelihood_that_is_none():
    m = gl.glmer("y ~ x + (1 | g)", simulate(groups=8, rows=30), nAGQ=0)
    with pytest.raises(gl.DataError, match="nAGQ=0 has no proper likelihood"):
        gl.profile(m)
