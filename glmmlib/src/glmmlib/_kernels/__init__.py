"""The numerical core: compiled where a C compiler was, NumPy otherwise; same names, same numbers.

Set the environment variable GLMMLIB_KERNEL=numpy before importing glmmlib to force the NumPy twin.
"""

import os
from functools import cache

from . import reference

# Below this size LAPACK's threads wait for each other longer than they work (20 times longer on two
# busy cores).
SMALL_BORDER = 500

if os.environ.get("GLMMLIB_KERNEL", "").lower() == "numpy":
    kernel = reference
else:
    try:
        from . import _compiled as kernel
    except ImportError:
        kernel = reference


def terms(family, y, n, eta):
    """`family.terms`, by the compiled kernel where it knows the family."""
    return (kernel if family.code is not None else reference).terms(family, y, n, eta)


def laplace(family, *arrays, border=None, observed=False):
    """`reference.laplace`, by the compiled kernel where it knows the family."""
    able = kernel if family.code is not None else reference
    if border is None or len(border.start) > SMALL_BORDER:
        return able.laplace(family, *arrays, border=border, observed=observed)
    before = [library.get_num_threads() for library in _blas()]
    try:
        for library in _blas():
            library.set_num_threads(1)
        return able.laplace(family, *arrays, border=border, observed=observed)
    finally:
        for library, threads in zip(_blas(), before):
            library.set_num_threads(threads)


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
