"""Diagrams of models: what depends on what. Needs matplotlib.

`draw_model` draws the model of a family, with any number of grouping factors; `draw_graph` draws
any graph of nodes, arrows and plates, and is what to use for a model of another kind. The
notation is that of directed graphical models (Bishop 2006, section 8.1): a plate is drawn once and
stands for as many copies as its label says.
"""

from dataclasses import dataclass

from .errors import DataError
from .plots import BLUE, GREY, ORANGE

# How a node looks, and what the look means.
KINDS = {
    "observed": ({"facecolor": "#dddddd", "edgecolor": "black"}, "observed"),
    "computed": ({"facecolor": "white", "edgecolor": GREY, "linestyle": "--"}, "follows from the others"),
    "random": ({"facecolor": "white", "edgecolor": ORANGE, "linewidth": 2}, "drawn, not observed"),
    "estimated": ({"facecolor": "white", "edgecolor": BLUE, "linewidth": 2}, "estimated parameter"),
}
RADIUS = 0.3
NOTE_WIDTH = 2.2    # room kept for a note, in units of the graph


@dataclass(frozen=True)
class Node:
    """One quantity of a model: `label` (mathtext) in a circle at the point `at` (x, y).

    `kind` is one of KINDS. `note` stands to the right of the circle.
    """

    label: str
    at: tuple[float, float]
    kind: str = "computed"
    note: str = ""


@dataclass(frozen=True)
class Plate:
    """A frame around the nodes called `names`: there is one of each for every case of `label`."""

    label: str
    names: tuple[str, ...]


def draw_graph(nodes, arrows, plates=(), legend=True, ax=None):
    """Draw a directed graph.

    Parameters
    ----------
    nodes : dict name -> Node.
    arrows : (from, to) or (from, to, label) by the nodes' names.
    plates : Plates.
    legend : whether to say below the graph what the looks of its nodes mean.
    ax : matplotlib axis; a new one, large enough for the graph, when omitted.

    Returns
    -------
    The axis.
    """
    from matplotlib.patches import Circle, FancyBboxPatch

    xs, ys = zip(*(node.at for node in nodes.values()))
    right = max(map(_right_end, nodes.values()))
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(0.85 * (right - min(xs)) + 1, 0.85 * (max(ys) - min(ys)) + 1.8),
                             layout="constrained")
    ax.set(xlim=(min(xs) - 0.8, right + 0.2), ylim=(min(ys) - 0.85, max(ys) + 0.65), aspect="equal")
    ax.axis("off")
    for plate in plates:
        framed = [nodes[name] for name in plate.names]
        x, y = zip(*(node.at for node in framed))
        left, bottom = min(x) - 0.5, min(y) - 0.65
        width = max(max(map(_right_end, framed)) - left, 0.1 * len(plate.label))
        ax.add_patch(FancyBboxPatch(
            (left, bottom), width, max(y) + 0.45 - bottom, boxstyle="round,pad=0,rounding_size=0.15",
            facecolor="none", edgecolor=GREY))
        ax.text(left + 0.1, bottom + 0.07, plate.label, fontsize=8, color="black")
    for start, end, *label in arrows:
        (x0, y0), (x1, y1) = nodes[start].at, nodes[end].at
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        dx, dy = RADIUS * (x1 - x0) / length, RADIUS * (y1 - y0) / length
        ax.annotate("", (x1 - dx, y1 - dy), (x0 + dx, y0 + dy),
                    arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 1})
        for text in label:
            ax.text((x0 + x1) / 2 + 0.1, (y0 + y1) / 2, text, fontsize=10, va="center")
    for node in nodes.values():
        ax.add_patch(Circle(node.at, RADIUS, **KINDS[node.kind][0]))
        ax.text(*node.at, node.label, ha="center", va="center", fontsize=11)
        if node.note:
            ax.text(node.at[0] + RADIUS + 0.12, node.at[1], node.note, va="center", fontsize=9)
    if legend:
        shown = [KINDS[kind] for kind in KINDS if kind in {node.kind for node in nodes.values()}]
        ax.legend([Circle((0, 0), **look) for look, _ in shown], [meaning for _, meaning in shown],
                  loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, fontsize=8, frameon=False)
    return ax


