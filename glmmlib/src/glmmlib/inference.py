"""Conclusions from fitted models: comparisons and intervals."""

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtri

from .errors import DataError


def anova(*models) -> pd.DataFrame:
    """Compare models fitted to the same rows by likelihood-ratio tests.

    Parameters
    ----------
    models : two or more GLMMResult, in any order.

    Returns
    -------
    DataFrame, one row per model from the smallest to the largest, indexed by formula, as R's
    ``anova(m1, m2)``: npar, AIC, BIC, logLik, -2*log(L), Chisq, Df, Pr(>Chisq). Each model is
    tested against the row above it. The p-value takes the models as nested and the statistic as
    chi-squared; where the larger model adds a variance, which cannot be negative, the true
    p-value is smaller.

    Raises
    ------
    DataError
        When fewer than two models are given, or they were fitted to different rows or responses.

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
    first, *others = models
    for other in others:
        _require_same_rows(first, other)
    models = sorted(models, key=lambda m: m.npar)
    table = pd.DataFrame({
        "npar": [m.npar for m in models], "AIC": [m.aic for m in models], "BIC": [m.bic for m in models],
        "logLik": [m.loglik for m in models], "-2*log(L)": [-2 * m.loglik for m in models],
    }, index=[m.design.formula.text for m in models])
    table["Chisq"] = -table["-2*log(L)"].diff()
    table["Df"] = table["npar"].diff()
    table["Pr(>Chisq)"] = np.where(
        table["Df"] > 0, chdtrc(table["Df"], table["Chisq"].clip(lower=0)), np.nan)
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
    if not np.array_equal(a.y[order_a], b.y[order_b]):
        raise DataError("The models have different responses, so their likelihoods cannot be compared.")


def confint(model, level=0.95) -> pd.DataFrame:
    """Wald intervals of the fixed effects: estimate -+ z standard errors, on the link scale.

    Parameters
    ----------
    model : GLMMResult; level : coverage, between 0 and 1.

    Returns
    -------
    DataFrame (p, 2) with columns lower and upper.

    Raises
    ------
    DataError
        When level does not lie between 0 and 1.
    """
    if not 0 < level < 1:
        raise DataError(f"level must lie between 0 and 1, not {level:g}.")
    half_width = ndtri((1 + level) / 2) * model.se
    return pd.DataFrame({"lower": model.fixef - half_width, "upper": model.fixef + half_width})
