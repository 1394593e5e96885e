"""The questions of section 4: what the data are, and what is odd about them.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another class's data need no change here. The expected
values that marks are given for are computed in the notebook's hidden tests; here, what is right is
only used to leave out a mistake that happens to lead to the right number.
"""


import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest

from ...datasets.formats import RAW_NAMES
from ...datasets.truth import COLUMNS, CONDITIONS
from ..checks import Choice, Mistake, Table
from ..cohort import cache, load_crowding
from .common import count, number

# --- find what is wrong --------------------------------------------------------------------------

FLAWS = {
    "nothing": "it looks sound at first sight, but it is not: what follows from it, and is that so?",
    "unit": "no: its units, if it has any, fit what they measure. Look at what is said with them.",
    "other quantity": "no: it speaks of the quantity it means. Look for another kind of flaw.",
    "level": "no: it does not turn on what varies between subjects and what within them.",
    "confounded": "no: it compares no two things that always change together.",
    "no criterion": "no: it does not define a quantity with the decisive number left out.",
}


def draft(letter):
    """The question about sentence `letter` ("a" to "f") of the draft."""
    return Choice(f"draft_{letter}", list(FLAWS), mistakes=FLAWS)


# --- chance and threshold ------------------------------------------------------------------------

def chance_level():
    d = reference()
    alternatives = d["ResponseExpected"].nunique()
    return number("chance_level", "proportion correct", 1 / alternatives, decimals=3, mistakes=[
        Mistake(0.5, "this is chance with two alternatives: count how many digits can be the answer."),
        Mistake(0.1, "there are ten digits, but not all of them were shown: look at ResponseExpected."),
        Mistake(0.2, "five digits are on a crowded screen, but how many different ones can be the answer?"),
        Mistake(alternatives, "this is the number of alternatives; a guess is right one time in how many?"),
        Mistake(100 / alternatives, "this is in percent; a proportion lies between 0 and 1."),
        Mistake(1 - 1 / alternatives, "this is how often a guess is wrong."),
        Mistake(d["ResponseCorrect"].mean(), "this is what subjects achieved; ask what guessing alone would."),
    ])


def halfway():
    chance = 1 / reference()["ResponseExpected"].nunique()
    return number("halfway", "proportion correct", (1 + chance) / 2, decimals=3, mistakes=[
        Mistake(0.5, "this is halfway between 0 and 1; but a guesser does not score 0."),
        Mistake((1 - chance) / 2,
                "this is half the distance from chance to perfection: add it to the chance level."),
        Mistake(chance / 2, "this lies halfway between 0 and chance; go halfway from chance to 1."),
        Mistake(1 - chance, "this is the whole distance from chance to 1: take half of it, from chance upwards."),
        Mistake(50 * (1 + chance), "this is in percent; a proportion lies between 0 and 1."),
        Mistake(chance, "this is the chance level itself: nothing has been seen yet."),
    ])


# --- renaming ------------------------------------------------------------------------------------

@cache
def renamed_as_asked():
    """The raw file under the tutorial's names and in its order, Subject and Condition as factors."""
    table = load_crowding(raw=True).rename(columns={raw: new for new, raw in RAW_NAMES.items()})
    return table[list(COLUMNS)].assign(
        Subject=_factor(table["Subject"], sorted(table["Subject"].unique())),
        Condition=pd.Categorical(table["Condition"], list(CONDITIONS)))


def renamed_names():
    return Table("renamed", "names of the columns", problem=_odd_names,
                 agrees=lambda table, right: sorted(map(str, table.columns)) == sorted(right.columns))


def renamed_order():
    return Table("renamed", "order of the columns", problem=_odd_order,
                 agrees=lambda table, right: list(table.columns) == list(right.columns))


def renamed_contents():
    return Table("renamed", "contents", problem=_odd_contents, agrees=_same_contents)


def renamed_factors():
    return Table("renamed", "factors", problem=_odd_factors, agrees=lambda table, right: all(
        table[name].astype("category").cat.categories.astype(str).tolist()
        == right[name].cat.categories.tolist() and isinstance(table[name].dtype, pd.CategoricalDtype)
        for name in ("Subject", "Condition")))


