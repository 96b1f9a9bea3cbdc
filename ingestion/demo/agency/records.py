"""Detailed records beside the deals: how they are written and what is known of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.drawing import by_time
from ingestion.demo.agency.model import EMPTY, Ints, Records, Times


@dataclass(frozen=True)
class Known:
    """Records created by a moment, as they are at it.

    Attributes:
        fixed: What never changes; the position of a row is its id less one.
        fields: Value of each field; -1 is empty.
        modified_at: Last event that changed the record.
    """

    fixed: pd.DataFrame
    fields: dict[str, Ints]
    modified_at: Times

    @property
    def size(self) -> int:
        """Number of records."""
        return len(self.fixed)

    def number(self, column: str) -> Ints:
        """Give a column of what never changes as whole numbers."""
        return np.asarray(self.fixed[column].to_numpy(), np.int64)


class RecordWriter:
    """Collects records of one kind and the edits of their fields."""

    def __init__(self) -> None:
        self.size = 0
        self.parts: list[pd.DataFrame] = []
        self.edits: dict[str, list[pd.DataFrame]] = {}

    def add(self, created_at: Times, **columns: Ints) -> Ints:
        """Make records; gives their numbers until ``finish`` puts them in order."""
        numbers = np.arange(self.size, self.size + created_at.size)
        self.size += created_at.size
        self.parts.append(pd.DataFrame({"created_at": created_at, **columns}))
        return numbers

    def write(self, field: str, record: Ints, at: Times, value: Ints) -> None:
        """Note an edit of a field where the time is known."""
        known = ~np.isnat(at)
        self.edits.setdefault(field, []).append(
            pd.DataFrame(
                {"record": record[known], "at": at[known], "value": value[known]}
            )
        )

    def finish(self) -> tuple[Records, Ints]:
        """Give the records by time of creation, and the place of each number."""
        fixed = pd.concat(self.parts, ignore_index=True)
        created = fixed["created_at"].to_numpy()
        order = np.argsort(created, kind="stable")
        place = np.empty(order.size, dtype=np.int64)
        place[order] = np.arange(order.size)
        edits = {}
        for field, parts in self.edits.items():
            table = pd.concat(parts, ignore_index=True)
            record = table["record"].to_numpy()
            at = np.maximum(table["at"].to_numpy(), created[record])
            edits[field] = by_time(table.assign(record=place[record], at=at))
        return Records(fixed.iloc[order].reset_index(drop=True), edits), place


def known_records(records: Records, moment: np.datetime64) -> Known:
    """Project records to a moment."""
    created = records.fixed["created_at"].to_numpy()
    size = int(np.searchsorted(created, moment, side="right"))
    modified_at = created[:size].copy()
    fields = {}
    for field, table in records.edits.items():
        last = int(np.searchsorted(table["at"].to_numpy(), moment, side="right"))
        known = table.iloc[:last]
        record = known["record"].to_numpy()
        values = np.full(size, EMPTY, dtype=np.int64)
        values[record] = known["value"].to_numpy()
        fields[field] = values
        touched = modified_at[record]
        modified_at[record] = np.maximum(touched, known["at"].to_numpy())
    return Known(records.fixed.iloc[:size], fields, modified_at)


def moved_at(records: Records, moment: np.datetime64, field: str) -> Times:
    """Give the last edit of one field of each known record; creation without any."""
    created = records.fixed["created_at"].to_numpy()
    size = int(np.searchsorted(created, moment, side="right"))
    at = created[:size].copy()
    table = records.edits[field]
    last = int(np.searchsorted(table["at"].to_numpy(), moment, side="right"))
    known = table.iloc[:last]
    at[known["record"].to_numpy()] = known["at"].to_numpy()
    return at
