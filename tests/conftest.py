"""What all tests share: where the repository is, and programs that a machine may lack."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

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
    if not any(map(shutil.which, BROWSERS)):
        _do_without(f"No browser is installed: this test needs one of {', '.join(BROWSERS)}.")
    with chromium() as browser:
        yield browser


@contextlib.contextmanager
def chromium():
    """The browser, for as long as the block runs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, BROWSERS))),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def start_lab():
    """Starts JupyterLab: `with start_lab(folder, token, *arguments, **environment) as address`."""
    return running_lab


@contextlib.contextmanager
def running_lab(folder, token, *arguments, **environment):
    """JupyterLab in a folder, for as long as the block runs; gives its address."""
    own = {f"JUPYTER{name}_DIR": folder / ".jupyter" / name for name in ("LAB_WORKSPACES", "_CONFIG", "_DATA")}
    log = folder / "lab.log"
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", f"--IdentityProvider.token={token}",
         "--allow-root", *arguments],
        cwd=folder, stdout=log.open("w"), stderr=subprocess.STDOUT,
        env={name: str(value) for name, value in (os.environ | own | environment).items()})
    try:
        yield _address(server, log, token)
    finally:
        server.terminate()
        server.wait(30)


def _address(server, log, token, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        found = re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)/lab", log.read_text())
        if found:
            address = f"http://127.0.0.1:{found[1]}"
            with contextlib.suppress(URLError):  # the address is logged a moment before it is served
                if urlopen(f"{address}/api?token={token}").status == 200:
                    return address
        time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-1500:]}")


@pytest.fixture
def postgres():
    """The address, as SQLAlchemy wants it, of an empty PostgreSQL server; without one skipped, or fails if CI=true."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))
    if programs is None:
        _do_without("PostgreSQL is not installed: a gradebook is tested in it.")
    # it refuses to be root's; pytest's own folders are closed to others, and too long for a socket's name
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    if owner:
        shutil.chown(folder, "postgres", "postgres")
    subprocess.run([programs / "initdb", "--auth=trust", "--username=grader", "--no-sync", folder / "data"],
                   cwd=folder, check=True, capture_output=True, **owner)
    server = subprocess.Popen([programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="],
                              cwd=folder, stderr=subprocess.DEVNULL, **owner)
    try:
        end = time.monotonic() + 60
        while subprocess.run([programs / "pg_isready", "--quiet", "--host", folder]).returncode != 0:
            assert server.poll() is None and time.monotonic() < end, "PostgreSQL does not start"
            time.sleep(0.1)
        yield f"postgresql+psycopg://grader@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)   # which ends its connections too
        server.wait(60)
        shutil.rmtree(folder)
