"""Grading a class: every submission is run in a sandbox, judged, and written down by one writer."""

import contextlib
import csv
import io
import os
import sys
import time
from dataclasses import dataclass

import nbformat

from . import pages
from .course import GradingError
from .gradebook import Writer, alone
from .judge import judge
from .key import read_key
from .report import report_folder, write_report
from .sandbox import Limits
from .submission import (Job, Record, digest_of_files, digest_of_run, keep, last_graded, note_graded, read_files,
                         recall, write_atomically)
from .workers import Room, run_all

SCORE_COLUMNS = ("assignment", "student_id", "score", "max_score", "late_penalty", "needs_manual_grade", "problem")


@dataclass(frozen=True)
class Row:
    """What became of one submission: a row of scores.csv. Without a score it was not graded."""

    assignment: str
    student_id: str
    score: float | None = None
    max_score: float | None = None
    late_penalty: float | None = None
    needs_manual_grade: bool | None = None
    problem: str = ""


def grade(course, students=None, assignments=None, jobs=None, resume=False, sandbox=True):
    """Grade what lies under gradebook/submitted/<student>/<assignment>/; returns all rows of this run.

    `students` and `assignments` choose by name (None: all); `jobs` submissions run at the same time
    (None: one per processor; on a cluster as many as it has). With `resume`, what an earlier run did with
    the same files is kept and only judged again. Makes feedback pages, scores.csv and reports; what was
    handed in is only read. Raises GradingError or SandboxError before anything is graded when nothing can be.
    """
    began = time.monotonic()
    course.submitted.mkdir(parents=True, exist_ok=True)
    (course.gradebook / ".gitignore").write_text("*\n")  # what students hand in is never committed
    with alone(course):
        todo = _jobs(course, students, assignments)
        known = set(course.sections())
        keys = {name: read_key(course, name) for name in sorted({job.assignment for job in todo} & known)}
        rows = _grade_all(course, todo, keys, jobs or os.cpu_count() or 1, resume, sandbox)
        _write_tables(course, rows, complete=students is None and assignments is None)
        for key in keys.values():
            write_report(course, key)
    _summarise(course, rows, time.monotonic() - began)
    return rows


def _jobs(course, students, assignments):
    jobs = [Job(assignment.name, student.name, assignment)
            for student in _folders(course.submitted) for assignment in _folders(student)]
    for chosen, kind, there in ((students, "student", {job.student for job in jobs}),
                                (assignments, "section", {job.assignment for job in jobs})):
        unknown = sorted(set(chosen or ()) - there)
        if unknown:
            raise GradingError(f"There is no {kind} {unknown[0]} under {course.submitted}: look at the folders' names.")
    return sorted((job for job in jobs
                   if (students is None or job.student in students)
                   and (assignments is None or job.assignment in assignments)),
                  key=lambda job: (job.assignment, job.student))


def _folders(path):
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _grade_all(course, todo, keys, jobs, resume, sandbox):
    modules = frozenset().union(*(key.modules for key in keys.values()))
    hidden = (str(course.gradebook), str(course.source), str(course.root / "nbgrader_config.py"))
    room = Room(_limits(course), modules, hidden, sandbox)
    rows, progress = [], Progress(len(todo))
    with Writer(course) as writer, contextlib.closing(_outcomes(course, todo, keys, jobs, resume, room)) as outcomes:
        try:
            for job, outcome in outcomes:
                row, remarks = _finish(course, job, outcome, keys, writer)
                rows.append(row)
                for remark in ([row.problem] if row.problem else []) + remarks:
                    progress.say(f"{job.assignment} of {job.student}: {remark}")
                progress.step(f"{job.assignment} of {job.student}")
        finally:
            progress.end()
    rows.sort(key=lambda row: (row.assignment, row.student_id))
    _make_all_pages(course, rows, jobs)
    return rows


def _outcomes(course, todo, keys, jobs, resume, room):
    """(job, its Record or the exception that kept it from having one), first what need not be run."""
    to_run = []
    for job in todo:
        record = recall(course, job) if resume and job.assignment in keys else None
        if record is not None and record.digest == _digest(_handed_in(course, job, keys), job, keys, room):
            yield job, record
        else:
            to_run.append(job)
    plain = {name: key.without_answers() for name, key in keys.items()}
    submissions = ((job, _handed_in(course, job, keys), plain.get(job.assignment)) for job in to_run)
    for job, outcome in run_all(submissions, room, max(1, min(jobs, len(to_run)))):
        if isinstance(outcome, Record):
            if outcome.digest != digest_of_run(outcome.handed_in, keys[job.assignment], room.limits):
                raise GradingError("Another machine that runs submissions has another Python or other packages than "
                                   "this one: install the same requirements.txt on both.")
            try:
                keep(course, job, outcome)
            except OSError as failure:
                outcome = failure
        yield job, outcome


def _handed_in(course, job, keys):
    """The files of a submission, or the exception that says why it cannot be graded."""
    try:
        if job.assignment not in keys:
            raise GradingError(f"{course.source.name}/ has no section {job.assignment}: rename the folder.")
        if job.folder.is_symlink() or job.folder.parent.is_symlink():
            raise GradingError("its folder is a link: put the files themselves there.")
        return read_files(job.folder)
    except Exception as failure:
        return failure


def _digest(files, job, keys, room):
    """The digest of the run that these files need, None if they cannot be run."""
    if isinstance(files, Exception):
        return None
    return digest_of_run(digest_of_files(files), keys[job.assignment], room.limits)


