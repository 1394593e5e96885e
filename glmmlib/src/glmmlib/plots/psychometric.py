"""Psychometric curves over the trials that they were fitted to."""

import numpy as np
import pandas as pd

from ..arguments import AXES, AXIS, FRACTION, MODEL, NAME, NAMES, TEXT, Kind, accepts, some, whole
from ..columns import label
from ..curves import curves_of, factor_of, is_number
from ..errors import DataError
from ..thresholds import thresholds
from .predictions import draw_band, predictions
from .style import (
    GREY, add_legend, describe, describe_panels, listed, looks, mean_of, name_of, new_axes, new_panels, number,
    quantile_of, sentence, typical_of, with_units,
)

MEMBERS = Kind("a list of levels", lambda value: np.iterable(value) and not isinstance(value, str))
TARGETS = some(FRACTION, "a number between 0 and 1, or a list of them", least=0)
POINTS = 200  # of a curve


@accepts(result=MODEL, x=NAME, by=NAMES, bins=whole(), level=FRACTION)
def binned(result, x="Size", by=None, bins=8, level=0.95, rows=None) -> pd.DataFrame:
    """Proportions of successes in bins of a predictor, beside what the model predicts there.

    Parameters
    ----------
    result : GLMMResult or GLMResult of the binomial family.
    x : numeric predictor; by : categorical predictors whose levels are binned apart, all when omitted.
    bins : how many bins of about equally many rows, for each combination of levels; a predictor with
        no more values than that has one for each value.
    level : coverage of Wilson's intervals, which take the trials of a bin as independent.
    rows : (N,) True for the rows to count; all when omitted.

    Returns
    -------
    DataFrame, one row per bin: the columns `by`, x (its mean over the trials), trials, proportion,
    lower, upper, and predicted, the mean prediction for the bin's own trials.

    Raises
    ------
    DataError
        When the family is not binomial, or a column is not a predictor of the right kind.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> int(gl.plots.binned(m, bins=5).trials.sum())
    6539
    """
    _require_psychometric(result, x)
    by = list(curves_of(result, x, by).labels)
    design, z = result.design, quantile_of(level)
    if rows is not None and (np.shape(rows) != (design.nobs,) or np.asarray(rows).dtype != bool):
        raise DataError(f"rows must be True or False for each of the {design.nobs} rows.")
    data = design.variables[[x, *by]].assign(
        _trials=design.weights, _hits=design.weights * design.y, _expected=design.weights * result.predict())
    data = data[design.weights > 0] if rows is None else data[(design.weights > 0) & rows]
    tables = []
    for key, part in data.groupby(by, observed=True) if by else [((), data)]:
        few = part[x].nunique() <= bins
        cut = part[x] if few else pd.qcut(part[x], bins, duplicates="drop")
        sums = part.assign(_x=part[x] * part["_trials"]).groupby(cut.to_numpy(), observed=True)[
            ["_x", "_trials", "_hits", "_expected"]].sum()
        n = sums["_trials"].to_numpy()
        p = sums["_hits"].to_numpy() / n
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        tables.append(pd.DataFrame(dict(zip(by, key)) | {
            x: sums["_x"].to_numpy() / n, "trials": n, "proportion": p,
            # Rounding must not put p = 0 or 1 outside its interval.
            "lower": np.clip(centre - half, 0, p), "upper": np.clip(centre + half, p, 1), "predicted": sums["_expected"].to_numpy() / n}))
    return pd.concat(tables, ignore_index=True)


