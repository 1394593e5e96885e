"""The questions of section 8: what a report must name so that another can run the analysis again.

Each function returns a question together with the mistakes that are known for it. Their values
are computed, so that another class's seed or versions need no change here. The expected values
that marks are given for are computed in the notebook's hidden tests; here, what is right is only
used to leave out a mistake that happens to lead to the right number.
"""

from importlib import metadata

import numpy as np
import pandas as pd

from ...session import requirements
from ..checks import Choice, Mistake, Prediction, Table
from .common import count, number

SEED, N = 8, 20
DRAWS = 1000

# --- versions ------------------------------------------------------------------------------------

def pins_as_asked():
    """glmmlib and the packages it requires, with the versions that are installed."""
    names = ["glmmlib", *requirements()]
    return pd.DataFrame({"package": names, "version": [metadata.version(name) for name in names]})


def pinned_packages():
    return Table("pins", "packages", problem=_odd_packages,
                 agrees=lambda table, right: sorted(_named(table)) == sorted(right["package"]))


def pinned_versions():
    return Table("pins", "versions", problem=_odd_versions,
                 agrees=lambda table, right: _odd_versions(table) is None and set(right["package"]) <= set(_named(table)))


def _odd_packages(table):
    if "package" not in table.columns:
        return f"the columns are {', '.join(map(str, table.columns))}; call the one with the names package."
    needed = {"glmmlib", *requirements()}
    names = _named(table)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        return f"{twice[0]} is named twice."
    if "glmmlib" not in names:
        return "glmmlib itself is missing: the numbers come from it first of all."
    missing = sorted(needed - set(names))
    if missing:
        return f"{missing[0]} is missing: glmmlib does not run without it."
    extra = sorted(set(names) - needed)
    if extra:
        return f"{extra[0]} is none of the packages that glmmlib requires: leave it out here."
    return None


def _odd_versions(table):
    if not {"package", "version"} <= set(table.columns):
        return "two columns are asked for, package and version."
    for name, version in zip(_named(table), table["version"]):
        if not isinstance(version, str):
            return (f"the version of {name} is a {type(version).__name__}: versions are text, for as numbers 1.10 and 1.1 "
                    "would be the same.")
        try:
            installed = metadata.version(name)
        except (metadata.PackageNotFoundError, ValueError):
            return f"no package called {name} is installed here."
        if version.strip() == installed:
            continue
        if any(sign in version for sign in "<>~^*,"):
            return f"{version!r} is a range: next year it will be another version. Name the one that was used."
        if "=" in version:
            return f"write the version of {name} alone, without name and =."
        if installed.startswith(version.strip() + "."):
            return f"{version!r} is only the beginning of the version of {name}: give all of it."
        return f"{version!r} is not the version of {name} that is installed here: ask the computer, not your memory."
    return None


def _named(table):
    return [str(name).strip().lower() for name in table["package"]]


# --- predictions ---------------------------------------------------------------------------------

def predicted_digits():
    return Prediction("predicted_digits", ["one", "a few", "most"])


def predicted_agreement():
    return Prediction("predicted_agreement", ["every digit", "many digits", "two decimals"])


# --- seeds ---------------------------------------------------------------------------------------

def generator_means():
    """(first 20 numbers, next 20, first 20 of a generator made anew with the same seed): their means."""
    rng = np.random.default_rng(SEED)
    first, second = rng.normal(size=N).mean(), rng.normal(size=N).mean()
    return first, second, np.random.default_rng(SEED).normal(size=N).mean()


def first_mean():
    return _mean("first_mean", 0)


def second_mean():
    first, second, _ = generator_means()
    return _mean("second_mean", 1, [
        Mistake(first, "these are the first 20 numbers again: you made the generator anew. Go on with the one you have."),
        Mistake((first + second) / 2, "this is the mean of all 40 numbers; that of the second 20 is asked for."),
    ])


def third_mean():
    _, second, _ = generator_means()
    rng = np.random.default_rng(SEED)
    rng.normal(size=2 * N)
    return _mean("third_mean", 2, [
        Mistake(second, "this is the mean of the second 20 numbers: make a new generator first."),
        Mistake(rng.normal(size=N).mean(), "the old generator went on to its third 20 numbers: make a new one first."),
    ])


def draws_for_a_tenth():
    return count("draws_for_a_tenth", "draws", 100 * DRAWS, [
        Mistake(10 * DRAWS, "ten times as many divide the spread by the root of 10, about 3."),
        Mistake(round(DRAWS * np.sqrt(10)), "the root belongs to the spread, not to the draws: turn it round."),
        Mistake(20 * DRAWS, "twice ten is not ten squared."),
        Mistake(DRAWS, "these are the draws there were; the spread is to become smaller."),
        Mistake(DRAWS / 100, "fewer draws make the spread larger."),
        Mistake(100, "this is the factor: times how many draws?"),
        Mistake(1000 * DRAWS, "a thousand times as many divide the spread by about 32: more than is asked for."),
    ])


def _means(draw):
    """What may be given for the first, second and third mean if all numbers come from one generator's `draw`."""
    return draw(size=(3, N)).mean(axis=1)


def _mean(name, which, more=()):
    rng, right = np.random.default_rng(SEED), generator_means()[which]
    numbers = rng.normal(size=(3, N))[which % 2]
    return number(name, "standard deviations", right, decimals=4, mistakes=[
        *more,
        *(Mistake(mean, "this comes from np.random.seed, NumPy's old generator: the same seed, other numbers.")
          for mean in _means(np.random.RandomState(SEED).normal)),
        *(Mistake(mean, f"this is what the seed {seed} gives; {SEED} is asked for.")
          for seed in (0, 1, 42) for mean in _means(np.random.default_rng(seed).normal)),
        Mistake(numbers.sum(), "this is the sum of the numbers; their mean is asked for."),
        Mistake(numbers.std(), "this is the standard deviation; the mean is asked for."),
        Mistake(np.median(numbers), "this is the median; the mean is asked for."),
        *(Mistake(mean, "these numbers are uniform between 0 and 1: take rng.normal.")
          for mean in _means(np.random.default_rng(SEED).random)),
        Mistake(0, "0 is the mean of the distribution; that of these 20 numbers is asked for."),
    ])


# --- a report ------------------------------------------------------------------------------------

REPORT = {
    "formula": "the formula stands there, with fixed and random effects, and so does the centring.",
    "family": "a logistic regression is binomial, with the logit link: that is said.",
    "coding": "deviation coding has two directions: which condition is +0.5 decides the sign.",
    "version": "the newest version is another one next year: name it.",
    "data": "nobody can tell which file this was, and whether the one at hand is the same.",
    "draws": "with the same number of draws and another seed the average comes out a little different.",
}


def enough(item):
    """The question whether the draft says enough about `item`, a key of REPORT."""
    return Choice(f"enough_{item}", ["yes", "no"], mistakes=dict.fromkeys(["yes", "no"], REPORT[item]))
