"""Predictions: at the groups' modes, for the typical group, and on average over groups; with intervals."""

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtri

NODES = 60  # of the quadrature over a normal eta


def marginal_mean(family, eta, variance):
    """Mean (rows,) of the responses where eta is normal with means eta (rows,) and variances (rows,).

    All random effects enter through eta, so the integral has one dimension whatever their number.
    """
    nodes, weights = hermegauss(NODES)
    total = np.zeros(len(eta))
    for node, weight in zip(nodes, weights / weights.sum()):
        total += weight * family.inverse(eta + node * np.sqrt(variance))
    return total


def marginal_slope(family, eta, variance):
    """Derivative (rows,) of `marginal_mean` in eta."""
    nodes, weights = hermegauss(NODES)
    total = np.zeros(len(eta))
    for node, weight in zip(nodes, weights / weights.sum()):
        total += weight * family.slope(eta + node * np.sqrt(variance))
    return total


def variance_of_eta(Zs, Lambdas):
    """z' Sigma z (rows,), summed over the grouping factors."""
    return sum(np.sum((Z @ L) ** 2, axis=1) for Z, L in zip(Zs, Lambdas))


def predict(model, newdata, re, type, allow_new_levels, se, level):
    """See `GLMMResult.predict`."""
    fit, family = model.fit, model.fit.family
    X, Zs, codes = _combinations(model.design, newdata, re, allow_new_levels)
    offset = model.design.offset if newdata is None else model.design.offset_for(newdata)
    eta = X @ fit.beta + offset
    if re == "conditional":
        for Z, code, b in zip(Zs, codes, fit.b):
            eta = eta + np.where(code >= 0, np.sum(Z * b[code], axis=1), 0.0)
    stretch = 1.0  # of the link scale, that averaging over groups brings about
    if re == "marginal":
        variance = variance_of_eta(Zs, fit.Lambdas)
        mean = marginal_mean(family, eta, variance)
        typical, eta = eta, family.link(mean)
    if not se:
        return eta if type == "link" else mean if re == "marginal" else family.inverse(eta)
    if re == "marginal":
        with np.errstate(divide="ignore", invalid="ignore"):
            stretch = marginal_slope(family, typical, variance) / family.slope(eta)
        Zs, codes = [], []
    error = stretch * np.sqrt(np.maximum(fit.posterior.covariance((X, Zs, codes), (X, Zs, codes)), 0))
    half = ndtri((1 + level) / 2) * error
    scale = (lambda value: value) if type == "link" else family.inverse
    return pd.DataFrame({"predicted": scale(eta), "se": error, "lower": scale(eta - half), "upper": scale(eta + half)},
                        index=model.design.index if newdata is None else newdata.index)


def _combinations(design, data, re, allow_new_levels):
    """(X, Zs, codes) of the fitted rows or of new data, as `Posterior.covariance` takes them; no
    random effects for the population, no codes for the mean over groups."""
    X = design.X if data is None else design.fixed_columns(data)
    if re == "population":
        return X, [], []
    Zs = [block.Z for block in design.blocks] if data is None else design.random_columns(data)
    if re == "marginal":
        return X, Zs, []
    codes = [block.refs for block in design.blocks] if data is None else design.group_codes(data, allow_new_levels)
    return X, Zs, codes
