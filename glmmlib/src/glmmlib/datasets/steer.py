"""Bringing one subject's eye-movement summaries to the values that the tutorial prints."""

from dataclasses import asdict, replace

from . import eye
from .columns import eye_columns, group_rng, three_digits
from .truth import SUBJECT_1_UNCROWDED


def steer_eye(start, n_trials, seed, subject=1, condition="uncrowded",
              target=SUBJECT_1_UNCROWDED):
    """An Eye whose `n_trials` simulated traces have the summaries in `target`.

    Fixed-point iteration on the traces that build_trials() will draw from the same seed.
    Speed, Curvature, DiffusionConstant and Area each have a parameter of their own.  Span
    then depends on how much trials differ: at a given mean diffusion D, a coefficient of
    variation c lowers the mean of sqrt(D), and with it Span, by about c**2 / 8.

    Raises RuntimeError if the printed digits are not reached.
    """
    tuned = start
    for _ in range(100):
        rng = group_rng(seed, subject, condition)
        _, got = eye_columns(*eye.simulate_traces(tuned, n_trials, rng))
        if all(three_digits(value) == target[name] for name, value in got.items()):
            return tuned
        ratio = {name: target[name] / value for name, value in got.items()}
        wide = ratio["DiffusionConstant.Subj"] ** 0.5 / ratio["Span.Subj"]
        tuned = _round(replace(
            tuned,
            speed=tuned.speed * ratio["Speed.Subj"],
            curvature=tuned.curvature * ratio["Curvature.Subj"],
            diffusion=tuned.diffusion * ratio["DiffusionConstant.Subj"],
            offset=tuned.offset * ratio["Area.Subj"] ** 0.5,
            drift_cv=max(tuned.drift_cv**2 + 8 * (wide - 1), 0) ** 0.5))
    raise RuntimeError(f"Subject {subject} ({condition}) cannot be steered to {target}: {got}.")


def _round(tuned):
    """`tuned` with five significant digits, so that the last bits of a sum cannot matter."""
    return eye.Eye(**{name: float(f"{value:.5g}") for name, value in asdict(tuned).items()})
