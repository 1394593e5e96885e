"""The tutorial's maximal model: the whole glmer() call, ours against lme4's default, in one run.

    .venv/bin/python tests/benchmarks/against_lme4.py [repetitions]

Needs Rscript with lme4 and jsonlite. Calls alternate; medians and their ratio are printed. Times
on both sides are those of the call alone: data are loaded and both systems warmed up before.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import glmmlib as gl

FORMULA = "ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject)"
CODING = {"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}

R_PROGRAM = """
suppressMessages({library(lme4); library(jsonlite)})
d <- read.csv(commandArgs(TRUE)[1])
d$Subject <- factor(d$Subject)
d$Condition <- factor(d$Condition, levels = c("uncrowded", "crowded"))
contrasts(d$Condition) <- cbind("Crowded.vs.Uncrowded" = c(-.5, .5))
d$Size <- d$Size - mean(d$Size)
invisible(glmer(ResponseCorrect ~ 1 + (1 | Subject), d[1:900, ], family = binomial))
seconds <- system.time(m <- glmer(
  ResponseCorrect ~ 1 + Size * Condition + (1 + Size * Condition | Subject), d, family = binomial))[["elapsed"]]
cat(toJSON(list(seconds = seconds, loglik = as.numeric(logLik(m))), auto_unbox = TRUE, digits = NA))
"""


def lme4_call(csv):
    """Seconds and log-likelihood of one glmer() call in a fresh R, without its start."""
    out = subprocess.run(["Rscript", "-e", R_PROGRAM, csv], capture_output=True, text=True, check=True)
    answer = json.loads(out.stdout.strip().splitlines()[-1])
    return answer["seconds"], answer["loglik"]


def glmmlib_call(data):
    start = time.perf_counter()
    m = gl.glmer(FORMULA, data, contrasts=CODING)
    m.se  # standard errors are part of what lme4's call computes
    return time.perf_counter() - start, m.loglik


def main(repetitions=5):
    if not shutil.which("Rscript"):
        sys.exit("Rscript is not installed: this comparison needs R with lme4 and jsonlite.")
    warnings.simplefilter("ignore", gl.GlmmlibWarning)
    data = gl.load_crowding()
    glmmlib_call(data)
    ours, theirs = [], []
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        data.to_csv(file.name, index=False)
        for _ in range(repetitions):
            theirs.append(lme4_call(file.name))
            ours.append(glmmlib_call(data))
    medians = [statistics.median(seconds for seconds, _ in calls) for calls in (ours, theirs)]
    print(f"backend {gl.show_backend()}, {len(data)} rows, median of {repetitions} alternating calls")
    print(f"glmmlib  {medians[0] * 1000:8.1f} ms   logLik {ours[-1][1]:.6f}")
    print(f"lme4     {medians[1] * 1000:8.1f} ms   logLik {theirs[-1][1]:.6f}   (default optimiser)")
    print(f"ratio    {medians[1] / medians[0]:8.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
