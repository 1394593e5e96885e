"""How long a student waits: from a key pressed on a slider to the new picture on the screen, in a browser.

    python tests/benchmarks/widget_latency.py --presses 30

JupyterLab and Chromium run on this machine. Prints, for every explorer, the median and the slowest of
twenty of the presses, in milliseconds.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import chromium, running_lab  # noqa: E402

EXPLORERS = ("link_explorer", "by_hand_explorer", "shrinkage_explorer", "threshold_explorer", "singular_explorer",
             "laplace_explorer")
TOKEN = "a-token-for-this-measurement"
# The time from the key to the frame after the one in which the new picture was decoded.
PRESS = """(explorer) => new Promise((done, fail) => {
    const handle = explorer.querySelector(".noUi-handle"), tick = explorer.querySelector("input[type=checkbox]")
    const before = explorer.querySelector("img").src, start = performance.now()
    const seen = new MutationObserver(() => {
        if (explorer.querySelector("img").src === before) return
        seen.disconnect()
        explorer.querySelector("img").decode().then(() => requestAnimationFrame(() => requestAnimationFrame(
            () => done(performance.now() - start))))
    })
    seen.observe(explorer, {subtree: true, childList: true, attributes: true, attributeFilter: ["src"]})
    setTimeout(() => fail(new Error("no new picture within 5 s")), 5000)
    if (handle) {
        window.presses = (window.presses || 0) + 1
        const key = window.presses % 2 ? "ArrowRight" : "ArrowLeft"
        handle.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}))
    } else tick.click()
})"""


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--presses", type=int, default=30)
    options = options.parse_args()
    print("explorer            median     slowest of 20")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        folder = Path(folder)
        for name in EXPLORERS:
            nbformat.write(new_notebook(
                cells=[new_code_cell(f"from glmmlib.teaching.widgets import {name}\n{name}()")],
                metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
            ), folder / f"{name}.ipynb")
        with running_lab(folder, TOKEN) as address:
            for name in EXPLORERS:
                waits = sorted(measure(browser, f"{address}/lab/workspaces/{name}/tree/{name}.ipynb?token={TOKEN}",
                                       options.presses))
                print(f"{name:20}{statistics.median(waits):4.0f} ms   {waits[int(0.95 * len(waits)) - 1]:4.0f} ms")


def measure(browser, address, presses):
    """The waits of one explorer, in ms."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(address)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    explorer = page.locator(".jp-OutputArea .widget-vbox").first
    explorer.locator("img").first.wait_for(timeout=90_000)
    page.wait_for_timeout(2_000)
    waits = []
    for _ in range(presses):
        waits.append(explorer.evaluate(PRESS))
        page.wait_for_timeout(150)
    page.close()
    return waits


if __name__ == "__main__":
    main()
