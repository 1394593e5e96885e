"""nbgrader's gradebook, written by one writer, a submission at a time."""

import contextlib
import warnings
from dataclasses import dataclass

from .course import GradingError


@dataclass(frozen=True)
class Saved:
    """What the gradebook says of a submission once its marks are in it.

    ``changes`` are (grade id, points before, points now) of what had been graded before.
    """

    score: float
    max_score: float
    late_penalty: float
    needs_manual_grade: bool
    changes: tuple


class Writer:
    """The open gradebook of a course."""

    def __init__(self, course):
        from nbgrader.api import Gradebook

        self._course = course
        self._gradebook = Gradebook(course.db_url, course.config.CourseDirectory.get("course_id", "default_course"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._gradebook.close()

    def save(self, job, marks, timestamp, resubmitted):
        """Write a submission's marks, all or none; what a person gave stays.

        A person's marks are asked for again only where the answer may have changed
        (`resubmitted`) or the test now says something else.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # of SQLAlchemy, about nbgrader's habits
            return self._save(job, marks, timestamp, resubmitted)

    def _save(self, job, marks, timestamp, resubmitted):
        book = self._gradebook
        book.update_or_create_student(job.student)
        submission = book.update_or_create_submission(job.assignment, job.student, timestamp=timestamp)
        changes = []
        try:
            for notebook in submission.notebooks:
                scores = marks.scores.get(notebook.name, {})
                for grade in notebook.grades:
                    change = _save_grade(grade, scores.get(grade.name), resubmitted)
                    if change:
                        changes.append(change)
                for comment in notebook.comments:
                    unanswered = (notebook.name, comment.name) in marks.unanswered
                    comment.auto_comment = "No response." if unanswered else None
                notebook.late_submission_penalty = None
            book.db.flush()
            book.db.expire_all()
            if submission.total_seconds_late > 0:
                self._penalise(submission)
            book.db.commit()
        except BaseException:
            book.db.rollback()
            raise
        penalty = float(submission.late_submission_penalty or 0)
        return Saved(round(max(0.0, submission.score - penalty), 6), submission.max_score, round(penalty, 6),
                     bool(submission.needs_manual_grade), tuple(changes))

    def _penalise(self, submission):
        from nbgrader.preprocessors import AssignLatePenalties

        step = AssignLatePenalties(config=self._course.config)
        step.init_plugin()
        for notebook in submission.notebooks:
            penalty = step.plugin_inst.late_submission_penalty(
                submission.student.id, notebook.score, submission.total_seconds_late)
            if penalty is not None:
                notebook.late_submission_penalty = min(max(0.0, float(penalty)), notebook.score)


def _save_grade(grade, score, resubmitted):
    before = grade.auto_score
    grade.auto_score = score
    changed = before is not None and before != score
    if grade.manual_score is None:
        grade.needs_manual_grade = score is None
    elif resubmitted or changed:
        grade.needs_manual_grade = True
    return (grade.name, before, score) if changed else None


def read_marks(course, assignment):
    """What the gradebook says of an assignment, as two DataFrames.

    ``submissions``: student_id, score (as in scores.csv, less the penalty for being late), max_score.
    ``grades``: student_id, notebook, grade_id, score, waiting (for a person's marks).
    """
    import pandas as pd
    from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, Notebook, SubmittedAssignment, SubmittedNotebook

    book = Gradebook(course.db_url, course.config.CourseDirectory.get("course_id", "default_course"))
    with contextlib.closing(book), warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of SQLAlchemy, about nbgrader's habits
        submissions = pd.DataFrame(
            book.db.query(SubmittedAssignment.student_id, SubmittedAssignment.score,
                          SubmittedAssignment.late_submission_penalty, SubmittedAssignment.max_score)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .filter(Assignment.name == assignment).all(), columns=["student_id", "score", "penalty", "max_score"])
        grades = pd.DataFrame(
            book.db.query(SubmittedAssignment.student_id, Notebook.name, BaseCell.name, Grade.score,
                          Grade.needs_manual_grade)
            .select_from(Grade)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .filter(Assignment.name == assignment).all(),
            columns=["student_id", "notebook", "grade_id", "score", "waiting"])
    earned = submissions.score.astype(float) - submissions.pop("penalty").astype(float)
    submissions["score"] = earned.clip(lower=0).round(6)
    return submissions, grades


@contextlib.contextmanager
def alone(course):
    """Keep a second grader out of this gradebook meanwhile."""
    try:
        import fcntl
    except ImportError:     # Windows
        yield
        return
    with open(course.gradebook / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GradingError(f"Somebody else is grading in {course.gradebook}: wait until that is done.") from None
        yield
