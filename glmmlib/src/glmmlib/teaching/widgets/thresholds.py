"""The threshold explorer: where a psychometric function reaches p, given its guess and lapse rate."""

import numpy as np
from scipy.special import expit, logit

from ...plots import BLUE, GREY, ORANGE
from .explorer import Explorer, MovingPicture

WIDTH = 4   # how far the picture reaches to both sides of the midpoint, in units of 1 / slope


class _ThresholdPicture:
    """The curve between its floor and its ceiling, and the way from p to the threshold."""

    def __init__(self, midpoint, slope):
        from matplotlib.figure import Figure

        self.midpoint, self.slope = midpoint, slope
        # not below size zero: sizes are sizes
        self.low, self.high = max(0.0, midpoint - WIDTH / slope), midpoint + WIDTH / slope
        self.grid = np.linspace(self.low, self.high, 201)
        figure = Figure(figsize=(7.5, 3.8), dpi=100, layout="constrained")
        axis = figure.subplots()
        axis.set(xlim=(self.low, self.high), ylim=(0, 1), xlabel="size (arcmin)", ylabel="proportion correct",
                 title="The same F(η), squeezed between guess rate and 1 − lapse rate")
        axis.title.set_fontsize(10)
        axis.plot(self.grid, self.rise(self.grid), color=GREY, linewidth=1, linestyle=":", label="no guessing, no lapses")
        self.curve, = axis.plot([], [], color=BLUE, linewidth=2, animated=True)
        self.floor, self.ceiling = (
            axis.plot([], [], color=GREY, linewidth=1, linestyle="--", animated=True)[0] for _ in range(2))
        self.guide, = axis.plot([], [], color=ORANGE, linewidth=1.5, animated=True)
        self.point, = axis.plot([], [], "o", color=ORANGE, zorder=4, animated=True)
        axis.legend(frameon=False, fontsize=9, loc="lower right")
        self.moving_picture = MovingPicture(figure)

    def rise(self, size):
        """F(eta): the share of the whole rise that is done at a size."""
        return expit(self.slope * (size - self.midpoint))

    def move(self, p, guess, lapse):
        """Show the way from p to the threshold; the sentence about it."""
        top = 1 - lapse
        self.curve.set_data(self.grid, guess + (top - guess) * self.rise(self.grid))
        for line, height in ((self.floor, guess), (self.ceiling, top)):
            line.set_data([self.low, self.high], [height, height])
        curve = f"With guess rate {guess:.3f} and lapse rate {lapse:.3f} the curve rises from {guess:.3f} to {top:.3f}"
        share = (p - guess) / (top - guess)
        if not 1e-9 < share < 1 - 1e-9:     # p on an asymptote is as far away as p beyond it
            self.guide.set_data([self.low, self.high], [p, p])
            self.point.set_data([], [])
            return f"{curve}. It never reaches p = {p:.3f}: there is no threshold."
        threshold = self.midpoint + logit(share) / self.slope
        self.guide.set_data([self.low, threshold, threshold], [p, p, 0])
        self.point.set_data([threshold], [p])
        words = (f"{curve}. p = {p:.3f} is {100 * share:.0f} % of this rise, η = {logit(share):.2f}: "
                 f"the threshold is {threshold:.2f} arcmin.")
        return words.replace("-", "\N{MINUS SIGN}")


def threshold_explorer(midpoint=1.7, slope=2.5):
    """Sliders for p, guess and lapse rate of a logistic psychometric function; its threshold follows.

    Parameters
    ----------
    midpoint : the size at half of the rise, in arcmin. slope : in log-odds per arcmin, positive.

    Returns an Explorer.
    """
    import ipywidgets

    picture = _ThresholdPicture(midpoint, slope)

    def slider(description, value, low, high):
        return ipywidgets.FloatSlider(value=value, min=low, max=high, step=0.005, description=description,
                                      readout_format=".3f", layout={"width": "28em"}, style={"description_width": "7em"})

    def view(p, guess, lapse):
        return picture.moving_picture, picture.move(p, guess, lapse)

    return Explorer(view, p=slider("proportion p", 0.625, 0.05, 0.995), guess=slider("guess rate", 0.25, 0, 0.5),
                    lapse=slider("lapse rate", 0.0, 0, 0.2))
