"""Killed at any moment and started again, grading ends with the same marks; and what --resume runs again."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import SECTION, cell

from glmmlib.teaching.grading import GradingError, SandboxError, grade, main

RIGHT = {"total": "sum(sizes)", "half": "21.25", "larger": "'first'"}


def scores(course):
    with open(course.gradebook / "scores.csv", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def journal(course):
    return {path.parent.name: path.stat().st_mtime_ns for path in (course.gradebook / "journal").rglob("[!.]*.json")}


def children(pid):
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            own, parent = int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found |= {own} | children(own)
    return found


def alive(pids):
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()
            and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"}


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def test_killed_and_resumed_it_gives_the_same_marks(group):
    course = group.course
    marks = {}
    for number in range(12):
        answers = {name: RIGHT[name] if number >> bit & 1 else "0" for bit, name in enumerate(("total", "half"))}
        notebook = group.notebook(**answers, larger="'first'")
        notebook.cells.insert(2, new_code_cell("import time; time.sleep(0.3)", id="slow"))
        group.hand_in(f"s{number:02}", notebook)
        marks[f"s{number:02}"] = str(2.0 * (number & 1) + 3.0 * (number >> 1 & 1) + 1)
    command = [sys.executable, "-m", "glmmlib.teaching.grading", "grade", "--root", course.root, "--jobs", "2",
               "--resume"]
    done = {}
    for finished in (2, 6):
        grader = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(lambda: len(journal(course)) >= finished or grader.poll() is not None)
        below = children(grader.pid)
        grader.send_signal(signal.SIGKILL)
        assert grader.wait() == -signal.SIGKILL, "it was done before it could be killed"
        wait_for(lambda: not alive(below), 10)      # no sandbox outlives its grader
        assert done.items() <= journal(course).items(), "what was done is not done again"
        done = journal(course)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    assert {student: row["score"] for student, row in scores(course).items()} == marks
    assert done.items() <= journal(course).items()
    with Gradebook(course.db_url) as gradebook:
        submissions = gradebook.assignment_submissions(SECTION)
        assert sorted(s.student.id for s in submissions) == sorted(marks)
        assert {s.student.id: str(s.score) for s in submissions} == marks


def test_resume_runs_what_changed_and_judges_all_by_the_tests_of_today(group, capsys):
    course = group.course
    group.hand_in("ann", total="40", half="21.25", larger="'first'")
    folder = group.hand_in("bob", **RIGHT)
    grade(course, jobs=1)
    before = journal(course)

    nbformat.write(group.notebook(**RIGHT | {"half": "0"}), folder / "sums.ipynb")     # bob hands in once more
    path = course.source / SECTION / "sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, "total-test").source = cell(notebook, "total-test").source.replace("40 + 2.5", "40")
    nbformat.write(notebook, path)                                                     # and a test was wrong
    capsys.readouterr()
    grade(course, jobs=1, resume=True)

    assert {student: row["score"] for student, row in scores(course).items()} == {"ann": "6.0", "bob": "1.0"}
    after = journal(course)
    assert after["ann"] == before["ann"] and after["bob"] > before["bob"]
    said = capsys.readouterr().out
    assert f"{SECTION} of ann: total-test had 0 points, has 2 points now." in said
    assert "half-test" not in said.split("of ann")[1].split("\n")[0]


def test_one_student_and_one_section_can_be_graded_alone(group):
    course = group.course
    group.hand_in("ann", **RIGHT)
    group.hand_in("bob", total="40")
    grade(course, jobs=1)
    group.course.submitted.joinpath("bob", SECTION, "sums.ipynb").write_text("{")
    rows = grade(course, students=["ann"], assignments=[SECTION], jobs=1)
    assert [row.student_id for row in rows] == ["ann"]
    assert {student: row["score"] for student, row in scores(course).items()} == {"ann": "6.0", "bob": "0.0"}
    with open(course.gradebook / "class.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["student_id", SECTION, "total"], ["ann", "6.0", "6.0"], ["bob", "0.0", "0.0"]]
    with pytest.raises(GradingError, match="no student zoe"):
        grade(course, students=["zoe"])


def test_without_bubblewrap_it_refuses_unless_told_otherwise(group, monkeypatch, capsys):
    course = group.course
    group.hand_in("ann", **RIGHT)
    endless = group.notebook(total="42.5", half="0\nwhile True: pass", larger="'first'")
    group.hand_in("bob", endless)
    monkeypatch.setattr(shutil, "which", lambda name, *a, **k: None if name == "bwrap" else os.devnull)
    assert main(["grade", "--root", str(course.root)]) == 1
    said = capsys.readouterr().err.strip()
    assert "bubblewrap is missing" in said and "--no-sandbox" in said and len(said.splitlines()) == 1
    assert not journal(course)

    assert main(["grade", "--root", str(course.root), "--no-sandbox", "--jobs", "1"]) == 0
    assert {student: row["score"] for student, row in scores(course).items()} == {"ann": "6.0", "bob": "3.0"}
    assert "ran too long" in scores(course)["bob"]["problem"]


def test_a_hole_in_the_walls_stops_grading(group, monkeypatch):
    from glmmlib.teaching.grading import sandbox, workers

    group.hand_in("ann", **RIGHT)
    with monkeypatch.context() as patched:
        patched.setattr(workers, "_home", lambda: ["/usr/bin"])
        with pytest.raises(SandboxError, match="could see /usr/bin"):
            grade(group.course, jobs=1)
    walls = sandbox.Sandbox._walls
    for wall, said in (("--unshare-net", "reach the network"), ("--unshare-pid", "does not start|other processes")):
        monkeypatch.setattr(sandbox.Sandbox, "_walls", lambda self, wall=wall: [w for w in walls(self) if w != wall])
        with pytest.raises(SandboxError, match=said):
            grade(group.course, jobs=1)
    assert not journal(group.course)


def test_two_graders_do_not_meet(group):
    import fcntl

    group.hand_in("ann", **RIGHT)
    with open(group.course.gradebook / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GradingError, match="Somebody else is grading"):
            grade(group.course)


def test_late_submissions_lose_what_the_settings_say(group):
    import datetime

    with open(group.course.root / "nbgrader_config.py", "a") as config:
        config.write("c.LatePenalty.per_day, c.LatePenalty.most, c.LatePenalty.grace_hours = 0.1, 0.25, 1\n")
    course = type(group.course)(group.course.root)
    for student, handed_in in {"early": "2027-03-01 11:00:00 UTC", "grace": "2027-03-01 12:30:00 UTC",
                               "late": "2027-03-02 12:30:00 UTC", "very late": "2027-05-01 12:00:00 UTC"}.items():
        (group.hand_in(student, **RIGHT) / "timestamp.txt").write_text(handed_in)
    grade(course)
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(SECTION, duedate=datetime.datetime(2027, 3, 1, 12))
    grade(course, resume=True)
    assert {s: (row["score"], row["late_penalty"]) for s, row in scores(course).items()} == {
        "early": ("6.0", "0.0"), "grace": ("6.0", "0.0"),
        "late": ("5.4", "0.6"), "very late": ("4.5", "1.5")}
    page = (course.feedback / "late" / SECTION / "sums.html").read_text()
    assert "5.4 of 9 points" in page and "for being late" in page


def test_marks_by_hand_stay_until_the_answer_changes(group):
    course = group.course

    def by_hand():
        with Gradebook(course.db_url) as gradebook:
            grade_of_why = gradebook.find_grade("why", "sums", SECTION, "ann")
            return grade_of_why.manual_score, grade_of_why.needs_manual_grade

    notebook = group.notebook(**RIGHT)
    cell(notebook, "why").source = "Because."
    folder = group.hand_in("ann", notebook)
    grade(course, jobs=1)
    assert by_hand() == (None, True)
    with Gradebook(course.db_url) as gradebook:
        grade_of_why = gradebook.find_grade("why", "sums", SECTION, "ann")
        grade_of_why.manual_score, grade_of_why.needs_manual_grade = 2, False
        gradebook.db.commit()
    grade(course, jobs=1)
    assert by_hand() == (2, False) and scores(course)["ann"]["score"] == "8.0"

    cell(notebook, "why").source = "On second thoughts."
    nbformat.write(notebook, folder / "sums.ipynb")
    grade(course, jobs=1, resume=True)
    assert by_hand() == (2, True), "whoever gave the marks is asked to look again"
