"""A small course, made in a temporary folder, that grading is tried on; and what the answer bank counted."""

import pytest
from bank.counts import BANK_COUNTS, table
from small_course import Class, small_course

from glmmlib.teaching.grading import release


@pytest.fixture
def course(tmp_path, repo):
    """A course with one section, nothing released yet, and a short time limit."""
    return small_course(repo, tmp_path, cell_time=5, notebook_time=60)


@pytest.fixture
def group(course, sandbox):
    """A class that the course has been handed out to."""
    release(course)
    return Class(course)


def pytest_terminal_summary(terminalreporter, config):
    counts = config.stash.get(BANK_COUNTS, None)
    if counts:
        terminalreporter.section("answer bank: answers graded through the whole pipeline")
        terminalreporter.write_line(table(counts))
