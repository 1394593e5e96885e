"""What holds for every section: released freshly, runs unanswered, well formed. (Its text: test_text.py.)"""

import nbformat
import pytest
from nbclient import NotebookClient

from glmmlib.errors import GlmmlibWarning
from glmmlib.teaching.grading import Course, stale_sections


def sections():
    from pathlib import Path

    return sorted(p.parent.name for p in (Path(__file__).parents[2] / "solutions").glob("*/*.ipynb"))


@pytest.fixture(params=sections())
def section(request):
    return request.param


def read(repo, folder, section):
    return nbformat.read(repo / folder / section / f"{section}.ipynb", as_version=4)


def test_course_is_what_release_makes(repo):
    assert stale_sections(Course(repo)) == [], "run `make release` and commit course/"


def test_released_notebook_runs_unanswered(repo, section, tmp_path):
    notebook = read(repo, "course", section)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error"] == []
    warned = [output.text for output in outputs if output.output_type == "stream" and "Warning: " in output.text]
    ours = [warning.__name__ for warning in GlmmlibWarning.__subclasses__()]
    assert [text for text in warned if not any(name in text for name in ours)] == [], "a warning that nothing explains"


@pytest.mark.parametrize("folder", ["solutions", "course"])
def test_notebooks_are_stored_clean(repo, section, folder):
    notebook = read(repo, folder, section)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert not cell.get("outputs") and not cell.get("execution_count")
        assert len(cell.source.splitlines()) <= 45, f"{cell.id} is longer than a screen"


def test_released_notebook_gives_nothing_away(repo, section):
    text = "\n".join(cell.source for cell in read(repo, "course", section).cells)
    for secret in ("BEGIN SOLUTION", "BEGIN HIDDEN", "points(", "reference()"):
        assert secret not in text
