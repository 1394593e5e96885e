"""Maximum likelihood by the Laplace approximation: rows, objective, optimiser, certificate.

The objective is minimised over phi = (theta, beta), theta being the free entries of Lambda.
Diagonal entries of Lambda may become negative on the way: the objective is even in each column's
sign, so a variance of zero is an ordinary interior point, and the optimiser needs no bounds. A
singular optimum is then judged by the Hessian, whose entry at a zero standard deviation is the
derivative with respect to the variance.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import linprog, minimize
from scipy.special import expit

from ._kernels import laplace as laplace_kernel
from .errors import SeparationError

# A fit has converged when a Newton step would lower the deviance by less than this.
CONVERGED_DECREMENT = 1e-6
# Standard deviations below this, on the scale of eta, count as zero (lme4's isSingular uses it too).
SINGULAR_TOLERANCE = 1e-4
MAX_RESTARTS = 5


@dataclass(frozen=True)
class GroupedRows:
    """Distinct rows of a design, sorted by group, each with successes y out of n trials."""

    y: np.ndarray
    n: np.ndarray
    X: np.ndarray
    Z: np.ndarray
    starts: np.ndarray


def group_rows(y, X, Z, refs, n_groups) -> GroupedRows:
    """Sort rows by group and merge those that share group, X and Z: the likelihood is the same.

    y (N,), X (N, p), Z (N, q), refs (N,) in 0..n_groups - 1.
    """
    values = np.hstack([X, Z])
    # Equal rows get equal keys and so become neighbours; unequal neighbours are never merged.
    key = np.einsum("ij,j->i", values, np.random.default_rng(0).normal(size=values.shape[1]))
    order = np.lexsort((key, refs))
    values, refs = values[order], refs[order]
    new = np.r_[True, (refs[1:] != refs[:-1]) | np.any(values[1:] != values[:-1], axis=1)]
    first = np.flatnonzero(new)
    values, refs = values[first], refs[first]
    return GroupedRows(
        y=np.add.reduceat(y[order], first),
        n=np.diff(np.r_[first, len(y)]).astype(float),
        X=np.ascontiguousarray(values[:, :X.shape[1]]),
        Z=np.ascontiguousarray(values[:, X.shape[1]:]),
        starts=np.searchsorted(refs, np.arange(n_groups + 1)),
    )


@dataclass(frozen=True)
class LaplaceFit:
    """The optimum and its surroundings.

    beta : (p,); Lambda : (q, q) lower triangular; theta : its free entries, column by column.
    deviance : float, -2 log-likelihood without binomial coefficients.
    u, b : (J, q) conditional modes, spherical and on the scale of the coefficients.
    cond_cov : (J, q, q) covariance of b given theta, beta and the data.
    phi_cov : (k + p, k + p) covariance of (theta, beta) from the Hessian.
    b_jacobian : (J, q, k + p) derivative of b with respect to (theta, beta).
    decrement : float, what a further Newton step would gain.
    """

    beta: np.ndarray
    Lambda: np.ndarray
    theta: np.ndarray
    deviance: float
    u: np.ndarray
    b: np.ndarray
    cond_cov: np.ndarray
    phi_cov: np.ndarray
    b_jacobian: np.ndarray
    decrement: float
    evaluations: int
    converged: bool
    singular: bool
    message: str


def fit_laplace(rows: GroupedRows, pattern: np.ndarray, coefnames) -> LaplaceFit:
    """Maximise the Laplace likelihood of a binomial-logit model.

    Parameters
    ----------
    rows : the data; pattern : (q, q) free entries of Lambda; coefnames : (p,) for messages.

    Raises
    ------
    SeparationError
        When the fixed effects have no finite estimate.
    """
    beta, information = _fit_glm(rows, coefnames)
    objective = _Objective(rows, pattern, beta, information)
    phi = objective.start()
    for _ in range(MAX_RESTARTS):
        phi = minimize(objective, phi, jac=True, method="BFGS",
                       options={"gtol": 1e-3, "maxiter": 500}).x
        phi, hessian, b_jacobian, decrement = _polish(objective, phi)
        curvature, directions = np.linalg.eigh(hessian)
        if curvature[0] > -1e-6 * curvature[-1]:
            break
        # A saddle, such as a zero variance that wants to grow: leave it downhill.
        phi = phi + 0.1 * directions[:, 0]
    positive = curvature[0] > 1e-10 * curvature[-1]
    return objective.result(phi, hessian, b_jacobian, decrement, positive)


def _polish(objective, phi):
    """Newton steps from phi until nothing is left to gain."""
    deviance, gradient = objective(phi)
    for _ in range(10):
        hessian, b_jacobian = objective.hessian(phi)
        # In directions of negative or no curvature, step as if it were positive: downhill always.
        curvature, directions = np.linalg.eigh(hessian)
        floor = 1e-8 * curvature[-1]
        step = -directions @ (directions.T @ gradient / np.maximum(np.abs(curvature), floor))
        decrement = float(-gradient @ step)
        if decrement < 1e-3 * CONVERGED_DECREMENT:
            break
        for shrink in 0.5 ** np.arange(8):
            trial = phi + shrink * step
            trial_deviance, trial_gradient = objective(trial)
            if trial_deviance < deviance:
                break
        else:
            break
        phi, deviance, gradient = trial, trial_deviance, trial_gradient
    return phi, hessian, b_jacobian, decrement


class _Objective:
    """Deviance and gradient in scaled coordinates: phi = (theta', beta').

    beta' makes the GLM's information the identity and Lambda' refers to columns of Z with unit
    root mean square, so that one step length suits all coordinates whatever the units of the
    predictors.
    """

    def __init__(self, rows, pattern, beta, information):
        self.rows, self.glm_beta = rows, beta
        self.entries = np.nonzero(pattern.T)[::-1]  # (rows, columns), column by column as in lme4
        weights = rows.n / rows.n.sum()
        self.z_scale = np.sqrt(weights @ rows.Z**2)
        self.z_scale[self.z_scale == 0] = 1.0
        self.Z = rows.Z / self.z_scale
        self.groups = len(rows.starts) - 1
        # beta = to_beta @ beta', with information = R'R per group
        R = np.linalg.cholesky(information / rows.n.sum()).T
        self.to_beta = solve_triangular(R, np.eye(len(beta)))
        self.X = rows.X @ self.to_beta
        self.k, self.q = len(self.entries[0]), len(pattern)
        self.u = np.zeros((self.groups, self.q))
        self.evaluations = 0

    def start(self):
        theta = (self.entries[0] == self.entries[1]).astype(float)
        return np.r_[theta, np.linalg.solve(self.to_beta, self.glm_beta)]

    def Lambda(self, phi):
        Lambda = np.zeros((self.q, self.q))
        Lambda[self.entries] = phi[:self.k]
        return Lambda

    def terms(self, phi):
        self.evaluations += 1
        rows = self.rows
        terms = laplace_kernel(rows.y, rows.n, self.X @ phi[self.k:], self.Z, rows.starts,
                               self.Lambda(phi), self.u)
        if np.isfinite(terms.deviance):
            self.u = terms.u  # the next search for the modes starts from here
        return terms

    def gradient(self, terms):
        return np.r_[terms.dLambda[self.entries], self.X.T @ terms.score]

    def __call__(self, phi):
        terms = self.terms(phi)
        if not np.isfinite(terms.deviance):
            return 1e300, np.zeros(len(phi))
        return terms.deviance, self.gradient(terms)

    def hessian(self, phi, h=1e-4):
        """Central differences of the exact gradient and of the modes b: (m, m) and (J, q, m)."""
        hessian = np.empty((len(phi), len(phi)))
        b_jacobian = np.empty((self.groups, self.q, len(phi)))
        for i in range(len(phi)):
            step = h * (np.arange(len(phi)) == i)
            up, down = self.terms(phi + step), self.terms(phi - step)
            hessian[i] = (self.gradient(up) - self.gradient(down)) / (2 * h)
            b_jacobian[:, :, i] = (
                up.u @ self.Lambda(phi + step).T - down.u @ self.Lambda(phi - step).T) / (2 * h)
        return (hessian + hessian.T) / 2, b_jacobian

    def result(self, phi, hessian, b_jacobian, decrement, positive):
        # Columns of Lambda may change sign freely: report non-negative diagonals.
        signs = np.where(np.diag(self.Lambda(phi)) < 0, -1.0, 1.0)
        flip = np.r_[signs[self.entries[1]], np.ones(len(phi) - self.k)]
        phi, hessian, b_jacobian = phi * flip, hessian * np.outer(flip, flip), b_jacobian * flip
        self.u = self.u * signs
        scaled, terms = self.Lambda(phi), self.terms(phi)
        converged = bool(positive and decrement < CONVERGED_DECREMENT)
        phi_cov = (2 * np.linalg.inv(hessian) if positive
                   else self._cov_given_theta(terms, hessian))
        # back from the scaled coordinates
        back = np.zeros((len(phi), len(phi)))
        back[range(self.k), range(self.k)] = 1 / self.z_scale[self.entries[0]]
        back[self.k:, self.k:] = self.to_beta
        Lambda = scaled / self.z_scale[:, None]
        singular_values = np.linalg.svd(scaled, compute_uv=False)
        return LaplaceFit(
            beta=self.to_beta @ phi[self.k:], Lambda=Lambda, theta=Lambda[self.entries],
            deviance=terms.deviance, u=terms.u, b=terms.u @ Lambda.T,
            cond_cov=Lambda @ terms.cov @ Lambda.T,
            phi_cov=back @ phi_cov @ back.T,
            b_jacobian=b_jacobian @ np.linalg.inv(back) / self.z_scale[:, None],
            decrement=decrement, evaluations=self.evaluations, converged=converged,
            singular=bool(singular_values[-1] < SINGULAR_TOLERANCE),
            message=self._message(positive, decrement),
        )

    def _cov_given_theta(self, terms, hessian):
        """Where theta has no usable curvature: beta's covariance with theta held fixed."""
        cov = np.zeros_like(hessian)
        cov[self.k:, self.k:] = 2 * np.linalg.pinv(hessian[self.k:, self.k:])
        return cov

    @staticmethod
    def _message(positive, decrement):
        if not positive:
            return ("the likelihood is flat in some direction: the data do not determine all "
                    "random-effect parameters; standard errors hold theta fixed")
        if decrement >= CONVERGED_DECREMENT:
            return f"the optimiser stopped with {decrement:.2g} of deviance still to gain"
        return "converged: zero gradient and positive curvature"


