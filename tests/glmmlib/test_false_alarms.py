"""Well-behaved data never raise an alarm, and what is degenerate is always said.

`python tests/glmmlib/test_false_alarms.py 200` fits more data sets than the test suite does.
"""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest

import glmmlib as gl

DATA_SETS = 40


def well_behaved(seed):
    """(formula, data, family): data drawn from the model, with enough groups and rows for it."""
    rng = np.random.default_rng(seed)
    family = ("binomial", "poisson", "gaussian")[seed % 3]
    two_factors, slopes = (seed // 3) % 2 == 1, (seed // 6) % 2 == 1
    groups, rows = int(rng.integers(30, 60)), int(rng.integers(25, 50))
    g = np.repeat(np.arange(groups), rows)
    N = len(g)
    x = rng.normal(rng.normal(scale=2), rng.choice([0.5, 1, 3]), N)
    unit = (x - x.mean()) / x.std()
    c = rng.choice(["a", "b"], N)
    sd = rng.uniform(0.5, 1, 2)
    rho = rng.uniform(-0.5, 0.5)
    b = rng.multivariate_normal((0, 0), [[sd[0]**2, rho * sd.prod()], [rho * sd.prod(), sd[1]**2]], groups)
    eta = 0.3 + b[g, 0] + (0.5 + slopes * b[g, 1]) * unit - 0.4 * (c == "b")
    h = rng.integers(0, 25, N)
    eta = eta + two_factors * rng.normal(scale=0.6, size=25)[h]
    y = {"binomial": lambda: (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(int),
         "poisson": lambda: rng.poisson(np.exp(eta)), "gaussian": lambda: 5 + eta + rng.normal(size=N)}[family]()
    formula = f"y ~ 1 + x + c + ({'1 + x' if slopes else '1'} | g)" + two_factors * " + (1 | h)"
    return formula, pd.DataFrame({"y": y, "x": x, "c": c, "g": g, "h": h}), family


def alarms(seed):
    """The warnings that a well-behaved data set gets, and what its certificate says: [] when all is well."""
    formula, data, family = well_behaved(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m = gl.glmer(formula, data, family)
    said = [str(w.message) for w in caught]
    return said + ([] if m.converged and not m.is_singular else [str(m.convergence)])


@pytest.mark.parametrize("seed", range(DATA_SETS))
def test_no_false_alarm(seed):
    assert not alarms(seed)


if __name__ == "__main__":
    raised = {seed: found for seed in range(int(sys.argv[1])) if (found := alarms(seed))}
    print(f"{sys.argv[1]} well-behaved data sets, {len(raised)} false alarms")
    for seed, found in raised.items():
        print(seed, well_behaved(seed)[0], well_behaved(seed)[2], *found, sep="\n  ")
    sys.exit(bool(raised))
