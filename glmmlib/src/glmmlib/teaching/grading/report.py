"""How a class did, for whoever teaches it: for every assignment a page and a table.

Marks are the gradebook's as it stands, so what was given by hand since grading is in them. What was
answered comes from the journal and is judged once more, as nothing else says which misconception cost
the points. The page is one file without scripts; all that students wrote is escaped by its template.
"""

import base64
import csv
import io
from collections import Counter
from dataclasses import dataclass, field

from ..answers import shorten
from ..checks import UNANSWERED, Choice, verdicts_on
from .alike import FEWEST_TOKENS, Handed, alike, code_tokens, runs_of_words
from .course import GradingError
from .gradebook import alone, read_marks
from .judge import answers_to
from .key import read_key
from .submission import Job, recall, write_atomically

COLUMNS = ("about", "place", "question", "what", "value", "share", "example")
UNNAMED = "wrong, and no known misconception"
MOST_PAIRS = 100        # on the page; the table has all
FULL, PART, NONE, WAITING = "#0072b2", "#e69f00", "#d3d3d3", "#ffffff"   # to be told apart by every eye


def report_folder(course):
    """Where reports are written."""
    return course.gradebook / "report"


def make_reports(course, assignments=None):
    """Write the reports of these assignments (None: all that were graded); raises GradingError if one was not."""
    graded = {row["assignment"] for row in _score_rows(course)} & set(course.sections())
    unknown = sorted(set(assignments or ()) - graded)
    if unknown or not graded:
        raise GradingError(f"No submission of {unknown[0] if unknown else 'this course'} is graded yet: "
                           "run `make grade` first.")
    with alone(course):
        for name in sorted(graded if assignments is None else assignments):
            write_report(course, read_key(course, name))
    print(f"Report: {report_folder(course)}")


def write_report(course, key):
    """Write <assignment>.html and <assignment>.csv from scores.csv, gradebook and journal."""
    summary = _summary(course, key)
    path = report_folder(course) / key.assignment
    write_atomically(path.with_name(f"{path.name}.html"), _page(summary))
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *([_harmless(cell) for cell in row] for row in _rows(summary))])
    write_atomically(path.with_name(f"{path.name}.csv"), text.getvalue())


def _score_rows(course):
    path = course.gradebook / "scores.csv"
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---- counting ------------------------------------------------------------------------------------


@dataclass
class Tally:
    """How the points of a cell, or of one question in it, went: numbers of students."""

    place: str
    title: str
    question: str       # "" for the cell as a whole
    points: float
    full: int = 0
    part: int = 0
    none: int = 0
    waiting: int = 0
    unanswered: int | None = None
    mean: float | None = None
    findings: dict = field(default_factory=dict)    # sentence -> Counter of answers as they are shown
    known: tuple = ()                               # sentences of the misconceptions that it names

    @property
    def total(self):
        return self.full + self.part + self.none + self.waiting

    def add(self, share):
        if share >= 1:
            self.full += 1
        elif share > 0:
            self.part += 1
        else:
            self.none += 1


def _summary(course, key):
    """All that a report says, as plain values."""
    rows = [row for row in _score_rows(course) if row["assignment"] == key.assignment]
    graded = [row["student_id"] for row in rows if row["score"]]
    submissions, grades = read_marks(course, key.assignment)
    submissions = submissions[submissions.student_id.isin(graded)]
    grades = grades[grades.student_id.isin(graded)]
    titles = _titles(course, key.assignment)

    cells, waiting = [], []
    questions = {}      # (notebook, grade id) -> a Tally for each part
    for name, known in key.notebooks.items():
        for cell in known.values():
            if not (cell.is_test or cell.by_hand):
                continue
            place = _place(key, name, cell.grade_id)
            title, points = titles.get((name, cell.grade_id), ""), float(cell.metadata["points"])
            mine = grades[(grades.notebook == name) & (grades.grade_id == cell.grade_id)]
            marked = mine.score[~mine.waiting.astype(bool)]
            tally = Tally(place, title, "", points, mean=float(marked.mean()) if len(marked) else None)
            for score, waits in zip(mine.score, mine.waiting, strict=True):
                if waits:
                    tally.waiting += 1
                else:
                    tally.add(score / points if points else 1.0)
            cells.append((tally, questions.setdefault((name, cell.grade_id), [
                Tally(place, title, part.question.name, part.points, unanswered=0, known=part.question.known_findings)
                for part in cell.parts])))
            if tally.waiting:
                waiting.append((place, title, sorted(mine.student_id[mine.waiting.astype(bool)])))

    class_, stopped, texts = [], {}, {}
    for student in graded:
        record = recall(course, Job(key.assignment, student, None))
        if record is not None:
            handed = Handed(student)
            _look_at(record, key, questions, handed, texts)
            for place in _timeouts(record, key):
                stopped.setdefault(place, []).append(student)
            class_.append(handed)
    problems = {}
    for row in rows:
        if row["problem"]:
            problems.setdefault((bool(row["score"]), row["problem"]), []).append(row["student_id"])
    return {
        "assignment": key.assignment, "handed_in": len(rows), "graded": len(graded), "read": len(class_),
        "scores": submissions.score, "max_score": float(submissions.max_score.max()) if len(submissions) else 0.0,
        "cells": cells, "waiting": waiting, "stopped": sorted(stopped.items()),
        "problems": [(was_graded, what, who) for (was_graded, what), who in
                     sorted(problems.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))],
        "alike": [(pair, texts.get((pair.students[0], pair.words[0][0]), "") if pair.words else "")
                  for pair in alike(class_)],
    }


