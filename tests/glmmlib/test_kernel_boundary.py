"""What the kernels promise whoever calls them: no array crashes them, the same input gives the same bits, and
other threads run meanwhile."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hostile_arrays import LAYOUTS, case, entries, good
from test_kernels import STRUCTURES, bordered
from scipy.linalg.lapack import dpotrf
from threadpoolctl import threadpool_info, threadpool_limits

from glmmlib import _kernels
from glmmlib._kernels.terms import Border, Incidence, checked_arrays, checked_border
from glmmlib.family import Binomial

CASES = 3000


def test_hostile_arrays_are_refused_or_answered():
    """In a process of its own, which must come to its end."""
    program = Path(__file__).with_name("hostile_arrays.py")
    run = subprocess.run([sys.executable, "-X", "faulthandler", program, "0", str(CASES)],
                         capture_output=True, text=True, timeout=1200)
    assert run.returncode == 0, f"{run.stdout[-1000:]}\n{run.stderr[-3000:]}"
    count = eval(run.stdout.splitlines()[-1])
    assert set(count) == {"ValueError", "TypeError", "likelihood", "none"}  # each often, so the cases are varied
    assert min(count.values()) > CASES / 50 and sum(count.values()) == len(entries()) * CASES


def test_hostile_cases_spoil_every_argument():
    said = " ".join(case(seed)[0] for seed in range(1000))
    for name in ("y", "n", "eta_fixed", "Z", "starts", "Lambda", "u0", "columns", "values", "start", "penalised",
                 "integrated", "K", "incidence"):
        assert f"{name}: " in said or f"{name} = " in said, name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_in_memory_does_not_matter(layout):
    rng = np.random.default_rng(0)
    for _ in range(20):
        arrays, border = good(rng)
        changed = {name: LAYOUTS[layout](array) for name, array in arrays.items()}
        other = border and Border(
            Incidence(*map(LAYOUTS[layout], (border.incidence.columns, border.incidence.starts)), border.incidence.K),
            *map(LAYOUTS[layout], border[1:3]), *border[3:])
        for name, entry in entries().items():
            plain = entry(Binomial(), *arrays.values(), border=border, observed=False)
            same(plain, entry(Binomial(), *changed.values(), border=other, observed=False), name)


def same(terms, others, what=""):
    """Every bit."""
    for name, ours, theirs in zip(terms._fields, terms, others):
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes(), f"{what} {name}"


def crossed():
    """A border, with which every pointer has something to point to."""
    starts, columns = np.array([0, 2, 4]), np.array([[0], [1], [1], [2]])
    arrays = dict(y=np.ones(4), n=np.ones(4), eta_fixed=np.zeros(4), Z=np.ones((4, 1)), starts=starts,
                  Lambda=np.ones((1, 1)), u0=np.zeros((2, 1)))
    return arrays, Border(Incidence(columns, starts, 3), np.ones((4, 1)), np.zeros(3), 3, 3)


@pytest.mark.parametrize("change, sentence", [
    (dict(starts=[0, 2**63 - 1, -2, 4]), "starts must rise"),  # the differences overflow and are positive
    (dict(starts=[0.0, 2.7, 4.0]), "starts must be an array of integers, not float64"),
    (dict(y=np.ones(4) + 1j), "y must be an array of numbers, not complex128"),
    (dict(Z=None), "Z must be an array of numbers, not object"),
])
@pytest.mark.parametrize("kernel", entries())
def test_arrays_that_would_lead_astray_are_named(kernel, change, sentence):
    arrays, border = crossed()
    with pytest.raises(ValueError, match=sentence):
        entries()[kernel](Binomial(), *{**arrays, **change}.values(), border=border, observed=False)


@pytest.mark.parametrize("change, sentence", [
    (dict(values=np.ones((4, 2))), r"values must be \(4, 1\) like its columns, not \(4, 2\)"),
    (dict(incidence=Incidence([[0], [1], [1], [2]], [0, 1, 4], 3)), "incidence must be that of rows in the same groups"),
    (dict(incidence=Incidence([[0], [1], [1], [2]], [0, 2, 4], 4)), r"start must be \(4,\), not \(3,\)"),
    (dict(incidence=([[0], [1], [1], [2]], [0, 2, 4], 3)), "Border with an Incidence"),
    (dict(penalised=4), "0 <= penalised <= integrated"),
    (dict(penalised=1.5), "penalised must be an integer, not 1.5"),
    (dict(start=[[0.0, 0.0, 0.0]]), r"start must be \(3,\), not \(1, 3\)"),
])
@pytest.mark.parametrize("kernel", entries())
def test_borders_that_would_lead_astray_are_named(kernel, change, sentence):
    arrays, border = crossed()
    with pytest.raises((ValueError, TypeError), match=sentence):
        entries()[kernel](Binomial(), *arrays.values(), border=border._replace(**change), observed=False)
    with pytest.raises(TypeError, match="border must be a Border with an Incidence, or None, not tuple"):
        entries()[kernel](Binomial(), *arrays.values(), border=tuple(border), observed=False)


@pytest.mark.parametrize("change, sentence", [
    (dict(columns=[[0], [1], [1], [3]]), r"columns must be 0\.\.2"),
    (dict(columns=[[0], [1], [-1], [2]]), r"columns must be 0\.\.2"),
    (dict(columns=[[0, 1], [1, 0], [1, 2], [0, 2]]), "columns must rise within every row"),
    (dict(columns=[[0], [1], [1]]), r"columns must be \(4, s\), not \(3, 1\)"),
    (dict(columns=[[0.5], [1], [1], [2]]), "columns must be an array of integers"),
    (dict(starts=[0, 2**62, 4]), "starts must rise"),
    (dict(K=2**62), "K must be a number of coefficients"),
    (dict(K=-1), "K must be a number of coefficients"),
    (dict(K=3.0), "K must be an integer, not 3.0"),
])
def test_incidences_that_would_lead_astray_are_named(change, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        Incidence(**dict(columns=[[0], [1], [1], [2]], starts=[0, 2, 4], K=3) | change)


def test_an_incidence_cannot_be_changed_once_it_is_checked():
    incidence = Incidence([[0], [1], [1], [2]], [0, 2, 4], 3)
    for name in Incidence.__slots__:
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(incidence, name, np.zeros(2))
        if name != "K":
            with pytest.raises(ValueError):
                getattr(incidence, name).flags.writeable = True
    again = pickle.loads(pickle.dumps(incidence))
    for name in Incidence.__slots__:
        np.testing.assert_array_equal(getattr(again, name), getattr(incidence, name))


# --- the same bits ---------------------------------------------------------------------------

def wide(K=300, groups=400, rows=4000):
    """A crossed design whose border is large enough for LAPACK to use several threads."""
    rng = np.random.default_rng(0)
    starts = np.r_[0, np.sort(rng.integers(0, rows, groups - 1)), rows]
    columns = rng.integers(0, K, (rows, 1))
    border = Border(Incidence(columns, starts, K), np.full((rows, 1), 0.7), np.zeros(K), K, K)
    n = np.ones(rows)
    return (rng.binomial(1, 0.6, rows).astype(float), n, rng.normal(size=rows), np.ones((rows, 1)), starts,
            np.array([[0.8]]), np.zeros((groups, 1)), border)


def evaluate(y, n, eta, Z, starts, Lambda, u0, border):
    return _kernels.laplace(Binomial("probit"), y, n, eta, Z, starts, Lambda, u0, border=border)


def test_threads_of_linear_algebra_change_no_bit():
    problem = wide()
    first = evaluate(*problem)
    assert np.isfinite(first.deviance)
    same(first, evaluate(*problem), "again")
    for threads in (1, 2, 4):
        with threadpool_limits(threads, user_api="blas"):
            same(first, evaluate(*problem), f"{threads} threads")


@pytest.mark.parametrize("structure", STRUCTURES)
def test_evaluations_side_by_side_are_those_one_by_one(structure):
    """And the number of threads of linear algebra, which all share, is afterwards what it was."""
    before = [library["num_threads"] for library in threadpool_info()]
    problems = [bordered(seed, Binomial("probit"), structure) for seed in range(20)] + [wide()]
    alone, beside = [evaluate(*problem) for problem in problems], {}

    def work(order):
        for i in order:
            beside.setdefault(i, []).append(evaluate(*problems[i]))

    orders = [np.random.default_rng(seed).permutation(len(problems)).tolist() for seed in range(4)]
    threads = [threading.Thread(target=work, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, terms in enumerate(alone):
        assert len(beside[i]) == len(orders)
        for others in beside[i]:
            same(terms, others, f"problem {i}")
    assert [library["num_threads"] for library in threadpool_info()] == before


# --- the GIL -----------------------------------------------------------------------------------

def lets_others_in(call, attempts=20_000):
    """Whether another thread of Python comes to run within one of so many calls.

    No thread is interrupted meanwhile, so the other one, once it is let loose, runs at the first moment that the GIL is
    free: within a call if calls let go of it, or after the last of them.
    """
    loose, calling, found, interval = threading.Lock(), True, [], sys.getswitchinterval()

    def other():
        with loose:
            found.append(calling)

    thread = threading.Thread(target=other)
    loose.acquire()
    thread.start()
    sys.setswitchinterval(1000)
    try:
        loose.release()
        while not found and attempts:
            call()
            attempts -= 1
    finally:
        calling = False
        sys.setswitchinterval(interval)
        thread.join()
    return found == [True]


def small(structure):
    """Few enough numbers that NumPy, which lets go of the GIL for long arrays, never does; the slowest of links."""
    y, n, eta, Z, starts, Lambda, u0, border = bordered(0, Binomial("cauchit", 0.25, 0.02), structure, q=1)
    assert len(y) < 100
    if border is not None:  # the fixed effects alone, not integrated over, as NumPy's functions for that let go of it
        columns, values = border.incidence.columns[:, 2:] - 8, np.ascontiguousarray(border.values[:, 2:])
        border = Border(Incidence(columns, starts, 2), values, np.zeros(2), 0, 0)
    return Binomial("cauchit", 0.25, 0.02), (y, n, eta, Z, starts, Lambda, u0), border


@pytest.mark.parametrize("structure", ["nested", "profile"])
def test_the_compiled_kernel_lets_go_of_the_gil(structure):
    family, arrays, border = small(structure)
    assert lets_others_in(lambda: entries()["_compiled.laplace"](family, *arrays, border=border, observed=False))


def test_what_the_kernels_do_with_the_gil_does_not_let_others_in():
    """Otherwise the test before could not fail."""
    _, arrays, border = small("profile")

    def checks():
        checked, _ = checked_arrays(*arrays), checked_border(border, arrays[4])
        return checked.Z @ checked.Lambda, checked.u0.copy(), dpotrf(np.eye(2))

    assert not lets_others_in(checks)


# --- without the compiled kernel ------------------------------------------------------------------

FIT = """
import sys
sys.modules["glmmlib._kernels._compiled"] = None  # as if it had not been built
import glmmlib as gl
import glmmlib._kernels
for _ in range(2):
    m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
print(gl.show_backend(), m.converged, repr(m.loglik))
"""


def test_without_a_compiled_kernel_the_fit_is_the_same_and_that_is_said_once(monkeypatch):
    import glmmlib as gl

    monkeypatch.delenv("GLMMLIB_KERNEL", raising=False)
    run = subprocess.run([sys.executable, "-W", "always", "-c", FIT], capture_output=True, text=True, check=True)
    backend, converged, loglik = run.stdout.split()
    assert (backend, converged) == ("numpy", "True")
    compiled = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    assert float(loglik) == pytest.approx(compiled.loglik, abs=1e-8)
    assert run.stderr.count("without its compiled kernel") == 1
    monkeypatch.setenv("GLMMLIB_KERNEL", "numpy")  # whoever asked for it knows
    run = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("numpy") and run.stderr == ""
