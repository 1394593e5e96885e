"""Conclusions from fitted models: comparisons and intervals."""

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtri

from .arguments import FRACTION, MODEL, PARAMETERS, accepts, one_of, shown
from .errors import DataError
from .parameters import chosen, parameters_of
from .profiles import profile


def anova(*models) -> pd.DataFrame:
    """Compare models fitted to the same rows by likelihood-ratio tests.

    Parameters
    ----------
    models : two or more GLMMResult, in any order.

    Returns
    -------
    DataFrame, one row per model from the smallest to the largest, indexed by formula, as R's
    ``anova(m1, m2)``: npar, AIC, BIC, logLik, -2*log(L), Chisq, Df, Pr(>Chisq). Each model is
    tested against the row above it. The statistic is never below zero, as rounding could have it. The
    p-value takes the models as nested and the statistic as chi-squared; where the larger model
    adds a variance, which cannot be negative, the true p-value is smaller.

    Raises
    ------
    DataError
        When fewer than two models are given, or their likelihoods cannot be compared: other rows or
        responses, another integral (nAGQ), priors, or REML with different fixed effects.

    Examples
    --------
    >>> import glmmlib as gl
    >>> crowding = gl.load_crowding()
    >>> small = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
    >>> large = gl.glmer("ResponseCorrect ~ 1 + center(Size) + Condition + (1 | Subject)", crowding)
    >>> list(gl.anova(small, large).npar)
    [3, 4]
    """
    if len(models) < 2:
        raise DataError("anova compares models: give it at least two.")
    for model in models:
        if not MODEL.fits(model):
            raise DataError(f"anova compares fitted models, as glmer and lmer return them, not {shown(model)}.")
    first, *others = models
    for other in others:
        _require_same_rows(first, other)
    _require_comparable(models)
    models = sorted(models, key=lambda m: m.npar)
    table = pd.DataFrame({
        "npar": [m.npar for m in models], "AIC": [m.aic for m in models], "BIC": [m.bic for m in models],
        "logLik": [m.loglik for m in models], "-2*log(L)": [-2 * m.loglik for m in models],
    }, index=[m.design.formula.text for m in models])
    table["Chisq"] = (-table["-2*log(L)"].diff()).clip(lower=0)
    table["Df"] = table["npar"].diff()
    table["Pr(>Chisq)"] = np.where(table["Df"] > 0, chdtrc(table["Df"], table["Chisq"]), np.nan)
    return table


def _require_same_rows(first, other):
    a, b = first.design, other.design
    differing = len(a.index.symmetric_difference(b.index))
    if differing or len(a.index) != len(b.index):
        raise DataError(
            f"The models were fitted to different rows ({a.nobs} and {b.nobs}; {differing} rows are in "
            "one but not in the other), so their likelihoods cannot be compared: leave out the rows "
            "with missing values before fitting either.")
    order_a, order_b = np.argsort(a.index, kind="stable"), np.argsort(b.index, kind="stable")
    for what, here, there in (("responses", a.y, b.y), ("weights", a.weights, b.weights)):
        unequal = int(np.sum(here[order_a] != there[order_b]))
        if unequal:
            raise DataError(f"The models have different {what} in {unequal} of {a.nobs} rows, so their likelihoods "
                            "cannot be compared: fit both to the same data.")


def _require_comparable(models):
    """Raise unless the models' likelihoods mean the same thing."""
    if any(m.priors is not None for m in models):
        raise DataError("A penalised fit has no likelihood-ratio test: refit the models without priors.")
    if len({m.family.name for m in models}) > 1:
        raise DataError("The models have different families, so their likelihoods cannot be compared.")
    first, *others = models
    kinds = list(dict.fromkeys(m.method for m in models))
    if first.family.name != "gaussian":
        if any(m.options[key] != first.options[key] for m in others for key in ("inner", "observed", "nAGQ")):
            raise DataError(
                f"The likelihoods were computed in different ways ({'; '.join(kinds)}), so they cannot be "
                "compared: refit the models with the same nAGQ and information.")
    elif len(kinds) > 1:
        raise DataError(
            "Some of the models were fitted by REML, others by full maximum likelihood: refit all with REML=False.")
    elif first.options.get("inner") == "integrate" and any(not _same_space(first.design.X, m.design.X) for m in others):
        raise DataError(
            "The models have different fixed effects and were fitted by REML, whose likelihoods cannot be compared "
            "then: refit them with REML=False.")


