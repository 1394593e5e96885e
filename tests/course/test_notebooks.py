"""What holds for every section: released freshly, runs unanswered, well formed. (Its text: test_text.py.)"""

import nbformat
import pytest
from nbclient import NotebookClient

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
    errors = [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert errors == []


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
