"""Adaptive Gauss-Hermite quadrature: the integral over each group's random effects by k nodes a
coefficient, where Laplace's approximation has one.

With u the conditional mode of a group, A = I + M' W M the curvature there and C C' = A^-1 (C lower
triangular), the nodes z_k and weights w_k of the standard normal density give

    L_j = |C| sum_k w_k exp(|z_k|^2 / 2) p(y_j | u_k) exp(-|u_k|^2 / 2),    u_k = u + C z_k,

(Pinheiro & Bates 1995). One node, z = 0, is the Laplace approximation with the same W,
so the likelihoods are comparable. W, Fisher's or the observed information, only places the nodes:
with more of them the sum approaches the integral whatever W is.

The gradient is exact although the nodes move with the parameters. With pi_k the share of node k in
L_j, g_k = M' l'(u_k) - u_k, G0 = sum_k pi_k g_k and G1 = sum_k pi_k g_k z_k', a change of mode and
curvature changes -2 log L_j by

    -2 G0' du + <B, dA>,    B = A^-1 + 2 C sym(tril(C' G1)) C'   (tril with half the diagonal),

so that B takes the place of A^-1 in the Laplace gradient (see `_kernels.reference`), and -2 G0 is
added to what the mode's shift costs. At one node G0 = G1 = 0 and it is the Laplace gradient.
"""

from itertools import product

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.sparse import csr_array
from scipy.special import logsumexp

from .errors import DataError
from .objective import Objective

MAX_COEFFICIENTS = 4
MAX_NODES = 10_000  # per group
CHUNK = 200_000  # rows times nodes that are looked at together


def require_quadrature(design, nAGQ):
    """Raise DataError unless adaptive quadrature can be done for the random effects."""
    if len(design.blocks) > 1:
        raise DataError(
            f"nAGQ={nAGQ} needs a single grouping factor, and this model has {len(design.blocks)} "
            f"({', '.join(block.group for block in design.blocks)}): use nAGQ=1, the Laplace approximation.")
    q = len(design.blocks[0].columns)
    if q > MAX_COEFFICIENTS:
        raise DataError(
            f"nAGQ={nAGQ} is possible for up to {MAX_COEFFICIENTS} random coefficients, and {design.blocks[0].group} "
            f"has {q}: use fewer, or nAGQ=1, the Laplace approximation.")
    if nAGQ**q > MAX_NODES:
        raise DataError(
            f"nAGQ={nAGQ} with {q} random coefficients means {nAGQ}^{q} = {nAGQ**q} nodes, more than {MAX_NODES}: "
            f"use nAGQ={int(MAX_NODES ** (1 / q) + 1e-9)} or less.")


