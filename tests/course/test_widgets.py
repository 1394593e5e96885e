"""Widgets: the picture and the words follow the controls, and both are there without a browser."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

from glmmlib.teaching.widgets import Explorer, MovingPicture, laplace_explorer, link_explorer
from glmmlib.teaching.widgets.laplace import Subject


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.fixture
def moving():
    """A picture with one moving line, and the line."""
    figure = Figure(figsize=(3, 2), dpi=100, layout="constrained")
    axis = figure.subplots()
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="x", title="still")
    line, = axis.plot([0.2, 0.8], [0.2, 0.8], animated=True)
    return MovingPicture(figure), line


def full_drawing(picture):
    """What matplotlib draws without any shortcut, at the picture's own size."""
    file = io.BytesIO()
    picture.figure.savefig(file, format="png", dpi=picture.figure.dpi)
    return pixels(file.getvalue())


def test_the_moving_part_is_where_a_full_drawing_has_it(moving):
    picture, line = moving
    for height in (0.2, 0.8):
        line.set_ydata([0.2, height])
        assert np.array_equal(pixels(picture.png()), full_drawing(picture))


def test_the_still_part_is_drawn_once(moving):
    picture, line = moving
    drawn = []
    picture.figure.axes[0].xaxis.draw = lambda renderer, draw=picture.figure.axes[0].xaxis.draw: (
        drawn.append(1), draw(renderer))
    for height in (0.2, 0.5, 0.8):
        line.set_ydata([0.2, height])
        picture.png()
    assert drawn == []


def test_a_change_of_the_still_part_is_noticed(moving):
    picture, line = moving
    before = pixels(picture.png())
    picture.figure.axes[0].set_xlim(0, 2)
    after = pixels(picture.png())
    assert not np.array_equal(before, after)
    assert np.array_equal(after, full_drawing(picture))


def shown(explorer):
    """The picture's bytes, its alternative text and the sentence, as the page has them now."""
    tag, words = explorer.widget.children[-2].value, explorer.widget.children[-1].value
    alt = re.search('alt="([^"]*)"', tag)[1]
    return base64.b64decode(re.search('base64,([^"]+)', tag)[1]), alt, re.sub("<[^>]*>", "", words)


def test_picture_and_words_follow_a_control():
    explorer = link_explorer()
    before = shown(explorer)
    explorer.controls["x"].value = -2.0
    after = shown(explorer)
    assert before[0] != after[0]
    assert "x = −2.0" in after[1] and after[1] == after[2]
    assert f"p = {expit(-2):.2f}" in after[2]


@pytest.mark.parametrize("family, mean", [
    ("gaussian, identity link", "μ = 0.70"), ("binomial, logit link", "p = 0.67"), ("Poisson, log link", "λ = 2.01")])
def test_each_link_leads_to_its_mean(family, mean):
    explorer = link_explorer()
    for name, value in {"family": family, "intercept": -0.2, "slope": 0.6, "x": 1.5}.items():
        explorer.controls[name].value = value
    assert mean in shown(explorer)[2]


@pytest.mark.parametrize("family", ["gaussian, identity link", "binomial, logit link", "Poisson, log link"])
def test_the_corners_of_all_sliders_can_be_drawn(family):
    explorer = link_explorer()
    explorer.controls["family"].value = family
    for end in ("min", "max"):
        for name in ("intercept", "slope", "x"):
            explorer.controls[name].value = getattr(explorer.controls[name], end)
        assert np.isfinite(pixels(shown(explorer)[0])).all()
        assert "nan" not in shown(explorer)[2] and "inf" not in shown(explorer)[2]


@pytest.mark.parametrize("trials, correct, theta", [(4, 4, 2.5), (1, 0, 0.1), (30, 30, 4.0), (30, 15, 4.0), (7, 2, 1.0)])
def test_the_laplace_explorer_s_likelihoods_are_those_of_the_integral(trials, correct, theta):
    subject = Subject(trials, correct, theta)

    def likelihood(u):          # of trials in an order, so without the binomial coefficient
        return binom.pmf(correct, trials, expit(theta * u)) / binom.pmf(correct, trials, 0.5) * 0.5**trials * norm.pdf(u)

    truth = np.log(quad(likelihood, -12, 12, points=[subject.mode], epsabs=0, limit=200)[0])
    assert subject.loglik() == pytest.approx(truth, abs=1e-7)
    assert subject.quadrature(15)[0] == pytest.approx(truth, abs=1e-2)
    assert subject.quadrature(1)[0] == pytest.approx(
        subject.log_integrand(subject.mode) - np.log(subject.curvature) / 2), "one node is Laplace"


def test_the_laplace_explorer_s_modes_are_peaks_wherever_the_sliders_stand():
    for trials in (1, 2, 5, 13, 30):
        for correct in range(trials + 1):
            for theta in (0.1, 1.0, 2.5, 4.0):
                subject = Subject(trials, correct, theta)
                slope = theta * (correct - trials * expit(theta * subject.mode)) - subject.mode
                assert abs(slope) < 1e-9, (trials, correct, theta)


def test_the_laplace_explorer_follows_its_sliders():
    explorer = laplace_explorer()
    for name, value in {"trials": 8, "proportion": 0.25, "theta": 1.5, "nodes": 1}.items():
        before = shown(explorer)
        explorer.controls[name].value = value
        assert shown(explorer)[0] != before[0], name
    words = shown(explorer)[2]
    laplace, with_nodes = re.search(r"Laplace gives (\S+), and 1 node gives (\S+)\.$", words).groups()
    assert words.startswith("2 of 8 trials correct, θ = 1.5") and laplace == with_nodes


def test_the_corners_of_the_laplace_explorer_can_be_drawn():
    explorer = laplace_explorer()
    for end in ("min", "max"):
        for control in explorer.controls.values():
            control.value = getattr(control, end)
        picture, alt, words = shown(explorer)
        assert np.isfinite(pixels(picture)).all() and alt == words
        assert "nan" not in words and "inf" not in words and "−0.00 " not in words


def test_without_widgets_there_are_a_picture_and_words():
    explorer = link_explorer()
    explorer.controls["x"].value = 2.0
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert '<img alt="At x = 1.0' in bundle["text/html"] and "<p" in bundle["text/html"], "as it began"
    assert "x=2.0" in bundle["text/plain"]


def test_words_are_text_not_markup(moving):
    explorer = Explorer(lambda: (moving[0], "1 < 2 & so on"))
    assert "1 &lt; 2 &amp; so on" in explorer.widget.children[-1].value
