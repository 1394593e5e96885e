"""The questions of section 10: the likelihood of a GLMM by hand.

Each function returns a question together with the mistakes that are known for it. Their values
are computed from the data at hand, so that another seed needs no change here. The expected values
that marks are given for are computed in the notebook's hidden tests; here, what is right is only
used to leave out a mistake that happens to lead to the right number.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.polynomial.hermite import hermgauss
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

import glmmlib as gl

from ..checks import Choice, Mistake, Prediction
from ..cohort import cache
from .common import count, number

SEED, PEOPLE, TRIALS = 10, 60, 5
BETA, THETA = (1.0, 1.5), 3.0       # intercept and slope, and SD of the intercepts (log-odds)
FORMULA = "Correct ~ 1 + x + (1 | Person)"
NODES = 5

# --- the data, and the same mathematics once more -------------------------------------------------

@cache
def _screening():
    rng = np.random.default_rng(SEED)
    person = np.repeat(np.arange(1, PEOPLE + 1), TRIALS)
    x = np.tile(np.linspace(-1, 1, TRIALS), PEOPLE)
    eta = BETA[0] + BETA[1] * x + THETA * rng.normal(size=PEOPLE)[person - 1]
    correct = (rng.random(len(x)) < expit(eta)).astype(int)
    return pd.DataFrame({"Person": person.astype(str), "x": x, "Correct": correct})


def screening():
    """The section's data: 60 simulated people with 5 trials each. Columns Person, x (size, coded
    from -1 to 1) and Correct (0 or 1)."""
    return _screening().copy()


def one_person():
    """The rows of the first person who got just one trial right."""
    data = screening()
    return data[data["Person"] == _person()].reset_index(drop=True)


def _person():
    right = _screening().groupby("Person", sort=False)["Correct"].sum()
    return right.index[right == 1][0]


def _farthest(theta):
    """The longest step in u: with at most 1 in log-odds Newton's method cannot run away."""
    return 1 / max(abs(theta), 0.1)


@dataclass(frozen=True)
class Integrand:
    """p(y | u) phi(u) of one person with a random intercept theta u."""

    y: np.ndarray           # (n,) 0 or 1
    eta_fixed: np.ndarray   # (n,)
    theta: float

    def p(self, u):
        return expit(self.eta_fixed + self.theta * u)

    def logp(self, u):
        """log p(y | u)"""
        eta = self.eta_fixed + self.theta * u
        return float(np.sum(self.y * eta - np.logaddexp(0, eta)))

    def log(self, u):
        """log p(y | u) + log phi(u)"""
        return self.logp(u) - u**2 / 2 - np.log(2 * np.pi) / 2

    def step(self, u, prior=1):
        """Newton's step from u; prior=0 leaves the prior out."""
        return (self.theta * np.sum(self.y - self.p(u)) - prior * u) / self.curvature(u, prior)

    def curvature(self, u, prior=1):
        p = self.p(u)
        return prior + self.theta**2 * np.sum(p * (1 - p))

    def mode(self, prior=1):
        """Where p(y | u) phi(u) is largest; p(y | u) alone with prior=0."""
        u, farthest = 0.0, _farthest(self.theta)
        for _ in range(100):
            u += float(np.clip(self.step(u, prior), -farthest, farthest))
        return u

    def laplace(self):
        u = self.mode()
        return self.logp(u) - u**2 / 2 - np.log(self.curvature(u)) / 2

    def integral(self, prior=True, low=-12, high=12):
        def integrand(u):
            return np.exp(self.log(u) if prior else self.logp(u))

        return quad(integrand, low, high, points=[self.mode()], epsabs=1e-13, epsrel=1e-11, limit=200)[0]

    def quadrature(self, nodes, centre=None, scale=None):
        """log of the integral by Gauss and Hermite's rule, at centre + scale z."""
        z, w = hermegauss(nodes)
        centre = self.mode() if centre is None else centre
        scale = self.curvature(centre) ** -0.5 if scale is None else scale
        u = centre + scale * z
        return np.log(scale) + logsumexp(
            np.log(w / np.sqrt(2 * np.pi)) + z**2 / 2 + [self.logp(at) - at**2 / 2 for at in u])


def integrand(beta=BETA, theta=THETA):
    """The Integrand of the section's one person."""
    rows = one_person()
    return Integrand(rows["Correct"].to_numpy(), beta[0] + beta[1] * rows["x"].to_numpy(), theta)


