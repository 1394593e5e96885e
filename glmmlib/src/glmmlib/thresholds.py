"""Psychometric thresholds, slopes and just-noticeable differences, with honest errors.

For each curve eta(x) = a + s x, a and s being linear combinations of (beta, b). The threshold
for a proportion p is t = (eta_p - a) / s, eta_p = link(p) with guess and lapse rate undone. To
first order its error is that of one more linear combination, -(a + t s) / s, so that all standard
errors come from the joint covariance of (beta, b) by one mechanism: `Posterior.covariance`.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .errors import DataError

INTERVALS = ("delta", "fieller", "bootstrap")


@dataclass(frozen=True)
class Lines:
    """The curves, one a row: what labels them, and a and s as linear combinations.

    at_zero, slope : (X, Zs, codes) as `Posterior.covariance` takes them.
    a, s : (rows,) their values.
    """

    labels: pd.DataFrame
    at_zero: tuple
    slope: tuple
    a: np.ndarray
    s: np.ndarray


def thresholds(model, p, x, by, group, re, level, interval, between, **replicates):
    """See `GLMMResult.thresholds`."""
    z = _z(level)
    targets = np.atleast_1d(np.asarray(p, dtype=float))
    if not np.all((targets > 0) & (targets < 1)):
        raise DataError(f"p must lie between 0 and 1, not p={p}.")
    if interval not in INTERVALS:
        raise DataError(f"interval={interval!r} is not known; choose one of: {', '.join(map(repr, INTERVALS))}.")
    if between and interval == "fieller":
        raise DataError("Fieller's intervals are for ratios, which differences of thresholds are not: use another interval.")
    if interval == "bootstrap":
        if re != "population":
            raise DataError("Bootstrap intervals are for the typical group: each replicate has groups of its own. "
                            "Use re='population', or another interval.")
        return _bootstrapped(model, (p, x, by, group, re, level, "delta", between), level, replicates)
    lines = lines_of(model, x, by, group, re)
    tables = []
    for target in targets:
        table = _thresholds_at(model, lines, _eta_at(model, target), z, interval, between)
        tables.append(table if np.ndim(p) == 0 else table.assign(p=target))
    return pd.concat(tables, ignore_index=True)


def _thresholds_at(model, lines, eta, z, interval, between):
    cov = model.fit.posterior.covariance
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (eta - lines.a) / lines.s
        error = _combine(lines.at_zero, -1 / lines.s, lines.slope, -t / lines.s)
        if between:
            labels, first, second = _pairs(lines.labels, between)
            error = _combine(_rows(error, second), 1, _rows(error, first), -1)
            return _table(labels, "difference", t[second] - t[first], np.sqrt(cov(error, error)), z)
        table = _table(lines.labels, "threshold", t, np.sqrt(cov(error, error)), z)
    if interval == "fieller":
        aa, ss, as_ = cov(lines.at_zero, lines.at_zero), cov(lines.slope, lines.slope), cov(lines.at_zero, lines.slope)
        table["lower"], table["upper"] = fieller(lines.a - eta, lines.s, aa, as_, ss, z)
    return table


def _bootstrapped(model, request, level, replicates):
    """The delta method's table with the replicates' standard deviations and quantiles in place of its own."""
    table = thresholds(model, *request)
    value = table.columns[table.columns.get_loc("se") - 1]
    boot = model.bootstrap(statistic=partial(_column, request, value), **replicates)
    own = slice(len(boot.estimates) - len(table), None)
    bounds = boot.confint(level).iloc[own]
    return table.assign(se=boot.se.iloc[own].to_numpy(), lower=bounds.lower.to_numpy(), upper=bounds.upper.to_numpy())


def _column(request, name, model):
    return thresholds(model, *request)[name].to_numpy()


def slopes(model, x, by, group, re, level, name="slope", scale=None):
    """See `GLMMResult.slopes` and `GLMMResult.jnd`; scale turns a slope into the quantity wanted."""
    lines, z = lines_of(model, x, by, group, re), _z(level)
    se = np.sqrt(model.fit.posterior.covariance(lines.slope, lines.slope))
    if scale is None:
        return _table(lines.labels, name, lines.s, se, z)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _table(lines.labels, name, scale / lines.s, np.abs(scale) * se / lines.s**2, z)


def quartile_distance(family):
    """Half the distance in eta between the quarters of the curve's rise."""
    quarter, three_quarters = (family.binomial_link.link(p) for p in (0.25, 0.75))
    return (three_quarters - quarter) / 2


