"""The objective's gradient against differences, for every family and structure of the design."""

import warnings

import numpy as np
import pytest
from models import FAMILIES, simulate

import glmmlib as gl
from glmmlib.design import build_design
from glmmlib.laplace import make_objective

STRUCTURES = {
    "one factor": "y ~ 1 + x + (1 + x | g)", "uncorrelated": "y ~ 1 + x + (1 + x || g)",
    "two terms": "y ~ 1 + x + (1 | g) + (0 + x | g)", "crossed": "y ~ 1 + x + (1 + x | g) + (1 | h)",
    "nested": "y ~ 1 + x + (1 | h/g)"}
EVERY = [*FAMILIES, gl.Binomial("probit", guess=0.25, lapse="estimate")]


def data_for(family, seed=2):
    data = simulate(groups=8, rows=12, seed=seed)
    rng = np.random.default_rng(seed)
    data["h"] = rng.integers(0, 4, len(data))
    mu = family.inverse(0.3 + 0.3 * data.x.to_numpy() + 0.4 * rng.normal(size=4)[data.h])
    data["y"] = family.simulate(mu, np.ones(len(data)), 1.0, rng)
    return data


def slope_along(objective, phi, direction, h=3e-4):
    """Differences of fourth order, so that the step can be long: close by, the cauchit's conditional
    modes are exact to ten digits only."""
    d = {k: objective(phi + k * h * direction)[0] for k in (-2, -1, 1, 2)}
    return (8 * (d[1] - d[-1]) - (d[2] - d[-2])) / (12 * h)


@pytest.mark.parametrize("family", EVERY, ids=repr)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_gradient_is_the_derivative(family, structure):
    design = build_design(STRUCTURES[structure], data_for(family))
    inners = (None, "profile", "integrate") if family.name == "gaussian" else (None, "profile")
    for inner in inners:
        for observed in (False, True):
            objective = make_objective(design, family, inner=inner, observed=observed)
            phi = objective.start + 0.2 * np.random.default_rng(1).normal(size=len(objective.start))
            _, gradient = objective(phi)
            numeric = [slope_along(objective, phi, axis) for axis in np.eye(len(phi))]
            np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4, err_msg=f"{inner}, observed={observed}")


def test_hessian_is_the_derivative_of_the_gradient():
    design = build_design(STRUCTURES["crossed"], data_for(gl.Poisson()))
    objective = make_objective(design, gl.Poisson())
    phi = objective.start + 0.1
    hessian, _ = objective.hessian(phi)
    i = 0
    step = 1e-3 * np.eye(len(phi))[i]
    second = (objective(phi + step)[0] - 2 * objective(phi)[0] + objective(phi - step)[0]) / 1e-6
    assert hessian[i, i] == pytest.approx(second, rel=1e-3)
    np.testing.assert_allclose(hessian, hessian.T)


@pytest.mark.parametrize("family", EVERY, ids=repr)
def test_fits_do_not_depend_on_order_names_units_or_merging(family):
    """One data set, written down in other ways: the likelihood stays."""
    data = data_for(family, seed=4)
    data["x"] = data.x.round(1)

    def loglik(data):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gl.GlmmlibWarning)
            return gl.glmer("y ~ 1 + x + (1 + x | g)", data, family=family).loglik

    usual = loglik(data)
    others = {
        "order": data.sample(frac=1, random_state=1),
        "names": data.assign(g=data.g.map(lambda name: "z" + name[::-1])),
        "centring": data.assign(x=data.x - 7), "units": data.assign(x=data.x * 1000),
        "merging": data.assign(x=data.x + 1e-11 * np.arange(len(data)))}
    for change, other in others.items():
        assert loglik(other) == pytest.approx(usual, abs=1e-5), change
