"""nbgrader's settings for this course; read by `make release`, `make grade` and the formgrader."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import preprocessors as stock

from glmmlib.teaching import preprocessors as ours

c = get_config()  # noqa: F821  (given by the loader)
root = Path(__file__).resolve().parent

# Where things are. What instructors write and what students get are folders of the repository;
# what students hand in, and all that comes of it, stays in gradebook/, which git ignores.
c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "glmm"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "course"
for step in ("submitted", "autograded", "feedback", "solution", "source_with_tests"):
    setattr(c.CourseDirectory, f"{step}_directory", f"gradebook/{step}")
c.CourseDirectory.db_url = f"sqlite:///{root}/gradebook/gradebook.db"

# An answer's cell says `name = ...` above its solution, so that an untouched notebook runs.
c.ClearSolutions.code_stub = {"python": ""}
c.ClearSolutions.text_stub = "*Write your answer here.*"

# A submission is first put in order, then run, then its marks are saved.
c.Autograde.sanitize_preprocessors = [
    stock.ClearOutput,
    ours.RestoreCells,
    stock.OverwriteKernelspec,
    stock.OverwriteCells,
    stock.CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    ours.ExecuteWithinLimits,
    stock.LimitOutput,
    stock.SaveAutoGrades,
    stock.AssignLatePenalties,
    stock.CheckCellMetadata,
]
c.Execute.timeout = 60
c.ExecuteWithinLimits.notebook_timeout = 300
c.Execute.error_on_timeout = {
    "ename": "CellTimeoutError",
    "evalue": "",
    "traceback": ["This cell ran too long and was stopped."],
}
c.Execute.shutdown_kernel = "immediate"
# Without a kernel a widget's sliders are dead: the feedback page shows its picture and words instead.
c.Execute.store_widget_state = False
# A file named random.py that was handed in must not take the place of Python's own.
c.Execute.extra_arguments = [
    "--HistoryManager.hist_file=:memory:",
    "--InteractiveShellApp.ignore_cwd=True",
]
c.LimitOutput.max_lines = 200
c.LimitOutput.max_traceback = 40

# Kernels speak over sockets in a directory of their own: ports can be taken by someone else.
if os.name == "posix":
    sockets = tempfile.mkdtemp(prefix="nbgrader-")
    atexit.register(shutil.rmtree, sockets, ignore_errors=True)
    c.KernelManager.transport = "ipc"
    c.KernelManager.ip = os.path.join(sockets, "kernel")

# The page a student gets back shows messages and marks, never the hidden tests.
c.GenerateFeedback.preprocessors = [
    ours.DescribeGrades,
    stock.ClearHiddenTests,
    stock.ClearMarkScheme,
    CSSHTMLHeaderPreprocessor,
]
