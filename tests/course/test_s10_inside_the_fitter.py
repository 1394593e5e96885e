"""Section 10 graded through the real pipeline: right answers, none, and typical wrong ones."""

import numpy as np
import pytest
from every_section import *  # noqa: F403
from numpy.polynomial.hermite import hermgauss
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import bernoulli, norm

from glmmlib._kernels import laplace
from glmmlib.family import Binomial
from glmmlib.teaching.exercises import s10_inside_the_fitter as s10

SECTION = "s10_inside_the_fitter"
FULL = {"integrand-test": 2, "integral-test": 2, "p1-test": 1, "mode-test": 3, "p2-test": 1, "laplace-test": 3, "fit-test": 3,
        "quadrature-test": 2, "price-test": 2}
SECRETS = ("s10.integrand()", "s10.reference", "f.curvature(")

VARIABLES = {
    "integrand": "log_integrand_at_minus_1",
    "integral": "log_integral",
    "p1": "predicted_steps",
    "mode": "first_step, u_mode, b_mode",
    "p2": "predicted_error",
    "laplace-answer": "curvature_at_mode, laplace_loglik",
    "fit": "theta_hat, intercept_hat, own_intercept",
    "quadrature": "quadrature_loglik",
    "price": "nodes_per_subject, comparison",
}
BEFORE = """
from scipy.stats import norm
def p(u, scale=theta):
    return expit(1.0 + 1.5 * one.x.to_numpy() + scale * u)
def logp(u, scale=theta):
    return np.log(np.where(one.Correct == 1, p(u, scale), 1 - p(u, scale))).sum()
def A(u):
    return 1 + 9 * np.sum(p(u) * (1 - p(u)))
mode = minimize(lambda u: u[0]**2 / 2 - logp(u[0]), [0.0]).x[0]
alone = minimize(lambda u: -logp(u[0]), [0.0]).x[0]
fitted = gl.glmer("Correct ~ x + (1 | Person)", people)
"""
LAPLACE = "logp(mode) - mode**2 / 2 - np.log(A(mode)) / 2"
RIGHT = {
    "integrand": "logp(-1) + norm.logpdf(-1)",
    "integral": "np.log(quad(lambda u: np.exp(logp(u)) * norm.pdf(u), -np.inf, np.inf)[0])",
    "p1": '"more than 100"', "p2": '"too high"',
    "mode": "(3 * np.sum(one.Correct - p(0))) / A(0), mode, 3 * mode",
    "laplace-answer": f"A(mode), {LAPLACE}",
    "fit": "fitted.theta, fitted.fixef.iloc[0], fitted.coef['Person'].loc[one.Person[0], '(Intercept)']",
    "quadrature": "s10.integrand().quadrature(5)",
    "price": '7**4, "no"',
}

