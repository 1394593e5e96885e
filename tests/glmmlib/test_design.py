"""Model matrices compared with lme4's; the numbers come from tests/reference/design_reference.R."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glmmlib as gl
from glmmlib.design import build_design

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "design_reference.json").read_text())
CASES = REFERENCE["cases"]
DATA = pd.DataFrame(REFERENCE["data"])
CODINGS = {
    "sum": {"f": "sum"},
    "helmert": {"f": "helmert", "h": "contr.helmert"},
    "poly": {"b": "poly"},
    "sas": {"f": "sas"},
    "base": {"f": ("treatment", "top")},
    "named": {"f": {"low.vs.rest": {"low": -1, "mid": 0.5, "top": 0.5},
                    "top.vs.mid": {"low": 0, "mid": -0.5, "top": 0.5}}},
    "named_cell_means": {"h": {"q.vs.p": {"p": -0.5, "q": 0.5}}},
}


def design_of(case, data=DATA):
    data = data[["y", "x", "f", "a"]] if case == "dot" else data
    return build_design(CASES[case]["formula"], data, CODINGS.get(case))


@pytest.mark.parametrize("case", CASES)
def test_fixed_effects_are_lme4s(case):
    design, lme4 = design_of(case), CASES[case]
    assert list(design.coefnames) == lme4["names"]
    np.testing.assert_allclose(design.X, lme4["X"], atol=1e-9)
    np.testing.assert_allclose(design.offset, lme4["offset"] or 0, atol=1e-9)
    assert design.y.tolist() == DATA.y.tolist()


@pytest.mark.parametrize("case", CASES)
def test_random_effects_are_lme4s(case):
    blocks = {block.group: block for block in design_of(case).blocks}
    assert set(blocks) == {term["group"] for term in CASES[case]["terms"]}
    seen = dict.fromkeys(blocks, 0)  # lme4 keeps the terms of one group apart
    for term in CASES[case]["terms"]:
        block, q = blocks[term["group"]], len(term["columns"])
        here = slice(seen[block.group], seen[block.group] + q)
        assert list(block.columns[here]) == term["columns"]
        assert list(map(str, block.levels)) == term["levels"]
        Zt = np.zeros((len(block.levels), q, len(DATA)))
        Zt[block.refs, :, np.arange(len(DATA))] = block.Z[:, here]
        np.testing.assert_allclose(Zt.reshape(-1, len(DATA)), term["Zt"], atol=1e-9)
        seen[block.group] += q
    assert all(seen[group] == len(block.columns) for group, block in blocks.items())


@pytest.mark.parametrize("case", CASES)
def test_new_data_give_the_columns_of_the_fit(case):
    """Row by row, when means, knots and levels can only be remembered; also after pickling."""
    design = pickle.loads(pickle.dumps(design_of(case)))
    rows = [17, 3, 40, 3]
    new = DATA.iloc[rows]
    np.testing.assert_allclose(design.fixed_columns(new), design.X[rows], atol=1e-12)
    np.testing.assert_allclose(design.offset_for(new), design.offset[rows], atol=1e-12)
    for block, Z, codes in zip(design.blocks, design.random_columns(new), design.group_codes(new)):
        np.testing.assert_allclose(Z, block.Z[rows], atol=1e-12)
        assert codes.tolist() == block.refs[rows].tolist()


def test_two_column_responses_are_proportions_weighted_by_trials():
    expected = REFERENCE["binomial_response"]
    data = DATA.assign(s=expected["s"], n=expected["n"])
    design = build_design("cbind(s, n - s) ~ x + (1 | b)", data)
    np.testing.assert_allclose(design.y, expected["y"])
    np.testing.assert_allclose(design.weights, expected["weights"])
    assert design.nobs == expected["nobs"] == len(DATA) and design.weights[3] == 0


# --- what any table may hold -----------------------------------------------------------------

PLAIN = pd.DataFrame({
    "y": [0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1], "x": [1, 4, 2, 8, 5, 7, 3, 200, 6, 255, 11, 12],
    "c": list("uvwuvwuvvuww"), "g": [3, 3, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2]})


@pytest.mark.parametrize("column, dtype", [
    ("x", "uint8"), ("x", "Int64"), ("x", "float32"), ("x", "Float64"), ("x", object),
    ("x", pd.SparseDtype("int64", 0)), ("c", object), ("c", "string"), ("c", "category"),
    ("g", "Int64"), ("g", "float64"), ("g", object), ("g", "category"), ("y", bool), ("y", "boolean"), ("y", "uint8"),
])
def test_the_dtype_of_a_column_does_not_matter(column, dtype):
    formula = "y ~ x + I(x * x) + c + (1 + x | g)"
    expected, design = (build_design(formula, data) for data in (PLAIN, PLAIN.astype({column: dtype})))
    np.testing.assert_array_equal(design.X, expected.X)
    np.testing.assert_array_equal(design.y, expected.y)
    (block,), (other,) = design.blocks, expected.blocks
    assert block.levels.tolist() == other.levels.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(block.refs, other.refs)
    np.testing.assert_array_equal(block.Z, other.Z)
    assert design.coefnames == expected.coefnames
    assert design.group_codes(PLAIN)[0].tolist() == other.refs.tolist()


def test_category_order_is_kept_and_empty_levels_are_left_out():
    data = PLAIN.assign(c=pd.Categorical(PLAIN.c, list("zwvu")), g=pd.Categorical(PLAIN.g, [9, 2, 3, 1]))
    design = build_design("y ~ c + (1 | g) + (1 | c:g)", data)
    assert design.coefnames == ("(Intercept)", "cv", "cu")
    assert design.blocks[1].levels.tolist() == [2, 3, 1]
    assert design.blocks[0].levels[0] == "w:2" and len(design.blocks[0].levels) == len(set(zip(data.c, data.g)))
    assert list(design.variables.c.cat.categories) == ["w", "v", "u"]


def test_index_and_other_columns_do_not_matter():
    design = build_design("y ~ x + (1 | g)", PLAIN.set_index(np.zeros(12, dtype=int)).assign(**{"a b": None}))
    np.testing.assert_array_equal(design.X, build_design("y ~ x + (1 | g)", PLAIN).X)
    assert len(design.index) == 12


def test_blocks_go_by_number_of_levels_then_appearance():
    design = build_design("y ~ x + (1 | flag) + (1 | f) + (1 | a) + (0 + x | a) + (1 | b)", DATA)
    assert [block.group for block in design.blocks] == ["b", "f", "a", "flag"]
    assert design.blocks[2].columns == ("(Intercept)", "x")
    np.testing.assert_array_equal(design.blocks[2].pattern, np.eye(2, dtype=bool))


def test_double_bars_decorrelate_factor_columns_too():
    """Where lme4's leave the columns of a factor correlated."""
    (block,) = build_design("y ~ f + (1 + f || a)", DATA).blocks
    assert block.columns == ("(Intercept)", "fmid", "ftop")
    np.testing.assert_array_equal(block.pattern, np.eye(3, dtype=bool))
    (block,) = build_design("y ~ f + (f | a)", DATA).blocks
    np.testing.assert_array_equal(block.pattern, np.tri(3, dtype=bool))


