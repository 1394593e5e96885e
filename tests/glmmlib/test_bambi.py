"""The hand-over to Bambi: its translation, and with Bambi installed the likelihood that Bambi makes of it."""

import doctest
import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from models import CODING, MAXIMAL, simulate

import glmmlib as gl
from glmmlib.bayes import bambi_parts

FAMILIES = {
    "logit": gl.Binomial(), "probit": gl.Binomial("probit"), "cloglog": gl.Binomial("cloglog"),
    "cauchit": gl.Binomial("cauchit"), "guess": gl.Binomial("probit", guess=0.25, lapse=0.02),
    "poisson": gl.Poisson(), "gamma": gl.Gamma(), "gaussian": gl.Gaussian(),
}


def fit(formula="y ~ x + (1 | g)", family="binomial", **options):
    data = simulate(groups=8, rows=20, seed=2)
    data["y"] = data.y + 0.5 * (getattr(family, "name", family) == "gamma")
    return gl.glmer(formula, data, family, **options)


def with_trials(model):
    """The model as if each row were the proportion of 1 to 4 trials, and with an offset."""
    rng = np.random.default_rng(0)
    trials = rng.integers(1, 5, model.nobs)
    y, offset = rng.integers(0, trials + 1) / trials, rng.normal(size=model.nobs)
    return replace(model, design=replace(model.design, y=y, weights=trials.astype(float), offset=offset))


# --- without Bambi ---------------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")
def test_formula_and_data():
    m = gl.glmer(MAXIMAL, gl.load_crowding(), contrasts=CODING)
    parts = bambi_parts(m)
    size, condition = "`center(Size)`", "`ConditionCrowded.vs.Uncrowded`"
    both = "`center(Size):ConditionCrowded.vs.Uncrowded`"
    assert parts.formula == (
        f"ResponseCorrect ~ 1 + {size} + {condition} + {both} + (1|Subject) + (0 + {size}|Subject)"
        f" + (0 + {condition}|Subject) + (0 + {both}|Subject)")
    assert (parts.family, parts.link, parts.priors) == ("bernoulli", "logit", {})
    assert [sentence.split(":")[0] for sentence in parts.lost] == [
        "Bambi has no correlations between the random effects of Subject"]
    np.testing.assert_array_equal(parts.data["center(Size):ConditionCrowded.vs.Uncrowded"], m.design.X[:, 3])
    np.testing.assert_array_equal(parts.data["Subject"].astype(str), gl.load_crowding().Subject.astype(str))


def test_nothing_is_lost_of_uncorrelated_effects():
    parts = bambi_parts(fit("y ~ 0 + x + (1 + x || g)", priors=gl.Priors(None)))
    assert parts.formula == "y ~ 0 + x + (1|g) + (0 + x|g)" and not parts.lost


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name):
    parts = bambi_parts(fit(family=FAMILIES[name]))
    assert parts.family == {"poisson": "poisson", "gamma": "gamma", "gaussian": "gaussian"}.get(name, "bernoulli")
    assert parts.link == {"poisson": "log", "gamma": "log", "gaussian": "identity", "guess": None, "cauchit": None}.get(
        name, name)


def test_trials_and_offset():
    m = with_trials(fit())
    parts = bambi_parts(m)
    assert parts.formula == "p(successes, trials) ~ 1 + x + offset(offset) + (1|g)" and parts.family == "binomial"
    np.testing.assert_array_equal(parts.data.successes, np.round(m.design.y * m.design.weights))
    poisson = replace(fit(family="poisson"), design=m.design)
    with pytest.raises(gl.DataError, match="Bambi takes weights only as the numbers of trials"):
        bambi_parts(poisson)


def test_priors():
    m = fit("y ~ x + (1 + x || g)", priors=gl.Priors(gl.priors.Gamma(shape=2, rate=0.5), gl.priors.Normal((10, 2))))
    sd = ("Gamma", {"alpha": 2, "beta": 0.5})
    assert bambi_parts(m).priors == {
        "Intercept": ("Normal", {"mu": 0, "sigma": 10.0}), "x": ("Normal", {"mu": 0, "sigma": 2.0}),
        "1|g": ("Normal", {"mu": 0, "sigma": sd}), "x|g": ("Normal", {"mu": 0, "sigma": sd})}
    parts = bambi_parts(fit(priors=gl.Priors("wishart", gl.priors.StudentT(df=3, scale={"x": 2}))))
    assert parts.priors == {"x": ("StudentT", {"nu": 3, "mu": 0, "sigma": 2.0})}
    (sentence,) = parts.lost
    assert sentence == "The prior wishart of g's covariance has no counterpart in Bambi: its default takes the place."


