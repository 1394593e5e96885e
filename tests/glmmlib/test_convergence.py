"""The certificate of a fit: its derivatives, its words, and what to do when it fails."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import CODING, MAXIMAL, simulate

import glmmlib as gl
from glmmlib.certificate import blocks_of, certify, null_spaces, variance_derivative, with_variance
from glmmlib.design import build_design
from glmmlib.laplace import fit_laplace, make_objective, optimise

REFERENCE = Path(__file__).parents[1] / "reference"
quiet = pytest.mark.filterwarnings("ignore::glmmlib.GlmmlibWarning")


@pytest.fixture(scope="module")
def maximal():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        return gl.glmer(MAXIMAL, gl.load_crowding(), contrasts=CODING)


def crossed(family, seed=0):
    """y, x, g, h with both factors varying: a design, and an objective with a point to look at."""
    rng = np.random.default_rng(seed)
    data = simulate(groups=8, rows=15, seed=seed).assign(h=rng.integers(0, 5, 120))
    eta = 0.4 * data.x + rng.normal(size=5)[data.h] * 0.5
    if family.name == "poisson":
        data["y"] = rng.poisson(np.exp(eta))
    elif family.name == "gamma":
        data["y"] = rng.gamma(3, np.exp(eta))
    elif family.name == "gaussian":
        data["y"] = eta + rng.normal(size=120)
    return build_design("y ~ 1 + x + (1 + x | g) + (1 | h)", data)


# --- the derivative in the variance ----------------------------------------------------------

@pytest.mark.parametrize("family, options", [
    (gl.Binomial(), {}), (gl.Binomial("probit"), {}), (gl.Binomial("probit"), {"observed": True}),
    (gl.Binomial("cloglog", guess=0.2), {}), (gl.Poisson(), {}), (gl.Poisson(), {"inner": "profile"}),
    (gl.Gamma(), {}), (gl.Gaussian(), {"inner": "profile"}), (gl.Gaussian(), {"inner": "integrate"}),
], ids=str)
@pytest.mark.parametrize("factor", [0, 1])
def test_variance_derivative_is_the_derivative_in_sigma(family, options, factor):
    """With G = dD/dSigma the gradient in a regular Lambda is 2 G Lambda, an identity that has no zeros."""
    objective = make_objective(crossed(family), family, **options)
    rng = np.random.default_rng(1)
    phi = objective.start + 0.2 * rng.normal(size=len(objective.start))
    Lambda = objective.Lambdas(phi)[factor]
    G = variance_derivative(objective, phi, factor, np.eye(len(Lambda)))
    terms = objective.terms(phi)
    gradient = objective.Lambdas(objective.gradient(phi, terms))[factor]
    np.testing.assert_allclose(np.tril(2 * G @ Lambda), gradient, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())


@quiet
def test_variance_derivative_at_zero_is_that_of_the_deviance():
    """At zero variance: what the deviance gains as variance is added, from its values alone."""
    data = simulate(groups=20, rows=50, sd=(0.0, 0.0), rho=0, seed=1)
    m = gl.glmer("y ~ 1 + x + (1 + x | g)", data)
    objective = make_objective(m.design, m.family)
    spaces = null_spaces(objective, m.fit.phi)
    assert sum(space.directions.shape[1] for space in spaces) == 1 + (m.varcorr.vcov.abs().max() < 1e-8)
    for space in spaces:
        assert np.all(space.derivatives > 0)
        sd = 0.01
        risen = objective(with_variance(objective, m.fit.phi, space, sd))[0] - objective(m.fit.phi)[0]
        assert risen / sd**2 == pytest.approx(space.derivatives[0], rel=0.05)


def test_blocks_are_the_coefficients_that_may_be_correlated():
    pattern = np.zeros((4, 4), dtype=bool)
    pattern[:2, :2], pattern[2, 2], pattern[3, 3] = np.tri(2), True, True
    assert [list(block) for block in blocks_of(pattern)] == [[0, 1], [2], [3]]


# --- optima and what only looks like them ------------------------------------------------------

def objective_and_optimum(data, formula="y ~ 1 + x + (1 + x | g)"):
    design = build_design(formula, data)
    objective = make_objective(design, gl.Binomial())
    return objective, fit_laplace(design, gl.Binomial())


def test_a_saddle_at_zero_variance_is_recognised_and_left():
    """With one standard deviation at zero the gradient there vanishes, though variance is wanted."""
    objective, optimum = objective_and_optimum(
        simulate(groups=40, rows=60, sd=(0.0, 1.5), rho=0, seed=6), "y ~ 1 + x + (0 + x | g)")
    trapped = np.array([0.0, 0.0, 0.0])  # the GLM's estimates, without random effects
    _, gradient = objective(trapped)
    hessian, _ = objective.hessian(trapped)
    certificate = certify(objective, trapped, gradient, hessian)
    assert abs(gradient[0]) < 1e-10 and certificate.stationary
    assert not certificate.optimum and certificate.null[0].derivatives[0] < -100
    found = optimise(objective, trapped)[0]
    assert objective(found)[0] == pytest.approx(optimum.deviance, abs=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-6, 30.0, 1e4, 1e8])
def test_bad_starts_lead_to_the_same_optimum(scale):
    data = simulate(groups=20, rows=30, seed=3)
    objective, optimum = objective_and_optimum(data)
    start = scale * np.where(np.arange(5) < 3, 1.0, -1.0)
    assert objective(optimise(objective, start)[0])[0] == pytest.approx(optimum.deviance, abs=1e-5)


def test_rotations_of_a_singular_lambda_are_no_fault():
    """With no variance in the first coefficient Lambda's other columns can be rotated freely."""
    objective, _ = objective_and_optimum(simulate(groups=40, rows=60, sd=(0.0, 1.0), rho=0, seed=6))
    found = []
    for angle in (0.0, 0.5, 1.2):
        phi = objective.start.copy()
        phi[:3] = 0.0, np.sin(angle), np.cos(angle)
        found.append(objective(phi)[0])
    np.testing.assert_allclose(found, found[0])
    data = simulate(groups=40, rows=60, sd=(0.0, 1.0), rho=0, seed=9)
    with warnings.catch_warnings():
        warnings.simplefilter("error", gl.ConvergenceWarning)
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        for seed in (6, 9, 11):
            data = simulate(groups=40, rows=60, sd=(0.0, 1.0), rho=0, seed=seed)
            assert gl.glmer("y ~ 1 + x + (1 + x | g)", data).converged


