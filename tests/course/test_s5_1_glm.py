"""Section 5.1 graded through the real pipeline: right answers, none, and typical wrong ones."""

import numpy as np
import pytest
from every_section import *  # noqa: F403
from scipy.special import expit, logit

from glmmlib.teaching.exercises import s5_1_glm as s5

SECTION = "s5_1_glm"
FULL = {"p1-test": 1, "p2-test": 1, "q1-test": 4, "q2-test": 3, "q3-test": 3, "q4-test": 4, "q5-test": 5, "p3-test": 1}
SECRETS = ("s5.reference", "short_of_target")

NAMES = {
    "p1": "predicted_change_by_centring",
    "p2": "predicted_cost_at_larger_sizes",
    "q1": "size_effect_direction, size_effect_significant, odds_factor_per_tenth, accuracy_gain",
    "q2": "condition_effect_at_mean, condition_effect_at_2_5_arcmin, condition_coefficient_holds",
    "q3": "slope_uncrowded, slope_crowded, crowding_costs_more",
    "q4": "threshold_from_mean, threshold_uncrowded",
    "q5": "line_that_tells, subject_4_slope, subject_4_intercept",
    "p3": "predicted_own_slopes",
}
B = "b0, b1, b2, b3 = pooled.coef\n"
SUBJECT_4 = 'rows = crowding[crowding.Subject == "4"]\n'

# student -> (answers, points that differ from none, said on the page): what is not answered stays untouched
SUBMISSIONS = {
    "right-other-forms": (
        {"p1": '"All four"', "p2": '"  less "', "p3": '["flatter"]',
         "q1": ('"Positive", "significant", str(round(np.exp(0.1 * b1), 3)), '
                "np.diff(pooled.predict(pd.DataFrame({'Size': mean_size + np.array([0, .5]), 'Condition': 'uncrowded'}),"
                " type='link') + (pooled.coef.iloc[2] + pooled.coef.iloc[3] * np.array([0, .5])) / 2).dot([1]) * 0"
                " + expit(b0 + b1 / 2) - expit(b0)"),
         "q2": '"%.2f" % b2, [b2 + b3 * (2.5 - mean_size)], "AT THE MEAN SIZE ONLY"',
         "q3": "fits['treatment', 'Size'].coef.iloc[1], pd.Series([b1 + b3 / 2]), 'at larger sizes'",
         "q4": "np.float32((logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)), "
               "round(mean_size + (logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2), 2)",
         "q5": '"degrees of freedom", '
               'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).coef.iloc[[1]], '
               'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).predict(pd.DataFrame('
               '{"Size": mean_size, "Condition": ["uncrowded", "crowded"]}), type="link").mean()'},
        FULL, []),
    "other-scales": (
        {"p1": '"two of them"',
         "q1": '"negative", "not significant", np.exp(b1), 0.5 * b1',
         "q2": "expit(b0 + b2 / 2) - expit(b0 - b2 / 2), b2, 'at every size'",
         "q3": "b1 - b3, b1 + b3, 'at smaller sizes'",
         "q4": "logit(0.625), mean_size + (0.625 - b0 + b2 / 2) / (b1 - b3 / 2)",
         "q5": '"AIC", pooled.coef.iloc[1], pooled.coef.iloc[0]'},
        {},
        ["none of the options", "above zero, larger digits are better", "is below 0.05", "a whole arcmin",
         "the gain in log-odds", "a difference of probabilities", "with an interaction it is another one elsewhere",
         "you have just computed another difference", "you coded the conditions as -1 and 1",
         "it falls further behind", "the target in log-odds", "as if it were log-odds",
         "it does not say how many", "select the rows of subject 4 first"]),
    "partly": (
        {"q1": '"positive", "significant", 0.1 * b1, 0.5 * b1 / 4',
         "q2": "b2 / 2, b2 + b3 * 2.5, 'at the mean size only'",
         "q3": "b1, b1 + b3 / 2, 'at larger sizes'",
         "q4": "(logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2), (logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)",
         "q5": '"degrees of freedom", '
               'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).coef.iloc[1], '
               'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).coef.iloc[0]'},
        {"q1-test": 2, "q2-test": 1, "q3-test": 2, "q4-test": 2, "q5-test": 3},
        ["adding into multiplying", "the divide-by-four rule", "this is half the difference",
         "it counts from the mean size", "the slope midway between the conditions",
         "this counts from the mean size: add that mean", "subject 4's own mean size"]),
    "other-rows": (
        {"p3": "...",
         "q1": '1, True, "1,1", None',
         "q2": "fits['deviation', 'Size'].coef.iloc[2], b2 - b3 * (2.5 - mean_size), 'at the mean size only'",
         "q3": "b1 + b3 / 2, b1 - b3 / 2, 'at larger sizes'",
         "q4": "-(b0 - b2 / 2) / (b1 - b3 / 2), 2.0",
         "q5": '"degrees of freedom", '
               'glm("ResponseCorrect ~ center(Size) * Condition", crowding[crowding.Subject == "5"],'
               ' contrasts=coding).coef.iloc[1], '
               'glm("ResponseCorrect ~ Size * Condition", rows, contrasts=coding).coef.iloc[0]'},
        {"q2-test": 1, "q3-test": 1, "q5-test": 1},
        ["is a int, not a text", "decimals after a point", "the difference at size 0", "you subtracted the interaction",
         "this is the slope for crowded", "It knows no guess rate", "% correct when uncrowded; 62.5 % are asked for",
         "positions count from 0", "these are the log-odds at size 0"]),
    "crashes": ({"q1": "undefined_name", "q4": "pooled, pooled.coef"}, {},
                ["size_effect_direction is not answered yet", "is a GLMResult, not a number", "holds 4 values"]),
}


