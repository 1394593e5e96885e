"""Section 5.1: what students type."""

from .students import Answers

SECRETS = ("s5.reference", "short_of_target")

BEFORE = {
    **dict.fromkeys(("q1", "q2", "q3", "q4"), "b0, b1, b2, b3 = pooled.coef\n"),
    "q5": 'rows = crowding[crowding.Subject == "4"]\n'
          'def fitted(formula, data=rows):\n'
          '    return glm("ResponseCorrect ~ " + formula, data.assign(c=data.Size - mean_size), contrasts=coding)\n'
          'own = fitted("c * Condition")\n',
}


def at(size, condition, kind="link"):
    """Code of what the pooled model predicts there."""
    return f"pooled.predict(pd.DataFrame({{'Size': {size}, 'Condition': {condition!r}}}), type='{kind}')"


def slope(this, that, sign, other):
    return Answers(
        right=[f"b1 {sign} b3 / 2", f"np.diff({at('[1.0, 2.0]', this)})", "fits['treatment', 'Size'].coef.iloc[1]"
               if this == "uncrowded" else "fits['treatment', 'Size'].coef.iloc[[1, 3]].sum()"],
        wrong={
            "b1": "the slope midway between the conditions",
            f"b1 {other} b3 / 2": f"this is the slope for {that}",
            f"b1 {sign} b3": "you coded the conditions as -1 and 1",
            "b3": "this is the difference between the two slopes",
            f"np.exp(b1 {sign} b3 / 2)": "this is an odds ratio per arcmin",
            f"b1 {other} b3": f"half the interaction counts, with the sign that {this} has",
        })


