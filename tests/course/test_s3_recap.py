"""Section 3 graded through the real pipeline: right answers, none, and typical wrong ones."""

from html import unescape

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import glmmlib as gl
from glmmlib.teaching.exercises import s3_recap as s3

SECTION = "s3_recap"
FULL = {"q1-test": 3, "p1-test": 1, "q2-test": 3, "p2-test": 1, "q3-test": 2, "q4-test": 2, "q5-test": 4, "p3-test": 1,
        "q7-test": 2, "q8-test": 3, "q9-test": 1, "q10-test": 4}
NONE = dict.fromkeys(FULL, 0)

NAMES = {
    "q1": "mean_gaussian, mean_binomial, mean_poisson",
    "p1": "predicted_largest_step",
    "q2": "my_counts",
    "p2": "predicted_variance",
    "q3": "impossible_predictions, dispersion",
    "q4": "sigma_parameters, crossed_parameters",
    "q5": "my_trials",
    "p3": "predicted_average_curve",
    "q7": "typical_person, average_person",
    "q8": "sentence_a, sentence_b, sentence_c, sentence_d, sentence_e, sentence_f",
    "q9": "gap_grouping, gap_predictor",
    "q10": "count_factor, largest_change, accuracy_at_5th, accuracy_at_95th",
}
# what the code of an answer begins with
BEFORE = {
    "q1": "eta = 0.4 + 0.6 * -2\n",
    "q2": "rng = np.random.default_rng(8)\nx = rng.normal(0, 1, 600)\neta = 1 + x / 2\nlam = np.exp(eta)\n",
    "q3": "line = smf.ols('ResponseCorrect ~ Size', cohort.load_crowding()).fit().fittedvalues\n",
    "q5": ("rng = np.random.default_rng(8)\nwho = np.repeat(np.arange(200), 10)\nb = rng.normal(0, 0.5, 200)[who]\n"
           "x = rng.uniform(-1, 1, 2000)\neta = 0.5 + b + 1.2 * x\np = expit(eta)\n"),
    "q7": "b0, b1 = m.fixef\neta = b0 + b1 * (high - mean_size)\n",
    "q10": "b0, b1 = m.fixef\n",
}

