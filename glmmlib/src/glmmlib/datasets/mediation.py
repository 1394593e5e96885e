"""Speed as a mediator: crowding -> speed of eye movements -> accuracy.

The truth, per trial, in log-odds of a correct response:

    logit P(correct) = (what depends on subject, condition and size) + SPEED_EFFECT * Speed

(the b path), while crowding makes the eye faster by CROWDING_ON_SPEED arcmin/s on average
(the a path).  Their product, -0.2, is the indirect effect: about a fifth of the published
total effect of Condition, -0.929 at the mean size.  The rest is direct.

How outcomes and speeds are brought together.  The counts correct per subject, condition and
size are given.  Given k hits among n trials with speeds s_1..s_n, the model above says that a
set H of k trials is the set of hits with probability proportional to exp(SPEED_EFFECT * sum of
s over H): all that is constant within the cell cancels, as in conditional logistic regression
(Breslow & Day, 1980, ch. 7).  That set is drawn exactly (Chen & Liu, 1997, Statistica Sinica 7,
875-892), so counts stay as they are and the speed effect within cells is exactly as stated.
"""

import numpy as np

CROWDING_ON_SPEED = 4.0      # a path: arcmin/s, crowded minus uncrowded
SPEED_EFFECT = -0.05         # b path: log-odds per arcmin/s


def draw_hits(speed, n_hits, rng):
    """Which trials of one cell are hits: a boolean array like `speed`, with `n_hits` True.

    speed : (n,) arcmin/s; a trial without Speed (NaN) counts as one of average speed.
    """
    usual = np.nanmean(speed) if np.isfinite(speed).any() else 0.0
    odds = np.exp(SPEED_EFFECT * np.nan_to_num(speed - usual))
    n = len(odds)
    # ways[i, k]: total weight of the sets of k hits among trials i, i+1, ..., n-1
    ways = np.zeros((n + 1, n_hits + 2))
    ways[n, 0] = 1
    for i in range(n - 1, -1, -1):
        ways[i] = ways[i + 1]
        ways[i, 1:] += odds[i] * ways[i + 1, :-1]
    hit, left = np.zeros(n, bool), n_hits
    for i in range(n):
        if left and rng.random() * ways[i, left] < odds[i] * ways[i + 1, left - 1]:
            hit[i], left = True, left - 1
    return hit
