"""The numerical core: compiled where a C compiler was, NumPy otherwise; same names, same numbers.

Set the environment variable GLMMLIB_KERNEL=numpy before importing glmmlib to force the NumPy twin.
"""

import os
import warnings
from contextlib import contextmanager
from functools import cache
from threading import Lock

from ..errors import GlmmlibWarning
from . import reference

if os.environ.get("GLMMLIB_KERNEL", "").lower() == "numpy":
    kernel = reference
else:
    try:
        from . import _compiled as kernel
    except ImportError:
        kernel = reference
        warnings.warn(
            "glmmlib was installed without its compiled kernel and uses the NumPy one, which is several times slower: "
            "install a C compiler and then glmmlib again, or set GLMMLIB_KERNEL=numpy to have no more of this message.",
            GlmmlibWarning, stacklevel=2)


def terms(family, y, n, eta):
    """`family.terms`, by the compiled kernel where it knows the family."""
    return (kernel if family.code is not None else reference).terms(family, y, n, eta)


def laplace(family, *arrays, border=None, observed=False):
    """`reference.laplace`, by the compiled kernel where it knows the family."""
    able = kernel if family.code is not None else reference
    if border is None:
        return able.laplace(family, *arrays, observed=observed)
    with one_thread():
        return able.laplace(family, *arrays, border=border, observed=observed)


_inside, _before, _counting = 0, [], Lock()


@contextmanager
def one_thread():
    """Linear algebra on one thread: its last digits are then the same whatever number of threads a session has. It is
    faster, too, unless matrices are very large and processors idle: threads wait for each other longer than they work.
    A whole fit is within; so is each evaluation, for whoever evaluates without fitting.

    The number is that of the whole process: the first to enter sets it, the last to leave sets it back. (OpenBLAS on
    OpenMP has one for each thread that calls it: there it is set for the first alone.)
    """
    global _inside
    with _counting:
        if not _inside:
            _before[:] = [library.get_num_threads() for library in _blas()]
            _set_threads([1] * len(_before))
        _inside += 1
    try:
        yield
    finally:
        with _counting:
            _inside -= 1
            if not _inside:
                _set_threads(_before)


def _set_threads(numbers):
    for library, number in zip(_blas(), numbers):
        # threadpoolctl 3.8 ignores all threads but the one that was the first to set a number: let go of that right.
        release = getattr(library, "clear_controlling_thread", lambda force: None)
        release(force=True)
        library.set_num_threads(number)
        release(force=True)


@cache
def _blas():
    """The linear algebra libraries that are loaded; finding them takes a few milliseconds.

    (threadpoolctl's own context manager reads and sets everything anew each time: 1 ms a call.)
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers


def show_backend() -> str:
    """The kernel in use: "cython" (compiled) or "numpy" (the readable fallback, slower).

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.show_backend() in ("cython", "numpy")
    True
    """
    return kernel.NAME
