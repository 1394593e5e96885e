"""What all tests share: where the repository is, and a browser if the machine has one."""

import os
import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_report_header():
    import glmmlib

    browser = next(filter(None, map(shutil.which, BROWSERS)), "none (browser tests are skipped)")
    return [f"glmmlib: {Path(glmmlib.__file__).parent}", f"browser: {browser}"]


@pytest.fixture(scope="session")
def repo():
    """The top of the repository."""
    return Path(__file__).resolve().parent.parent


def _do_without(sentence):
    """Skip a test for which the machine lacks something, but where everything must be there, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def sandbox():
    """Whatever grades submissions; without bubblewrap the test is skipped, or fails if CI=true."""
    if shutil.which("bwrap") is None:
        _do_without("bubblewrap is not installed: grading is tested in its sandbox.")


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, run by Playwright; without one the test is skipped, or fails if CI=true."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        _do_without(f"No browser is installed: this test needs one of {', '.join(BROWSERS)}.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
