"""Parametric bootstrap: the model refitted to responses simulated from it."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .arguments import FRACTION, accepts, one_of
from .errors import GlmmlibError
from .replicates import replicate
from .simulation import draw


@dataclass(frozen=True)
class Bootstrap:
    """The replicates of a parametric bootstrap.

    replicates : DataFrame (n, k), a row per simulated response: the model's parameters under the
        names of ``m.parameters``, then the statistic's values; missing where no model could be fitted.
    estimates : Series (k,), the same of the model itself.
    singular, converged : (n,) of each replicate's fit. A fit that was not possible (such as one to
        separated responses) counts as neither.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> boot = m.bootstrap(20, seed=1)
    >>> boot.n_singular, boot.n_unconverged
    (0, 0)
    >>> boot.confint(0.9, "basic").loc["center(Size)"].round(1).to_list()
    [0.9, 1.1]
    """

    replicates: pd.DataFrame
    estimates: pd.Series
    singular: np.ndarray
    converged: np.ndarray

    @property
    def n_singular(self) -> int:
        """How many replicates had a singular fit; they belong to the distribution and stay in it."""
        return int(self.singular.sum())

    @property
    def n_unconverged(self) -> int:
        """How many replicates did not converge or could not be fitted."""
        return int((~self.converged).sum())

    @property
    def se(self) -> pd.Series:
        """Bootstrap standard errors (k,): standard deviations of the replicates."""
        return self.replicates.std()

    @property
    def bias(self) -> pd.Series:
        """Mean of the replicates minus the estimate (k,)."""
        return self.replicates.mean() - self.estimates

    @accepts(level=FRACTION, kind=one_of("percentile", "basic", "normal"))
    def confint(self, level=0.95, kind="percentile") -> pd.DataFrame:
        """Intervals (k, 2): columns lower and upper.

        kind : "percentile" (quantiles of the replicates), "basic" (2 * estimate minus the opposite
            quantiles) or "normal" (estimate minus bias -+ z standard errors); Davison & Hinkley (1997), 5.2.
        """
        if kind == "normal":
            centre, half = self.estimates - self.bias, ndtri((1 + level) / 2) * self.se
            return pd.DataFrame({"lower": centre - half, "upper": centre + half})
        lower, upper = (self.replicates.quantile(q) for q in ((1 - level) / 2, (1 + level) / 2))
        if kind == "basic":
            lower, upper = 2 * self.estimates - upper, 2 * self.estimates - lower
        return pd.DataFrame({"lower": lower, "upper": upper})

    def __repr__(self):
        table = pd.DataFrame({"estimate": self.estimates, "bias": self.bias, "se": self.se})
        return (f"<Bootstrap: {len(self.replicates)} replicates, {self.n_singular} singular, "
                f"{self.n_unconverged} unconverged>\n{table}")


def bootstrap(model, n=1000, statistic=None, seed=None, n_jobs=None, progress=True, re="new") -> Bootstrap:
    """Refit the model to n simulated responses: see `GLMMResult.bootstrap`."""
    estimates = _values(model, statistic)
    model._refitter.arrangement  # made once, before the workers get their copies
    runs = replicate(partial(_once, model, statistic, re), n, seed, n_jobs, progress)
    empty = np.full(len(estimates), np.nan)
    rows = [empty if values is None else values for values, _, _ in runs]
    return Bootstrap(
        pd.DataFrame(np.reshape(rows, (-1, len(estimates))), columns=estimates.index), estimates,
        np.array([singular for _, singular, _ in runs], dtype=bool),
        np.array([converged for _, _, converged in runs], dtype=bool))


def _once(model, statistic, re, rng):
    """(values, singular, converged) of one replicate."""
    try:
        again = model.refit(draw(model.design, model.fit, rng, re))
    except GlmmlibError:
        return None, False, False
    return _values(again, statistic).to_numpy(), again.is_singular, again.converged


def _values(model, statistic):
    """The parameters and what the statistic says of a model, as one Series of numbers."""
    if statistic is None:
        return model.parameters
    value, name = statistic(model), getattr(statistic, "__name__", "statistic")
    if isinstance(value, dict):
        value = pd.Series(value)
    if not (isinstance(value, pd.Series) and all(isinstance(label, str) for label in value.index)):
        name = getattr(value, "name", None) or ("statistic" if name == "<lambda>" else name)
        value = np.atleast_1d(np.asarray(value, dtype=float)).ravel()
        value = pd.Series(value, index=[name] if len(value) == 1 else [f"{name}_{i + 1}" for i in range(len(value))])
    return pd.concat([model.parameters, value.astype(float)])
