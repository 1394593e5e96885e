"""What an answer counts as, what it is worth, and what is said about it."""

import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glmmlib.teaching import Choice, Count, Follow, Mistake, Number, Prediction, Table, Verdict, points
from glmmlib.teaching.answers import UNDEFINED
from glmmlib.teaching.checks import UNJUDGED, QuestionError, parts_asked

DEVIATION = Mistake(-0.51, "this is the deviation of subject 9: add the population intercept.")
NUMBER = Number("intercept", "log-odds", mistakes=[DEVIATION, Mistake(0.61, "this is a proportion.")])
CHOICE = Choice("larger", ["first", "second", "neither"], mistakes={"second": "you read it the other way."})

finite = st.floats(-1e6, 1e6)


@pytest.fixture
def notebook(monkeypatch):
    """Sets variables of the module that stands for the notebook."""
    def define(**variables):
        for name, value in variables.items():
            monkeypatch.setattr(sys.modules["__main__"], name, value, raising=False)
    return define


SPELLINGS = [
    0.46, Decimal("0.46"), Fraction(23, 50), np.float64(0.46), np.float32(0.46), np.array(0.46),
    np.array([0.46]), np.array([[0.46]]), np.array([0.46], dtype=object), np.array(["0.46"]),
    pd.Series([0.46]), pd.Series([0.46], index=["Subject 9"]), pd.DataFrame({"Intercept": [0.46]}),
    pd.Series([0.46], dtype="Float64"), [0.46], (0.46,), "0.46", " 0.46 ", "+.46", "46e-2",
    0.455, 0.4649, 0.45, 0.47,
]


@pytest.mark.parametrize("answer", SPELLINGS, ids=repr)
def test_the_right_number_counts_however_it_is_spelled(answer):
    assert NUMBER.judge(answer, 0.46).share == 1
    assert "right form" in NUMBER.comment(answer)


@pytest.mark.parametrize("answer", [1, np.int64(1), True + 0, "1", Fraction(1), pd.Series([1], dtype="Int64")], ids=repr)
def test_whole_numbers_count(answer):
    assert NUMBER.judge(answer, 1.0).share == 1


itself = []
itself.append(itself)

UNREADABLE = [
    (..., "is not answered yet"), (None, "is not answered yet"), ("", "is not answered yet"),
    ("...", "is not answered yet"), (pd.Series([None], dtype=object), "is not answered yet"),
    (UNDEFINED, "is not defined"),
    (math.nan, "is NaN"), ("nan", "is NaN"), (pd.NA, "is NaN"), (pd.NaT, "is NaN"), (np.ma.masked, "is NaN"),
    (Decimal("sNaN"), "is NaN"), (pd.Series([np.nan]), "is NaN"),
    (math.inf, "is infinite"), (-np.inf, "is infinite"), (10**400, "is infinite"), ("1e999", "is infinite"),
    (1j, "complex"), (np.complex64(1), "complex"),
    (True, "is True"), (np.bool_(False), "is False"), (np.array([True]), "is True"),
    ([], "holds 0 values"), (np.array([1.0, 2.0]), "holds 2 values"), (pd.Series([1, 2, 3]), "holds 3 values"),
    (pd.DataFrame({"a": [1], "b": [2]}), "holds 2 values"), (itself, "is a list"),
    ("0,46", "decimals after a point"), ("0.46 log-odds", "without quotes, unit or words"), ("abc", "'abc'"),
    (len, "call it"), (lambda: 0.46, "call it"), ({}, "is a dict"), (b"0.46", "is a bytes"),
    (object(), "is a object"), (np.datetime64("2020"), "is a datetime64"), (pd.Timedelta(1), "is a Timedelta"),
]


@pytest.mark.parametrize("answer, said", UNREADABLE, ids=lambda value: repr(value)[:30])
def test_what_is_no_number_earns_nothing_and_is_told_so(answer, said):
    verdict = NUMBER.judge(answer, 0.46)
    assert verdict.share == 0
    for message in (verdict.message, NUMBER.comment(answer)):
        assert said in message and "intercept" in message and "\n" not in message
    assert "log-odds" in NUMBER.comment(answer)


def test_each_kind_of_wrong_number_has_its_own_sentence():
    said = lambda answer: NUMBER.judge(answer, 0.46).message
    assert said(-0.51) == f"intercept = -0.51: {DEVIATION.message}"
    assert "wrong sign" in said(-0.46)
    assert "close" in said(0.49)
    assert "not right" in said(7) and "a number (log-odds), to 2 decimals" in said(7)
    assert "a number (arcmin), to the nearest whole number" in Number("x", "arcmin", decimals=0).judge(3, 60).message


def test_the_visible_check_names_known_mistakes_only():
    assert DEVIATION.message in NUMBER.comment(-0.512)
    assert "right form" in NUMBER.comment(7) and "graded when you submit" in NUMBER.comment(7)


