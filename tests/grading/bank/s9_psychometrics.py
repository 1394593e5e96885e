"""Section 9: what students type."""

from .students import Answers

SECRETS = ("s9.reference", "one_minus_1_over_e", "fine.Size")

BEFORE = {
    "q2": "b0, b1, b2, b3 = guessing.fixef\nt = guessing.thresholds(p=0.75, re='population').threshold\n",
    "q3": "ci = gl.profile(lapsing, 'lapse').confint()\n",
    "q4": "b0, b1, b2, b3 = weibull.fixef\nfirst, slope = b0 - b2 / 2, b1 - b3 / 2\nscale = np.exp(mean_log_size - first / slope)\n"
          "t = np.exp(weibull.thresholds(p=0.625, x='LogSize', re='population').threshold)\n",
    "q5":
        "one, both = guessing.thresholds(re='population'), guessing.thresholds(re='population', between='Condition').iloc[0]\n",
    "q6": "b0, b1, b2, b3 = guessing.fixef\n",
    "q7": "def curve(size, condition='crowded', re='marginal'):\n"
          "    return guessing.predict(pd.DataFrame({'Size': np.atleast_1d(size), 'Condition': condition}), re=re)\n"
          "def size_at(p, **which):\n    return brentq(lambda size: curve(size, **which)[0] - p, -9, 30)\n",
}

