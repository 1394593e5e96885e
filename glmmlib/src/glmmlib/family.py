"""Response distributions and links: elementwise, stable at any linear predictor.

A binomial link is a distribution function F; it gives log F and its first three derivatives
(and log(1 - F) and its own, where F is not symmetric). Everything else follows from them: with
guess rate g and lapse rate l the success probability is p = g + (1 - g - l) F(eta), and with
r = (1 - g - l) F / p

    (log p)' = r (log F)',    (log p)'' = r (log F)'' + r (1 - r) (log F)'^2,    and so on,

which is exact and free of overflow wherever log F is. To add a link write a subclass of
`BinomialLink`; to add a distribution, a subclass of `Family`. The tests find both by themselves.
Those that the compiled kernel knows carry a `code`; others run on the NumPy kernel.
"""

from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import (
    betainc, digamma, erfcx, expit, gammainc, gammaincc, gammaln, log_ndtr, logit, ndtr, ndtri, xlog1py, xlogy)

from .arguments import is_number, shown
from .errors import DataError

LARGEST = 100.0  # exp(eta) is taken of no more than this: its square and cube are still numbers


class RowTerms(NamedTuple):
    """What the likelihood of each row contributes at eta: arrays (N,).

    logp : log-likelihood, up to what does not depend on eta; d1 : its derivative in eta.
    fisher, observed : expected and actual minus second derivative.
    d_fisher, d_observed : their derivatives in eta.
    """

    logp: np.ndarray
    d1: np.ndarray
    fisher: np.ndarray
    observed: np.ndarray
    d_fisher: np.ndarray
    d_observed: np.ndarray


# --- links of binomial responses -----------------------------------------------------------

class BinomialLink:
    """A distribution function F and its inverse; `log_cdf` must be stable at eta = +-1e30."""

    name: ClassVar[str]
    code: ClassVar[int | None] = None

    def inverse(self, eta):
        """F(eta)."""
        raise NotImplementedError

    def link(self, mu):
        """The eta at which F is mu."""
        raise NotImplementedError

    def log_cdf(self, eta):
        """log F(eta) and its first three derivatives."""
        raise NotImplementedError

    def log_sf(self, eta):
        """log(1 - F(eta)) and its first three derivatives; by symmetry unless overridden."""
        value, d1, d2, d3 = self.log_cdf(-eta)
        return value, -d1, d2, -d3


class Logit(BinomialLink):
    """g(mu) = log(mu / (1 - mu)): the logistic distribution function."""

    name, code = "logit", 0
    inverse, link = staticmethod(expit), staticmethod(logit)

    def log_cdf(self, eta):
        e = np.exp(-np.abs(eta))
        F, S = np.where(eta >= 0, 1, e) / (1 + e), np.where(eta >= 0, e, 1) / (1 + e)
        return np.minimum(eta, 0) - np.log1p(e), S, -F * S, F * S * (F - S)


class Probit(BinomialLink):
    """g(mu) = the standard normal quantile."""

    name, code = "probit", 1
    inverse, link = staticmethod(ndtr), staticmethod(ndtri)

    def log_cdf(self, eta):
        mills = np.sqrt(2 / np.pi) / erfcx(-eta / np.sqrt(2))  # phi / Phi
        tail = eta < -1e4  # there eta + mills would be lost to rounding
        gap = np.where(tail, -1 / np.where(tail, eta, -1), eta + mills)
        d3 = np.where(tail, 0, mills * (gap**2 - 1 + mills * gap))
        return log_ndtr(eta), mills, np.where(tail, -1.0, -mills * gap), d3


class Cauchit(BinomialLink):
    """g(mu) = tan(pi (mu - 1/2)): the Cauchy distribution function."""

    name, code = "cauchit", 3

    def inverse(self, eta):
        return np.arctan2(1, -np.asarray(eta, dtype=float)) / np.pi

    def link(self, mu):
        return np.tan(np.pi * (mu - 0.5))

    def log_cdf(self, eta):
        F, squared = self.inverse(eta), 1 + eta**2
        slope, d_slope = -2 * eta / squared, 2 * (eta**2 - 1) / squared**2  # of log f
        d1 = 1 / (np.pi * squared * F)
        d2 = d1 * (slope - d1)
        return np.log(F), d1, d2, d2 * (slope - d1) + d1 * (d_slope - d2)


