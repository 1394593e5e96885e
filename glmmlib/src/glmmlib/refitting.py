"""The same model fitted to other responses, weights or data, or with parameters held."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from ._kernels import one_thread
from .arguments import MODEL, NAMED_NUMBERS, TABLE, accepts
from .certificate import CONVERGED_DECREMENT, newton_gain
from .descent import descend
from .design import Design, build_design
from .errors import DataError
from .family import Family
from .held import Held
from .laplace import NEAR, LaplaceFit, estimates, make_objective, optimise, polish
from .parameters import chosen, parameters_of, phi_of
from .rows import Arrangement, arrange

SINGULAR_START = 0.05  # random effects without variance start here, in the objective's units


@dataclass(frozen=True)
class Refitter:
    """What all refits of a model share. `fit` is where they start."""

    design: Design
    family: Family
    fit: LaplaceFit
    options: dict

    @cached_property
    def arrangement(self) -> Arrangement:
        return arrange(self.design, merge=self.family.name != "gaussian")

    def __call__(self, y=None, weights=None, held=None, start=None) -> tuple[Design, LaplaceFit]:
        """The design with y and weights (N,) in place of its own, and its fit.

        held : dict name -> value. start : LaplaceFit; self.fit when omitted.
        """
        design = self.design
        if y is not None or weights is not None:
            weights = design.weights if weights is None else weights
            design = replace(design, y=design.y if y is None else y, weights=weights, variables=_with(design, y))
            self.family.check_response(design.y, weights, design.formula.response)
        return design, self.fit_of(design, held, start)

    @one_thread()
    def fit_of(self, design, held=None, start=None) -> LaplaceFit:
        rows, options = self.arrangement.rows(design.y, design.weights), self.options
        named = parameters_of(design, self.family)
        values = [(named[name], float(held[name])) for name in chosen(named, list(held or {}))]
        if self.family.name == "gaussian" and options["inner"] == "profile":
            if any(parameter.kind == "fixef" for parameter, _ in values):
                options = options | {"inner": None}  # the same likelihood, with beta among phi
        objective = make_objective(design, self.family, rows=rows, **options)
        if values:
            phi = off_the_ridge(objective, phi_of(objective, start or self.fit))
            return _fit_held(objective, Held(objective, values), phi, self.fit)
        return estimates(objective, *optimise(objective, warm_start(objective, start or self.fit)))


def _with(design, y):
    """The design's columns with the response y in place of its own, where that is a column."""
    name = design.formula.response.strip("`")
    return design.variables if y is None or name not in design.variables else design.variables.assign(**{name: y})


def warm_start(objective, fit):
    """Near the optimum: from a fit's estimates, by BFGS that knows their curvature."""
    return descend_from(fit, objective, off_the_ridge(objective, phi_of(objective, fit)))


def off_the_ridge(objective, phi):
    """phi with some variance in every direction: where there is none the gradient vanishes by
    symmetry, and a search would stay."""
    phi = phi.copy()
    for at, L in zip(objective.thetas, objective.Lambdas(phi)):
        if np.linalg.svd(L, compute_uv=False)[-1] < SINGULAR_START:
            phi[at] += SINGULAR_START * (objective.start[at] > 0)
    return phi


def descend_from(fit, objective, phi):
    """BFGS from phi; its first curvature is that of a fit with the same parameters, where it has one."""
    inverse = np.eye(len(phi)) / (20 * fit.b[0].shape[0])
    if fit.hessian.shape == (len(phi), len(phi)) and np.all(np.isfinite(fit.hessian)) and np.any(fit.hessian):
        values, directions = np.linalg.eigh(fit.hessian)
        values = np.maximum(np.abs(values), 1e-4 * np.abs(values).max())
        inverse = (directions / values) @ directions.T
    return descend(objective, phi, inverse, NEAR * CONVERGED_DECREMENT)


def _fit_held(objective, held, phi, fit) -> LaplaceFit:
    """The optimum on the surface; what is held has no standard error."""
    best, lowest = None, np.inf
    for start in (phi, objective.start):
        psi, _, hessian, _ = polish(held, descend_from(fit, held, held.start(start)))
        found = _held_at(objective, held, psi, hessian)
        if best is None or found.deviance < lowest:
            best, lowest = found, found.deviance
        if found.converged:
            break
    return best


