"""Thresholds, slopes and differences, with their errors.

Run as a program, this file prints the coverage of 95% intervals over many simulated data sets:

    .venv/bin/python tests/glmmlib/test_thresholds.py [data sets]
"""

import sys

import numpy as np
import pandas as pd
import pytest
from models import CODING
from scipy.special import expit, ndtri
from scipy.stats import norm

import glmmlib as gl
from glmmlib.thresholds import fieller

pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")
FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) | Subject)"


@pytest.fixture(scope="module")
def crowding():
    return gl.load_crowding()


@pytest.fixture(scope="module")
def m(crowding):
    return gl.glmer(FORMULA, crowding, contrasts=CODING)


@pytest.fixture(scope="module", params=["logit", "probit", "cloglog", "cauchit"])
def guessing(request, crowding):
    """Curves from 0.1 to 0.98. (Some sizes were answered worse than a guess rate of 0.25 allows.)"""
    family = gl.Binomial(link=request.param, guess=0.1, lapse=0.02)
    return gl.glmer("ResponseCorrect ~ 1 + Size + Condition + (1 | Subject)", crowding, family)


def test_the_curve_passes_through_its_threshold(guessing):
    for p in (0.2, 0.5, 0.9):
        table = guessing.thresholds(p=p).rename(columns={"threshold": "Size"})
        np.testing.assert_allclose(guessing.predict(table), p)


def test_rates_bound_what_can_be_reached(guessing):
    for p in (0.1, 0.05, 0.98, 0.99):
        with pytest.raises(gl.DataError, match="from 0.1 to 0.98"):
            guessing.thresholds(p=p)


def test_jnd_is_half_the_distance_between_the_quarters(guessing):
    rise = 1 - 0.1 - 0.02
    low, high = (guessing.thresholds(p=0.1 + rise * share).threshold for share in (0.25, 0.75))
    np.testing.assert_allclose(guessing.jnd().jnd, (high - low) / 2)


def test_offsets_belong_to_the_curve(crowding):
    """An offset of 1 + 2 Size takes as much from the coefficients, and nothing from the thresholds."""
    plain, offset = (gl.glmer(f"ResponseCorrect ~ Size + Condition {extra} + (1 | Subject)", crowding)
                     for extra in ("", "+ offset(1 + 2 * Size)"))
    pd.testing.assert_frame_equal(offset.thresholds(), plain.thresholds(), rtol=1e-4)
    pd.testing.assert_frame_equal(offset.jnd(), plain.jnd(), rtol=1e-4)


def test_several_proportions_make_one_table(m):
    table = m.thresholds(p=[0.5, 0.75])
    assert list(table.p.unique()) == [0.5, 0.75] and len(table) == 40
    np.testing.assert_allclose(table.threshold[:20], m.thresholds(p=0.5).threshold)


def test_slopes_are_the_derivatives_of_eta(m):
    table = m.slopes()
    low, high = (m.predict(table.assign(Size=size), type="link") for size in (1.0, 2.0))
    np.testing.assert_allclose(table.slope, high - low)
    population = m.slopes(re="population", by=[])  # halfway between the conditions: the main effect
    assert population.slope.item() == pytest.approx(m.fixef["center(Size)"])
    assert population.se.item() == pytest.approx(m.se["center(Size)"])


def test_population_error_is_the_delta_method(m):
    """Against the gradient of the threshold in the fixed effects, by finite differences."""
    table = m.thresholds(p=0.7, re="population")
    mean = m.design.variables.Size.mean()

    def threshold(beta, c):
        return (np.log(0.7 / 0.3) - beta[0] - c * beta[2]) / (beta[1] + c * beta[3]) + mean

    for row, c in zip(table.itertuples(), (-0.5, 0.5)):
        beta = m.fixef.to_numpy()
        gradient = [(threshold(beta + h, c) - threshold(beta - h, c)) / 2e-6 for h in 1e-6 * np.eye(4)]
        assert row.threshold == pytest.approx(threshold(beta, c))
        assert row.se == pytest.approx(np.sqrt(gradient @ m.vcov.to_numpy() @ gradient), rel=1e-5)