def _place(key, notebook, what):
    """A cell's name; with that of its notebook only where the assignment has several."""
    return what if len(key.notebooks) == 1 else f"{notebook}: {what}"


def _titles(course, assignment):
    """The heading that each graded cell stands under, {(notebook, grade id): title}."""
    import nbformat

    from ..preprocessors import headings

    found = {}
    for name in course.notebooks(assignment):
        title = ""
        for cell in nbformat.read(course.source / assignment / f"{name}.ipynb", as_version=4).cells:
            about = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "markdown" and not about.get("solution"):
                title = ([title] + [words for _, words in headings(cell)])[-1]
            if about:
                found[name, about.grade_id] = title
    return found


def _look_at(record, key, questions, handed, texts):
    """Count what a record answers into the tallies of `questions`; note in `handed` what may be alike."""
    as_handed_out = frozenset().union(*(runs_of_words(prose) for prose in key.prose))
    for name, known in key.notebooks.items():
        for cell in known.values():
            if not cell.is_test:
                continue
            answers = answers_to(cell, record, name)
            tallies = questions[name, cell.grade_id]
            for part, tally, verdict in zip(cell.parts, tallies, verdicts_on(cell.parts, answers.__getitem__),
                                            strict=True):
                shown = _shown(answers[part.question.name])
                tally.add(verdict.share)
                if verdict.finding == UNANSWERED:
                    tally.unanswered += 1
                elif verdict.finding or verdict.share < 1:
                    tally.findings.setdefault(verdict.finding or UNNAMED, Counter())[shown] += 1
                    if not verdict.finding and not isinstance(part.question, Choice):
                        handed.wrong[part.question.name] = shown
        for cell in record.notebooks[name].cells if name in record.notebooks else ():
            released = known.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if released and (released.keeps_source or cell.source.strip() == released.source.strip()):
                continue
            place = _place(key, name, released.grade_id if released else "a cell of their own")
            if cell.cell_type == "code":
                tokens = code_tokens(cell.source)
                if len(tokens) >= FEWEST_TOKENS:
                    # a student's own cells have no name but what is in them
                    handed.code[place if released else f"{place} ({shorten(cell.source)})"] = tokens
            elif released and cell.cell_type == "markdown":
                handed.words[place] = runs_of_words(cell.source) - as_handed_out
                texts[handed.student, place] = cell.source


