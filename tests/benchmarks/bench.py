"""The same models fitted by glmmlib and by every peer that is here, in one run: time, likelihood, memory.

    make bench            what is installed; the peers from PyPI are put into an environment of their own
    make bench-peers      installs lme4 and glmmTMB from Debian first

    .venv/bin/python tests/benchmarks/bench.py [--works maximal VerbAgg] [--peers glmmlib glmm] [--limit 300]

Each fit runs in a process of its own, peers taking turns; the median of the repetitions counts. Writes RESULTS.md and
results.png here, and of large data RESULTS_LARGE.md, results_large.png and scaling.png.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import glmmlib as gl
import numpy as np
from peers import PEERS
from scipy.linalg import block_diag
from works import WORKS

HERE = Path(__file__).parent
LOWER = 1e-3  # a log-likelihood lower by more is not the same fit
R_PEERS = ("lme4", "lme4, bobyqa", "lme4, nAGQ=0", "glmmTMB")


def call(python, peer, work, csv, limit):
    """The JSON that one fit prints; {"error": ...} when it fails or takes longer than limit seconds."""
    program = ["Rscript", HERE / "peers.R"] if peer in R_PEERS else [python, HERE / "peers.py"]
    try:
        out = subprocess.run([*program, peer, work.formula, work.family, csv], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"not finished in {limit:g} seconds", "seconds": limit}
    lines = [line for line in out.stdout.splitlines() if line.startswith("{")]
    last = (out.stderr.strip().splitlines() or ["it printed nothing"])[-1]
    answer = json.loads(lines[-1]) if lines else {"error": last[:150]}
    if isinstance(answer.get("loglik"), str):  # R's NA
        return {"error": "no likelihood: " + (answer["note"] or "it gave NA")}
    return answer


def measure(work, peers, python, repetitions, limit, say):
    """peer -> answer with the median of its seconds; alternating."""
    answers = {peer: [] for peer in peers}
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        data = work.make()
        data.to_csv(file.name, index=False)
        for repetition in range(repetitions):
            for peer in peers:
                last = answers[peer][-1] if answers[peer] else {}
                if "error" in last or repetition and last["seconds"] > 30:
                    continue  # once is enough of what fails or takes minutes
                answers[peer].append(call(python, peer, work, file.name, limit))
                say(f"{work.name}: {peer}: {answers[peer][-1].get('error') or format(answers[peer][-1]['seconds'], '.4g') + ' s'}")
        size = data.memory_usage(deep=True).sum() / 2**20
    result = {}
    for peer, runs in answers.items():
        done = [run for run in runs if "loglik" in run]
        result[peer] = runs[-1] if not done else done[-1] | {
            "seconds": statistics.median(run["seconds"] for run in done),
            "memory": statistics.median(run["memory"] for run in done), "runs": len(done)}
    facts = {"rows": len(data), "megabytes": size} | own_fit(work, data, result)
    return result, facts


def own_fit(work, data, result):
    """What a Newton step could still gain of our fit, and the fit step's own time; adds "gradient" to every
    answer in result: the largest entry of our exact gradient at the peer's estimates."""
    import time
    import warnings

    from glmmlib._kernels import one_thread
    from glmmlib.laplace import fit_laplace, make_objective

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = gl.glmer(work.formula, data, work.family)
        times = []
        for _ in range(1 if work.large else 5):
            start = time.perf_counter()
            with one_thread():  # as glmer does
                fit_laplace(m.design, m.family)
            times.append(time.perf_counter() - start)
    objective = make_objective(m.design, m.family)
    for answer in result.values():
        if "loglik" in answer:
            answer["gradient"] = np.abs(objective(phi_at(objective, m.design, answer))[1]).max()
    return {"gain": m.fit.certificate.decrement, "fit_step": statistics.median(times), "evaluations": m.fit.evaluations}


