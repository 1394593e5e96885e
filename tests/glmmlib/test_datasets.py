"""The crowding data: what is in them, that the files agree, and that loading notices damage."""

import shutil
import subprocess
import sys
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat
from scipy.optimize import minimize_scalar

from glmmlib.datasets import (columns, eye, files, formats, generate, load_crowding, mediation,
                              simulate_crowding, staircase, truth, weibull)
from glmmlib.errors import DataError

GROUP = ["Subject", "Condition"]


@pytest.fixture(scope="module")
def d():
    return load_crowding()


@pytest.fixture(scope="module")
def traces():
    return files.read_traces()


@pytest.fixture(scope="module")
def simulated():
    return simulate_crowding(1)


def logistic(X, y):
    """Maximum-likelihood logistic regression: (coefficients, standard errors)."""
    b = np.zeros(X.shape[1])
    for _ in range(25):
        mu = 1 / (1 + np.exp(-X @ b))
        information = X.T @ ((mu * (1 - mu))[:, None] * X)
        b = b + np.linalg.solve(information, X.T @ (y - mu))
    return b, np.sqrt(np.diag(np.linalg.inv(information)))


def size_slopes(data):
    """Slope of Size pooled over subjects, and the average slope within subject and condition."""
    size, code = data["Size"] - data["Size"].mean(), data["Condition"].astype(str).map(truth.CODES)
    X = np.column_stack([np.ones(len(data)), size, code, size * code])
    pooled = logistic(X, data["ResponseCorrect"].to_numpy())[0][1]
    within = [logistic(X[rows, :2], data["ResponseCorrect"].to_numpy()[rows])[0][1]
              for rows in data.reset_index().groupby(GROUP, observed=True).groups.values()]
    return pooled, np.mean(within)


# --- what is in the data ------------------------------------------------------------------

def test_shape_and_columns(d):
    assert d.shape == (6539, 17)
    assert tuple(d.columns) == truth.COLUMNS
    assert list(d["Subject"].cat.categories) == [str(i) for i in range(1, 11)]
    assert list(d["Condition"].cat.categories) == ["uncrowded", "crowded"]
    assert all(pd.api.types.is_numeric_dtype(d[name]) for name in d.columns[2:])


def test_rows_are_sorted_from_slowest_to_fastest(d):
    keys = list(zip(d["Subject"].cat.codes, d["Condition"].cat.codes, d["Size"]))
    assert keys == sorted(keys)


def test_counts_and_sizes(d):
    assert d["ResponseCorrect"].sum() == 4097
    assert d["Size"].between(0.4, 4.6).all()
    levels = d.groupby(GROUP, observed=True)["Size"].nunique()
    assert len(levels) == 20 and levels.between(9, 30).all()


def test_null_deviance_is_the_printed_one(d):
    p = d["ResponseCorrect"].mean()
    assert round(-2 * len(d) * (p * np.log(p) + (1 - p) * np.log(1 - p)), 1) == 8641.5


def test_pooled_regression_prints_the_tutorials_table(d):
    size, code = d["Size"] - d["Size"].mean(), d["Condition"].astype(str).map(truth.CODES)
    X, y = np.column_stack([np.ones(len(d)), size, code, size * code]), d["ResponseCorrect"].to_numpy()
    estimate, error = logistic(X, y)
    np.testing.assert_array_equal(estimate.round(5), [0.67989, 1.06677, -0.65333, -0.61150])
    np.testing.assert_allclose(error, [0.03212, 0.04961, 0.06424, 0.09921], atol=1e-5)
    eta = X @ estimate
    assert round(-2 * np.sum(y * eta - np.logaddexp(0, eta)), 1) == 8039.5


def test_published_conditional_modes_are_those_of_the_data(d):
    """At a conditional mode b = Sigma Z'(y - mu), whoever fits the model."""
    size, code = d["Size"] - d["Size"].mean(), d["Condition"].astype(str).map(truth.CODES)
    Z = np.column_stack([np.ones(len(d)), size, code, size * code])
    for subject, b in enumerate(truth.CONDITIONAL_MODES):
        rows = (d["Subject"].cat.codes == subject).to_numpy()
        mu = 1 / (1 + np.exp(-Z[rows] @ (truth.FIXED_EFFECTS + b)))
        score = Z[rows].T @ (d["ResponseCorrect"].to_numpy()[rows] - mu)
        np.testing.assert_allclose(truth.random_covariance() @ score, b, atol=0.02)


