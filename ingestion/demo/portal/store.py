"""The portal's memory: a SQLite file with one table per entity, one column per field.

Rows are written by people's actions (``create``, ``update``, ``delete``, ``restore``)
or loaded by columns (``bulk_insert``). Every write moves ``version``. Pages are read
by SQL with bound parameters; the file may be read and written by several processes.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import orjson

from ingestion.demo.portal.labels import agency_user_fields
from ingestion.demo.portal.query import (
    Condition,
    Names,
    Order,
    contains,
    joined,
    like,
    quoted,
    selected,
)
from ingestion.demo.portal.render import Form, Row, WrittenRows, form_of, literal
from ingestion.demo.portal.schema import (
    DOUBLES,
    ENTITIES,
    INTEGERS,
    Entity,
    Field,
    Kind,
    UserField,
)
from ingestion.demo.portal.values import (
    Kept,
    Stored,
    column_values,
    is_empty,
    moment,
    parse_date,
    to_double,
    to_stored,
    utc_now,
)

PAGE_SIZE: Final = 50
_CHUNK: Final = 20_000
_REBUILD_INDEXES_FROM: Final = 20_000
_NARROW_WINDOW: Final = 5_000
_REMEMBERED_TOTALS: Final = 512
# Seconds that a writer waits for another.
_PATIENCE: Final = 60

Column = Sequence[object] | Kept


CREATED, MOVED, FINISHED, FUNNEL_CHANGED = 1, 2, 3, 5


class NotStoredError(LookupError):
    """There is no such row."""


@dataclass(frozen=True)
class Page:
    """Rows of one list answer.

    Attributes:
        written: The rows as they are answered.
        total: Rows by the filter; ``None`` when nobody counted.
    """

    written: WrittenRows
    total: int | None

    @cached_property
    def rows(self) -> list[Row]:
        """The rows as they are read again."""
        return self.written.read()


class PortalStore:
    """The tables of one portal.

    Args:
        path: The SQLite file; made when it is not there.
        clock: What time it is in the portal. Without it the moment kept by
            ``set_now`` counts, and without that the wall clock.
        user_fields: Fields people added, for a new file only; the demo agency's when
            omitted.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] | None = None,
        user_fields: Sequence[UserField] | None = None,
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self._local = threading.local()
        self._lock = threading.RLock()
        self._writing = threading.RLock()
        self._connections: list[sqlite3.Connection] = []
        self._totals: OrderedDict[tuple[object, ...], int] = OrderedDict()
        self._entities: dict[str, Entity] = {}
        self._entities_version = -1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._create_tables(
            agency_user_fields() if user_fields is None else tuple(user_fields)
        )

    # Connections and transactions

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "it", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path,
                isolation_level=None,
                timeout=_PATIENCE,
                check_same_thread=False,
                cached_statements=512,
            )
            for pragma in (
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = NORMAL",
                "PRAGMA cache_size = -65536",
                "PRAGMA mmap_size = 1073741824",
                "PRAGMA temp_store = MEMORY",
            ):
                connection.execute(pragma)
            connection.create_function(
                "portal_contains", 2, contains, deterministic=True
            )
            connection.create_function("portal_like", 2, like, deterministic=True)
            self._local.it = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside one change that readers see at once."""
        if getattr(self._local, "depth", 0):
            yield
            return
        self._end_reading()
        with self._writing:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            self._local.depth = 1
            try:
                yield
                connection.execute(
                    "UPDATE portal SET value = value + 1 WHERE name = 'version'"
                )
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            else:
                connection.execute("COMMIT")
            finally:
                self._local.depth = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the portal as it is at one moment; an own write ends the moment."""
        self._connection().execute("BEGIN")
        self._local.seen = {}
        try:
            yield
        finally:
            self._end_reading()

    def _end_reading(self) -> None:
        if getattr(self._local, "seen", None) is not None:
            self._local.seen = None
            self._connection().execute("COMMIT")

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Make all writes inside one change; of an empty portal a quick one.

        Nobody reads an empty portal: its indexes are made at the end, and new pages
        are written once, not into a log first.
        """
        if self._any_row():
            with self.transaction():
                yield
            return
        self._journal("TRUNCATE")
        try:
            with self.transaction():
                for entity in ENTITIES.values():
                    self._drop_indexes(entity)
                self._local.filling = True
                yield
                for entity in ENTITIES.values():
                    self._create_indexes(entity)
        finally:
            self._local.filling = False
            self._journal("WAL")

    def _journal(self, mode: str) -> None:
        connection = self._connection()
        connection.execute("PRAGMA busy_timeout = 0")
        # Somebody who has the file open keeps the mode it has.
        with suppress(sqlite3.OperationalError):
            connection.execute(joined(("PRAGMA journal_mode =", mode)))
        connection.execute(joined(("PRAGMA busy_timeout =", str(_PATIENCE * 1000))))

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    def __enter__(self) -> "PortalStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def version(self) -> int:
        """A counter that moves with every write, of any process."""
        return int(self._value("version") or 0)

    def now(self) -> datetime:
        """What time it is in the portal."""
        if self._clock is not None:
            return self._clock()
        kept = self._value("now")
        return datetime.fromisoformat(str(kept)) if kept else utc_now()

    def set_now(self, when: datetime | None) -> None:
        """Keep the portal's time; ``None`` gives it back to the wall clock."""
        self._keep("now", moment(when) if when else None)

    def note(self, name: str) -> str | None:
        """A text kept beside the rows, such as how far a load went."""
        kept = self._value("note:" + name)
        return None if kept is None else str(kept)

    def set_note(self, name: str, value: str | None) -> None:
        """Keep a text beside the rows."""
        self._keep("note:" + name, value)

    def _keep(self, name: str, value: str | None) -> None:
        with self.transaction():
            self._connection().execute(
                "INSERT INTO portal (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )

    def _value(self, name: str) -> str | int | None:
        seen: dict[str, str | int | None] | None = getattr(self._local, "seen", None)
        if seen is not None and name in seen:
            return seen[name]
        found = self._connection().execute(
            "SELECT value FROM portal WHERE name = ?", (name,)
        )
        row = found.fetchone()
        value: str | int | None = row[0] if row else None
        if seen is not None:
            seen[name] = value
        return value

    # Tables

    def _create_tables(self, user_fields: Sequence[UserField]) -> None:
        connection = self._connection()
        connection.execute(
            "CREATE TABLE IF NOT EXISTS portal (name TEXT PRIMARY KEY, value)"
        )
        if self._value("version") is not None:
            self._grow_tables(user_fields)
            return
        with self.transaction():
            if self._value("version") is not None:
                return
            connection.execute(
                "CREATE TABLE userfield (id INTEGER PRIMARY KEY, entity TEXT,"
                " name TEXT, kind TEXT, label TEXT, multiple INTEGER, options TEXT,"
                " UNIQUE (entity, name))"
            )
            connection.execute(
                "INSERT INTO portal (name, value) VALUES ('version', 0),"
                " ('multifield', 1000)"
            )
            self._create_entities(ENTITIES.values(), user_fields)
            self._offer(user_fields)

    def _grow_tables(self, user_fields: Sequence[UserField]) -> None:
        """Give a file made by an earlier release what it does not have.

        Fields that were offered once and are gone have been removed by people.
        """
        if not self._missing_entities() and not self._not_offered(user_fields):
            return
        with self.transaction():
            missing = self._missing_entities()
            added = self._not_offered(user_fields)
            self._create_entities(missing, added)
            self._offer(user_fields)

    def _offer(self, user_fields: Iterable[UserField]) -> None:
        names = sorted(f"{one.entity}.{one.name}" for one in user_fields)
        self.set_note("offered", orjson.dumps(names).decode())

    def _not_offered(self, user_fields: Iterable[UserField]) -> list[UserField]:
        kept = self.note("offered")
        known = set(orjson.loads(kept)) if kept else set()
        known |= {f"{one.entity}.{one.name}" for one in self.user_fields()}
        missing = {one.name for one in self._missing_entities()}
        return [
            one
            for one in user_fields
            if one.entity in missing or f"{one.entity}.{one.name}" not in known
        ]

    def _missing_entities(self) -> list[Entity]:
        found = self._connection().execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        known = {name for (name,) in found}
        return [one for one in ENTITIES.values() if one.name not in known]

    def _create_entities(
        self, entities: Iterable[Entity], user_fields: Iterable[UserField]
    ) -> None:
        for entity in entities:
            self._create_table(entity.name, entity)
            self._create_table(entity.name + "_bin", entity)
            self._create_indexes(entity)
        for user_field in user_fields:
            self._add_user_field(user_field)

    def _create_table(self, table: str, entity: Entity) -> None:
        columns = ", ".join(_column(field) for field in entity.fields)
        self._connection().execute(
            joined(("CREATE TABLE", quoted(table), "(", columns, ")"))
        )

    def _create_indexes(self, entity: Entity) -> None:
        for name in _indexed(entity):
            index = quoted("_".join((entity.name, name)))
            self._connection().execute(
                joined(
                    (
                        "CREATE INDEX IF NOT EXISTS",
                        *(index, "ON", quoted(entity.name)),
                        *("(", quoted(name), ")"),
                    )
                )
            )

    def _drop_indexes(self, entity: Entity) -> None:
        for name in _indexed(entity):
            index = quoted("_".join((entity.name, name)))
            self._connection().execute(joined(("DROP INDEX IF EXISTS", index)))

    # User fields

    def entity(self, name: str) -> Entity:
        """An entity with the user fields it has now.

        Raises:
            NotStoredError: the portal has no such entity.
        """
        version = int(self._value("userfields") or 0)
        with self._lock:
            if version != self._entities_version:
                added = self.user_fields()
                self._entities = {
                    known.name: known.with_user_fields(added)
                    for known in ENTITIES.values()
                }
                self._entities_version = version
            try:
                return self._entities[name]
            except KeyError as error:
                raise NotStoredError(f"the portal has no entity {name}") from error

    def user_fields(self, entity: str | None = None) -> list[UserField]:
        """Fields people added, in the order of their ids."""
        rows = self._connection().execute(
            "SELECT entity, name, kind, label, multiple, options FROM userfield"
            " ORDER BY id"
        )
        read = [
            UserField(
                owner,
                name,
                Kind(kind),
                label,
                multiple=bool(multiple),
                options=tuple((int(key), text) for key, text in orjson.loads(options)),
            )
            for owner, name, kind, label, multiple, options in rows
        ]
        return [one for one in read if entity is None or one.entity == entity]

    def add_user_field(self, user_field: UserField) -> None:
        """Give an entity a new field; the rows have it unfilled."""
        with self.transaction():
            self._add_user_field(user_field)

    def set_options(self, entity: str, name: str, options: Mapping[int, str]) -> None:
        """Replace the options of an enumeration."""
        with self.transaction():
            changed = self._connection().execute(
                "UPDATE userfield SET options = ? WHERE entity = ? AND name = ?",
                (orjson.dumps(list(options.items())).decode(), entity, name),
            )
            if not changed.rowcount:
                raise NotStoredError(f"{entity} has no user field {name}")
            self._touch_user_fields()

    def remove_user_field(self, entity: str, name: str) -> None:
        """Take a field away from the portal together with its values."""
        with self.transaction():
            removed = self._connection().execute(
                "DELETE FROM userfield WHERE entity = ? AND name = ?", (entity, name)
            )
            if not removed.rowcount:
                raise NotStoredError(f"{entity} has no user field {name}")
            for table in (entity, entity + "_bin"):
                self._connection().execute(
                    joined(("ALTER TABLE", quoted(table), "DROP COLUMN", quoted(name)))
                )
            self._touch_user_fields()

    def _add_user_field(self, user_field: UserField) -> None:
        connection = self._connection()
        connection.execute(
            "INSERT INTO userfield (entity, name, kind, label, multiple, options)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(user_field.entity, user_field.name, user_field.kind.value),
                *(user_field.label, int(user_field.multiple)),
                orjson.dumps(user_field.options).decode(),
            ),
        )
        for table in (user_field.entity, user_field.entity + "_bin"):
            connection.execute(
                joined(
                    (
                        "ALTER TABLE",
                        quoted(table),
                        "ADD COLUMN",
                        _column(user_field.as_field()),
                    )
                )
            )
        self._touch_user_fields()

    def _touch_user_fields(self) -> None:
        self._connection().execute(
            "INSERT INTO portal (name, value) VALUES ('userfields', 1)"
            " ON CONFLICT (name) DO UPDATE SET value = value + 1"
        )

    # Reading

    def count(self, entity: str) -> int:
        """How many rows an entity has; deleted ones are not counted."""
        return self._total(self.entity(entity), (), frozenset())

    def rows(self, entity: str) -> list[Row]:
        """All rows as a list method answers them, by id."""
        names = Names(self.entity(entity))
        form = form_of(names, selected(names, None))
        return self._read(names.entity, form, "1", (), ()).read()

    def get(self, entity: str, row_id: int) -> Row:
        """One row with all its fields, phones and e-mails included.

        Raises:
            NotStoredError: there is no such row.
        """
        names = Names(self.entity(entity))
        form = form_of(names, names.entity.fields)
        found = self._read(names.entity, form, '"ID" = ?', (row_id,), ())
        if not found:
            raise NotStoredError(f"{entity} {row_id} is not there")
        return found[0]

    def exists(self, entity: str, row_id: int) -> bool:
        """Whether the row is there."""
        found = self._connection().execute(
            joined(
                ("SELECT 1 FROM", quoted(self.entity(entity).name), 'WHERE "ID" = ?')
            ),
            (row_id,),
        )
        return found.fetchone() is not None

    def page(
        self,
        names: Names,
        form: Form | tuple[Field, ...],
        *,
        conditions: Sequence[Condition] = (),
        order: Sequence[Order] = (),
        start: int = 0,
        limit: int | None = PAGE_SIZE,
        hidden: frozenset[int] = frozenset(),
    ) -> Page:
        """Rows of one page.

        Args:
            names: The entity and how it is called.
            form: What a row looks like, or the fields it holds.
            conditions: All of them hold for a row.
            order: The id is always the last key.
            start: Rows to skip; a negative number means no counting.
            limit: Rows at most; ``None`` for all.
            hidden: Ids the reader has no right to see.
        """
        entity = names.entity
        where = _where(conditions, hidden)
        total = None if start < 0 else self._total(entity, conditions, hidden)
        rows = self._read(
            entity,
            form if isinstance(form, Form) else form_of(names, form),
            joined(
                (
                    '"ID" IN ( SELECT "ID" FROM',
                    quoted(entity.name),
                    self._path(entity, conditions, order),
                    *("WHERE", where.sql, _order_by(order)),
                    "LIMIT ? OFFSET ? )",
                )
            ),
            (*where.parameters, -1 if limit is None else limit, max(start, 0)),
            order,
        )
        return Page(rows, total)

    def _path(
        self, entity: Entity, conditions: Sequence[Condition], order: Sequence[Order]
    ) -> str:
        """Which way SQLite should walk a window of changes that is asked by id.

        A narrow window is read by its index and sorted, a wide one by id: SQLite
        itself does not know how many rows a window holds.
        """
        if any(one.field != "ID" for one in order) or entity.modified is None:
            return ""
        window = [
            one
            for one in conditions
            if one.field == entity.modified and one.operator in {">", ">=", "<", "<="}
        ]
        lookups = {"ID", *entity.indexed}
        if not window or any(
            one.field in lookups and one.operator in {"=", "in"} for one in conditions
        ):
            return ""
        index = quoted("_".join((entity.name, entity.modified)))
        found = self._connection().execute(
            joined(
                (
                    "SELECT count(*) FROM ( SELECT 1 FROM",
                    *(quoted(entity.name), "INDEXED BY", index, "WHERE"),
                    " AND ".join(one.sql for one in window),
                    "LIMIT ? )",
                )
            ),
            (*(value for one in window for value in one.parameters), _NARROW_WINDOW),
        )
        narrow = found.fetchone()[0] < _NARROW_WINDOW
        return "INDEXED BY " + index if narrow else "NOT INDEXED"

    def _total(
        self,
        entity: Entity,
        conditions: Sequence[Condition],
        hidden: frozenset[int],
    ) -> int:
        where = _where(conditions, hidden)
        key = (self.version, entity.name, where.sql, where.parameters)
        with self._lock:
            if key in self._totals:
                return self._totals[key]
        counted = self._connection().execute(
            joined(("SELECT count(*) FROM", quoted(entity.name), "WHERE", where.sql)),
            where.parameters,
        )
        total = int(counted.fetchone()[0])
        if not getattr(self._local, "depth", 0):
            with self._lock:
                self._totals[key] = total
                while len(self._totals) > _REMEMBERED_TOTALS:
                    self._totals.popitem(last=False)
        return total

    def _read(
        self,
        entity: Entity,
        form: Form,
        where: str,
        parameters: Sequence[Stored],
        order: Sequence[Order],
    ) -> WrittenRows:
        found = self._connection().execute(
            joined(
                (
                    *("SELECT", form.sql, "FROM", quoted(entity.name)),
                    *("WHERE", where, _order_by(order)),
                )
            ),
            parameters,
        )
        return WrittenRows(form.written(found))

    def _stored(self, entity: Entity, row_id: int) -> dict[str, Stored] | None:
        columns = ", ".join(quoted(field.name) for field in entity.fields)
        found = self._connection().execute(
            joined(("SELECT", columns, "FROM", quoted(entity.name), 'WHERE "ID" = ?')),
            (row_id,),
        )
        row = found.fetchone()
        if row is None:
            return None
        return dict(zip((field.name for field in entity.fields), row, strict=True))

    # People's actions

    def create(self, entity: str, fields: Mapping[str, object]) -> int:
        """Add a row as a person would; a deal or a lead gets its first history row.

        Args:
            entity: Where to.
            fields: By the names of the old methods. Moments of creation and change
                are the portal's now unless given.

        Returns:
            The id of the new row.

        Raises:
            NotStoredError: the entity has no such field.
            ValueError: a value cannot be read.
        """
        known = self.entity(entity)
        with self.transaction():
            row = self._converted(known, fields)
            now = moment(self.now())
            for name in (known.created, known.modified):
                if name and row.get(name) is None:
                    row[name] = now
            self._derive(known, row, before=None)
            _fill(known, row)
            row_id = self._insert(known, row)
            if entity in _HISTORIES:
                when = row[known.created] if known.created else now
                self._write_history(known, row_id, row, CREATED, when)
        return row_id

    def update(self, entity: str, row_id: int, fields: Mapping[str, object]) -> None:
        """Change a row as a person would: its modification time moves.

        A new stage is written to the stage history, a new funnel too.

        Raises:
            NotStoredError: there is no such row or field.
            ValueError: a value cannot be read.
        """
        known = self.entity(entity)
        with self.transaction():
            before = self._stored(known, row_id)
            if before is None:
                raise NotStoredError(f"{entity} {row_id} is not there")
            changes = self._converted(known, fields)
            changes.pop("ID", None)
            if known.modified and changes.get(known.modified) is None:
                changes[known.modified] = moment(self.now())
            self._derive(known, changes, before=before)
            self._assign(known, row_id, changes)
            if entity in _HISTORIES:
                after = before | changes
                step = self._step(known, before, after)
                if step:
                    when = after[known.modified] if known.modified else None
                    self._write_history(known, row_id, after, step, when)

    def delete(self, entity: str, row_id: int) -> None:
        """Move a row to the recycle bin: it is not answered any more.

        Raises:
            NotStoredError: there is no such row.
        """
        self._move(self.entity(entity), row_id, entity, entity + "_bin")

    def restore(self, entity: str, row_id: int) -> None:
        """Take a row out of the recycle bin, as it was, with its id.

        Raises:
            NotStoredError: the recycle bin does not have it.
        """
        self._move(self.entity(entity), row_id, entity + "_bin", entity)

    def _move(self, entity: Entity, row_id: int, source: str, target: str) -> None:
        columns = ", ".join(quoted(field.name) for field in entity.fields)
        with self.transaction():
            moved = self._connection().execute(
                joined(
                    (
                        *("INSERT OR REPLACE INTO", quoted(target), "(", columns, ")"),
                        *("SELECT", columns, "FROM", quoted(source), 'WHERE "ID" = ?'),
                    )
                ),
                (row_id,),
            )
            if not moved.rowcount:
                raise NotStoredError(f"{source} {row_id} is not there")
            self._connection().execute(
                joined(("DELETE FROM", quoted(source), 'WHERE "ID" = ?')), (row_id,)
            )

    def _converted(
        self, entity: Entity, fields: Mapping[str, object]
    ) -> dict[str, Stored]:
        converted = {}
        for name, value in fields.items():
            field = entity.by_name.get(name)
            if field is None:
                raise NotStoredError(f"{entity.name} has no field {name}")
            stored = (
                self._multifield(field, value)
                if field.kind is Kind.MULTIFIELD
                else to_stored(field, value)
            )
            converted[name] = field.default if stored is None else stored
        return converted

    def _derive(
        self,
        entity: Entity,
        row: dict[str, Stored],
        *,
        before: Mapping[str, Stored] | None,
    ) -> None:
        """Fill what the portal itself computes from what a person said."""
        for name, flag in (("PHONE", "HAS_PHONE"), ("EMAIL", "HAS_EMAIL")):
            if name in row and flag in entity.by_name:
                row[flag] = "N" if row[name] is None else "Y"
        if entity.name == "activity" and "STATUS" not in row and "COMPLETED" in row:
            row["STATUS"] = 2 if row["COMPLETED"] == "Y" else 1
        if entity.name == "productrow":
            _complete_prices(row)
        self._follow_stage(row, before)
        if entity.name not in _HISTORIES:
            return
        history = _HISTORIES[entity.name]
        if entity.name == "deal":
            self._follow_funnel(row, before)
        if history.stage not in row and before is not None:
            return
        stage = row.setdefault(history.stage, "NEW")
        semantics = self._semantics(entity.name, row, before)
        row.setdefault(history.semantic, semantics)
        moved = before is None or before[history.stage] != stage
        if entity.name == "deal":
            row.setdefault("CLOSED", "N" if row[history.semantic] == "P" else "Y")
            row.setdefault("IS_NEW", "Y" if str(stage).endswith("NEW") else "N")
            if row["CLOSED"] == "Y" and moved and before is not None:
                row.setdefault("CLOSEDATE", _date_of(row.get("DATE_MODIFY")))
        elif row[history.semantic] != "P" and moved:
            row.setdefault("DATE_CLOSED", row.get("DATE_MODIFY"))
        if moved and before is not None:
            row.setdefault("MOVED_TIME", row.get("DATE_MODIFY"))
            row.setdefault("MOVED_BY_ID", row.get("MODIFY_BY_ID"))
            if row["MOVED_BY_ID"] is None:
                row["MOVED_BY_ID"] = before["ASSIGNED_BY_ID"]

    def _follow_stage(
        self, row: dict[str, Stored], before: Mapping[str, Stored] | None
    ) -> None:
        """An element of an invoice or a smart process remembers its last stage."""
        if before is None or "PREVIOUS_STAGE_ID" not in before:
            return
        if row.get("STAGE_ID", before["STAGE_ID"]) != before["STAGE_ID"]:
            row.setdefault("PREVIOUS_STAGE_ID", before["STAGE_ID"])
            row.setdefault("MOVED_TIME", row.get("UPDATED_TIME"))

    def _follow_funnel(
        self, row: dict[str, Stored], before: Mapping[str, Stored] | None
    ) -> None:
        """A deal in another funnel without a said stage stands on its first one."""
        changed = "CATEGORY_ID" in row and (
            before is None or before["CATEGORY_ID"] != row["CATEGORY_ID"]
        )
        if changed and "STAGE_ID" not in row:
            category = row["CATEGORY_ID"]
            row["STAGE_ID"] = f"C{category}:NEW" if category else "NEW"

    def _semantics(
        self,
        entity: str,
        row: Mapping[str, Stored],
        before: Mapping[str, Stored] | None,
    ) -> str:
        history = _HISTORIES[entity]
        category = row.get("CATEGORY_ID", before.get("CATEGORY_ID") if before else 0)
        dictionary = "STATUS"
        if entity == "deal":
            dictionary = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        found = self._connection().execute(
            'SELECT "SEMANTICS" FROM status WHERE "ENTITY_ID" = ? AND "STATUS_ID" = ?',
            (dictionary, row[history.stage]),
        )
        kept = found.fetchone()
        return str(kept[0]) if kept and kept[0] else "P"

    def _step(
        self,
        entity: Entity,
        before: Mapping[str, Stored],
        after: Mapping[str, Stored],
    ) -> int | None:
        history = _HISTORIES[entity.name]
        if entity.name == "deal" and before["CATEGORY_ID"] != after["CATEGORY_ID"]:
            return FUNNEL_CHANGED
        if before[history.stage] == after[history.stage]:
            return None
        return MOVED if after[history.semantic] == "P" else FINISHED

    def _write_history(
        self,
        entity: Entity,
        row_id: int,
        row: Mapping[str, Stored],
        step: int,
        when: Stored,
    ) -> None:
        history = _HISTORIES[entity.name]
        written: dict[str, Stored] = {
            "TYPE_ID": step,
            "OWNER_ID": row_id,
            "CREATED_TIME": when,
            history.semantic: row[history.semantic],
            history.stage: row[history.stage],
        }
        if entity.name == "deal":
            written["CATEGORY_ID"] = row["CATEGORY_ID"]
        self._insert(ENTITIES[history.table], written)

    def _insert(self, entity: Entity, row: Mapping[str, Stored]) -> int:
        names = ", ".join(quoted(name) for name in row)
        inserted = self._connection().execute(
            joined(
                (
                    *("INSERT INTO", quoted(entity.name), "(", names, ") VALUES ("),
                    *(", ".join("?" for _ in row), ")"),
                )
            ),
            tuple(row.values()),
        )
        return int(inserted.lastrowid or 0)

    def _assign(
        self, entity: Entity, row_id: int, changes: Mapping[str, Stored]
    ) -> None:
        if not changes:
            return
        assignments = ", ".join(joined((quoted(name), "= ?")) for name in changes)
        self._connection().execute(
            joined(
                ("UPDATE", quoted(entity.name), "SET", assignments, 'WHERE "ID" = ?')
            ),
            (*changes.values(), row_id),
        )

    # Phones and e-mails

    def _multifield(self, field: Field, value: object) -> Stored:
        """Phones or e-mails as kept; accepts a text, texts or the API's objects."""
        if is_empty(value) or value is False:
            return None
        if isinstance(value, str):
            value = orjson.loads(value) if value.startswith("[") else [value]
        given = list(value.values()) if isinstance(value, Mapping) else value
        if not isinstance(given, Sequence):
            raise ValueError(  # noqa: TRY004 -- what a person sent, not a type of ours
                f"{field.name}: expected a list, not {value!r}"
            )
        made = []
        for one in given:
            point = one if isinstance(one, Mapping) else {"VALUE": one}
            if is_empty(point.get("VALUE")):
                continue
            made.append(
                {
                    "ID": str(point.get("ID") or self._next_multifield()),
                    "VALUE_TYPE": str(point.get("VALUE_TYPE") or "WORK"),
                    "VALUE": str(point["VALUE"]),
                    "TYPE_ID": field.name,
                }
            )
        return orjson.dumps(made).decode() if made else None

    def _next_multifield(self) -> int:
        given = self._connection().execute(
            "UPDATE portal SET value = value + 1 WHERE name = 'multifield'"
            " RETURNING value"
        )
        return int(given.fetchone()[0])

    # Loading by columns

    def bulk_insert(
        self,
        entity: str,
        columns: Mapping[str, Column],
        *,
        upsert: bool = False,
    ) -> int:
        """Load many rows by columns, in one transaction; no history is written.

        Columns left out take the defaults of the portal. ``STAGE_SEMANTIC_ID``,
        ``CLOSED`` and ``HAS_PHONE`` are computed when left out, so load ``status``
        before deals.

        Args:
            entity: Where to.
            columns: By the names of the old methods: lists, NumPy arrays, pandas
                columns or values as they are kept, of one length. ``ID`` may be left
                out.
            upsert: Rows whose id is there are changed: the given columns only, and
                what the portal computes from them.

        Returns:
            How many rows were written.

        Raises:
            NotStoredError: the entity has no such field.
            ValueError: the columns differ in length, or a value cannot be read.
        """
        known = self.entity(entity)
        for name in columns:
            if name not in known.by_name:
                raise NotStoredError(f"{known.name} has no field {name}")
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"{entity}: the columns differ in length: {lengths}")
        length = lengths.pop() if lengths else 0
        if not length:
            return 0
        with self.transaction():
            rebuild = (
                length >= _REBUILD_INDEXES_FROM
                and not getattr(self._local, "filling", False)
                and not self._any(known)
            )
            if rebuild:
                self._drop_indexes(known)
            for start in range(0, length, _CHUNK):
                chunk = {
                    name: self._loaded(
                        known.by_name[name], _cut(column, start, start + _CHUNK)
                    )
                    for name, column in columns.items()
                }
                self._derive_columns(known, chunk)
                changing = tuple(chunk) if upsert else ()
                self._copy_columns(known, chunk)
                self._insert_columns(known, chunk, changing)
            if rebuild:
                self._create_indexes(known)
        return length

    def _any_row(self) -> bool:
        return any(self._any(entity) for entity in ENTITIES.values())

    def _any(self, entity: Entity) -> bool:
        found = self._connection().execute(
            joined(("SELECT 1 FROM", quoted(entity.name), "LIMIT 1"))
        )
        return found.fetchone() is not None

    def _loaded(self, field: Field, column: Column) -> list[Stored]:
        if isinstance(column, Kept):
            values = list(column.values)
        elif field.kind is Kind.MULTIFIELD:
            return [self._multifield(field, value) for value in column]
        else:
            values = column_values(field, column)
        if field.default is not None and None in values:
            values = [field.default if one is None else one for one in values]
        return values

    def _derive_columns(self, entity: Entity, chunk: dict[str, list[Stored]]) -> None:
        """Compute the columns the portal itself keeps."""
        for name, flag in (("PHONE", "HAS_PHONE"), ("EMAIL", "HAS_EMAIL")):
            if name in chunk and flag in entity.by_name and flag not in chunk:
                chunk[flag] = ["N" if one is None else "Y" for one in chunk[name]]
        if entity.name == "productrow":
            _complete_price_columns(chunk)
        history = _HISTORIES.get(entity.name)
        if history and history.stage in chunk and history.semantic not in chunk:
            stages = chunk[history.stage]
            length = len(stages)
            categories = chunk.get("CATEGORY_ID", [0] * length)
            pairs = list(zip(stages, categories, strict=True))
            known = {
                (stage, category): self._semantics(
                    entity.name, {history.stage: stage, "CATEGORY_ID": category}, None
                )
                for stage, category in set(pairs)
            }
            chunk[history.semantic] = [known[pair] for pair in pairs]
        if entity.name == "deal" and "STAGE_SEMANTIC_ID" in chunk:
            chunk.setdefault(
                "CLOSED",
                ["N" if one == "P" else "Y" for one in chunk["STAGE_SEMANTIC_ID"]],
            )

    def _copy_columns(self, entity: Entity, chunk: dict[str, list[Stored]]) -> None:
        """Fill what new rows take from their other fields."""
        length = len(next(iter(chunk.values())))
        for name in (entity.created, entity.modified):
            if name and name not in chunk:
                known = chunk.get(entity.created or name)
                chunk[name] = known or [moment(self.now())] * length
        for field in entity.fields:
            if field.copies in chunk and field.name not in chunk:
                chunk[field.name] = _copied_column(field, chunk[field.copies])

    def _insert_columns(
        self,
        entity: Entity,
        chunk: Mapping[str, list[Stored]],
        changing: Sequence[str],
    ) -> None:
        names = ", ".join(quoted(name) for name in chunk)
        conflict = ""
        if changes := ", ".join(
            joined((quoted(name), "= excluded.", quoted(name)))
            for name in changing
            if name != "ID"
        ):
            conflict = joined(('ON CONFLICT ("ID") DO UPDATE SET', changes))
        self._connection().executemany(
            joined(
                (
                    *("INSERT INTO", quoted(entity.name), "(", names, ") VALUES ("),
                    *(", ".join("?" for _ in chunk), ")", conflict),
                )
            ),
            zip(*chunk.values(), strict=True),
        )


