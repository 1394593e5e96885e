"""Many independent runs of one function: by several workers, reproducible, interruptible."""

import sys
import time

import numpy as np

from .errors import DataError, GlmmlibWarning, warn

LARGEST_CHUNK = 25


def replicate(function, n, seed=None, n_jobs=None, progress=True) -> list:
    """[function(rng) for n random generators], a list shorter than n when interrupted from the keyboard.

    Parameters
    ----------
    function : picklable; is handed a numpy Generator and returns anything.
    n : how many runs. Run i has the i-th child of the seed whoever does it, so that the results do
        not depend on the number of workers.
    seed : int or numpy SeedSequence.
    n_jobs : workers, as joblib understands it; None for one, or what `joblib.parallel_config` says.
    progress : whether to say on stderr how far it is.
    """
    try:
        from joblib import Parallel, delayed
    except ImportError:
        raise DataError("Simulating in parallel needs joblib: pip install joblib.") from None
    children = [child(seed, i) for i in range(n)]
    size = max(1, min(LARGEST_CHUNK, n // 16))
    chunks = [children[i:i + size] for i in range(0, n, size)]
    done, report = [], _Report(n) if progress else lambda count: None
    try:
        for results in Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_run)(function, c) for c in chunks):
            done += results
            report(len(done))
    except KeyboardInterrupt:
        warn(f"Interrupted after {len(done)} of {n} replicates: these are kept.", GlmmlibWarning)
    return done


def child(seed, i):
    """The i-th child of a seed, by its place: spawn() would remember how many a SeedSequence has had."""
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, i))


def _run(function, seeds):
    return [function(np.random.default_rng(seed)) for seed in seeds]


class _Report:
    """A line that counts, once a run has taken a while."""

    def __init__(self, n, patience=2.0):
        self.n, self.after, self.shown = n, time.monotonic() + patience, False

    def __call__(self, count):
        if time.monotonic() > self.after or self.shown:
            self.shown, self.after = True, time.monotonic() + 0.2
            end = "\n" if count == self.n else ""
            print(f"\r{count} of {self.n} replicates", end=end, file=sys.stderr, flush=True)
