"""Arrays that no caller should hand to a kernel, and what the kernels make of them.

    python tests/glmmlib/hostile_arrays.py <seed> <cases>

hands them to every entry of the kernels and says before each case what it will be, so that the last line of a run
that dies names the case. `test_kernel_boundary.py` runs it in a process of its own.
"""

import sys
import warnings

import numpy as np

from glmmlib import _kernels
from glmmlib._kernels import reference
from glmmlib._kernels.terms import Border, Incidence, LaplaceTerms
from glmmlib.family import Binomial, Gamma, Gaussian, Poisson

FAMILIES = (Binomial(), Binomial("probit", 0.25, 0.02), Binomial("cloglog"), Binomial("cauchit"), Poisson(), Gamma(),
            Gaussian())
NUMBERS = (np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -1.0, 0.0)
POINTERS = (-1, 1, 2**31, 2**62, -2**62, 2**63 - 1, -2**63, 10**6)
NO_ARRAYS = (None, "abc", [], {}, 3.0, [[1.0], [1.0, 2.0]], object(), True)
DTYPES = ("i1", "u8", "f2", "f4", ">f8", "g", "c16", "?", "O", "U8", "S8", "M8[s]", "m8[s]", [("a", "f8")])
WRONG = (ValueError, TypeError)


def entries():
    """name -> function of the kernels' arguments, border among them."""
    from glmmlib._kernels import _bordered, _compiled

    return {"_kernels.laplace": _kernels.laplace, "reference.laplace": reference.laplace,
            "_compiled.laplace": _compiled.laplace,
            "_bordered.laplace_bordered": lambda *arrays, border, observed: _bordered.laplace_bordered(
                *arrays, border=border, observed=observed)}


def good(rng):
    """(dict of arrays, Border or None): a small problem without fault, some groups empty."""
    groups, q, K, s = rng.integers(1, 6), rng.integers(1, 4), rng.integers(2, 9), rng.integers(1, 3)
    starts = np.r_[0, np.cumsum(rng.integers(0, 6, groups))]
    N = int(starts[-1])
    columns = np.sort(np.array([rng.permutation(K)[:s] for _ in range(N)], dtype=np.intp).reshape(N, s), axis=1)
    penalised = int(rng.integers(0, K + 1))
    border = Border(Incidence(columns, starts, int(K)), rng.normal(size=(N, s)), np.zeros(K), penalised,
                    int(rng.integers(penalised, K + 1)))
    n = rng.integers(1, 5, N).astype(float)
    arrays = {"y": rng.binomial(n.astype(int), 0.6).astype(float), "n": n, "eta_fixed": rng.normal(size=N),
              "Z": rng.normal(size=(N, q)), "starts": starts, "Lambda": np.tril(rng.normal(size=(q, q))),
              "u0": rng.normal(size=(groups, q))}
    return arrays, border if rng.random() < 0.7 else None


