"""What a student's variable says: one plain number, text or table, or a sentence that tells why not.

Answers arrive in every shape that Python offers: floats, NumPy scalars, a Series of one, a string
with a number in it, dots that were never replaced. Here they become a `float` or a `str`; whatever
cannot become one raises `Unreadable`, whose text follows the variable's name in a sentence.
"""

import math
import numbers
import re
import reprlib
import sys
from decimal import Decimal

import numpy as np

# The value of a variable that the notebook does not have (its cell was deleted, or never run).
UNDEFINED = type("Undefined", (), {"__repr__": lambda self: "UNDEFINED"})()


class Unreadable(Exception):
    """An answer that is not what was asked for; reads on from the name: "x *is not a number*"."""


class Unanswered(Unreadable):
    """No answer was given: the dots still stand, or the variable is not there."""


def notebook_variable(name):
    """The value of the notebook's variable `name`, or UNDEFINED.

    A notebook's variables are those of the module `__main__`, so this needs no IPython, and a
    missing variable is a value to speak about instead of a NameError.
    """
    return vars(sys.modules["__main__"]).get(name, UNDEFINED)


def as_number(answer):
    """The finite float that `answer` says; raises Unreadable otherwise.

    A number is a float, int, Decimal, Fraction or NumPy scalar, a string that spells one, or an
    array, Series, DataFrame, list or tuple that holds exactly one of these.
    """
    value = _only_element(answer)
    _require_answer(value, "your number")
    if isinstance(value, (bool, np.bool_)):
        raise Unreadable(f"is {bool(value)}: a number is asked for, not a comparison.")
    if isinstance(value, str):
        value = _spelled_number(value)
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        raise Unreadable("is a complex number: an ordinary (real) number is asked for.")
    if _is_missing_value(value):
        value = math.nan
    if not isinstance(value, (numbers.Real, Decimal)):
        hint = "call it, with ( )" if callable(value) else "take from it the number asked for"
        raise Unreadable(f"is a {type(value).__name__}, not a number: {hint}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    except ValueError:  # a signalling NaN
        number = math.nan
    if math.isnan(number):
        raise Unreadable("is NaN (not a number): look for missing values in its computation.")
    if math.isinf(number):
        raise Unreadable("is infinite: look for a division by zero or an overflow.")
    return number


def as_text(answer):
    """The text that `answer` says, without surrounding blanks; raises Unreadable otherwise."""
    value = _only_element(answer)
    _require_answer(value, "one of the options")
    if not isinstance(value, str):
        raise Unreadable(f"is a {type(value).__name__}, not a text: put an option in quotes.")
    return str(value).strip()


def as_table(answer):
    """The pandas DataFrame that `answer` is, or holds alone; raises Unreadable otherwise."""
    import pandas as pd

    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        answer = answer[0]
    _require_answer(answer, "your table")
    if not isinstance(answer, pd.DataFrame):
        hint = "call it, with ( )" if callable(answer) else "a pandas DataFrame is asked for"
        raise Unreadable(f"is a {type(answer).__name__}, not a table: {hint}.")
    return answer


def shorten(value):
    """`value` as it can stand in a sentence: one line, not long."""
    return " ".join(reprlib.repr(value).split())


def _only_element(answer):
    """What a container of one holds, or a plain value itself."""
    for _ in range(8):  # as deep as a real answer can nest; also ends a list that holds itself
        if np.ma.is_masked(answer):
            return math.nan
        if isinstance(answer, (list, tuple)):
            elements = answer
        elif hasattr(answer, "__array__") and not isinstance(answer, (np.generic, type)):
            try:
                elements = np.asarray(answer).reshape(-1)
            except Exception:  # whatever a foreign array type raises, it is not a number
                return answer
        else:
            return answer
        if len(elements) != 1:
            raise Unreadable(
                f"holds {len(elements)} values where one is asked for: "
                "take the one that the question is about."
            )
        answer = elements[0]
    return answer


def _require_answer(value, wanted):
    if value is UNDEFINED:
        raise Unanswered("is not defined: run the cell that sets it, or put that cell back.")
    blank = isinstance(value, str) and not value.strip(" .\N{HORIZONTAL ELLIPSIS}")
    if value is None or value is Ellipsis or blank:
        raise Unanswered(f"is not answered yet: put {wanted} in the place of the dots.")


def _is_missing_value(value):
    # pandas' own missing values, by name so that pandas need not be imported
    return type(value).__name__ in ("NAType", "NaTType")


def _spelled_number(text):
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    try:
        return float(plain)
    except ValueError:
        if re.fullmatch(r"[+-]?\d*,\d+", plain):
            remedy = "write the decimals after a point, not a comma"
        else:
            remedy = "give the number alone, without quotes, unit or words"
        raise Unreadable(f"is the text {shorten(text)}: {remedy}.") from None
