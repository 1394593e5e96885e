"""Priors for maximum a posteriori estimates, as R's blme has them (Chung, Rabe-Hesketh, Dorie, Gelman
& Liu 2013): they keep variances off zero and separated fixed effects finite.

A prior adds its -2 log density to the deviance, constants included where the density is proper, so
that the sum is blme's. Covariance priors are on each random term's Sigma = Lambda Lambda' relative to
the dispersion (blme's common.scale; the covariance itself where the family has no dispersion), and
are densities over Sigma, or over the standard deviation: no Jacobian for other parametrisations.
"""

from dataclasses import dataclass, fields
from math import inf, lgamma, log, pi
from typing import ClassVar

import numpy as np

from .errors import DataError

class Prior:
    """A density with numbers to set; prints as "wishart" or "wishart(df=5)"."""

    name: ClassVar[str]

    def __str__(self):
        changed = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) is not f.default]
        return f"{self.name}({', '.join(changed)})" if changed else self.name


# --- of the covariance of a random term ------------------------------------------------------


@dataclass(frozen=True)
class Wishart(Prior):
    """Density proportional to |Sigma|^((df - d - 1) / 2) exp(-tr(scale^-1 Sigma) / 2) for d coefficients.

    df : above d + 1, or the density would not vanish at zero variance; d + 2.5 when omitted.
    scale : number (times the identity), d numbers (diagonal) or matrix (d, d), in the order of the
        random coefficients; infinite: only the determinant counts, the mildest choice.

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Priors(cov=gl.priors.Wishart(df=5)).cov
    Wishart(df=5, scale=inf)
    """

    name = "wishart"
    df: float | None = None
    scale: float | tuple = inf

    def penalty(self, d, group):
        """Function of Lambda (d, d): -2 log density, derivative (d, d)."""
        df = d + 2.5 if self.df is None else self.df
        if not d + 1 < df < inf:
            raise DataError(
                f"The wishart prior for {group} has df={df:g}; with {d} random coefficients df must exceed {d + 1}, "
                "or it would not keep the variances off zero.")
        precision, log_det = np.zeros((d, d)), None
        if np.any(np.isfinite(self.scale)):
            scale = _positive_matrix(self.scale, d, f"The wishart prior for {group}")
            precision, log_det = np.linalg.inv(scale), np.linalg.slogdet(scale)[1]
        constant = 0.0 if log_det is None else df * log_det + _wishart_constant(df, d)

        def value(Lambda):
            determinant, slope = _log_det(Lambda, -(df - d - 1))
            weighted = precision @ Lambda
            return determinant + np.sum(weighted * Lambda) + constant, slope + 2 * weighted
        return value


@dataclass(frozen=True)
class InvWishart(Prior):
    """Density proportional to |Sigma|^-((df + d + 1) / 2) exp(-tr(scale Sigma^-1) / 2) for d coefficients.

    df : above d - 1; d - 0.5 when omitted.
    scale : positive number, d numbers or matrix (d, d); 100 / (df + d + 1) when omitted, which puts
        the prior's mode at standard deviations of 10 / (df + d + 1).

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Priors(cov=gl.priors.InvWishart(df=3, scale=0.5)).cov
    InvWishart(df=3, scale=0.5)
    """

    name = "invwishart"
    df: float | None = None
    scale: float | tuple | None = None

    def penalty(self, d, group):
        """As `Wishart.penalty`."""
        df = d - 0.5 if self.df is None else self.df
        if not d - 1 < df < inf:
            raise DataError(f"The invwishart prior for {group} has df={df:g}; with {d} random coefficients df must "
                            f"exceed {d - 1}.")
        scale = _positive_matrix(100 / (df + d + 1) if self.scale is None else self.scale, d,
                                 f"The invwishart prior for {group}")
        constant = -df * np.linalg.slogdet(scale)[1] + _wishart_constant(df, d)

        def value(Lambda):
            determinant, slope = _log_det(Lambda, df + d + 1)
            inverse = np.linalg.inv(Lambda)
            weighted = inverse @ scale  # tr(scale Sigma^-1) = tr(Lambda^-1 scale Lambda^-T)
            return (determinant + np.sum(weighted * inverse) + constant,
                    slope - 2 * inverse.T @ weighted @ inverse.T)
        return value