def test_differences_count_the_covariance(m):
    """Curves of one subject share its intercept: their difference is surer than if they did not."""
    table, both = m.thresholds(between="Condition"), m.thresholds().set_index(["Subject", "Condition"])
    uncrowded, crowded = (both.xs(c, level="Condition") for c in ("uncrowded", "crowded"))
    assert list(table.Condition.unique()) == ["crowded - uncrowded"] and len(table) == 10
    np.testing.assert_allclose(table.difference, crowded.threshold - uncrowded.threshold)
    assert np.all(table.se.to_numpy() < np.hypot(crowded.se, uncrowded.se))
    again = gl.glmer(FORMULA.replace("Condition", "Flipped"), gl.load_crowding().assign(
        Flipped=lambda d: d.Condition.cat.reorder_categories(["crowded", "uncrowded"])))
    np.testing.assert_allclose(again.thresholds(between="Flipped").difference, -table.difference, atol=1e-4)
    np.testing.assert_allclose(again.thresholds(between="Flipped").se, table.se, rtol=1e-3)


def test_fieller_holds_the_points_that_the_test_does_not_reject():
    a, s, aa, as_, ss = -1.0, 2.0, 0.09, 0.02, 0.16
    z = ndtri(0.975)
    lower, upper = fieller(a, s, aa, as_, ss, z)
    for edge in (lower, upper):
        assert abs(a + s * edge) / np.sqrt(aa + 2 * edge * as_ + edge**2 * ss) == pytest.approx(z)
    assert lower < -a / s < upper
    assert np.isinf(fieller(a, 0.1, aa, as_, ss, z)).all()  # the slope may be zero: no bound


def test_fieller_agrees_with_wald_when_the_slope_is_sure(m):
    wald, exact = m.thresholds(), m.thresholds(interval="fieller")
    np.testing.assert_array_equal(wald.threshold, exact.threshold)
    np.testing.assert_allclose(exact.lower, wald.lower, atol=0.1)
    np.testing.assert_allclose(exact.upper, wald.upper, atol=0.1)


def test_by_averages_over_what_it_leaves_out(m):
    whole, split = m.thresholds(p=0.5, by=[]), m.slopes()
    assert list(whole.columns) == ["Subject", "threshold", "se", "lower", "upper"]
    average = split.groupby("Subject", observed=True).slope.mean()
    np.testing.assert_allclose(m.slopes(by=[]).slope, average.loc[whole.Subject])


def test_crossed_factors_take_their_turns():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"s": np.repeat(np.arange(20), 60), "i": np.tile(np.arange(12), 100)})
    data["x"] = rng.normal(size=len(data))
    eta = data.x + rng.normal(size=20)[data.s] + 0.7 * rng.normal(size=12)[data.i]
    data["y"] = rng.binomial(1, expit(eta))
    m = gl.glmer("y ~ 1 + x + (1 | s) + (1 | i)", data)
    with pytest.raises(gl.DataError, match="group= one of 's', 'i'"):
        m.thresholds(x="x")
    for group in ("s", "i"):
        table = m.thresholds(p=0.5, x="x", group=group)
        expected = -(m.fixef.iloc[0] + m.ranef[group].iloc[:, 0]) / m.fixef.iloc[1]
        np.testing.assert_allclose(table.threshold, expected.to_numpy())
        # Its own modes and the slope are uncertain together, and the other factor's are not in it.
        p, b = m.fixef.iloc[1], m.joint_cov[group]
        t = table.threshold.to_numpy()
        gradient = np.stack([-np.ones_like(t), -t, -np.ones_like(t)], axis=1) / p
        np.testing.assert_allclose(table.se, np.sqrt(np.einsum("ri,rij,rj->r", gradient, b, gradient)))


def test_an_estimated_lapse_rate_adds_its_own_uncertainty(crowding):
    """Against the delta method by hand: the threshold as a function of intercept, slope and lapse rate."""
    fit = gl.glmer("ResponseCorrect ~ 1 + Size + (1 | Subject)", crowding, gl.Binomial(guess=0.2, lapse="estimate"))
    held = fit.refit(held={"lapse": fit.lapse})
    p, row = 0.75, fit.thresholds(p=0.75, re="population")
    free = fit.fit.phi[1:2]  # theta, then the lapse rate

    def threshold(beta, free):
        return (fit.fit.family.with_free(free).link(p) - beta[0]) / beta[1]

    beta, h = fit.fixef.to_numpy(), 1e-5
    gradient = [*((threshold(beta + d, free) - threshold(beta - d, free)) / (2 * h) for d in h * np.eye(2)),
                float((threshold(beta, free + h) - threshold(beta, free - h)) / (2 * h))]
    jacobian = np.zeros((3, len(fit.fit.phi)))
    jacobian[:2], jacobian[2, 1] = fit.fit.posterior.beta_jacobian, 1
    cov = jacobian @ fit.fit.phi_cov @ jacobian.T
    assert row.se.item() == pytest.approx(np.sqrt(gradient @ cov @ gradient), rel=1e-5)
    assert row.se.item() != pytest.approx(held.thresholds(p=p, re="population").se.item(), rel=1e-3)


