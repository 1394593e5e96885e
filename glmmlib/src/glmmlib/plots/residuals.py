"""Do the residuals look as the model says they should?"""

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri

from ..arguments import AXIS, FRACTION, GENERATOR, MODEL, NAME, TEXT, Kind, accepts, is_finite, whole
from ..curves import is_number
from ..errors import DataError
from .style import BLUE, GREY, ORANGE, add_legend, describe, mean_of, new_axes, number, quantile_of, with_units

RESIDUALS = Kind("a list of numbers", lambda values: np.ndim(values) == 1 and sum(
    is_finite(value) for value in np.array(values, dtype=object)) > 1)


@accepts(result=MODEL, x=NAME, bins=whole(), level=FRACTION)
def binned_residuals(result, x=None, bins=None, level=0.95) -> pd.DataFrame:
    """Mean residuals in bins, and how far from zero the model lets them be (Gelman & Hill 2007, 5.6).

    Parameters
    ----------
    result : GLMMResult. x : a numeric column that the formula uses; the fitted means when omitted.
    bins : how many bins of about equally many rows; the square root of the number of rows, at most
        40, when omitted.
    level : coverage of the limits, which are those of the model's own variance: z sqrt(sum of w V(mu)
        dispersion) / sum of w.

    Returns
    -------
    DataFrame, one row per bin: mean (of x), rows, residual (mean of y - mu, by prior weight), limit.

    Raises
    ------
    DataError
        When x is no numeric column of the formula.
    """
    design, mu = result.design, result.predict()
    if x is not None and (x not in design.variables or not is_number(design.variables[x])):
        numbers = [name for name in design.predictors if is_number(design.variables[name])]
        raise DataError(f"x='{x}' is not a numeric column of this model; choose from: {', '.join(numbers) or 'none'}.")
    w = design.weights
    data = pd.DataFrame({"x": mu if x is None else design.variables[x].to_numpy(), "w": w,
                         "residual": w * (design.y - mu),
                         "variance": w * result.family.variance(mu) * result.fit.dispersion})[w > 0]
    bins = int(min(np.sqrt(len(data)), 40)) if bins is None else bins
    groups = data.groupby(pd.qcut(data["x"], bins, duplicates="drop"), observed=True)
    sums = groups[["w", "residual", "variance"]].sum()
    return pd.DataFrame({"mean": groups["x"].mean(), "rows": groups.size(), "residual": sums["residual"] / sums["w"],
                         "limit": quantile_of(level) * np.sqrt(sums["variance"]) / sums["w"]}).reset_index(drop=True)


@accepts(result=MODEL, x=NAME, bins=whole(), level=FRACTION, units=TEXT, ax=AXIS)
def plot_binned_residuals(result, x=None, bins=None, level=0.95, units=None, ax=None):
    """Mean residuals of bins of rows against the fitted means or a predictor.

    Parameters
    ----------
    result, x, bins, level : as for `binned_residuals`. units : of x.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis. Bins beyond the limits are filled squares; about 1 - level of them will be when the
    model is right. (A little fewer: the modes have been fitted to the same rows.)

    Raises
    ------
    DataError
        As for `binned_residuals`.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> gl.plots.plot_binned_residuals(m, "Size", units="arcmin").get_xlabel()
    'Size (arcmin)'
    """
    table = binned_residuals(result, x, bins, level)
    outside = table["residual"].abs() > table["limit"]
    made, ax = ax is None, new_axes(ax)
    ax.axhline(0, color=GREY, linewidth=1)
    for sign in (-1, 1):
        ax.plot(table["mean"], sign * table["limit"], color=GREY, linestyle="--", linewidth=1.2,
                label=f"{100 * level:g} % limits" if sign > 0 else None)
    for rows, marker, colour, fill, name in ((table[~outside], "o", BLUE, "none", "within"),
                                             (table[outside], "s", ORANGE, "full", "beyond")):
        ax.plot(rows["mean"], rows["residual"], marker, color=colour, fillstyle=fill, markersize=5, label=name)
    against = f"fitted {mean_of(result)}" if x is None else with_units(x, units)
    ax.set(xlabel=against, ylabel=f"observed − fitted\n({mean_of(result)})")
    add_legend(ax, made)
    worst = table.loc[table["residual"].abs().idxmax()]
    describe(ax, f"{outside.sum()} of {len(table)} bins lie beyond their {100 * level:g} % limits "
             f"({(1 - level) * len(table):.1f} expected)",
             f"Mean residual of {len(table)} bins of {table['rows'].sum()} rows against {against}. The largest is "
             f"{number(worst['residual'])} at {number(worst['mean'])}, where the limit is {number(worst['limit'])}.")
    return ax


@accepts(result=MODEL, seed=GENERATOR, level=FRACTION, residuals=RESIDUALS, ax=AXIS)
def plot_quantile_residuals(result, seed=None, level=0.95, residuals=None, ax=None):
    """Ordered randomised quantile residuals against normal quantiles (Dunn & Smyth 1996).

    Parameters
    ----------
    result : GLMMResult. seed : of the randomisation.
    level : coverage, for each point, of the band in which ordered normal numbers lie.
    residuals : (N,) residuals that are standard normal where the model is true;
        ``result.residuals("quantile", seed)`` when omitted.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis. It draws the differences from the straight line (a detrended or worm plot: van Buuren &
    Fredriks 2001), because with many rows nothing can be seen of them on the line itself.

    Raises
    ------
    DataError
        When residuals are no numbers.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.lmer("ResponseTime ~ 1 + Condition + (1 | Subject)", gl.load_crowding())
    >>> ax = gl.plots.plot_quantile_residuals(m, residuals=m.residuals())
    >>> ax.get_xlabel()
    'normal quantile'
    """
    if residuals is None:
        residuals = result.residuals("quantile", seed)
    ordered = np.sort(np.asarray(residuals, dtype=float))
    ordered = ordered[~np.isnan(ordered)]
    n = len(ordered)
    rank, tail = np.arange(1, n + 1), (1 - level) / 2
    expected = ndtri((rank - 0.5) / n)
    lower, upper = (ndtri(betaincinv(rank, n + 1 - rank, q)) for q in (tail, 1 - tail))
    outside = (ordered < lower) | (ordered > upper)
    made, ax = ax is None, new_axes(ax)
    ax.fill_between(expected, lower - expected, upper - expected, color=GREY, alpha=0.25, linewidth=0,
                    label=f"{100 * level:g} % band")
    ax.axhline(0, color=GREY, linewidth=1)
    for these, marker, colour, name in ((~outside, "o", BLUE, "within"), (outside, "s", ORANGE, "beyond")):
        ax.plot(expected[these], (ordered - expected)[these], marker, color=colour, markersize=2.5, label=name)
    ax.set(xlabel="normal quantile", ylabel="residual − normal quantile")
    add_legend(ax, made, markerscale=2)
    describe(ax, f"{100 * np.mean(outside):.1f} % of the quantile residuals lie beyond their {100 * level:g} % band",
             f"{n} residuals with mean {number(ordered.mean())} and standard deviation {number(ordered.std(ddof=1))} "
             f"(0 and 1 where the model is right), from {number(ordered[0])} to {number(ordered[-1])}, where "
             f"{number(expected[0])} to {number(expected[-1])} are expected.")
    return ax
