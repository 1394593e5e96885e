"""What is printed of the bank at the end of a test run."""

import pandas as pd
import pytest

BANK_COUNTS = pytest.StashKey()     # section -> counts
COLUMNS = ["notebooks", "questions", "right", "wrong", "predictions", "of predictions", "false accepts", "false rejects",
           "not told why"]


def table(counts):
    """The counts of every section and of all together, as text."""
    rows = pd.DataFrame(counts).T.reindex(columns=COLUMNS).fillna(0).astype(int)
    rows.loc["all"] = rows.sum()
    return rows.to_string()
