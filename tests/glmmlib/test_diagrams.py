"""Diagrams: the right quantities, connected as the model says."""

import pytest
from matplotlib.figure import Figure

import glmmlib
from glmmlib.diagrams import Node, Plate, draw_graph, draw_model


def texts(axis):
    return [text.get_text() for text in axis.texts]


def arrows(axis):
    return [text for text in axis.texts if getattr(text, "arrow_patch", None) is not None]


@pytest.mark.parametrize("family, mean, distribution", [
    (None, "\\mu_i", "f(\\mu_i)"), ("gaussian", "\\mu_i", "Normal"), ("binomial", "p_i", "Bernoulli"),
    ("poisson", "\\lambda_i", "Poisson")])
def test_a_family_has_its_mean_and_its_distribution(family, mean, distribution):
    said = texts(draw_model(family))
    assert f"${mean}$" in said and any(distribution in text for text in said)
    assert (r"$\sigma$" in said) == (family == "gaussian")


@pytest.mark.parametrize("groups", [[], ["subject"], ["subject", "item"], ["a", "b", "c"]])
def test_a_grouping_factor_brings_a_draw_a_spread_and_a_plate(groups):
    axis = draw_model("binomial", groups=groups)
    said = texts(axis)
    assert sum("each" in text for text in said) == 1 + len(groups)
    assert all(f"which {group}" in said for group in groups)
    # x and beta to eta to mu to y; the population, and for each factor its level, its draw and its spread
    assert len(arrows(axis)) == 4 + bool(groups) + 3 * len(groups)


def test_one_group_may_be_a_text():
    assert texts(draw_model(groups="person")) == texts(draw_model(groups=["person"]))


def test_an_axis_that_is_given_is_used():
    axis = Figure().subplots()
    assert draw_model("poisson", ax=axis) is axis


def test_an_unknown_family_is_one_sentence():
    with pytest.raises(glmmlib.DataError, match="no diagram for the family 'gamma'; choose one of: 'gaussian'"):
        draw_model("gamma")


def test_any_graph():
    nodes = {"a": Node("$a$", (0, 1), "estimated"), "b": Node("$b$", (0, 0), "observed", note="the data")}
    axis = draw_graph(nodes, [("a", "b", "makes")], [Plate("each case", ("b",))])
    assert {"$a$", "$b$", "the data", "makes", "each case"} <= set(texts(axis))
    assert [entry.get_text() for entry in axis.get_legend().get_texts()] == ["observed", "estimated parameter"]
    assert draw_graph(nodes, [], legend=False).get_legend() is None
