"""The crowding data: synthetic, and built so that the tutorial's tables come out.

    from glmmlib.datasets import load_crowding
    d = load_crowding()

Ten subjects named digits seen at the centre of gaze, alone or crowded by four others, at
sizes that an adaptive staircase chose.  DATA_CARD.md, next to this file, says what every
column means and how all of it was made.
"""

from ..arguments import FLAG, accepts, whole
from ..errors import DataError

__all__ = ["load_crowding", "simulate_crowding"]


@accepts(raw=FLAG, traces=FLAG)
def load_crowding(raw=False, traces=False, **unknown):
    """The bundled crowding data, 6,539 trials of 10 subjects.

    raw : with the column names and the column order of the experimenter's own file, for
        practising the renaming of section 4.4; no factors are set.
    traces : add Trace.X and Trace.Y, one array of gaze positions in arcmin per trial.

    Returns a pandas DataFrame with 17 columns (19 with traces).  Subject ("1" to "10") and
    Condition ("uncrowded", "crowded") are categorical; everything else is numeric.  Speed is
    NaN where the eye tracker lost the eye.

    Raises DataError if an option is unknown, or a data file has been damaged or edited.

    Examples
    --------
    >>> import glmmlib as gl
    >>> gl.load_crowding().shape
    (6539, 17)
    """
    _check_options("load_crowding", unknown, ("raw", "traces"))
    from . import files

    data = files.read_raw() if raw else files.read_crowding()
    return files.with_traces(data, *files.read_traces()) if traces else data


@accepts(seed=whole(0), subjects=whole(), trials=whole(10), adaptive=FLAG, traces=FLAG)
def simulate_crowding(seed, subjects=10, trials=327, adaptive=True, traces=False, **unknown):
    """A fresh data set like the bundled one: new subjects, new staircases, new eyes.

    seed : whole number; the same seed gives the same data.
    subjects : how many subjects, drawn from the published between-subject distribution.
    trials : trials per subject and condition.
    adaptive : sizes follow an adaptive staircase, as in the experiment; False draws them
        at random, the same for everybody.
    traces : add Trace.X and Trace.Y, as load_crowding does.

    Returns a pandas DataFrame with the columns of load_crowding().
    Raises DataError if an option is unknown or out of range.

    Examples
    --------
    >>> import glmmlib as gl
    >>> small = gl.simulate_crowding(seed=1, subjects=2, trials=20)
    >>> small.Subject.nunique(), len(small)
    (2, 80)
    """
    _check_options("simulate_crowding", unknown, ("seed", "subjects", "trials", "adaptive",
                                                  "traces"))
    from .simulate import simulate

    return simulate(seed, subjects, trials, adaptive, traces)


def _check_options(function, unknown, known):
    if unknown:
        raise DataError(f"{function} has no option {next(iter(unknown))!r}: "
                        f"use {', '.join(known[:-1])} or {known[-1]}.")