class CLogLog(BinomialLink):
    """g(mu) = log(-log(1 - mu)): the chance of at least one event of a Poisson process."""

    name, code = "cloglog", 2

    def inverse(self, eta):
        return -np.expm1(-np.exp(np.minimum(eta, LARGEST)))

    def link(self, mu):
        return np.log(-np.log1p(-np.asarray(mu, dtype=float)))

    def log_cdf(self, eta):
        t = np.exp(np.minimum(eta, LARGEST))
        small, large = t < 1e-14, t > 700
        middle = np.where(small | large, 1.0, t)
        d1 = np.where(small, 1, np.where(large, 0, middle / np.expm1(middle)))
        rise = np.where(small, 0, np.where(large, 0, 1 - t - d1))
        value = np.where(small, eta, np.log(-np.expm1(-np.where(small, 1.0, t))))
        return value, d1, d1 * rise, d1 * (rise**2 - np.where(large, 0, t) - d1 * rise)

    def log_sf(self, eta):
        t = -np.exp(np.minimum(eta, LARGEST))
        return t, t, t, t


# --- distributions -------------------------------------------------------------------------

class Family:
    """A distribution with its link.

    Rows carry the sufficient statistics y (sum of weights times responses) and n (sum of
    weights), so that rows with the same eta can be merged. With a dispersion phi both are
    divided by it before `terms` sees them, and `constant` adds what does not depend on eta.

    free : names of the parameters estimated beside (theta, beta), on an unbounded scale.
    """

    name: ClassVar[str]
    code: ClassVar[int | None] = None
    canonical: ClassVar[bool] = False
    dispersed: ClassVar[bool] = False
    free: tuple[str, ...] = ()

    @property
    def label(self):
        """For printouts: "binomial (logit)"."""
        return f"{self.name} ({self.link_name})"

    @property
    def parameters(self):
        """(2,) numbers that the compiled kernel needs beside the code."""
        return 0.0, 0.0

    def with_free(self, values):
        """The same family with its free parameters set, from their unbounded scale."""
        return self

    def free_start(self):
        """Where to start the free parameters, on their unbounded scale."""
        return np.empty(0)

    def check_response(self, y, weights, name):
        """Raise DataError unless y (N,) can come from this distribution."""

    def inverse(self, eta):
        """The mean at eta."""
        raise NotImplementedError

    def link(self, mu):
        """The eta at which the mean is mu."""
        raise NotImplementedError

    def slope(self, eta):
        """Derivative of the mean in eta."""
        raise NotImplementedError

    def variance(self, mu):
        """Variance function: the variance of a response with weight and dispersion 1."""
        raise NotImplementedError

    def terms(self, y, n, eta) -> RowTerms:
        raise NotImplementedError

    def start(self, y, n):
        """Means (rows,) from which fitting without random effects starts."""
        raise NotImplementedError

    def constant(self, y, weights, dispersion=1.0):
        """Log-likelihood of the rows (N,) that `terms` leaves out, and its derivative in log(dispersion)."""
        return 0.0, 0.0

    def unit_deviance(self, y, mu):
        """Deviance (N,) of responses with weight 1."""
        raise NotImplementedError

    def simulate(self, mu, weights, dispersion, rng):
        """Responses (N,) with means mu (N,)."""
        raise NotImplementedError

    def tails(self, y, mu, weights, dispersion):
        """P(Y < y), P(Y = y) and P(Y > y), (N,) each, of responses with means mu."""
        raise NotImplementedError

    def __repr__(self):
        return f"<{self.label}>"


