"""A design's rows as the kernels want them: sorted by group, identical ones merged into counts."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Distinct rows, those of a group of the first grouping factor being neighbours.

    y, n : (N,) sums of weights times responses, and of weights: successes and trials, say.
    X : (N, p); offset : (N,).
    Z : per grouping factor (N, q); refs : per grouping factor (N,), index of the row's group.
    groups : per grouping factor, how many groups.
    starts : (J + 1,) the first factor's group j has rows starts[j]:starts[j + 1].
    """

    y: np.ndarray
    n: np.ndarray
    X: np.ndarray
    offset: np.ndarray
    Z: tuple[np.ndarray, ...]
    refs: tuple[np.ndarray, ...]
    groups: tuple[int, ...]
    starts: np.ndarray


def merge_rows(design, merge=True) -> Rows:
    """Sort a design's rows by its first grouping factor, leave out those of weight zero and, if
    merge, add up those that share all predictors and groups: the likelihood is the same.
    """
    blocks = design.blocks
    used = design.weights > 0
    refs = np.stack([block.refs for block in blocks])[:, used]
    y, n = (design.y * design.weights)[used], design.weights[used]
    widths = np.cumsum([design.X.shape[1], 1, *(block.Z.shape[1] for block in blocks)])[:-1]
    values = np.hstack([design.X, design.offset[:, None], *(block.Z for block in blocks)])[used]
    if merge:
        # Equal rows get equal keys and so become neighbours; unequal neighbours are never merged.
        weights = np.random.default_rng(0).normal(size=values.shape[1] + len(blocks) - 1)
        key = np.hstack([values, refs[1:].T]) @ weights
        order = np.lexsort((key, refs[0]))
    else:
        order = np.argsort(refs[0], kind="stable")
    values, refs, y, n = values[order], refs[:, order], y[order], n[order]
    if merge:
        new = np.any(refs[:, 1:] != refs[:, :-1], axis=0) | np.any(values[1:] != values[:-1], axis=1)
        first = np.flatnonzero(np.r_[True, new])
        values, refs = values[first], refs[:, first]
        y, n = np.add.reduceat(y, first), np.add.reduceat(n, first)
    X, offset, *Z = (np.ascontiguousarray(part) for part in np.split(values, widths, axis=1))
    return Rows(
        y, n, X, offset[:, 0], tuple(Z), tuple(refs), tuple(len(block.levels) for block in blocks),
        starts=np.searchsorted(refs[0], np.arange(len(blocks[0].levels) + 1)))
