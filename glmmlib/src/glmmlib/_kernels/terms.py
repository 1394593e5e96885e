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

    incidence : which coefficients each row has.
    values : (N, s) what it multiplies them by: Z Lambda of the other grouping factors; X where fixed
        effects are solved for together with u.
    start : (K,) where to start looking for their modes.
    penalised : the first so many are spherical random effects; the others have no penalty.
    integrated : the log-determinant covers the first so many: `penalised` for maximum
        likelihood, K for REML.
    """

    incidence: "Incidence"
    values: np.ndarray
    start: np.ndarray
    penalised: int
    integrated: int


class Incidence:
    """Which of the border's K coefficients each row has. What follows for the compiled kernel's work is
    found once and kept in memory that nobody can write to, so that no evaluation need check it again.

    Parameters
    ----------
    columns : (N, s) coefficients, 0..K - 1; rising within every row.
    starts : (J + 1,) group j of the first grouping factor has rows starts[j]:starts[j + 1].
    K : number of coefficients.
    whole : whether every group is said to meet every coefficient; when about all do if None, since whole
        blocks are faster than parts.

    Attributes
    ----------
    components : (components + 1,) coefficients that meet, in a row or through a group's rows, make a component;
        apart from the others they are components[c]:components[c + 1] in the kernel's order.
    order : (K,) the kernel's order of coefficients: by component, rising in each.
    places : (N, s) columns in the kernel's order.
    component_of : (J,) the component that a group's rows meet.
    touched, offsets : the coefficients, rising and in the kernel's order, that the rows of group j meet, are
        touched[offsets[j]:offsets[j + 1]].
    local : (N, s) the place of each of the row's columns among its group's.

    Raises
    ------
    ValueError
        When columns or starts would lead out of bounds.
    TypeError
        When K is no integer.
    """

    __slots__ = ("columns", "starts", "K", "components", "order", "places", "component_of", "touched", "offsets", "local")

    def __init__(self, columns, starts, K, whole=None):
        columns, starts, K = _indices("border's columns", columns), _checked_starts(starts), _whole_number("K", K)
        J = len(starts) - 1
        if not 0 <= J * K < 2**62:
            raise ValueError(f"border's K must be a number of coefficients, not {K}.")
        if columns.ndim != 2 or len(columns) != starts[-1]:
            raise ValueError(f"border's columns must be ({starts[-1]}, s), not {columns.shape}.")
        if columns.size and not (columns.min() >= 0 and columns.max() < K):
            raise ValueError(f"border's columns must be 0..{K - 1}.")
        if np.any(columns[:, 1:] <= columns[:, :-1]):
            raise ValueError("border's columns must rise within every row.")
        group = np.repeat(np.arange(J), np.diff(starts))
        pairs = group[:, None] * K + columns
        if whole is None:
            whole = 2 * pairs.size > J * K and 2 * np.count_nonzero(np.bincount(pairs.ravel())) > J * K > 0
        if whole:
            components, order, component_of, places, local = [0, K], np.arange(K), np.zeros(J), columns, columns
            touched, offsets = np.tile(order, J), K * np.arange(J + 1)
        else:
            component = _components(group, columns, J, K)
            component_of, order = component[:J], np.argsort(component[J:], kind="stable")
            components = np.searchsorted(component[J:][order], np.arange(component.max() + 2))
            places = np.argsort(order)[columns]
            pairs, local = np.unique(group[:, None] * K + places, return_inverse=True)
            touched, offsets = pairs % max(K, 1), np.searchsorted(pairs, K * np.arange(J + 1))
            local = local.reshape(columns.shape) - offsets[group][:, None]
        arrays = {"columns": columns, "starts": starts, "components": components, "order": order, "places": places,
                  "component_of": component_of, "touched": touched, "offsets": offsets, "local": local}
        for name, array in arrays.items():
            object.__setattr__(self, name, _unwriteable(array))
        object.__setattr__(self, "K", K)

    def __reduce__(self):
        return Incidence, (self.columns, self.starts, self.K)

    def __setattr__(self, name, value):
        raise AttributeError(f"An Incidence cannot be changed: make another one for other {name}.")


def _components(group, columns, J, K):
    """Component (J + K,) of each group and each coefficient, numbered from the first that has coefficients."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    meetings = coo_array((np.ones(columns.size), (np.repeat(group, columns.shape[1]), J + columns.ravel())),
                         shape=(J + K, J + K))
    return connected_components(meetings, directed=False)[1]


def _unwriteable(array):
    array = np.asarray(array, dtype=np.intp)
    return np.frombuffer(array.tobytes(), dtype=np.intp).reshape(array.shape)


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
    starts = _checked_starts(starts)
    if Z.ndim != 2 or Z.shape[1] == 0:
        raise ValueError(f"Z must be (rows, coefficients) with at least one column, not {Z.shape}.")
    rows, q = Z.shape
    for name, array in (("y", y), ("n", n), ("eta_fixed", eta_fixed)):
        if array.shape != (rows,):
            raise ValueError(f"{name} must have shape ({rows},) like Z's rows, not {array.shape}.")
    if starts[-1] != rows:
        raise ValueError(f"starts must end with the number of rows, {rows}, not {starts[-1]}.")
    if Lambda.shape != (q, q):
        raise ValueError(f"Lambda must have shape ({q}, {q}), not {Lambda.shape}.")
    if u0.shape != (len(starts) - 1, q):
        raise ValueError(f"u0 must have shape ({len(starts) - 1}, {q}), not {u0.shape}.")
    return KernelArrays(y, n, eta_fixed, Z, starts, Lambda, u0)


def checked_border(border, starts) -> Border:
    """The same for the border of rows in groups starts (J + 1,); one without coefficients when there is none."""
    if border is None:
        return Border(Incidence(np.zeros((starts[-1], 0), dtype=np.intp), starts, 0),
                      np.zeros((starts[-1], 0)), np.zeros(0), 0, 0)
    if not isinstance(border, Border) or not isinstance(border.incidence, Incidence):
        raise TypeError(f"border must be a Border with an Incidence, or None, not {type(border).__name__}.")
    incidence = border.incidence
    values, start = _numbers("border's values", border.values), _numbers("border's start", border.start)
    if not np.array_equal(incidence.starts, starts):
        raise ValueError("border's incidence must be that of rows in the same groups.")
    if values.shape != incidence.columns.shape:
        raise ValueError(f"border's values must be {incidence.columns.shape} like its columns, not {values.shape}.")
    if start.shape != (incidence.K,):
        raise ValueError(f"border's start must be ({incidence.K},), not {start.shape}.")
    penalised, integrated = (_whole_number(f"border's {name}", getattr(border, name)) for name in ("penalised", "integrated"))
    if not 0 <= penalised <= integrated <= incidence.K:
        raise ValueError("border must have 0 <= penalised <= integrated <= number of coefficients.")
    return Border(incidence, values, start, penalised, integrated)


def _checked_starts(starts):
    starts = _indices("starts", starts)
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or np.any(starts[1:] < starts[:-1]):  # differences could overflow
        raise ValueError("starts must rise from 0 to the number of rows.")
    return starts


def _whole_number(name, value):
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}.") from None


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

