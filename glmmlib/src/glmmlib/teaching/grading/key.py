"""What a class is graded by, read from solutions/ when grading starts: cells, points and questions.

A test cell is run here, in the grader's own process, where `points(...)` tells what it asks instead
of judging (`checks.parts_asked`). So hidden tests are written as ordinary code, and neither they nor
what they expect come near a student's kernel.
"""

import ast
import contextlib
import hashlib
import io
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import nbformat

from .. import cohort
from ..checks import parts_asked
from .course import GradingError, generate


@dataclass(frozen=True)
class Cell:
    """A cell of the course that nbgrader knows by its grade id.

    ``metadata`` is nbgrader's; ``source`` is as the student got it, ``full`` with hidden tests. A test
    takes the variables ``names`` from the notebook and judges them by its ``parts``.
    """

    grade_id: str
    kind: str           # "code" or "markdown"
    metadata: dict
    source: str
    full: str
    parts: tuple = ()
    names: tuple = ()

    @property
    def is_test(self):
        """Whether this cell judges answers."""
        return bool(self.metadata["grade"]) and not self.metadata["solution"] and self.kind == "code"

    @property
    def by_hand(self):
        """Whether a person gives this cell's points."""
        return bool(self.metadata["grade"]) and not self.is_test or bool(self.metadata.get("task"))

    @property
    def keeps_source(self):
        """Whether students may not change this cell."""
        return not self.metadata["solution"] and (self.metadata["grade"] or self.metadata["locked"])

    @cached_property
    def setup(self):
        """Of a test, the code that later cells may need: all but the checks, which only speak to students."""
        try:
            tree = ast.parse(self.source)
        except SyntaxError:
            return self.source
        tree.body = [statement for statement in tree.body if not isinstance(statement, ast.Expr)]
        return ast.unparse(tree)


@dataclass(frozen=True)
class Key:
    """One assignment: its notebooks' cells by grade id, the files beside them, a digest of what is run."""

    assignment: str
    cohort: str | None  # whose data it was released with; None: the bundled ones
    notebooks: dict     # notebook name -> {grade id: Cell}
    prose: frozenset    # the sources of markdown cells as handed out
    code: frozenset     # and those of code cells
    files: dict         # path -> bytes
    modules: frozenset  # imported somewhere in the notebooks as handed out
    digest: str         # of all that can change what a student's code does

    def without_answers(self):
        """The Key as it goes to whoever runs submissions: plain values, and nothing of the hidden tests."""
        return replace(self, notebooks={
            name: {grade_id: replace(cell, full="", parts=()) for grade_id, cell in cells.items()}
            for name, cells in self.notebooks.items()})


def read_key(course, assignment):
    """Read an assignment's Key and register it in the gradebook; raises GradingError if it cannot be."""
    whose = course.cohort()
    with tempfile.TemporaryDirectory() as folder, cohort.chosen(whose):
        try:
            generate(course, folder, assignment, whose)
        except GradingError as problem:
            raise GradingError(
                f"{course.source.name}/{assignment} cannot be used for grading: {problem} (If its graded cells have "
                f"changed since the class was graded, start a new gradebook: move {course.gradebook.name}/gradebook.db "
                "away, or name another database.)"
            ) from problem
        released = Path(folder) / assignment
        notebooks, modules, prose, code = {}, set(), set(), set()
        for name in course.notebooks(assignment):
            full = nbformat.read(course.source / assignment / f"{name}.ipynb", as_version=4)
            student = nbformat.read(released / f"{name}.ipynb", as_version=4)
            modules |= _imported(student)   # hidden tests leave no trace in the kernel
            prose |= {cell.source for cell in student.cells if cell.cell_type == "markdown"}
            code |= {cell.source for cell in student.cells if cell.cell_type == "code"}
            notebooks[name] = _cells(full, student, f"{course.source.name}/{assignment}")
        files = {str(path.relative_to(released)): path.read_bytes() for path in sorted(released.rglob("*"))
                 if path.is_file() and path.suffix != ".ipynb"}
    return Key(assignment, whose, notebooks, frozenset(prose), frozenset(code), files, frozenset(modules),
               _digest(notebooks, files))


def _cells(full, student, where):
    sources = {c.metadata.nbgrader.grade_id: c.source for c in full.cells if "nbgrader" in c.metadata}
    cells, defined = {}, {"__name__": "tests"}
    for cell in student.cells:
        if "nbgrader" not in cell.metadata:
            continue
        about = dict(cell.metadata.nbgrader)
        known = Cell(about["grade_id"], cell.cell_type, about, cell.source, sources[about["grade_id"]])
        if known.is_test:
            parts = _asked(known, defined, where)
            names = tuple(dict.fromkeys(name for part in parts for name in part.names))
            known = replace(known, parts=parts, names=names)
        cells[known.grade_id] = known
    return cells


def _asked(cell, defined, where):
    with parts_asked() as parts, contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(cell.full, f"{where}: {cell.grade_id}", "exec"), defined)
        except Exception as failure:
            raise GradingError(
                f"{where} cannot be used for grading: its test {cell.grade_id} ends in an error "
                f"({type(failure).__name__}: {' '.join(str(failure).split())})."
            ) from failure
    if not parts:
        raise GradingError(f"{where} cannot be used for grading: its test {cell.grade_id} asks nothing; let it end "
                           "with points(...).")
    total, most = sum(part.points for part in parts), cell.metadata["points"]
    if abs(total - most) > 1e-9:
        raise GradingError(f"{where} cannot be used for grading: the parts of its test {cell.grade_id} are worth "
                           f"{total:g} points, the cell {most:g}.")
    return tuple(parts)


def _imported(notebook):
    """The names of the modules that a notebook's code imports."""
    names = set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with contextlib.suppress(SyntaxError):
                for node in ast.walk(ast.parse(cell.source)):
                    if isinstance(node, ast.Import):
                        names |= {alias.name for alias in node.names}
                    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                        names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _digest(notebooks, files):
    told = hashlib.sha256()
    for name, cells in sorted(notebooks.items()):
        for cell in cells.values():
            told.update(repr((name, cell.grade_id, cell.kind, sorted(cell.metadata.items()), cell.source,
                              cell.names)).encode())
    for path, content in sorted(files.items()):
        told.update(repr((path, hashlib.sha256(content).hexdigest())).encode())
    return told.hexdigest()
