"""From formula and data to arrays, for the fit and for new data."""

import ast
import difflib
import re
import warnings
from dataclasses import dataclass

import formulaic
import numpy as np
import pandas as pd
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS

from .errors import DataError, DroppedRowsWarning, FormulaError
from .formula import MixedFormula, parse


@dataclass(frozen=True)
class RandomBlock:
    """All random effects of one grouping factor.

    group : name of the grouping factor.
    levels : (J,) its levels.
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

    y : (N,) response; X : (N, p) fixed-effect columns, named in coefnames.
    index : the rows of the data that are used; dropped : column -> rows lost to missing values.
    block : the random effects; None for a model without.
    variables : the data's column for each predictor, as used (for grids of new data).
    """

    formula: MixedFormula
    y: np.ndarray
    X: np.ndarray
    coefnames: tuple[str, ...]
    blocks: tuple[RandomBlock, ...]
    weights: np.ndarray
    offset: np.ndarray
    index: pd.Index
    dropped: dict[str, int]
    variables: pd.DataFrame
    contrasts: dict
    fixed_spec: formulaic.ModelSpec
    random_specs: tuple[formulaic.ModelSpec, ...]

    @property
    def nobs(self):
        return len(self.y)

    def fixed_columns(self, data):
        """X (rows, p) for new data; NaN in rows with a missing predictor."""
        return _new_columns(self.fixed_spec, data, self.contrasts)

    def random_columns(self, data):
        """Z (rows, q) for new data; NaN in rows with a missing predictor."""
        return [np.hstack([_new_columns(s, data, self.contrasts) for s, t in zip(self.random_specs, self.formula.random) if t.group == b.group]) for b in self.blocks]

    def offset_for(self, data):
        return np.zeros(len(data))

    def group_codes(self, data, allow_new_levels=False):
        out = []
        for block in self.blocks:
            codes = block.levels.get_indexer(pd.Index(data[block.group]))
            if np.any(codes < 0) and not allow_new_levels:
                unseen = data[block.group][codes < 0].iloc[0]
                raise DataError(f"{block.group} '{unseen}' was not in the fitted data")
            out.append(codes)
        return out


def build_design(formula: str, data: pd.DataFrame, contrasts=None, mixed=True, weights=None, offset=None) -> Design:
    """Evaluate a formula on data.

    Parameters
    ----------
    formula : lme4's notation, see `glmmlib.formula`.
    data : one row per observation.
    contrasts : dict column -> {name: {level: value}}, optional
        Codings by name, as R's `contrasts(d$Condition) <- cbind(name = ...)`.
    mixed : whether the formula has random effects.

    Raises
    ------
    FormulaError, DataError
        One sentence that says what to change.

    Warns
    -----
    DroppedRowsWarning
        When rows with missing values were left out.
    """
    parsed = parse(formula, mixed)
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}.")
    groups = list(dict.fromkeys(term.group for term in parsed.random))
    sides = [_parse_side(side, formula) for side in
             (parsed.response + " - 1", parsed.fixed, *(t.expression for t in parsed.random))]
    used = list(dict.fromkeys(v for side in sides for v in _columns_used(side)))
    for name in (*used, *groups):
        _require_column(name, data)
    contrasts = _check_contrasts(contrasts or {}, used, data)

    variables, dropped = _complete_rows(data, list(dict.fromkeys((*used, *groups))))
    response, fixed, *random = (_encode(side, variables, contrasts) for side in sides)
    y = np.asarray(response, dtype=float)
    if y.shape[1] != 1:
        raise DataError(
            f"The response '{parsed.response}' must be one numeric column, but it gives "
            f"{y.shape[1]}: code it as 0 and 1 first.")
    X, coefnames = np.asarray(fixed, dtype=float), _column_names(fixed)
    _check_columns(X, coefnames)
    return Design(
        formula=parsed, y=y[:, 0], X=X, coefnames=coefnames,
        blocks=tuple(sorted((_random_block(g, [t for t in parsed.random if t.group==g], [m for t,m in zip(parsed.random, random) if t.group==g], variables) for g in groups), key=lambda b:-len(b.levels))),
        weights=np.ones(len(y)), offset=np.zeros(len(y)),
        index=variables.index, dropped=dropped, variables=variables, contrasts=contrasts,
        fixed_spec=fixed.model_spec, random_specs=tuple(m.model_spec for m in random),
    )


