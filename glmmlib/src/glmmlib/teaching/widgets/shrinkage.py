"""The shrinkage explorer: an experiment is simulated, and a GLMM fitted to it, with every move of a slider."""

import warnings

import numpy as np
import pandas as pd
from scipy.special import expit

from ...plots import BLUE, GREEN, GREY, ORANGE
from .explorer import Explorer, MovingPicture

POPULATION = np.array([0.8, 1.8])       # log-odds; log-odds per unit of size
SPREAD = np.array([0.6, 0.5])           # standard deviations between subjects where the slider says 1
MOST_SUBJECTS, MOST_TRIALS = 40, 60
X_RANGE, Y_RANGE = (-2, 4), (-3, 7)     # of the picture
SEED = 3


class Experiment:
    """Chance is drawn once, for the most subjects and trials: so only what a slider says makes a difference."""

    def __init__(self, seed=SEED):
        rng = np.random.default_rng(seed)
        self.deviation = rng.normal(size=(MOST_SUBJECTS, 2))
        self.size = rng.uniform(-1, 1, (MOST_SUBJECTS, MOST_TRIALS))
        self.luck = rng.random((MOST_SUBJECTS, MOST_TRIALS))

    def run(self, subjects, trials, spread):
        """The true coefficients (subjects, 2), sizes (subjects, trials) and outcomes 0 or 1 (subjects, trials)."""
        truth = POPULATION + spread * SPREAD * self.deviation[:subjects]
        size = self.size[:subjects, :trials]
        outcome = self.luck[:subjects, :trials] < expit(truth[:, :1] + truth[:, 1:] * size)
        return truth, size, outcome.astype(int)


def separate_fits(x, y, steps=30):
    """Intercept and slope (J, 2) of a logistic regression for each row of x and y (J, n).

    NaN where there is none: all outcomes alike, or told apart by x without error.
    """
    b = np.zeros((len(x), 2))
    X = np.stack([np.ones_like(x), x], axis=-1)
    for _ in range(steps):
        mu = expit(np.einsum("jnk,jk->jn", X, b))
        information = np.einsum("jnk,jn,jnl->jkl", X, mu * (1 - mu), X) + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, np.einsum("jnk,jn->jk", X, y - mu)[..., None])[..., 0]
        b += np.clip(step, -2, 2)   # Newton's steps may be too long at first
    b[np.abs(step).max(axis=1) > 1e-6] = np.nan
    return b


def partially_pooled(x, y):
    """The subjects' own coefficients (J, 2) and the population's (2,), from one mixed model."""
    import glmmlib as gl

    data = pd.DataFrame({"Subject": np.repeat(np.arange(len(x)), x.shape[1]), "Size": x.ravel(), "Correct": y.ravel()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        fit = gl.glmer("Correct ~ 1 + Size + (1 + Size | Subject)", data)
    return fit.coef["Subject"].to_numpy(), fit.fixef.to_numpy()


class _Picture:
    """Intercept against slope: arrows from the subjects' own estimates to the mixed model's."""

    def __init__(self):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.6), dpi=100, layout="constrained")
        axis = figure.subplots()
        axis.set(xlim=X_RANGE, ylim=Y_RANGE, xlabel="intercept (log-odds)", ylabel="slope (log-odds per unit of size)",
                 title="From each subject's own estimate to the partially pooled one")
        looks = {"no pooling": ("o", ORANGE, 6, "none"), "partial pooling": ("o", BLUE, 6, "full"),
                 "truth": ("*", GREEN, 8, "full"), "population": ("X", "black", 10, "full")}
        self.points = {name: axis.plot([], [], marker, color=colour, markersize=size, fillstyle=fill, linestyle="none",
                                       zorder=3, animated=True)[0]
                       for name, (marker, colour, size, fill) in looks.items()}
        self.ways = axis.hlines([], [], [], color=GREY, linewidth=1, animated=True)
        axis.legend(self.points.values(), self.points, frameon=False, fontsize=9, loc="lower right")
        self.moving_picture = MovingPicture(figure)

    def move(self, truth, separate, pooled, population):
        """Show coefficients (J, 2), and the population's (2,)."""
        for name, places in (("no pooling", separate), ("partial pooling", pooled), ("truth", truth), ("population", [population])):
            self.points[name].set_data(*np.transpose(places))
        self.ways.set_segments(list(np.stack([separate, pooled], axis=1)))
        return self.moving_picture


def shrinkage_explorer():
    """Sliders for the number of subjects, the trials of each, and how much subjects differ.

    Returns an Explorer. The trials are simulated, so that the true coefficients are known; the mixed
    model is fitted anew with every move.
    """
    import ipywidgets

    experiment, picture = Experiment(), _Picture()

    def view(subjects, trials, spread):
        truth, size, outcome = experiment.run(subjects, trials, spread)
        separate = separate_fits(size, outcome)
        usable = np.isfinite(separate).all(axis=1)
        pooled, population = partially_pooled(size, outcome)
        before, after = (np.median(np.abs(b[usable, 1] - truth[usable, 1])) for b in (separate, pooled))
        words = [f"{subjects} subjects with {trials} trials each. Half of the slopes are wrong by less than {before:.2f} without "
                 f"pooling, and by less than {after:.2f} with partial pooling."]
        if not usable.all():
            words.append(f"Without an estimate of their own, and left out of this comparison: {np.sum(~usable)}.")
        outside = usable & ((separate < [X_RANGE[0], Y_RANGE[0]]) | (separate > [X_RANGE[1], Y_RANGE[1]])).any(axis=1)
        if outside.any():
            words.append(f"With an estimate of their own that lies outside the picture: {outside.sum()}.")
        return picture.move(truth, separate, pooled, population), " ".join(words)

    def slider(kind, description, value, low, high, step):
        return kind(value=value, min=low, max=high, step=step, description=description,
                    style={"description_width": "9em"}, layout={"width": "28em"})

    return Explorer(
        view,
        subjects=slider(ipywidgets.IntSlider, "subjects", 25, 10, MOST_SUBJECTS, 1),
        trials=slider(ipywidgets.IntSlider, "trials of each", 20, 10, MOST_TRIALS, 5),
        spread=slider(ipywidgets.FloatSlider, "spread", 1.0, 0.0, 2.0, 0.1))
