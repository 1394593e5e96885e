"""Whose data the course works on: the bundled ones, or a class's own.

A section that is handed out to a cohort has the cohort's name in a file `cohort.txt` beside its
notebook; its data are drawn from the name, so nothing else needs to be handed out, and the same name
gives the same data everywhere. Notebooks and catalogues load data from here only::

    from glmmlib.teaching import cohort

    crowding = cohort.load_crowding()
    print(cohort.whose_data())

The grader goes by the cohort of the release (`chosen`), whatever lies beside a submission.
"""

import contextlib
import functools
import hashlib
import re
import tempfile
from pathlib import Path

from .. import datasets
from ..datasets import files, formats
from ..errors import DataError

FILE = "cohort.txt"
BUNDLED = "bundled"     # what is said for: no cohort
_BESIDE = object()      # go by the file in the working directory
_chosen = _BESIDE


def name():
    """The cohort's name, or None if the data are the bundled ones.

    Raises DataError if cohort.txt holds no name.
    """
    return read(".") if _chosen is _BESIDE else _chosen


def load_crowding(raw=False, traces=False, **unknown):
    """The crowding data of this cohort; as `glmmlib.load_crowding`, which see, for the bundled ones."""
    cohort = name()
    if cohort is None or unknown or any(option not in (True, False) for option in (raw, traces)):
        return datasets.load_crowding(raw, traces, **unknown)   # which says what is wrong
    data, x, y = _drawn(cohort)
    table = formats.raw_table(data) if raw else data.copy()
    return files.with_traces(table, x, y) if traces else table


def whose_data():
    """"the bundled data", or of which cohort they are, for a notebook to print."""
    return describe(name())


def describe(cohort):
    """The words for a cohort's data; for None, the bundled ones."""
    return "the bundled data" if cohort is None else f"the data of the cohort {cohort}"


def data_folder():
    """The folder (a Path) with the data's files.

    A cohort's own are written when they are first asked for, to a folder that is gone when Python
    ends: crowding.csv, crowding_raw.csv and crowding.mat. An .RData file is R's to write.
    """
    cohort = name()
    return files.FOLDER if cohort is None else Path(_written(cohort).name)


def cache(function):
    """functools.cache that keeps what is computed from one cohort's data apart from another's."""
    @functools.cache
    def of_cohort(_, *arguments, **options):
        return function(*arguments, **options)

    @functools.wraps(function)
    def cached(*arguments, **options):
        return of_cohort(name(), *arguments, **options)

    return cached


@contextlib.contextmanager
def chosen(cohort):
    """Meanwhile, go by this cohort (None: the bundled data), whatever file lies where."""
    global _chosen
    before, _chosen = _chosen, cohort
    try:
        yield
    finally:
        _chosen = before


# ---- the file ------------------------------------------------------------------------------------


def read(folder):
    """The name in `folder`'s cohort.txt, or None if there is none. Raises DataError if it holds no name."""
    path = Path(folder, FILE)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        text = ""
    if text == BUNDLED or not is_name(text):
        raise DataError(f"{path.resolve()} holds no cohort's name: get this file from your instructor once more.")
    return text


def write(folder, cohort):
    """Put the cohort's name into `folder`; for None, nothing."""
    if cohort is not None:
        Path(folder, FILE).write_text(f"{cohort}\n", encoding="utf-8", newline="\n")


def is_name(text):
    """Whether a cohort can be called so: up to 60 letters, digits, points, dashes and underscores."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", text) is not None


# ---- the data ------------------------------------------------------------------------------------


def seed(cohort):
    """The whole number, below 2**32, that a cohort's data are drawn with."""
    return int.from_bytes(hashlib.sha256(cohort.encode()).digest()[:4], "big")


@functools.cache
def _drawn(cohort):
    """(data, x, y) as columns.build_trials() returns them."""
    import numpy as np

    traced = datasets.simulate_crowding(seed(cohort), traces=True)
    x, y = (np.stack(traced.pop(column)) for column in ("Trace.X", "Trace.Y"))
    return traced, x, y


@functools.cache
def _written(cohort):
    data, x, y = _drawn(cohort)
    folder = tempfile.TemporaryDirectory(prefix="crowding-")
    formats.write_csv(data, Path(folder.name, "crowding.csv"))
    formats.write_raw_csv(data, Path(folder.name, "crowding_raw.csv"))
    formats.write_mat(data, x, y, Path(folder.name, "crowding.mat"))
    return folder
