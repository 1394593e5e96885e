"""Hand out a course and grade what comes back: nbgrader, made to survive a class.

    python -m glmmlib.teaching.grading release          solutions/ -> course/
    python -m glmmlib.teaching.grading check-release    is course/ what release would make?
    python -m glmmlib.teaching.grading grade            gradebook/submitted/ -> marks, feedback, reports
    python -m glmmlib.teaching.grading report           gradebook/ -> reports, after marks were given by hand

Run from the top of the course's repository, where `nbgrader_config.py` says which folder is which.

How a submission becomes marks::

    solutions/ --key--> cells, points, questions
    submission --workers/submission--> steps --sandbox/kernel--> outputs, answers as plain values (journal)
    answers + key --judge--> marks --gradebook--> nbgrader's database --pages--> feedback
    database, journal + key --report--> a page and a table of the class for each assignment
"""

_HOMES = {"Course": "course", "GradingError": "course", "SandboxError": "sandbox", "Row": "run", "grade": "run",
          "release": "handout", "stale_sections": "handout", "main": "__main__",
          "make_reports": "report"}
__all__ = list(_HOMES)


def __getattr__(name):
    # loaded when asked for, as the student's kernel imports this package and needs none of it
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
