"""The random effects of each group with their intervals."""

import numpy as np

from ..arguments import AXES, FRACTION, MODEL, NAME, NAMED, accepts
from ..columns import label
from ..curves import factor_of
from .style import BLUE, GREY, ORANGE, describe_panels, link_scale, name_groups, new_panels, number, quantile_of

@accepts(result=MODEL, level=FRACTION, units=NAMED, group=NAME, axes=AXES)
def plot_caterpillar(result, level=0.95, units=None, group=None, axes=None):
    """Conditional modes of the random effects with their intervals, one panel per coefficient.

    Parameters
    ----------
    result : GLMMResult.
    level : coverage of the intervals, which are mode +- z * conditional SD: they take the model's
        parameters as known.
    units : dict coefficient -> text for the panel's axis; the link scale when not given.
    group : the grouping factor; needed where there are several.
    axes : q matplotlib axes; a new row of panels when omitted.

    Returns
    -------
    (q,) array of matplotlib axes. Groups stand in the order of their first coefficient; those whose
    interval does not reach zero have filled squares.

    Raises
    ------
    DataError
        When group names no grouping factor, or the number of axes is not q.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> len(gl.plots.plot_caterpillar(m))
    1
    """
    group = result.design.blocks[factor_of(result, group)].group
    modes = result.ranef[group]
    modes = modes.sort_values(modes.columns[0])
    half_width = quantile_of(level) * result.ranef_sd[group].loc[modes.index]
    clear = modes.abs() > half_width
    made = axes is None
    axes = new_panels(axes, modes.shape[1], what="coefficients", sharey=True,
                      height=min(0.6 + 0.26 * len(modes), 12))
    scale = link_scale(result)
    rows = np.arange(len(modes))
    for axis, name in zip(axes, modes):
        axis.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axis.errorbar(modes[name], rows, xerr=half_width[name], fmt="none", color=BLUE, linewidth=1.2)
        for these, fmt, colour in ((~clear[name], "o", BLUE), (clear[name], "s", ORANGE)):
            axis.plot(modes[name][these], rows[these], fmt, color=colour, markersize=4,
                      fillstyle="none" if fmt == "o" else "full")
        axis.set_title(name.replace(":", ":\n"), fontsize=9)
        axis.set_xlabel(f"deviation ({(units or {}).get(name, scale)})", fontsize=9)
    name_groups(axes[0], modes.index)
    first, counts = modes.columns[0], clear.sum()
    describe_panels(
        axes, f"{counts[first]} of {len(modes)} levels of {group} differ clearly from the typical one in {first}",
        f"Deviations of {len(modes)} levels of {group} from the typical one with {100 * level:g} % intervals. "
        + " ".join(
            f"{name}: from {number(modes[name].min())} ({label(modes[name].idxmin())}) to {number(modes[name].max())} "
            f"({label(modes[name].idxmax())}), {counts[name]} intervals without zero." for name in modes), made)
    return axes
