"""How many groups, and rows in each, find an effect: by simulation from a fitted model."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtr

from .arguments import FLAG, FRACTION, MODEL, NAME, NAMED_NUMBERS, SEED, WORKERS, accepts, whole
from .errors import DataError, GlmmlibError
from .refitting import Refitter
from .replicates import child, replicate
from .simulation import draw


@accepts(model=MODEL, effect=NAME, by=NAME, fixef=NAMED_NUMBERS, n=whole(), alpha=FRACTION, seed=SEED, n_jobs=WORKERS,
         progress=FLAG)
def power(model, effect, groups, rows=None, *, by=None, fixef=None, n=200, alpha=0.05, seed=None,
          n_jobs=None, progress=True) -> pd.DataFrame:
    """Share of simulated studies in which an effect is found, for other numbers of groups and rows.

    Each simulated study draws its groups from those of the fitted data: the new group has a donor's
    predictors, weights and offsets, random effects of its own, and a new response. The model's
    formula is fitted to it and the effect tested by Wald's z.

    Parameters
    ----------
    model : GLMMResult, whose estimates are taken for the truth.
    effect : name of the fixed effect that is to be found.
    groups : number, or numbers to compare, of groups (subjects).
    rows : number or numbers of rows (trials) per group, drawn from the donor's: each of them equally
        often as far as possible. The donor's own when omitted.
    by : the grouping factor that `groups` counts; needed where there are several. Factors nested in
        it come with the donor; the others keep their levels.
    fixef : dict name -> value, fixed effects that are taken for true instead of the estimates.
    n : number of studies for each combination; alpha : the test's level.
    seed, n_jobs, progress : see ``m.bootstrap``.

    Returns
    -------
    DataFrame
        One row for each combination: groups, rows (per group, on average), power, mc_se (Monte Carlo
        standard error of the power), converged (share of the fits), n (studies). A fit that was not
        possible or did not converge finds nothing.

    Raises
    ------
    DataError
        For an unknown effect or factor, or numbers that make no study.

    Examples
    --------
    >>> import glmmlib as gl
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", gl.load_crowding())
    >>> table = gl.power(m, "center(Size)", groups=[4, 8], rows=20, fixef={"center(Size)": 0.5}, n=20, seed=1)
    >>> table[["groups", "rows", "n"]].to_numpy().tolist()
    [[4.0, 20.0, 20.0], [8.0, 20.0, 20.0]]
    """
    fixef = {} if fixef is None else fixef
    names, factor = list(model.design.coefnames), _factor(model.design, by)
    for name in (effect, *fixef):
        if name not in names:
            raise DataError(f"There is no fixed effect '{name}'; there are: {', '.join(names)}.")
    sizes = [None] if rows is None else _whole(rows, 1, "rows")
    beta = model.fit.beta.copy()
    for name, value in fixef.items():
        beta[names.index(name)] = value
    truth, table = replace(model.fit, beta=beta), []
    for i, (count, size) in enumerate((count, size) for count in _whole(groups, 2, "groups") for size in sizes):
        study = partial(_study, model, truth, names.index(effect), factor, count, size)
        runs = replicate(study, n, child(seed, i), n_jobs, progress)
        p, converged, nobs = np.reshape(runs, (-1, 3)).T
        done = max(len(runs), 1)
        share = np.sum((p < alpha) & (converged == 1)) / done
        table.append({
            "groups": count, "rows": nobs.sum() / done / count, "power": share,
            "mc_se": np.sqrt(share * (1 - share) / done), "converged": converged.sum() / done, "n": len(runs)})
        if len(runs) < n:  # interrupted
            break
    return pd.DataFrame(table)


def _factor(design, by):
    """Index of the grouping factor named by, or of the only one."""
    factors = [block.group for block in design.blocks]
    if by is None and len(factors) > 1:
        raise DataError(
            f"The model has several grouping factors: say by= which one groups counts: {', '.join(factors)}.")
    if by is not None and by not in factors:
        raise DataError(f"There is no grouping factor '{by}'; there are: {', '.join(factors)}.")
    return factors.index(by) if by else 0


def _whole(numbers, least, name):
    """One or several whole numbers as a list."""
    numbers = np.atleast_1d(numbers)
    if not np.issubdtype(numbers.dtype, np.number) or np.any(numbers < least) or np.any(numbers != np.floor(numbers)):
        raise DataError(f"{name} must be whole numbers, {least} or more.")
    return [int(number) for number in numbers]


def _study(model, truth, effect, factor, groups, size, rng):
    """(p-value, converged, rows) of one simulated study."""
    design = resampled(model.design, factor, groups, size, rng)
    design = replace(design, y=draw(design, truth, rng))
    try:
        model.family.check_response(design.y, design.weights, design.formula.response)
        fit = Refitter(design, model.family, truth, model.options).fit_of(design, model.held)
    except GlmmlibError:
        return np.nan, 0.0, design.nobs
    again = replace(model, design=design, fit=fit)
    z = again.fixef.iloc[effect] / again.se.iloc[effect]
    return 2 * float(ndtr(-abs(z))), float(fit.converged), design.nobs


def resampled(design, factor, groups, size, rng):
    """A design with so many groups of one factor, each a random donor's copy, with size rows each."""
    refs = design.blocks[factor].refs
    order = np.argsort(refs, kind="stable")
    starts = np.searchsorted(refs[order], np.arange(len(design.blocks[factor].levels) + 1))
    donors = rng.integers(len(starts) - 1, size=groups)
    picked = [_pick(order[starts[j]:starts[j + 1]], size, rng) for j in donors]
    own = np.repeat(np.arange(groups), [len(rows) for rows in picked])
    rows = np.concatenate(picked)
    blocks = []
    for t, block in enumerate(design.blocks):
        if t == factor:
            codes, levels = own, pd.RangeIndex(groups)
        elif _nested(block.refs, refs):  # its levels belong to one group each: copies are new levels
            codes, levels = pd.factorize(own * np.int64(len(block.levels)) + block.refs[rows], sort=True)
        else:
            codes, levels = block.refs[rows], block.levels
        blocks.append(replace(block, refs=codes, Z=block.Z[rows], levels=pd.Index(levels, name=block.group)))
    return replace(design, y=design.y[rows], X=design.X[rows], weights=design.weights[rows], offset=design.offset[rows],
                   blocks=tuple(blocks), index=pd.RangeIndex(len(rows)))


def _pick(rows, size, rng):
    """size of the rows, each as often as the others as far as possible."""
    if size is None:
        return rows
    return np.concatenate([np.repeat(rows, size // len(rows)), rng.permutation(rows)[:size % len(rows)]])


def _nested(inner, outer):
    """Whether each level of inner occurs with one level of outer only."""
    pairs = len(np.unique(inner * np.int64(outer.max() + 1) + outer))
    return pairs == len(np.unique(inner))
