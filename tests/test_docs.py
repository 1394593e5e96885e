"""What the documentation shows runs, and shows what it prints."""

import doctest
import importlib
import pkgutil
import re

import pytest

import glmmlib

MODULES = ["glmmlib", *(m.name for m in pkgutil.walk_packages(glmmlib.__path__, "glmmlib.")
                        if not m.name.endswith(("_compiled", "generate", "preprocessors")))]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


PAGES = ["README.md", "glmmlib/README.md", "glmmlib/docs/coming_from_r.md", "glmmlib/docs/coming_from_statsmodels.md"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.filterwarnings("ignore::glmmlib.SingularFitWarning")
def test_readme_examples_run(repo, page):
    blocks = re.findall(r"```python\n(.*?)```", (repo / page).read_text(), flags=re.DOTALL)
    assert blocks
    exec("\n".join(blocks), {})


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "glmmlib/docs/limitations.md"])
def test_links_lead_somewhere(repo, page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (repo / page).read_text())
    missing = [link for link in links if not ((repo / page).parent / link).exists()]
    assert not missing


def test_readme_names_real_make_targets(repo):
    makefile = (repo / "Makefile").read_text()
    text = (repo / "README.md").read_text() + (repo / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"(?m)^make (\w+)|`make (\w+)`", text))
    for target in {name for pair in named for name in pair if name}:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def _is_error(thing):
    return isinstance(thing, type) and issubclass(thing, (Exception, Warning))


@pytest.mark.parametrize("name", glmmlib.__all__)
def test_every_public_name_has_help(name):
    """A docstring, and for all but exceptions an example that runs (the doctests run it)."""
    thing = getattr(glmmlib, name)
    assert thing.__doc__
    if callable(thing) and not _is_error(thing):
        assert ">>>" in thing.__doc__


def test_everything_a_result_has_is_said():
    missing = [name for name, member in vars(glmmlib.GLMMResult).items()
               if not name.startswith("_") and not (getattr(member, "fget", None) or getattr(member, "func", None) or member).__doc__]
    assert missing == ["priors"]  # a field, whose default is None
