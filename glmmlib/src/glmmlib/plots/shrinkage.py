"""What partial pooling does to each group's estimates."""

import numpy as np
import pandas as pd

from ..arguments import AXIS, MODEL, NAME, NAMED, TABLE, accepts
from ..curves import factor_of
from ..errors import DataError, SeparationError
from ..rows import Rows
from ..start import fit_glm
from .style import (
    BLUE, GREEN, GREY, ORANGE, add_legend, describe, link_scale, name_groups, new_axes, number, with_units,
)


@accepts(result=MODEL, group=NAME)
def unpooled(result, group=None) -> pd.DataFrame:
    """Each group's own coefficients by maximum likelihood, without the random effects' distribution.

    What does not vary by the group stays as it was estimated: the other fixed effects, and the
    modes of the other grouping factors. Where every fixed effect varies by the group, these are the
    estimates of separate regressions.

    Parameters
    ----------
    result : GLMMResult. group : the grouping factor; needed where there are several.

    Returns
    -------
    DataFrame (J, q), fixed effect plus deviation, as in `result.coef`; missing where the group's
    rows have no finite estimate (all responses alike, say).

    Raises
    ------
    DataError
        When group names no grouping factor.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> gl.plots.unpooled(m).shape
    (10, 1)
    """
    factor = factor_of(result, group)
    design, block, b = result.design, result.design.blocks[factor], result.fit.b[factor]
    known = result.predict(type="link") - np.sum(block.Z * b[block.refs], axis=1)
    table = pd.DataFrame(np.nan, index=block.levels, columns=list(block.columns))
    order = np.argsort(block.refs, kind="stable")
    order = order[design.weights[order] > 0]
    for members in np.split(order, np.flatnonzero(np.diff(block.refs[order])) + 1):
        n = design.weights[members]
        rows = Rows(y=design.y[members] * n, n=n, X=block.Z[members], offset=known[members],
                    Z=(), refs=(), groups=(), starts=np.array([0]))
        try:
            table.iloc[block.refs[members[0]]] = fit_glm(rows, result.fit.family, block.columns).beta
        except SeparationError:
            continue
    return table + result.fixef.reindex(table.columns).fillna(0.0)


@accepts(result=MODEL, x=NAME, y=NAME, group=NAME, separate=TABLE, truth=TABLE, units=NAMED, ax=AXIS)
def plot_shrinkage(result, x=None, y=None, group=None, separate=None, truth=None, units=None, ax=None):
    """Arrows from each group's own estimates (no pooling) to its modes (partial pooling).

    Parameters
    ----------
    result : GLMMResult.
    x, y : names of two coefficients that vary by the group; the first two when omitted. Where only
        one varies, the groups stand along y.
    group : the grouping factor; needed where there are several.
    separate : DataFrame (J, columns x and y): the estimates without pooling; `unpooled(result)` when
        omitted.
    truth : DataFrame (J, columns x and y), optional: the true coefficients, where they are known.
    units : dict coefficient -> its units, for the axis; the link scale when not given.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis. The population's coefficients (the model's fixed effects, which are not those of complete
    pooling) are a cross or a line. Groups without a finite estimate of their own have no arrow.

    Raises
    ------
    DataError
        When group, x or y name nothing that varies, or a table lacks their rows or columns.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 + center(Size) | Subject)", gl.load_crowding())
    >>> gl.plots.plot_shrinkage(m).get_xlabel()
    '(Intercept) (log-odds)'
    """
    block = result.design.blocks[factor_of(result, group)]
    for name in (x, y):
        if name is not None and name not in block.columns:
            raise DataError(f"'{name}' does not vary by {block.group}; choose from: {', '.join(block.columns)}.")
    x = x or next(name for name in block.columns if name != y)
    y = y or next((name for name in block.columns if name != x), None)
    if x == y:
        raise DataError(f"x and y are both '{x}': name two coefficients.")
    names = [x] if y is None else [x, y]
    pooled = result.coef[block.group][names]
    for what, table in (("separate", separate), ("truth", truth)):
        if table is not None and not (pooled.index.isin(table.index).all() and set(names) <= set(table.columns)):
            raise DataError(f"{what} must have a row for each {block.group} and the columns {', '.join(names)}.")
    separate = (unpooled(result, block.group) if separate is None else separate).loc[pooled.index, names]
    population = result.fixef.reindex(names).fillna(0.0)
    order = pooled.index if y else pooled.sort_values(x).index
    known = separate.loc[order].notna().all(axis=1)
    known = known[known].index

    def place(table):
        table = table.loc[order]
        return table[x], (table[y] if y else pd.Series(np.arange(len(order)), index=order))

    made, ax = ax is None, new_axes(ax, 6.8, 5 if y else min(1.2 + 0.26 * len(order), 12))
    start, end = place(separate), place(pooled)
    for level in known:
        ax.annotate("", xy=(end[0][level], end[1][level]), xytext=(start[0][level], start[1][level]),
                    arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1, "shrinkA": 0, "shrinkB": 0,
                                "mutation_scale": 8}, zorder=1)
    if y:
        ax.plot([population[x]], [population[y]], "X", color="black", markersize=10, label="population")
    else:
        ax.axvline(population[x], color="black", linestyle="--", linewidth=1, label="population")
        name_groups(ax, order)
    if truth is not None:
        ax.plot(*place(truth), "*", color=GREEN, markersize=9, linestyle="none", label="truth")
    ax.plot(start[0][known], start[1][known], "o", color=ORANGE, fillstyle="none", label="no pooling")
    ax.plot(*end, "o", color=BLUE, markersize=5, label="partial pooling")
    scale = link_scale(result)
    labels = [with_units(name, (units or {}).get(name, scale)) for name in names]
    ax.set(xlabel=labels[0], ylabel=labels[1] if y else ax.get_ylabel())
    add_legend(ax, made)
    before, after = separate.loc[known].std(), pooled.loc[known].std()
    spread = [f"{name} from {number(before[name])} to {number(after[name])}" for name in names]
    lost = len(order) - len(known)
    verb = "narrows" if (after <= before).all() else "changes"
    describe(ax, f"Partial pooling {verb} the spread (SD) of {' and of '.join(spread)}",
             f"Arrows lead from the separate estimates of {len(known)} levels of {block.group} to the partially pooled "
             f"ones, towards the population at "
             + " and ".join(f"{number(population[name])} ({name})" for name in names) + "."
             + (f" Levels without a finite estimate of their own: {lost}." if lost else "")
             + (" Stars show the true values." if truth is not None else ""))
    return ax
