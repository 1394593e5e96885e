"""Curves of predictions with their intervals: the numbers that pictures draw."""

import numpy as np
import pandas as pd

from ..curves import value
from .style import quantile_of


def predictions(model, curves, values, level=0.95, scale="response") -> pd.DataFrame:
    """Predictions along curves, with intervals made on the link scale by the delta method.

    Parameters
    ----------
    model : GLMMResult or GLMResult; curves : Curves; values : (k,) of the predictor.
    level : coverage; scale : "response" or "link".

    Returns
    -------
    DataFrame, k rows for each curve, in their order: the columns of labels, x, predicted, se (on
    the link scale), lower, upper.
    """
    combinations, offset = curves.at(values)
    eta = value(model.fit, combinations, offset)
    se = np.sqrt(np.maximum(model.fit.posterior.covariance(combinations, combinations), 0))
    half = quantile_of(level) * se
    inverse = model.fit.family.inverse if scale == "response" else (lambda eta: eta)
    table = curves.labels.loc[np.repeat(np.arange(len(curves.labels)), len(values))].reset_index(drop=True)
    return table.assign(**{curves.x: np.tile(values, len(curves.labels)), "predicted": inverse(eta), "se": se,
                           "lower": inverse(eta - half), "upper": inverse(eta + half)})


def draw_band(ax, part, x, look, label):
    """One curve with its band."""
    colour, _, line = look
    ax.fill_between(part[x], part["lower"], part["upper"], color=colour, alpha=0.18, linewidth=0)
    return ax.plot(part[x], part["predicted"], color=colour, linestyle=line, linewidth=2, label=label)[0]
