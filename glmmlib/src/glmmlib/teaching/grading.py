"""Hand out a course and grade what comes back: nbgrader, made to survive a class.

    python -m glmmlib.teaching.grading release          solutions/ -> course/
    python -m glmmlib.teaching.grading check-release    is course/ what release would make?
    python -m glmmlib.teaching.grading grade            gradebook/submitted/ -> marks and feedback

Run from the top of the course's repository, where `nbgrader_config.py` says which folder is which.
"""

import argparse
import contextlib
import csv
import filecmp
import logging
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from ..errors import GlmmlibError

CONFIG_FILE = "nbgrader_config.py"
SCORE_COLUMNS = ("assignment", "student_id", "score", "max_score", "needs_manual_grade", "problem")
TEMPLATES = Path(__file__).parent / "templates"

# What deserves a word about the submission being graded. Named in full, as this module may be
# run as a program, and then has another name.
notes = logging.getLogger("glmmlib.teaching.grading")


class GradingError(GlmmlibError):
    """The course cannot be released or graded as it stands."""


@dataclass(frozen=True)
class Row:
    """What became of one submission: a row of scores.csv. Without a score it was not graded."""

    assignment: str
    student_id: str
    score: float | None = None
    max_score: float | None = None
    needs_manual_grade: bool | None = None
    problem: str = ""


class Course:
    """One course: nbgrader's settings, and its folders as absolute paths."""

    def __init__(self, root="."):
        """Read `nbgrader_config.py` in the folder `root`; raises GradingError if there is none."""
        self.root = Path(root).resolve()
        if not (self.root / CONFIG_FILE).is_file():
            raise GradingError(
                f"There is no {CONFIG_FILE} in {self.root}: run this at the top of the course's repository."
            )
        try:
            from nbgrader.coursedir import CourseDirectory
            from traitlets.config import PyFileConfigLoader
        except ImportError:
            raise GradingError(
                'nbgrader is not installed: pip install "glmmlib[grading]" brings it.'
            ) from None
        _use_this_python()
        self.config = PyFileConfigLoader(CONFIG_FILE, str(self.root)).load_config()
        directory = CourseDirectory(config=self.config)
        self.source, self.release, self.submitted, self.autograded, self.feedback = (
            self.root / getattr(directory, f"{step}_directory")
            for step in ("source", "release", "submitted", "autograded", "feedback")
        )
        self.gradebook = self.submitted.parent
        self.db_url = directory.db_url

    def sections(self):
        """The names of the folders in solutions/ that hold notebooks, sorted."""
        return sorted({path.parent.name for path in self.source.glob("*/*.ipynb")})

    def notebooks(self, section):
        """The names, without suffix, of a section's notebooks."""
        return sorted(path.stem for path in (self.source / section).glob("*.ipynb"))

    def convert(self, converter_name, assignment, student=".", **settings):
        """Run one of nbgrader's converters, by name, on one assignment of one student.

        `settings` are further settings by class, e.g. `SaveCells={"enabled": False}`. Raises
        GradingError with the last thing that went wrong.
        """
        from nbgrader import converters
        from nbgrader.coursedir import CourseDirectory
        from traitlets.config import Config

        config = Config(self.config)
        config.merge(Config({name: Config(values) for name, values in settings.items()}))
        directory = CourseDirectory(config=config, assignment_id=assignment, student_id=student)
        converter = getattr(converters, converter_name)(coursedir=directory, config=config)
        converter.force = True
        # nbgrader's own warnings (of SQLAlchemy's habits) say nothing about the submission
        with _listening_to("traitlets") as said, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                converter.start()
            except (Exception, SystemExit) as failure:
                raise GradingError(_what_went_wrong(said, failure)) from failure


def generate(course, target, section, **settings):
    """Generate one section's student version into the folder `target`."""
    course.convert(
        "GenerateAssignment", section, CourseDirectory={"release_directory": str(target)}, **settings
    )


# ---- release -------------------------------------------------------------------------------------


