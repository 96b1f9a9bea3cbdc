"""Files: deals and employees of a firm from CSV and XLSX exports, by the mapping.

Everything is read and checked before anything is written, and all tables of a
connection change in one transaction: a bad file, or a process killed at any moment,
leaves the warehouse as it was. Tables are replaced, because an export is the whole
truth of its moment; a file that says the same again writes nothing.
Left out on purpose: columns that the mapping does not name stay in ``_raw`` only.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import LiteralString

import dlt
import psycopg
import pyarrow as pa  # type: ignore[import-untyped]
from dlt.extract import DltResource
from psycopg import sql

from ingestion.config import FILE_FORMAT, dlt_settings, make_pipeline
from ingestion.mapping import DEAL_FIELDS, EMPLOYEE_FIELDS, Connection

from .batch import FilesBatch, read_files
from .problems import FilesError
from .settings import LOADED_AT, PARTICIPANT_FIELDS, RAW_COLUMNS

__all__ = [
    "TABLES",
    "FilesBatch",
    "FilesError",
    "FilesLanding",
    "files_source",
    "land_files",
    "read_files",
]

logger = logging.getLogger(__name__)

# Raw table -> column -> PostgreSQL type.
TABLES: Mapping[str, Mapping[str, str]] = {
    "deals": {**DEAL_FIELDS, **RAW_COLUMNS},
    "employees": {**EMPLOYEE_FIELDS, **RAW_COLUMNS},
    "deal_participants": PARTICIPANT_FIELDS,
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "deals": ("source_id",),
    "employees": ("source_id",),
    "deal_participants": ("deal_source_id", "role", "employee_source_id"),
}


@dataclass(frozen=True)
class FilesLanding:
    """What one landing of files did.

    Attributes:
        rows: Rows of every raw table after the landing.
        changed: False when the files say what the tables already held.
        warnings: What was read but deserves a look, one sentence each.
        unmapped_stages: (pipeline, stage) without a canonical stage -> deals.
        unknown_people: Person of a deal whom the employee file does not have -> rows.
    """

    rows: Mapping[str, int]
    changed: bool
    warnings: tuple[str, ...]
    unmapped_stages: Mapping[tuple[str, str], int]
    unknown_people: Mapping[str, int]


@dlt.source(name="files")
def files_source(batch: FilesBatch) -> Iterable[DltResource]:
    """The raw tables of a batch, for an empty schema."""
    for name, table in batch.tables.items():
        yield dlt.resource(table, name=name, write_disposition="append")


def land_files(
    connection: Connection, *, database_url: str, state_folder: Path, now: datetime
) -> FilesLanding:
    """Read the files of a connection and replace its raw tables, all or nothing.

    dlt loads into ``incoming_<name>``; one transaction then replaces the raw
    tables and drops that schema. Whatever an interrupted landing left there is dropped
    by the next one.

    Args:
        connection: Of source ``files``.
        database_url: Warehouse with the loader's login.
        state_folder: Working folder of dlt, a part of the home.
        now: Moment of the landing, timezone-aware.

    Raises:
        FilesError: everything wrong with the files; nothing was written.
    """
    batch = read_files(connection)
    digest = _digest(batch)
    incoming = f"incoming_{connection.name}"
    with psycopg.connect(database_url) as database:
        changed = _landed_digest(database, connection.schema) != digest
        _drop(database, incoming)
    if changed:
        _load(batch, incoming, database_url, state_folder, connection.name)
        with psycopg.connect(database_url) as database:
            _ensure_schema(database, connection.schema)
            for name, table in batch.tables.items():
                rows = table.num_rows
                _replace(
                    database, connection.schema, incoming, name, rows=rows, now=now
                )
            _remember(database, connection.schema, digest)
            _drop(database, incoming)
    landing = FilesLanding(
        rows={name: table.num_rows for name, table in batch.tables.items()},
        changed=changed,
        warnings=batch.warnings,
        unmapped_stages=batch.unmapped_stages,
        unknown_people=batch.unknown_people,
    )
    logger.info(
        "landed files",
        extra={"connection": connection.name, "changed": changed, **landing.rows},
    )
    return landing


def _load(
    batch: FilesBatch, schema: str, database_url: str, folder: Path, name: str
) -> None:
    with dlt_settings(folder):
        pipeline = make_pipeline(
            f"files_{name}", schema=schema, database_url=database_url, folder=folder
        )
        pipeline.config.restore_from_destination = False
        pipeline.run(files_source(batch), loader_file_format=FILE_FORMAT)


def _drop(database: psycopg.Connection, schema: str) -> None:
    """Drop dlt's schema and the empty staging schema it makes beside it."""
    for name in (schema, f"{schema}_staging"):
        database.execute(
            sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name))
        )