def _odd_names(table):
    names = [str(name) for name in table.columns]
    twice = [name for name in names if names.count(name) > 1]
    left = [name for name in names if name in set(RAW_NAMES.values()) - set(COLUMNS)]
    missing = [name for name in COLUMNS if name not in names]
    extra = [name for name in names if name not in COLUMNS]
    if twice:
        return (f"two columns are called {twice[0]}: one describes a subject, the other a trial. Give the "
                "first its ending .Subj before you take Trial off the second.")
    if any(name.lower().startswith("subj") and name.lower() != "subject" for name in names):
        return "the mark of the subject's columns comes last, not first: Threshold.Subj."
    if any(name.endswith("Subj") and not name.endswith(".Subj") for name in names):
        return "a point stands before Subj: Threshold.Subj."
    if left:
        return f"the column {left[0]!r} still has its raw name."
    if missing and len(names) < len(COLUMNS):
        return f"there are {len(names)} columns of {len(COLUMNS)}: {missing[0]} is missing."
    if missing and missing[0].lower() in {name.lower() for name in names}:
        return f"{missing[0]} is not written exactly so: capitals and small letters differ."
    if extra:
        return f"{extra[0]!r} is no name from the rules: go through them once more."
    return None


def _odd_order(table):
    names = list(map(str, table.columns))
    if sorted(names) != sorted(COLUMNS):
        return "the names come first: as long as they differ, their order cannot be judged."
    if names == list(RAW_NAMES):
        return "this is still the order of the raw file: put Area.Subj before Span.Subj, and so on."
    if names == sorted(names):
        return "this is the order of the alphabet; asked for is the order of the list."
    levels = [level_of(name, load_crowding()) for name in names]
    ranks = [LEVELS.index(level) for level in levels]
    if ranks != sorted(ranks):
        late = next(i for i in range(1, len(ranks)) if ranks[i] < ranks[i - 1])
        return (f"{names[late]} (level: {levels[late]}) stands after {names[late - 1]} "
                f"(level: {levels[late - 1]}): what varies least quickly comes first.")
    return None


def _odd_contents(table):
    rows = len(load_crowding(raw=True))
    if len(table) != rows:
        return (f"{len(table)} rows of {rows} are left: a trial whose Speed is missing is still a trial; "
                "drop nothing.")
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        return f"the column {missing[0]} is not there."
    by_subject = [name for name in COLUMNS if name.endswith(".Subj")]
    groups = table.groupby([table["Subject"].astype(str), table["Condition"].astype(str)])
    varying = [name for name in by_subject if groups[name].nunique().max() > 1]
    if varying:
        return (f"{varying[0]} takes many values for one subject in one condition: is it the trial's "
                f"{varying[0].removesuffix('.Subj')} under this name?")
    agree = table["Response"].eq(table["ResponseExpected"]).eq(table["ResponseCorrect"].astype(bool))
    if not agree.all():
        return ("ResponseCorrect must be 1 just where Response equals ResponseExpected: two columns "
                "have changed places.")
    return None


def _odd_factors(table):
    for name, first in (("Condition", CONDITIONS[0]), ("Subject", "1")):
        column = table[name]
        if not isinstance(column.dtype, pd.CategoricalDtype):
            return f"{name} is not categorical yet: see pd.Categorical."
        levels = column.cat.categories.astype(str).tolist()
        if column.isna().all():
            return f"every {name} is missing: the categories you gave are not spelled as the data are."
        if levels[0] != first:
            return f"the first level of {name} is {levels[0]!r}; {first!r} comes first."
    if levels != sorted(levels, key=int):
        return f"the levels of Subject are in the order of the alphabet ({', '.join(levels[:3])}): count instead."
    return None


def _same_contents(table, right):
    return len(table) == len(right) and all(
        table[name].astype(str).tolist() == right[name].astype(str).tolist()
        if right[name].dtype == "category" else
        np.allclose(table[name].to_numpy(float), right[name].to_numpy(float), equal_nan=True)
        for name in right.columns)


def _factor(column, levels):
    return pd.Categorical(column.astype(str), [str(level) for level in levels])


# --- levels --------------------------------------------------------------------------------------

LEVELS = ("subject", "subject and condition", "subject, condition and size", "trial")