def test_the_right_answer_wins_over_a_mistake_beside_it():
    near = Number("x", "arcmin", mistakes=[Mistake(0.465, "a mistake.")])
    assert near.judge(0.462, 0.46).share == 1
    assert near.judge(0.474, 0.46).message.endswith("a mistake.")


def test_the_nearest_mistake_is_named_and_may_earn_a_share():
    two = Number("x", "arcmin", mistakes=[Mistake(1.0, "one."), Mistake(1.01, "other.", share=0.5)])
    assert two.judge(1.004, 5).message.endswith("one.")
    assert two.judge(1.006, 5) == Verdict(0.5, "x = 1.006: other.")


def test_an_objection_refuses_without_knowing_the_answer():
    size = Number("size", "arcmin", objection=lambda s: "too small to be seen." if s < 1 else None)
    assert size.comment(0.5) == "✗ size = 0.5: too small to be seen."
    assert size.judge(0.5, 3).message == "size = 0.5: too small to be seen."
    assert "right form" in size.comment(3)


def test_an_objection_that_fails_is_none():
    size = Number("size", "arcmin", objection=lambda s: 1 / 0)
    assert "right form" in size.comment(3) and size.judge(3, 3).share == 1


@given(expected=finite, decimals=st.integers(0, 6), inside=st.floats(-1, 1), outside=st.floats(1.01, 1e3))
def test_the_tolerance_is_one_unit_of_the_last_decimal_asked(expected, decimals, inside, outside):
    question = Number("x", "arcmin", decimals=decimals)
    unit = 10.0**-decimals
    assert question.judge(expected + inside * unit, expected).share == 1
    assert question.judge(expected + outside * unit, expected).share == 0


@given(expected=finite, decimals=st.integers(0, 6))
def test_rounding_and_printing_never_cost_points(expected, decimals):
    question = Number("x", "arcmin", decimals=decimals)
    for answer in (round(expected, decimals), f"{expected:.{decimals}f}", expected, np.array([expected])):
        assert question.judge(answer, expected).share == 1


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.complex_numbers() | st.binary() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))
def test_judging_never_raises_and_is_one_line(answer):
    for question, expected in ((NUMBER, 0.46), (CHOICE, "first")):
        verdict = question.judge(answer, expected)
        assert 0 <= verdict.share <= 1 and len(verdict.message.splitlines()) == 1
        assert len(question.comment(answer).splitlines()) == 1


@pytest.mark.parametrize("answer", ["first", " First ", "FIRST", np.str_("first"), pd.Series(["first"]), ["first"]])
def test_an_option_counts_however_it_is_written(answer):
    assert CHOICE.judge(answer, "first").share == 1


@pytest.mark.parametrize("answer, said", [
    ("second", "you read it the other way."), ("neither", "is not right."), ("third", "none of the options"),
    (..., "is not answered yet"), (UNDEFINED, "is not defined"), (1, "is a int"), (["first", "second"], "holds 2"),
], ids=repr)
def test_a_wrong_option_says_why(answer, said):
    verdict = CHOICE.judge(answer, "first")
    assert verdict.share == 0 and said in verdict.message


def test_the_visible_check_of_a_choice_does_not_tell_wrong_from_right():
    assert CHOICE.comment("second").replace("second", "first") == CHOICE.comment("first")


def test_questions_written_wrongly_are_told_to_their_author():
    with pytest.raises(QuestionError, match="no option"):
        Choice("c", ["a"], mistakes={"b": "?"})
    with pytest.raises(QuestionError, match="no option"):
        CHOICE.judge("first", "third")
    with pytest.raises(QuestionError, match="expected value of intercept is NaN"):
        NUMBER.judge(1, math.nan)


def test_check_reads_the_notebook_and_prints_one_line(notebook, capsys):
    assert NUMBER.check() is None
    notebook(intercept=-0.51)
    assert NUMBER.check() is None
    NUMBER.check(0.46)
    undefined, mistaken, given = capsys.readouterr().out.splitlines()
    assert "is not defined" in undefined and DEVIATION.message in mistaken and "0.46" in given


def test_in_a_notebook_a_long_line_breaks_between_words(monkeypatch, capsys):
    asked = Choice("a_rather_long_name_of_a_variable", ["subject, condition and size", "subject and condition"])
    monkeypatch.setattr("IPython.get_ipython", lambda: "a notebook's shell")
    asked.check(...)
    said = capsys.readouterr().out
    assert len(said.splitlines()) > 1 and max(map(len, said.splitlines())) <= 84
    assert said.split() == asked.comment(...).split()