def test_standard_errors_ignore_rotations_only():
    data = simulate(groups=20, rows=30, seed=3)
    objective, fit = objective_and_optimum(data)
    np.testing.assert_allclose(fit.phi_cov, 2 * np.linalg.inv(fit.hessian), rtol=1e-8, atol=1e-12)


def test_runaway_random_effects_are_said():
    data = simulate(groups=20, rows=10, seed=3)
    data["y"] = (data.g.str[-1].astype(int) % 2 == 0).astype(int)
    with pytest.warns(gl.ConvergenceWarning, match="random effects of g grow without end"):
        m = gl.glmer("y ~ 1 + x + (1 | g)", data)
    assert not m.converged and "NOT CONVERGED" in str(m.summary())


def test_residuals_of_zero_are_said():
    data = simulate(groups=10, rows=10, seed=3)
    data["y"] = data.groupby("g").x.transform("mean")
    with pytest.warns(gl.ConvergenceWarning, match="residual variance goes to zero"):
        gl.lmer("y ~ 1 + z + (1 | g)", data)


def test_undetermined_parameters_are_named():
    data = simulate(groups=15, rows=30, seed=3)
    data["w"] = 2 * data.x  # its random slope is that of x
    with pytest.warns(gl.GlmmlibWarning):
        m = gl.glmer("y ~ 1 + x + (0 + x || g) + (0 + w || g)", data)
    assert not m.converged
    assert "of x by g" in m.convergence.reason and "of w by g" in m.convergence.reason
    assert np.all(np.isfinite(m.se))