# student -> (answers, points that differ from none, said on the page): what is not answered stays untouched
SUBMISSIONS = {
    "right-other-forms": (
        {"q1": '"-0.8", [1 / (1 + np.exp(0.8))], np.float32(0.449)', "p1": '["Near 1"]', "p2": '" smaller "', "p3": '"STEEPER"',
         "q2": "pd.DataFrame({'y': rng.poisson(lam), 'lam': lam, 'x': x, 'eta': eta, 'note': 'mine'})",
         "q3": "pd.Series([np.sum((line - 0.5).abs() > 0.5)]), "
               "'%.2f' % ((words.Words - counts_fit.fittedvalues)**2 / counts_fit.fittedvalues).sum().__truediv__(238)",
         "q4": "np.int64(10), '4'",
         "q5": "pd.DataFrame({'subject': [f's{j}' for j in who], 'b': b, 'x': x, 'eta': eta, 'p': p,"
               " 'y': rng.random(2000) < p})",
         "q7": "m.predict(pd.DataFrame({'Size': [high]}), re='population'), "
               "round(np.mean(expit(eta + np.random.default_rng(1).normal(0, 2, 50_000))), 2)",
         "q8": '"Wrong", "wrong", "RIGHT", "right", " wrong", "right"', "q9": '"By", "for"',
         "q10": "counts_fit.params.apply(np.exp).loc[['Practice']], '%.4f' % (b1 * 0.25), "
                "*m.predict(pd.DataFrame({'Size': np.percentile(crowding.Size, [5, 95])}), re='population')"},
        FULL, []),
    "other-scales": (
        {"q1": "eta, eta, expit(eta)", "p1": '"in the middle"',
         "q2": "pd.DataFrame({'x': x, 'eta': eta, 'lam': eta, 'y': np.round(lam)})",
         "q3": "(line < 0).sum(), counts_fit.pearson_chi2",
         "q4": "4, 6",
         "q5": "pd.DataFrame({'subject': who, 'b': rng.normal(0, .5, 2000), 'x': x, 'eta': 0.5 + 1.2 * x, 'p': eta, 'y': p})",
         "q7": "eta, expit(eta)",
         "q8": '"right", "right", "wrong", "wrong", "right", "wrong"', "q9": '"for", "by"',
         "q10": "counts_fit.params['Practice'], b1, b0 + b1 * (low - mean_size), expit(b0 + b1 * high)"},
        {"q1-test": 1, "q2-test": 1},
        ["in log-odds: apply the inverse of the logit", "the inverse of the log is the exponential", "none of the options",
         "the inverse link is missing", "mend lam first", "those above 1 count, too",
         "divide it by the residual degrees of freedom", "these are the variances: their covariances",
         "by-item and by-subject deviations covary", "it changes within a subject", "the deviations b are missing in it",
         "it does not follow from eta", "0 or 1", "these are log-odds: apply the inverse link", "the typical person (b = 0)",
         "statsmodels' scale and R's sigma()", "the person with average log-odds", "'for' goes with a predictor",
         "'by' goes with a grouping factor", "adding into multiplying", "what is left of it in probabilities",
         "it counts from the mean size"]),
    "partly": (
        {"q1": "eta, np.exp(eta), np.exp(eta)",
         "q2": "pd.DataFrame({'x': x, 'eta': eta, 'lam': lam, 'y': rng.poisson(lam.mean(), 600)})",
         "q3": "len(line), counts_fit.pearson_chi2 / counts_fit.df_resid",
         "q4": "16, 4",
         "q5": "pd.DataFrame({'subject': who, 'b': b, 'x': x, 'eta': 0.5 + 1.2 * x, 'p': expit(0.5 + 1.2 * x) + b,"
               " 'y': rng.binomial(1, p)})",
         "q7": "expit(eta), expit(eta + 2)",
         "q8": '"wrong", "right", "right", "wrong", "wrong", ...', "q9": '"by", "by"',
         "q10": "np.exp(counts_fit.params['Practice']), 4 * b1, expit(b0 + b1 * (high - mean_size)), "
                "expit(b0 + b1 * (high - mean_size))"},
        {"q1-test": 2, "q2-test": 2, "q3-test": 1, "q4-test": 1, "q5-test": 1, "q7-test": 1, "q8-test": 1.5,
         "q9-test": 0.5, "q10-test": 2},
        ["divide them by 1 + odds", "as if all had the same mean", "this counts all trials", "a covariance stands in it twice",
         "the deviations were added after the link", "some p lie outside 0 to 1", "one standard deviation above the typical one",
         "a cumulative model", "sentence_f is not answered yet", "you multiplied by four", "the 95th percentile of size"]),
    "crashes": ({"q1": "undefined_name", "q2": "[1, 2]", "q5": "pd.DataFrame({'subject': who, 'b': 'x'})", "q10": "1, True, None, '0,9'"},
                {},
                ["mean_gaussian is not answered yet", "my_counts is a list, not a table", "holds something that is not a number",
                 "there is no column 'x'", "not a comparison", "decimals after a point"]),
}


def source(cell, value):
    dots = "".join(f"{name.strip()} = ...\n" for name in NAMES[cell].split(","))
    return f"{dots}{BEFORE.get(cell, '')}{NAMES[cell]} = {value}"


@pytest.fixture(scope="module")
def graded(classroom, repo):
    """The classroom after one run over the solution, the untouched notebook and all submissions."""
    classroom.hand_in("student-a", SECTION, notebook=nbformat.read(
        repo / "solutions" / SECTION / f"{SECTION}.ipynb", as_version=4))
    classroom.hand_in("student-b", SECTION)
    for student, (answers, _, _) in SUBMISSIONS.items():
        classroom.hand_in(student, SECTION, {cell: source(cell, value) for cell, value in answers.items()})
    classroom.rows = classroom.grade()
    return classroom


def autograded(graded, student):
    return {name: points for name, points in graded.points(student, SECTION).items() if name in FULL}


def test_solution_scores_full_marks(graded):
    row = graded.rows["student-a"]
    assert autograded(graded, "student-a") == FULL
    assert (row.score, row.max_score, row.problem) == (27, 34, "")
    assert row.needs_manual_grade, "the free text waits for a person"


