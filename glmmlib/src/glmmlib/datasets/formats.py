"""Writing the data set: two .csv files, a .mat and an .RData file.

All of them hold the same rows in the same order.  Positions in the traces are multiples of
1/128 arcmin, which float32 holds exactly, so no format rounds them.

    load("crowding.RData")                                  # R: a data.frame d
    load crowding.mat                                       % Octave, MATLAB: a struct d
    loadmat("crowding.mat", simplify_cells=True)["d"]       # scipy.io: a dict
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ..errors import DataError

#: the experimenter's own column names, in the order of the tutorial's section 4.4
RAW_NAMES = {
    "Subject": "Subject", "Condition": "Crowded", "Threshold.Subj": "Threshold",
    "DiffusionConstant.Subj": "DiffusionConstant", "Span.Subj": "Span", "Area.Subj": "Area",
    "Curvature.Subj": "Curvature", "Speed.Subj": "Speed", "Size": "Size",
    "Size.AvgPerformance": "Performance", "Response": "Response", "ResponseExpected": "Answer",
    "ResponseCorrect": "Correct", "ResponseTime": "Response Time",
    "Curvature": "Trial Curvature", "Speed": "Trial Speed", "Span": "Trial Span",
}
R_SCRIPT = Path(__file__).with_name("write_rdata.R")
MAT_HEADER = b"MATLAB 5.0 MAT-file, synthetic crowding data"    # in place of scipy's time stamp


def write_csv(data, path):
    """A DataFrame as a comma-separated file, the same bytes on every system."""
    data.to_csv(path, index=False, lineterminator="\n")


def raw_table(data):
    """`data` under the experimenter's names, in the experimenter's order of columns, without factors."""
    return data[list(RAW_NAMES)].rename(columns=RAW_NAMES).astype({"Subject": int, "Crowded": str})


def write_raw_csv(data, path):
    """The raw table as a comma-separated file."""
    write_csv(raw_table(data), path)


def write_mat(data, x, y, path):
    """A struct d: the columns (with _ for .), and Trace_X, Trace_Y of shape (samples, trials)."""
    from scipy.io import savemat

    fields = {name.replace(".", "_"): column.to_numpy() for name, column in data.items()}
    fields["Subject"] = data["Subject"].astype(int).to_numpy()
    fields["Condition"] = data["Condition"].astype(object).to_numpy()
    fields |= {"Trace_X": x.T.astype(np.float32), "Trace_Y": y.T.astype(np.float32)}
    savemat(path, {"d": fields}, do_compression=True, oned_as="column")
    with open(path, "r+b") as file:
        file.write(MAT_HEADER.ljust(116))


def write_rdata(csv_path, x, y, path):
    """A data.frame d, traces in the list columns Trace.X and Trace.Y; needs Rscript.

    The R script reads the file back and compares it before it ends.
    """
    with tempfile.TemporaryDirectory() as folder:
        traces = Path(folder, "traces.bin")
        np.concatenate([x, y]).astype("<f4").tofile(traces)
        command = ["Rscript", "--vanilla", R_SCRIPT, csv_path, traces, str(x.shape[1]), path]
        try:
            subprocess.run([str(part) for part in command], check=True)
        except FileNotFoundError:
            raise DataError("Writing crowding.RData needs R: install it so that Rscript is "
                            "found, and run again.") from None