def phi_at(objective, design, answer):
    """A peer's estimates as a point of our objective."""
    phi = objective.start.copy()
    for block, entries, scale, at in zip(design.blocks, objective.entries, objective.z_scale, objective.thetas):
        # `||` makes blocks g, g.1, g.2 ... of one factor
        parts = [S for name, S in answer["covariances"].items() if re.sub(r"\.\d+$", "", name) == block.group]
        values, vectors = np.linalg.eigh(block_diag(*map(np.atleast_2d, parts)))
        root = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T)[1].T  # lower triangular, whatever the rank
        phi[at] = (root * scale[:, None])[entries]
    phi[objective.beta_at] = np.linalg.solve(objective.to_beta, np.asarray(answer["beta"]) - objective.origin)
    return phi


def table(work, result, facts):
    """Markdown lines for one model."""
    ours = result["glmmlib"]
    lines = [f"### {work.name}", "",
             f"`{work.formula}`, {work.family}, {facts['rows']:,} rows, {facts['megabytes']:.1f} MB as a DataFrame. The fit step alone: {facts['fit_step'] * 1000:,.1f} ms, "
             f"{facts['evaluations']} evaluations; a Newton step would gain {facts['gain']:.1g} of deviance.", "",
             "| | seconds | times glmmlib | logLik minus ours | largest gradient | memory, MB | runs | note |",
             "|---|---|---|---|---|---|---|---|"]
    for peer, run in result.items():
        name = f"{peer} {run['version']}" if "version" in run else peer
        if "loglik" in run:
            lines.append(f"| {name} | {run['seconds']:.4g} | {run['seconds'] / ours['seconds']:.3g} | "
                         f"{run['loglik'] - ours['loglik']:+.2g} | {run['gradient']:.1g} | {run['memory']:.0f} | {run['runs']} | {' '.join(run['note'].split())} |")
        else:
            at_least = f"> {run['seconds'] / ours['seconds']:.3g}" if "seconds" in run else "-"
            lines.append(f"| {name} | - | {at_least} | - | - | - | - | {run['error']} |")
    return [*lines, ""]


def summary(results):
    """Markdown lines of one table: ours in time, the others in times as long; what the README shows."""
    peers = list(dict.fromkeys(peer for _, result, _ in results for peer in result if peer != "glmmlib"))
    lines = ["| model | glmmlib | " + " | ".join(peers) + " |", "|---" * (len(peers) + 2) + "|"]
    for work, result, _ in results:
        ours, cells = result["glmmlib"], []
        for peer in peers:
            run = result[peer]
            ratio = f"{run['seconds'] / ours['seconds']:.2g}" if "seconds" in run else ""
            if "loglik" in run:
                cells.append((f"{float(ratio):.0f}" if float(ratio) >= 10 else ratio)
                             + "*" * (run["loglik"] < ours["loglik"] - LOWER))
            else:
                cells.append(f"> {float(ratio):.0f}" if ratio else "-" if run["error"].startswith("NotImplemented") else "fails")
        seconds = ours["seconds"]
        name = work.name.replace("|", r"\|")
        lines.append(f"| {name} | {f'{seconds:.3g} s' if seconds >= 1 else f'{1000 * seconds:.3g} ms'} | {' | '.join(cells)} |")
    return [*lines, ""]


def picture(results, path):
    """Ratios on a logarithmic axis, one row of points a model."""
    from matplotlib.figure import Figure

    peers = list(dict.fromkeys(peer for _, result, _ in results for peer in result if peer != "glmmlib"))
    figure = Figure(figsize=(8, 0.6 * len(results) + 1.6), layout="constrained")
    ax = figure.add_subplot()
    for k, peer in enumerate(peers):
        points = [(result[peer]["seconds"] / result["glmmlib"]["seconds"], row)
                  for row, (_, result, _) in enumerate(results) if "loglik" in result.get(peer, {})]
        if points:
            ax.plot(*zip(*points), "os^vDPX*"[k % 8], label=peer, color=f"C{k}")
    ax.axvline(1, color="0.5", lw=1)
    ax.set(xscale="log", yticks=range(len(results)), yticklabels=[work.name for work, _, _ in results],
           xlabel="time of the whole call, divided by glmmlib's", title="How many times longer other packages take")
    ax.invert_yaxis()
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=110)