@cache
def reference(nAGQ=1):
    """The section's model, fitted afresh: a student's own variables play no part in it."""
    return gl.glmer(FORMULA, screening(), nAGQ=nAGQ)


# --- the integrand and its integral ---------------------------------------------------------------

def log_integrand_at_minus_1():
    f = integrand()
    constant = np.log(2 * np.pi) / 2
    right = f.log(-1)
    return number("log_integrand_at_minus_1", "log units", right, decimals=3, mistakes=[
        Mistake(f.logp(-1), "this is log p(y | u) alone: the prior of u, with its u²/2, is missing."),
        Mistake(f.logp(-1) - 0.5, "the constant of the normal density is missing: log φ(u) = −u²/2 − ½ log(2π).", share=0.5),
        Mistake(f.logp(-1) - constant, "the prior's u²/2 is missing: log φ(u) = −u²/2 − ½ log(2π)."),
        Mistake(f.logp(-1) + 0.5 - constant, "the prior's u²/2 has the wrong sign: it takes away from the logarithm."),
        Mistake(f.logp(-1) - 1 - constant, "you took away u², not u²/2."),
        Mistake(Integrand(f.y, f.eta_fixed, 1.0).log(-1),
                "you added u itself to the linear predictor: the person's deviation is b = θu."),
        Mistake(Integrand(f.y, f.eta_fixed, THETA**2).log(-1),
                "you added θ²u to the linear predictor: θ is a standard deviation, and b = θu."),
        Mistake(Integrand(f.y, np.zeros(TRIALS), THETA).log(-1), "the fixed part β₀ + β₁x is missing in the linear predictor."),
        Mistake(float(np.sum(np.log(f.p(-1)))) - 0.5 - constant,
                "you took log p for every trial; a trial that went wrong counts with log(1 − p)."),
        Mistake(f.log(1), "this is for u = 1; it is asked for at u = −1."),
        Mistake(np.exp(right), "this is the integrand itself; its logarithm is asked for."),
    ])


def log_integral():
    f = integrand()
    right = np.log(f.integral())
    return number("log_integral", "log units", right, decimals=3, mistakes=[
        Mistake(f.integral(), "this is the likelihood itself; its logarithm is asked for."),
        Mistake(-2 * right, "this is the deviance, −2 times what is asked for."),
        Mistake(right + np.log(2 * np.pi) / 2, "√(2π) is missing: φ is the standard normal density.", share=0.5),
        Mistake(np.log(f.integral(prior=False)),
                "you integrated p(y | u) alone: each u counts as much as its prior density φ(u) says."),
        Mistake(f.logp(0), "this is the likelihood of a person with u = 0; all u must be averaged over."),
        Mistake(f.log(f.mode()), "this is the height of the integrand's peak; the area is asked for."),
        Mistake(f.logp(f.mode()), "this is the likelihood at one value of u, the mode; all u must be averaged over."),
        Mistake(np.log(f.integral(low=0)), "you integrated from 0 on; u can be negative, too."),
        Mistake(np.log(f.integral(low=-1, high=1)), "you integrated from −1 to 1 only: go far into both tails."),
        Mistake(np.log(Integrand(f.y, f.eta_fixed, 1.0).integral()), "θ is missing: the person's deviation is b = θu."),
    ])


# --- the mode -------------------------------------------------------------------------------------

def predicted_steps():
    return Prediction("predicted_steps", ["fewer than 10", "10 to 100", "more than 100"])


def first_step():
    f = integrand()
    right = f.step(0.0)
    gradient = THETA * np.sum(f.y - f.p(0))
    return number("first_step", "units of u", right, decimals=3, mistakes=[
        Mistake(gradient, "this is the gradient; Newton's step is the gradient divided by the curvature."),
        Mistake(gradient / (f.curvature(0) - 1), "the prior's 1 is missing in the curvature."),
        Mistake(gradient / (1 + (f.curvature(0) - 1) / THETA**2), "θ² is missing in the curvature: each derivative brings a θ."),
        Mistake(gradient / (1 + (f.curvature(0) - 1) / THETA), "the curvature has θ squared: each of two derivatives brings a θ."),
        Mistake(gradient / THETA / f.curvature(0), "θ is missing in the gradient: dη/du = θ."),
        Mistake(-right, "this step goes downhill: mind the sign of the second derivative, which is −A."),
        Mistake(THETA * right, "this is the step on the scale of b = θu; the step in u is asked for."),
        Mistake(f.mode(), "this is the mode, where many steps lead; the first step from 0 is asked for."),
    ])