def test_points_add_up_and_are_told_line_by_line(notebook, capsys):
    notebook(intercept=0.46, larger="second")
    assert points((2, NUMBER, 0.46), (1, CHOICE, lambda: "first")) == 2
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "✓ intercept = 0.46 is right. (2 of 2 points)"
    assert wrong == '✗ larger = "second": you read it the other way. (0 of 1 point)'


@pytest.mark.parametrize("share, kind", [(1.0, int), (0.0, int), (0.5, float)])
def test_points_are_plain_numbers_that_nbgrader_reads(notebook, share, kind):
    notebook(x=np.float64(1))
    question = Number("x", "arcmin", mistakes=[Mistake(1, "m.", share=share)])
    earned = points((1, question, 9))
    assert type(earned) is kind and earned == share


def test_points_are_silent_about_warnings(notebook, capsys):
    def warn():
        import warnings
        warnings.warn("did not converge")
        print("to stderr", file=sys.stderr)
        return 0.46
    notebook(intercept=0.46)
    assert points((2, NUMBER, warn)) == 2
    assert capsys.readouterr().err == ""


def test_a_part_that_cannot_be_judged_leaves_the_others_theirs(notebook, capsys):
    notebook(intercept=0.46, larger="first")
    assert points((2, NUMBER, lambda: 1 / 0), (1, CHOICE, "first")) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(UNJUDGED) and "intercept" in first and "ZeroDivisionError" in first
    assert second.startswith("✓")


@pytest.mark.parametrize("most", [0, -1, math.nan, math.inf, "2"], ids=repr)
def test_points_must_be_positive_numbers(most):
    with pytest.raises(QuestionError, match="positive number"):
        points((most, NUMBER, 0.46))


@pytest.mark.parametrize("answer, said", [
    (46.2, "100 times"), (0.00462, None), (27.6, "60 times"), (462, "1000 times"), (4.7, None), (0.0077, None)])
def test_a_number_in_another_unit_is_told_by_the_factor(answer, said):
    verdict = Number("x", "arcmin", decimals=3).judge(answer, 0.462 if said != "60 times" else 0.46)
    assert verdict.share == 0 and (said is None or f"is {said} what it should be: look at the unit" in verdict.message)
    assert said or "times what" not in verdict.message


def test_a_share_of_a_unit_is_told_too():
    assert "a 60th of" in Number("x", "arcmin", decimals=3).judge(0.5, 30).message


@pytest.mark.parametrize("unit, right, answer, said", [
    ("log-odds", 0.5, math.exp(0.5), "odds instead of log-odds"),
    ("log-odds per arcmin", -1.2, 1 / (1 + math.exp(1.2)), "the inverse logit of what is asked for"),
    ("probability", 0.8, 0.2, "makes 1"),
    ("proportion correct", 0.8, 4, "are odds"),
    ("proportion correct", 0.8, math.log(4), "apply the inverse link"),
    ("arcmin", 0.8, 1.6, "is twice what it should be"),
    ("arcmin", 0.8, 0.4, "is half of what it should be"),
    ("arcmin", 0.8, 0.2, "is not right"),
    ("squared log-odds", 0.5, math.exp(0.5), "is not right"),
    ("log-odds", 1e5, 3, "is not right"),
    ("probability per arcmin", 0.2, 0.8, "is not right"),
])
def test_another_scale_is_told(unit, right, answer, said):
    verdict = Number("x", unit, decimals=3).judge(answer, right)
    assert verdict.share == 0 and said in verdict.message


@pytest.mark.parametrize("answer, said", [
    (3, "is one too few"), (5, "is one too many"), (3.5, "a whole number (trials) is asked for"), (8, "twice"), (11, "is not right")])
def test_a_count_is_told_what_is_amiss(answer, said):
    assert said in Count("n", "trials").judge(answer, 4).message


def test_the_visible_check_tells_that_a_count_is_whole():
    assert "a whole number (trials) is asked for" in Count("n", "trials").comment(2.5)
    assert "a whole number" in Count("n", "trials").comment(3) and "✗" not in Count("n", "trials").comment(3)


@pytest.mark.parametrize("answer, right, said", [
    (0.62, 0.625, "is close"), (0.03, 0.03255, "is rounded too much. Asked for: a number (degrees), to 4 decimals."),
    (1, 0.84, "is not right"), (0.0, 0.0314, "is not right")])
def test_who_rounds_too_much_is_told(answer, right, said):
    assert said in Number("x", "degrees", decimals=3 if right > 0.5 else 4).judge(answer, right).message


TOTAL, TWICE = Number("total", "arcmin"), Number("twice", "arcmin", mistakes=[Mistake(80, "half of it is asked for.")])


