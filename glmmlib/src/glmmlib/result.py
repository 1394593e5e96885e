"""The fitted model: its estimates as tables, and what it predicts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .convergence import Convergence
from .design import Design
from .errors import DataError
from .family import Family
from .laplace import LaplaceFit
from .reduction import reductions
from .summary import Summary
from .thresholds import threshold_and_se


@dataclass(frozen=True)
class GLMMResult:
    """A fitted generalized linear mixed model.

    Tables are named as in the formula: p fixed effects, and for the grouping factor J levels
    with q coefficients that vary. Tables are made when first asked for; the result itself cannot
    be changed.
    """

    design: Design
    family: Family
    fit: LaplaceFit
    method: str

    # --- estimates ---------------------------------------------------------------------------

    @cached_property
    def fixef(self) -> pd.Series:
        """Fixed effects (p,), on the link scale."""
        return pd.Series(self.fit.beta, index=list(self.design.coefnames), name="Estimate")

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """Covariance (p, p) of the fixed effects: from the Hessian in (theta, beta), as lme4's glmer;
        for lmer with the variance parameters taken as known, as lme4's lmer."""
        names = list(self.design.coefnames)
        return pd.DataFrame(self.fit.beta_cov, index=names, columns=names)

    @cached_property
    def se(self) -> pd.Series:
        """Standard errors (p,) of the fixed effects."""
        return pd.Series(np.sqrt(np.diag(self.vcov)), index=self.vcov.index, name="Std. Error")

    @property
    def theta(self) -> np.ndarray:
        """Free entries of Lambda, the relative covariance factor, column by column as in lme4."""
        return self.fit.theta.copy()

    @property
    def sigma(self) -> float:
        """Residual standard deviation: the root of the dispersion; 1 where the family has none."""
        return float(np.sqrt(self.fit.dispersion))

    @property
    def lapse(self) -> float:
        """Lapse rate of a psychometric function: as given, or its estimate."""
        return getattr(self.fit.family, "lapse", 0.0)

    @cached_property
    def varcorr(self) -> pd.DataFrame:
        """Variances and covariances of the random effects, laid out as R's
        ``as.data.frame(VarCorr(m))``: columns grp, var1, var2, vcov, sdcor.

        Rows without var2 are variances (sdcor: standard deviation); rows with it are covariances
        (sdcor: correlation), absent where the formula sets them to zero. Where the family has a
        dispersion the last row, Residual, is its value and root.
        """
        rows = []
        for block, Lambda in zip(self.design.blocks, self.fit.Lambdas):
            cov = Lambda @ Lambda.T
            sd = np.sqrt(np.diag(cov))
            rows += [(block.group, name, None, cov[i, i], sd[i]) for i, name in enumerate(block.columns)]
            for j, i in zip(*np.nonzero(np.tril(block.pattern, -1).T)):
                correlation = cov[i, j] / (sd[i] * sd[j]) if sd[i] * sd[j] > 0 else np.nan
                rows.append((block.group, block.columns[j], block.columns[i], cov[i, j], correlation))
        if self.family.dispersed:
            rows.append(("Residual", None, None, self.fit.dispersion, self.sigma))
        return pd.DataFrame(rows, columns=["grp", "var1", "var2", "vcov", "sdcor"])

    @cached_property
    def ranef(self) -> dict[str, pd.DataFrame]:
        """Conditional modes: grouping factor -> table (J, q) of deviations from the fixed effects."""
        return self._by_level(self.fit.b)

    @cached_property
    def ranef_sd(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations of the modes, given the estimates: like ranef."""
        return self._by_level([np.sqrt(np.diagonal(cov, axis1=1, axis2=2)) for cov in self.fit.b_cov])

    @cached_property
    def coef(self) -> dict[str, pd.DataFrame]:
        """Each group's own coefficients: fixed effects plus conditional modes, (J, p or more)."""
        tables = {}
        for group, modes in self.ranef.items():
            tables[group] = table = pd.DataFrame(
                np.tile(self.fit.beta, (len(modes), 1)), index=modes.index, columns=list(self.fixef.index))
            for name in modes:
                table[name] = table.get(name, 0.0) + modes[name]
        return tables

    def _by_level(self, values):
        return {block.group: pd.DataFrame(array, index=block.levels, columns=list(block.columns))
                for block, array in zip(self.design.blocks, values)}

    # --- fit ---------------------------------------------------------------------------------

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return self.design.nobs

    @property
    def loglik(self) -> float:
        """Log-likelihood with all constants, comparable with lme4's; the restricted one for REML."""
        return -0.5 * self.fit.deviance

    @property
    def npar(self) -> int:
        """Number of estimated parameters: theta, fixed effects, dispersion and lapse rate."""
        return len(self.fit.theta) + len(self.fit.beta) + self.family.dispersed + len(self.family.free)

    @property
    def aic(self) -> float:
        return -2 * self.loglik + 2 * self.npar

    @property
    def bic(self) -> float:
        return -2 * self.loglik + np.log(self.nobs) * self.npar

    @property
    def converged(self) -> bool:
        """True when gradient and curvature show that an optimum was found."""
        return self.fit.converged

    @property
    def is_singular(self) -> bool:
        """True when some direction of the random effects has (almost) zero variance."""
        return self.fit.singular

    @cached_property
    def convergence(self) -> Convergence:
        """Whether the fit can be relied on and why, which direction of the random effects has no
        variance, and which simpler formula comes next; prints as sentences."""
        return Convergence.of(self.design, self.fit)

    def reduced_formulas(self) -> pd.DataFrame:
        """Simpler random effects, one step at a time: columns formula and without (what the step
        leaves out).

        First go the correlations, then random slopes, interactions before main effects and of
        those the one with the smallest variance, as in the tutorial's equations 17-20 and Bates et
        al. (2015). The order rests on this fit's variances; `stepwise` refits at each step.
        """
        return pd.DataFrame([(step.formula, step.change) for step in reductions(self.design, self.fit)],
                            columns=["formula", "without"])

    # --- predictions ---------------------------------------------------------------------------

    def predict(self, newdata=None, re="conditional", type="response") -> np.ndarray:
        """Predicted values.

        Parameters
        ----------
        newdata : DataFrame, optional
            Rows to predict for; the rows that were fitted when omitted.
        re : "conditional" (with each group's modes) or "population" (random effects zero: the
            typical group, not the average over groups).
        type : "response" (probability) or "link" (log-odds).

        Returns
        -------
        (rows,) array; NaN where a predictor is missing.

        Raises
        ------
        DataError
            For an unknown option, a missing column, or a group that was not fitted.
        """
        _one_of("re", re, ("conditional", "population"))
        _one_of("type", type, ("response", "link"))
        X, Zs, codes = self._combinations(newdata, re)
        eta = X @ self.fit.beta + (self.design.offset if newdata is None else self.design.offset_for(newdata))
        for Z, code, b in zip(Zs, codes, self.fit.b):
            eta = eta + np.where(code >= 0, np.sum(Z * b[code], axis=1), 0.0)
        return eta if type == "link" else self.fit.family.inverse(eta)

    def _combinations(self, data, re):
        """(X, Zs, codes) of the fitted rows or of new data; no random effects for the population."""
        design, blocks = self.design, self.design.blocks
        if data is None:
            X, Zs, codes = design.X, [block.Z for block in blocks], [block.refs for block in blocks]
        else:
            X, Zs, codes = design.fixed_columns(data), [], []
            if re == "conditional":
                Zs, codes = design.random_columns(data), design.group_codes(data)
        return (X, Zs, codes) if re == "conditional" else (X, [], [])

    def residuals(self) -> np.ndarray:
        """Pearson residuals (N,): (y - mu) / sqrt(variance), lme4's "scaled residuals"."""
        mu = self.predict()
        variance = self.family.variance(mu) * self.fit.dispersion / self.design.weights
        difference = self.design.y - mu
        with np.errstate(invalid="ignore", divide="ignore"):  # a certain outcome that came has no residual
            return np.where(difference == 0, 0.0, difference / np.sqrt(variance))

    @cached_property
    def joint_cov(self) -> dict[str, np.ndarray]:
        """Covariance of (beta, b_j) for each group j: grouping factor -> (J, p + q, p + q).

        The uncertainty of b given the parameters, plus what the parameters' own uncertainty adds
        through the modes: the delta method of Kass & Steffey (1989), as TMB's sdreport.
        """
        return {block.group: self.fit.posterior.joint(t) for t, block in enumerate(self.design.blocks)}

    def thresholds(self, p=0.625, x="Size", re="conditional", level=0.95) -> pd.DataFrame:
        """Where each psychometric curve reaches the proportion p.

        Parameters
        ----------
        p : target proportion, between 0 and 1.
        x : the data's column that the threshold is a value of. Transforms in the formula, such
            as center(), are undone: the threshold is in the column's own units.
        re : "conditional" for each group, "population" for the typical one.
        level : coverage of the interval.

        Returns
        -------
        DataFrame, one row per group and combination of the other categorical predictors (other
        numeric predictors at their means), with columns threshold, se, lower, upper; missing
        where the slope is zero. The standard error is the delta method's on the joint covariance
        of (b, beta), Wald intervals.

        Raises
        ------
        DataError
            When p, x or level cannot be used, or eta is not a straight line in x.
        """
        if not 0 < p < 1 or not 0 < level < 1:
            raise DataError(f"p and level must lie between 0 and 1, not p={p:g}, level={level:g}.")
        _one_of("re", re, ("conditional", "population"))
        grid, labels = self._grid(x, re)
        (X0, Zs0, codes), (X1, Zs1, _), (X2, Zs2, _) = (
            self._combinations(grid.assign(**{x: float(value)}), re) for value in (0, 1, 2))
        slope = (X1 - X0, [b - a for a, b in zip(Zs0, Zs1)], codes)
        if not all(np.allclose(c - b, b - a, rtol=1e-8, atol=1e-10)
                   for a, b, c in zip((X0, *Zs0), (X1, *Zs1), (X2, *Zs2))):
            raise DataError(
                f"eta is not a straight line in '{x}', so it has no single threshold: use '{x}' "
                "untransformed (or centred) in the formula.")
        threshold, se = threshold_and_se(
            self.fit, (X0, Zs0, codes), slope, self.fit.family.link(p))
        z = ndtri((1 + level) / 2)
        return labels.assign(
            threshold=threshold, se=se, lower=threshold - z * se, upper=threshold + z * se)

    def _grid(self, x, re):
        """Every combination of the categorical predictors but x (and of the groups): the data to
        predict for, and the columns that label them."""
        design, block = self.design, self.design.blocks[0]
        predictors = [v for v in design.variables if v not in (block.group, design.formula.response)]
        if x not in predictors:
            raise DataError(
                f"x='{x}' is not a predictor of this model; its predictors are: {', '.join(predictors)}.")
        if not pd.api.types.is_numeric_dtype(design.variables[x]):
            raise DataError(f"x='{x}' is not numeric, so no threshold can be found on it.")
        axes = {block.group: block.levels} if re == "conditional" else {}
        means = {}
        for name in predictors:
            column = design.variables[name]
            if name == x:
                continue
            if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                means[name] = column.mean()
            else:
                axes[name] = column.sort_values().unique()
        labels = (pd.MultiIndex.from_product(axes.values(), names=axes).to_frame(index=False)
                  if axes else pd.DataFrame(index=[0]))
        for name in axes:
            labels[name] = labels[name].astype(design.variables[name].dtype)
        return labels.assign(**means), labels

    def summary(self) -> Summary:
        """What R's summary(glmer) prints, as text or, in a notebook, as HTML."""
        return Summary.of(self)

    def __repr__(self):
        return (f"<GLMMResult {self.design.formula.text!r}: {self.nobs} rows, "
                f"logLik {self.loglik:.1f}{', singular' if self.is_singular else ''}>")


def _one_of(name, value, allowed):
    if value not in allowed:
        raise DataError(f"{name}={value!r} is not known; choose one of: {', '.join(map(repr, allowed))}.")