def _timeouts(record, key):
    """The cells of a record that ran too long."""
    return [_place(key, name, cell.metadata.get("nbgrader", {}).get("grade_id", "a cell without a name"))
            for name, notebook in record.notebooks.items() for cell in notebook.cells
            if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", ()))]


def _shown(answer):
    """An answer in a line."""
    import pandas as pd

    if isinstance(answer, float):
        return f"{answer:.6g}"
    if isinstance(answer, pd.DataFrame):
        return f"a table of {len(answer)} rows with the columns {shorten([str(name) for name in answer.columns])}"
    if type(answer).__repr__ is object.__repr__:
        return f"an object of the type {type(answer).__name__}"
    return shorten(answer)


# ---- what is written -----------------------------------------------------------------------------


def _bins(summary):
    """How many scores lie in each tenth of the points, as (words, number); full marks in the last."""
    counts = [0] * 10
    for score in summary["scores"]:
        counts[max(0, min(9, int(10 * score / summary["max_score"] + 1e-9)))] += 1 if summary["max_score"] else 0
    return [(f"{10 * tenth} to {'100' if tenth == 9 else f'below {10 * tenth + 10}'} %", count)
            for tenth, count in enumerate(counts)]


def _statistics(summary):
    """(words, value) of the scores; empty without scores."""
    scores = summary["scores"]
    if not len(scores):
        return []
    return [("mean", scores.mean()), ("median", scores.median()), ("lower quartile", scores.quantile(0.25)),
            ("upper quartile", scores.quantile(0.75)), ("lowest", scores.min()), ("highest", scores.max())]


def _findings(summary):
    """(tally, sentence, number, most frequent answer) by question, the most frequent finding first."""
    found = []
    for _, questions in summary["cells"]:
        for tally in questions:
            counted = {sentence: sum(answers.values()) for sentence, answers in tally.findings.items()}
            everything = dict.fromkeys(tally.known, 0) | counted
            for sentence, number in sorted(everything.items(), key=lambda item: -item[1]):
                answers = tally.findings.get(sentence)
                found.append((tally, sentence, number, answers.most_common(1)[0][0] if answers else ""))
    return found


def _rows(summary):
    """The rows of the table, by `COLUMNS`; of pairs that are alike the value is `Pair.weight`."""
    yield "submissions", "", "", "handed in", summary["handed_in"], "", ""
    yield "submissions", "", "", "graded", summary["graded"], "", ""
    for what, value in [*_statistics(summary), ("possible", summary["max_score"])]:
        yield "score", "", "", what, round(float(value), 6), "", ""
    for words, number in _bins(summary):
        yield "scores", "", "", words, number, _share(number, len(summary["scores"])), ""
    for cell, questions in summary["cells"]:
        for tally in (cell, *questions):
            for what in ("full", "part", "none", "waiting", "unanswered"):
                number = getattr(tally, what)
                if number is not None and not (tally.question and what == "waiting"):
                    yield "marks", tally.place, tally.question, what, number, _share(number, tally.total), ""
    for tally, sentence, number, example in _findings(summary):
        yield "misconception", tally.place, tally.question, sentence, number, _share(number, tally.total), example
    for place, _, students in summary["waiting"]:
        yield "waiting", place, "", "for marks by hand", len(students), "", "; ".join(students)
    for place, students in summary["stopped"]:
        yield "time-out", place, "", "ran too long", len(students), "", "; ".join(students)
    for was_graded, problem, students in summary["problems"]:
        yield ("problem" if was_graded else "not graded"), "", "", problem, len(students), "", "; ".join(students)
    for pair, text in summary["alike"]:
        yield "alike", "", "", "; ".join(pair.students), round(pair.weight, 1), "", " | ".join(filter(None, [
            _evidence(pair), text]))


def _share(number, total):
    return round(number / total, 4) if total else ""


def _evidence(pair):
    """What two have in common, in words."""
    return "; ".join([*(f"own words in {place}, {share:.0%} the same" for place, share in pair.words),
                      *(f"{what} in {', '.join(places)}" for what, places in
                        (("the same uncommon code", pair.code), ("the same uncommon wrong answer", pair.wrong))
                        if places)])


def _harmless(cell):
    """A cell of the table that no spreadsheet takes for a formula."""
    text = str(cell)
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
    return text


def _page(summary):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from .pages import TEMPLATES

    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                           trim_blocks=True, lstrip_blocks=True).get_template("report.html.j2")
    found = _findings(summary)
    return template.render(
        **{**summary, "alike": summary["alike"][:MOST_PAIRS]}, pairs=len(summary["alike"]), evidence=_evidence,
        bins=_bins(summary), statistics=_statistics(summary), picture=_picture(_bins(summary)),
        found=[row for row in found if row[2]], not_found=sum(not row[2] for row in found),
        colours={"full": FULL, "part": PART, "none": NONE, "waiting": WAITING})


def _picture(bins):
    """The distribution of scores as a picture's data URL."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    bars = axes.bar([10 * tenth + 5 for tenth in range(10)], [number for _, number in bins], width=9.4, color=FULL)
    axes.bar_label(bars, labels=[str(number) if number else "" for _, number in bins])
    axes.set(xlabel="score in % of the points", ylabel="submissions", xlim=(0, 100), xticks=range(0, 101, 10))
    axes.margins(y=0.15)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    svg = io.BytesIO()
    # the same scores give the same file
    with matplotlib.rc_context({"svg.hashsalt": "report"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(svg.getvalue()).decode()
