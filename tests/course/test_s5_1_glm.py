"""The catalogue of section 5.1: its questions and every mistake they know."""

import numpy as np
import pytest
from every_section import *  # noqa: F403
from scipy.special import expit, logit

from glmmlib.teaching.exercises import s5_1_glm as s5


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
