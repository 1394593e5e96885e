"""What both kernels share: the shape of their input and output, and when PIRLS stops."""

from typing import NamedTuple

import numpy as np

# PIRLS stops when a full Newton step would lower a group's penalised deviance by less than this.
# Newton's method squares its error, so the mode is then exact to rounding.
DECREMENT_TOLERANCE = 1e-14
MAX_STEPS = 100
MAX_HALVINGS = 40


class LaplaceTerms(NamedTuple):
    """The Laplace objective at one (theta, beta), with what its derivatives need.

    deviance : float
        -2 log-likelihood without the binomial coefficients; NaN when a mode was not found.
    score : (N,)
        Derivative of the deviance with respect to each row's fixed part of eta.
    dLambda : (q, q)
        Derivative with respect to Lambda.
    u : (J, q)
        Conditional modes of the spherical random effects.
    cov : (J, q, q)
        A^-1, the conditional covariance of each group's u.
    """

    deviance: float
    score: np.ndarray
    dLambda: np.ndarray
    u: np.ndarray
    cov: np.ndarray


class KernelArrays(NamedTuple):
    y: np.ndarray
    n: np.ndarray
    eta_fixed: np.ndarray
    Z: np.ndarray
    starts: np.ndarray
    Lambda: np.ndarray
    u0: np.ndarray


def checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0) -> KernelArrays:
    """Contiguous arrays of the right type; ValueError when a shape would lead out of bounds."""
    y, n, eta_fixed, Z, Lambda, u0 = (
        np.ascontiguousarray(a, dtype=float) for a in (y, n, eta_fixed, Z, Lambda, u0)
    )
    starts = np.ascontiguousarray(starts, dtype=np.intp)
    if Z.ndim != 2 or Z.shape[1] == 0:
        raise ValueError(f"Z must be (rows, coefficients) with at least one column, not {Z.shape}.")
    rows, q = Z.shape
    for name, array in (("y", y), ("n", n), ("eta_fixed", eta_fixed)):
        if array.shape != (rows,):
            raise ValueError(f"{name} must have shape ({rows},) like Z's rows, not {array.shape}.")
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or starts[-1] != rows or np.any(np.diff(starts) < 0):
        raise ValueError("starts must rise from 0 to the number of rows.")
    if Lambda.shape != (q, q):
        raise ValueError(f"Lambda must have shape ({q}, {q}), not {Lambda.shape}.")
    if u0.shape != (len(starts) - 1, q):
        raise ValueError(f"u0 must have shape ({len(starts) - 1}, {q}), not {u0.shape}.")
    return KernelArrays(y, n, eta_fixed, Z, starts, Lambda, u0)
