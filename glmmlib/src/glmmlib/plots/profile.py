"""Profile likelihoods: how straight is the likelihood's root in each parameter?"""

import numpy as np

from ..arguments import AXES, FRACTION, PARAMETERS, accepts
from ..errors import DataError
from .style import BLUE, GREY, ORANGE, describe_panels, new_panels, number, quantile_of

COLUMNS = {"parameter", "value", "zeta"}


@accepts(parameters=PARAMETERS, level=FRACTION, axes=AXES)
def plot_zeta(profile, parameters=None, level=0.95, axes=None):
    """Signed roots of the rise of the deviance: zeta against each parameter.

    Parameters
    ----------
    profile : what ``gl.profile(result)`` returns, or a DataFrame with columns parameter, value, zeta.
    parameters : which to draw, all when omitted.
    level : coverage of the profile interval, where zeta is -+ the normal quantile.
    axes : as many matplotlib axes; new ones when omitted.

    Returns
    -------
    Array of axes, one per parameter. The dashed line is the tangent at the estimate: where the curve
    leaves it, Wald's interval is wrong (Bates & Watts 1988, chapter 6).

    Raises
    ------
    DataError
        When the table lacks a column, or a parameter.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from glmmlib.plots import plot_zeta
    >>> value = np.linspace(1, 3, 9)
    >>> axes = plot_zeta(pd.DataFrame({"parameter": "sigma", "value": value, "zeta": 3 * np.log(value / 2)}))
    >>> axes[0].get_title()
    'sigma'
    """
    table = getattr(profile, "table", profile)
    if not COLUMNS <= set(getattr(table, "columns", ())):
        raise DataError("A profile is a table with columns parameter, value, zeta: make it with gl.profile(result).")
    z = quantile_of(level)
    known = list(dict.fromkeys(table["parameter"]))
    parameters = known if parameters is None else [parameters] if isinstance(parameters, str) else list(parameters)
    for name in parameters:
        if name not in known:
            raise DataError(f"'{name}' was not profiled; choose from: {', '.join(map(str, known))}.")
    made = axes is None
    axes = new_panels(axes, len(parameters), columns=4, width=2.8, height=2.5, what="parameters", sharey=True)
    words, bends = [], []
    for ax, name in zip(axes, parameters):
        part = table[table["parameter"] == name].sort_values("value")
        value, zeta = part["value"].to_numpy(), part["zeta"].to_numpy()
        estimate, slope = _at_zero(value, zeta)
        lower, upper = _where(value, zeta, -z), _where(value, zeta, z)
        for height in (-z, 0, z):
            ax.axhline(height, color=GREY, linewidth=1, linestyle=":" if height else "-")
        ax.plot(value, slope * (value - estimate), color=ORANGE, linestyle="--", linewidth=1.2, label="Wald: tangent")
        ax.plot(value, zeta, color=BLUE, linewidth=2, marker=".", markersize=5, label="profile")
        for bound, height in ((lower, -z), (upper, z)):
            if np.isfinite(bound):
                ax.plot([bound], [height], "o", color="black", markersize=5, fillstyle="none")
        ax.set_ylim(1.15 * min(zeta.min(), -z), 1.15 * max(zeta.max(), z))
        ax.set_xlabel("value", fontsize=9)
        ax.set_title(str(name).replace("|", "\n| ", 1) if len(str(name)) > 26 else str(name), fontsize=9)
        bend = np.abs(zeta - slope * (value - estimate))
        bends.append(float(np.max(bend[np.abs(zeta) <= z + 1e-9], initial=0)))
        words.append(f"{name}: estimate {number(estimate)}, {100 * level:g} % interval {_bound(lower)} to "
                     f"{_bound(upper)}.")
    axes[0].set_ylabel("zeta", fontsize=9)
    axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    worst = int(np.argmax(bends))
    finding = ("All profiles are nearly straight: Wald's intervals will do" if bends[worst] < 0.1 else
               f"The profile of {parameters[worst]} bends most: Wald's interval is off there by up to "
               f"{number(bends[worst], 2)} standard errors")
    describe_panels(axes, finding, f"Zeta against value, for {len(parameters)} parameters. " + " ".join(words), made)
    return axes


def _at_zero(value, zeta):
    """Where zeta is 0, and its slope there: from the parabola through the three nearest points."""
    near = np.argsort(np.abs(zeta))[:3]
    c = np.polyfit(zeta[near], value[near], min(len(near), 3) - 1)
    return float(c[-1]), float(1 / c[-2])


def _where(value, zeta, height):
    """The value at which the profile reaches a height, NaN where it ends before."""
    from scipy.interpolate import PchipInterpolator

    if not zeta.min() <= height <= zeta.max():
        return np.nan
    rising = zeta > np.maximum.accumulate(np.r_[-np.inf, zeta[:-1]])
    return float(PchipInterpolator(zeta[rising], value[rising])(height))


def _bound(value):
    return "beyond the profile" if np.isnan(value) else number(value)