def test_untouched_notebook_scores_nothing(graded):
    row = graded.rows["student-b"]
    assert autograded(graded, "student-b") == NONE
    assert (row.score, row.max_score, row.problem) == (0, 34, "")
    assert "my_trials is not answered yet" in graded.feedback("student-b", SECTION)


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_typical_submissions(graded, student):
    _, points, messages = SUBMISSIONS[student]
    assert autograded(graded, student) == {**NONE, **points}
    page = unescape(graded.feedback(student, SECTION))
    for message in messages:
        assert message in page


@pytest.mark.parametrize("student", ["student-a", "partly"])
def test_feedback_keeps_the_tests_to_itself(graded, student):
    page = graded.feedback(student, SECTION)
    for secret in ("HIDDEN TESTS", "s3.reference", "different_elements", "Traceback (most"):
        assert secret not in page


def test_feedback_shows_the_widget_as_a_picture_with_words(graded):
    page = unescape(graded.feedback("student-b", SECTION))
    assert '<img alt="At x = 1.0 the linear predictor' in page


# --- the catalogue by itself: quick, and every mistake -------------------------------------------

def right_answers():
    eta = 0.4 + 0.6 * -2
    b0, b1 = s3.reference().fixef
    size = gl.load_crowding()["Size"]
    low, high = b0 + b1 * (size.quantile([0.05, 0.95]) - size.mean())
    line, words, poisson = s3.linear_model().fittedvalues, s3.word_counts(), s3.count_model()
    draws = np.random.default_rng(0).normal(0, 2, 1_000_000)
    return {
        s3.mean_gaussian: eta, s3.mean_binomial: expit(eta), s3.mean_poisson: np.exp(eta),
        s3.impossible_predictions: int((line > 1).sum() + (line < 0).sum()),
        s3.dispersion: ((words["Words"] - poisson.fittedvalues) ** 2 / poisson.fittedvalues).sum() / (len(words) - 2),
        s3.sigma_parameters: 10, s3.crossed_parameters: 4,
        s3.typical_person: expit(high), s3.average_person: expit(high + draws).mean(),
        s3.count_factor: np.exp(poisson.params["Practice"]), s3.largest_change: b1 / 4,
        s3.accuracy_at_5th: expit(low), s3.accuracy_at_95th: expit(high),
    }


@pytest.mark.parametrize("question", right_answers(), ids=lambda q: q.__name__)
def test_every_mistake_is_named_and_none_is_right(question, capsys):
    expected, asked = right_answers()[question], question()
    for mistake in asked.mistakes:
        verdict = asked.judge(mistake.value, expected)
        assert verdict.share == 0
        named = [m.message for m in asked.mistakes if abs(m.value - mistake.value) <= 10.0**-asked.decimals]
        assert any(message in verdict.message for message in named)
        asked.check(mistake.value)
        said = capsys.readouterr().out
        assert any(message in said for message in named)


@pytest.mark.parametrize("question", right_answers(), ids=lambda q: q.__name__)
def test_right_answers_are_accepted_in_any_form(question, capsys):
    expected, asked = float(right_answers()[question]), question()
    for form in (expected, np.float32(expected), round(expected, asked.decimals), f"{expected:.4f}",
                 pd.Series([expected]), [expected]):
        assert asked.judge(form, expected).share == 1
    asked.check(expected)
    assert "✗" not in capsys.readouterr().out


@pytest.mark.parametrize("question", right_answers(), ids=lambda q: q.__name__)
def test_most_mistakes_can_be_told_from_the_right_answer(question):
    """A mistake that leads to the right number is left out; too many, and the question is pointless."""
    assert len(question().mistakes) >= 5


CHOICES = [s3.gap_grouping, s3.gap_predictor, *(lambda letter=letter: s3.sentence(letter) for letter in "abcdef")]


@pytest.mark.parametrize("question", CHOICES, ids=lambda q: q().name)
def test_choices_name_the_reason_with_the_grade_only(question, capsys):
    asked = question()
    for expected in asked.options:
        for option in asked.options:
            verdict = asked.judge(f" {option.upper()} ", expected)
            assert verdict.share == (option == expected)
            if option != expected:
                assert asked.mistakes[option] in verdict.message
            asked.check(option)
            assert "It is graded when you submit" in capsys.readouterr().out


