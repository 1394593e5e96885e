"""Maximum a posteriori fits: against blme, densities against scipy's, and how they are labelled."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import MAXIMAL, simulate
from scipy import stats

import glmmlib as gl
from glmmlib.design import build_design
from glmmlib.laplace import make_objective
from glmmlib.priors import Gamma, InvWishart, Normal, StudentT, Wishart, random_terms

REFERENCE = Path(__file__).parents[1] / "reference"
BLME = json.loads((REFERENCE / "priors_blme.json").read_text())

HERDS = "sick ~ period + (1 | herd)"
SLOPES = "ResponseCorrect ~ center(Size) * Cond + (center(Size) | Subject)"
CASES = {
    "wishart": (HERDS, gl.Priors()),
    "wishart_numbers": (HERDS, gl.Priors(Wishart(df=4, scale=0.3))),
    "invwishart": (HERDS, gl.Priors("invwishart")),
    "gamma": (HERDS, gl.Priors(Gamma(shape=2, rate=3))),
    "gamma_variance": (HERDS, gl.Priors({"herd": Gamma(shape=2, rate=3, on="variance")})),
    "normal": (HERDS, gl.Priors(None, "normal")),
    "normal_one": (HERDS, gl.Priors(fixef=Normal(sd=1))),
    "t": (HERDS, gl.Priors(None, "t")),
    "t_numbers": (HERDS, gl.Priors(fixef=StudentT(df=1, scale=(2, 1)))),
    "nAGQ": (HERDS, gl.Priors()),
    "maximal": ("ResponseCorrect ~ center(Size) * Cond + (center(Size) * Cond | Subject)", gl.Priors()),
    "uncorrelated": ("ResponseCorrect ~ center(Size) * Cond + (center(Size) * Cond || Subject)", gl.Priors()),
    "slope_wishart": (SLOPES, gl.Priors(Wishart(df=5, scale=(0.5, 0.2)))),
    "slope_invwishart": (SLOPES, gl.Priors(InvWishart(df=3, scale=(0.5, 0.2)))),
    "linear": ("ResponseTime ~ Cond + (Cond | Subject)", gl.Priors()),
    "separated": ("y ~ x + (1 | g)", gl.Priors(fixef="normal")),
}


def cbpp():
    return pd.read_csv(REFERENCE / "data" / "cbpp_animals.csv", dtype={"period": str})


def separated():
    """Whenever x is 1, so is y: without a prior its effect has no finite estimate."""
    data = pd.DataFrame({"y": [0, 0, 1, 1, 1, 1] * 6, "x": [0, 0, 0, 0, 1, 1] * 6, "g": np.repeat(np.arange(6), 6)})
    data.loc[[0, 7], "y"] = 1
    return data


def fit(name):
    formula, priors = CASES[name]
    crowding = gl.load_crowding()
    crowding["Cond"] = np.where(crowding.Condition == "crowded", 0.5, -0.5)
    if name == "linear":
        return gl.lmer(formula, crowding, priors=priors)
    data = {HERDS: cbpp, "y ~ x + (1 | g)": separated}.get(formula, lambda: crowding)()
    return gl.glmer(formula, data, priors=priors, nAGQ=9 if name == "nAGQ" else 1)


# --- against blme ----------------------------------------------------------------------------

@pytest.mark.parametrize("name", CASES)
def test_blme(name):
    m, blme = fit(name), BLME[name]
    assert m.converged and not m.is_singular and not blme["singular"]
    assert -2 * m.penalised_loglik < blme["deviance"] + 1e-6, "worse than blme's optimum"
    assert -2 * m.penalised_loglik == pytest.approx(blme["deviance"], abs=1e-4), "another objective"
    np.testing.assert_allclose(m.theta, blme["theta"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(m.fixef, blme["fixef"], rtol=1e-3, atol=1e-4)
    assert m.sigma == pytest.approx(blme["sigma"], rel=1e-4)
    if "se" in blme:
        np.testing.assert_allclose(m.se, blme["se"], rtol=0.01)
        (modes,) = m.ranef.values()
        np.testing.assert_allclose(modes, np.reshape(blme["ranef"], modes.shape), rtol=1e-3, atol=1e-3)


def test_a_singular_fit_becomes_regular():
    crowding = gl.load_crowding()
    with pytest.warns(gl.SingularFitWarning):
        likely = gl.glmer(MAXIMAL, crowding)
    m = gl.glmer(MAXIMAL, crowding, priors=gl.Priors())
    assert likely.is_singular and not m.is_singular and m.converged
    assert m.loglik < likely.loglik
    assert np.linalg.eigvalsh(m.fit.Lambdas[0] @ m.fit.Lambdas[0].T)[0] > 0.01


def test_a_variance_without_evidence_stays_positive():
    data = simulate(groups=6, rows=30, sd=(1e-9, 1e-9), rho=0, seed=1)
    with pytest.warns(gl.SingularFitWarning):
        gl.glmer("y ~ x + (1 | g)", data)
    m = gl.glmer("y ~ x + (1 | g)", data, priors=gl.Priors("gamma"))
    assert m.converged and not m.is_singular and m.theta[0] > 0.05


def test_separation_needs_a_prior():
    with pytest.raises(gl.SeparationError, match="fixef='normal'"):
        gl.glmer("y ~ x + (1 | g)", separated(), priors=gl.Priors())
    m = gl.glmer("y ~ x + (1 | g)", separated(), priors=gl.Priors(fixef=StudentT(df=7, scale={"x": 2.5})))
    assert m.converged and 0 < m.fixef["x"] < 10


# --- densities -------------------------------------------------------------------------------

LAMBDA = np.array([[0.8, 0, 0], [-0.3, 0.6, 0], [0.2, 0.5, -0.4]])
SCALE = np.array([[0.5, 0.1, 0], [0.1, 0.4, -0.1], [0, -0.1, 0.3]])


@pytest.mark.parametrize("prior, density", [
    (Wishart(df=6, scale=SCALE), stats.wishart(6, SCALE)),
    (Wishart(scale=2), stats.wishart(5.5, 2 * np.eye(3))),
    (InvWishart(df=5, scale=SCALE), stats.invwishart(5, SCALE)),
    (InvWishart(), stats.invwishart(2.5, 100 / 6.5 * np.eye(3))),
], ids=str)
def test_covariance_densities(prior, density):
    value, _ = prior.penalty(3, "g")(LAMBDA)
    assert value == pytest.approx(-2 * density.logpdf(LAMBDA @ LAMBDA.T))


def test_other_densities():
    sd = np.array([[-0.7]])
    value, _ = Gamma(shape=2, rate=3).penalty(1, "g")(sd)
    assert value == pytest.approx(-2 * stats.gamma(2, scale=1 / 3).logpdf(0.7))
    value, _ = Gamma(shape=2, rate=3, on="variance").penalty(1, "g")(sd)
    assert value == pytest.approx(-2 * stats.gamma(2, scale=1 / 3).logpdf(0.49))
    names, beta = ("(Intercept)", "x", "z"), np.array([0.5, -2, 1])
    value, _ = Normal(sd=(3, 2)).penalty(names)[0](beta)
    assert value == pytest.approx(-2 * stats.norm(0, (3, 2, 2)).logpdf(beta).sum())
    value, _ = Normal(sd={"x": 2}).penalty(names)[0](beta)
    assert value == pytest.approx(-2 * stats.norm(0, 2).logpdf(-2))
    value, _ = StudentT(df=4, scale=(3, 2)).penalty(names)[0](beta)
    assert value == pytest.approx(-2 * stats.multivariate_t(np.zeros(3), np.diag([9, 4, 4]), df=4).logpdf(beta))


def test_a_pair_names_the_intercept():
    sd = Normal(sd=(10, 2)).penalty(("x", "z", "w"))[1] ** -0.5
    np.testing.assert_allclose(sd, 2)
    np.testing.assert_allclose(Normal(sd=(10, 2)).penalty(("x", "z"))[1] ** -0.5, (10, 2))


PRIORS = [gl.Priors(prior, fixef) for prior, fixef in (
    ("wishart", None), (Wishart(6, (1, 2)), "normal"), ("invwishart", "t"), (InvWishart(3, 0.5), StudentT(1, 2)))]


@pytest.mark.parametrize("formula, priors", [
    *(("y ~ x + (1 + x | g)", priors) for priors in PRIORS),
    ("y ~ x + (1 + x || g)", gl.Priors(Gamma(3, 2))), ("y ~ x + (1 + x || g)", gl.Priors(Gamma(3, 2, "variance"), "t")),
], ids=str)
@pytest.mark.parametrize("family", [gl.Binomial(), gl.Gamma()], ids=["binomial", "with a dispersion"])
def test_gradient(formula, priors, family):
    data = simulate(groups=12, rows=8)
    data["y"] += 0.5 * (family.name == "gamma")
    design = build_design(formula, data)
    objective = make_objective(design, family, penalty=priors.penalty(design))
    phi = objective.start + 0.3 * np.random.default_rng(0).normal(size=len(objective.start))
    phi[0] *= -1  # the diagonal's sign does not matter
    _, gradient = objective(phi)
    numeric = [(objective(phi + h)[0] - objective(phi - h)[0]) / 2e-4 for h in 1e-4 * np.eye(len(phi))]
    np.testing.assert_allclose(gradient, numeric, rtol=2e-5, atol=1e-5)


@pytest.mark.filterwarnings("error")
def test_zero_variance_is_out_of_reach():
    design = build_design("y ~ x + (1 + x | g)", simulate(groups=12, rows=8))
    for priors in PRIORS:
        objective = make_objective(design, gl.Binomial(), penalty=priors.penalty(design))
        phi = objective.start.copy()
        phi[2] = 0
        assert objective(phi)[0] == 1e300
        for tiny in (1e-5, 1e-30, 1e-200):
            phi[2] = tiny
            value, gradient = objective(phi)
            assert value > objective(objective.start)[0] and np.all(np.isfinite(gradient))


def test_each_term_has_its_own_prior():
    pattern = np.zeros((4, 4), dtype=bool)
    pattern[:2, :2], pattern[2, 2], pattern[3, 3] = np.tri(2), True, True
    assert random_terms(pattern) == [[0, 1], [2], [3]]


# --- labels ----------------------------------------------------------------------------------

def test_penalised_fits_say_so():
    m = gl.glmer(HERDS, cbpp(), priors=gl.Priors(Wishart(df=4), Normal(sd=2.5)))
    plain = gl.glmer(HERDS, cbpp())
    assert m.penalised and not plain.penalised
    assert plain.penalised_loglik == plain.loglik and m.loglik < plain.loglik
    assert m.penalised_loglik == pytest.approx(m.loglik - m.fit.penalty / 2) and m.fit.penalty > 0
    assert m.method == "maximum a posteriori, penalised by priors (Laplace Approximation)"
    text = str(m.summary())
    assert m.method in text and "PENALISED by priors (covariance wishart(df=4); fixed effects normal(sd=2.5))" in text
    assert "penalised" in repr(m) and "penalised" not in repr(plain).lower() + str(plain.summary()).lower()
    linear = gl.lmer("sick ~ period + (1 | herd)", cbpp(), priors=gl.Priors())
    assert linear.method == "REML, penalised by priors"


@pytest.mark.parametrize("priors, message", [
    ("wishart", "priors must be Priors"),
    (gl.Priors({"Herd": "wishart"}), "names 'Herd', by which nothing varies; the grouping factors are: herd"),
    (gl.Priors(Wishart(df=1)), "df=1; with 1 random coefficients df must exceed 2"),
    (gl.Priors(Wishart(scale=-1)), "needs as scale a positive number"),
    (gl.Priors(InvWishart(df=0)), "df must exceed 0"),
    (gl.Priors(InvWishart(scale=(1, 2))), "needs as scale a positive number"),
    (gl.Priors(Gamma(shape=1)), "shape must exceed 1"),
    (gl.Priors(fixef=Normal(sd={"Period": 1})), "names 'Period'; the fixed effects are"),
    (gl.Priors(fixef=Normal(sd=(1, 2, 3))), "must be positive: one number, a pair"),
    (gl.Priors(fixef=StudentT(df=0)), "df must be positive"),
])
def test_unusable_priors(priors, message):
    with pytest.raises(gl.DataError, match=message):
        gl.glmer(HERDS, cbpp(), priors=priors)


def test_unknown_priors():
    with pytest.raises(gl.DataError, match="cov='horseshoe' is not a known prior; choose one of: 'wishart'"):
        gl.Priors("horseshoe")
    with pytest.raises(gl.DataError, match="fixef=2.5 is not a known prior"):
        gl.Priors(fixef=2.5)


def test_what_priors_cannot_do():
    data = simulate(groups=6, rows=20)
    with pytest.raises(gl.DataError, match="single random coefficient, and 2 correlated ones vary by g"):
        gl.glmer("y ~ x + (x | g)", data, priors=gl.Priors("gamma"))
    for fitter, options in ((gl.lmer, {}), (gl.glmer, {"nAGQ": 0})):
        assert fitter("y ~ x + (1 | g)", data, priors=gl.Priors(), **options).penalised
        with pytest.raises(gl.DataError, match="Priors on fixed effects need glmer with nAGQ=1"):
            fitter("y ~ x + (1 | g)", data, priors=gl.Priors(fixef="normal"), **options)
