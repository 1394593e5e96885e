"""The singular-fit explorer: random effects are added and dropped, and the fit says what it makes of them."""

import warnings

import numpy as np

from ...plots import BLUE, GREY, ORANGE
from ..exercises.common import CODING
from .explorer import Explorer, MovingPicture

FIXED = "ResponseCorrect ~ 1 + center(Size) * Condition"
# What may vary between subjects beside the intercept. An interaction comes with its main effects.
STRUCTURES = ((), ("size",), ("condition",), ("size", "condition"), ("size", "condition", "interaction"))
TERMS = {"size": "center(Size)", "condition": "Condition", "interaction": "center(Size):Condition"}
COEFFICIENTS = ("intercept", "size", "condition", "interaction")
BAR = 11            # points


def random_effects(effects, correlated):
    """The random term of a formula: (1 + center(Size) | Subject)."""
    return f"({' + '.join(['1', *(TERMS[name] for name in effects)])} {'|' if correlated or not effects else '||'} Subject)"


def fit_all(data):
    """Every model of the explorer, by its random term."""
    import glmmlib as gl

    formulas = {random_effects(effects, correlated) for effects in STRUCTURES for correlated in (True, False)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        return {text: gl.glmer(f"{FIXED} + {text}", data, contrasts=CODING) for text in sorted(formulas)}


class _Picture:
    """Two panels: what a model's parameters buy, and the weights of its flattest direction."""

    def __init__(self, fits):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.4), dpi=100, layout="constrained")
        price, weights = figure.subplots(1, 2)
        points = np.array([(fit.npar, -2 * fit.loglik) for fit in fits.values()])
        singular = np.array([fit.is_singular for fit in fits.values()])
        price.plot(*points[~singular].T, "o", color=BLUE, markersize=7, label="not singular")
        price.plot(*points[singular].T, "o", color=ORANGE, fillstyle="none", markersize=7, label="singular")
        price.set(xlabel="number of parameters", ylabel="−2 log L", title="1 this model (ring), to try next (dashed)")
        price.margins(0.12)
        price.legend(frameon=False, fontsize=9)
        weights.set(xlim=(-1.05, 1.05), ylim=(3.6, -0.6), xlabel="weight of the deviation", yticks=range(4),
                    title="2 where subjects differ least")
        weights.set_yticklabels(COEFFICIENTS)
        weights.axvline(0, color=GREY, linewidth=1)
        for axis in (price, weights):
            axis.title.set_fontsize(10)
        self.here, = price.plot([], [], "o", color="black", fillstyle="none", markersize=14, markeredgewidth=2, animated=True)
        self.next, = price.plot([], [], color="black", linewidth=1.2, linestyle="--", animated=True)
        self.bars = weights.hlines([], [], [], linewidth=BAR, zorder=3, animated=True)
        self.moving_picture = MovingPicture(figure)

    def move(self, fit, following, effects, direction):
        """Show a fit, the one that it suggests (or None), and the weights (q,) of a direction."""
        here = (fit.npar, -2 * fit.loglik)
        there = (following.npar, -2 * following.loglik) if following else here
        self.here.set_data(*np.transpose([here]))
        self.next.set_data(*np.transpose([here, there]))
        at = [0, *(COEFFICIENTS.index(name) for name in effects)]
        self.bars.set_segments([[(0, y), (weight, y)] for y, weight in zip(at, direction)])
        self.bars.set_color(ORANGE if fit.is_singular else BLUE)
        return self.moving_picture


def flattest(fit):
    """(standard deviation, weights (q,)) of the direction in which the subjects differ least."""
    component = fit.convergence.components["Subject"].iloc[-1]
    weights = component.drop(["sd", "share"]).to_numpy(dtype=float)
    return float(component["sd"]), weights * np.sign(weights[np.argmax(np.abs(weights))])


def as_words(names, weights):
    """0.63 intercept − 0.54 size: the deviations that count in a weighted sum."""
    used = [(name, weight) for name, weight in zip(names, weights) if abs(weight) > 0.005]
    if len(used) == 1:
        return f"the {used[0][0]} alone"
    (first, start), *others = used
    words = [f"{start:.2f} {first}", *(f"{'-' if w < 0 else '+'} {abs(w):.2f} {name}" for name, w in others)]
    return " ".join(words).replace("-", "\N{MINUS SIGN}")


def singular_explorer(data=None):
    """Tick what may vary between subjects; the fit's likelihood, its flattest direction, what to try next.

    Parameters
    ----------
    data : DataFrame, as `load_crowding` returns it; the data of the course (of its cohort) when omitted.

    Returns
    -------
    Explorer. All its models are fitted once, when it is made.
    """
    import ipywidgets

    from ..cohort import load_crowding

    fits = fit_all(load_crowding() if data is None else data)
    picture = _Picture(fits)

    def view(size, condition, interaction, correlated):
        ticked = {"size": size, "condition": condition, "interaction": interaction and size and condition}
        effects = tuple(name for name, kept in ticked.items() if kept)
        text = random_effects(effects, correlated)
        fit = fits[text]
        sd, direction = flattest(fit)
        following = None
        if fit.is_singular and fit.convergence.simpler:
            wanted = fit.convergence.simpler.removeprefix(f"{FIXED} + ")
            following = fits[wanted]
        words = [f"{text}: {fit.npar} parameters, −2 log L = {-2 * fit.loglik:.1f}."]
        if interaction and "interaction" not in effects:
            words.append("The interaction varies only where both main effects do, so it is left out.")
        named = as_words(("intercept", *effects), direction)
        if fit.is_singular:
            others = len(fit.convergence.no_variance) - 1
            words.append(f"Singular: the subjects do not differ in {named}{f' (nor in {others} more)' * (others > 0)}.")
            words.append(f"Try next: {wanted}." if following else "No simpler mixed model is left.")
        else:
            words.append(f"Not singular: the subjects differ least in {named}, with a standard deviation of {sd:.2f} even there.")
        return picture.move(fit, following, effects, direction), " ".join(words)

    def box(description):
        return ipywidgets.Checkbox(value=True, description=description, indent=False)

    return Explorer(view, size=box("slope for size varies"), condition=box("effect of condition varies"),
                    interaction=box("interaction varies"), correlated=box("with correlations ( | rather than || )"))
