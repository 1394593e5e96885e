"""Adaptive staircases: which stimulus sizes a subject gets to see.

The procedure is the biased coin of Derman (1957, Ann. Math. Statist. 28, 885-890; studied
by Durham & Flournoy, 1994).  Sizes lie on a ladder.  After a miss the next digit is one
rung larger; after a hit it is one rung smaller with probability (1 - p)/p, and otherwise
stays.  The sizes then hover around the one that gives p correct, here p = 0.625, halfway
between guessing among four digits and perfection.

Because the sizes follow the subject, weaker subjects and the harder condition get larger
digits.  Pooled over subjects, Size is then a proxy for difficulty, and the pooled slope is
far below the slope within each subject.  `adaptive=False` draws the rungs at random
instead, and the gap disappears.
"""

import numpy as np
import pandas as pd

from .truth import CODES, CONDITIONS

SMALLEST, LARGEST = 0.4, 4.6     # arcmin, width of the digit
RUNG = 0.17                      # arcmin
BLOCKS = 4                       # staircases per subject and condition
STARTS = 0.4, 4.0     # arcmin; each block starts at a random size in between
TARGET = 0.625                   # proportion correct the staircase converges to
CENTRE = 1.89                    # arcmin; the coefficients hold here, near the mean size that results

CELL_COLUMNS = ("Subject", "Condition", "Size", "Trials", "Correct")


def run_staircases(intercept, slope, n_trials, rng, adaptive=True):
    """Sizes and outcomes of `n_trials` trials of one subject in one condition.

    intercept, slope : log-odds correct at CENTRE, and their change per arcmin.
    Returns (sizes in arcmin, correct as 0/1), arrays of shape (n_trials,).
    """
    ladder = np.round(np.arange(SMALLEST + RUNG * rng.random(), LARGEST, RUNG), 4)
    p_correct = 1 / (1 + np.exp(-(intercept + slope * (ladder - CENTRE))))
    down = (1 - TARGET) / TARGET
    first_trials = {round(block * n_trials / BLOCKS) for block in range(BLOCKS)}
    rungs, correct = np.empty(n_trials, int), np.empty(n_trials, int)
    for trial in range(n_trials):
        if trial in first_trials or not adaptive:
            rung = np.abs(ladder - rng.uniform(*STARTS)).argmin()
        rungs[trial] = rung
        correct[trial] = rng.random() < p_correct[rung]
        if not correct[trial]:
            rung = min(rung + 1, len(ladder) - 1)
        elif rng.random() < down:
            rung = max(rung - 1, 0)
    return ladder[rungs], correct


def simulate_cells(coefficients, n_trials, rng, adaptive=True):
    """Counts per subject, condition and size, as a DataFrame with CELL_COLUMNS.

    coefficients : (subjects, 4), each subject's log-odds coefficients, ordered as truth.TERMS.
    n_trials : (subjects, 2), trials per subject and condition (uncrowded, crowded).
    """
    cells = []
    for subject, (b0, b_size, b_condition, b_both) in enumerate(coefficients):
        for condition, n in zip(CONDITIONS, n_trials[subject]):
            code = CODES[condition]
            sizes, correct = run_staircases(
                b0 + code * b_condition, b_size + code * b_both, n, rng, adaptive)
            levels, where = np.unique(sizes, return_inverse=True)
            cells.append(pd.DataFrame({
                "Subject": subject + 1, "Condition": condition, "Size": levels,
                "Trials": np.bincount(where),
                "Correct": np.bincount(where, weights=correct).astype(int)}))
    return pd.concat(cells, ignore_index=True)
