"""Ugly data: a certified fit or one clear sentence, never a crash or a silent wrong answer.

`python tests/glmmlib/test_fuzz.py 500` runs more cases than the test suite does, stops any that
takes longer than a minute, and says what each kind of data led to.
"""

import signal
import sys
import time
import traceback
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import glmmlib as gl
from glmmlib.laplace import fit_laplace
from glmmlib.model import glmer

CASES = 150
FAMILIES = (
    "binomial", "poisson", "gamma", "gaussian", gl.Binomial("probit"), gl.Binomial("cloglog"),
    gl.Binomial("cauchit"), gl.Binomial(guess=0.25), gl.Binomial("probit", guess=0.25, lapse=0.02))
FORMULAS = (
    "y ~ 1 + x + (1 | g)", "y ~ 1 + x + (1 + x | g)", "y ~ 1 + x + c + (1 + x || g)",
    "y ~ 1 + x * c + (1 + x * c | g)", "y ~ 1 + x + (1 | g) + (1 | h)", "y ~ 1 + c + (0 + c | g)",
    "y ~ 0 + x + (0 + x | g)", "y ~ 1 + x + z + (1 + x + z | g) + (1 | h)")


# --- what can be wrong with data: each changes data or options, or returns other data ------------

def separation(data, options, rng, family):
    data["x"] = np.where(data.y > data.y.median(), 1.0, -1.0) * (0.1 + np.abs(data.x))


def quasi_separation(data, options, rng, family):
    data["c"] = np.where((data.y > data.y.median()) & (data.z > 0), "b", "a")


def separated_groups(data, options, rng, family):
    high, low = data.y.max(), data.y.min()
    data["y"] = np.where(data.g.astype(str).map(hash_of) % 2 == 0, high, low)


def one_group_all_alike(data, options, rng, family):
    data.loc[data.g == data.g.iloc[0], "y"] = data.y.max()


def no_variance(data, options, rng, family):
    data["y"] = rng.permutation(data.y.to_numpy())


def nearly_collinear(data, options, rng, family):
    data["z"] = data.x + 10.0 ** -rng.integers(2, 12) * data.z


def collinear(data, options, rng, family):
    data["z"] = 3 * data.x - 2


def constant_predictor(data, options, rng, family):
    data["x"] = 4.0


def constant_within_groups(data, options, rng, family):
    data["x"] = data.groupby("g", observed=True).x.transform("mean")


def single_rows(data, options, rng, family):
    data["g"] = np.arange(len(data))


def mostly_single_rows(data, options, rng, family):
    data["g"] = np.where(rng.random(len(data)) < 0.9, np.arange(len(data)), 0)


def one_group(data, options, rng, family):
    data["g"] = "only"


def two_groups(data, options, rng, family):
    data["g"] = rng.integers(0, 2, len(data))


def same_factor_twice(data, options, rng, family):
    data["h"] = data.g


def scale(data, options, rng, family):
    data["x"] *= 10.0 ** rng.integers(-8, 9)


def shift(data, options, rng, family):
    data["x"] += 10.0 ** rng.integers(1, 9)


def response_scale(data, options, rng, family):
    if family in ("gaussian", "gamma"):
        data["y"] = data.y * 10.0 ** rng.integers(-8, 9)
    elif family == "poisson":
        data["y"] = np.round(data.y * 10.0 ** rng.integers(1, 8))


def overflow(data, options, rng, family):
    if family == "poisson":
        data["y"] = data.y.astype(np.int64) + np.iinfo(np.int64).max // 2
    elif family == "binomial":
        data["y"] = (data.y * 2).astype(np.int64) * 2**40


def missing(data, options, rng, family):
    for name in ("y", "x", "g"):
        data[name] = data[name].astype(object if name == "g" else float).mask(rng.random(len(data)) < 0.2)


def all_missing(data, options, rng, family):
    data["x"] = np.nan


def infinite(data, options, rng, family):
    data.loc[data.index[rng.integers(len(data))], "x"] = rng.choice([np.inf, -np.inf])


def huge_value(data, options, rng, family):
    data.loc[data.index[rng.integers(len(data))], "x"] = rng.choice([1e6, 1e12, 1e300])


def outlier(data, options, rng, family):
    if family in ("poisson", "gamma", "gaussian"):
        data.loc[data.index[0], "y"] = 1e6


def empty_levels(data, options, rng, family):
    data["c"] = pd.Categorical(data.c, ["nowhere", *sorted(data.c.unique()), "never"])
    data["g"] = pd.Categorical(data.g, [*data.g.dropna().unique(), "empty"])


def one_level(data, options, rng, family):
    data["c"] = "a"


def equal_responses(data, options, rng, family):
    data["y"] = data.y.iloc[0]


def nearly_equal_responses(data, options, rng, family):
    first = data.y.iloc[0]
    data["y"] = first
    data.loc[data.index[:2], "y"] = 1 - first if family == "binomial" else first + 1


def zero_counts(data, options, rng, family):
    if family == "poisson":
        data["y"] = (rng.random(len(data)) < 0.02).astype(int)


def few_rows(data, options, rng, family):
    return data[:rng.integers(2, 12)].copy()


def no_rows(data, options, rng, family):
    return data[:0].copy()


def big_offset(data, options, rng, family):
    options["offset"] = rng.choice([-1e3, 1e3]) * np.ones(len(data))


def varied_offset(data, options, rng, family):
    options["offset"] = rng.normal(scale=rng.choice([1, 30, 1000]), size=len(data))


