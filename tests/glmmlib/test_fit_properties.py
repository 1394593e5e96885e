"""What must hold for any data: invariances, recovery of known truth, certificates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import CODING, MAXIMAL, simulate

import glmmlib as gl
from glmmlib import laplace as laplace_room
from glmmlib._kernels import reference
from glmmlib.laplace import group_rows

FORMULA = "y ~ 1 + x + (1 + x | g)"
pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_row_order_and_labels_do_not_matter(seed):
    data = simulate(groups=12, rows=25, seed=seed % 50)
    m = gl.glmer(FORMULA, data)
    shuffled = data.sample(frac=1, random_state=seed)
    relabelled = shuffled.assign(g=shuffled.g.map(lambda name: "z" + name[::-1]))
    other = gl.glmer(FORMULA, relabelled)
    assert other.loglik == pytest.approx(m.loglik, abs=1e-7)
    np.testing.assert_allclose(other.fixef, m.fixef, atol=1e-5)
    modes = m.ranef["g"].rename(index=lambda name: "z" + name[::-1])
    np.testing.assert_allclose(other.ranef["g"].loc[modes.index], modes, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(scale=st.sampled_from([1e-3, 0.1, 7.0, 1e4]), shift=st.sampled_from([0.0, -3.0, 20.0]))
def test_units_of_the_predictor_do_not_matter(scale, shift):
    data = simulate(groups=15, rows=30, seed=1)
    m = gl.glmer(FORMULA, data)
    other = gl.glmer(FORMULA, data.assign(x=scale * (data.x + shift)))
    assert other.loglik == pytest.approx(m.loglik, abs=1e-5)
    assert other.fixef["x"] * scale == pytest.approx(m.fixef["x"], rel=1e-3)
    assert other.se["x"] * scale == pytest.approx(m.se["x"], rel=1e-2)
    np.testing.assert_allclose(other.predict(), m.predict(), atol=1e-3)


def test_merging_equal_rows_changes_nothing():
    data = simulate(groups=8, rows=60, seed=2)
    data["x"] = data.x.round()  # many equal rows
    m = gl.glmer(FORMULA, data)
    rows = group_rows(m.design.y, m.design.X, m.design.blocks[0].Z, m.design.blocks[0].refs, 8)
    assert len(rows.y) < len(data) / 4 and rows.n.sum() == len(data) and rows.y.sum() == data.y.sum()
    tiny = 1e-9 * np.arange(len(data))  # as good as equal, but no two rows are
    apart = gl.glmer(FORMULA, data.assign(x=data.x + tiny))
    assert apart.loglik == pytest.approx(m.loglik, abs=1e-5)
    assert apart.nobs == m.nobs == len(data)


def test_numpy_twin_fits_the_same(monkeypatch):
    data = simulate(groups=10, rows=20, seed=3)
    m = gl.glmer(FORMULA, data)
    monkeypatch.setattr(laplace_room, "laplace_kernel", reference.laplace)
    twin = gl.glmer(FORMULA, data)
    assert twin.loglik == pytest.approx(m.loglik, abs=1e-8)
    np.testing.assert_allclose(twin.se, m.se, rtol=1e-5)


@pytest.mark.parametrize("bars", ["|", "||"])
def test_known_truth_is_recovered(bars):
    """Large enough that every parameter lies within four standard errors of the truth."""
    data = simulate(groups=400, rows=60, beta=(0.5, 1.0), sd=(0.8, 0.5), rho=0.3 if bars == "|" else 0, seed=4)
    m = gl.glmer(f"y ~ 1 + x + (1 + x {bars} g)", data)
    assert m.converged and not m.is_singular
    assert np.all(np.abs(m.fixef - (0.5, 1.0)) < 4 * m.se)
    sd = m.varcorr[m.varcorr.var2.isna()].sdcor
    np.testing.assert_allclose(sd, (0.8, 0.5), atol=0.1)
    if bars == "|":
        assert m.varcorr[m.varcorr.var2.notna()].sdcor.item() == pytest.approx(0.3, abs=0.15)
    else:
        assert m.varcorr.var2.notna().sum() == 0


def test_intervals_cover_the_truth():
    """95% Wald intervals of the slope over 200 data sets; binomial noise is about 1.5%."""
    hits = 0
    for seed in range(200):
        m = gl.glmer(FORMULA, simulate(groups=25, rows=30, seed=1000 + seed))
        hits += abs(m.fixef["x"] - 1.0) < 1.96 * m.se["x"]
    assert 0.88 <= hits / 200 <= 0.99


def test_no_variance_in_the_data_gives_a_singular_fit():
    data = simulate(groups=20, rows=50, sd=(0.0, 0.0), rho=0, seed=1)
    with pytest.warns(gl.SingularFitWarning, match="zero variance"):
        m = gl.glmer(FORMULA, data)
    assert m.is_singular and m.converged
    assert np.all(np.isfinite(m.se))


def test_a_hidden_random_slope_is_found():
    """At zero standard deviation the gradient vanishes: a fit must not rest there."""
    data = simulate(groups=40, rows=60, sd=(0.0, 1.5), rho=0, seed=6)
    m = gl.glmer("y ~ 1 + x + (0 + x | g)", data)
    assert m.varcorr.sdcor.item() == pytest.approx(1.5, rel=0.3)


def test_lambda_has_a_non_negative_diagonal():
    for seed in range(5):
        m = gl.glmer(FORMULA, simulate(groups=10, rows=30, seed=seed))
        assert np.all(np.diag(m.fit.Lambda) >= 0)


def test_no_better_optimum_on_the_bundled_data():
    """From twenty other starting points the optimiser never finds a higher likelihood."""
    m = gl.glmer(MAXIMAL, gl.load_crowding(), contrasts=CODING)
    design, rng = m.design, np.random.default_rng(7)
    rows = group_rows(design.y, design.X, design.blocks[0].Z, design.blocks[0].refs, 10)
    start = laplace_room._Objective.start
    found = []
    for _ in range(20):
        jitter = rng.normal(scale=0.7, size=14)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(laplace_room._Objective, "start", lambda self: start(self) + jitter)
            found.append(laplace_room.fit_laplace(rows, design.blocks[0].pattern, design.coefnames).deviance)
    assert min(found) > m.fit.deviance - 1e-6
    assert np.median(found) == pytest.approx(m.fit.deviance, abs=1e-4)
