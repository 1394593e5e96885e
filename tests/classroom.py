"""The course as an instructor has it: a copy whose submissions can be made and graded."""

import re
import shutil

import nbformat

from glmmlib.teaching.grading import Course, grade
from glmmlib.teaching.grading.key import read_key


class Classroom:
    """A copy of the course in which students hand in notebooks."""

    def __init__(self, repo, root, **limits):
        """In the folder `root`, with other limits than the course's if they are given."""
        shutil.copy(repo / "nbgrader_config.py", root)
        with open(root / "nbgrader_config.py", "a") as config:
            config.writelines(f"c.Limits.{name} = {value}\n" for name, value in limits.items())
        shutil.copytree(repo / "solutions", root / "solutions")
        self.course, self.released = Course(root), repo / "course"

    def notebook(self, section):
        """The notebook as students get it."""
        return nbformat.read(self.released / section / f"{section}.ipynb", as_version=4)

    def key(self, section):
        """What the section is graded by."""
        self.course.gradebook.mkdir(exist_ok=True)
        return read_key(self.course, section)

    def answer_cells(self, section):
        """cell id -> the variables that its dots stand for."""
        cells = {cell.id: re.findall(r"^(\w+) = \.\.\.$", cell.source, re.MULTILINE)
                 for cell in self.notebook(section).cells if cell.cell_type == "code"
                 and cell.metadata.get("nbgrader", {}).get("solution")}
        return {cell: variables for cell, variables in cells.items() if variables}

    def hand_in(self, student, section, answers=None, notebook=None):
        """Hand in `notebook`, or the released one with the cells in `answers` (id -> source) filled in."""
        if notebook is None:
            notebook = self.notebook(section)
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

    def lines(self, student, section):
        """What each test said about each of its questions, by grade id: a list of lines."""
        notebook = nbformat.read(self.course.autograded / student / section / f"{section}.ipynb", as_version=4)
        return {cell.metadata.nbgrader.grade_id: cell.outputs[0].text.splitlines() for cell in notebook.cells
                if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")}

    def feedback(self, student, section):
        """The HTML of the student's feedback page."""
        return (self.course.feedback / student / section / f"{section}.html").read_text()


def total_points(solution):
    """(all points, those a person gives) of a section's solution, a notebook."""
    cells = [cell.metadata.nbgrader for cell in solution.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return sum(cell.points for cell in cells), sum(cell.points for cell in cells if cell.solution)