# --- formulaic, with R's names -------------------------------------------------------------

def _parse_side(text, formula):
    try:
        return formulaic.Formula(text)
    except FormulaicError as error:
        reason = str(error).strip().splitlines()[0]
        raise FormulaError(f"The formula '{formula}' cannot be read at '{text}': {reason}") from None


def _columns_used(side):
    """Names of the data's columns in one side of the formula, in order of appearance."""
    for term in side:
        for factor in term.factors:
            if factor.eval_method is Factor.EvalMethod.LOOKUP:
                yield factor.expr
            elif factor.eval_method is Factor.EvalMethod.PYTHON:
                quoted = re.findall("`([^`]+)`", factor.expr)
                tree = ast.parse(re.sub("`[^`]+`", "None", factor.expr), mode="eval")
                yield from quoted
                yield from (node.id for node in ast.walk(tree)
                            if isinstance(node, ast.Name) and node.id not in TRANSFORMS)


def _encode(side, data, contrasts):
    """The model matrix of one side of the formula, with named contrasts put in."""
    terms = [
        Term([Factor(f"C({f.expr}, contr.custom(_contrasts['{f.expr}']))", eval_method="python")
              if f.expr in contrasts else f for f in term.factors])
        for term in side
    ]
    try:
        matrix = formulaic.Formula(terms).get_model_matrix(
            data, context={"_contrasts": contrasts}, na_action="ignore")
    except FormulaicError as error:
        raise FormulaError(f"The formula's '{side}' cannot be computed: {_first_line(error)}") from None
    values = np.asarray(matrix, dtype=float)
    bad = ~np.isfinite(values)
    if bad.any():
        name = _column_names(matrix)[np.flatnonzero(bad.any(axis=0))[0]]
        raise DataError(
            f"'{name}' is infinite or undefined in {bad.any(axis=1).sum()} rows: "
            "correct or remove them, or transform the predictor differently.")
    return matrix


def _new_columns(spec, data, contrasts):
    try:
        matrix = spec.get_model_matrix(data, context={"_contrasts": contrasts}, na_action="ignore")
    except (FormulaicError, KeyError, NameError) as error:
        missing = [name for name in _columns_used(spec.formula) if name not in (*data, "_contrasts")]
        if missing:
            raise DataError(
                f"The new data lack the column '{missing[0]}' that the formula uses: add it.") from None
        raise DataError(f"The new data do not fit the formula: {_first_line(error)}") from None
    return np.asarray(matrix, dtype=float)


def _first_line(error):
    return str(error).strip().splitlines()[0]


def _column_names(matrix):
    """R's names: (Intercept), Conditioncrowded, ConditionCrowded.vs.Uncrowded."""
    names = []
    for name in matrix.model_spec.column_names:
        name = re.sub(r"C\((\w+), contr\.custom\(_contrasts\['\1'\]\)\)", r"\1", name)
        name = re.sub(r"\[(?:T\.)?([^\[\]]*)\]", r"\1", name)
        names.append("(Intercept)" if name == "Intercept" else name)
    return tuple(names)


# --- checks --------------------------------------------------------------------------------

def _require_column(name, data):
    if name not in data.columns:
        near = difflib.get_close_matches(str(name), map(str, data.columns), n=1)
        remedy = f"did you mean '{near[0]}'?" if near else (
            f"the columns are: {', '.join(map(str, data.columns))}.")
        raise DataError(f"The data have no column '{name}': {remedy}")


