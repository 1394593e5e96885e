"""Exceptions and warnings. Each message names what is wrong and what to do next."""

import sys
import warnings


class GlmmlibError(Exception):
    """Base class of every error that glmmlib raises on purpose."""

    def _render_traceback_(self):
        # IPython calls this in place of printing a traceback: the sentence is the message.
        return [f"{type(self).__name__}: {self}"]


class FormulaError(GlmmlibError, ValueError):
    """The formula cannot be read or asks for something that is not supported."""


class DataError(GlmmlibError, ValueError):
    """The data do not fit the formula, or no model can be fitted to them."""


class SeparationError(DataError):
    """A predictor tells the two outcomes apart perfectly: no finite estimate exists."""


class GlmmlibWarning(UserWarning):
    """Base class of every warning that glmmlib gives."""


class DroppedRowsWarning(GlmmlibWarning):
    """Rows with missing values were left out of the fit."""


class ConvergenceWarning(GlmmlibWarning):
    """The optimiser stopped before it could show that it had found the optimum."""


class SingularFitWarning(GlmmlibWarning):
    """The estimated random-effect covariance matrix has less than full rank."""


class BambiWarning(GlmmlibWarning):
    """Bambi cannot express some part of the model that was handed over to it."""


def warn(sentence, kind):
    """Give a warning that names the line from which glmmlib was called, however deep within it this is."""
    frame, depth = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "glmmlib":
        frame, depth = frame.f_back, depth + 1
    warnings.warn(sentence, kind, stacklevel=depth)
