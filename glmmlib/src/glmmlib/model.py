"""The way in: formula and data to a fitted model."""

from numbers import Integral

from ._kernels import one_thread
from .arguments import FLAG, accepts, one_of
from .design import build_design
from .errors import ConvergenceWarning, DataError, SingularFitWarning, warn
from .family import Gaussian, get_family
from .laplace import fit_laplace
from .priors import Priors
from .result import GLMMResult


@accepts(information=one_of("fisher", "observed"))
def glmer(formula, data, family="binomial", *, contrasts=None, weights=None, offset=None, nAGQ=1,
          information="fisher", priors=None) -> GLMMResult:
    """Fit a generalized linear mixed model by maximum likelihood, or maximum a posteriori.

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
    nAGQ : 1 (Laplace); more: adaptive Gauss-Hermite quadrature with so many nodes per random
        coefficient, for one grouping factor with up to 4 of them (10,000 nodes a group at most); or
        0: the fixed effects are solved for together with the random ones, as lme4's nAGQ=0 does:
        faster, and biased; for a first look at large data.
    information : "fisher" or "observed"
        The weights in the Laplace approximation: expected information, as lme4, or observed, as
        glmmTMB. They agree for canonical links (logit, log with counts). For quadrature they place
        the nodes and no longer matter once there are enough.
    priors : Priors, optional
        Penalise the likelihood as blme does, so that variances stay off zero; see `Priors`.

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
    reports them. With quadrature random effects remain the conditional modes, at the parameters that
    the quadrature estimates; lme4 leaves out the log-likelihood's constant there, here it is in at
    every nAGQ. Gaussian responses are fitted as `lmer` does with REML=False. The dispersion of
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
        return lmer(formula, data, REML=False, contrasts=contrasts, weights=weights, offset=offset, priors=priors)
    if isinstance(nAGQ, bool) or not isinstance(nAGQ, Integral) or nAGQ < 0:
        raise DataError(f"nAGQ={nAGQ!r} is not known; choose 1 (Laplace), 0, or the number of quadrature nodes.")
    return _fit(formula, data, family, contrasts=contrasts, weights=weights, offset=offset, priors=priors,
                inner="profile" if nAGQ == 0 else None, observed=information == "observed", nAGQ=max(int(nAGQ), 1))


@accepts(REML=FLAG)
def lmer(formula, data, REML=True, *, contrasts=None, weights=None, offset=None, priors=None) -> GLMMResult:
    """Fit a linear mixed model by restricted (REML=True) or full maximum likelihood.

    Parameters, errors and warnings as for `glmer`. The likelihood is exact. Priors may be on
    covariances only.

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
    return _fit(formula, data, Gaussian(), contrasts=contrasts, weights=weights, offset=offset, priors=priors,
                inner="integrate" if REML else "profile", observed=False, nAGQ=1)


def _fit(formula, data, family, *, contrasts, weights, offset, priors, inner, observed, nAGQ):
    with one_thread():
        design = build_design(formula, data, contrasts, weights=weights, offset=offset)
        family.check_response(design.y, design.weights, design.formula.response)
        options = {"inner": inner, "observed": observed, "nAGQ": nAGQ, "penalty": _penalty(priors, design, inner)}
        fit = fit_laplace(design, family, **options)
    result = GLMMResult(design, family, fit, _method(inner, family, observed, nAGQ, priors), priors, options,
                        {"contrasts": contrasts, "weights": weights, "offset": offset})
    if not fit.converged:
        warn(
            f"The fit of '{formula}' did not converge: {result.convergence.reason}. "
            f"{result.convergence.advice}", ConvergenceWarning)
    elif fit.singular:
        warn(
            "boundary (singular) fit: some direction of the random effects has zero variance; "
            "m.convergence says which, and what to do.", SingularFitWarning)
    return result


def _penalty(priors, design, inner):
    if priors is None:
        return None
    if not isinstance(priors, Priors):
        raise DataError(f"priors must be Priors(...), not {priors!r}.")
    if inner and priors.fixef:
        raise DataError("Priors on fixed effects need glmer with nAGQ=1 or more: here these are solved for within "
                        "the fit; leave fixef out of priors.")
    return priors.penalty(design)


def _method(inner, family, observed, nAGQ, priors):
    """How the likelihood was computed, for the printout."""
    likelihood = "maximum likelihood" if priors is None else "maximum a posteriori, penalised by priors"
    if family.name == "gaussian":
        return likelihood if inner == "profile" else "REML" + ("" if priors is None else ", penalised by priors")
    if inner:
        return f"{likelihood} (Laplace Approximation, nAGQ = 0: fixed effects not integrated properly)"
    information = "" if family.canonical else f", {'observed' if observed else 'expected'} information"
    rule = "Laplace Approximation" if nAGQ == 1 else f"Adaptive Gauss-Hermite Quadrature, nAGQ = {nAGQ}"
    return f"{likelihood} ({rule}{information})"
