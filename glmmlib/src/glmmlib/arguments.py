"""What public functions ask of their arguments, checked before anything is computed.

    @accepts(level=FRACTION, type=one_of("response", "link"), seed=GENERATOR)
    def residuals(model, type="response", level=0.95, seed=None): ...

A wrong one raises DataError: "level must be a number between 0 and 1, not 'high'." A default is never
questioned, so that None is accepted where it stands for something. What only the model can tell, such as
whether a name is one of its predictors, is the function's own to say.
"""

import inspect
import reprlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import NamedTuple

import numpy as np

from .errors import DataError


class Kind(NamedTuple):
    """what : as in "must be ..."; fits : function value -> bool."""

    what: str
    fits: Callable


def accepts(**kinds):
    """Decorator: the function's arguments of these names must be of these kinds."""
    def decorated(function):
        signature = inspect.signature(function)

        @wraps(function)
        def checked(*args, **kwargs):
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:
                given = {}  # the call itself says best what it lacks
            for name in kinds.keys() & given.keys():
                if given[name] is not signature.parameters[name].default and not kinds[name].fits(given[name]):
                    raise DataError(f"{name} must be {kinds[name].what}, not {shown(given[name])}.")
            return function(*args, **kwargs)

        return checked
    return decorated


def shown(value):
    """A value in a few words, whatever it is."""
    return " ".join(reprlib.repr(value).split())


def one_of(*choices):
    return Kind(f"one of {', '.join(map(repr, choices))}", lambda value: isinstance(value, str) and value in choices)


def whole(least=1):
    return Kind(f"a whole number, {least} or more",
                lambda value: hasattr(value, "__index__") and np.ndim(value) == 0 and not is_flag(value) and value >= least)


def some(kind, what, least=1):
    """One of a kind, or a list of them, or so many at least."""
    def fits(values):
        if kind.fits(values):
            return True
        several = isinstance(values, (list, tuple, np.ndarray)) or hasattr(values, "to_numpy") and np.ndim(values) == 1
        return several and len(values) >= least and all(map(kind.fits, np.ravel(np.array(values, dtype=object))))
    return Kind(what, fits)


def is_flag(value):
    return isinstance(value, (bool, np.bool_))


def is_number(value):
    return isinstance(value, (int, float, np.integer, np.floating)) and not is_flag(value)


def is_finite(value):
    return is_number(value) and np.isfinite(value)


def _is_seed(value):
    if isinstance(value, np.random.SeedSequence):
        return True
    try:
        np.random.SeedSequence(value)
    except (TypeError, ValueError):
        return False
    return not is_flag(value)


FLAG = Kind("True or False", is_flag)
FRACTION = Kind("a number between 0 and 1", lambda value: is_number(value) and 0 < value < 1)
FRACTIONS = some(FRACTION, "a number between 0 and 1, or a list of them")
NAME = Kind("a name", lambda value: isinstance(value, str) and value != "")
TEXT = Kind("a text", lambda value: isinstance(value, str))
NAMES = some(NAME, "a name or a list of names", least=0)
PARAMETERS = some(NAME, "a name or a list of names")
NAMED_NUMBERS = Kind("a dict of names and numbers", lambda value: hasattr(value, "items") and all(
    isinstance(name, str) and is_number(number) for name, number in value.items()))
NAMED = Kind("a dict of names and values", lambda value: isinstance(value, Mapping))
FUNCTION = Kind("a function", callable)
SEED = Kind("a whole number, 0 or more, or a SeedSequence of numpy", _is_seed)
GENERATOR = Kind("a whole number, 0 or more, or a random Generator of numpy",
                 lambda value: isinstance(value, np.random.Generator) or _is_seed(value))
WORKERS = Kind("a number of workers, or -1 for all processors",
               lambda value: whole(1).fits(value) or whole(-10**6).fits(value) and value < 0)
TABLE = Kind("a pandas DataFrame", lambda value: hasattr(value, "columns") and hasattr(value, "iloc"))
MODEL = Kind("a fitted model, as glmer and lmer return it", lambda value: hasattr(value, "design") and hasattr(value, "fit"))
AXIS = Kind("an axis of matplotlib", lambda value: hasattr(value, "get_figure") and hasattr(value, "set_title"))
AXES = some(AXIS, "an axis of matplotlib, or an array of them")
