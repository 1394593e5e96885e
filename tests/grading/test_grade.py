"""A class hands in good, half-done and broken notebooks: each gets what it earned, none harms another."""

import csv
import hashlib
import io
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import SECTION, cell

from glmmlib.teaching.grading import GradingError, grade, main, release
from glmmlib.teaching.grading.peeking import peeked
from glmmlib.teaching.grading.run import Progress

RIGHT = {"total": "sum(sizes)", "half": "21.25", "larger": "'first'"}


def scores(course):
    with open(course.gradebook / "scores.csv", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def page(course, student):
    return (course.feedback / student / SECTION / "sums.html").read_text()


def digests(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*") if path.is_file()
    }


def test_right_untouched_and_partly_right(group, capsys):
    course = group.course
    assert not course.gradebook.exists()
    solved = group.notebook(**RIGHT)
    cell(solved, "why").source = "Because halves are halves."
    group.hand_in("right", solved)
    group.hand_in("untouched")
    group.hand_in("partly", total="40", half="21.25", larger="'second'")
    handed_in = digests(course.submitted)

    grade(course)

    marks = scores(course)
    assert list(next(iter(marks.values()))) == [
        "assignment", "student_id", "score", "max_score", "late_penalty", "needs_manual_grade", "problem"
    ]
    assert {student: row["score"] for student, row in marks.items()} == {
        "right": "6.0", "untouched": "0.0", "partly": "3.0"
    }
    assert {row["max_score"] for row in marks.values()} == {"9.0"}
    assert {row["problem"] for row in marks.values()} == {""}
    assert [s for s, row in marks.items() if row["needs_manual_grade"] == "True"] == ["right"]
    assert "3 of 3 submissions are graded" in capsys.readouterr().out

    assert "this is the first size alone: add the second." in page(course, "partly")
    assert "2.5 is less than 40." in page(course, "partly") and "3 of 4 points" in page(course, "partly")
    assert "total = 42.5 is right." in page(course, "right")
    assert "3 points, not yet given by hand" in page(course, "right")
    assert "total is not answered yet" in page(course, "untouched")
    for student in marks:
        assert "How much is it together?" in page(course, student)
        for secret in ("HIDDEN", "points(", "ask_total", "40 + 2.5", "Two halves"):
            assert secret not in page(course, student)

    # a person reads the free text; graded once more, their marks and words stay, and so do all others
    with Gradebook(course.db_url) as gradebook:
        by_hand = gradebook.find_grade("why", "sums", SECTION, "right")
        by_hand.manual_score, by_hand.needs_manual_grade = 2, False
        gradebook.find_comment("why", "sums", SECTION, "right").manual_comment = "Well **said**."
        gradebook.db.commit()
    grade(course)
    marks["right"] |= {"score": "8.0", "needs_manual_grade": "False"}
    assert scores(course) == marks
    assert "Well <strong>said</strong>." in page(course, "right")
    assert digests(course.submitted) == handed_in


def test_submissions_that_go_wrong_harm_only_themselves(group, capsys):
    course = group.course
    group.hand_in("a good one", **RIGHT)
    group.hand_in("endless", total="42.5\nwhile True: pass", half="21.25")
    group.hand_in("exits", total="42.5", half="__import__('os')._exit(1)")
    group.hand_in("not json", text="{nonsense")
    group.hand_in("renamed", **RIGHT)
    (course.submitted / "renamed" / SECTION / "sums.ipynb").rename(
        course.submitted / "renamed" / SECTION / "sums (1).ipynb"
    )
    copied = group.notebook(total="42.5")
    copied.cells.append(nbformat.from_dict(cell(copied, "total-test") | {"id": "copy"}))
    group.hand_in("copied", copied)
    deleted = group.notebook(**RIGHT)
    deleted.cells.remove(cell(deleted, "total-test"))
    deleted.cells.remove(cell(deleted, "half-answer"))
    deleted.cells.remove(cell(deleted, "why"))
    group.hand_in("deleted", deleted)
    forged = group.notebook(total="1")
    cell(forged, "total-test").source = "2"
    cell(forged, "total-test").metadata["nbgrader"]["points"] = 300
    cell(forged, "half-test").metadata["nbgrader"] = {"grade_id": ["?"]}
    group.hand_in("forged", forged)
    shadow = group.hand_in("shadows", **RIGHT)
    (shadow / "numpy.py").write_text("raise SystemExit")
    group.hand_in("breaks tests", total="42.5; import sys; sys.modules['glmmlib.teaching'] = None")
    (course.submitted / "lost" / "s9_unknown").mkdir(parents=True)
    group.hand_in("z also good", **RIGHT)

    assert main(["grade", "--root", str(course.root)]) == 0

    marks = scores(course)
    assert {student: row["score"] for student, row in marks.items()} == {
        "a good one": "6.0", "z also good": "6.0", "shadows": "6.0",
        "endless": "5.0", "exits": "2.0", "copied": "2.0", "deleted": "3.0", "forged": "0.0",
        "breaks tests": "2.0",
        "not json": "", "renamed": "", "lost": "",
    }
    assert {row["max_score"] for row in marks.values() if row["score"]} == {"9.0"}
    for student, said in {
        "a good one": "", "z also good": "", "shadows": "",
        "endless": "ran too long", "exits": "Python had ended", "copied": "total-test is there more than once",
        "deleted": "total-test, why were missing", "forged": "half-test were missing",
        "breaks tests": "", "not json": "not a notebook that can be read", "renamed": "sums.ipynb is not there",
        "lost": "no section s9_unknown",
    }.items():
        assert said in marks[student]["problem"] and bool(said) == bool(marks[student]["problem"])
    assert "9 of 12 submissions are graded" in capsys.readouterr().out
    assert "half is not defined" in page(course, "deleted")
    assert "did not run" in page(course, "exits")


def test_code_that_cannot_be_interrupted_is_given_up(group):
    course = group.course
    stubborn = group.notebook(**RIGHT)
    stubborn.cells.insert(6, new_code_cell(
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    ))
    group.hand_in("stubborn", stubborn)
    grade(course)
    marks = scores(course)["stubborn"]
    assert marks["score"] == "2.0" and "could not be interrupted" in marks["problem"]


def test_a_judging_that_fails_is_told_to_the_instructor(group):
    course = group.course
    path = course.source / SECTION / "sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, "total-test").source = cell(notebook, "total-test").source.replace("40 + 2.5", "1 / 0")
    nbformat.write(notebook, path)
    group.hand_in("unlucky", **RIGHT)
    grade(course)
    assert scores(course)["unlucky"]["score"] == "4.0"
    assert "total-test could not judge every answer" in scores(course)["unlucky"]["problem"]
    assert "your instructor will look at it" in page(course, "unlucky")


def test_who_asks_the_exercises_for_the_answer_is_told_to_the_instructor(group):
    notebook = group.notebook(**RIGHT)
    notebook.cells.insert(2, new_code_cell("from glmmlib.teaching.exercises import s6_subjects as s6\nm = s6.reference"))
    group.hand_in("asks", notebook)
    grade(group.course, jobs=1)
    assert scores(group.course)["asks"]["score"] == "6.0"
    assert "uses s6_subjects.reference of the exercises" in scores(group.course)["asks"]["problem"]


@pytest.mark.parametrize(("own", "seen"), [
    ("s6.slope().check()", []), ("x = 1", []), ("s6.reference", ["s6_subjects.reference"]), ("%time x", []), ("(" * 9999, []),
    ("from glmmlib.teaching.exercises.s6_subjects import reference as r", ["s6_subjects.reference"]),
    ("import glmmlib.teaching.exercises.s6_subjects as q\nq.reference()", ["s6_subjects.reference"]),
    ("import glmmlib.teaching.exercises.s6_subjects", ["s6_subjects"]),
    ("from glmmlib.teaching.exercises import s7_issues\ns7_issues.reference()", ["s7_issues.reference"]),
])
def test_what_own_code_uses_of_the_exercises(own, seen):
    assert peeked([own], ["from glmmlib.teaching.exercises import s6_subjects as s6\ns6.slope().check()"]) == seen


def test_a_terminal_shows_how_far_it_is_and_what_is_said_stays(capsys):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    progress = Progress(4, terminal)
    progress.step("s1_sums of ann")
    progress.say("s1_sums of bob: A cell ran too long and was stopped.")
    progress.step("s1_sums of bob")
    progress.end()
    bars = [bar for bar in terminal.getvalue().split("\r\033[K") if bar]
    assert [bar.split(" ")[0] for bar in bars] == ["[######..................]", "[############............]"]
    assert "1/4, 0 min left: s1_sums of ann" in bars[0] and "2/4" in bars[1]
    assert terminal.getvalue().endswith("\r\033[K"), "nothing is left of it at the end"
    assert capsys.readouterr().out == "s1_sums of bob: A cell ran too long and was stopped.\n"


def test_nothing_handed_in_is_a_sentence(course, capsys):
    release(course)
    grade(course)
    assert "Nothing is handed in" in capsys.readouterr().out
    assert (course.gradebook / "scores.csv").read_text().strip() == (
        "assignment,student_id,score,max_score,late_penalty,needs_manual_grade,problem"
    )
    assert (course.gradebook / ".gitignore").read_text() == "*\n"


def test_changed_questions_need_a_new_gradebook(group):
    course = group.course
    group.hand_in("early")
    grade(course)
    path = course.source / SECTION / "sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.remove(cell(notebook, "why"))
    nbformat.write(notebook, path)
    with pytest.raises(GradingError, match="start a new gradebook"):
        grade(course)
    shutil.move(course.gradebook / "gradebook.db", course.gradebook / "old.db")
    grade(course)
    assert scores(course)["early"]["max_score"] == "6.0"