def fieller(a, s, aa, as_, ss, z):
    """The t at which a + s t does not differ from zero: Fieller's (1954) interval for -a / s.

    aa, as_, ss : variances and covariance of a and s. Unbounded where the slope itself does not
    differ from zero. Arrays of one shape; returns lower, upper.
    """
    A, B, C = s**2 - z**2 * ss, s * a - z**2 * as_, a**2 - z**2 * aa
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.maximum(B**2 - A * C, 0))
        bounded = A > 0
        return np.where(bounded, (-B - root) / A, -np.inf), np.where(bounded, (-B + root) / A, np.inf)


def _z(level):
    if not 0 < level < 1:
        raise DataError(f"level must lie between 0 and 1, not {level:g}.")
    return ndtri((1 + level) / 2)


def _eta_at(model, p):
    family = model.fit.family
    low, high = getattr(family, "guess", 0.0), 1 - getattr(family, "lapse", 0.0)
    if not low < p < high:
        raise DataError(f"p={p:g} is never reached: with this guess and lapse rate the curve runs from "
                        f"{low:g} to {high:g}; choose p between them.")
    return float(family.link(p))


def _table(labels, name, value, se, z):
    return labels.assign(**{name: value, "se": se, "lower": value - z * se, "upper": value + z * se})


def _combine(left, by_left, right, by_right):
    """by_left * left + by_right * right, row by row, of linear combinations (X, Zs, codes)."""
    def weighted(a, b):
        return np.reshape(by_left, (-1, 1)) * a + np.reshape(by_right, (-1, 1)) * b
    return weighted(left[0], right[0]), [weighted(a, b) for a, b in zip(left[1], right[1])], left[2]


def _rows(combinations, index):
    X, Zs, codes = combinations
    return X[index], [Z[index] for Z in Zs], [code[index] for code in codes]


def _pairs(labels, between):
    """Labels of the differences between levels of a column, and the two rows of each."""
    if between not in labels:
        raise DataError(f"between='{between}' does not label the thresholds; choose one of: {', '.join(labels)}.")
    others = [name for name in labels if name != between]
    keys = labels[others].astype(object).apply(tuple, axis=1) if others else pd.Series([()] * len(labels))
    rows = [(i, j) for same in labels.groupby(keys.to_numpy(), sort=False).indices.values()
            for a, i in enumerate(same) for j in same[a + 1:]]
    if not rows:
        raise DataError(f"'{between}' has one level only, so there is nothing to compare.")
    first, second = map(np.array, zip(*rows))
    levels = labels[between].astype(str).to_numpy()
    names = [f"{b} - {a}" for a, b in zip(levels[first], levels[second])]
    return labels[others].iloc[first].reset_index(drop=True).assign(**{between: names}), first, second


# --- the curves ----------------------------------------------------------------------------

def lines_of(model, x, by, group, re) -> Lines:
    """One line in x for each group and combination of the categorical predictors in `by`."""
    if re not in ("conditional", "population"):
        raise DataError(f"re={re!r} is not known; choose one of: 'conditional', 'population'.")
    if not hasattr(model.family, "binomial_link"):
        raise DataError("Thresholds belong to psychometric functions: the family must be binomial.")
    factor = _factor(model, group) if re == "conditional" else None
    grid, labels, curve = _grid(model, x, by, factor)
    at = [_averaged(_design_rows(model, grid.assign(**{x: float(value)}), factor), curve) for value in (0, 1, 2)]
    slope, bend = _combine(at[1], 1, at[0], -1), _combine(at[2], 1, at[1], -1)
    if not all(np.allclose(a, b, rtol=1e-8, atol=1e-10) for a, b in zip((slope[0], *slope[1]), (bend[0], *bend[1]))):
        raise DataError(
            f"eta is not a straight line in '{x}', so it has no single threshold: use '{x}' "
            "untransformed (or centred) in the formula.")
    return Lines(labels, at[0], slope, _value(model.fit, at[0]), _value(model.fit, slope))


