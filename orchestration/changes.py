"""What a pass has to bring up to date: everything, or the units that changed.

A pass of changes starts from the rows that landed since the last publication. Models
carry the changes on (``dbt_project/macros/by_unit.sql``), and the publication empties
``ops.changed_units``; a pass that fails leaves them for the next one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from ingestion.config import LOADED_AT

DELETIONS = "deletions"


@dataclass(frozen=True)
class Base:
    """The publication that a pass of changes builds on.

    Attributes:
        pass_time: Rows that landed later have not been seen by it.
        meaning: What decided its numbers besides rows and the day.
    """

    pass_time: datetime
    meaning: str | None


@dataclass(frozen=True)
class Feed:
    """How the rows of a raw table name records of an entity.

    Attributes:
        unit: Unit that changes with the rows: an entity, or the key of a deal.
        through: Table whose ids are the records; the raw table itself as a rule.
        link: Column of ``through`` that holds the id of a row of the raw table.
        prefix: Text before the id in the key of the record.
    """

    unit: str
    through: str
    link: str
    prefix: str


@dataclass(frozen=True)
class Source:
    """A raw table that models read.

    Attributes:
        schema: Raw schema.
        table: Raw table.
        feeds: The records that change with its rows. A table without feeds is a
            dictionary: everything may depend on a row of it.
    """

    schema: str
    table: str
    feeds: tuple[Feed, ...]


def last_publication(connection: psycopg.Connection, pass_id: int) -> Base | None:
    """The last publication, if every pass since then left its working tables usable."""
    rows = connection.execute(
        "select outcome, pass_time, meaning, is_whole from ops.passes"
        " where pass_id < %s order by pass_id desc",
        [pass_id],
    )
    moment: datetime | None = None
    for outcome, pass_time, meaning, is_whole in rows:
        if outcome == "unchanged":
            moment = moment or pass_time
        elif outcome == "published":
            return Base(moment or pass_time, meaning)
        elif is_whole:
            # It has written some tables anew and others not.
            return None
        else:
            # What it landed is published by nobody yet.
            moment = None
    return None


def reason_for_whole(
    connection: psycopg.Connection,
    base: Base | None,
    *,
    meaning: str,
    pass_time: datetime,
    timezone: str,
    sources: Sequence[Source],
) -> str | None:
    """Why all tables have to be written anew; None where changes are enough."""
    if base is None:
        return "no publication to build on"
    if base.meaning != meaning:
        return "code, mapping or decisions changed"
    if pass_time <= base.pass_time:
        return "the clock has not moved on"
    if connection.execute("select from ops.working_tables").fetchone() is None:
        return "the working tables are empty: the server has crashed"
    return _reason_of_rows(connection, base, pass_time, timezone, sources)


def _reason_of_rows(
    connection: psycopg.Connection,
    base: Base,
    pass_time: datetime,
    timezone: str,
    sources: Sequence[Source],
) -> str | None:
    """What has changed that too many rows depend on."""
    moved = connection.execute(
        "select from dbt_core.dim_employee_placements"
        " where valid_from > %s and valid_from <= %s limit 1",
        [_day(base.pass_time, timezone), _day(pass_time, timezone)],
    ).fetchone()
    if moved is not None:
        return "people change their place today, which many numbers read"
    for source in sources:
        if not source.feeds and _has_landed(connection, source, base.pass_time):
            return f"{source.schema}.{source.table} changed, which many deals read"
    return None


def remember_landed(
    connection: psycopg.Connection,
    sources: Sequence[Source],
    connections: Mapping[str, str],
    since: datetime,
) -> int:
    """Make the records known that landed, vanished or returned since a moment.

    Args:
        connection: Of the transformer.
        sources: Raw tables that models read.
        connections: Raw schema -> name of the connection.
        since: The pass time of the publication before.

    Returns:
        How many records are to be brought up to date.
    """
    for source in sources:
        if not _is_landed(connection, source):
            continue
        for feed in source.feeds:
            _remember(connection, source, feed, connections[source.schema], since)
    row = connection.execute("select count(*) from ops.changed_units").fetchone()
    connection.execute("analyze ops.changed_units")
    return int(row[0]) if row else 0


def begin_anew(connection: psycopg.Connection) -> None:
    """Nothing is known to have changed, and all working tables are written now."""
    connection.execute("delete from ops.changed_units")
    connection.execute(
        "insert into ops.working_tables default values on conflict do nothing"
    )


def note_day(
    connection: psycopg.Connection, base: Base | None, timezone: str
) -> date | None:
    """Tell the models which day the publication before spoke of."""
    day = _day(base.pass_time, timezone) if base else None
    connection.execute("update ops.clock set previous_day = %s", [day])
    return day


def _day(moment: datetime, timezone: str) -> date:
    return moment.astimezone(ZoneInfo(timezone)).date()


def read_sources(manifest_file: Path, schemas: Collection[str]) -> list[Source]:
    """Raw tables that models read, with what the project says of them (``feeds``).

    Args:
        manifest_file: Of dbt.
        schemas: Raw schemas of the home's connections.
    """
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    return [
        Source(
            source["schema"],
            source["identifier"],
            tuple(
                Feed(
                    unit=unit,
                    through=how.get("through", source["identifier"]),
                    link=how.get("link", "id"),
                    prefix=how.get("prefix", ""),
                )
                for unit, how in source["meta"].get("feeds", {}).items()
            ),
        )
        for source in manifest["sources"].values()
        if source["schema"] in schemas and source["identifier"] != DELETIONS
    ]


def _remember(
    connection: psycopg.Connection,
    source: Source,
    feed: Feed,
    connection_name: str,
    since: datetime,
) -> None:
    records = sql.SQL(
        "select id from {raw} where {loaded_at} > {since} union"
        " select id from {deletions} where entity = {table}"
        " and (missing_since > {since} or returned_at > {since})"
    ).format(
        raw=sql.Identifier(source.schema, source.table),
        deletions=sql.Identifier(source.schema, DELETIONS),
        table=sql.Literal(source.table),
        loaded_at=sql.Identifier(LOADED_AT),
        since=sql.Literal(since),
    )
    if feed.through != source.table:
        records = sql.SQL("select id from {} where {} in ({})").format(
            sql.Identifier(source.schema, feed.through),
            sql.Identifier(feed.link),
            records,
        )
    connection.execute(
        sql.SQL(
            "insert into ops.changed_units (unit, key)"
            " select {unit}, {prefix} || id from ({records}) as landed"
            " on conflict do nothing"
        ).format(
            unit=sql.Literal(feed.unit),
            prefix=sql.Literal(f"{connection_name}:{feed.prefix}"),
            records=records,
        )
    )


def _is_landed(connection: psycopg.Connection, source: Source) -> bool:
    row = connection.execute(
        "select to_regclass(%s) is not null", [f'"{source.schema}"."{source.table}"']
    ).fetchone()
    return bool(row and row[0])


def _has_landed(
    connection: psycopg.Connection, source: Source, since: datetime
) -> bool:
    """Whether rows have landed in a raw table since a moment."""
    if not _is_landed(connection, source):
        return False
    row = connection.execute(
        sql.SQL("select exists (select from {} where {} > {})").format(
            sql.Identifier(source.schema, source.table),
            sql.Identifier(LOADED_AT),
            sql.Literal(since),
        )
    ).fetchone()
    return bool(row and row[0])