def test_labels_that_hold_the_separator_stay_apart():
    data = pd.DataFrame({"y": [0, 1, 0, 1], "a": ["p:q", "p", "p:q", "p"], "b": ["r", "q:r", "r", "q:r"]})
    design = build_design("y ~ 1 + (1 | a:b)", data)
    assert design.blocks[0].refs.tolist() == [1, 0, 1, 0] == design.group_codes(data)[0].tolist()


def test_predictors_are_what_the_model_is_made_of():
    design = build_design("cbind(s, n) ~ x + offset(z) + (1 + time | a)", DATA)
    assert design.predictors == ("x", "time", "z")
    assert list(design.variables) == ["s", "n", "x", "time", "z", "a"]
    assert build_design("y ~ x + (1 | a)", DATA, weights="n", offset="z").predictors == ("x", "z")
    assert build_design("y ~ x", DATA, mixed=False).blocks == ()
    assert build_design("y ~ 0 + (1 | a)", DATA).X.shape == (len(DATA), 0)


# --- weights and offsets ---------------------------------------------------------------------

def test_weights_and_offsets_by_column_or_array():
    by_name = build_design("y ~ x + (1 | a)", DATA, weights="n", offset="z")
    by_array = build_design("y ~ x + (1 | a)", DATA, weights=DATA.n, offset=list(DATA.z))
    for design in (by_name, by_array):
        assert design.weights.tolist() == DATA.n.tolist() and design.offset.tolist() == DATA.z.tolist()
        assert design.weights.dtype == design.offset.dtype == float
    assert by_name.offset_for(DATA[:3]).tolist() == DATA.z[:3].tolist()
    with pytest.raises(gl.DataError, match="says nothing of new data: name a column"):
        by_array.offset_for(DATA[:3])
    both = build_design("y ~ x + offset(log(time)) + (1 | a)", DATA, offset="z")
    np.testing.assert_allclose(both.offset, np.log(DATA.time) + DATA.z)
    np.testing.assert_allclose(both.offset_for(DATA[:3]), both.offset[:3])
    assert build_design("y ~ x + (1 | a)", DATA).offset_for(DATA[:2]).tolist() == [0, 0]


