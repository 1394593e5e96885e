"""Random effects against each other, with the directions in which groups differ, and do not."""

from itertools import combinations

import numpy as np
import pandas as pd

from ..convergence import as_sum
from ..arguments import AXES, MODEL, NAME, NAMED, accepts
from ..curves import factor_of
from ..errors import DataError
from .style import BLUE, GREEN, ORANGE, describe_panels, listed, new_panels, number, with_units

ELLIPSE_SD = 2.0


@accepts(result=MODEL, group=NAME)
def principal_axes(result, group=None) -> pd.DataFrame:
    """One standard deviation along each principal component of the random effects that has variance.

    Parameters
    ----------
    result : GLMMResult. group : the grouping factor; needed where there are several.

    Returns
    -------
    DataFrame, the largest component first; its q columns the coefficients, in their own units. The
    components are those of the coefficients scaled as the fit scales them, so that they do not
    depend on units; their sum of squares is Sigma.
    """
    factor = factor_of(result, group)
    block, Lambda, scale = (values[factor] for values in (result.design.blocks, result.fit.Lambdas, result.fit.z_scale))
    directions, sd, _ = np.linalg.svd(Lambda * scale[:, None])
    count = len(sd) - len(null_directions(result, group))
    return pd.DataFrame((directions * sd / scale[:, None]).T[:count], columns=list(block.columns))


@accepts(result=MODEL, group=NAME)
def null_directions(result, group=None) -> pd.DataFrame:
    """Directions in which no group differs from another, one a row: empty unless the fit is singular.

    Parameters as for `principal_axes`; the lengths mean nothing.
    """
    factor = factor_of(result, group)
    found = [space.directions / result.fit.z_scale[factor][:, None]
             for space in result.fit.certificate.null if space.factor == factor]
    columns = list(result.design.blocks[factor].columns)
    return pd.DataFrame(np.hstack(found).T if found else np.empty((0, len(columns))), columns=columns)


@accepts(result=MODEL, group=NAME, units=NAMED, axes=AXES)
def plot_pairs(result, group=None, units=None, axes=None):
    """Conditional modes of each two random coefficients over the estimated distribution.

    Parameters
    ----------
    result : GLMMResult, two or more of whose coefficients vary by the group.
    group : the grouping factor; needed where there are several.
    units : dict coefficient -> its units, for the axes.
    axes : q (q - 1) / 2 matplotlib axes; new ones when omitted.

    Returns
    -------
    Array of axes, one for each pair, in the order of itertools.combinations. Each has the modes, the
    ellipse at two standard deviations of Sigma, and its principal components, two standard
    deviations long. A direction without variance (of a singular fit) is dashed: the groups do not
    move along it at all, although where more than two coefficients vary its shadow on a pair may
    lie within the ellipse.

    Raises
    ------
    DataError
        When only one coefficient varies, or group names no grouping factor.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 + center(Size) | Subject)", gl.load_crowding())
    >>> len(gl.plots.plot_pairs(m))
    1
    """
    factor = factor_of(result, group)
    block, Lambda = result.design.blocks[factor], result.fit.Lambdas[factor]
    if len(block.columns) < 2:
        raise DataError(
            f"Only {block.columns[0]} varies by {block.group}, so there is no pair to draw: use plot_caterpillar.")
    components, null = principal_axes(result, block.group), null_directions(result, block.group)
    pairs, made = list(combinations(block.columns, 2)), axes is None
    axes = new_panels(axes, len(pairs), columns=3, what="pairs of coefficients",
                      **({"width": 3.5, "height": 3.1} if len(pairs) > 1 else {"width": 6.4, "height": 4.2}))
    Sigma = pd.DataFrame(Lambda @ Lambda.T, block.columns, block.columns)
    modes = result.ranef[block.group]
    for ax, pair in zip(axes, pairs):
        _draw_pair(ax, list(pair), modes, Sigma, components, null)
        for axis, name in zip((ax.xaxis, ax.yaxis), pair):
            axis.set_label_text(with_units(name, (units or {}).get(name)).replace(":", ":\n"), fontsize=9)
    _draw_legend(axes, made)
    sd = pd.Series(np.sqrt(np.diag(Sigma)), block.columns)
    same = [as_sum(found.combination) for found in result.convergence.no_variance if found.group == block.group]
    finding = (f"Levels of {block.group} do not differ in {listed(same)}" if same else
               f"Levels of {block.group} differ in every direction")
    describe_panels(
        axes, finding,
        f"Modes of {len(modes)} levels of {block.group}, pair by pair, over the ellipse of the estimated distribution "
        f"at {ELLIPSE_SD:g} standard deviations. Standard deviations: "
        + ", ".join(f"{name} {number(value)}" for name, value in sd.items()) + "; "
        + ", ".join(f"correlation of {i} and {j} {_correlation(Sigma, i, j)}" for i, j in pairs) + ". "
        + (f"The fit is singular: {len(null)} of {len(sd)} principal components have no variance."
           if same else "The fit is not singular."), made)
    return axes


def _draw_pair(ax, pair, modes, Sigma, components, null):
    turn = np.linspace(0, 2 * np.pi, 200)
    variances, vectors = np.linalg.eigh(Sigma.loc[pair, pair])
    radii = ELLIPSE_SD * np.sqrt(np.maximum(variances, 0))
    ax.plot(*(vectors @ (radii[:, None] * [np.cos(turn), np.sin(turn)])), color=BLUE, linewidth=1.2,
            label=f"distribution, {ELLIPSE_SD:g} SD")
    for i, end in enumerate(ELLIPSE_SD * components[pair].to_numpy()):
        ax.plot(*np.outer(end, (-1, 1)), color=GREEN, linewidth=1.4, linestyle="-.",
                label=None if i else f"principal components, {ELLIPSE_SD:g} SD")
    ax.plot(modes[pair[0]], modes[pair[1]], "o", color="black", markersize=4, fillstyle="none", label="modes")
    ax.margins(0.12)
    ax.autoscale_view()
    ax.autoscale(False)
    room = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    for i, step in enumerate(null[pair].to_numpy()):
        reach = np.max(np.abs(step) / room)
        if reach > 0:
            ax.plot(*np.outer(step / reach, (-1, 1)), color=ORANGE, linestyle="--", linewidth=1.8,
                    label=None if i else "no variance")


def _draw_legend(axes, made):
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels())))  # name -> line
    if made:
        axes[0].figure.legend(handles.values(), handles.keys(), loc="outside lower center", frameon=False, fontsize=9,
                              ncols=len(handles) if len(axes) > 1 else 2)
    else:
        axes[0].legend(handles.values(), handles.keys(), loc="best", fontsize=9)


def _correlation(Sigma, i, j):
    scale = np.sqrt(Sigma.loc[i, i] * Sigma.loc[j, j])
    return f"{Sigma.loc[i, j] / scale:.2f}" if scale > 0 else "undefined"
