"""The catalogue of section 5.2: its questions and every mistake they know."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from every_section import *  # noqa: F403

import glmmlib as gl
from glmmlib.teaching import cohort
from glmmlib.teaching.exercises import s5_2_glmm as s52


def right_answers():
    """What is right, computed by other routes than the notebook's and the catalogue's."""
    m, crowding = s52.reference(), gl.load_crowding()
    coded = crowding.assign(x=crowding.Size - crowding.Size.mean(), c=(crowding.Condition == "crowded") - 0.5)
    glm = smf.logit("ResponseCorrect ~ x * c", coded).fit(disp=0)
    mu = m.predict()
    surprising = np.minimum(mu, 1 - mu)
    digit = pd.DataFrame({"Subject": [str(j) for j in range(1, 11)], "Size": 2.5, "Condition": "crowded"})
    chance = m.predict(digit)

    used = crowding[crowding.Speed.notna()]
    used = used.assign(Slow=used.Speed - used.groupby("Subject", observed=True).Speed.transform("mean"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        without = gl.glmer(m.design.formula.text, used, contrasts=s52.CODING)
        with_speed = gl.glmer(m.design.formula.text + " + Slow", used, contrasts=s52.CODING)
        mixed = smf.mixedlm(
            "Speed ~ Condition", used.astype({"Subject": str}), groups="Subject", re_formula="~Condition").fit()
    a, total = mixed.params["Condition[T.crowded]"], without.fixef[s52.CONDITION]
    return {
        s52.number_of_parameters: 14,
        s52.parameters_without_interaction_slope: 10,
        s52.percent_beyond_2: (m.residuals()**2 > 4).sum() / len(crowding) * 100,
        s52.expected_percent_beyond_2: 100 * surprising[surprising < 0.2].sum() / len(crowding),
        s52.slope_gap: m.fixef.iloc[1] - glm.params["x"],
        s52.odds_ratio_half_arcmin: np.sqrt(np.exp(m.fixef.iloc[1])),
        s52.probability_subject_3: chance[2],
        s52.probability_typical: m.predict(digit[:1], re="population")[0],
        s52.probability_average: chance.mean(),
        s52.rows_used: len(used),
        s52.a_path: a,
        s52.condition_change: with_speed.fixef[s52.CONDITION] - total,
        s52.lr_statistic: without.aic - with_speed.aic + 2,
        s52.lr_df: 1,
        s52.percent_mediated: 100 * a * with_speed.fixef["Slow"] / total,
    }


NUMBERS = {
    "number_of_parameters": 8, "parameters_without_interaction_slope": 5, "percent_beyond_2": 7,
    "expected_percent_beyond_2": 7, "slope_gap": 6, "odds_ratio_half_arcmin": 7, "probability_subject_3": 9,
    "probability_typical": 9, "probability_average": 6, "rows_used": 5, "a_path": 6, "condition_change": 6,
    "lr_statistic": 5, "lr_df": 6, "percent_mediated": 5,
}


PREDICTIONS = [s52.predicted_slope, s52.predicted_gap, s52.predicted_mediation]


def test_path_a_may_be_had_from_a_linear_model(answers):
    question, expected = answers["a_path"]
    fixed = smf.ols("Speed ~ Condition + Subject", s52.trials("tracked")).fit().params["Condition[T.crowded]"]
    assert question.judge(fixed, expected).share == 1


@pytest.mark.parametrize("option, share", [("A", 0), ("b", 0), ("C", 1), ("c", 1), (" D ", 0), ("E", 0), (3, 0), (..., 0)])
def test_the_statement_about_singular_fits(option, share):
    verdict = s52.singular_statement().judge(option, "C")
    assert verdict.share == share
    assert len(verdict.message) > 30


def test_another_class_s_data_need_no_change():
    """With a cohort's data in place of the bundled ones all questions still tell mistakes from the right answer."""
    with cohort.chosen("class-7"):
        for name in NUMBERS:
            assert len(getattr(s52, name)().mistakes) >= 4, name
