"""Pictures of fitted models: plot_x(result, ...) -> matplotlib axes. Needs matplotlib.

Colours are Okabe and Ito's (2008), which survive every common form of colour blindness.
"""

from itertools import cycle

import numpy as np
import pandas as pd
from scipy.special import ndtri

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"


def plot_caterpillar(result, level=0.95, units=None, axes=None):
    """Conditional modes of the random effects with their intervals, one panel per coefficient.

    Parameters
    ----------
    result : GLMMResult.
    level : coverage of the intervals, which are mode +- z * conditional SD: they take the model's
        parameters as known.
    units : dict coefficient -> text for the panel's axis; "log-odds" when not given.
    axes : q matplotlib axes; a new row of panels when omitted.

    Returns
    -------
    (q,) array of matplotlib axes. Groups stand in the order of their first coefficient.
    """
    (modes,), (sd,) = result.ranef.values(), result.ranef_sd.values()
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(
            1, modes.shape[1], sharey=True, squeeze=False, layout="constrained",
            figsize=(2.9 * modes.shape[1], 1 + 0.26 * len(modes)))
    axes = np.ravel(axes)
    modes = modes.sort_values(modes.columns[0])
    half_width = ndtri((1 + level) / 2) * sd.loc[modes.index]
    for axis, name in zip(axes, modes):
        axis.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axis.errorbar(modes[name], np.arange(len(modes)), xerr=half_width[name],
                      fmt="o", color=BLUE, markersize=4, linewidth=1.2)
        axis.set_title(name.replace(":", ":\n"), fontsize=9)
        axis.set_xlabel(f"deviation ({(units or {}).get(name, 'log-odds')})", fontsize=9)
    axes[0].set_yticks(np.arange(len(modes)), modes.index)
    axes[0].set_ylabel(modes.index.name)
    return axes


def plot_shrinkage(separate, pooled, population, truth=None, ax=None):
    """Arrows from separately fitted coefficients to the partially pooled ones.

    Parameters
    ----------
    separate, pooled : DataFrames (J, 2), same index and columns: no pooling, partial pooling.
    population : (2,) the fixed effects, where everything is drawn to.
    truth : DataFrame (J, 2), optional: the true coefficients, where they are known.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
    x, y = separate.columns
    for level in separate.index:
        ax.annotate("", xy=pooled.loc[level], xytext=separate.loc[level],
                    arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1})
    if truth is not None:
        ax.plot(truth[x], truth[y], "*", color=GREEN, markersize=9, label="truth")
    ax.plot(separate[x], separate[y], "o", color=ORANGE, fillstyle="none", label="no pooling")
    ax.plot(pooled[x], pooled[y], "o", color=BLUE, label="partial pooling")
    ax.plot(*population, "X", color="black", markersize=10, label="population")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.legend(frameon=False, fontsize=9)
    return ax


def plot_psychometric(data, predict=None, x="Size", y="ResponseCorrect", by="Condition", bins=8,
                      level=0.95, xlabel="size (arcmin)", ylabel="proportion correct", ax=None):
    """Binned proportions with their intervals, and a model's curves over them.

    Parameters
    ----------
    data : DataFrame, one row per trial; y is 0 or 1.
    predict : function DataFrame with columns x and `by` -> probabilities, such as a fit's
        `predict`; no curves when omitted.
    x, y : column names. by : column whose levels have a colour each (four, then they repeat).
    bins : how many bins of about equally many trials, for each level.
    level : coverage of Wilson's intervals, which take the trials of a bin as independent.
    xlabel, ylabel : with units.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis, and a table of the bins: level of `by`, mean of x, trials, proportion, lower, upper
    and (with `predict`) predicted, the mean prediction for the bin's own trials.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(6.8, 4.4), layout="constrained")
    tables = []
    looks = cycle(zip((BLUE, ORANGE, GREEN, GREY), "osD^"))
    for (name, rows), (colour, marker) in zip(data.groupby(by, observed=True), looks):
        if predict is not None:
            grid = np.linspace(rows[x].min(), rows[x].max(), 200)
            ax.plot(grid, predict(pd.DataFrame({x: grid, by: name})), color=colour, linewidth=2)
            rows = rows.assign(predicted=predict(rows))
        table = _bins(rows, x, y, bins, level)
        table.insert(0, by, name)
        ax.errorbar(table[x], table["proportion"], fmt=marker, color=colour, markersize=5, linewidth=1.2,
                    yerr=[table["proportion"] - table["lower"], table["upper"] - table["proportion"]], label=name)
        tables.append(table)
    ax.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1))
    ax.legend(frameon=False, fontsize=9, loc="lower right",
              title="points: trials, curves: model" if predict else None, title_fontsize=9)
    return ax, pd.concat(tables, ignore_index=True)


def _bins(rows, x, y, bins, level):
    """Mean x, trials, proportion and Wilson's interval of bins of about equally many rows."""
    groups = rows.groupby(pd.qcut(rows[x], bins, duplicates="drop"), observed=True)
    table = groups.agg(**{x: (x, "mean"), "trials": (y, "size"), "proportion": (y, "mean")})
    n, p, z = table["trials"], table["proportion"], ndtri((1 + level) / 2)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    table["lower"], table["upper"] = centre - half, centre + half
    if "predicted" in rows:
        table["predicted"] = groups["predicted"].mean()
    return table.reset_index(drop=True)
