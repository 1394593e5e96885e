"""The questions of section 2: how answers are given, checked and graded.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here. The expected
values that marks are given for are computed in the notebook's hidden tests; here, what is right is
only used to leave out a mistake that happens to lead to the right number.
"""

import numpy as np

from ..checks import Choice, Mistake, Number, Prediction
from ..cohort import load_crowding
from .common import count, number

ARCMIN_PER_DEGREE = 60
# the two cells of the exercise on restarting: `level = START`, run once, and `level = level + 1`
START, RUNS = 1, 3

# --- how answers are judged ----------------------------------------------------------------------

SHARE = 120 / 360


def share_of_circle():
    """For practice, without points: which share of a circle are 120 degrees?"""
    return Number("share_of_circle", "fractions of a circle", mistakes=[
        Mistake(100 * SHARE, "this is in percent; a proportion lies between 0 and 1."),
        Mistake(1 - SHARE, "this is the rest of the circle."),
        Mistake(1 / SHARE, "this is how often 120 degrees fit into a circle; the share is asked for."),
    ])


def predicted_accepted():
    return Prediction("predicted_accepted", ["two", "four", "six", "eight"])


# --- a number and its unit -----------------------------------------------------------------------

def mean_size_arcmin():
    size, right = load_crowding()["Size"], mean_size()
    return number("mean_size_arcmin", "arcmin", right, [
        Mistake(size.median(), "this is the median; the mean is asked for."),
        Mistake(right / ARCMIN_PER_DEGREE, "this is in degrees; arcmin are asked for here."),
        Mistake(right * 60, "this is in seconds of arc: the column is in arcmin as it is."),
        Mistake(size.drop_duplicates().mean(),
                "you averaged the different sizes, each once: every trial counts."),
        *(Mistake(mean, f"these are the {condition} trials only: take all.") for condition, mean in _by_condition().items()),
        Mistake((size.min() + size.max()) / 2, "this lies midway between the smallest and the largest size."),
        Mistake(size.sum(), "this is the sum of all sizes: divide it by the number of trials."),
        Mistake(size.max(), "this is the largest size."),
    ])


def mean_size_degrees():
    right = mean_size() / ARCMIN_PER_DEGREE
    return number("mean_size_degrees", "degrees", right, decimals=4, mistakes=[
        Mistake(mean_size(), "this is in arcmin: a degree has 60 of them."),
        Mistake(mean_size() * ARCMIN_PER_DEGREE, "you multiplied by 60: there are fewer degrees than arcmin, so divide."),
        Mistake(mean_size() / 3600, "you divided by 3600: that is for seconds of arc; the sizes are in arcmin."),
        Mistake(mean_size() / 360, "you divided by 360, the degrees of a circle: a degree has 60 arcmin."),
        Mistake(mean_size() / 100, "you divided by 100: a degree has 60 arcmin."),
        Mistake(np.deg2rad(right), "this is in radians; degrees are asked for."),
        *(Mistake(round(mean_size(), decimals) / ARCMIN_PER_DEGREE,
                  "you rounded the arcmin before you divided: round only the last result.") for decimals in (1, 0)),
    ])


def larger_digits_when():
    wrong = "compare the means of Size in the two conditions: which is larger?"
    return Choice("larger_digits_when", ["uncrowded", "crowded"], mistakes=dict.fromkeys(["uncrowded", "crowded"], wrong))


def mean_size():
    """The mean size of all trials, in arcmin."""
    return load_crowding()["Size"].mean()


def larger_condition():
    """The condition with the larger mean size."""
    return _by_condition().idxmax()


def _by_condition():
    return load_crowding().groupby("Condition", observed=True)["Size"].mean()


# --- what the kernel remembers -------------------------------------------------------------------

def level_before():
    return count("level_before", "the value of level", START + RUNS, [
        Mistake(START + 1, "each run of the second cell goes on from what the one before it left."),
        Mistake(RUNS, "level did not begin at 0: look at the first cell."),
        Mistake(START, "this is what the first cell leaves; the second one was run, too."),
        Mistake(START + RUNS + 1, "the second cell was run three times, not four."),
        Mistake(START * 2**RUNS, "the second cell adds one, it does not double."),
        Mistake(START + RUNS - 1, "count the runs of the second cell once more."),
    ])


def level_after():
    return count("level_after", "the value of level", START + 1, [
        Mistake(START + RUNS, "this is what was there before: a restart forgets everything."),
        Mistake(START + RUNS + 1, "this goes on from before the restart: a restart forgets everything."),
        Mistake(START, "after the first cell, Run All runs the second one, too."),
        Mistake(0, "a restart leaves no variables, but then all cells are run."),
        Mistake(START + 2, "Run All runs every cell once."),
    ])


def deleted_definition():
    return Choice("deleted_definition", ["right", "not defined"], mistakes={
        "right": "on the screen it was, since the kernel still remembered `total`; a fresh run has never heard of it.",
        "not defined": "a variable is there if a cell above makes it: look again at which cells are left.",
    })


def what_is_graded():
    return Choice("what_is_graded", ["the screen", "a fresh run", "the last run"], mistakes={
        "the screen": "outputs and marks on your screen are thrown away before the notebook is graded.",
        "the last run": "what you ran last, and in which order, is not in the file.",
        "a fresh run": "the question is what the marks are computed from.",
    })
