"""How the bundled crowding data were made, and the command that makes them again.

    python -m glmmlib.datasets.generate                      # the bundled files, once more
    python -m glmmlib.datasets.generate --cells cells.csv    # from other counts
    python -m glmmlib.datasets.generate --folder elsewhere   # written there

Question.  The tutorial analyses recordings that may not be shared.  These data replace them:
no trial or trace of the recordings is in them.  They rest on the summaries that the
tutorial prints, and on textbook psychophysics where it prints nothing.

Participants and design.  10 simulated subjects name a digit (1 to 4) shown at the centre of
gaze, alone or crowded by four more, 6,539 trials in all.

1. Sizes and outcomes (crowding_cells.csv).  Counts per subject, condition and size, found by
   solving equations (glmmlib/calibration/calibrate.py in the repository): the design is that of
   an adaptive procedure (trials gather around each subject's threshold, and weaker subjects see
   larger digits), the hits are binomial draws from a logistic model with the published fixed
   effects plus the published conditional mode of each subject (truth.py); then single hits are
   exchanged between neighbouring sizes, and sizes moved by about a hundredth of an arcmin,
   until the published estimates solve the likelihood equations of both models and the printed
   standard errors, deviances and residual quartiles come out. The mean size, which the models
   cannot see and the tutorial does not print, is such that the smallest size of subject 1 is
   the printed 0.505 arcmin; and the same subject's threshold, uncrowded, is the printed 1.39
   arcmin.
2. Eye movements (eye.py).  Each subject has a speed, curvature, diffusion constant and fixation
   scatter; crowding raises speed and diffusion.  Traces are drawn per trial, and all eye columns
   are measured from them.  Subject 1, uncrowded, is steered to the printed values (steer.py).
3. Which trials are hits (mediation.py).  Within a cell the number of hits is given; which trials
   they are is drawn so that faster eyes miss more often, by a documented amount.
4. The rest (columns.py).  Digits shown are uniform, wrong answers uniform among the other
   three.  Response times are lognormal, slowest near threshold.  Rows are sorted by subject,
   condition and size.  The order within a cell means nothing to a likelihood, but lme4's default
   optimiser stops about 1e-4 from the optimum, at a place that depends on it: ORDER is the one
   of 110 random orders with which its last printed digits are among the closest to the tutorial's.
5. Files (formats.py) and their SHA-256 checksums (files.py).

All random numbers come from numpy's PCG64 with SEED, which was chosen so that the average of
the ten subjects' a paths is close to its true value and their mean speeds hardly correlate with
their coefficients: in so small a cohort, chance alone could confound speed with ability.  With the
same versions of numpy, scipy, pandas and R the files are the same byte for byte; with others,
the same in content.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DataError
from . import files, formats
from .columns import build_trials, draw_eyes
from .staircase import CELL_COLUMNS
from .steer import steer_eye
from .truth import CONDITIONS

SEED, ORDER = 1411, 62
CELLS = "crowding_cells.csv"
DATA_FILES = ("crowding.csv", "crowding_raw.csv", CELLS, "crowding.mat", "crowding.RData")


def read_cells(path):
    """The counts in a .csv file with staircase.CELL_COLUMNS, checked and sorted.

    Raises DataError if a column is missing or a row is impossible.
    """
    cells = pd.read_csv(path)
    missing = [name for name in CELL_COLUMNS if name not in cells]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]}: it needs {', '.join(CELL_COLUMNS)}.")
    possible = (cells["Condition"].isin(CONDITIONS) & (cells["Size"] > 0)
                & (cells["Trials"] >= 1) & cells["Correct"].between(0, cells["Trials"]))
    if not possible.all():
        raise DataError(f"Row {possible.idxmin() + 1} of {path} is impossible: it needs a Condition "
                        f"of {' or '.join(CONDITIONS)}, a Size above 0, and 0 <= Correct <= Trials.")
    present = set(zip(cells["Subject"], cells["Condition"]))
    if present != {(s, c) for s in range(1, len(present) // 2 + 1) for c in CONDITIONS}:
        raise DataError(f"{path} needs Subjects numbered from 1 without gaps, "
                        f"each with rows of both conditions.")
    order = cells["Condition"].map(CONDITIONS.index)
    cells = cells.assign(order=order).sort_values(["Subject", "order", "Size"])
    return cells[list(CELL_COLUMNS)].reset_index(drop=True)


def build(cells):
    """All columns and traces from counts: (data, x, y) as columns.build_trials() returns them."""
    eyes = draw_eyes(cells["Subject"].nunique(), np.random.default_rng(SEED))
    drawn, crowded = eyes[1, "uncrowded"], eyes[1, "crowded"]
    n = cells.loc[(cells["Subject"] == 1) & (cells["Condition"] == "uncrowded"), "Trials"].sum()
    steered = steer_eye(drawn, int(n), [SEED])
    eyes[1, "uncrowded"] = steered
    eyes[1, "crowded"] = replace(crowded, **{    # the same subject: crowding does what was drawn
        name: getattr(crowded, name) * getattr(steered, name) / getattr(drawn, name)
        for name in ("speed", "curvature", "diffusion", "offset")})
    data, x, y = build_trials(cells, eyes, [SEED])
    cell = data.groupby(["Subject", "Condition", "Size"], observed=True).ngroup()
    order = np.lexsort((np.random.default_rng(ORDER).random(len(data)), cell))
    return data.iloc[order].reset_index(drop=True), x[order], y[order]


def write(data, x, y, cells, folder):
    """Write all files and their checksums."""
    folder = Path(folder)
    formats.write_csv(cells, folder / CELLS)
    formats.write_csv(data, folder / "crowding.csv")
    formats.write_raw_csv(data, folder / "crowding_raw.csv")
    formats.write_mat(data, x, y, folder / "crowding.mat")
    formats.write_rdata(folder / "crowding.csv", x, y, folder / "crowding.RData")
    files.record_checksums(folder, DATA_FILES)


def main(arguments=None):
    """The command line: see the top of this file."""
    parser = argparse.ArgumentParser(prog="python -m glmmlib.datasets.generate",
                                     description="Make the bundled crowding data files.")
    parser.add_argument("--cells", default=files.FOLDER / CELLS,
                        help="counts per subject, condition and size (.csv)")
    parser.add_argument("--folder", default=files.FOLDER, help="where the files go")
    options = parser.parse_args(arguments)
    cells = read_cells(options.cells)
    data, x, y = build(cells)
    write(data, x, y, cells, options.folder)
    print(f"{len(data)} trials, {data['ResponseCorrect'].sum()} correct, written to {options.folder}")


if __name__ == "__main__":
    main()
