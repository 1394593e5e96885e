"""Answers as plain values: how they leave the student's kernel, and what they become outside.

`encode` runs beside the student's code, which may have changed anything there; so nothing it sends is
believed to be more than what it says: `decode` builds fresh numbers, texts, lists and tables from
JSON, and never an object with behaviour of its own. Every code is ``[kind, content]``.
"""

import json
import math
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from ..answers import UNDEFINED

MOST_ELEMENTS = 10_000      # of a list or an array
MOST_CELLS = 1_000_000      # of a table
MOST_TEXT = 10_000          # characters
MOST_DIGITS = 400           # a longer int is beyond any float
DEEPEST = 12
COLUMN_TYPES = ("bool", "float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
                "Float64", "Float32", "Int64", "Int32", "boolean", "str", "string", "object")


# ---- in the student's kernel ---------------------------------------------------------------------


def encode(value):
    """The code of any object; never raises."""
    try:
        code = _encode(value, 0)
        json.dumps(code)
        return code
    except BaseException:
        return ["other", "object", False]


def _encode(value, depth):
    import numpy as np

    kind = type(value)
    if value is UNDEFINED:
        return ["undefined"]
    if value is None:
        return ["none"]
    if value is Ellipsis:
        return ["dots"]
    if value is np.ma.masked:
        return ["float", "nan"]
    if isinstance(value, np.generic) and kind.__name__ not in ("datetime64", "timedelta64"):
        return _encode(value.item(), depth + 1) if depth < DEEPEST else ["other", kind.__name__, False]
    if isinstance(value, bool):
        return ["bool", bool(value)]
    if isinstance(value, int):
        digits = str(int(value)) if value.bit_length() < 3 * MOST_DIGITS else ("-" if value < 0 else "") + "1e400"
        return ["int", digits]
    if isinstance(value, float):
        return ["float", float.__repr__(value)]
    if isinstance(value, complex):
        return ["complex"]
    if isinstance(value, str):
        return ["text", str(value)[:MOST_TEXT]]
    if isinstance(value, Decimal):
        return ["decimal", str(value)[:MOST_TEXT]]
    if isinstance(value, Fraction):
        return ["fraction", str(value)[:MOST_TEXT]]
    if kind.__name__ in ("NAType", "NaTType"):
        return ["float", "nan"]
    if depth < DEEPEST:
        if isinstance(value, (list, tuple)):
            return ["list", kind.__name__, len(value),
                    [_encode(element, depth + 1) for element in value[:MOST_ELEMENTS]]]
        if _is_table(value):
            return _encode_table(value)
        if hasattr(value, "__array__") and not isinstance(value, type):
            elements = np.asarray(value).reshape(-1)
            return ["array", kind.__name__, len(elements),
                    [_encode(element, depth + 1) for element in elements[:MOST_ELEMENTS].tolist()]]
    return ["other", kind.__name__[:80], callable(value)]


def _is_table(value):
    import pandas as pd

    return isinstance(value, pd.DataFrame)


def _encode_table(table):
    if table.size > MOST_CELLS:
        return ["other", "DataFrame of more than a million cells", False]
    columns = [_encode_column(table.iloc[:, position]) for position in range(table.shape[1])]
    return ["table", len(table), [_encode_cell(name) for name in table.columns], columns]


def _encode_column(column):
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        return ["category", bool(column.cat.ordered), _encode_column(categories.to_series()),
                column.cat.codes.tolist()]
    kind = str(column.dtype)
    if kind.startswith("string") or kind == "str":
        kind = "str"
    if kind not in COLUMN_TYPES:
        kind = "object"
    if kind == "object" or kind[0].isupper() or kind in ("boolean", "str"):
        return [kind, [_encode_cell(cell) for cell in column.tolist()]]
    return [kind, column.tolist()]


