"""One reading of a portal: what changed, in which order, up to where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa  # type: ignore[import-untyped]

from ingestion.http import JsonObject, JsonValue, RefusedError
from ingestion.sources.bitrix24.client import Portal
from ingestion.sources.bitrix24.helpers import (
    Command,
    Fault,
    Kind,
    Row,
    chunks,
    declared_kinds,
    item_kinds,
    item_userfields,
    latest,
    row_hash,
    row_id,
    row_key,
    to_arrow,
    without,
)
from ingestion.sources.bitrix24.settings import (
    ABSENT,
    BATCH_COMMANDS,
    BEGINNING,
    DEAL_USERFIELDS,
    DEALS,
    FIRST_PAGES,
    HISTORIES,
    HISTORY_OVERLAP,
    INVOICE_TYPE,
    INVOICES,
    ITEM_USERFIELDS,
    LEAD_TYPE,
    LEADS,
    LISTED,
    OVERLAP,
    OWNERS_AT_ONCE,
    PAGE_ROWS,
    PRODUCT_ROWS,
    SMART_PROCESSES,
    TABLES,
    WINDOWS,
    Reading,
    Table,
    smart_process_table,
)

_FIELDS_OF = "fields_of_"


class Landed(Protocol):
    """What the warehouse already has of a portal.

    Attributes:
        read_at: The portal's clock when the last reading began.
    """

    read_at: datetime | None

    def kinds(self, table: str) -> Mapping[str, Kind]:
        """Columns of a raw table; empty when there is no table."""

    def position(self, table: str) -> str | None:
        """Up to where a table has landed; None before its first full landing."""

    def hashes(self, table: Table, keys: Sequence[str]) -> Mapping[str, str]:
        """Hashes of the rows with these keys."""

    def marked(self, table: str) -> frozenset[str]:
        """Keys of the rows that are marked as deleted."""

    def landed_since(self, table: Table, moment: str | None) -> Sequence[str]:
        """Ids of the rows that landed after a moment; all of them without one."""

    def open_deals(self) -> Sequence[str]:
        """Ids of the deals that are neither won nor lost."""


@dataclass
class TableReading:
    """State of one table during a reading.

    Attributes:
        position: Where the last reading ended; None reads everything.
        kinds: Columns, growing while rows come.
        marked: Keys marked as deleted before this reading.
        wanted: Ids to read whatever their time of change.
        watched: Keys of which it matters whether they come.
        seen: Those of them that came.
        changed: Rows that were new or different.
        changed_keys: Their keys, of deals only.
        reached: Where this reading ended.
        is_forbidden: The webhook has no right to the table.
    """

    table: Table
    position: str | None
    kinds: dict[str, Kind]
    marked: frozenset[str]
    first_page: list[Row] = field(default_factory=list)
    wanted: set[int] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)
    changed: int = 0
    changed_keys: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    reached: str | None = None
    is_forbidden: bool = False

    @property
    def is_first(self) -> bool:
        """Whether the table has never landed in full."""
        return self.position is None


class PortalReading:
    """Reads what the warehouse does not have yet.

    `open` asks for the dictionaries and the first page of every list in two requests,
    which is all it takes when nothing has changed. `batches` goes on from there.
    """

    def __init__(self, portal: Portal, landed: Landed, *, now: datetime) -> None:
        self._portal = portal
        self._landed = landed
        self._now = now
        self._late: dict[Table, set[int]] = {table: set() for table in HISTORIES}
        self.started = now
        self.tables: dict[str, TableReading] = {}
        self.windows: tuple[Table, ...] = WINDOWS
        self.warnings: list[str] = []
        self.asked_deals: set[str] = set()
        self.product_row_keys: set[str] = set()

    def open(self) -> None:
        """Read the dictionaries and the first pages; learn the portal's clock."""
        dictionaries = self._portal.call_all(
            {table.name: _whole(table, start=0) for table in LISTED}
        )
        if dictionaries.started:
            # Times of change are the portal's, so the window is on its clock.
            self.started = dictionaries.started
        rows = {
            table.name: self._portal.rows(table, dictionaries.results[table.name])
            for table in LISTED
        }
        processes = {
            int(str(row["entityTypeId"])): smart_process_table(
                int(str(row["entityTypeId"]))
            )
            for row in rows[SMART_PROCESSES.name]
        }
        self.windows = (*WINDOWS, *processes.values())
        for table in (*TABLES, *processes.values()):
            self.tables[table.name] = self._state(table, rows[DEAL_USERFIELDS.name])
        commands: dict[str, Command] = {}
        walked = (*self.windows, *HISTORIES.values())
        for table in walked:
            state = self.tables[table.name]
            commands[table.name] = self._portal.first_page(
                table, self._window(state), after=_after(state)
            )
        for table in LISTED:
            total = dictionaries.totals.get(table.name)
            for start in _further_pages(table, rows[table.name], total):
                commands[f"{table.name}_{start}"] = _whole(table, start=start)
        types = {LEAD_TYPE: LEADS, INVOICE_TYPE: INVOICES, **processes}
        for type_id in types:
            commands[f"{_FIELDS_OF}{type_id}"] = Command(
                ITEM_USERFIELDS.method, {"entityTypeId": type_id}
            )
        further, faults = self._call_in_batches(commands)
        for table in walked:
            if fault := faults.get(table.name):
                self._leave_out(table, fault)
                continue
            self.tables[table.name].first_page = self._portal.rows(
                table, further[table.name]
            )
        for table in LISTED:
            known = {row_key(table, row): row for row in rows[table.name]}
            for name, result in further.items():
                if name.startswith(f"{table.name}_"):
                    # Rows move between pages while others are added.
                    found = self._portal.rows(table, result)
                    known |= {row_key(table, row): row for row in found}
            self.tables[table.name].first_page = list(known.values())
        for type_id, items in types.items():
            self._learn_fields(type_id, items, further[f"{_FIELDS_OF}{type_id}"])

    def _leave_out(self, table: Table, fault: Fault) -> None:
        """Read nothing of a table that the webhook has no right to."""
        state = self.tables[table.name]
        state.is_forbidden = True
        self.windows = tuple(one for one in self.windows if one is not table)
        self.warnings.append(
            f"{table.name} is not read, {table.method} answered {fault}: give the "
            f"webhook the right {table.right}"
        )

    def _learn_fields(self, type_id: int, items: Table, described: JsonValue) -> None:
        """Take the fields of a type: rows of a dictionary and columns of its table."""
        self.tables[ITEM_USERFIELDS.name].first_page += item_userfields(
            type_id, described
        )
        kinds = item_kinds(described)
        if items is LEADS:
            # The list of leads is of the older kind: only user fields have one name.
            kinds = {name: kind for name, kind in kinds.items() if name[:3] == "uf_"}
        state = self.tables[items.name]
        state.kinds |= kinds | dict(self._landed.kinds(items.name))

    def batches(self, table: Table) -> Iterator[pa.Table]:
        """Rows of a table that differ from what has landed.

        The first reading of a table gives at least one batch, be it an empty one, so
        that the table exists.
        """
        state = self.tables[table.name]
        if state.is_first:
            yield self._arrow(state, [])
        if state.is_forbidden:
            state.reached = state.position or BEGINNING
        elif table.reading is Reading.WINDOW:
            yield from self._window_batches(state)
        elif table.reading is Reading.APPENDED:
            yield from self._history_batches(state)
        elif table.reading is Reading.WHOLE:
            yield from self._dictionary_batches(state)

    def late_history(self, owners: Table) -> Iterator[pa.Table]:
        """Stage history that a row brings along, read when the rows have landed.

        A deal or a lead out of the recycle bin is new to the warehouse, its history
        lies behind the position.
        """
        state = self.tables[HISTORIES[owners].name]
        for ids in chunks(sorted(self._late[owners]), PAGE_ROWS):
            where: JsonObject = {"@OWNER_ID": list(ids), "<=ID": _after(state)}
            for rows in self._portal.walk(state.table, where, pages=FIRST_PAGES):
                yield from self._changed(state, rows)

    def product_rows(self, *, sweep: bool) -> Iterator[pa.Table]:
        """Product rows of the deals that changed, read when the deals have landed.

        Deals that landed in a pass that failed later are asked for again. A sweep
        asks for all open deals: their rows change without moving the deal.
        """
        state = self.tables[PRODUCT_ROWS.name]
        deals = set(self._landed.landed_since(DEALS, state.position))
        deals |= self.tables[DEALS.name].changed_keys
        if sweep:
            deals |= set(self._landed.open_deals())
        for owners in chunks(sorted(map(int, deals)), OWNERS_AT_ONCE):
            yield from self._changed(state, self._rows_of(owners))
        state.reached = self._now.isoformat()

    def _rows_of(self, deals: Sequence[int]) -> list[Row]:
        """Product rows of some deals; deals that are gone meanwhile have none."""
        found: list[Row] = []
        for ids in chunks(deals, BATCH_COMMANDS):
            results = self._portal.call_each(
                {
                    f"d{deal}": Command(PRODUCT_ROWS.method, {"id": deal})
                    for deal in ids
                },
                absent=ABSENT,
            )
            for key, result in results.items():
                self.asked_deals.add(key.removeprefix("d"))
                found += self._portal.rows(PRODUCT_ROWS, result)
        self.product_row_keys |= {row_key(PRODUCT_ROWS, row) for row in found}
        return found

    def _state(self, table: Table, user_fields: Sequence[Row]) -> TableReading:
        marked = self._landed.marked(table.name)
        return TableReading(
            table,
            position=self._landed.position(table.name),
            kinds=declared_kinds(
                table,
                self._landed.kinds(table.name),
                user_fields if table is DEALS else (),
            ),
            marked=marked,
            watched=set(marked),
        )

    def _window(self, state: TableReading) -> JsonObject:
        """Filter by time of change; none for the first reading and for the history."""
        modified = state.table.modified
        if (
            modified is None
            or state.position is None
            or state.table.reading is not Reading.WINDOW
        ):
            return {}
        name = state.table.asked(modified)
        since = datetime.fromisoformat(state.position) - OVERLAP
        zone = self.started.tzinfo
        return {
            f">={name}": since.astimezone(zone).isoformat(timespec="seconds"),
            f"<={name}": self.started.isoformat(timespec="seconds"),
        }

    def _window_end(self, state: TableReading, reached: datetime | None) -> str:
        """Where the next window begins: never behind the start of this reading."""
        if reached is None:
            return state.position or BEGINNING
        end = min(reached, self.started)
        if state.position and datetime.fromisoformat(state.position) > end:
            return state.position
        return end.isoformat()

    def _walk(self, state: TableReading, where: JsonObject) -> Iterator[list[Row]]:
        """The first page and what is behind it."""
        rows = state.first_page
        if rows:
            yield rows
        if len(rows) >= PAGE_ROWS:
            yield from self._portal.walk(
                state.table,
                where,
                after=row_id(state.table, rows[-1]),
                pages=BATCH_COMMANDS if state.is_first else FIRST_PAGES,
            )

    def _window_batches(self, state: TableReading) -> Iterator[pa.Table]:
        table = state.table
        reached: datetime | None = None
        for rows in self._walk(state, self._window(state)):
            if table.modified and (moment := latest(rows, table.modified)):
                reached = max(reached or moment, moment)
            if state.wanted:
                state.wanted -= {row_id(table, row) for row in rows}
            yield from self._changed(state, rows)
        state.reached = self._window_end(state, reached)
        for ids in chunks(sorted(state.wanted), PAGE_ROWS * BATCH_COMMANDS):
            yield from self._changed(state, self._by_ids(table, ids))

    def _history_batches(self, state: TableReading) -> Iterator[pa.Table]:
        reached = int(state.position or 0)
        for rows in self._walk(state, {}):
            reached = max(reached, row_id(state.table, rows[-1]))
            yield from self._changed(state, rows)
        state.reached = str(reached)

    def _dictionary_batches(self, state: TableReading) -> Iterator[pa.Table]:
        rows = state.first_page
        state.reached = self._now.isoformat()
        yield from self._changed(state, rows)

    def _changed(self, state: TableReading, rows: list[Row]) -> Iterator[pa.Table]:
        """The rows that are new or differ, as one Arrow table or none."""
        table = state.table
        rows = without(rows, table.left_out)
        if not state.is_first and rows:
            keys = [row_key(table, row) for row in rows]
            state.seen |= state.watched.intersection(keys)
            hashes = self._landed.hashes(table, keys)
            if table in HISTORIES:
                self._remember_late(state, rows, hashes)
            rows = [
                row
                for key, row in zip(keys, rows, strict=True)
                if hashes.get(key) != row_hash(row)
            ]
        if rows:
            state.changed += len(rows)
            if table is DEALS:
                state.changed_keys |= {row_key(table, row) for row in rows}
            yield self._arrow(state, rows)

    def _remember_late(
        self, state: TableReading, rows: list[Row], hashes: Mapping[str, str]
    ) -> None:
        """Deals and leads that are new here but not in the portal."""
        since = self._landed.read_at
        for row in rows:
            key = row_key(state.table, row)
            created = str(row.get("DATE_CREATE") or "")
            is_late = (
                not created or not since or datetime.fromisoformat(created) <= since
            )
            if key in state.marked or (key not in hashes and is_late):
                self._late[state.table].add(row_id(state.table, row))

    def _by_ids(self, table: Table, ids: Sequence[int]) -> list[Row]:
        commands = {
            f"p{number}": self._portal.first_page(
                table, {table.among(table.identity): list(page)}
            )
            for number, page in enumerate(chunks(ids, PAGE_ROWS))
        }
        results = self._portal.call_all(commands).results
        return [
            row for key in commands for row in self._portal.rows(table, results[key])
        ]

    def _arrow(self, state: TableReading, rows: list[Row]) -> pa.Table:
        return to_arrow(state.table, rows, state.kinds, loaded_at=self._now)

    def _call_in_batches(
        self, commands: Mapping[str, Command]
    ) -> tuple[JsonObject, dict[str, Fault]]:
        """Results, and faults of the calls that need a right of their own."""
        optional = frozenset(table.name for table in self.windows if table.right)
        results: JsonObject = {}
        faults: dict[str, Fault] = {}
        for names in chunks(list(commands), BATCH_COMMANDS):
            part = {name: commands[name] for name in names}
            answer = self._portal.call_all(part, optional=optional)
            results |= answer.results
            faults |= answer.errors
        return results, faults


def _whole(table: Table, *, start: int) -> Command:
    paging: JsonObject = {"start": start} if table.paged else {}
    return Command(table.method, {**table.parameters, **paging})


def _further_pages(table: Table, rows: list[Row], total: JsonValue) -> range:
    """Starts of the pages behind the first."""
    if not table.paged or len(rows) < PAGE_ROWS:
        return range(0)
    if not isinstance(total, int):
        raise RefusedError(
            f"{table.method} answered a full page and no total: its rows cannot be "
            "read to the end"
        )
    # One page more than the total says: rows are added meanwhile.
    return range(PAGE_ROWS, total + PAGE_ROWS, PAGE_ROWS)


def _after(state: TableReading) -> int:
    """The id behind which a table is read."""
    if state.table.reading is not Reading.APPENDED or state.position is None:
        return 0
    return max(0, int(state.position) - HISTORY_OVERLAP)
