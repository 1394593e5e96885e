"""What the course is taught with: exercises that answer back, and the grading of a class."""

from .checks import Choice, Mistake, Number, Prediction, Verdict, points

__all__ = ["Choice", "Mistake", "Number", "Prediction", "Verdict", "points"]