def level_of(column, data):
    """The coarsest of LEVELS at which `column` of `data` takes one value per group."""
    keys = ["Subject", "Condition", "Size"]
    for n, level in enumerate(LEVELS[:3], start=1):
        if data.groupby(keys[:n], observed=True)[column].nunique(dropna=False).max() == 1:
            return level
    return "trial"


def level_of_threshold():
    return _level("level_of_threshold", "Threshold.Subj")


def level_of_performance():
    return _level("level_of_performance", "Size.AvgPerformance")


def level_of_speed():
    return _level("level_of_speed", "Speed")


def _level(name, column):
    return Choice(name, LEVELS, mistakes={
        "subject": f"in one and the same subject {column} takes more than one value.",
        "subject and condition": f"count the values of {column} within one subject and condition again: "
                                 "is there exactly one, and could the level be coarser still?",
        "subject, condition and size": f"count the values of {column} within one subject, condition and size: "
                                       "is there exactly one, and does a coarser grouping do as well?",
        "trial": f"{column} is repeated, unchanged, in many rows: find the group within which it is constant.",
    })


def misfiled():
    measured = "it is a measurement, made once for each subject and condition; look for what was done to subjects."
    return Choice("misfiled", list(COLUMNS[:8]), mistakes={
        "Subject": "this one is rightly at the level of subjects: it names them.",
        **dict.fromkeys(COLUMNS[2:8], measured)})


def distinct_thresholds():
    d = reference()
    pairs = d.groupby(["Subject", "Condition"], observed=True).ngroups
    return count("distinct_thresholds", "measurements", pairs, [
        Mistake(len(d), "this is the number of rows; each measurement is repeated in all rows of its group."),
        Mistake(d["Subject"].nunique(), "this is the number of subjects; each was measured in more than one condition."),
        Mistake(d["Threshold.Subj"].nunique(),
                "this is how many different values there are; two measurements may come out equal."),
        Mistake(d["Condition"].nunique(), "this is the number of conditions."),
        Mistake(d.groupby(["Subject", "Condition", "Size"], observed=True).ngroups,
                "this is how many sizes were shown, counted by subject and condition; a threshold sums up all of them."),
    ])


# --- first numbers -------------------------------------------------------------------------------

def n_trials():
    d = reference()
    return count("n_trials", "trials", len(d), [
        Mistake(d.size, "this is rows times columns; a trial is a row."),
        Mistake(len(d.dropna()), "rows without a Speed are trials too: the answer was given, and counts."),
        Mistake(d["ResponseCorrect"].sum(), "these are the correct trials only."),
        Mistake(len(d) / d["Subject"].nunique(), "this is the average number of trials of a subject."),
        Mistake(len(d) + 1, "the line with the names of the columns is no trial."),
        Mistake(d.groupby(["Subject", "Condition", "Size"], observed=True).ngroups,
                "these are groups of trials at one size; a trial is a row."),
    ])


def share_correct():
    d = reference()
    cells = d.groupby(["Subject", "Condition", "Size"], observed=True)["ResponseCorrect"].mean()
    right = d["ResponseCorrect"].mean()
    return number("share_correct", "proportion", right, decimals=3, mistakes=[
        Mistake(100 * right, "this is in percent; a proportion lies between 0 and 1."),
        Mistake(1 - right, "this is the share of errors."),
        Mistake(d["ResponseCorrect"].sum(), "this is how many were correct: divide by the number of trials."),
        Mistake(cells.mean(), "you averaged the averages of the sizes, of which some rest on a single trial: "
                              "average over trials."),
        Mistake(d.dropna()["ResponseCorrect"].mean(), "you left out the trials without a Speed: their answers count."),
        Mistake(d["ResponseCorrect"].std(), "this is the standard deviation."),
        Mistake(d["ResponseCorrect"].median(), "this is the median of zeros and ones: it tells only which is "
                                               "more frequent."),
        *(Mistake(d.loc[d["Condition"] == condition, "ResponseCorrect"].mean(),
                  f"these are the {condition} trials only.") for condition in CONDITIONS),
    ])