def _check_contrasts(contrasts, used, data):
    """Contrasts as formulaic wants them: column -> {name: values in level order}."""
    checked = {}
    for column, codings in contrasts.items():
        if column not in used:
            raise DataError(f"contrasts names '{column}', which the formula does not use: remove it.")
        levels = list(_levels(data[column]))
        checked[column] = {}
        for name, values in codings.items():
            if not isinstance(values, dict) or set(values) != set(levels):
                raise DataError(
                    f"The contrast '{name}' must give a number for each level of {column}: "
                    f"{{{', '.join(f'{level!r}: ...' for level in levels)}}}.")
            checked[column][name] = [float(values[level]) for level in levels]
    return checked


def _levels(column):
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories().cat.categories
    return pd.Index(sorted(column.dropna().unique()))


def _complete_rows(data, names):
    """The used columns without rows that miss a value, and how many each column cost."""
    used = data[names]
    for name in names:
        if pd.api.types.is_float_dtype(used[name].dtype) and np.isinf(used[name]).any():
            raise DataError(
                f"Column '{name}' holds {np.isinf(used[name]).sum()} infinite values: "
                "correct them, or make them missing (NaN) to leave those rows out.")
    missing = used.isna()
    dropped = {name: int(count) for name, count in missing.sum().items() if count}
    if dropped:
        used = used[~missing.any(axis=1)]
        warnings.warn(
            f"{len(data) - len(used)} of {len(data)} rows left out because of missing values ("
            + ", ".join(f"{name}: {count}" for name, count in dropped.items()) + ").",
            DroppedRowsWarning, stacklevel=4)
    if used.empty:
        raise DataError(
            "No rows are left to fit" + (": every row misses a value in "
            + ", ".join(dropped) + "." if dropped else ": the data are empty."))
    used = used.copy(deep=False)
    for name in names:
        if isinstance(used[name].dtype, pd.CategoricalDtype):
            used[name] = used[name].cat.remove_unused_categories()
    return used, dropped


def _check_columns(X, names):
    """Raise unless the columns of X can be told apart."""
    for i, name in enumerate(names):
        if name != "(Intercept)" and np.ptp(X[:, i]) == 0:
            raise DataError(
                f"The predictor '{name}' has the same value in every row, so its effect cannot "
                "be estimated: remove it from the formula.")
    scaled = X / np.linalg.norm(X, axis=0)
    for i in range(1, len(names)):
        residual = scaled[:, i] - scaled[:, :i] @ np.linalg.lstsq(scaled[:, :i], scaled[:, i])[0]
        if np.linalg.norm(residual) < 1e-7:
            raise DataError(
                f"The predictor '{names[i]}' can be computed from those before it "
                f"({', '.join(names[:i])}), so its effect cannot be told from theirs: remove it.")


# --- random effects ------------------------------------------------------------------------

def _random_block(group, terms, matrices, variables):
    refs, levels = pd.factorize(variables[group], sort=True)
    levels = pd.Index(levels, name=group)
    if isinstance(variables[group].dtype, pd.CategoricalDtype):
        levels = pd.Index(list(levels), name=group)
    if len(levels) < 2:
        raise DataError(
            f"The grouping factor '{group}' has only one level ('{levels[0]}'): differences "
            "between groups need at least two; fit a GLM instead.")
    columns = tuple(name for matrix in matrices for name in _column_names(matrix))
    repeated = {name for name in columns if columns.count(name) > 1}
    if repeated:
        raise FormulaError(
            f"'{sorted(repeated)[0]}' varies by {group} in two random terms: write '0 + ' in one.")
    Z = np.hstack([np.asarray(matrix, dtype=float) for matrix in matrices])
    pattern = np.zeros((len(columns), len(columns)), dtype=bool)
    start = 0
    for term, matrix in zip(terms, matrices):
        stop = start + matrix.shape[1]
        pattern[start:stop, start:stop] = (
            np.tri(stop - start, dtype=bool) if term.correlated else np.eye(stop - start, dtype=bool))
        start = stop
    return RandomBlock(group, levels, columns, refs, Z, pattern)
