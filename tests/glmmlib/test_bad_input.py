"""Every mistake a user can make gets one sentence that names it and the remedy."""

import numpy as np
import pytest
from models import simulate

import glmmlib as gl

DATA = simulate(groups=6, rows=20, seed=0)


def fails(error, match, formula="y ~ 1 + x + (1 | g)", data=DATA, **options):
    with pytest.raises(error, match=match) as caught:
        gl.glmer(formula, data, **options)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    assert isinstance(caught.value, gl.GlmmlibError)
    return message


def test_unknown_columns():
    assert "did you mean 'x'" in fails(gl.DataError, "no column 'xx'", "y ~ 1 + xx + (1 | g)")
    fails(gl.DataError, "no column 'w'", "y ~ 1 + log(w) + (1 | g)")
    fails(gl.DataError, "no column 'Subject'", "y ~ 1 + x + (1 | Subject)")
    fails(gl.DataError, "no column 'slope'", "y ~ 1 + x + (1 + slope | g)")


@pytest.mark.parametrize("formula, match", [
    ("y ~ 1 + + x + (1 | g)", r"'\+' with nothing"),
    ("y ~ 1 + x + (1 | g", "unmatched parenthesis"),
    ("y ~ 1 + x) + (1 | g)", "unmatched parenthesis"),
    ("1 + x + (1 | g)", "around a '~'"),
    ("y ~ ", "around a '~'"),
    ("y ~ 1 + x", "no random effects"),
    ("y ~ 1 + x + 1 | g", "in parentheses of their own"),
    ("y ~ 1 + x * (1 | g)", "in parentheses of their own"),
    ("y ~ 1 + x + (1 | )", r"'\(effects \| group\)'"),
    ("y ~ 1 + x + (1 ||| g)", r"'\(effects \| group\)'"),
    ("y ~ 1 + x ** + (1 | g)", "cannot be read"),
    ("y ~ 1 + x + (1 | g) + (1 + x | g)", "two random terms"),
    (17, "must be text"),
])
def test_formulas_that_cannot_be_read(formula, match):
    fails(gl.FormulaError, match, formula)


def test_responses():
    fails(gl.DataError, "must be 0 or 1", data=DATA.assign(y=DATA.y * 2))
    fails(gl.DataError, "must be 0 or 1", "x ~ 1 + z + (1 | g)")
    fails(gl.DataError, "is 1 in all 120 rows", data=DATA.assign(y=1))
    fails(gl.DataError, "one numeric column", data=DATA.assign(y=DATA.y.map({0: "no", 1: "yes"})))


def test_boolean_responses_are_fine():
    m = gl.glmer("y ~ 1 + x + (1 | g)", DATA.assign(y=DATA.y == 1))
    assert m.loglik == pytest.approx(gl.glmer("y ~ 1 + x + (1 | g)", DATA).loglik)


@pytest.mark.parametrize("column", ["y", "x", "g"])
def test_missing_values_are_dropped_counted_and_said(column):
    data = DATA.astype({"y": float})
    data.loc[data.index[:7], column] = np.nan
    with pytest.warns(gl.DroppedRowsWarning, match=rf"7 of 120 rows left out .*{column}: 7"):
        m = gl.glmer("y ~ 1 + x + (1 | g)", data)
    assert m.nobs == 113 and m.design.dropped == {column: 7}
    assert f"{column} 7" in str(m.summary())
    rest = gl.glmer("y ~ 1 + x + (1 | g)", data.dropna())
    assert m.loglik == pytest.approx(rest.loglik)


def test_unused_columns_may_have_missing_values():
    assert gl.glmer("y ~ 1 + x + (1 | g)", DATA.assign(z=np.nan)).nobs == 120


def test_infinite_and_undefined_values():
    fails(gl.DataError, "'x' holds 1 infinite", data=DATA.assign(x=DATA.x.where(DATA.index > 0, np.inf)))
    fails(gl.DataError, r"'log\(x\)' is infinite or undefined in \d+ rows", "y ~ 1 + log(x) + (1 | g)")