def test_responses_are_digits_and_agree_with_correct(d):
    assert set(d["Response"]) == set(d["ResponseExpected"]) == {1, 2, 3, 4}
    assert ((d["Response"] == d["ResponseExpected"]) == d["ResponseCorrect"].astype(bool)).all()


def test_average_performance_is_that_of_the_size(d):
    mean = d.groupby([*GROUP, "Size"], observed=True)["ResponseCorrect"].transform("mean")
    np.testing.assert_allclose(d["Size.AvgPerformance"], mean, atol=5.1e-7)


def test_response_times_are_skewed_and_slowest_near_threshold(d):
    time = d["ResponseTime"]
    assert time.between(1000, 4000).mean() > 0.95
    assert time.mean() > time.median()
    away = np.abs(np.log(d["Size"] / d["Threshold.Subj"]))
    assert time[away < 0.1].median() > time[away > 0.5].median() + 100


def test_subject_1_uncrowded_is_as_printed(d):
    first = d[(d["Subject"] == "1") & (d["Condition"] == "uncrowded")]
    for name, value in truth.SUBJECT_1_UNCROWDED.items():
        assert set(first[name]) == {value}


def test_subject_columns_are_constant_and_summarise_the_trials(d):
    groups = d.groupby(GROUP, observed=True)
    for name in ("Speed", "Curvature", "Span"):
        assert (groups[f"{name}.Subj"].nunique() == 1).all()
        expected = groups[name].mean().map(columns.three_digits)
        pd.testing.assert_series_equal(groups[f"{name}.Subj"].first(), expected, check_names=False)


def test_threshold_is_where_the_weibull_fit_reaches_62_5_percent(d):
    def best(t, size, correct):
        """-log-likelihood of the best Weibull function through 62.5% at size t."""
        def nll(log_beta):
            p = 0.25 + 0.75 * (1 - 0.5 ** ((size / t) ** np.exp(log_beta)))
            p = np.clip(p, 1e-12, 1 - 1e-12)
            return -(np.log(p) @ correct + np.log(1 - p) @ (1 - correct))
        return minimize_scalar(nll, bounds=(-1.6, 3), method="bounded").fun

    for _, group in d.groupby(GROUP, observed=True):
        size, correct = group["Size"].to_numpy(), group["ResponseCorrect"].to_numpy()
        t = minimize_scalar(best, bounds=(0.5, 4.5), args=(size, correct), method="bounded",
                            options={"xatol": 1e-6}).x
        assert group["Threshold.Subj"].iloc[0] == pytest.approx(t, abs=0.0051)


def test_weibull_finds_a_known_function():
    size = np.linspace(0.5, 4, 30)
    trials = np.full(30, 1e6)
    alpha, beta = weibull.fit_weibull(size, trials, trials * weibull.p_correct(size, 1.7, 2.4))
    assert (alpha, beta) == pytest.approx((1.7, 2.4), abs=1e-4)
    t = weibull.threshold(size, trials, trials * weibull.p_correct(size, 1.7, 2.4))
    assert weibull.p_correct(t, 1.7, 2.4) == pytest.approx(0.625, abs=1e-5)


# --- eye movements ------------------------------------------------------------------------