def _encode_cell(cell):
    """What stands in one place of a table: JSON's own values; anything else is its kind in words."""
    if isinstance(cell, bool) or cell is None:
        return cell
    if isinstance(cell, (int, float)):
        return float(cell) if isinstance(cell, float) or abs(cell) >= 2**63 else int(cell)
    if isinstance(cell, str):
        return str(cell)[:MOST_TEXT]
    if type(cell).__module__ == "numpy" and hasattr(cell, "item") and getattr(cell, "ndim", 1) == 0:
        return _encode_cell(cell.item())
    if type(cell).__name__ in ("NAType", "NaTType"):
        return None
    return f"<{type(cell).__name__}>"


# ---- outside -------------------------------------------------------------------------------------


class Unintelligible(ValueError):
    """What the kernel sent is no code."""


def decode(code):
    """The fresh value of a code as JSON gave it; raises Unintelligible for anything else."""
    try:
        return _decode(code, 0)
    except Unintelligible:
        raise
    except Exception as failure:
        raise Unintelligible(f"no code of a value: {failure}") from None


def _decode(code, depth):
    import numpy as np

    if depth > DEEPEST + 1:
        raise Unintelligible("nested too deeply")
    kind, *content = code
    if kind == "list":
        name, length, elements = content
        values = [_decode(element, depth + 1) for element in elements]
        values += [None] * (_count(length) - len(values))
        return tuple(values) if name == "tuple" else values
    if kind == "array":
        name, length, elements = content
        values = np.empty(max(_count(length), len(elements)), dtype=object)
        values[:len(elements)] = [_decode(element, depth + 1) for element in elements]
        return values
    if kind == "table":
        return _decode_table(*content)
    if kind == "other":
        name, is_callable = content
        return _foreign(name, is_callable)
    return _ATOMS[kind](*content)


def _count(length):
    if type(length) is not int or not 0 <= length <= 10**9:
        raise Unintelligible("no length")
    return min(length, MOST_ELEMENTS + 1)


def _int(digits):
    if not isinstance(digits, str) or len(digits) > MOST_DIGITS:
        raise Unintelligible("no int")
    return math.copysign(math.inf, -1 if digits[0] == "-" else 1) if "e" in digits else int(digits)


def _text(text):
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise Unintelligible("no text")
    return text


def _decimal(text):
    try:
        return Decimal(_text(text))
    except InvalidOperation:
        raise Unintelligible("no Decimal") from None


_ATOMS = {
    "undefined": lambda: UNDEFINED,
    "none": lambda: None,
    "dots": lambda: Ellipsis,
    "bool": lambda value: value is True,
    "int": _int,
    "float": lambda text: float(_text(text)),
    "complex": lambda: 1j,
    "text": _text,
    "decimal": _decimal,
    "fraction": lambda text: Fraction(_text(text)) if len(text) < 2 * MOST_DIGITS else math.nan,
}


def _foreign(name, is_callable):
    """An object of which only the name of its class is known, and whether it can be called."""
    members = {"__call__": lambda self: None} if is_callable is True else {}
    return type(_text(name)[:80], (), members)()


def _decode_table(rows, names, columns):
    import pandas as pd

    if type(rows) is not int or not 0 <= rows <= MOST_CELLS or len(names) != len(columns):
        raise Unintelligible("no table")
    series = [_decode_column(column) for column in columns]
    if any(len(column) != rows for column in series):
        raise Unintelligible("columns of different lengths")
    table = pd.DataFrame(dict(enumerate(series)), index=range(rows))
    table.columns = [name if isinstance(name, (str, int, float)) else repr(name) for name in names]
    return table


def _decode_column(column):
    import pandas as pd

    if column[0] == "category":
        _, ordered, categories, codes = column
        return pd.Series(pd.Categorical.from_codes(codes, _decode_column(categories), ordered=ordered is True))
    kind, cells = column
    if kind not in COLUMN_TYPES or not all(isinstance(cell, (str, int, float, type(None))) for cell in cells):
        raise Unintelligible("no column")
    return pd.Series(cells, dtype=kind)
