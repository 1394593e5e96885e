"""The published numbers that the synthetic data are built on.

All of them are printed in T. Florian Jaeger's tutorial on GLMMs; no trial of the original
recordings is used.

Coding throughout: uncrowded = -0.5, crowded = +0.5; Size in arcmin, centred.
"""

import numpy as np

TERMS = ("(Intercept)", "Size", "ConditionCrowded.vs.Uncrowded",
         "Size:ConditionCrowded.vs.Uncrowded")
CONDITIONS = ("uncrowded", "crowded")
CODES = {"uncrowded": -0.5, "crowded": 0.5}

# --- published: the GLMM ------------------------------------------------------------------

FIXED_EFFECTS = np.array([0.8388, 1.8470, -0.9290, -0.1015])   # logit, in the order of TERMS

#: conditional modes of the 10 subjects, in the order of TERMS; the matrix has rank 3
CONDITIONAL_MODES = np.array([
    [0.1182922778, 0.3322312, -0.5304125, -0.21492599],
    [0.7317493573, 0.3260495, -0.35344773, -0.4464801],
    [-0.6435440297, -1.0546417, -0.10229036, -0.20925712],
    [0.0323276366, -0.4076431, 0.19711393, -0.09537583],
    [0.9548535156, 0.5828423, 0.18242857, -0.13492389],
    [-0.6042431174, 0.1282141, -0.13120895, 0.31068822],
    [-0.216780586, -0.2129506, 0.23921633, 0.15542642],
    [0.0860655408, 0.1226124, 0.05852554, 0.04531094],
    [-0.5078199618, -0.370527, 0.11171866, 0.16430669],
    [0.0006444035, 0.4369235, 0.37012741, 0.42049974],
])

RANDOM_SD = np.array([0.5205, 0.5168, 0.3282, 0.2821])
RANDOM_CORRELATION = np.array([
    [1.00, 0.66, -0.08, -0.48],
    [0.66, 1.00, -0.14, 0.11],
    [-0.08, -0.14, 1.00, 0.63],
    [-0.48, 0.11, 0.63, 1.00],
])

# --- published: the data ------------------------------------------------------------------

COLUMNS = (
    "Subject", "Condition", "Threshold.Subj", "DiffusionConstant.Subj", "Area.Subj",
    "Span.Subj", "Speed.Subj", "Curvature.Subj", "Size", "Size.AvgPerformance",
    "Response", "ResponseExpected", "ResponseCorrect", "ResponseTime",
    "Curvature", "Speed", "Span",
)

#: what the tutorial prints about subject 1, uncrowded (three significant digits)
SUBJECT_1_UNCROWDED = {
    "Threshold.Subj": 1.39, "DiffusionConstant.Subj": 11.1, "Area.Subj": 137.0,
    "Span.Subj": 3.13, "Speed.Subj": 40.6, "Curvature.Subj": 12.0,
}


def random_covariance():
    """Between-subject covariance of the four coefficients, shape (4, 4).

    The printed correlations are rounded, so the smallest eigenvalue is set to the zero
    that the tutorial's singular fit reports.
    """
    sigma = RANDOM_CORRELATION * np.outer(RANDOM_SD, RANDOM_SD)
    values, vectors = np.linalg.eigh(sigma)
    values[0] = 0.0
    return (vectors * values) @ vectors.T