def _ensure_schema(database: psycopg.Connection, schema: str) -> None:
    found = database.execute(
        "select 1 from pg_namespace where nspname = %s", (schema,)
    ).fetchone()
    if found is None:
        database.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))


def _replace(
    database: psycopg.Connection,
    schema: str,
    incoming: str,
    name: str,
    *,
    rows: int,
    now: datetime,
) -> None:
    """Replace one raw table inside the transaction of the connection."""
    columns = TABLES[name]
    table = sql.Identifier(schema, name)
    _ensure_table(database, table, {**columns, LOADED_AT: "timestamptz"})
    database.execute(sql.SQL("truncate {}").format(table))
    database.execute(
        sql.SQL("create unique index if not exists {} on {} ({})").format(
            sql.Identifier(f"{name}__key"), table, _names(_KEYS[name])
        )
    )
    if not rows:
        return
    values = sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Identifier(column), _type(kind))
        for column, kind in columns.items()
    )
    moved = database.execute(
        sql.SQL("insert into {} ({}, {}) select {}, {} from {}").format(
            table,
            _names(columns),
            sql.Identifier(LOADED_AT),
            values,
            sql.Literal(now),
            sql.Identifier(incoming, name),
        )
    ).rowcount
    if moved != rows:
        raise RuntimeError(
            f"{schema}.{name}: {rows} rows were read and {moved} arrived; nothing was"
            " changed, run the landing again"
        )


def _ensure_table(
    database: psycopg.Connection, table: sql.Identifier, columns: Mapping[str, str]
) -> None:
    database.execute(sql.SQL("create table if not exists {} ()").format(table))
    for column, kind in columns.items():
        database.execute(
            sql.SQL("alter table {} add column if not exists {} {}").format(
                table, sql.Identifier(column), _type(kind)
            )
        )


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _type(kind: str) -> sql.SQL:
    literal: dict[str, LiteralString] = {
        "text": "text",
        "numeric(18,2)": "numeric(18,2)",
        "date": "date",
        "timestamptz": "timestamptz",
        "boolean": "boolean",
        "integer": "integer",
        "jsonb": "jsonb",
    }
    return sql.SQL(literal[kind])


def _digest(batch: FilesBatch) -> str:
    """Changes when, and only when, a landed value or the shape of a table changes."""
    digest = hashlib.sha256(repr(TABLES).encode())
    for name, table in batch.tables.items():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        digest.update(name.encode())
        digest.update(sink.getvalue())
    return digest.hexdigest()


def _landed_digest(database: psycopg.Connection, schema: str) -> str | None:
    """The digest lives in the schema's comment, so it changes with the rows."""
    found = database.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace"
        " where nspname = %s",
        (schema,),
    ).fetchone()
    return str(found[0]) if found and found[0] else None


def _remember(database: psycopg.Connection, schema: str, digest: str) -> None:
    database.execute(
        sql.SQL("comment on schema {} is {}").format(
            sql.Identifier(schema), sql.Literal(digest)
        )
    )
