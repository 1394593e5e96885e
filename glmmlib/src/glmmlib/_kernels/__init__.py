"""The numerical core: compiled where a C compiler was, NumPy otherwise; same names, same numbers.

Set the environment variable GLMMLIB_KERNEL=numpy before importing glmmlib to force the NumPy twin.
"""

import os

from . import reference

if os.environ.get("GLMMLIB_KERNEL", "").lower() == "numpy":
    kernel = reference
else:
    try:
        from . import _compiled as kernel
    except ImportError:
        kernel = reference


def laplace(family, *arrays, border=None, observed=False):
    """`reference.laplace`, by the compiled kernel where it knows the family."""
    able = kernel if family.code is not None else reference
    return able.laplace(family, *arrays, border=border, observed=observed)


def show_backend() -> str:
    """The kernel in use: "cython" (compiled) or "numpy" (the readable fallback, slower)."""
    return kernel.NAME