@dataclass(frozen=True)
class _History:
    """Where the moves of an entity are written."""

    table: str
    stage: str
    semantic: str


_HISTORIES: Final = {
    "deal": _History("stagehistory", "STAGE_ID", "STAGE_SEMANTIC_ID"),
    "lead": _History("lead_stagehistory", "STATUS_ID", "STATUS_SEMANTIC_ID"),
}


def _indexed(entity: Entity) -> tuple[str, ...]:
    return (*((entity.modified,) if entity.modified else ()), *entity.indexed)


def _column(field: Field) -> str:
    if field.name == "ID":
        return '"ID" INTEGER PRIMARY KEY AUTOINCREMENT'
    kept = "TEXT"
    if field.kind in INTEGERS and not field.multiple:
        kept = "INTEGER"
    elif field.kind in DOUBLES:
        kept = "REAL"
    if field.default is None:
        return joined((quoted(field.name), kept))
    default = literal(field.default) if isinstance(field.default, str) else None
    return joined((quoted(field.name), kept, "DEFAULT", default or str(field.default)))


def _date_of(when: Stored) -> Stored:
    return None if when is None else parse_date(str(when))


def _complete_prices(row: dict[str, Stored]) -> None:
    """Prices of a product row from the price people pay and the discount."""
    price, discount = row.get("PRICE"), row.get("DISCOUNT_SUM")
    if price is None:
        return
    for name in ("PRICE_ACCOUNT", "PRICE_EXCLUSIVE"):
        row.setdefault(name, price)
    if discount is not None:
        for name in ("PRICE_NETTO", "PRICE_BRUTTO"):
            row.setdefault(name, to_double(price) + to_double(discount))


