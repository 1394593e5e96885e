"""How fast a class is graded: stock nbgrader against ours, on the same submissions, in one run.

    python tests/benchmarks/grading_throughput.py --students 8 --sections s5_1_glm s6_subjects
    python tests/benchmarks/grading_throughput.py --students 300 --ours-only      a whole simulated class

Every student hands in every section, with a different choice of its questions answered as in
solutions/ and the others left open. Stock is `nbgrader autograde` with nbgrader's own settings; ours
is `grade`, sandbox on, which also makes the feedback pages. Prints a table and whether all marks agree.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat

from glmmlib.teaching.grading import Course, grade

REPO = Path(__file__).resolve().parents[2]
STOCK = """
from pathlib import Path
c = get_config()
root = Path(__file__).resolve().parent
c.CourseDirectory.root = str(root)
c.CourseDirectory.source_directory, c.CourseDirectory.release_directory = "solutions", "course"
for step in ("submitted", "autograded", "feedback", "solution", "source_with_tests"):
    setattr(c.CourseDirectory, f"{step}_directory", f"gradebook/{step}")
c.CourseDirectory.db_url = f"sqlite:///{root}/gradebook/gradebook.db"
c.ClearSolutions.code_stub, c.ClearSolutions.text_stub = {"python": ""}, "*Write your answer here.*"
c.Execute.timeout = 300
"""


def make_class(root, students, sections):
    """A copy of the course in the folder `root` in which all students have handed in all sections."""
    shutil.copytree(REPO / "solutions", root / "solutions")
    for section in sections:
        solved = nbformat.read(REPO / "solutions" / section / f"{section}.ipynb", as_version=4)
        released = nbformat.read(REPO / "course" / section / f"{section}.ipynb", as_version=4)
        answers = {cell.id: cell.source for cell in solved.cells if is_answer(cell)}
        for student in range(students):
            notebook = nbformat.from_dict(released)
            for number, cell in enumerate(cell for cell in notebook.cells if cell.id in answers):
                # full marks for the first student, then each in a way of their own
                if student == 0 or (student * 2654435761 >> number) & 1:
                    cell.source = answers[cell.id]
            folder = root / "gradebook" / "submitted" / f"student{student:03}" / section
            folder.mkdir(parents=True)
            nbformat.write(notebook, folder / f"{section}.ipynb")


def is_answer(cell):
    about = cell.metadata.get("nbgrader", {})
    return about.get("solution") and not about.get("grade")


def run_stock(root, sections):
    """Seconds that nbgrader's own commands take."""
    (root / "nbgrader_config.py").write_text(STOCK)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def nbgrader(*words):
        subprocess.run([sys.executable, "-m", "nbgrader", *words], cwd=root, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    for section in sections:
        nbgrader("generate_assignment", section, "--force")
    began = time.monotonic()
    for section in sections:
        nbgrader("autograde", section, "--force")
    return time.monotonic() - began


def run_ours(root, jobs):
    """Seconds that our grading takes, all it does included, and the most memory in use meanwhile (bytes)."""
    shutil.copy(REPO / "nbgrader_config.py", root)
    most, done = [0], threading.Event()

    def watch():
        while not done.wait(2):
            most[0] = max(most[0], memory_below(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    try:
        grade(Course(root), jobs=jobs)
        return time.monotonic() - began, most[0]
    finally:
        done.set()
        watcher.join()


def memory_below(pid):
    """Bytes in use by a process and all below it, shared ones divided by who shares them."""
    total = 0
    for process in [pid, *descendants(pid)]:
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
        except OSError:
            pass
    return total


def descendants(pid):
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
        except OSError:
            pass
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def scores(root):
    """Points of every autograded cell by (student, section, grade id)."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root}/gradebook/gradebook.db") as gradebook:
        return {(grade.student.id, grade.assignment.name, grade.name): grade.auto_score
                for assignment in gradebook.assignments for submission in assignment.submissions
                for notebook in submission.notebooks for grade in notebook.grades}


def main():
    there = sorted(path.name for path in (REPO / "course").iterdir() if path.is_dir())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=6)
    parser.add_argument("--sections", nargs="+", default=there, choices=there)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--ours-only", action="store_true", help="leave stock nbgrader out (it takes its time)")
    options = parser.parse_args()

    notebooks = options.students * len(options.sections)
    print(f"{options.students} students x {', '.join(options.sections)} = {notebooks} notebooks; "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "ours"), Path(folder, "stock")
        for root in (one,) if options.ours_only else (one, other):
            root.mkdir()
            make_class(root, options.students, options.sections)
        ours, memory = run_ours(one, options.jobs)
        table = [("ours, sandbox on, with feedback pages", options.jobs, ours)]
        if not options.ours_only:
            table.insert(0, ("nbgrader autograde", 1, run_stock(other, options.sections)))
        print("\n| method | jobs | s per notebook | throughput |\n|---|---|---|---|")
        for method, jobs, seconds in table:
            print(f"| {method} | {jobs} | {seconds / notebooks:.2f} | {table[0][2] / seconds:.1f} |")
        print(f"\nMost memory in use by ours: {memory / 2**20:.0f} MB; by the grader alone "
              f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.")
        if not options.ours_only:
            mine, theirs = scores(one), scores(other)
            different = {where for where in mine.keys() | theirs.keys() if mine.get(where) != theirs.get(where)}
            print(f"{len(mine)} marks, {len(different)} of them different")
            for where in sorted(different)[:20]:
                print(f"  {where}: {mine.get(where)} against {theirs.get(where)} by stock")


if __name__ == "__main__":
    main()
