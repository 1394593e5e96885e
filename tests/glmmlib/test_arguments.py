"""Whatever is handed to a public function, the answer is a result or one sentence that says what to do."""

import inspect
import reprlib

import numpy as np
import pandas as pd
import pytest

import glmmlib as gl
from glmmlib import plots

RNG = np.random.default_rng(3)
DATA = pd.DataFrame({"g": np.repeat(list("abcdefgh"), 12), "x": RNG.normal(size=96), "c": np.tile(["u", "v"], 48)})
DATA["y"] = (RNG.random(96) < 1 / (1 + np.exp(-DATA.x - RNG.normal(size=8).repeat(12)))).astype(int)
DATA["t"] = DATA.x + RNG.normal(size=96) + RNG.normal(size=8).repeat(12)
FORMULA = "y ~ x + c + (1 | g)"

WRONG = ["bogus", "", -1, 0, 2.5, 10**9, float("nan"), None, True, [], {}, (1, 2, 3), ["a", "b"], {"a": 1}, object(), len,
         np.nan * np.ones(3), np.random.default_rng(1), np.random.SeedSequence(1), pd.DataFrame(), DATA.head(0), pd.Series(["p", "q"])]
# Each call as it works, by what is called; what is not named keeps its default.
CALLS = {
    "glmer": {"formula": FORMULA, "data": DATA},
    "lmer": {"formula": "t ~ x + (1 | g)", "data": DATA},
    "stepwise": {"formula": FORMULA, "data": DATA},
    "confint": {"model": ...},
    "profile": {"model": ..., "parm": ["x"]},
    "refit": {"model": ...},
    "wald_test": {"model": ..., "hypothesis": "x = 0"},
    "power": {"model": ..., "effect": "x", "groups": 8, "n": 2, "seed": 1, "n_jobs": 1, "progress": False},
    "load_crowding": {},
    "simulate_crowding": {"seed": 1, "subjects": 2, "trials": 20},
    "session_info": {},
    "Binomial": {},
    "Priors": {},
    ".bootstrap": {"n": 2, "seed": 1, "n_jobs": 1, "progress": False},
    ".jnd": {"x": "x"},
    ".predict": {"newdata": DATA.head(3)},
    ".refit": {},
    ".residuals": {},
    ".simulate": {},
    ".slopes": {"x": "x"},
    ".thresholds": {"x": "x", "n": 2, "n_jobs": 1},
    **{f"plots.{name}": {"result": ..., **{key: "x" for key in ("x",) if name in ("plot_effects", "binned", "plot_psychometric",
                                                                                  "plot_psychometric_panels")}} for name, value in vars(plots).items()
       if name in plots.__all__ and inspect.isfunction(value) and "result" in inspect.signature(value).parameters},
}
LARGE = {"n", "n_jobs", "nAGQ", "subjects", "trials", "groups", "rows", "points", "bins"}


@pytest.fixture(scope="module")
def models():
    return {"binomial": gl.glmer(FORMULA, DATA), "gaussian": gl.lmer("t ~ x + c + (1 | g)", DATA)}


def called(name, model):
    """The function and the arguments with which it works."""
    home, _, name_there = name.rpartition(".")
    function = getattr(model if name.startswith(".") else plots if home else gl, name_there)
    return function, {key: model if value is ... else value for key, value in CALLS[name].items()}


def test_nothing_public_is_left_out():
    functions = {name for name in gl.__all__ if inspect.isfunction(getattr(gl, name))}
    methods = {f".{name}" for name, _ in inspect.getmembers(gl.GLMMResult, inspect.isfunction) if not name.startswith("_")}
    no_arguments = {".summary", ".reduced_formulas", "show_backend", "anova", "to_bambi"}
    assert functions | methods <= CALLS.keys() | no_arguments


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["binomial", "gaussian"])
@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_named(models, name, kind):
    import matplotlib.pyplot as plt

    function, good = called(name, models[kind])
    strange = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or good.get(parameter.name) is models[kind]:
            continue
        for wrong in WRONG:
            if parameter.name in LARGE and type(wrong) is int and wrong > 0 or parameter.name == "statistic" and callable(wrong):
                continue  # right, only large; or the caller's own function, whose errors are the caller's
            shown = " ".join(reprlib.repr(wrong).split())
            try:
                function(**good | {parameter.name: wrong})
            except gl.GlmmlibError as error:
                if not str(error).rstrip().endswith((".", ")", "?")):
                    strange.append(f"{parameter.name}={shown}: no sentence: {error}")
            except Exception as error:
                strange.append(f"{parameter.name}={shown}: {type(error).__name__}: {str(error)[:80]}")
            plt.close("all")
    assert not strange, "\n".join(strange)
