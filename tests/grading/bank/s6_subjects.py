"""Section 6: what students type."""

from .students import Answers

SECRETS = ("s6.reference", "larger_than_8")

BEFORE = {
    "q1": 'own, modes = m.coef["Subject"]["(Intercept)"], m.ranef["Subject"]["(Intercept)"]\n',
    "q2": 'own, modes = m.coef["Subject"]["(Intercept)"], m.ranef["Subject"]["(Intercept)"]\n',
    "q3": 'own = m.coef["Subject"]["(Intercept)"]\n',
    **dict.fromkeys(("q4", "q5"), 't = m.thresholds().set_index(["Subject", "Condition"]).threshold\n'
                                  'b, typical = m.coef["Subject"].loc["2"].to_numpy(), m.fixef.to_numpy()\n'),
}
# the log-odds of subject 2 at a size, solved for that size, by search
SEARCH = """\
from scipy.optimize import brentq
def short_of_target(size):
    return m.predict(pd.DataFrame({{"Subject": ["2"], "Size": [size], "Condition": ["{}"]}}))[0] - 0.625
brentq(short_of_target, -5, 15)"""

ANSWERS = {
    "subject_9_intercept": Answers(
        right=['own["9"]', "m.fixef.iloc[0] + modes['9']", "m.predict(pd.DataFrame({'Subject': ['9'] * 2, "
               "'Size': crowding.Size.mean(), 'Condition': ['uncrowded', 'crowded']}), type='link').mean()"],
        wrong={
            'modes["9"]': "the deviation of subject 9 from the population: add the population intercept",
            'm.fixef["(Intercept)"]': "this is the population's intercept",
            "m.fixef.iloc[0] - modes['9']": "you subtracted the deviation",
            "own.iloc[9]": "the intercept of subject 10",
            "1 / (1 + np.exp(-own['9']))": "this is a probability",
            "np.exp(own['9'])": "these are odds",
            'm.coef["Subject"].loc["9"]': "holds 4 values where one is asked for",
        }),
    "subject_9_minus_subject_8": Answers(
        right=['modes["9"] - modes["8"]', "np.diff(own[['8', '9']])"],
        wrong={
            "modes['8'] - modes['9']": "this is subject 8 minus subject 9",
            "own['9'] - modes['8']": "compare two intercepts or two deviations",
            "modes['9'] - own['8']": "you took an intercept away from a deviation",
            "1 / (1 + np.exp(-own['9'])) - 1 / (1 + np.exp(-own['8']))": "this is a difference of probabilities",
        }),
    "subject_9_compared_with_subject_8": Answers(
        right=['"smaller"', '"larger" if modes["9"] > modes["8"] else "smaller"'],
        wrong={'"larger"': "look at the sign of the difference"}),
    "subject_9_minus_population": Answers(
        right=["modes['9']", "own['9'] - m.fixef.iloc[0]"],
        wrong={
            "m.fixef.iloc[0] - own['9']": "this is the population minus subject 9",
            "modes['9'] - m.fixef['(Intercept)']": "which already is the difference",
            "own['9']": "this is the intercept of subject 9 itself",
            "1 / (1 + np.exp(-own['9'])) - 1 / (1 + np.exp(-m.fixef.iloc[0]))": "this is a difference of probabilities",
        }),
    "subject_9_compared_with_population": Answers(
        right=['"smaller"', '"larger" if own["9"] > m.fixef.iloc[0] else "smaller"'],
        wrong={'"larger"': "look at the sign of the difference"}),
    "new_subject_intercept": Answers(
        right=["m.fixef['(Intercept)']", "(own - m.ranef['Subject']['(Intercept)']).mean()", "m.coefficients['Estimate'].iloc[0]"],
        wrong={
            "0": "zero is what we expect of a new subject's deviation",
            "1 / (1 + np.exp(-m.fixef.iloc[0]))": "this is a probability",
            "own - m.fixef.iloc[0]": "holds 10 values where one is asked for",
            "m.ranef['Subject']['(Intercept)'].mean()": "zero is what we expect of a new subject's deviation",
        }),
    "subject_2_threshold_uncrowded": Answers(
        right=['t["2", "uncrowded"]', SEARCH.format("uncrowded"),
               "mean_size + (np.log(.625 / .375) - b[0] + b[2] / 2) / (b[1] - b[3] / 2)"],
        wrong={
            't["2", "uncrowded"] - mean_size': "this is the centred size",
            "logit(0.625)": "this is the target in log-odds",
            "mean_size + (0.625 - b[0] + b[2] / 2) / (b[1] - b[3] / 2)":
                "you used the proportion 0.625 as if it were log-odds",
            "m.thresholds(p=0.5).threshold[2]": "50 % are correct",
            't["2", "crowded"]': "this is the threshold for crowded",
            'm.thresholds(re="population").threshold[0]': "the threshold of the typical subject",
            "2.0": "% correct for subject 2, uncrowded; 62.5 % are asked for",
        }),
    "subject_2_threshold_crowded": Answers(
        right=['t["2", "crowded"]', SEARCH.format("crowded")],
        wrong={
            "(logit(.625) - b[0] - b[2] / 2) / (b[1] + b[3] / 2)": "this is the centred size",
            't["2", "uncrowded"]': "this is the threshold for uncrowded",
            "mean_size + (logit(.625) - b[0] - b[2]) / (b[1] + b[3])": "you coded the conditions as -1 and 1",
            "mean_size + (logit(.625) - b[0] - b[2] / 2) / b[1]": "you left out the interaction",
            'm.thresholds(re="population").threshold[1]': "the threshold of the typical subject",
        }),
    "subject_2_threshold_difference": Answers(
        right=['t["2", "crowded"] - t["2", "uncrowded"]', 't["2"].diff().iloc[1]'],
        wrong={
            't["2", "uncrowded"] - t["2", "crowded"]': "this is uncrowded minus crowded",
            "-b[2] / b[1]": "that ignores the interaction",
            "b[2]": "this is the effect of condition in log-odds",
        }),
}

# the difference of two centred sizes is the right one, whatever was said of them before
TOGETHER = [{
    "subject_2_threshold_uncrowded": ("m.thresholds(p=0.75).threshold[2]", 0, "62.5 % are asked for"),
    "subject_2_threshold_crowded": ("m.thresholds(p=0.75).threshold[3]", 0, "62.5 % are asked for"),
    "subject_2_threshold_difference": ("m.thresholds(p=0.75).threshold.diff()[3]", 1,
                                       "follows rightly from your subject_2_threshold_crowded and subject_2_threshold_uncrowded"),
}]
