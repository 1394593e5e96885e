"""One course: nbgrader's settings, its folders, and nbgrader's converters run on it."""

import contextlib
import logging
import os
import re
import sys
import sysconfig
import warnings
from pathlib import Path

from ...errors import GlmmlibError
from .. import cohort

CONFIG_FILE = "nbgrader_config.py"


class GradingError(GlmmlibError):
    """The course cannot be released or graded as it stands."""


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

    def cohort(self):
        """The name of the cohort that course/ was released to, or None for the bundled data.

        Raises GradingError if its sections name several.
        """
        released = sorted({path.parent for path in self.release.glob("*/*.ipynb")})
        names = {section.name: cohort.read(section) for section in released}
        if len(set(names.values())) > 1:
            one, other = next((a, b) for a in names for b in names if names[a] != names[b])
            raise GradingError(
                f"{self.release.name}/{one} has the data of {names[one] or 'no cohort'}, {self.release.name}/{other} "
                f"those of {names[other] or 'no cohort'}: make them alike with `make release COHORT=<name>`, the "
                f"bundled data with COHORT={cohort.BUNDLED}."
            )
        return next(iter(names.values()), None)

    def convert(self, converter_name, assignment, **settings):
        """Run one of nbgrader's converters, by name, on one assignment.

        `settings` are further settings by class, e.g. `SaveCells={"enabled": False}`. Raises
        GradingError with the last thing that went wrong.
        """
        from nbgrader import converters
        from nbgrader.coursedir import CourseDirectory
        from traitlets.config import Config

        config = Config(self.config)
        config.merge(Config({name: Config(values) for name, values in settings.items()}))
        directory = CourseDirectory(config=config, assignment_id=assignment, student_id=".")
        converter = getattr(converters, converter_name)(coursedir=directory, config=config)
        converter.force = True
        # nbgrader's own warnings (of SQLAlchemy's habits) say nothing about the assignment
        with _listening_to("traitlets") as said, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                converter.start()
            except (Exception, SystemExit) as failure:
                raise GradingError(_what_went_wrong(said, failure)) from failure


def generate(course, target, section, whose, **settings):
    """Generate one section's student version into the folder `target`, with the data of the cohort `whose` (or None)."""
    course.convert(
        "GenerateAssignment", section, CourseDirectory={"release_directory": str(target)}, **settings
    )
    cohort.write(Path(target, section), whose)


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
