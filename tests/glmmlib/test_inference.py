"""Comparisons of models and intervals."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import CODING, simulate

import glmmlib as gl

LME4 = json.loads((Path(__file__).parents[1] / "reference" / "binomial_reference.json").read_text())["anova"]


def test_anova_is_lme4s():
    crowding = gl.load_crowding()
    small = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
    large = gl.glmer("ResponseCorrect ~ 1 + center(Size) * Condition + (1 | Subject)", crowding, contrasts=CODING)
    table = gl.anova(large, small)  # in any order
    assert list(table.npar) == LME4["npar"]
    np.testing.assert_allclose(table.AIC, LME4["aic"], atol=1e-3)
    np.testing.assert_allclose(table.logLik, LME4["loglik"], atol=1e-4)
    last = table.iloc[-1]
    assert (last.Chisq, last.Df) == pytest.approx((LME4["chisq"], LME4["df"]), abs=1e-3)
    assert last["Pr(>Chisq)"] == pytest.approx(LME4["p"], rel=1e-2)
    assert np.isnan(table.iloc[0][["Chisq", "Df", "Pr(>Chisq)"]].astype(float)).all()


def test_a_larger_model_that_fits_no_better_has_a_statistic_of_zero():
    data = simulate(groups=10, rows=30)
    data["w"] = np.sin(np.arange(len(data)))
    small, large = (gl.glmer(f"y ~ 1 + {terms} + (1 | g)", data) for terms in ("x", "z + w"))
    assert large.loglik < small.loglik      # not nested; nested models come there by rounding
    assert gl.anova(small, large).iloc[1][["Chisq", "Pr(>Chisq)"]].tolist() == [0, 1]


def test_anova_refuses_other_rows_and_says_how_many():
    data = simulate(groups=10, rows=30)
    data.loc[:6, "z"] = np.nan
    with pytest.warns(gl.DroppedRowsWarning):
        with_z = gl.glmer("y ~ 1 + x + z + (1 | g)", data)
    with pytest.raises(gl.DataError, match=r"different rows \(300 and 293; 7 rows"):
        gl.anova(gl.glmer("y ~ 1 + x + (1 | g)", data), with_z)
    complete = gl.glmer("y ~ 1 + x + (1 | g)", data.dropna())
    assert len(gl.anova(complete, with_z)) == 2


def test_anova_takes_rows_in_any_order_but_not_another_response():
    data = simulate(groups=10, rows=30)
    m = gl.glmer("y ~ 1 + (1 | g)", data)
    shuffled = gl.glmer("y ~ 1 + x + (1 | g)", data.sample(frac=1, random_state=1))
    assert gl.anova(m, shuffled).Df.iloc[1] == 1
    with pytest.raises(gl.DataError, match="different responses"):
        gl.anova(m, gl.glmer("y ~ 1 + x + (1 | g)", data.assign(y=1 - data.y)))
    with pytest.raises(gl.DataError, match="at least two"):
        gl.anova(m)


def test_likelihood_ratios_follow_chi_squared():
    """A predictor without effect: the p-values of 150 data sets must look uniform."""
    p = []
    for seed in range(150):
        data = simulate(groups=15, rows=30, seed=3000 + seed)
        p.append(gl.anova(gl.glmer("y ~ 1 + x + (1 | g)", data), gl.glmer("y ~ 1 + x + z + (1 | g)", data))
                 ["Pr(>Chisq)"].iloc[1])
    assert np.mean(np.array(p) < 0.05) < 0.11 and 0.4 < np.mean(p) < 0.6


def test_wald_intervals():
    m = gl.glmer("y ~ 1 + x + (1 | g)", simulate(groups=12, rows=30))
    table = gl.confint(m, level=0.9)
    np.testing.assert_allclose(table.lower, m.fixef - 1.6448536 * m.se)
    np.testing.assert_allclose(table.upper, m.fixef + 1.6448536 * m.se)
    with pytest.raises(gl.DataError, match="between 0 and 1"):
        gl.confint(m, level=95)


@pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")
def test_anova_refuses_reml_with_other_fixed_effects():
    data = simulate(groups=12, rows=20)
    small, large = (gl.lmer(f"z ~ {fixed} + (1 | g)", data) for fixed in ("1", "x"))
    with pytest.raises(gl.DataError, match="different fixed effects and were fitted by REML.*REML=False"):
        gl.anova(small, large)
    with pytest.raises(gl.DataError, match="Some of the models were fitted by REML"):
        gl.anova(large, gl.lmer("z ~ 1 + x + (1 | g)", data, REML=False))
    assert gl.anova(large, gl.lmer("z ~ I(2 * x) + (x | g)", data)).Df.iloc[1] == 2  # the same fixed effects


def test_anova_refuses_other_integrals():
    data = simulate(groups=12, rows=20)
    with pytest.raises(gl.DataError, match="computed in different ways.*nAGQ = 0"):
        gl.anova(gl.glmer("y ~ x + (1 | g)", data, nAGQ=0), gl.glmer("y ~ 1 + (1 | g)", data))


def test_wald_tests_of_several_effects():
    m = gl.glmer("y ~ x + z + (1 | g)", simulate(groups=12, rows=30))
    one = gl.wald_test(m, ["z"])
    row = m.coefficients.loc["z"]
    assert (one["Chisq"], one["Pr(>Chisq)"]) == (pytest.approx(row["z value"] ** 2), pytest.approx(row["Pr(>|z|)"]))
    both, by_hand = gl.wald_test(m, ["x", "z"]), gl.wald_test(m, [[0, 1, 1], [0, 1, -1]])
    assert both["Df"] == 2 and both["Chisq"] == pytest.approx(by_hand["Chisq"])
    with pytest.raises(gl.DataError, match="no fixed effect 'w'"):
        gl.wald_test(m, ["w"])
    with pytest.raises(gl.DataError, match="independent combinations of the 3"):
        gl.wald_test(m, [[0, 1, 0], [0, 2, 0]])
