"""The models that are measured: data whose columns are ready, and one formula that all peers read.

Factors are text columns, everything else numbers: coding and centring are done here, so that each
peer does the same work.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Work:
    """name; formula with `|` bars; family: binomial or poisson; make() gives the DataFrame.

    large : too large for peers that take minutes to be run more than once.
    """

    name: str
    formula: str
    family: str
    make: Callable[[], pd.DataFrame]
    large: bool = False


def crowding():
    d = pd.read_csv(REPOSITORY / "glmmlib" / "src" / "glmmlib" / "datasets" / "crowding.csv")
    size, cond = d.Size - d.Size.mean(), np.where(d.Condition == "crowded", 0.5, -0.5)
    return pd.DataFrame({"y": d.ResponseCorrect, "size": size, "cond": cond, "sc": size * cond, "g": "s" + d.Subject.astype(str)})


def contraception():
    d = _reference("contraception.csv")
    return pd.DataFrame({"y": d.use, "age": d.age, "age2": d.age**2, "urban": (d.urban == "Y").astype(float),
                         "ch": (d.livch != "0").astype(float), "g": "d" + d.district.astype(str)})


def verbagg():
    d = _reference("verbagg.csv.gz")
    return pd.DataFrame({"y": d.y, "anger": d.Anger, "gender": (d.Gender == "M").astype(float),
                         "scold": (d.btype == "scold").astype(float), "shout": (d.btype == "shout").astype(float),
                         "self": (d.situ == "self").astype(float), "do": (d["mode"] == "do").astype(float),
                         "id": "p" + d.id.astype(str), "item": d.item})


def grouseticks():
    d = _reference("grouseticks.csv")
    return pd.DataFrame({"y": d.TICKS, "y96": (d.YEAR == 96).astype(float), "y97": (d.YEAR == 97).astype(float),
                         "height": d.cHEIGHT, "i": "i" + d.INDEX.astype(str), "b": "b" + d.BROOD.astype(str),
                         "l": "l" + d.LOCATION.astype(str)})


def _reference(name):
    return pd.read_csv(REPOSITORY / "tests" / "reference" / "data" / name)


def grouped(rows, groups, coefficients, seed=1):
    """A logistic model with correlated random coefficients of one factor."""
    rng = np.random.default_rng(seed)
    g = np.sort(rng.integers(0, groups, rows))
    X = np.column_stack([np.ones(rows), rng.normal(size=(rows, coefficients - 1))])
    root = np.tril(0.25 * rng.normal(size=(coefficients, coefficients))) + 0.6 * np.eye(coefficients)
    b = rng.normal(size=(groups, coefficients)) @ root.T + 0.3
    y = rng.random(rows) < 1 / (1 + np.exp(-np.sum(X * b[g], axis=1)))
    return pd.DataFrame({"y": y.astype(int), **{f"x{k}": X[:, k] for k in range(1, coefficients)},
                         "g": np.char.add("g", g.astype(str))})


def crossed(rows, first, second, seed=2):
    """A logistic model with two crossed random intercepts."""
    rng = np.random.default_rng(seed)
    a, b, x = rng.integers(0, first, rows), rng.integers(0, second, rows), rng.normal(size=rows)
    eta = 0.3 + 0.5 * x + 0.8 * rng.normal(size=first)[a] + 0.6 * rng.normal(size=second)[b]
    y = rng.random(rows) < 1 / (1 + np.exp(-eta))
    return pd.DataFrame({"y": y.astype(int), "x": x, "a": np.char.add("a", a.astype(str)),
                         "b": np.char.add("b", b.astype(str))})


WORKS = [
    Work("tutorial, maximal", "y ~ 1 + size + cond + sc + (1 + size + cond + sc | g)", "binomial", crowding),
    Work("tutorial, ||", "y ~ 1 + size + cond + sc + (1 + size + cond + sc || g)", "binomial", crowding),
    Work("Contraception", "y ~ 1 + age + age2 + urban + ch + (1 + urban | g)", "binomial", contraception),
    Work("VerbAgg, 316 x 24", "y ~ 1 + anger + gender + scold + shout + self + do + (1 | id) + (1 | item)",
         "binomial", verbagg),
    Work("grouseticks", "y ~ 1 + y96 + y97 + height + (1 | i) + (1 | b) + (1 | l)", "poisson", grouseticks),
    Work("100,000 rows, 200 groups x 4", "y ~ 1 + x1 + x2 + x3 + (1 + x1 + x2 + x3 | g)", "binomial",
         lambda: grouped(100_000, 200, 4), large=True),
    Work("1,000,000 rows, 10,000 groups x 2", "y ~ 1 + x1 + (1 + x1 | g)", "binomial",
         lambda: grouped(1_000_000, 10_000, 2), large=True),
    Work("crossed, 70,000 rows, 3,000 x 1,100", "y ~ 1 + x + (1 | a) + (1 | b)", "binomial",
         lambda: crossed(70_000, 3_000, 1_100), large=True),
]