@pytest.mark.parametrize("total, twice, earned, said", [
    (42, 84, 2, "twice = 84 is right."),
    (40, 80, 1, "twice follows rightly from your total, which must be corrected."),
    ("40", "80.001", 1, "follows rightly"),
    (40, 84, 1, "twice = 84 is right."),
    (40, 79, 0, "is not right"),
    (42, 80, 1, "half of it is asked for."),
    (..., 80, 0, "half of it is asked for."),
    (math.nan, 80, 0, "half of it is asked for."),
    (40, ..., 0, "is not answered yet"),
])
def test_the_right_method_on_a_wrong_earlier_answer_earns_its_points(notebook, capsys, total, twice, earned, said):
    notebook(total=total, twice=twice)
    assert points((1, TOTAL, 42), (1, TWICE, 84, Follow(lambda x: 2 * x, ["total"]))) == earned
    assert said in capsys.readouterr().out.splitlines()[1]


def test_following_may_earn_a_part_and_looks_at_all_it_names(notebook, capsys):
    notebook(total=40, half=10, twice=50)
    follow = Follow(lambda x, y: x + y, ["total", "half"], share=0.5)
    assert points((2, TWICE, 84, follow)) == 1
    assert "from your total and half" in capsys.readouterr().out


def test_parts_are_collected_unjudged(notebook, capsys):
    notebook(total=42)
    with parts_asked() as parts:
        assert points((1, TOTAL, lambda: 1 / 0), (2, TWICE, 84, Follow(lambda x: 2 * x, ["total"]))) is None
    assert [part.points for part in parts] == [1, 2] and parts[1].names == ("twice", "total")
    assert capsys.readouterr().out == ""
    assert points((1, TOTAL, 42)) == 1, "afterwards it judges again"


# --- counts and tables ---------------------------------------------------------------------------

@pytest.mark.parametrize("answer, share", [(94, 1), (94.0, 1), ("94", 1), (np.int64(94), 1), (93, 0), (95, 0), (0.94, 0)])
def test_a_count_must_be_exact(answer, share):
    assert Count("missing", "trials").judge(answer, 94).share == share


def test_a_count_knows_mistakes_next_to_the_right_number():
    count = Count("rows", "rows", mistakes=[Mistake(95, "the header is no row.")])
    assert count.judge(95, 94).message == "rows = 95: the header is no row."
    assert count.form == "a whole number (rows)"


TABLE = Table("table", "columns", problem=lambda t: "b is missing." if "b" not in t else None,
              agrees=lambda t, right: list(t) == list(right))


@pytest.mark.parametrize("answer, share, said", [
    (pd.DataFrame({"a": [1], "b": [2]}), 1, "table, columns: right."),
    ([pd.DataFrame({"a": [1], "b": [2]})], 1, "right"),
    (pd.DataFrame({"a": [1]}), 0, "b is missing."),
    (pd.DataFrame({"b": [1], "a": [2]}), 0, "not what was asked for"),
    (pd.Series([1]), 0, "is a Series, not a table"),
    (pd.DataFrame, 0, "call it"),
    (..., 0, "is not answered yet"), (UNDEFINED, 0, "is not defined"),
])
def test_a_table_is_judged_by_one_property(answer, share, said):
    verdict = TABLE.judge(answer, pd.DataFrame({"a": [1], "b": [2]}))
    assert (verdict.share, said in verdict.message) == (share, True)


def test_a_table_that_cannot_be_looked_at_is_said_so():
    odd = Table("table", "columns", problem=lambda t: 1 / 0, agrees=lambda t, right: 1 / 0)
    assert "could not be looked at" in odd.comment(pd.DataFrame())
    assert odd.judge(pd.DataFrame(), pd.DataFrame()).share == 0


# --- predictions ---------------------------------------------------------------------------------

GUESS = Prediction("guess", ["smaller", "larger"])


@pytest.mark.parametrize("answer", ["smaller", " LARGER ", ["larger"]], ids=repr)
def test_any_prediction_earns_its_points(notebook, answer, capsys):
    notebook(guess=answer)
    assert points((1, GUESS, None)) == 1
    assert "Any prediction earns the points" in GUESS.comment(answer)


@pytest.mark.parametrize("answer", [..., None, "", "equal", 3], ids=repr)
def test_no_prediction_earns_nothing(notebook, answer, capsys):
    notebook(guess=answer)
    assert points((1, GUESS, None)) == 0
    assert GUESS.comment(answer).startswith("→ guess is")


def test_mistakes_that_lead_to_the_right_number_are_left_out():
    question = Number("x", "log-odds", mistakes=[
        Mistake(0.5, "near"), Mistake(0.9, "far"), Mistake(math.nan, "not there")]).apart_from(0.51)
    assert [m.message for m in question.mistakes] == ["far"]
    count = Count("n", "rows", mistakes=[Mistake(7, "same"), Mistake(8, "next")]).apart_from(7)
    assert [m.message for m in count.mistakes] == ["next"]