def median_response_s():
    time = reference()["ResponseTime"]
    return number("median_response_s", "s", time.median() / 1000, mistakes=[
        Mistake(time.median(), "this is in milliseconds: a thousand of them make a second."),
        Mistake(time.mean() / 1000, "this is the mean, which a few long trials pull up; the median is asked for."),
        Mistake(time.mean(), "this is the mean, and in milliseconds."),
        Mistake(time.median() / 60, "you divided by 60: the column is in milliseconds, not in sixtieths."),
        Mistake(time.median() / 100, "a second has 1000 milliseconds, not 100."),
        Mistake(time.mode().iloc[0] / 1000, "this is the most frequent value; the median is asked for."),
        Mistake(np.log(time.median()), "this is the logarithm of the time in milliseconds."),
    ])


# --- missing speeds ------------------------------------------------------------------------------

@cache
def lost_share():
    """The share of gaze samples that was lost, for every trial."""
    return load_crowding(traces=True)["Trace.X"].map(lambda x: np.isnan(x).mean())


def n_missing_speeds():
    d = reference()
    missing = d["Speed"].isna()
    return count("n_missing_speeds", "trials", missing.sum(), [
        Mistake(0, "NaN equals nothing, not even itself, so == finds none: use .isna()."),
        Mistake(d["Speed"].notna().sum(), "these are the trials that have a Speed."),
        Mistake(len(d), ".isna() has one entry per trial: sum it up instead of counting its entries."),
        Mistake((lost_share() > 0).sum(), "these are all trials in which a sample was lost; not all of them lack Speed."),
        Mistake(missing.mean(), "this is a proportion; a number of trials is asked for."),
        Mistake(100 * missing.mean(), "this is in percent; a number of trials is asked for."),
        Mistake((missing & (d["ResponseCorrect"] == 0)).sum(), "these are only the ones answered wrongly."),
    ])


def n_trials_with_loss():
    lost = lost_share()
    x = load_crowding(traces=True)["Trace.X"]
    return count("n_trials_with_loss", "trials", (lost > 0).sum(), [
        Mistake(reference()["Speed"].isna().sum(),
                "these are the trials without Speed, which lost half or more; more of them lost something."),
        Mistake((lost == 0).sum(), "these are the trials in which nothing was lost."),
        Mistake(sum(np.isnan(v).sum() for v in x), "these are lost samples, over all trials; count trials."),
        Mistake(x.isna().sum(), "this asks whether the trace is missing as a whole; look inside each trace."),
        Mistake((lost > 0).mean(), "this is a proportion; a number of trials is asked for."),
        Mistake(len(lost), "these are all trials: count those in which the share lost is above zero."),
    ])


def why_missing():
    return Choice("why_missing", ["small digit", "wrong answer", "lost gaze", "slow answer", "crowded display"], mistakes={
        "small digit": "compare the sizes: small digits were shown with Speed and without.",
        "wrong answer": "compare the answers: right and wrong ones both occur without Speed.",
        "slow answer": "compare the response times: slow answers have a Speed as well.",
        "crowded display": "uncrowded trials lack it too; condition alone cannot be the rule.",
    })


# --- below chance --------------------------------------------------------------------------------

def smallest_cell():
    """Subject 1's uncrowded trials at the smallest size shown in them."""
    d = reference()
    mine = d[(d["Subject"] == "1") & (d["Condition"] == "uncrowded")]
    return mine[mine["Size"] == mine["Size"].min()]


def smallest_share():
    d, cell = reference(), smallest_cell()
    mine = d[d["Subject"] == "1"]
    crowded = mine[mine["Condition"] == "crowded"]
    right = cell["ResponseCorrect"].mean()
    return number("smallest_share", "proportion", right, decimals=3, mistakes=[
        Mistake(d.loc[d["Size"] == d["Size"].min(), "ResponseCorrect"].mean(),
                "this is the smallest size of all; asked for is the smallest of subject 1, uncrowded."),
        Mistake(crowded.loc[crowded["Size"] == crowded["Size"].min(), "ResponseCorrect"].mean(),
                "this is subject 1 in the crowded condition; the uncrowded one is asked for."),
        Mistake(mine.loc[mine["Condition"] == "uncrowded", "Size.AvgPerformance"].min(),
                "this is the worst performance; the smallest size is another row."),
        Mistake(1 - right, "this is the share of errors."),
        Mistake(cell["ResponseCorrect"].sum(), "this is a number of trials: divide it by how many there were."),
        Mistake(100 * right, "this is in percent; a proportion lies between 0 and 1."),
        Mistake(cell["Size"].iloc[0], "this is the size in arcmin; the share of correct answers is asked for."),
        Mistake(mine.loc[mine["Condition"] == "uncrowded", "ResponseCorrect"].mean(),
                "this is subject 1's share over all sizes, uncrowded; pick the smallest."),
    ])


