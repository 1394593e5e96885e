"""The model without random effects: where every fit starts, and what its failure means."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ._kernels import terms as row_terms
from .errors import SeparationError


@dataclass(frozen=True)
class GLMStart:
    """beta (p,), its information matrix (p, p) at dispersion 1, and the dispersion (Pearson's)."""

    beta: np.ndarray
    information: np.ndarray
    dispersion: float


def fit_glm(rows, family, coefnames, precision=None) -> GLMStart:
    """Maximum likelihood by Newton's method with step-halving, or by Fisher scoring where the
    curvature is not positive; with a precision (p,) the mode under independent normal priors with
    mean zero, and the information is that of likelihood and priors.

    Raises
    ------
    SeparationError
        When the fixed effects have no finite estimate.
    """
    X, y, n = rows.X, rows.y, rows.n
    precision = np.zeros(X.shape[1]) if precision is None else precision
    with np.errstate(all="ignore"):
        target = family.link(family.start(y, n))
        beta = _least_squares(X, n, target - rows.offset)
        deviance, step = np.inf, np.zeros(X.shape[1])
        for _ in range(100):
            terms = row_terms(family, y, n, rows.offset + X @ beta)
            new = -2 * terms.logp.sum() + precision @ beta**2
            if not new <= deviance + 1e-10 * (1 + abs(deviance)):
                step = step / 2
                beta = beta - step
                if np.max(np.abs(X @ step)) < 1e-10:
                    break
                continue
            deviance = new
            step = _step(X, terms, precision, beta)
            if step is None:
                break
            if np.max(np.abs(X @ step)) < 1e-8:
                information = X.T @ (terms.fisher[:, None] * X) + np.diag(precision)
                if not _usable(information):
                    break
                return GLMStart(beta, information, _dispersion(rows, family, beta))
            beta = beta + step
    if family.name == "binomial":
        _explain_separation(rows, coefnames)
        _explain_rates(rows, family)
    raise SeparationError(
        "The model without random effects has no finite estimates, on which the fit could start: simplify "
        "its fixed effects, or rescale one of " + ", ".join(coefnames) + ".")


def _least_squares(X, n, target):
    try:
        return cho_solve(cho_factor(X.T @ (n[:, None] * X)), X.T @ (n * target))
    except (LinAlgError, ValueError):
        return np.linalg.lstsq(X * np.sqrt(n)[:, None], target * np.sqrt(n))[0]


def _usable(information):
    """Whether every fixed effect is determined at all: not where the curve is flat for all rows."""
    try:
        cho_factor(information)
    except (LinAlgError, ValueError):
        return False
    return True


def _step(X, terms, precision, beta):
    """What Newton's method, or else Fisher scoring, adds to beta; None where neither can tell."""
    for weights in (terms.observed, terms.fisher):
        try:
            curvature = X.T @ (weights[:, None] * X) + np.diag(precision)
            return cho_solve(cho_factor(curvature), X.T @ terms.d1 - precision * beta)
        except (LinAlgError, ValueError):
            continue
    return None


def _explain_rates(rows, family):
    """Raise SeparationError where the outcomes lie outside what guessing and lapsing allow."""
    proportion = rows.y.sum() / rows.n.sum()
    if not family.guess < proportion < 1 - family.lapse:
        raise SeparationError(
            f"{proportion:.1%} of the outcomes are successes, which a curve between guess={family.guess:g} and "
            f"1 - lapse={1 - family.lapse:g} cannot reach: check these rates and how the response was coded.")


def _dispersion(rows, family, beta):
    """Pearson's estimate, where the family has a dispersion."""
    if not family.dispersed:
        return 1.0
    mu = family.inverse(rows.offset + rows.X @ beta)
    pearson = np.sum((rows.y - rows.n * mu) ** 2 / (rows.n * family.variance(mu)))
    smallest = 1e-12 * np.mean((rows.y / rows.n) ** 2) if family.name == "gaussian" else 1e-8
    return float(max(pearson / max(len(mu) - len(beta), 1), smallest, np.finfo(float).tiny))


def _explain_separation(rows, coefnames):
    """Raise SeparationError naming the predictors along which the outcomes come apart.

    Estimates are infinite exactly when some direction gamma has x'gamma >= 0 for every success
    and <= 0 for every failure, not all zero (Albert & Anderson 1984; linear programme as in
    Konis 2007).
    """
    from scipy.optimize import linprog  # importing it takes longer than most fits

    X = rows.X / np.max(np.abs(rows.X), axis=0)
    sided = np.vstack([X[rows.y > 0], -X[rows.y < rows.n]])
    solution = linprog(-sided.sum(axis=0), A_ub=-sided, b_ub=np.zeros(len(sided)), bounds=(-1, 1))
    if solution.status == 0 and -solution.fun > 1e-7:
        names = [n for n, g in zip(coefnames, solution.x) if abs(g) > 1e-7 and n != "(Intercept)"]
        raise SeparationError(
            f"The outcome can be predicted without error by {' and '.join(names) or 'the intercept'} "
            "in some or all rows (separation), so no finite estimate exists: remove or coarsen that "
            "predictor, collect data where both outcomes occur, or say with a prior how large an effect may be: "
            "priors=gl.Priors(cov=None, fixef='normal').")