@dataclass(frozen=True)
class Gamma(Prior):
    """Density proportional to x^(shape - 1) exp(-rate x), x the standard deviation (on="sd") or the
    variance (on="variance") of a single random coefficient.

    shape : above 1, or the density would not vanish at zero. rate : 0 leaves the exponential out.

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Priors(cov=gl.priors.Gamma(shape=2, rate=0.5)).cov
    Gamma(shape=2, rate=0.5, on='sd')
    """

    name = "gamma"
    shape: float = 2.5
    rate: float = 0.0
    on: str = "sd"

    def penalty(self, d, group):
        """As `Wishart.penalty`."""
        a, rate = self.shape, self.rate
        if d > 1:
            raise DataError(
                f"A gamma prior is for a single random coefficient, and {d} correlated ones vary by {group}: "
                "use 'wishart', or '||' in the formula.")
        if not 1 < a < inf or not 0 <= rate < inf or self.on not in ("sd", "variance"):
            raise DataError(f"{self} is no usable prior: shape must exceed 1, rate must not be negative, and on "
                            "must be 'sd' or 'variance'.")
        power = 1 if self.on == "sd" else 2
        constant = 2 * lgamma(a) - 2 * a * log(rate) if rate else 0.0

        def value(Lambda):
            determinant, slope = _log_det(Lambda, -(a - 1) * power)
            x = np.abs(Lambda) ** power
            return determinant + 2 * rate * x.item() + constant, slope + 2 * rate * power * x / Lambda
        return value


# --- of the fixed effects --------------------------------------------------------------------


@dataclass(frozen=True)
class Normal(Prior):
    """Independent normal densities with mean zero, on the link scale.

    sd : one number for all fixed effects; a pair (intercept, all others); one number each; or
        {name: sd}, which leaves the others without prior.

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Priors(fixef=gl.priors.Normal(sd=2.5)).fixef
    Normal(sd=2.5)
    """

    name = "normal"
    sd: float | tuple | dict = (10.0, 2.5)

    def penalty(self, coefnames):
        """Function of beta (p,) -> -2 log density, derivative (p,); and half its curvature at zero (p,)."""
        sd = by_coefficient(self.sd, coefnames, "sd of the normal prior")
        constant = np.sum(np.log(2 * pi * sd[np.isfinite(sd)] ** 2))
        return lambda beta: (np.sum((beta / sd) ** 2) + constant, 2 * beta / sd**2), 1 / sd**2


@dataclass(frozen=True)
class StudentT(Prior):
    """One multivariate t density around zero with a diagonal scale matrix, on the link scale.

    df : degrees of freedom; scale : as `Normal`'s sd (blme's `scale` holds the squares).

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.Priors(fixef=gl.priors.StudentT(df=1)).fixef
    StudentT(df=1, scale=(10.0, 2.5))
    """

    name = "t"
    df: float = 3.0
    scale: float | tuple | dict = (10.0, 2.5)

    def penalty(self, coefnames):
        """As `Normal.penalty`."""
        if not 0 < self.df < inf:
            raise DataError(f"The t prior's df must be positive, not {self.df:g}.")
        scale, df = by_coefficient(self.scale, coefnames, "scale of the t prior"), self.df
        finite = scale[np.isfinite(scale)]
        d = len(finite)
        constant = (2 * lgamma(df / 2) - 2 * lgamma((df + d) / 2) + d * log(df * pi) + 2 * np.sum(np.log(finite)))

        def value(beta):
            distance = np.sum((beta / scale) ** 2) / df
            return (df + d) * np.log1p(distance) + constant, 2 * (df + d) / (1 + distance) / df * beta / scale**2
        return value, (df + d) / df / scale**2


# --- together --------------------------------------------------------------------------------

COVARIANCE = {kind.name: kind for kind in (Wishart, InvWishart, Gamma)}
FIXED = {kind.name: kind for kind in (Normal, StudentT)}


@dataclass(frozen=True)
class Priors:
    """What `glmer(..., priors=Priors(...))` adds to the likelihood; the defaults are blme's.

    Parameters
    ----------
    cov : for every random term: "wishart", "invwishart", "gamma" or an object of `glmmlib.priors`
        that sets its numbers; {grouping factor: prior} for some only; None for no such prior.
    fixef : "normal", "t", an object of `glmmlib.priors`, or None for no such prior.

    Raises
    ------
    DataError
        For an unknown name; by `glmer`, when a prior does not suit the model.

    Examples
    --------
    The maximal model of the bundled data is singular by maximum likelihood, and not with a prior:

    >>> import glmmlib as gl
    >>> crowding = gl.load_crowding()
    >>> m = gl.glmer("ResponseCorrect ~ center(Size) * Condition + (center(Size) * Condition | Subject)",
    ...              crowding, priors=gl.Priors(cov="wishart", fixef=gl.priors.Normal(sd=2.5)))
    >>> m.is_singular, m.penalised
    (False, True)
    """

    cov: object = "wishart"
    fixef: object = None

    def __post_init__(self):
        by_group = isinstance(self.cov, dict)
        cov = {group: _prior(prior, COVARIANCE, "cov") for group, prior in self.cov.items()} if by_group else (
            _prior(self.cov, COVARIANCE, "cov"))
        object.__setattr__(self, "cov", cov)
        object.__setattr__(self, "fixef", _prior(self.fixef, FIXED, "fixef"))

    def of_group(self, group):
        """The covariance prior of a grouping factor's terms, or None."""
        return self.cov.get(group) if isinstance(self.cov, dict) else self.cov

    def penalty(self, design):
        """The `Penalty` for a design; DataError when a prior does not suit it."""
        groups = [block.group for block in design.blocks]
        for group in self.cov if isinstance(self.cov, dict) else ():
            if group not in groups:
                raise DataError(f"priors names '{group}', by which nothing varies; the grouping factors are: "
                                f"{', '.join(groups)}.")
        terms = []
        for t, block in enumerate(design.blocks):
            prior = self.of_group(block.group)
            for at in random_terms(block.pattern) if prior else ():
                terms.append((t, np.ix_(at, at), prior.penalty(len(at), block.group)))
        return Penalty(tuple(terms), *(self.fixef.penalty(design.coefnames) if self.fixef else (None, None)))

    def __str__(self):
        cov = self.cov if isinstance(self.cov, dict) else {"": self.cov}
        parts = [f"covariance {f'of {group} ' if group else ''}{prior}" for group, prior in cov.items() if prior]
        return "; ".join([*parts, *([f"fixed effects {self.fixef}"] if self.fixef else [])]) or "none"


