"""What the course is taught with: exercises that answer back, and the grading of a class."""

from .checks import Choice, Count, Follow, Mistake, Number, Prediction, Table, Verdict, points

__all__ = ["Choice", "Count", "Follow", "Mistake", "Number", "Prediction", "Table", "Verdict", "points"]
