"""The bundled data files: where they are, whether they are intact, and how to read them."""

import hashlib
from pathlib import Path

import pandas as pd

from ..errors import DataError
from .columns import as_factors

FOLDER = Path(__file__).parent
CHECKSUMS = "SHA256SUMS"      # in the format of the sha256sum command


def record_checksums(folder, names):
    """Write SHA256SUMS for the files `names` in `folder`."""
    lines = [f"{checksum(Path(folder, name))}  {name}\n" for name in names]
    Path(folder, CHECKSUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def checksum(path):
    """SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def intact(name):
    """Path of the bundled file `name`, after comparing it with its recorded checksum.

    Raises DataError if the file is missing, damaged or edited.
    """
    path = FOLDER / name
    if not path.exists():
        raise DataError(f"The data file {name} is missing from {FOLDER}: "
                        "reinstall glmmlib to get it back.")
    recorded = dict(reversed(line.split()) for line in
                    (FOLDER / CHECKSUMS).read_text(encoding="ascii").splitlines())
    if checksum(path) != recorded[name]:
        raise DataError(f"The data file {path} is not the one that was shipped (its SHA-256 "
                        "checksum differs): reinstall glmmlib to get it back, and work on a copy.")
    return path


def read_crowding():
    """crowding.csv as a DataFrame with factors."""
    return as_factors(pd.read_csv(intact("crowding.csv")))


def read_raw():
    """crowding_raw.csv as a DataFrame, just as it is."""
    return pd.read_csv(intact("crowding_raw.csv"))


def read_traces():
    """The eye traces in crowding.mat: x and y in arcmin, each of shape (trials, samples)."""
    from scipy.io import loadmat

    d = loadmat(intact("crowding.mat"), simplify_cells=True)["d"]
    return d["Trace_X"].T.astype(float), d["Trace_Y"].T.astype(float)


def with_traces(data, x, y):
    """`data` with two more columns, Trace.X and Trace.Y, holding one array per trial."""
    return data.assign(**{"Trace.X": list(x), "Trace.Y": list(y)})