def extreme_weights(data, options, rng, family):
    options["weights"] = rng.choice([0.0, 1.0, 1e6], len(data))


def zero_weights(data, options, rng, family):
    options["weights"] = np.zeros(len(data))


def duplicated_rows(data, options, rng, family):
    copies = pd.concat([data] * 5)
    for name in data:
        data[name] = copies[name].to_numpy()[:len(data)]


UGLY = [f for f in list(globals().values()) if callable(f) and getattr(f, "__code__", None)
        and f.__code__.co_varnames[:4] == ("data", "options", "rng", "family")]


def hash_of(text):
    return sum(map(ord, text))


def case(seed):
    """(formula, data, family, options, names of what is wrong with the data)."""
    rng = np.random.default_rng(seed)
    family = FAMILIES[rng.integers(len(FAMILIES))]
    name = family if isinstance(family, str) else family.name
    groups, rows = rng.integers(2, 16), rng.integers(1, 25)
    g = np.repeat(np.arange(groups), rows)
    N = len(g)
    x, z = rng.normal(size=(2, N))
    c = rng.choice(["a", "b", "c"][:rng.integers(2, 4)], N)
    eta = 0.4 + rng.normal(size=groups)[g] * 0.7 + (0.6 + 0.4 * rng.normal(size=groups)[g]) * x
    y = {"binomial": lambda: (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(int),
         "poisson": lambda: rng.poisson(np.exp(np.minimum(eta, 5))),
         "gamma": lambda: rng.gamma(3, np.exp(np.minimum(eta, 5)) / 3) + 1e-12,
         "gaussian": lambda: eta + rng.normal(size=N)}[name]()
    data = pd.DataFrame({"y": y, "x": x, "z": z, "c": c, "g": g, "h": rng.integers(0, 5, N)})
    options, wrong = {}, rng.choice(len(UGLY), rng.integers(1, 4), replace=False)
    for i in sorted(wrong):  # weights and offsets are made last, so that they have the data's length
        if len(data) or UGLY[i] in (big_offset, varied_offset, extreme_weights, zero_weights):
            changed = UGLY[i](data, options, rng, name)
            data = data if changed is None else changed
    options = {key: value[:len(data)] for key, value in options.items()}
    return FORMULAS[rng.integers(len(FORMULAS))], data, family, options, [UGLY[i].__name__ for i in sorted(wrong)]


def outcome(seed, again=True):
    """What a case led to: "certified", "singular", "warned" or the error's name; AssertionError
    when it is none that a user can live with."""
    formula, data, family, options, _ = case(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            m = glmer(formula, data, family, **options)
        except gl.GlmmlibError as error:
            assert "\n" not in str(error) and 20 < len(str(error)) < 500, str(error)
            return type(error).__name__
        str(m.summary()), str(m.convergence), m.reduced_formulas()
    foreign = [w for w in caught if not issubclass(w.category, gl.GlmmlibWarning)]
    assert not foreign, f"{foreign[0].category.__name__}: {foreign[0].message}"
    assert m.converged or any(w.category is gl.ConvergenceWarning for w in caught)
    numbers = {"loglik": m.loglik, "fixef": m.fixef, "se": m.se, "vcov": m.varcorr.vcov,
               "modes": np.concatenate([t.to_numpy().ravel() for t in m.ranef.values()])}
    if "standard errors are unknown" in m.convergence.reason:
        del numbers["se"]
    for name, value in numbers.items():
        assert np.all(np.isfinite(value)), f"{name} is not finite{'' if m.converged else ' (though warned)'}"
    if not m.converged:
        return "warned"
    assert np.all(m.se > 0), "a standard error is zero"
    if again:
        # A certified fit is not beaten from elsewhere.
        rng = np.random.default_rng(seed)
        start = m.fit.phi + rng.normal(scale=0.5, size=len(m.fit.phi))
        inner = "profile" if m.family.name == "gaussian" else None
        other = fit_laplace(m.design, m.family, inner=inner, start=start)
        assert not other.converged or other.deviance > m.fit.deviance - 1e-3, f"{m.fit.deviance - other.deviance:.3g} of deviance was missed"
    return "singular" if m.is_singular else "certified"


@pytest.mark.parametrize("seed", range(CASES))
def test_ugly_data(seed):
    outcome(seed)


def main(cases, first=0, limit=60):
    """Run cases, print what they led to, and how many failed."""
    def stop(*_):
        raise TimeoutError(f"took more than {limit} s")

    signal.signal(signal.SIGALRM, stop)
    counts, failures, slow, began = Counter(), 0, (0, None), time.time()
    for seed in range(first, first + cases):
        start = time.time()
        signal.alarm(limit)
        try:
            counts[outcome(seed)] += 1
        except BaseException as error:
            failures += 1
            formula, data, family, options, wrong = case(seed)
            place = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{seed}: {type(error).__name__}: {str(error)[:150]} [{place.name}:{place.lineno}]\n"
                  f"    {formula}, {family}, {len(data)} rows, {wrong} {sorted(options)}")
            if isinstance(error, KeyboardInterrupt):
                break
        finally:
            signal.alarm(0)
        slow = max(slow, (time.time() - start, seed))
    print(f"{cases} cases in {time.time() - began:.0f} s, the slowest {slow[0]:.1f} s (seed {slow[1]}): "
          + ", ".join(f"{n} {name}" for name, n in counts.most_common()) + f"; {failures} FAILED")
    return failures


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
