"""The questions of section 5.2: the maximal GLMM, what it predicts, and mediation.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here. The expected
values that marks are given for are computed in the notebook's hidden tests; here, what is right is
only used to leave out a mistake that happens to lead to the right number.
"""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.special import expit
from scipy.stats import norm

import glmmlib as gl

from ..checks import Choice, Count, Mistake, Number, Prediction
from ..cohort import cache, load_crowding
from .common import CODING

FIXED = "ResponseCorrect ~ 1 + center(Size) * Condition"
RANDOM = "(1 + center(Size) * Condition | Subject)"
CONDITION = "ConditionCrowded.vs.Uncrowded"
SUBJECT, SIZE, CODE = "3", 2.5, 0.5  # whose chance of success is asked for: crowded, in arcmin
LARGE = 2                            # a scaled residual beyond this is called large


# --- the models, fitted afresh: a student's own variables play no part in them -------------------

def reference():
    """The section's GLMM, on all trials."""
    return _fit(f"{FIXED} + {RANDOM}", "all")


@cache
def pooled():
    """Coefficients (4,) of the GLM that knows no subjects, named as those of the GLMM."""
    design = reference().design
    return pd.Series(sm.GLM(design.y, design.X, sm.families.Binomial()).fit().params,
                     index=reference().fixef.index)


@cache
def trials(rows="all"):
    """The trials: "all", or those whose Speed was "tracked".

    The latter have Speed less the subject's mean (SpeedWithin) and less the mean of the subject
    in that condition (SpeedWithinCondition).
    """
    data = load_crowding()
    if rows == "tracked":
        data = data.dropna(subset=["Speed"])
        for name, groups in [("SpeedWithin", ["Subject"]), ("SpeedWithinCondition", ["Subject", "Condition"])]:
            mean = data.groupby(groups, observed=True)["Speed"].transform("mean")
            data = data.assign(**{name: data["Speed"] - mean})
    return data


def total_model():
    """The model without Speed, on the rows that have Speed."""
    return _fit(f"{FIXED} + {RANDOM}", "tracked")


def direct_model(speed="SpeedWithin"):
    """The model with `speed` as one more fixed effect, on the rows that have Speed."""
    return _fit(f"{FIXED} + {speed} + {RANDOM}", "tracked")


def speed_differences():
    """Each subject's mean Speed when crowded minus uncrowded, arcmin/s."""
    means = trials("tracked").groupby(["Subject", "Condition"], observed=True)["Speed"].mean().unstack()
    return means["crowded"] - means["uncrowded"]


@cache
def _fit(formula, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.GlmmlibWarning)
        return gl.glmer(formula, trials(rows), contrasts=CODING)


# --- predictions: any of the options earns the point ---------------------------------------------

def predicted_slope():
    return Prediction("predicted_slope", ["smaller", "larger"])


def predicted_gap():
    return Prediction("predicted_gap", ["stays as it is", "shrinks", "grows"])


def predicted_mediation():
    return Prediction("predicted_mediation", ["nothing", "a small part", "about half", "all"])


# --- the number of parameters ---------------------------------------------------------------------

