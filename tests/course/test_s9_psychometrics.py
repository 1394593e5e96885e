"""The catalogue of section 9: its questions and every mistake they know."""

import numpy as np
import pandas as pd
import pytest
from every_section import *  # noqa: F403
from scipy.optimize import brentq

import glmmlib as gl
from glmmlib.datasets.weibull import p_correct
from glmmlib.teaching.exercises import s9_psychometrics as s9


def right_answers():
    """By other routes than the hidden tests': search on the curve, arithmetic, a second fit."""
    guessing, lapsing, weibull = (s9.reference(name) for name in ("guessing", "lapsing", "weibull"))

    def size_at(m, p, condition, re="population", column="Size"):
        def short(x):
            return m.predict(pd.DataFrame({column: [x], "Condition": condition}), re=re)[0] - p
        return brentq(short, -3, 9)

    scale = np.exp(size_at(weibull, p_correct(1, 1, 1), "uncrowded", column="LogSize"))
    halfway = np.exp(size_at(weibull, 0.625, "uncrowded", column="LogSize"))
    quarters = [size_at(guessing, 0.25 + 0.75 * share, "crowded") for share in (0.25, 0.75)]
    # the profile's upper end is where the deviance, with the rate given and all else fitted, has risen by 3.84
    def rise(rate):
        given = gl.glmer(s9.FORMULA, s9.data(), family=gl.Binomial(guess=0.25, lapse=rate), contrasts=s9.CODING)
        return given.fit.deviance - lapsing.fit.deviance

    top = brentq(lambda rate: rise(rate) - 3.841459, lapsing.lapse + 0.01, lapsing.lapse + 0.1, xtol=1e-4)
    between = guessing.thresholds(re="population", between="Condition").iloc[0]
    return {
        s9.share_of_rise_at_half: 1 / 3,
        s9.halfway_with_lapses: 0.595,
        s9.eta_at_target: np.log(2),
        s9.typical_threshold: size_at(guessing, 0.75, "uncrowded"),
        s9.curve_top: lapsing.family.guess + 0.75 - lapsing.lapse,
        s9.lapse_upper: top,
        s9.loglik_gain: (gl.anova(guessing, lapsing)["Chisq"].iloc[1]) / 2,
        s9.weibull_shape: np.log(np.log(2)) / np.log(halfway / scale),
        s9.weibull_scale: scale,
        s9.weibull_threshold: halfway,
        s9.difference_se: between["se"],
        s9.difference_lower: between["lower"],
        s9.jnd_crowded: np.diff(quarters)[0] / 2,
        s9.average_threshold: size_at(guessing, 0.85, "crowded", re="marginal"),
    }


PREDICTIONS = (s9.better_fit, s9.average_curve)
NUMBERS = {
    "share_of_rise_at_half": 5, "halfway_with_lapses": 6, "eta_at_target": 6, "typical_threshold": 8, "curve_top": 5,
    "lapse_upper": 5, "loglik_gain": 6, "weibull_shape": 5, "weibull_scale": 7, "weibull_threshold": 5, "difference_se": 6,
    "difference_lower": 5, "jnd_crowded": 6, "average_threshold": 5,
}


@pytest.mark.parametrize("option", ["larger JND", "lower threshold"])
def test_every_wrong_option_says_why(option):
    verdict = s9.steeper_means().judge(option, "smaller JND")
    assert verdict.share == 0 and not verdict.message.endswith("is not right.")


def test_a_guessed_threshold_is_told_what_it_means(capsys):
    """An answer that is no known mistake is still refused by what the model predicts there."""
    s9.typical_threshold().check(2.6)
    assert "75 % are asked for" in capsys.readouterr().out


def test_weibull_is_cloglog_on_log_size():
    """What the section's text derives, for the fitted curve itself."""
    m = s9.reference("weibull")
    sizes = np.linspace(0.5, 4, 8)
    scale, shape = s9._weibull()[2](-0.5)
    predicted = m.predict(pd.DataFrame({"LogSize": np.log(sizes), "Condition": "uncrowded"}), re="population")
    assert np.allclose(predicted, p_correct(sizes, scale, shape))