@pytest.mark.parametrize("question", [s3.predicted_largest_step, s3.predicted_variance, s3.predicted_average_curve],
                         ids=lambda q: q.__name__)
def test_any_prediction_counts_and_none_does_not(question):
    asked = question()
    assert [asked.judge(option).share for option in asked.options] == [1] * len(asked.options)
    assert [asked.judge(nothing).share for nothing in (..., None, "", 3, "perhaps")] == [0] * 5


def test_the_average_over_persons_is_an_integral():
    draws = np.random.default_rng(1).normal(0, 2, 2_000_000)
    for eta in (-3, 0, 1, 4):
        assert s3.average_over(eta, 2) == pytest.approx(expit(eta + draws).mean(), abs=0.002)


# --- simulations of the student's own ------------------------------------------------------------

def counts(seed=1, n=500, **wrong):
    """A right my_counts, with columns replaced: each of `wrong` is a function of the table and a generator."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"x": rng.uniform(-2, 2, n)})
    d["eta"] = 1.0 + 0.5 * d["x"]
    d["lam"] = np.exp(d["eta"])
    d["y"] = rng.poisson(d["lam"])
    return replaced(d, rng, wrong)


def trials(seed=1, **wrong):
    """A right my_trials, with columns replaced."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"subject": np.repeat(np.arange(200), 10), "x": rng.uniform(-1, 1, 2000)})
    d["b"] = rng.normal(0, 0.5, 200)[d["subject"]]
    d["eta"] = 0.5 + d["b"] + 1.2 * d["x"]
    d["p"] = expit(d["eta"])
    d["y"] = rng.binomial(1, d["p"])
    return replaced(d, rng, wrong)


def replaced(d, rng, columns):
    for name, value in columns.items():
        d[name] = value(d, rng)
    return d


COUNT_QUESTIONS = [s3.my_counts_predictor, s3.my_counts_mean, s3.my_counts_outcome]
TRIAL_QUESTIONS = [s3.my_trials_deviations, s3.my_trials_predictor, s3.my_trials_mean, s3.my_trials_outcome]


@pytest.mark.parametrize("seed", range(20))
def test_right_simulations_are_right_whatever_the_seed(seed):
    assert [question().judge(counts(seed), None).share for question in COUNT_QUESTIONS] == [1, 1, 1]
    assert [question().judge(trials(seed), None).share for question in TRIAL_QUESTIONS] == [1, 1, 1, 1]


