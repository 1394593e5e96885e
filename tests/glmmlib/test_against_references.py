"""Fits compared with those of lme4, glmmTMB, blme and brute-force integration.

Each case of tests/reference/*_reference.json says how to call glmmlib and what the other software
found; tests/reference/README.md says how the cases are made. A case that needs another tolerance
than its neighbours stands in LOOSER, with the reason.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from models import CODING

import glmmlib as gl

REFERENCE = Path(__file__).parents[1] / "reference"
FILES = ("binomial", "links", "poisson", "gaussian", "gamma", "agq", "priors")
CASES = [case for file in FILES for case in json.loads((REFERENCE / f"{file}_reference.json").read_text())["cases"]]
FACTORS = json.loads((REFERENCE / "data" / "factors.json").read_text())
DEFAULTS = {"nAGQ": 1, "information": "fisher", "weights": None, "REML": True}

LOOSER = {
    # lme4's conditional modes are inexact: glmmTMB, whose are exact, agrees with us to 1e-6
    "verbagg crossed": {"loglik": 2e-3},
}


def tolerance(case, quantity, usual):
    return LOOSER.get(case["name"], {}).get(quantity, usual)


# --- the other software's numbers ----------------------------------------------------------------


def data_for(name):
    """The very rows that the reference fit saw, categorical columns with R's order of levels."""
    if name == "crowding":
        data = gl.load_crowding()
        return data.assign(Cond=np.where(data.Condition == "crowded", 0.5, -0.5))
    (file,) = (REFERENCE / "data").glob(f"{name}.csv*")
    levels = FACTORS[name]
    data = pd.read_csv(file, dtype=dict.fromkeys(levels, str))
    return data.assign(**{column: pd.Categorical(data[column], levels[column]) for column in levels})


def family_of(spec):
    name, link = spec.pop("name"), spec.pop("link")
    if (name, link) == ("binomial", "logit") and not spec:
        return "binomial"
    return gl.Binomial(link=link, **spec) if name == "binomial" else name


def priors_of(spec):
    """What blme's numbers are called here. None for a prior that glmmlib does not have."""
    cov, fixef = spec["covariance"], spec["fixef"]
    on = {"sd": "sd", "var": "variance"}.get(cov.get("posterior_scale"))
    if cov["distribution"] == "invgamma":  # on the variance it is an inverse Wishart
        same = {"distribution": "invwishart", "df": 2 * cov["shape"], "scale": 2 * cov["scale"]}
        cov = same if on == "variance" else None
    elif cov["distribution"] == "wishart":
        cov = {**cov, "scale": np.inf if cov["scale"] is None else cov["scale"]}
    if cov is None:
        return None
    kind = {"wishart": gl.priors.Wishart, "invwishart": gl.priors.InvWishart, "gamma": gl.priors.Gamma}
    numbers = {name: cov[name] for name in ("df", "scale", "shape", "rate") if name in cov}
    cov = kind[cov["distribution"]](**numbers, **({"on": on} if cov["distribution"] == "gamma" else {}))
    if fixef is not None:
        scale = tuple(np.sqrt(np.diag(fixef["scale"])))
        fixef = gl.priors.Normal(scale) if fixef["distribution"] == "normal" else gl.priors.StudentT(fixef["df"], scale)
    return gl.Priors(cov, fixef)


def fit(case):
    spec = case["fit"]
    options = {name: spec[name] for name in DEFAULTS if name in spec and spec[name] != DEFAULTS[name]}
    if "family" in spec:
        options["family"] = family_of(dict(spec["family"]))
    if "priors" in case:
        options["priors"] = priors_of(case["priors"])
        if options["priors"] is None:
            pytest.skip("glmmlib has no inverse gamma prior of a standard deviation")
        if spec["function"] == "lmer" and case["priors"]["fixef"]:
            pytest.skip("lmer takes priors of covariances only")
    if "Condition" in spec["formula"]:
        options["contrasts"] = CODING
    return getattr(gl, spec["function"])(spec["formula"], data_for(spec["data"]), **options)


def canonical(group, levels=()):
    """`cask:batch` with levels `a:A` is `batch:cask` with `A:a`: the parts in alphabetical order."""
    levels, parts = list(map(str, levels)), group.split(":")
    if len(parts) == 1:
        return group, levels
    order = np.argsort(parts)
    return ":".join(np.array(parts)[order]), [":".join(np.array(level.split(":"))[order]) for level in levels]


def modes_of(case, kind):
    """Conditional modes ("mode") or their standard deviations ("sd"): group -> table."""
    tables = {}
    for group, table in case["ranef"].items():
        group, levels = canonical(group, table["levels"])
        tables[group] = pd.DataFrame(dict(zip(table["columns"], table[kind])), index=levels)
    return tables


