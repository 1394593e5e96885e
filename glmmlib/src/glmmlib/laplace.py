"""Maximum likelihood by the Laplace approximation: optimiser and estimates."""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from .agq import QuadratureObjective, require_quadrature
from .certificate import CONVERGED_DECREMENT, Certificate, blocks_of, certify, noiseless, runaway, with_variance
from .descent import descend
from .errors import DataError
from .family import Family
from .objective import FAILED, Objective, matrix_of
from .posterior import Posterior
from .rows import merge_rows
from .start import fit_glm

MAX_RESTARTS = 5  # from one starting point
NEAR = 0.02  # times CONVERGED_DECREMENT: where BFGS ends and one Newton step does the rest
FAINT = 1e-3  # a scaled curvature below this is looked at again, at the very optimum
MAX_EVALUATIONS = 1000  # no further starting points after so many


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
    certificate : whether this is the optimum, and where it is singular.
    z_scale : per factor (q,), what each column of Z was divided by.
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
    certificate: Certificate
    z_scale: tuple[np.ndarray, ...]
    evaluations: int

    @property
    def converged(self):
        return self.certificate.optimum

    @property
    def singular(self):
        return self.certificate.singular


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


def make_objective(design, family, rows=None, nAGQ=1, penalty=None, **options) -> Objective:
    """The deviance of a design as a function of its parameters: by the Laplace approximation, or by
    adaptive Gauss-Hermite quadrature with more than one node. Rows are made from the design when
    omitted."""
    kind = Objective
    if nAGQ > 1:
        require_quadrature(design, nAGQ)
        kind = partial(QuadratureObjective, nAGQ=nAGQ)
    if rows is None:
        if penalty is None:
            _require_repeated_groups(design, family)
        rows = merge_rows(design, merge=family.name != "gaussian")
    glm = fit_glm(rows, family, design.coefnames, penalty.precision if penalty else None)
    constant = lru_cache(4)(partial(family.constant, design.y, design.weights))  # most have no dispersion
    return kind(rows, family, [block.pattern for block in design.blocks], constant, glm, penalty=penalty, **options)


def _require_repeated_groups(design, family):
    """Raise DataError where groups cannot be told from noise: as many random coefficients as rows
    beside a residual, or one trial in each group."""
    used = design.weights > 0
    N, single = int(used.sum()), family.name == "binomial" and np.all(design.weights[used] <= 1)
    for block in design.blocks:
        J = len(np.unique(block.refs[used]))
        for columns in blocks_of(block.pattern):
            if family.dispersed and J * len(columns) >= N:
                raise DataError(
                    f"{J} levels of '{block.group}' with {len(columns)} random coefficients each are as many as the "
                    f"{N} rows, so they cannot be told from the residuals: remove random effects of "
                    f"'{block.group}', or get more rows per level.")
        if single and J == N:
            raise DataError(
                f"Every level of '{block.group}' has one row with a single trial, so differences between "
                "its levels cannot be told from chance: remove its random effects, or group the rows otherwise.")


def optimise(objective, phi):
    """The optimum: (phi, gradient, hessian, modes' jacobians, certificate).

    The search starts from phi. Only where the certificate there fails do others follow, from
    elsewhere, until one ends at an optimum; without one the lowest point of all is returned.
    """
    best, lowest = None, np.inf
    for start in _starts(objective, phi):
        found = _descend(objective, start)
        certificate, deviance = found[-1], objective(found[0])[0]
        if best is None or certificate.optimum or deviance < lowest:
            best, lowest = found, deviance
        # Where the deviance is flat, or without a bound, another start would lead to the same end.
        hopeless = certificate.noiseless or certificate.at_rest and not certificate.runaway
        if certificate.optimum or hopeless or objective.evaluations > MAX_EVALUATIONS:
            break
    return best


def _starts(objective, phi):
    """phi, then the objective's own start with small random effects, with its own and with large
    ones, and two points at random."""
    yield phi
    theta = np.arange(len(phi)) < objective.k
    for factor in (0.1, 1.0, 5.0):
        yield np.where(theta, factor, 1.0) * objective.start
    rng = np.random.default_rng(0)
    for _ in range(2):
        yield objective.start + np.where(theta, 1.0, 0.1) * rng.normal(size=len(phi))


def _descend(objective, phi):
    """The optimum found from phi, with its certificate as the last item."""
    phi = _finite(objective, phi)
    inverse = np.eye(len(phi)) / (20 * objective.rows.groups[0])  # about what a group tells, per group
    for _ in range(MAX_RESTARTS):
        phi = descend(objective, phi, inverse, NEAR * CONVERGED_DECREMENT,
                      escaped=lambda phi: runaway(objective, phi) or noiseless(objective, phi))
        phi, gradient, hessian, jacobians = polish(objective, phi)
        certificate = certify(objective, phi, gradient, hessian)
        if certificate.smallest < FAINT:  # then polish's last step may have changed it
            hessian, jacobians = objective.hessian(phi)
            certificate = certify(objective, phi, gradient, hessian)
        if not certificate.computed or certificate.escaped:
            break
        onward = phi if not certificate.stationary else _leave_saddle(objective, phi, certificate)
        if onward is None:
            break
        phi = onward
    return phi, gradient, hessian, jacobians, certificate