def test_trial_columns_follow_from_the_traces(d, traces):
    """The written definitions, spelled out trial by trial."""
    for trial in range(0, len(d), 13):
        x, y = traces[0][trial], traces[1][trial]
        steps, turns, bends = [], [], []
        for i in range(1, len(x)):
            steps.append(np.hypot(x[i] - x[i - 1], y[i] - y[i - 1]))
        for i in range(2, len(x)):
            if np.isfinite(steps[i - 1]) and np.isfinite(steps[i - 2]):
                before = np.arctan2(y[i - 1] - y[i - 2], x[i - 1] - x[i - 2])
                after = np.arctan2(y[i] - y[i - 1], x[i] - x[i - 1])
                turn = abs(after - before)
                turns.append(min(turn, 2 * np.pi - turn))
                bends.append((steps[i - 1] + steps[i - 2]) / 2)
        tracked = [step for step in steps if np.isfinite(step)]
        row = d.iloc[trial]
        if len(tracked) * 2 < len(steps):
            assert np.isnan(row["Speed"])
        else:
            assert row["Speed"] == pytest.approx(np.mean(tracked) * eye.RATE, abs=1e-4)
        # a step of zero has no direction; the data treat its turns as 0, arctan2 need not
        if min(tracked) > 0:
            assert row["Curvature"] == pytest.approx(sum(turns) / sum(bends), abs=1e-4)
        seen = np.isfinite(x)
        far = np.hypot(x[seen] - x[seen].mean(), y[seen] - y[seen].mean()).max()
        assert row["Span"] == pytest.approx(far, abs=1e-4)


def test_subject_columns_follow_from_the_traces(d, traces):
    x, y = traces
    for _, rows in d.groupby(GROUP, observed=True).indices.items():
        row = d.iloc[rows[0]]
        gx, gy = x[rows], y[rows]
        seen = np.isfinite(gx)
        sx, sy, r = gx[seen].std(ddof=1), gy[seen].std(ddof=1), np.corrcoef(gx[seen], gy[seen])[0, 1]
        ellipse = 2 * np.pi * -np.log(0.32) * sx * sy * np.sqrt(1 - r**2)
        assert row["Area.Subj"] == pytest.approx(ellipse, rel=0.005)
        lags = np.arange(1, eye.MAX_LAG + 1)
        msd = [np.nanmean((gx[:, k:] - gx[:, :-k]) ** 2 + (gy[:, k:] - gy[:, :-k]) ** 2) for k in lags]
        slope = np.cov(lags / eye.RATE, msd)[0, 1] / np.var(lags / eye.RATE, ddof=1)
        assert row["DiffusionConstant.Subj"] == pytest.approx(slope / 4, rel=0.005)


def test_speed_is_missing_exactly_where_half_of_the_trace_is(d, traces):
    steps = np.isfinite(np.diff(traces[0])).sum(axis=1)
    np.testing.assert_array_equal(d["Speed"].isna(), 2 * steps < eye.SAMPLES - 1)
    assert 30 < d["Speed"].isna().sum() < 200
    assert d.drop(columns="Speed").notna().all(axis=None)


def test_traces_are_exact_in_float32(traces):
    for positions in traces:
        assert positions.shape == (6539, eye.SAMPLES)
        whole = positions[np.isfinite(positions)] / eye.QUANTUM
        np.testing.assert_array_equal(whole, np.round(whole))


def test_measures_of_a_circle_and_of_a_line():
    t = np.arange(eye.SAMPLES)
    x, y = 2.5 * np.cos(0.1 * t)[None], 2.5 * np.sin(0.1 * t)[None]
    chord = 2 * 2.5 * np.sin(0.05)
    assert eye.speed(x, y)[0] == pytest.approx(chord * eye.RATE)
    assert eye.curvature(x, y)[0] == pytest.approx(0.1 / chord)
    line = (0.1 * t)[None]
    assert eye.curvature(line, line)[0] == pytest.approx(0, abs=1e-6)
    assert eye.span(line, 0 * line)[0] == pytest.approx(0.05 * (eye.SAMPLES - 1))


def test_diffusion_constant_of_brownian_motion():
    steps = np.random.default_rng(1).standard_normal((2, 20_000, eye.SAMPLES))
    x, y = np.cumsum(steps * np.sqrt(2 * 7.0 / eye.RATE), axis=2)
    assert eye.diffusion_constant(x, y) == pytest.approx(7.0, rel=0.03)


def test_simulated_eyes_move_as_told():
    told = eye.Eye(speed=44.0, curvature=11.5, diffusion=12.0, offset=4.0)
    x, y = eye.simulate_traces(told, 4000, np.random.default_rng(1))
    assert np.nanmean(eye.speed(x, y)) == pytest.approx(told.speed, rel=0.03)
    assert np.mean(eye.curvature(x, y)) == pytest.approx(told.curvature, rel=0.05)
    assert eye.diffusion_constant(x, y) == pytest.approx(0.75 * told.diffusion, rel=0.1)