@dataclass(frozen=True)
class Penalty:
    """-2 log density of all priors, as `Objective` adds it.

    terms : (block, where in its Lambda, penalty) of each random term with a prior.
    fixed : function of beta (p,), or None; precision (p,) : its curvature at zero, halved.
    """

    terms: tuple
    fixed: object
    precision: np.ndarray | None

    def __call__(self, Lambdas, beta):
        """Lambdas relative to the dispersion's root: value, derivative per Lambda, and in beta (p,)."""
        value, d_Lambdas, d_beta = 0.0, [np.zeros_like(L) for L in Lambdas], np.zeros_like(beta)
        for t, at, penalty in self.terms:
            Lambda = Lambdas[t][at]
            if np.any(np.diag(Lambda) == 0):
                return inf, d_Lambdas, d_beta
            with np.errstate(all="ignore"):  # the objective looks for overflow near zero itself
                part, d_Lambdas[t][at] = penalty(Lambda)
            value += part
        if self.fixed:
            part, d_beta = self.fixed(beta)
            value += part
        return float(value), d_Lambdas, d_beta


def random_terms(pattern):
    """Indices of the coefficients of each term of a block: those that Lambda's pattern ties together."""
    tied, terms, seen = pattern | pattern.T, [], set()
    for i in range(len(pattern)):
        if i not in seen:
            terms.append([int(j) for j in np.flatnonzero(tied[i] | (np.arange(len(pattern)) == i))])
            seen.update(terms[-1])
    return terms


def by_coefficient(values, coefnames, what):
    """One positive number (p,) for each fixed effect; infinite where there is no prior."""
    names = list(coefnames)
    if isinstance(values, dict):
        unknown = [name for name in values if name not in names]
        if unknown:
            raise DataError(f"The {what} names '{unknown[0]}'; the fixed effects are: {', '.join(names)}.")
        numbers = np.array([values.get(name, inf) for name in names], dtype=float)
    else:
        numbers = np.atleast_1d(np.asarray(values, dtype=float))
        if len(numbers) == 1:
            numbers = np.repeat(numbers, len(names))
        elif len(numbers) == 2 and len(names) != 2:
            numbers = np.array([numbers[0] if name == "(Intercept)" else numbers[1] for name in names])
    if numbers.shape != (len(names),) or not np.all(numbers > 0):
        raise DataError(f"The {what} must be positive: one number, a pair (intercept, others), {len(names)} numbers "
                        f"or {{name: number}}, not {values!r}.")
    return numbers


def _prior(prior, known, argument):
    if isinstance(prior, str) and prior in known:
        return known[prior]()
    if prior is not None and not isinstance(prior, tuple(known.values())):
        raise DataError(f"{argument}={prior!r} is not a known prior; choose one of: {', '.join(map(repr, known))}, an "
                        "object of glmmlib.priors, or None.")
    return prior


def _log_det(Lambda, power):
    """power * log|Lambda Lambda'| of a triangular matrix, and its derivative."""
    diagonal = np.diag(Lambda)
    return 2 * power * np.sum(np.log(np.abs(diagonal))), np.diag(2 * power / diagonal)


def _positive_matrix(scale, d, whose):
    scale = np.asarray(scale, dtype=float)
    matrix = scale if scale.shape == (d, d) else scale * np.eye(d) if scale.shape in ((), (d,)) else None
    if matrix is None or not np.all(np.isfinite(matrix)) or not np.allclose(matrix, matrix.T) or (
            np.linalg.eigvalsh(matrix)[0] <= 0):
        raise DataError(f"{whose} needs as scale a positive number, {d} of them, or a positive definite "
                        f"({d}, {d}) matrix.")
    return matrix


def _wishart_constant(df, d):
    """d df log 2 + 2 log of the multivariate gamma function at df / 2."""
    return (df * d * log(2) + d * (d - 1) / 2 * log(pi)
            + 2 * sum(lgamma((df - i) / 2) for i in range(d)))
