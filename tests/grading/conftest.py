"""A small course, made in a temporary folder, that grading is tried on."""

import shutil

import nbformat
import pytest
from small_course import SECTION, Class, solution_notebook

from glmmlib.teaching.grading import Course, release


@pytest.fixture
def course(tmp_path, repo):
    """A course with one section, nothing released yet, and short time limits."""
    shutil.copy(repo / "nbgrader_config.py", tmp_path)
    with open(tmp_path / "nbgrader_config.py", "a") as config:
        config.write("c.Limits.cell_time, c.Limits.notebook_time = 5, 20\n")
    source = tmp_path / "solutions" / SECTION
    source.mkdir(parents=True)
    nbformat.write(solution_notebook(), source / "sums.ipynb")
    return Course(tmp_path)


@pytest.fixture
def group(course):
    """A class that the course has been handed out to."""
    release(course)
    return Class(course)
