"""nbgrader's settings for this course; read by `make release`, `make grade` and the formgrader."""

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

# Submissions are run by `make grade` alone (glmmlib.teaching.grading), within these limits: times in
# seconds, memory in bytes. nbgrader's own button and command would run them unprotected.
c.Limits.cell_time = 60
c.Limits.notebook_time = 300
c.Limits.memory = 2 * 1024**3
c.Autograde.sanitize_preprocessors = [ours.NotHere]
c.Autograde.autograde_preprocessors = [ours.NotHere]

# Who hands in after the due date (set in the formgrader) loses this share of the points a day.
c.AssignLatePenalties.plugin_class = "glmmlib.teaching.grading.late.LatePenalty"
c.LatePenalty.per_day = 0.0

# The page a student gets back shows messages and marks, never the hidden tests.
c.GenerateFeedback.preprocessors = [
    ours.DescribeGrades,
    stock.ClearHiddenTests,
    stock.ClearMarkScheme,
    CSSHTMLHeaderPreprocessor,
]
