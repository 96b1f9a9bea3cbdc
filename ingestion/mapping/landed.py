"""The mapping beside what has landed: a field that the CRM does not have is not given.

A misspelt or deleted field must not stop a pass: it is taken out of the mapping, told
as a warning, and the metrics that need it say that they cannot be computed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import LiteralString

import psycopg
from psycopg import sql

from ingestion.mapping.entities import ENTITIES
from ingestion.mapping.model import Connection, EntitySource, column_name

Columns = Mapping[str, Collection[str]]


def landed_columns(database: psycopg.Connection, schema: str) -> dict[str, set[str]]:
    """Raw table -> its columns."""
    columns: dict[str, set[str]] = {}
    for table, column in database.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = %s",
        [schema],
    ):
        columns.setdefault(str(table), set()).add(str(column))
    return columns


def without_absent(
    connection: Connection, columns: Columns
) -> tuple[Connection, tuple[str, ...]]:
    """The connection without fields and tables that have not landed.

    Args:
        connection: As its file says.
        columns: Raw table -> columns; a schema without tables says nothing yet.

    Returns:
        The connection and one sentence per thing that its file names in vain.
    """
    if connection.source == "files" or not columns:
        return connection, ()
    absent: list[str] = []
    file = connection.path.name

    def has(place: str, table: str, field: str) -> bool:
        found = column_name(field) in columns.get(table, ())
        if not found and place:
            near = _near(field, columns.get(table, ()))
            absent.append(f"{file}: {place}: `{table}` has no field {field}{near}")
        return found

    fields = {
        entity: {
            name: field
            for name, field in named.items()
            if has(f"fields.{entity}.{name}", _TABLES.get(entity, entity), field)
        }
        for entity, named in connection.fields.items()
    }
    roles = {
        role: field
        for role, field in connection.roles.items()
        if has(f"roles.{role}", "deals", field)
    }
    role_weights = {
        role: field
        for role, field in connection.role_weights.items()
        if has(f"role_weights.{role}", "deals", field)
    }
    entities: dict[str, EntitySource] = {}
    for entity, source in connection.entities.items():
        place = f"entities.{entity}"
        if source.table not in columns:
            absent.append(
                f"{file}: {place}: the CRM gave no table {source.table}; make it there,"
                " correct `table` or give the webhook the right to read it"
            )
            continue
        own = ENTITIES[entity].own
        kept = {
            name: field
            for name, field in source.fields.items()
            # Nobody named what every portal has, so nobody is told of it.
            if has(
                "" if own.get(name) == field else f"{place}.fields.{name}",
                source.table,
                field,
            )
        }
        if "source_id" in kept:
            entities[entity] = replace(source, fields=kept)
    present = replace(
        connection,
        fields=fields,
        roles=roles,
        role_weights=role_weights,
        entities=entities,
    )
    return present, tuple(absent)


_TABLES = {"employees": "users"}


def _near(field: str, columns: Iterable[str]) -> str:
    near = get_close_matches(column_name(field), list(columns), n=1, cutoff=0.8)
    return f"; did you mean {near[0].upper()}?" if near else ""


def unmapped_stages(database: psycopg.Connection, connection: Connection) -> list[str]:
    """Stages of deals that the system has and the file gives no meaning.

    Args:
        database: With the raw tables of the connection.
        connection: Of a portal; one of files gives nothing here.

    Returns:
        One sentence per stage, with the line its meaning belongs to.
    """
    if connection.source == "files":
        # Reading an export tells it with the file of the export.
        return []
    if "statuses" not in landed_columns(database, connection.schema):
        return []
    found = database.execute(
        sql.SQL(_PORTAL_STAGES).format(schema=sql.Identifier(connection.schema))
    ).fetchall()
    sentences: list[str] = []
    for pipeline, stage, label in found:
        if stage in connection.stages.get(pipeline, {}):
            continue
        lines = connection.stage_lines
        line = lines.get(pipeline, lines.get("", 1))
        called = f" ({label})" if label else ""
        sentences.append(
            f"{connection.path.name}:{line}: stages: {stage!r}{called} of pipeline"
            f" {pipeline!r} has no meaning, its deals are shown as unmapped: add it"
        )
    return sentences


# A funnel's stages are a list of statuses; that of the common one has no number.
_PORTAL_STAGES: LiteralString = r"""
    select coalesce(substring(entity_id from '\d+$'), '0'), status_id, name
    from {schema}.statuses
    where entity_id ~ '^DEAL_STAGE(_\d+)?$'
    order by 1, cast(sort as numeric), 2
"""