class Binomial(Family):
    """Successes in n trials, the response being their proportion (0 or 1 for single trials).

    link : "logit", "probit", "cloglog", "cauchit", or a BinomialLink.
    guess : the known probability of success by guessing, such as 1 / alternatives.
    lapse : the known probability of failure whatever the stimulus, or "estimate" to estimate it
        as a constant.

    Raises DataError for rates that leave no room for the curve.

    Examples
    --------
    >>> import glmmlib as gl
    >>> four_choices = gl.Binomial("logit", guess=0.25, lapse=0.02)
    >>> four_choices
    <binomial (logit, guess 0.25, lapse 0.02)>
    >>> float(four_choices.inverse(0.0))
    0.615
    """

    name = "binomial"

    def __init__(self, link="logit", guess=0.0, lapse=0.0):
        self.binomial_link = _binomial_link(link)
        self.free = ("lapse",) if isinstance(lapse, str) and lapse == "estimate" else ()
        self.guess, self.lapse = guess, 0.01 if self.free else lapse
        for rate, value in (("guess", guess), ("lapse", self.lapse)):
            if not is_number(value) or not 0 <= value < 1:
                raise DataError(f"{rate} must be a probability below 1, not {shown(value)}"
                                + (' (or lapse="estimate").' if rate == "lapse" else "."))
        if guess + self.lapse >= 1:
            raise DataError(f"guess={guess:g} and lapse={lapse:g} leave no room for the curve between "
                            "them: their sum must be below 1.")

    @property
    def link_name(self):
        rates = [f"guess {self.guess:g}"] * (self.guess > 0) + [f"lapse {self.lapse:.3g}"] * (self.lapse > 0)
        return ", ".join([self.binomial_link.name, *rates])

    @property
    def plain(self):
        """True without guess and lapse rate."""
        return self.guess == 0 and self.lapse == 0 and not self.free

    @property
    def canonical(self):
        return self.plain and isinstance(self.binomial_link, Logit)

    @property
    def code(self):
        return self.binomial_link.code

    @property
    def parameters(self):
        return self.guess, self.lapse

    def with_free(self, values):
        if not self.free:
            return self
        share = min(float(expit(values[0])), 1 - 1e-9)  # of the room: some must be left for the curve
        family = Binomial(self.binomial_link, self.guess, share * (1 - self.guess))
        family.free = self.free
        return family

    def free_start(self):
        return np.array([logit(self.lapse / (1 - self.guess))] if self.free else [])

    def check_response(self, y, weights, name):
        wrong = y[~((y >= 0) & (y <= 1))]
        if not wrong.size and np.all(weights == 1):
            wrong = y[(y > 0) & (y < 1)]
        if wrong.size:
            raise DataError(
                f"The response '{name}' must be 0 or 1 (or False/True) for family='binomial', "
                f"but it holds {', '.join(f'{value:g}' for value in np.unique(wrong)[:3])}: recode it, "
                "or give proportions with weights= (the numbers of trials), or cbind(successes, failures).")
        used = y[weights > 0]
        if used.size and np.all(used == used[0]) and used[0] in (0, 1):
            raise DataError(
                f"The response '{name}' is {used[0]:g} in all {len(used)} rows, so there is nothing "
                "to explain: check how it was coded.")

    def inverse(self, eta):
        return self.guess + (1 - self.guess - self.lapse) * self.binomial_link.inverse(eta)

    def link(self, mu):
        return self.binomial_link.link((mu - self.guess) / (1 - self.guess - self.lapse))

    def slope(self, eta):
        d1 = self.binomial_link.log_cdf(np.asarray(eta, dtype=float))[1]
        return (1 - self.guess - self.lapse) * d1 * self.binomial_link.inverse(eta)

    def variance(self, mu):
        return mu * (1 - mu)

    def terms(self, y, n, eta):
        room = 1 - self.guess - self.lapse
        log_p, p1, p2, p3 = _mixed(self.binomial_link.log_cdf(eta), room, self.guess)
        log_q, q1, q2, q3 = _mixed(self.binomial_link.log_sf(eta), room, self.lapse)
        m = n - y
        # A side without observations must not turn infinity times zero into NaN.
        logp = np.where(y > 0, y * log_p, 0) + np.where(m > 0, m * log_q, 0)
        return RowTerms(
            logp, y * p1 + m * q1, -n * p1 * q1, -(y * p2 + m * q2),
            -n * (p2 * q1 + p1 * q2), -(y * p3 + m * q3))

    def start(self, y, n):
        proportion = (y + 0.5) / (n + 1)
        low, high = self.guess, 1 - self.lapse
        margin = 0.02 * (high - low)
        return np.clip(proportion, low + margin, high - margin)

    def constant(self, y, weights, dispersion=1.0):
        several = (weights != 1) | (y != 0) & (y != 1)  # a single trial has a single order
        n, successes = weights[several], (y * weights)[several]
        return float(np.sum(gammaln(n + 1) - gammaln(successes + 1) - gammaln(n - successes + 1))), 0.0

    def unit_deviance(self, y, mu):
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * (np.where(y > 0, y * np.log(y / mu), 0)
                        + np.where(y < 1, (1 - y) * np.log((1 - y) / (1 - mu)), 0))

    def simulate(self, mu, weights, dispersion, rng):
        trials = np.round(weights).astype(np.int64)
        return rng.binomial(trials, np.clip(mu, 0, 1)) / np.maximum(trials, 1)

    def tails(self, y, mu, weights, dispersion):
        n, k = np.round(weights), np.round(y * weights)
        # Incomplete beta functions; the bounds only feed what is not used.
        below = np.where(k > 0, betainc(n - k + 1, np.maximum(k, 1), 1 - mu), 0.0)
        above = np.where(k < n, betainc(k + 1, np.maximum(n - k, 1), mu), 0.0)
        ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return below, np.exp(ways + xlogy(k, mu) + xlog1py(n - k, -mu)), above


