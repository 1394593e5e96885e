"""What a result was computed with: the last lines of a report."""

import builtins
import platform
import re
import sys
from datetime import date
from importlib import metadata
from types import BuiltinFunctionType, FunctionType, ModuleType

import pandas as pd

from ._kernels import show_backend
from .arguments import FLAG, accepts
from .datasets.files import FOLDER, checksum


@accepts(loaded=FLAG)
def session_info(loaded=False):
    """What another person needs to know of this session to have its numbers again.

    Parameters
    ----------
    loaded : list every installed package of which something is loaded; otherwise glmmlib, the packages it
        requires, and those that the notebook or program itself imported.

    Returns
    -------
    pandas DataFrame with a row for each fact, the index (part, name) and one column, value (text). Its parts:
    "session" (Python, platform, date, and which of glmmlib's kernels is in use), "data" (the first 12 of 64
    digits of the bundled data's SHA-256 checksum) and "packages" (versions).

    Source: R's sessionInfo() and devtools::session_info(), without what cannot change a number, such as locale
    and time zone.

    >>> import glmmlib as gl
    >>> gl.session_info().loc[("session", "glmmlib kernel"), "value"] == gl.show_backend()
    True
    """
    facts = {
        ("session", "Python"): f"{platform.python_version()} ({platform.python_implementation()})",
        ("session", "platform"): platform.platform(),
        ("session", "date"): date.today().isoformat(),
        ("session", "glmmlib kernel"): show_backend(),
        ("data", "crowding.csv"): checksum(FOLDER / "crowding.csv")[:12],
    }
    for name in _packages(_top_level(sys.modules) if loaded else _imported_by_main()):
        facts["packages", name] = metadata.version(name)
    index = pd.MultiIndex.from_tuples(facts, names=["part", "name"])
    return pd.DataFrame({"value": list(facts.values())}, index=index)


def requirements():
    """The names of the packages without which glmmlib does not run, sorted."""
    asked_for = [line for line in metadata.requires("glmmlib") or () if "extra ==" not in line]
    return sorted(re.match(r"[\w.-]+", line)[0] for line in asked_for)


def _packages(modules):
    """Names of the installed packages that `modules` (top-level names) belong to, and of glmmlib's own, sorted."""
    owners = metadata.packages_distributions()
    names = {"glmmlib", *requirements()}.union(*(owners.get(module, ()) for module in modules))
    return sorted({metadata.metadata(name)["Name"].lower(): name for name in names}.values(), key=str.lower)


def _imported_by_main():
    """Top-level names of the modules that the notebook or program imported, wholly or a part of."""
    modules = set()
    for name, value in vars(sys.modules["__main__"]).items():
        if hasattr(builtins, name):     # IPython replaces some
            continue
        if isinstance(value, ModuleType):
            modules.add(value.__name__)
        elif isinstance(value, (type, FunctionType, BuiltinFunctionType)):
            modules.add(value.__module__ or "")
    return _top_level(modules)


def _top_level(modules):
    return {str(module).partition(".")[0] for module in modules}
