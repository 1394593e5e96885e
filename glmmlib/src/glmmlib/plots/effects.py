"""Predicted effects: what the fixed effects say of one predictor, the others held."""

import numpy as np

from ..arguments import AXIS, FLAG, FRACTION, MODEL, NAME, NAMED, NAMES, TEXT, accepts, one_of
from ..curves import curves_of, is_number
from .predictions import draw_band, predictions
from .style import (
    add_legend, describe, listed, looks, mean_of, name_of, new_axes, number, sentence, typical_of, with_units,
)

POINTS = 100  # of a curve


@accepts(result=MODEL, x=NAME, by=NAMES, at=NAMED, scale=one_of("response", "link"), marginal=FLAG, level=FRACTION,
         units=TEXT, ax=AXIS)
def plot_effects(result, x, by=(), at=None, scale="response", marginal=False, level=0.95, units=None, ax=None):
    """Predictions of the fixed effects over one predictor, with intervals.

    Parameters
    ----------
    result : GLMMResult or GLMResult.
    x : predictor: numeric for curves with bands, categorical for points with bars; units : of x.
    by : categorical predictors with curves of their own: a name or several, or None for all. Over
        the others eta is averaged with equal weights.
    at : dict numeric predictor -> value or values to hold it at; several give curves of their own.
        Other numeric predictors are held at their means.
    scale : "response" or "link".
    marginal : whether to draw beside the typical group's prediction (random effects zero) the mean
        over groups, which a curved link makes another; dotted, without an interval.
    level : coverage of the intervals: the delta method on the link scale.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis.

    Raises
    ------
    DataError
        When an argument names no predictor of the right kind, or no known scale.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) * Condition + (1 | Subject)", gl.load_crowding())
    >>> ax = gl.plots.plot_effects(m, "Condition", scale="link")
    >>> ax.get_ylabel()
    'log-odds of ResponseCorrect'
    """
    curves = curves_of(result, x, by, at=at)
    column = result.design.variables[x]
    numeric = is_number(column)
    values = np.linspace(column.min(), column.max(), POINTS) if numeric else (
        np.asarray(column.sort_values().unique(), dtype=object))
    table = predictions(result, curves, values, level, scale)
    if marginal:
        table["marginal"] = _marginal(result, curves, values, scale)
    names = [name_of(row) for _, row in curves.labels.iterrows()]
    parts = [table.iloc[i * len(values):(i + 1) * len(values)] for i in range(len(names))]
    made, ax = ax is None, new_axes(ax)
    for i, (part, look) in enumerate(zip(parts, looks(len(parts)))):
        colour, marker, line = look
        shift = 0 if numeric else 0.1 * (i - (len(parts) - 1) / 2)
        where = part[x] if numeric else np.arange(len(values)) + shift
        if numeric:
            draw_band(ax, part, x, look, names[i])
        else:
            ax.errorbar(where, part["predicted"], fmt=marker, color=colour, markersize=6, linewidth=1.5, label=names[i],
                        yerr=[part["predicted"] - part["lower"], part["upper"] - part["predicted"]])
        if marginal:
            ax.plot(where, part["marginal"], color=colour, linewidth=1.2, linestyle=":" if numeric else "none",
                    marker="none" if numeric else marker, fillstyle="none", markersize=9,
                    label=f"{names[i]}{', ' if names[i] else ''}mean over groups")
    if not numeric:
        ax.set_xticks(range(len(values)), [str(value) for value in values])
        ax.set_xlim(-0.5, len(values) - 0.5)
    ax.set(xlabel=with_units(x, units), ylabel=mean_of(result, scale))
    if any(names) or marginal:
        if marginal and not any(names):
            ax.lines[0].set_label("typical group")
        add_legend(ax, made, title=", ".join(curves.labels.columns))
    who = typical_of(result, "the model")
    describe(ax, _finding(result, x, parts, names, values, scale),
             _in_words(result, x, units, scale, who, parts, names, level, marginal))
    return ax


def _marginal(result, curves, values, scale):
    """The means over groups: on the link scale averaged as the typical group's are."""
    mean = curves.mean(values, lambda data: result.predict(data, re="marginal", type="link"))
    return mean if scale == "link" else result.fit.family.inverse(mean)


def _finding(result, x, parts, names, values, scale):
    """How far the prediction moves from the first to the last value of x, or between which levels."""
    if not is_number(parts[0][x]) and len(parts) == 1:
        low, high = (parts[0].loc[parts[0]["predicted"].agg(which)] for which in ("idxmin", "idxmax"))
        return (f"{sentence(mean_of(result, scale))} from {number(low['predicted'])} ({x} {low[x]}) to "
                f"{number(high['predicted'])} ({x} {high[x]})")
    changes = [f"{number(part['predicted'].iloc[0])} to {number(part['predicted'].iloc[-1])}"
               + (f" ({name})" if name else "") for part, name in zip(parts, names)]
    if len(changes) > 2:
        first = [part["predicted"].iloc[-1] - part["predicted"].iloc[0] for part in parts]
        low, high = int(np.argmin(first)), int(np.argmax(first))
        return (f"Over {x} the {mean_of(result, scale)} changes by {number(first[low])} ({names[low]}) to "
                f"{number(first[high])} ({names[high]})")
    ends = [number(v) if isinstance(v, float) else str(v) for v in (values[0], values[-1])]
    return f"From {x} {ends[0]} to {ends[1]}: {mean_of(result, scale)} from {listed(changes)}"


def _in_words(result, x, units, scale, who, parts, names, level, marginal):
    sentences = [f"Predictions for {who} against {with_units(x, units)}, with {100 * level:g} % intervals."]
    for part, name in zip(parts, names):
        shown = part.iloc[[0, -1]] if is_number(part[x]) else part
        sentences.append((f"{name}: " if name else "") + ", ".join(
            f"{number(row['predicted'])} [{number(row['lower'])}, {number(row['upper'])}]"
            + (f" (mean over groups {number(row['marginal'])})" if marginal else "") + " at "
            + (number(row[x]) if is_number(part[x]) else str(row[x])) for _, row in shown.iterrows()) + ".")
    return " ".join(sentences)
