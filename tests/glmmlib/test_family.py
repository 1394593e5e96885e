"""Every family and link, found by its class: derivatives, moments, and the extremes."""

import numpy as np
import pytest
from models import FAMILIES, LINKS, responses
from scipy import stats

from glmmlib import family as F

DISTRIBUTIONS = {"logit": stats.logistic, "probit": stats.norm, "cloglog": stats.gumbel_l, "cauchit": stats.cauchy}
ETA = np.linspace(-4, 4, 33) + 0.013
each_link = pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
each_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)


def slope_of(function, x):
    """Derivative by differences of fourth order."""
    h = 1e-3
    return (8 * (function(x + h) - function(x - h)) - function(x + 2 * h) + function(x - 2 * h)) / (12 * h)


def test_every_family_can_be_asked_for_by_name():
    assert {family.name for family in FAMILIES} == set(F.FAMILIES)


@each_link
def test_link_is_the_distribution_function(link):
    if link.name not in DISTRIBUTIONS:
        pytest.fail(f"tell DISTRIBUTIONS which distribution function the link {link.name} is")
    reference = DISTRIBUTIONS[link.name]
    x = np.linspace(-30, 6, 73)
    np.testing.assert_allclose(link.inverse(x), reference.cdf(x), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(link.log_cdf(x)[0], reference.logcdf(x), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(link.log_sf(x)[0], reference.logsf(x), rtol=1e-10, atol=1e-15)
    middle = np.linspace(-2, 1, 9)
    np.testing.assert_allclose(link.link(link.inverse(middle)), middle, rtol=1e-9, atol=1e-12)


@each_link
@pytest.mark.parametrize("side", ["log_cdf", "log_sf"])
def test_derivatives_of_links(link, side):
    function = getattr(link, side)
    for order in (1, 2, 3):
        numeric = slope_of(lambda eta: function(eta)[order - 1], ETA)  # noqa: B023
        np.testing.assert_allclose(function(ETA)[order], numeric, rtol=1e-6, atol=1e-8)


@each_family
def test_derivatives_of_the_likelihood(family):
    rng = np.random.default_rng(1)
    n = rng.integers(1, 6, len(ETA)).astype(float)
    y = responses(family, rng, len(ETA), n)
    terms = family.terms(y, n, ETA)
    for value, of, sign in (("d1", "logp", 1), ("observed", "d1", -1), ("d_observed", "observed", 1), ("d_fisher", "fisher", 1)):
        numeric = sign * slope_of(lambda eta: getattr(family.terms(y, n, eta), of), ETA)  # noqa: B023
        np.testing.assert_allclose(getattr(terms, value), numeric, rtol=1e-5, atol=1e-6, err_msg=value)
    np.testing.assert_allclose(family.slope(ETA), slope_of(family.inverse, ETA), rtol=1e-6, atol=1e-9)
    if family.canonical:
        np.testing.assert_allclose(terms.fisher, terms.observed, rtol=1e-12)


@each_family
def test_fisher_information_is_the_expectation_of_the_observed(family):
    """Both are linear in y, whose expectation is n mu; and the score's is zero."""
    eta = ETA[np.abs(ETA) < 2.5]  # farther out 1 - mu has lost its digits
    n, mu = np.linspace(1, 4, len(eta)), family.inverse(eta)
    terms = family.terms(n * mu, n, eta)
    np.testing.assert_allclose(terms.fisher, terms.observed, rtol=1e-8, atol=1e-12)
    assert np.all(np.abs(terms.d1) < 1e-9 * n * (1 + np.abs(mu)))
    np.testing.assert_allclose(terms.fisher, n * family.slope(eta) ** 2 / family.variance(mu), rtol=1e-8)


@each_family
def test_simulated_responses_have_the_mean_and_variance_that_are_claimed(family):
    mu = np.full(20000, family.inverse(0.4))
    y = family.simulate(mu, np.ones(len(mu)), 1.0, np.random.default_rng(2))
    variance = family.variance(mu)[0]
    assert y.mean() == pytest.approx(mu[0], abs=5 * np.sqrt(variance / len(mu)))
    assert y.var() == pytest.approx(variance, rel=0.1)
    family.check_response(y, np.ones(len(y)), "y")


@each_family
@pytest.mark.parametrize("eta", [-1e30, -1e5, -750, -40, -36, -35, -34, 0, 34, 36, 40, 750, 1e5, 1e30])
def test_extreme_linear_predictors_stay_numbers(family, eta):
    """No NaN anywhere; information never negative where it is an expectation; and, but for gaussian
    squares, no infinity."""
    y = {"binomial": [0.0, 1.0, 2.0, 3.0], "gamma": [0.1, 1.0, 2.0, 30.0]}.get(family.name, [0.0, 1.0, 2.0, 30.0])
    with np.errstate(all="ignore"):
        terms = family.terms(np.array(y), np.full(4, 3.0), np.full(4, float(eta)))
    for name, values in zip(terms._fields, terms):
        assert np.all(np.isfinite(values)), (name, values)
    assert np.all(terms.fisher >= 0)
    # far out the likelihood keeps falling away from the responses, or has reached its bound
    assert np.all(terms.logp <= max(0.0, np.max(family.terms(np.array(y), np.full(4, 3.0), np.zeros(4)).logp)) + 1e3)
    assert np.all(np.isfinite(family.inverse(np.array([float(eta)]))))


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_free_lapse_rate_makes_the_round(link):
    family = F.Binomial(link, guess=0.25, lapse="estimate")
    again = family.with_free(family.free_start())
    assert again.lapse == pytest.approx(family.lapse) and again.free == ("lapse",)
    far = family.with_free(np.array([50.0]))
    assert far.guess + far.lapse <= 1
