"""The catalogue of section 10: its questions and every mistake they know."""

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
