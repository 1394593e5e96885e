"""From formula and data to arrays, for the fit and for new data."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .columns import Frame, codes_in, label, require_finite
from .errors import DataError, DroppedRowsWarning, FormulaError, warn
from .formula import MixedFormula, parse

if TYPE_CHECKING:
    from .model_matrix import ModelMatrix, Variable

# A column closer than this to the span of those before it, relative to its length, is one of them
# (lme4's tolerance).
RANK_TOLERANCE = 1e-7


@dataclass(frozen=True)
class RandomBlock:
    """All random effects of one grouping factor.

    group : name of the grouping factor, as lme4 has it: "herd", "a:b", and "b:a" within "a/b".
    levels : (J,) its levels; for combinations of columns their labels joined by ":".
    columns : (q,) names of the coefficients that vary.
    refs : (N,) index into levels of each row.
    Z : (N, q) the values they multiply.
    pattern : (q, q) True where Lambda, the relative covariance factor, has a free entry.
    """

    group: str
    levels: pd.Index
    columns: tuple[str, ...]
    refs: np.ndarray
    Z: np.ndarray
    pattern: np.ndarray


@dataclass(frozen=True)
class Design:
    """The arrays of a mixed model, and how to make them for other data.

    y : (N,) response; for cbind(successes, failures) the proportion of successes.
    weights : (N,) prior weights: those given, or the trials of cbind(), or ones.
    offset : (N,) sum of all offsets.
    X : (N, p) fixed-effect columns, named in coefnames. A block's Z may be the same array.
    blocks : the random effects by grouping factor, that with most levels first; () for a model
        without.
    index : the rows of the data that are used; dropped : column -> rows lost to missing values.
    variables : the data's columns that the formula names, as used; predictors : those among them
        that fixed effects, random effects and offsets are made of.
    fixed, random, groupings, offsets, offset_argument : how to make all this for new data.
    """

    formula: MixedFormula
    y: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    X: np.ndarray
    coefnames: tuple[str, ...]
    blocks: tuple[RandomBlock, ...]
    index: pd.Index
    dropped: dict[str, int]
    variables: pd.DataFrame
    predictors: tuple[str, ...]
    contrasts: dict
    fixed: ModelMatrix
    random: tuple[tuple[ModelMatrix, ...], ...]
    groupings: tuple[Grouping, ...]
    offsets: tuple[Variable, ...]
    offset_argument: object

    @property
    def nobs(self):
        return len(self.y)

    def fixed_columns(self, data):
        """X (rows, p) for new data; NaN in rows with a missing predictor."""
        return self.fixed.columns_for(data)

    def random_columns(self, data):
        """Z (rows, q) of each block for new data; NaN in rows with a missing predictor."""
        return [np.hstack([matrix.columns_for(data) for matrix in matrices]) for matrices in self.random]

    def offset_for(self, data):
        """The sum of offsets (rows,) for new data; NaN in rows that miss one."""
        if self.offset_argument is not None and not isinstance(self.offset_argument, str):
            raise DataError(
                "The model was fitted with offset= an array, which says nothing of new data: name a column "
                "in offset=, or write offset(...) in the formula.")
        total, frame = np.zeros(len(data)), Frame(data)
        for variable in self.offsets:
            total += variable.values_for(frame)[:, 0]
        return total

    def group_codes(self, data, allow_new_levels=False):
        """Index into each block's levels for each row of new data: a list of (rows,).

        Raises DataError for a level that was not in the fit, or is missing; -1 instead when
        allow_new_levels.
        """
        return [grouping.codes(data, allow_new_levels) for grouping in self.groupings]


def build_design(formula: str, data: pd.DataFrame, contrasts=None, mixed=True, weights=None,
                 offset=None) -> Design:
    """Evaluate a formula on data.

    Parameters
    ----------
    formula : lme4's notation, see `glmmlib.formula` and `glmmlib.model_matrix`. The response may be
        cbind(successes, failures); `.` stands for all columns but response, groups, weights and
        offset.
    data : one row per observation.
    contrasts : dict column -> coding, optional. A coding is one of

        - {name: {level: value}}, as R's ``contrasts(d$Condition) <- cbind(name = ...)``;
        - "treatment" (R's default), "sum", "helmert", "poly", "sas" or "diff";
        - ("treatment", base) with the level to compare with;
        - an object of formulaic's `contr`.

        Ordered categories are coded like others; "poly" gives them R's default.
    mixed : whether the formula has random effects.
    weights, offset : name of a column, or (rows,) numbers.

    Raises
    ------
    FormulaError, DataError
        One sentence that says what to change.

    Warns
    -----
    DroppedRowsWarning
        When rows with missing values were left out.
    """
    from . import model_matrix as mm  # formulaic takes long to import: not before it is needed

    parsed = parse(formula, mixed)
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}.")
    names = [name for name in data.columns if isinstance(name, str)]
    response = mm.read_variable(parsed.response, names)
    offsets = [mm.read_variable(text, names) for text in parsed.offsets]
    if isinstance(offset, str):
        offsets.append(mm.read_variable(f"`{offset}`", names))
    others = [*response.columns, *(c for v in offsets for c in v.columns),
              *(factor for term in parsed.random for factor in term.factors)]
    if isinstance(weights, str):
        others.append(weights)
    sides, variables = mm.read_sides(
        (parsed.fixed, *(term.expression for term in parsed.random)), parsed.text, names, others)
    if response.name in variables:
        raise FormulaError(
            f"'{response.name}' is the response of '{parsed.text}' and cannot predict itself: remove it there.")
    predictors = tuple(dict.fromkeys(c for v in (*variables.values(), *offsets) for c in v.columns))
    used = list(dict.fromkeys((*response.columns, *predictors, *others)))
    for name in used:
        _require_column(name, data)
    contrasts = _contrasts_of(contrasts, variables.values(), predictors)

    arguments = {
        what: _array_argument(what, given, data) for what, given in (("weights", weights), ("offset", offset))
        if given is not None and not isinstance(given, str)}
    rows, arguments, dropped = _complete_rows(data[used], arguments)
    frame, n = Frame(rows), len(rows)

    y, trials = _response(response, frame)
    if trials is not None and weights is not None:
        raise DataError(
            "cbind(successes, failures) already says how many trials each row has: leave weights out, or give "
            "the proportion as the response.")
    prior = _prior_weights(weights, arguments, frame) if trials is None else trials

    values = {name: v.fit(frame, None if v.code else contrasts.get(v.columns[0])) for name, v in variables.items()}
    matrices = {side: mm.ModelMatrix.of(terms) for side, terms in sides.items()}
    columns, made = {}, {}
    for side, matrix in matrices.items():
        if matrix.content not in made:
            made[matrix.content] = matrix.columns(values, n)
            _require_finite_products(made[matrix.content], matrix.names)
        columns[side] = made[matrix.content]
    X, fixed = columns[parsed.fixed], matrices[parsed.fixed]
    _check_columns(X, fixed.names)

    by_group = {}
    for term in parsed.random:
        by_group.setdefault(term.group, []).append(term)
    built = [_random_block(terms, matrices, columns, rows) for terms in by_group.values()]
    built.sort(key=lambda parts: -len(parts[0].levels))  # stable: ties stay in order of appearance
    blocks, groupings, random = zip(*built) if built else ((), (), ())
    return Design(
        formula=parsed, y=y, weights=prior, offset=_total_offset(offsets, arguments, frame), X=X,
        coefnames=fixed.names, blocks=blocks, index=rows.index, dropped=dropped,
        variables=_without_unused_categories(rows), predictors=predictors, contrasts=contrasts,
        fixed=fixed, random=random, groupings=groupings, offsets=tuple(offsets), offset_argument=offset)


# --- rows ------------------------------------------------------------------------------------

def _require_column(name, data):
    if name not in data.columns:
        near = difflib.get_close_matches(str(name), map(str, data.columns), n=1)
        remedy = f"did you mean '{near[0]}'?" if near else (
            f"the columns are: {', '.join(map(str, data.columns))}.")
        raise DataError(f"The data have no column '{name}': {remedy}")
    if isinstance(data[name], pd.DataFrame):
        raise DataError(
            f"The data have {data[name].shape[1]} columns named '{name}': rename them, so that it is clear which "
            "is meant.")


def _array_argument(what, given, data):
    """weights= or offset= as (rows,) floats."""
    if isinstance(given, pd.Series) and not given.index.equals(data.index):
        raise DataError(f"{what} is a Series with another index than the data's: give one on the same rows.")
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (len(data),):
        raise DataError(f"{what} must name a column or give one number for each of the {len(data)} rows.")
    return values


def _complete_rows(rows, arrays):
    """Rows (and arrays beside them) without those that miss a value, and how many each column cost."""
    missing, dropped = np.zeros(len(rows), dtype=bool), {}
    for name, column in (*rows.items(), *((name, pd.Series(values)) for name, values in arrays.items())):
        absent = column.isna().to_numpy()
        if absent.any():
            dropped[name] = int(absent.sum())
            missing |= absent
        if pd.api.types.is_float_dtype(column.dtype):
            infinite = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
            if infinite.any():
                raise DataError(
                    f"Column '{name}' holds {infinite.sum()} infinite values: "
                    "correct them, or make them missing (NaN) to leave those rows out.")
    if dropped:
        warn(
            f"{missing.sum()} of {len(rows)} rows left out because of missing values ("
            + ", ".join(f"{name}: {count}" for name, count in dropped.items()) + ").",
            DroppedRowsWarning)
        rows, arrays = rows[~missing], {name: values[~missing] for name, values in arrays.items()}
    if rows.empty:
        raise DataError(
            "No rows are left to fit" + (": every row misses a value in "
            + ", ".join(dropped) + "." if dropped else ": the data are empty."))
    return rows, arrays, dropped


def _without_unused_categories(rows):
    rows = rows.copy(deep=False)
    for name, column in rows.items():
        if isinstance(column.dtype, pd.CategoricalDtype) and not _present(column.array).all():
            rows[name] = column.cat.remove_unused_categories()
    return rows


def _present(values):
    """(L,) whether each category occurs in values without missing ones."""
    return np.bincount(values.codes, minlength=len(values.categories)) > 0


def _contrasts_of(contrasts, variables, predictors):
    """The contrasts argument as a dict, each column of which the formula uses as it is."""
    contrasts = {} if contrasts is None else contrasts
    if not isinstance(contrasts, dict):
        raise DataError("contrasts must be a dict from column to coding, such as {'Condition': 'sum'}.")
    plain = {v.columns[0] for v in variables if v.code is None}
    for column in contrasts:
        if column not in predictors:
            raise DataError(f"contrasts names '{column}', which the formula does not use: remove it.")
        if column not in plain:
            raise DataError(
                f"contrasts names '{column}', which the formula uses within functions only: give the coding "
                f"there, as in C({column}, contr.sum).")
    return dict(contrasts)


# --- response, weights, offset ---------------------------------------------------------------

def _response(response, frame):
    """y (rows,) and, for cbind(successes, failures), the trials (rows,)."""
    values = response.evaluate(frame)
    if isinstance(values, pd.Categorical) and values.categories.inferred_type == "boolean":
        return values.codes.astype(float), None
    if not isinstance(values, np.ndarray):
        raise DataError(
            f"The response '{response.name}' must be one numeric column, not categories: code it as 0 and 1 first.")
    require_finite(values, response.name)
    if values.shape[1] == 1:
        return np.ascontiguousarray(values[:, 0]), None
    if values.shape[1] != 2:
        raise DataError(
            f"The response '{response.name}' must be one numeric column, or cbind(successes, failures), but it "
            f"gives {values.shape[1]} columns.")
    if np.any(values < 0) or np.any(values != np.floor(values)):
        raise DataError(f"The counts in '{response.name}' must be whole numbers, 0 or more: correct them.")
    trials = values.sum(axis=1)
    if not trials.any():
        raise DataError(f"No row of '{response.name}' has any trial: there is nothing to fit.")
    # As in R, a row without trials stays, with no weight.
    return values[:, 0] / np.maximum(trials, 1), trials


def _prior_weights(weights, arguments, frame):
    if weights is None:
        return np.ones(len(frame.data))
    name = weights if isinstance(weights, str) else "weights"
    values = frame[name] if isinstance(weights, str) else arguments[name]
    if not isinstance(values, np.ndarray) or np.any(values < 0) or not np.any(values > 0):
        raise DataError(f"The weights '{name}' must be numbers, 0 or more, and not all 0: correct them.")
    return np.array(values, dtype=float)


def _total_offset(offsets, arguments, frame):
    total = arguments.get("offset", np.zeros(len(frame.data)))
    for variable in offsets:
        values = variable.fit(frame)
        if variable.levels is not None or values.shape[1] != 1:
            raise DataError(f"The offset '{variable.name}' must be one numeric column: its values are added to eta.")
        total = total + values[:, 0]
    return total


# --- checks of columns -----------------------------------------------------------------------

def _require_finite_products(columns, names):
    if not np.isfinite(columns).all():
        name = names[np.argmin(np.isfinite(columns).all(axis=0))]
        raise DataError(
            f"'{name}' is too large for a computer's numbers in some rows: rescale the columns it is made of.")


def _check_columns(X, names):
    """Raise unless the columns of X can be told apart."""
    if X.shape[1] > X.shape[0]:
        raise DataError(
            f"The formula has {X.shape[1]} fixed effects but the data only {X.shape[0]} rows: use fewer predictors.")
    for i in np.flatnonzero(_distances(X) < RANK_TOLERANCE):
        name = names[i]
        if np.ptp(X[:, i]) == 0:
            raise DataError(
                f"The predictor '{name}' has the same value in every row, so its effect cannot "
                "be estimated: remove it from the formula.")
        centred = X[:, :i + 1] - X[:, :i + 1].mean(axis=0)
        if names[0] == "(Intercept)" and _distances(centred[:, 1:])[-1] > RANK_TOLERANCE:
            raise DataError(
                f"'{name}' varies too little for its size (mean {X[:, i].mean():.3g}, SD {X[:, i].std():.3g}) to be "
                "told from the intercept: subtract its mean in the data, then fit.")
        raise DataError(
            f"The predictor '{name}' can be computed from those before it "
            f"({', '.join(names[:i])}), so its effect cannot be told from theirs: remove it.")


def _distances(X, block=4096):
    """Distance of each column from the span of those before it, relative to its length (p,).

    It is |R_ii| in X = QR; blocks of rows that fit in the cache are factored first.
    """
    rows, p = X.shape
    if not p:
        return np.ones(0)
    whole = rows - rows % block
    if whole > block:
        tops = np.linalg.qr(X[:whole].reshape(-1, block, p), mode="r")
        X = np.vstack([tops.reshape(-1, p), X[whole:]])
    R = np.linalg.qr(X, mode="r")
    R = R / np.abs(R).max(axis=0).clip(np.finfo(float).tiny)  # whatever the units, squares are finite
    return np.abs(np.diag(R)) / np.linalg.norm(R, axis=0).clip(np.finfo(float).tiny)


# --- random effects ------------------------------------------------------------------------

@dataclass(frozen=True)
class Grouping:
    """A grouping factor, one column or the combinations of several.

    factors : its columns; component_levels : the levels of each.
    cells : for each column after the first, the combinations that occur, as (code of the columns
        before) * (levels of this one) + (code of this one), sorted.
    """

    name: str
    factors: tuple[str, ...]
    component_levels: tuple[pd.Index, ...]
    cells: tuple[pd.Index, ...]

    @classmethod
    def fit(cls, name, factors, rows):
        """The grouping, its levels and the (rows,) index into them."""
        component_levels, cells = [], []
        for i, factor in enumerate(factors):
            codes, levels = _factorize(rows[factor])
            component_levels.append(levels)
            if i == 0:
                refs, names = codes, levels
                continue
            refs, combinations = pd.factorize(refs * np.int64(len(levels)) + codes, sort=True)
            cells.append(pd.Index(combinations))
            before, here = np.divmod(combinations, len(levels))
            names = [f"{label(names[j])}:{label(levels[k])}" for j, k in zip(before, here)]
        grouping = cls(name, factors, tuple(component_levels), tuple(cells))
        return grouping, pd.Index(names, name=name), refs

    def codes(self, data, allow_new_levels):
        """Index of each row's level (rows,); -1 for one that was not in the fit, if allowed."""
        codes = None
        for i, (factor, levels) in enumerate(zip(self.factors, self.component_levels)):
            if factor not in data:
                raise DataError(
                    f"The new data lack the grouping column '{factor}': add it, or ask for "
                    "re='population' to predict for a new one.")
            here = codes_in(levels, data[factor].array)
            if codes is None:
                codes = here
            else:
                known = (codes >= 0) & (here >= 0)
                codes = np.where(known, self.cells[i - 1].get_indexer(codes * np.int64(len(levels)) + here), -1)
        if np.any(codes < 0) and not allow_new_levels:
            row = int(np.argmax(codes < 0))
            values = [data[factor].iloc[row] for factor in self.factors]
            for factor, value in zip(self.factors, values):
                if pd.isna(value):
                    raise DataError(
                        f"{factor} is missing in some rows of the new data, so their random effects are not known: "
                        "use re='population', or leave these rows out.")
            unseen = ":".join(map(label, values))
            raise DataError(
                f"{self.name} '{unseen}' was not in the fitted data, so nothing is known of its "
                "random effects: use re='population', or leave its rows out.")
        return codes


def _factorize(column):
    """(rows,) codes and the levels that occur, sorted or in the order of the categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = _present(column.array)
        codes, levels = (np.cumsum(present) - 1)[column.array.codes], column.array.categories[present]
    else:
        try:
            codes, levels = pd.factorize(column, sort=True)
        except TypeError:
            raise DataError(
                f"The grouping column '{column.name}' mixes text and other values: make all of them text.") from None
    return codes, pd.Index(levels.tolist(), name=column.name)


def _random_block(terms, matrices, columns, rows):
    """The block of one grouping factor's terms, its grouping, and its model matrices."""
    group = terms[0].group
    grouping, levels, refs = Grouping.fit(group, terms[0].factors, rows)
    if len(levels) < 2:
        raise DataError(
            f"The grouping factor '{group}' has only one level ('{levels[0]}'): differences "
            "between groups need at least two; fit a GLM instead.")
    sides = [matrices[term.expression] for term in terms]
    names = tuple(name for side in sides for name in side.names)
    if not names:
        raise FormulaError(f"Nothing varies by {group}: write '(1 | {group})', or remove the term.")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise FormulaError(
            f"'{sorted(repeated)[0]}' varies by {group} in two random terms: write '0 + ' in one.")
    pattern, start = np.zeros((len(names), len(names)), dtype=bool), 0
    for term, side in zip(terms, sides):
        stop = start + len(side.names)
        pattern[start:stop, start:stop] = (
            np.tri(stop - start, dtype=bool) if term.correlated else np.eye(stop - start, dtype=bool))
        start = stop
    Z = [columns[term.expression] for term in terms]
    block = RandomBlock(group, levels, names, refs, Z[0] if len(Z) == 1 else np.hstack(Z), pattern)
    return block, grouping, tuple(sides)
