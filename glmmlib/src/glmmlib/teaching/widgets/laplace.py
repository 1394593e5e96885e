"""The Laplace explorer: the integrand of one subject's likelihood, its bell, and quadrature's nodes."""

import re

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import logsumexp

from ...plots import BLUE, GREEN, GREY, ORANGE
from .explorer import Explorer, MovingPicture

U_RANGE = (-4, 4)
MOST_NODES = 15
SMALLEST = 1e-8         # errors below this are drawn there
RULES = {nodes: hermegauss(nodes) for nodes in range(1, MOST_NODES + 1)}


class Subject:
    """One subject with a random intercept theta u, theta > 0: `correct` of `trials` trials, typically 50 %."""

    def __init__(self, trials, correct, theta):
        self.trials, self.correct, self.theta = trials, correct, theta
        self.mode = self._mode()
        self.curvature = self._curvature(self.mode)

    def log_integrand(self, u):
        """log p(y | u) - u^2 / 2 at u, any shape; the normal density's constant is left out."""
        return self.correct * self.theta * u - self.trials * np.logaddexp(0, self.theta * u) - u**2 / 2

    def quadrature(self, nodes):
        """(log-likelihood, u at the nodes (nodes,)); one node is Laplace's approximation."""
        z, w = RULES[nodes]
        u = self.mode + z / np.sqrt(self.curvature)
        return logsumexp(np.log(w) + z**2 / 2 + self.log_integrand(u)) - np.log(2 * np.pi * self.curvature) / 2, u

    def loglik(self):
        """The log-likelihood by the trapezoidal rule, exact to rounding for so smooth an integrand."""
        u = np.linspace(-12, 12, 4801)
        return logsumexp(self.log_integrand(u)) + np.log(u[1] - u[0]) - np.log(2 * np.pi) / 2

    def _curvature(self, u):
        p = 1 / (1 + np.exp(-self.theta * u))
        return 1 + self.theta**2 * self.trials * p * (1 - p)

    def _mode(self):
        u, farthest = 0.0, 1 / self.theta       # Newton's steps, of at most 1 in log-odds, cannot run away
        for _ in range(100):
            p = 1 / (1 + np.exp(-self.theta * u))
            step = (self.theta * (self.correct - self.trials * p) - u) / self._curvature(u)
            u += np.clip(step, -farthest, farthest)
            if abs(step) < 1e-12:
                break
        return u


class _LaplacePicture:
    """Left: the integrand, its bell and the nodes over u. Right: the error by the number of nodes."""

    def __init__(self):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.5), dpi=100, layout="constrained")
        shape, errors = figure.subplots(1, 2, width_ratios=(3, 2))
        shape.set(xlim=U_RANGE, ylim=(0, 1.12), xlabel="u (standard deviations of the population)",
                  ylabel="relative to the peak", title="Laplace replaces the posterior by a bell")
        errors.set(xlim=(0, MOST_NODES + 1), ylim=(SMALLEST / 2, 2), xticks=(1, 5, 10, 15), yscale="log",
                   xlabel="number of nodes", ylabel="error of log L (absolute)",
                   title="More nodes come nearer to the integral")
        for axis in (shape, errors):
            axis.title.set_fontsize(10)
        self.u = np.linspace(*U_RANGE, 801)
        shape.plot(self.u, np.exp(-self.u**2 / 2), color=GREY, linewidth=1, linestyle=":", label="prior of u")
        moving = {"linewidth": 2, "animated": True}
        self.exact, = shape.plot([], [], color=BLUE, label="exact posterior", **moving)
        self.bell, = shape.plot([], [], color=ORANGE, linestyle="--", label="Laplace's Gaussian", **moving)
        self.nodes, = shape.plot([], [], "o", color=GREEN, markersize=6, zorder=4, animated=True, label="nodes")
        self.stems = shape.vlines([], [], [], color=GREEN, linewidth=1, animated=True)
        shape.legend(frameon=False, fontsize=8, loc="upper left")
        self.errors, = errors.plot([], [], ".-", color=GREY, linewidth=1, animated=True)
        self.here, = errors.plot([], [], "o", color=GREEN, markersize=8, zorder=4, animated=True)
        self.moving_picture = MovingPicture(figure)

    def move(self, trials, proportion, theta, nodes):
        """Show a subject; the sentence about it."""
        subject = Subject(trials, round(proportion * trials), theta)
        top = subject.log_integrand(subject.mode)
        self.exact.set_data(self.u, np.exp(subject.log_integrand(self.u) - top))
        self.bell.set_data(self.u, np.exp(-subject.curvature * (self.u - subject.mode) ** 2 / 2))
        loglik = subject.loglik()
        approximate, at = subject.quadrature(nodes)
        heights = np.exp(subject.log_integrand(at) - top)
        self.nodes.set_data(at, heights)
        self.stems.set_segments([[(u, 0), (u, height)] for u, height in zip(at, heights)])
        count = np.arange(1, MOST_NODES + 1)
        error = np.array([max(abs(subject.quadrature(k)[0] - loglik), SMALLEST) for k in count])
        self.errors.set_data(count, error)
        self.here.set_data([nodes], [error[nodes - 1]])
        laplace = subject.quadrature(1)[0]
        words = (f"{subject.correct} of {trials} trials correct, θ = {theta:.1f}: the posterior of u peaks at {subject.mode:z.2f}; "
                 f"the bell has standard deviation {subject.curvature**-0.5:.2f}. The exact log-likelihood is {loglik:.4f}; "
                 f"Laplace gives {laplace:.4f}, and {nodes} node{'s' * (nodes != 1)} {'give' if nodes != 1 else 'gives'} "
                 f"{approximate:.4f}.")
        return re.sub(r"-(?=\d)", "\N{MINUS SIGN}", words)


def laplace_explorer():
    """Sliders for trials, proportion correct, theta and nodes; one subject with a random intercept.

    Returns an Explorer. The exact posterior of u and the Gaussian in its place have the same height
    and curvature at the mode, so that the two areas are in the ratio of the two likelihoods.
    """
    import ipywidgets

    picture = _LaplacePicture()
    layout, style = {"width": "28em"}, {"description_width": "11em"}

    def view(trials, proportion, theta, nodes):
        return picture.moving_picture, picture.move(trials, proportion, theta, nodes)

    return Explorer(
        view,
        trials=ipywidgets.IntSlider(value=4, min=1, max=30, description="trials", layout=layout, style=style),
        proportion=ipywidgets.FloatSlider(value=1.0, min=0, max=1, step=0.05, readout_format=".2f",
                                          description="proportion correct", layout=layout, style=style),
        theta=ipywidgets.FloatSlider(value=2.5, min=0.1, max=4, step=0.1, readout_format=".1f",
                                     description="θ (log-odds)", layout=layout, style=style),
        nodes=ipywidgets.IntSlider(value=5, min=1, max=MOST_NODES, description="nodes", layout=layout, style=style))
