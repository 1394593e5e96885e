"""Joint uncertainty of the fixed effects and the random effects."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Posterior:
    """What is left uncertain of beta and b: b's conditional covariance given the parameters, plus
    what the parameters' own uncertainty adds through the modes, the delta method of Kass & Steffey
    (1989) as in TMB's sdreport. Where beta was solved for together with u (lmer), it has a place
    in the conditional covariance instead, and theta counts as known, as in lme4.

    Lambdas : per factor (q, q).
    first (J, q, q), cross (J, q, K), corner (K, K) : conditional covariance of the first factor's
        b, and of the border: the other factors' b, then beta if it was solved for within. cross is made
        when it is asked for, from cross_u : that of the spherical u and beta's own coordinates.
    fixed (J, q, q), fixed_corner (K, K) : the same given beta (equal where beta is in phi).
    groups : per factor, how many groups.
    to_beta : (p, p) from the border's coordinates of beta to beta; None where beta is in phi.
    jacobians : per factor (J, q, m), derivative of b in phi; beta_jacobian : (p, m).
    phi_cov : (m, m).
    """

    Lambdas: tuple[np.ndarray, ...]
    first: np.ndarray
    cross_u: np.ndarray
    corner: np.ndarray
    fixed: np.ndarray
    fixed_corner: np.ndarray
    groups: tuple[int, ...]
    to_beta: np.ndarray | None
    jacobians: tuple[np.ndarray, ...]
    beta_jacobian: np.ndarray
    phi_cov: np.ndarray

    @classmethod
    def of(cls, objective, phi, terms, phi_cov, jacobians, Lambdas):
        """At an optimum phi with its LaplaceTerms; jacobians of b and Lambdas on the scale of the data."""
        p, m = len(objective.origin), len(phi)
        beta_jacobian = np.zeros((p, m))
        if objective.inner:
            phi_cov = np.zeros_like(phi_cov)
        else:
            beta_jacobian[:, objective.beta_at] = objective.to_beta
        given_beta = terms
        if objective.inner:
            K = len(objective.border.start)
            given_beta = objective.terms(phi, integrated=objective.border.penalised)
            terms = objective.terms(phi, integrated=K)
        to_beta, groups, L = objective.to_beta if objective.inner else None, objective.rows.groups, Lambdas[0]

        def outer(border_cov):
            rows = _on_scale(np.asarray(border_cov), Lambdas[1:], groups[1:], to_beta)
            return _on_scale(rows.T, Lambdas[1:], groups[1:], to_beta)

        corner = outer(terms.border_cov)
        return cls(
            Lambdas=Lambdas, first=L @ terms.cov @ L.T, cross_u=terms.cross_cov, corner=corner,
            fixed=L @ given_beta.cov @ L.T,
            fixed_corner=corner if given_beta is terms else outer(given_beta.border_cov), groups=groups, to_beta=to_beta,
            jacobians=tuple(jacobians), beta_jacobian=beta_jacobian, phi_cov=phi_cov)

    @cached_property
    def cross(self):
        """(J, q, K)"""
        return _on_scale(self.Lambdas[0] @ np.asarray(self.cross_u), self.Lambdas[1:], self.groups[1:], self.to_beta)

    @property
    def inner(self):
        """How many fixed effects the border holds."""
        return self.corner.shape[0] - sum(J * len(L) for J, L in zip(self.groups[1:], self.Lambdas[1:]))

    def beta_cov(self):
        """Covariance (p, p) of the fixed effects."""
        if self.inner:
            return self.corner[-self.inner:, -self.inner:]
        return self.beta_jacobian @ self.phi_cov @ self.beta_jacobian.T

    def conditional_cov(self):
        """Per factor (J, q, q), the covariance of b given all parameters, beta included."""
        blocks, start = [self.fixed], 0
        for J, L in zip(self.groups[1:], self.Lambdas[1:]):
            q = len(L)
            at = start + q * np.arange(J)[:, None] + np.arange(q)
            blocks.append(self.fixed_corner[at[:, :, None], at[:, None, :]])
            start += J * q
        return tuple(blocks)

    def joint(self, factor=0):
        """Covariance (J, p + q, p + q) of (beta, b_j) for each group j of a factor."""
        jacobian = self.jacobians[factor]
        J, q, m = jacobian.shape
        p = len(self.beta_jacobian)
        through = np.concatenate([np.broadcast_to(self.beta_jacobian, (J, p, m)), jacobian], axis=1)
        cov = through @ self.phi_cov @ through.transpose(0, 2, 1)
        if factor == 0:
            own, cross = self.first, self.cross
        else:
            start = sum(G * len(L) for G, L in zip(self.groups[1:factor], self.Lambdas[1:factor]))
            at = start + q * np.arange(J)[:, None] + np.arange(q)
            own, cross = self.corner[at[:, :, None], at[:, None, :]], self.corner[at]
        cov[:, p:, p:] += own
        if self.inner:
            cov[:, :p, :p] += self.corner[-p:, -p:]
            cov[:, p:, :p] += cross[..., -p:]
            cov[:, :p, p:] += cross[..., -p:].transpose(0, 2, 1)
        return cov

    def covariance(self, left, right):
        """Covariances (rows,) of two sets of linear combinations of beta and b, row by row.

        left, right : (X, Zs, codes): X (rows, p); per factor Z (rows, q) and codes (rows,), -1 for
            a group that was not fitted, which adds the variance of a new one. Without random
            effects Zs and codes are empty. A fourth item (rows, m) adds a combination of phi.
        """
        g_left, g_right = self._through_phi(*left), self._through_phi(*right)
        total = np.einsum("ri,ij,rj->r", g_left, self.phi_cov, g_right)
        (c1, z1), (columns1, v1) = self._conditional(*left)
        (_, z2), (columns2, v2) = self._conditional(*right)
        total += np.einsum("ri,rij,rj->r", z1, self.first[c1], z2)
        total += np.einsum("ri,ris,rs->r", z1, _gather(self.cross, c1, columns2), v2)
        total += np.einsum("ri,ris,rs->r", z2, _gather(self.cross, c1, columns1), v1)
        total += np.einsum("rs,rst,rt->r", v1, self.corner[columns1[:, :, None], columns2[:, None, :]], v2)
        for L, Z1, Z2, codes in zip(self.Lambdas, left[1], right[1], left[2]):
            new = codes < 0
            total[new] += np.einsum("ri,ij,rj->r", Z1[new], L @ L.T, Z2[new])
        return total

    def _through_phi(self, X, Zs, codes, of_phi=0.0):
        gradient = X @ self.beta_jacobian + of_phi
        for Z, code, jacobian in zip(Zs, codes, self.jacobians):
            known = (code >= 0)[:, None]
            gradient = gradient + np.einsum("rq,rqm->rm", Z * known, jacobian[code])
        return gradient

    def _conditional(self, X, Zs, codes, of_phi=None):
        """(codes, values) in the first factor, and (columns, values) in the border."""
        rows = len(X)
        columns, values, start = [np.zeros((rows, 0), dtype=int)], [np.zeros((rows, 0))], 0
        first = (np.zeros(rows, dtype=int), np.zeros((rows, len(self.Lambdas[0]))))
        for t, (Z, code) in enumerate(zip(Zs, codes)):
            known, q = (code >= 0)[:, None], Z.shape[1]
            if t == 0:
                first = (np.maximum(code, 0), Z * known)
            else:
                columns.append(start + q * np.maximum(code, 0)[:, None] + np.arange(q))
                values.append(Z * known)
                start += q * self.groups[t]
        if self.inner:
            start = len(self.corner) - self.inner
            columns.append(np.tile(np.arange(start, start + self.inner), (rows, 1)))
            values.append(X)
        return first, (np.hstack(columns), np.hstack(values))


def _gather(cross, codes, columns):
    """(rows, q, s): the cross covariance of each row's group with its columns of the border."""
    return cross[codes[:, None], :, columns].transpose(0, 2, 1)


def _on_scale(values, Lambdas, groups, to_beta):
    """values with the border as their last axis, taken from (u, beta's own coordinates) to (b, beta)."""
    parts, start = [], 0
    for L, J in zip(Lambdas, groups):
        stop = start + J * len(L)
        block = values[..., start:stop].reshape(*values.shape[:-1], J, len(L))
        parts.append((block @ L.T).reshape(*values.shape[:-1], stop - start))
        start = stop
    if to_beta is not None:
        parts.append(values[..., start:] @ to_beta.T)
    return np.concatenate(parts, axis=-1) if parts else values
