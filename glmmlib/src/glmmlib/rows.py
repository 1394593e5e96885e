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


@dataclass(frozen=True)
class Arrangement:
    """A design's distinct rows in their order: made once, filled with any responses and weights.

    X, offset, Z, refs, groups : as in `Rows`.
    place : (nobs,) which distinct row each of the design's rows belongs to.
    """

    X: np.ndarray
    offset: np.ndarray
    Z: tuple[np.ndarray, ...]
    refs: tuple[np.ndarray, ...]
    groups: tuple[int, ...]
    place: np.ndarray

    def rows(self, y, weights) -> Rows:
        """The rows with responses y (nobs,) and weights (nobs,); those of weight zero are left out."""
        size = len(self.X)
        n = np.bincount(self.place, weights, size)
        total = np.bincount(self.place, np.where(weights > 0, y, 0.0) * weights, size)
        used = n > 0

        def kept(values):
            return values if used.all() else np.ascontiguousarray(values[used])

        refs = tuple(map(kept, self.refs))
        return Rows(
            kept(total), kept(n), kept(self.X), kept(self.offset), tuple(map(kept, self.Z)), refs, self.groups,
            starts=np.searchsorted(refs[0], np.arange(self.groups[0] + 1)))


def arrange(design, merge=True) -> Arrangement:
    """Sort a design's rows by its first grouping factor and, if merge, take together those that
    share all predictors and groups: the likelihood is the same.
    """
    blocks = design.blocks
    first, *others = (block.refs for block in blocks)
    parts = [design.X, design.offset[:, None], *(block.Z for block in blocks), *(refs[:, None] for refs in others)]
    if merge:
        # Equal rows get equal keys and so become neighbours; unequal neighbours are never merged.
        rng = np.random.default_rng(0)
        order = np.lexsort((sum(part @ rng.normal(size=part.shape[1]) for part in parts), first))
        new = np.r_[True, np.diff(first[order]) != 0]
        for column in (column for part in parts for column in part.T):
            in_order = column[order]
            new[1:] |= in_order[1:] != in_order[:-1]
    else:
        order = np.argsort(first, kind="stable")
        new = np.ones(len(order), dtype=bool)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.cumsum(new) - 1
    kept, taken = order[new], {}

    def take(matrix):  # what is one matrix in the design, as X and Z often are, stays one
        if id(matrix) not in taken:
            taken[id(matrix)] = np.ascontiguousarray(matrix[kept])
        return taken[id(matrix)]

    return Arrangement(
        take(design.X), design.offset[kept], tuple(take(block.Z) for block in blocks),
        tuple(block.refs[kept] for block in blocks), tuple(len(block.levels) for block in blocks), place)


def merge_rows(design, merge=True) -> Rows:
    """A design's rows as the kernels want them, see `arrange`."""
    return arrange(design, merge).rows(design.y, design.weights)
