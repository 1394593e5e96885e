"""Stepwise reduction of the random effects, each step fitted."""

import warnings
from dataclasses import dataclass
from html import escape

import pandas as pd

from .arguments import FRACTION, accepts
from .errors import ConvergenceWarning, DroppedRowsWarning, SingularFitWarning
from .inference import anova
from .model import glmer
from .result import GLMMResult


@dataclass(frozen=True)
class Stepwise:
    """A stepwise reduction: what was fitted, and what was kept.

    table : one row per fitted model, from the largest: formula, without (what was left out
        against the row above), npar, logLik, AIC, singular, converged, and the likelihood-ratio
        test against the row above: Chisq, Df, Pr(>Chisq).
    models : the fits in the same order; final : the one kept; reason : why it.
    """

    table: pd.DataFrame
    models: tuple[GLMMResult, ...]
    final: GLMMResult
    reason: str

    def __str__(self):
        numbers = {"logLik": "{:.2f}", "AIC": "{:.1f}", "Chisq": "{:.3f}", "Pr(>Chisq)": "{:.3g}", "Df": "{:.0f}"}
        shown = self.table.copy()
        for name, form in numbers.items():
            shown[name] = [form.format(round(v, 6) + 0) if pd.notna(v) else "" for v in shown[name]]
        formulas = [f"{i}: {text}" for i, text in enumerate(shown.pop("formula"))]
        return "\n".join([*formulas, "", shown.to_string(), "", f"Kept: {self.final.design.formula.text}", self.reason])

    __repr__ = __str__

    def _repr_html_(self):
        return (self.table.to_html(border=0, na_rep="") + f"<p>Kept: <code>{escape(self.final.design.formula.text)}</code>"
                f"<br>{escape(self.reason)}</p>")


@accepts(alpha=FRACTION)
def stepwise(formula, data, family="binomial", *, alpha=None, **options) -> Stepwise:
    """Simplify the random effects step by step until the fit converges and is not singular.

    Parameters
    ----------
    formula, data, family, options : the model to start from, as `glmer` takes it.
    alpha : float, optional
        Without it the first model that converges and is not singular is kept, as in the tutorial.
        With it the reduction goes on from there while the likelihood-ratio test against the
        larger model has a p-value above alpha, that is, while the data do not miss what was left
        out.

    Returns
    -------
    Stepwise, with the table of fits and the final model.

    Raises
    ------
    DataError
        When alpha is not a probability; and whatever `glmer` raises.

    Notes
    -----
    The order is that of ``m.reduced_formulas()``: correlations first, then the highest-order
    random slope with the smallest variance (Jaeger's tutorial, equations 17-20; Bates, Kliegl,
    Vasishth & Baayen 2015), chosen anew after every fit. Matuschek, Kliegl, Vasishth, Baayen &
    Bates (2017) suggest alpha=0.2.

    What it cannot do: the path is greedy and not the only one; the p-values of variances are
    conservative, because a variance cannot be negative; and tests on the final model do not know
    that the model was chosen by the same data. A random slope that the design calls for but the
    data cannot support is better said than silently dropped (Barr et al. 2013).

    Examples
    --------
    >>> import glmmlib as gl
    >>> crowding = gl.load_crowding()
    >>> steps = gl.stepwise("ResponseCorrect ~ 1 + center(Size) + (1 + center(Size) | Subject)", crowding)
    >>> steps.final.is_singular
    False
    """
    models, changes = [_quiet(glmer, formula, data, family, **options)], [""]
    tests = [dict.fromkeys(("Chisq", "Df", "Pr(>Chisq)"), float("nan"))]
    final, reason = None, ""
    while True:
        model = models[-1]
        regular = model.converged and not model.is_singular
        if final is None and regular:
            final, reason = model, "It is the first that converges and is not singular."
            if alpha is None:
                break
        elif final is not None:
            p = tests[-1]["Pr(>Chisq)"]
            if not regular or not p > alpha:
                reason = f"What the next one leaves out the data would miss (p = {p:.3g}, alpha = {alpha:g})."
                break
            final, reason = model, f"It is the simplest of the path whose every step has p > {alpha:g}."
        change, text = model.convergence.change, model.convergence.simpler
        if text is None:
            if final is None:
                final, reason = model, "No simpler mixed model is left, and this one is still singular or not converged."
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DroppedRowsWarning)  # said once, by the first fit
            smaller = _quiet(glmer, text, data, family, **options)
        tests.append(anova(smaller, model).iloc[1][["Chisq", "Df", "Pr(>Chisq)"]].to_dict())
        models.append(smaller)
        changes.append(change)
    table = pd.DataFrame({
        "formula": [m.design.formula.text for m in models], "without": changes,
        "npar": [m.npar for m in models], "logLik": [m.loglik for m in models], "AIC": [m.aic for m in models],
        "singular": [m.is_singular for m in models], "converged": [m.converged for m in models],
        **{name: [test[name] for test in tests] for name in tests[0]}})
    return Stepwise(table, tuple(models), final, reason)


def _quiet(fit, *arguments, **options):
    """A fit whose singularity and convergence the table tells instead of a warning."""
    with warnings.catch_warnings():
        for kind in (SingularFitWarning, ConvergenceWarning):
            warnings.simplefilter("ignore", kind)
        return fit(*arguments, **options)
