"""Workbooks of the published tables, as one person may see them.

The person's own login reads everything in one snapshot: rows, findings and the sums
they are reconciled with. What the login may not see cannot get into the file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import psycopg
from psycopg import IsolationLevel, sql

from bi.catalog import Catalog, read_catalog
from bi.excel import dictionary
from bi.excel.definition import (
    Export,
    NoRightsError,
    ReaderRights,
    read_export,
    reader_rights,
)
from bi.excel.layout import SheetLayout, findings_layout, records_layout
from bi.excel.workbook import Control, Row, Written, write_workbook
from ingestion.mapping import Connection
from ingestion.marked_yaml import suggestion
from orchestration.export_filters import (
    Condition,
    FilterError,
    read_filters,
    where,
)
from orchestration.metrics import missing_reasons
from orchestration.passes import home_connections
from orchestration.transformation import manifest_file
from orchestration.warehouse import Warehouse

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 2_000


class ExportError(Exception):
    """A workbook cannot be made; the text says why and what to do."""


@dataclass(frozen=True)
class ExportResult:
    """What one export wrote.

    Attributes:
        table: Edition that the reader may see.
        sums: Sum by money column.
        differences: Of rows, findings and sums to a direct query; zeros.
        data_hash: SHA-256 over the data cells of the first sheet.
    """

    path: Path
    table: str
    publication_id: int
    rows: int
    findings: int
    sums: Mapping[str, Decimal]
    differences: Mapping[str, Decimal]
    data_hash: str


@dataclass(frozen=True)
class _Publication:
    publication_id: int
    data_as_of: datetime


@dataclass(frozen=True)
class _Day:
    """The day that a workbook speaks of.

    Attributes:
        label: What its rows call it.
        moment: That its numbers speak of.
    """

    label: str
    moment: datetime


@dataclass(frozen=True)
class _Query:
    """Rows of one sheet: what follows ``from``, with its parameters."""

    source: sql.Composable
    parameters: Sequence[object]


def export(
    warehouse: Warehouse,
    workbook: str,
    *,
    username: str,
    filters: Mapping[str, Sequence[str]],
    out: Path,
    as_of: date | None = None,
    now: datetime | None = None,
) -> ExportResult:
    """Write one workbook as one person may see it.

    Args:
        warehouse: Of the home.
        workbook: Name of a file in ``bi/exports``.
        username: Whose login reads.
        filters: Values by column, see ``read_filters``; several columns narrow.
        out: File to write, for its owner only; it appears when it is complete.
        as_of: The day to show as it was known then; today when absent.
        now: Moment of the export; the present one when absent.

    Raises:
        ExportError: an unknown person, nothing published yet, no right to see
            anything, no such folder, or a day that is not kept.
        FilterError: an unknown column or an unreadable value.
        UnknownExportError: there is no such workbook.
    """
    definition = read_export(workbook)
    if not out.parent.is_dir():
        raise ExportError(f"no folder {out.parent}: make it, or name another --out")
    connections = home_connections(warehouse.settings)
    _check_person(connections, username)
    with closing(_connect(warehouse, username)) as connection:
        rights = _rights(connection, username)
        table = definition.table_for(rights)
        publication = _publication(connection)
        catalog = read_catalog(
            manifest_file(warehouse),
            tables=_tables(connection),
            currency=connections[0].reporting_currency,
            missing=missing_reasons(connection),
        )
        zone = ZoneInfo(connections[0].timezone)
        if definition.day.column in filters:
            raise FilterError(
                f"filter {definition.day.column!r}: a workbook is of one day:"
                " use --as-of"
            )
        day = _day(connection, definition, catalog, as_of)
        chosen = {
            definition.day.column: [day.label],
            **definition.chosen(rights, filters),
        }
        conditions = read_filters(chosen, catalog.datasets[table], zone)
        _check_choices(connection, definition, catalog, chosen)
        with _complete_file(out) as stream:
            written = _write(
                connection,
                definition,
                catalog,
                table,
                conditions,
                username=username,
                rights=rights,
                publication=publication,
                day=day,
                exported_at=now or datetime.now(tz=UTC),
                zone=zone,
                out=stream,
            )
    logger.info(
        "exported",
        extra={"workbook": workbook, "username": username, "rows": written.rows},
    )
    return ExportResult(
        path=out,
        table=table,
        publication_id=publication.publication_id,
        rows=written.rows,
        findings=written.findings,
        sums=written.sums,
        differences=written.differences,
        data_hash=written.data_hash,
    )


def _write(
    connection: psycopg.Connection,
    definition: Export,
    catalog: Catalog,
    table: str,
    conditions: Sequence[Condition],
    *,
    username: str,
    rights: ReaderRights,
    publication: _Publication,
    day: _Day,
    exported_at: datetime,
    zone: ZoneInfo,
    out: BinaryIO,
) -> Written:
    records = records_layout(definition, catalog, table)
    found = findings_layout(definition, catalog)
    records_query = _records_query(definition, catalog, records, conditions)
    findings_query = _findings_query(definition, found, records_query, day)
    rows, sums = _totals(connection, records, records_query)
    return write_workbook(
        definition,
        catalog,
        table,
        rows=_rows(connection, records, records_query),
        months=_months(connection, definition, records, records_query),
        findings=_rows(connection, found, findings_query),
        control=Control(
            username=username,
            sight=rights.sight,
            exported_at=exported_at,
            data_as_of=day.moment,
            publication_id=publication.publication_id,
            filters={
                **{each.column: each.printed for each in conditions},
                definition.day.column: (f"{day.moment.astimezone(zone):%d.%m.%Y}",),
            },
            rows=rows,
            findings=_totals(connection, found, findings_query)[0],
            sums=sums,
            timezone=zone,
        ),
        out=out,
        dictionary=_dictionary(connection, catalog),
    )


def _dictionary(connection: psycopg.Connection, catalog: Catalog) -> list[Row]:
    """What every metric means; empty before the first dictionary is published."""
    if dictionary.TABLE not in catalog.datasets:
        return []
    dataset = catalog.datasets[dictionary.TABLE]
    query = sql.SQL("select {} from {} order by {}").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in dictionary.COLUMNS),
        sql.Identifier(dataset.schema, dataset.name),
        sql.Identifier(dictionary.ORDER),
    )
    return list(connection.execute(query).fetchall())


def _check_person(connections: Sequence[Connection], username: str) -> None:
    known = {user.username for each in connections for user in each.access}
    if username not in known:
        raise ExportError(
            f"no person {username!r} in the access lists of this home"
            f"{suggestion(username, sorted(known))}"
        )


def _connect(warehouse: Warehouse, username: str) -> psycopg.Connection:
    """Open the person's own login; all its queries see one snapshot."""
    try:
        connection = psycopg.connect(warehouse.person_url(username))
    except psycopg.OperationalError as error:
        raise ExportError(
            f"{username} cannot sign in to the warehouse, run ./reestr run first: "
            f"{str(error).strip().splitlines()[-1]}"
        ) from error
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _publication(connection: psycopg.Connection) -> _Publication:
    row = connection.execute(
        "select publication_id, data_as_of from reports.publications"
        " order by publication_id desc limit 1"
    ).fetchone()
    if row is None:
        raise ExportError("nothing is published yet: run ./reestr run first")
    return _Publication(int(row[0]), row[1])