def _same_space(A, B):
    """Whether the columns of two designs span the same space."""
    rank = np.linalg.matrix_rank
    return A.shape == B.shape and rank(np.hstack([A, B])) == rank(A)


@accepts(model=MODEL)
def wald_test(model, hypothesis) -> pd.Series:
    """Test of several fixed effects at once by Wald's statistic.

    Parameters
    ----------
    model : GLMMResult.
    hypothesis : list of names of fixed effects (that all are zero), or an array (r, p) whose rows are
        the linear combinations of the fixed effects that are zero.

    Returns
    -------
    Series with Chisq, Df and Pr(>Chisq).

    Raises
    ------
    DataError
        For an unknown name, or combinations that are not independent.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) * Condition + (1 | Subject)", gl.load_crowding())
    >>> test = gl.wald_test(m, ["Conditioncrowded", "center(Size):Conditioncrowded"])
    >>> int(test["Df"]), bool(test["Pr(>Chisq)"] < 0.001)
    (2, True)
    """
    names = list(model.fixef.index)
    if all(isinstance(name, str) for name in np.ravel(np.array(hypothesis, dtype=object))):
        unknown = [name for name in np.ravel(hypothesis) if name not in names]
        if unknown:
            raise DataError(f"There is no fixed effect '{unknown[0]}'; there are: {', '.join(names)}.")
        L = np.eye(len(names))[[names.index(name) for name in np.ravel(hypothesis)]]
    else:
        try:
            L = np.atleast_2d(np.asarray(hypothesis, dtype=float))
        except (TypeError, ValueError):
            raise DataError(
                f"The hypothesis must be names of fixed effects or rows of numbers, not {shown(hypothesis)}.") from None
    if L.ndim != 2 or not np.isfinite(L).all() or L.shape[1] != len(names) or np.linalg.matrix_rank(L) < len(L):
        raise DataError(f"The hypothesis must be independent combinations of the {len(names)} fixed effects.")
    value = L @ model.fixef.to_numpy()
    cov = L @ model.vcov.to_numpy() @ L.T
    chisq = float(value @ np.linalg.solve(cov, value)) if np.linalg.matrix_rank(cov) == len(L) else np.nan
    return pd.Series({"Chisq": chisq, "Df": len(L), "Pr(>Chisq)": float(chdtrc(len(L), chisq))})


@accepts(model=MODEL, parm=PARAMETERS, level=FRACTION, method=one_of("wald", "profile", "boot"))
def confint(model, parm=None, level=0.95, method="wald", **options) -> pd.DataFrame:
    """Intervals of a model's parameters, on the link scale.

    Parameters
    ----------
    model : GLMMResult.
    parm : "fixef", "varcorr", a name or a list of names as in ``m.parameters``. When omitted the
        fixed effects for "wald", all parameters for the others.
    level : coverage, between 0 and 1.
    method : str
        "wald": estimate -+ z standard errors, for fixed effects only; "profile": the profile
        likelihood (see `profile`); "boot": parametric bootstrap (see ``m.bootstrap``).
    options : for "boot" those of ``m.bootstrap``, and kind="percentile", "basic" or "normal".

    Returns
    -------
    DataFrame (k, 2) with columns lower and upper.

    Raises
    ------
    DataError
        For an unknown option, or Wald's method for standard deviations and correlations.

    Notes
    -----
    As R's ``lme4::confint``, whose default is "profile".

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> gl.confint(m).round(1).loc["center(Size)"].to_list()
    [0.9, 1.1]
    >>> list(gl.confint(m, method="profile").index)
    ['sd_(Intercept)|Subject', '(Intercept)', 'center(Size)']
    """
    if options and method != "boot":
        raise DataError(f"'{next(iter(options))}' is an option of method='boot' only.")
    if method == "profile":
        return profile(model, parm, max(level, 0.99)).confint(level)
    named = parameters_of(model.design, model.family)
    if method == "boot":
        kind = options.pop("kind", "percentile")
        table = model.bootstrap(**options).confint(level, kind)
        return table if parm is None else table.loc[chosen(named, parm)]
    names = chosen(named, "fixef" if parm is None else parm)
    others = [name for name in names if named[name].kind != "fixef"]
    if others:
        raise DataError(f"Wald's intervals are not to be trusted for '{others[0]}': use method='profile' or 'boot'.")
    half_width = ndtri((1 + level) / 2) * model.se[names]
    return pd.DataFrame({"lower": model.fixef[names] - half_width, "upper": model.fixef[names] + half_width})
