"""Residuals of a fitted model."""

import numpy as np
from scipy.special import ndtri


def residuals(model, type="pearson", seed=None) -> np.ndarray:
    """Residuals (N,) at the conditional modes: see `GLMMResult.residuals`."""
    y, weights, family = model.design.y, model.design.weights, model.fit.family
    eta = model.predict(type="link")
    mu = family.inverse(eta)
    with np.errstate(divide="ignore", invalid="ignore"):  # weights of zero
        if type == "response":
            return y - mu
        if type == "working":
            return (y - mu) / family.slope(eta)
        if type == "deviance":
            return np.sign(y - mu) * np.sqrt(weights * np.maximum(family.unit_deviance(y, mu), 0))
        if type == "pearson":
            pearson = (y - mu) / np.sqrt(family.variance(mu) * model.fit.dispersion / weights)
            return np.where(y == mu, 0.0, pearson)  # also where the outcome was certain
        tails = family.tails(y, mu, weights, model.fit.dispersion)
        return np.where(weights > 0, _quantiles(*tails, np.random.default_rng(seed)), np.nan)


def _quantiles(below, at, above, rng):
    """Standard normal quantiles of a uniform draw between P(Y < y) and P(Y <= y); read off the
    nearer tail, so that none is infinite before its probability cannot be told from zero."""
    share, tiny = rng.random(len(below)), np.finfo(float).tiny
    lower, upper = below + share * at, above + (1 - share) * at
    return np.where(lower < upper, ndtri(np.maximum(lower, tiny)), -ndtri(np.maximum(upper, tiny)))
