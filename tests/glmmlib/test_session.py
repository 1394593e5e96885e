"""session_info names what a result rests on."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest

import glmmlib as gl
from glmmlib import session
from glmmlib.datasets import files


def in_a_fresh_process(code):
    """What session_info says at the end of a program: value by name."""
    program = f"{code}\nimport glmmlib as gl\nprint(gl.session_info()['value'].droplevel('part').to_json())"
    return json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def test_it_names_glmmlib_what_it_requires_the_kernel_and_the_data():
    value = gl.session_info()["value"]
    assert value["packages", "glmmlib"] == metadata.version("glmmlib")
    assert set(session.requirements()) == {"formulaic", "numpy", "pandas", "scipy", "threadpoolctl"} <= set(value["packages"].index)
    assert value["packages", "pandas"] == pd.__version__
    assert value["session", "glmmlib kernel"] == gl.show_backend()
    recorded = (files.FOLDER / files.CHECKSUMS).read_text().split()[0]
    assert value["data", "crowding.csv"] == recorded[:12]
    assert value.map(type).eq(str).all()
    assert value.index.is_unique


@pytest.mark.parametrize("code, named", [
    ("import statsmodels.api as sm", "statsmodels"), ("from matplotlib import pyplot", "matplotlib"),
    ("from nbformat import read", "nbformat"), ("from joblib import Memory", "joblib")])
def test_what_the_program_imports_is_named_and_what_it_does_not_is_not(code, named):
    assert named in in_a_fresh_process(code)
    assert named not in in_a_fresh_process("")


def test_everything_loaded_can_be_asked_for():
    few, all_loaded = gl.session_info(), gl.session_info(loaded=True)
    assert set(few.index) <= set(all_loaded.index)
    assert ("packages", "pytest") in all_loaded.index


def test_the_kernel_is_the_one_asked_for(monkeypatch):
    monkeypatch.setenv("GLMMLIB_KERNEL", "numpy")
    assert in_a_fresh_process("")["glmmlib kernel"] == "numpy"


def test_an_edited_data_file_shows(monkeypatch, tmp_path):
    edited = (files.FOLDER / "crowding.csv").read_bytes().replace(b"crowded", b"Crowded", 1)
    Path(tmp_path, "crowding.csv").write_bytes(edited)
    before = gl.session_info().loc[("data", "crowding.csv"), "value"]
    monkeypatch.setattr(session, "FOLDER", tmp_path)
    assert gl.session_info().loc[("data", "crowding.csv"), "value"] != before
