"""What all pictures share: colours, axes, and how a picture says in words what it shows.

Colours are Okabe and Ito's (2008), which survive every common form of colour blindness; no picture
tells things apart by colour alone.
"""

import textwrap
from itertools import cycle, islice

import numpy as np
from scipy.special import ndtri

from ..columns import label
from ..errors import DataError

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676"
NAMED = 60  # so many groups, at most, have their names beside a picture
# (colour, marker, line style) of the first, second, ... curve
LOOKS = [(BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "D", "-."), (PURPLE, "^", ":"),
         ("black", "v", (0, (5, 1, 1, 1)))]


def looks(count):
    """The looks (colour, marker, line style) of so many curves; after five they repeat."""
    return list(islice(cycle(LOOKS), count))


def new_axes(ax, width=6.8, height=4.4):
    """The axis itself, or where there is none a new one of that size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def new_panels(axes, count, columns=None, width=2.9, height=2.6, what="panels", **shared):
    """The axes given, as a flat array, or `count` new ones in rows of `columns`.

    Raises DataError when another number of axes was given.
    """
    if axes is not None:
        axes = np.ravel(axes)
        if len(axes) != count:
            raise DataError(f"This picture has {count} {what}: give as many axes, not {len(axes)}.")
        return axes
    import matplotlib.pyplot as plt

    columns = min(columns or count, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, squeeze=False, layout="constrained",
                                figsize=(max(width * columns, 4.5), height * rows + 0.5), **shared)
    for spare in axes.flat[count:]:
        figure.delaxes(spare)
    if shared.get("sharex"):
        for ax in axes[:, :].flat[max(count - columns, 0):count]:
            ax.tick_params(labelbottom=True)
    return axes.flat[:count]


def describe(ax, finding, text, size=None):
    """Give an axis its finding as title and what it shows, in words, for `alt_text`."""
    width = ax.get_position().width * ax.figure.get_figwidth()
    ax.set_title(textwrap.fill(finding, max(int(13 * width), 20)), fontsize=size or 11)
    ax.glmmlib_alt = f"{finding}. {text}".replace("\n", " ")


def describe_panels(axes, finding, text, made):
    """The same for a picture of several panels; `made` says that the figure is ours to give a title."""
    figure = axes[0].figure
    if made:
        figure.suptitle(textwrap.fill(finding, int(11 * figure.get_figwidth())), fontsize=11)
    axes[0].glmmlib_alt = f"{finding}. {text}".replace("\n", " ")


def alt_text(drawn):
    """What a picture shows, in words: for readers who cannot see it.

    Parameters
    ----------
    drawn : what a function of `glmmlib.plots` returned, or the figure that it stands in.

    Returns
    -------
    str: one sentence or more for each picture, with its numbers.

    Raises
    ------
    DataError
        When none of it was drawn by `glmmlib.plots`.

    Examples
    --------
    >>> import glmmlib as gl
    >>> from glmmlib.plots import alt_text, plot_caterpillar
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> axes = plot_caterpillar(m)
    >>> "10 levels of Subject" in alt_text(axes)
    True
    """
    axes = drawn.axes if hasattr(drawn, "add_subplot") else np.ravel(drawn)
    texts = [ax.glmmlib_alt for ax in axes if hasattr(ax, "glmmlib_alt")]
    if not texts:
        raise DataError(
            "There is no description of this picture: it was not drawn by glmmlib.plots; write one yourself.")
    return " ".join(texts)


def add_legend(ax, made, **options):
    """A legend below the axis, where no data are; within it, where they leave most room, if the
    figure is not ours."""
    options = {"frameon": not made, "fontsize": 9, "title_fontsize": 9, **options}
    if not made:
        ax.legend(loc="best", **options)
        return
    handles, names = ax.get_legend_handles_labels()
    columns = int(12 * ax.figure.get_figwidth()) // (max(map(len, names)) + 6)
    ax.figure.legend(handles, names, loc="outside lower center", ncols=max(1, min(columns, len(names))), **options)


def sentence(text):
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def quantile_of(level):
    """The normal quantile of a two-sided coverage."""
    return float(ndtri((1 + level) / 2))


def name_groups(ax, levels):
    """Groups along y: their names, where they can be read."""
    if len(levels) <= NAMED:
        ax.set_yticks(np.arange(len(levels)), [label(level) for level in levels])
    else:
        ax.set_yticks([])
    ax.set_ylim(-1, len(levels))
    ax.set_ylabel(levels.name if len(levels) <= NAMED else f"{len(levels)} levels of {levels.name}")


def with_units(name, units):
    """An axis label: "Size (arcmin)"."""
    return f"{name} ({units})" if units else str(name)


def mean_of(result, scale="response"):
    """What the model predicts, for an axis label."""
    if scale == "link" and result.family.link_name != "identity":
        return f"{link_scale(result)} of {_response(result)}"
    return f"{'proportion' if hasattr(result.family, 'binomial_link') else 'mean'} of {_response(result)}"


def link_scale(result):
    """The unit of eta, for an axis label: that of the response where the link is the identity."""
    link = result.family.link_name.split(",")[0]
    return {"logit": "log-odds", "log": "log mean", "identity": _response(result)}.get(link, link)


def typical_of(result, otherwise):
    """Whose prediction that of the fixed effects is; `otherwise` without random effects."""
    groups = [block.group for block in result.design.blocks]
    return f"the typical {listed(groups)}" if groups else otherwise


def _response(result):
    text = result.design.formula.response
    return text.removeprefix("cbind(").split(",")[0] if text.startswith("cbind(") else text


def name_of(row):
    """A name for a row of labels: numbers, and True and False, carry their column's name."""
    def name(column, value):
        if isinstance(value, (bool, np.bool_)):
            return f"{column} = {label(value)}"
        return f"{column} = {value:g}" if isinstance(value, (float, np.floating)) else str(value)
    return ", ".join(name(column, value) for column, value in row.items())


def number(value, digits=3):
    """A number for reading: so many significant digits, without exponents where that can be."""
    if not np.isfinite(value):
        return "unknown" if np.isnan(value) else ("infinity" if value > 0 else "minus infinity")
    text = f"{value:.{digits}g}"
    return text if "e" not in text or abs(value) >= 1e7 or abs(value) < 1e-4 else f"{value:.0f}"


def listed(words):
    """a, b and c."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"