# --- mediation ----------------------------------------------------------------------------

def test_hits_are_drawn_with_the_stated_odds():
    speed, rng = np.array([30.0, 40.0, 50.0, np.nan, 65.0]), np.random.default_rng(1)
    filled = np.where(np.isnan(speed), np.nanmean(speed), speed)
    pairs = list(combinations(range(5), 2))
    weight = np.exp([mediation.SPEED_EFFECT * filled[list(pair)].sum() for pair in pairs])
    n = 20_000
    drawn = [tuple(np.flatnonzero(mediation.draw_hits(speed, 2, rng))) for _ in range(n)]
    observed = np.array([drawn.count(pair) for pair in pairs])
    expected = n * weight / weight.sum()
    assert ((observed - expected) ** 2 / expected).sum() < 27.9      # chi-square, 9 df, p = .001


def test_speed_carries_part_of_the_effect_of_crowding(d):
    d = d.dropna(subset=["Speed"])
    code = d["Condition"].astype(str).map(truth.CODES).to_numpy()
    size, speed = (d[name].to_numpy() - d[name].mean() for name in ("Size", "Speed"))
    y = d["ResponseCorrect"].to_numpy()
    a_path = speed[code > 0].mean() - speed[code < 0].mean()
    assert a_path == pytest.approx(mediation.CROWDING_ON_SPEED, abs=1.0)

    X = np.column_stack([np.ones(len(d)), size, code, size * code])
    total, _ = logistic(X, y)
    direct, errors = logistic(np.column_stack([X, speed]), y)
    assert direct[4] < -5 * errors[4]                                # speed matters
    assert 0.1 < 1 - direct[2] / total[2] < 0.5                      # it carries a part ...
    assert direct[2] < -3 * errors[2]                                # ... and not all


def test_speed_effect_within_subjects_is_the_documented_one(d):
    d = d.dropna(subset=["Speed"])
    cell = d["Subject"].astype(str) + d["Condition"].astype(str)
    dummies = pd.get_dummies(cell).to_numpy(float)
    X = np.column_stack([dummies, dummies * d["Size"].to_numpy()[:, None], d["Speed"] - 40])
    b, errors = logistic(X, d["ResponseCorrect"].to_numpy())
    assert abs(b[-1] - mediation.SPEED_EFFECT) < 2.6 * errors[-1]


# --- the files agree ----------------------------------------------------------------------

def test_cells_are_the_counts_of_the_trials(d):
    cells = generate.read_cells(files.intact("crowding_cells.csv"))
    counts = (d.groupby([*GROUP, "Size"], observed=True)["ResponseCorrect"]
              .agg(["size", "sum"]).reset_index())
    np.testing.assert_array_equal(cells["Subject"].astype(str), counts["Subject"])
    np.testing.assert_array_equal(cells["Condition"], counts["Condition"])
    np.testing.assert_array_equal(cells[["Size", "Trials", "Correct"]], counts[["Size", "size", "sum"]])


def test_raw_file_is_the_same_under_other_names(d):
    raw = load_crowding(raw=True)
    assert {"Crowded", "Answer", "Correct", "Performance", "Response Time", "Trial Curvature",
            "Trial Speed"} <= set(raw.columns)
    back = raw.rename(columns={new: old for old, new in formats.RAW_NAMES.items()})
    pd.testing.assert_frame_equal(columns.as_factors(back[list(truth.COLUMNS)]), d)


def test_mat_file_agrees(d):
    mat = loadmat(files.intact("crowding.mat"), simplify_cells=True)["d"]
    for name in d.columns:
        values, expected = mat[name.replace(".", "_")], d[name]
        if isinstance(expected.dtype, pd.CategoricalDtype):
            values, expected = values.astype(str), expected.astype(str)
        np.testing.assert_array_equal(values, expected)


