"""A small course with one section and three questions, and a class that hands in to it."""

import shutil

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from glmmlib.teaching.grading import Course

SECTION = "s1_sums"

QUESTIONS = """\
from glmmlib.teaching import Choice, Mistake, Number
ask_total = Number("total", "arcmin", mistakes=[Mistake(40, "this is the first size alone: add the second.")])
ask_half = Number("half", "arcmin")
ask_larger = Choice("larger", ["first", "second"], mistakes={"second": "2.5 is less than 40."})
"""

RUBRIC = "| one point for | think of |\n|---|---|\n| what a half is | two of them |"
MODEL_ANSWER = "Two halves make one whole."


def _cell(make, source, grade_id=None, **nbgrader):
    cell = make(source)
    if grade_id:
        defaults = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
        cell.metadata["nbgrader"] = defaults | {"grade_id": grade_id} | nbgrader
    return cell


def _answer(name, value):
    source = f"{name} = ...\n### BEGIN SOLUTION\n{name} = {value}\n### END SOLUTION"
    return _cell(new_code_cell, source, f"{name}-answer", solution=True)


def _test(name, points, *parts):
    judged = ", ".join(parts)
    source = (
        f"{QUESTIONS}ask_{name}.check()\n### BEGIN HIDDEN TESTS\n"
        f"import fractions\nfrom glmmlib.teaching import points\npoints({judged})\n### END HIDDEN TESTS"
    )
    return _cell(new_code_cell, source, f"{name}-test", grade=True, locked=True, points=points)


def solution_notebook():
    notebook = new_notebook(cells=[
        _cell(new_markdown_cell, "# Sums"),
        _cell(new_code_cell, "sizes = [40, 2.5]  # arcmin", "sizes", locked=True),
        _cell(new_markdown_cell, "## How much is it together?"),
        _answer("total", "sum(sizes)"),
        _test("total", 2, "(2, ask_total, lambda: 40 + 2.5)"),
        _cell(new_markdown_cell, "## Halves, and which is larger"),
        _answer("half", "sum(sizes) / 2"),
        _answer("larger", "'first'"),
        _test("half", 4, "(3, ask_half, 21.25)", "(1, ask_larger, 'first')"),
        _cell(new_markdown_cell, f"## Why?\n\n{RUBRIC}"),
        _cell(new_markdown_cell, MODEL_ANSWER, "why", grade=True, solution=True, points=3),
    ])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def small_course(repo, root, **limits):
    """The course in the folder `root`, nothing released yet, with these limits."""
    shutil.copy(repo / "nbgrader_config.py", root)
    with open(root / "nbgrader_config.py", "a") as config:
        config.writelines(f"c.Limits.{name} = {value}\n" for name, value in limits.items())
    source = root / "solutions" / SECTION
    source.mkdir(parents=True)
    nbformat.write(solution_notebook(), source / "sums.ipynb")
    return Course(root)


class Class:
    """Hands in notebooks to a course: `hand_in("ann", total="42.5")` answers the released one."""

    def __init__(self, course):
        self.course = course

    def notebook(self, **answers):
        """The released notebook with answers filled in, each as source text."""
        notebook = nbformat.read(self.course.release / SECTION / "sums.ipynb", as_version=4)
        for name, value in answers.items():
            cell(notebook, f"{name}-answer").source = f"{name} = {value}"
        return notebook

    def hand_in(self, student, notebook=None, text=None, **answers):
        folder = self.course.submitted / student / SECTION
        folder.mkdir(parents=True)
        if text is None:
            text = nbformat.writes(notebook or self.notebook(**answers))
        (folder / "sums.ipynb").write_text(text)
        return folder


def cell(notebook, grade_id):
    """The cell of a notebook with this nbgrader id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
