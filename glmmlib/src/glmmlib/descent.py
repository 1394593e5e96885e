"""Quasi-Newton descent (BFGS) of a smooth function with its exact gradient.

A fit's function costs less than a millisecond, often less than a general optimiser spends between two
calls; here little stands between them.
"""

import numpy as np

LONGEST = 5.0  # no coordinate moves further in one step


def descend(function, x, inverse, gain, escaped=lambda x: False):
    """A point near a minimum of the function, going downhill from x.

    Parameters
    ----------
    function : x (m,) -> value, gradient (m,); where it has no value, a huge one and any gradient.
    inverse : (m, m) positive definite, a guess of the inverse Hessian.
    gain : stop where a step promises to lower the function by less.
    escaped : x -> whether to stop there.
    """
    value, gradient = function(x)
    for steps in range(500):
        step = -inverse @ gradient
        step *= min(1.0, LONGEST / np.max(np.abs(step), initial=LONGEST))
        slope = gradient @ step
        if not -slope / 2 > gain:
            break
        found = _downhill(function, x, value, step, slope)
        if found is None:
            break
        new, new_value, new_gradient = found
        change, turn = new - x, new_gradient - gradient
        x, value, gradient = found
        if escaped(x):
            break
        curvature, moved = change @ turn, inverse @ turn
        if not curvature > 1e-10 * np.sqrt((change @ change) * (turn @ turn)):
            continue  # the function curves downwards here: nothing is learned of the minimum's curvature
        if steps < 3:  # the guess was too timid: as it was for this step, so for all
            factor = max(1.0, curvature / (turn @ moved))
            inverse, moved = factor * inverse, factor * moved
        inverse = inverse + (
            (1 + turn @ moved / curvature) * np.outer(change, change) - np.outer(moved, change) - np.outer(change, moved)
        ) / curvature
    return x


def _downhill(function, x, value, step, slope):
    """(point, value, gradient) lower than x along the step, shortened as the cubic through both ends
    says; None where there is none."""
    length = 1.0
    while length > 1e-10:
        point = x + length * step
        new, gradient = function(point)
        if new <= value + 1e-4 * length * slope:
            return point, new, gradient
        share = 0.1
        if new < 1e100:
            end = gradient @ step
            bend = slope + end + 3 * (value - new) / length
            root = np.sqrt(max(bend**2 - slope * end, 0.0))
            share = 1 - (end + root - bend) / max(end - slope + 2 * root, 1e-300)
        length *= min(max(share, 0.1), 0.6)
    return None
