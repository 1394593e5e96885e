"""The way out to full Bayesian inference: a fitted model's formula, data and priors for Bambi.

Bambi reads formulas by another library, which knows neither lme4's correlations nor `||`, named
contrasts or this library's transforms. What is handed over is therefore not the formula's text but
its meaning: the columns that were computed for the fit, under their own names in backquotes, one
group-specific term for each coefficient that varies.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .errors import BambiWarning, DataError, warn
from .priors import Gamma, Normal, by_coefficient

BAMBI_LINKS = ("logit", "probit", "cloglog")  # that Bambi knows for binomial responses


@dataclass(frozen=True)
class BambiParts:
    """What `to_bambi` gives to Bambi, without needing Bambi.

    formula : in the notation of formulae; data : the columns that it names, one row per row fitted.
    family, link : Bambi's names; link None where it must be built (see `to_bambi`).
    priors : term -> (distribution, arguments), an argument being a number or another such pair.
    lost : sentences, one for each thing that Bambi cannot express.
    """

    formula: str
    data: pd.DataFrame
    family: str
    link: str | None
    priors: dict
    lost: tuple[str, ...]


def to_bambi(model, priors=None, **options):
    """A Bambi model of the same data, to be fitted by Markov chain Monte Carlo with ``.fit()``.

    Needs Bambi: ``pip install glmmlib[bayes]``.

    Parameters
    ----------
    model : GLMMResult
    priors : dict, optional
        Bambi's priors by term ("Intercept", "x", "1|g", "x|g"), which replace those of the fit;
        terms without either have Bambi's weakly informative defaults.
    options : passed on to ``bambi.Model``.

    Returns
    -------
    bambi.Model
        Its terms are named as in ``model.fixef``, the intercept "Intercept"; "x|g" holds each
        group's deviation, "x|g_sigma" its standard deviation.

    Raises
    ------
    DataError
        When Bambi is not installed, or cannot express the weights.

    Warns
    -----
    BambiWarning
        For what Bambi cannot express: it has no correlation between the effects of ``(1 + x | g)``,
        so that it fits ``(1 + x || g)``; an estimated lapse rate is held at its estimate; covariance
        priors other than gamma on a standard deviation give way to Bambi's defaults.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ center(Size) + (center(Size) || Subject)", gl.load_crowding())
    >>> bayesian = gl.to_bambi(m)                                           # doctest: +SKIP
    >>> draws = bayesian.fit(chains=4, random_seed=1)                       # doctest: +SKIP
    """
    try:
        import bambi
    except ImportError:
        raise DataError("to_bambi needs Bambi, which is not installed: pip install 'glmmlib[bayes]'.") from None
    parts = bambi_parts(model)
    for sentence in parts.lost:
        warn(sentence, BambiWarning)

    def built(prior):
        if not isinstance(prior, tuple):
            return prior
        name, arguments = prior
        return bambi.Prior(name, **{key: built(value) for key, value in arguments.items()})

    all_priors = {term: built(prior) for term, prior in parts.priors.items()} | (priors or {})
    family, link = parts.family, parts.link
    if link is None:
        likelihood = bambi.Likelihood("Binomial" if family == "binomial" else "Bernoulli", parent="p")
        family, link = bambi.Family(family, likelihood, _psychometric_link(bambi, model.fit.family)), None
    if model.priors is not None and model.priors.fixef:
        options.setdefault("center_predictors", False)  # else the intercept's prior is of another point
    return bambi.Model(parts.formula, parts.data, family=family, link=link, priors=all_priors, **options)


def bambi_parts(model) -> BambiParts:
    """A fitted model in Bambi's terms; see `BambiParts`. Errors as `to_bambi`."""
    design, family = model.design, model.fit.family
    columns = Columns(len(design.y), design.index)
    lost = []
    response = columns.response(design, family)
    fixed = ["1" if "(Intercept)" in design.coefnames else "0"]
    fixed += [columns.add(name, x) for name, x in zip(design.coefnames, design.X.T) if name != "(Intercept)"]
    if np.any(design.offset):
        fixed.append(f"offset({columns.add('offset', design.offset)})")
    random, names = [], []
    for block in design.blocks:
        group = columns.add(block.group, pd.Categorical.from_codes(block.refs, list(map(str, block.levels))))
        for name, z in zip(block.columns, block.Z.T):
            term = "1" if name == "(Intercept)" else columns.add(name, z)
            random.append(f"(1|{group})" if term == "1" else f"(0 + {term}|{group})")
            names.append((block, f"{_bare(term)}|{_bare(group)}"))
        if np.any(np.tril(block.pattern, -1)):
            lost.append(f"Bambi has no correlations between the random effects of {block.group}: it fits them as "
                        "independent, as '||' would.")
    if family.free:
        lost.append(f"The lapse rate is held at its estimate, {family.lapse:.3g}: Bambi does not estimate it.")
    binomial = family.name == "binomial"
    known = not binomial or family.guess == 0 and family.lapse == 0 and family.binomial_link.name in BAMBI_LINKS
    kind = "bernoulli" if binomial and np.all(design.weights == 1) else family.name
    priors = _priors(model, names, lost)
    return BambiParts(f"{response} ~ {' + '.join([*fixed, *random])}", columns.table(), kind,
                      (family.binomial_link.name if binomial else family.link_name) if known else None,
                      priors, tuple(lost))


