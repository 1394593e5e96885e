"""The printed summary of a fitted model, laid out as R's summary(glmer) prints it."""

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from scipy.special import ndtr


@dataclass(frozen=True)
class Summary:
    """Tables of strings under headings; `str()` aligns them, notebooks show them as HTML.

    coefficients : DataFrame of numbers: Estimate, Std. Error, z value, Pr(>|z|); t value alone for lmer.
    """

    title: str
    facts: dict[str, str]
    criteria: pd.DataFrame
    residuals: pd.DataFrame
    random_effects: pd.DataFrame
    observations: str
    coefficients: pd.DataFrame
    correlations: pd.DataFrame
    notes: tuple[str, ...]

    @classmethod
    def of(cls, result):
        design, gaussian = result.design, result.family.name == "gaussian"
        coefficients = pd.DataFrame({"Estimate": result.fixef, "Std. Error": result.se})
        ratio = result.fixef / result.se
        if gaussian:  # a t value, and as in lme4 no p-value, whose degrees of freedom nobody knows
            coefficients["t value"] = ratio
        else:
            coefficients["z value"], coefficients["Pr(>|z|)"] = ratio, 2 * ndtr(-np.abs(ratio))
        return cls(
            title=f"{'Linear' if gaussian else 'Generalized linear'} mixed model fit by {result.method}",
            facts=({} if gaussian else {"Family": result.fit.family.label}) | {"Formula": design.formula.text},
            criteria=one_row({"REML criterion": -2 * result.loglik} if result.method == "REML" else {
                "AIC": result.aic, "BIC": result.bic, "logLik": result.loglik,
                "-2*log(L)": -2 * result.loglik, "df.resid": result.nobs - result.npar}, 1),
            residuals=one_row(dict(zip(
                ("Min", "1Q", "Median", "3Q", "Max"),
                _quartiles(result.residuals()))), 4),
            random_effects=_random_effects(result),
            observations=f"Number of obs: {result.nobs}, groups: " + "; ".join(
                f"{block.group}, {len(block.levels)}" for block in design.blocks),
            coefficients=coefficients,
            correlations=_correlations(result.vcov),
            notes=_notes(result),
        )

    def _sections(self):
        """(heading, table) pairs in the order of printing."""
        yield "", self.criteria
        yield "Scaled residuals:", self.residuals
        yield "Random effects:", self.random_effects
        yield self.observations + "\n\nFixed effects:", self._coefficient_strings()
        if len(self.correlations):
            yield "Correlation of Fixed Effects:", self.correlations

    def _coefficient_strings(self):
        table = self.coefficients
        decimals = {"Estimate": 4, "Std. Error": 4, "z value": 3, "t value": 3}
        strings = {"": table.index} | {
            name: [f"{v:.{decimals[name]}f}" for v in table[name]] for name in table if name in decimals}
        if "Pr(>|z|)" in table:
            strings["Pr(>|z|)"] = ["< 2e-16" if v < 2e-16 else f"{v:.3g}" for v in table["Pr(>|z|)"]]
            strings[" "] = [stars(v) for v in table["Pr(>|z|)"]]
        return pd.DataFrame(strings)

    def __str__(self):
        lines = [self.title, *(f"{name + ':':>8} {text}" for name, text in self.facts.items()), ""]
        for heading, table in self._sections():
            lines += [*heading.splitlines(), *aligned(table), ""]
            if "Fixed effects:" in heading and "Pr(>|z|)" in self.coefficients:
                lines[-1:] = ["---", SIGNIFICANCE, ""]
        return "\n".join([*lines, *self.notes]).rstrip() + "\n"

    __repr__ = __str__

    def _repr_html_(self):
        parts = [f"<p><strong>{escape(self.title)}</strong></p>", "<p>" + "<br>".join(
            f"{name}: <code>{escape(text)}</code>" for name, text in self.facts.items()) + "</p>"]
        for heading, table in self._sections():
            parts += [f"<p>{escape(line)}</p>" for line in heading.splitlines() if line]
            parts.append(_html(table))
        if "Pr(>|z|)" in self.coefficients:
            parts.append(f"<p>{escape(SIGNIFICANCE)}</p>")
        parts += [f"<p>{escape(n)}</p>" for n in self.notes]
        return "\n".join(parts)


