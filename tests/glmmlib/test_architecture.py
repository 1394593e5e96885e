"""The rooms of glmmlib and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import glmmlib

SOURCE = Path(__file__).parents[2] / "glmmlib" / "src" / "glmmlib"
# From the ground up: a room may import rooms below it only.
ROOMS = ["errors", "arguments", "family", "formula", "columns", "model_matrix", "design", "_kernels", "rows", "start", "objective",
         "agq", "posterior", "certificate", "descent", "laplace", "reduction", "convergence", "priors", "parameters", "held",
         "refitting", "simulation", "replicates", "bootstrap", "residuals", "marginal", "curves", "thresholds", "summary",
         "result", "profiles", "inference", "power_analysis", "bayes", "model", "stepwise", "glm", "datasets", "session",
         "plots", "diagrams", "teaching"]


def imported_rooms(path):
    """The rooms of glmmlib that a source file imports, at its top or inside functions."""
    package = ["glmmlib", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            full = [*base, *(node.module or "").split(".")] if node.module else base
            names = [[*full, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from (name[1] for name in names if name[0] == "glmmlib" and len(name) > 1)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_downwards(path):
    if path == SOURCE / "__init__.py":
        return
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert room in ROOMS, f"{room} has no place in the house: give it one in ROOMS"
    upwards = {other for other in imported_rooms(path)
               if other in ROOMS and ROOMS.index(other) > ROOMS.index(room)}
    assert not upwards


@pytest.mark.parametrize("heavy", ["matplotlib", "ipywidgets", "statsmodels", "joblib", "IPython", "nbgrader", "scipy.stats", "formulaic"])
def test_import_is_light(heavy):
    code = f"import sys, glmmlib; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_compiled_kernel_is_in_use():
    assert glmmlib.show_backend() == "cython"


@pytest.mark.parametrize("folder", [SOURCE.parents[2], SOURCE.parents[1], Path("/")])
def test_backend_is_found_from_any_folder(folder):
    out = subprocess.run([sys.executable, "-c", "import glmmlib; print(glmmlib.show_backend())"],
                         cwd=folder, capture_output=True, text=True)
    assert out.stdout.strip() == "cython", out.stderr


def test_numpy_twin_can_be_asked_for():
    code = "import os; os.environ['GLMMLIB_KERNEL'] = 'numpy'; import glmmlib; print(glmmlib.show_backend())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.strip() == "numpy", out.stderr


def test_every_public_name_is_documented():
    for name in glmmlib.__all__:
        assert (getattr(glmmlib, name).__doc__ or "").strip(), name
