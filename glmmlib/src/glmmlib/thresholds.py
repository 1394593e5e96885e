"""Psychometric thresholds: where a line in eta crosses the target proportion."""

import numpy as np


def threshold_and_se(fit, at_zero, slope, eta):
    """The x at which eta(x), a straight line, equals eta; with its standard error.

    Parameters
    ----------
    fit : LaplaceFit.
    at_zero, slope : (X, Zs, codes) of the linear predictor at x = 0 and of its change per unit of
        x, as `Posterior.covariance` takes them.
    eta : float, the target on the link scale.

    Returns
    -------
    threshold, se : (rows,) in units of x. The delta method: t = (eta - a) / s has the gradient
        (-1/s, -t/s) in (a, s).
    """
    a, s = (_value(fit, rows) for rows in (at_zero, slope))
    cov = fit.posterior.covariance
    aa, ss, ab = cov(at_zero, at_zero), cov(slope, slope), cov(at_zero, slope)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (eta - a) / s
        return t, np.sqrt(aa + 2 * t * ab + t**2 * ss) / np.abs(s)


def _value(fit, combinations):
    X, Zs, codes = combinations
    value = X @ fit.beta
    for Z, code, b in zip(Zs, codes, fit.b):
        value = value + np.sum(Z * b[code], axis=1)
    return value
