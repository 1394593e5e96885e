"""Section 8 graded through the real pipeline: right answers, none, and typical wrong ones."""

from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from every_section import *  # noqa: F403

from glmmlib.teaching.exercises import s8_session_info as s8

SECTION = "s8_session_info"
FULL = {"pins-test": 2, "p1-test": 1, "p2-test": 1, "seeds-test": 3, "draws-test": 1, "report-test": 3}
SECRETS = ("pins_as_asked", "generator_means", "said = ")

VARIABLES = {
    "pins": "pins",
    "p1": "predicted_digits",
    "p2": "predicted_agreement",
    "seeds": "first_mean, second_mean, third_mean",
    "draws": "draws_for_a_tenth",
    "report": ", ".join(f"enough_{item}" for item in s8.REPORT),
}
BEFORE = """
names = ["glmmlib", "formulaic", "numpy", "pandas", "scipy", "threadpoolctl"]
table = pd.DataFrame({"package": names, "version": [metadata.version(name) for name in names]})
old = np.random.RandomState(8)
"""
RIGHT = {
    "pins": "table",
    "p1": '"most"', "p2": '"many digits"',
    "seeds": "(lambda x: (x[:20].mean(), x[20:].mean(), x[:20].mean()))(np.random.default_rng(8).normal(size=40))",
    "draws": "100_000",
    "report": '"yes", "yes", "no", "no", "no", "no"',
}

# student -> (answers that differ from the right ones, points that differ from full, said on the page)
SUBMISSIONS = {
    "right-other-forms": (
        {"pins": 'gl.session_info().loc["packages"].drop("matplotlib").reset_index().set_axis(["package", "version"], axis=1)',
         "p1": '" One "', "p2": '"every digit"', "draws": '"1e5"',
         "seeds": RIGHT["seeds"].replace("x[:20].mean(), x[20:]", "str(round(x[:20].mean(), 4)), x[20:]"),
         "report": '"YES", " yes ", "No", "no", ["no"], np.array(["no"])'}, {}, []),
    "from-memory": (
        {"pins": 'table.assign(version=["0.0.1", "1.0", "2", "3", "1", "4"])',
         "seeds": "old.normal(size=20).mean(), np.random.default_rng(8).normal(size=20).mean(),"
                  " np.random.default_rng(8).normal(size=40)[20:].mean()",
         "draws": "10_000", "report": '"yes", "no", "yes", "yes", "yes", "yes"'},
        {"pins-test": 1, "seeds-test": 0, "draws-test": 0, "report-test": 0.5},
        ["ask the computer, not your memory", "NumPy's old generator", "you made the generator anew",
         "make a new generator first", "about 3", "that is said", "decides the sign", "another one next year",
         "which file this was", "another seed"]),
    "incomplete": (
        {"pins": "table.iloc[1:]", "p1": '"none"', "p2": "...",
         "seeds": "0, np.random.default_rng(8).normal(size=40).mean(), np.random.default_rng(0).normal(size=20).mean()",
         "draws": "100", "report": '"no", "no", "no", "no", "no", "perhaps"'},
        {"pins-test": 0, "p1-test": 0, "p2-test": 0, "seeds-test": 0, "draws-test": 0, "report-test": 1.5},
        ["glmmlib itself is missing", "none of the options", "is not answered yet", "the mean of the distribution",
         "the mean of all 40 numbers", "what the seed 0 gives", "times how many draws"]),
    "crashes": (
        {"pins": "gl.session_info", "seeds": "old, [1, 2], undefined_name", "draws": "'a lot'", "report": "1, 2, 3, 4, 5, 6"},
        {"pins-test": 0, "seeds-test": 0, "draws-test": 0, "report-test": 0},
        ["call it, with ( )", "is not answered yet", "without quotes, unit or words", "not a text"]),
}


def source(cell, value):
    dots = "".join(f"{name} = ...\n" for name in VARIABLES[cell].split(", "))
    return f"{dots}{BEFORE}{VARIABLES[cell]} = {value}"


def right_answers():
    numbers = np.random.Generator(np.random.PCG64(8)).normal(size=40)
    return {
        s8.first_mean: numbers[:20].mean(),
        s8.second_mean: numbers[20:].mean(),
        s8.third_mean: numbers[:20].mean(),
        s8.draws_for_a_tenth: 1000 / 0.1**2,
    }


NUMBERS = {"first_mean": 8, "second_mean": 10, "third_mean": 10, "draws_for_a_tenth": 7}
PREDICTIONS = [s8.predicted_digits, s8.predicted_agreement]


@pytest.mark.parametrize("item, right", list(zip(s8.REPORT, ["yes", "yes", "no", "no", "no", "no"])))
def test_the_draft_is_judged_with_a_reason(item, right):
    question = s8.enough(item)
    assert question.judge(right, right).share == 1
    wrong = {"yes": "no", "no": "yes"}[right]
    verdict = question.judge(wrong, right)
    assert verdict.share == 0 and s8.REPORT[item] in verdict.message
    assert "graded when you submit" in question.comment(wrong)


# what a student may have made of the right table -> (question, what is said; None: it is right)
TABLES = {
    "right": (lambda t: t, s8.pinned_packages, None),
    "right versions": (lambda t: t, s8.pinned_versions, None),
    "other order, capitals": (lambda t: t[::-1].assign(package=t.package.str.upper()), s8.pinned_packages, None),
    "one package more": (lambda t: pd.concat([t, row("matplotlib")]), s8.pinned_versions, None),
    "extra package": (lambda t: pd.concat([t, row("matplotlib")]), s8.pinned_packages, "leave it out here"),
    "no glmmlib": (lambda t: t[t.package != "glmmlib"], s8.pinned_packages, "glmmlib itself is missing"),
    "one missing": (lambda t: t[t.package != "scipy"], s8.pinned_packages, "scipy is missing"),
    "twice": (lambda t: pd.concat([t, t]), s8.pinned_packages, "is named twice"),
    "other column": (lambda t: t.rename(columns={"package": "name"}), s8.pinned_packages, "call the one with the names"),
    "one column": (lambda t: t[["package"]], s8.pinned_versions, "two columns are asked for"),
    "a range": (lambda t: t.assign(version=">=1.0"), s8.pinned_versions, "is a range"),
    "a line of a file": (lambda t: t.assign(version=t.package + "==" + t.version), s8.pinned_versions, "without name and ="),
    "beginning": (lambda t: t.assign(version=t.version.str.partition(".")[0]), s8.pinned_versions, "only the beginning"),
    "a number": (lambda t: t.assign(version=1.1), s8.pinned_versions, "versions are text"),
    "from memory": (lambda t: t.assign(version="17.3"), s8.pinned_versions, "not your memory"),
    "no such package": (lambda t: t.assign(package="glmlib"), s8.pinned_versions, "no package called glmlib"),
    "not a table": (lambda t: list(t.package), s8.pinned_packages, "is a list, not a table"),
}


def row(name):
    return pd.DataFrame({"package": [name], "version": [metadata.version(name)]})


@pytest.mark.parametrize("case", TABLES)
def test_tables(case):
    made, question, said = TABLES[case]
    table = made(s8.pins_as_asked())
    verdict = question().judge(table, s8.pins_as_asked())
    comment = question().comment(table)
    assert verdict.share == (said is None)
    if said:
        assert said in verdict.message and said in comment
    else:
        assert comment.startswith("•")
