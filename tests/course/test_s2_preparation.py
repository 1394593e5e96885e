"""The catalogue of section 2: its questions and every mistake they know."""

import numpy as np
import pytest
from every_section import *  # noqa: F403

import glmmlib as gl
from glmmlib.teaching.exercises import s2_preparation as s2


def right_answers():
    """What is right; level is counted by doing it."""
    size, level = gl.load_crowding()["Size"], {}
    exec("level = 1", level)
    for _ in range(3):
        exec("level = level + 1", level)
    before = level["level"]
    level.clear()
    for cell in ("level = 1", "level = level + 1"):
        exec(cell, level)
    return {
        s2.mean_size_arcmin: np.sum(size) / len(size),
        s2.mean_size_degrees: np.sum(size / 60) / len(size),
        s2.level_before: before,
        s2.level_after: level["level"],
    }


NUMBERS = {"mean_size_arcmin": 7, "mean_size_degrees": 6, "level_before": 6, "level_after": 5}
PREDICTIONS = [s2.predicted_accepted]


CHOICES = {s2.larger_digits_when: "crowded", s2.deleted_definition: "not defined", s2.what_is_graded: "a fresh run"}


@pytest.mark.parametrize("question", CHOICES, ids=lambda q: q.__name__)
def test_wrong_options_say_why_with_the_grade_only(question):
    asked, right = question(), CHOICES[question]
    assert asked.judge(right.title(), right).share == 1
    for option in asked.options:
        assert "graded when you submit" in asked.comment(option)
        if option != right:
            verdict = asked.judge(option, right)
            assert verdict.share == 0 and asked.mistakes[option] in verdict.message


@pytest.mark.parametrize("answer, share, said", [
    (1 / 3, 1, "is right"), ("0.333", 1, "is right"), (np.array([1 / 3]), 1, "is right"), (0.33, 1, "is right"),
    (0.3, 0, "round only the last result"), ("0,33", 0, "after a point, not a comma"), (33.33, 0, "in percent"),
    ([1 / 3, 2 / 3], 0, "holds 2 values"), (0.67, 0, "the rest of the circle"), (3, 0, "how often 120 degrees fit")])
def test_the_practice_question_shows_what_the_text_says(answer, share, said):
    verdict = s2.share_of_circle().judge(answer, 120 / 360)
    assert verdict.share == share
    assert said in verdict.message


def test_half_of_the_eight_forms_are_accepted(repo):
    """The text says so, and the solution's prediction is that."""
    import nbformat

    notebook = nbformat.read(repo / "solutions/s2_preparation/s2_preparation.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "forms")
    listed = cell.source[cell.source.index("{"):cell.source.index("}") + 1]
    forms = eval(listed, {"np": np})
    assert len(forms) == 8
    assert sum(s2.share_of_circle().judge(form, 120 / 360).share for form in forms.values()) == 4
