"""Landing: one connection's rows into its raw schema.

Positions move in the same transaction as the marks of deletions, after all rows have
landed. A landing that fails or is killed leaves the old positions, so the next one
reads the same rows again and merges them.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pyarrow as pa  # type: ignore[import-untyped]
from dlt.pipeline.exceptions import PipelineStepFailed
from psycopg import sql

from ingestion.config import (
    FILE_FORMAT,
    LOADED_AT,
    ROW_HASH,
    dlt_settings,
    make_pipeline,
    rows_folder,
)
from ingestion.http import Clock, RateLimit, RetryPolicy, SourceError
from ingestion.mapping import Connection
from ingestion.sources.bitrix24 import bitrix24, key_columns
from ingestion.sources.bitrix24.client import Portal
from ingestion.sources.bitrix24.helpers import Kind, column, row_key
from ingestion.sources.bitrix24.reading import PortalReading
from ingestion.sources.bitrix24.settings import (
    DEALS,
    DICTIONARIES,
    HISTORIES,
    PRODUCT_ROWS,
    SWEPT_AT_ONCE,
    Table,
)
from ingestion.sources.files import land_files

logger = logging.getLogger(__name__)

# Loss of rights looks like deletion, so a sudden loss is not believed.
SHRINK_SHARE: Final = 0.2
SHRINK_ROWS: Final = 20
POSITIONS: Final = "landing_positions"
DELETIONS: Final = "deletions"


class LandingError(Exception):
    """A connection cannot be landed; the sentence says what to do."""


class SweepRefusedError(LandingError):
    """Too many rows are missing to believe that they were deleted."""


@dataclass(frozen=True)
class LandingResult:
    """What one landing did.

    Attributes:
        connection: Name of the connection.
        rows: Rows of every raw table after the landing, deleted ones included.
        changed: Rows that this landing added or changed, by table.
        missing: Rows newly marked as deleted, by table.
        returned: Rows whose mark was taken away, by table.
        seconds: How long it took.
        cursor: The source's clock when the reading began: the data is as of then.
        warnings: What landed but deserves a look, one sentence each.
    """

    connection: str
    rows: Mapping[str, int]
    changed: Mapping[str, int]
    missing: Mapping[str, int]
    returned: Mapping[str, int]
    seconds: float
    cursor: datetime
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SweepDifference:
    """How all ids of a list differ from a raw table.

    Attributes:
        missing: Rows the portal does not have any more.
        returned: Marked rows the portal has again.
        new: Ids the raw table does not have.
    """

    missing: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()


class RawSchema:
    """Raw tables of one connection, with positions and marks of deletions.

    One database connection serves all threads of a reading; it keeps no transaction
    open but in `finish`.
    """

    def __init__(
        self, database: psycopg.Connection[tuple[object, ...]], name: str
    ) -> None:
        self._database = database
        self.name = name
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._positions: dict[str, str] = {}
        self._marked: dict[str, set[str]] = {}
        self.read_at: datetime | None = None

    def open(self) -> None:
        """Make the schema when it is missing, and learn what has landed."""
        found = self._rows(
            "select 1 from pg_namespace where nspname = %s", (self.name,)
        )
        # "if not exists" alone asks for a right that only the first landing needs.
        if not found:
            self._do("create schema if not exists {schema}")
        self._do(
            "create table if not exists {schema}.{positions} (entity text primary key,"
            " position text not null, read_at timestamptz not null);"
            "create table if not exists {schema}.{deletions} (entity text not null,"
            " id text not null, missing_since timestamptz not null,"
            " returned_at timestamptz, primary key (entity, id, missing_since))"
        )
        for table, name, type_name in self._rows(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = %s order by table_name, ordinal_position",
            (self.name,),
        ):
            if name not in {LOADED_AT, ROW_HASH}:
                kind = Kind.JSON if type_name == "jsonb" else Kind.TEXT
                self._kinds.setdefault(str(table), {})[str(name)] = kind
        for entity, position, read_at in self._rows(
            "select entity, position, read_at from {schema}.{positions}"
        ):
            # A table that somebody dropped lands anew.
            if entity in self._kinds and isinstance(read_at, datetime):
                self._positions[str(entity)] = str(position)
                self.read_at = max(self.read_at or read_at, read_at)
        for entity, row_id in self._rows(
            "select entity, id from {schema}.{deletions} where returned_at is null"
        ):
            self._marked.setdefault(str(entity), set()).add(str(row_id))

    def kinds(self, table: str) -> Mapping[str, Kind]:
        """Columns of a raw table; empty when there is no table."""
        return self._kinds.get(table, {})

    def position(self, table: str) -> str | None:
        """Up to where a table has landed; None before its first full landing."""
        return self._positions.get(table)

    def marked(self, table: str) -> frozenset[str]:
        """Keys of the rows that are marked as deleted."""
        return frozenset(self._marked.get(table, ()))

    def hashes(self, table: Table, keys: Sequence[str]) -> Mapping[str, str]:
        """Hashes of the rows with these keys."""
        return {
            str(key): str(found)
            for key, found in self._rows(
                "select {key}, {hash} from {schema}.{table} where {key} = any(%s)",
                (list(keys),),
                table,
            )
        }

    def landed_since(self, table: Table, moment: str | None) -> Sequence[str]:
        """Ids of the rows that landed after a moment; all of them without one."""
        return self._ids(
            "select {key} from {schema}.{table} where %s::timestamptz is null"
            " or {loaded_at} > %s::timestamptz",
            (moment, moment),
            table,
        )

    def open_deals(self) -> Sequence[str]:
        """Ids of the deals that are neither won nor lost."""
        return self._ids(
            "select {key} from {schema}.{table} where stage_semantic_id = 'P'",
            (),
            DEALS,
        )

    def product_rows_of(self, deals: Sequence[str]) -> frozenset[str]:
        """Ids of the product rows of some deals."""
        return frozenset(
            self._ids(
                "select {key} from {schema}.{table} where owner_id = any(%s)",
                (list(deals),),
                PRODUCT_ROWS,
            )
        )

    def _ids(
        self, text: LiteralString, parameters: Sequence[object], table: Table
    ) -> list[str]:
        """Keys of rows; those that are marked as deleted are left out."""
        marked = self.marked(table.name)
        found = (str(row[0]) for row in self._rows(text, parameters, table))
        return [key for key in found if key not in marked]

    def count(self, table: Table) -> int:
        """Rows of a raw table."""
        return self._number("select count(*) from {schema}.{table}", (), table)

    def compare(self, table: Table, ids: Sequence[str]) -> SweepDifference:
        """What a full walk of ids says about a raw table."""
        with self._database.transaction(), self._database.cursor() as cursor:
            cursor.execute("create temporary table swept (id text) on commit drop")
            with cursor.copy("copy swept from stdin") as copy:
                for found in ids:
                    copy.write_row((found,))
            cursor.execute("analyze swept")
            new = self._rows(
                "select id from swept where not exists (select from {schema}.{table} r"
                " where r.{key} = swept.id)",
                (),
                table,
            )
            gone = self._rows(
                "select {key} from {schema}.{table} r where not exists"
                " (select from swept where swept.id = r.{key})",
                (),
                table,
            )
        marked = self.marked(table.name)
        missing = frozenset(str(row[0]) for row in gone)
        return SweepDifference(
            missing=missing - marked,
            returned=marked - missing,
            new=frozenset(str(row[0]) for row in new),
        )

    def finish(
        self,
        *,
        positions: Mapping[str, str],
        missing: Mapping[str, frozenset[str]],
        returned: Mapping[str, frozenset[str]],
        now: datetime,
        read_at: datetime,
    ) -> None:
        """Move positions and marks in one transaction."""
        with self._database.transaction(), self._database.cursor() as cursor:
            cursor.executemany(
                self._statement(
                    "insert into {schema}.{deletions} (entity, id, missing_since)"
                    " values (%s, %s, %s) on conflict (entity, id, missing_since)"
                    " do update set returned_at = null"
                ),
                [
                    (name, found, now)
                    for name, ids in missing.items()
                    for found in sorted(ids)
                ],
            )
            for name, ids in returned.items():
                cursor.execute(
                    self._statement(
                        "update {schema}.{deletions} set returned_at = %s where"
                        " entity = %s and id = any(%s) and returned_at is null"
                    ),
                    (now, name, list(ids)),
                )
            cursor.executemany(
                self._statement(
                    "insert into {schema}.{positions} values (%s, %s, %s) on conflict"
                    " (entity) do update set position = excluded.position,"
                    " read_at = excluded.read_at"
                ),
                [(name, position, read_at) for name, position in positions.items()],
            )

    def make_indexes(self, tables: Sequence[Table]) -> None:
        """A unique index on the key, one on the time of change; rerunnable."""
        for table in tables:
            place = sql.Identifier(self.name, table.name)
            self._database.execute(
                sql.SQL("create unique index if not exists {} on {} ({})").format(
                    sql.Identifier(f"{table.name}_key"),
                    place,
                    sql.SQL(",").join(map(sql.Identifier, key_columns(table))),
                )
            )
            self._database.execute(
                sql.SQL("create index if not exists {} on {} ({})").format(
                    sql.Identifier(f"{table.name}_loaded"),
                    place,
                    sql.Identifier(LOADED_AT),
                )
            )
            if table.modified:
                self._database.execute(
                    sql.SQL("create index if not exists {} on {} ({})").format(
                        sql.Identifier(f"{table.name}_modified"),
                        place,
                        sql.Identifier(column(table.modified)),
                    )
                )
            self._database.execute(sql.SQL("analyze {}").format(place))

    def _statement(
        self, text: LiteralString, table: Table | None = None
    ) -> sql.Composed:
        return sql.SQL(text).format(
            schema=sql.Identifier(self.name),
            positions=sql.Identifier(POSITIONS),
            deletions=sql.Identifier(DELETIONS),
            table=sql.Identifier(table.name if table else ""),
            key=_key(table) if table else sql.SQL(""),
            hash=sql.Identifier(ROW_HASH),
            loaded_at=sql.Identifier(LOADED_AT),
        )

    def _do(self, text: LiteralString) -> None:
        self._database.execute(self._statement(text))

    def _rows(
        self,
        text: LiteralString,
        parameters: Sequence[object] = (),
        table: Table | None = None,
    ) -> list[tuple[object, ...]]:
        return self._database.execute(
            self._statement(text, table), parameters
        ).fetchall()

    def _number(
        self, text: LiteralString, parameters: Sequence[object], table: Table
    ) -> int:
        return int(str(self._rows(text, parameters, table)[0][0]))


def land(
    connection: Connection,
    *,
    database_url: str,
    state_folder: Path,
    now: datetime,
    sweep: bool = False,
    accept_shrink: bool = False,
    limit: RateLimit | None = None,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
) -> LandingResult:
    """Land what is new in a connection into its schema ``raw_<name>``.

    Args:
        connection: The connection, with its address.
        database_url: The warehouse with the loader's login.
        state_folder: Working folder of the loader, a part of the home.
        now: When the warehouse learns the rows, timezone-aware.
        sweep: Walk all ids to find deleted and returned rows as well.
        accept_shrink: Believe a sweep that misses many rows.
        limit: Rate limit of the portal; its usual one when omitted.
        policy: How calls are repeated.
        clock: Where waiting happens.

    Raises:
        SourceError: the portal cannot be read; nothing has moved.
        SweepRefusedError: too many rows are missing; nothing has moved.
        LandingError: the connection cannot be landed.
    """
    clock = clock or Clock()
    if connection.source == "files":
        return _land_files(connection, database_url, state_folder, now, clock)
    if not connection.url:
        raise LandingError(
            f"{connection.path}: no url of the portal: write url: "
            f"${{REESTR_{connection.name.upper()}_URL}} and set that setting"
        )
    portal = Portal(connection.url, limit=limit, policy=policy, clock=clock)
    began = clock.monotonic()
    with psycopg.connect(database_url, autocommit=True) as database:
        raw = RawSchema(database, connection.schema)
        raw.open()
        reading = PortalReading(portal, raw, now=now)
        reading.open()
        differences = _differences(
            raw, reading, portal if sweep else None, accept_shrink=accept_shrink
        )
        if batches := _everything(reading):
            _run(connection, reading, batches, database_url, state_folder)
        if batches := _what_follows(reading, sweep=sweep):
            _run(connection, reading, batches, database_url, state_folder)
        differences |= _lost_product_rows(raw, reading, accept_shrink=accept_shrink)
        states = reading.tables
        raw.make_indexes([one.table for one in states.values() if one.is_first])
        missing, returned = _marks(reading, differences)
        raw.finish(
            positions={
                name: state.reached for name, state in states.items() if state.reached
            },
            missing=missing,
            returned=returned,
            now=now,
            read_at=reading.started,
        )
        rows = {name: raw.count(state.table) for name, state in states.items()}
    result = LandingResult(
        connection=connection.name,
        rows=rows,
        changed={name: state.changed for name, state in states.items()},
        missing={name: len(keys) for name, keys in missing.items()},
        returned={name: len(keys) for name, keys in returned.items()},
        seconds=clock.monotonic() - began,
        cursor=reading.started,
        warnings=tuple(reading.warnings),
    )
    logger.info(
        "landed",
        extra={
            "connection": result.connection,
            "rows_changed": sum(result.changed.values()),
            "seconds": round(result.seconds, 2),
        },
    )
    return result


def _land_files(
    connection: Connection,
    database_url: str,
    state_folder: Path,
    now: datetime,
    clock: Clock,
) -> LandingResult:
    began = clock.monotonic()
    landed = land_files(
        connection, database_url=database_url, state_folder=state_folder, now=now
    )
    return LandingResult(
        connection=connection.name,
        rows=landed.rows,
        changed=landed.rows if landed.changed else {},
        missing={},
        returned={},
        seconds=clock.monotonic() - began,
        cursor=now,
        warnings=landed.warnings,
    )


def _differences(
    raw: RawSchema,
    reading: PortalReading,
    swept: Portal | None,
    *,
    accept_shrink: bool,
) -> dict[str, SweepDifference]:
    """What full walks of ids say: dictionaries always, big lists in a sweep.

    Args:
        raw: What has landed.
        reading: An opened reading; rows found by the sweep are wanted of it.
        swept: The portal to sweep; None leaves the big lists out.
        accept_shrink: Believe any loss.

    Raises:
        SweepRefusedError: too many rows are missing.
    """
    walked = {
        table: [row_key(table, row) for row in reading.tables[table.name].first_page]
        for table in DICTIONARIES
    }
    if swept:
        with ThreadPoolExecutor(SWEPT_AT_ONCE) as pool:
            lists = pool.map(swept.walk_ids, reading.windows)
            walked |= dict(zip(reading.windows, lists, strict=True))
    differences: dict[str, SweepDifference] = {}
    for table, keys in walked.items():
        state = reading.tables[table.name]
        if state.is_first:
            continue
        found = raw.compare(table, keys)
        _check_shrink(raw, table, found, keys, accept_shrink=accept_shrink)
        differences[table.name] = found
        if table.swept:
            state.wanted |= {int(key) for key in found.new | found.returned}
        state.watched |= found.missing
    return differences


def _lost_product_rows(
    raw: RawSchema, reading: PortalReading, *, accept_shrink: bool
) -> dict[str, SweepDifference]:
    """Product rows that the deals asked for do not have any more.

    Raises:
        SweepRefusedError: too many rows are missing.
    """
    if reading.tables[PRODUCT_ROWS.name].is_first or not reading.asked_deals:
        return {}
    known = raw.product_rows_of(sorted(reading.asked_deals))
    found = SweepDifference(missing=known - reading.product_row_keys)
    keys = sorted(reading.product_row_keys)
    _check_shrink(raw, PRODUCT_ROWS, found, keys, accept_shrink=accept_shrink)
    return {PRODUCT_ROWS.name: found}


def _check_shrink(
    raw: RawSchema,
    table: Table,
    found: SweepDifference,
    keys: Sequence[str],
    *,
    accept_shrink: bool,
) -> None:
    known = raw.count(table) - len(raw.marked(table.name))
    lost = len(found.missing)
    vanished = not keys and lost > 0 and not table.may_be_empty
    shrunk = lost > SHRINK_ROWS and lost > SHRINK_SHARE * known
    if (vanished or shrunk) and not accept_shrink:
        raise SweepRefusedError(
            f"{raw.name}.{table.name}: {lost} of {known} rows are missing in the "
            "portal, which looks like lost rights of the webhook: check its rights, "
            "or run with --accept-shrinkage if the rows were deleted"
        )


def _marks(
    reading: PortalReading, differences: Mapping[str, SweepDifference]
) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """Keys to mark as missing and keys whose mark is taken away, by table."""
    missing: dict[str, frozenset[str]] = {}
    returned: dict[str, frozenset[str]] = {}
    for name, state in reading.tables.items():
        found = differences.get(name, SweepDifference())
        # A row may come back between the walk of the ids and the reading.
        if gone := found.missing - state.seen:
            missing[name] = gone
        if back := found.returned | (state.seen & state.marked):
            returned[name] = frozenset(back)
    return missing, returned


def _everything(reading: PortalReading) -> dict[str, Iterator[pa.Table]]:
    """Batches of the tables that have something to land."""
    return _filled(
        {name: reading.batches(state.table) for name, state in reading.tables.items()}
    )


def _what_follows(
    reading: PortalReading, *, sweep: bool
) -> dict[str, Iterator[pa.Table]]:
    """Batches of what is asked for when deals and leads have landed."""
    return _filled(
        {
            **{
                history.name: reading.late_history(owners)
                for owners, history in HISTORIES.items()
            },
            PRODUCT_ROWS.name: reading.product_rows(sweep=sweep),
        }
    )


def _filled(
    tables: Mapping[str, Iterator[pa.Table]],
) -> dict[str, Iterator[pa.Table]]:
    found = {name: _begun(batches) for name, batches in tables.items()}
    return {name: batches for name, batches in found.items() if batches}


def _begun(batches: Iterator[pa.Table]) -> Iterator[pa.Table] | None:
    """The same batches, the first one already read; None when there is none."""
    first = next(batches, None)
    return None if first is None else chain([first], batches)


def _run(
    connection: Connection,
    reading: PortalReading,
    batches: Mapping[str, Iterator[pa.Table]],
    database_url: str,
    state_folder: Path,
) -> None:
    """Load the batches with dlt.

    Raises:
        SourceError: the portal failed while rows were read.
        LandingError: dlt or the database failed.
    """
    with dlt_settings(state_folder):
        pipeline = make_pipeline(
            f"bitrix24_{connection.name}",
            schema=connection.schema,
            database_url=database_url,
            folder=state_folder,
        )
        try:
            with rows_folder(state_folder) as folder:
                pipeline.run(
                    bitrix24(reading, batches, folder), loader_file_format=FILE_FORMAT
                )
        except PipelineStepFailed as error:
            failed = _source_error(error)
            if failed is None:
                text = str(error.exception).strip().partition("\n")[0]
                raise LandingError(
                    f"{connection.schema}: the rows could not be loaded at the step "
                    f"{error.step}: {text}"
                ) from error
        else:
            return
    raise failed


def _source_error(error: BaseException | None) -> SourceError | None:
    """The portal's own failure inside an error of dlt."""
    while error is not None and not isinstance(error, SourceError):
        error = error.__cause__ or error.__context__
    return error


def _key(table: Table) -> sql.Composable:
    """The key of a row as one text."""
    return sql.SQL("||'/'||").join(map(sql.Identifier, key_columns(table)))
