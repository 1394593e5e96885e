"""Parametric bootstrap and power by simulation."""

import warnings

import numpy as np
import pandas as pd
import pytest
from models import simulate

import glmmlib as gl
from glmmlib.power_analysis import resampled
from glmmlib.replicates import replicate

pytestmark = pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")


@pytest.fixture(scope="module")
def m():
    return gl.glmer("y ~ x + (1 + x | g)", simulate(groups=15, rows=40, seed=4))


@pytest.fixture(scope="module")
def boot(m):
    return m.bootstrap(150, threshold, seed=1, progress=False)


def threshold(model):
    return -model.fixef["(Intercept)"] / model.fixef["x"]


def test_replicates_have_names_and_spread(m, boot):
    assert list(boot.replicates) == [*m.parameters.index, "threshold"] and len(boot.replicates) == 150
    np.testing.assert_allclose(boot.se[m.fixef.index], m.se, rtol=0.25)
    assert np.all(np.abs(boot.bias[m.fixef.index]) < 0.3 * m.se)
    assert boot.n_unconverged == 0 and boot.n_singular == boot.singular.sum() < 75


def test_each_replicate_is_the_fit_of_its_simulated_response(m, boot):
    child = np.random.SeedSequence(1).spawn(3)[2]
    again = m.refit(m.simulate(seed=np.random.default_rng(child)).sim_1)
    np.testing.assert_allclose(boot.replicates.iloc[2, :-1].astype(float), again.parameters)


def test_intervals_by_their_definitions(boot):
    r, estimate = boot.replicates["x"], boot.estimates["x"]
    low, high = np.quantile(r, [0.05, 0.95])
    assert boot.confint(0.9).loc["x"].to_list() == pytest.approx([low, high])
    assert boot.confint(0.9, "basic").loc["x"].to_list() == pytest.approx([2 * estimate - high, 2 * estimate - low])
    centre = 2 * estimate - r.mean()
    assert boot.confint(0.9, "normal").loc["x"].to_list() == pytest.approx(
        [centre - 1.6448536 * r.std(), centre + 1.6448536 * r.std()])
    with pytest.raises(gl.DataError, match="kind must be one of 'percentile', 'basic', 'normal', not 'bca'"):
        boot.confint(kind="bca")


def test_workers_do_not_change_the_replicates(m, boot):
    two = m.bootstrap(40, threshold, seed=1, n_jobs=2, progress=False)
    pd.testing.assert_frame_equal(two.replicates, boot.replicates.iloc[:40], check_exact=True)
    np.testing.assert_array_equal(two.singular, boot.singular[:40])


def test_the_backend_that_joblib_was_told_is_used(m, boot):
    import joblib

    with joblib.parallel_config(backend="threading", n_jobs=2):
        threads = m.bootstrap(20, seed=1, progress=False)
    pd.testing.assert_frame_equal(threads.replicates, boot.replicates.iloc[:20, :-1], check_exact=True)


def test_the_seed_decides(m):
    first, again, other = (m.bootstrap(3, seed=s, progress=False).replicates for s in (5, 5, 6))
    assert first.equals(again) and not first.equals(other)
    sequence = np.random.SeedSequence(5)
    for _ in range(2):  # asked twice, the same sequence says the same
        assert m.bootstrap(3, seed=sequence, progress=False).replicates.equals(first)


@pytest.mark.parametrize("statistic, names", [
    (lambda m: 1.0, ["statistic"]),
    (lambda m: [1.0, 2.0], ["statistic_1", "statistic_2"]),
    (lambda m: {"a": 1.0, "b": 2}, ["a", "b"]),
    (lambda m: pd.Series([1.0, 2.0], name="t"), ["t_1", "t_2"]),
    (lambda m: m.fixef.rename(lambda n: "my " + n), ["my (Intercept)", "my x"]),
])
def test_a_statistic_may_be_a_number_or_several(m, statistic, names):
    boot = m.bootstrap(2, statistic, seed=1, progress=False)
    assert list(boot.replicates)[len(m.parameters):] == names


def test_an_interrupt_keeps_what_is_done():
    seen = []

    def slow(rng):
        if len(seen) == 30:
            raise KeyboardInterrupt
        seen.append(rng.random())
        return seen[-1]

    with pytest.warns(gl.GlmmlibWarning, match=r"Interrupted after \d+ of 100 replicates"):
        kept = replicate(slow, 100, seed=1, progress=False)
    assert 20 <= len(kept) <= 30 and kept == seen[:len(kept)]