def _factor(model, group):
    """Index of the grouping factor whose groups get curves of their own."""
    groups = [block.group for block in model.design.blocks]
    if group is None:
        if len(groups) > 1:
            raise DataError(f"Say whose thresholds you want: group= one of {', '.join(map(repr, groups))}.")
        return 0
    if group not in groups:
        raise DataError(f"group='{group}' is not a grouping factor of this model; it has: {', '.join(groups)}.")
    return groups.index(group)


def _design_rows(model, data, factor):
    """(X, Zs, codes) of rows of data, with the random effects of one factor only, or of none."""
    X = model.design.fixed_columns(data)
    if factor is None:
        return X, [], []
    codes = [np.maximum(code, 0) for code in model.design.group_codes(data, allow_new_levels=True)]
    return X, [Z * (t == factor) for t, Z in enumerate(model.design.random_columns(data))], codes


def _averaged(combinations, curve):
    """Equal-weight means of the rows (X, Zs, codes) that belong to the same curve."""
    X, Zs, codes = combinations
    counts = np.bincount(curve)[:, None]
    first = np.unique(curve, return_index=True)[1]

    def mean(values):
        total = np.zeros((len(counts), values.shape[1]))
        np.add.at(total, curve, values)
        return total / counts
    return mean(X), [mean(Z) for Z in Zs], [code[first] for code in codes]


def _value(fit, combinations):
    X, Zs, codes = combinations
    value = X @ fit.beta
    for Z, code, b in zip(Zs, codes, fit.b):
        value = value + np.sum(Z * b[code], axis=1)
    return value


def _grid(model, x, by, factor):
    """The combinations of categorical predictors (and groups) that occur, other numbers at their
    means: the data to predict for, the labels of the curves, and each row's curve."""
    design = model.design
    variables = design.variables
    grouping = {name for factor in design.groupings for name in factor.factors}
    predictors = list(design.predictors)
    if x not in predictors:
        raise DataError(
            f"x='{x}' is not a predictor of this model; its predictors are: {', '.join(predictors)}.")
    if not _is_number(variables[x]):
        raise DataError(f"x='{x}' is not numeric, so no threshold can be found on it.")
    others = [name for name in predictors if name != x]
    kinds = [name for name in others if not _is_number(variables[name])]
    by = kinds if by is None else [by] if isinstance(by, str) else list(by)
    for name in by:
        if name not in kinds:
            raise DataError(f"by='{name}' is not a categorical predictor of this model; choose from: "
                            f"{', '.join(kinds) or 'none'}.")
    group = list(design.groupings[factor].factors) if factor is not None else []
    # Numeric codes of groups must not be averaged; each other group's place is filled by any of its levels.
    axes = list(dict.fromkeys([*group, *by]))
    unique = variables[list(dict.fromkeys([*axes, *kinds]))].drop_duplicates()
    unique = unique.sort_values(list(unique.columns)).reset_index(drop=True) if len(unique.columns) else pd.DataFrame(index=[0])
    fill = {name: variables[name].mean() for name in others if _is_number(variables[name])}
    fill |= {name: variables[name].iloc[0] for name in grouping if name not in unique}
    labels = unique[axes].drop_duplicates().reset_index(drop=True)
    if not axes:
        labels = pd.DataFrame(index=[0])
    curve = (unique.groupby(axes, sort=False, observed=True).ngroup().to_numpy() if axes
             else np.zeros(len(unique), dtype=int))
    return unique.assign(**fill), labels, curve


def _is_number(column):
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