def test_an_estimated_lapse_rate_is_held():
    m = fit(family=gl.Binomial("logit", guess=0.1, lapse="estimate"))
    parts = bambi_parts(m)
    assert parts.link is None and f"held at its estimate, {m.lapse:.3g}" in parts.lost[0]


def test_names_that_mean_two_things_are_told_apart():
    m = fit("y ~ x + (0 + x | g)")
    (block,) = m.design.blocks
    other = replace(m, design=replace(m.design, blocks=(replace(block, Z=2 * block.Z),)))
    assert bambi_parts(other).formula == "y ~ 1 + x + (0 + `x'`|g)"


@pytest.mark.skipif(importlib.util.find_spec("bambi") is not None, reason="Bambi is installed")
def test_without_bambi():
    with pytest.raises(gl.DataError, match=r"not installed: pip install 'glmmlib\[bayes\]'"):
        gl.to_bambi(fit())


def test_the_page_shows_what_glmmlib_prints(repo):
    page = repo / "glmmlib" / "docs" / "bambi.md"
    assert doctest.testfile(str(page), module_relative=False).failed == 0


# --- with Bambi ------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [*FAMILIES, "trials"])
def test_bambi_has_the_same_likelihood(name):
    """Bambi's log-likelihood of the rows, given parameters and random effects, is ours."""
    pytest.importorskip("bambi")
    m = fit("y ~ x + (1 + x || g)", FAMILIES.get(name, "binomial"), priors=gl.Priors())
    m = with_trials(m) if name == "trials" else m
    with pytest.warns(gl.BambiWarning, match="The prior wishart of g's covariance"):
        model = gl.to_bambi(m, center_predictors=False, noncentered=False)
    model.build()
    pymc = model.backend.model
    given = {"Intercept": m.fixef["(Intercept)"], "x": m.fixef["x"], "1|g": m.ranef["g"]["(Intercept)"].to_numpy(),
             "x|g": m.ranef["g"]["x"].to_numpy()}
    scale = {"gamma": ("alpha", 1 / m.fit.dispersion), "gaussian": ("sigma", m.sigma)}
    if name in scale:
        given |= dict([scale[name]])
    response = model.response_component.term.name
    loglik = pymc.compile_logp(vars=[pymc[response]], sum=True)
    point = pymc.initial_point()
    for variable in pymc.free_RVs:
        if variable.name in given:
            value = pymc.rvs_to_values[variable]
            transformed = value.name.endswith("_log__")
            point[value.name] = np.asarray(np.log(given[variable.name]) if transformed else given[variable.name])
    eta = m.design.offset + m.design.X @ m.fixef + np.sum(
        m.design.blocks[0].Z * m.fit.b[0][m.design.blocks[0].refs], axis=1)
    y, n = m.design.y * m.design.weights / m.fit.dispersion, m.design.weights / m.fit.dispersion
    ours = m.fit.family.terms(y, n, eta).logp.sum() + m.fit.family.constant(
        m.design.y, m.design.weights, m.fit.dispersion)[0]
    assert loglik(point) == pytest.approx(ours, rel=1e-9)


def test_bambi_gets_the_priors():
    bambi = pytest.importorskip("bambi")
    m = fit("y ~ x + (1 + x || g)", priors=gl.Priors(gl.priors.Gamma(shape=2, rate=0.5), gl.priors.Normal((10, 2))))
    model = gl.to_bambi(m, priors={"x": bambi.Prior("Laplace", mu=0, b=3)})
    text = str(model)
    assert "Intercept ~ Normal(mu: 0.0, sigma: 10.0)" in text and "x ~ Laplace(mu: 0.0, b: 3.0)" in text
    assert "x|g ~ Normal(mu: 0.0, sigma: Gamma(alpha: 2.0, beta: 0.5))" in text


def test_bambi_says_what_it_loses():
    pytest.importorskip("bambi")
    with pytest.warns(gl.BambiWarning, match="no correlations between the random effects of g"):
        gl.to_bambi(fit("y ~ x + (1 + x | g)"))