def _mixed(log_side, room, floor):
    """log(floor + room * exp(log_side)) and its derivatives, from those of log_side."""
    value, d1, d2, d3 = log_side
    if floor == 0:
        return value + np.log(room), d1, d2, d3
    value, floor = value + np.log(room), np.log(floor)
    r = expit(value - floor)
    s = r * expit(floor - value)
    return (np.logaddexp(floor, value), r * d1, r * d2 + s * d1**2,
            r * d3 + 3 * s * d1 * d2 + s * (1 - 2 * r) * d1**3)


def _binomial_link(link):
    if isinstance(link, BinomialLink):
        return link
    links = {kind.name: kind for kind in BinomialLink.__subclasses__()}
    if not isinstance(link, str) or link not in links:
        raise DataError(f"There is no binomial link {shown(link)}; choose one of: {', '.join(map(repr, links))}.")
    return links[link]()


class _LogLink(Family):
    """What families with the log link share."""

    link_name = "log"

    def inverse(self, eta):
        return np.exp(np.minimum(eta, LARGEST))

    def slope(self, eta):
        return self.inverse(eta)

    def link(self, mu):
        return np.log(mu)


class Poisson(_LogLink):
    """Counts, with the log link.

    Examples
    --------
    >>> import glmmlib as gl
    >>> float(gl.Poisson().inverse(0.0))
    1.0
    """

    name, code, canonical = "poisson", 10, True

    def check_response(self, y, weights, name):
        wrong = y[(y < 0) | (y != np.round(y))]
        if wrong.size:
            raise DataError(
                f"The response '{name}' must be counts (0, 1, 2, ...) for family='poisson', but it holds "
                f"{', '.join(f'{value:g}' for value in wrong[:3])}: for rates use counts with "
                "offset(log(exposure)).")
        if np.any(y > 2**53):
            raise DataError(
                f"The response '{name}' holds counts as large as {y.max():.3g}, which numbers cannot hold exactly: "
                "look for an overflow in the data.")
        if not np.any(y):
            raise DataError(f"The response '{name}' is 0 in all {len(y)} rows, so there is nothing to explain.")

    def variance(self, mu):
        return mu

    def terms(self, y, n, eta):
        mean = n * self.inverse(eta)
        return RowTerms(y * eta - mean, y - mean, mean, mean, mean, mean)

    def start(self, y, n):
        return (y + 0.1) / n

    def constant(self, y, weights, dispersion=1.0):
        return -float(weights @ gammaln(y + 1)), 0.0

    def unit_deviance(self, y, mu):
        return 2 * (np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / mu), 0) - (y - mu))

    def simulate(self, mu, weights, dispersion, rng):
        return rng.poisson(mu).astype(float)

    def tails(self, y, mu, weights, dispersion):
        below = np.where(y > 0, gammaincc(np.maximum(y, 1), mu), 0.0)
        return below, np.exp(xlogy(y, mu) - mu - gammaln(y + 1)), gammainc(y + 1, mu)


