"""The logistic regression without random effects, and its picture, against R's numbers and itself."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import glmmlib as gl
from glmmlib.glm import glm
from glmmlib.plots import binned

FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition"
CODING = {"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}


@pytest.fixture(scope="module")
def data():
    return gl.load_crowding()


@pytest.fixture(scope="module")
def fit(data):
    return glm(FORMULA, data, contrasts=CODING)


def test_it_is_the_model_that_r_fits(fit):
    r = json.loads((Path(__file__).parents[1] / "reference" / "crowding_lme4.json").read_text())["glm"]
    assert [name.replace("center(Size)", "Size") for name in fit.coef.index] == r["terms"]
    np.testing.assert_allclose(fit.coef, r["estimate"], rtol=1e-6)
    np.testing.assert_allclose(fit.se, r["std_error"], rtol=1e-4)
    assert fit.statsmodels.deviance == pytest.approx(r["residual_deviance"], rel=1e-8)
    assert fit.statsmodels.aic == pytest.approx(r["aic"], rel=1e-8)
    printed = str(fit.summary())
    for number in (f"{r['estimate'][1]:.5f}", f"{r['null_deviance']:.1f}", f"{r['null_df']} ", f"AIC: {r['aic']:.1f}",
                   f"{r['deviance_residual_quartiles']['min']:.4f}", f"{r['z'][3]:.3f}"):
        assert number in printed


def test_new_data_are_centred_as_the_old_were(fit, data):
    some = data.iloc[[5, 4000, 17]]
    np.testing.assert_allclose(fit.predict(some), fit.predict()[[5, 4000, 17]])
    np.testing.assert_allclose(fit.predict(some, type="link"), fit.statsmodels.fittedvalues.iloc[[5, 4000, 17]].pipe(
        lambda p: np.log(p / (1 - p))))
    unknown = pd.DataFrame({"Size": [np.nan, 1.0], "Condition": "crowded"})
    assert np.isnan(fit.predict(unknown)).tolist() == [True, False]


def test_deviance_residuals_add_up_to_the_deviance(fit):
    assert np.sum(fit.deviance_residuals() ** 2) == pytest.approx(fit.statsmodels.deviance)


@pytest.mark.parametrize("formula, error, said", [
    ("ResponseCorrect ~ 1 + (1 | Subject)", gl.FormulaError, "use glmer"),
    ("ResponseCorrect ~ 1 + Siz", gl.DataError, "did you mean 'Size'"),
    ("ResponseCorrect", gl.FormulaError, "The formula 'ResponseCorrect' needs"),
    ("Size ~ 1", gl.DataError, "must be 0 or 1"),
])
def test_bad_input_is_told_in_a_sentence(data, formula, error, said):
    with pytest.raises(error, match=said.replace("(", r"\(")):
        glm(formula, data)


def test_separation_is_told():
    rows = pd.DataFrame({"y": [0, 0, 0, 1, 1, 1], "x": [1.0, 2, 3, 4, 5, 6]})
    with pytest.raises(gl.SeparationError, match="perfectly"):
        glm("y ~ x", rows)


def test_bins_hold_all_trials_and_wilson_intervals(fit, data):
    bins = binned(fit, bins=6)
    assert bins["trials"].sum() == len(data)
    hits = sum(bins["trials"] * bins["proportion"])
    assert hits == pytest.approx(data["ResponseCorrect"].sum())
    from statsmodels.stats.proportion import proportion_confint

    lower, upper = proportion_confint(bins["trials"] * bins["proportion"], bins["trials"], method="wilson")
    np.testing.assert_allclose(bins[["lower", "upper"]], np.column_stack([lower, upper]))
    expected = sum(bins["trials"] * bins["predicted"])
    assert expected == pytest.approx(sum(fit.predict()))


def test_offsets_enter_the_fit_and_its_predictions(data):
    """An offset of 2 Size takes 2 from its slope, and from nothing else."""
    plain, offset = (glm(f"ResponseCorrect ~ Size {extra}", data) for extra in ("", "+ offset(2 * Size)"))
    np.testing.assert_allclose(offset.coef, plain.coef - [0, 2], atol=1e-6)
    np.testing.assert_allclose(offset.predict(), plain.predict(), atol=1e-8)
    np.testing.assert_allclose(offset.predict(data[:5]), plain.predict(data[:5]), atol=1e-8)


def test_several_trials_a_row_are_refused(data):
    with pytest.raises(gl.DataError, match="one trial per row"):
        glm("cbind(3 * ResponseCorrect, 3 - 3 * ResponseCorrect) ~ Size", data)
