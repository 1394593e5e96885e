"""Section 6 graded through the real pipeline: right answers, none, and typical wrong ones."""

import pandas as pd
from every_section import *  # noqa: F403

from glmmlib.teaching.exercises import s6_subjects as s6

SECTION = "s6_subjects"
FULL = {"predict-moved-test": 1, "q1-test": 2, "q2-test": 4, "q3-test": 1, "q4-test": 2, "q5-test": 2}
SECRETS = ("s6.reference", "larger_than_8")

FOR_ONE = {
    "predict-moved": "predicted_moved_furthest = {}",
    "q1": "subject_9_intercept = {}",
    "q3": "new_subject_intercept = {}",
    "q4": "subject_2_threshold_uncrowded = {}",
    "q5": "subject_2_threshold_crowded, subject_2_threshold_difference = {}",
    "q2": "(subject_9_minus_subject_8, subject_9_compared_with_subject_8,\n"
          " subject_9_minus_population, subject_9_compared_with_population) = {}",
}
T = 'm.thresholds().set_index(["Subject", "Condition"]).threshold'
RIGHT = {
    "predict-moved": '"far"',
    "q1": 'm.coef["Subject"].loc["9", "(Intercept)"]',
    "q2": '(m.ranef["Subject"].loc["9", "(Intercept)"] - m.ranef["Subject"].loc["8", "(Intercept)"], "smaller",\n'
          ' m.ranef["Subject"].loc["9", "(Intercept)"], "smaller")',
    "q3": 'm.fixef["(Intercept)"]',
    "q4": f'{T}["2", "uncrowded"]',
    "q5": f'({T}["2", "crowded"], {T}["2", "crowded"] - {T}["2", "uncrowded"])',
}

# student -> (answers that differ from the right ones, points that differ from full, said on the page)
SUBMISSIONS = {
    "right-other-forms": (
        {"q1": 'str(round(m.coef["Subject"].loc["9", "(Intercept)"], 3))',
         "q3": 'm.fixef.iloc[[0]]',
         "q4": f'np.array([{T}["2", "uncrowded"]])'}, {}, []),
    "right-rounded": (
        {"q1": 'round(m.coef["Subject"].loc["9", "(Intercept)"], 2)',
         "q4": f'round(float({T}["2", "uncrowded"]), 2)'}, {}, []),
    "deviation": (
        {"q1": 'm.ranef["Subject"].loc["9", "(Intercept)"]'}, {"q1-test": 0},
        ["the deviation of subject 9 from the population: add the population intercept"]),
    "population": (
        {"q1": 'm.fixef["(Intercept)"]'}, {"q1-test": 0}, ["this is the population's intercept"]),
    "probability": (
        {"q1": '1 / (1 + np.exp(-m.coef["Subject"].loc["9", "(Intercept)"]))'}, {"q1-test": 0},
        ["this is a probability"]),
    "counts-from-zero": (
        {"q1": 'm.coef["Subject"]["(Intercept)"].iloc[9]'}, {"q1-test": 0}, ["the intercept of subject 10"]),
    "whole-table": (
        {"q1": 'm.coef["Subject"].loc["9"]'}, {"q1-test": 0}, ["holds 4 values where one is asked for"]),
    "other-way-round": (
        {"q2": '(m.ranef["Subject"].loc["8", "(Intercept)"] - m.ranef["Subject"].loc["9", "(Intercept)"], "larger",\n'
               ' m.ranef["Subject"].loc["9", "(Intercept)"], "smaller")'}, {"q2-test": 2},
        ["this is subject 8 minus subject 9", "look at the sign of the difference"]),
    "mixed-up-scales": (
        {"q2": '(m.coef["Subject"].loc["9", "(Intercept)"] - m.ranef["Subject"].loc["8", "(Intercept)"], "smaller",\n'
               ' m.ranef["Subject"].loc["9", "(Intercept)"] - m.fixef["(Intercept)"], "smaller")'}, {"q2-test": 2},
        ["compare two intercepts or two deviations", "which already is the difference"]),
    "zero-for-new": ({"q3": "0"}, {"q3-test": 0}, ["zero is what we expect of a new subject's deviation"]),
    "centred": (
        {"q4": f'{T}["2", "uncrowded"] - mean_size'}, {"q4-test": 0}, ["this is the centred size"]),
    "log-odds-for-size": ({"q4": "logit(0.625)"}, {"q4-test": 0}, ["this is the target in log-odds"]),
    "proportion-as-log-odds": (
        {"q4": "mean_size + (0.625 - m.coef['Subject'].loc['2'] @ [1, 0, -.5, 0])"
               " / (m.coef['Subject'].loc['2'] @ [0, 1, 0, -.5])"},
        {"q4-test": 0}, ["you used the proportion 0.625 as if it were log-odds"]),
    "fifty-percent": (
        {"q4": 'm.thresholds(p=0.5).threshold[2]'}, {"q4-test": 0}, ["50 % are correct"]),
    "wrong-condition": (
        {"q4": f'{T}["2", "crowded"]', "q5": f'({T}["2", "crowded"], {T}["2", "uncrowded"] - {T}["2", "crowded"])'},
        {"q4-test": 0, "q5-test": 1}, ["this is the threshold for crowded", "this is uncrowded minus crowded"]),
    "typical-subject": (
        {"q4": 'm.thresholds(re="population").threshold[0]'}, {"q4-test": 0}, ["the threshold of the typical subject"]),
    "guess": ({"q4": "2.0"}, {"q4-test": 0}, ["% correct for subject 2, uncrowded; 62.5 % are asked for"]),
    "ignores-interaction": (
        {"q5": f'({T}["2", "crowded"], -m.coef["Subject"].loc["2"].iloc[2] / m.coef["Subject"].loc["2"].iloc[1])'},
        {"q5-test": 1}, ["that ignores the interaction"]),
    "crashes": (
        {"predict-moved": "5", "q1": "undefined_name", "q3": "None"},
        {"predict-moved-test": 0, "q1-test": 0, "q3-test": 0}, ["is not answered yet"]),
}


def source(cell, value):
    return FOR_ONE[cell].format(value)


def test_scores_file(graded):
    scores = pd.read_csv(graded.course.gradebook / "scores.csv").set_index("student_id")
    assert len(scores) == len(SUBMISSIONS) + 2
    assert scores.loc["student-a", ["assignment", "score", "max_score"]].tolist() == [SECTION, 12, 16]
    assert scores.loc["deviation", "score"] == 10


def right_answers():
    m = s6.reference()
    own, modes = m.coef["Subject"]["(Intercept)"], m.ranef["Subject"]["(Intercept)"]
    uncrowded, crowded = m.thresholds().query("Subject == '2'").threshold
    return {
        s6.subject_9_intercept: own["9"],
        s6.subject_9_minus_subject_8: own["9"] - own["8"],
        s6.subject_9_minus_population: modes["9"],
        s6.new_subject_intercept: m.fixef["(Intercept)"],
        s6.subject_2_threshold_uncrowded: uncrowded,
        s6.subject_2_threshold_crowded: crowded,
        s6.subject_2_threshold_difference: crowded - uncrowded,
    }


NUMBERS = {
    "subject_9_intercept": 6, "subject_9_minus_subject_8": 3, "subject_9_minus_population": 3, "new_subject_intercept": 2,
    "subject_2_threshold_uncrowded": 8, "subject_2_threshold_crowded": 8, "subject_2_threshold_difference": 4,
}
PREDICTIONS = [s6.predicted_moved_furthest]
