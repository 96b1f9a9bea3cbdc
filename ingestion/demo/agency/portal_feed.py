"""Bring the agency's life into the demo portal, all at once or day by day."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast

import pandas as pd

from ingestion.demo.agency.model import Agency
from ingestion.demo.agency.rows import typed_parts
from ingestion.demo.portal.schema import DOUBLES, Entity, Field
from ingestion.demo.portal.store import Column, PortalStore
from ingestion.demo.portal.values import Kept, Stored, plain_values

# Rows made at once: the memory of a fill does not grow with the agency.
PART_ROWS = 20_000


def fill(store: PortalStore, agency: Agency, as_of: datetime) -> dict[str, int]:
    """Write everything the portal knows at a moment into an empty store.

    Args:
        store: The store of the portal.
        agency: The simulated life.
        as_of: The moment; aware. It becomes the portal's time.

    Returns:
        Rows written by entity.
    """
    with store.filling():
        return _write(store, typed_parts(agency, as_of, size=PART_ROWS), as_of)


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
    return _write(store, typed_parts(agency, end, start, size=PART_ROWS), end)


def _columns(entity: Entity, frame: pd.DataFrame) -> dict[str, Column]:
    return {
        str(name): _column(entity.by_name[str(name)], frame[name])
        for name in frame.columns
    }


def _column(field: Field, column: pd.Series) -> Column:
    """Give a column as the store keeps it; moments are best written by the store."""
    if column.dtype.kind == "M":
        return cast(Column, column.to_numpy())
    values = plain_values(cast(Sequence[object], column))
    if field.kind in DOUBLES and not field.multiple:
        values = [None if one is None else float(str(one)) for one in values]
    return Kept(cast(Sequence[Stored], values))


def _write(
    store: PortalStore, parts: Iterable[tuple[str, pd.DataFrame]], now: datetime
) -> dict[str, int]:
    written: dict[str, int] = {}
    with store.transaction():
        for entity, frame in parts:
            count = store.bulk_insert(
                entity, _columns(store.entity(entity), frame), upsert=True
            )
            written[entity] = written.get(entity, 0) + count
        store.set_now(now)
    return written
