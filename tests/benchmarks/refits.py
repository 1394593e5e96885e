"""Refits of the tutorial's maximal model: time of one, memory over many, a bootstrap, and a bootstrap
on a Dask cluster that loses a worker on the way.

    python tests/benchmarks/refits.py [--refits 10000] [--replicates 1000] [--dask]

--dask needs `pip install distributed`. Times depend on the machine and on what else it does.
"""

import argparse
import os
import signal
import sys
import threading
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "glmmlib"))
from models import CODING, MAXIMAL  # noqa: E402

import glmmlib as gl  # noqa: E402


def resident():
    """Memory of this process in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def timed(call):
    """Seconds of this process's own work, which others on the machine do not lengthen; and the result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def elapsed(call):
    """Seconds that went by, and the result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def one_refit(m, y):
    rows, sizes = np.ones(m.nobs), np.linspace(1, 3, 40)
    changes = {
        "a changed response": [lambda v=v: m.refit(v) for v in y],
        "changed weights": [lambda i=i: m.refit(weights=np.where(np.arange(m.nobs) == i, 0, rows)) for i in range(40)],
        "a held slope": [lambda s=s: m.refit(held={"center(Size)": s}) for s in sizes],
        "a held standard deviation": [lambda s=s: m.refit(held={"sd_(Intercept)|Subject": s}) for s in sizes / 3],
    }
    for name, calls in changes.items():
        times = 1000 * np.array([timed(call)[0] for call in calls])
        print(f"{name}: CPU median {np.median(times):.1f} ms, 90% within {np.quantile(times, 0.9):.1f} ms")


def memory(m, y, n):
    for i in range(200):
        m.refit(y[i % len(y)])
    before = resident()
    for i in range(n):
        m.refit(y[i % len(y)])
    print(f"{n} refits: memory {before:.1f} MB before, {resident():.1f} MB after")


def on_dask(m, n, expected):
    from distributed import Client, LocalCluster
    from joblib import parallel_config

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
        threading.Timer(3, os.kill, (victim, signal.SIGKILL)).start()
        with parallel_config(backend="dask"):
            seconds, boot = elapsed(lambda: m.bootstrap(n, seed=1, progress=False))
    print(f"on Dask, one of two workers killed after 3 s: {seconds:.1f} s, {len(boot.replicates)} replicates, "
          f"identical: {boot.replicates.equals(expected.replicates)}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--refits", type=int, default=10_000)
    arguments.add_argument("--replicates", type=int, default=1000)
    arguments.add_argument("--dask", action="store_true")
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore", gl.SingularFitWarning)
    m = gl.glmer(MAXIMAL, gl.load_crowding(), contrasts=CODING)
    y = m.simulate(40, seed=1).to_numpy().T
    one_refit(m, y)
    m.bootstrap(4, n_jobs=2, progress=False)  # the workers are started
    boots = {}
    for workers in (1, 2):
        bootstrap = partial(m.bootstrap, chosen.replicates, seed=1, n_jobs=workers, progress=False)
        seconds, boots[workers] = elapsed(bootstrap)
        print(f"bootstrap, workers: {workers}: {seconds:.1f} s, {boots[workers]!r}".splitlines()[0])
    print(f"CPU time of {chosen.replicates} replicates in one process: "
          f"{timed(partial(m.bootstrap, chosen.replicates, seed=1, progress=False))[0]:.1f} s")
    print(f"identical: {boots[1].replicates.equals(boots[2].replicates)}")
    if chosen.dask:
        on_dask(m, chosen.replicates, boots[1])
    memory(m, y, chosen.refits)


if __name__ == "__main__":
    main()
