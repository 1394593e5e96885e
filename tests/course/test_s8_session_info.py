"""The catalogue of section 8: its questions and every mistake they know."""

from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from every_section import *  # noqa: F403

from glmmlib.teaching.exercises import s8_session_info as s8


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
