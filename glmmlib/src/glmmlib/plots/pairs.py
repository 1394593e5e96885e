"""Random effects against each other, with the directions in which groups differ, and do not."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from ..curves import factor_of
from ..errors import DataError
from ..laplace import SINGULAR_TOLERANCE
from .style import BLUE, GREEN, ORANGE, describe_panels, listed, new_panels, number, with_units

ELLIPSE_SD = 2.0


@dataclass(frozen=True)
class Components:
    """Principal components of the random effects of one grouping factor, each coefficient scaled by
    the root mean square of what it multiplies, so that they do not depend on units.

    axes : DataFrame (components with variance, q): one standard deviation along each, the largest
        first, in the coefficients' own units.
    null : DataFrame (components without variance, q): directions in which no group differs.
    same : DataFrame like null: weights, of unit length, of the sum of coefficients that is therefore
        the same in all groups.
    """

    axes: pd.DataFrame
    null: pd.DataFrame
    same: pd.DataFrame

    @classmethod
    def of(cls, result, group=None):
        """Of a fit; group is needed where there are several grouping factors."""
        factor = factor_of(result, group)
        block, Lambda = result.design.blocks[factor], result.fit.Lambdas[factor]
        weights = result.design.weights / result.design.weights.sum()
        scale = np.sqrt(weights @ block.Z**2)
        scale[scale == 0] = 1.0
        directions, sd, _ = np.linalg.svd(Lambda * scale[:, None])
        flat = sd < SINGULAR_TOLERANCE * np.sqrt(result.fit.dispersion)
        same = directions * scale[:, None]
        same = same / np.linalg.norm(same, axis=0)
        same = same * np.sign(same[np.abs(same).argmax(axis=0), np.arange(len(sd))])

        def table(columns, keep):
            return pd.DataFrame(columns.T, [f"PC{i + 1}" for i in range(len(sd))], list(block.columns))[keep]
        directions = directions / scale[:, None]
        return cls(table(directions * sd, ~flat), table(directions, flat), table(same, flat))


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
        raise DataError(f"Only {block.columns[0]} varies by {block.group}, so there is no pair to draw: use plot_caterpillar.")
    components = Components.of(result, block.group)
    pairs, made = list(combinations(block.columns, 2)), axes is None
    axes = new_panels(axes, len(pairs), columns=3, what="pairs of coefficients",
                      **({"width": 3.5, "height": 3.1} if len(pairs) > 1 else {"width": 6.4, "height": 4.2}))
    Sigma = pd.DataFrame(Lambda @ Lambda.T, block.columns, block.columns)
    modes = result.ranef[block.group]
    for ax, pair in zip(axes, pairs):
        _draw_pair(ax, list(pair), modes, Sigma, components)
        for axis, name in zip((ax.xaxis, ax.yaxis), pair):
            axis.set_label_text(with_units(name, (units or {}).get(name)).replace(":", ":\n"), fontsize=9)
    _draw_legend(axes, made)
    sd = pd.Series(np.sqrt(np.diag(Sigma)), block.columns)
    same = [_sum(weights) for _, weights in components.same.iterrows()]
    finding = (f"Levels of {block.group} do not differ in {listed(same)}" if same else
               f"Levels of {block.group} differ in every direction")
    describe_panels(
        axes, finding, f"Modes of {len(modes)} levels of {block.group}, pair by pair, over the ellipse of the estimated "
        f"distribution at {ELLIPSE_SD:g} standard deviations. Standard deviations: "
        + ", ".join(f"{name} {number(value)}" for name, value in sd.items()) + "; "
        + ", ".join(f"correlation of {i} and {j} {_correlation(Sigma, i, j)}" for i, j in pairs) + ". "
        + (f"The fit is singular: {len(components.null)} of {len(sd)} principal components have no variance."
           if same else "The fit is not singular."), made)
    return axes


def _draw_pair(ax, pair, modes, Sigma, components):
    turn = np.linspace(0, 2 * np.pi, 200)
    variances, vectors = np.linalg.eigh(Sigma.loc[pair, pair])
    radii = ELLIPSE_SD * np.sqrt(np.maximum(variances, 0))
    ax.plot(*(vectors @ (radii[:, None] * [np.cos(turn), np.sin(turn)])), color=BLUE, linewidth=1.2,
            label=f"distribution, {ELLIPSE_SD:g} SD")
    for i, end in enumerate(ELLIPSE_SD * components.axes[pair].to_numpy()):
        ax.plot(*np.outer(end, (-1, 1)), color=GREEN, linewidth=1.4, linestyle="-.",
                label=None if i else f"principal components, {ELLIPSE_SD:g} SD")
    ax.plot(modes[pair[0]], modes[pair[1]], "o", color="black", markersize=4, fillstyle="none", label="modes")
    ax.margins(0.12)
    ax.autoscale_view()
    ax.autoscale(False)
    room = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    for i, step in enumerate(components.null[pair].to_numpy()):
        reach = np.max(np.abs(step) / room)
        if reach > 0:
            ax.plot(*np.outer(step / reach, (-1, 1)), color=ORANGE, linestyle="--", linewidth=1.8,
                    label=None if i else "no variance")


def _draw_legend(axes, made):
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels())))
    where = (axes[0].figure, {"loc": "outside lower center", "ncols": len(handles) if len(axes) > 1 else 2}) if made else (axes[0], {})
    where[0].legend(handles.values(), handles.keys(), frameon=False, fontsize=9, **where[1])


def _correlation(Sigma, i, j):
    scale = np.sqrt(Sigma.loc[i, i] * Sigma.loc[j, j])
    return f"{Sigma.loc[i, j] / scale:.2f}" if scale > 0 else "undefined"


def _sum(weights):
    """0.63 (Intercept) - 0.54 Size: the terms that count."""
    used = weights[weights.abs() > 0.005]
    if len(used) == 1:
        return str(used.index[0])
    return " ".join(f"{'-' if w < 0 else '+'} {abs(w):.2f} {name}" for name, w in used.items()).removeprefix("+ ")