def release(course):
    """Regenerate course/ from solutions/; nothing changes unless every section can be generated."""
    with _generated(course) as generated:
        course.release.mkdir(exist_ok=True)
        for section in course.sections():
            target = course.release / section
            if target.exists():
                target.rename(generated / f".old-{section}")
            (generated / section).rename(target)
            print(f"{target.relative_to(course.root)} is made.")
    for section in _left_over(course):
        print(f"{course.release.name}/{section} has no source in {course.source.name}/: delete it if it is old.")


def stale_sections(course):
    """The sections of course/ that `release` would change, or that no longer have a source."""
    with _generated(course) as generated:
        stale = [
            section for section in course.sections()
            if not _same_tree(generated / section, course.release / section)
        ]
    return stale + _left_over(course)


@contextlib.contextmanager
def _generated(course):
    """All sections' student versions in a temporary folder, which may be moved out of."""
    sections = course.sections()
    if not sections:
        raise GradingError(f"There is no notebook in {course.source}/<section>/: write one first.")
    # beside course/, as a folder can only be renamed within one file system
    with tempfile.TemporaryDirectory(prefix=".release-", dir=course.root) as folder:
        for section in sections:
            try:
                generate(
                    course, folder, section,
                    GenerateAssignment={"no_database": True}, SaveCells={"enabled": False},
                )
            except GradingError as problem:
                raise GradingError(
                    f"{course.source.name}/{section} cannot be released, and {course.release.name}/ "
                    f"is left as it was: {problem}"
                ) from problem
        yield Path(folder)


def _left_over(course):
    released = {path.parent.name for path in course.release.glob("*/*.ipynb")}
    return sorted(released - set(course.sections()))


def _same_tree(one, other):
    if not other.is_dir():
        return False
    differences = filecmp.dircmp(one, other, ignore=[".ipynb_checkpoints", "__pycache__"])
    return (
        not differences.left_only and not differences.right_only
        and all(filecmp.cmp(one / name, other / name, shallow=False) for name in differences.common_files)
        and all(_same_tree(one / name, other / name) for name in differences.common_dirs)
    )


# ---- grade ---------------------------------------------------------------------------------------


def grade(course):
    """Grade everything under gradebook/submitted/<student>/<assignment>/; returns the rows written.

    Makes feedback pages and gradebook/scores.csv. What was handed in is only read. Grading again
    gives the same marks and keeps those given by hand.
    """
    began = time.monotonic()
    course.submitted.mkdir(parents=True, exist_ok=True)
    (course.gradebook / ".gitignore").write_text("*\n")  # what students hand in is never committed
    submissions = [
        (assignment.name, student.name)
        for student in _folders(course.submitted) for assignment in _folders(student)
    ]
    _register(course, {assignment for assignment, _ in submissions} & set(course.sections()))
    rows = []
    for assignment, student in sorted(submissions):
        row = grade_submission(course, assignment, student)
        rows.append(row)
        if row.problem:
            print(f"{assignment} of {student}: {row.problem}")
    _write_scores(course.gradebook / "scores.csv", rows)
    _summarise(course, rows, time.monotonic() - began)
    return rows


def grade_submission(course, assignment, student):
    """Autograde one submission and make its feedback pages; whatever happens becomes a Row."""
    shutil.rmtree(course.feedback / student / assignment, ignore_errors=True)
    with _listening_to(notes.name) as noted:
        try:
            _require_gradable(course, assignment, student)
            course.convert("Autograde", assignment, student)
            course.convert("GenerateFeedback", assignment, student, HTMLExporter={
                "extra_template_basedirs": [str(TEMPLATES)],
                "template_name": "feedback_page",
            })
            score, max_score, needs_manual_grade = _marks(course, assignment, student)
        except Exception as failure:
            return Row(assignment, student, problem=f"Could not be graded: {failure}")
    problem = " ".join(dict.fromkeys(record.getMessage() for record in noted))
    return Row(assignment, student, score, max_score, needs_manual_grade, problem)