WRONG_COUNTS = [
    (0, {"eta": lambda d, rng: 0.5 + d.x}, "exchanged"),
    (0, {"eta": lambda d, rng: d.lam}, "eta comes before the link"),
    (0, {"eta": lambda d, rng: 0.5 * d.x}, "the intercept is missing"),
    (0, {"eta": lambda d, rng: 1 + d.x}, "the slope is missing"),
    (0, {"eta": lambda d, rng: d.eta + rng.normal(0, 0.3, len(d))}, "no error term"),
    (0, {"eta": lambda d, rng: 1 - 0.5 * d.x}, "the sign of the slope"),
    (0, {"eta": lambda d, rng: 1 + 0.7 * d.x}, "not the linear predictor"),
    (0, {"x": lambda d, rng: 1.0}, "let it vary"),
    (0, {"eta": lambda d, rng: np.nan}, "missing or infinite"),
    (1, {"lam": lambda d, rng: d.eta}, "the inverse link is missing"),
    (1, {"lam": lambda d, rng: expit(d.eta)}, "inverse of the logit"),
    (1, {"lam": lambda d, rng: 10**d.eta}, "take exp"),
    (1, {"lam": lambda d, rng: d.lam.round()}, "only counts are whole numbers"),
    (1, {"lam": lambda d, rng: d.lam + 1}, "does not follow"),
    (2, {"y": lambda d, rng: rng.normal(d.lam, d.lam**0.5)}, "whole numbers from 0"),
    (2, {"lam": lambda d, rng: d.x}, "mend lam first"),
    (2, {"y": lambda d, rng: rng.poisson(d.eta)}, "drawn with the mean eta"),
    (2, {"y": lambda d, rng: rng.binomial(1, 0.5, len(d))}, "Bernoulli"),
    (2, {"y": lambda d, rng: rng.poisson(d.lam.mean(), len(d))}, "a lam of its own"),
    (2, {"y": lambda d, rng: rng.poisson(2 * d.lam)}, "not those of the column lam"),
    (2, {"y": lambda d, rng: d.lam.round()}, "scatter less"),
    (2, {"y": lambda d, rng: rng.poisson(d.lam * rng.gamma(1, 1, len(d)))}, "scatter more"),
]
WRONG_TRIALS = [
    (0, {"b": lambda d, rng: rng.normal(0, 0.5, len(d))}, "it changes within a subject"),
    (0, {"b": lambda d, rng: 0.3}, "the same for all subjects"),
    (0, {"b": lambda d, rng: d.b + 0.5}, "the intercept belongs to the linear predictor"),
    (0, {"b": lambda d, rng: d.b / 2}, "not for a variance"),
    (0, {"b": lambda d, rng: d.b * 2**0.5}, "not for a variance"),
    (0, {"subject": lambda d, rng: d.subject // 2}, "200 subjects with 10 rows"),
    (1, {"eta": lambda d, rng: 0.5 + 1.2 * d.x}, "b are missing"),
    (1, {"eta": lambda d, rng: 0.5 + (1.2 + d.b) * d.x}, "in the slope"),
    (1, {"eta": lambda d, rng: d.b + 1.2 * d.x}, "intercept is missing"),
    (1, {"eta": lambda d, rng: 1.2 + d.b + 0.5 * d.x}, "exchanged"),
    (1, {"eta": lambda d, rng: d.p}, "eta comes before the link"),
    (1, {"eta": lambda d, rng: d.eta + rng.normal(0, 0.3, len(d))}, "no error term"),
    (1, {"x": lambda d, rng: 0.0}, "let it vary"),
    (1, {"eta": lambda d, rng: 0.5 + d.b - 1.2 * d.x}, "the sign of the slope"),
    (1, {"eta": lambda d, rng: 0.5 + 2 * d.b + 1.2 * d.x}, "not the linear predictor"),
    (2, {"p": lambda d, rng: d.eta}, "the inverse link is missing"),
    (2, {"p": lambda d, rng: np.exp(d.eta)}, "these are odds"),
    (2, {"p": lambda d, rng: expit(-d.eta)}, "probabilities of a 0"),
    (2, {"p": lambda d, rng: expit(d.eta - d.b) + d.b}, "added after the link"),
    (2, {"p": lambda d, rng: d.p + d.b}, "and there only"),
    (3, {"y": lambda d, rng: rng.binomial(2, d.p)}, "0 or 1"),
    (3, {"p": lambda d, rng: d.eta}, "mend p first"),
    (3, {"y": lambda d, rng: (d.p > 0.5).astype(int)}, "the likelier outcome"),
    (3, {"y": lambda d, rng: rng.binomial(1, 0.5, len(d))}, "a fair coin"),
    (3, {"y": lambda d, rng: rng.binomial(1, expit(d.eta - d.b))}, "not those of the column p"),
]


@pytest.mark.parametrize("simulate, question, wrong, message", [
    *((counts, COUNT_QUESTIONS[k], wrong, message) for k, wrong, message in WRONG_COUNTS),
    *((trials, TRIAL_QUESTIONS[k], wrong, message) for k, wrong, message in WRONG_TRIALS)],
    ids=[f"{message}" for _, _, message in WRONG_COUNTS + WRONG_TRIALS])
def test_wrong_simulations_are_told_what_is_wrong(simulate, question, wrong, message, capsys):
    table = simulate(**wrong)
    verdict = question().judge(table, None)
    assert (verdict.share, message in verdict.message) == (0, True), verdict.message
    question().check(table)
    assert "✗" in capsys.readouterr().out


@pytest.mark.parametrize("question", COUNT_QUESTIONS + TRIAL_QUESTIONS, ids=lambda q: q.__name__)
@pytest.mark.parametrize("odd", [..., 3, pd.DataFrame(), pd.DataFrame({"x": ["a"]}), [1, 2]], ids=str)
def test_no_table_however_odd_breaks_a_check(question, odd):
    assert question().judge(odd, None).share == 0
    assert question().comment(odd)


def test_too_few_rows_are_told():
    assert "at least 500" in s3.my_counts_predictor().comment(counts(n=100))
