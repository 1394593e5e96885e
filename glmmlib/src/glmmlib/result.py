"""The fitted model: its estimates as tables, and what it predicts."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from . import thresholds
from .arguments import (
    FLAG, FRACTION, FRACTIONS, FUNCTION, GENERATOR, NAME, NAMES, SEED, TABLE, WORKERS, accepts, one_of, whole,
)
from .bootstrap import Bootstrap, bootstrap
from .convergence import Convergence
from .design import Design
from .family import Family
from .laplace import LaplaceFit
from .marginal import predict
from .parameters import values_of
from .priors import Priors
from .reduction import reductions
from .refitting import Refitter, refit
from .residuals import residuals
from .simulation import simulate
from .summary import Summary


@dataclass(frozen=True)
class GLMMResult:
    """A fitted generalized linear mixed model.

    Tables are named as in the formula: p fixed effects, and for the grouping factor J levels
    with q coefficients that vary. Tables are made when first asked for; the result itself cannot
    be changed.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> m.fixef.round(2).to_dict()
    {'(Intercept)': 0.59, 'center(Size)': 0.99}
    >>> m.ranef["Subject"].shape
    (10, 1)
    """

    design: Design
    family: Family
    fit: LaplaceFit
    method: str
    priors: Priors | None = None
    options: dict = field(default_factory=dict, repr=False)  # of fit_laplace
    arguments: dict = field(default_factory=dict, repr=False)  # contrasts, weights, offset as given
    held: dict = field(default_factory=dict)  # parameters that were not estimated, and their values

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
        """Log-likelihood with all constants, comparable with lme4's; the restricted one for REML.
        With priors it is still the likelihood alone, at estimates that do not maximise it."""
        return -0.5 * self.fit.deviance

    @property
    def penalised(self) -> bool:
        """True when priors were used: the estimates are maximum a posteriori."""
        return self.priors is not None

    @property
    def penalised_loglik(self) -> float:
        """What was maximised: loglik plus the priors' log density (up to a constant where that is
        improper); loglik without priors."""
        return self.loglik - 0.5 * self.fit.penalty

    @property
    def npar(self) -> int:
        """Number of estimated parameters: theta, fixed effects, dispersion and lapse rate."""
        return len(self.fit.theta) + len(self.fit.beta) + self.family.dispersed + len(self.family.free) - len(self.held)

    @property
    def aic(self) -> float:
        """Akaike's criterion: -2 loglik + 2 npar."""
        return -2 * self.loglik + 2 * self.npar

    @property
    def bic(self) -> float:
        """Schwarz's criterion: -2 loglik + log(nobs) npar."""
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

    @accepts(newdata=TABLE, re=one_of("conditional", "population", "marginal"), type=one_of("response", "link"),
             allow_new_levels=FLAG, se=FLAG, level=FRACTION)
    def predict(self, newdata=None, re="conditional", type="response", *, allow_new_levels=False,
                se=False, level=0.95) -> np.ndarray | pd.DataFrame:
        """Predicted values.

        Parameters
        ----------
        newdata : DataFrame, optional
            Rows to predict for; the rows that were fitted when omitted.
        re : str
            "conditional": with each group's modes; "population": random effects zero, the typical
            group; "marginal": the mean over groups, the integral over the random effects'
            distribution (for proportions nearer to one half than the typical group).
        type : "response" (probability, count, ...) or "link".
        allow_new_levels : whether groups may be new ones: their random effects are zero, and their
            intervals as wide as groups differ.
        se : whether to give standard errors and intervals too.
        level : their coverage.

        Returns
        -------
        (rows,) array; NaN where a predictor is missing. With se a DataFrame with columns
        predicted, se (on the link scale), lower, upper: Wald intervals of the mean response, made
        on the link scale, from the joint covariance of beta and b. Those of re="marginal" take the
        random effects' covariance as known.

        Raises
        ------
        DataError
            For an unknown option, a missing column, or a group that was not fitted.

        Examples
        --------
        >>> import glmmlib as gl
        >>> crowding = gl.load_crowding()
        >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
        >>> large = crowding[crowding.Size > 3].head(1)
        >>> m.predict(large, re="population") > m.predict(large, re="marginal") > 0.5
        array([ True])
        >>> list(m.predict(large, se=True))
        ['predicted', 'se', 'lower', 'upper']
        """
        return predict(self, newdata, re, type, allow_new_levels, se, level)

    @accepts(type=one_of("pearson", "deviance", "response", "working", "quantile"), seed=GENERATOR)
    def residuals(self, type="pearson", seed=None) -> np.ndarray:
        """Residuals of the fitted rows, at their groups' conditional modes.

        Parameters
        ----------
        type : str
            "pearson": (y - mu) / sqrt(variance), lme4's "scaled residuals"; "deviance": the root
            of the row's share of the deviance, with the sign of y - mu; "response": y - mu;
            "working": (y - mu) / (dmu/deta); "quantile": randomised quantile residuals, which are
            standard normal where the model is true, whatever the family (Dunn & Smyth 1996).
        seed : int or numpy Generator, of the randomisation of "quantile".

        Returns
        -------
        (N,) array; NaN for rows of weight zero where the residual needs one.

        Raises
        ------
        DataError
            For an unknown type.

        Examples
        --------
        >>> import glmmlib as gl
        >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
        >>> bool(abs(m.residuals("quantile", seed=1).mean()) < 0.03)
        True
        """
        return residuals(self, type, seed)

    # --- new responses, new fits -------------------------------------------------------------

    @property
    def parameters(self) -> pd.Series:
        """Every estimated parameter under its name, on the scale that one reads: standard deviations
        and correlations of the random effects, sigma and lapse where there are such, fixed effects.

        The names are those of ``gl.profile``, ``bootstrap`` and ``refit(held=...)``.

        >>> import glmmlib as gl
        >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
        >>> list(m.parameters.index)
        ['sd_(Intercept)|Subject', '(Intercept)', 'center(Size)']
        """
        return values_of(self.design, self.fit)

    @property
    def coefficients(self) -> pd.DataFrame:
        """Wald tests of the fixed effects, R's table: Estimate, Std. Error, z value, Pr(>|z|)."""
        return self.summary().coefficients

    @cached_property
    def _refitter(self):
        return Refitter(self.design, self.family, self.fit, self.options)

    def refit(self, y=None, *, data=None, weights=None, held=None, start=None) -> "GLMMResult":
        """The same model fitted to other responses, weights or data, or with parameters held: see `gl.refit`."""
        return refit(self, y, data=data, weights=weights, held=held, start=start)

    @accepts(n=whole(), seed=GENERATOR, re=one_of("new", "conditional"))
    def simulate(self, n=1, seed=None, re="new") -> pd.DataFrame:
        """Responses drawn from the fitted model, for the rows that were fitted.

        Guess and lapse rate, trials (weights) and offsets are those of the fit.

        Parameters
        ----------
        n : how many responses per row.
        seed : int or numpy Generator.
        re : "new" (random effects drawn anew: other groups) or "conditional" (the fitted groups,
            their random effects at the conditional modes).

        Returns
        -------
        DataFrame (N, n) with columns sim_1, sim_2, ..., indexed as the data; proportions where a
        row has several trials. Each column can be given to ``refit``.

        Raises
        ------
        DataError
            For an unknown option.

        Examples
        --------
        >>> import glmmlib as gl
        >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
        >>> m.simulate(2, seed=1).shape
        (6539, 2)
        """
        return simulate(self, n, seed, re)

    @accepts(n=whole(), statistic=FUNCTION, seed=SEED, n_jobs=WORKERS, progress=FLAG, re=one_of("new", "conditional"))
    def bootstrap(self, n=1000, statistic=None, seed=None, n_jobs=None, progress=True, re="new") -> Bootstrap:
        """Parametric bootstrap: the model refitted to n responses simulated from it.

        Parameters
        ----------
        n : number of replicates.
        statistic : function GLMMResult -> number, array, dict or Series, computed for each refitted
            model beside its parameters. With several workers it must be picklable.
        seed : int or numpy SeedSequence. The replicates depend on it alone, not on the workers.
        n_jobs : number of workers, -1 for all cores; None for one, or what ``joblib.parallel_config``
            says: with ``joblib.parallel_config(backend="dask")`` the replicates run on a Dask cluster.
        progress : whether to say how far it is. An interrupt from the keyboard keeps what is done.
        re : "new" or "conditional", see ``simulate``.

        Returns
        -------
        Bootstrap
            A table of replicates, with intervals, standard errors, bias, and the counts of singular
            and unconverged replicates.

        Raises
        ------
        DataError
            For an unknown option, or when joblib is not installed.

        Notes
        -----
        As R's ``lme4::bootMer(type="parametric", use.u=FALSE)``.

        Examples
        --------
        >>> import glmmlib as gl
        >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
        >>> boot = m.bootstrap(20, lambda m: m.thresholds(p=0.75, re="population").threshold, seed=1)
        >>> boot.replicates.shape, boot.n_unconverged
        ((20, 4), 0)
        >>> boot.confint(level=0.9).loc["center(Size)"].round(1).to_list()
        [0.9, 1.1]
        """
        return bootstrap(self, n, statistic, seed, n_jobs, progress, re)

    @cached_property
    def joint_cov(self) -> dict[str, np.ndarray]:
        """Covariance of (beta, b_j) for each group j: grouping factor -> (J, p + q, p + q).

        The uncertainty of b given the parameters, plus what the parameters' own uncertainty adds
        through the modes: the delta method of Kass & Steffey (1989), as TMB's sdreport.
        """
        return {block.group: self.fit.posterior.joint(t) for t, block in enumerate(self.design.blocks)}

    @accepts(p=FRACTIONS, x=NAME, by=NAMES, group=NAME, re=one_of("conditional", "population"), level=FRACTION,
             interval=one_of("delta", "fieller", "bootstrap"), between=NAME, n=whole(), seed=SEED, n_jobs=WORKERS)
    def thresholds(self, p=0.625, x="Size", by=None, group=None, re="conditional", level=0.95,
                   interval="delta", between=None, n=1000, seed=None, n_jobs=None) -> pd.DataFrame:
        """Where each psychometric curve reaches the proportion p.

        Parameters
        ----------
        p : target proportion, or several. With a guess or lapse rate it is the proportion correct,
            guesses included, and must lie on the curve.
        x : the data's column that the threshold is a value of. Transforms in the formula, such
            as center(), are undone: the threshold is in the column's own units.
        by : categorical predictors that get curves of their own: a name or several, all when
            omitted. Over the others eta is averaged with equal weights.
        group : the grouping factor whose groups get curves of their own; needed where there are
            several. Random effects of the others are zero: their typical group.
        re : "conditional" for each group, "population" for the typical one.
        level : coverage of the interval.
        interval : "delta" (Wald), "fieller" (Fieller 1954: asymmetric, unbounded where the slope
            does not differ from zero), or for the population "bootstrap" (percentiles of n refits,
            see `bootstrap` for seed and n_jobs).
        between : a categorical predictor: the table holds the differences of thresholds between
            its levels instead, later level minus earlier, with the covariance of both counted.

        Returns
        -------
        DataFrame, one row per group and combination of categorical predictors that occurs (other
        numeric predictors at their means), with columns threshold (or difference), se, lower,
        upper, and p if several were asked for; missing where the slope is zero. Errors come from
        the joint covariance of (b, beta), to first order.

        Raises
        ------
        DataError
            When an option cannot be used, p is off the curve, or eta is not a straight line in x.

        Examples
        --------
        >>> import glmmlib as gl
        >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + Condition + (1 | Subject)", gl.load_crowding())
        >>> m.thresholds(re="population").round(2)[["Condition", "threshold", "se"]]
           Condition  threshold   se
        0  uncrowded       1.61  0.1
        1    crowded       2.15  0.1
        >>> m.thresholds(re="population", between="Condition").round(2)[["Condition", "difference"]]
                     Condition  difference
        0  crowded - uncrowded        0.54
        """
        return thresholds.thresholds(self, p, x, by, group, re, level, interval, between, n=n, seed=seed, n_jobs=n_jobs,
                                     progress=False)

    @accepts(x=NAME, by=NAMES, group=NAME, re=one_of("conditional", "population"), level=FRACTION)
    def slopes(self, x="Size", by=None, group=None, re="conditional", level=0.95) -> pd.DataFrame:
        """Change of eta per unit of x, for each group and condition: columns slope, se, lower, upper.

        Parameters and errors as for `thresholds`.
        """
        return thresholds.slopes(self, x, by, group, re, level)

    @accepts(x=NAME, by=NAMES, group=NAME, re=one_of("conditional", "population"), level=FRACTION)
    def jnd(self, x="Size", by=None, group=None, re="conditional", level=0.95) -> pd.DataFrame:
        """Just-noticeable differences: half the distance in x between a quarter and three quarters
        of the curve's rise from guess rate to 1 - lapse rate: columns jnd, se, lower, upper.

        Parameters and errors as for `thresholds`.
        """
        return thresholds.slopes(self, x, by, group, re, level, name="jnd", scale=thresholds.quartile_distance)

    def summary(self) -> Summary:
        """What R's summary(glmer) prints, as text or, in a notebook, as HTML."""
        return Summary.of(self)

    def __repr__(self):
        return (f"<GLMMResult {self.design.formula.text!r}: {self.nobs} rows, "
                f"logLik {self.loglik:.1f}{', penalised' if self.penalised else ''}"
                f"{', singular' if self.is_singular else ''}>")