def _rights(connection: psycopg.Connection, username: str) -> ReaderRights:
    published = connection.execute(
        "select to_regclass('access.user_keys') is not null"
    ).fetchone()
    if published is None or not published[0]:
        raise ExportError("nothing is published yet: run ./reestr run first")
    row = connection.execute(
        "select keys from access.user_keys where username = access.reader()"
    ).fetchone()
    try:
        return reader_rights(row[0] if row else [])
    except NoRightsError as error:
        raise ExportError(f"{username}: {error}") from error


def _day(
    connection: psycopg.Connection,
    definition: Export,
    catalog: Catalog,
    as_of: date | None,
) -> _Day:
    """Find the day among those that are kept.

    Raises:
        ExportError: it is not kept.
    """
    names = definition.day
    table = catalog.datasets[names.table]
    row = connection.execute(
        sql.SQL("select {}, {} from {} where {} = {}").format(
            sql.Identifier(names.column),
            sql.Identifier(names.moment),
            sql.Identifier(table.schema, table.name),
            sql.Identifier(names.today if as_of is None else names.date),
            sql.Literal(True if as_of is None else as_of),
        )
    ).fetchone()
    if row is None:
        raise ExportError(
            f"what was known on {as_of or 'today'} is not at hand: kept are the last 31"
            " days, ends of months since the first load and days asked for;"
            f" ./reestr run --as-of {as_of or 'DATE'} keeps another"
        )
    return _Day(*row)


