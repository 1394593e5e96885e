"""More than one machine: Dask workers, one of which is killed, and a gradebook in PostgreSQL."""

import os
import shutil
import signal
import threading

import pytest
from distributed import Client, LocalCluster
from joblib import parallel_config
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import SECTION, Class, cell, small_course
from test_grade import digests
from test_resume import RIGHT, children, journal, wait_for

from glmmlib.teaching.grading import Course, GradingError, grade, release, submission


@pytest.fixture
def cluster():
    """Two Dask workers, processes of this machine."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client, \
            parallel_config(backend="dask"):
        yield client


@pytest.fixture
def alone_and_together(tmp_path_factory, repo, sandbox):
    """A class that has handed in ten notebooks and a broken one, twice: for one process, and for several."""
    one = small_course(repo, tmp_path_factory.mktemp("alone"), cell_time=60, notebook_time=120)
    release(one)
    group = Class(one)
    for number in range(10):
        answers = {name: RIGHT[name] if number >> bit & 1 else "0" for bit, name in enumerate(("total", "half"))}
        notebook = group.notebook(**answers, larger="'first'")
        notebook.cells.insert(2, new_code_cell("import time; time.sleep(0.5)", id="slow"))
        cell(notebook, "why").source = "Because."
        group.hand_in(f"s{number}", notebook)
    group.hand_in("broken", text="{")
    return one, Course(shutil.copytree(one.root, tmp_path_factory.mktemp("together"), dirs_exist_ok=True))


def all_marks(course):
    with Gradebook(course.db_url) as book:
        return {(s.student.id, grade.name): (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                for s in book.assignment_submissions(SECTION) for n in s.notebooks for grade in n.grades}


def test_a_killed_workers_submissions_are_graded_by_another(alone_and_together, cluster, postgres):
    one, other = alone_and_together
    with parallel_config(backend="threading"):
        alone = grade(one, jobs=1)

    with open(other.root / "nbgrader_config.py", "a") as config:
        config.write(f"c.CourseDirectory.db_url = {postgres!r}\n")
    other = Course(other.root)
    victim = min(cluster.run(os.getpid).values())

    def kill():
        # its sandbox is two processes, a notebook that runs in it a third
        wait_for(lambda: len(journal(other)) >= 2 and len(children(victim)) > 2, 120)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    together = grade(other)
    killer.join()
    assert not os.path.exists(f"/proc/{victim}")

    assert together == alone and len(together) == 11
    assert not (other.gradebook / "gradebook.db").exists()
    assert all_marks(other) == all_marks(one)
    for folder in ("autograded", "feedback", "report"):
        assert digests(other.gradebook / folder) == digests(one.gradebook / folder), folder

    # marks given by hand are kept there too
    with Gradebook(other.db_url) as book:
        by_hand = book.find_grade("why", "sums", SECTION, "s3")
        by_hand.manual_score, by_hand.needs_manual_grade = 2, False
        book.db.commit()
    before = journal(other)
    rows = {row.student_id: row for row in grade(other, resume=True)}
    assert (rows["s3"].score, rows["s3"].needs_manual_grade) == (8, False) and rows["s1"].score == 3
    assert journal(other) == before


def test_a_worker_with_other_packages_is_refused(alone_and_together, cluster, monkeypatch):
    monkeypatch.setattr(submission, "version", lambda name: "0")      # here, not in the workers
    with pytest.raises(GradingError, match="same requirements.txt on both"):
        grade(alone_and_together[1], students=["s0"])
