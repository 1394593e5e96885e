"""How formulas are taken apart: response, fixed part, offsets, random terms."""

import numpy as np
import pandas as pd
import pytest

import glmmlib as gl
from glmmlib import model_matrix as mm
from glmmlib.columns import Frame
from glmmlib.formula import parse


def random_terms(text):
    return [(t.expression, t.group, t.factors, t.correlated) for t in parse(f"y ~ 1 + {text}").random]


@pytest.mark.parametrize("text, expected", [
    ("(1 | g)", [("1", "g", ("g",), True)]),
    ("(x | g)", [("x", "g", ("g",), True)]),
    ("( 0 + x||g )", [("0 + x", "g", ("g",), False)]),
    ("(1 | `my g`)", [("1", "my g", ("my g",), True)]),
    ("(1 | a:b)", [("1", "a:b", ("a", "b"), True)]),
    ("(1 | (a:b))", [("1", "a:b", ("a", "b"), True)]),
    ("(1 | a) + (x || b)", [("1", "a", ("a",), True), ("x", "b", ("b",), False)]),
    ("(I((x > 0) * 1) | g)", [("I((x > 0) * 1)", "g", ("g",), True)]),
    # finest first, with the names that lme4 prints
    ("(x | a/b)", [("x", "b:a", ("b", "a"), True), ("x", "a", ("a",), True)]),
    ("(1 || a/b/`c d`)", [("1", "c d:(b:a)", ("c d", "b", "a"), False), ("1", "b:a", ("b", "a"), False),
                          ("1", "a", ("a",), False)]),
    ("(1 | a/b:c)", [("1", "b:c:a", ("b", "c", "a"), True), ("1", "a", ("a",), True)]),
])
def test_random_terms(text, expected):
    assert random_terms(text) == expected


@pytest.mark.parametrize("text, fixed, offsets", [
    ("y ~ (1 | g)", "1", ()),
    ("y ~ x + (1 | g) - 1", "x - 1", ()),
    ("y ~ -1 + x + (1 | g) + z", "- 1 + x + z", ()),
    ("y ~ x + -1 + (1 | g)", "x - 1", ()),
    ("y ~ a * (b + c) - a:b + (1 | g)", "a * (b + c) - a:b", ()),
    ("y ~ offset(log(t + 1)) + x + offset(w) + (1 | g)", "x", ("log(t + 1)", "w")),
    ("y ~ offset_x + I(x - (1 + z)) + (1 | g)", "offset_x + I(x - (1 + z))", ()),
    ("y ~ `a + (b` + (1 | g)", "`a + (b`", ()),
    ("""y ~
          a +  b
          + (1 | g)""", "a + b", ()),
])
def test_fixed_part_and_offsets(text, fixed, offsets):
    formula = parse(text)
    assert (formula.response, formula.fixed, formula.offsets) == ("y", fixed, offsets)


@pytest.mark.parametrize("formula, match", [
    ("y ~ x ~ z + (1 | g)", "more than one '~'"),
    ("y ~ x - (1 | g)", r"'\(1 \| g\)' can be added but not taken away"),
    ("y ~ x - offset(z) + (1 | g)", "can be added but not taken away"),
    ("y ~ x + (1 | g) +", r"'\+' with nothing on one side"),
    ("y ~ x - - z + (1 | g)", "'-' with nothing on one side"),
    ("y ~ x + (1 | a + b)", "must be grouped by columns, .* make 'a \\+ b' a column"),
    ("y ~ x + (1 | factor(g))", "must be grouped by columns"),
    ("y ~ x + (1 | a/)", "must be grouped by columns"),
    ("y ~ I(x] + (1 | g)", "unmatched parenthesis or quote"),
    ("y ~ `x + (1 | g)", "unmatched parenthesis or quote"),
])
def test_formulas_that_cannot_be_read(formula, match):
    with pytest.raises(gl.FormulaError, match=match) as caught:
        parse(formula)
    assert "\n" not in str(caught.value)


NAMES = ["x", "z", "Size.arcmin", "my col", "log", "T"]


@pytest.mark.parametrize("text, name, columns", [
    ("x", "x", ["x"]),
    ("`my col`", "`my col`", ["my col"]),
    ("Size.arcmin", "Size.arcmin", ["Size.arcmin"]),
    ("log(x+1)", "log(x + 1)", ["x"]),
    ("I(x^2/3)", "I(x^2/3)", ["x"]),
    ("I(x**2)", "I(x^2)", ["x"]),
    ("poly(x,2,raw=TRUE)", "poly(x, 2, raw = TRUE)", ["x"]),
    ("I(z == 'a b^c')", 'I(z == "a b^c")', ["z"]),
    ("I(x >= 2)", "I(x >= 2)", ["x"]),
    ("np.log(Size.arcmin) ", "np.log(Size.arcmin)", ["Size.arcmin"]),
    ("I(`my col` * x - x)", "I(`my col` * x - x)", ["my col", "x"]),
    ("log(log)", "log(log)", ["log"]),       # a column and a function
    ("I(T + pi)", "I(T + pi)", ["T"]),       # a column and a constant
])
def test_variables_are_named_as_in_r(text, name, columns):
    variable = mm.read_variable(text, NAMES)
    assert variable.name == name and variable.columns == columns


def test_powers_and_integers_are_real_arithmetic():
    """In Python ^ is a bit operation, and uint8 wraps around at 256."""
    data = pd.DataFrame({"x": np.array([3, 20, 255], dtype="uint8")})
    for text in ("I(x^2)", "I(x * x)", "x**2"):
        values = mm.read_variable(text, data.columns).evaluate(Frame(data))
        assert values[:, 0].tolist() == [9, 400, 65025]


@pytest.mark.parametrize("text, error, match", [
    ("ns(x, 3)", gl.FormulaError, "uses 'ns', which is not among the functions"),
    ("I(x - x.mean())", gl.FormulaError, "uses 'x.mean'"),
    ("__import__('os').system('true')", gl.FormulaError, "not among the functions"),
    ("(lambda: 1)()", gl.FormulaError, "not among the functions"),
    ("I(x $ 2)", gl.FormulaError, "cannot be read"),
])
def test_expressions_that_cannot_be_read(text, error, match):
    with pytest.raises(error, match=match):
        mm.read_variable(text, NAMES)
