"""The Laplace kernel in NumPy: the mathematics to read, and the fallback without a compiler.

Row i has eta_i = eta_fixed_i + m_i' u, u ~ N(0, I). The first grouping factor has J groups of q
coefficients, and rows of a group are neighbours; coefficients of further factors form a border
(Bates, Maechler, Bolker & Walker 2015; the elimination order of MixedModels.jl). The objective is
lme4's: at the conditional mode of u,

    deviance = -2 sum_i log p(y_i | eta_i) + |u|^2 + log|A|,    A = I + M' W M,

W being the Fisher weights (lme4) or the observed information (TMB). With Wo the observed
information, H = I + M' Wo M, l' = dlogp/deta and W' = dW/deta, the gradient is exact:

    h_i = m_i' A^-1 m_i,   c = W' h,   lambda = H^-1 M' c,   v = c - Wo (M lambda),
    d/d eta_fixed = -2 l' + v,
    d/d Lambda_rc = sum_i z_ir [ (lambda_c - 2 u_c) l'_i + 2 W_i (A^-1 m_i)_c + v_i u_c ],

where c runs over the coefficients of row i's own group.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from .terms import (
    DECREMENT_TOLERANCE, MAX_HALVINGS, MAX_STEPS, LaplaceTerms, checked_arrays, checked_border,
)

NAME = "numpy"


def terms(family, y, n, eta):
    """The rows' terms; here they are the family's own."""
    return family.terms(y, n, eta)


def laplace(family, y, n, eta_fixed, Z, starts, Lambda, u0, border=None, observed=False) -> LaplaceTerms:
    """The Laplace objective, its gradient, and the conditional modes.

    Parameters
    ----------
    family : glmmlib.family.Family, which gives each row's log-likelihood and its derivatives.
    y, n : (N,) sums of weighted responses and of weights: successes and trials, for example.
    eta_fixed : (N,) fixed part of the linear predictor, offset included.
    Z : (N, q) random-effect design of the first grouping factor; rows of a group are neighbours.
    starts : (J + 1,) group j has rows starts[j]:starts[j + 1].
    Lambda : (q, q) relative covariance factor; need not be triangular.
    u0 : (J, q) where to start looking for the modes.
    border : Border, the coefficients beside those; None when there are none.
    observed : whether W is the observed information instead of the expected (Fisher).

    Raises
    ------
    ValueError
        When the shapes do not fit together.
    """
    y, n, eta_fixed, Z, starts, Lambda, u0 = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    border = checked_border(border, starts)
    with np.errstate(all="ignore"):  # what overflows is noticed below, or does not matter
        return _laplace(family, y, n, eta_fixed, Z, starts, Lambda, u0, border, observed)


def _laplace(family, y, n, eta_fixed, Z, starts, Lambda, u0, border, observed):
    layout = Layout(Z @ Lambda, starts, border)
    mode = _find_mode(family, y, n, eta_fixed, layout, u0)
    if mode is None:
        return _failed(y, Z, u0, border)
    u, b, terms, penalised = mode
    W, dW = (terms.observed, terms.d_observed) if observed else (terms.fisher, terms.d_fisher)
    try:
        A = Curvature(layout, W)
        H = A if family.canonical else Curvature(layout, terms.observed)
    except LinAlgError:
        return _failed(y, Z, u0, border)
    inverse = A.inverse()
    T, T_border = layout.times(inverse)
    h = np.sum(T * layout.M, axis=1) + np.sum(T_border * border.values, axis=1)
    c = dW * h
    lam, lam_border = H.solve(*layout.transposed(c))
    response = layout.eta(lam, lam_border)
    v = c - terms.observed * response

    def d_Lambda(lam, u, T):
        return (lam - 2 * u) * terms.d1[:, None] + 2 * W[:, None] * T + v[:, None] * u

    group = layout.group
    return LaplaceTerms(
        deviance=float(penalised + A.logdet), score=v - 2 * terms.d1,
        dLambda=Z.T @ d_Lambda(lam[group], u[group], T), u=u, cov=inverse.first,
        scale=float(-2 * terms.logp.sum() + h @ W + response @ terms.d1),
        leverage=h, response=response, border=b,
        d_border=d_Lambda(lam_border[border.incidence.columns], b[border.incidence.columns], T_border),
        border_cov=inverse.border, cross_cov=inverse.cross,
    )


def _find_mode(family, y, n, eta_fixed, layout, u):
    """PIRLS with step-halving: (u, border's modes, row terms, penalised deviance), or None.

    Without a border the groups are independent: each halves its own steps.
    """
    b, border = layout.border.start.copy(), layout.border
    together = b.size > 0
    old, d_old = (u, b), np.full(1 if together else len(u), np.inf)
    steps = halvings = 0
    while True:
        terms = family.terms(y, n, eta_fixed + layout.eta(u, b))
        d = np.sum(u**2, axis=1) - 2 * layout.by_group(terms.logp)
        if together:
            d = np.array([d.sum() + np.sum(b[:border.penalised] ** 2)])
        worse = ~(d <= d_old + 1e-10 * (1 + np.abs(d_old)))
        if worse.any():
            halvings += 1
            if halvings > MAX_HALVINGS:
                return None
            back = worse[:, None]
            u = np.where(back, (u + old[0]) / 2, u)
            b = (b + old[1]) / 2
            continue
        g, g_border = layout.transposed(terms.d1)
        g, g_border = g - u, g_border - np.where(np.arange(b.size) < border.penalised, b, 0)
        step = _step(layout, terms, family.canonical, g, g_border)
        if step is None:
            return None
        decrement = np.sum(g * step[0], axis=1)
        if together:
            decrement = np.array([decrement.sum() + g_border @ step[1]])
        if not np.all(np.isfinite(decrement)):
            return None
        if np.all(decrement <= DECREMENT_TOLERANCE) or steps == MAX_STEPS:
            return u, b, terms, d.sum()
        old, d_old = (u, b), d
        u, b = u + step[0], b + step[1]
        steps, halvings = steps + 1, 0


def _step(layout, terms, canonical, g, g_border):
    """Newton's step; with the Fisher weights where the observed ones have no positive curvature."""
    for weights in (terms.observed,) if canonical else (terms.observed, terms.fisher):
        try:
            return Curvature(layout, weights).solve(g, g_border)
        except LinAlgError:
            continue
    return None


class Layout:
    """Which coefficients each row has: M (N, q) of its group in the first factor, and the border's."""

    def __init__(self, M, starts, border):
        self.M, self.border = M, border
        self.groups, (self.rows, self.q) = len(starts) - 1, M.shape
        self.group = np.repeat(np.arange(self.groups), np.diff(starts))

    def by_group(self, values):
        """Sums (J, ...) of values (N, ...) over the rows of each group."""
        if values.ndim == 1:
            return np.bincount(self.group, values, self.groups)
        flat = values.reshape(len(values), np.prod(values.shape[1:]))
        sums = [np.bincount(self.group, column, self.groups) for column in flat.T]
        return np.stack(sums, axis=-1).reshape(self.groups, *values.shape[1:])

    def eta(self, u, b):
        """M u: the random part of each row's eta (N,)."""
        return np.sum(self.M * u[self.group], axis=1) + np.sum(self.border.values * b[self.border.incidence.columns], axis=1)

    def transposed(self, rows):
        """M' rows, as (J, q) and (K,)."""
        weighted = self.border.values * rows[:, None]
        return (self.by_group(self.M * rows[:, None]),
                np.bincount(self.border.incidence.columns.ravel(), weighted.ravel(), len(self.border.start)))

    def times(self, inverse):
        """The entries of A^-1 m_i at row i's own coefficients: (N, q) and (N, s)."""
        group, columns, values = self.group, self.border.incidence.columns, self.border.values
        cross = inverse.cross[group[:, None], :, columns]  # (N, s, q)
        first = np.einsum("irc,ic->ir", inverse.first[group], self.M) + np.einsum("isr,is->ir", cross, values)
        border = (np.einsum("isr,ir->is", cross, self.M)
                  + np.einsum("ist,it->is", inverse.border[columns[:, :, None], columns[:, None, :]], values))
        return first, border


class Inverse:
    """The blocks of A^-1 that rows meet: first (J, q, q), cross (J, q, K), border (K, K)."""

    def __init__(self, first, cross, border):
        self.first, self.cross, self.border = first, cross, border


class Curvature:
    """I + M' W M in blocks, factored: the first factor's groups are eliminated one by one, and
    the Schur complement of the border is dense. LinAlgError unless it is positive definite."""

    def __init__(self, layout, W):
        M, border, K = layout.M, layout.border, len(layout.border.start)
        self.penalised, self.integrated = border.penalised, border.integrated
        first = np.eye(layout.q) + layout.by_group(W[:, None, None] * M[:, :, None] * M[:, None, :])
        self.root = np.linalg.cholesky(first)  # (J, q, q)
        self.first_inverse = np.linalg.inv(first)
        weighted = W[:, None] * border.values
        columns = border.incidence.columns
        cells = (layout.group[:, None] * K + columns).ravel()
        cross = np.stack([np.bincount(cells, (weighted * M[:, r:r + 1]).ravel(), layout.groups * K)
                          for r in range(layout.q)], axis=-1)
        self.cross = cross.reshape(layout.groups, K, layout.q).transpose(0, 2, 1)  # (J, q, K)
        pairs = (columns[:, :, None] * K + columns[:, None, :]).ravel()
        corner = np.bincount(pairs, (weighted[:, :, None] * border.values[:, None, :]).ravel(), K * K).reshape(K, K)
        corner[range(border.penalised), range(border.penalised)] += 1
        self.solved = self.first_inverse @ self.cross  # A11^-1 A12
        schur = corner - np.tensordot(self.cross, self.solved, axes=([0, 1], [0, 1]))
        self.schur = cho_factor(schur, lower=True) if K else None

    @property
    def logdet(self):
        first = 2 * np.sum(np.log(np.diagonal(self.root, axis1=1, axis2=2)))
        return first + (2 * np.sum(np.log(np.diag(self.schur[0])[:self.integrated])) if self.schur else 0.0)

    def solve(self, g, g_border):
        """(J, q) and (K,) such that the whole matrix times them is (g, g_border)."""
        x = np.einsum("jrc,jc->jr", self.first_inverse, g)
        if not self.schur:
            return x, g_border
        b = cho_solve(self.schur, g_border - np.einsum("jrk,jr->k", self.cross, x))
        return x - self.solved @ b, b

    def inverse(self):
        """Of the part that is integrated over: rows and columns of the rest are zero."""
        K = self.cross.shape[2]
        border = np.zeros((K, K))
        if self.integrated:
            kept = slice(self.integrated)
            border[kept, kept] = cho_solve((self.schur[0][kept, kept], True), np.eye(self.integrated))
        cross = -self.solved @ border
        return Inverse(self.first_inverse - cross @ self.solved.transpose(0, 2, 1), cross, border)


def _failed(y, Z, u0, border):
    q, K = Z.shape[1], len(border.start)
    return LaplaceTerms(
        np.nan, np.zeros(len(y)), np.zeros((q, q)), u0, np.zeros((len(u0), q, q)), np.nan, np.zeros(len(y)),
        np.zeros(len(y)), border.start, np.zeros(border.values.shape), np.zeros((K, K)), np.zeros((len(u0), q, K)))
