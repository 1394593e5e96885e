"""The steps this course adds to nbgrader's own; `nbgrader_config.py` puts them in their places."""

import re
from urllib.parse import quote

from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution, is_task

MODEL_ANSWER = "model_answer"   # in the metadata of a cell that only the instructor is shown


class NotHere(NbGraderPreprocessor):
    """Stands where nbgrader itself would run a submission, which it does without a sandbox."""

    def preprocess(self, nb, resources):
        raise NbGraderException("Submissions of this course are graded by `make grade`, which runs them in a sandbox.")


class DescribeGrades(GetGrades):
    """Gather from gradebook and notebook what the feedback page shows."""

    def preprocess(self, nb, resources):
        self._headings = []     # (level, title) of the headings that the current cell stands under
        self._gradings = []
        nb.cells = [cell for cell in nb.cells if MODEL_ANSWER not in cell.metadata]
        nb, resources = super().preprocess(nb, resources)
        titles = [title for cell in nb.cells if cell.cell_type == "markdown" for _, title in headings(cell)]
        resources["feedback"] = {
            "title": titles[0] if titles else self.notebook_id,
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
            for level, title in headings(cell):
                self._headings = [above for above in self._headings if above[0] < level] + [(level, title)]
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                output["is_sentence"] = output.ename in OURS
                output["sentence"] = _sentence(output)
        if is_grade(cell) or is_task(cell):
            about = cell.metadata.nbgrader
            grade = self.gradebook.find_grade(
                about.grade_id, self.notebook_id, self.assignment_id, self.student_id
            )
            titles = [title for _, title in self._headings]
            about["title"] = titles[-1] if titles else about.grade_id
            # the page's own title is where one is; what the question stands under is where to read
            about["read_again"] = [(title, _anchor(title)) for title in titles[1:-1][-2:]]
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


def headings(markdown_cell):
    """The (level, title) of each heading."""
    prose = re.sub(r"```.*?```", "", markdown_cell.source, flags=re.DOTALL)
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) +(.+?) *#*$", prose, flags=re.MULTILINE)]


def _anchor(title):
    # as nbconvert makes them
    return quote(title.replace(" ", "-"), safe="?/:@!$&'()*+,;=")


def _verdicts(cell):
    """The lines a test printed."""
    return [line for output in cell.get("outputs", ()) if output.output_type == "stream" and output.name == "stdout"
            for line in output.text.splitlines()]


# Errors that are our own sentences already.
OURS = ("NotRun", "CellTimeoutError")

# What an error mostly comes from; others are said in Python's words alone.
COMES_FROM = {
    "NameError": "a name is used that no cell above has set: is it misspelled, or does its cell come later?",
    "SyntaxError": "Python cannot read a line: look for a bracket, comma or quote that is missing.",
    "IndentationError": "the blanks at the beginning of the lines do not fit together.",
    "KeyError": "a row, column or key of that name is not there: print what there is.",
    "IndexError": "a position is asked for that is not there; positions count from 0.",
    "AttributeError": "the object has nothing of that name: print it, or its type(), to see what it is.",
    "TypeError": "something is not of the kind that is needed there: print the type() of what you put in.",
    "ValueError": "something has the right kind but not a possible value: print what you put in.",
    "ZeroDivisionError": "something is divided by zero.",
    "ModuleNotFoundError": "a package is imported that the course does not have.",
    "FileNotFoundError": "a file is read that is not beside the notebook.",
    "MemoryError": "more memory is asked for than a notebook may use.",
    "RecursionError": "a function calls itself without end.",
}


def _sentence(output):
    if output.ename in OURS:
        return output.evalue
    hint = COMES_FROM.get(output.ename)
    message = output.evalue.splitlines()[0][:300] if output.evalue else "no message"
    said = f"This cell stopped with {output.ename}: {message}"
    return f"{said}{'' if said.endswith('.') else '.'}" + (f" Mostly, {hint}" if hint else "")
