"""More than one machine: Dask workers, one of which is killed, and a gradebook in PostgreSQL."""

import os
import shutil
import signal
import threading
from pathlib import Path

import distributed
import pytest
from distributed import Client, LocalCluster
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import SECTION, Class, cell, small_course
from test_grade import digests, scores
from test_resume import RIGHT, alive, children, journal, wait_for

from glmmlib.teaching.grading import Course, grade, main, release, submission

TABLES = ("scores.csv", "class.csv")


@pytest.fixture
def cluster():
    """Two Dask workers, processes of this machine."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


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
    assert len(grade(one, jobs=1)) == 11

    with open(other.root / "nbgrader_config.py", "a") as config:
        config.write(f"c.CourseDirectory.db_url = {postgres!r}\n")
    other = Course(other.root)
    with Client(cluster) as client:
        victim = min(client.run(os.getpid).values())

    def kill():
        # its sandbox is two processes, a notebook that runs in it a third
        wait_for(lambda: len(journal(other)) >= 2 and len(children(victim)) > 2, 120)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    command = ["grade", "--root", str(other.root), "--dask", cluster.scheduler_address]
    assert main(command) == 0
    killer.join()
    assert victim not in alive([victim])
    with Client(cluster) as client:
        left = set().union(*map(children, client.run(os.getpid).values()))
    assert "bwrap" not in {Path(f"/proc/{pid}/comm").read_text().strip() for pid in left}, "no sandbox is left behind"

    assert not (other.gradebook / "gradebook.db").exists()
    assert all_marks(other) == all_marks(one)
    assert [(other.gradebook / name).read_text() for name in TABLES] == [
        (one.gradebook / name).read_text() for name in TABLES]
    for folder in ("autograded", "feedback", "report"):
        assert digests(other.gradebook / folder) == digests(one.gradebook / folder), folder

    # marks given by hand are kept there too
    with Gradebook(other.db_url) as book:
        by_hand = book.find_grade("why", "sums", SECTION, "s3")
        by_hand.manual_score, by_hand.needs_manual_grade = 2, False
        book.db.commit()
    before = journal(other)
    assert main([*command, "--resume"]) == 0
    assert (scores(other)["s3"]["score"], scores(other)["s3"]["needs_manual_grade"]) == ("8.0", "False")
    assert scores(other)["s1"]["score"] == "3.0" and journal(other) == before


def test_a_worker_with_other_packages_is_refused(alone_and_together, cluster, monkeypatch, capsys):
    monkeypatch.setattr(submission, "version", lambda name: "0")      # here, not in the workers
    assert main(["grade", "--root", str(alone_and_together[1].root), "--students", "s0",
                 "--dask", cluster.scheduler_address]) == 1
    assert "install the same requirements.txt on both" in capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_a_sentence(course, monkeypatch, capsys):
    def refuse(address, timeout):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", refuse)      # which it does after ten seconds
    assert main(["grade", "--root", str(course.root), "--dask", "tcp://127.0.0.1:9"]) == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9 (timed out)" in capsys.readouterr().err