def test_rows_that_miss_a_weight_or_offset_are_dropped():
    weights = DATA.n.astype(float).where(DATA.index != 2)
    with pytest.warns(gl.DroppedRowsWarning, match=r"2 of \d+ rows .*\(z: 1, weights: 1\)"):
        design = build_design("y ~ x + offset(z) + (1 | a)", DATA.assign(z=DATA.z.where(DATA.index != 5)),
                              weights=weights.to_numpy())
    assert design.dropped == {"z": 1, "weights": 1}
    assert design.weights.tolist() == DATA.n.drop([2, 5]).tolist()
    assert design.index.tolist() == list(DATA.index.drop([2, 5]))


# --- new data --------------------------------------------------------------------------------

def test_missing_values_in_new_data_give_nan_in_their_columns_only():
    design = build_design("y ~ x * f + bs(time, df=4) + offset(log(z)) + (1 + x | a)", DATA)
    new = DATA[:4].astype({"f": object, "a": object})
    new.loc[0, "x"], new.loc[1, "f"], new.loc[2, "time"], new.loc[3, "z"] = np.nan, None, np.nan, np.nan
    missing = pd.DataFrame(np.isnan(design.fixed_columns(new)), columns=design.coefnames)
    assert [list(missing.columns[row]) for row in missing.to_numpy()] == [
        [c for c in missing if c.startswith("x")], [c for c in missing if "f" in c and "bs" not in c],
        [c for c in missing if c.startswith("bs")], []]
    assert np.isnan(design.random_columns(new)[0]).tolist() == [[False, True], [False] * 2, [False] * 2, [False] * 2]
    assert np.isnan(design.offset_for(new)).tolist() == [False, False, False, True]
    nothing = DATA[:0]
    assert design.fixed_columns(nothing).shape == (0, design.X.shape[1])
    assert design.group_codes(nothing)[0].shape == (0,)
    all_missing = design.fixed_columns(new.assign(f=None))
    assert np.isnan(all_missing[:, list(design.coefnames).index("fmid")]).all()


def test_levels_that_were_not_fitted():
    design = build_design("y ~ f + (1 | a) + (1 | a:b)", DATA)
    new = DATA[:4].astype({"a": object})
    new.loc[0, "a"], new.loc[1, "b"], new.loc[2, "a"] = "a9", "b9", None
    ab, a = design.group_codes(new, allow_new_levels=True)
    assert design.blocks[0].group == "a:b"
    assert ab.tolist() == [-1, -1, -1, design.blocks[0].refs[3]]
    assert a.tolist() == [-1, design.blocks[1].refs[1], -1, design.blocks[1].refs[3]]
    unseen = pd.DataFrame({"a": ["a2"], "b": ["b3"]})  # each seen, but not together
    assert [codes.tolist() for codes in design.group_codes(unseen, allow_new_levels=True)] == [[-1], [1]]
    for data, match in [
        (new[:1], r"a:b 'a9:b\d' was not in the fitted data"),
        (unseen, "a:b 'a2:b3' was not in the fitted data"),
        (new[2:3], "a is missing in some rows"),
        (DATA[["a"]], "lack the grouping column 'b'"),
    ]:
        with pytest.raises(gl.DataError, match=match):
            design.group_codes(data)


def test_natural_splines_too_are_remembered():
    design = build_design('y ~ cr(time, df=4, constraints="center") + cc(z, df=3, constraints="center") + (1 | a)', DATA)
    assert design.X.shape[1] == 8
    np.testing.assert_allclose(design.fixed_columns(DATA[7:9]), design.X[7:9], atol=1e-12)


@pytest.mark.parametrize("change, match", [
    ({"f": "new"}, "f 'new' was not in the fitted data, .* the levels are: low, mid, top"),
    ({"f": 1.0}, "'f' was categorical in the fitted data but"),
    ({"x": "text"}, "'x' was numeric in the fitted data but"),
    ({"time": 99.0}, r"'bs\(time, df = 4\)' cannot be computed: .* bounds"),
])
def test_new_data_that_do_not_fit(change, match):
    design = build_design("y ~ x + f + bs(time, df=4) + (1 | a)", DATA)
    with pytest.raises(gl.GlmmlibError, match=match):
        design.fixed_columns(DATA[:3].assign(**change))


