"""eta along one predictor, for groups and conditions, as linear combinations of (beta, b).

What thresholds are computed from, and pictures drawn from.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .design import Design
from .errors import DataError


@dataclass(frozen=True)
class Curves:
    """The curves, one a row of labels.

    labels : (curves, labelling columns).
    grid : rows to predict for, but for the predictor x itself; curve : the curve that each belongs
        to. A curve with several rows is their mean with equal weights.
    factor : index of the grouping factor whose random effects count; None for the population.
    """

    design: Design
    x: str
    labels: pd.DataFrame
    grid: pd.DataFrame
    curve: np.ndarray
    factor: int | None

    def at(self, values):
        """Linear combinations (X, Zs, codes), as `Posterior.covariance` takes them, and offsets
        (rows,), of each curve at each of the values of x: curve by curve, (curves * values) rows."""
        data, index = self._rows(values)
        offsets = _mean(_offsets(self.design, data)[:, None], index)[:, 0]
        return _averaged(_design_rows(self.design, data, self.factor), index), offsets

    def mean(self, values, eta):
        """The mean (rows,) of a function eta(data) of the rows behind each row of `at`."""
        data, index = self._rows(values)
        return _mean(eta(data)[:, None], index)[:, 0]

    def _rows(self, values):
        """Data to predict for, and which row of `at` each belongs to."""
        k, n = len(values), len(self.grid)
        where, which = np.repeat(np.arange(n), k), np.tile(np.arange(k), n)
        data = self.grid.iloc[where].reset_index(drop=True)
        data[self.x] = np.asarray(values)[which]
        return data, self.curve[where] * k + which

    def only(self, keep):
        """Some of the curves: those where keep (curves,) is True."""
        rows = np.asarray(keep)[self.curve]
        return replace(self, labels=self.labels[keep].reset_index(drop=True), grid=self.grid[rows],
                       curve=(np.cumsum(keep) - 1)[self.curve[rows]])


def value(fit, combinations, offset=0.0):
    """eta (rows,) of linear combinations (X, Zs, codes)."""
    X, Zs, codes = combinations
    total = X @ fit.beta + offset
    for Z, code, b in zip(Zs, codes, fit.b):
        total = total + np.sum(Z * b[code], axis=1)
    return total


def factor_of(model, group):
    """Index of a grouping factor by its name, which may be omitted where there is only one."""
    groups = [block.group for block in model.design.blocks]
    if group is None:
        if len(groups) > 1:
            raise DataError(f"Say whose curves you want: group= one of {', '.join(map(repr, groups))}.")
        return 0
    if group not in groups:
        raise DataError(f"group='{group}' is not a grouping factor of this model; it has: {', '.join(groups)}.")
    return groups.index(group)


def curves_of(model, x, by=None, factor=None, at=None) -> Curves:
    """The curves along x of the combinations of categorical predictors (and groups) that occur.

    Parameters
    ----------
    model : GLMMResult or GLMResult; x : a predictor.
    by : categorical predictors that get curves of their own: a name or several, all when omitted.
        Over the others eta is averaged with equal weights.
    factor : index of the grouping factor whose groups get curves of their own; None for the
        population.
    at : dict numeric predictor -> value or values to hold it at; several give curves of their own.
        The others are held at their means.

    Raises
    ------
    DataError
        When x, by or at name no predictor of the right kind.
    """
    design = model.design
    variables = design.variables
    grouping = {name for g in design.groupings for name in g.factors}
    predictors = list(design.predictors)
    if x not in predictors:
        raise DataError(
            f"x='{x}' is not a predictor of this model; its predictors are: {', '.join(predictors)}.")
    others = [name for name in predictors if name != x]
    kinds = [name for name in others if not is_number(variables[name])]
    by = kinds if by is None else [by] if isinstance(by, str) else list(by)
    for name in by:
        if name not in kinds:
            raise DataError(f"by='{name}' is not a categorical predictor of this model; choose from: "
                            f"{', '.join(kinds) or 'none'}.")
    group = list(design.groupings[factor].factors) if factor is not None else []
    axes = list(dict.fromkeys([*group, *by]))
    unique = variables[list(dict.fromkeys([*axes, *kinds]))].drop_duplicates()
    unique = (unique.sort_values(list(unique.columns)).reset_index(drop=True) if len(unique.columns)
              else pd.DataFrame(index=[0]))
    for name, values in (at or {}).items():
        if name not in others or name in kinds:
            numbers = [other for other in others if other not in kinds]
            raise DataError(f"at names '{name}', which is not another numeric predictor of this model; choose from: "
                            f"{', '.join(numbers) or 'none'}.")
        unique = unique.merge(pd.Series(np.atleast_1d(values).astype(float), name=name), how="cross")
        axes += [name] * (np.size(values) > 1)
    # Numeric codes of groups must not be averaged; each other group's place is filled by any of its levels.
    fill = {name: variables[name].mean() for name in others if is_number(variables[name])}
    fill |= {name: variables[name].iloc[0] for name in grouping}
    labels = unique[axes].drop_duplicates().reset_index(drop=True) if axes else pd.DataFrame(index=[0])
    curve = (unique.groupby(axes, sort=False, observed=True).ngroup().to_numpy() if axes
             else np.zeros(len(unique), dtype=int))
    return Curves(design, x, labels, unique.assign(**{name: v for name, v in fill.items() if name not in unique}),
                  curve, factor)


def is_number(column):
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _design_rows(design, data, factor):
    """(X, Zs, codes) of rows of data, with the random effects of one factor only, or of none."""
    X = design.fixed_columns(data)
    if factor is None:
        return X, [], []
    codes = [np.maximum(code, 0) for code in design.group_codes(data, allow_new_levels=True)]
    return X, [Z * (t == factor) for t, Z in enumerate(design.random_columns(data))], codes


def _offsets(design, data):
    """Offsets (rows,); one that was given as an array is held at its mean."""
    array = design.offset_argument is not None and not isinstance(design.offset_argument, str)
    return np.full(len(data), design.offset.mean()) if array else design.offset_for(data)


def _averaged(combinations, index):
    """Equal-weight means of the rows (X, Zs, codes) that share an index 0, 1, ..."""
    X, Zs, codes = combinations
    first = np.unique(index, return_index=True)[1]
    return _mean(X, index), [_mean(Z, index) for Z in Zs], [code[first] for code in codes]


def _mean(values, index):
    counts = np.bincount(index)
    total = np.zeros((len(counts), values.shape[1]))
    np.add.at(total, index, values)
    return total / counts[:, None]