@pytest.mark.parametrize("family, match", [
    ("gaussian", "15 levels of 'g' with 1 random"), ("binomial", "Every level of 'g' has one row with a single trial")])
def test_groups_of_one_row_are_refused(family, match):
    data = simulate(groups=15, rows=1, seed=3)
    with pytest.raises(gl.DataError, match=match):
        gl.glmer("y ~ 1 + (1 | g)", data, family=family)


# --- in words --------------------------------------------------------------------------------

def test_words_of_the_tutorials_singular_fit(maximal):
    c = maximal.convergence
    assert c.converged and c.singular and c.gain < 1e-6 and c.curvature > 1
    (found,) = c.no_variance
    assert found.group == "Subject" and found.slope > 0
    # the direction without variance, computed anew from the covariance matrix
    Lambda = maximal.fit.Lambdas[0]
    assert found.combination @ Lambda @ Lambda.T @ found.combination < 1e-8
    assert np.linalg.norm(found.combination) == pytest.approx(1)
    text = str(c)
    for part in ("Converged: yes", "Singular: yes", "0.40 (Intercept) - 0.35 center(Size)", "zero is its best estimate",
                 "(1 + center(Size) * Condition || Subject)"):
        assert part in text
    assert "<strong>Converged: yes</strong>" in c._repr_html_() and text == repr(c)


def test_words_of_a_regular_fit():
    c = gl.glmer("y ~ 1 + x + (1 | g)", simulate(seed=2)).convergence
    assert c.converged and not c.singular and c.advice == "" and c.no_variance == () and c.simpler is None
    assert "Next" not in str(c)


@pytest.mark.parametrize("name, fit", [
    ("maximal", lambda: gl.glmer(MAXIMAL, gl.load_crowding(), contrasts=CODING)),
    ("sleepstudy", lambda: gl.lmer(
        "Reaction ~ Days + (Days | Subject)", pd.read_csv(REFERENCE / "data" / "sleepstudy.csv")))])