def source(cell, value):
    before = B + SUBJECT_4 if cell.startswith("q") else ""
    dots = "".join(f"{name.strip()} = ...\n" for name in NAMES[cell].split(","))
    return f"{dots}{before}{NAMES[cell]} = {value}"


def right_answers():
    b0, b1, b2, b3 = s5.reference().coef
    one = s5.one_subject("4").coef
    centred = (logit(0.625) - b0 + b2 / 2) / (b1 - b3 / 2)
    return {
        s5.odds_factor_per_tenth: np.exp(b1 / 10),
        s5.accuracy_gain: expit(b0 + b1 / 2) - expit(b0),
        s5.condition_effect_at_mean: b2,
        s5.condition_effect_at_2_5_arcmin: b2 + b3 * (2.5 - s5.mean_size()),
        s5.slope_uncrowded: b1 - b3 / 2,
        s5.slope_crowded: b1 + b3 / 2,
        s5.threshold_from_mean: centred,
        s5.threshold_uncrowded: centred + s5.mean_size(),
        s5.subject_4_slope: one["SizeCentred"],
        s5.subject_4_intercept: one["(Intercept)"],
    }


NUMBERS = dict.fromkeys(
    ["odds_factor_per_tenth", "accuracy_gain", "condition_effect_at_mean", "condition_effect_at_2_5_arcmin", "slope_uncrowded",
     "slope_crowded", "threshold_from_mean", "threshold_uncrowded", "subject_4_slope", "subject_4_intercept"], 5)
PREDICTIONS = [s5.predicted_change_by_centring, s5.predicted_cost_at_larger_sizes, s5.predicted_own_slopes]
CHOICES = [s5.size_effect_direction, s5.size_effect_significant, s5.condition_coefficient_holds,
           s5.crowding_costs_more, s5.line_that_tells]


@pytest.mark.parametrize("question", CHOICES, ids=lambda q: q.__name__)
def test_choices_name_the_reason_with_the_grade_only(question, capsys):
    asked = question()
    for expected in asked.options:
        for option in asked.options:
            verdict = asked.judge(f" {option.upper()} ", expected)
            assert verdict.share == (option == expected)
            if option != expected and option in asked.mistakes:
                assert asked.mistakes[option] in verdict.message
            asked.check(option)
            assert "It is graded when you submit" in capsys.readouterr().out
