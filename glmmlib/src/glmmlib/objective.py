"""The deviance of a mixed model as a smooth function of one vector, with its exact gradient.

The vector is phi = (theta, rates, log dispersion, beta), theta being the free entries of each
Lambda; what a family does not have is absent. Diagonal entries of Lambda may become negative: the
objective is even in each column's sign, so a variance of zero is an ordinary interior point, and
no bounds are needed. Coordinates are scaled so that one step length suits all, whatever the
predictors' units: beta counts from the GLM's estimates in units that make its information the
identity, and Lambda refers to columns of Z with unit root mean square.

Fixed effects can instead be solved for together with u (`inner`): that is exact profiling for
gaussian responses, REML if they are integrated over too, and lme4's nAGQ=0 for the others.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ._kernels import laplace
from ._kernels.terms import Border, Incidence

FAILED = 1e300  # the objective where there is no likelihood: the search turns back
START_SD = 0.5  # of the random effects where a search starts, in units of the noise
FREE_STEP = 1e-5  # for central differences of row terms in a family's free parameters


class Objective:
    """Callable: phi (m,) -> deviance, gradient (m,).

    Parameters
    ----------
    rows : Rows; family : Family; patterns : per grouping factor (q, q), free entries of Lambda.
    constant : function of the dispersion, giving the rows' log-likelihood that the kernel leaves
        out and its derivative in log(dispersion).
    glm : GLMStart, the fit without random effects.
    inner : None (phi holds beta), "profile" or "integrate".
    observed : whether the Laplace weights are the observed information.
    penalty : `priors.Penalty`, a function (Lambdas relative to the dispersion's root, beta) -> value,
        per-factor d/dLambda, d/dbeta; added to the deviance. With `inner` it must not depend on beta.
    """

    def __init__(self, rows, family, patterns, constant, glm, inner=None, observed=False, penalty=None):
        self.rows, self.family, self.constant, self.patterns, self.glm = rows, family, constant, patterns, glm
        self.inner = inner if rows.X.shape[1] else None
        self.observed, self.penalty = observed, penalty
        # Column by column, as in lme4.
        self.entries = [np.nonzero(pattern.T)[::-1] for pattern in patterns]
        self.origin, p = glm.beta, len(glm.beta)
        root = np.linalg.cholesky(glm.information / rows.n.sum()).T
        self.to_beta = np.linalg.inv(root)
        self.X = rows.X @ self.to_beta
        base = rows.offset + rows.X @ glm.beta
        # Gaussian responses count from the GLM's fit, so that a large mean costs no digits.
        self.y, self.base = (rows.y - rows.n * base, 0 * base) if family.name == "gaussian" else (rows.y, base)
        share = rows.n / rows.n.sum()
        self.z_scale, self.Z = [], []
        for Z in rows.Z:
            scale = np.sqrt(share @ Z**2)
            scale[scale == 0] = 1.0
            # random effects are about as large as the noise: that is the unit to start from
            self.z_scale.append(scale / np.sqrt(glm.dispersion))
            self.Z.append(Z / self.z_scale[-1])
        sizes = [len(e[0]) for e in self.entries]
        parts = np.cumsum([0, *sizes, len(family.free), family.dispersed, 0 if self.inner else p])
        *self.thetas, self.free, self.dispersion_at, self.beta_at = (slice(a, b) for a, b in pairwise(parts))
        self.k = sum(sizes)  # length of theta
        self.start = np.concatenate([
            *(START_SD * (r == c) for r, c in self.entries), family.free_start(),
            [np.log(glm.dispersion)] * family.dispersed, np.zeros(0 if self.inner else p)])
        self.u = np.zeros((rows.groups[0], len(patterns[0])))
        self.border = self._border() if len(rows.Z) > 1 or self.inner else None
        self.evaluations = 0

    def _border(self):
        """Where the other factors' coefficients, and beta if solved for within, stand."""
        rows, columns, K = self.rows, [], 0
        for refs, Z, groups in zip(rows.refs[1:], rows.Z[1:], rows.groups[1:]):
            q = Z.shape[1]
            columns.append(K + q * refs[:, None] + np.arange(q))
            K += q * groups
        penalised = K
        if self.inner:
            columns.append(np.tile(np.arange(K, K + self.X.shape[1]), (len(self.X), 1)))
            K += self.X.shape[1]
        columns = np.hstack(columns)
        return Border(Incidence(columns, rows.starts, K), np.zeros(columns.shape), np.zeros(K), penalised,
                      K if self.inner == "integrate" else penalised)

    def widened(self, phi, factor, directions, sd):
        """The same model with further random effects of one factor, and phi there.

        directions : (q, k) for the scaled Z; along each column comes one more random coefficient,
            independent of the others and with standard deviation sd in the new objective's units.
        """
        q, k = directions.shape
        Z, patterns = list(self.rows.Z), list(self.patterns)
        Z[factor] = np.hstack([Z[factor], self.Z[factor] @ directions])
        patterns[factor] = np.zeros((q + k, q + k), dtype=bool)
        patterns[factor][:q, :q], patterns[factor][q:, q:] = self.patterns[factor], np.tri(k, dtype=bool)
        wide = Objective(replace(self.rows, Z=tuple(Z)), self.family, patterns, self.constant, self.glm,
                         inner=self.inner, observed=self.observed)
        rest = slice(self.k, None)
        Lambdas = self.Lambdas(phi)
        Lambda = sd * np.eye(q + k)
        Lambda[:q, :q] = Lambdas[factor]
        Lambdas[factor] = Lambda
        theta = [L[entries] for L, entries in zip(Lambdas, wide.entries)]
        return wide, np.concatenate([*theta, phi[rest]])

    def Lambdas(self, phi):
        """Per factor (q, q), for the scaled Z."""
        return [matrix_of(phi[at], entries) for at, entries in zip(self.thetas, self.entries)]

    def dispersion(self, phi):
        # Where a search strays too far the value stays a number, and its reciprocal too.
        return float(np.exp(np.clip(phi[self.dispersion_at][0], -300, 300))) if self.family.dispersed else 1.0

    def response(self, phi):
        """The rows' y and n (N,), divided by the dispersion as `Family.terms` wants them."""
        if not self.family.dispersed:
            return self.y, self.rows.n
        scale = 1 / self.dispersion(phi)
        return self.y * scale, self.rows.n * scale

    def family_at(self, phi):
        return self.family.with_free(phi[self.free])

    def beta(self, phi, terms=None):
        """On the predictors' scale; terms where it is solved for within."""
        scaled = terms.border[self.border.penalised:] if self.inner else phi[self.beta_at]
        return self.origin + self.to_beta @ scaled

    def terms(self, phi, integrated=None):
        """The kernel's LaplaceTerms at phi; the next search for the modes starts from its modes."""
        self.evaluations += 1
        Lambdas, border = self.Lambdas(phi), self.border
        if border is not None:
            values = [*map(np.dot, self.Z[1:], Lambdas[1:]), *([self.X] if self.inner else [])]
            border = border._replace(values=np.hstack(values))
            if integrated is not None:
                border = border._replace(integrated=integrated)
        for known in (1, 0):  # the search for the modes starts from zero where the last ones lead nowhere
            terms = laplace(
                self.family_at(phi), *self.response(phi), self.eta_fixed(phi), self.Z[0], self.rows.starts, Lambdas[0],
                known * self.u, border=border and border._replace(start=known * border.start), observed=self.observed)
            if np.isfinite(terms.deviance):
                break
        if np.isfinite(terms.deviance):
            self._start_from(terms.u, terms.border)
        return terms

    def eta_fixed(self, phi):
        return self.base if self.inner else self.base + self.X @ phi[self.beta_at]

    def eta(self, phi, terms):
        """Linear predictor (N,) at the modes (for gaussian responses, from the GLM's)."""
        eta = self.eta_fixed(phi)
        Lambdas = self.Lambdas(phi)
        for t, (Z, L) in enumerate(zip(self.Z, Lambdas)):
            eta = eta + np.sum((Z @ L) * self.modes(terms)[t][self.rows.refs[t]], axis=1)
        return eta + self.X @ terms.border[self.border.penalised:] if self.inner else eta

    def modes(self, terms):
        """Spherical conditional modes, per factor (J, q)."""
        modes, start = [terms.u], 0
        for Z, groups in zip(self.rows.Z[1:], self.rows.groups[1:]):
            stop = start + groups * Z.shape[1]
            modes.append(terms.border[start:stop].reshape(groups, -1))
            start = stop
        return modes

    def deviance(self, phi, terms):
        """-2 log-likelihood with all constants, without the penalty."""
        extra = -2 * self.constant(self.dispersion(phi))[0]
        if self.inner == "integrate":  # the integral over beta, on the predictors' own scale
            extra -= len(self.origin) * np.log(2 * np.pi) + 2 * np.sum(np.log(np.abs(np.diag(self.to_beta))))
        return terms.deviance + extra

    def __call__(self, phi):
        terms = self.terms(phi)
        value = self.deviance(phi, terms)
        if self.penalty is not None:
            value += self.penalty_terms(phi, terms)[0]
        if not np.isfinite(value):
            return FAILED, np.zeros(len(phi))
        return value, self.gradient(phi, terms)

    def gradient(self, phi, terms):
        """Derivative (m,) of the objective; the penalty included."""
        by_factor, start = [terms.dLambda], 0
        for Z in self.Z[1:]:
            stop = start + Z.shape[1]
            by_factor.append(Z.T @ terms.d_border[:, start:stop])
            start = stop
        gradient = np.zeros(len(phi))
        for at, entries, d in zip(self.thetas, self.entries, by_factor):
            gradient[at] = d[entries]
        if self.family.free:
            gradient[self.free] = self._free_gradient(phi, terms)
        if self.family.dispersed:
            gradient[self.dispersion_at] = -terms.scale - 2 * self.constant(self.dispersion(phi))[1]
        if not self.inner:
            gradient[self.beta_at] = self.X.T @ terms.score
        if self.penalty is not None:
            gradient += self.penalty_terms(phi, terms)[1]
        return gradient

    def _free_gradient(self, phi, terms):
        eta, values, gradient = self.eta(phi, terms), phi[self.free], []
        weight = "observed" if self.observed else "fisher"
        for step in FREE_STEP * np.eye(len(values)):
            up, down = (self.family.with_free(v) for v in (values + step, values - step))
            d_loglik = self._loglik(up, phi, terms) - self._loglik(down, phi, terms)
            up, down = (family.terms(*self.response(phi), eta) for family in (up, down))
            d = {name: getattr(up, name) - getattr(down, name) for name in ("d1", weight)}
            gradient.append((-2 * d_loglik + terms.leverage @ d[weight] + terms.response @ d["d1"]) / (2 * FREE_STEP))
        return gradient

    def _loglik(self, family, phi, terms):
        """The rows' log-likelihood under a family, as the integral sees it: at the modes."""
        return family.terms(*self.response(phi), self.eta(phi, terms)).logp.sum()

    def penalty_terms(self, phi, terms):
        """The penalty at phi and its gradient (m,); only where there is one."""
        scales = [scale[:, None] * np.sqrt(self.dispersion(phi)) for scale in self.z_scale]
        Lambdas = [L / s for L, s in zip(self.Lambdas(phi), scales)]
        value, d_Lambdas, d_beta = self.penalty(Lambdas, self.beta(phi, terms))
        gradient = np.zeros(len(phi))
        for at, entries, d, s in zip(self.thetas, self.entries, d_Lambdas, scales):
            gradient[at] = (d / s)[entries]
        if self.family.dispersed:
            gradient[self.dispersion_at] = -sum(np.sum(d * L) for d, L in zip(d_Lambdas, Lambdas)) / 2
        if not self.inner:
            gradient[self.beta_at] = self.to_beta.T @ d_beta
        return value, gradient

    def hessian(self, phi, h=1e-4):
        """Central differences of the exact gradient and of the modes b.

        Returns (m, m), and per factor (J, q, m) for the scaled Z.
        """
        at_phi, m = self.terms(phi), len(phi)
        hessian, jacobians = np.empty((m, m)), [np.empty((*u.shape, m)) for u in self.modes(at_phi)]
        u, border = at_phi.u, at_phi.border
        del at_phi  # and with it several numbers a row
        for i, step in enumerate(h * np.eye(m)):
            up, b_up, u_up, border_up = self._moved(phi + step, u, border)
            # The modes on the other side are nearly the mirror image.
            down, b_down, *_ = self._moved(phi - step, 2 * u - u_up, 2 * border - border_up)
            hessian[i] = (up - down) / (2 * h)
            for jacobian, plus, minus in zip(jacobians, b_up, b_down):
                jacobian[:, :, i] = (plus - minus) / (2 * h)
        return (hessian + hessian.T) / 2, jacobians

    def _moved(self, phi, u, border):
        """Gradient and modes at phi: b, u and the border's; the search for the modes starts from (u, border)."""
        self._start_from(u, border)
        terms = self.terms(phi)
        modes = [u @ L.T for u, L in zip(self.modes(terms), self.Lambdas(phi))]
        return self.gradient(phi, terms), modes, terms.u, terms.border

    def _start_from(self, u, border):
        self.u = u
        if self.border is not None:
            self.border = self.border._replace(start=border)


def matrix_of(theta, entries):
    """Lambda (q, q) with theta at its free entries."""
    q = entries[0].max() + 1
    Lambda = np.zeros((q, q))
    Lambda[entries] = theta
    return Lambda