class Columns:
    """The columns of the data that Bambi gets, each known by its name in backquotes where needed."""

    def __init__(self, rows, index):
        self.values, self.rows, self.index = {}, rows, index

    def add(self, name, values):
        """Add a column unless it is there already, and say how a formula names it."""
        while name in self.values and not np.array_equal(self.values[name], values):
            name += "'"
        self.values[name] = values
        return name if name.isidentifier() else f"`{name}`"

    def response(self, design, family):
        """The response as the formula's left side."""
        name = design.formula.response
        if np.all(design.weights == 1):
            return self.add(name, design.y.astype(int) if family.name in ("binomial", "poisson") else design.y)
        successes = design.y * design.weights
        if family.name != "binomial" or not np.allclose([successes, design.weights],
                                                        np.round([successes, design.weights]), atol=1e-6):
            raise DataError("Bambi takes weights only as the numbers of trials of a binomial response: fit the model "
                            "without weights first.")
        return "p({}, {})".format(*(self.add(name, np.round(values).astype(int)) for name, values in (
            ("successes", successes), ("trials", design.weights))))

    def table(self):
        return pd.DataFrame(self.values, index=self.index).reset_index(drop=True)


def _bare(name):
    return name.strip("`")


def _priors(model, random_terms, lost):
    """The fit's priors by Bambi's term."""
    if model.priors is None:
        return {}
    fixef, found = model.priors.fixef, {}
    if fixef:
        normal, names = isinstance(fixef, Normal), model.design.coefnames
        scales = by_coefficient(fixef.sd if normal else fixef.scale, names, "scale of the prior")
        for name, scale in zip(names, scales):
            if np.isfinite(scale):
                found["Intercept" if name == "(Intercept)" else name] = (
                    ("Normal", {"mu": 0, "sigma": float(scale)}) if normal else
                    ("StudentT", {"nu": fixef.df, "mu": 0, "sigma": float(scale)}))
        if not normal and len(found) > 1:
            lost.append("The multivariate t prior of the fixed effects becomes independent t priors.")
    without = {}
    for block, term in random_terms:
        prior = model.priors.of_group(block.group)
        if isinstance(prior, Gamma) and prior.on == "sd" and prior.rate > 0 and not model.family.dispersed:
            sd = ("Gamma", {"alpha": prior.shape, "beta": prior.rate})
            found[term] = ("Normal", {"mu": 0, "sigma": sd})
        elif prior:
            without[block.group] = prior
    for group, prior in without.items():
        lost.append(f"The prior {prior} of {group}'s covariance has no counterpart in Bambi: its default takes the "
                    "place.")
    return found


def _psychometric_link(bambi, family):
    """Links that Bambi lacks: guess and lapse rates, and cauchit."""
    from pytensor import tensor as pt

    backend = {
        "logit": pt.sigmoid, "probit": lambda eta: pt.erfc(-eta / np.sqrt(2)) / 2,
        "cloglog": lambda eta: -pt.expm1(-pt.exp(eta)), "cauchit": lambda eta: pt.arctan(eta) / np.pi + 0.5,
    }.get(family.binomial_link.name)
    if backend is None:
        raise DataError(f"The link {family.binomial_link.name} is not known to Bambi: refit with one that is.")
    room = 1 - family.guess - family.lapse
    return bambi.Link("psychometric", link=family.link, linkinv=family.inverse,
                      linkinv_backend=lambda eta: family.guess + room * backend(eta))
