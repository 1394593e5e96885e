"""A class with data of its own: the course follows, and grading knows whose data it judges.

Every section's solution is graded under one of three cohorts, as all of them under each would take too long.
"""

import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from classroom import Classroom, total_points

import glmmlib as gl
from glmmlib.teaching import cohort
from glmmlib.teaching.grading import Course, GradingError, grade, main, release, stale_sections
from glmmlib.teaching.grading.submission import Job, recall

COHORTS = ["2027-spring", "2027-autumn", "evening.class_3"]


# --- the data ------------------------------------------------------------------------------------

def test_a_name_means_the_same_data_everywhere():
    with cohort.chosen("2027-spring"):
        ours = cohort.load_crowding()
        assert cohort.whose_data() == "the data of the cohort 2027-spring"
    # kept from one machine and version to another: the grader's data must be the students'
    assert cohort.seed("2027-spring") == 4266255767
    pd.testing.assert_frame_equal(ours, gl.simulate_crowding(4266255767))
    with cohort.chosen("2027-autumn"):
        assert not cohort.load_crowding()["Size"].equals(ours["Size"])
    with cohort.chosen(None):
        assert cohort.whose_data() == "the bundled data"
        pd.testing.assert_frame_equal(cohort.load_crowding(), gl.load_crowding())


def test_what_is_loaded_can_be_changed_without_changing_what_is_loaded_next():
    with cohort.chosen("2027-spring"):
        before = cohort.load_crowding()["Size"].sum()
        changed = cohort.load_crowding()
        changed["Size"] = 0
        assert cohort.load_crowding()["Size"].sum() == before


def test_the_files_of_a_cohort_hold_what_is_loaded():
    from scipy.io import loadmat

    with cohort.chosen("2027-spring"):
        folder, data, traced = cohort.data_folder(), cohort.load_crowding(), cohort.load_crowding(traces=True)
        raw = cohort.load_crowding(raw=True)
    csv, mat = pd.read_csv(folder / "crowding.csv"), loadmat(folder / "crowding.mat", simplify_cells=True)["d"]
    for name in data.columns.drop(["Subject", "Condition"]):
        assert np.array_equal(csv[name], data[name], equal_nan=True)
        assert np.array_equal(mat[name.replace(".", "_")], data[name], equal_nan=True)
    assert (csv["Condition"] == data["Condition"].astype(str)).all()
    pd.testing.assert_frame_equal(pd.read_csv(folder / "crowding_raw.csv"), raw)
    assert np.array_equal(mat["Trace_X"].T, np.stack(traced["Trace.X"]), equal_nan=True)
    assert list(raw) == list(gl.load_crowding(raw=True)), "the columns of the bundled raw file"


def test_the_file_beside_the_notebook_says_whose_data_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cohort.name() is None
    cohort.write(tmp_path, "2027-spring")
    assert cohort.name() == "2027-spring"
    with cohort.chosen(None):
        assert cohort.name() is None, "a grader goes by what it was told"
    for nonsense in ("", "../elsewhere", "two words", "bundled", "x" * 61):
        (tmp_path / cohort.FILE).write_text(nonsense)
        with pytest.raises(gl.DataError, match="cohort.txt holds no cohort's name: get this file"):
            cohort.name()


def test_bad_options_get_the_sentences_of_the_bundled_data():
    with cohort.chosen("2027-spring"):
        with pytest.raises(gl.DataError, match="has no option 'trace'"):
            cohort.load_crowding(trace=True)
        with pytest.raises(gl.DataError, match="raw must be True or False"):
            cohort.load_crowding(raw="yes")


def test_what_is_kept_for_one_cohort_is_not_given_to_another():
    counted = []

    @cohort.cache
    def kept(argument):
        counted.append(argument)
        return cohort.name(), argument

    for whose in ("2027-spring", None, "2027-spring"):
        with cohort.chosen(whose):
            assert kept(1) == (whose, 1)
    assert len(counted) == 2


