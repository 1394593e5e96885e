"""The course as a student sees it: JupyterLab in a real browser."""

import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest

SECTIONS = sorted(p.parent.name for p in (Path(__file__).parents[2] / "course").glob("*/*.ipynb"))
TOKEN = "a-token-for-this-test"


@pytest.fixture(scope="module")
def lab(repo, start_lab, tmp_path_factory):
    """JupyterLab on a copy of course/, started as `make lab` starts it; gives (address, folder)."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(repo / "course", root / "course")
    # Show all cells at once; by default JupyterLab draws those in view only.
    settings = root / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    with start_lab(root, TOKEN, "course", JUPYTERLAB_SETTINGS_DIR=root / "settings") as address:
        yield address, root / "course"


def open_and_run(browser, address, path):
    """Open a notebook in a new page and choose Run > Run All Cells."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    # a workspace of its own: in a shared one JupyterLab would open the last test's notebook too
    workspace = path.replace("/", "-").removesuffix(".ipynb")
    page.goto(f"{address}/lab/workspaces/{workspace}/tree/{path}?token={TOKEN}")
    # a command given before the kernel is there would be lost
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return page


@pytest.mark.parametrize("section", SECTIONS)
def test_all_cells_run_and_figures_show(lab, browser, section, tmp_path):
    address, folder = lab
    page = open_and_run(browser, address, f"{section}/{section}.ipynb")
    # every code cell gets a number when it has run; [*] means waiting
    page.wait_for_function(
        """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
              .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))""", timeout=90_000)

    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    pictures = page.locator(".jp-OutputArea img")
    expected = sum("show(" in cell.source for cell in notebook(folder, section).cells if cell.cell_type == "code")
    assert pictures.count() >= expected > 0
    for picture in pictures.all():
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 300
        assert len(picture.get_attribute("alt") or "") > 40
    # MathJax prints a command that it does not know in red
    assert page.locator('.jp-RenderedMarkdown .jp-mod-error, mjx-merror, mtext[mathcolor="red"]').count() == 0
    pictures.nth(1).scroll_into_view_if_needed()
    page.screenshot(path=os.environ.get("SCREENSHOTS", str(tmp_path)) + f"/{section}.png")
    page.close()


def notebook(folder, section):
    return nbformat.read(folder / section / f"{section}.ipynb", as_version=4)


def test_an_answer_is_met_at_once(lab, browser):
    """A student types the deviation for the intercept and is told what it is."""
    address, folder = lab
    changed = notebook(folder, "s6_subjects")
    next(cell for cell in changed.cells if cell.id == "q1").source = (
        'subject_9_intercept = m.ranef["Subject"].loc["9", "(Intercept)"]')
    nbformat.write(changed, folder / "s6_subjects" / "answered.ipynb")
    page = open_and_run(browser, address, "s6_subjects/answered.ipynb")
    message = page.get_by_text("add the population intercept").first
    message.wait_for(timeout=90_000)
    assert "✗ subject_9_intercept = " in message.inner_text()
    page.close()