def u_mode():
    f = integrand()
    right = f.mode()

    def objection(u):
        slope = f.step(u) * f.curvature(u)
        if abs(slope) < 0.02:
            return None
        return f"there the derivative of the log-integrand, g(u), is {slope:.2g}; at the peak it is 0."

    return number("u_mode", "units of u", right, decimals=3, objection=objection, mistakes=[
        Mistake(f.mode(prior=0),
                "this is the mode of the likelihood p(y | u), without the prior: the gradient has −u, and the curvature 1."),
        Mistake(f.step(0.0), "this is the first step; take steps until they are tiny."),
        Mistake(f.step(0.0) + f.step(f.step(0.0)), "these are two steps; take steps until they are tiny."),
        Mistake(THETA * right, "this is b = θu; the mode of u is asked for."),
        Mistake(right / THETA, "you divided by θ; the mode of u itself is asked for."),
        Mistake(Integrand(f.y, f.eta_fixed, 1.0).mode(), "θ is missing: the linear predictor has θu."),
    ])


def b_mode():
    f = integrand()
    right = THETA * f.mode()
    return number("b_mode", "log-odds", right, decimals=2, mistakes=[
        Mistake(f.mode(), "this is u, in standard deviations; the deviation in log-odds is b = θu."),
        Mistake(THETA**2 * f.mode(), "you multiplied by the variance θ²: b = θu."),
        Mistake(f.mode() / THETA, "you divided by θ: b = θu."),
        Mistake(BETA[0] + right, "this is the person's own intercept; the deviation from the population's is asked for."),
        Mistake(THETA * f.mode(prior=0), "this comes from the mode of the likelihood alone, without the prior."),
        Mistake(-right, "the sign is the wrong one: this person does better than the typical one."
                if right > 0 else "the sign is the wrong one: this person does worse than the typical one."),
    ])


# --- Laplace --------------------------------------------------------------------------------------

def curvature_at_mode():
    f = integrand()
    u = f.mode()
    right = f.curvature(u)

    def objection(A):
        return "A is the sum of the prior's 1 and something positive: it is larger than 1." if A <= 1 else None

    return number("curvature_at_mode", "1 / (units of u)²", right, decimals=3, objection=objection, mistakes=[
        Mistake(right - 1, "the prior's 1 is missing: −u²/2 has a curvature, too."),
        Mistake(1 + (right - 1) / THETA**2, "θ² is missing: each of two derivatives of η = … + θu brings a θ."),
        Mistake(1 + (right - 1) / THETA, "θ must be squared: each of two derivatives brings a θ."),
        Mistake(-right, "this is the second derivative, negative at a peak; A is its negative."),
        Mistake(f.curvature(0), "this is the curvature at u = 0; it is asked for at the mode."),
        Mistake(f.curvature(f.mode(prior=0)), "this is the curvature at the mode of the likelihood; the prior belongs to the mode."),
        Mistake(1 / right, "this is 1/A, the conditional variance of u."),
        Mistake(right**-0.5, "this is 1/√A, the conditional standard deviation of u."),
        Mistake(1 + THETA**2 * np.sum(f.p(u)), "the weight of a trial is p(1 − p), not p."),
    ])


def laplace_loglik():
    f = integrand()
    u, right = f.mode(), f.laplace()
    half_log, constant = np.log(f.curvature(u)) / 2, np.log(2 * np.pi) / 2
    alone = f.mode(prior=0)
    return number("laplace_loglik", "log units", right, decimals=3, mistakes=[
        Mistake(right + u**2 / 2, "û²/2 is missing: the height of the peak contains the prior."),
        Mistake(right + half_log, "the log-determinant, ½ log A, is missing: this is a height and not yet an area."),
        Mistake(right + 2 * half_log, "½ log A has the wrong sign: a sharper peak has a smaller area."),
        Mistake(right - half_log, "½ log A is asked for, not log A."),
        Mistake(right - constant, "½ log(2π) is still in: that of φ and that of the bell's area cancel.", share=0.5),
        Mistake(right + constant, "½ log(2π) of the bell's area is in, but that of φ is not: they cancel.", share=0.5),
        Mistake(f.logp(u) - u**2 / 2 - np.log(f.curvature(u) - 1) / 2, "the prior's 1 is missing in the curvature."),
        Mistake(f.logp(u) - u**2 / 2 - np.log(1 + (f.curvature(u) - 1) / THETA**2) / 2, "θ² is missing in the curvature."),
        Mistake(f.logp(alone) - alone**2 / 2 - np.log(f.curvature(alone)) / 2,
                "this is taken at the mode of the likelihood; the bell must sit on the peak of the product with the prior."),
        Mistake(f.logp(u), "this is log p(y | û) alone: −û²/2 and −½ log A are missing."),
        Mistake(np.log(f.integral()), "this is the exact integral; its Laplace approximation is asked for."),
        Mistake(-2 * right, "this is the deviance, −2 times what is asked for."),
        Mistake(np.exp(right), "this is the likelihood; its logarithm is asked for."),
    ])