def scaling_picture(sizes, seconds, slope, path):
    """An evaluation's time against rows, both logarithmic, beside a line of slope 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.add_subplot()
    ax.plot(sizes, [1000 * s for s in seconds], "o-", color="C0", label=f"measured: slope {slope:.2f}")
    ax.plot(sizes, [1000 * seconds[0] * n / sizes[0] for n in sizes], "--", color="0.5", label="slope 1")
    ax.set(xscale="log", yscale="log", xlabel="rows, 100 a group", ylabel="one evaluation with its gradient (ms)",
           title="Time grows with rows and groups, no faster")
    ax.legend()
    figure.savefig(path, dpi=110)


def scaling(sizes=(10_000, 31_600, 100_000, 316_000, 1_000_000)):
    """Seconds of an evaluation of the objective against rows (100 a group), and the slope in the logarithms."""
    import time

    from glmmlib.design import build_design
    from glmmlib.family import Binomial
    from glmmlib.laplace import make_objective
    from works import grouped

    seconds = []
    for rows in sizes:
        objective = make_objective(build_design("y ~ 1 + x1 + (1 + x1 | g)", grouped(rows, rows // 100, 2)), Binomial())
        point = objective.start
        times = []
        for k in range(7):
            start = time.perf_counter()
            objective(point + 0.01 * (-1) ** k)
            times.append(time.perf_counter() - start)
        seconds.append(statistics.median(times))
    slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    values = np.random.default_rng(0).normal(size=10**6)
    start = time.perf_counter()
    np.exp(values)
    exp = time.perf_counter() - start
    return sizes, seconds, slope, exp / 10**6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--works", nargs="*", help="parts of their names")
    parser.add_argument("--peers", nargs="*")
    parser.add_argument("--python", default=sys.executable, help="of the environment that holds the peers")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--limit", type=float, default=300, help="seconds a fit may take")
    options = parser.parse_args()
    # what is not make's own argument
    given = re.sub(r"^--python \S+ ?", "", shlex.join(sys.argv[1:]))
    peers = [*PEERS, *(R_PEERS if shutil.which("Rscript") else ())]
    peers = ["glmmlib", *(p for p in peers if p != "glmmlib" and (not options.peers or p in options.peers))]
    works = [w for w in WORKS if not options.works or any(part in w.name for part in options.works)]
    results = []
    for work in works:
        result, facts = measure(work, peers, options.python, options.repetitions, options.limit,
                                lambda text: print(text, file=sys.stderr, flush=True))
        results.append((work, result, facts))
    for large in (False, True):
        some = [entry for entry in results if entry[0].large == large]
        if some:
            report(some, large, options.limit, given)


def report(results, large, limit, given):
    """Write and print what was measured; a large model's is a file of its own, as few have the time to measure it."""
    lines = [
        "# Benchmark" + large * ", large data", "",
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, kernel "
        f"{gl.show_backend()}. Made by `" + " ".join(["make bench", *([f'BENCH_ARGS="{given}"'] if given else [])]) + "`.", "",
        f"The time of ours, and how many times as long the others take; * at a log-likelihood lower by more than {LOWER}; > where "
        f"a fit was stopped after {limit:g} seconds:", "", *summary(results),
        "Seconds are those of the whole call, from formula and table to estimates with standard errors; memory is what the call "
        "adds at its peak. The largest gradient is that of the deviance at the estimates reached, by our exact derivative, in "
        "units in which the GLM's information is the identity per row.", ""]
    for entry in results:
        lines += table(*entry)
    name = "RESULTS_LARGE" if large else "RESULTS"
    if large:
        sizes, seconds, slope, exp = scaling()
        lines += [
            "### Cost against rows", "", "One evaluation of objective and gradient, 2 coefficients a group of 100 rows:", "",
            "| rows | ms | ns per row |", "|---|---|---|",
            *(f"| {n:,} | {s * 1000:.2f} | {s / n * 1e9:.0f} |" for n, s in zip(sizes, seconds)), "",
            f"Slope in the logarithms: {slope:.3f}. One exp of NumPy takes {exp * 1e9:.1f} ns on this machine, and an evaluation "
            "takes about three passes over the rows to find the modes (an exp and a log1p each) and one for the gradient.", ""]
        scaling_picture(sizes, seconds, slope, HERE / "scaling.png")
    (HERE / f"{name}.md").write_text("\n".join(lines))
    picture(results, HERE / f"{name.lower()}.png")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