def _complete_price_columns(chunk: dict[str, list[Stored]]) -> None:
    """The same for whole columns."""
    prices = chunk.get("PRICE")
    if prices is None:
        return
    for name in ("PRICE_ACCOUNT", "PRICE_EXCLUSIVE"):
        chunk.setdefault(name, prices)
    if "DISCOUNT_SUM" in chunk:
        full: list[Stored] = [
            to_double(price) + to_double(discount)
            for price, discount in zip(prices, chunk["DISCOUNT_SUM"], strict=True)
        ]
        for name in ("PRICE_NETTO", "PRICE_BRUTTO"):
            chunk.setdefault(name, full)


def _fill(entity: Entity, row: dict[str, Stored]) -> None:
    """Give a new row its defaults and the values it takes from other fields."""
    for field in entity.fields:
        if row.get(field.name) is None and field.default is not None:
            row[field.name] = field.default
    for field in entity.fields:
        if row.get(field.name) is None and field.copies:
            copied = row.get(field.copies)
            row[field.name] = _copied_column(field, [copied])[0]


def _copied_column(field: Field, column: list[Stored]) -> list[Stored]:
    if field.kind is Kind.DATE:
        kept = {one: to_stored(field, one) for one in set(map(_day_of, column))}
        return [kept[_day_of(one)] for one in column]
    return column


def _day_of(kept: Stored) -> Stored:
    """The day of a moment as kept; the zone of the portal has no other one."""
    return kept[:10] if isinstance(kept, str) else kept


def _cut(column: Column, start: int, end: int) -> Column:
    by_position = getattr(column, "iloc", column)
    cut: Column = by_position[start:end]
    return cut


def _where(conditions: Sequence[Condition], hidden: frozenset[int]) -> Condition:
    parts = [one.sql for one in conditions]
    parameters = [value for one in conditions for value in one.parameters]
    if hidden:
        parts.append('"ID" NOT IN (SELECT value FROM json_each(?))')
        parameters.append(orjson.dumps(sorted(hidden)).decode())
    return Condition(joined(parts, " AND ") if parts else "1", tuple(parameters))


def _order_by(order: Sequence[Order]) -> str:
    keys = [
        joined((quoted(one.field), "DESC" if one.descending else "ASC"))
        for one in order
    ]
    if not any(one.field == "ID" for one in order):
        last = order[-1].descending if order else False
        keys.append('"ID" DESC' if last else '"ID" ASC')
    return "ORDER BY " + ", ".join(keys)
