"""New responses from a fitted model."""

import numpy as np
import pandas as pd

from .errors import DataError


def simulate(model, n=1, seed=None, re="new") -> pd.DataFrame:
    """Responses drawn from a fitted model, for the rows that were fitted: see `GLMMResult.simulate`."""
    if not (isinstance(n, (int, np.integer)) and n >= 1):
        raise DataError(f"n must be the number of simulated responses, 1 or more, not {n!r}.")
    rng = np.random.default_rng(seed)
    draws = [draw(model.design, model.fit, rng, re) for _ in range(n)]
    return pd.DataFrame(np.column_stack(draws), index=model.design.index,
                        columns=[f"sim_{i + 1}" for i in range(n)])


def require_re(re):
    """Raise DataError unless re says whose random effects are meant."""
    if re not in ("new", "conditional"):
        raise DataError(
            f"re={re!r} is not known; choose 'new' (other groups) or 'conditional' (those that were fitted).")


def draw(design, fit, rng, re="new"):
    """One response (N,): of groups like those that were fitted ("new"), or of those themselves
    ("conditional", random effects at their modes)."""
    require_re(re)
    eta = design.offset + design.X @ fit.beta
    for block, L, modes in zip(design.blocks, fit.Lambdas, fit.b):
        b = modes if re == "conditional" else rng.standard_normal((len(block.levels), len(L))) @ L.T
        eta = eta + np.sum(block.Z * b[block.refs], axis=1)
    used = design.weights > 0  # what the others hold does not matter, but must be a number
    weights = np.where(used, design.weights, 1.0)
    return fit.family.simulate(fit.family.inverse(eta), weights, fit.dispersion, rng)