ANSWERS = {
    "share_of_rise_at_half": Answers(
        right=["1 / 3", "(0.5 - 0.25) / 0.75", "0.33"],
        wrong={
            "0.5": "the curve starts at the guess rate, not at 0",
            "0.5 - 0.25": "divide by how much it rises in all",
            "0.25 + 0.75 / 2": "the question is the other way round",
            "2 / 3": "this is the share of the rise that is still to come",
            "0.5 / 1.25": "not one plus the guess rate",
            "0.5 * 0.75": "you multiplied by the height of the rise",
        }),
    "halfway_with_lapses": Answers(
        right=["(0.25 + 0.94) / 2", "0.25 + (1 - 0.25 - 0.06) / 2", "1 - 0.06 - 0.69 / 2"],
        wrong={
            "0.625": "this is halfway without lapses",
            "0.5": "only for a curve from 0 to 1",
            "0.47": "you left out the guess rate",
            "0.345": "add the floor on which it stands",
            "0.625 - 0.06": "the middle sinks by half",
            "0.94": "this is the ceiling of the curve",
        }),
    "eta_at_target": Answers(
        right=["logit(2 / 3)", "np.log(2)", "guessing.family.link(0.75)"],
        wrong={
            "logit(0.75)": "as if the curve began at 0",
            "2 / 3": "this is the share of the rise: take its logit",
            "0.5": "divide by the rise and take the logit",
            "np.log(2 / 3)": "take that of its odds",
            "-np.log(2)": "the sign is turned",
            "0.75": "this is the proportion itself",
        }),
    "typical_threshold": Answers(
        right=["t[0]", "mean_size + (np.log(2) - b0 + b2 / 2) / (b1 - b3 / 2)",
               "brentq(lambda s: guessing.predict(pd.DataFrame({'Size': [s], 'Condition': 'uncrowded'}), re='population')[0] - 0.75, 0, 9)"],
        wrong={
            "t[1]": "this is the threshold for crowded",
            "t[0] - mean_size": "this is the centred size",
            "plain.thresholds(p=0.75, re='population').threshold[0]": "the model without guess rate",
            "mean_size + (logit(0.75) - b0 + b2 / 2) / (b1 - b3 / 2)": "without undoing the guess rate",
            "mean_size + (np.log(2) - b0) / b1": "this lies midway between the conditions",
            "guessing.thresholds(p=0.625, re='population').threshold[0]": "that is half of the rise",
            "2.6": "75 % are asked for",
        }),
    "curve_top": Answers(
        right=["1 - lapsing.lapse", "1 / (1 + np.exp(-logit(1 - lapsing.lapse)))",
               "lapsing.predict(pd.DataFrame({'Size': [60.0], 'Condition': 'uncrowded'}), re='population')"],
        wrong={
            "lapsing.lapse": "this is the lapse rate",
            "1 - lapsing.lapse - 0.25": "how far the curve rises from its floor",
            "1": "that would be the ceiling without lapses",
            "0.25 + 0.75 * (1 - lapsing.lapse)": "in this model a lapse is an error",
            "0.75": "this uses the guess rate",
            "lapsing": "not a number",
        }),
    "lapse_upper": Answers(
        right=["ci.loc['lapse', 'upper']", "gl.profile(lapsing, 'lapse', level=0.95).confint()['upper'].iloc[0]",
               "profile.confint(0.95).loc['lapse', 'upper']"],
        wrong={
            "ci.loc['lapse', 'lower']": "this is the lower end",
            "lapsing.lapse": "the upper end of its interval is asked for",
            "profile.confint(0.99).loc['lapse', 'upper']": "this is the upper end of the 99 % interval",
            "ci.loc['lapse', 'upper'] - ci.loc['lapse', 'lower']": "this is the width of the interval",
            "1 - ci.loc['lapse', 'upper']": "this is what is left for the curve",
            "ci": "values where one is asked for",
        }),
    "loglik_gain": Answers(
        right=["lapsing.loglik - guessing.loglik", "gl.anova(guessing, lapsing)['Chisq'].iloc[1] / 2",
               "(guessing.aic - lapsing.aic + 2) / 2"],
        wrong={
            "guessing.loglik - lapsing.loglik": "minus the one with it",
            "2 * (lapsing.loglik - guessing.loglik)": "the difference of the deviances",
            "guessing.aic - lapsing.aic": "this is the difference of the AICs",
            "lapsing.loglik - plain.loglik": "this compares with the model that has no guess rate",
            "lapsing.loglik": "the difference of two is asked for",
            "guessing.bic - lapsing.bic": "the difference of the BICs",
        }),
    "weibull_shape": Answers(
        right=["slope", "weibull.slopes(x='LogSize', re='population').slope[0]",
               "np.diff(weibull.predict(pd.DataFrame({'LogSize': [0.0, 1.0], 'Condition': 'uncrowded'}), re='population', type='link'))"],
        wrong={
            "b1": "midway between the conditions",
            "b1 + b3 / 2": "this is the slope of the crowded condition",
            "1 / slope": "you turned it round",
            "np.exp(slope)": "only the scale needs that",
            "b1 - b3": "you coded uncrowded as -1",
            "b3": "this is the interaction alone",
        }),
    "weibull_scale": Answers(
        right=["scale", "t[0] / np.log(2) ** (1 / slope)",
               "np.exp(weibull.thresholds(p=1 - 0.75 / np.e, x='LogSize', re='population').threshold[0])"],
        wrong={
            "np.log(scale)": "this is the logarithm of the scale",
            "np.exp(-first / slope)": "you forgot the centring",
            "mean_size * np.exp(-first / slope)": "you used the mean of the sizes",
            "np.exp(mean_log_size + first / slope)": "the sign is turned",
            "t[0]": "this is the size at half of the rise",
            "np.exp(mean_log_size - b0 / b1)": "this lies midway between the conditions",
        }),
    "weibull_threshold": Answers(
        right=["t[0]", "scale * np.log(2) ** (1 / slope)",
               "brentq(lambda s: weibull.predict(pd.DataFrame({'LogSize': [np.log(s)], 'Condition': 'uncrowded'}), re='population')[0]"
               " - 0.625, 0.1, 9)"],
        wrong={
            "scale": "63 % of the rise",
            "scale * np.log(2)": "the exponent is missing",
            "scale * 0.5 ** (1 / slope)": "you solved (x/a)^b = 1/2",
            "scale * np.log(2) ** slope": "the exponent is 1 / shape",
            "scale * (-np.log(1 - 0.625)) ** (1 / slope)": "half of the rise means F = 0.5",
            "t[1]": "this is the crowded condition",
        }),
    "difference_se": Answers(
        right=["both['se']", "(both.upper - both.lower) / (2 * 1.959964)", "typical['se']"],
        wrong={
            "np.hypot(*one.se)": "as independent",
            "one.se.sum()": "standard errors do not add up",
            "abs(one.se[1] - one.se[0])": "you took one standard error from the other",
            "one.se[0]": "of the uncrowded threshold alone",
            "both.difference": "this is the difference itself",
            "one.se.mean()": "the mean of the two standard errors",
            "both.se**2": "this is the variance",
        }),
    "difference_lower": Answers(
        right=["both['lower']", "both.difference - 1.959964 * both.se", "typical['lower']"],
        wrong={
            "one.lower[1] - one.upper[0]": "the worst of both at once",
            "one.lower[1] - one.lower[0]": "you subtracted the lower ends",
            "both.difference - both.se": "95 % need 1.96",
            "both.upper": "this is the upper end",
            "both.difference": "the lower end of its interval is asked for",
            "-both.lower": "this is uncrowded minus crowded",
        }),
    "jnd_crowded": Answers(
        right=["np.log(3) / (b1 + b3 / 2)", "guessing.jnd(re='population').jnd[1]",
               "np.diff(guessing.thresholds(p=[0.25 + 0.75 / 4, 1 - 0.75 / 4], re='population').query(\"Condition == 'crowded'\").threshold) / 2"],
        wrong={
            "b1 + b3 / 2": "this is the slope, in log-odds per arcmin",
            "logit(2 / 3) / (b1 + b3 / 2)": "the JND goes to three quarters of the rise",
            "1 / (b1 + b3 / 2)": "this is one unit of η",
            "2 * np.log(3) / (b1 + b3 / 2)": "the JND is half of it",
            "np.log(3) / (b1 - b3 / 2)": "this is the JND of the uncrowded condition",
            "np.log(3) / b1": "this lies midway between the conditions",
            "guessing.jnd()": "holds",
        }),
    "steeper_means": Answers(
        right=['"smaller JND"', '"Smaller jnd"'],
        wrong={
            '"larger JND"': "on a steep curve a small step in size is enough",
            '"lower threshold"': "not how fast",
            '"steep"': "none of the options",
        }),
    "average_threshold": Answers(
        right=["size_at(0.85)", "grid = np.arange(0, 9, 0.002)\ngrid[np.argmin(abs(curve(grid) - 0.85))]",
               "grid = np.linspace(0, 9, 3001)\nnp.interp(0.85, curve(grid), grid)"],
        wrong={
            "size_at(0.85, re='population')": "the threshold of the typical subject's curve",
            "guessing.thresholds(p=0.85).query(\"Condition == 'crowded'\").threshold.mean()":
                "the average of the measured subjects' thresholds",
            "size_at(0.85, condition='uncrowded')": "this is the uncrowded condition",
            "size_at(0.75)": "this is for 75 % correct",
            "size_at(0.85) - mean_size": "this is a centred size",
            "size_at(0.625)": "this is for 62.5 % correct",
        }),
}

TOGETHER = [{"weibull_shape": ("b1", 0, "midway between the conditions"),
             "weibull_scale": ("np.exp(mean_log_size - b0 / b1)", 0, "midway between the conditions"),
             "weibull_threshold": ("np.exp(mean_log_size - b0 / b1) * np.log(2) ** (1 / b1)", 1,
                                   "follows rightly from your weibull_scale and weibull_shape")}]
