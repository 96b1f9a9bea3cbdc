"""Bring the agency's life into the demo portal, all at once or day by day."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import pandas as pd

from ingestion.demo.agency.model import Agency
from ingestion.demo.agency.rows import Rows, typed_rows
from ingestion.demo.portal.store import PortalStore


def fill(store: PortalStore, agency: Agency, as_of: datetime) -> dict[str, int]:
    """Write everything the portal knows at a moment into an empty store.

    Args:
        store: The store of the portal.
        agency: The simulated life.
        as_of: The moment; aware. It becomes the portal's time.

    Returns:
        Rows written by entity.
    """
    return _write(store, typed_rows(agency, as_of), as_of)


def advance(
    store: PortalStore, agency: Agency, start: datetime, end: datetime
) -> dict[str, int]:
    """Live on from one moment to a later one: write only the rows that changed.

    Args:
        store: A store filled with the same agency.
        agency: The simulated life.
        start: The moment the store shows; aware.
        end: The moment it shall show.

    Returns:
        Rows written by entity.

    Raises:
        ValueError: the end is not after the start.
    """
    if end <= start:
        raise ValueError(f"advance to {end}: it must be after {start}")
    return _write(store, typed_rows(agency, end, start), end)


def _columns(frame: pd.DataFrame) -> dict[str, Sequence[object]]:
    # A pandas column is a sequence for the store, though not by its declared type.
    return {str(name): cast(Sequence[object], frame[name]) for name in frame.columns}


def _write(store: PortalStore, rows: Rows, now: datetime) -> dict[str, int]:
    with store.transaction():
        written = {
            entity: store.bulk_insert(entity, _columns(frame), upsert=True)
            for entity, frame in rows.items()
        }
        store.set_now(now)
    return written