# student -> (answers that differ from the right ones, points that differ from full, said on the page)
SUBMISSIONS = {
    "right-other-forms": (
        {"integrand": "str(round(logp(-1) + norm.logpdf(-1), 3))",
         "integral": "[round(np.log(quad(lambda b: np.exp(logp(b, 1)) * norm.pdf(b, scale=3), -30, 30, points=[0])[0]), 4)]",
         "p1": '" Fewer than 10 "', "mode": "-0.828, np.float32(mode), np.array([3 * mode])",
         "fit": "*minimize(deviance, [1.0, 0.0, 1.0], method='Nelder-Mead').x[:2], fitted.coef['Person'].loc[[one.Person[0]]].iloc[0, 0]",
         "price": '"2401", " NO "'}, {}, []),
    "no-prior": (
        {"integrand": "logp(-1)",
         "integral": "np.log(quad(lambda u: np.exp(logp(u)), -10, 10)[0])",
         "mode": "3 * np.sum(one.Correct - p(0)) / (A(0) - 1), alone, 3 * alone",
         "laplace-answer": "A(mode) - 1, logp(mode) - np.log(A(mode)) / 2"},
        {"integrand-test": 0, "integral-test": 0, "mode-test": 0, "laplace-test": 0},
        ["the prior of u, with its u²/2, is missing", "you integrated p(y | u) alone", "the prior's 1 is missing in the curvature",
         "the mode of the likelihood p(y | u), without the prior", "the mode of the likelihood alone",
         "−u²/2 has a curvature, too", "û²/2 is missing"]),
    "no-constant": (
        {"integrand": "logp(-1) - 0.5", "integral": "np.log(quad(lambda u: np.exp(logp(u) - u**2 / 2), -10, 10)[0])",
         "laplace-answer": f"-A(mode), {LAPLACE} + np.log(2 * np.pi) / 2",
         "quadrature": "s10.integrand().quadrature(5) + np.log(2 * np.pi) / 2"},
        {"integrand-test": 1, "integral-test": 1, "laplace-test": 1, "quadrature-test": 1},
        ["the constant of the normal density is missing", "√(2π) is missing", "negative at a peak; A is its negative",
         "that of φ is not: they cancel", "weights of hermegauss sum to √(2π)"]),
    "no-Lambda": (
        {"integrand": "logp(-1, 1) + norm.logpdf(-1)", "integral": "np.log(quad(lambda u: np.exp(logp(u, 1)) * norm.pdf(u), -9, 9)[0])",
         "mode": "np.sum(one.Correct - p(0)) / A(0), 3 * mode, mode",
         "laplace-answer": "1 + (A(mode) - 1) / 9, logp(mode) - mode**2 / 2 - np.log(1 + (A(mode) - 1) / 9) / 2",
         "fit": "fitted.theta**2, fitted.fixef.iloc[1], fitted.fixef.iloc[0]"
                " + fitted.ranef['Person'].loc[one.Person[0]].iloc[0] / fitted.theta[0]"},
        {"integrand-test": 0, "integral-test": 0, "mode-test": 0, "laplace-test": 0, "fit-test": 0},
        ["you added u itself", "θ is missing: the person's deviation is b = θu", "θ is missing in the gradient",
         "the mode of u is asked for", "the deviation in log-odds is b = θu", "θ² is missing: each", "θ² is missing in the curvature",
         "this is the variance θ²", "this is the slope", "make it b = θu before you add it"]),
    "no-log-determinant": (
        {"integral": "logp(mode) + norm.logpdf(mode)", "laplace-answer": "A(0), logp(mode) - mode**2 / 2",
         "fit": "-fitted.theta[0], fitted.fixef.iloc[0], fitted.fixef.iloc[0]",
         "quadrature": f"{LAPLACE}", "price": '28, "yes"'},
        {"integral-test": 0, "laplace-test": 0, "fit-test": 1.5, "quadrature-test": 0, "price-test": 0},
        ["the height of the integrand's peak", "curvature at u = 0", "½ log A, is missing", "−θ fits as well", "add the person's deviation",
         "one node; five are asked for", "they multiply, they do not add", "approximations of different accuracy"]),
    "crashes": (
        {"integrand": "logp", "integral": "quad(lambda u: 1, 0, 1)", "p1": '"two"', "mode": "undefined, 1, 2", "fit": "None, np.nan, 1j",
         "price": "..., 3"},
        {"integrand-test": 0, "integral-test": 0, "p1-test": 0, "mode-test": 0, "fit-test": 0, "price-test": 0},
        ["call it, with ( )", "holds 2 values", "none of the options", "is not answered yet", "is NaN", "complex number"]),
}


def source(cell, value):
    dots = "".join(f"{name} = ...\n" for name in VARIABLES[cell].split(", "))
    return f"{dots}{BEFORE}{VARIABLES[cell]} = {value}"