def _require_gradable(course, assignment, student):
    import nbformat

    if assignment not in course.sections():
        raise GradingError(f"{course.source.name}/ has no section {assignment}: rename the folder.")
    for name in (assignment, student):
        if set(name) & set("*?[]"):  # nbgrader looks folders up by pattern
            raise GradingError(f"nbgrader cannot read a folder named {name}: rename it without * ? [ ].")
    folder = course.submitted / student / assignment
    missing = [name for name in course.notebooks(assignment) if not (folder / f"{name}.ipynb").is_file()]
    if len(missing) == len(course.notebooks(assignment)):
        raise GradingError(f"{missing[0]}.ipynb is not there: look for it under another name.")
    for name in missing:
        notes.warning("%s.ipynb is not there and counts as not answered.", name)
    for name in set(course.notebooks(assignment)) - set(missing):
        try:
            nbformat.read(folder / f"{name}.ipynb", as_version=4)
        except Exception:
            raise GradingError(
                f"{name}.ipynb is not a notebook that can be read: ask for it again."
            ) from None


def _register(course, assignments):
    """Write the graded cells of solutions/ to the gradebook: marks are counted by these."""
    for assignment in sorted(assignments):
        with tempfile.TemporaryDirectory() as folder:
            try:
                generate(course, folder, assignment)
            except GradingError as problem:
                raise GradingError(
                    f"{course.source.name}/{assignment} cannot be used for grading: {problem} (If its "
                    f"graded cells have changed since the class was graded, start a new gradebook: "
                    f"move {course.gradebook.name}/gradebook.db away.)"
                ) from problem


def _marks(course, assignment, student):
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        submission = gradebook.find_submission(assignment, student)
        return submission.score, submission.max_score, submission.needs_manual_grade


def _write_scores(path, rows):
    unfinished = path.with_suffix(".tmp")
    with open(unfinished, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(SCORE_COLUMNS)
        writer.writerows([getattr(row, column) for column in SCORE_COLUMNS] for row in rows)
    unfinished.replace(path)


def _summarise(course, rows, seconds):
    if not rows:
        print(f"Nothing is handed in: put notebooks into {course.submitted}/<student>/<assignment>/.")
        return
    graded = [row for row in rows if row.score is not None]
    print(
        f"{len(graded)} of {len(rows)} submissions are graded ({seconds:.0f} s), "
        f"{sum(bool(row.problem) for row in graded)} of them with a noted problem; "
        f"{sum(row.needs_manual_grade for row in graded)} have answers to grade by hand.\n"
        f"Scores: {course.gradebook / 'scores.csv'}\nFeedback: {course.feedback}"
    )


def _folders(path):
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


# ---- around nbgrader -----------------------------------------------------------------------------


def _use_this_python():
    """Let nbgrader find this environment's tools and kernel, whichever Python the shell has."""
    # nbgrader calls alembic by name
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    # the kernel "python3" could otherwise be one that somebody installed for themselves
    os.environ["JUPYTER_PATH"] = os.path.join(sys.prefix, "share", "jupyter")


@contextlib.contextmanager
def _listening_to(name):
    """The log records, from warnings up, that the logger `name` gets meanwhile."""
    records = []
    handler = logging.Handler(level=logging.WARNING)
    handler.emit = records.append
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    # nbgrader's log is a traceback each; what matters of it is told in a sentence
    propagates, logger.propagate = logger.propagate, False
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


def _what_went_wrong(records, failure):
    # nbgrader logs the exception it met and raises another that says to look there
    for record in reversed(records):
        message = record.getMessage().strip()
        raised = re.findall(r"^[\w.]+: .*", message, flags=re.MULTILINE)
        if message.startswith("Traceback") and raised:
            return raised[-1]
    return " ".join(str(failure).split()) or type(failure).__name__


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m glmmlib.teaching.grading", description="Hand out the course and grade what comes back."
    )
    parser.add_argument("command", choices=["release", "check-release", "grade"])
    parser.add_argument("--root", default=".", help="the top of the course's repository (default: here)")
    options = parser.parse_args(arguments)
    try:
        course = Course(options.root)
        if options.command == "release":
            release(course)
        elif options.command == "grade":
            grade(course)
        else:
            stale = stale_sections(course)
            for section in stale:
                print(f"{course.release.name}/{section} is stale: run `make release`.", file=sys.stderr)
            return 1 if stale else 0
    except GradingError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