# --- the rule for contrasts ------------------------------------------------------------------

@settings(max_examples=60, deadline=None)
@given(terms=st.lists(st.sampled_from(["f", "h", "b", "x", "z", "f:h", "f:x", "h:x", "f:b", "x:z", "f:h:x", "f*h*z"]),
                      min_size=1, max_size=5), intercept=st.sampled_from(["0", "1"]))
def test_columns_span_what_the_terms_span(terms, intercept):
    """Against the indicators of every level of every factor, products and all."""
    from glmmlib import model_matrix as mm
    from glmmlib.columns import Frame

    rng = np.random.default_rng(0)
    cells = pd.MultiIndex.from_product([list("lmt"), list("pq"), list("rstu"), range(3)], names=["f", "h", "b", "i"])
    data = cells.to_frame(index=False).assign(x=rng.normal(size=72), z=rng.normal(size=72))
    frame, side = Frame(data), " + ".join([intercept, *terms])
    read, variables = mm.read_sides([side], "", data.columns, [])
    values = {name: variable.fit(frame) for name, variable in variables.items()}
    matrix, sets = mm.ModelMatrix.of(read[side]), [frozenset(v.name for v in term) for term in read[side]]
    X = matrix.columns(values, len(data))
    everything = []
    for term in sets:
        product = np.ones((len(data), 1))
        for name in term:
            column = data[name]
            levels = pd.get_dummies(column).to_numpy(float) if column.dtype != float else column.to_numpy()[:, None]
            product = (product[:, :, None] * levels[:, None, :]).reshape(len(data), -1)
        everything.append(product)
    everything = np.hstack(everything)
    rank = np.linalg.matrix_rank
    assert rank(X) == rank(everything) == rank(np.hstack([X, everything]))
    marginal = all(term - {name} in sets or (intercept == "0" and len(term) == 1)
                   for term in sets for name in term)
    if marginal:
        assert X.shape[1] == rank(X)


def test_no_column_too_many_where_r_has_one():
    design = build_design("y ~ 0 + x + x:f + (1 | a)", DATA)
    assert design.coefnames == ("x", "x:fmid", "x:ftop")


# --- tables and arguments that cannot be used ------------------------------------------------

@pytest.mark.parametrize("column, match", [
    (pd.date_range("2020-01-01", periods=12), "'x' holds datetime64.* turn them into numbers"),
    (pd.to_timedelta(range(12), unit="D"), "'x' holds timedelta64"),
    (np.arange(12) * 1j, "'x' holds complex"),
    ([1, "a"] * 6, "'x' mixes text and other values"),
    (["same"] * 12, "'x' has the same value in every row"),
    (np.arange(12) + 1e9, "'x' varies too little for its size .*subtract its mean"),
])
def test_columns_that_no_model_can_use(column, match):
    with pytest.raises(gl.DataError, match=match):
        build_design("y ~ x + (1 | g)", PLAIN.assign(x=column))


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1e8, 1e300])
def test_units_are_no_reason_to_refuse_a_column(scale):
    x = PLAIN.x * scale
    np.testing.assert_array_equal(build_design("y ~ x + c + (1 | g)", PLAIN.assign(x=x)).X[:, 1], x)


