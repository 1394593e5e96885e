"""The hostile bank through the real pipeline: what each ends in, and that nobody else is harmed."""

from pathlib import Path

import nbformat
import pytest
from bank.hostile import CHEATS, DISRUPTIONS, ESCAPES, ODD, RIGHT
from nbformat.v4 import new_code_cell
from small_course import SECTION, Class, small_course

from glmmlib.teaching.grading import grade, release

CASES = {case.name: case for case in [*CHEATS, *ESCAPES, *DISRUPTIONS]}
GOOD = ["a good one", "m good too", "z the last good one"]


def hand_in(group, case):
    notebook = group.notebook(**case.answers)
    code = case.code.replace("{root}", str(group.course.root)).replace("{home}", str(Path.home()))
    notebook.cells.insert(2 if case.first else 5, new_code_cell(code, id="hostile"))
    group.hand_in(case.name.replace("/", " "), notebook)


@pytest.fixture(scope="module")
def graded(tmp_path_factory, repo, sandbox):
    """Everything hostile and three good students, graded in one run."""
    course = small_course(repo, tmp_path_factory.mktemp("hostile"), memory=512 * 2**20, disk=50 * 2**20,
                          cell_time=3, notebook_time=20, grace=1)
    release(course)
    group = Class(course)
    for student in GOOD:
        group.hand_in(student, **RIGHT)
    for case in CASES.values():
        hand_in(group, case)
    for name, (how, _, _) in ODD.items():
        how(group, name)
    rows = {row.student_id: row for row in grade(course, jobs=2)}
    return course, rows


@pytest.mark.parametrize("student", GOOD)
def test_the_good_keep_full_marks(graded, student):
    row = graded[1][student]
    assert (row.score, row.max_score, row.problem) == (6, 9, "")


@pytest.mark.parametrize("name", CASES)
def test_hostile_code_ends_as_it_must(graded, name):
    row, case = graded[1][name.replace("/", " ")], CASES[name]
    assert (row.score, row.max_score) == (case.score, 9), row.problem
    assert case.said in row.problem
    if case.score == 2:
        assert row.problem, "why the rest did not run is said"


@pytest.mark.parametrize("name", ODD)
def test_odd_notebooks_and_folders_end_as_they_must(graded, name):
    _, score, said = ODD[name]
    row = graded[1][name]
    assert (row.score, row.max_score) == (score, None if score is None else 9), row.problem
    assert said in row.problem and bool(said) == bool(row.problem)


def test_what_is_kept_of_them_is_small_and_harmless(graded):
    course = graded[0]
    for path in [*course.autograded.rglob("*.ipynb"), *course.feedback.rglob("*.html")]:
        assert path.stat().st_size < 3e6, path
    page = (course.feedback / "scripts" / SECTION / "sums.html").read_text()
    assert "<script>steal()" not in page and "onerror" not in page.replace("&quot;", '"').split("<pre>")[0]
    for path in course.autograded.rglob("*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))


def test_no_page_tells_a_hidden_test(graded):
    for path in graded[0].feedback.rglob("*.html"):
        page = path.read_text()
        assert "points(" not in page and "40 + 2.5" not in page and "HIDDEN TESTS" not in page, path
