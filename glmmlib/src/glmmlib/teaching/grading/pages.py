"""The page a student gets back, made by nbconvert from the graded notebook and the gradebook."""

import functools
import shutil
from pathlib import Path

import nbformat

from .course import Course
from .submission import write_atomically

TEMPLATES = Path(__file__).parents[1] / "templates"


def make_pages(root, db_url, assignment, student):
    """Write the pages of one graded submission in the course at `root`; takes plain values, for any process."""
    course, exporter = _exporter(root)
    graded, target = course.autograded / student / assignment, course.feedback / student / assignment
    pages = {}
    for path in sorted(graded.glob("*.ipynb")):
        resources = {
            "unique_key": path.stem,
            "nbgrader": {"student": student, "assignment": assignment, "notebook": path.stem, "db_url": db_url},
        }
        pages[path.stem], _ = exporter.from_notebook_node(nbformat.read(path, as_version=4), resources)
    for name, page in pages.items():
        write_atomically(target / f"{name}.html", page)


def remove_pages(course, assignment, student):
    """Take away the pages of a submission that could not be graded."""
    shutil.rmtree(course.feedback / student / assignment, ignore_errors=True)


@functools.cache
def _exporter(root):
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    course = Course(root)
    config = Config(course.config)
    config.merge(Config({
        "Exporter": {"default_preprocessors": []},
        "HTMLExporter": {"extra_template_basedirs": [str(TEMPLATES)], "template_name": "feedback_page"},
    }))
    exporter = HTMLExporter(config=config)
    for step in course.config.GenerateFeedback.preprocessors:
        exporter.register_preprocessor(step, enabled=True)
    return course, exporter
