"""The tests that every section's catalogue has; a section's test module takes them in by `from every_section import *`.

What students hand in, and what they get for it, stands in `tests/grading/bank/`; here the catalogue of
questions is asked by itself, which is quick, so every mistake that it knows is tried. They read what the
module says:

    right_answers   () -> the right number by question, computed by another route than the hidden tests' if there is one
    NUMBERS         name of each of these questions -> how many mistakes it must know
    PREDICTIONS     the questions that any answer earns
"""

import numpy as np
import pandas as pd

__all__ = [
    "test_every_mistake_is_named_and_none_is_right", "test_right_answers_are_accepted_in_any_form",
    "test_enough_mistakes_can_be_told_from_the_right_answer", "test_every_number_is_asked",
    "test_any_prediction_counts_and_none_does_not",
]


def test_every_mistake_is_named_and_none_is_right(answers, number_name, capsys):
    question, expected = answers[number_name]
    for mistake in question.mistakes:
        verdict = question.judge(mistake.value, expected)
        assert verdict.share == mistake.share < 1
        named = [m.message for m in question.mistakes if abs(m.value - mistake.value) <= 2 * 10.0**-question.decimals]
        assert any(message in verdict.message for message in named)
        question.check(mistake.value)
        said = capsys.readouterr().out
        assert any(message in said for message in named)


def test_right_answers_are_accepted_in_any_form(answers, number_name, capsys):
    question, expected = answers[number_name]
    rounded = round(expected, question.decimals)
    spelled = f"{expected:.{question.decimals}f}"
    for form in (expected, np.float32(expected), np.array([expected]), rounded, spelled, pd.Series([expected]), [rounded]):
        assert question.judge(form, expected).share == 1
    question.check(expected)
    assert "✗" not in capsys.readouterr().out


def test_enough_mistakes_can_be_told_from_the_right_answer(answers, number_name, request):
    """A mistake that leads to the right number is left out; too many, and the question is pointless."""
    assert len(answers[number_name][0].mistakes) >= request.module.NUMBERS[number_name]


def test_every_number_is_asked(answers, request):
    assert set(answers) == set(request.module.NUMBERS)


def test_any_prediction_counts_and_none_does_not(request):
    for prediction in getattr(request.module, "PREDICTIONS", ()):
        question = prediction()
        for option in question.options:
            assert question.judge(option).share == question.judge(f" {option.upper()} ").share == 1
        for nothing in (..., None, "", 3, "no idea"):
            assert question.judge(nothing).share == 0
