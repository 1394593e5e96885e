"""Psychometric thresholds: where a line in eta crosses the target proportion."""

import numpy as np


def threshold_and_se(at_zero, per_unit, coefficients, covariance, eta):
    """The x at which eta(x) = (at_zero + x * per_unit) . coefficients equals eta, with its SE.

    Parameters
    ----------
    at_zero, per_unit : (rows, m) design at x = 0 and its change per unit of x.
    coefficients : (rows, m); covariance : (rows, m, m), the coefficients' joint covariance.
    eta : float, the target on the link scale.

    Returns
    -------
    threshold, se : (rows,) in units of x. The delta method: t = (eta - a) / s has the gradient
        (-1/s, -t/s) in (a, s).
    """
    intercept = np.sum(at_zero * coefficients, axis=1)
    slope = np.sum(per_unit * coefficients, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        threshold = (eta - intercept) / slope
        gradient = -(at_zero + threshold[:, None] * per_unit) / slope[:, None]
    variance = np.einsum("ri,rij,rj->r", gradient, covariance, gradient)
    return threshold, np.sqrt(variance)
