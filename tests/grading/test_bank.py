"""Every autograded question answered rightly and wrongly in many ways, graded through the real pipeline.

What students type stands in `bank/<section>.py` and `bank/forms.py`. A *false accept* is an answer that
earned more than it is owed, a *false reject* one that earned less: there must be none of either. At the
end of the test run the counts are printed.
"""

import json
import re
from collections import Counter, defaultdict
from functools import cached_property
from html import unescape

import nbformat
import numpy as np
import pytest
from bank.counts import BANK_COUNTS
from bank.forms import BARE, HINT, evaluated, right_forms, wrong_forms
from bank.students import LEAST_RIGHT, key_of, questions_about, students_of, typed
from classroom import Classroom, total_points

from glmmlib.teaching.checks import Choice, Prediction, Table
from glmmlib.teaching.grading import Course
from glmmlib.teaching.grading.values import decode, encode

LEAST_WRONG = {Prediction: 3}       # of any other kind 5: a prediction cannot be wrong, only missing


class Graded:
    """A section of the bank: its students and what became of them."""

    def __init__(self, repo, root, section):
        # a busy machine must not decide what is right
        self.room, self.section = Classroom(repo, root, cell_time=900, notebook_time=3600), section
        key, = self.room.key(section).notebooks.values()
        self.tests = {cell.grade_id: cell.parts for cell in key.values() if cell.is_test}
        self.parts = [part for parts in self.tests.values() for part in parts]
        self.students = students_of(section, self.parts)
        self.solution = nbformat.read(repo / "solutions" / section / f"{section}.ipynb", as_version=4)

    @cached_property
    def rows(self):
        """Grade all; the rows of scores.csv by student."""
        self.room.hand_in("solution", self.section, notebook=self.solution)
        self.room.hand_in("untouched", self.section)
        cells = self.room.answer_cells(self.section)
        for student in self.students:
            self.room.hand_in(student.name, self.section, typed(self.section, student, cells))
        return self.room.grade()

    @cached_property
    def verdicts(self):
        """(student, question's key) -> (share of the points, the line that the student reads)."""
        return {(student, key): verdict for student in self.rows for key, verdict in self._verdicts(student)}

    def _verdicts(self, student):
        lines = self.room.lines(student, self.section)
        for grade_id, parts in self.tests.items():
            for part, line in zip(parts, lines[grade_id], strict=True):
                earned, of = re.search(r"\(([\d.]+) of ([\d.]+) points?\)$", line).groups()
                yield key_of(part.question), (float(earned) / float(of), line)

    @cached_property
    def answers(self):
        """All that is answered: (student, entry, question's key, share owed, words owed)."""
        return [(student.name, entry, key, share, words) for student in self.students
                for entry in student.entries.values() for key, (share, words) in entry.owed.items()]


@pytest.fixture(scope="module", params=Course(".").sections())
def graded(request, repo, tmp_path_factory, sandbox):
    """One section after another."""
    graded = Graded(repo, tmp_path_factory.mktemp("bank"), request.param)
    yield graded
    if "rows" in vars(graded):
        request.config.stash.setdefault(BANK_COUNTS, {})[request.param] = counted(graded)


def counted(graded):
    """What is printed of a section: answers to predictions, which any option answers rightly, stand apart."""
    predictions = {part.question.name for part in graded.parts if isinstance(part.question, Prediction)}
    counts = Counter({"questions": len(graded.parts) - len(predictions), "predictions": len(predictions),
                      "notebooks": len(graded.rows)})
    for student, entry, key, share, words in graded.answers:
        earned, line = graded.verdicts[student, key]
        counts["of predictions" if key in predictions else "right" if share == 1 else "wrong"] += 1
        counts["false accepts"] += earned > share
        counts["false rejects"] += earned < share
        counts["not told why"] += not says(line, share, words)
    return counts


def says(line, share, words):
    """Whether the line tells the student what it must."""
    if share == 1 and not words:
        return True
    return not any(bare in line for bare in BARE) if words is HINT else words in line