def unaligned(array):
    """The same values one byte off."""
    raw = np.empty(array.nbytes + 1, np.uint8)[1:]
    raw[:] = np.frombuffer(array.tobytes(), np.uint8)
    return raw.view(array.dtype).reshape(array.shape)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    """The same values with a hole behind each."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.size else array


# The same numbers, laid out otherwise: every kernel must take them.
LAYOUTS = {
    "read-only": read_only, "unaligned": unaligned, "strided": strided, "Fortran": np.asfortranarray,
    "backwards": lambda a: np.flip(np.flip(a).copy()), "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "list": lambda a: a.tolist() if a.size else a}


def spoil(rng, array):
    """(what was done, something else than the array): its shape, type, layout, values or nature."""
    array = np.asarray(array)
    whole = array.dtype.kind in "iu"
    kind = rng.choice(["shape", "dtype", "layout", "value", "value", "other"])
    if kind == "shape":
        changes = {
            "one less": lambda a: a[:-1], "one more": lambda a: np.concatenate([a, a[-1:]]) if len(a) else a[None],
            "empty": lambda a: a[:0], "transposed": lambda a: a.T, "flat": np.ravel, "number": lambda a: a.dtype.type(0),
            "further axis": lambda a: a[..., None], "first axis": lambda a: a[None], "no columns": lambda a: a[..., :0],
            "70 columns": lambda a: np.resize(a, (*a.shape[:-1], 70)) if a.size else a}
        name = rng.choice(list(changes))
        return name, changes[name](array)
    if kind == "dtype":
        dtype = DTYPES[rng.integers(len(DTYPES))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f"as {dtype}", array.astype(np.int64).astype(dtype) if "8[s]" in dtype else array.astype(dtype)
    if kind == "layout":
        if array.size and rng.random() < 0.2:
            return "one value everywhere", np.broadcast_to(array.ravel()[0], array.shape)
        name = rng.choice(list(LAYOUTS))
        return name, LAYOUTS[name](array)
    if kind == "value" and array.size:
        array, at = array.copy(), rng.integers(0, array.size, rng.integers(1, 4))
        values = rng.choice(np.array(POINTERS if whole else NUMBERS), len(at))
        array.flat[at] = values
        return f"{values} at {at}", array
    if kind == "value":
        return "as it is", array
    other = NO_ARRAYS[rng.integers(len(NO_ARRAYS))]
    return f"{other!r}"[:20], other


def spoil_border(rng, border):
    """(what was done, a function that gives another border): what is spoilt may be refused as it is made."""
    name = rng.choice(["incidence", "columns", "starts", "K", *Border._fields[1:], "itself"])
    at = border.incidence
    if name == "itself":
        what, other = spoil(rng, at.columns)
        return what, lambda: other
    if name in ("K", "penalised", "integrated"):
        value = (-1, 10**6, 2**70, np.nan, 1.5, "x", None, np.int8(1), [0])[rng.integers(9)]
        return f"{name} = {value!r}", lambda: (
            border._replace(incidence=Incidence(at.columns, at.starts, value)) if name == "K" else
            border._replace(**{name: value}))
    if name == "incidence":  # of other rows, or nothing of the kind
        other = good(rng)[1]
        what = (other and other.incidence, at.columns, None)[rng.integers(3)]
        return f"incidence: {type(what).__name__}", lambda: border._replace(incidence=what)
    what, array = spoil(rng, getattr(border if name in border._fields else at, name))
    return f"{name}: {what}", lambda: (
        border._replace(**{name: array}) if name in border._fields else
        border._replace(incidence=Incidence(**{"columns": at.columns, "starts": at.starts, "K": at.K, name: array})))


def case(seed):
    """(description, family, arrays, function that gives the border, observed) for a seed."""
    rng = np.random.default_rng(seed)
    (arrays, border), said = good(rng), []
    make = lambda: border
    targets = rng.permutation([*arrays] + 5 * ["border"] * (border is not None))
    for name in dict.fromkeys(targets[:rng.integers(1, 3)]):
        if name == "border":
            what, make = spoil_border(rng, border)
        else:
            what, arrays[name] = spoil(rng, arrays[name])
        said.append(f"{name}: {what}")
    family = FAMILIES[rng.integers(len(FAMILIES))]
    return f"{family!r}: {'; '.join(said)}", family, arrays, make, bool(rng.random() < 0.5)


def outcome(entry, family, arrays, make_border, observed):
    """What an entry makes of the arrays: a "likelihood", "none", or the name of an exception that says something."""
    try:
        terms = entry(family, *arrays.values(), border=make_border(), observed=observed)
    except WRONG as error:
        assert str(error), f"{type(error).__name__} without a word"
        return type(error).__name__
    assert isinstance(terms, LaplaceTerms) and isinstance(terms.deviance, float)
    for array in terms[1:]:
        np.asarray(array).sum()  # the memory is there
    return "likelihood" if np.isfinite(terms.deviance) else "none"


def main(seed, cases):
    warnings.simplefilter("ignore")  # of conversions
    count = {}
    for number in range(seed, seed + cases):
        what, *arguments = case(number)
        print(f"case {number}: {what}", flush=True)
        for name, entry in entries().items():
            try:
                found = outcome(entry, *arguments)
            except Exception as error:
                print(f"{name}: {type(error).__name__}: {error}")
                raise
            count[found] = count.get(found, 0) + 1
    print(count)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
