"""The steps this course adds to nbgrader's own; `nbgrader_config.py` puts them in their places."""

import logging
import re
import time

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, GetGrades, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution, is_task
from traitlets import Integer, default

from .checks import UNJUDGED

# What is worth telling the instructor about a submission, one sentence a record.
notes = logging.getLogger("glmmlib.teaching.grading")


class RestoreCells(NbGraderPreprocessor):
    """Give each cell the nbgrader metadata it was released with, and put lost graded cells back.

    Nothing that a submission says about its own cells (points, ids, what is graded) is believed.
    Of a cell that was copied the last copy counts. It takes the place of nbgrader's DeduplicateIds,
    which leaves a copied cell with metadata that stop the grading of everybody.
    """

    def preprocess(self, nb, resources):
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gradebook:
            notebook = gradebook.find_notebook(where["notebook"], where["assignment"])
            released = {cell.name: _released_metadata(cell, notebook) for cell in notebook.source_cells}
            sources = {cell.name: cell.source for cell in notebook.source_cells}

        present = set()
        for cell in reversed(nb.cells):
            claimed = cell.metadata.pop("nbgrader", None)
            grade_id = claimed.get("grade_id") if isinstance(claimed, dict) else None
            if not isinstance(grade_id, str) or grade_id not in released:
                continue
            if grade_id in present:
                notes.warning("The cell %s is there more than once: the last one counts.", grade_id)
            else:
                cell.metadata["nbgrader"] = released[grade_id]
                present.add(grade_id)

        lost = sorted(name for name in released if released[name]["grade"] and name not in present)
        if lost:
            notes.warning("The graded cells %s were missing and were put back.", ", ".join(lost))
            nb.cells.append(new_markdown_cell(
                "## Put back when graded\nThese cells were missing from the notebook you handed in."
            ))
        for name in lost:
            new_cell = new_code_cell if released[name]["cell_type"] == "code" else new_markdown_cell
            nb.cells.append(new_cell(sources[name], metadata={"nbgrader": released[name]}))
        return nb, resources


def _released_metadata(cell, notebook):
    # as nbgrader's metadata schema 3 has it
    points = {graded.name: graded.max_score for graded in [*notebook.grade_cells, *notebook.task_cells]}
    metadata = {
        "schema_version": 3,
        "grade_id": cell.name,
        "cell_type": cell.cell_type,
        "checksum": cell.checksum,
        "locked": cell.locked,
        "grade": any(cell.name == other.name for other in notebook.grade_cells),
        "solution": any(cell.name == other.name for other in notebook.solution_cells),
        "task": any(cell.name == other.name for other in notebook.task_cells),
    }
    if cell.name in points:
        metadata["points"] = points[cell.name]
    return metadata


class ExecuteWithinLimits(Execute):
    """nbgrader's Execute, which also survives a dying kernel and bounds a whole notebook's time.

    Cells that could not run any more end in an error, so that no test among them earns points.
    """

    notebook_timeout = Integer(300, help="Seconds that a whole notebook may take.").tag(config=True)

    def preprocess(self, nb, resources, km=None):
        self._end = time.monotonic() + self.notebook_timeout
        self._stopped = None
        return super().preprocess(nb, resources, km)

    @default("timeout_func")
    def _timeout_func_default(self):
        return lambda cell: max(1, min(self.timeout, int(self._end - time.monotonic())))

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type != "code":
            return cell, resources
        had_stopped = self._stopped is not None
        if not had_stopped and time.monotonic() >= self._end:
            self._stopped = f"the notebook had run for its {self.notebook_timeout} seconds"
        if self._stopped is None:
            try:
                cell, resources = super().preprocess_cell(cell, resources, index)
            except DeadKernelError:
                self._stopped = "Python had ended (out of memory, or told to exit)"
            except CellTimeoutError:
                self._stopped = "a cell ran too long and could not be interrupted"
        if self._stopped is not None:
            if not had_stopped:
                notes.warning("Not all of it ran: %s.", self._stopped)
            sentence = f"This cell did not run: {self._stopped}."
            cell.outputs = [new_output("error", ename="NotRun", evalue=sentence, traceback=[sentence])]
        else:
            _note_what_happened(cell)
        return cell, resources


def _note_what_happened(cell):
    for output in cell.outputs:
        if output.output_type == "error" and output.ename == "CellTimeoutError":
            notes.warning("A cell ran too long and was stopped.")
        elif output.output_type == "error" and is_grade(cell):
            notes.warning("The test %s ended in an error (%s).", cell.metadata.nbgrader.grade_id, output.ename)
        elif output.output_type == "stream" and is_grade(cell) and UNJUDGED in output.text:
            notes.warning("The test %s could not judge every answer.", cell.metadata.nbgrader.grade_id)


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