def _held_at(objective, held, psi, hessian) -> LaplaceFit:
    phi = held.place(psi)
    phi_cov, curvature = held.covariance(psi, hessian)
    gradient = objective(phi)[1]
    fit = estimates(objective, phi, gradient, *objective.hessian(phi))
    signs = np.where(fit.phi == phi, 1.0, -1.0)  # of Lambda's columns, which may have been turned
    phi_cov = phi_cov * np.outer(signs, signs)
    # Along the surface alone; what the deviance does beyond it proves nothing. Flat directions are
    # turns of Lambda where one of its rows is zero.
    certificate = replace(
        fit.certificate, decrement=newton_gain(fit.gradient, phi_cov / 2), curvature=curvature,
        smallest=curvature, flat=np.zeros((len(phi), 0)), down=None if curvature > -1e-6 else np.zeros(len(phi)),
        null=tuple(replace(space, derivatives=np.maximum(space.derivatives, 0)) for space in fit.certificate.null),
        phi_cov=phi_cov)
    posterior = fit.posterior if objective.inner else replace(fit.posterior, phi_cov=phi_cov)
    return replace(fit, phi_cov=phi_cov, posterior=posterior, beta_cov=posterior.beta_cov(), certificate=certificate)


@accepts(model=MODEL, data=TABLE, held=NAMED_NUMBERS, start=MODEL)
def refit(model, y=None, *, data=None, weights=None, held=None, start=None):
    """Fit the same formula and family to other responses, weights or data, or with parameters held.

    Parameters
    ----------
    model : GLMMResult. Where only y, weights or held change, the formula is not evaluated again
        and the search starts from the model's estimates: that takes milliseconds.
    y : (N,) responses for the rows that were fitted, such as a column of ``m.simulate()``;
        proportions where rows have several trials. A Series on the data's index is put in order.
    data : DataFrame in place of the one that was fitted; weights and offset are found in it as the
        model found its own. Not together with y.
    weights : (N,) for the rows that were fitted, 0 leaving a row out; with data as in `glmer`.
    held : dict, parameters to hold at a value while the others are estimated: fixed effects
        under their names, ``"sd_(Intercept)|Subject"``, ``"cor_x.(Intercept)|Subject"``, "sigma",
        "lapse" (those of ``m.parameters``). A parameter that is held has no standard error.
        What the model holds already when omitted; {} to let it go.
    start : GLMMResult of the same formula to start from instead of the model.

    Returns
    -------
    GLMMResult. No warning is given: see its ``converged`` and ``is_singular``.

    Raises
    ------
    DataError, SeparationError
        As `glmer`, and when the responses do not fit the rows or a value cannot be held.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> again = gl.refit(m, m.simulate(seed=1).sim_1)
    >>> again.converged
    True
    >>> flatter = m.refit(held={"center(Size)": 0.5})
    >>> float(flatter.fixef["center(Size)"]), flatter.loglik < m.loglik
    (0.5, True)
    """
    held = model.held if held is None else dict(held)
    if data is None:
        refitter, design = model._refitter, model.design
        y = None if y is None else _on_rows(y, design, "y")
        weights = None if weights is None else _on_rows(weights, design, "weights")
        if weights is not None and not (np.all(weights >= 0) and np.any(weights > 0)):
            raise DataError("weights must be 0 or more, and not all 0.")
        design, fit = refitter(y, weights, held, None if start is None else start.fit)
        return replace(model, design=design, fit=fit, held=held)
    if y is not None:
        raise DataError("Give y or data, not both: the data hold the response.")
    arguments = model.arguments if weights is None else model.arguments | {"weights": weights}
    design = build_design(model.design.formula.text, data, **arguments)
    model.family.check_response(design.y, design.weights, design.formula.response)
    origin = model if start is None else start
    options = model.options | {"penalty": model.priors and model.priors.penalty(design)}
    refitter = Refitter(design, model.family, origin.fit, options)
    fit = refitter.fit_of(design, held)
    return replace(model, design=design, fit=fit, held=held, options=options, arguments=arguments)


def _on_rows(values, design, name):
    """values as (N,) floats in the order of the fitted rows."""
    if isinstance(values, pd.Series) and not values.index.equals(design.index):
        if values.index.is_unique and design.index.isin(values.index).all():
            values = values.loc[design.index]
        elif len(values) != design.nobs:
            raise DataError(
                f"{name} has other rows than the fitted data: give one value for each of the {design.nobs}.")
    try:
        values = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be numbers.") from None
    if values.shape != (design.nobs,):
        raise DataError(
            f"{name} must have one value for each of the {design.nobs} rows that were fitted, "
            f"not the shape {values.shape}.")
    if not np.isfinite(values).all():
        raise DataError(f"{name} is missing or infinite in {np.sum(~np.isfinite(values))} rows: "
                        "give those rows the weight 0 and any value.")
    return values
