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

from .curves import curves_of, factor_of, is_number, value
from .errors import DataError


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
    z, targets = ndtri((1 + level) / 2), np.atleast_1d(np.asarray(p, dtype=float))
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


def _thresholds_at(model, lines, target, z, interval, between):
    (eta, of_phi), cov = target, model.fit.posterior.covariance
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (eta - lines.a) / lines.s
        # a - eta_p, which a lapse rate that is estimated makes uncertain too
        missed = lines.at_zero if of_phi is None else (*lines.at_zero, -of_phi)
        error = _combine(missed, -1 / lines.s, lines.slope, -t / lines.s)
        if between:
            labels, first, second = _pairs(lines.labels, between)
            error = _combine(_rows(error, second), 1, _rows(error, first), -1)
            return _table(labels, "difference", t[second] - t[first], np.sqrt(cov(error, error)), z)
        table = _table(lines.labels, "threshold", t, np.sqrt(cov(error, error)), z)
    if interval == "fieller":
        aa, ss, as_ = cov(missed, missed), cov(lines.slope, lines.slope), cov(missed, lines.slope)
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
    """See `GLMMResult.slopes` and `GLMMResult.jnd`; with scale, family -> number,
    that number over the slope."""
    lines, z = lines_of(model, x, by, group, re), ndtri((1 + level) / 2)
    se = np.sqrt(model.fit.posterior.covariance(lines.slope, lines.slope))
    if scale is None:
        return _table(lines.labels, name, lines.s, se, z)
    scale = scale(model.fit.family)
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


def _eta_at(model, p):
    """eta_p, and its derivative (1, m) in phi; None where it depends on nothing that is estimated."""
    family = model.fit.family
    low, high = getattr(family, "guess", 0.0), 1 - getattr(family, "lapse", 0.0)
    if not low < p < high:
        raise DataError(f"p={p:g} is never reached: with this guess and lapse rate the curve runs from "
                        f"{low:g} to {high:g}; choose p between them.")
    if not family.free:
        return float(family.link(p)), None
    at, h = slice(len(model.fit.theta), len(model.fit.theta) + len(family.free)), 1e-5
    gradient = np.zeros((1, len(model.fit.phi)))
    gradient[0, at] = [(family.with_free(model.fit.phi[at] + step).link(p)
                        - family.with_free(model.fit.phi[at] - step).link(p)) / (2 * h)
                       for step in h * np.eye(len(family.free))]
    return float(family.link(p)), gradient


def _table(labels, name, value, se, z):
    return labels.assign(**{name: value, "se": se, "lower": value - z * se, "upper": value + z * se})


def _combine(left, by_left, right, by_right):
    """by_left * left + by_right * right, row by row, of linear combinations (X, Zs, codes[, of phi])."""
    def weighted(a, b):
        return np.reshape(by_left, (-1, 1)) * a + np.reshape(by_right, (-1, 1)) * b
    of_phi = [np.atleast_2d(c[3]) if len(c) > 3 else 0.0 for c in (left, right)]
    return (weighted(left[0], right[0]), [weighted(a, b) for a, b in zip(left[1], right[1])], left[2],
            *([weighted(*of_phi)] if len(left) > 3 or len(right) > 3 else []))


def _rows(combinations, index):
    X, Zs, codes, *of_phi = combinations
    return X[index], [Z[index] for Z in Zs], [code[index] for code in codes], *(part[index] for part in of_phi)


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
    if not hasattr(model.family, "binomial_link"):
        raise DataError("Thresholds belong to psychometric functions: the family must be binomial.")
    curves = curves_of(model, x, by, factor_of(model, group) if re == "conditional" else None)
    if not is_number(model.design.variables[x]):
        raise DataError(f"x='{x}' is not numeric, so no threshold can be found on it.")
    at, offsets = zip(*(curves.at(np.array([point])) for point in (0.0, 1.0, 2.0)))
    slope, bend = _combine(at[1], 1, at[0], -1), _combine(at[2], 1, at[1], -1)
    rise, later = offsets[1] - offsets[0], offsets[2] - offsets[1]
    if not all(np.allclose(a, b, rtol=1e-8, atol=1e-10)
               for a, b in zip((slope[0], *slope[1], rise), (bend[0], *bend[1], later))):
        raise DataError(
            f"eta is not a straight line in '{x}', so it has no single threshold: use '{x}' "
            "untransformed (or centred) in the formula.")
    return Lines(curves.labels, at[0], slope, value(model.fit, at[0], offsets[0]), value(model.fit, slope, rise))
