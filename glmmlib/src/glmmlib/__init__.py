"""Generalized linear mixed models: fit, read, predict, and find psychometric thresholds.

>>> import glmmlib as gl
>>> crowding = gl.load_crowding()
>>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
>>> print(m.summary())                                                      # doctest: +SKIP
"""

from . import plots
from ._kernels import show_backend
from .datasets import load_crowding, simulate_crowding
from .errors import (
    ConvergenceWarning, DataError, DroppedRowsWarning, FormulaError, GlmmlibError,
    GlmmlibWarning, SeparationError, SingularFitWarning,
)
from .family import Binomial, Gamma, Gaussian, Poisson
from .inference import anova, confint
from .model import glmer, lmer
from .result import GLMMResult

__all__ = [
    "Binomial", "ConvergenceWarning", "DataError", "DroppedRowsWarning", "FormulaError", "GLMMResult",
    "Gamma", "Gaussian", "GlmmlibError", "GlmmlibWarning", "Poisson", "SeparationError", "SingularFitWarning",
    "anova", "confint", "glmer", "lmer", "load_crowding", "plots", "show_backend", "simulate_crowding",
]
