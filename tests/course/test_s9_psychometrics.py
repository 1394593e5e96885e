"""Section 9 graded through the real pipeline: right answers, none, and typical wrong ones."""

import numpy as np
import pandas as pd
import pytest
from every_section import *  # noqa: F403
from scipy.optimize import brentq

import glmmlib as gl
from glmmlib.datasets.weibull import p_correct
from glmmlib.teaching.exercises import s9_psychometrics as s9

SECTION = "s9_psychometrics"
FULL = {"q1-test": 2, "predict-test": 1, "q2-test": 3, "q3-test": 3, "q4-test": 3, "q5-test": 2, "q6-test": 2,
        "predict-average-test": 1, "q7-test": 2}
SECRETS = ("s9.reference", "one_minus_1_over_e", "fine.Size")
PREDICTIONS = (s9.better_fit, s9.average_curve)

RIGHT = {
    "q1": "share_of_rise_at_half, halfway_with_lapses = 1 / 3, 0.595",
    "predict": 'better_fit = "no difference"',
    "q2": "eta_at_target = np.log(2)\n"
          "typical_threshold = guessing.thresholds(p=0.75, re='population').threshold[0]",
    "q3": "curve_top = 1 / (1 + np.exp(-logit(1 - lapsing.lapse)))\n"
          "lapse_upper = gl.profile(lapsing, 'lapse').confint().loc['lapse', 'upper']\n"
          "loglik_gain = -np.diff([lapsing.loglik, guessing.loglik])",
    "q4": "t = weibull.thresholds(p=0.625, x='LogSize', re='population').threshold[0]\n"
          "weibull_shape = weibull.slopes(x='LogSize', re='population').slope[0]\n"
          "weibull_threshold = np.exp(t)\n"
          "weibull_scale = weibull_threshold / np.log(2) ** (1 / weibull_shape)",
    "q5": "difference_se, difference_lower = guessing.thresholds(re='population', between='Condition').iloc[0][['se', 'lower']]",
    "q6": "jnd_crowded, steeper_means = guessing.jnd(re='population').jnd[1], 'Smaller JND'",
    "predict-average": 'average_curve = "steeper"',
    "q7": "grid = pd.DataFrame({'Size': np.arange(0, 9, 0.002), 'Condition': 'crowded'})\n"
          "average_threshold = grid.Size[np.argmin(abs(guessing.predict(grid, re='marginal') - 0.85))]",
}

# student -> (answers that differ from the right ones, points that differ from full, said on the page)
SUBMISSIONS = {
    "right-other-forms": (
        {"q1": "share_of_rise_at_half, halfway_with_lapses = '0.33', [0.595]",
         "q2": RIGHT["q2"].replace("np.log(2)", "'0.693'").replace(".threshold[0]", ".threshold.iloc[[0]]"),
         "q3": RIGHT["q3"] + "\ncurve_top, lapse_upper = str(round(curve_top, 3)), np.array([round(lapse_upper, 3)])",
         "q7": "average_threshold = np.float32(round(brentq(lambda s: guessing.predict(pd.DataFrame(\n"
               "    {'Size': [s], 'Condition': 'crowded'}), re='marginal')[0] - 0.85, 0, 9), 2))"}, {}, []),
    "knows-no-guessing": (
        {"q1": "share_of_rise_at_half, halfway_with_lapses = 0.5, 0.47",
         "q2": "eta_at_target = logit(0.75)\n"
               "typical_threshold = plain.thresholds(p=0.75, re='population').threshold[0] + 0 * eta_at_target",
         "q3": "curve_top = 1 - lapsing.lapse - 0.25\nlapse_upper = lapsing.lapse\n"
               "loglik_gain = 2 * (lapsing.loglik - guessing.loglik)",
         "q4": "b0, b1, b2, b3 = weibull.fixef\nweibull_shape = b1 - 0.5 * b3\n"
               "weibull_scale = np.exp(-(b0 - 0.5 * b2) / weibull_shape)\n"
               "weibull_threshold = weibull_scale * np.log(2) ** (1 / weibull_shape)",
         "q6": "jnd_crowded = logit(2 / 3) / guessing.slopes(re='population').slope[1]\nsteeper_means = 'lower threshold'"},
        {"q1-test": 0, "q2-test": 0, "q3-test": 0, "q4-test": 2, "q6-test": 0},
        ["follows rightly from your weibull_scale", "the curve starts at the guess rate, not at 0", "you left out the guess rate", "as if the curve began at 0",
         "the model without guess rate", "how far the curve rises from its floor", "the upper end of its interval is asked for",
         "the difference of the deviances", "the JND goes to three quarters of the rise", "not how fast"]),
    "forgets-centring": (
        {"q2": "eta_at_target = 2 / 3\n"
               "typical_threshold = guessing.thresholds(p=0.75, re='population').threshold[0] - mean_size",
         "q4": "b0, b1, b2, b3 = weibull.fixef\nweibull_shape = b1\n"
               "weibull_scale = np.exp(-(b0 - 0.5 * b2) / (b1 - 0.5 * b3))\n"
               "weibull_threshold = np.exp(mean_log_size) * weibull_scale",
         "q7": "average_threshold = guessing.thresholds(p=0.85, re='population').threshold[1]"},
        {"q2-test": 0, "q4-test": 0, "q7-test": 0},
        ["this is the share of the rise: take its logit", "this is the centred size", "midway between the conditions",
         "you forgot the centring", "63 % of the rise", "the threshold of the typical subject's curve"]),
    "wrong-condition-and-scale": (
        {"q2": "eta_at_target = np.log(2)\ntypical_threshold = guessing.thresholds(p=0.75, re='population').threshold[1]",
         "q4": RIGHT["q4"].replace("[0]", "[1]") + "\nweibull_scale = np.log(np.exp(mean_log_size - (weibull.fixef.iloc[0]\n"
               "    - weibull.fixef.iloc[2] / 2) / (weibull.fixef.iloc[1] - weibull.fixef.iloc[3] / 2)))",
         "q5": "t = guessing.thresholds(re='population')\ndifference_se = np.hypot(*t.se)\n"
               "difference_lower = t.lower[1] - t.upper[0]",
         "q6": "jnd_crowded, steeper_means = guessing.slopes(re='population').slope[1], 'smaller JND'",
         "q7": "t = guessing.thresholds(p=0.85)\naverage_threshold = t[t.Condition == 'crowded'].threshold.mean()"},
        {"q2-test": 1, "q4-test": 0, "q5-test": 0, "q6-test": 1, "q7-test": 0},
        ["this is the threshold for crowded", "this is the slope of the crowded condition", "this is the logarithm of the scale",
         "as independent", "the worst of both at once", "this is the slope, in log-odds per arcmin",
         "the average of the measured subjects' thresholds"]),
    "crashes": (
        {"q1": "share_of_rise_at_half = undefined_name", "predict": "better_fit = 'maybe'", "q3": "curve_top = lapsing",
         "q6": "jnd_crowded, steeper_means = guessing.jnd(), 'steep'"},
        {"q1-test": 0, "predict-test": 0, "q3-test": 0, "q6-test": 0},
        ["is not defined", "none of the options", "not a number", "holds"]),
}


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