def _tables(connection: psycopg.Connection) -> dict[str, dict[str, str]]:
    """Columns and types of the published tables."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, data_type in connection.execute(
        "select relname, attname, format_type(atttypid, atttypmod)"
        " from pg_attribute join pg_class on pg_class.oid = attrelid"
        " join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname in ('reports', 'quality') and relkind in ('r', 'v')"
        " and attnum > 0 and not attisdropped order by attrelid, attnum"
    ):
        tables.setdefault(table, {})[column] = data_type
    return tables


def _check_choices(
    connection: psycopg.Connection,
    definition: Export,
    catalog: Catalog,
    filters: Mapping[str, Sequence[str]],
) -> None:
    """Check that of every choice exactly one of its values is made.

    Raises:
        FilterError: none, several or another value.
    """
    table = catalog.datasets[definition.choices_table]
    for name in definition.choices:
        if name not in filters:
            continue
        rows = connection.execute(
            sql.SQL("select distinct {} from {} order by 1").format(
                sql.Identifier(name), sql.Identifier(table.schema, table.name)
            )
        )
        known = [str(value) for (value,) in rows]
        if len(filters[name]) != 1 or filters[name][0] not in known:
            values = ", ".join(repr(value) for value in filters[name])
            raise FilterError(
                f"filter {name}={values}: name one of {', '.join(map(repr, known))}"
            )


def _records_query(
    definition: Export,
    catalog: Catalog,
    layout: SheetLayout,
    conditions: Sequence[Condition],
) -> _Query:
    """Ask for one line per record: whole amounts once, shares of its people summed."""
    clause, parameters = where(conditions)
    wanted = (*layout.fields, *layout.order, *definition.months_fields)
    joined = {column.name for column in layout.columns if column.is_joined}
    lines = []
    for name in dict.fromkeys(wanted):
        expression = (
            f"string_agg(distinct {name}, ', ')"
            if name in joined
            else catalog.shown(name, layout.table)
        )
        lines.append(
            sql.SQL("{} as {}").format(sql.SQL(expression), sql.Identifier(name))
        )
    return _Query(
        sql.SQL("(select {} from {} where {} group by {}) as records").format(
            sql.SQL(", ").join(lines),
            sql.Identifier(layout.schema, layout.table),
            clause,
            sql.Identifier(definition.one),
        ),
        parameters,
    )


def _months(
    connection: psycopg.Connection,
    definition: Export,
    layout: SheetLayout,
    query: _Query,
) -> list[Row]:
    """Lines of the months: name, records, sums; every record stands in one of them."""
    months = definition.months
    names = [column.name for column in layout.months]
    sums = [sql.SQL("sum({})").format(sql.Identifier(name)) for name in names]
    cursor = connection.execute(
        sql.SQL("select {} from {} group by {by} order by min({order})").format(
            sql.SQL(", ").join([sql.Identifier(months.by), sql.SQL("count(*)"), *sums]),
            query.source,
            by=sql.Identifier(months.by),
            order=sql.Identifier(months.order),
        ),
        query.parameters,
    )
    return list(cursor)


def _findings_query(
    definition: Export, layout: SheetLayout, records: _Query, day: _Day
) -> _Query:
    """Open findings of the records that the workbook shows."""
    return _Query(
        sql.SQL(
            "{table} where {day} = {label} and {key} in (select {key} from {of})"
        ).format(
            table=sql.Identifier(layout.schema, layout.table),
            day=sql.Identifier(definition.day.column),
            label=sql.Literal(day.label),
            key=sql.Identifier(definition.findings.key),
            of=records.source,
        ),
        records.parameters,
    )


def _rows(
    connection: psycopg.Connection, layout: SheetLayout, query: _Query
) -> Iterator[Row]:
    """Yield the rows of a sheet, some thousands in memory at a time."""
    names = sql.SQL(", ").join(sql.Identifier(name) for name in layout.fields)
    order = sql.SQL(", ").join(sql.Identifier(name) for name in layout.order)
    with connection.cursor(name=layout.table) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(
            sql.SQL("select {} from {} order by {}").format(names, query.source, order),
            query.parameters,
        )
        yield from cursor


def _totals(
    connection: psycopg.Connection, layout: SheetLayout, query: _Query
) -> tuple[int, dict[str, Decimal]]:
    """Rows and sums by a direct query, to reconcile the file with."""
    sums = [
        sql.SQL("coalesce(sum({}), 0)").format(sql.Identifier(column.name))
        for column in layout.money
    ]
    row = connection.execute(
        sql.SQL("select {} from {}").format(
            sql.SQL(", ").join([sql.SQL("count(*)"), *sums]), query.source
        ),
        query.parameters,
    ).fetchone()
    count, *totals = row or (0,)
    names = [column.name for column in layout.money]
    return int(count), dict(zip(names, totals, strict=True))


@contextmanager
def _complete_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that nobody else reads and that appears when it is complete."""
    draft = path.with_name(f".{path.name}.draft")
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