@pytest.mark.parametrize("formula, match", [
    ("y ~ x + z + (1 | g)", "'z' can be computed from those before it"),
    ("y ~ c * x * I(x^2) + (1 | g)", r"has 12 fixed effects but the data only 11 rows"),
    ("y ~ huge * x + I(huge^2) + (1 | g)", r"'I\(huge\^2\)' is infinite or undefined in 11 rows"),
    ("y ~ huge:other + (1 | g)", "'huge:other' is too large for a computer's numbers"),
    ("y ~ bs(x, df=1) + (1 | g)", r"'bs\(x, df = 1\)' cannot be computed"),
    ("y ~ I(c * 2) + (1 | g)", r"'I\(c \* 2\)' cannot be computed"),
    ("y ~ I(3) + (1 | g)", "gives 1 values for 11 rows"),
    ("y ~ 2:x + (1 | g)", r"write I\(2 \* x\)"),
    ("y ~ x + y + (1 | g)", "'y' is the response .* cannot predict itself"),
    ("y ~ x + (0 | g)", r"Nothing varies by g: write '\(1 \| g\)'"),
    ("y ~ C(c, levels=['u', 'v']) + (1 | g)", "has none of its levels in 4 rows"),
    ("y ~ C(c, contr.treatment('q')) + (1 | g)", "is not known: choose one of 'treatment'"),
    ("y ~ x + offset(c) + (1 | g)", "offset 'c' must be one numeric column"),
    ("y ~ x + offset(log(x - 5)) + (1 | g)", r"'log\(x - 5\)' is infinite or undefined"),
    ("y ~ x * offset(z) + (1 | g)", "uses 'offset'"),
    ("c ~ x + (1 | g)", "'c' must be one numeric column, not categories"),
    ("cbind(y, x, g) ~ 1 + (1 | c)", "but it gives 3 columns"),
    ("cbind(y, -x) ~ 1 + (1 | g)", "counts .* must be whole numbers"),
    ("cbind(y, x / 2) ~ 1 + (1 | g)", "counts .* must be whole numbers"),
    ("cbind(y * 0, x * 0) ~ 1 + (1 | g)", "has any trial"),
    ("y ~ x + (1 | mixed)", "'mixed' mixes text and other values"),
])
def test_formulas_that_do_not_fit_the_data(formula, match):
    data = PLAIN[1:].assign(z=2 * PLAIN.x - 3, huge=1e200 * PLAIN.x, other=1e200 * PLAIN.x,
                            mixed=[(1,), "a", 2.0] * 3 + ["b", {}])
    with pytest.raises(gl.GlmmlibError, match=match) as caught:
        build_design(formula, data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options, match", [
    ({"weights": "x2"}, "no column 'x2': did you mean 'x'"),
    ({"weights": "c"}, "weights 'c' must be numbers"),
    ({"weights": -PLAIN.x}, "weights 'weights' must be numbers, 0 or more"),
    ({"weights": np.zeros(12)}, "not all 0"),
    ({"weights": np.r_[np.inf, np.ones(11)]}, "'weights' holds 1 infinite"),
    ({"weights": np.ones(3)}, "weights must name a column or give one number for each of the 12 rows"),
    ({"weights": ["a"] * 12}, "one number for each"),
    ({"weights": PLAIN.x.rename(index=lambda i: i + 1)}, "another index than the data's"),
    ({"offset": "c"}, "offset 'c' must be one numeric column"),
    ({"offset": 3}, "offset must name a column or give one number for each"),
    ({"contrasts": ["c"]}, "must be a dict"),
    ({"contrasts": {"c": "deviation"}}, "'deviation' of c is not known: choose one of 'treatment', 'sum'"),
    ({"contrasts": {"c": ("treatment", "q")}}, "one of the levels u, v, w"),
    ({"contrasts": {"x": "sum"}}, "contrasts names 'x', which is numeric"),
    ({"contrasts": {"g": "sum"}}, "contrasts names 'g', which the formula does not use"),
    ({"contrasts": {"c": {"n": {"u": 1, "v": 2, "w": "three"}}}}, "a number for each level of c"),
    ({"contrasts": {"c": {"n": {"u": 1, "v": 2, "w": 3, "typo": 4}}}}, "a number for each level of c"),
])
def test_arguments_that_cannot_be_used(options, match):
    with pytest.raises(gl.DataError, match=match) as caught:
        build_design("y ~ x + c + (1 | g)", PLAIN, **options)
    assert "\n" not in str(caught.value)


def test_arguments_and_formula_that_contradict_each_other():
    with pytest.raises(gl.DataError, match="already says how many trials"):
        build_design("cbind(y, 1 - y) ~ x + (1 | g)", PLAIN, weights="x")
    with pytest.raises(gl.DataError, match=r"within functions only: .* C\(c, contr.sum\)"):
        build_design("y ~ C(c) + (1 | g)", PLAIN, contrasts={"c": "sum"})
    with pytest.raises(gl.DataError, match="2 columns named 'x'"):
        build_design("y ~ x + (1 | g)", pd.concat([PLAIN, PLAIN[["x"]]], axis=1))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(
    "y x c g 1 0 2 ~ + - * : / ^ ** | || ( ) [ ] { } , . = == > & % %in% in ! @ # ; $ ` ' \" \\ I( log( offset( bs( C( "
    "cbind( poly( `x` 'u' df=4 contr.sum TRUE lambda é 1e5 (1|g) (x||g)".split() + ["\n"]), min_size=1, max_size=7))
def test_any_text_gives_a_design_or_one_sentence(parts):
    try:
        build_design("y ~ " + " ".join(parts) + " + (1 | g)", PLAIN)
    except gl.GlmmlibError as error:
        assert "\n" not in str(error)
