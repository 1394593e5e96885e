"""course/ is made from solutions/: always the same bytes, whole or not at all."""

import nbformat
import pytest
from small_course import SECTION, cell

from glmmlib.teaching.grading import Course, GradingError, main, release, stale_sections


def bytes_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def notebook_path(course):
    return course.source / SECTION / "sums.ipynb"


def edit(path, grade_id, source):
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, grade_id).source = source
    nbformat.write(notebook, path)


def test_students_get_no_solution_no_hidden_test_and_no_output(course, notebook_path):
    solved = nbformat.read(notebook_path, as_version=4)
    cell(solved, "total-answer").execution_count = 7
    cell(solved, "total-answer").outputs = [nbformat.v4.new_output("stream", text="42.5")]
    nbformat.write(solved, notebook_path)

    release(course)

    released = nbformat.read(course.release / SECTION / "sums.ipynb", as_version=4)
    assert cell(released, "total-answer").source.strip() == "total = ..."
    assert cell(released, "why").source == "*Write your answer here.*"
    text = nbformat.writes(released)
    for secret in ("HIDDEN", "points(", "sum(sizes)", "Two halves"):
        assert secret not in text
    for code in (c for c in released.cells if c.cell_type == "code"):
        assert code.outputs == [] and code.execution_count is None


def test_release_gives_the_same_bytes_every_time(course):
    release(course)
    first = bytes_of(course.release)
    release(course)
    assert bytes_of(course.release) == first != {}
    assert not list(course.root.glob(".release-*"))


def test_files_beside_the_notebook_are_handed_out_too(course):
    (course.source / SECTION / "sizes.csv").write_text("40\n2.5\n")
    release(course)
    assert (course.release / SECTION / "sizes.csv").read_text() == "40\n2.5\n"


def test_what_is_stale_is_said_and_release_mends_it(course, notebook_path, capsys):
    assert stale_sections(course) == [SECTION]
    release(course)
    assert stale_sections(course) == []
    assert main(["check-release", "--root", str(course.root)]) == 0

    edit(notebook_path, "sizes", "sizes = [40, 3]")
    assert main(["check-release", "--root", str(course.root)]) == 1
    assert f"course/{SECTION} is stale: run `make release`" in capsys.readouterr().err
    release(course)
    assert stale_sections(course) == []

    (course.release / SECTION / "extra.txt").write_text("?")
    assert stale_sections(course) == [SECTION]


def test_a_section_without_source_is_stale_but_never_deleted(course, capsys):
    release(course)
    left = course.release / "s0_old"
    left.mkdir()
    (left / "old.ipynb").write_text("{}")
    release(course)
    assert left.is_dir() and "s0_old has no source" in capsys.readouterr().out
    assert stale_sections(course) == ["s0_old"]


def test_a_section_that_cannot_be_generated_leaves_course_as_it_was(course, notebook_path, capsys):
    release(course)
    before = bytes_of(course.release)
    edit(notebook_path, "sizes", "sizes = [1]")
    broken = course.source / "s2_broken"
    broken.mkdir()
    notebook = nbformat.read(notebook_path, as_version=4)
    cell(notebook, "half-answer").source = "### BEGIN SOLUTION\nhalf = 1"
    nbformat.write(notebook, broken / "sums.ipynb")

    assert main(["release", "--root", str(course.root)]) == 1

    sentence = capsys.readouterr().err
    assert "s2_broken cannot be released" in sentence and len(sentence.splitlines()) == 1
    assert bytes_of(course.release) == before
    assert not list(course.root.glob(".release-*"))


def test_nothing_to_release_and_no_course_are_one_sentence_each(course, tmp_path, notebook_path):
    notebook_path.unlink()
    with pytest.raises(GradingError, match="no notebook"):
        release(course)
    with pytest.raises(GradingError, match="run this at the top"):
        Course(tmp_path / "solutions")
