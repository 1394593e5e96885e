"""The steps this course adds to nbgrader's own; `nbgrader_config.py` puts them in their places."""

import re

from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution, is_task


class NotHere(NbGraderPreprocessor):
    """Stands where nbgrader itself would run a submission, which it does without a sandbox."""

    def preprocess(self, nb, resources):
        raise NbGraderException("Submissions of this course are graded by `make grade`, which runs them in a sandbox.")


class DescribeGrades(GetGrades):
    """Gather from gradebook and notebook what the feedback page shows."""

    def preprocess(self, nb, resources):
        self._heading = None
        self._gradings = []
        nb, resources = super().preprocess(nb, resources)
        headings = [h for cell in nb.cells if cell.cell_type == "markdown" for h in _headings(cell)]
        resources["feedback"] = {
            "title": headings[0] if headings else self.notebook_id,
            "gradings": self._gradings,
            "waiting": sum(grading["points"] for grading in self._gradings if grading["waiting"]),
        }
        return nb, resources

    def _get_comment(self, cell, resources):
        # only what a person wrote: nbgrader's own "No response." is said by the marks
        where = (self.notebook_id, self.assignment_id, self.student_id)
        comment = self.gradebook.find_comment(cell.metadata.nbgrader.grade_id, *where)
        cell.metadata.nbgrader["comment"] = comment.manual_comment

    def preprocess_cell(self, cell, resources, cell_index):
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.cell_type == "markdown" and not is_solution(cell):
            self._heading = (_headings(cell) or [self._heading])[-1]
        if is_grade(cell) or is_task(cell):
            about = cell.metadata.nbgrader
            grade = self.gradebook.find_grade(
                about.grade_id, self.notebook_id, self.assignment_id, self.student_id
            )
            about["title"] = self._heading or about.grade_id
            about["waiting"] = bool(grade.needs_manual_grade)
            about["state"] = (
                "waiting" if about.waiting
                else "full" if about.score >= about.points
                else "part" if about.score > 0
                else "none"
            )
            about["verdicts"] = _verdicts(cell)
            self._gradings.append(about)
        return cell, resources


def _headings(markdown_cell):
    prose = re.sub(r"```.*?```", "", markdown_cell.source, flags=re.DOTALL)
    return re.findall(r"^#+ +(.+?) *#*$", prose, flags=re.MULTILINE)


def _verdicts(cell):
    """The lines a test printed; of an error only its sentence, as its traceback shows the test."""
    lines = []
    for output in cell.get("outputs", ()):
        if output.output_type == "stream" and output.name == "stdout":
            lines += output.text.splitlines()
        elif output.output_type == "error" and output.ename in ("NotRun", "CellTimeoutError"):
            lines += output.traceback
        elif output.output_type == "error":
            lines.append(f"This test ended in an error ({output.ename}): your instructor has been told.")
    return lines