def _finish(course, job, outcome, keys, writer):
    """Judge what was run and write it down; the row and further remarks."""
    try:
        if isinstance(outcome, Exception):
            raise outcome
        record = outcome
        resubmitted = last_graded(course, job) != record.handed_in
        marks = judge(record, keys[job.assignment])
        timestamp, remark = _timestamp(job)
        for name, notebook in marks.notebooks.items():
            write_atomically(course.autograded / job.student / job.assignment / f"{name}.ipynb",
                             nbformat.writes(notebook))
        saved = writer.save(job, marks, timestamp, resubmitted)
        note_graded(course, job, record)
    except Exception as failure:
        pages.remove_pages(course, job.assignment, job.student)
        reason = str(failure) if isinstance(failure, GradingError) else f"{type(failure).__name__}: {failure}"
        return Row(job.assignment, job.student, problem=f"Could not be graded: {' '.join(reason.split())}"), []
    problem = " ".join(dict.fromkeys([*marks.notes, *remark]))
    remarks = [] if resubmitted else [
        f"{name} had {_points(before)}, has {_points(now)} now." for name, before, now in saved.changes]
    return Row(job.assignment, job.student, saved.score, saved.max_score, saved.late_penalty,
               saved.needs_manual_grade, problem), remarks


def _points(score):
    return "no points yet" if score is None else f"{score:g} points"


def _timestamp(job):
    """When it was handed in, by timestamp.txt as nbgrader's collectors write it; and a remark if that is odd."""
    from nbgrader.utils import parse_utc

    path = job.folder / "timestamp.txt"
    if path.is_symlink() or not path.is_file():
        return None, []
    try:
        with open(path, encoding="utf-8") as file:
            moment = parse_utc(file.read(100).strip())
        if not 2000 <= moment.year <= 2200:
            raise ValueError
        return moment, []
    except Exception:
        return None, ["Its timestamp.txt says no time, so it counts as handed in in time."]


def _limits(course):
    given = dict(course.config.Limits)
    try:
        return Limits(**given)
    except TypeError:
        unknown = sorted(set(given) - set(Limits.__dataclass_fields__))
        raise GradingError(f"nbgrader_config.py sets c.Limits.{unknown[0]}, which is no limit: there are "
                           f"{', '.join(Limits.__dataclass_fields__)}.") from None


# ---- pages ---------------------------------------------------------------------------------------


def _make_all_pages(course, rows, jobs):
    from joblib import Parallel, delayed

    todo = [(str(course.root), course.db_url, row.assignment, row.student_id) for row in rows if row.score is not None]
    workers = max(1, min(jobs, len(todo) // 50))     # starting one costs as much as some twenty pages
    # here even where submissions are run on a cluster, and not by fork, as a cluster's client has threads
    Parallel(n_jobs=workers, backend="loky")(delayed(pages.make_pages)(*arguments) for arguments in todo)


# ---- reporting -----------------------------------------------------------------------------------


def _write_tables(course, rows, complete):
    """scores.csv, a row a submission; class.csv, a row a student, as learning platforms import it."""
    path = course.gradebook / "scores.csv"
    table = {(row.assignment, row.student_id): [_cell(getattr(row, column)) for column in SCORE_COLUMNS]
             for row in rows}
    if not complete and path.is_file():
        with open(path, newline="", encoding="utf-8") as file:
            header, *old = csv.reader(file)
        if tuple(header) == SCORE_COLUMNS:
            table = {(row[0], row[1]): row for row in old} | table
    lines = [table[where] for where in sorted(table)]
    write_atomically(path, _csv([SCORE_COLUMNS, *lines]))

    assignments = sorted({line[0] for line in lines})
    scores = {(line[1], line[0]): line[2] for line in lines}
    students = sorted({line[1] for line in lines})
    write_atomically(course.gradebook / "class.csv", _csv([
        ("student_id", *assignments, "total"),
        *((student, *(scores.get((student, a), "") for a in assignments),
           sum(float(scores.get((student, a)) or 0) for a in assignments)) for student in students)]))


def _cell(value):
    return "" if value is None else str(value)


def _csv(lines):
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _summarise(course, rows, seconds):
    if not rows:
        print(f"Nothing is handed in: put notebooks into {course.submitted}/<student>/<assignment>/.")
        return
    graded = [row for row in rows if row.score is not None]
    print(
        f"{len(graded)} of {len(rows)} submissions are graded ({seconds:.0f} s), "
        f"{sum(bool(row.problem) for row in graded)} of them with a noted problem; "
        f"{sum(row.needs_manual_grade for row in graded)} have answers to grade by hand.\n"
        f"Scores: {course.gradebook / 'scores.csv'}\nReport: {report_folder(course)}\nFeedback: {course.feedback}"
    )


class Progress:
    """A bar on the terminal; elsewhere only what is said."""

    WIDTH = 24

    def __init__(self, total, stream=None):
        self._total, self._done, self._began = total, 0, time.monotonic()
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty() and total > 0

    def step(self, what):
        self._done += 1
        if self._shown:
            full = self.WIDTH * self._done // self._total
            left = (time.monotonic() - self._began) / self._done * (self._total - self._done)
            bar = f"[{'#' * full:.<{self.WIDTH}}] {self._done}/{self._total}"
            self._draw(f"{bar}, {left / 60:.0f} min left: {what}"[:78])

    def say(self, line):
        self._draw("")
        print(line, flush=True)

    def end(self):
        self._draw("")

    def _draw(self, text):
        if self._shown:
            self._stream.write(f"\r\033[K{text}")
            self._stream.flush()
