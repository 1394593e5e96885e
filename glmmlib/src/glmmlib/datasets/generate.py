"""How the bundled crowding data were made, and the command that makes them again.

    python -m glmmlib.datasets.generate                      # the bundled files, once more
    python -m glmmlib.datasets.generate --cells cells.csv    # from other counts
    python -m glmmlib.datasets.generate --folder elsewhere   # written there

Question.  The tutorial analyses recordings that may not be shared.  These data replace them:
no trial, size or trace of the recordings is in them.  They rest on the summaries that the
tutorial prints, and on textbook psychophysics where it prints nothing.

Participants and design.  10 simulated subjects name a digit (1 to 4) shown at the centre of
gaze, alone or crowded by four more, 6,539 trials in all.

1. Sizes and outcomes (crowding_cells.csv).  In each subject and condition an adaptive
   staircase (staircase.py) decides which sizes are shown how often; hits follow a logistic
   model whose coefficients are the published fixed effects plus the published conditional
   mode of that subject (truth.py).  The resulting counts per subject, condition and size were
   then calibrated, so that fitting the tutorial's two models prints the tutorial's two tables:
   sizes were moved, as little as possible, and hits exchanged between neighbouring sizes.
2. Origin of Size.  The models centre Size, so adding a constant to all sizes changes neither;
   the tutorial never prints the mean.  The constant is therefore free to make the Weibull
   threshold of subject 1, uncrowded, the printed 1.39 arcmin (place_sizes).
3. Eye movements (eye.py).  Each subject has a speed, curvature, diffusion constant and fixation
   scatter; crowding raises speed and diffusion.  Traces are drawn per trial, and all eye columns
   are measured from them.  Subject 1, uncrowded, is steered to the printed values (steer.py).
4. Which trials are hits (mediation.py).  Within a cell the number of hits is given; which trials
   they are is drawn so that faster eyes miss more often, by a documented amount.
5. The rest (columns.py).  Digits shown are uniform, wrong answers uniform among the other
   three.  Response times are lognormal, slowest near threshold.  Rows are sorted by subject,
   condition and size; order within a cell is arbitrary.
6. Files (formats.py), each read back, and their SHA-256 checksums (files.py).

All random numbers come from numpy's PCG64 with SEED, which was chosen so that the average of
the ten subjects' a paths is close to its true value and their mean speeds hardly correlate with
their coefficients: in so small a cohort, chance alone could confound speed with ability.  With the same versions of numpy, scipy,
pandas and R the files are the same byte for byte; with others, the same in content.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DataError
from . import files, formats, weibull
from .columns import build_trials, draw_eyes
from .staircase import CELL_COLUMNS
from .steer import steer_eye
from .truth import CONDITIONS, SUBJECT_1_UNCROWDED

SEED = 1411
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
                        f"each with {' and '.join(CONDITIONS)} rows.")
    order = {condition: i for i, condition in enumerate(CONDITIONS)}
    return (cells[list(CELL_COLUMNS)]
            .sort_values(["Subject", "Condition", "Size"],
                         key=lambda column: column.map(order) if column.name == "Condition" else column)
            .reset_index(drop=True))


def place_sizes(cells):
    """`cells` with a constant added to all sizes, so that the printed threshold comes out.

    The constant is 0 if the threshold of subject 1, uncrowded, already rounds to it.
    """
    from scipy.optimize import brentq

    target = SUBJECT_1_UNCROWDED["Threshold.Subj"]
    first = cells[(cells["Subject"] == 1) & (cells["Condition"] == "uncrowded")]

    def excess(shift):
        return weibull.threshold(first["Size"] + shift, first["Trials"], first["Correct"]) - target

    shift = 0.0 if abs(excess(0)) < 0.005 else round(brentq(excess, -0.3, 0.5, xtol=1e-6), 4)
    return cells.assign(Size=(cells["Size"] + shift).round(6))


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
    return build_trials(cells, eyes, [SEED])


def write(data, x, y, cells, folder):
    """All files, read back where another program wrote them, and their checksums."""
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
    cells = place_sizes(read_cells(options.cells))
    data, x, y = build(cells)
    write(data, x, y, cells, options.folder)
    print(f"{len(data)} trials, {data['ResponseCorrect'].sum()} correct, written to {options.folder}")


if __name__ == "__main__":
    main()
