"""Columns of a table as values that models can use: numbers, or categories for all else."""

import numpy as np
import pandas as pd

from .errors import DataError


class Frame(dict):
    """Column name -> its values, read from the data when first asked for: a float or bool array,
    or a pandas Categorical for whatever is not a number."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def __missing__(self, name):
        self[name] = values = _read(self.data[name], name)
        return values


def _read(column, name):
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return column.array
    kind = pd.api.types.infer_dtype(column, skipna=True) if dtype == object else None
    if kind == "boolean" or pd.api.types.is_bool_dtype(dtype):
        missing = column.isna().to_numpy()
        values = column.where(~missing, False).to_numpy(dtype=bool)
        return pd.Categorical.from_codes(np.where(missing, -1, values), [False, True]) if missing.any() else values
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "empty") or (
            pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)):
        return column.to_numpy(dtype=float, na_value=np.nan)
    if kind in ("mixed", "mixed-integer"):
        raise DataError(f"Column '{name}' mixes text and other values: make all of them text, or all numbers.")
    if kind in ("datetime", "datetime64", "date", "time", "timedelta", "timedelta64", "period", "complex") or (
            dtype != object and not pd.api.types.is_string_dtype(dtype)):
        raise DataError(
            f"Column '{name}' holds {kind or dtype} values, which no model can use: turn them into numbers "
            "(days since a start, for example) or text first.")
    return pd.Categorical(column)


def codes_in(levels: pd.Index, values) -> np.ndarray:
    """Index of each value in levels (rows,), -1 where it is missing or not among them."""
    if isinstance(values, pd.Categorical):
        # an entry of -1 for missing values, whose code is -1
        return np.append(levels.get_indexer(values.categories), -1)[values.codes]
    return levels.get_indexer(pd.Index(values))


def label(level) -> str:
    """A level as R prints it: 2.0 is "2", True is "TRUE"."""
    if isinstance(level, (bool, np.bool_)):
        return str(level).upper()
    if isinstance(level, (float, np.floating)) and float(level).is_integer():
        return str(int(level))
    return str(level)


def require_finite(values, name):
    """Raise DataError for an infinite or undefined value in (rows,) or (rows, k)."""
    bad = ~np.isfinite(values)
    if bad.any():
        raise DataError(
            f"'{name}' is infinite or undefined in {bad.reshape(len(bad), -1).any(axis=1).sum()} rows: "
            "correct or remove them, or transform the predictor differently.")