def predicted_error():
    return Prediction("predicted_error", ["too low", "about right", "too high"])


# --- everybody together ---------------------------------------------------------------------------

def deviance(phi, log_determinant=1.0):
    """-2 log-likelihood by Laplace at phi = (theta, intercept, slope), times log_determinant log A."""
    theta, beta, data = phi[0], np.asarray(phi[1:]), _screening()
    y, x = (data[name].to_numpy().reshape(PEOPLE, TRIALS) for name in ("Correct", "x"))
    eta_fixed, u, farthest = beta[0] + beta[1] * x, np.zeros((PEOPLE, 1)), _farthest(theta)
    for _ in range(100):
        p = expit(eta_fixed + theta * u)
        A = 1 + theta**2 * np.sum(p * (1 - p), axis=1, keepdims=True)
        u = u + np.clip((theta * np.sum(y - p, axis=1, keepdims=True) - u) / A, -farthest, farthest)
    eta = eta_fixed + theta * u
    return float(np.sum(2 * np.logaddexp(0, eta) - 2 * y * eta) + np.sum(u**2) + log_determinant * np.sum(np.log(A)))


@cache
def _half_determinant():
    """(theta, intercept, slope) of who counts log A half in the deviance."""
    return tuple(minimize(deviance, [1.0, 0.0, 1.0], args=(0.5,), method="Nelder-Mead",
                          options={"xatol": 1e-4, "fatol": 1e-6}).x)


@cache
def _pooled():
    """(intercept, slope) of the GLM that knows no people."""
    data = _screening()
    y, x = data["Correct"].to_numpy(), data["x"].to_numpy()
    return tuple(minimize(lambda b: np.sum(np.logaddexp(0, b[0] + b[1] * x) - y * (b[0] + b[1] * x)), [0.0, 1.0]).x)


def theta_hat():
    m = reference()
    right = m.theta[0]
    return number("theta_hat", "log-odds", right, decimals=2, mistakes=[
        Mistake(right**2, "this is the variance θ²; the standard deviation θ is asked for."),
        Mistake(-right, "−θ fits as well as θ, for u is symmetric about 0; a standard deviation is the positive one.", share=0.5),
        Mistake(m.ranef["Person"].iloc[:, 0].std(),
                "this is the SD of the conditional modes; they are drawn towards 0 and scatter less than the people do."),
        Mistake(_half_determinant()[0], "log A is counted half: in the deviance, −2 times −½ log A is log A."),
        Mistake(reference(nAGQ=9).theta[0], "this is the estimate by quadrature; minimise the Laplace deviance."),
        Mistake(THETA, "this is the value that the data were simulated with; the estimate is asked for."),
        Mistake(m.fixef.iloc[0], "this is the intercept: phi has θ first."),
        Mistake(m.fixef.iloc[1], "this is the slope: phi has θ first."),
    ])


def intercept_hat():
    m = reference()
    right = m.fixef.iloc[0]
    return number("intercept_hat", "log-odds", right, decimals=2, mistakes=[
        Mistake(_pooled()[0], "this is the intercept of a GLM without people (θ = 0): minimise over θ, too."),
        Mistake(m.fixef.iloc[1], "this is the slope: the intercept stands before it."),
        Mistake(m.theta[0], "this is θ: the intercept stands after it."),
        Mistake(_half_determinant()[1], "log A is counted half: in the deviance, −2 times −½ log A is log A."),
        Mistake(reference(nAGQ=9).fixef.iloc[0], "this is the estimate by quadrature; minimise the Laplace deviance."),
        Mistake(BETA[0], "this is the value that the data were simulated with; the estimate is asked for."),
        Mistake(expit(right), "this is a probability; the intercept is in log-odds."),
    ])


