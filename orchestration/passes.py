"""One pass of the main job: land, core, check, reports, publish.

Every stage leaves the publication as it is; the last one replaces it whole. The
command line and Dagster run the same stages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import psycopg

from ingestion import mapping
from ingestion.mapping import Connection
from orchestration import changes, metrics, transformation
from orchestration.checks import check
from orchestration.locks import pass_lock
from orchestration.publication import publish, published_models
from orchestration.settings import (
    Settings,
    SettingsError,
    code_fingerprint,
    fingerprint,
)
from orchestration.warehouse import Warehouse, provision

logger = logging.getLogger(__name__)

STAGES = ("land", "core", "check", "reports", "publish")
# A change in any of these files may change a number.
MEANING = ("dbt_project", "expectations", "ingestion/sources")

Progress = Callable[[str, float | None], None]


class PassError(Exception):
    """A pass is used in a way that could mix two passes; the text says how not to."""


@dataclass(frozen=True)
class PassRequest:
    """What the caller wants of a pass.

    Attributes:
        sources: Names of connections to land; empty for all.
        sweep: Look for deleted records even where today's sweep is done.
        accept_shrinkage: Let a sweep mark more records than the guard allows.
        as_of: Days to keep at hand as they were known then.
        whole: Write every table anew, whatever changed.
    """

    sources: tuple[str, ...] = ()
    sweep: bool = False
    accept_shrinkage: bool = False
    as_of: tuple[date, ...] = ()
    whole: bool = False


@dataclass
class Pass:
    """A pass under way; it holds the warehouse until it ends.

    Attributes:
        warehouse: Of the home.
        connections: Of the home, validated.
        request: What the caller wants.
        connection: Autocommitting, holds the lock and keeps the record of the pass.
        pass_id: Grows by one with each pass.
        has_killed: Whether passes before it had been killed.
        pass_time: The moment that all its numbers speak of.
        mark: Fingerprint of everything but the rows that decides a number.
        meaning: The same without the day.
        progress: Told each stage when it starts and its seconds when it ends.
        warnings: What landed but deserves a look, by connection.
        whole_because: Why all tables are written anew; None in a pass of changes.
    """

    warehouse: Warehouse
    connections: Sequence[Connection]
    request: PassRequest
    connection: psycopg.Connection
    pass_id: int
    has_killed: bool
    pass_time: datetime
    mark: str
    meaning: str
    progress: Progress
    rows_landed: dict[str, int] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    publication_id: int | None = None
    unchanged: bool = False
    whole_because: str | None = None

    def run(self, stage: str) -> None:
        """Run one stage; nothing is done where nothing can have changed.

        Raises:
            PassError: an earlier stage has not run in this pass.
            Exception: whatever the stage raises; the pass is recorded as failed.
        """
        if self.unchanged:
            return
        # A stage alone would publish working tables of different passes.
        if STAGES.index(stage) != len(self.seconds):
            earlier = ", ".join(STAGES[: STAGES.index(stage)])
            raise PassError(
                f"the stage {stage} needs {earlier} in the same pass: start the whole"
                " job"
            )
        self.progress(stage, None)
        self._record("stage = %s", stage)
        started = time.monotonic()
        try:
            getattr(self, f"_{stage}")()
        except Exception as error:
            self._record(
                "outcome = 'failed', finished_at = now(), error = %s", str(error)
            )
            raise
        self.seconds[stage] = time.monotonic() - started
        self.progress(stage, self.seconds[stage])

    def finish(self) -> None:
        """Record how the pass ended; a pass that never published has failed."""
        if self.publication_id is not None or self.unchanged:
            self._record(
                "outcome = %s, finished_at = now(), fingerprint = %s",
                "unchanged" if self.unchanged else "published",
                self.mark,
            )
        else:
            self._record(
                "outcome = 'failed', finished_at = now(),"
                " error = coalesce(error, 'stopped before publication')"
            )

    def _land(self) -> None:
        from ingestion.landing import land  # noqa: PLC0415 -- dlt takes a second

        url = self.warehouse.url("loader")
        mapping.write_mapping(self.connections, url)
        for connection in self.connections:
            if self.request.sources and connection.name not in self.request.sources:
                continue
            sweep = self.request.sweep or self._sweep_is_due(connection)
            result = land(
                connection,
                database_url=url,
                state_folder=self.warehouse.settings.folder("dlt"),
                sweep=sweep,
                accept_shrink=self.request.accept_shrinkage,
                now=self.pass_time,
            )
            for counts in (result.changed, result.missing, result.returned):
                for table, rows in counts.items():
                    name = f"{connection.name}.{table}"
                    self.rows_landed[name] = self.rows_landed.get(name, 0) + rows
            self.warnings[connection.name] = result.warnings
            self.connection.execute(
                "insert into ops.loads (connection, pass_id, loaded_at)"
                " values (%s, %s, %s)",
                [connection.name, self.pass_id, self.pass_time],
            )
            if sweep:
                self.connection.execute(
                    "insert into ops.sweeps (connection, pass_id) values (%s, %s)",
                    [connection.name, self.pass_id],
                )
        self._leave_out_absent(url)
        self._keep_warnings()
        self._record("rows_landed = %s", sum(self.rows_landed.values()))
        self.unchanged = self._nothing_changed()

    def _leave_out_absent(self, url: str) -> None:
        """What a file names and the system does not have is not given: no error."""
        present: list[Connection] = []
        with psycopg.connect(url) as database:
            for connection in self.connections:
                columns = mapping.landed_columns(database, connection.schema)
                found, absent = mapping.without_absent(connection, columns)
                present.append(found)
                self.warnings[connection.name] = (
                    *self.warnings.get(connection.name, ()),
                    *absent,
                    *mapping.unmapped_stages(database, connection),
                )
        self.connections = present
        mapping.write_mapping(self.connections, url)

    def _keep_warnings(self) -> None:
        for connection, warnings in self.warnings.items():
            for line, warning in enumerate(warnings, start=1):
                self.connection.execute(
                    "insert into ops.warnings (connection, pass_id, line, warning)"
                    " values (%s, %s, %s, %s)",
                    [connection, self.pass_id, line, warning],
                )

    def _core(self) -> None:
        # A broken block stops here, before a table is built from it.
        metrics.check_blocks(self.warehouse, self.variables)
        self._find_changes()
        self._build(transformation.CORE)

    def _check(self) -> None:
        self.findings = check(
            self.warehouse,
            run_id=self.pass_id,
            whole=self.whole_because is not None,
        )

    def _reports(self) -> None:
        metrics.prove(self.warehouse, ["dbt_core"])
        self._build(transformation.REPORTS)

    def _publish(self) -> None:
        metrics.prove(self.warehouse, ["dbt_core", "dbt_reports"])
        models = published_models(transformation.manifest_file(self.warehouse))
        done = publish(
            self.warehouse,
            models,
            pass_id=self.pass_id,
            whole=self.whole_because is not None,
        )
        self.publication_id = done.publication_id

    def _find_changes(self) -> None:
        """Decide what has to be brought up to date, and tell the models."""
        base = changes.last_publication(self.connection, self.pass_id)
        schemas = {one.schema: one.name for one in self.connections}
        sources = changes.read_sources(
            transformation.manifest_file(self.warehouse), schemas
        )
        self.whole_because = (
            "asked for"
            if self.request.whole
            else changes.reason_for_whole(
                self.connection,
                base,
                meaning=self.meaning,
                pass_time=self.pass_time,
                timezone=self.connections[0].timezone,
                sources=sources,
            )
        )
        self._record(
            "meaning = %s, is_whole = %s", self.meaning, self.whole_because is not None
        )
        changes.note_day(self.connection, base, self.connections[0].timezone)
        if base is None or self.whole_because:
            changes.begin_anew(self.connection)
            logger.info("all tables anew", extra={"because": self.whole_because})
        else:
            changes.remember_landed(self.connection, sources, schemas, base.pass_time)

    def _build(self, selection: Sequence[str]) -> None:
        transformation.build(
            self.warehouse,
            selection,
            self.variables,
            whole=self.whole_because is not None,
        )

    @property
    def variables(self) -> dict[str, object]:
        """What dbt is told of the connections."""
        return dict(mapping.dbt_vars(self.connections))

    def _sweep_is_due(self, connection: Connection) -> bool:
        """A sweep is due once a day of the firm's calendar."""
        row = self.connection.execute(
            "select max(passes.pass_time) from ops.sweeps"
            " join ops.passes using (pass_id) where sweeps.connection = %s"
            " and passes.outcome in ('published', 'unchanged')",
            [connection.name],
        ).fetchone()
        zone = ZoneInfo(connection.timezone)
        return (
            row is None
            or row[0] is None
            or row[0].astimezone(zone).date() < self.pass_time.astimezone(zone).date()
        )

    def _nothing_changed(self) -> bool:
        """Whether the last publication already says what this pass would say."""
        if self.request.whole or any(self.rows_landed.values()):
            return False
        rows = self.connection.execute(
            "select outcome, fingerprint, rows_landed from ops.passes"
            " where pass_id < %s order by pass_id desc limit 100",
            [self.pass_id],
        ).fetchall()
        for outcome, mark, landed in rows:
            if outcome == "published":
                return bool(mark == self.mark)
            # A pass that broke off may have left rows that nobody published.
            if outcome != "unchanged" or landed:
                return False
        return False

    def _record(self, assignment: str, *values: object) -> None:
        self.connection.execute(
            f"update ops.passes set {assignment} where pass_id = %s",  # noqa: S608 -- ours
            [*values, self.pass_id],
        )


