"""Profile likelihood: how far the deviance rises when one parameter is moved and all others adapt.

With d(value) the lowest deviance that is possible with a parameter at a value,

    zeta(value) = sign(value - estimate) sqrt(d(value) - d(estimate))

is, where the sample is large, standard normal at the true value; a straight line in the value means
that Wald's interval is right (Bates & Watts 1988, chapter 6; lme4's profile()).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .arguments import FRACTION, MODEL, PARAMETERS, accepts
from .errors import ConvergenceWarning, DataError, warn
from .held import Held
from .laplace import estimates, make_objective, optimise
from .parameters import Parameter, chosen, parameters_of, phi_of, values_of
from .refitting import descend_from, off_the_ridge

STEPS = 8  # points between the estimate and the cutoff
AT_BOUND = 1e-6  # an estimate closer to its bound than this, in the objective's units, lies on it
MAX_POINTS = 40  # on each side
BETTER = 1e-3  # by so much the deviance may fall below the estimate's before that is reported


@dataclass(frozen=True)
class Profile:
    """Profiles of a model's parameters.

    table : DataFrame with columns parameter, value, zeta; for each parameter in rising order of value.
    estimates : Series, the maximum-likelihood estimates under the parameters' names.
    bounds : name -> the smallest and largest value that the parameter can have.
    level : the coverage up to which the profiles reach.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> slope = gl.profile(m, "center(Size)")
    >>> list(slope.table)
    ['parameter', 'value', 'zeta']
    >>> slope.confint(0.9).round(2).loc["center(Size)"].to_list()
    [0.91, 1.08]
    """

    table: pd.DataFrame
    estimates: pd.Series
    bounds: dict[str, tuple[float, float]]
    level: float

    @accepts(level=FRACTION)
    def confint(self, level=0.95) -> pd.DataFrame:
        """Profile likelihood intervals (k, 2): the values at which zeta is -+ the normal quantile.

        A side on which the deviance never rises that far ends at the parameter's bound: 0 for a
        standard deviation, -1 and 1 for a correlation; missing where there is none.

        Raises
        ------
        DataError
            When level lies above that of the profile.
        """
        if level > self.level + 1e-12:
            raise DataError(
                f"The profile reaches to level {self.level:g} only: profile the model with level={level:g}.")
        z = ndtri((1 + level) / 2)
        rows = {name: [_value_at(part, zeta, bound) for zeta, bound in zip((-z, z), self.bounds[name])]
                for name, part in self.table.groupby("parameter", sort=False)}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["lower", "upper"])

    def __repr__(self):
        return f"<Profile of {len(self.estimates)} parameters, {len(self.table)} points>"


@accepts(model=MODEL, parm=PARAMETERS, level=FRACTION)
def profile(model, parm=None, level=0.99) -> Profile:
    """Profile likelihood of a model's parameters.

    Parameters
    ----------
    model : GLMMResult.
    parm : which parameters: "fixef", "varcorr", a name or a list of names as in ``m.parameters``;
        all when omitted.
    level : coverage up to which intervals can be read off.

    Returns
    -------
    Profile
        A table of zeta, and ``confint(level)``.

    Raises
    ------
    DataError
        For an unknown parameter, a penalised fit, or one with nAGQ=0.

    Warns
    -----
    ConvergenceWarning
        When the deviance falls below that of the model: it was not at its optimum.

    Notes
    -----
    As R's ``lme4::profile``: standard deviations and correlations on their own scale, and linear
    mixed models by full maximum likelihood even when fitted by REML. The constraints are
    eliminated, see `glmmlib.held`.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> gl.profile(m, "varcorr").confint().round(1).loc["sd_(Intercept)|Subject"].to_list()
    [0.2, 0.5]
    """
    options = model.options | {"inner": None}
    if model.priors is not None:
        raise DataError("A penalised fit has no profile likelihood: fit without priors, or use method='boot'.")
    if model.options["inner"] and model.family.name != "gaussian":
        raise DataError("A fit with nAGQ=0 has no proper likelihood to profile: fit with nAGQ=1.")
    if model.held:
        raise DataError("A model with held parameters cannot be profiled: refit it with held={} first.")
    refitter = replace(model._refitter, options=options)
    rows = refitter.arrangement.rows(model.design.y, model.design.weights)
    objective = make_objective(model.design, model.family, rows=rows, **options)
    fit = model.fit
    if model.options["inner"]:  # (restricted) likelihood without beta in phi: find the full one's optimum
        fit = estimates(objective, *optimise(objective, phi_of(objective, fit)))
    named, values = parameters_of(model.design, model.family), values_of(model.design, fit)
    tables, names = [], chosen(named, parm)
    for name in names:
        points = _Curve(objective, fit, named[name], values[name], ndtri((1 + level) / 2)).points()
        tables.append(pd.DataFrame({"parameter": name} | dict(zip(("value", "zeta"), np.transpose(points)))))
    bounds = {name: _bounds(named[name], model.family, values[name]) for name in names}
    return Profile(pd.concat(tables, ignore_index=True), values[names], bounds, level)


def _bounds(parameter, family, estimate):
    """Between which values a parameter may be held."""
    if parameter.kind == "lapse":
        return 0.0, 0.999 * (1 - family.guess)
    return {"sd": (0.0, np.inf), "cor": (-1.0, 1.0), "sigma": (1e-6 * estimate, np.inf),
            "fixef": (-np.inf, np.inf)}[parameter.kind]


class _Curve:
    """The profile of one parameter."""

    def __init__(self, objective, fit, parameter: Parameter, estimate, cutoff):
        self.objective, self.fit, self.parameter, self.cutoff = objective, fit, parameter, cutoff
        self.bounds = _bounds(parameter, objective.family, estimate)
        near = AT_BOUND / (objective.z_scale[parameter.factor][parameter.i] if parameter.kind == "sd" else 1)
        self.estimate = next((bound for bound in self.bounds if abs(estimate - bound) < near), estimate)
        self.phi = fit.phi
        self.deviance = objective(fit.phi)[0]

    def points(self):
        """(value, zeta) pairs in rising order of value."""
        if not np.isfinite(self.estimate):
            return [(np.nan, 0.0)]
        below, above = self._walk(-1), self._walk(1)
        return [*reversed(below), (self.estimate, 0.0), *above]

    def _walk(self, sign):
        """From the estimate outwards until zeta passes the cutoff or the parameter its bound."""
        bound = self.bounds[sign > 0]
        first = step = self._first_step()
        value, zeta = self.estimate, 0.0
        psi, before, found = self.phi, None, []
        while abs(zeta) < self.cutoff and len(found) < MAX_POINTS and value != bound:
            target = value + sign * step
            if sign * (target - bound) >= 0:
                target = bound
            # Where the last two optima point to is a good start.
            guess = psi if before is None else psi + (psi - before[1]) * (target - value) / (value - before[0])
            new_psi, new_zeta = self._optimum(target, guess, sign)
            rise = abs(new_zeta) - abs(zeta)
            if rise > 2.5 * self.cutoff / STEPS and step > 1e-3 * first:
                step *= 0.5 * self.cutoff / STEPS / rise + 0.25  # too far to interpolate
                continue
            before, psi, zeta = (value, psi), new_psi, new_zeta
            found.append((target, new_zeta))
            step = abs(target - value) * np.clip(self.cutoff / STEPS / max(rise, 1e-12), 0.3, 3)
            value = target
        return found

    def _optimum(self, value, psi, sign):
        held = Held(self.objective, [(self.parameter, value)])
        psi = descend_from(self.fit, held, held.start(off_the_ridge(self.objective, psi)))
        phi = held.place(psi)
        rise = self.objective(phi)[0] - self.deviance
        if rise < -BETTER:
            warn(f"The profile found a deviance {-rise:.2g} below the fit's: it was not at its optimum.",
                 ConvergenceWarning)
        # At a bound a row of Lambda may have lost its direction: psi still has it.
        return psi if value in self.bounds else phi, sign * np.sqrt(max(rise, 0.0))

    def _first_step(self):
        """About the change of value that raises zeta by one step, from the curvature at the estimate."""
        kind, t, i, _ = self.parameter
        if kind == "fixef":
            se = np.sqrt(self.fit.beta_cov[i, i])
        elif kind == "cor":
            se = 0.2
        elif kind == "sd":
            se = max(0.3 * self.estimate, 0.05 / self.objective.z_scale[t][i])
        elif kind == "lapse":
            se = max(0.1 * self.estimate, 1e-3)  # the estimate is often 0
        else:
            se = 0.1 * self.estimate
        return se * self.cutoff / STEPS


def _value_at(part, zeta, bound):
    """The value at which the curve reaches zeta, by monotone interpolation; the bound where it ends before."""
    from scipy.interpolate import PchipInterpolator

    rising = part[part.zeta > np.maximum.accumulate(np.r_[-np.inf, part.zeta.to_numpy()[:-1]])]
    end = part.iloc[-1 if zeta > 0 else 0]
    if abs(end.zeta) < abs(zeta):
        return bound if end.value == bound else np.nan
    return float(PchipInterpolator(rising.zeta, rising.value)(zeta))
