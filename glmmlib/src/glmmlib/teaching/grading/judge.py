"""Marks from a record: the answers are judged here, where no student's code runs."""

import copy
import re
from dataclasses import dataclass, field

import nbformat

from .. import cohort
from ..answers import UNDEFINED
from ..checks import UNJUDGED, judge_all
from ..preprocessors import MODEL_ANSWER
from .peeking import peeked
from .values import Unintelligible, decode


@dataclass
class Marks:
    """What a submission earned.

    ``scores[notebook][grade_id]`` are points, or None where a person gives them; ``unanswered`` are
    the (notebook, grade id) of answers left as they were handed out; ``notebooks`` are as nbgrader
    keeps them once graded; ``notes`` are sentences for the instructor.
    """

    scores: dict = field(default_factory=dict)
    unanswered: set = field(default_factory=set)
    notebooks: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def judge(record, key):
    """The Marks that a submission's `record` earns by the `key`; neither is changed."""
    with cohort.chosen(key.cohort):     # what is expected may be computed only now
        return _judge(record, key)


def _judge(record, key):
    marks = Marks(notes=list(record.notes))
    for name, cells in key.notebooks.items():
        scores = marks.scores[name] = {}
        lines = {}
        if name not in record.notebooks:
            scores.update({cell.grade_id: 0.0 for cell in cells.values() if cell.is_test or cell.by_hand})
            continue
        notebook = marks.notebooks[name] = copy.deepcopy(record.notebooks[name])
        own = [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.source not in key.code]
        if seen := peeked(own, key.code):
            marks.notes.append(f"Its own code uses {', '.join(seen)} of the exercises, which may know the answers.")
        for cell in cells.values():
            if cell.is_test:
                scores[cell.grade_id], lines[cell.grade_id] = _judge_test(cell, record, name)
                if any(line.startswith(UNJUDGED) for line in lines[cell.grade_id]):
                    marks.notes.append(f"The test {cell.grade_id} could not judge every answer.")
        shown = []
        for cell in notebook.cells:
            shown.append(cell)
            known = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if known and known.by_hand:
                shown.append(_model_answer(known))
            if known and known.is_test:
                _show_verdict(cell, known, scores[known.grade_id], lines[known.grade_id])
            elif known and known.metadata["solution"]:
                unchanged = cell.source.strip() == known.source.strip()
                if unchanged:
                    marks.unanswered.add((name, known.grade_id))
                if known.by_hand:
                    scores[known.grade_id] = 0.0 if unchanged else None
            elif known and known.by_hand:
                scores[known.grade_id] = None
        notebook.cells = shown
    return marks


def _judge_test(cell, record, name):
    if cell.grade_id in record.not_run[name]:
        return 0.0, [record.not_run[name][cell.grade_id]]
    earned, lines = judge_all(cell.parts, answers_to(cell, record, name).__getitem__)
    return min(float(earned), float(cell.metadata["points"])), lines


def answers_to(cell, record, name):
    """What notebook `name` answers to a test, {variable: plain value}; UNDEFINED what was never asked."""
    codes = record.answers.get(name, {}).get(cell.grade_id) or {}
    values = {}
    for variable in cell.names:
        try:
            values[variable] = decode(codes.get(variable))
        except Unintelligible:
            values[variable] = UNDEFINED
    return values


def _show_verdict(cell, known, earned, lines):
    """Make the cell what nbgrader has after a test: its source, what it said, and the points."""
    cell.source = known.full
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="".join(f"{line}\n" for line in lines)),
        nbformat.v4.new_output("execute_result", data={"text/plain": f"{earned:g}"}),
    ]


def _model_answer(known):
    """The cell that shows, in the formgrader alone, what solutions/ has where a person gives the points."""
    answer = known.full if known.kind == "markdown" else f"```python\n{known.full}\n```"
    return nbformat.v4.new_markdown_cell(
        f"**Model answer** (students do not see it)\n\n{answer}", metadata={MODEL_ANSWER: True},
        id=re.sub(r"[^\w-]", "-", f"model-{known.grade_id}")[:64])
