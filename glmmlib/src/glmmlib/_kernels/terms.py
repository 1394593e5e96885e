"""What both kernels share: the shape of their input and output, and when PIRLS stops."""

from operator import index
from typing import NamedTuple

import numpy as np

# PIRLS stops when a step would lower a group's penalised deviance by less than this, or (compiled)
# after a step that will leave over less: the mode is then exact to rounding.
DECREMENT_TOLERANCE = 1e-18
# Where factoring the border's K^3 costs more than this many looks at a row each, it is put off.
CHORD_GAIN = 500
MAX_STEPS = 100
MAX_HALVINGS = 40


class Border(NamedTuple):
    """Coefficients beside those of the first grouping factor: K in all, s of them in each row.

    columns : (N, s) which coefficient each value multiplies, 0..K - 1; rising within every row.
    values : (N, s) Z Lambda of the other grouping factors; X where fixed effects are solved for
        together with u.
    start : (K,) where to start looking for their modes.
    penalised : the first so many are spherical random effects; the others have no penalty.
    integrated : the log-determinant covers the first so many: `penalised` for maximum
        likelihood, K for REML.
    meetings : of the columns; found anew when None.
    """

    columns: np.ndarray
    values: np.ndarray
    start: np.ndarray
    penalised: int
    integrated: int
    meetings: "Meetings | None" = None


class Meetings(NamedTuple):
    """Which of the border's coefficients the rows of each group meet, so that the compiled kernel
    works on those only.

    touched : concatenated over groups, each group's columns in rising order; group j has
        touched[offsets[j]:offsets[j + 1]].
    local : (N, s), the place of each of the row's columns among its group's.
    """

    touched: np.ndarray
    offsets: np.ndarray
    local: np.ndarray


def meetings_of(columns, starts) -> Meetings:
    """Meetings for the columns (N, s) of rows in groups starts (J + 1,); where about every group meets
    every coefficient, all are said to, since whole blocks are faster than parts."""
    J = len(starts) - 1
    group = np.repeat(np.arange(J), np.diff(starts))
    K = int(columns.max()) + 1 if columns.size else 1
    pairs, place = np.unique(group[:, None] * K + columns, return_inverse=True)
    if 2 * len(pairs) > J * K:
        return Meetings(np.tile(np.arange(K), J), K * np.arange(J + 1), columns)
    offsets = np.searchsorted(pairs, K * np.arange(len(starts)))
    return Meetings(pairs % K, offsets, place.reshape(columns.shape) - offsets[group][:, None])


class LaplaceTerms(NamedTuple):
    """The Laplace objective at one set of parameters, with what its derivatives need.

    deviance : float
        -2 log-likelihood without the family's constant; NaN when a mode was not found.
    score : (N,)
        Derivative of the deviance with respect to each row's fixed part of eta.
    dLambda : (q, q)
        Derivative with respect to Lambda.
    u : (J, q)
        Conditional modes of the spherical random effects.
    cov : (J, q, q)
        The diagonal blocks of A^-1: the conditional covariance of each group's u.
    scale : float
        Derivative of the deviance with respect to the logarithm of a factor common to y and n.
    leverage, response : (N,)
        h = m' A^-1 m, and m' lambda: the derivative with respect to anything else, t, that the
        family depends on is sum(-2 dlogp/dt + leverage dW/dt + response dl'/dt).
    border : (K,)
        Conditional modes of the border's coefficients.
    d_border : (N, s)
        d/dLambda_rc of another factor is the sum over rows of z_r d_border_c.
    border_cov : (K, K); cross_cov : (J, q, K)
        The other blocks of A^-1.
    """

    deviance: float
    score: np.ndarray
    dLambda: np.ndarray
    u: np.ndarray
    cov: np.ndarray
    scale: float
    leverage: np.ndarray
    response: np.ndarray
    border: np.ndarray
    d_border: np.ndarray
    border_cov: np.ndarray
    cross_cov: np.ndarray


class KernelArrays(NamedTuple):
    y: np.ndarray
    n: np.ndarray
    eta_fixed: np.ndarray
    Z: np.ndarray
    starts: np.ndarray
    Lambda: np.ndarray
    u0: np.ndarray


def checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0) -> KernelArrays:
    """Arrays as the kernels read them; ValueError when one would lead out of bounds."""
    y, n, eta_fixed, Z, Lambda, u0 = (_numbers(name, array) for name, array in (
        ("y", y), ("n", n), ("eta_fixed", eta_fixed), ("Z", Z), ("Lambda", Lambda), ("u0", u0)))
    starts = _indices("starts", starts)
    if Z.ndim != 2 or Z.shape[1] == 0:
        raise ValueError(f"Z must be (rows, coefficients) with at least one column, not {Z.shape}.")
    rows, q = Z.shape
    for name, array in (("y", y), ("n", n), ("eta_fixed", eta_fixed)):
        if array.shape != (rows,):
            raise ValueError(f"{name} must have shape ({rows},) like Z's rows, not {array.shape}.")
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or starts[-1] != rows or _falls(starts):
        raise ValueError("starts must rise from 0 to the number of rows.")
    if Lambda.shape != (q, q):
        raise ValueError(f"Lambda must have shape ({q}, {q}), not {Lambda.shape}.")
    if u0.shape != (len(starts) - 1, q):
        raise ValueError(f"u0 must have shape ({len(starts) - 1}, {q}), not {u0.shape}.")
    return KernelArrays(y, n, eta_fixed, Z, starts, Lambda, u0)


def checked_border(border, rows) -> Border:
    """The same for the border; one without coefficients when there is none."""
    if border is None:
        return Border(np.zeros((rows, 0), dtype=np.intp), np.zeros((rows, 0)), np.zeros(0), 0, 0)
    if not isinstance(border, Border):
        raise TypeError(f"border must be a Border or None, not {type(border).__name__}.")
    columns = _indices("border's columns", border.columns)
    values, start = _numbers("border's values", border.values), _numbers("border's start", border.start)
    if columns.ndim != 2 or len(columns) != rows or values.shape != columns.shape:
        raise ValueError(
            f"border's columns and values must both be ({rows}, s), not {columns.shape} and {values.shape}.")
    if start.ndim != 1 or columns.size and not (columns.min() >= 0 and columns.max() < len(start)):
        raise ValueError("border's columns must index its start.")
    if np.any(columns[:, 1:] <= columns[:, :-1]):
        raise ValueError("border's columns must rise within every row.")
    try:
        penalised, integrated = index(border.penalised), index(border.integrated)
    except TypeError:
        raise TypeError(f"border's penalised and integrated must be integers, not {border.penalised!r} and "
                        f"{border.integrated!r}.") from None
    if not 0 <= penalised <= integrated <= len(start):
        raise ValueError("border must have 0 <= penalised <= integrated <= number of coefficients.")
    return border._replace(columns=columns, values=values, start=start, penalised=penalised, integrated=integrated)


def checked_meetings(border, starts) -> Meetings:
    """The meetings of a checked border with the groups of starts (J + 1,); ValueError unless its columns' own."""
    meetings = meetings_of(border.columns, starts) if border.meetings is None else Meetings(*border.meetings)
    touched, offsets, local = (_indices(f"border's meetings' {name}", array)
                               for name, array in meetings._asdict().items())
    columns = border.columns
    if touched.ndim != 1 or offsets.shape != starts.shape or local.shape != columns.shape:
        raise ValueError(f"border's meetings must have touched (meetings,), offsets {starts.shape} and local "
                         f"{columns.shape}, not {touched.shape}, {offsets.shape} and {local.shape}.")
    if offsets[0] != 0 or offsets[-1] != len(touched) or _falls(offsets):
        raise ValueError("border's meetings' offsets must rise from 0 to the number of touched coefficients.")
    if touched.size and not (touched.min() >= 0 and touched.max() < len(border.start)):
        raise ValueError("border's meetings' touched must index its start.")
    groups, widths = np.arange(len(starts) - 1), np.diff(offsets)
    places = np.repeat(groups * len(border.start), widths) + touched
    if np.any(places[1:] <= places[:-1]):
        raise ValueError("border's meetings' touched must rise within every group.")
    if columns.size:
        first, width = (np.repeat(array, np.diff(starts))[:, None] for array in (offsets[:-1], widths))
        if not (local.min() >= 0 and np.all(local < width) and np.array_equal(touched[first + local], columns)):
            raise ValueError("border's meetings' local must be the places of its columns among the group's touched.")
    return Meetings(touched, offsets, local)


def _numbers(name, values):
    """values as an array of doubles that C can read in order."""
    return _as(np.asarray(values), float, "biuf", f"{name} must be an array of numbers")


def _indices(name, values):
    array = np.asarray(values)
    return _as(array, np.intp, "iu" if array.size else "iuf", f"{name} must be an array of integers")


def _as(array, dtype, kinds, demand):
    if array.dtype == dtype and array.flags.carray:  # contiguous, aligned, writeable
        return array
    if array.dtype.kind not in kinds:
        raise ValueError(f"{demand}, not {array.dtype}.")
    return np.array(array, dtype=dtype, order="C")


def _falls(pointers):
    return np.any(pointers[1:] < pointers[:-1])  # differences could overflow
