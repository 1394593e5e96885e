"""What the tutorial prints, and what fits of the bundled data give: one table.

    make compare                                                     runs lme4 first, then this
    .venv/bin/python tests/reference/printed_against_achieved.py     with lme4's committed numbers
    ... --card                                                       and writes it into the data card

`owed` is how far a number may be off; tests/glmmlib/test_tutorial_targets.py holds every row to it.
"""

import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import glmmlib as gl

HERE = Path(__file__).parent
PRINTED = json.loads((HERE / "tutorial_printed.json").read_text())
CARD = HERE.parents[1] / "glmmlib" / "src" / "glmmlib" / "datasets" / "DATA_CARD.md"
MARKS = ("<!-- printed-against-achieved: filled by a script -->", "<!-- /printed-against-achieved -->")

FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject)"
CODING = {"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}
TERMS = ("(Intercept)", "Size", "Condition", "Size:Condition")

# (key in the tutorial's numbers, decimals printed, how far off it may be: a number or a share)
GLM = [
    ("estimate", 5, 1e-4), ("std_error", 5, 1e-4), ("z", 3, 0.02), ("null_deviance", 1, 0.05),
    ("residual_deviance", 1, 0.05), ("aic", 1, 0.05), ("null_df", 0, 0), ("residual_df", 0, 0),
    ("deviance_residual_quartiles", 4, 0.02),
]
GLMM = [
    ("loglik", 1, 0.3), ("aic", 1, 0.6), ("bic", 1, 0.6), ("deviance", 1, 0.6), ("df_resid", 0, 0),
    ("estimate", 4, 0.005), ("std_error", 4, "5%"), ("z", 3, "6%"), ("variance", 5, 0.006), ("std_dev", 4, 0.005),
    ("re_correlation_lower", 2, 0.02), ("fixef_correlation_lower", 3, 0.03),
    ("scaled_residual_quartiles", 4, 0.1), ("ranef", 4, 0.02),
]


@dataclass(frozen=True)
class Row:
    """One printed number; `achieved` by system; `owed` is the largest difference allowed."""

    model: str
    quantity: str
    printed: float
    decimals: int
    owed: float
    achieved: dict[str, float]

    def digits_agree(self, system):
        """True when the system would print just what the tutorial prints."""
        shown = f"{self.achieved[system]:.{self.decimals}f}"
        return float(shown) == float(f"{self.printed:.{self.decimals}f}")

    def within(self, system):
        """True when the printed number lies no further off than is owed (and half a printed unit)."""
        return abs(self.achieved[system] - self.printed) <= self.owed + 0.5 * 10.0**-self.decimals


def table(systems):
    """Rows for all printed numbers; systems: name -> {"glm": numbers, "glmm": numbers}."""
    rows = []
    for model, quantities in (("glm", GLM), ("glmm", GLMM)):
        for key, decimals, owed in quantities:
            printed = _flat(key, PRINTED[model][key])
            achieved = {name: dict(_flat(key, numbers[model][key]))
                        for name, numbers in systems.items() if model in numbers}
            for name, value in printed:
                off = abs(value) * float(owed[:-1]) / 100 if isinstance(owed, str) else owed
                rows.append(Row(model.upper(), name, value, decimals, off,
                                {system: values[name] for system, values in achieved.items()}))
    return rows


def _flat(key, value):
    """[(name, number)] of a number, a list over terms, quartiles, or rows of correlations or modes."""
    if isinstance(value, dict):
        return [(f"{key} {name}", v) if not isinstance(v, list) else (f"{key} {name} {term}", x)
                for name, v in value.items()
                for term, x in (zip(TERMS, v) if isinstance(v, list) else [("", v)])]
    if key.endswith("lower"):
        triangle = [np.atleast_1d(row) for row in value]
        return [(f"{key.removesuffix('_lower')} {TERMS[i + 1]}, {TERMS[j]}", float(x))
                for i, row in enumerate(triangle) for j, x in enumerate(row)]
    if isinstance(value, list):
        return [(f"{key} {term}", v) for term, v in zip(TERMS, value)]
    return [(key, value)]


def by_lme4():
    """lme4's numbers (and glm's), as crowding_lme4.R wrote them."""
    return json.loads((HERE / "crowding_lme4.json").read_text())


def by_glmmlib(data):
    """glmmlib's numbers for the GLMM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        m = gl.glmer(FORMULA, data, contrasts=CODING)
    covariance = m.fit.Lambdas[0] @ m.fit.Lambdas[0].T
    return {"glmm": {
        "loglik": m.loglik, "aic": m.aic, "bic": m.bic, "deviance": -2 * m.loglik, "df_resid": m.nobs - m.npar,
        "singular": m.is_singular,
        "estimate": list(m.fixef), "std_error": list(m.se), "z": list(m.fixef / m.se),
        "variance": list(np.diag(covariance)), "std_dev": list(np.sqrt(np.diag(covariance))),
        "re_correlation_lower": _lower(covariance), "fixef_correlation_lower": _lower(m.vcov.to_numpy()),
        "scaled_residual_quartiles": _quartiles(m.residuals()),
        "ranef": {level: list(modes) for level, modes in m.ranef["Subject"].iterrows()},
    }}


def by_statsmodels(data):
    """statsmodels' numbers for the GLM."""
    import statsmodels.api as sm

    size = data.Size - data.Size.mean()
    condition = np.where(data.Condition == "crowded", 0.5, -0.5)
    X = np.column_stack([np.ones(len(data)), size, condition, size * condition])
    fit = sm.GLM(data.ResponseCorrect, X, sm.families.Binomial()).fit()
    return {"glm": {
        "estimate": list(fit.params), "std_error": list(fit.bse), "z": list(fit.tvalues),
        "null_deviance": fit.null_deviance, "residual_deviance": fit.deviance, "aic": fit.aic,
        "null_df": len(data) - 1, "residual_df": fit.df_resid,
        "deviance_residual_quartiles": _quartiles(fit.resid_deviance),
    }}


def _quartiles(x):
    return dict(zip(("min", "q1", "median", "q3", "max"), np.quantile(x, (0, 0.25, 0.5, 0.75, 1))))


def _lower(covariance):
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    return [list(correlation[i, :i]) for i in range(1, len(sd))]


def markdown(rows):
    """The table, a line per number; ✓ where the printed digits come out, else the difference."""
    lines = ["| model | quantity | printed | R (glm, lme4) | statsmodels, glmmlib | R prints |", "|---|---|--:|--:|--:|---|"]
    for row in rows:
        ours = "glmmlib" if row.model == "GLMM" else "statsmodels"
        off = row.achieved["lme4"] - row.printed
        verdict = "✓" if row.digits_agree("lme4") else f"{off:+.{max(row.decimals, 1) + 1}f}"
        shown = (f"{value:.{row.decimals}f}" for value in (row.printed, row.achieved["lme4"], row.achieved[ours]))
        lines.append(f"| {row.model} | {row.quantity} | {' | '.join(shown)} | {verdict} |")
    agree = sum(row.digits_agree("lme4") for row in rows)
    return "\n".join([f"{agree} of {len(rows)} printed numbers come out digit for digit in R "
                      f"{by_lme4()['R']} with lme4 {by_lme4()['lme4']}.", "", *lines])


def main(arguments):
    data = gl.load_crowding()
    rows = table({"lme4": by_lme4(), "glmmlib": by_glmmlib(data), "statsmodels": by_statsmodels(data)})
    text = markdown(rows)
    print(text)
    if "--card" in arguments:
        card = CARD.read_text()
        start, end = (card.index(mark) for mark in MARKS)
        CARD.write_text(card[:start] + MARKS[0] + "\n" + text + "\n" + card[end:])


if __name__ == "__main__":
    main(sys.argv[1:])
