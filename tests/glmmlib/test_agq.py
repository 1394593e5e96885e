"""Adaptive Gauss-Hermite quadrature: against lme4, against brute-force integration, and its gradient."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import MAXIMAL, simulate
from scipy import stats
from scipy.integrate import quad
from scipy.special import logsumexp
from test_against_references import data_for

import glmmlib as gl
from glmmlib import agq
from glmmlib.design import build_design
from glmmlib.laplace import make_objective

REFERENCE = Path(__file__).parents[1] / "reference"
LME4 = json.loads((REFERENCE / "agq_lme4.json").read_text())
INTEGRALS = json.loads((REFERENCE / "agq_reference.json").read_text())["integrals"]
PSYCHOMETRIC = gl.Binomial("logit", guess=0.2, lapse="estimate")
FAMILIES = {
    "logit": gl.Binomial(), "probit": gl.Binomial("probit"), "cloglog": gl.Binomial("cloglog"),
    "cauchit": gl.Binomial("cauchit"), "guess and lapse": PSYCHOMETRIC, "poisson": gl.Poisson(), "gamma": gl.Gamma(),
}
SLOPES = "y ~ x + (1 + x | g)"


def cbpp():
    return pd.read_csv(REFERENCE / "data" / "cbpp_animals.csv", dtype={"period": str})


def small(family, groups=8, rows=7, seed=1):
    """Few rows a group, where the Laplace approximation is poor."""
    data = simulate(groups=groups, rows=rows, sd=(1.5, 0.8), seed=seed)
    return data.assign(y=data.y + 0.5) if family.name == "gamma" else data


def objective_at(formula, data, family, seed=0, **options):
    objective = make_objective(build_design(formula, data), family, **options)
    return objective, objective.start + 0.3 * np.random.default_rng(seed).normal(size=len(objective.start))


# --- against lme4 ----------------------------------------------------------------------------

@pytest.mark.parametrize("which", [0, 1], ids=["nAGQ=9", "nAGQ=25"])
@pytest.mark.parametrize("name", ["logit", "probit", "cloglog", "poisson"])
def test_lme4_scalar(name, which):
    lme4, data = LME4[name][which], cbpp()
    if name == "poisson":
        data = data.groupby(["herd", "period"], as_index=False).sick.sum()
    m = gl.glmer("sick ~ period + (1 | herd)", data, FAMILIES[name], nAGQ=lme4["nAGQ"])
    assert m.converged
    assert m.loglik == pytest.approx(lme4["loglik"], abs=1e-6)
    np.testing.assert_allclose(m.theta, lme4["theta"], rtol=1e-4)
    np.testing.assert_allclose(m.fixef, lme4["fixef"], rtol=1e-4)
    np.testing.assert_allclose(m.se, lme4["se"], rtol=1e-3)
    np.testing.assert_allclose(m.ranef["herd"].iloc[:, 0], lme4["ranef"], atol=1e-4)
    np.testing.assert_allclose(m.ranef_sd["herd"].iloc[:, 0], lme4["ranef_sd"], rtol=1e-3)


# --- against the integral ------------------------------------------------------------------------

def log_density(data, family, dispersion):
    """eta -> log-density of each row's response, by scipy's distributions and not by ours."""
    if family.name == "poisson":
        return lambda eta: stats.poisson.logpmf(data.y.to_numpy()[:, None], np.exp(eta))
    if family.name == "gamma":
        shape = 1 / dispersion
        return lambda eta: stats.gamma.logpdf(data.y.to_numpy()[:, None], shape, scale=np.exp(eta) / shape)
    return lambda eta: stats.bernoulli.logpmf(data.y.to_numpy()[:, None], family.inverse(eta))


def by_brute_force(data, objective, phi, reach=8.5):
    """Log-likelihood at phi by adaptive quadrature (one coefficient) or on a dense grid (two): the
    trapezoidal rule, whose error for such integrands falls faster than any power of the step."""
    (Lambda,) = objective.Lambdas(phi)
    Lambda = Lambda / objective.z_scale[0][:, None]
    density = log_density(data, objective.family_at(phi), objective.dispersion(phi))
    X = np.column_stack([np.ones(len(data)), data.x])
    eta, Z = X @ objective.beta(phi), X[:, :len(Lambda)]
    groups = data.groupby("g").indices.values()
    if len(Lambda) == 1:
        def integrand(u, rows):
            return np.exp(density(eta[:, None] + Z * Lambda * u)[rows].sum() + stats.norm.logpdf(u))
        return sum(np.log(quad(integrand, -reach, reach, args=(rows,), epsabs=0, epsrel=1e-10, limit=200)[0])
                   for rows in groups)
    step = 0.2
    axis = np.arange(-reach, reach, step)
    u = np.array([(a, b) for a in axis for b in axis])
    rows_by_u = density(eta[:, None] + Z @ Lambda @ u.T)
    prior = stats.norm.logpdf(u).sum(axis=1)
    return sum(logsumexp(rows_by_u[rows].sum(axis=0) + prior) + 2 * np.log(step) for rows in groups)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", SLOPES], ids=["one coefficient", "two"])
def test_the_integral(formula, name):
    family = FAMILIES[name]
    one = "1 |" in formula
    data = small(family, groups=4, rows=8) if one else small(family)
    objective, phi = objective_at(formula, data, family, nAGQ=60)
    assert -objective(phi)[0] / 2 == pytest.approx(
        by_brute_force(data, objective, phi), abs=2e-4 if name == "cauchit" else 1e-6)


@pytest.mark.parametrize("observed", [False, True], ids=["fisher", "observed"])
def test_more_nodes_come_nearer(observed):
    data, family = small(FAMILIES["probit"]), FAMILIES["probit"]
    errors = []
    for k in (1, 3, 9, 27):
        objective, phi = objective_at(SLOPES, data, family, nAGQ=k, observed=observed)
        errors.append(abs(-objective(phi)[0] / 2 - by_brute_force(data, objective, phi)))
    assert np.all(np.diff(errors) < 0) and errors[0] > 0.02 and errors[-1] < 1e-5


@pytest.mark.parametrize("case", INTEGRALS, ids=lambda case: case["formula"])
def test_node_by_node(case):
    """The same rule written in R, at stated parameters and numbers of nodes; and the integral."""
    design = build_design(case["formula"], data_for(case["data"]))
    for nodes, expected in zip((1, *case["nodes"], 60), (case["laplace"], *case["quadrature"], case["exact"])):
        objective = make_objective(design, gl.Binomial(), nAGQ=nodes)
        row, _ = objective.entries[0]
        beta = np.linalg.solve(objective.to_beta, np.array(case["beta"]) - objective.origin)
        value, _ = objective(np.concatenate([case["theta"] * objective.z_scale[0][row], beta]))
        assert -value / 2 == pytest.approx(expected, abs=1e-5)


# --- the objective -------------------------------------------------------------------------------

@pytest.mark.parametrize("observed", [False, True], ids=["fisher", "observed"])
@pytest.mark.parametrize("name", FAMILIES)
def test_one_node_is_laplace(name, observed):
    family = FAMILIES[name]
    laplace, phi = objective_at(SLOPES, small(family), family, observed=observed)
    rows, patterns = laplace.rows, [np.tri(2, dtype=bool)]
    one_node = agq.QuadratureObjective(
        rows, family, patterns, laplace.constant, gl.start.fit_glm(rows, family, ("(Intercept)", "x")),
        observed=observed, nAGQ=1)
    value, gradient = laplace(phi)
    assert one_node(phi)[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(one_node(phi)[1], gradient, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("observed", [False, True], ids=["fisher", "observed"])
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("k", [2, 7])
def test_gradient(k, name, observed):
    family, h = FAMILIES[name], 1e-3
    objective, phi = objective_at(SLOPES, small(family), family, nAGQ=k, observed=observed)

    def derivative(step):
        far, near = (objective(phi + c * step)[0] - objective(phi - c * step)[0] for c in (2, 1))
        return (8 * near - far) / (12 * h)
    _, gradient = objective(phi)
    numeric = [derivative(step) for step in h * np.eye(len(phi))]
    np.testing.assert_allclose(gradient, numeric, rtol=2e-6, atol=2e-6)


def test_groups_may_be_taken_few_at_a_time(monkeypatch):
    objective, phi = objective_at(SLOPES, small(PSYCHOMETRIC), PSYCHOMETRIC, nAGQ=9)
    value, gradient = objective(phi)
    monkeypatch.setattr(agq, "CHUNK", 81 * 16)  # two groups of seven rows
    pieces = [groups for groups, *_ in objective._at_nodes(phi, objective.terms(phi))]
    assert len(pieces) > 3 and pieces[-1].stop == 8
    again = objective(phi)
    assert again[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(again[1], gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.filterwarnings("error")
def test_far_from_the_data(name):
    """Wherever a search strays there is a number, and a gradient to go with it."""
    objective, phi = objective_at(SLOPES, small(FAMILIES[name]), FAMILIES[name], nAGQ=3)
    for size in (1e2, 1e4, 1e8, 1e30):
        for step in np.eye(len(phi)):
            for sign in (-1, 1):
                value, gradient = objective(phi + sign * size * step)
                assert np.isfinite(value) and np.all(np.isfinite(gradient) | (value > 1e10))


# --- fits ----------------------------------------------------------------------------------------

def test_laplace_is_biased_where_quadrature_is_not():
    """Four binary responses a group from a known variance: Laplace underestimates it."""
    data = simulate(groups=400, rows=4, beta=(0.0, 1.0), sd=(2.0, 1e-6), rho=0, seed=3)
    laplace, fine, finer = (gl.glmer("y ~ x + (1 | g)", data, nAGQ=k).theta[0] for k in (1, 15, 30))
    assert laplace < fine - 0.1 and fine == pytest.approx(2, abs=0.25)
    assert fine == pytest.approx(finer, rel=1e-3)


def test_four_coefficients():
    crowding = gl.load_crowding()
    with pytest.warns(gl.SingularFitWarning):
        laplace = gl.glmer(MAXIMAL, crowding)
    with pytest.warns(gl.SingularFitWarning):
        m = gl.glmer(MAXIMAL, crowding, nAGQ=3)
    assert m.converged and m.loglik == pytest.approx(laplace.loglik, abs=0.5)
    np.testing.assert_allclose(m.fixef, laplace.fixef, atol=0.05)


def test_groups_without_rows_do_not_matter():
    data, family = small(FAMILIES["logit"]), FAMILIES["logit"]
    used = (data.g != "g003").to_numpy()
    design = replace(build_design(SLOPES, data), weights=used.astype(float))
    with_empty, without = (make_objective(d, family, nAGQ=5) for d in (design, build_design(SLOPES, data[used])))
    assert with_empty(with_empty.start)[0] == pytest.approx(without(without.start)[0], abs=1e-9)


def test_the_result_says_so():
    m = gl.glmer("sick ~ period + (1 | herd)", cbpp(), nAGQ=9)
    assert m.method == "maximum likelihood (Adaptive Gauss-Hermite Quadrature, nAGQ = 9)"
    assert m.method in str(m.summary())
    probit = gl.glmer("sick ~ period + (1 | herd)", cbpp(), gl.Binomial("probit"), nAGQ=np.int64(3))
    assert "nAGQ = 3, expected information" in probit.method


@pytest.mark.parametrize("nAGQ", [-1, 2.5, True, "9", None])
def test_unusable_numbers_of_nodes(nAGQ):
    with pytest.raises(gl.DataError, match="nAGQ=.* is not known; choose 1"):
        gl.glmer("sick ~ period + (1 | herd)", cbpp(), nAGQ=nAGQ)


def test_limits():
    data = small(FAMILIES["logit"])
    data = data.assign(h=np.arange(len(data)) % 5, **{f"x{i}": data.x**i for i in range(2, 5)})
    with pytest.raises(gl.DataError, match=r"single grouping factor, and this model has 2 \(g, h\)"):
        gl.glmer("y ~ x + (1 | g) + (1 | h)", data, nAGQ=5)
    with pytest.raises(gl.DataError, match="up to 4 random coefficients, and g has 5"):
        gl.glmer("y ~ x + (x + x2 + x3 + x4 | g)", data, nAGQ=2)
    with pytest.raises(gl.DataError, match=r"22\^3 = 10648 nodes, more than 10000: use nAGQ=21 or less"):
        gl.glmer("y ~ x + (x + x2 | g)", data, nAGQ=22)