def test_rdata_file_agrees(d, traces):
    import rdata

    r = rdata.read_rda(files.intact("crowding.RData"))["d"]
    assert list(r.columns) == [*d.columns, "Trace.X", "Trace.Y"]
    for name in d.columns:
        if isinstance(d[name].dtype, pd.CategoricalDtype):
            assert list(r[name].cat.categories) == list(d[name].cat.categories)
            np.testing.assert_array_equal(r[name].astype(str), d[name].astype(str))
        else:
            np.testing.assert_array_equal(r[name], d[name])
    for name, positions in zip(("Trace.X", "Trace.Y"), traces):
        np.testing.assert_array_equal(np.stack(r[name]), positions)


@pytest.mark.parametrize("program, line, script", [
    ("Rscript", 'load("crowding.RData")',
     'cat(nrow(d), sum(d$Size), sum(d$Trace.X[[1]]), levels(d$Condition)[d$Condition[6539]])'),
    ("octave-cli", "load crowding.mat",
     'printf("%d %.10g %.10g %s", rows(d.Size), sum(d.Size), sum(d.Trace_X(:, 1)), d.Condition{6539})'),
])
def test_other_programs_load_the_data_with_one_line(d, traces, program, line, script):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    option = "-e" if program == "Rscript" else "--eval"
    said = subprocess.run([program, option, f"{line}; {script}"], cwd=files.FOLDER,
                          capture_output=True, text=True).stdout.split()
    assert [said[0], said[3]] == ["6539", "crowded"]
    assert float(said[1]) == pytest.approx(d["Size"].sum(), rel=1e-6)
    assert float(said[2]) == pytest.approx(traces[0][0].sum(), rel=1e-6)


def test_load_with_traces(d, traces):
    loaded = load_crowding(traces=True)
    pd.testing.assert_frame_equal(loaded[list(d.columns)], d)
    np.testing.assert_array_equal(np.stack(loaded["Trace.Y"]), traces[1])


def test_bundled_file_is_what_the_generator_makes(tmp_path):
    cells = generate.read_cells(files.intact("crowding_cells.csv"))
    data, x, _ = generate.build(cells)
    formats.write_csv(data, tmp_path / "crowding.csv")
    assert (tmp_path / "crowding.csv").read_bytes() == files.intact("crowding.csv").read_bytes()
    np.testing.assert_array_equal(x, files.read_traces()[0])


def test_generator_says_what_is_wrong_with_cells(tmp_path):
    cells = pd.read_csv(files.intact("crowding_cells.csv"))
    path = tmp_path / "cells.csv"
    cells.drop(columns="Trials").to_csv(path, index=False)
    with pytest.raises(DataError, match="lacks the column Trials"):
        generate.read_cells(path)
    cells.loc[6, "Correct"] = cells.loc[6, "Trials"] + 1
    cells.to_csv(path, index=False)
    with pytest.raises(DataError, match="Row 7 .* is impossible"):
        generate.read_cells(path)
    cells[cells["Subject"] > 1].to_csv(path, index=False)
    with pytest.raises(DataError, match="numbered from 1 without gaps"):
        generate.read_cells(path)


# --- loading ------------------------------------------------------------------------------

@pytest.fixture
def copied_folder(tmp_path, monkeypatch):
    for name in (*generate.DATA_FILES, files.CHECKSUMS):
        shutil.copy(files.FOLDER / name, tmp_path)
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    load_crowding(traces=True)
    return tmp_path


@pytest.mark.parametrize("name, options", [
    ("crowding.csv", {}), ("crowding_raw.csv", {"raw": True}), ("crowding.mat", {"traces": True})])
