"""Where the time of a fit goes: its stages by CPU time, what the processor does within them, and how far
an evaluation is from what exp and memory allow.

    .venv/bin/python tests/benchmarks/where_time_goes.py [--works maximal VerbAgg 100,000]

Prints Markdown. The second table needs Linux's `perf`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from works import WORKS

import glmmlib as gl
from glmmlib import certificate, laplace, start
from glmmlib._kernels import _compiled, one_thread
from glmmlib.design import build_design
from glmmlib.family import get_family
from glmmlib.laplace import fit_laplace, make_objective
from glmmlib.objective import Objective
from glmmlib.rows import merge_rows

# What a symbol's samples count as: the first that matches library and name.
PARTS = {
    "row terms: exp, log1p, division": r"lanes_(logit|poisson)|binomial_terms|log_cdf|mixed|libm\.",
    "linear predictor": r"lanes_eta|border_eta",
    "sums over rows: gradient and curvature in u": r"lanes_(moments|sums|total|dot)|transposed|border_moments|eliminate",
    "gradient of the deviance": r"lanes_(quadratic|response)|border_(leverage|slopes)|derivatives",
    "small factorisations and the loop over groups": r"_compiled|_bordered",
    "BLAS and LAPACK": r"openblas",
    "NumPy": r"_multiarray_umath|_umath_linalg",
    "memory, system": r"kernel|libc\.|ld-linux",
    "Python": r"",
}


def cpu(function, seconds=1.0):
    """The smallest CPU time of as many calls as fit into some seconds, at least three; and the last result."""
    times, result = [], None
    while len(times) < 3 or sum(times) < seconds:
        begin = time.process_time()
        result = function()
        times.append(time.process_time() - begin)
    return min(times), result


def stages(work):
    """Stage -> milliseconds, and number of evaluations of the search and of all."""
    data, family = work.make(), get_family(work.family)
    ms = {}
    ms["formula and table"], design = cpu(lambda: build_design(work.formula, data))
    ms["rows sorted and merged"], rows = cpu(lambda: merge_rows(design))
    ms["fit without random effects"], glm = cpu(lambda: start.fit_glm(rows, family, design.coefnames))
    objective = make_objective(design, family)

    def search():
        objective.u = 0 * objective.u
        objective.evaluations = 0
        inverse = np.eye(len(objective.start)) / (20 * objective.rows.groups[0])
        return laplace.descend(objective, objective.start, inverse, laplace.NEAR * certificate.CONVERGED_DECREMENT)

    ms["search (BFGS)"], phi = cpu(search)
    searching = objective.evaluations
    ms["Hessian and Newton's step"], polished = cpu(lambda: laplace.polish(objective, phi))
    ms["certificate"], verdict = cpu(lambda: certificate.certify(objective, *polished[:3]))
    ms["estimates and standard errors"], _ = cpu(lambda: laplace.estimates(objective, *polished, verdict))
    ms["the fit step"], fit = cpu(lambda: fit_laplace(design, family))
    ms["the whole call"], _ = cpu(lambda: gl.glmer(work.formula, data, work.family).se)
    return {name: 1000 * value for name, value in ms.items()}, searching, fit.evaluations


def within(work, seconds=6):
    """Part -> share of the samples that perf takes of a process that fits again and again."""
    child = subprocess.Popen([sys.executable, __file__, "--again", work.name], stdout=subprocess.PIPE, text=True)
    try:
        child.stdout.readline()
        with tempfile.NamedTemporaryFile() as file:
            subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "499", "-o", file.name, "-p", str(child.pid), "--",
                            "sleep", str(seconds)], check=True, capture_output=True)
            report = subprocess.run(["perf", "report", "-i", file.name, "--stdio", "-q", "--sort", "dso,symbol"], check=True,
                                    capture_output=True, text=True).stdout
    finally:
        child.kill()
        child.wait()
    shares = dict.fromkeys(PARTS, 0.0)
    for share, symbol in re.findall(r"^\s*([\d.]+)%\s+(.*)$", report, re.MULTILINE):
        shares[next(part for part, pattern in PARTS.items() if re.search(pattern, symbol))] += float(share)
    return shares


def again(name):
    work = next(w for w in WORKS if w.name == name)
    design, family = build_design(work.formula, work.make()), get_family(work.family)
    with one_thread():
        fit_laplace(design, family)
        print("ready", flush=True)
        while True:
            fit_laplace(design, family)


def limits(work):
    """Nanoseconds per row: an evaluation near the last one, its exps alone, its memory traffic alone."""
    objective = make_objective(build_design(work.formula, work.make()), get_family(work.family))
    N, (p, q) = len(objective.y), (objective.X.shape[1], objective.Z[0].shape[1])
    points = iter(range(10**9))
    evaluation, _ = cpu(lambda: Objective.__call__(objective, objective.start + 0.01 * (-1) ** next(points)))
    x = -np.abs(np.random.default_rng(0).normal(size=1000))
    exps, _ = cpu(lambda: [_compiled.lane_functions(x) for _ in range(100)], 0.2)
    y, n = (x < -1).astype(float), np.ones(len(x))
    terms, _ = cpu(lambda: [_compiled.terms(objective.family, y, n, x) for _ in range(100)], 0.2)
    source = np.ones(4_000_000)
    target = source.copy()
    copy, _ = cpu(lambda: np.copyto(target, source))
    # Read: y, n, X, and by the kernel y, n, eta, Z, by the gradient X and score; written: eta and three outcomes.
    bytes_per_row = 8 * (1 + p + 1 + 3 + q + 3 + p + 1)
    return {"evaluation": evaluation / N * 1e9, "an exp and a log1p": exps / 1e5 * 1e9, "all terms of a row": terms / 1e5 * 1e9,
            f"reading and writing {bytes_per_row} bytes once": bytes_per_row * copy / (16 * len(source)) * 1e9}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--works", nargs="*", default=["maximal", "VerbAgg", "100,000"], help="parts of their names")
    parser.add_argument("--again", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.again:
        again(options.again)
    works = [w for w in WORKS if any(part in w.name for part in options.works)]
    with one_thread():  # as fits are
        found = [stages(work) for work in works]
    header = ["| | " + " | ".join(work.name for work in works) + " |", "|---" * (len(works) + 1) + "|"]
    print(*header, sep="\n")
    for name in found[0][0]:
        print(f"| {name}, ms | " + " | ".join(f"{ms[name]:.2f}" for ms, _, _ in found) + " |")
    print("| evaluations: search, all | " + " | ".join(f"{some}, {every}" for _, some, every in found) + " |", end="\n\n")
    if shutil.which("perf"):
        shares = [within(work) for work in works]
        print(*header, sep="\n")
        for part in PARTS:
            print(f"| {part} | " + " | ".join(f"{share[part]:.0f}%" for share in shares) + " |")
        print()
    for work in works:
        if work.large:
            with one_thread():
                found = limits(work)
            print(f"{work.name}, nanoseconds per row: "
                  + "; ".join(f"{name} {value:.1f}" for name, value in found.items()) + ".")


if __name__ == "__main__":
    main()