TEXT_COLUMNS = ("", "Groups", "Name")  # these stand to the left, numbers to the right
SIGNIFICANCE = "Signif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1"


def stars(p):
    return next((s for limit, s in ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, ".")) if p < limit), "")


def one_row(values, decimals):
    return pd.DataFrame({
        name: [str(value) if isinstance(value, int) else f"{value:.{decimals}f}"]
        for name, value in values.items()})


def _quartiles(residuals):
    with np.errstate(invalid="ignore"):  # infinite ones, where what was certain did not happen
        return np.quantile(residuals, (0, 0.25, 0.5, 0.75, 1))


def _random_effects(result):
    rows, longest = [], 0
    for block in result.design.blocks:
        varcorr = result.varcorr[result.varcorr.grp == block.group]
        variances = varcorr[varcorr.var2.isna()]
        correlation = {(r.var1, r.var2): r.sdcor for r in varcorr[varcorr.var2.notna()].itertuples()}
        longest = max(longest, len(block.columns) if correlation else 0)
        # As R does: each correlation stands in the row of the later effect.
        rows += [
            [block.group if i == 0 else "", r.var1, f"{r.vcov:.5f}", f"{r.sdcor:.4f}",
             *(f"{correlation[earlier, r.var1]:.2f}" if (earlier, r.var1) in correlation else ""
               for earlier in block.columns[:i])]
            for i, r in enumerate(variances.itertuples())]
    if result.family.dispersed:
        rows.append(["Residual", "", f"{result.fit.dispersion:.5f}", f"{result.sigma:.4f}"])
    columns = ["Groups", "Name", "Variance", "Std.Dev."]
    if longest:
        columns += ["Corr", *(" " * k for k in range(1, longest - 1))]
    width = len(columns)
    return pd.DataFrame([(row + [""] * width)[:width] for row in rows], columns=columns)


def _correlations(vcov):
    sd = np.sqrt(np.diag(vcov))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation, names = vcov.to_numpy() / np.outer(sd, sd), list(vcov.index)
    return pd.DataFrame(
        [[names[i], *(f"{correlation[i, j]:.3f}" if j < i else "" for j in range(len(names) - 1))]
         for i in range(1, len(names))],
        columns=["", *(_short(name) for name in names[:-1])])


def _short(name, width=10):
    return name if len(name) <= width else name[:width - 2] + ".."


def _notes(result):
    notes = []
    if result.design.dropped:
        notes.append("Rows left out because of missing values: " + ", ".join(
            f"{name} {count}" for name, count in result.design.dropped.items()))
    if result.penalised:
        notes.append(f"PENALISED by priors ({result.priors}): the estimates are maximum a posteriori; logLik, AIC "
                     "and BIC are of the likelihood alone, so do not compare them with those of other fits")
    if not result.converged:
        notes.append(f"NOT CONVERGED: {result.convergence.reason}")
    if result.is_singular:
        notes.append("boundary (singular) fit: some direction of the random effects has zero variance")
    return tuple(notes)


def aligned(table):
    """The lines of a table of strings, headed by its column names."""
    columns = []
    for name in table:
        cells = [name.strip(), *table[name]]
        width = max(map(len, cells))
        columns.append([c.ljust(width) if name in TEXT_COLUMNS else c.rjust(width) for c in cells])
    return [" ".join(row).rstrip() for row in zip(*columns)]


def _html(table):
    """A table of strings as HTML, aligned as in the text."""
    def row(tag, cells):
        return "<tr>" + "".join(
            f'<{tag} style="text-align: {"left" if name in TEXT_COLUMNS else "right"}">{escape(cell)}</{tag}>'
            for name, cell in zip(table, cells)) + "</tr>"

    body = "".join(row("td", cells) for cells in table.itertuples(index=False))
    return f"<table><thead>{row('th', [name.strip() for name in table])}</thead><tbody>{body}</tbody></table>"
