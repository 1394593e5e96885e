"""Logistic regression by statsmodels, with glmer's formulas and codings and R's names and printout.

    from glmmlib.glm import glm
    pooled = glm("ResponseCorrect ~ 1 + center(Size) * Condition", crowding, contrasts=coding)

`pooled.statsmodels` is what statsmodels returns, with all that it can do. Needs statsmodels.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from .arguments import TABLE, accepts, one_of
from .design import Design, build_design
from .errors import DataError, SeparationError
from .family import Binomial
from .summary import SIGNIFICANCE, aligned, one_row, stars


def glm(formula, data, *, contrasts=None):
    """Fit a logistic regression (binomial family, logit link) by maximum likelihood.

    Parameters
    ----------
    formula : a formula as for `glmer`, without random effects: "y ~ 1 + center(x) * condition";
        offset(...) counts, in predictions too.
    data : DataFrame, one row per trial; the response is 0 or 1. Rows with missing values are left
        out, and said so.
    contrasts : named codings of categorical columns, as for `glmer`.

    Returns
    -------
    GLMResult

    Raises
    ------
    FormulaError, DataError, SeparationError
        One sentence that names the cause and the remedy.

    Examples
    --------
    >>> import glmmlib as gl
    >>> from glmmlib.glm import glm
    >>> glm("ResponseCorrect ~ 1 + center(Size)", gl.load_crowding()).coef.round(1)
    (Intercept)     0.6
    center(Size)    0.8
    dtype: float64
    """
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

    design = build_design(formula, data, contrasts, mixed=False)
    Binomial().check_response(design.y, design.weights, design.formula.response)
    if np.any(design.weights != 1):
        raise DataError(f"glm takes one trial per row: expand '{design.formula.response}' to rows of 0 and 1.")
    X = pd.DataFrame(design.X, design.index, design.coefnames)
    y = pd.Series(design.y, design.index, name=design.formula.response)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PerfectSeparationWarning)
            fit = sm.GLM(y, X, family=sm.families.Binomial(), offset=design.offset).fit()
    except (PerfectSeparationError, PerfectSeparationWarning):
        raise SeparationError(
            f"The predictors of '{formula}' tell the two outcomes apart perfectly, so there is no "
            "finite estimate: use more trials or fewer predictors.") from None
    return GLMResult(formula, design, fit)


@dataclass(frozen=True, repr=False)
class GLMResult:
    """A fitted logistic regression; `print(result.summary())` lays it out as R does.

    statsmodels : the GLMResults of statsmodels.
    """

    formula: str
    design: Design
    statsmodels: object

    @property
    def family(self):
        return Binomial()

    @property
    def fit(self):
        """What curves are computed from, as of a mixed model: beta, family and the joint covariance."""
        return FixedFit(self.coef.to_numpy(), self.vcov.to_numpy())

    @property
    def coef(self) -> pd.Series:
        """Estimated coefficients, under R's names."""
        return self.statsmodels.params

    @property
    def se(self) -> pd.Series:
        """Standard errors of the coefficients."""
        return self.statsmodels.bse

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance matrix of the coefficients."""
        return self.statsmodels.cov_params()

    @cached_property
    def coefficients(self) -> pd.DataFrame:
        """R's table: Estimate, Std. Error, z value, Pr(>|z|)."""
        z = self.coef / self.se
        return pd.DataFrame({"Estimate": self.coef, "Std. Error": self.se, "z value": z,
                             "Pr(>|z|)": 2 * ndtr(-np.abs(z))})

    @accepts(newdata=TABLE, type=one_of("response", "link"))
    def predict(self, newdata=None, type="response") -> np.ndarray:
        """Predicted probabilities (type="response") or log-odds ("link"), (rows,).

        newdata : DataFrame; the fitted rows when omitted. Transforms such as center(Size) are
            applied as they were to the fitted data. A missing predictor gives NaN.
        """
        design = self.design
        X, offset = ((design.X, design.offset) if newdata is None
                     else (design.fixed_columns(newdata), design.offset_for(newdata)))
        eta = X @ self.coef.to_numpy() + offset
        return eta if type == "link" else expit(eta)

    def deviance_residuals(self) -> pd.Series:
        """One per row: the root of its share of the deviance, with the sign of y - mu."""
        return self.statsmodels.resid_deviance

    def summary(self) -> "GLMSummary":
        """R's printout of the model."""
        return GLMSummary(self)

    def __repr__(self):
        return f"<GLMResult: {self.formula}; {self.design.nobs} rows>"


@dataclass(frozen=True)
class FixedFit:
    """beta (p,) and its covariance (p, p), under the names that a `LaplaceFit` has them."""

    beta: np.ndarray
    cov: np.ndarray
    b = ()
    family = Binomial()

    @property
    def posterior(self):
        return self

    def covariance(self, left, right):
        """Covariances (rows,) of two sets of linear combinations (X, Zs, codes), row by row."""
        return np.einsum("ri,ij,rj->r", left[0], self.cov, right[0])


class GLMSummary:
    """What R's summary(glm) prints (with the deviance residuals, which R dropped in 4.3.0)."""

    def __init__(self, result):
        fit, table = result.statsmodels, result.coefficients
        residuals = dict(zip(("Min", "1Q", "Median", "3Q", "Max"),
                             np.quantile(result.deviance_residuals(), (0, 0.25, 0.5, 0.75, 1))))
        strings = pd.DataFrame({
            "": table.index,
            "Estimate": [f"{v:.5f}" for v in table["Estimate"]],
            "Std. Error": [f"{v:.5f}" for v in table["Std. Error"]],
            "z value": [f"{v:.3f}" for v in table["z value"]],
            "Pr(>|z|)": ["< 2e-16" if v < 2e-16 else f"{v:.3g}" for v in table["Pr(>|z|)"]],
            " ": [stars(v) for v in table["Pr(>|z|)"]],
        })
        null_df = result.design.nobs - 1
        self.lines = [
            f"Call: glm({result.formula}, family = binomial)", "",
            "Deviance Residuals:", *aligned(one_row(residuals, 4)), "",
            "Coefficients:", *aligned(strings), "---", SIGNIFICANCE, "",
            "(Dispersion parameter for binomial family taken to be 1)", "",
            f"    Null deviance: {fit.null_deviance:.1f}  on {null_df}  degrees of freedom",
            f"Residual deviance: {fit.deviance:.1f}  on {fit.df_resid:g}  degrees of freedom",
            f"AIC: {fit.aic:.1f}", "",
            f"Number of Fisher Scoring iterations: {fit.fit_history['iteration']}",
        ]

    def __repr__(self):
        return "\n".join(self.lines)