@contextmanager
def open_pass(
    warehouse: Warehouse,
    request: PassRequest = PassRequest(),
    progress: Progress = lambda _stage, _seconds: None,
) -> Iterator[Pass]:
    """Take the warehouse for one pass and give it back at the end.

    Raises:
        MappingError: a connection file is wrong.
        PassIsRunningError: another pass holds the warehouse.
    """
    connections = home_connections(warehouse.settings)
    unknown = set(request.sources) - {connection.name for connection in connections}
    if unknown:
        raise SettingsError(
            f"no connection named {', '.join(sorted(unknown))} in this home; "
            f"known: {', '.join(connection.name for connection in connections)}"
        )
    provision(
        warehouse,
        [user.username for connection in connections for user in connection.access],
    )
    with pass_lock(warehouse) as connection:
        moment = pass_time(warehouse.settings)
        zone = ZoneInfo(connections[0].timezone)
        _check_as_of(connection, request.as_of, moment, zone)
        pass_id, has_killed = _begin(connection, moment)
        _keep_as_of(connection, request.as_of, pass_id)
        meaning = _meaning(connection, connections)
        running = Pass(
            warehouse=warehouse,
            connections=connections,
            request=request,
            connection=connection,
            pass_id=pass_id,
            has_killed=has_killed,
            pass_time=moment,
            mark=_mark(connection, connections, meaning, moment),
            meaning=meaning,
            progress=progress,
        )
        try:
            yield running
        finally:
            running.finish()


