"""The catalogue of section 4: its questions and every mistake they know."""

import pandas as pd
import pytest
from every_section import *  # noqa: F403
from scipy.stats import binom

import glmmlib as gl
from glmmlib.teaching.exercises import s4_data as s4


def right_answers():
    d = gl.load_crowding()
    k = d.ResponseExpected.nunique()
    cell = s4.smallest_cell().ResponseCorrect
    subjects = d[d.Condition == "crowded"].groupby("Subject", observed=True)
    return {
        s4.chance_level: 1 / k,
        s4.halfway: (1 + 1 / k) / 2,
        s4.distinct_thresholds: 2 * d.Subject.nunique(),
        s4.n_trials: len(d),
        s4.share_correct: d.ResponseCorrect.mean(),
        s4.median_response_s: d.ResponseTime.median() / 1000,
        s4.n_missing_speeds: d.Speed.isna().sum(),
        s4.n_trials_with_loss: (s4.lost_share() > 0).sum(),
        s4.smallest_share: cell.mean(),
        s4.guessing_p_value: binom.cdf(cell.sum(), len(cell), 1 / k),
        s4.size_threshold_correlation: subjects.Size.mean().corr(subjects["Threshold.Subj"].first()),
    }


NUMBERS = {
    "chance_level": 6, "halfway": 5, "distinct_thresholds": 4, "n_trials": 5, "share_correct": 6, "median_response_s": 5,
    "n_missing_speeds": 5, "n_trials_with_loss": 5, "smallest_share": 5, "guessing_p_value": 5, "size_threshold_correlation": 5,
}


@pytest.mark.parametrize("question", [s4.n_trials, s4.n_missing_speeds, s4.n_trials_with_loss, s4.distinct_thresholds])
def test_counts_are_exact(answers, question):
    expected = answers[question.__name__][1]
    assert question().judge(int(expected), expected).share == 1
    assert question().judge(int(expected) + 1, expected).share == 0
    assert "a whole number" in question().comment(int(expected))


