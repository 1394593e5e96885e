"""Fresh cohorts from the published model."""

import numpy as np

from .columns import build_trials, draw_eyes
from .files import with_traces
from .staircase import simulate_cells
from .truth import FIXED_EFFECTS, random_covariance


def draw_coefficients(n_subjects, rng):
    """Each subject's four log-odds coefficients, shape (n_subjects, 4), ordered as truth.TERMS."""
    values, vectors = np.linalg.eigh(random_covariance())
    root = vectors * np.sqrt(np.maximum(values, 0))
    root *= np.sign(root[np.abs(root).argmax(axis=0), range(4)])    # the same on any machine
    return FIXED_EFFECTS + rng.standard_normal((n_subjects, 4)) @ root.T


def simulate(seed, subjects, trials, adaptive, traces):
    """See simulate_crowding(), which checks the arguments."""
    rng = np.random.default_rng(seed)
    coefficients = draw_coefficients(subjects, rng)
    n_trials = np.full((subjects, 2), trials)
    cells = simulate_cells(coefficients, n_trials, rng, adaptive)
    data, x, y = build_trials(cells, draw_eyes(subjects, rng), [seed])
    return with_traces(data, x, y) if traces else data