def _fit_glm(rows, coefnames):
    """Estimates and information matrix of the model without random effects, by IRLS."""
    X, beta = rows.X, np.zeros(rows.X.shape[1])
    for _ in range(30):
        mu = expit(X @ beta)
        W = rows.n * mu * (1 - mu)
        information = X.T @ (W[:, None] * X)
        try:
            step = cho_solve(cho_factor(information), X.T @ (rows.y - rows.n * mu))
        except np.linalg.LinAlgError:
            break
        beta = beta + step
        if np.max(np.abs(X @ step)) < 1e-8:
            return beta, information
    _explain_separation(rows, coefnames)
    raise SeparationError(
        "The model without random effects has no finite estimates: rescale the predictors or "
        "remove one of " + ", ".join(coefnames) + ".")


def _explain_separation(rows, coefnames):
    """Raise SeparationError naming the predictors along which the outcomes come apart.

    Estimates are infinite exactly when some direction gamma has x'gamma >= 0 for every success
    and <= 0 for every failure, not all zero (Albert & Anderson 1984; linear programme as in
    Konis 2007).
    """
    X = rows.X / np.max(np.abs(rows.X), axis=0)
    sided = np.vstack([X[rows.y > 0], -X[rows.y < rows.n]])
    solution = linprog(-sided.sum(axis=0), A_ub=-sided, b_ub=np.zeros(len(sided)), bounds=(-1, 1))
    if solution.status == 0 and -solution.fun > 1e-7:
        names = [n for n, g in zip(coefnames, solution.x) if abs(g) > 1e-7 and n != "(Intercept)"]
        raise SeparationError(
            f"The outcome can be predicted without error by {' and '.join(names) or 'the intercept'} "
            "in some or all rows (separation), so no finite estimate exists: remove or coarsen that "
            "predictor, or collect data where both outcomes occur.")
