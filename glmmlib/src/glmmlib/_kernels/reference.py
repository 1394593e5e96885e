"""The Laplace kernel in NumPy: the mathematics to read, and the fallback without a compiler.

For binomial responses with the logit link and one grouping factor. Group j has rows i with
y_i successes in n_i trials, eta_i = eta_fixed_i + z_i' Lambda u_j and u_j ~ N(0, I). The
objective is lme4's (Bates, Maechler, Bolker & Walker 2015, sections 3-4): at the conditional
mode of every u_j,

    deviance = -2 sum_i log p(y_i | eta_i) + sum_j |u_j|^2 + sum_j log|A_j|,
    A_j = I + Lambda' Z_j' W_j Z_j Lambda.

The gradient is exact. The logit is canonical, so the modes' dependence on the parameters enters
through one linear solve per group; with l' = y - n mu, W = n mu (1 - mu), W' = W (1 - 2 mu),

    h_i = z_i' Lambda A^-1 Lambda' z_i,   c = W' h,   lambda = A^-1 Lambda' Z' c,
    v = c - W (Z Lambda lambda),
    d/d eta_fixed = -2 l' + v,
    d/d Lambda_rc = sum_j [ (lambda_c - 2 u_c) (Z'l')_r + 2 (A^-1 Lambda' Z' W Z)_cr + (Z'v)_r u_c ].
"""

import numpy as np

from .terms import (
    DECREMENT_TOLERANCE, MAX_HALVINGS, MAX_STEPS, LaplaceTerms, checked_arrays,
)

NAME = "numpy"


def laplace(y, n, eta_fixed, Z, starts, Lambda, u0) -> LaplaceTerms:
    """The Laplace objective, its gradient, and the conditional modes.

    Parameters
    ----------
    y, n : (N,) successes and trials of each row.
    eta_fixed : (N,) fixed part of the linear predictor, offset included.
    Z : (N, q) random-effect design; rows of a group are neighbours.
    starts : (J + 1,) group j has rows starts[j]:starts[j + 1].
    Lambda : (q, q) relative covariance factor; need not be triangular.
    u0 : (J, q) where to start looking for the modes.

    Raises
    ------
    ValueError
        When the shapes do not fit together.
    """
    y, n, eta_fixed, Z, starts, Lambda, u0 = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    M = Z @ Lambda
    q = Z.shape[1]
    deviance, u = 0.0, u0.copy()
    cov = np.empty((len(u0), q, q))
    score = np.empty(len(y))
    dLambda = np.zeros((q, q))
    for j in range(len(u0)):
        rows = slice(starts[j], starts[j + 1])
        mode = _find_mode(y[rows], n[rows], eta_fixed[rows], M[rows], u0[j])
        if mode is None:
            return LaplaceTerms(np.nan, score, dLambda, u, cov)
        u[j], penalised, residual, mu, A = mode
        deviance += penalised + np.linalg.slogdet(A)[1]
        cov[j] = np.linalg.inv(A)

        W = n[rows] * mu * (1 - mu)
        T = M[rows] @ cov[j]
        h = np.sum(T * M[rows], axis=1)
        c = W * (1 - 2 * mu) * h
        lam = cov[j] @ (M[rows].T @ c)
        v = c - W * (M[rows] @ lam)
        score[rows] = v - 2 * residual
        dLambda += (
            np.outer(Z[rows].T @ residual, lam - 2 * u[j])
            + 2 * Z[rows].T @ (W[:, None] * T)
            + np.outer(Z[rows].T @ v, u[j])
        )
    return LaplaceTerms(deviance, score, dLambda, u, cov)


def _find_mode(y, n, eta_fixed, M, u):
    """PIRLS with step-halving; (u, penalised deviance, y - n mu, mu, A), or None on failure."""
    u_old, d_old, steps, halvings = u, np.inf, 0, 0
    while True:
        eta = eta_fixed + M @ u
        e = np.exp(-np.abs(eta))
        d = u @ u - 2 * np.sum(y * eta - n * (np.maximum(eta, 0) + np.log1p(e)))
        if not d <= d_old + 1e-10 * (1 + abs(d_old)):
            halvings += 1
            if halvings > MAX_HALVINGS:
                return None
            u = (u + u_old) / 2
            continue
        mu = np.where(eta >= 0, 1, e) / (1 + e)
        residual = y - n * mu
        A = np.eye(len(u)) + M.T @ ((n * mu * (1 - mu))[:, None] * M)
        gradient = M.T @ residual - u
        try:
            step = np.linalg.solve(A, gradient)
        except np.linalg.LinAlgError:
            return None
        decrement = gradient @ step
        if not decrement > DECREMENT_TOLERANCE or steps == MAX_STEPS:
            return (u, d, residual, mu, A) if np.isfinite(decrement) else None
        u_old, d_old, u = u, d, u + step
        steps, halvings = steps + 1, 0
