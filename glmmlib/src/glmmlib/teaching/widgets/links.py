"""The link explorer: one linear predictor seen through three links and three distributions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from ...plots import BLUE, GREEN, GREY, ORANGE
from .explorer import Explorer, MovingPicture

X_RANGE, ETA_RANGE = (-3, 3), (-4, 4)
SPREAD = 1          # the standard deviation of the gaussian outcomes
BAR = 1.6           # how far the longest bar of a distribution reaches, in units of x


@dataclass(frozen=True)
class _Family:
    """One GLM: how the mean follows from eta, and which outcomes it leads to."""

    label: str
    mean: str                       # its symbol
    link: str
    inverse_link: Callable
    mu_range: tuple[float, float]   # shown
    outcomes: np.ndarray            # (K,) places of the bars
    weights: Callable               # (outcomes, mu) -> (K,) lengths of the bars, up to a factor
    says: Callable                  # mu -> words
    bar_width: float                # in points


FAMILIES = (
    _Family(
        label="gaussian, identity link", mean="μ", link="μ = η", inverse_link=lambda eta: eta,
        mu_range=(-6.5, 6.5), outcomes=np.linspace(-6.5, 6.5, 131), bar_width=1.5,
        weights=lambda y, mu: np.exp(-((y - mu) ** 2) / (2 * SPREAD**2)),
        says=lambda mu: f"about 95 % of the outcomes lie between {mu - 2 * SPREAD:.1f} and {mu + 2 * SPREAD:.1f}"),
    _Family(
        label="binomial, logit link", mean="p", link="p = 1 / (1 + exp(−η))", inverse_link=expit,
        mu_range=(-0.06, 1.06), outcomes=np.array([0, 1]), bar_width=9,
        weights=lambda y, mu: np.where(y == 1, mu, 1 - mu),
        says=lambda mu: f"{100 * mu:.0f} % of the outcomes are 1, the others are 0"),
    _Family(
        label="Poisson, log link", mean="λ", link="λ = exp(η)", inverse_link=np.exp,
        mu_range=(-1, 26), outcomes=np.arange(26), bar_width=4,
        weights=lambda y, mu: np.exp(y * np.log(mu) - mu - gammaln(y + 1)),
        says=lambda mu: f"the outcomes are counts with mean and variance {mu:.2f}"),
)


class _LinkPicture:
    """Three panels: eta over x, the mean over eta, the mean and the outcomes over x."""

    def __init__(self, family):
        from matplotlib.figure import Figure

        self.family = family
        self.grid = np.linspace(*X_RANGE, 121)
        figure = Figure(figsize=(9, 3.3), dpi=100, layout="constrained")
        predictor, link, outcome = figure.subplots(1, 3)
        predictor.set(xlim=X_RANGE, ylim=ETA_RANGE, xlabel="x", ylabel="linear predictor η",
                      title="1 linear predictor: η = β₀ + β₁x")
        link.set(xlim=ETA_RANGE, ylim=family.mu_range, xlabel="linear predictor η", ylabel=f"mean {family.mean}",
                 title=f"2 link: {family.link}")
        outcome.set(xlim=(X_RANGE[0], X_RANGE[1] + BAR), ylim=family.mu_range, xlabel="x", ylabel="outcome y",
                    title="3 distribution of y at x")
        for axis in (predictor, link, outcome):
            axis.title.set_fontsize(10)
            axis.locator_params(nbins=5)
        eta = np.linspace(*ETA_RANGE, 121)
        link.plot(eta, family.inverse_link(eta), color=ORANGE, linewidth=2)

        guide = {"color": GREY, "linewidth": 1, "linestyle": "--", "animated": True}
        moving = {"linewidth": 2, "animated": True}
        self.line, = predictor.plot([], [], color=BLUE, **moving)
        self.curve, = outcome.plot([], [], color=ORANGE, zorder=3.5, **moving)    # over the bars
        self.guides = [axis.plot([], [], **guide)[0] for axis in (predictor, link, outcome)]
        self.points = [axis.plot([], [], "o", color="black", zorder=4, animated=True)[0]
                       for axis in (predictor, link, outcome)]
        self.bars = outcome.hlines([], [], [], color=GREEN, zorder=3, animated=True,
                                   linewidth=family.bar_width)
        self.moving_picture = MovingPicture(figure)

    def move(self, intercept, slope, x):
        """Show x under a line; the sentence about it."""
        family = self.family
        eta = intercept + slope * x
        mu = family.inverse_link(eta)
        self.line.set_data(self.grid, intercept + slope * self.grid)
        self.curve.set_data(self.grid, family.inverse_link(intercept + slope * self.grid))
        for point, at in zip(self.points, [(x, eta), (eta, mu), (x, mu)]):
            point.set_data([at[0]], [at[1]])
        self.guides[0].set_data([x, x, X_RANGE[0]], [ETA_RANGE[0], eta, eta])
        self.guides[1].set_data([eta, eta, ETA_RANGE[1]], [family.mu_range[0], mu, mu])
        self.guides[2].set_data([X_RANGE[0], x], [mu, mu])
        weights = family.weights(family.outcomes, mu)
        self.bars.set_segments([[(x, y), (x + BAR * w / weights.max(), y)] for y, w in zip(family.outcomes, weights)])
        words = (f"At x = {x:.1f} the linear predictor is η = {intercept:.1f} + {slope:.1f} × {x:.1f} = {eta:.2f}. "
                 f"The inverse link turns it into the mean {family.mean} = {mu:.2f}: {family.says(mu)}.")
        return words.replace("-", "\N{MINUS SIGN}")


def link_explorer():
    """Sliders for intercept, slope and x; the three common GLMs, each with its canonical link.

    Returns an Explorer. The panels lead from x to the linear predictor, from there through the
    link to the mean, and from the mean to the distribution of the outcomes.
    """
    import ipywidgets

    pictures = {family.label: _LinkPicture(family) for family in FAMILIES}

    def slider(description, value, low, high):
        return ipywidgets.FloatSlider(value=value, min=low, max=high, step=0.1, description=description,
                                      readout_format=".1f", layout={"width": "24em"})

    def view(family, intercept, slope, x):
        return pictures[family].moving_picture, pictures[family].move(intercept, slope, x)

    return Explorer(
        view,
        family=ipywidgets.ToggleButtons(options=list(pictures), value=FAMILIES[1].label, style={"button_width": "15em"}),
        intercept=slider("intercept β₀", 0.0, -1, 1), slope=slider("slope β₁", 1.0, -1, 1), x=slider("x", 1.0, -3, 3))
