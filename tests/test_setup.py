"""The files that set a machine up say the same thing everywhere, and name no particular machine."""

import os
import re
import subprocess

import pytest

PINS = ["requirements.txt", "binder/requirements.txt", "tests/requirements.txt"]
SCRIPTS = ["binder/postBuild", "binder/start", ".ci/run"]


def lines(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def test_binder_installs_what_everybody_installs(repo):
    assert lines(repo / "requirements.txt") == [*lines(repo / "binder/requirements.txt"), "./glmmlib"]


def test_the_tests_use_the_versions_of_the_course(repo):
    course, tests = (dict(line.split(" ; ")[0].split("==") for line in lines(repo / path))
                     for path in ("binder/requirements.txt", "tests/requirements.txt"))
    assert {name: tests[name] for name in course.keys() & tests.keys()}.items() <= course.items()


@pytest.mark.parametrize("path", PINS)
def test_every_requirement_is_an_exact_pin_from_no_particular_index(repo, path):
    for line in lines(repo / path):
        assert line == "./glmmlib" or re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+]+( ; .+)?", line), line


def test_everything_asked_for_is_pinned(repo):
    for wanted, pinned in [("requirements.in", "requirements.txt"), ("tests/requirements.in", "tests/requirements.txt")]:
        names = {line.split("==")[0] for line in lines(repo / pinned)}
        assert {line.split("[")[0] for line in lines(repo / wanted)} <= names


@pytest.mark.parametrize("path", SCRIPTS)
def test_scripts_can_be_run_and_parse(repo, path):
    assert os.access(repo / path, os.X_OK)
    subprocess.run(["bash", "-n", repo / path], check=True)


def test_binder_builds_glmmlib_as_everybody_does(repo):
    assert "pip install --no-cache-dir ./glmmlib" in (repo / "binder/postBuild").read_text()
    version = re.fullmatch(r"python-3\.(\d+)\n", (repo / "binder/runtime.txt").read_text())
    assert int(version[1]) >= 11
