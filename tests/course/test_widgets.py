"""Widgets: the picture and the words follow the controls, and both are there without a browser."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from matplotlib.figure import Figure
from PIL import Image
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

import glmmlib as gl
from glmmlib.teaching.exercises.common import CODING
from glmmlib.teaching.widgets import (
    Explorer, MovingPicture, by_hand_explorer, laplace_explorer, link_explorer, shrinkage_explorer, singular_explorer,
    threshold_explorer)
from glmmlib.teaching.widgets.laplace import Subject
from glmmlib.teaching.widgets.shrinkage import Experiment, partially_pooled, separate_fits


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


@pytest.mark.parametrize("p, guess, lapse, says", [
    (0.625, 0.25, 0.0, "p = 0.625 is 50 % of this rise, η = 0.00: the threshold is 1.70 arcmin"),
    (0.5, 0.25, 0.0, "33 % of this rise, η = −0.69: the threshold is 1.42 arcmin"),
    (0.75, 0.0, 0.0, "η = 1.10: the threshold is 2.14 arcmin"),
    (0.75, 0.25, 0.1, "77 % of this rise, η = 1.20: the threshold is 2.18 arcmin"),
    (0.2, 0.25, 0.0, "never reaches p = 0.200"),
    (0.25, 0.25, 0.0, "never reaches p = 0.250"),
    (0.95, 0.25, 0.05, "rises from 0.250 to 0.950. It never reaches p = 0.950")])
def test_the_threshold_follows_p_guess_and_lapse(p, guess, lapse, says):
    explorer = threshold_explorer(midpoint=1.7, slope=2.5)
    for name, value in {"p": p, "guess": guess, "lapse": lapse}.items():
        explorer.controls[name].value = value
    picture, alt, words = shown(explorer)
    assert says in words and alt == words
    assert np.isfinite(pixels(picture)).all()


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


# --- the singular-fit explorer -------------------------------------------------------------------

@pytest.fixture(scope="module")
def singular():
    return singular_explorer()


def tick(explorer, **values):
    for name, control in explorer.controls.items():
        control.value = values.get(name, True)
    return shown(explorer)


def test_a_singular_fit_says_its_direction_and_what_comes_next(singular):
    words = tick(singular)[2]
    with pytest.warns(gl.SingularFitWarning):
        m = gl.glmer("ResponseCorrect ~ center(Size) * Condition + (center(Size) * Condition | Subject)",
                     gl.load_crowding(), contrasts=CODING)
    assert f"14 parameters, −2 log L = {-2 * m.loglik:.1f}" in words
    for weight in m.convergence.no_variance[0].combination.abs():
        assert f"{weight:.2f}" in words
    assert "Try next: (1 + center(Size) + Condition + center(Size):Condition || Subject)" in words


def test_following_the_advice_ends_at_a_fit_that_is_not_singular(singular):
    words = tick(singular, correlated=False)[2]
    assert "do not differ in the interaction alone" in words and "Try next: (1 + center(Size) + Condition || Subject)" in words
    words = tick(singular, correlated=False, interaction=False)[2]
    assert "Not singular" in words and "Try next" not in words


def test_an_interaction_varies_only_with_its_main_effects(singular):
    assert "it is left out" in tick(singular, size=False)[2]
    assert "it is left out" not in tick(singular, size=False, interaction=False)[2]


def test_every_choice_of_random_effects_can_be_drawn(singular):
    pictures = set()
    for ticked in range(16):
        values = {name: bool(ticked >> i & 1) for i, name in enumerate(singular.controls)}
        png, alt, words = tick(singular, **values)
        assert np.isfinite(pixels(png)).all() and alt == words and "nan" not in words
        pictures.add(png)
    assert len(pictures) == 9, "one for each model"


def test_the_explorer_takes_another_class_s_data():
    explorer = singular_explorer(gl.simulate_crowding(1))
    assert "(nor in 1 more)" in shown(explorer)[2], "two directions without variance"


# --- the shrinkage explorer ----------------------------------------------------------------------

def test_separate_fits_are_those_of_a_glm():
    _, size, outcome = Experiment().run(subjects=10, trials=60, spread=1.0)
    fits = separate_fits(size, outcome)
    for x, y, b in zip(size, outcome, fits):
        assert b == pytest.approx(sm.Logit(y, sm.add_constant(x)).fit(disp=0).params, abs=1e-5)


@pytest.mark.parametrize("outcome", [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 0]])
def test_a_subject_without_an_estimate_of_its_own_is_known(outcome):
    x = np.array([[-1.0, -0.5, 0.5, 1.0]] * 2)
    fits = separate_fits(x, np.array([outcome, [0, 1, 0, 1]]))
    assert np.isnan(fits[0]).all() and np.isfinite(fits[1]).all()


def test_without_spread_the_pooled_estimates_are_nearly_alike():
    apart = {spread: partially_pooled(*Experiment().run(40, 60, spread)[1:])[0].std(axis=0) for spread in (0.0, 2.0)}
    assert (apart[0.0] < apart[2.0] / 4).all()


def test_a_slider_makes_another_experiment():
    explorer = shrinkage_explorer()
    before = shown(explorer)
    explorer.controls["trials"].value = 60
    after = shown(explorer)
    assert before[0] != after[0] and "with 60 trials each" in after[2]
    own, pooled = map(float, re.findall(r"less than (\d\.\d+)", after[2]))
    assert pooled < own


@pytest.mark.parametrize("subjects", ["min", "max"])
@pytest.mark.parametrize("trials", ["min", "max"])
def test_the_corners_of_the_experiment_can_be_drawn(subjects, trials):
    explorer = shrinkage_explorer()
    controls = explorer.controls
    for spread in ("min", "max"):
        for name, end in {"subjects": subjects, "trials": trials, "spread": spread}.items():
            controls[name].value = getattr(controls[name], end)
        assert np.isfinite(pixels(shown(explorer)[0])).all() and "nan" not in shown(explorer)[2]


def test_the_by_hand_explorer_s_likelihood_is_the_regression_s():
    """At the estimates the maximum is reached, and elsewhere the words give the model's own log-likelihood."""
    data = gl.load_crowding()
    x, c = data.Size - data.Size.mean(), np.where(data.Condition == "crowded", 0.5, -0.5)
    model = sm.GLM(data.ResponseCorrect, np.column_stack([np.ones(len(x)), x, c, x * c]), family=sm.families.Binomial())
    fit = model.fit()
    explorer = by_hand_explorer(data)
    assert f"{-model.loglike(np.zeros(4)):,.1f}" in shown(explorer)[2]
    before = shown(explorer)[0]
    for name, value in zip(("intercept", "size", "condition", "interaction"), fit.params):
        explorer.controls[name].value = value
    picture, alt, words = shown(explorer)
    assert f"{-fit.llf:,.1f}: the maximum is reached." in words and alt == words
    ends = pd.DataFrame({"size": [data.Size.min(), data.Size.max()]}) - data.Size.mean()
    for condition, code in [("uncrowded", -0.5), ("crowded", 0.5)]:
        low, high = expit(np.column_stack([np.ones(2), ends, [code] * 2, code * ends]) @ fit.params)
        assert f"from {100 * low:.0f} to {100 * high:.0f} % when {condition}" in words
    assert picture != before and np.isfinite(pixels(picture)).all()
