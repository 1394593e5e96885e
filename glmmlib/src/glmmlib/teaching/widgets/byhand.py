"""Fit by hand: the four coefficients of the pooled logistic regression as sliders, the likelihood live."""

import numpy as np
from scipy.special import expit

from ...plots import BLUE, ORANGE
from ..cohort import load_crowding
from .explorer import Explorer, MovingPicture

CODES = {"uncrowded": -0.5, "crowded": 0.5}
LOOKS = {"uncrowded": (BLUE, "o", "-"), "crowded": (ORANGE, "s", "--")}
BINS = 8


class _Trials:
    """Trials with the same size and condition, counted: the likelihood needs no more."""

    def __init__(self, data):
        counts = data.groupby(["Condition", "Size"], observed=True)["ResponseCorrect"].agg(["sum", "count"]).reset_index()
        self.condition, self.size = counts["Condition"].astype(str).to_numpy(), counts["Size"].to_numpy()
        self.correct, self.trials = counts["sum"].to_numpy(float), counts["count"].to_numpy(float)
        self.mean = float(data["Size"].mean())
        x, c = self.size - self.mean, np.vectorize(CODES.get)(self.condition)
        self.X = np.column_stack([np.ones_like(x), x, c, x * c])

    def loglik(self, b):
        eta = self.X @ b
        return float(self.correct @ eta - self.trials @ np.logaddexp(0, eta))

    def best(self):
        """The maximum-likelihood estimates (4,), by Newton's method."""
        b = np.zeros(4)
        for _ in range(30):
            mu = expit(self.X @ b)
            weight = self.trials * mu * (1 - mu)
            b = b + np.linalg.solve(self.X.T @ (weight[:, None] * self.X), self.X.T @ (self.correct - self.trials * mu))
        return b

    def bins(self, condition):
        """Mean size and proportion correct of groups of about equally many trials."""
        own = self.condition == condition
        share = (np.cumsum(self.trials[own]) - self.trials[own] / 2) / self.trials[own].sum()
        which = np.minimum((share * BINS).astype(int), BINS - 1)
        n = np.bincount(which, self.trials[own])
        kept = n > 0
        return tuple(np.bincount(which, values)[kept] / n[kept] for values in (
            self.trials[own] * self.size[own], self.correct[own]))


class _HandPicture:
    """Proportions correct in bins of size, and the curves that the sliders make."""

    def __init__(self, trials):
        from matplotlib.figure import Figure

        self.trials, self.maximum = trials, trials.loglik(trials.best())
        self.grid = np.linspace(trials.size.min(), trials.size.max(), 121)
        figure = Figure(figsize=(7.5, 3.8), dpi=100, layout="constrained")
        axis = figure.subplots()
        axis.set(ylim=(0, 1), xlim=(self.grid[0], self.grid[-1]), xlabel="size (arcmin)", ylabel="proportion correct",
                 title="Bring the curves to the points: the log-likelihood says how near you are")
        axis.title.set_fontsize(10)
        self.curves = {}
        for condition, (colour, marker, line) in LOOKS.items():
            axis.plot(*trials.bins(condition), marker, color=colour, label=f"{condition}, in bins")
            self.curves[condition], = axis.plot([], [], line, color=colour, linewidth=2, animated=True)
        axis.legend(frameon=False, fontsize=9, loc="lower right")
        self.moving_picture = MovingPicture(figure)

    def move(self, *b):
        """Show the curves of four coefficients; the sentences about them."""
        b, x = np.array(b), self.grid - self.trials.mean
        way = []
        for condition, curve in self.curves.items():
            code = CODES[condition]
            share = expit(b[0] + b[2] * code + (b[1] + b[3] * code) * x)
            curve.set_data(self.grid, share)
            way.append(f"from {100 * share[0]:.0f} to {100 * share[-1]:.0f} % when {condition}")
        value = self.trials.loglik(b)
        short = self.maximum - value
        end = "the maximum is reached." if short < 0.05 else f"{short:,.1f} below the maximum."
        return (f"Log-likelihood \N{MINUS SIGN}{-value:,.1f}: {end} "
                f"From the smallest digits to the largest, the proportion correct goes {' and '.join(way)}.")


def by_hand_explorer(data=None):
    """Sliders for the four coefficients of the logistic regression on centred size and condition.

    Parameters
    ----------
    data : DataFrame with Size, Condition and ResponseCorrect; the class's crowding data when omitted.

    Returns an Explorer.
    """
    import ipywidgets

    picture = _HandPicture(_Trials(load_crowding() if data is None else data))

    def slider(description, low, high):
        return ipywidgets.FloatSlider(value=0, min=low, max=high, step=0.01, description=description, readout_format=".2f",
                                      layout={"width": "40em"}, style={"description_width": "9em"})

    def view(intercept, size, condition, interaction):
        return picture.moving_picture, picture.move(intercept, size, condition, interaction)

    return Explorer(view, intercept=slider("intercept", -2, 3), size=slider("size", -1, 3),
                    condition=slider("condition", -3, 1), interaction=slider("size × condition", -2, 2))