def _finite(objective, phi):
    """phi, or the nearest point on the way to the objective's start that has a likelihood."""
    for _ in range(10):
        if objective(phi)[0] < FAILED:
            break
        phi = (phi + objective.start) / 2
    return phi


def _leave_saddle(objective, phi, certificate):
    """The lowest of several points downhill from a saddle; None when it is none.

    One is a zero variance that wants to grow: the gradient does not show it.
    """
    steps = 10.0 ** np.arange(-3, 1)
    points = [with_variance(objective, phi, space, sd) for space in certificate.wants_variance for sd in steps]
    if certificate.down is not None:
        points += [phi + sign * step * certificate.down for sign in (1, -1) for step in steps]
    if not points:
        return None
    deviances = [objective(point)[0] for point in points]
    lowest = int(np.argmin(deviances))
    return points[lowest] if deviances[lowest] < objective(phi)[0] else None


def polish(objective, phi):
    """Newton steps from phi until nothing is left to gain: (phi, gradient, hessian, jacobians)."""
    deviance, gradient = objective(phi)
    for _ in range(10):
        hessian, jacobians = objective.hessian(phi)
        if not np.all(np.isfinite(hessian)):
            break
        # In directions of negative or no curvature, step as if it were positive: downhill always.
        curvature, directions = np.linalg.eigh(hessian)
        floor = 1e-8 * np.max(np.abs(curvature), initial=1e-300)
        step = -directions @ (directions.T @ gradient / np.maximum(np.abs(curvature), floor))
        gain = -gradient @ step / 2
        if gain < 1e-3 * CONVERGED_DECREMENT:
            break
        for shrink in 0.5 ** np.arange(8):
            trial = phi + shrink * step
            trial_deviance, trial_gradient = objective(trial)
            if trial_deviance < deviance:
                break
        else:
            break
        phi, deviance, gradient = trial, trial_deviance, trial_gradient
        if shrink == 1 and gain < 3 * NEAR * CONVERGED_DECREMENT:
            break  # so near that the Hessian is the same there to four digits
    return phi, gradient, hessian, jacobians


def estimates(objective, phi, gradient, hessian, jacobians, certificate=None) -> LaplaceFit:
    """Everything on the scale of the data, at an optimum phi of the objective."""
    phi, signs = _upright(objective, phi)
    if certificate is None or np.any(signs < 0):
        gradient, hessian = gradient * signs, hessian * np.outer(signs, signs)
        certificate = certify(objective, phi, gradient, hessian)
    terms = objective.terms(phi)
    if not np.isfinite(terms.deviance):
        raise DataError(
            "The likelihood cannot be computed at any values that the search came to: look for extreme values among "
            "predictors, weights and offsets, or simplify the random effects.")
    dispersion = objective.dispersion(phi)
    scaled = objective.Lambdas(phi)
    Lambdas = tuple(L / s[:, None] for L, s in zip(scaled, objective.z_scale))
    posterior = Posterior.of(objective, phi, terms, certificate.phi_cov, [
        jacobian * signs / s[:, None] for jacobian, s in zip(jacobians, objective.z_scale)], Lambdas)
    relative = [L / np.sqrt(dispersion) for L in Lambdas]
    return LaplaceFit(
        beta=objective.beta(phi, terms), beta_cov=posterior.beta_cov(), Lambdas=Lambdas,
        theta=np.concatenate([L[entries] for L, entries in zip(relative, objective.entries)]),
        family=objective.family_at(phi), dispersion=dispersion,
        deviance=float(objective.deviance(phi, terms)),
        penalty=float(objective.penalty_terms(phi, terms)[0]) if objective.penalty else 0.0,
        b=tuple(u @ L.T for u, L in zip(objective.modes(terms), Lambdas)),
        b_cov=posterior.conditional_cov(), posterior=posterior,
        phi=phi, gradient=gradient, hessian=hessian, phi_cov=certificate.phi_cov,
        certificate=certificate, z_scale=tuple(objective.z_scale), evaluations=objective.evaluations)


def _upright(objective, phi):
    """phi with the columns of every Lambda signed so that its diagonal is not negative, and the
    signs (m,) that were applied."""
    signs = np.ones(len(phi))
    for at, entries in zip(objective.thetas, objective.entries):
        columns = np.where(np.diag(matrix_of(phi[at], entries)) < 0, -1.0, 1.0)
        signs[at] = columns[entries[1]]
    return phi * signs, signs