def own_intercept():
    m = reference()
    beta, theta = m.fixef.to_numpy(), m.theta[0]
    u = integrand(beta, theta).mode()
    right = beta[0] + theta * u
    return number("own_intercept", "log-odds", right, decimals=2, mistakes=[
        Mistake(beta[0] + u, "u is in standard deviations: make it b = θu before you add it."),
        Mistake(theta * u, "this is the deviation b: add the population's intercept."),
        Mistake(u, "this is u: make it b = θu, and add the population's intercept."),
        Mistake(beta[0], "this is the population's intercept: add the person's deviation."),
        Mistake(beta[0] + theta**2 * u, "you multiplied u by the variance θ²: b = θu."),
        Mistake(beta[0] - theta * u, "you subtracted the deviation: add it."),
        Mistake(BETA[0] + THETA * integrand().mode(),
                "this uses the parameters that were given before, not those that you estimated."),
        Mistake(expit(right), "this is a probability; log-odds are asked for."),
    ])


# --- quadrature -----------------------------------------------------------------------------------

def quadrature_loglik():
    f = integrand()
    u, A = f.mode(), f.curvature(f.mode())
    right = f.quadrature(NODES)
    z, w = hermegauss(NODES)
    at = [f.logp(v) - v**2 / 2 for v in u + z / np.sqrt(A)]
    z_physics, w_physics = hermgauss(NODES)
    at_physics = [f.logp(v) - v**2 / 2 for v in u + z_physics / np.sqrt(A)]
    return number("quadrature_loglik", "log units", right, decimals=4, mistakes=[
        Mistake(f.laplace(), "this is Laplace's approximation, one node; five are asked for."),
        Mistake(np.log(f.integral()), "this is the exact integral; the sum over five nodes is asked for."),
        Mistake(f.quadrature(NODES, centre=0.0, scale=1.0),
                "these nodes sit around 0 with width 1, where the prior is; put them where this person's peak is: û + z/√A."),
        Mistake(f.quadrature(NODES, centre=u, scale=1.0), "the nodes have width 1: divide z by √A."),
        Mistake(f.quadrature(NODES, centre=u, scale=1 / A), "1/A is the variance: the nodes are û + z/√A."),
        Mistake(right + np.log(A) / 2, "the factor 1/√A in front of the sum is missing: the nodes lie closer than z."),
        Mistake(np.log(np.sum(w * np.exp(at))) - np.log(2 * np.pi * A) / 2,
                "exp(z²/2) is missing: the weights already contain the bell, which must be divided out."),
        Mistake(right + np.log(2 * np.pi) / 2, "the weights of hermegauss sum to √(2π): divide them by it.", share=0.5),
        Mistake(np.log(np.sum(w_physics * np.exp(z_physics**2 / 2 + at_physics)) / np.sqrt(np.pi * A)),
                "these are the nodes of hermgauss, for exp(−z²); take hermegauss, for exp(−z²/2)."),
        Mistake(f.quadrature(NODES - 1), "these are four nodes; five are asked for."),
        Mistake(f.quadrature(NODES + 1), "these are six nodes; five are asked for."),
    ])


def nodes_per_subject():
    return count("nodes_per_subject", "nodes", 7**4, [
        Mistake(7, "seven nodes are for one coefficient; four random coefficients make a grid of them."),
        Mistake(4 * 7, "the nodes form a grid: they multiply, they do not add."),
        Mistake(4**7, "it is the other way round: seven places in each of four directions."),
        Mistake(7**3, "the intercept varies, too: count the random coefficients once more."),
        Mistake(7**2, "the intercept and the interaction vary, too: count the random coefficients once more."),
        Mistake(7**4 * 10, "this is for all ten subjects; one subject is asked for."),
        Mistake(7**10, "subjects are integrated one by one; their nodes add and do not multiply."),
        Mistake(7 * 10, "these are seven nodes for ten subjects; the grid in one subject's four coefficients is asked for."),
    ])


def comparison():
    return Choice("comparison", ["yes", "no"], mistakes={
        "yes": "the two log-likelihoods are approximations of different accuracy: part of the difference is the error of "
               "Laplace's. Fit both models with the same nAGQ."})