def test_no_section_goes_past_the_cohort(repo):
    """In code cells, catalogues and widgets the data, and what is kept of them, come by way of `cohort`."""
    teaching = repo / "glmmlib/src/glmmlib/teaching"
    sources = {path.name: path.read_text() for folder in ("exercises", "widgets")
               for path in (teaching / folder).glob("*.py")}
    for path in (repo / "solutions").glob("*/*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        sources[path.name] = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    for name, source in sources.items():
        assert not re.search(r"(gl|glmmlib|datasets)\.load_crowding\(|datasets import .*load_crowding", source), name
        assert not (name.endswith(".py") and re.search(r"from functools import .*\bcache\b|functools\.cache", source)), f"{name}: cache is cohort.cache"


# --- handing out ---------------------------------------------------------------------------------

@pytest.fixture
def small(repo, tmp_path):
    room = Classroom(repo, tmp_path)
    for section in room.course.sections()[2:]:
        for path in (room.course.source / section).iterdir():
            path.unlink()
    return room.course


def names(course):
    return {cohort.read(course.release / section) for section in course.sections()}


def test_release_keeps_the_cohort_until_it_is_told_another(small, capsys):
    run = ["--root", str(small.root)]
    for arguments, whose in (([], None), (["--cohort", "2027-spring"], "2027-spring"), ([], "2027-spring"),
                             (["--cohort", "2027-autumn"], "2027-autumn"), (["--cohort", cohort.BUNDLED], None)):
        assert main(["release", *run, *arguments]) == 0
        assert names(small) == {whose} and small.cohort() == whose
        assert cohort.describe(whose) in capsys.readouterr().out
        assert stale_sections(small) == []


def test_a_name_that_cannot_be_one_and_mixed_sections_are_a_sentence_each(small, capsys):
    assert main(["release", "--root", str(small.root), "--cohort", "../x"]) == 1
    assert "A cohort cannot be called '../x'" in capsys.readouterr().err
    release(small, "2027-spring")
    one, other = small.sections()
    cohort.write(small.release / other, "2027-autumn")
    with pytest.raises(GradingError, match=f"course/{one} has the data of 2027-spring, course/{other} those of 2027-autumn"):
        release(small)
    release(small, "2027-spring")
    assert names(small) == {"2027-spring"}


def test_the_course_of_the_repository_has_the_bundled_data(repo):
    assert Course(repo).cohort() is None


# --- grading -------------------------------------------------------------------------------------

@pytest.fixture(scope="module", params=COHORTS)
def cohort_class(request, repo, tmp_path_factory, sandbox):
    """A class of one cohort that handed in the solutions of a third of the sections, each with another cohort's file.

    In s2_preparation somebody else worked on the bundled data.
    """
    room = Classroom(repo, tmp_path_factory.mktemp("cohort"))
    release(room.course, request.param)
    room.sections = room.course.sections()[COHORTS.index(request.param)::len(COHORTS)]
    for section in room.sections:
        notebook = nbformat.read(repo / "solutions" / section / f"{section}.ipynb", as_version=4)
        room.hand_in("student-a", section, notebook=notebook)
        cohort.write(room.course.submitted / "student-a" / section, "elsewhere")
        if section == "s2_preparation":
            for cell in notebook.cells:
                cell.source = cell.source.replace("cohort.load_crowding", "__import__('glmmlib').load_crowding")
            room.hand_in("student-b", section, notebook=notebook)
    return room


def test_solutions_score_full_marks_whatever_the_cohort(cohort_class, repo):
    rows = {(row.assignment, row.student_id): row for row in grade(cohort_class.course)}
    assert {section for section, _ in rows} == set(cohort_class.sections)
    for (section, student), row in rows.items():
        points, by_hand = total_points(nbformat.read(repo / f"solutions/{section}/{section}.ipynb", as_version=4))
        if student == "student-a":
            assert (row.score, row.problem) == (points - by_hand, ""), section
            run = recall(cohort_class.course, Job(section, student, None))
            shown = [output for notebook in run.notebooks.values() for cell in notebook.cells
                     for output in cell.get("outputs", ())]
            assert shown and [output.evalue for output in shown if output.output_type == "error"] == []
        else:
            assert row.score < points - by_hand, "the data of others give other answers"
