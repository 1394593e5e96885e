"""New responses from a fitted model."""

import numpy as np
import pandas as pd


def simulate(model, n=1, seed=None, re="new") -> pd.DataFrame:
    """Responses drawn from a fitted model, for the rows that were fitted: see `GLMMResult.simulate`."""
    rng = np.random.default_rng(seed)
    draws = [draw(model.design, model.fit, rng, re) for _ in range(n)]
    return pd.DataFrame(np.column_stack(draws), index=model.design.index,
                        columns=[f"sim_{i + 1}" for i in range(n)])


def draw(design, fit, rng, re="new"):
    """One response (N,): of groups like those that were fitted ("new"), or of those themselves
    ("conditional", random effects at their modes)."""
    eta = design.offset + design.X @ fit.beta
    for block, L, modes in zip(design.blocks, fit.Lambdas, fit.b):
        b = modes if re == "conditional" else rng.standard_normal((len(block.levels), len(L))) @ L.T
        eta = eta + np.sum(block.Z * b[block.refs], axis=1)
    used = design.weights > 0  # what the others hold does not matter, but must be a number
    weights = np.where(used, design.weights, 1.0)
    return fit.family.simulate(fit.family.inverse(eta), weights, fit.dispersion, rng)
