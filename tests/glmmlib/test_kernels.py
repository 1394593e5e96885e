"""The compiled kernel, its NumPy twin, and the mathematics that both claim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import FAMILIES, responses
from scipy.integrate import quad
from scipy.special import expit

from glmmlib._kernels import _compiled as compiled
from glmmlib._kernels import reference
from glmmlib._kernels.terms import Border, Incidence
from glmmlib.family import Binomial

KERNELS = [pytest.param(k.laplace, id=k.NAME) for k in (reference, compiled)]


def problem(seed, groups=5, q=3, p=2, spread=1.0, max_trials=4):
    """Random arrays for a kernel: (y, n, X, beta, Z, starts, Lambda, u0)."""
    rng = np.random.default_rng(seed)
    starts = np.r_[0, np.cumsum(rng.integers(1, 12, size=groups))]
    rows = starts[-1]
    X, Z = rng.normal(size=(rows, p)), rng.normal(size=(rows, q))
    n = rng.integers(1, max_trials + 1, size=rows).astype(float)
    y = rng.binomial(n.astype(int), 0.6).astype(float)
    return y, n, X, rng.normal(size=p), Z, starts, spread * np.tril(rng.normal(size=(q, q))), np.zeros((groups, q))


def run(laplace, y, n, X, beta, Z, starts, Lambda, u0):
    return laplace(Binomial(), y, n, X @ beta, Z, starts, Lambda, u0)


STRUCTURES = ("nested", "crossed", "apart", "profile", "integrate")


def bordered(seed, family, structure, q=2):
    """Arrays for a family's kernel, and the border of a structure: one factor alone, crossed with another of two
    coefficients, the same with every second group meeting every second level only, and fixed effects solved for
    within, or integrated over too."""
    y, n, X, beta, Z, starts, Lambda, u0 = problem(seed, q=q, groups=6)
    rng = np.random.default_rng(seed)
    y = responses(family, rng, len(y), n)
    border = None
    if structure != "nested":
        K, inner, levels = 2 * 4, structure in ("profile", "integrate"), rng.integers(0, 4, len(y))
        if structure == "apart":
            levels = 2 * (levels // 2) + np.repeat(np.arange(6), np.diff(starts)) % 2
        columns = 2 * levels[:, None] + np.arange(2)
        values = rng.normal(size=(len(y), 2)) @ np.array([[0.6, 0.0], [0.2, 0.5]])
        if inner:
            columns = np.hstack([columns, np.tile([K, K + 1], (len(y), 1))])
            values = np.hstack([values, X])
        border = Border(Incidence(columns, starts, K + 2 * inner), values, np.zeros(K + 2 * inner), K,
                        K + 2 * (structure == "integrate"))
    return y, n, 0.3 * X @ beta, Z, starts, 0.7 * Lambda, u0, border


def evaluate(family, laplace, y, n, eta, Z, starts, Lambda, u0, border, observed=False):
    return laplace(family, y, n, eta, Z, starts, Lambda, u0, border=border, observed=observed)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.code is not None], ids=repr)
@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), observed=st.booleans(), q=st.integers(1, 3))
def test_twins_agree_for_every_family(family, structure, seed, observed, q):
    arrays = bordered(seed, family, structure, q)
    ours, theirs = (evaluate(family, k.laplace, *arrays, observed=observed) for k in (compiled, reference))
    assert np.isfinite(ours.deviance) == np.isfinite(theirs.deviance)
    if np.isfinite(theirs.deviance):
        for name in ours._fields:
            a, b = getattr(ours, name), getattr(theirs, name)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * (1 + np.max(np.abs(b), initial=0)), err_msg=name)


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("observed", [False, True])
def test_gradient_is_the_derivative_for_every_family(family, structure, observed):
    laplace = (compiled if family.code is not None else reference).laplace
    y, n, eta, Z, starts, Lambda, u0, border = bordered(3, family, structure)
    direction = np.random.default_rng(1).normal(size=len(y))

    def deviance(t=0.0, dLambda=0.0, scale=1.0, d_border=0.0):
        return evaluate(family, laplace, y * scale, n * scale, eta + t * direction, Z, starts, Lambda + dLambda, u0,
                        border and border._replace(values=border.values + d_border), observed).deviance

    terms = evaluate(family, laplace, y, n, eta, Z, starts, Lambda, u0, border, observed)
    assert np.isfinite(terms.deviance)
    h = 1e-5

    def agrees(analytic, up, down):
        assert analytic == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-5)

    if structure in ("nested", "crossed"):
        agrees(direction @ terms.score, deviance(t=h), deviance(t=-h))
    agrees(terms.scale, deviance(scale=np.exp(h)), deviance(scale=np.exp(-h)))
    for r, c in np.ndindex(Lambda.shape):
        step = np.zeros_like(Lambda)
        step[r, c] = h
        agrees(terms.dLambda[r, c], deviance(dLambda=step), deviance(dLambda=-step))
    if border is not None:  # a change of the other factor's Lambda, in its own column
        for c in range(2):
            z = np.random.default_rng(2).normal(size=len(y))
            step = np.zeros(border.values.shape)
            step[:, c] = h * z
            agrees(z @ terms.d_border[:, c], deviance(d_border=step), deviance(d_border=-step))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), q=st.integers(1, 5), spread=st.sampled_from([0.0, 0.1, 1.0, 5.0]))
def test_twins_agree(seed, q, spread):
    arrays = problem(seed, q=q, spread=spread)
    ours, theirs = run(compiled.laplace, *arrays), run(reference.laplace, *arrays)
    for name in ours._fields:
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("laplace", KERNELS)
@pytest.mark.parametrize("seed", range(5))
def test_gradient_is_the_derivative(laplace, seed):
    y, n, X, beta, Z, starts, Lambda, u0 = problem(seed)
    terms = run(laplace, y, n, X, beta, Z, starts, Lambda, u0)
    h = 1e-5

    def deviance(beta, Lambda):
        return run(laplace, y, n, X, beta, Z, starts, Lambda, u0).deviance

    for i in range(len(beta)):
        step = h * (np.arange(len(beta)) == i)
        slope = (deviance(beta + step, Lambda) - deviance(beta - step, Lambda)) / (2 * h)
        assert X[:, i] @ terms.score == pytest.approx(slope, abs=1e-6)
    for r, c in np.ndindex(Lambda.shape):  # above the diagonal too: Lambda need not be triangular
        step = np.zeros_like(Lambda)
        step[r, c] = h
        slope = (deviance(beta, Lambda + step) - deviance(beta, Lambda - step)) / (2 * h)
        assert terms.dLambda[r, c] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("laplace", KERNELS)
def test_modes_are_stationary(laplace):
    y, n, X, beta, Z, starts, Lambda, u0 = problem(3)
    terms = run(laplace, y, n, X, beta, Z, starts, Lambda, u0)
    for j, u in enumerate(terms.u):
        rows = slice(starts[j], starts[j + 1])
        M = Z[rows] @ Lambda
        mu = expit(X[rows] @ beta + M @ u)
        np.testing.assert_allclose(M.T @ (y[rows] - n[rows] * mu), u, atol=1e-9)


@pytest.mark.parametrize("laplace", KERNELS)
def test_no_random_effects_gives_the_glm(laplace):
    y, n, X, beta, Z, starts, Lambda, u0 = problem(4)
    eta = X @ beta
    terms = run(laplace, y, n, X, beta, Z, starts, 0 * Lambda, u0)
    assert terms.deviance == pytest.approx(-2 * np.sum(y * eta - n * np.logaddexp(0, eta)))
    np.testing.assert_allclose(terms.score, -2 * (y - n * expit(eta)), atol=1e-12)


def test_laplace_is_close_to_the_integral():
    """One group with many rows: the approximation must be near the likelihood it approximates."""
    rng = np.random.default_rng(5)
    eta, sd = rng.normal(size=60), 0.7
    y = (rng.random(60) < expit(eta + 0.5)).astype(float)

    def integrand(b):
        log = np.sum(y * (eta + b) - np.logaddexp(0, eta + b)) - b**2 / (2 * sd**2)
        return np.exp(log) / np.sqrt(2 * np.pi * sd**2)

    exact = -2 * np.log(quad(integrand, -5, 5, epsabs=0)[0])
    terms = compiled.laplace(Binomial(), y, np.ones(60), eta, np.ones((60, 1)), [0, 60], [[sd]], [[0.0]])
    assert terms.deviance == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("laplace", KERNELS)
def test_extreme_linear_predictors_stay_finite(laplace):
    y, n = np.array([1.0, 0.0, 1.0]), np.ones(3)
    terms = laplace(Binomial(), y, n, np.array([1e30, -1e30, 700.0]), np.ones((3, 1)), [0, 3], [[1.0]], [[0.0]])
    assert terms.deviance == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.isfinite(terms.score))


@pytest.mark.parametrize("laplace", KERNELS)
def test_nan_is_reported_not_looped_on(laplace):
    terms = laplace(Binomial(), [1.0, 0.0], [1.0, 1.0], [np.nan, 0.0], np.ones((2, 1)), [0, 2], [[1.0]], [[0.0]])
    assert np.isnan(terms.deviance)


@pytest.mark.parametrize("laplace", KERNELS)
@pytest.mark.parametrize("change, name", [
    ({"y": np.ones(3)}, "y"), ({"n": np.ones(9)}, "n"), ({"eta_fixed": np.ones((2, 2))}, "eta_fixed"),
    ({"Z": np.ones(2)}, "Z"), ({"starts": [0, 5]}, "starts"), ({"starts": [0, 3, 1, 2]}, "starts"),
    ({"Lambda": np.ones((2, 2))}, "Lambda"), ({"u0": np.ones((2, 1))}, "u0"),
])
def test_arrays_are_checked_at_the_boundary(laplace, change, name):
    good = dict(family=Binomial(), y=np.ones(2), n=np.ones(2), eta_fixed=np.zeros(2), Z=np.ones((2, 1)),
                starts=[0, 2], Lambda=np.ones((1, 1)), u0=np.zeros((1, 1)))
    laplace(**good)
    with pytest.raises(ValueError, match=name):
        laplace(**{**good, **change})


def test_exp_and_log1p_of_the_lanes_are_right_to_two_units_in_the_last_place():
    x = np.concatenate([np.linspace(-708, 0, 20_001), -np.logspace(-300, 2.8, 5_000), np.log(np.arange(1, 200) / 2)])
    exps, _ = compiled.lane_functions(x)
    u = np.concatenate([np.linspace(0, 1, 20_001), np.logspace(-300, 0, 5_000), 0.41421356237309503 + 1e-9 * np.arange(-9, 10)])
    _, logs = compiled.lane_functions(u)
    for ours, exact in ((exps, exactly(np.exp, x)), (logs, exactly(np.log1p, u))):
        error = np.abs((ours.astype(np.longdouble) - exact) / np.spacing(exact.astype(float)))
        assert error.max() <= 2


def exactly(function, x):
    """With the 64 bits of an x87 long double, where that is what a long double is."""
    return function(x.astype(np.longdouble))


def test_lanes_keep_nan_and_stop_at_the_ends():
    exps, _ = compiled.lane_functions([np.nan, -1e30, 1e30, 0.0])
    assert np.isnan(exps[0]) and 0 < exps[1] < 1e-300 and 1e300 < exps[2] < np.inf and exps[3] == 1


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.code is not None], ids=repr)
@pytest.mark.parametrize("rows", [0, 1, 7, 100])
def test_row_terms_are_the_family_s_own(family, rows):
    rng = np.random.default_rng(rows)
    n, eta = rng.integers(1, 5, rows).astype(float), 3 * rng.normal(size=rows)
    y = responses(family, rng, rows, n)
    for name, ours, theirs in zip(compiled.terms(family, y, n, eta)._fields, compiled.terms(family, y, n, eta),
                                  reference.terms(family, y, n, eta)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10, err_msg=name)


def test_a_border_that_is_met_in_part_or_in_whole_gives_the_same():
    """Groups that meet every coefficient go to BLAS, others coefficient by coefficient, components one by one."""
    y, n, eta, Z, starts, Lambda, u0, border = bordered(5, Binomial(), "apart")
    columns, K = border.incidence.columns, border.incidence.K
    parts, whole = (Incidence(columns, starts, K, whole=w) for w in (False, True))
    assert len(parts.touched) < len(whole.touched) and len(parts.components) > len(whole.components)
    results = [evaluate(Binomial(), compiled.laplace, y, n, eta, Z, starts, Lambda, u0, border._replace(incidence=i))
               for i in (parts, whole)]
    for name, one, other in zip(results[0]._fields, *results):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10, err_msg=name)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_an_incidence_is_what_its_columns_say(seed):
    rng = np.random.default_rng(seed)
    J, K, s = rng.integers(1, 6), rng.integers(2, 12), rng.integers(1, 3)
    starts = np.r_[0, np.cumsum(rng.integers(0, 4, J))]
    columns = np.sort(np.array([rng.permutation(K)[:s] for _ in range(starts[-1])], dtype=np.intp).reshape(-1, s), axis=1)
    incidence = Incidence(columns, starts, K)
    np.testing.assert_array_equal(incidence.order[incidence.places], columns)
    assert sorted(incidence.order) == list(range(K))
    sets = [set(incidence.order[a:b]) for a, b in zip(incidence.components, incidence.components[1:])]
    for j in range(J):
        mine = incidence.touched[incidence.offsets[j]:incidence.offsets[j + 1]]
        rows = slice(starts[j], starts[j + 1])
        np.testing.assert_array_equal(mine[incidence.local[rows]], incidence.places[rows])
        assert np.all(np.diff(mine) > 0) and set(incidence.order[mine]) <= sets[incidence.component_of[j]]
    if len(incidence.touched) < J * K:  # exactly the meetings, and components that cannot be split further
        met = {(j, k) for j in range(J) for k in columns[starts[j]:starts[j + 1]].ravel()}
        assert len(incidence.touched) == len(met)
        for component in sets:
            reached = set(list(component)[:1])
            while True:
                groups = {j for j, k in met if k in reached}
                wider = reached | {k for j, k in met if j in groups}
                if wider == reached:
                    break
                reached = wider
            assert reached == component


def test_chord_steps_lead_to_the_same_mode(monkeypatch):
    from glmmlib._kernels import _bordered

    arrays = bordered(6, Binomial(), "crossed")
    newton = evaluate(Binomial(), compiled.laplace, *arrays)
    monkeypatch.setattr(_bordered, "CHORD_GAIN", 0)
    chords = evaluate(Binomial(), compiled.laplace, *arrays)
    np.testing.assert_allclose(chords.border, newton.border, atol=1e-9)
    assert chords.deviance == pytest.approx(newton.deviance, abs=1e-10)
