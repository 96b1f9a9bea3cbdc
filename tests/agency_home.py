"""A warehouse of the demo agency: its life, its portal over HTTP, its passes."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import psycopg
from psycopg import IsolationLevel, sql

from ingestion.demo.agency import life, model, portal_feed
from ingestion.demo.agency.ground_truth import write_ground_truth
from ingestion.demo.portal.store import PortalStore
from orchestration.passes import Pass, PassRequest, run_pass
from orchestration.serving import provision_home
from orchestration.settings import REPOSITORY, Settings, load_settings
from orchestration.warehouse import Warehouse, open_warehouse
from tests.portal_server import RunningPortal, running_portal
from tests.what_dbt_said import what_dbt_said

TODAY = date(2025, 9, 17)
CONNECTION = "demo_agency"
PUBLISHED_SCHEMAS = ("reports", "quality", "access")


@dataclass
class AgencyHome:
    """One firm: what happens in it, what its CRM shows and what was published.

    Attributes:
        agency: The simulated life.
        store: Rows of the portal.
        portal: The portal that answers.
        settings: Of the home.
        moment: Up to when the agency has lived.
        looked_at: When passes of this process looked at the portal.
    """

    agency: model.Agency
    store: PortalStore
    portal: RunningPortal
    settings: Settings
    moment: datetime
    looked_at: list[datetime] = field(default_factory=list)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse as of the agency's moment."""
        return open_warehouse(
            Settings(
                self.settings.home,
                {
                    **self.settings.environment,
                    "REESTR_PASS_TIME": self.moment.isoformat(),
                },
            )
        )

    def live(self, days: int) -> None:
        """Let the agency live on, in its portal."""
        later = self.moment + timedelta(days=days)
        portal_feed.advance(self.store, self.agency, self.moment, later)
        self.moment = later

    def run_pass(
        self,
        request: PassRequest = PassRequest(),  # noqa: B008 -- frozen
        stages: list[str] | None = None,
    ) -> Pass:
        """Run a pass in this process; the names of its stages are collected."""

        def progress(stage: str, seconds: float | None) -> None:
            if stages is not None and seconds is None:
                stages.append(stage)

        self.looked_at.append(self.moment)
        return run_pass(self.warehouse, request, progress)

    def environment(self) -> dict[str, str]:
        """Environment of a process that works on this home."""
        kept = ("PATH", "LANG", "TZ", "TMPDIR", "HOME", "USER")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **self.warehouse.settings.environment,
            "REESTR_HOME": str(self.settings.home),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUTF8": "1",
        }

    def command(self, *words: str) -> list[str]:
        """Call of a verb as ``./reestr`` makes it."""
        home = str(self.settings.home)
        return [sys.executable, "-m", "orchestration", "--home", home, *words]

    def truth(self, folder: Path) -> GroundTruth:
        """What is true of the agency now, in files of a folder."""
        write_ground_truth(self.agency, self.moment, folder, self.looked_at)
        return GroundTruth(folder)

    def rows(
        self, query: str, parameters: Sequence[object] = (), login: str = "transformer"
    ) -> list[tuple[object, ...]]:
        """Ask the warehouse; the transformer owns every table and sees every row."""
        with self.warehouse.connect(login) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def frame(
        self, query: str, parameters: Sequence[object] = (), login: str = "transformer"
    ) -> pd.DataFrame:
        """Ask the warehouse for a table; numbers stay exact."""
        with self.warehouse.connect(login) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            names = [column.name for column in cursor.description or ()]
            return pd.DataFrame(cursor.fetchall(), columns=names, dtype=object)


@dataclass(frozen=True)
class GroundTruth:
    """The simulator's own answers, as text."""

    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """One file: ``defects``, ``kpi_month_employee`` or ``totals``."""
        return pd.read_csv(
            self.folder / f"{name}.csv", dtype=str, keep_default_na=False
        )

    def totals(self) -> dict[str, str]:
        """Named totals."""
        table = self.table("totals")
        return dict(zip(table["name"], table["value"], strict=True))


@contextmanager
def living_agency(
    folder: Path, environment: Mapping[str, str], *, deals: int, seed: int
) -> Iterator[AgencyHome]:
    """A simulated agency with a provisioned warehouse; nothing has landed yet.

    Args:
        folder: Of the portal and of the home.
        environment: Settings from outside, the database's address for one.
        deals: Size of the agency.
        seed: Of its life.
    """
    agency = life.simulate(seed=seed, deals=deals, first_today=TODAY)
    moment = model.end_of_day(TODAY)
    with PortalStore(folder / "portal.sqlite") as store:
        portal_feed.fill(store, agency, moment)
        with running_portal(store) as portal:
            settings = load_settings(
                folder / "home",
                {
                    "REESTR_CONNECTIONS": CONNECTION,
                    "REESTR_DEMO_AGENCY_URL": f"{portal.webhook_url}/",
                    **environment,
                },
            )
            home = AgencyHome(agency, store, portal, settings, moment)
            provision_home(home.warehouse)
            with what_dbt_said(settings.home):
                yield home


@dataclass(frozen=True)
class Shown:
    """What readers see at one moment: a hash of every published table."""

    publication_id: int | None
    tables: Mapping[str, str]


def published_tables(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Tables that the publication keeps, in order."""
    rows = connection.execute(
        "select schemaname, tablename from pg_tables"
        " where schemaname = any(%s) and tablename <> 'publications' order by 1, 2",
        [list(PUBLISHED_SCHEMAS)],
    ).fetchall()
    return [(str(schema), str(table)) for schema, table in rows]


def shown(connection: psycopg.Connection) -> Shown:
    """Hash every published table; in one snapshot when the connection has one."""
    publication = connection.execute(
        "select max(publication_id) from reports.publications"
    ).fetchone()
    return Shown(
        publication_id=publication[0] if publication else None,
        tables={
            f"{schema}.{table}": _hash(connection, schema, table)
            for schema, table in published_tables(connection)
        },
    )


def shown_at_once(warehouse: Warehouse, login: str = "transformer") -> Shown:
    """What one snapshot shows."""
    with warehouse.connect(login) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        return shown(connection)


def _hash(connection: psycopg.Connection, schema: str, table: str) -> str:
    digest = hashlib.sha256()
    rows = connection.execute(
        sql.SQL("select row_to_json(it)::text as line from {} as it order by 1").format(
            sql.Identifier(schema, table)
        )
    )
    for (line,) in rows:
        digest.update(str(line).encode())
    return digest.hexdigest()
