"""From counts per cell to trials: all 17 columns, and the eye traces.

`cells` says how many trials each subject had at each size in each condition, and how many
were correct.  Everything else is drawn here, so that the columns agree with each other:
every summary column is computed from the trials and traces of the same rows.
"""

import numpy as np
import pandas as pd

from . import eye, mediation, weibull
from .truth import COLUMNS, CONDITIONS

# The eyes of a cohort, subject by subject: mean and SD between subjects (our choice,
# around what the tutorial prints for subject 1).
SPEED = 42.0, 3.0            # arcmin/s
CROWDING_ON_SPEED_SD = 1.5   # arcmin/s, between subjects
CURVATURE = 12.0, 0.8        # 1/arcmin at SPEED; faster paths are straighter
DIFFUSION = 12.0, 0.15       # arcmin^2/s, SD of the logarithm
CROWDING_ON_DIFFUSION = 1.06 # ratio crowded / uncrowded
OFFSET = 4.2, 0.12           # arcmin, SD of the logarithm

# Response times are lognormal and slowest at the subject's threshold.
MEDIAN_MS, SUBJECT_SD, TRIAL_SD = 1750.0, 0.10, 0.26
SLOWING, SLOW_RANGE, MISS_SLOWING = 0.25, 0.35, 0.06


def draw_eyes(n_subjects, rng):
    """One Eye per subject and condition: {(subject, condition): Eye}, subjects from 1."""
    eyes = {}
    for subject in range(1, n_subjects + 1):
        z = rng.standard_normal(5)
        shift = mediation.CROWDING_ON_SPEED + CROWDING_ON_SPEED_SD * z[1]
        for condition in CONDITIONS:
            crowded = condition == "crowded"
            speed = SPEED[0] + SPEED[1] * z[0] + shift * (crowded - 0.5)
            eyes[subject, condition] = eye.Eye(
                speed=speed,
                curvature=(CURVATURE[0] + CURVATURE[1] * z[2]) * SPEED[0] / speed,
                diffusion=DIFFUSION[0] * np.exp(DIFFUSION[1] * z[3])
                * CROWDING_ON_DIFFUSION**crowded,
                offset=OFFSET[0] * np.exp(OFFSET[1] * z[4]))
    return eyes


def build_trials(cells, eyes, seed):
    """The data set described by `cells`, one row per trial.

    cells : DataFrame with staircase.CELL_COLUMNS.
    eyes : {(subject, condition): Eye} for every subject and condition in `cells`.
    seed : list of ints; every subject and condition gets its own stream of random numbers.

    Returns (data, x, y): a DataFrame with truth.COLUMNS, and the traces in arcmin, two
    arrays of shape (len(data), eye.SAMPLES).
    """
    parts = []
    for (subject, condition), group in _groups(cells):
        rng = group_rng(seed, subject, condition)
        parts.append(_build_group(subject, condition, group, eyes[subject, condition], rng))
    data, x, y = zip(*parts)
    return as_factors(pd.concat(data, ignore_index=True)), np.concatenate(x), np.concatenate(y)


def as_factors(data):
    """`data` with Subject and Condition as categories in the tutorial's order."""
    subject = data["Subject"].astype(str)
    levels = sorted(subject.unique(), key=int)
    return data.assign(Subject=pd.Categorical(subject, levels),
                       Condition=pd.Categorical(data["Condition"], list(CONDITIONS)))


def three_digits(value):
    """`value` rounded to three significant digits, the precision the tutorial prints."""
    return float(f"{value:.3g}")


def eye_columns(x, y):
    """Trial and subject columns measured from the traces of one subject and condition."""
    trial = {"Curvature": eye.curvature(x, y).round(4), "Speed": eye.speed(x, y).round(4),
             "Span": eye.span(x, y).round(4)}
    summary = {"DiffusionConstant.Subj": eye.diffusion_constant(x, y),
               "Area.Subj": eye.area(x, y)}
    summary |= {f"{name}.Subj": np.nanmean(values) for name, values in trial.items()}
    return trial, summary


def group_rng(seed, subject, condition):
    """The stream of random numbers of one subject and condition; the traces come first."""
    return np.random.default_rng([*seed, subject, CONDITIONS.index(condition)])


def _groups(cells):
    for subject, one in cells.groupby("Subject"):
        for condition in CONDITIONS:
            yield (int(subject), condition), one[one["Condition"] == condition].sort_values("Size")


def _build_group(subject, condition, group, group_eye, rng):
    size, trials, hits = (group[name].to_numpy() for name in ("Size", "Trials", "Correct"))
    n = int(trials.sum())
    x, y = eye.simulate_traces(group_eye, n, rng)
    trial, summary = eye_columns(x, y)
    correct = np.concatenate([
        mediation.draw_hits(speeds, k, rng)
        for speeds, k in zip(np.split(trial["Speed"], np.cumsum(trials)[:-1]), hits)])
    threshold = weibull.threshold(size, trials, hits)
    summary = {"Threshold.Subj": threshold, **summary}

    expected = rng.integers(1, 5, n)
    another = (expected - 1 + rng.integers(1, 4, n)) % 4 + 1
    sizes = np.repeat(size, trials)
    data = pd.DataFrame({
        "Subject": subject, "Condition": condition,
        **{name: three_digits(value) for name, value in summary.items()},
        "Size": sizes, "Size.AvgPerformance": np.repeat((hits / trials).round(6), trials),
        "Response": np.where(correct, expected, another), "ResponseExpected": expected,
        "ResponseCorrect": correct.astype(int),
        "ResponseTime": _response_times(sizes / threshold, correct, rng), **trial,
    })
    return data[list(COLUMNS)], x, y


def _response_times(relative_size, correct, rng):
    """Response times in whole ms; relative_size is Size over the threshold."""
    slow = SLOWING * np.exp(-((relative_size - 1) / SLOW_RANGE) ** 2) + MISS_SLOWING * ~correct
    log_time = (np.log(MEDIAN_MS) + SUBJECT_SD * rng.standard_normal() + slow
                + TRIAL_SD * rng.standard_normal(len(correct)))
    return np.round(np.exp(log_time)).astype(int)