# family -> symbol of the mean, how the mean follows from eta, the outcome's distribution, whether
# the distribution has a spread of its own
_COMPONENTS = {
    None: (r"\mu", r"$\mu_i = g^{-1}(\eta_i)$", r"$y_i \sim f(\mu_i)$", False),
    "gaussian": (r"\mu", r"$\mu_i = \eta_i$", r"$y_i \sim \mathrm{Normal}(\mu_i, \sigma)$", True),
    "binomial": ("p", r"$p_i = 1 / (1 + e^{-\eta_i})$", r"$y_i \sim \mathrm{Bernoulli}(p_i)$", False),
    "poisson": (r"\lambda", r"$\lambda_i = e^{\eta_i}$", r"$y_i \sim \mathrm{Poisson}(\lambda_i)$", False),
}


def draw_model(family=None, groups=(), legend=True, ax=None):
    """Draw a GLM, or with `groups` a GLMM: linear predictor, link, distribution, random effects.

    Parameters
    ----------
    family : "gaussian", "binomial" or "poisson", each with its canonical link; any (f and g are
        left open) when omitted.
    groups : names of the grouping factors, such as ["subject", "item"]; crossed, and independent
        of each other.
    legend, ax : as for `draw_graph`.

    Returns
    -------
    The axis.

    Raises
    ------
    DataError : there is no such family.
    """
    if family not in _COMPONENTS:
        known = ", ".join(repr(name) for name in _COMPONENTS if name)
        raise DataError(f"There is no diagram for the family {family!r}; choose one of: {known}.")
    symbol, link, distribution, has_spread = _COMPONENTS[family]
    groups = [groups] if isinstance(groups, str) else list(groups)
    nodes = {
        "X": Node("$x_i$", (0, 3), "observed"),
        "beta": Node(r"$\beta$", (1.7, 4.3), "estimated"),
        "eta": Node(r"$\eta_i$", (0.85, 2), note=r"$\eta_i = x_i\,\beta$"),
        "mu": Node(f"${symbol}_i$", (0.85, 1), note=link),
        "y": Node("$y_i$", (0.85, 0), "observed", note=distribution),
    }
    arrows = [("X", "eta"), ("beta", "eta"), ("eta", "mu"), ("mu", "y")]
    observation, plates = ["X", "eta", "mu", "y"], []
    if has_spread:
        nodes["spread"] = Node(r"$\sigma$", (-0.95, 0), "estimated")
        arrows.append(("spread", "y"))
    if groups:
        nodes |= {
            "population": Node(r"$\beta_{\mathrm{pop}}$", (1.7, 4.3), "estimated"),
            "beta": Node(r"$\beta_i$", (1.7, 3)),
            "eta": Node(r"$\eta_i$", (0.85, 2), note=r"$\eta_i = x_i\,\beta_i$"),
        }
        arrows.append(("population", "beta"))
        observation.append("beta")
    for k, group in enumerate(groups):
        level, number = "jklmn"[k % 5], str(k + 1) if len(groups) > 1 else ""
        effect, spread = f"b_{{{number}{level}}}", rf"\Sigma_{{{number}}}"
        x = 3.4 + 3.2 * k
        nodes |= {
            f"z{k}": Node(f"$z_{{{number}i}}$", (3.3, 3 - 0.8 * k), "observed", note=f"which {group}"),
            f"b{k}": Node(f"${effect}$", (x, 4.3), "random",
                          note=rf"${effect} \sim \mathrm{{Normal}}(0, {spread})$"),
            f"Sigma{k}": Node(f"${spread}$", (x, 5.5), "estimated"),
        }
        arrows += [(f"z{k}", "beta"), (f"b{k}", "beta"), (f"Sigma{k}", f"b{k}")]
        observation.append(f"z{k}")
        plates.append(Plate(f"each {group} ${level}$", (f"b{k}",)))
    plates.append(Plate("each observation $i$", tuple(observation)))
    return draw_graph(nodes, arrows, plates, legend=legend, ax=ax)


def _right_end(node):
    """How far a node reaches to the right, with its note."""
    return node.at[0] + (NOTE_WIDTH if node.note else 0.5)
