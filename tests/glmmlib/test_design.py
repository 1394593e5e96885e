"""Model matrices compared with lme4's; the numbers come from tests/reference/design_reference.R."""

import json
import pickle
import warnings
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