class QuadratureObjective(Objective):
    """The deviance with nAGQ nodes per random coefficient of the one grouping factor."""

    def __init__(self, *args, nAGQ, **options):
        super().__init__(*args, **options)
        self.nodes, self.log_weights = gauss_hermite(nAGQ, self.u.shape[1])
        starts = self.rows.starts
        self.group = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        self.sum = csr_array((np.ones(len(self.group)), np.arange(len(self.group)), starts))  # (J, N)

    def terms(self, phi, integrated=None):
        """The Laplace terms with deviance and derivatives replaced by those of the quadrature;
        modes and conditional covariances remain."""
        laplace = super().terms(phi)
        if not np.isfinite(laplace.deviance):
            return laplace
        try:
            with np.errstate(all="ignore"):
                return self._quadrature(phi, laplace)
        except np.linalg.LinAlgError:  # curvature beyond the digits: no likelihood here, as where no mode is found
            return laplace._replace(deviance=np.nan)

    def _quadrature(self, phi, laplace):
        Z, u, C, group = self.Z[0], laplace.u, np.linalg.cholesky(laplace.cov), self.group
        M = Z @ self.Lambdas(phi)[0]
        at_mode = self.family_at(phi).terms(*self.response(phi), self.eta(phi, laplace))
        W, dW = ((at_mode.observed, at_mode.d_observed) if self.observed else
                 (at_mode.fisher, at_mode.d_fisher))

        # Averages over the nodes: of l' and l' z' by row, of z and z z' by group.
        deviance = logp = 0.0
        d1, d1_z = np.empty(len(M)), np.empty(M.shape)
        z1, z2 = np.empty(u.shape), np.empty(laplace.cov.shape)
        for groups, rows, share, log_integrals, _, terms in self._at_nodes(phi, laplace):
            share_by_row = share[group[rows] - groups.start]
            deviance -= 2 * log_integrals.sum()
            logp += np.sum(share_by_row * terms.logp)
            weighted = share_by_row * terms.d1
            d1[rows], d1_z[rows] = weighted.sum(axis=1), weighted @ self.nodes
            z1[groups] = share @ self.nodes
            z2[groups] = np.einsum("jk,kr,kc->jrc", share, self.nodes, self.nodes, optimize=True)

        G0 = self.sum @ (M * d1[:, None]) - u - _times(C, z1)
        G1 = self._sums(_outer(M, d1_z)) - _outer(u, z1) - C @ z2
        half = np.tri(u.shape[1]) - np.eye(u.shape[1]) / 2
        turned = half * (_transposed(C) @ G1)
        B = laplace.cov + C @ (turned + _transposed(turned)) @ _transposed(C)

        T = _times(B[group], M)
        h = np.sum(T * M, axis=1)
        c = dW * h
        H = np.eye(u.shape[1]) + self._sums(at_mode.observed[:, None, None] * _outer(M, M))
        lam = np.linalg.solve(H, (self.sum @ (M * c[:, None]) - 2 * G0)[:, :, None])[:, :, 0]
        response = np.sum(M * lam[group], axis=1)
        v = c - at_mode.observed * response
        d1_u = d1[:, None] * u[group] + _times(C[group], d1_z)
        return laplace._replace(
            deviance=float(deviance), score=v - 2 * d1, leverage=h, response=response,
            dLambda=Z.T @ (lam[group] * at_mode.d1[:, None] + v[:, None] * u[group] + 2 * W[:, None] * T - 2 * d1_u),
            scale=float(-2 * logp + h @ W + response @ at_mode.d1))

    def _at_nodes(self, phi, laplace):
        """Some groups at a time: (groups, rows, shares of the nodes in the integral (groups, K),
        log-integrals (groups,), eta (rows, K), row terms (rows, K))."""
        family, (y, n) = self.family_at(phi), self.response(phi)
        starts, C = self.rows.starts, np.linalg.cholesky(laplace.cov)
        eta, M = self.eta(phi, laplace), self.Z[0] @ self.Lambdas(phi)[0]
        first = 0
        while first < len(C):
            fitting = np.searchsorted(starts, starts[first] + CHUNK // len(self.nodes), "right") - 1
            groups = slice(first, max(first + 1, int(fitting)))
            rows = slice(starts[groups.start], starts[groups.stop])
            first = groups.stop
            shift = _times(_transposed(C[self.group[rows]]), M[rows]) @ self.nodes.T
            eta_k = eta[rows, None] + shift
            terms = family.terms(y[rows, None], n[rows, None], eta_k)
            u = laplace.u[groups, None, :] + self.nodes @ _transposed(C[groups])
            log_density = self.sum[groups, rows] @ terms.logp - np.sum(u**2, axis=2) / 2 + self.log_weights
            log_integrals = logsumexp(log_density, axis=1)
            log_det = np.log(np.diagonal(C[groups], axis1=1, axis2=2)).sum(axis=1)
            yield (groups, rows, np.exp(log_density - log_integrals[:, None]), log_integrals + log_det, eta_k, terms)

    def _sums(self, matrices):
        """Sums by group (J, q, q) of one matrix a row (N, q, q)."""
        return (self.sum @ matrices.reshape(len(matrices), -1)).reshape(-1, *matrices.shape[1:])

    def _loglik(self, family, phi, terms):
        """The rows' log-likelihood under a family, averaged over the nodes."""
        y, n = self.response(phi)
        return sum(np.sum(share[self.group[rows] - groups.start] * family.terms(y[rows, None], n[rows, None], eta).logp)
                   for groups, rows, share, _, eta, _ in self._at_nodes(phi, terms))


def gauss_hermite(k, q):
    """Nodes (k^q, q) for the standard normal density in q dimensions; and log(weight) + |node|^2 / 2."""
    nodes, weights = hermegauss(k)
    grid = np.array(list(product(nodes, repeat=q)))
    log_weights = np.log(weights / np.sqrt(2 * np.pi)) + nodes**2 / 2
    return grid, np.array([sum(combination) for combination in product(log_weights, repeat=q)])


def _times(matrices, vectors):
    return np.einsum("irc,ic->ir", matrices, vectors)


def _outer(left, right):
    return left[:, :, None] * right[:, None, :]


def _transposed(matrices):
    return matrices.transpose(0, 2, 1)
