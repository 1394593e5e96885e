"""The catalogue of section 3: its questions and every mistake they know."""

import numpy as np
import pandas as pd
import pytest
from every_section import *  # noqa: F403
from scipy.special import expit

import glmmlib as gl
from glmmlib.teaching.exercises import s3_recap as s3


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


NUMBERS = dict.fromkeys(
    ["mean_gaussian", "mean_binomial", "mean_poisson", "impossible_predictions", "dispersion", "sigma_parameters",
     "crossed_parameters", "typical_person", "average_person", "count_factor", "largest_change", "accuracy_at_5th",
     "accuracy_at_95th"], 5)
PREDICTIONS = [s3.predicted_largest_step, s3.predicted_variance, s3.predicted_average_curve]


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