def test_groups():
    fails(gl.DataError, "only one level", data=DATA[DATA.g == "g000"])
    fails(gl.DataError, "data are empty", data=DATA[:0])
    fails(gl.DataError, "every row misses a value in x", data=DATA.assign(x=np.nan))


def test_predictors_that_cannot_be_estimated():
    fails(gl.DataError, "'x' has the same value in every row", data=DATA.assign(x=3.0))
    fails(gl.DataError, "'w' can be computed from those before it",
          "y ~ 1 + x + w + (1 | g)", DATA.assign(w=2 * DATA.x + 1))


def test_separation_is_explained():
    apart = DATA.assign(x=np.where(DATA.y == 1, 1.0, -1.0) * (1 + np.abs(DATA.x)))
    fails(gl.SeparationError, "without error by x .*separation", data=apart)
    quasi = DATA.assign(w=((DATA.y == 1) & (DATA.z > 0)).astype(float))  # w = 1 never fails
    fails(gl.SeparationError, "by w", "y ~ 1 + x + w + (1 | g)", quasi)


def test_options():
    fails(gl.DataError, "no family 'poison'; choose one of: 'binomial'", family="poison")
    fails(gl.DataError, "must be a pandas DataFrame", data=[1, 2])
    fails(gl.DataError, "does not use", contrasts={"z": {"a": {}}})
    data = DATA.assign(c=np.where(DATA.z > 0, "b", "a"))
    fails(gl.DataError, "a number for each level of c: {'a': ..., 'b': ...}",
          "y ~ c + (1 | g)", data, contrasts={"c": {"b.vs.a": {"b": 1}}})


def test_groups_with_one_row_each():
    data = DATA.assign(g=np.arange(len(DATA)))
    fails(gl.DataError, "'g' has one row with a single trial", "y ~ 1 + x + (1 + x | g)", data)
    fails(gl.DataError, "120 levels of 'g' with 1 random coefficients each are as many", "z ~ 1 + x + (1 | g)", data,
          family="gaussian")
    counts = data.assign(y=np.random.default_rng(0).poisson(np.exp(np.random.default_rng(1).normal(size=120))))
    assert gl.glmer("y ~ 1 + x + (1 | g)", counts, family="poisson").converged  # overdispersion


def test_predictions():
    m = gl.glmer("y ~ 1 + x + (1 | g)", DATA)
    for call, match in [
        (lambda: m.predict(re="none"), "re must be one of .*not 'none'"),
        (lambda: m.predict(type="odds"), "type must be one of 'response', 'link', not 'odds'"),
        (lambda: m.predict(DATA.drop(columns="x")), "lack the column 'x'"),
        (lambda: m.predict(DATA.drop(columns="g")), "lack the grouping column 'g'"),
        (lambda: m.predict(DATA.assign(g="new")), "g 'new' was not in the fitted data"),
        (lambda: m.thresholds(p=1.2, x="x"), "between 0 and 1"),
        (lambda: m.thresholds(x="Size"), "not a predictor of this model; its predictors are: x"),
    ]:
        with pytest.raises(gl.DataError, match=match):
            call()
    curved = gl.glmer("y ~ 1 + x + I(x**2) + (1 | g)", DATA)
    with pytest.raises(gl.DataError, match="not a straight line in 'x'"):
        curved.thresholds(x="x")


def test_errors_show_as_one_line_in_a_notebook():
    error = gl.DataError("one sentence")
    assert error._render_traceback_() == ["DataError: one sentence"]


def test_warnings_name_the_line_that_called():
    missing = DATA.assign(x=DATA.x.where(DATA.x < DATA.x.max()))
    with pytest.warns(gl.DroppedRowsWarning) as caught:
        gl.glmer("y ~ 1 + x + (1 | g)", missing)
    assert {warning.filename for warning in caught} == {__file__}
