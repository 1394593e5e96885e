"""Tables, predictions, thresholds and the printed summary of a fitted model."""

import numpy as np
import pandas as pd
import pytest
from models import CODING, MAXIMAL, simulate
from scipy.special import expit, logit

import glmmlib as gl

pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")


@pytest.fixture(scope="module")
def crowding():
    return gl.load_crowding()


@pytest.fixture(scope="module")
def m(crowding):
    return gl.glmer(MAXIMAL, crowding, contrasts=CODING)


def test_names_are_those_r_would_use(m):
    expected = ["(Intercept)", "center(Size)", "ConditionCrowded.vs.Uncrowded",
                "center(Size):ConditionCrowded.vs.Uncrowded"]
    assert list(m.fixef.index) == list(m.se.index) == list(m.vcov) == expected
    assert list(m.ranef["Subject"]) == list(m.coef["Subject"]) == expected
    assert list(m.ranef["Subject"].index) == [str(i) for i in range(1, 11)]


def test_default_coding_is_treatment(crowding):
    m = gl.glmer("ResponseCorrect ~ Condition + (1 | Subject)", crowding)
    assert list(m.fixef.index) == ["(Intercept)", "Conditioncrowded"]


def test_coef_is_fixef_plus_modes(m):
    np.testing.assert_allclose(m.coef["Subject"], m.ranef["Subject"] + m.fixef)


def test_coef_holds_effects_that_only_vary():
    m = gl.glmer("y ~ 1 + (1 + x || g)", simulate(groups=12, rows=20))
    assert list(m.coef["g"]) == ["(Intercept)", "x"]
    np.testing.assert_allclose(m.coef["g"]["x"], m.ranef["g"]["x"])


def test_varcorr_is_consistent_with_theta(m):
    table = m.varcorr
    assert list(table) == ["grp", "var1", "var2", "vcov", "sdcor"] and len(table) == 10
    variances = table[table.var2.isna()]
    np.testing.assert_allclose(variances.vcov, variances.sdcor**2)
    np.testing.assert_allclose(variances.vcov, np.diag(m.fit.Lambdas[0] @ m.fit.Lambdas[0].T))
    assert len(m.theta) == 10 and m.npar == 14


def test_criteria(m, crowding):
    assert m.nobs == len(crowding) == 6539
    assert m.aic == pytest.approx(-2 * m.loglik + 28)
    assert m.bic == pytest.approx(-2 * m.loglik + 14 * np.log(6539))


def test_predictions_agree_with_the_formula_by_hand(m, crowding):
    coefficients = m.coef["Subject"].to_numpy()[crowding.Subject.cat.codes]
    size = crowding.Size - crowding.Size.mean()
    condition = np.where(crowding.Condition == "crowded", 0.5, -0.5)
    by_hand = np.sum(coefficients * np.column_stack(
        [np.ones(len(size)), size, condition, size * condition]), axis=1)
    np.testing.assert_allclose(m.predict(type="link"), by_hand, atol=1e-10)
    np.testing.assert_allclose(m.predict(), expit(by_hand), atol=1e-12)


def test_new_data_are_centred_on_the_fitted_mean(m, crowding):
    some = crowding.iloc[[5, 4000, 77]]
    np.testing.assert_allclose(m.predict(some), m.predict()[[5, 4000, 77]])
    np.testing.assert_allclose(
        m.predict(some, re="population"), m.predict(re="population")[[5, 4000, 77]])


def test_new_data_may_be_plain_strings_and_miss_values(m):
    new = pd.DataFrame({"Size": [1.5, np.nan], "Condition": ["crowded", "uncrowded"], "Subject": ["2", "3"]})
    predicted = m.predict(new)
    assert 0 < predicted[0] < 1 and np.isnan(predicted[1])


def test_population_thresholds_solve_the_equation(m):
    table = m.thresholds(p=0.75, re="population")
    assert list(table.Condition) == ["uncrowded", "crowded"]
    reached = m.predict(table.rename(columns={"threshold": "Size"}), re="population")
    np.testing.assert_allclose(reached, 0.75)


def test_subject_thresholds_solve_the_equation_in_arcmin(m, crowding):
    table = m.thresholds(p=0.625, x="Size")
    assert len(table) == 20 and table.threshold.between(*crowding.Size.agg(["min", "max"])).all()
    reached = m.predict(table.rename(columns={"threshold": "Size"}))
    np.testing.assert_allclose(reached, 0.625)
    row = table[(table.Subject == "2") & (table.Condition == "crowded")].iloc[0]
    a, s, c, i = m.coef["Subject"].loc["2"]
    assert row.threshold == pytest.approx((logit(0.625) - a - c / 2) / (s + i / 2) + crowding.Size.mean())


def test_threshold_errors_match_simulation():
    """Simulate from one truth, refit, and compare the errors that happen with those reported."""
    errors, reported = [], []
    for seed in range(60):
        data = simulate(groups=12, rows=80, seed=2000 + seed)
        table = gl.glmer("y ~ 1 + x + (1 + x | g)", data).thresholds(p=0.5, x="x", re="population")
        errors.append(table.threshold.item() - -0.5)  # the truth: -beta0 / beta1
        reported.append(table.se.item())
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.mean(reported), rel=0.3)


def test_subject_threshold_intervals_cover_their_own_truth():
    covered = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        b = rng.normal(size=20) * 0.8
        g = np.repeat(np.arange(20), 60)
        x = rng.normal(size=len(g)) * 1.5
        y = rng.random(len(g)) < expit(0.3 + b[g] + x)
        m = gl.glmer("y ~ 1 + x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}))
        table = m.thresholds(p=0.5, x="x")
        covered += list((table.lower < -(0.3 + b)) & (-(0.3 + b) < table.upper))
    assert 0.91 <= np.mean(covered) <= 0.98


def test_joint_covariance_contains_vcov(m):
    assert m.joint_cov["Subject"].shape == (10, 8, 8)
    for cov in m.joint_cov["Subject"]:
        np.testing.assert_allclose(cov[:4, :4], m.vcov)
        assert np.linalg.eigvalsh(cov).min() > -1e-10


def test_summary_prints_what_r_prints(m):
    text = str(m.summary())
    for piece in ("Family: binomial (logit)", "AIC", "BIC", "logLik", "Scaled residuals:", "Random effects:",
                  "Groups", "Std.Dev.", "Corr", "Number of obs: 6539, groups: Subject, 10", "Fixed effects:",
                  "Pr(>|z|)", "< 2e-16 ***", "Signif. codes", "Correlation of Fixed Effects", "singular"):
        assert piece in text
    assert f"{m.fixef.iloc[0]:.4f}" in text and f"{m.loglik:.1f}" in text
    html = m.summary()._repr_html_()
    assert "<table" in html and "Pr(&gt;|z|)" in html and f"{m.fixef.iloc[1]:.4f}" in html
    assert len(m.summary().coefficients) == 4


def test_summary_of_a_one_coefficient_model():
    text = str(gl.glmer("y ~ 1 + (1 | g)", simulate(groups=8, rows=20)).summary())
    assert "Corr" not in text.replace("Correlation", "") and "Correlation of Fixed" not in text


def test_results_cannot_be_changed(m):
    with pytest.raises(AttributeError):
        m.fit = None
    m.theta[0] = 99
    assert m.theta[0] != 99