@accepts(result=MODEL, x=NAME, p=TARGETS, by=NAMES, group=NAME, bins=whole(0), level=FRACTION, units=TEXT, ax=AXIS)
def plot_psychometric(result, x="Size", p=None, by=None, group=None, member=None, bins=8, level=0.95,
                      units=None, ax=None):
    """Psychometric curves of the typical group or of one group, with thresholds, over binned trials.

    Parameters
    ----------
    result : GLMMResult or GLMResult of the binomial family.
    x : numeric predictor; units : its units, for the axis.
    p : proportion, or several, whose thresholds are marked on the curves with their intervals; halfway
        between guess rate and 1 - lapse rate when omitted, if eta is straight in x; () for none.
    by : categorical predictors with curves of their own: a name or several, all when omitted.
    member : level of the grouping factor `group` whose own curves are drawn, over its own trials and
        thin lines for the typical group; the typical group over all trials when omitted. (Its curve
        is not the mean over groups, so the points need not lie on it.)
    bins : as for `binned`; no points when 0.
    level : coverage of all intervals: of the bands by the delta method from the joint covariance of
        (beta, b), of the points Wilson's.
    ax : matplotlib axis; a new one when omitted.

    Returns
    -------
    The axis. Guess and lapse rate are marked as asymptotes, where there are any.

    Raises
    ------
    DataError
        When the family is not binomial, or an argument names nothing in the model.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) * Condition + (1 | Subject)", gl.load_crowding())
    >>> ax = gl.plots.plot_psychometric(m, p=0.625, units="arcmin")
    >>> ax.get_title()
    '62.5 % at 1.59 arcmin (uncrowded) and 2.16 arcmin (crowded)'
    """
    _require_psychometric(result, x)
    factor = None if member is None else factor_of(result, group)
    curves = curves_of(result, x, by, factor)
    name_of_group, rows = None, None
    if member is not None:
        block = result.design.blocks[factor]
        name_of_group, rows = block.group, block.refs == _position(block, member)
        own = curves.at(np.array([0.0]))[0][2][factor] == _position(block, member)
        curves = curves.only(own)
    by = [column for column in curves.labels if factor is None or column not in result.design.groupings[factor].factors]
    made, ax = ax is None, new_axes(ax, height=4.4 + 0.22 * len(curves.labels))
    span = result.design.variables[x]
    values = np.linspace(span.min(), span.max(), POINTS)
    marks = _marks(result, p, x, by, name_of_group, level)
    if member is not None:
        marks = [(target, table[own].reset_index(drop=True)) for target, table in marks]
        typical = curves_of(result, x, by)
        for part, look in _parts(predictions(result, typical, values, level), typical, looks(len(typical.labels))):
            ax.plot(part[x], part["predicted"], color=look[0], linestyle=look[2], linewidth=0.8)
    parts = list(_parts(predictions(result, curves, values, level), curves, looks(len(curves.labels))))
    names = [name_of(row) for _, row in curves.labels[by].iterrows()]
    for i, (part, look) in enumerate(parts):
        draw_band(ax, part, x, look, ": ".join(filter(None, [names[i], _thresholds_in_words(marks, i, units)])))
        for target, table in marks:
            _draw_threshold(ax, table.iloc[i], target, look, values)
    points = binned(result, x, by, bins, level, rows) if bins else None
    if points is not None:
        for key, (_, look) in zip(curves.labels[by].itertuples(index=False), parts):
            here = points[(points[by] == list(key)).all(axis=1)]
            ax.errorbar(here[x], here["proportion"], fmt=look[1], color=look[0], markersize=5, linewidth=1,
                        yerr=[here["proportion"] - here["lower"], here["upper"] - here["proportion"]])
    _draw_asymptotes(ax, result.fit.family)
    ax.set(xlabel=with_units(x, units), ylabel=mean_of(result), ylim=(-0.02, 1.02), xlim=_padded(values))
    whose = f"{name_of_group} {label(member)}" if member is not None else typical_of(result, "all trials pooled")
    if any(handle.get_label() and not handle.get_label().startswith("_") for handle in ax.lines):
        add_legend(ax, made, title=f"curves: {whose}; points: {'its' if member is not None else 'all'} trials in bins")
    describe(ax, _finding(marks, names, units, name_of_group and f"{name_of_group} {label(member)}"),
             _in_words(result, x, units, whose, names, [part for part, _ in parts], marks, points, level))
    return ax


@accepts(result=MODEL, x=NAME, p=TARGETS, by=NAMES, group=NAME, members=MEMBERS, bins=whole(0), level=FRACTION,
         units=TEXT, axes=AXES)
def plot_psychometric_panels(result, x="Size", p=None, by=None, group=None, members=None, bins=5, level=0.95,
                             units=None, axes=None):
    """`plot_psychometric` for each group: one panel per group.

    Parameters
    ----------
    result, x, p, by, bins, level, units : as for `plot_psychometric`.
    group : the grouping factor; needed where there are several. members : the levels to draw, all
        when omitted.
    axes : as many matplotlib axes; new ones, five to a row, when omitted.

    Returns
    -------
    Array of axes, one per group.

    Raises
    ------
    DataError
        As for `plot_psychometric`, and when the number of axes is another.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> len(gl.plots.plot_psychometric_panels(m, members=["1", "2"]))
    2
    """
    _require_psychometric(result, x)
    block = result.design.blocks[factor_of(result, group)]
    members, made = list(block.levels if members is None else members), axes is None
    if not members:
        raise DataError(f"members names no level of {block.group}: leave it out for all of them.")
    axes = new_panels(axes, len(members), columns=5, width=2.3, height=2.2, what="groups", sharex=True, sharey=True)
    texts = []
    for ax, member in zip(axes, members):
        plot_psychometric(result, x, p, by, block.group, member, bins, level, units, ax)
        texts.append(ax.glmmlib_alt.split(". Proportion")[0] + ".")
        del ax.glmmlib_alt
        ax.set_title(f"{block.group} {label(member)}", fontsize=9)
        ax.set(xlabel="", ylabel="")
        if ax.get_legend():
            ax.get_legend().remove()
    figure = axes[0].figure
    if made:
        figure.supxlabel(with_units(x, units), fontsize=10)
        figure.supylabel(mean_of(result), fontsize=10)
        names = [name_of(row) for _, row in curves_of(result, x, by).labels.iterrows()]
        handles = [line for line in axes[0].lines if not line.get_label().startswith("_")]
        if any(names):
            figure.legend(handles, names, loc="outside right upper", frameon=False, fontsize=9)
    else:
        for ax in axes:
            ax.set(xlabel=with_units(x, units), ylabel=mean_of(result))
    describe_panels(axes, f"Psychometric curves of {len(members)} levels of {block.group}"
                    " (thin lines: the typical one)", " ".join(texts), made)
    return axes