# --- through the whole pipeline ------------------------------------------------------------------

def test_the_solution_earns_all_points_but_those_of_a_person(graded):
    points, by_hand = total_points(graded.solution)
    row = graded.rows["solution"]
    assert (row.score, row.max_score, row.problem) == (points - by_hand, points, "")
    assert row.needs_manual_grade == (by_hand > 0), "free text waits for a person"


def test_the_untouched_notebook_earns_nothing(graded):
    row = graded.rows["untouched"]
    assert (row.score, row.max_score, row.problem) == (0, total_points(graded.solution)[0], "")
    for part in graded.parts:
        assert "is not answered yet" in graded.verdicts["untouched", key_of(part.question)][1]


def test_no_answer_earns_more_than_it_is_owed(graded):
    """No false accepts."""
    assert [(entry.code, line) for student, entry, key, share, _ in graded.answers
            for earned, line in [graded.verdicts[student, key]] if earned > share] == []


def test_no_answer_earns_less_than_it_is_owed(graded):
    """No false rejects."""
    assert [(entry.code, line) for student, entry, key, share, _ in graded.answers
            for earned, line in [graded.verdicts[student, key]] if earned < share] == []


def test_every_wrong_answer_is_told_what_is_wrong(graded):
    assert [(entry.code, words, line) for student, entry, key, share, words in graded.answers
            for _, line in [graded.verdicts[student, key]] if not says(line, share, words)] == []


def test_the_gradebook_has_what_the_lines_say(graded):
    for student in graded.rows:
        points = graded.room.points(student, graded.section)
        for grade_id, parts in graded.tests.items():
            said = sum(part.points * graded.verdicts[student, key_of(part.question)][0] for part in parts)
            assert points[grade_id] == pytest.approx(said), (student, grade_id)


def test_the_page_has_the_lines_and_keeps_the_tests_to_itself(graded):
    bank = __import__(f"bank.{graded.section}", fromlist=["SECRETS"])
    for student in graded.rows:
        page = unescape(graded.room.feedback(student, graded.section))
        for part in graded.parts:
            assert graded.verdicts[student, key_of(part.question)][1] in page
        for secret in ("HIDDEN TESTS", *bank.SECRETS):
            assert secret not in page, student
        if student == "crash":
            assert "name 'undefined_name' is not defined" in page
        else:
            assert "Traceback (most" not in page, student
    for words in getattr(bank, "PAGE", ()):
        assert words in unescape(graded.room.feedback("untouched", graded.section))


# --- the bank itself -----------------------------------------------------------------------------

def test_every_question_is_answered_in_enough_ways(graded):
    right, wrong = defaultdict(set), defaultdict(set)
    for student, entry, key, share, _ in graded.answers:
        if student != "crash":
            (right if share == 1 else wrong)[key].add((entry.code, entry.by_hand))
    for part in graded.parts:
        key = key_of(part.question)
        assert len(right[key]) >= LEAST_RIGHT, key
        assert len(wrong[key]) >= LEAST_WRONG.get(type(part.question), 5), key
        if not isinstance(part.question, Choice):
            assert sum(by_hand for _, by_hand in wrong[key]) >= 3, f"{key}: misconceptions are written by hand"


def test_every_form_is_judged_as_it_must_be(graded):
    """All forms of a right answer, to every question: quick, as no student's kernel is asked."""
    for questions in questions_about(graded.parts).values():
        question, expected = questions[0]
        if isinstance(question, (Prediction, Table)):       # those have no one right answer
            continue
        expected = expected if isinstance(expected, str) else float(np.squeeze(expected))
        owed = [*((form, 1, "") for form in right_forms(question, expected)),
                *((form, 0, words) for form, words in wrong_forms(question, expected).items())]
        for form, share, words in owed:
            answer = decode(json.loads(json.dumps(encode(evaluated(form, expected)))))
            verdict = question.judge(answer, expected)
            assert verdict.share == share and says(verdict.message, share, words), (question.name, form, verdict)