def aligned(ours, theirs):
    """Pairs of our and their values, rows and columns in the same order, for each grouping factor."""
    assert {canonical(group)[0] for group in ours} == set(theirs)
    for group, table in ours.items():
        group, levels = canonical(group, table.index)
        expected = theirs[group]
        assert sorted(levels) == sorted(expected.index)
        assert sorted(table.columns) == sorted(expected.columns)
        yield table.set_axis(levels).loc[expected.index, expected.columns], expected


def variances(table):
    """(group, names of one or two coefficients) -> sdcor."""
    rows = table.astype(object).where(table.notna(), None).itertuples()
    return {(canonical(row.grp)[0], frozenset((row.var1, row.var2)) - {None}): row.sdcor for row in rows}


# --- the comparison ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case["name"])
def pair(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gl.SingularFitWarning)
        return fit(request.param), request.param


def needs(case, *names):
    missing = [name for name in names if name not in case]
    if missing:
        pytest.skip(f"{case['software']} gives no {', '.join(missing)} here")


def test_fits_the_same_rows(pair):
    m, theirs = pair
    assert m.nobs == theirs["nobs"] and m.converged


def test_loglik(pair):
    m, theirs = pair
    # with priors it is no maximum, and feels the last digits of the estimates
    usual = 1e-3 if "priors" in theirs else 1e-4
    assert m.loglik == pytest.approx(theirs["loglik"], abs=tolerance(theirs, "loglik", usual))


def test_penalised_deviance(pair):
    m, theirs = pair
    needs(theirs, "penalised_deviance")
    expected = tolerance(theirs, "penalised_deviance", 2e-4)
    assert -2 * m.penalised_loglik == pytest.approx(theirs["penalised_deviance"], abs=expected)


def test_information_criteria(pair):
    m, theirs = pair
    needs(theirs, "npar", "aic", "bic")
    assert m.npar == theirs["npar"]
    assert (m.aic, m.bic) == pytest.approx(
        (theirs["aic"], theirs["bic"]), abs=1e-3 + 2 * tolerance(theirs, "loglik", 0))


def test_fixed_effects(pair):
    m, theirs = pair
    estimate, se = map(np.asarray, (theirs["fixef"]["estimate"], theirs["fixef"]["se"]))
    assert list(m.fixef.index) == theirs["fixef"]["names"]
    # an estimate near zero is known no better than its standard error says
    error = np.abs(m.fixef - estimate) / np.maximum(np.abs(estimate), se)
    assert error.max() < tolerance(theirs, "fixef", 1e-3)


def test_standard_errors(pair):
    m, theirs = pair
    se, vcov = map(np.asarray, (theirs["fixef"]["se"], theirs["fixef"]["vcov"]))
    np.testing.assert_allclose(m.se, se, rtol=tolerance(theirs, "se", 0.01))
    np.testing.assert_allclose(m.vcov / np.outer(se, se), vcov / np.outer(se, se), atol=tolerance(theirs, "vcov", 0.02))


def test_variances_and_correlations(pair):
    m, theirs = pair
    ours, expected = variances(m.varcorr), variances(pd.DataFrame(theirs["varcorr"]))
    assert set(ours) == set(expected)
    for key, value in expected.items():
        if value is None or np.isnan(value):  # no correlation where a variance is zero
            continue
        if len(key[1]) == 2:
            assert ours[key] == pytest.approx(value, abs=tolerance(theirs, "correlation", 2e-3)), key
        else:
            assert ours[key] == pytest.approx(value, rel=tolerance(theirs, "sd", 1e-3), abs=1e-5), key


def test_sigma(pair):
    m, theirs = pair
    assert m.sigma == pytest.approx(theirs["sigma"], rel=1e-3)


def test_theta(pair):
    m, theirs = pair
    needs(theirs, "theta")
    if theirs["singular"] or len(theirs["ranef"]) > 1:
        pytest.skip("theta is not unique in a singular fit; the order of several factors is a convention")
    np.testing.assert_allclose(m.theta, theirs["theta"], rtol=1e-3, atol=1e-3)


def test_singular(pair):
    m, theirs = pair
    needs(theirs, "singular")
    assert m.is_singular == theirs["singular"]


def test_conditional_modes(pair):
    m, theirs = pair
    needs(theirs, "ranef")
    for ours, expected in aligned(m.ranef, modes_of(theirs, "mode")):
        scale = np.maximum(1, expected.abs().max())  # 1e-3 on the scale of eta, relative beyond it
        assert ((ours - expected).abs() / scale).to_numpy().max() < tolerance(theirs, "modes", 1e-3)


def test_conditional_standard_deviations(pair):
    m, theirs = pair
    needs(theirs, "ranef")
    for ours, expected in aligned(m.ranef_sd, modes_of(theirs, "sd")):
        np.testing.assert_allclose(ours, expected, rtol=tolerance(theirs, "mode_sd", 0.01), atol=1e-4)


def test_pearson_residuals(pair):
    m, theirs = pair
    needs(theirs, "pearson_range")
    residuals = m.residuals()
    assert (residuals.min(), residuals.max()) == pytest.approx(theirs["pearson_range"], rel=1e-3)
