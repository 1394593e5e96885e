"""Who runs the submissions: several at a time, here or on other machines.

joblib hands them out, by default to threads of this process; within `on_cluster`, or any other
`joblib.parallel_config`, to whatever that names. A worker is a function call on plain values. Its machine needs
bubblewrap and the same packages, but none of the course's files, and never hears of a hidden test.
"""

import contextlib
import itertools
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from .course import GradingError
from .sandbox import Limits, NoSandbox, Sandbox, SandboxError
from .submission import run_submission


@dataclass(frozen=True)
class Room:
    """Where notebooks run: within which limits, with which modules imported, what hidden, and whether walled."""

    limits: Limits
    modules: frozenset
    hidden: tuple = ()      # paths, besides what lies in the worker's home
    walls: bool = True


@contextlib.contextmanager
def on_cluster(address):
    """Meanwhile, submissions are run by the workers of the Dask scheduler at `address`; here, if it is None."""
    if address is None:
        yield
        return
    try:
        from distributed import Client
        from joblib import parallel_config
    except ImportError:
        raise GradingError("Dask is not installed: pip install distributed, here and where its workers are.") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as failure:
        raise GradingError(
            f"No Dask scheduler answers at {address} ({failure}): start one with `dask scheduler`.") from None
    with client, parallel_config(backend="dask"):
        try:
            yield
        finally:
            client.run(_close_all, on_error="return")   # the workers stay, their sandboxes need not


def run_all(submissions, room, jobs):
    """Run submissions, `jobs` at the same time; yields (job, what it gave) in the order they finish.

    `submissions` are (job, its files, the section's key without answers); they are asked for as they are
    needed. Instead of its files there may be the exception that says why it cannot be run. What it gave
    is a Record, or the exception that kept it from giving one; but SandboxError is raised, as it concerns all.
    """
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=jobs, prefer="threads", return_as="generator_unordered")
    try:
        yield from run(delayed(_run)(*submission, room) for submission in submissions)
    finally:
        _close_all()


def _run(job, files, key, room):
    try:
        if isinstance(files, Exception):
            raise files
        return job, run_submission(files, key, _runner(room))
    except SandboxError:
        raise
    except Exception as failure:
        return job, failure


# ---- sandboxes of this process ---------------------------------------------------------------------


_open, _numbers = {}, itertools.count()     # thread -> (room, runner): starting one takes seconds


def _runner(room):
    """This thread's own sandbox, kept from one submission to the next."""
    thread = threading.get_ident()
    made_for, runner = _open.get(thread, (None, None))
    if made_for != room:
        if runner is not None:
            runner.close()
        if room.walls:
            runner = Sandbox(room.limits, room.modules, [*room.hidden, *_home()], next(_numbers))
            runner.test_walls()
        else:
            runner = NoSandbox(room.limits, room.modules)
        _open[thread] = room, runner
    return runner


def _close_all():
    while _open:
        _open.popitem()[1][1].close()


def _home():
    """What lies in this user's home, but for Python and glmmlib, which student code needs."""
    needed = [Path(prefix).absolute() for prefix in (sys.prefix, sys.base_prefix, __file__)]
    there = Path.home().iterdir() if Path.home().is_dir() else ()
    return [path for path in there if not any(place.is_relative_to(path) for place in needed)]