def test_an_edited_file_is_noticed(copied_folder, name, options):
    content = bytearray((copied_folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied_folder / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} .*checksum.*reinstall"):
        load_crowding(**options)


def test_a_missing_file_is_named(copied_folder):
    (copied_folder / "crowding.csv").unlink()
    with pytest.raises(DataError, match="crowding.csv is missing.*reinstall"):
        load_crowding()


@pytest.mark.parametrize("call, sentence", [
    (lambda: load_crowding(rwa=True), "load_crowding has no option 'rwa': use raw or traces."),
    (lambda: load_crowding("csv"), "raw must be True or False, not 'csv'."),
    (lambda: load_crowding(traces=None), "traces must be True or False, not None."),
    (lambda: simulate_crowding(1, n=3), "simulate_crowding has no option 'n': "
     "use seed, subjects, trials, adaptive or traces."),
    (lambda: simulate_crowding("x"), "seed must be a whole number, 0 or more, not 'x'."),
    (lambda: simulate_crowding(-1), "seed must be a whole number, 0 or more, not -1."),
    (lambda: simulate_crowding(1, subjects=0), "subjects must be a whole number, 1 or more, not 0."),
    (lambda: simulate_crowding(1, trials=2.5), "trials must be a whole number, 10 or more, not 2.5."),
    (lambda: simulate_crowding(1, adaptive=2), "adaptive must be True or False, not 2."),
])
def test_wrong_options_get_one_sentence(call, sentence):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == sentence


def test_import_is_light():
    code = ("import sys, glmmlib.datasets; "
            "sys.exit(any(m in sys.modules for m in ('matplotlib', 'statsmodels')))")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- fresh cohorts ------------------------------------------------------------------------

def test_simulated_data_look_like_the_bundled(d, simulated):
    assert simulated.shape == (6540, 17)
    assert list(simulated.columns) == list(d.columns)
    assert list(simulated.dtypes) == list(d.dtypes)
    assert 0.58 < simulated["ResponseCorrect"].mean() < 0.70
    assert simulated["Size"].between(staircase.SMALLEST, staircase.LARGEST).all()


def test_simulation_repeats_with_the_seed(simulated):
    pd.testing.assert_frame_equal(simulate_crowding(1), simulated)
    assert not simulate_crowding(2)["Size"].equals(simulated["Size"])
    # and on other machines: numbers written down once
    assert simulated["Size"].sum() == pytest.approx(12309.903, abs=1e-6)
    assert simulated["ResponseTime"].sum() == 14015544
    assert simulated["Span"].sum() == pytest.approx(18217.2155, abs=1e-3)


def test_adaptive_sizes_flatten_the_pooled_slope():
    adaptive = np.mean([size_slopes(simulate_crowding(seed)) for seed in range(3)], axis=0)
    fixed = np.mean([size_slopes(simulate_crowding(seed, adaptive=False)) for seed in range(3)], axis=0)
    assert adaptive[0] < 0.75 * adaptive[1]
    assert fixed[0] > 0.85 * fixed[1]


def test_bundled_data_have_the_puzzle(d):
    pooled, within = size_slopes(d)
    assert pooled == pytest.approx(1.07, abs=0.06)
    assert within > 1.6


def test_subjects_vary_as_published():
    from glmmlib.datasets.simulate import draw_coefficients
    drawn = draw_coefficients(20_000, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.mean(axis=0), truth.FIXED_EFFECTS, atol=0.015)
    np.testing.assert_allclose(np.cov(drawn.T), truth.random_covariance(), atol=0.01)
    assert np.linalg.matrix_rank(truth.random_covariance(), tol=1e-6) == 3
    np.testing.assert_allclose(np.sqrt(np.diag(truth.random_covariance())), truth.RANDOM_SD, atol=0.005)


def test_sizes_of_simulated_subjects_follow_the_model():
    sizes, correct = staircase.run_staircases(0.8, 1.8, 200_000, np.random.default_rng(1))
    X = np.column_stack([np.ones(len(sizes)), sizes - staircase.CENTRE])
    b, errors = logistic(X, correct)
    assert (np.abs(b - [0.8, 1.8]) < 4 * errors).all()
    assert correct.mean() == pytest.approx(staircase.TARGET, abs=0.01)


def test_simulation_can_be_small_and_bring_traces():
    small = simulate_crowding(3, subjects=2, trials=10, traces=True)
    assert small.shape == (40, 19)
    assert len(small["Trace.X"].iloc[0]) == eye.SAMPLES
    x, y = (np.stack(small[name]) for name in ("Trace.X", "Trace.Y"))
    np.testing.assert_allclose(eye.span(x, y), small["Span"], atol=1e-4)