class Gamma(_LogLink):
    """Positive, right-skewed responses with variance dispersion * mean^2, with the log link.

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Gamma()
    <gamma (log)>
    """

    name, code, dispersed = "gamma", 11, True

    def check_response(self, y, weights, name):
        if np.any(y <= 0):
            raise DataError(
                f"The response '{name}' must be positive for family='gamma', but {np.sum(y <= 0)} rows are "
                "not: a gamma response has no zeros; check the data or choose another family.")
        _require_differences(y, weights, name)

    def variance(self, mu):
        return mu**2

    def terms(self, y, n, eta):
        ratio = y * np.exp(np.minimum(-eta, LARGEST))
        return RowTerms(-ratio - n * eta, ratio - n, n, ratio, np.zeros_like(n), -ratio)

    def start(self, y, n):
        return y / n

    def constant(self, y, weights, dispersion=1.0):
        used = weights > 0
        y, shape = y[used], weights[used] / dispersion
        return (float(np.sum(shape * np.log(shape * y) - np.log(y) - gammaln(shape))),
                -float(np.sum(shape * (np.log(shape * y) + 1 - digamma(shape)))))

    def unit_deviance(self, y, mu):
        return 2 * (y / mu - 1 - np.log(y / mu))

    def simulate(self, mu, weights, dispersion, rng):
        shape = weights / dispersion
        return rng.gamma(shape, mu / shape)

    def tails(self, y, mu, weights, dispersion):
        shape = weights / dispersion
        return gammainc(shape, shape * y / mu), np.zeros(len(y)), gammaincc(shape, shape * y / mu)


class Gaussian(Family):
    """Responses with normal errors and the identity link: a linear mixed model.

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Gaussian()
    <gaussian (identity)>
    """

    name, link_name, code, canonical, dispersed = "gaussian", "identity", 12, True, True

    def check_response(self, y, weights, name):
        _require_differences(y, weights, name)

    def inverse(self, eta):
        return eta

    def link(self, mu):
        return mu

    def slope(self, eta):
        return np.ones_like(eta)

    def variance(self, mu):
        return np.ones_like(mu)

    def terms(self, y, n, eta):
        d1 = y - n * eta
        zero = np.zeros_like(n)
        return RowTerms(-d1**2 / (2 * n), d1, n, n, zero, zero)

    def start(self, y, n):
        return y / n

    def constant(self, y, weights, dispersion=1.0):
        used = weights > 0
        return (-0.5 * float(np.sum(np.log(2 * np.pi * dispersion / weights[used]))), -0.5 * int(used.sum()))

    def unit_deviance(self, y, mu):
        return (y - mu) ** 2

    def simulate(self, mu, weights, dispersion, rng):
        return rng.normal(mu, np.sqrt(dispersion / weights))

    def tails(self, y, mu, weights, dispersion):
        z = (y - mu) / np.sqrt(dispersion / weights)
        return ndtr(z), np.zeros(len(y)), ndtr(-z)


def _require_differences(y, weights, name):
    used = y[weights > 0]
    if used.size and np.ptp(used) == 0:
        raise DataError(f"The response '{name}' is {used[0]:g} in all {len(used)} rows, so there is nothing to explain.")


FAMILIES = {kind.name: kind for kind in (Binomial, Poisson, Gamma, Gaussian)}


def get_family(family):
    """The family itself, or the one that a name stands for; DataError when there is none."""
    if isinstance(family, Family):
        return family
    try:
        return FAMILIES[family.lower()]()
    except (KeyError, AttributeError):
        raise DataError(
            f"There is no family {shown(family)}; choose one of: {', '.join(map(repr, FAMILIES))}.") from None
