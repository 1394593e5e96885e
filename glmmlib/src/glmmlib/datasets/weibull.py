"""The psychometric threshold of one subject in one condition.

    P(correct | size) = g + (1 - g) * (1 - exp(-(size / alpha)**beta)),   g = 0.25,

is fitted by maximum likelihood (Wichmann & Hill, 2001, Perception & Psychophysics 63,
1293-1313; no lapse rate).  The threshold is the size at which it reaches 62.5% correct,
halfway between guessing and perfection: alpha * log(2)**(1 / beta), in arcmin.
"""

import numpy as np

GUESS_RATE = 0.25
BOUNDS = (0.05, 50.0), (0.2, 20.0)      # of alpha (arcmin) and beta: flat or perfect data end there


def p_correct(size, alpha, beta):
    """P(correct) at `size` (arcmin), elementwise."""
    return GUESS_RATE - (1 - GUESS_RATE) * np.expm1(-(np.asarray(size) / alpha) ** beta)


def fit_weibull(size, trials, correct):
    """Maximum-likelihood (alpha in arcmin, beta) from counts per size, arrays of one shape."""
    from scipy.optimize import minimize

    size, trials, correct = (np.asarray(v, float) for v in (size, trials, correct))

    def negative_loglik(log_parameters):
        p = np.clip(p_correct(size, *np.exp(log_parameters)), 1e-12, 1 - 1e-12)
        return -np.sum(correct * np.log(p) + (trials - correct) * np.log1p(-p))

    start = np.log([np.average(size, weights=trials), 2.0])
    best = minimize(negative_loglik, start, method="Nelder-Mead", bounds=np.log(BOUNDS),
                    options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000})
    return tuple(np.exp(best.x))


def threshold(size, trials, correct):
    """Size (arcmin) at 62.5% correct of the Weibull function fitted to counts per size."""
    alpha, beta = fit_weibull(size, trials, correct)
    return alpha * np.log(2) ** (1 / beta)