def test_bootstrap_agrees_with_the_delta_method_where_that_is_good(m):
    options = {"re": "population", "p": 0.7}
    wald, boot = m.thresholds(**options), m.thresholds(**options, interval="bootstrap", n=80, seed=3)
    np.testing.assert_array_equal(boot.threshold, wald.threshold)
    np.testing.assert_allclose(boot.se, wald.se, rtol=0.3)  # 80 replicates: an error of 8 % in each
    np.testing.assert_allclose(boot.lower, wald.lower, atol=0.1)
    pair = m.thresholds(**options, between="Condition", interval="bootstrap", n=20, seed=3)
    assert pair.lower.item() < pair.difference.item() < pair.upper.item()


@pytest.mark.parametrize("call, sentence", [
    (lambda m: m.thresholds(between="Size"), "does not label the thresholds"),
    (lambda m: m.thresholds(by="Size"), "not a categorical predictor"),
    (lambda m: m.thresholds(group="Item"), "not a grouping factor"),
    (lambda m: m.thresholds(interval="profile"), "'delta', 'fieller'"),
    (lambda m: m.thresholds(between="Condition", interval="fieller"), "use another interval"),
    (lambda m: m.thresholds(interval="bootstrap"), "re='population'"),
    (lambda m: m.thresholds(p=0), "between 0 and 1"),
    (lambda m: m.slopes(level=95), "level must be a number between 0 and 1, not 95"),
])
def test_what_cannot_be_asked(m, call, sentence):
    with pytest.raises(gl.DataError, match=sentence):
        call(m)


# --- coverage ------------------------------------------------------------------------------

TRUTH = {"beta": (0.3, 1.2), "sd": (0.7, 0.3), "p": 0.7}


def coverage(seeds, subjects=30, trials=60, guess=0.0):
    """Shares of 95% intervals that hold the truth: of the population, and of the subjects' own."""
    population, own = [], []
    family = gl.Binomial(guess=guess)
    target = family.link(TRUTH["p"])
    for seed in seeds:
        rng = np.random.default_rng(seed)
        b = rng.normal(size=(subjects, 2)) * TRUTH["sd"]
        g = np.repeat(np.arange(subjects), trials)
        x = rng.normal(size=len(g)) * 1.5
        a, s = (np.array(TRUTH["beta"]) + b).T
        y = rng.random(len(g)) < family.inverse(a[g] + s[g] * x)
        m = gl.glmer("y ~ 1 + x + (1 + x | g)", pd.DataFrame({"y": y, "x": x, "g": g}), family)
        table = m.thresholds(p=TRUTH["p"], x="x", re="population")
        truth = (target - TRUTH["beta"][0]) / TRUTH["beta"][1]
        population.append(bool(table.lower.item() < truth < table.upper.item()))
        table = m.thresholds(p=TRUTH["p"], x="x")
        own.append(np.mean((table.lower < (target - a) / s) & ((target - a) / s < table.upper)))
    return np.mean(population), np.mean(own)


@pytest.mark.parametrize("guess", [0.0, 0.25])
def test_intervals_cover_the_truth(guess):
    """Few data sets, so wide limits: 3.3 standard errors of a share of 0.95."""
    population, own = coverage(range(60), guess=guess)
    assert population >= 0.95 - 3.3 * np.sqrt(0.95 * 0.05 / 60)
    assert 0.92 <= own <= 0.98


def main():
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for guess in (0.0, 0.25):
        population, own = coverage(range(sets), guess=guess)
        print(f"guess {guess}: {sets} data sets, coverage of 95% intervals: population {population:.3f} "
              f"(simulation error {norm.ppf(0.975) * np.sqrt(population * (1 - population) / sets):.3f}), "
              f"subjects' own {own:.3f}")



if __name__ == "__main__":
    main()
