"""The bundled data print the tutorial's tables: every number, by R, statsmodels and glmmlib.

lme4's numbers are committed (tests/reference/crowding_lme4.json, made by crowding_lme4.R).
"""

import sys
from pathlib import Path

import numpy as np
import pytest

import glmmlib as gl

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
import printed_against_achieved as compare  # noqa: E402


@pytest.fixture(scope="module")
def data():
    return gl.load_crowding()


@pytest.fixture(scope="module")
def systems(data):
    return {"lme4": compare.by_lme4(), "glmmlib": compare.by_glmmlib(data),
            "statsmodels": compare.by_statsmodels(data)}


@pytest.mark.parametrize("system", ["lme4", "glmmlib", "statsmodels"])
def test_every_printed_number_is_met(systems, system):
    rows = [row for row in compare.table(systems) if system in row.achieved]
    assert len(rows) >= 20
    missed = [f"{row.quantity}: {row.achieved[system]} for {row.printed}" for row in rows if not row.within(system)]
    assert missed == []


def test_the_glm_comes_out_to_the_printed_digits(systems):
    """Coefficients and standard errors to five decimals; at worst one unit in the fifth."""
    rows = [row for row in compare.table(systems) if row.model == "GLM"]
    off = [row for row in rows if not row.digits_agree("lme4")]
    assert len(off) <= 1
    assert all(abs(row.achieved["lme4"] - row.printed) < 1.6 * 10.0**-row.decimals for row in off)


def test_the_fit_is_singular_with_rank_three(systems):
    assert systems["glmmlib"]["glmm"]["singular"]
    modes = np.array(list(systems["glmmlib"]["glmm"]["ranef"].values()))
    singular_values = np.linalg.svd(modes, compute_uv=False)
    assert singular_values[2] > 0.5 and singular_values[3] < 1e-3


def test_all_optimisers_find_the_same_optimum(systems):
    """None finds a better one than ours, and all find the same."""
    best = systems["glmmlib"]["glmm"]["loglik"]
    found = {fit["optimiser"]: fit["loglik"] for fit in systems["lme4"]["optimisers"]}
    assert len(found) >= 5
    assert max(found.values()) < best + 1e-5
    assert found["bobyqa"] == pytest.approx(best, abs=1e-3)
    assert min(found.values()) > best - 0.01


def test_the_committed_lme4_numbers_belong_to_these_data(systems):
    """After a change of the data, crowding_lme4.R must be run again."""
    r, ours = systems["lme4"]["glm"], systems["statsmodels"]["glm"]
    np.testing.assert_allclose(r["estimate"], ours["estimate"], rtol=1e-7)
    np.testing.assert_allclose(r["residual_deviance"], ours["residual_deviance"], rtol=1e-10)


def test_the_puzzle_lives_in_the_data(data, systems):
    """The pooled slope is far below the one within subjects, as weaker subjects saw larger digits."""
    pooled = systems["statsmodels"]["glm"]["estimate"][1]
    within = systems["glmmlib"]["glmm"]["estimate"][1]
    assert pooled < 0.65 * within
    modes = systems["glmmlib"]["glmm"]["ranef"]
    sizes = data.groupby("Subject", observed=True).Size.mean()
    assert np.corrcoef([modes[s][0] for s in sizes.index], sizes)[0, 1] < -0.5


def test_the_largest_residual_is_a_single_lapse(data):
    residuals = gl.glmer(compare.FORMULA, data, contrasts=compare.CODING).residuals()
    lowest, next_lowest = np.sort(residuals)[:2]
    assert lowest < -13.5 and next_lowest > -13.5


def test_the_data_card_shows_the_current_table(data, systems):
    assert compare.markdown(compare.table(systems)) in compare.CARD.read_text(), "run `make compare`"
