"""What the certificate of a fit says, in words."""

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from .reduction import reductions


@dataclass(frozen=True)
class NoVariance:
    """A direction in which the groups of a factor do not differ.

    combination : weights (of unit length) of the random coefficients whose sum is the same in all
        groups; slope : derivative of the deviance in the variance along it, the noise of one
        observation being the unit. An optimum has slope >= 0.
    """

    group: str
    combination: pd.Series
    slope: float

    def __str__(self):
        return as_sum(self.combination)


@dataclass(frozen=True)
class Convergence:
    """Whether a fit can be relied on, and why.

    converged : True when the derivatives prove that this is an optimum of the likelihood.
    reason : why, or why not.
    gain : deviance that a further Newton step would bring, from the exact gradient.
    curvature : smallest eigenvalue of the deviance's Hessian, in scaled coordinates.
    singular : whether some direction of the random effects has no variance.
    no_variance : those directions.
    components : grouping factor -> principal components of its random effects: columns sd
        (relative to the residual's where there is one), share of the variance, and the
        coefficients' loadings; as lme4's rePCA.
    simpler : the formula to try next, None when there is none; change : what it leaves out.
    """

    converged: bool
    reason: str
    gain: float
    curvature: float
    singular: bool
    no_variance: tuple[NoVariance, ...]
    components: dict[str, pd.DataFrame]
    simpler: str | None
    change: str | None

    @classmethod
    def of(cls, design, fit):
        """From a design and its fit."""
        certificate = fit.certificate
        steps = reductions(design, fit)
        return cls(
            converged=fit.converged, reason=_reason(design, fit), gain=certificate.decrement,
            curvature=certificate.curvature, singular=fit.singular, no_variance=_no_variance(design, fit),
            components={block.group: _components(block, Lambda / np.sqrt(fit.dispersion))
                        for block, Lambda in zip(design.blocks, fit.Lambdas)},
            simpler=steps[0].formula if steps else None, change=steps[0].change if steps else None)

    @property
    def advice(self):
        """What to do next, a sentence; empty when all is well."""
        if self.converged and not self.singular:
            return ""
        if self.simpler is None:
            return "No simpler mixed model is left: check the data, or fit a GLM without random effects."
        return f"Try the next simpler formula, without the {self.change}: {self.simpler}"

    def _paragraphs(self):
        """(heading, lines) pairs."""
        yield f"Converged: {'yes' if self.converged else 'NO'}", [
            self.reason[0].upper() + self.reason[1:] + ".",
            f"One more Newton step would gain {self.gain:.1g} of deviance; the smallest curvature is {self.curvature:.3g}."]
        if not self.singular:
            yield "Singular: no", ["Every direction of the random effects has some variance."]
        else:
            lines = []
            for found in self.no_variance:
                lines.append(f"The groups of {found.group} do not differ in {found}.")
                lines.append(
                    f"Variance there would raise the deviance (slope {found.slope:+.3g}): zero is its best estimate, "
                    "not a failure of the fit." if found.slope >= 0 else
                    f"Variance there would still lower the deviance (slope {found.slope:+.3g}).")
            yield "Singular: yes", lines
        if self.advice:
            yield "Next", [self.advice]

    def __str__(self):
        lines = []
        for heading, text in self._paragraphs():
            lines += [heading, *("  " + line for line in text)]
        for group, table in self.components.items():
            lines += [f"Principal components of the random effects of {group}",
                      *("  " + line for line in table.to_string(float_format="%.3f").splitlines())]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self):
        parts = [f"<p><strong>{escape(heading)}</strong><br>{'<br>'.join(map(escape, text))}</p>"
                 for heading, text in self._paragraphs()]
        for group, table in self.components.items():
            parts += [f"<p>Principal components of the random effects of {escape(group)}</p>",
                      table.to_html(float_format="%.3f", border=0)]
        return "\n".join(parts)


def as_sum(weights):
    """0.63 (Intercept) - 0.54 Size: the terms that count, from a Series of weights."""
    used = weights[weights.abs() > 0.005]
    if len(used) == 1:
        return str(used.index[0])
    words = [f"{'-' if w < 0 else '+'} {abs(w):.2f} {name}" for name, w in used.items()]
    return " ".join(words).removeprefix("+ ")


def _no_variance(design, fit):
    found = []
    for space in fit.certificate.null:
        block = design.blocks[space.factor]
        for direction, slope in zip(space.directions.T, space.derivatives):
            weights = direction * fit.z_scale[space.factor]  # from scaled coefficients to the data's
            weights = weights / np.linalg.norm(weights)
            weights *= np.sign(weights[np.argmax(np.abs(weights) > 0.005)])
            found.append(NoVariance(block.group, pd.Series(weights, index=list(block.columns)), float(slope)))
    return tuple(found)


def _components(block, Lambda):
    """Principal components of Sigma = Lambda Lambda', the largest first."""
    loadings, sd, _ = np.linalg.svd(Lambda)
    total = np.sum(sd**2)
    return pd.DataFrame(
        np.column_stack([sd, sd**2 / total if total > 0 else np.zeros_like(sd), loadings.T]),
        index=[f"PC{i + 1}" for i in range(len(sd))], columns=["sd", "share", *block.columns])


def _reason(design, fit):
    certificate = fit.certificate
    if certificate.noiseless:
        return (f"the residual variance goes to zero, because the random effects reproduce '{design.formula.response}' "
                "without error; standard errors are unknown")
    if not certificate.computed:
        return "the likelihood cannot be computed around the estimates, and standard errors are unknown"
    if certificate.runaway:
        group = design.blocks[certificate.runaway[0]].group
        return (f"the random effects of {group} grow without end, because within the groups of {group} the outcomes "
                "are (nearly) all alike; neither they nor their standard errors mean anything")
    if certificate.wants_variance or certificate.down is not None:
        return "the optimiser stopped at a saddle point: the deviance still falls in some direction"
    if not certificate.stationary:
        return f"the optimiser stopped with {certificate.decrement:.2g} of deviance still to gain"
    if certificate.flat.size:
        return (f"the data do not determine {_undetermined(design, fit)}: the likelihood is (almost) flat there, "
                "and standard errors take it as known")
    return "the deviance has no slope left and rises in every direction"


def _undetermined(design, fit):
    """Names of the parameters that the flat directions are made of."""
    names = []
    for block in design.blocks:
        for r, c in zip(*np.nonzero(block.pattern.T)[::-1]):
            names.append(f"the variance of {block.columns[r]} by {block.group}" if r == c else
                         f"the correlation of {block.columns[c]} and {block.columns[r]} by {block.group}")
    names += [f"the {name} rate" for name in fit.family.free] + ["the residual variance"] * fit.family.dispersed
    names += design.coefnames[:len(fit.phi) - len(names)]
    weight = np.max(np.abs(fit.certificate.flat), axis=1)
    return " and ".join(name for name, w in zip(names, weight) if w > 0.3) or "all parameters"
