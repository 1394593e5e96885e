"""Maximum likelihood by the Laplace approximation: optimiser, certificate, estimates."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize

from .agq import QuadratureObjective, require_quadrature
from .family import Family
from .objective import Objective, matrix_of
from .posterior import Posterior
from .rows import merge_rows
from .start import fit_glm

# A fit has converged when a Newton step would lower the deviance by less than this.
CONVERGED_DECREMENT = 1e-6
# Standard deviations below this, relative to the unit the fit starts from (the noise, with
# predictors of unit root mean square), count as zero (lme4's isSingular uses it too).
SINGULAR_TOLERANCE = 1e-4
MAX_RESTARTS = 5


@dataclass(frozen=True)
class LaplaceFit:
    """The optimum and its surroundings. "Per factor" is in the order of the design's blocks.

    beta, beta_cov : (p,), (p, p); Lambdas : per factor (q, q) lower triangular, on the scale of eta.
    theta : free entries of all Lambdas, column by column, relative to sqrt(dispersion) as in lme4.
    family : with its free parameters at their estimates; dispersion : 1 where the family has none.
    deviance : -2 log-likelihood (the restricted one for REML) with all constants.
    penalty : what the priors add to the deviance, 0 without.
    b : per factor (J, q), conditional modes; b_cov : per factor (J, q, q), their conditional
        covariance given all parameters.
    posterior : joint uncertainty of beta and b.
    phi, gradient, hessian : the optimum in the objective's scaled coordinates, and the deviance's
        derivatives there; phi_cov : (m, m), the covariance of phi.
    decrement : what a further Newton step would gain in deviance.
    """

    beta: np.ndarray
    beta_cov: np.ndarray
    Lambdas: tuple[np.ndarray, ...]
    theta: np.ndarray
    family: Family
    dispersion: float
    deviance: float
    penalty: float
    b: tuple[np.ndarray, ...]
    b_cov: tuple[np.ndarray, ...]
    posterior: Posterior
    phi: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    phi_cov: np.ndarray
    decrement: float
    evaluations: int
    converged: bool
    singular: bool
    message: str


def fit_laplace(design, family, *, start=None, nAGQ=1, **options) -> LaplaceFit:
    """Maximise the Laplace likelihood, or that of quadrature, or with a penalty the posterior density.

    Parameters
    ----------
    design : Design with at least one grouping factor; family : Family.
    start : (m,) where to start, in the objective's coordinates; its own start when omitted, which
        for quadrature is the optimum of the Laplace approximation.
    nAGQ : nodes per random coefficient, see `make_objective`.
    options : inner, observed, penalty, see `Objective`.

    Raises
    ------
    SeparationError
        When the fixed effects have no finite estimate.
    DataError
        When quadrature is asked for and cannot be done.
    """
    objective = make_objective(design, family, nAGQ=nAGQ, **options)
    if start is None:
        start = objective.start
        if nAGQ > 1:
            start = optimise(make_objective(design, family, **options), start)[0]
    return estimates(objective, *optimise(objective, start))


def make_objective(design, family, nAGQ=1, penalty=None, **options) -> Objective:
    """The deviance of a design as a function of its parameters: by the Laplace approximation, or by
    adaptive Gauss-Hermite quadrature with more than one node."""
    kind = Objective
    if nAGQ > 1:
        require_quadrature(design, nAGQ)
        kind = partial(QuadratureObjective, nAGQ=nAGQ)
    rows = merge_rows(design, merge=family.name != "gaussian")
    glm = fit_glm(rows, family, design.coefnames, penalty.precision if penalty else None)
    constant = partial(family.constant, design.y, design.weights)
    return kind(rows, family, [block.pattern for block in design.blocks], constant, glm, penalty=penalty, **options)


def optimise(objective, phi):
    """The optimum found from phi: (phi, gradient, hessian, modes' jacobians, decrement)."""
    for _ in range(MAX_RESTARTS):
        phi = minimize(objective, phi, jac=True, method="BFGS",
                       options={"gtol": 1e-3, "maxiter": 500}).x
        phi, gradient, hessian, jacobians, decrement = polish(objective, phi)
        curvature, directions = np.linalg.eigh(hessian)
        if curvature[0] > -1e-6 * curvature[-1]:
            break
        # A saddle, such as a zero variance that wants to grow: leave it downhill.
        phi = phi + 0.1 * directions[:, 0]
    return phi, gradient, hessian, jacobians, decrement


def polish(objective, phi):
    """Newton steps from phi until nothing is left to gain."""
    deviance, gradient = objective(phi)
    for _ in range(10):
        hessian, jacobians = objective.hessian(phi)
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
    return phi, gradient, hessian, jacobians, decrement


def estimates(objective, phi, gradient, hessian, jacobians, decrement) -> LaplaceFit:
    """Everything on the scale of the data, at an optimum phi of the objective."""
    phi, signs = _upright(objective, phi)
    gradient, hessian = gradient * signs, hessian * np.outer(signs, signs)
    curvature = np.linalg.eigvalsh(hessian) if len(phi) else np.ones(1)
    positive = curvature[0] > 1e-10 * curvature[-1]
    terms = objective.terms(phi)
    dispersion = objective.dispersion(phi)
    scaled = objective.Lambdas(phi)
    Lambdas = tuple(L / s[:, None] for L, s in zip(scaled, objective.z_scale))
    singular_values = np.concatenate([np.linalg.svd(L, compute_uv=False) for L in scaled])
    phi_cov = 2 * np.linalg.inv(hessian) if positive else _cov_given_theta(objective, hessian)
    posterior = Posterior.of(objective, phi, phi_cov, [
        jacobian * signs / s[:, None] for jacobian, s in zip(jacobians, objective.z_scale)], Lambdas)
    relative = [L / np.sqrt(dispersion) for L in Lambdas]
    return LaplaceFit(
        beta=objective.beta(phi, terms), beta_cov=posterior.beta_cov(), Lambdas=Lambdas,
        theta=np.concatenate([L[entries] for L, entries in zip(relative, objective.entries)]),
        family=objective.family_at(phi), dispersion=dispersion,
        deviance=float(objective.deviance(phi, terms)),
        penalty=float(objective._penalty(phi, terms)[0]) if objective.penalty else 0.0,
        b=tuple(u @ L.T for u, L in zip(objective.modes(terms), Lambdas)),
        b_cov=posterior.conditional_cov(), posterior=posterior,
        phi=phi, gradient=gradient, hessian=hessian, phi_cov=phi_cov, decrement=decrement,
        evaluations=objective.evaluations, converged=bool(positive and decrement < CONVERGED_DECREMENT),
        singular=bool(singular_values.min() < SINGULAR_TOLERANCE),
        message=_message(positive, decrement))


def _upright(objective, phi):
    """phi with the columns of every Lambda signed so that its diagonal is not negative, and the
    signs (m,) that were applied."""
    signs = np.ones(len(phi))
    for at, entries in zip(objective.thetas, objective.entries):
        columns = np.where(np.diag(matrix_of(phi[at], entries)) < 0, -1.0, 1.0)
        signs[at] = columns[entries[1]]
    return phi * signs, signs


def _cov_given_theta(objective, hessian):
    """Where theta has no usable curvature: covariance of the rest with theta held fixed."""
    cov = np.zeros_like(hessian)
    rest = slice(objective.k, None)
    cov[rest, rest] = 2 * np.linalg.pinv(hessian[rest, rest])
    return cov


def _message(positive, decrement):
    if not positive:
        return ("the likelihood is flat in some direction: the data do not determine all "
                "random-effect parameters; standard errors hold theta fixed")
    if not decrement < CONVERGED_DECREMENT:
        return f"the optimiser stopped with {decrement:.2g} of deviance still to gain"
    return "converged: zero gradient and positive curvature"