def number_of_parameters():
    p, q, subjects = 4, 4, _subjects()
    right = _parameters(p, q)
    return _number(Count("number_of_parameters", "parameters"), right, [
        Mistake(p, "these are the fixed effects alone: how the subjects differ has to be estimated too."),
        Mistake(q * (q + 1) // 2, "these are the parameters of the random effects alone: add the fixed effects."),
        Mistake(p + q, "you counted a standard deviation for each random effect, but not their correlations."),
        Mistake(p + q + subjects, "the subjects themselves are no parameters, nor is their number."),
        Mistake(p + q * q,
                "you counted all cells of the covariance matrix: it is symmetric, so each correlation "
                "stands in it twice."),
        Mistake(p + q * subjects,
                "you counted every subject's deviations: they are no parameters but draws from a "
                "distribution, and that distribution's parameters are asked for."),
        Mistake(right + q * subjects,
                "leave the subjects' deviations out: they are predicted, once the parameters are estimated."),
        Mistake(right + 1, "a residual variance? The outcome is 0 or 1: its variance follows from its mean."),
    ])


def parameters_without_interaction_slope():
    p, q = 4, 3
    right = _parameters(p, q)
    return _number(Count("parameters_without_interaction_slope", "parameters"), right, [
        Mistake(_parameters(4, 4), "this is the number for the maximal model: nothing has been taken away."),
        Mistake(_parameters(4, 4) - 1,
                "you took away the variance alone: its correlations with the other random effects go with it."),
        Mistake(_parameters(3, 3),
                "you took the fixed effect of the interaction away too: only its variation between "
                "subjects is to go."),
        Mistake(p + q, "the three random effects that stay are still correlated with each other."),
        Mistake(q * (q + 1) // 2, "these are the parameters of the random effects alone: add the fixed effects."),
    ])


def _parameters(p, q):
    """Fixed effects and the distinct entries of the random effects' covariance matrix."""
    return p + q * (q + 1) // 2


# --- scaled residuals -----------------------------------------------------------------------------

def percent_beyond_2():
    r, y = reference().residuals(), reference().design.y
    beyond = np.abs(r) > LARGE
    return _number(Number("percent_beyond_2", "percent"), 100 * beyond.mean(), [
        Mistake(beyond.mean(), "this is a proportion: times 100 it is in percent."),
        Mistake(beyond.sum(), "this is a number of trials: divide it by the number of all trials."),
        Mistake(100 * (r < -LARGE).mean(), "these are the trials below -2 alone: those above +2 count too."),
        Mistake(100 * (r > LARGE).mean(), "these are the trials above +2 alone: those below -2 count too."),
        Mistake(100 * (1 - beyond.mean()), "these are the trials that do not lie beyond 2."),
        Mistake(100 * 2 * norm.sf(LARGE),
                "this is what a normal distribution would have; the residuals of this model are asked for."),
        Mistake(100 * beyond.sum() / (y == 0).sum(), "you divided by the number of misses: divide by all trials."),
        Mistake(0.0, "residuals on the scale of the response never exceed 1: take m.residuals(), which are scaled."),
    ])


def expected_percent_beyond_2():
    mu = reference().predict()
    edge = 1 / (1 + LARGE**2)
    low, high = mu < edge, mu > 1 - edge
    right = 100 * np.mean(np.where(high, 1 - mu, 0) + np.where(low, mu, 0))
    return _number(Number("expected_percent_beyond_2", "percent"), right, [
        Mistake(100 * 2 * norm.sf(LARGE),
                "this is what a normal distribution would have; a trial has only two possible residuals."),
        Mistake(5.0, "5 % is the rule of thumb for normal residuals; a trial has only two possible residuals."),
        Mistake(100 * np.mean(low | high),
                "these are the trials that *could* lie beyond 2: weigh each with the chance that it does."),
        Mistake(100 * np.mean(np.where(high, 1 - mu, 0)),
                "you left out the trials with a low predicted probability, which can surprise by a hit."),
        Mistake(100 * np.mean(np.where(low, mu, 0)),
                "you left out the trials with a high predicted probability, which can surprise by a miss."),
        Mistake(100 * np.mean(np.where(high, mu, 0) + np.where(low, 1 - mu, 0)),
                "you took the chance of the outcome that is *not* surprising."),
        Mistake(100 * np.mean(np.abs(reference().residuals()) > LARGE),
                "this is the share that was observed; the one that the model leads us to expect is asked for."),
        Mistake(right / 100, "this is a proportion: times 100 it is in percent."),
    ])


# --- the singular fit -------------------------------------------------------------------------------

def singular_statement():
    return Choice("singular_statement", ["A", "B", "C", "D"], mistakes={
        "A": "the search did end at an optimum, which lies on the boundary; not converging is another message.",
        "B": "the message says that the data do not support all of the model: that belongs in a report, "
             "with a check on the conclusions.",
        "D": "it need not be so: a combination of several deviations can be without variance although each of them "
             "varies and no two of them go together perfectly.",
    })


# --- pooled slope and slope within subjects -------------------------------------------------------

def slope_gap():
    b, glm = reference().fixef, pooled()
    right = b.iloc[1] - glm.iloc[1]
    return _number(Number("slope_gap", "log-odds per arcmin"), right, [
        Mistake(-right, "this is the GLM's slope minus the GLMM's: the question asks for it the other way round."),
        Mistake(b.iloc[1] / glm.iloc[1], "this is a ratio; the difference is asked for."),
        Mistake(b.iloc[1], "this is the GLMM's slope itself: take the GLM's away from it."),
        Mistake(glm.iloc[1], "this is the GLM's slope itself: the difference of the two is asked for."),
        Mistake(b.iloc[3] - glm.iloc[3], "these are the interactions: compare the coefficients of size."),
        Mistake(b.iloc[0] - glm.iloc[0], "these are the intercepts: compare the coefficients of size."),
        Mistake(100 * right / glm.iloc[1], "this is a percentage; the difference in log-odds per arcmin is asked for."),
    ])


def odds_ratio_half_arcmin():
    slope, glm = reference().fixef.iloc[1], pooled().iloc[1]
    return _number(Number("odds_ratio_half_arcmin", "multiples of the odds"), np.exp(slope / 2), [
        Mistake(np.exp(slope), "this is the factor for a whole arcmin; half an arcmin is asked for."),
        Mistake(np.exp(slope) / 2,
                "you halved the factor: log-odds add up and odds multiply, so halve the slope before "
                "you take the exponential."),
        Mistake(slope / 2, "these are log-odds: take the exponential to have odds."),
        Mistake(expit(slope / 2), "the inverse logit makes probabilities; a factor on the odds is the exponential."),
        Mistake(np.exp(glm / 2), "this is the factor according to the GLM; the GLMM's is asked for."),
        Mistake(np.exp(-slope / 2), "this is the factor for half an arcmin *less*."),
        Mistake(np.exp(slope / 2) - 1, "this is by how much the odds grow; the factor itself is asked for."),
    ])


# --- predictions -----------------------------------------------------------------------------------

def probability_subject_3():
    m = reference()
    own = m.coef["Subject"].loc[SUBJECT].to_numpy()
    return _probability("probability_subject_3", own, [
        Mistake(expit(_eta(m.ranef["Subject"].loc[SUBJECT].to_numpy(), CODE)),
                f"you used the deviations of subject {SUBJECT} alone: add the fixed effects to them."),
        Mistake(_typical(), f"this is the typical subject's: use the coefficients of subject {SUBJECT}."),
    ])


def probability_typical():
    m = reference()
    return _probability("probability_typical", m.fixef.to_numpy(), [
        Mistake(_everybody().mean(), "this is the average over the subjects; the typical subject is asked for."),
        Mistake(expit(_eta(m.coef["Subject"].loc[SUBJECT].to_numpy(), CODE)),
                f"this is subject {SUBJECT}'s: the typical subject's deviations are all zero."),
        Mistake(expit(_eta(pooled().to_numpy(), CODE)),
                "this is the GLM's prediction; the GLMM's for deviations of zero is asked for."),
    ])


def probability_average():
    own = reference().coef["Subject"].to_numpy()
    return _number(Number("probability_average", "units of probability", decimals=3), _everybody().mean(), [
        Mistake(_typical(),
                "this is the typical subject's probability; the average of the subjects' probabilities is asked for."),
        Mistake(expit(np.mean([_eta(b, CODE) for b in own])),
                "you averaged the log-odds and then took the inverse link: take it first, for each "
                "subject, and average the probabilities."),
        Mistake(np.mean([_eta(b, CODE) for b in own]), "this is an average of log-odds: take the inverse link first."),
        Mistake(np.median(_everybody()), "this is the median of the subjects' probabilities; their mean is asked for."),
        Mistake(np.mean([expit(_eta(b, -CODE)) for b in own]), "this is for uncrowded: the digits are crowded."),
        Mistake(expit(_eta(pooled().to_numpy(), CODE)),
                "this is the GLM's prediction; average those of the GLMM for its subjects."),
        Mistake(trials().query("Condition == 'crowded'")["ResponseCorrect"].mean(),
                "this is the share correct of all crowded trials, whatever their size."),
    ])


def _probability(name, b, mistakes):
    """The question for the probability of coefficients b (4,), with what can go wrong for any of them."""
    return _number(Number(name, "units of probability", decimals=3), expit(_eta(b, CODE)), [
        *mistakes,
        Mistake(_eta(b, CODE), "these are log-odds: take the inverse link to have a probability."),
        Mistake(np.exp(_eta(b, CODE)), "these are odds, which may exceed 1: the probability is odds / (1 + odds)."),
        Mistake(expit(_eta(b, CODE, centre=0)),
                "you put the size in as it is: the model counts it from the mean of all sizes."),
        Mistake(expit(_eta(b, -CODE)), "this is for uncrowded: crowded is coded +0.5."),
        Mistake(expit(_eta(b, 0)), "this lies midway between the conditions: put the coding of crowded, +0.5, in."),
        Mistake(expit(_eta(b, 2 * CODE)), "you coded the conditions as -1 and 1: they are -0.5 and +0.5."),
        Mistake(expit(_eta([*b[:3], 0], CODE)), "you left out the interaction."),
        Mistake(1 - expit(_eta(b, CODE)), "this is the probability of a miss."),
    ])


def _eta(b, code, centre=None):
    """Log-odds at SIZE for coefficients b (4,) in a condition."""
    x = SIZE - (trials()["Size"].mean() if centre is None else centre)
    return b[0] + b[1] * x + code * (b[2] + b[3] * x)


def _typical():
    return expit(_eta(reference().fixef.to_numpy(), CODE))


def _everybody():
    return np.array([expit(_eta(b, CODE)) for b in reference().coef["Subject"].to_numpy()])


# --- mediation -------------------------------------------------------------------------------------

def rows_used():
    everything, usable = len(trials()), len(trials("tracked"))
    return _number(Count("rows_used", "rows"), usable, [
        Mistake(everything,
                "these are all trials: where Speed is NaN the model with Speed cannot use them, so the model "
                "without it must not either."),
        Mistake(everything - usable, "these are the rows that are lost; those that remain are asked for."),
        Mistake(everything - 2 * (everything - usable), "you took the rows without Speed away twice."),
        Mistake((trials("tracked")["Condition"] == "crowded").sum(),
                "these are the crowded trials alone: both conditions are in the models."),
        Mistake(reference().nobs - reference().npar, "this is df.resid of a model; rows are asked for."),
    ])


def a_path():
    rows, differences = trials("tracked"), speed_differences()
    condition = np.where(rows["Condition"] == "crowded", 0.5, -0.5)
    everybody = rows.groupby("Condition", observed=True)["Speed"].mean()
    right = differences.mean()
    return _number(Number("a_path", "arcmin/s", decimals=1), right, [
        Mistake(-right, "this is uncrowded minus crowded: the question asks for it the other way round."),
        Mistake(right / 2, "this is half the difference: with codes of -1 and 1 the coefficient is halved."),
        Mistake(everybody["crowded"] - everybody["uncrowded"],
                "you compared all crowded with all uncrowded trials: take the difference within each subject."),
        Mistake(differences.sum(), "this is the sum of the subjects' differences: take their mean."),
        Mistake(everybody["crowded"], "this is the mean speed when crowded; the difference between conditions is asked for."),
        Mistake(_slope_of(condition, rows["SpeedWithinCondition"]),
                "Speed centred within subject *and condition* has no difference between conditions left: "
                "centre it within subject."),
        Mistake(right / rows["Speed"].std(), "this is in standard deviations of Speed; arcmin/s are asked for."),
    ])


def condition_change():
    without, all_rows = total_model(), reference()
    right = _condition(direct_model()) - _condition(without)
    return _number(Number("condition_change", "log-odds", decimals=3), right, [
        Mistake(_condition(direct_model()) - _condition(all_rows),
                "you fitted the model without Speed to all trials: part of the change is then due to other "
                "rows. Leave out the trials without Speed for both models."),
        Mistake(-right, "this is without Speed minus with Speed: the question asks for it the other way round."),
        Mistake(_condition(direct_model("Speed")) - _condition(without),
                "you put Speed in as it is: centre it within subject, or it also carries how subjects differ."),
        Mistake(_condition(direct_model("SpeedWithinCondition")) - _condition(without),
                "you centred Speed within subject *and condition*: that takes away what crowding does to Speed, "
                "which is what we are after. Centre it within subject."),
        Mistake(_condition(direct_model()), "this is the coefficient with Speed: take the one without Speed away from it."),
        Mistake(_condition(without), "this is the coefficient without Speed: by how much does it change?"),
        Mistake(direct_model().fixef["SpeedWithin"], "this is the coefficient of Speed; that of condition is asked for."),
        Mistake(100 * right / _condition(without), "this is a percentage; the change in log-odds is asked for."),
    ])


def lr_statistic():
    without, with_speed = total_model(), direct_model()
    right = 2 * (with_speed.loglik - without.loglik)
    return _number(Number("lr_statistic", "units of chi-squared", decimals=1), right, [
        Mistake(right / 2, "this is the difference of the log-likelihoods: the statistic is twice that."),
        Mistake(-right, "this is the smaller model minus the larger: the statistic cannot be negative."),
        Mistake(2 * (with_speed.loglik - reference().loglik),
                "you fitted the model without Speed to all trials: log-likelihoods of different rows cannot be compared."),
        Mistake(without.aic - with_speed.aic,
                "this is the difference of the AIC, which charges 2 for the extra parameter; take -2*log(L)."),
        Mistake(without.bic - with_speed.bic,
                "this is the difference of the BIC, which charges for the extra parameter; take -2*log(L)."),
        Mistake((with_speed.fixef["SpeedWithin"] / with_speed.se["SpeedWithin"])**2,
                "this is the square of the Wald z: nearly the same, but the likelihood ratio is asked for."),
        Mistake(2 * (direct_model("Speed").loglik - without.loglik),
                "you put Speed in as it is: centre it within subject."),
        Mistake(2 * (direct_model("SpeedWithinCondition").loglik - without.loglik),
                "you centred Speed within subject *and condition*: centre it within subject."),
    ])


def lr_df():
    return _number(Count("lr_df", "degrees of freedom"), 1, [
        Mistake(total_model().npar, "this is the number of parameters of the smaller model; the difference is asked for."),
        Mistake(direct_model().npar, "this is the number of parameters of the larger model; the difference is asked for."),
        Mistake(total_model().nobs - direct_model().npar, "this is df.resid of a model; the difference between models is asked for."),
        Mistake(_subjects() - 1, "subjects play no part here: by how many parameters do the two models differ?"),
        Mistake(0, "the models are not the same: one has a parameter more."),
        Mistake(2, "only a fixed effect was added; did you let it vary between subjects, too?"),
        Mistake(-1, "a number of degrees of freedom is positive: larger model minus smaller."),
    ])


def percent_mediated():
    a, b = speed_differences().mean(), direct_model().fixef["SpeedWithin"]
    total, direct = _condition(total_model()), _condition(direct_model())
    right = 100 * a * b / total
    return _number(Number("percent_mediated", "percent", decimals=0), right, [
        Mistake(right / 100, "this is a proportion: times 100 it is in percent."),
        Mistake(100 * (total - direct) / total,
                "this is the change of the coefficient of condition, relative to the total: in a logistic model that is "
                "not the product of the two paths, which is asked for."),
        Mistake(100 * a * b / direct, "you divided by the coefficient with Speed in the model: divide by the total effect."),
        Mistake(100 - right, "this is the share that is *not* carried by speed."),
        Mistake(-right, "two effects of the same sign have a positive ratio: look at the signs of both paths."),
        Mistake(100 * b / total, "you left out the path from crowding to speed."),
        Mistake(100 * a * b, "this is the indirect effect times 100: divide it by the total effect."),
    ])


def _condition(model):
    return model.fixef[CONDITION]


def _slope_of(x, y):
    return np.polyfit(x, y, 1)[0]


def _subjects():
    return trials()["Subject"].nunique()


def _number(question, right, mistakes):
    """The question with those of the mistakes that can be told from the right answer."""
    return replace(question, mistakes=mistakes).apart_from(right)
