"""The fitted model: its estimates as tables, and what it predicts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .design import Design
from .errors import DataError
from .family import Binomial
from .laplace import LaplaceFit
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
    family: Binomial
    fit: LaplaceFit

    # --- estimates ---------------------------------------------------------------------------

    @cached_property
    def fixef(self) -> pd.Series:
        """Fixed effects (p,), on the link scale."""
        return pd.Series(self.fit.beta, index=list(self.design.coefnames), name="Estimate")

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """Covariance (p, p) of the fixed effects, from the Hessian in (theta, beta) as in lme4."""
        p, names = len(self.fit.beta), list(self.design.coefnames)
        return pd.DataFrame(self.fit.phi_cov[-p:, -p:], index=names, columns=names)

    @cached_property
    def se(self) -> pd.Series:
        """Standard errors (p,) of the fixed effects."""
        return pd.Series(np.sqrt(np.diag(self.vcov)), index=self.vcov.index, name="Std. Error")

    @property
    def theta(self) -> np.ndarray:
        """Free entries of Lambda, the relative covariance factor, column by column as in lme4."""
        return self.fit.theta.copy()

    @cached_property
    def varcorr(self) -> pd.DataFrame:
        """Variances and covariances of the random effects, laid out as R's
        ``as.data.frame(VarCorr(m))``: columns grp, var1, var2, vcov, sdcor.

        Rows without var2 are variances (sdcor: standard deviation); rows with it are covariances
        (sdcor: correlation), absent where the formula sets them to zero.
        """
        block, cov = self.design.blocks[0], self.fit.Lambda @ self.fit.Lambda.T
        sd = np.sqrt(np.diag(cov))
        rows = [(block.group, name, None, cov[i, i], sd[i]) for i, name in enumerate(block.columns)]
        for j, i in zip(*np.nonzero(np.tril(block.pattern, -1).T)):
            correlation = cov[i, j] / (sd[i] * sd[j]) if sd[i] * sd[j] > 0 else np.nan
            rows.append((block.group, block.columns[j], block.columns[i], cov[i, j], correlation))
        return pd.DataFrame(rows, columns=["grp", "var1", "var2", "vcov", "sdcor"])

    @cached_property
    def ranef(self) -> dict[str, pd.DataFrame]:
        """Conditional modes: grouping factor -> table (J, q) of deviations from the fixed effects."""
        return {self.design.blocks[0].group: self._by_level(self.fit.b)}

    @cached_property
    def ranef_sd(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations of the modes, given the estimates: like ranef."""
        variances = np.diagonal(self.fit.cond_cov, axis1=1, axis2=2)
        return {self.design.blocks[0].group: self._by_level(np.sqrt(variances))}

    @cached_property
    def coef(self) -> dict[str, pd.DataFrame]:
        """Each group's own coefficients: fixed effects plus conditional modes, (J, p or more)."""
        modes = self.ranef[self.design.blocks[0].group]
        table = pd.DataFrame(
            np.tile(self.fit.beta, (len(modes), 1)), index=modes.index, columns=list(self.fixef.index))
        for name in modes:
            table[name] = table.get(name, 0.0) + modes[name]
        return {self.design.blocks[0].group: table}

    def _by_level(self, values):
        block = self.design.blocks[0]
        return pd.DataFrame(values, index=block.levels, columns=list(block.columns))

    # --- fit ---------------------------------------------------------------------------------

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return self.design.nobs

    @property
    def loglik(self) -> float:
        """Log-likelihood, Laplace approximation, with all constants: comparable with lme4's."""
        return -0.5 * self.fit.deviance  # a binary response has no binomial coefficient

    @property
    def npar(self) -> int:
        """Number of estimated parameters: theta and fixed effects."""
        return len(self.fit.theta) + len(self.fit.beta)

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
        design = self.design
        if newdata is None:
            X, Z, codes = design.X, design.blocks[0].Z, design.blocks[0].refs
        else:
            X = design.fixed_columns(newdata)
            if re == "conditional":
                (Z,), (codes,) = design.random_columns(newdata), design.group_codes(newdata)
        eta = X @ self.fit.beta
        if re == "conditional":
            eta = eta + np.sum(Z * self.fit.b[codes], axis=1)
        return eta if type == "link" else self.family.link.inverse(eta)

    def residuals(self) -> np.ndarray:
        """Pearson residuals (N,): (y - mu) / sqrt(variance), lme4's "scaled residuals"."""
        mu = self.predict()
        return (self.design.y - mu) / np.sqrt(self.family.variance(mu))

    @cached_property
    def joint_cov(self) -> np.ndarray:
        """Covariance (J, p + q, p + q) of (beta, b_j) for each group j.

        The uncertainty of b given the parameters, plus what the parameters' own uncertainty adds
        through the modes: the delta method of Kass & Steffey (1989), as TMB's sdreport.
        """
        J, q, m = self.fit.b_jacobian.shape
        p = len(self.fit.beta)
        jacobian = np.zeros((J, p + q, m))
        jacobian[:, range(p), range(m - p, m)] = 1.0
        jacobian[:, p:] = self.fit.b_jacobian
        cov = jacobian @ self.fit.phi_cov @ jacobian.transpose(0, 2, 1)
        cov[:, p:, p:] += self.fit.cond_cov
        return cov

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
        at_zero, at_one, at_two = (self._rows(grid.assign(**{x: float(value)}), re) for value in (0, 1, 2))
        per_unit = at_one - at_zero
        if not np.allclose(at_two - at_one, per_unit, rtol=1e-8, atol=1e-10):
            raise DataError(
                f"eta is not a straight line in '{x}', so it has no single threshold: use '{x}' "
                "untransformed (or centred) in the formula.")
        if re == "population":
            coefficients, cov = self.fit.beta[None, :], self.vcov.to_numpy()[None]
            codes = np.zeros(len(grid), dtype=int)
        else:
            (codes,) = self.design.group_codes(grid)
            coefficients = np.hstack([np.tile(self.fit.beta, (len(self.fit.b), 1)), self.fit.b])
            cov = self.joint_cov
        threshold, se = threshold_and_se(
            at_zero, per_unit, coefficients[codes], cov[codes], self.family.link.link(p))
        z = ndtri((1 + level) / 2)
        return labels.assign(
            threshold=threshold, se=se, lower=threshold - z * se, upper=threshold + z * se)

    def _rows(self, data, re):
        X = self.design.fixed_columns(data)
        return X if re == "population" else np.hstack([X, *self.design.random_columns(data)])

    def _grid(self, x, re):
        """Every combination of the categorical predictors but x (and of the groups): the data to
        predict for, and the columns that label them."""
        design, group = self.design, self.design.blocks[0].group
        predictors = [v for v in design.variables if v not in (group, design.formula.response)]
        if x not in predictors:
            raise DataError(
                f"x='{x}' is not a predictor of this model; its predictors are: {', '.join(predictors)}.")
        if not pd.api.types.is_numeric_dtype(design.variables[x]):
            raise DataError(f"x='{x}' is not numeric, so no threshold can be found on it.")
        axes = {group: design.blocks[0].levels} if re == "conditional" else {}
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