@quiet
def test_components_are_those_of_lme4(name, fit):
    (expected,) = json.loads((REFERENCE / "repca_lme4.json").read_text())[name].values()
    (table,) = fit().convergence.components.values()
    np.testing.assert_allclose(table.sd, expected["sd"], rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(table.share, expected["share"], atol=1e-3)
    loadings = np.array(expected["loadings"])
    np.testing.assert_allclose(np.abs(np.sum(table.iloc[:, 2:] * loadings, axis=1)), 1, atol=1e-3)


# --- simpler formulas ------------------------------------------------------------------------

def test_reduction_is_the_tutorials(maximal):
    """Equations 17 to 20."""
    bars = [formula.split(" + (")[1] for formula in maximal.reduced_formulas().formula]
    assert bars[:2] == ["1 + center(Size) * Condition || Subject)", "1 + center(Size) + Condition || Subject)"]
    assert bars[-1] == "1 | Subject)"


@quiet
@pytest.mark.parametrize("formula, expected", [
    ("y ~ x + (1 | g)", None),
    ("y ~ x + (0 + x | g)", None),
    ("y ~ x + (1 | g) + (1 | a)", "(1 | g)"),
    ("y ~ x + (1 + x | g) + (1 | a)", "(1 + x || g) + (1 | a)"),
    ("y ~ x + offset(log(t)) + (1 + c || a/b)", "(1 | b:a)"),
    ("y ~ x + (0 + c | g)", "(0 + c || g)"),
    ("y ~ x + (1 + `my x` * c || g)", "(1 + `my x` + c || g)"),
])
def test_reduced_formulas_are_simpler_and_can_be_read(formula, expected):
    """expected : random terms of one of the steps, which say that factors and names are kept."""
    rng = np.random.default_rng(0)
    data = simulate(groups=12, rows=40, seed=3).assign(
        c=rng.choice(list("uv"), 480), a=rng.integers(0, 5, 480), b=rng.integers(0, 4, 480), t=rng.uniform(1, 2, 480))
    data["my x"] = data.x
    m = gl.glmer(formula, data)
    found = list(m.reduced_formulas().formula)
    assert any(expected in text for text in found) if expected else not found
    entries = [sum(block.pattern.sum() for block in m.design.blocks)]
    for text in found:
        design = build_design(text, data)
        np.testing.assert_array_equal(design.X, m.design.X)
        np.testing.assert_array_equal(design.offset, m.design.offset)
        entries.append(sum(block.pattern.sum() for block in design.blocks))
    assert np.all(np.diff(entries) < 0)


def test_interactions_go_before_the_main_effects_with_less_variance():
    rng = np.random.default_rng(5)
    data = simulate(groups=40, rows=60, sd=(0.8, 0.0), rho=0, seed=8)
    data["w"] = rng.normal(size=len(data))
    big = rng.normal(size=40)[data.g.str[1:].astype(int)] * data.x * data.w
    data["y"] = (rng.random(len(data)) < 1 / (1 + np.exp(-0.3 - data.x - 1.5 * big))).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        m = gl.glmer("y ~ x * w + (1 + x * w || g)", data)
    sd = m.varcorr.set_index("var1").sdcor
    assert sd["x:w"] > sd["x"]
    assert m.reduced_formulas().without[0] == "x:w by g"


def test_stepwise_ends_at_the_first_regular_fit(maximal):
    steps = gl.stepwise(MAXIMAL, gl.load_crowding(), contrasts=CODING)
    table = steps.table
    assert list(table.singular) == [True, True, False] and table.converged.all()
    assert steps.final is steps.models[-1] and not steps.final.is_singular
    assert table.formula[1:].tolist() == maximal.reduced_formulas().formula[:2].tolist()
    pair = gl.anova(steps.models[1], steps.models[0]).iloc[1]
    assert table["Pr(>Chisq)"][1] == pytest.approx(pair["Pr(>Chisq)"])
    assert np.all(np.diff(table.logLik) <= 1e-6) and np.all(np.diff(table.npar) < 0)
    assert "Kept: " in str(steps) and "<table" in steps._repr_html_()


def test_stepwise_with_alpha_goes_on_while_nothing_is_missed():
    """Slope and correlation are not in the data, the intercept's variance is: that one stays."""
    data = simulate(groups=30, rows=60, sd=(0.9, 0.0), rho=0, seed=5)
    steps = gl.stepwise("y ~ 1 + x + (1 + x | g)", data, alpha=0.2)
    assert steps.final.design.formula.text.endswith("(1 | g)")
    data = simulate(groups=30, rows=60, sd=(0.9, 0.9), rho=0, seed=5)
    steps = gl.stepwise("y ~ 1 + x + (1 + x || g)", data, alpha=0.2)
    assert steps.final is steps.models[0] and "would miss" in steps.reason
    with pytest.raises(gl.DataError, match="alpha must be a number between 0 and 1, not 2"):
        gl.stepwise("y ~ 1 + x + (1 | g)", data, alpha=2)


def test_a_slope_that_no_group_shows_is_not_determined():
    """Each group has one session, so how sessions vary within groups cannot be told."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(20), 30)
    eta = rng.normal(size=20)[g] + 0.5 * (g % 2)
    data = pd.DataFrame({"g": g, "session": np.where(g % 2, "b", "a"), "y": rng.binomial(1, 1 / (1 + np.exp(-eta)))})
    with pytest.warns(gl.ConvergenceWarning, match="did not converge"):
        m = gl.glmer("y ~ 1 + session + (1 + session | g)", data)
    assert not m.converged and m.fit.certificate.flat.shape[1] == 1
