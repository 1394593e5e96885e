"""Fixational eye movements: simulated traces, and what is measured from them.

A trace is the gaze position during one trial, x and y in arcmin relative to the digit,
SAMPLES positions taken RATE times a second (0.5 s).  NaN marks samples lost to a blink.

How a trace is made.  Each step between samples is the sum of two Gaussian components: a
slow drift that keeps its direction for a while (a first-order autoregression) and a jitter
without memory.  Three numbers describe it, and each is set by one quantity that can be
measured: the step size by Speed, the correlation of successive steps by Curvature, and the
persistence of the drift by DiffusionConstant.  That ocular drift resembles Brownian motion
with some persistence: Engbert & Kliegl (2004, Psychological Science 15, 431-436); Kuang et
al. (2012, Current Biology 22, 510-514).

Definitions (arrays of shape (trials, samples); only tracked samples count)

Speed, arcmin/s       mean step length times RATE; NaN if less than half of the steps were tracked
Curvature, 1/arcmin   sum of the absolute turning angles (radians) over the path they bend,
                      that is, over the mean length of the two steps at each turn
Span, arcmin          largest distance from the trial's mean position
DiffusionConstant, arcmin^2/s   one fourth of the slope of mean squared displacement against
                      lag, by least squares over lags up to MAX_LAG samples, all trials together
Area, arcmin^2        ellipse holding 68% of a bivariate normal distribution with the covariance
                      of all gaze positions, all trials together (Steinman, 1965)

The last two describe a set of trials, the first three a single trial.
"""

from dataclasses import dataclass

import numpy as np

RATE = 341                   # samples per second
SAMPLES = 170                # per trial: 0.5 s
QUANTUM = 1 / 128            # arcmin; positions are multiples of it, so float32 holds them exactly
MAX_LAG = 75                 # samples: 0.22 s
P_BLINK = 0.03               # trials in which part of the trace is lost


@dataclass(frozen=True)
class Eye:
    """One subject's eye movements in one condition: what the simulation is told to produce."""

    speed: float             # arcmin/s
    curvature: float         # 1/arcmin
    diffusion: float         # arcmin^2/s in the long run; lags up to MAX_LAG show a quarter less
    offset: float            # arcmin, SD over trials of where fixation lands, per axis
    speed_cv: float = 0.12   # variation of Speed from trial to trial
    drift_cv: float = 0.30   # variation of the drift's share from trial to trial


def simulate_traces(eye, n_trials, rng):
    """Traces of `n_trials` trials: x and y in arcmin, each of shape (n_trials, SAMPLES)."""
    step = eye.speed / RATE * np.sqrt(2 / np.pi)            # SD of a step along one axis
    turn = eye.curvature * eye.speed / RATE                 # mean turning angle, radians
    lag1 = np.cos(min(turn, 0.97 * np.pi / 2))              # correlation of successive steps
    excess = 2 * eye.diffusion / (RATE * step**2) - 1       # diffusion beyond that of free steps
    memory = np.clip(1 - 2 * lag1 / excess, lag1, 0.995) if excess > 2 * lag1 else lag1
    share = lag1 / memory                                   # of the drift in the step variance

    scale = step * np.exp(eye.speed_cv * rng.standard_normal(n_trials))
    shares = np.clip(share * np.exp(eye.drift_cv * rng.standard_normal(n_trials)), 0, 1)
    landing = eye.offset * rng.standard_normal((2, n_trials))
    noise = rng.standard_normal((2, SAMPLES, 2, n_trials))  # (component, sample, axis, trial)

    drift = noise[0]
    for t in range(1, SAMPLES):
        drift[t] = memory * drift[t - 1] + np.sqrt(1 - memory**2) * drift[t]
    steps = scale * (np.sqrt(shares) * drift + np.sqrt(1 - shares) * noise[1])
    position = np.cumsum(steps, axis=0)
    position += landing - position.mean(axis=0)
    x, y = np.round(position / QUANTUM).transpose(1, 2, 0) * QUANTUM
    return _blink(x, y, rng)


def _blink(x, y, rng):
    """Lose a stretch of the trace in some trials: from 10% to 85% of its samples."""
    for trial in np.flatnonzero(rng.random(len(x)) < P_BLINK):
        lost = int(SAMPLES * rng.uniform(0.10, 0.85))
        start = rng.integers(0, SAMPLES - lost + 1)
        x[trial, start:start + lost] = y[trial, start:start + lost] = np.nan
    return x, y


def speed(x, y):
    """Mean speed of each trial in arcmin/s, NaN where less than half of the steps were tracked."""
    length = np.hypot(np.diff(x), np.diff(y))
    tracked = np.isfinite(length).sum(axis=1)
    mean = np.nansum(length, axis=1) / np.maximum(tracked, 1) * RATE
    return np.where(2 * tracked >= length.shape[1], mean, np.nan)


def curvature(x, y):
    """Curvature of each trial's path in radians per arcmin."""
    step = np.diff(x) + 1j * np.diff(y)
    turn = np.abs(np.angle(step[:, 1:] * step[:, :-1].conj()))
    path = (np.abs(step[:, 1:]) + np.abs(step[:, :-1])) / 2
    tracked = np.isfinite(path)
    return np.where(tracked, turn, 0).sum(axis=1) / np.where(tracked, path, 0).sum(axis=1)


def span(x, y):
    """Largest distance from the mean position in each trial, arcmin."""
    centred = (v - np.nanmean(v, axis=1, keepdims=True) for v in (x, y))
    return np.nanmax(np.hypot(*centred), axis=1)


def diffusion_constant(x, y):
    """Diffusion constant of a set of trials in arcmin^2/s (a float)."""
    lags = np.arange(1, MAX_LAG + 1)
    msd = [np.nanmean((x[:, k:] - x[:, :-k])**2 + (y[:, k:] - y[:, :-k])**2) for k in lags]
    return np.polyfit(lags / RATE, msd, 1)[0] / 4


def area(x, y):
    """Area of the 68% ellipse of all gaze positions of a set of trials, arcmin^2 (a float)."""
    seen = np.isfinite(x)
    covariance = np.cov(x[seen], y[seen])
    return -2 * np.log(1 - 0.68) * np.pi * np.sqrt(np.linalg.det(covariance))
