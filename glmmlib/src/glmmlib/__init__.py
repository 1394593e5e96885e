"""Generalized linear mixed models: fit, read, predict, and find psychometric thresholds.

>>> import glmmlib as gl
>>> crowding = gl.load_crowding()
>>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
>>> print(m.summary())                                                      # doctest: +SKIP
"""

from ._kernels import show_backend
from .datasets import load_crowding, simulate_crowding
from .errors import (
    ConvergenceWarning, DataError, DroppedRowsWarning, FormulaError, GlmmlibError,
    GlmmlibWarning, SeparationError, SingularFitWarning,
)
from .inference import anova, confint
from .model import glmer
from .result import GLMMResult
from .session import session_info

__all__ = [
    "ConvergenceWarning", "DataError", "DroppedRowsWarning", "FormulaError", "GLMMResult",
    "GlmmlibError", "GlmmlibWarning", "SeparationError", "SingularFitWarning",
    "anova", "confint", "glmer", "load_crowding", "session_info", "show_backend", "simulate_crowding",
]
