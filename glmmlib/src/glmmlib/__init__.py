"""Generalized linear mixed models: fit, read, predict, and find psychometric thresholds.

>>> import glmmlib as gl
>>> crowding = gl.load_crowding()
>>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
>>> print(m.summary())                                                      # doctest: +SKIP
"""

from . import plots, priors
from ._kernels import show_backend
from .bayes import to_bambi
from .bootstrap import Bootstrap
from .datasets import load_crowding, simulate_crowding
from .errors import (
    BambiWarning, ConvergenceWarning, DataError, DroppedRowsWarning, FormulaError, GlmmlibError,
    GlmmlibWarning, SeparationError, SingularFitWarning,
)
from .family import Binomial, Gamma, Gaussian, Poisson
from .inference import anova, confint, wald_test
from .model import glmer, lmer
from .power_analysis import power
from .priors import Priors
from .profiles import Profile, profile
from .refitting import refit
from .result import GLMMResult
from .session import session_info
from .stepwise import stepwise

__all__ = [
    "BambiWarning", "Binomial", "Bootstrap", "ConvergenceWarning", "DataError", "DroppedRowsWarning", "FormulaError",
    "GLMMResult", "Gamma", "Gaussian", "GlmmlibError", "GlmmlibWarning", "Poisson", "Priors", "Profile",
    "SeparationError", "SingularFitWarning", "anova", "confint", "glmer", "lmer", "load_crowding", "plots", "power",
    "priors", "profile", "refit", "session_info", "show_backend", "simulate_crowding", "stepwise", "to_bambi",
    "wald_test",
]
