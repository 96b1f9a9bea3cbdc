"""The door: rights, checks, and one transaction that writes all or nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from ingestion.mapping import Connection
from orchestration.decisions.errors import CellError, DecisionError, refuse
from orchestration.decisions.kinds import KINDS, Kind, read_kind
from orchestration.decisions.sheet import Directories, Line, read_lines
from orchestration.decisions.texts import text
from orchestration.passes import home_connections, pass_time
from orchestration.transformation import manifest_file
from orchestration.warehouse import Warehouse

logger = logging.getLogger(__name__)

SCHEMA = "decisions"
_TABLES = {
    "org_units": "select split_part(org_unit_key, ':', 2), name"
    " from dbt_core.dim_org_units order by org_unit_key",
    "employees": "select source_id, full_name"
    " from dbt_core.dim_employees order by employee_key",
}


@dataclass(frozen=True)
class Decided:
    """A decision that was taken.

    Attributes:
        batch_id: Names it in ``decisions.batches``.
        lines: How many lines it has.
    """

    batch_id: int
    kind: str
    lines: int


def decide(
    warehouse: Warehouse,
    kind: str,
    file: Path,
    *,
    author: str,
    operator: str,
    kinds: Path = KINDS,
) -> Decided:
    """Take the decisions of one filled template, all of them or none.

    Args:
        warehouse: Of the home.
        kind: Name of a block in ``kinds.yaml``.
        file: The filled template.
        author: Username of the person who decides.
        operator: Who hands the file in: the account of the machine, or the signed-in
            person.
        kinds: Declaration of the kinds.

    Raises:
        UnknownKindError: there is no such kind.
        DecisionError: the author may not decide, or the file has mistakes.
    """
    declared = read_kind(kind, kinds)
    connections = home_connections(warehouse.settings)
    _check_author(declared, author, connections)
    directories = _directories(warehouse, declared, connections)
    today = pass_time(warehouse.settings).astimezone(_zone(connections)).date()
    lines = read_lines(declared, file, directories, today)
    return _take(warehouse, declared, lines, (author, operator, file.name))


def decide_lines(
    warehouse: Warehouse,
    kind: str,
    lines: Sequence[Line],
    *,
    author: str,
    operator: str,
    name: str,
) -> Decided:
    """Take decisions that a program wrote, not a person in a workbook.

    Args:
        warehouse: Of the home.
        kind: Name of a block in ``kinds.yaml``.
        lines: With a value, or None, for every column of the kind.
        author: Username of the person who decides.
        operator: Who hands the lines in.
        name: Of what they come from, kept in the place of the file's name.

    Raises:
        UnknownKindError: there is no such kind.
        DecisionError: the author may not decide, or the same is already decided.
    """
    declared = read_kind(kind)
    _check_author(declared, author, home_connections(warehouse.settings))
    return _take(warehouse, declared, lines, (author, operator, name))


def _take(
    warehouse: Warehouse,
    kind: Kind,
    lines: Sequence[Line],
    said_by: tuple[str, str, str],
) -> Decided:
    connections = home_connections(warehouse.settings)
    with warehouse.connect("loader") as connection:
        batch_id = _write(
            connection,
            kind,
            lines,
            batch=(kind.name, *said_by, pass_time(warehouse.settings)),
            zone=_zone(connections),
        )
    logger.info(
        "decided", extra={"kind": kind.name, "batch": batch_id, "author": said_by[0]}
    )
    return Decided(batch_id, kind.name, len(lines))


def _zone(connections: Sequence[Connection]) -> ZoneInfo:
    return ZoneInfo(connections[0].timezone)


def _check_author(kind: Kind, author: str, connections: Sequence[Connection]) -> None:
    roles = [
        user.role
        for connection in connections
        for user in connection.access
        if user.username == author
    ]
    if not roles:
        raise refuse(text("rights", "unknown_author", author=author))
    if not set(roles) & set(kind.who_may):
        raise refuse(
            text(
                "rights",
                "may_not",
                title=kind.title,
                who_may=", ".join(kind.who_may),
                author=author,
                roles=", ".join(roles),
            )
        )


def _directories(
    warehouse: Warehouse, kind: Kind, connections: Sequence[Connection]
) -> Directories:
    """Values that exist, of the directories that the kind asks for."""
    asked = {column.known for column in kind.columns}
    directories: dict[str, Mapping[str, str]] = {}
    if "usernames" in asked:
        directories["usernames"] = {
            user.username: "" for each in connections for user in each.access
        }
    for name in asked & _TABLES.keys():
        directories[name] = _known_rows(warehouse, name)
    if "metrics" in asked:
        directories["metrics"] = _metrics(warehouse)
    return directories


def _known_rows(warehouse: Warehouse, directory: str) -> dict[str, str]:
    """Names by id in the source system, as the models of dbt match them."""
    with warehouse.connect("transformer") as connection:
        try:
            rows = connection.execute(_TABLES[directory].encode()).fetchall()
        except psycopg.errors.UndefinedTable as error:
            raise refuse(text("directory", f"no_{directory}")) from error
    return {str(key): str(name or "") for key, name in rows}


def _metrics(warehouse: Warehouse) -> dict[str, str]:
    """Labels by name, of the last project that was built."""
    file = manifest_file(warehouse)
    if not file.exists():
        raise refuse(text("directory", "no_metrics"))
    metrics = json.loads(file.read_text())["metrics"].values()
    return {str(metric["name"]): str(metric["label"]) for metric in metrics}


def _write(
    connection: psycopg.Connection,
    kind: Kind,
    lines: Sequence[Line],
    *,
    batch: tuple[str, str, str, str, datetime],
    zone: ZoneInfo,
) -> int:
    table = sql.Identifier(SCHEMA, kind.table)
    names = [column.name for column in kind.columns]
    columns = sql.SQL(", ").join(map(sql.Identifier, ("batch_id", "line", *names)))
    # Two people who hand in the same file at once are one after the other.
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
        [f"{SCHEMA}.{kind.table}"],
    )
    row = connection.execute(
        "insert into decisions.batches"
        " (kind, author, operator, file_name, decided_at, seen_publication_id)"
        " select %s, %s, %s, %s, %s, max(publication_id) from reports.publications"
        " returning batch_id",
        batch,
    ).fetchone()
    batch_id = int(row[0]) if row else 0
    connection.execute(
        sql.SQL("create temporary table incoming (like {}) on commit drop").format(
            table
        )
    )
    with connection.cursor().copy(
        sql.SQL("copy incoming ({}) from stdin").format(columns)
    ) as copy:
        for line in lines:
            copy.write_row(
                (batch_id, line.number, *(line.values[name] for name in names))
            )
    errors = [
        CellError(f"A{line}", message)
        for line, message in (
            _out_of_turn(connection, kind, zone)
            if kind.alternates
            else _repeated(connection, kind, zone)
        )
    ]
    if errors:
        raise DecisionError(errors)
    connection.execute(
        sql.SQL("insert into {} ({columns}) select {columns} from incoming").format(
            table, columns=columns
        )
    )
    return batch_id


def _repeated(
    connection: psycopg.Connection, kind: Kind, zone: ZoneInfo
) -> Iterator[tuple[int, str]]:
    """Lines that say what is already decided, with the answer to each."""
    rows = connection.execute(
        sql.SQL(
            "select incoming.line, max(known.batch_id), max(batches.decided_at)"
            " from incoming join {table} as known on {same}"
            " join decisions.batches on batches.batch_id = known.batch_id"
            " group by incoming.line order by incoming.line"
        ).format(
            table=sql.Identifier(SCHEMA, kind.table),
            same=_same([column.name for column in kind.columns]),
        )
    ).fetchall()
    for line, batch, moment in rows:
        said = {"moment": _told(moment, zone), "batch": batch}
        yield int(line), text("line", "decided", **said)


def _out_of_turn(
    connection: psycopg.Connection, kind: Kind, zone: ZoneInfo
) -> Iterator[tuple[int, str]]:
    """Lines whose choice stands already, or has nothing to take back."""
    words = kind.column(kind.alternates).choices
    first = next(iter(words))
    choice = sql.Identifier(kind.alternates)
    rows = connection.execute(
        sql.SQL(
            "select incoming.line, incoming.{choice}, last.batch_id, last.decided_at"
            " from incoming left join lateral ("
            " select known.{choice}, batches.batch_id, batches.decided_at"
            " from {table} as known"
            " join decisions.batches on batches.batch_id = known.batch_id"
            " where {same} order by known.batch_id desc, known.line desc limit 1"
            ") as last on true"
            " where incoming.{choice} = coalesce(last.{choice}, {second})"
            " order by incoming.line"
        ).format(
            choice=choice,
            table=sql.Identifier(SCHEMA, kind.table),
            same=_same(kind.unique),
            second=sql.Literal(next(code for code in words if code != first)),
        )
    ).fetchall()
    for line, code, batch, moment in rows:
        if batch is None:
            said = {"choice": words[code], "first": words[first]}
            yield int(line), text("line", "never", **said)
            continue
        standing = {
            "choice": words[code],
            "moment": _told(moment, zone),
            "batch": batch,
        }
        yield int(line), text("line", "standing", **standing)


def _same(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("known.{0} is not distinct from incoming.{0}").format(
            sql.Identifier(name)
        )
        for name in names
    )


def _told(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%d.%m.%Y %H:%M}"