def test_replicates_that_cannot_be_fitted_are_counted():
    # So few rows that some simulated responses are all alike or separated.
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(list("abc"), 6), "x": rng.normal(size=18)})
    data["y"] = [0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boot = gl.glmer("y ~ x + (1 | g)", data).bootstrap(60, seed=1, progress=False)
    failed = boot.replicates.isna().all(axis=1)
    assert 0 < failed.sum() <= boot.n_unconverged and not boot.converged[failed].any()
    assert boot.confint().loc["x"].notna().all()


def test_progress_is_said_once_it_takes_a_while(capsys):
    from glmmlib.replicates import _Report

    report = _Report(10, patience=0)
    report(5)
    report.after = 0
    report(10)
    assert capsys.readouterr().err.endswith("10 of 10 replicates\n")


def test_what_cannot_be_done_is_named(m):
    with pytest.raises(gl.DataError, match="n must be a whole number, 1 or more, not"):
        m.bootstrap(0)
    with pytest.raises(gl.DataError, match="re must be one of 'new', 'conditional', not 'old'"):
        m.bootstrap(2, re="old", progress=False)


# --- power -----------------------------------------------------------------------------------

def test_power_rises_with_groups_and_is_alpha_without_effect(m):
    table = gl.power(m, "x", groups=[5, 20], rows=12, fixef={"x": 0.45}, n=40, seed=1, progress=False)
    assert list(table.groups) == [5, 20] and list(table.rows) == [12, 12] and list(table.n) == [40, 40]
    assert table.power[1] > table.power[0] + 2 * np.hypot(*table.mc_se)
    np.testing.assert_allclose(table.mc_se, np.sqrt(table.power * (1 - table.power) / 40))
    none = gl.power(m, "x", groups=15, rows=15, fixef={"x": 0}, n=60, seed=2, progress=False)
    assert none.power[0] < 0.17


def test_power_is_what_separate_studies_find():
    """Against data sets drawn and fitted from scratch."""
    found = [gl.glmer("y ~ x + (1 | g)", simulate(groups=10, rows=20, beta=(0.5, 0.35), sd=(0.8, 0), seed=900 + s))
             .coefficients["Pr(>|z|)"].iloc[1] < 0.05 for s in range(60)]
    m = gl.glmer("y ~ x + (1 | g)", simulate(groups=60, rows=60, sd=(0.8, 0), seed=3))
    table = gl.power(m, "x", groups=10, rows=20, fixef={"(Intercept)": 0.5, "x": 0.35}, n=60, seed=1, progress=False)
    assert table.power[0] == pytest.approx(np.mean(found), abs=3.5 * np.sqrt(2) * table.mc_se[0])


def test_a_resampled_design_copies_groups():
    data = simulate(groups=6, rows=12, seed=1)
    data["item"] = np.tile(np.arange(12) % 4, 6)
    data["session"] = data.g + "-" + (np.arange(72) // 6 % 2).astype(str)
    m = gl.glmer("y ~ x + (1 | g) + (1 | item) + (1 | session)", data)
    names = [block.group for block in m.design.blocks]
    design = resampled(m.design, names.index("g"), 9, 24, np.random.default_rng(0))
    blocks = {block.group: block for block in design.blocks}
    assert design.nobs == 9 * 24 and len(blocks["g"].levels) == 9
    assert len(blocks["item"].levels) == 4  # crossed: the same items
    assert len(blocks["session"].levels) == 18  # nested: sessions of their own
    donors = {tuple(np.sort(m.design.X[m.design.blocks[names.index("g")].refs == j, 1])) for j in range(6)}
    for j in range(9):  # each of the donor's rows twice
        x = np.sort(design.X[blocks["g"].refs == j, 1])
        assert tuple(x[::2]) in donors and np.array_equal(x[::2], x[1::2])


def test_power_names_what_it_cannot_do(m):
    with pytest.raises(gl.DataError, match="no fixed effect 'w'; there are: "):
        gl.power(m, "w", groups=10)
    with pytest.raises(gl.DataError, match="no grouping factor 'item'"):
        gl.power(m, "x", groups=10, by="item")
    with pytest.raises(gl.DataError, match="whole numbers"):
        gl.power(m, "x", groups=1)
