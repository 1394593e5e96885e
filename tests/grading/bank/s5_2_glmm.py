"""Section 5.2: what students type."""

from .students import Answers

SECRETS = ("s52.reference", "s52.direct_model")

BEFORE = {
    "residuals": "r, mu = m.residuals(), m.predict()\n",
    "gap": "b, pooled = m.fixef, glm.params\n",
    "probability": """\
digit = pd.DataFrame({"Subject": m.coef["Subject"].index, "Size": 2.5, "Condition": "crowded"})
chance = m.predict(digit)
eta = m.predict(digit, type="link")
typical = m.predict(digit[:1], re="population")
uncrowded = m.predict(digit.assign(Condition="uncrowded"))
""",
    "mediation": """\
from glmmlib.teaching.exercises import s5_2_glmm as s
a, t, d, c = s.speed_differences().mean(), s.total_model(), s.direct_model(), s.CONDITION
tracked, lr = s.trials("tracked"), 2 * (d.loglik - t.loglik)
change, share = d.fixef[c] - t.fixef[c], 100 * a * d.fixef["SpeedWithin"] / t.fixef[c]
""",
}

ANSWERS = {
    "number_of_parameters": Answers(
        right=["14", "sum([4, 4, 3 + 2 + 1])", "4 + len(np.tril_indices(4)[0])"],
        wrong={
            "44": "you counted every subject's deviations",
            "8": "but not their correlations",
            "20": "you counted all cells of the covariance matrix",
            "10": "add the fixed effects",
            "4": "these are the fixed effects alone",
            "15": "a residual variance?",
        }),
    "parameters_without_interaction_slope": Answers(
        right=["10", "4 + 3 * 4 / 2", "14 - 1 - 3"],
        wrong={
            "14": "nothing has been taken away",
            "13": "its correlations with the other random effects go with it",
            "9": "you took the fixed effect of the interaction away too",
            "7": "still correlated with each other",
            "6": "add the fixed effects",
        }),
    "percent_beyond_2": Answers(
        right=["100 * np.mean(np.abs(r) > 2)", "(r**2 > 4).sum() / len(crowding) * 100",
               "y = crowding.ResponseCorrect.to_numpy()\n100 * np.mean(np.abs((y - mu) / np.sqrt(mu * (1 - mu))) > 2)"],
        wrong={
            "np.mean(np.abs(r) > 2)": "this is a proportion: times 100",
            "(np.abs(r) > 2).sum()": "this is a number of trials",
            "100 * np.mean(r < -2)": "below -2 alone",
            "100 * 2 * norm.sf(2)": "this is what a normal distribution would have",
            "100 * np.mean(np.abs(r) <= 2)": "these are the trials that do not lie beyond 2",
            "100 * np.mean(np.abs(crowding.ResponseCorrect - mu) > 2)": "take m.residuals(), which are scaled",
        }),
    "expected_percent_beyond_2": Answers(
        right=["100 * np.mean(np.where(mu > 0.8, 1 - mu, 0) + np.where(mu < 0.2, mu, 0))",
               "rare = np.minimum(mu, 1 - mu)\n100 * rare[rare < 0.2].sum() / len(rare)",
               "100 * sum((1 - p) * (np.sqrt(p / (1 - p)) > 2) + p * (np.sqrt((1 - p) / p) > 2) for p in mu) / len(mu)"],
        wrong={
            "5": "rule of thumb for normal residuals",
            "100 * 2 * norm.sf(2)": "a trial has only two possible residuals",
            "100 * np.mean(np.abs(mu - .5) > .3)": "these are the trials that *could* lie beyond 2",
            "100 * np.mean((1 - mu) * (mu > .8))": "with a low predicted probability",
            "100 * np.mean(mu * (mu > .8) + (1 - mu) * (mu < .2))":
                "the chance of the outcome that is *not* surprising",
            "np.mean((1 - mu) * (mu > .8) + mu * (mu < .2))": "this is a proportion: times 100",
        }),
    "singular_statement": Answers(
        right=['"C"', '" c "'],
        wrong={
            '"A"': "not converging is another message",
            '"B"': "the message says that the data do not support",
            '"D"': "a combination of several deviations can be without variance",
            '"E"': "none of the options",
        }),
    "slope_gap": Answers(
        right=["b.iloc[1] - pooled['x']", "b['center(Size)'] - sm.GLM(m.design.y, m.design.X, sm.families.Binomial()).fit().params[1]",
               "m.coefficients['Estimate'].iloc[1] - pooled.iloc[1]"],
        wrong={
            "pooled.iloc[1] - b.iloc[1]": "this is the GLM's slope minus the GLMM's",
            "b.iloc[1]": "take the GLM's away from it",
            "b.iloc[1] / pooled.iloc[1]": "this is a ratio",
            "b.iloc[0] - pooled.iloc[0]": "these are the intercepts",
            "100 * (b.iloc[1] / pooled.iloc[1] - 1)": "this is a percentage",
            "b": "holds 4 values",
        }),
    "odds_ratio_half_arcmin": Answers(
        right=["np.exp(b.iloc[1] / 2)", "np.sqrt(np.exp(b.iloc[1]))",
               "e = m.predict(pd.DataFrame({'Size': [2.0, 2.5] * 2, 'Condition': ['crowded'] * 2 + ['uncrowded'] * 2}), re='population')\n"
               "odds = e / (1 - e)\nnp.sqrt(odds[1] / odds[0] * odds[3] / odds[2])"],
        wrong={
            "np.exp(b.iloc[1])": "this is the factor for a whole arcmin",
            "np.exp(b.iloc[1]) / 2": "you halved the factor",
            "b.iloc[1] / 2": "take the exponential to have odds",
            "expit(b.iloc[1] / 2)": "the inverse logit makes probabilities",
            "np.exp(pooled.iloc[1] / 2)": "this is the factor according to the GLM",
            "np.exp(-b.iloc[1] / 2)": "half an arcmin *less*",
        }),
    "probability_subject_3": Answers(
        right=["chance[2]", "expit(m.coef['Subject'].loc['3'] @ [1, 2.5 - crowding.Size.mean(), .5, .5 * (2.5 - crowding.Size.mean())])",
               "pd.Series(chance, index=digit.Subject)['3']"],
        wrong={
            "eta[2]": "these are log-odds",
            "typical": "use the coefficients of subject 3",
            "1 - chance[2]": "this is the probability of a miss",
            "uncrowded[2]": "this is for uncrowded",
            "expit(m.ranef['Subject'].loc['3'] @ [1, 2.5 - crowding.Size.mean(), .5, .5 * (2.5 - crowding.Size.mean())])":
                "you used the deviations of subject 3 alone",
            "chance": "holds 10 values",
        }),
    "probability_typical": Answers(
        right=["typical", "expit(m.fixef @ [1, 2.5 - crowding.Size.mean(), .5, .5 * (2.5 - crowding.Size.mean())])",
               "1 / (1 + np.exp(-m.predict(digit[3:4], re='population', type='link')))"],
        wrong={
            "chance.mean()": "this is the average over the subjects",
            "chance[2]": "deviations are all zero",
            "m.predict(digit[:1], re='population', type='link')": "these are log-odds",
            "expit(m.fixef @ [1, 2.5 - crowding.Size.mean(), 0, 0])": "this lies midway between the conditions",
            "expit(m.fixef @ [1, 2.5, .5, .5 * 2.5])": "you put the size in as it is",
        }),
    "probability_average": Answers(
        right=["chance.mean()", "sum(expit(e) for e in eta) / 10", "np.average(1 / (1 + np.exp(-eta)))"],
        wrong={
            "typical": "this is the typical subject's probability",
            "expit(eta.mean())": "you averaged the log-odds",
            "np.median(chance)": "this is the median",
            "eta.mean()": "this is an average of log-odds",
            "uncrowded.mean()": "this is for uncrowded",
            "crowding[crowding.Condition == 'crowded'].ResponseCorrect.mean()":
                "of all crowded trials, whatever their size",
        }),
    "rows_used": Answers(
        right=["t.nobs", "crowding.Speed.count()", "len(crowding.dropna(subset=['Speed']))"],
        wrong={
            "len(crowding)": "the model without it must not either",
            "crowding.Speed.isna().sum()": "these are the rows that are lost",
            "len(tracked[tracked.Condition == 'crowded'])": "these are the crowded trials alone",
            "len(crowding) - 2 * crowding.Speed.isna().sum()": "you took the rows without Speed away twice",
            "tracked.shape": "holds 2 values",
        }),
    "a_path": Answers(
        right=["a", "smf.ols('Speed ~ Condition + Subject', tracked).fit().params.iloc[1]",
               "tracked.groupby(['Subject', 'Condition'], observed=True).Speed.mean().unstack().diff(axis=1).crowded.mean()"],
        wrong={
            "-a": "this is uncrowded minus crowded",
            "a / 2": "the coefficient is halved",
            "s.speed_differences().sum()": "this is the sum of the subjects' differences",
            "tracked[tracked.Condition == 'crowded'].Speed.mean()": "this is the mean speed when crowded",
            "a / tracked.Speed.std()": "this is in standard deviations",
            "s.speed_differences()": "holds 10 values",
        }),
    "condition_change": Answers(
        right=["change", "d.coefficients.loc[c, 'Estimate'] - t.coefficients.loc[c, 'Estimate']",
               "gl.glmer(d.design.formula.text, tracked, contrasts=s.CODING).fixef[c] - t.fixef[c]"],
        wrong={
            "-change": "this is without Speed minus with Speed",
            "d.fixef[c]": "take the one without Speed away from it",
            "t.fixef[c]": "this is the coefficient without Speed",
            "s.direct_model('SpeedWithinCondition').fixef[c] - t.fixef[c]": "within subject *and condition*",
            "d.fixef['SpeedWithin']": "this is the coefficient of Speed",
            "100 * change / t.fixef[c]": "this is a percentage",
        }),
    "lr_statistic": Answers(
        right=["lr", "t.aic - d.aic + 2", "gl.anova(t, d)['Chisq'].iloc[1]"],
        wrong={
            "lr / 2": "the statistic is twice that",
            "-lr": "the statistic cannot be negative",
            "2 * (d.loglik - s.reference().loglik)": "log-likelihoods of different rows cannot be compared",
            "t.aic - d.aic": "this is the difference of the AIC",
            "t.bic - d.bic": "this is the difference of the BIC",
            "2 * (s.direct_model('SpeedWithinCondition').loglik - t.loglik)": "centre it within subject",
        }),
    "lr_df": Answers(
        right=["1", "d.npar - t.npar", "gl.anova(t, d)['Df'].iloc[1]"],
        wrong={
            "d.npar": "the number of parameters of the larger model",
            "t.npar": "the number of parameters of the smaller model",
            "2": "did you let it vary between subjects",
            "0": "one has a parameter more",
            "9": "subjects play no part here",
            "t.npar - d.npar": "larger model minus smaller",
        }),
    "percent_mediated": Answers(
        right=["share", "np.round(share)", "100 * np.prod([a, d.fixef['SpeedWithin'], 1 / t.fixef[c]])"],
        wrong={
            "share / 100": "this is a proportion: times 100",
            "100 * (t.fixef[c] - d.fixef[c]) / t.fixef[c]": "not the product of the two paths",
            "100 - share": "the share that is *not* carried by speed",
            "-share": "look at the signs of both paths",
            "100 * a * d.fixef['SpeedWithin']": "divide it by the total effect",
        }),
}
