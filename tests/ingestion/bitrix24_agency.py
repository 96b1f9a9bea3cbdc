"""A portal with a clock of its own, and the warehouse its rows land in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import requests
from psycopg import sql

from ingestion.demo.portal.store import PortalStore
from ingestion.http import Clock, JsonValue, RetryPolicy
from ingestion.landing import LandingResult, land
from ingestion.mapping import Connection, column_name
from ingestion.sources.bitrix24.settings import TABLES, Table
from tests.portal_server import RunningPortal, running_portal

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
WEBHOOK = "1/s3cretw3bhook"
SECRET = "s3cretw3bhook"
ENTITIES = {
    "deals": "deal",
    "contacts": "contact",
    "leads": "lead",
    "activities": "activity",
    "stage_history": "stagehistory",
    "users": "user",
    "departments": "department",
    "statuses": "status",
}
TABLE = {table.name: table for table in TABLES}


@dataclass
class Waiting:
    """A clock that waits at once and remembers how long it would have."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep)


@dataclass
class Agency:
    """A running portal and the raw schema of one connection."""

    store: PortalStore
    portal: RunningPortal
    database_url: str
    folder: Path
    name: str
    now: datetime = START
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def connection(self) -> Connection:
        return Connection(
            name=self.name,
            source="bitrix24",
            title="Agency",
            timezone="Europe/Moscow",
            reporting_currency="RUB",
            path=Path("agency.yaml"),
            url=f"{self.portal.webhook_url}/",
        )

    def later(self, **step: float) -> None:
        """Let time pass in the portal."""
        self.now += timedelta(**step)

    def land(
        self, *, sweep: bool = False, accept_shrink: bool = False
    ) -> LandingResult:
        return land(
            self.connection,
            database_url=self.database_url,
            state_folder=self.folder / "state",
            now=self.now,
            sweep=sweep,
            accept_shrink=accept_shrink,
            policy=RetryPolicy(answer_seconds=0.5),
            clock=self.waiting.clock,
        )

    def call(self, method: str, **parameters: JsonValue) -> JsonValue:
        """Call a method of the portal as a person's browser would."""
        answer = requests.post(
            f"{self.portal.webhook_url}/{method}", json=parameters, timeout=30
        )
        answer.raise_for_status()
        result: JsonValue = answer.json()["result"]
        return result

    def add(self, entity: str, fields: Mapping[str, JsonValue]) -> int:
        return int(str(self.call(f"crm.{entity}.add", fields=dict(fields))))

    def change(self, entity: str, row: int, fields: Mapping[str, JsonValue]) -> None:
        self.call(f"crm.{entity}.update", id=row, fields=dict(fields))

    def remove(self, entity: str, row: int) -> None:
        self.call(f"crm.{entity}.delete", id=row)

    def query(self, text: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of the warehouse; ``{raw}`` is the raw schema."""
        with psycopg.connect(self.database_url) as database:
            statement = sql.SQL(text).format(raw=sql.Identifier(self.name_of_schema))
            return list(database.execute(statement, parameters).fetchall())

    @property
    def name_of_schema(self) -> str:
        return f"raw_{self.name}"

    def raw(
        self, table: Table, *, with_deleted: bool = False
    ) -> dict[str, dict[str, object]]:
        """Rows of a raw table by key, without bookkeeping and empty columns."""
        with psycopg.connect(self.database_url) as database:
            cursor = database.execute(
                sql.SQL("select * from {}").format(
                    sql.Identifier(self.name_of_schema, table.name)
                )
            )
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
            gone = {
                str(row[0])
                for row in database.execute(
                    sql.SQL(
                        "select id from {} where entity = %s and returned_at is null"
                    ).format(sql.Identifier(self.name_of_schema, "deletions")),
                    (table.name,),
                )
            }
        keys = [column_name(name) for name in table.key]
        found = {
            "/".join(str(row[key]) for key in keys): {
                name: value
                for name, value in row.items()
                if value is not None and not name.startswith("_")
            }
            for row in rows
        }
        assert len(found) == len(rows)
        return {
            key: row for key, row in found.items() if with_deleted or key not in gone
        }

    def stored(self, table: Table) -> dict[str, dict[str, object]]:
        """What the portal's own store holds of a table, as raw should show it."""
        entity = ENTITIES[table.name]
        found: dict[str, dict[str, object]] = {}
        for row in self.store.rows(entity):
            key = "/".join(str(row[name]) for name in table.key)
            chosen = set(table.fields) | {
                name for name in row if name.startswith("UF_")
            }
            found[key] = {
                column_name(name): _as_raw(name, value)
                for name, value in row.items()
                if name in chosen and value is not None
            }
        return found

    def assert_equal(self, *tables: Table) -> None:
        """Raw rows that are not marked as deleted equal the store."""
        for table in tables:
            assert self.raw(table) == self.stored(table), table.name


@contextmanager
def running_agency(
    folder: Path, database_url: str, name: str = "agency"
) -> Iterator[Agency]:
    """A portal with the dictionaries every portal has, and nothing else."""
    clock: list[Agency] = []
    store = PortalStore(
        folder / "portal.sqlite", clock=lambda: clock[0].now if clock else START
    )
    with store, running_portal(store, webhook=WEBHOOK) as portal:
        agency = Agency(store, portal, database_url, folder, name)
        clock.append(agency)
        store.create("department", {"NAME": "Agency"})
        store.create("user", {"NAME": "Анна", "UF_DEPARTMENT": [1]})
        store.create("category", {"NAME": "Sales"})
        for number, stage in enumerate(("NEW", "ADVANCE", "WON")):
            fields = {"ENTITY_ID": "DEAL_STAGE", "STATUS_ID": stage, "SORT": number}
            store.create("status", fields)
        yield agency


def _as_raw(field: str, value: object) -> object:
    # An empty multiple field is false; a flag is a text like everything else.
    if isinstance(value, bool):
        return value if field.startswith("UF_") else str(value).lower()
    return str(value) if isinstance(value, int | float) else value
