"""The course as an instructor has it: a copy whose submissions can be made and graded.

What the tests of a section are made of is said in `every_section.py`.
"""

import shutil

import nbformat
import pytest

from glmmlib.teaching.grading import Course, grade

pytest.register_assert_rewrite("every_section")


class Classroom:
    """A copy of the course in which students hand in notebooks."""

    def __init__(self, repo, root):
        shutil.copy(repo / "nbgrader_config.py", root)
        shutil.copytree(repo / "solutions", root / "solutions")
        self.course, self.released = Course(root), repo / "course"

    def hand_in(self, student, section, answers=None, notebook=None):
        """Hand in `notebook`, or the released one with the cells in `answers` (id -> source) filled in."""
        if notebook is None:
            notebook = nbformat.read(self.released / section / f"{section}.ipynb", as_version=4)
            cells = {cell.id: cell for cell in notebook.cells}
            for cell_id, source in (answers or {}).items():
                cells[cell_id].source = source
        target = self.course.submitted / student / section / f"{section}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)

    def grade(self):
        """Grade all that was handed in; the rows of scores.csv by student."""
        return {row.student_id: row for row in grade(self.course)}

    def points(self, student, section):
        """Points by grade id, as the gradebook has them."""
        from nbgrader.api import Gradebook

        with Gradebook(self.course.db_url) as gradebook:
            notebook = gradebook.find_submission(section, student).notebooks[0]
            return {grade.name: grade.score for grade in notebook.grades}

    def feedback(self, student, section):
        """The HTML of the student's feedback page."""
        return (self.course.feedback / student / section / f"{section}.html").read_text()


@pytest.fixture(scope="module")
def classroom(repo, tmp_path_factory, sandbox):
    return Classroom(repo, tmp_path_factory.mktemp("classroom"))


@pytest.fixture(scope="module")
def graded(request, classroom, repo):
    """The classroom after one run over the module's section.

    student-a handed in the solution, student-b the untouched notebook, and each student of the module's
    SUBMISSIONS what stands there.
    """
    module = request.module
    section = module.SECTION
    classroom.hand_in("student-a", section, notebook=nbformat.read(
        repo / "solutions" / section / f"{section}.ipynb", as_version=4))
    classroom.hand_in("student-b", section)
    source = getattr(module, "source", lambda cell, value: value)
    for student, (answers, _, _) in module.SUBMISSIONS.items():
        filled_in = {**getattr(module, "RIGHT", {}), **answers}
        classroom.hand_in(student, section, {cell: source(cell, value) for cell, value in filled_in.items()})
    classroom.rows = classroom.grade()
    return classroom


@pytest.fixture(scope="module")
def answers(request):
    """The module's questions that are answered by a number, by name, each with what is right."""
    return {question.__name__: (question(), float(right)) for question, right in request.module.right_answers().items()}


def pytest_generate_tests(metafunc):
    """Run a test of `every_section` for each of what the module lists."""
    module = metafunc.module
    for argument, listed in (("student", "SUBMISSIONS"), ("number_name", "NUMBERS")):
        if argument in metafunc.fixturenames and metafunc.function.__module__ == "every_section":
            metafunc.parametrize(argument, list(getattr(module, listed)))