ANSWERS = {
    "size_effect_direction": Answers(
        right=['"positive"', '"positive" if b1 > 0 else "negative"'],
        wrong={'"negative"': "above zero, larger digits are better"}),
    "size_effect_significant": Answers(
        right=['"significant"', '"significant" if norm.sf(abs(pooled.coefficients.iloc[1, 2])) < 0.025 else "not significant"'],
        wrong={'"not significant"': "is below 0.05"}),
    "odds_factor_per_tenth": Answers(
        right=["np.exp(0.1 * b1)", "np.exp(b1) ** 0.1",
               f"np.exp(np.diff({at('mean_size + np.array([0, .1])', 'uncrowded')}) + b3 / 20)"],
        wrong={
            "np.exp(b1)": "a whole arcmin",
            "0.1 * b1": "adding into multiplying",
            "0.1 * np.exp(b1)": "factors multiply",
            "1 + 0.1 * b1": "only roughly exp(x)",
            "np.exp(-0.1 * b1)": "smaller by a tenth",
            "b1": "this is the coefficient, in log-odds per arcmin",
            "expit(0.1 * b1)": "this is a probability",
        }),
    "accuracy_gain": Answers(
        right=["expit(b0 + b1 / 2) - expit(b0)", "1 / (1 + np.exp(-b0 - b1 / 2)) - 1 / (1 + np.exp(-b0))",
               "np.diff(expit(b0 + b1 * np.array([0, 0.5])))"],
        wrong={
            "0.5 * b1": "the gain in log-odds",
            "expit(0.5 * b1)": "this is the inverse link of a difference",
            "0.5 * b1 / 4": "the divide-by-four rule",
            "expit(b0) - expit(b0 + b1 / 2)": "this is the mean size minus the larger one",
            "expit(b0 + b1) - expit(b0)": "this is the gain over a whole arcmin",
            "100 * (expit(b0 + b1 / 2) - expit(b0))": "these are percentage points",
            "expit(b0 + b1 / 2)": "this is the accuracy at the larger size",
        }),
    "condition_effect_at_mean": Answers(
        right=["b2", f"{at('[mean_size]', 'crowded')} - {at('[mean_size]', 'uncrowded')}",
               "pooled.coef['ConditionCrowded.vs.Uncrowded']"],
        wrong={
            "-b2": "this is uncrowded minus crowded",
            "b2 / 2": "this is half the difference",
            "expit(b0 + b2 / 2) - expit(b0 - b2 / 2)": "a difference of probabilities",
            "np.exp(b2)": "this is an odds ratio",
            "fits['deviation', 'Size'].coef.iloc[2]": "the difference at size 0",
            "pooled.coef": "holds 4 values",
        }),
    "condition_effect_at_2_5_arcmin": Answers(
        right=["b2 + b3 * (2.5 - mean_size)", f"{at('[2.5]', 'crowded')} - {at('[2.5]', 'uncrowded')}",
               "p = [" + at("[2.5]", "crowded", "response") + ", " + at("[2.5]", "uncrowded", "response") + "]\nlogit(p[0]) - logit(p[1])"],
        wrong={
            "b2": "with an interaction it is another one elsewhere",
            "b2 + b3 * 2.5": "it counts from the mean size",
            "b3 * (2.5 - mean_size)": "this is what the interaction adds",
            "b2 - b3 * (2.5 - mean_size)": "you subtracted the interaction",
            "b2 + b3": "2.5 arcmin is not one arcmin above it",
            "(b2 + b3 * (2.5 - mean_size)) / 2": "this is half the difference",
        }),
    "condition_coefficient_holds": Answers(
        right=['"at the mean size only"', '"AT THE MEAN SIZE ONLY"'],
        wrong={'"at every size"': "you have just computed another difference"}),
    "slope_uncrowded": slope("uncrowded", "crowded", "-", "+"),
    "slope_crowded": slope("crowded", "uncrowded", "+", "-"),
    "crowding_costs_more": Answers(
        right=['"at larger sizes"', '"at larger sizes" if b3 < 0 else "at smaller sizes"'],
        wrong={'"at smaller sizes"': "it falls further behind"}),
    "threshold_from_mean": Answers(
        right=["(logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)", "(np.log(5 / 3) - b0 + 0.5 * b2) / (b1 - 0.5 * b3)",
               "from scipy.optimize import brentq\n"
               f"brentq(lambda x: {at('[mean_size + x]', 'uncrowded', 'response')}[0] - 0.625, -9, 9)"],
        wrong={
            "logit(0.625)": "the target in log-odds",
            "(logit(.625) - b0 - b2 / 2) / (b1 + b3 / 2)": "this is the size for crowded",
            "-(b0 - b2 / 2) / (b1 - b3 / 2)": "It knows no guess rate",
            "(0.625 - b0 + b2 / 2) / (b1 - b3 / 2)": "as if it were log-odds",
            "(b0 - b2 / 2 - logit(.625)) / (b1 - b3 / 2)": "the size lies on the other side of the mean",
            "mean_size + (logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)": "how far from the mean size is asked for here",
            "(logit(.625) - b0) / b1": "this lies midway between the conditions",
        }),
    "threshold_uncrowded": Answers(
        right=["mean_size + (logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)",
               "from scipy.optimize import brentq\n"
               f"brentq(lambda x: {at('[x]', 'uncrowded', 'response')}[0] - 0.625, -9, 9)",
               "(logit(.625) - fits['treatment', 'Size'].coef.iloc[0]) / fits['treatment', 'Size'].coef.iloc[1]"],
        wrong={
            "(logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)": "this counts from the mean size: add that mean",
            "2.0": "% correct when uncrowded; 62.5 % are asked for",
            "mean_size + (logit(.625) - b0 - b2 / 2) / (b1 + b3 / 2)": "this is the size for crowded",
            "mean_size - (logit(.625) - b0 + b2 / 2) / (b1 - b3 / 2)": "you subtracted the centred size from the mean",
            "mean_size + (0.625 - b0 + b2 / 2) / (b1 - b3 / 2)": "as if it were log-odds",
            "mean_size + (logit(.625) - b0 + b2 / 2) / b1": "you left out the interaction",
            "mean_size + (logit(.625) - b0 + b2) / (b1 - b3)": "you coded uncrowded as -1",
        }),
    "line_that_tells": Answers(
        right=['"degrees of freedom"', '"Degrees of Freedom"'],
        wrong={
            '"AIC"': "it does not say how many",
            '"dispersion"': "it is always taken to be 1",
            '"scoring iterations"': "four or five steps are usual",
        }),
    "subject_4_slope": Answers(
        right=["own.coef['c']", 'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).coef.iloc[[1]]',
               "import statsmodels.formula.api as smf\n"
               "smf.logit('ResponseCorrect ~ Size * k', rows.assign(k=(rows.Condition == 'crowded') - 0.5)).fit(disp=0).params['Size']"],
        wrong={
            "pooled.coef.iloc[1]": "select the rows of subject 4 first",
            "fitted('c * Condition', crowding[crowding.Subject == '5']).coef.iloc[1]": "positions count from 0",
            "own.coef.iloc[1] - own.coef.iloc[3] / 2": "this is the slope when uncrowded",
            "fitted('c + Condition').coef['c']": "you left the interaction out of the formula",
            "np.exp(own.coef['c'])": "this is an odds ratio",
            "own.coef.iloc[0]": "this is the intercept",
            "own": "is a GLMResult, not a number",
        }),
    "subject_4_intercept": Answers(
        right=["own.coef.iloc[0]",
               'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).predict(pd.DataFrame('
               '{"Size": mean_size, "Condition": ["uncrowded", "crowded"]}), type="link").mean()',
               "import statsmodels.formula.api as smf\nsmf.logit('ResponseCorrect ~ c * k', rows.assign(c=rows.Size - mean_size, "
               "k=(rows.Condition == 'crowded') - 0.5)).fit(disp=0).params['Intercept']"],
        wrong={
            "pooled.coef.iloc[0]": "select the rows of subject 4 first",
            'glm("ResponseCorrect ~ center(Size) * Condition", rows, contrasts=coding).coef.iloc[0]': "subject 4's own mean size",
            'glm("ResponseCorrect ~ Size * Condition", rows, contrasts=coding).coef.iloc[0]': "these are the log-odds at size 0",
            "own.coef.iloc[0] - own.coef.iloc[2] / 2": "this is the intercept when uncrowded",
            "own.coef.iloc[0] - pooled.coef.iloc[0]": "give the intercept itself",
            "expit(own.coef.iloc[0])": "this is a probability",
        }),
}

TOGETHER = [{"threshold_from_mean": ("-(b0 - b2 / 2) / (b1 - b3 / 2)", 0, "It knows no guess rate"),
             "threshold_uncrowded": ("mean_size - (b0 - b2 / 2) / (b1 - b3 / 2)", 1, "follows rightly from your threshold_from_mean")}]