CHOICES = {
    **{f"draft_{letter}": (lambda letter=letter: s4.draft(letter), flaw)
       for letter, flaw in zip("abcdef", ("unit", "other quantity", "level", "confounded", "no criterion", "nothing"))},
    "level_of_threshold": (s4.level_of_threshold, "subject and condition"),
    "level_of_performance": (s4.level_of_performance, "subject, condition and size"),
    "level_of_speed": (s4.level_of_speed, "trial"),
    "misfiled": (s4.misfiled, "Condition"),
    "why_missing": (s4.why_missing, "lost gaze"),
    "larger_digits_go_to": (s4.larger_digits_go_to, "weaker subjects"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_every_wrong_option_says_why(name):
    question, right = CHOICES[name][0](), CHOICES[name][1]
    assert question.name == name
    assert question.judge(right.upper(), right).share == 1
    for option in set(question.options) - {right}:
        verdict = question.judge(option, right)
        assert verdict.share == 0 and not verdict.message.endswith("is not right.")
        assert "graded when you submit" in question.comment(option)


@pytest.mark.parametrize("column, level", [
    ("Subject", "subject"), ("Condition", "subject and condition"), ("Speed.Subj", "subject and condition"),
    ("Size.AvgPerformance", "subject, condition and size"), ("Speed", "trial"), ("ResponseTime", "trial")])
def test_levels_are_counted(column, level):
    assert s4.level_of(column, gl.load_crowding()) == level


def test_no_other_variable_explains_the_missing_speeds():
    """The wrong options of why_missing are wrong, and the right one is right, in these data."""
    d, missing = gl.load_crowding(), gl.load_crowding().Speed.isna()
    assert s4.lost_share()[missing].min() > s4.lost_share()[~missing].max()
    for column in ("Size", "ResponseTime", "ResponseCorrect"):
        assert d[column][missing].min() >= d[column][~missing].min()
        assert d[column][missing].max() <= d[column][~missing].max()
    assert set(d.ResponseCorrect[missing]) == {0, 1} and set(d.Condition[missing]) == {"uncrowded", "crowded"}


# --- the table -----------------------------------------------------------------------------------

def alphabetical(table, name):
    return table.assign(**{name: table[name].astype(str).astype("category")})


TABLES = {      # what a student may have made -> (question, what is said; None: it is right)
    "right": (lambda t: t, s4.renamed_names, None),
    "subject as text, not factor": (lambda t: t.astype({"Subject": str}), s4.renamed_contents, None),
    "condition ordered": (lambda t: t.assign(Condition=t.Condition.cat.as_ordered()), s4.renamed_factors, None),
    "alone in a list": (lambda t: [t], s4.renamed_order, None),
    "raw": (lambda t: gl.load_crowding(raw=True), s4.renamed_names, "still has its raw name"),
    "mark in front": (lambda t: t.rename(columns=lambda n: "Subject." + n[:-5] if n.endswith(".Subj") else n),
                      s4.renamed_names, "comes last"),
    "underscore": (lambda t: t.rename(columns=lambda n: n.replace(".Subj", "_Subj")), s4.renamed_names, "a point stands"),
    "capitals": (lambda t: t.rename(columns=str.lower), s4.renamed_names, "capitals and small letters"),
    "column lost": (lambda t: t.drop(columns="Span"), s4.renamed_names, "Span is missing"),
    "column too many": (lambda t: t.assign(index=1), s4.renamed_names, "no name from the rules"),
    "speed twice": (lambda t: t.rename(columns={"Speed.Subj": "Speed"}), s4.renamed_names, "two columns are called Speed"),
    "raw order": (lambda t: t[list(s4.RAW_NAMES)], s4.renamed_order, "order of the raw file"),
    "alphabet": (lambda t: t[sorted(t)], s4.renamed_order, "order of the alphabet"),
    "trial first": (lambda t: t[list(t)[::-1]], s4.renamed_order, "varies least quickly comes first"),
    "order within a level": (lambda t: t[["Condition", "Subject", *list(t)[2:]]], s4.renamed_order, "stands after"),
    "nearly": (lambda t: t[[*list(t)[:14], "Speed", "Curvature", "Span"]], s4.renamed_order, "not what was asked for"),
    "order without names": (lambda t: t.drop(columns="Span"), s4.renamed_order, "the names come first"),
    "rows lost": (lambda t: t.dropna(), s4.renamed_contents, "drop nothing"),
    "speeds exchanged": (lambda t: t.assign(**{"Speed.Subj": t.Speed}), s4.renamed_contents, "takes many values"),
    "answers exchanged": (lambda t: t.assign(Response=t.ResponseTime), s4.renamed_contents, "changed places"),
    "rows shuffled": (lambda t: t.assign(Size=t.Size[::-1].to_numpy()), s4.renamed_contents, "not what was asked for"),
    "content lost": (lambda t: t.drop(columns="Size"), s4.renamed_contents, "Size is not there"),
    "no factor": (lambda t: t.astype({"Condition": str}), s4.renamed_factors, "not categorical yet"),
    "crowded first": (lambda t: alphabetical(t, "Condition"), s4.renamed_factors, "the first level of Condition is"),
    "ten after one": (lambda t: alphabetical(t, "Subject"), s4.renamed_factors, "order of the alphabet"),
    "misspelled levels": (lambda t: t.assign(Condition=pd.Categorical([None] * len(t), ["Uncrowded", "Crowded"])),
                          s4.renamed_factors, "every Condition is missing"),
    "no condition": (lambda t: t.drop(columns="Condition"), s4.renamed_factors, "could not be looked at"),
    "a column": (lambda t: t.Size, s4.renamed_names, "is a Series, not a table"),
    "not called": (lambda t: t.copy, s4.renamed_names, "call it, with ( )"),
    "dots": (lambda t: ..., s4.renamed_names, "is not answered yet"),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(case, capsys):
    made, question, said = TABLES[case]
    table = made(s4.renamed_as_asked())
    verdict = question().judge(table, s4.renamed_as_asked())
    question().check(table)
    comment = capsys.readouterr().out
    assert verdict.share == (said is None)
    if said:
        assert said in verdict.message
        assert said in comment or said == "not what was asked for"
    else:
        assert "✗" not in comment and "→" not in comment
