"""A model's estimated parameters by name, on the scale that one reads: as in lme4's confint(signames=FALSE).

    sd_(Intercept)|Subject, cor_x.(Intercept)|Subject, sigma, lapse, and the fixed effects under their own names
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from .errors import DataError


class Parameter(NamedTuple):
    """kind : "sd", "cor", "sigma", "lapse" or "fixef"; factor : index of the grouping factor.

    i, j : index of the coefficient; of the two that are correlated, j being the later one.
    """

    kind: str
    factor: int = 0
    i: int = 0
    j: int = 0


def parameters_of(design, family) -> dict[str, Parameter]:
    """Name -> Parameter, for one factor after the other and then the fixed effects, as lme4 orders them."""
    named = {}
    for t, block in enumerate(design.blocks):
        q = len(block.columns)
        for i in range(q):
            named[f"sd_{block.columns[i]}|{block.group}"] = Parameter("sd", t, i)
            named |= {f"cor_{block.columns[j]}.{block.columns[i]}|{block.group}": Parameter("cor", t, i, j)
                      for j in range(i + 1, q) if block.pattern[j, i]}
    if family.dispersed:
        named["sigma"] = Parameter("sigma")
    if family.free:
        named["lapse"] = Parameter("lapse")
    return named | {name: Parameter("fixef", i=i) for i, name in enumerate(design.coefnames)}


def chosen(named, parm) -> list[str]:
    """The names that parm stands for: None (all), "fixef", "varcorr" (all others), a name or a list of names.

    Raises DataError for a name that no parameter has.
    """
    groups = {"fixef": [name for name, p in named.items() if p.kind == "fixef"],
              "varcorr": [name for name, p in named.items() if p.kind != "fixef"]}
    if parm is None:
        return list(named)
    if isinstance(parm, str):
        parm = groups.get(parm, [parm])
    for name in parm:
        if name not in named:
            raise DataError(f"The model has no parameter '{name}'; it has: {', '.join(named)} "
                            '(or "fixef" and "varcorr" for all of a kind).')
    return list(parm)


def values_of(design, fit) -> pd.Series:
    """The estimates under their names; a correlation with a zero standard deviation is missing."""
    cov = [L @ L.T for L in fit.Lambdas]
    values = {}
    for name, (kind, t, i, j) in parameters_of(design, fit.family).items():
        if kind == "fixef":
            values[name] = fit.beta[i]
        elif kind == "sd":
            values[name] = np.sqrt(cov[t][i, i])
        elif kind == "cor":
            size = np.sqrt(cov[t][i, i] * cov[t][j, j])
            values[name] = cov[t][i, j] / size if size > 0 else np.nan
        else:
            values[name] = np.sqrt(fit.dispersion) if kind == "sigma" else fit.family.lapse
    return pd.Series(values, dtype=float)


def phi_of(objective, fit) -> np.ndarray:
    """The estimates of a fit in an objective's coordinates (m,); the two may have other rows. Where they
    have other coefficients too, the objective's own start."""
    phi = objective.start.copy()
    if [len(L) for L in fit.Lambdas] != [len(s) for s in objective.z_scale] or len(fit.beta) != len(objective.origin):
        return phi
    for at, entries, L, scale in zip(objective.thetas, objective.entries, fit.Lambdas, objective.z_scale):
        phi[at] = (L * scale[:, None])[entries]
    if objective.family.free:
        phi[objective.free] = logit(fit.family.lapse / (1 - fit.family.guess))
    phi[objective.dispersion_at] = np.log(fit.dispersion)
    if not objective.inner:
        phi[objective.beta_at] = np.linalg.solve(objective.to_beta, fit.beta - objective.origin)
    return phi