def right_answers():
    """By SciPy's distributions, minimiser and integrator, and by glmmlib's kernel."""
    rows, theta = s10.one_person(), s10.THETA
    x, y = rows["x"].to_numpy(), rows["Correct"].to_numpy()
    eta = s10.BETA[0] + s10.BETA[1] * x

    def log_integrand(u):
        return bernoulli.logpmf(y, expit(eta + theta * u)).sum() + norm.logpdf(u)

    kernel = laplace(Binomial(), y, np.ones(len(y)), eta, np.ones((len(y), 1)), [0, len(y)], [[theta]], np.zeros((1, 1)))
    mode, A = minimize_scalar(lambda u: -log_integrand(u), bounds=(-3, 3), options={"xatol": 1e-10}).x, 1 / kernel.cov[0, 0, 0]
    w = expit(eta) * (1 - expit(eta))
    z, weights = hermgauss(5)               # for exp(-z^2): the textbook form of adaptive quadrature
    at = kernel.u[0, 0] + np.sqrt(2 / A) * z
    area = np.sqrt(2 / A) * np.sum(weights * np.exp(z**2 + [log_integrand(u) for u in at]))
    m = s10.reference()
    return {
        s10.log_integrand_at_minus_1: log_integrand(-1),
        s10.log_integral: np.log(quad(lambda u: np.exp(log_integrand(u)), -np.inf, np.inf)[0]),
        s10.first_step: theta * (y - expit(eta)).sum() / (1 + theta**2 * w.sum()),
        s10.u_mode: mode,
        s10.b_mode: theta * mode,
        s10.curvature_at_mode: A,
        s10.laplace_loglik: -kernel.deviance / 2,
        s10.theta_hat: m.theta[0],
        s10.intercept_hat: m.fixef.iloc[0],
        s10.own_intercept: m.coef["Person"].loc[rows["Person"][0]].iloc[0],
        s10.quadrature_loglik: np.log(area),
        s10.nodes_per_subject: len(np.stack(np.meshgrid(*[range(7)] * 4)).reshape(4, -1).T),
    }


NUMBERS = {"log_integrand_at_minus_1": 10, "log_integral": 9, "first_step": 7, "u_mode": 5, "b_mode": 6, "curvature_at_mode": 8,
           "laplace_loglik": 11, "theta_hat": 7, "intercept_hat": 6, "own_intercept": 7, "quadrature_loglik": 9,
           "nodes_per_subject": 8}
PREDICTIONS = [s10.predicted_steps, s10.predicted_error]


def test_the_deviance_by_hand_is_glmer_s():
    """The mistakes in the outer loop are made with this deviance."""
    m = s10.reference()
    assert s10.deviance([m.theta[0], *m.fixef]) == pytest.approx(-2 * m.loglik, abs=1e-8)


def test_laplace_is_off_in_these_data_and_quadrature_is_not():
    """What the section shows; another seed must show it, too."""
    def error(nodes):
        m = s10.reference(nodes)
        exact = sum(np.log(s10.Integrand(rows["Correct"].to_numpy(), m.fixef.iloc[0] + m.fixef.iloc[1] * rows["x"].to_numpy(),
                                         m.theta[0]).integral())
                    for _, rows in s10.screening().groupby("Person"))
        return m.loglik - exact

    assert abs(error(1)) > 0.5
    assert abs(error(15)) < 1e-3


def test_a_student_s_table_is_a_copy():
    for table in (s10.screening(), s10.one_person()):
        table["Correct"] = 0
    assert s10.one_person()["Correct"].sum() == 1


@pytest.mark.parametrize("question, wrong, said", [(s10.u_mode, 0.6, "at the peak it is 0"), (s10.curvature_at_mode, 0.5, "larger than 1")])
def test_a_property_of_the_right_answer_is_checked_at_once(question, wrong, said):
    assert said in question().comment(wrong)
    assert said in question().judge(wrong, right_answers()[question]).message


def test_comparison_is_judged_with_a_reason():
    assert s10.comparison().judge("no", "no").share == 1
    verdict = s10.comparison().judge("yes", "no")
    assert verdict.share == 0 and "same nAGQ" in verdict.message
    assert "graded when you submit" in s10.comparison().comment("yes")
