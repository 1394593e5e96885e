"""The course as an instructor has it: a copy whose submissions can be made and graded."""

import shutil

import nbformat
import pytest

from glmmlib.teaching.grading import Course, grade


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
