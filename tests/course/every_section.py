"""The tests that every section has; a section's test module takes them in by `from every_section import *`.

They read what the module says:

    SECTION         the folder's name
    FULL            points by autograded test cell
    SUBMISSIONS     student -> (answers by cell, points that differ, what the feedback page says)
    RIGHT           right answers by cell: what a submission does not answer otherwise, and points then differ
                    from FULL; without it, what is not answered stays untouched, and points differ from none
    source          (cell, answer) -> what the student's cell holds; without it, the answer itself
    SECRETS         words of the hidden tests, which no feedback page may show
    right_answers   () -> the right number by question, computed by another route than the hidden tests' if there is one
    NUMBERS         name of each of these questions -> how many mistakes it must know
    PREDICTIONS     the questions that any answer earns
"""

from html import unescape

import nbformat
import numpy as np
import pandas as pd

__all__ = [
    "test_solution_scores_full_marks", "test_untouched_notebook_scores_nothing", "test_typical_submissions",
    "test_feedback_keeps_the_tests_to_itself", "test_every_mistake_is_named_and_none_is_right",
    "test_right_answers_are_accepted_in_any_form", "test_enough_mistakes_can_be_told_from_the_right_answer",
    "test_every_number_is_asked", "test_any_prediction_counts_and_none_does_not",
]


def autograded(graded, module, student):
    """Points by autograded test cell."""
    return {name: points for name, points in graded.points(student, module.SECTION).items() if name in module.FULL}


def total_points(repo, section):
    """(all points, those a person gives) of a section, as its solution says."""
    notebook = nbformat.read(repo / "solutions" / section / f"{section}.ipynb", as_version=4)
    cells = [cell.metadata.nbgrader for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return sum(cell.points for cell in cells), sum(cell.points for cell in cells if cell.solution)


# --- through the real pipeline -------------------------------------------------------------------

def test_solution_scores_full_marks(graded, repo, request):
    module, row = request.module, graded.rows["student-a"]
    points, by_hand = total_points(repo, module.SECTION)
    assert autograded(graded, module, "student-a") == module.FULL
    assert (row.score, row.max_score, row.problem) == (points - by_hand, points, "")
    assert row.needs_manual_grade == (by_hand > 0), "free text waits for a person"


def test_untouched_notebook_scores_nothing(graded, repo, request):
    module, row = request.module, graded.rows["student-b"]
    assert autograded(graded, module, "student-b") == dict.fromkeys(module.FULL, 0)
    assert (row.score, row.max_score, row.problem) == (0, total_points(repo, module.SECTION)[0], "")
    assert "is not answered yet" in graded.feedback("student-b", module.SECTION)


def test_typical_submissions(graded, student, request):
    module = request.module
    _, points, messages = module.SUBMISSIONS[student]
    others = module.FULL if hasattr(module, "RIGHT") else dict.fromkeys(module.FULL, 0)
    expected = {**others, **{cell: value() if callable(value) else value for cell, value in points.items()}}
    assert autograded(graded, module, student) == expected
    page = unescape(graded.feedback(student, module.SECTION))
    for message in messages:
        assert message in page


def test_feedback_keeps_the_tests_to_itself(graded, request):
    module = request.module
    for student in ("student-a", "student-b", *module.SUBMISSIONS):
        page = unescape(graded.feedback(student, module.SECTION))
        for secret in ("HIDDEN TESTS", *module.SECRETS):
            assert secret not in page, student
        if student.startswith("student-"):      # an answer that crashes shows where, and may
            assert "Traceback (most" not in page


# --- the catalogue by itself: quick, and every mistake -------------------------------------------

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
