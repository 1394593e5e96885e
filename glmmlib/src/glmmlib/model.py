"""The way in: formula and data to a fitted model."""

import warnings

import numpy as np

from .design import build_design
from .errors import ConvergenceWarning, FormulaError, SingularFitWarning
from .family import get_family
from .laplace import fit_laplace, group_rows
from .result import GLMMResult


def glmer(formula, data, family="binomial", *, contrasts=None) -> GLMMResult:
    """Fit a generalized linear mixed model by maximum likelihood (Laplace approximation).

    Parameters
    ----------
    formula : str
        lme4's notation, for example ``"y ~ 1 + x + (1 + x | g)"``; ``||`` for uncorrelated
        random coefficients.
    data : pandas.DataFrame
        One row per observation. Rows with missing values are left out, and said so.
    family : "binomial"
        Binary responses with the logit link.
    contrasts : dict, optional
        Named codings of categorical columns:
        ``{"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}``.

    Returns
    -------
    GLMMResult

    Raises
    ------
    FormulaError, DataError, SeparationError
        One sentence that names the cause and the remedy.

    Warns
    -----
    DroppedRowsWarning, ConvergenceWarning, SingularFitWarning

    Notes
    -----
    Matches ``lme4::glmer(..., nAGQ = 1)``; standard errors come from the Hessian in
    (theta, beta), as lme4 reports them.

    Examples
    --------
    >>> import glmmlib as gl
    >>> crowding = gl.load_crowding()
    >>> m = gl.glmer("ResponseCorrect ~ 1 + center(Size) + (1 | Subject)", crowding)
    >>> m.converged
    True
    """
    family = get_family(family)
    design = build_design(formula, data, contrasts)
    family.check_response(design.y, design.formula.response)
    if len(design.blocks) > 1:
        raise FormulaError(
            f"glmmlib fits one grouping factor; '{formula}' has {len(design.blocks)}: "
            f"{', '.join(block.group for block in design.blocks)}. Keep the one that matters most.")
    if np.any(design.weights != 1) or np.any(design.offset):
        raise FormulaError(f"glmmlib fits neither offsets nor several trials per row; '{formula}' asks for them.")
    (block,) = design.blocks
    rows = group_rows(design.y, design.X, block.Z, block.refs, len(block.levels))
    fit = fit_laplace(rows, block.pattern, design.coefnames)
    if not fit.converged:
        warnings.warn(
            f"The fit of '{formula}' did not converge: {fit.message}. Simplify the random effects "
            "before you rely on it.", ConvergenceWarning, stacklevel=2)
    elif fit.singular:
        warnings.warn(
            "boundary (singular) fit: some direction of the random effects has zero variance; "
            "see m.varcorr, and consider fewer random effects.", SingularFitWarning, stacklevel=2)
    return GLMMResult(design, family, fit)