def _require_psychometric(result, x):
    if not hasattr(result.family, "binomial_link"):
        raise DataError("Psychometric functions belong to the binomial family, and this model is "
                        f"{result.family.name}: use plot_effects.")
    if x in result.design.variables and not is_number(result.design.variables[x]):
        raise DataError(f"x='{x}' is not numeric, so there is no curve along it: use plot_effects.")


def _position(block, member):
    names = [label(level) for level in block.levels]
    if label(member) not in names:
        raise DataError(f"{block.group} '{label(member)}' was not in the fitted data; choose one of: "
                        f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}.")
    return names.index(label(member))


def _marks(result, p, x, by, group, level):
    """(p, thresholds) pairs; those of all groups where a group is asked for."""
    re, family = "population" if group is None else "conditional", result.fit.family
    if p is None:
        halfway = (family.guess + 1 - family.lapse) / 2
        try:
            return [(halfway, thresholds(result, halfway, x, by, group, re, level, "delta", None))]
        except DataError:  # eta is not straight in x: there are no thresholds to mark, and none were asked for
            return []
    return [(target, thresholds(result, target, x, by, group, re, level, "delta", None)) for target in np.atleast_1d(p)]


def _parts(table, curves, styles):
    """Each curve's part of the table of predictions, and its look."""
    k = len(table) // len(curves.labels)
    for i, look in enumerate(styles):
        yield table.iloc[i * k:(i + 1) * k], look


def _padded(values):
    margin = 0.02 * (values[-1] - values[0])
    return values[0] - margin, values[-1] + margin


def _draw_threshold(ax, row, target, look, values):
    at = row["threshold"]
    if not np.isfinite(at) or not values[0] <= at <= values[-1]:
        return
    ax.plot([at, at], [-0.02, target], color=look[0], linewidth=1, linestyle=":")
    ax.plot([row["lower"], row["upper"]], [target, target], color=look[0], linewidth=3.5, alpha=0.6,
            solid_capstyle="butt")
    ax.plot([at], [target], marker="|", color="black", markersize=9, markeredgewidth=1.8)


def _draw_asymptotes(ax, family):
    for height, rate, name, side in ((family.guess, family.guess, "guess", "right"),
                                     (1 - family.lapse, family.lapse, "lapse", "left")):
        if rate > 0:
            ax.axhline(height, color=GREY, linewidth=1, linestyle=(0, (6, 3)))
            ax.annotate(f"{name} rate {number(rate)}", (0.99 if side == "right" else 0.01, height),
                        (0, -3 if side == "left" else 3), xycoords=ax.get_yaxis_transform(), textcoords="offset points",
                        ha=side, va="top" if side == "left" else "bottom", fontsize=8, color="#444444")


def _thresholds_in_words(marks, i, units):
    return ", ".join(f"{_percent(target)} at {number(row['threshold'])} "
                     f"[{number(row['lower'])}, {number(row['upper'])}]" for target, table in marks for row in [table.iloc[i]])


def _percent(p):
    return f"{100 * p:.3g} %"


def _finding(marks, names, units, who):
    lead = f"{who}: " if who else ""
    if not marks:
        return f"{lead}Psychometric curves"
    target, table = marks[-1]
    unit = f" {units}" if units else ""
    if len(names) > 3:
        low, high = table["threshold"].idxmin(), table["threshold"].idxmax()
        return (f"{lead}{_percent(target)} between {number(table['threshold'][low])}{unit} ({names[low]}) and "
                f"{number(table['threshold'][high])}{unit} ({names[high]})")
    return f"{lead}{_percent(target)} at " + listed(
        f"{number(t)}{unit}" + (f" ({name})" if name else "") for t, name in zip(table["threshold"], names))


def _in_words(result, x, units, whose, names, parts, marks, points, level):
    sentences = [f"{sentence(mean_of(result))} against {with_units(x, units)}, curves of {whose} with "
                 f"{100 * level:g} % bands."]
    for i, (name, part) in enumerate(zip(names, parts)):
        first, last = part.iloc[0], part.iloc[-1]
        sentences.append(
            f"{name or 'The curve'}: from {first['predicted']:.2f} at {number(first[x])} to {last['predicted']:.2f} at "
            f"{number(last[x])}" + (f"; {_thresholds_in_words(marks, i, units)}." if marks else "."))
    family = result.fit.family
    if family.guess or family.lapse:
        sentences.append(f"Asymptotes: guess rate {number(family.guess)}, lapse rate {number(family.lapse)}.")
    if points is not None:
        missed = int(((points["predicted"] < points["lower"]) | (points["predicted"] > points["upper"])).sum())
        sentences.append(f"{len(points)} points, bins of {points['trials'].sum():g} trials; {missed} of their "
                         "intervals miss what the model predicts for their trials.")
    return " ".join(sentences)
