"""Columns of the portal's rows: how flags, days, money and gaps are written."""

import numpy as np
import pandas as pd

from ingestion.demo.agency.lists import texts
from ingestion.demo.agency.model import EMPTY, NEVER, Flags, Ints, Texts, Times


def make_frame(columns: dict[str, object]) -> pd.DataFrame:
    """Make a table whose texts stay Python objects: ``None`` is not NaN."""
    return pd.DataFrame(
        {
            name: pd.Series(column, dtype=object)
            if isinstance(column, np.ndarray) and column.dtype.kind in "OU"
            else column
            for name, column in columns.items()
        }
    )


def changed_rows(modified: Times, start: np.datetime64 | None) -> Ints:
    """Number the rows that changed after a moment; all of them without one."""
    if start is None:
        return np.arange(modified.size)
    return np.flatnonzero(modified > start)


def same_text(text: str, size: int) -> Texts:
    """Give one text so many times."""
    return np.full(size, text, dtype=object)


def flag_texts(flags: Flags) -> Texts:
    """Write flags as the portal does: ``Y`` or ``N``."""
    return texts(["N", "Y"])[flags.astype(np.int64)]


def chosen_texts(values: Texts, position: Ints) -> Texts:
    """Take texts by position; ``None`` where it is empty."""
    return none_where_empty(position != EMPTY, values[np.maximum(position, 0)])


def filled_numbers(values: Ints, is_filled: Flags) -> "pd.Series[int]":
    """Give whole numbers with gaps where there is none."""
    return pd.Series(values, dtype="Int64").where(is_filled, pd.NA)


def day_times(days: Ints) -> Times:
    """Turn days since 1970 into times; never where they are empty."""
    times = np.maximum(days, 0).astype("datetime64[D]").astype("datetime64[s]")
    return np.where(days == EMPTY, NEVER, times)


def money_texts(kopecks: Ints, tail: str) -> Texts:
    """Write kopecks as roubles with two decimals and a tail."""
    filled = np.maximum(kopecks, 0)
    roubles = pd.Series(filled // 100).astype(str)
    rest = pd.Series(filled % 100).astype(str).str.zfill(2)
    written = (roubles + "." + rest + tail).to_numpy(dtype=object)
    return none_where_empty(kopecks != EMPTY, written)


def none_where_empty(is_filled: Flags, values: Texts) -> Texts:
    """Put ``None`` where nothing is filled."""
    result = values.astype(object)
    result[~is_filled] = None
    return result
