"""Bitrix24: deals and what stands beside them, clients, tasks and dictionaries.

Left out on purpose: messengers and photos of clients, mail bodies and call recordings
(personal data nobody reports on), private data of employees, and the moments of the
last login, which would make every user differ in every reading. Phones and e-mails of
clients land because only they tell that two requests are one client's; they stay in
the raw tables and the working tables, nothing published holds them.

Deals, leads, clients, activities, invoices, tasks and elements of smart processes are
merged by their id on their time of change; stage history is append-only and read by
``ID``. Product rows have no time of change and no list: deals that changed are asked
for theirs. Users, departments, statuses, funnels, smart processes and user fields are
read whole and merged, never replaced: history speaks of stages and people that are
gone. What is gone is marked in the table ``deletions``.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import dlt
import pyarrow as pa  # type: ignore[import-untyped]
from dlt.common.data_types import TDataType
from dlt.common.schema.typing import TTableSchemaColumns, TWriteDispositionConfig
from dlt.extract import DltResource

from ingestion.config import (
    CRM_SCHEMA_CONTRACT,
    FILE_FORMAT,
    LOADED_AT,
    ROW_HASH,
    csv_files,
)
from ingestion.sources.bitrix24.helpers import Kind, column
from ingestion.sources.bitrix24.reading import PortalReading, TableReading
from ingestion.sources.bitrix24.settings import Table

_DLT_TYPES: Mapping[Kind, TDataType] = {Kind.TEXT: "text", Kind.JSON: "json"}
_OWN_COLUMNS: TTableSchemaColumns = {
    ROW_HASH: {"name": ROW_HASH, "data_type": "text"},
    LOADED_AT: {"name": LOADED_AT, "data_type": "timestamp"},
}


@dlt.source(name="bitrix24", schema_contract=CRM_SCHEMA_CONTRACT)
def bitrix24(
    reading: PortalReading, batches: Mapping[str, Iterator[pa.Table]], folder: Path
) -> Iterable[DltResource]:
    """The tables that have something to land.

    Args:
        reading: An opened reading of the portal.
        batches: Rows by table; tables that are not named stay as they are.
        folder: Where the rows wait for COPY.
    """
    for name, rows in batches.items():
        yield table_resource(reading.tables[name], rows, folder)


def table_resource(
    state: TableReading, batches: Iterator[pa.Table], folder: Path
) -> DltResource:
    """One raw table, merged by its key; a first landing replaces what is there.

    An interrupted first landing may leave a part of the table behind, so the next
    one, which is a first landing again, begins with an empty table.
    """
    table = state.table
    declared = _columns(state.kinds) | _OWN_COLUMNS
    disposition: TWriteDispositionConfig = "replace"
    if not state.is_first:
        disposition = {"disposition": "merge", "strategy": "upsert"}
    resource: DltResource = dlt.resource(
        _files(state, batches, set(declared), folder),
        name=table.name,
        write_disposition=disposition,
        primary_key=key_columns(table),
        columns=declared,
        file_format=FILE_FORMAT,
        parallelized=True,
    )
    return resource


def _files(
    state: TableReading,
    batches: Iterator[pa.Table],
    known: set[str],
    folder: Path,
) -> Iterator[object]:
    """The batches as files, told which columns came up after the resource was made."""
    for written in csv_files(batches, folder, state.table.name):
        added = [name for name in written.columns if name not in known]
        known.update(added)
        hints = dlt.mark.make_hints(
            columns=_columns({name: state.kinds[name] for name in added})
        )
        yield dlt.mark.with_file_import(
            str(written.path), FILE_FORMAT, written.rows, hints=hints if added else None
        )


def _columns(kinds: Mapping[str, Kind]) -> TTableSchemaColumns:
    return {
        name: {"name": name, "data_type": _DLT_TYPES[kind]}
        for name, kind in kinds.items()
    }


def key_columns(table: Table) -> list[str]:
    """Columns that identify a row of a raw table."""
    return [column(name) for name in table.key]