def guessing_p_value():
    cell = smallest_cell()["ResponseCorrect"]
    k, n, chance = int(cell.sum()), len(cell), 1 / reference()["ResponseExpected"].nunique()
    return number("guessing_p_value", "probability", binom.cdf(k, n, chance), decimals=3, mistakes=[
        Mistake(binom.pmf(k, n, chance), "this is the probability of exactly as many; as many *or fewer* is asked for."),
        Mistake(binom.cdf(k - 1, n, chance), "this is the probability of fewer; as many *or* fewer is asked for."),
        Mistake(binom.sf(k - 1, n, chance), "this is the probability of as many or more: the other tail."),
        Mistake(binom.sf(k, n, chance), "this is the probability of more: the other tail."),
        Mistake(binomtest(k, n, chance).pvalue, "this is the two-sided p-value; one tail is asked for."),
        Mistake(binom.cdf(k, n, 0.5), "you took 0.5 for chance: a guess among more than two is right less often."),
        Mistake(k / n, "this is the share that was correct; how likely is so low a share by guessing?"),
        Mistake(binom.cdf(n - k, n, chance), "you counted the errors: put the number of correct answers in."),
    ])


# --- adaptive sizes ------------------------------------------------------------------------------

@cache
def subject_table(condition):
    """Mean size, accuracy and threshold of each subject in one condition."""
    d = reference()
    groups = d[d["Condition"] == condition].groupby("Subject", observed=True)
    return pd.DataFrame({"size": groups["Size"].mean(), "correct": groups["ResponseCorrect"].mean(),
                         "threshold": groups["Threshold.Subj"].first()})


def size_threshold_correlation():
    d, table, other = reference(), subject_table("crowded"), subject_table("uncrowded")
    rows = d[d["Condition"] == "crowded"]
    right = table["size"].corr(table["threshold"])
    return number("size_threshold_correlation", "correlation", right, mistakes=[
        Mistake(rows["Size"].corr(rows["Threshold.Subj"]),
                "you correlated trials, in which each threshold is repeated hundreds of times: one row per subject."),
        Mistake(d["Size"].corr(d["Threshold.Subj"]),
                "you correlated all trials of both conditions: one row per subject, crowded only."),
        Mistake(table["size"].corr(table["correct"]),
                "this is with the share correct, which a staircase draws to the same value for all: use Threshold.Subj."),
        Mistake(other["size"].corr(other["threshold"]),
                "this is the uncrowded condition; the crowded one is asked for."),
        Mistake(_both("size").corr(_both("threshold")),
                "you took both conditions together, 2 rows per subject: crowded only."),
        Mistake(table["size"].corr(table["threshold"], method="spearman"),
                "this is the correlation of ranks; Pearson's is asked for."),
        Mistake(table["size"].cov(table["threshold"]), "this is the covariance: divide by both standard deviations."),
        Mistake(right**2, "this is the correlation squared."),
        Mistake(-right, "the sign is turned: correlate with the threshold itself, not with its negative."),
    ])


def larger_digits_go_to():
    return Choice("larger_digits_go_to", ["weaker subjects", "stronger subjects", "nobody in particular"], mistakes={
        "weaker subjects": "look at the sign of your correlation: who has a high threshold sees worse.",
        "stronger subjects": "a high threshold means that large digits are needed: that is seeing worse.",
        "nobody in particular": "if so, the correlation would be near zero: is it?",
    })


def _both(column):
    return pd.concat([subject_table(condition)[column] for condition in CONDITIONS], ignore_index=True)


# --- what all of them use ------------------------------------------------------------------------

@cache
def reference():
    """The data, read afresh: a student's own variables play no part in it."""
    return load_crowding()
