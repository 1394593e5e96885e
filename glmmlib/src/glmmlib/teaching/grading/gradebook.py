"""nbgrader's gradebook, written by one writer, a submission at a time."""

import warnings
from dataclasses import dataclass


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
