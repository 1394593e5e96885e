"""Section 5.2 graded through the real pipeline: right answers, none, and typical wrong ones."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from every_section import *  # noqa: F403

import glmmlib as gl
from glmmlib.teaching import cohort
from glmmlib.teaching.exercises import s5_2_glmm as s52

SECTION = "s5_2_glmm"
FULL = {"parameters-test": 2, "predict-slope-test": 1, "residuals-test": 2, "singular-question-test": 1, "gap-test": 2,
        "predict-gap-test": 1, "probability-test": 3, "predict-mediation-test": 1, "mediation-test": 7}
NONE = dict.fromkeys(FULL, 0)
SECRETS = ("s52.reference", "s52.direct_model")

VARIABLES = {
    "parameters": "number_of_parameters, parameters_without_interaction_slope",
    "predict-slope": "predicted_slope",
    "residuals": "percent_beyond_2, expected_percent_beyond_2",
    "singular-question": "singular_statement",
    "gap": "slope_gap, odds_ratio_half_arcmin",
    "predict-gap": "predicted_gap",
    "probability": "probability_subject_3, probability_typical, probability_average",
    "predict-mediation": "predicted_mediation",
    "mediation": "rows_used, a_path, condition_change, lr_statistic, lr_df, percent_mediated",
}
BEFORE = {  # what an answer's cell computes first
    "probability": 'digit = pd.DataFrame({"Subject": m.coef["Subject"].index, "Size": 2.5, "Condition": "crowded"})\n'
                   "chance = m.predict(digit)\neta = m.predict(digit, type='link')\n"
                   'typical = m.predict(digit[:1], re="population")\n',
    "mediation": "from glmmlib.teaching.exercises import s5_2_glmm as s\n"
                 "a, t, d, c = s.speed_differences().mean(), s.total_model(), s.direct_model(), s.CONDITION\n"
                 "change, share = d.fixef[c] - t.fixef[c], 100 * a * d.fixef['SpeedWithin'] / t.fixef[c]\n"
                 "lr = 2 * (d.loglik - t.loglik)\n",
}
MU = "(lambda mu: 100 * np.mean((1 - mu) * (mu > .8) + mu * (mu < .2)))(m.predict())"
RIGHT = {
    "parameters": "14, 10",
    "predict-slope": '"larger"',
    "residuals": f"100 * np.mean(np.abs(m.residuals()) > 2), {MU}",
    "singular-question": '"C"',
    "gap": "m.fixef.iloc[1] - glm.params.iloc[1], np.sqrt(np.exp(m.fixef.iloc[1]))",
    "predict-gap": '"shrinks"',
    "probability": "chance[2], typical, chance.mean()",
    "predict-mediation": '"a small part"',
    "mediation": "t.nobs, a, change, lr, 1, share",
}

# student -> (answers that differ from the right ones, points that differ from full, said on the page)
SUBMISSIONS = {
    "right-other-forms": (
        {"parameters": '"14", np.array([10.0])',
         "predict-slope": '" Smaller "', "predict-gap": '"grows"', "predict-mediation": '["all"]',
         "residuals": f"str(round((m.residuals()**2 > 4).sum() / len(crowding) * 100, 2)), np.float32({MU})",
         "singular-question": '" c "',
         "gap": "pd.Series([m.fixef.iloc[1] - glm.params.iloc[1]]), round(np.exp(m.fixef.iloc[1] / 2), 2)",
         "probability": "f'{chance[2]:.3f}', float(typical[0]), [np.mean(chance)]",
         "mediation": "str(t.nobs), smf.ols('Speed ~ Condition + Subject', s.trials('tracked')).fit().params.iloc[1],"
                      " round(change, 3), t.aic - d.aic + 2, True + 0, np.round(share)"}, {}, []),
    "first-thoughts": (
        {"parameters": "44, 13", "residuals": "np.mean(np.abs(m.residuals()) > 2), 5",
         "singular-question": '"A"', "gap": "glm.params.iloc[1] - m.fixef.iloc[1], np.exp(m.fixef.iloc[1])",
         "probability": "eta[2], chance.mean(), typical",
         "mediation": "len(crowding), -a, d.fixef[c] - s.reference().fixef[c], 2 * (d.loglik - s.reference().loglik), 15,"
                      " share / 100"},
        {**NONE, "predict-slope-test": 1, "predict-gap-test": 1, "predict-mediation-test": 1, "mediation-test": lambda: 2 * int(change_on_all_rows_is_right())},
        ["you counted every subject's deviations", "its correlations with the other random effects go with it",
         "this is a proportion: times 100", "rule of thumb for normal residuals", "not converging is another message",
         "this is the GLM's slope minus the GLMM's", "this is the factor for a whole arcmin", "these are log-odds",
         "this is the average over the subjects", "this is the typical subject's probability",
         "the model without it must not either", "this is uncrowded minus crowded",
         "log-likelihoods of different rows cannot be compared", "the number of parameters of the larger model"]),
    "second-thoughts": (
        {"parameters": "8, 14", "residuals": "100 * np.mean(m.residuals() < -2), 100 * 2 * norm.sf(2)",
         "singular-question": '"D"', "gap": "m.fixef.iloc[1], np.exp(m.fixef.iloc[1]) / 2",
         "probability": "typical, chance[2], expit(eta.mean())",
         "mediation": "94, a / 2, (lambda f: f.fixef[c] - t.fixef[c])(s.direct_model('SpeedWithinCondition')), lr / 2, 2,"
                      " 100 * (t.fixef[c] - d.fixef[c]) / t.fixef[c]"},
        {**NONE, "predict-slope-test": 1, "predict-gap-test": 1, "predict-mediation-test": 1},
        ["but not their correlations", "nothing has been taken away", "below -2 alone", "a trial has only two possible residuals",
         "a combination of several deviations can be without variance", "take the GLM's away from it", "you halved the factor",
         "use the coefficients of subject 3", "deviations are all zero", "you averaged the log-odds",
         "the coefficient is halved", "within subject *and condition*",
         "the statistic is twice that", "did you let it vary between subjects", "not the product of the two paths"]),
    "partly": (
        {"parameters": "14, 13", "residuals": "100 * np.mean(np.abs(m.residuals()) > 2), 100 * np.mean(np.abs(m.predict() - .5) > .3)",
         "singular-question": '"B"', "gap": "m.fixef.iloc[1] - glm.params.iloc[1], m.fixef.iloc[1] / 2",
         "probability": "1 - chance[2], typical, np.median(chance)",
         "mediation": "t.nobs, a, -change, lr, t.npar, 100 - share"},
        {"parameters-test": 1, "residuals-test": 1, "singular-question-test": 0, "gap-test": 1, "probability-test": 1,
         "mediation-test": 3},
        ["these are the trials that *could* lie beyond 2", "the message says that the data do not support", "take the exponential to have odds",
         "this is the probability of a miss", "this is the median", "this is without Speed minus with Speed",
         "the number of parameters of the smaller model", "the share that is *not* carried by speed"]),
    "crashes": (
        {"parameters": "14, None", "predict-slope": '"maybe"', "residuals": "undefined_name", "singular-question": '"E"',
         "gap": "m.fixef, m.fixef.iloc[1] > 1", "predict-gap": "3", "probability": "chance, np.nan, '0,78'",
         "mediation": "t.nobs, ..., '', float('inf'), lambda: 1, d.fixef"},
        {**NONE, "parameters-test": 1, "predict-mediation-test": 1, "mediation-test": 1},
        ["is not answered yet", "none of the options", "holds 4 values", "not a comparison", "is NaN", "after a point, not a comma",
         "is infinite", "call it, with ( )"]),
}


def source(cell, value):
    return f"{BEFORE.get(cell, '')}{VARIABLES[cell]} = {value}"


def change_on_all_rows_is_right():
    """The other rows' change may agree with the right one to 3 decimals."""
    change = s52.direct_model().fixef - s52.reference().fixef
    return s52.condition_change().judge(change[s52.CONDITION], right_answers()[s52.condition_change]).share == 1


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
