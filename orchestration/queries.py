"""Read-only questions to the published tables, as the data team or as a person."""

from __future__ import annotations

import csv
from datetime import date, datetime
from typing import TextIO

import psycopg

from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import Warehouse, known_warehouse

MOST_TABLE_ROWS = 1000


def run_query(
    settings: Settings,
    query: str,
    *,
    username: str | None,
    output: str,
    stream: TextIO,
) -> int:
    """Run statements and print the rows of the last one.

    The connection is the person's own login: the text of the query cannot widen what
    it sees, whatever it sets.
    """
    warehouse = known_warehouse(settings)
    with _connect(warehouse, username) as connection:
        cursor = connection.execute(query.encode())
        while cursor.nextset():
            pass
        if cursor.description is None:
            stream.write(f"{cursor.statusmessage}\n")
            return 0
        names = [column.name for column in cursor.description]
        if output == "csv":
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(cursor)
        else:
            _print_table(stream, names, cursor)
    return 0


def _connect(warehouse: Warehouse, username: str | None) -> psycopg.Connection:
    if username is None:
        return warehouse.connect("data_team")
    with psycopg.connect(warehouse.admin_url) as connection:
        known = connection.execute(
            "select 1 from pg_roles where rolname = %s and rolcanlogin",
            [warehouse.person_role(username)],
        ).fetchone()
    if not known:
        raise SettingsError(
            f"no person named {username!r} in this home: add the username to the "
            "section access of a connection file and run a pass"
        )
    return psycopg.connect(warehouse.person_url(username))


def _print_table(stream: TextIO, names: list[str], cursor: psycopg.Cursor) -> None:
    rows = [
        [_text(value) for value in row] for row in cursor.fetchmany(MOST_TABLE_ROWS)
    ]
    widths = [
        max(len(name), *(len(row[index]) for row in rows), 1)
        for index, name in enumerate(names)
    ]
    for row in (names, ["-" * width for width in widths], *rows):
        line = "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        )
        stream.write(line.rstrip() + "\n")
    left = cursor.rowcount - len(rows)
    more = f", the first {len(rows)} shown (--format csv gives all)" if left > 0 else ""
    stream.write(f"({cursor.rowcount} rows{more})\n")


def _text(value: object) -> str:
    if value is None:
        return "—"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
