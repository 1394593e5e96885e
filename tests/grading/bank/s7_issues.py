"""Section 7: what students type."""

from .students import Answers

SECRETS = ("s7.reference", "s7.bowl", "s7.covariance", "estimates.max")

BEFORE = {
    "curvature": "a, b, c = deviance[5:8]\nvalue = 100 * (a - 2 * b + c)\n",
    "mixture": "w = np.array([1, 1, .5, .5])\nsd = m.convergence.components['Subject'].sd\n",
    "shift": 'k = "ConditionCrowded.vs.Uncrowded"\nx = np.array([f.fixef[k] for f in list(structures.values())[:3]])\n'
             "two, three = list(structures.values())[1:3]\n",
    "price": 'k = "ConditionCrowded.vs.Uncrowded"\n',
}

ANSWERS = {
    "curvature": Answers(
        right=["value", "((a - b) / h - (b - c) / h) / h", "2 * np.polyfit([-h, 0, h], [a, b, c], 2)[0]"],
        wrong={
            "a - 2 * b + c": "divide by 0.1²",
            "10 * (a - 2 * b + c)": "you divided by the distance once",
            "value / 2": "this is the curvature of the log-likelihood",
            "value / 4": "the points are 0.1 apart, not 0.2",
            "100 * (a - b + c)": "the middle value counts twice",
            "-value": "a curvature upwards counts as positive",
            "deviance": "holds 13 values",
        }),
    "standard_error": Answers(
        right=["np.sqrt(2 / value)", "simple.se['center(Size)']", "np.sqrt(simple.vcov.iloc[1, 1])"],
        wrong={
            "1 / np.sqrt(value)": "you took the deviance for the log-likelihood",
            "2 / value": "this is the variance of the estimate",
            "np.sqrt(4 / value)": "there is one 2 too many",
            "np.sqrt(value / 2)": "upside down",
            "1.96 * np.sqrt(2 / value)": "half the width of a 95 % interval",
            "np.sqrt(2 / value) / np.sqrt(10)": "do not divide by the number of subjects",
        }),
    "parameters_18": Answers(
        right=["8", "4 + 4", "14 - 6"],
        wrong={
            "14": "the six correlations have gone",
            "4": "count both",
            "6": "these are the correlations that have gone",
            "12": "if Condition stays a factor",
            "13": "all six correlations have gone, not one",
            "9": "a residual variance?",
        }),
    "parameters_19": Answers(
        right=["7", "4 + 3", "14 - 6 - 1"],
        wrong={
            "8": "this is equation 18",
            "6": "the fixed effect of the interaction stays",
            "10": "no longer correlated with each other",
            "3": "these are the variances alone",
            "4": "these are the fixed effects alone",
        }),
    "parameters_lme4": Answers(
        right=["12", "4 + 6 + 2", "sum([4, 1, 1, 3, 3])"],
        wrong={
            "8": "if Condition were a number",
            "10": "you counted six variances",
            "25": "you let all six random coefficients correlate",
            "16": "two variances and *one* correlation",
            "14": "this is equation 17",
            '"eight"': "without quotes, unit or words",
        }),
    "digit_variance": Answers(
        right=["w @ Sigma @ w", "np.sum((w @ m.fit.Lambdas[0])**2)", "sum(w[i] * w[j] * Sigma[i, j] for i in range(4) for j in range(4))"],
        wrong={
            "w**2 @ np.diag(Sigma)": "you left out the covariances",
            "np.sqrt(w @ Sigma @ w)": "this is the standard deviation; the variance",
            "(w @ np.sqrt(np.diag(Sigma)))**2": "if all deviations went together perfectly",
            "[1, 1, -.5, -.5] @ Sigma @ [1, 1, -.5, -.5]": "this is for uncrowded digits",
            "Sigma.sum()": "crowded has the code 0.5, not 1",
            "np.var(m.ranef['Subject'] @ w)": "this is how the ten conditional modes scatter",
            "Sigma": "holds 16 values",
        }),
    "directions_with_variance": Answers(
        right=["(sd > 1e-4).sum()", "np.linalg.matrix_rank(Sigma, tol=1e-6)", "3"],
        wrong={
            "4": "these are the random effects; along how many",
            "1": "directions *without* variance",
            "2": "count again the components",
            "10": "these are the subjects",
            "0": "so subjects do vary along some directions",
            "sd": "holds 4 values",
        }),
    "condition_shift": Answers(
        right=["np.ptp(x) / m.se[k]", "(x.max() - x.min()) / np.sqrt(m.vcov.loc[k, k])",
               "max(abs(u - v) for u in x for v in x) / m.se[k]"],
        wrong={
            "np.ptp(x)": "this is in log-odds",
            "100 * np.ptp(x) / abs(x[0])": "in percent of the estimate",
            "-np.ptp(x) / m.se[k]": "cannot be negative",
            "np.std(x) / m.se[k]": "the standard deviation of the three estimates",
            "abs(x[0]) / m.se[k]": "this is the z value",
            "np.ptp(x) / m.se[k]**2": "you divided by the variance",
        }),
    "correlations_chisq": Answers(
        right=["2 * (m.loglik - two.loglik)", "two.aic - m.aic + 12", "gl.anova(m, two)['Chisq'].iloc[1]"],
        wrong={
            "m.loglik - two.loglik": "the statistic is twice that",
            "2 * (two.loglik - m.loglik)": "cannot be negative",
            "two.aic - m.aic": "which charges for parameters",
            "two.bic - m.bic": "this is the difference of the BIC",
            "(m.loglik - two.loglik) / 3": "this is per degree of freedom",
            "gl.anova": "call it, with ( )",
        }),
    "correlations_df": Answers(
        right=["6", "m.npar - two.npar", "gl.anova(m, two)['Df'].iloc[1]"],
        wrong={
            "1": "more than one pair",
            "4": "it is their pairs that are correlated",
            "8": "these are the parameters of the smaller model",
            "14": "these are the parameters of the larger model",
            "10": "its four variances stay",
            "12": "each pair has one correlation",
        }),
    "loglik_price": Answers(
        right=["m.loglik - p.loglik", "(p.aic - m.aic) / 2", "-np.diff([m.loglik, p.loglik])"],
        wrong={
            "p.loglik - m.loglik": "what the prior takes away",
            "2 * (m.loglik - p.loglik)": "take that of the log-likelihood itself",
            "m.loglik - p.penalised_loglik": "prior's own density",
            "p.loglik": "this is the log-likelihood of the penalised fit",
            "p.loglik / m.loglik": "by their difference, not their ratio",
            "m.loglik": "this is the log-likelihood of the fit without prior",
        }),
    "se_ratio": Answers(
        right=["p.se[k] / m.se[k]", "np.sqrt(p.vcov.loc[k, k] / m.vcov.loc[k, k])",
               "p.coefficients.loc[k, 'Std. Error'] / m.coefficients.loc[k, 'Std. Error']"],
        wrong={
            "m.se[k] / p.se[k]": "turn it round",
            "p.se[k] - m.se[k]": "this is a difference; the ratio",
            "p.vcov.loc[k, k] / m.vcov.loc[k, k]": "this is the ratio of the variances",
            "p.fixef[k] / m.fixef[k]": "this is the ratio of the estimates",
            "p.se.iloc[3] / m.se.iloc[3]": "this is for the interaction",
            "p.se": "holds 4 values",
        }),
}
