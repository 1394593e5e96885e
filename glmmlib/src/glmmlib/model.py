"""The way in: formula and data to a fitted model."""

import warnings

from .design import build_design
from .errors import ConvergenceWarning, DataError, SingularFitWarning
from .family import Gaussian, get_family
from .laplace import fit_laplace
from .result import GLMMResult


def glmer(formula, data, family="binomial", *, contrasts=None, weights=None, offset=None, nAGQ=1,
          information="fisher") -> GLMMResult:
    """Fit a generalized linear mixed model by maximum likelihood.

    Parameters
    ----------
    formula : str
        lme4's notation, for example ``"y ~ 1 + x + (1 + x | g)"``; ``||`` for uncorrelated
        random coefficients, ``(1 | a/b)`` for nested and several terms for crossed factors.
    data : pandas.DataFrame
        One row per observation. Rows with missing values are left out, and said so.
    family : str or Family
        "binomial", "poisson", "gamma" or "gaussian", or for other links and psychometric
        functions ``gl.Binomial(link="probit", guess=0.25, lapse=0.02)``.
    contrasts : dict, optional
        Named codings of categorical columns:
        ``{"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}``.
    weights : str or array (rows,), optional
        Prior weights: for proportions the numbers of trials.
    offset : str or array (rows,), optional
        Known part of the linear predictor, added to the formula's ``offset()``.
    nAGQ : 1 (Laplace), or 0: the fixed effects are solved for together with the random ones, as
        lme4's nAGQ=0 does: faster, and biased; for a first look at large data.
    information : "fisher" or "observed"
        The weights in the Laplace approximation: expected information, as lme4, or observed, as
        glmmTMB. They agree for canonical links (logit, log with counts).

    Returns
    -------
    GLMMResult

    Raises
    ------
    FormulaError, DataError, SeparationError
        One sentence that names the cause and the remedy.

    Warns
    -----
    DroppedRowsWarning, ConvergenceWarning, SingularFitWarning

    Notes
    -----
    Matches ``lme4::glmer``; standard errors come from the Hessian in (theta, beta), as lme4
    reports them. Gaussian responses are fitted as `lmer` does with REML=False. The dispersion of
    gamma responses is estimated by maximum likelihood, as glmmTMB does and lme4 does not.

    Examples
    --------
    >>> import glmmlib as gl
    >>> crowding = gl.load_crowding()
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
    >>> m.converged
    True
    """
    family = get_family(family)
    if isinstance(family, Gaussian):
        return lmer(formula, data, REML=False, contrasts=contrasts, weights=weights, offset=offset)
    if information not in ("fisher", "observed"):
        raise DataError(f"information={information!r} is not known; choose 'fisher' (as lme4) or 'observed' (as glmmTMB).")
    if nAGQ not in (0, 1):
        raise DataError(f"nAGQ={nAGQ!r} is not known; choose 1 (Laplace) or 0.")
    return _fit(formula, data, family, "profile" if nAGQ == 0 else None, contrasts=contrasts,
                weights=weights, offset=offset, observed=information == "observed")


def lmer(formula, data, REML=True, *, contrasts=None, weights=None, offset=None) -> GLMMResult:
    """Fit a linear mixed model by restricted (REML=True) or full maximum likelihood.

    Parameters, errors and warnings as for `glmer`. The likelihood is exact.

    Notes
    -----
    Matches ``lme4::lmer``, whose standard errors take the variance parameters as known.

    Examples
    --------
    >>> import glmmlib as gl
    >>> trials = gl.load_crowding()
    >>> m = gl.lmer("ResponseTime ~ 1 + Condition + (1 | Subject)", trials)
    >>> m.converged
    True
    """
    return _fit(formula, data, Gaussian(), "integrate" if REML else "profile", contrasts=contrasts,
                weights=weights, offset=offset, observed=False)


def _fit(formula, data, family, inner, *, contrasts, weights, offset, observed):
    design = build_design(formula, data, contrasts, weights=weights, offset=offset)
    family.check_response(design.y, design.weights, design.formula.response)
    fit = fit_laplace(design, family, inner=inner, observed=observed)
    result = GLMMResult(design, family, fit, _method(inner, family, observed))
    if not fit.converged:
        warnings.warn(
            f"The fit of '{formula}' did not converge: {result.convergence.reason}. "
            f"{result.convergence.advice}", ConvergenceWarning, stacklevel=3)
    elif fit.singular:
        warnings.warn(
            "boundary (singular) fit: some direction of the random effects has zero variance; "
            "m.convergence says which, and what to do.", SingularFitWarning, stacklevel=3)
    return result


def _method(inner, family, observed):
    """How the likelihood was computed, for the printout."""
    if family.name == "gaussian":
        return "REML" if inner == "integrate" else "maximum likelihood"
    if inner:
        return "maximum likelihood (Laplace Approximation, nAGQ = 0: fixed effects not integrated properly)"
    weights = "" if family.canonical else f", {'observed' if observed else 'expected'} information"
    return f"maximum likelihood (Laplace Approximation{weights})"
