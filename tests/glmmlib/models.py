"""Formulas and data that several test files fit."""

from pathlib import Path

import numpy as np
import pandas as pd

from glmmlib import family as F

CODING = {"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}
MAXIMAL = "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject)"


def simulate(groups=30, rows=40, beta=(0.5, 1.0), sd=(0.8, 0.5), rho=0.3, seed=0):
    """A random-intercept-and-slope logistic model with known truth: y, x, z (a spare), g."""
    rng = np.random.default_rng(seed)
    covariance = np.outer(sd, sd) * np.array([[1, rho], [rho, 1]])
    b = rng.multivariate_normal((0, 0), covariance, size=groups)
    g = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=len(g))
    eta = beta[0] + b[g, 0] + (beta[1] + b[g, 1]) * x
    y = (rng.random(len(g)) < 1 / (1 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"y": y, "x": x, "z": rng.normal(size=len(g)), "g": [f"g{i:03d}" for i in g]})


def lme4_data(name):
    """One of lme4's data sets, cbpp or sleepstudy."""
    file = Path(__file__).parents[1] / "reference" / "data" / f"{name}.csv"
    return pd.read_csv(file, dtype=dict.fromkeys(("herd", "period", "Subject"), str))


# --- every family and link, found by its class ---------------------------------------------------

RATES = ((0.0, 0.0), (0.25, 0.0), (0.0, 0.05), (0.25, 0.02))


def subclasses(kind):
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)


LINKS = [link() for link in subclasses(F.BinomialLink)]
FAMILIES = [F.Binomial(link, *rates) for link in LINKS for rates in RATES] + [
    kind() for kind in subclasses(F.Family) if kind is not F.Binomial and not kind.__name__.startswith("_")]


def responses(family, rng, size, weights):
    """y, as `terms` wants it: weights times responses."""
    mu = family.inverse(rng.uniform(-1, 1, size))
    return weights * family.simulate(mu, weights, 1.0, rng)