def run_pass(
    warehouse: Warehouse,
    request: PassRequest = PassRequest(),
    progress: Progress = lambda _stage, _seconds: None,
) -> Pass:
    """Run every stage of one pass."""
    with open_pass(warehouse, request, progress) as running:
        for stage in STAGES:
            running.run(stage)
    return running


def home_connections(settings: Settings) -> list[Connection]:
    """The connections a home names in REESTR_CONNECTIONS, validated."""
    names = settings.require("REESTR_CONNECTIONS").split(",")
    return list(
        mapping.load_connections([name.strip() for name in names], settings.values())
    )


def pass_time(settings: Settings) -> datetime:
    """Now; the demo agency lives at a moment of its own (REESTR_PASS_TIME)."""
    given = settings.get("REESTR_PASS_TIME")
    if not given:
        return datetime.now(tz=UTC)
    moment = datetime.fromisoformat(given)
    if moment.tzinfo is None:
        raise SettingsError(f"REESTR_PASS_TIME {given!r} has no time zone: add +03:00")
    return moment


def _begin(connection: psycopg.Connection, moment: datetime) -> tuple[int, bool]:
    """Record a new pass, close killed ones and set the clock that every model reads."""
    # The lock is ours: what still says "running" was killed.
    killed = connection.execute(
        "update ops.passes set outcome = 'failed', finished_at = now(),"
        " error = 'the process was killed' where outcome = 'running'"
    )
    connection.execute(
        "insert into ops.clock (pass_time) values (%s)"
        " on conflict (only_row) do update set pass_time = excluded.pass_time",
        [moment],
    )
    row = connection.execute(
        "insert into ops.passes (pass_time) values (%s) returning pass_id", [moment]
    ).fetchone()
    assert row is not None  # noqa: S101 -- an insert that returns gives its row
    return int(row[0]), killed.rowcount > 0


def _check_as_of(
    connection: psycopg.Connection,
    days: Sequence[date],
    moment: datetime,
    zone: ZoneInfo,
) -> None:
    """Refuse days of which nothing can be known.

    Raises:
        SettingsError: a day before the first load, or after today.
    """
    if not days:
        return
    row = connection.execute(
        "select min(loads.loaded_at) from ops.loads join ops.passes using (pass_id)"
        " where passes.outcome in ('published', 'unchanged')"
    ).fetchone()
    if row is None or row[0] is None:
        raise SettingsError(
            f"--as-of {days[0]}: nothing has been loaded yet, so nothing was known;"
            " call ./reestr run first"
        )
    first, today = (each.astimezone(zone).date() for each in (row[0], moment))
    for day in days:
        if not first <= day <= today:
            raise SettingsError(
                f"--as-of {day}: name a day from {first}, the first load, to {today};"
                " of other days nothing was known"
            )


def _keep_as_of(
    connection: psycopg.Connection, days: Sequence[date], pass_id: int
) -> None:
    for day in days:
        connection.execute(
            "insert into ops.as_of_dates (as_of_date, pass_id) values (%s, %s)"
            " on conflict do nothing",
            [day, pass_id],
        )


def _meaning(connection: psycopg.Connection, connections: Sequence[Connection]) -> str:
    decided = connection.execute("select max(batch_id) from decisions.batches")
    return fingerprint(
        mapping.fingerprint(connections),
        code_fingerprint(*MEANING),
        str(decided.fetchone()),
    )


def _mark(
    connection: psycopg.Connection,
    connections: Sequence[Connection],
    meaning: str,
    moment: datetime,
) -> str:
    asked = connection.execute("select array_agg(as_of_date) from ops.as_of_dates")
    day = moment.astimezone(ZoneInfo(connections[0].timezone)).date()
    return fingerprint(meaning, str(asked.fetchone()), day.isoformat())
