"""The verb ``bench``: seconds and memory of a pass, stage by stage, against baselines.

Absolute seconds say little about another machine. Each stage therefore stands beside
the least work that could give its result, measured in the same run: landing beside a
COPY of the same rows, transformations and publication beside writing their tables
once, checks beside one statement with the same conditions.

Simulating and landing take longer than what is looked at: a folder given for it keeps
the landed home of each size, and the next run starts from there. The simulated agency
lives in a process of its own, so that the memory of a pass is the pass's.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from ingestion.demo.agency import life, model, portal_feed
from ingestion.demo.portal.store import PortalStore
from orchestration import processes, serving
from orchestration.demo import CONNECTION
from orchestration.passes import STAGES, PassRequest, open_pass, run_pass
from orchestration.postgres import embedded_server
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse, open_warehouse, provision

Say = Callable[[str], None]

# A fixed day and seed: the same agency at every run.
TODAY = date(2026, 11, 20)
SEED = 7
# Deals that change between two passes of a day, as far as the day has as many.
CHANGED_DEALS = 1000
# The database of a kept home as it was landed.
LANDED = "landed"
SAMPLE_SECONDS = 0.5

ONE_STATEMENT_CHECK = """
    select deal_key
    from dbt_core.fct_deal_cards
    where
        channel_label is null
        or (is_under_contract and (
            commission is null or price is null or contract_signed_date is null
        ))
        or contract_number_uses > 1
        or (is_sale_after_advance and advance_received_date is null)
        or (is_in_preparation and planned_settlement_date is null)
        or is_planned_settlement_past
        or (outcome = 'lost' and refusal_reason is null)
        or commission_share > 0.1
        or (is_commission_due and commission_current <= 0)
        or stage = 'unmapped'
        or (outcome = 'won' and closing_date is null)
        or is_stage_unconfirmed
        or is_pause_too_long
        or is_closing_in_future
        or is_contract_in_future
        or is_advance_in_future
        or is_activity_in_future
        or is_record_in_future
        or role_of_nobody is not null
        or role_of_shared_login is not null
        or role_of_wrong_weights is not null
        or role_without_weights is not null
        or is_ownerless
        or is_showing_unconfirmed
        or reservation_extensions > 2
"""


@dataclass(frozen=True)
class Row:
    """One line of the result.

    Attributes:
        name: What was measured.
        seconds: Of the stage.
        baseline: Seconds of its baseline; None where there is none.
        peak_mb: Highest memory of this process and of the server while it ran; memory
            that several of them share counts once.
    """

    name: str
    seconds: float
    baseline: float | None
    peak_mb: int


def bench(deals: Sequence[int], *, kept: Path | None, say: Say) -> int:
    """Measure passes of several sizes.

    Args:
        deals: Sizes of the agency.
        kept: Folder of landed homes, one by size; None for throw-away ones.
        say: Told each line.
    """
    for size in deals:
        say(f"{size} deals, {os.cpu_count()} cores, {datetime.now(tz=UTC):%Y-%m-%d}")
        say(f"{'stage':<32}{'seconds':>9}{'baseline':>10}{'ratio':>8}{'peak MB':>9}")
        for row in _measure(size, kept):
            ratio = f"{row.seconds / row.baseline:8.1f}" if row.baseline else f"{'':8}"
            baseline = f"{row.baseline:10.2f}" if row.baseline else f"{'':10}"
            say(f"{row.name:<32}{row.seconds:>9.2f}{baseline}{ratio}{row.peak_mb:>9}")
        say("")
    return 0


def _measure(size: int, kept: Path | None) -> Iterator[Row]:
    if kept:
        folder = kept.resolve() / str(size)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        settings = load_settings(folder / "home", {})
        _remove_half_made(settings)
        yield from _measure_home(settings, size, is_kept=True)
        return
    folder = Path(tempfile.mkdtemp(prefix="reestr-bench-"))
    folder.chmod(0o755)
    try:
        settings = load_settings(folder / "home", {})
        yield from _measure_home(settings, size, is_kept=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure_home(settings: Settings, size: int, *, is_kept: bool) -> Iterator[Row]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as simulator:
        yield simulator.submit(_simulate, size).result()
        yield from _measure_passes(settings, simulator, is_kept=is_kept)


def _measure_passes(
    settings: Settings, simulator: ProcessPoolExecutor, *, is_kept: bool
) -> Iterator[Row]:
    moment = model.end_of_day(TODAY)
    settings.folder("portal")
    portal = serving.portal_server(settings, no_limit=True)
    settings.keep("REESTR_CONNECTIONS", CONNECTION)
    settings.keep(
        f"REESTR_{CONNECTION.upper()}_URL",
        f"{portal.url}rest/{serving.portal_webhook(settings)}/",
    )
    settings.keep("REESTR_PASS_TIME", moment.isoformat())
    warehouse = open_warehouse(settings)
    try:
        if _is_landed(warehouse):
            _take_landed(warehouse)
        else:
            yield simulator.submit(_fill, settings.home, moment).result()
        provision(warehouse, [])
        processes.start(settings, portal)
        processes.wait_until_ready(settings, portal, serving.READY_SECONDS)
        if is_kept and not _is_landed(warehouse):
            with _watched() as landed:
                _land(warehouse)
            yield Row("land", *landed())
            _keep_landed(warehouse)
        first, _ = _stages(warehouse)
        baselines = _baselines(warehouse)
        for stage in STAGES:
            seconds, _, peak = first[stage]
            yield Row(f"first pass: {stage}", seconds, baselines.get(stage), peak)
        yield Row("first pass: all", *_total(first))
        yield Row("pass with nothing new: all", *_total(_stages(warehouse)[0]))
        # Early in the morning: what the day itself changes, and little else.
        morning = moment + timedelta(hours=8)
        simulator.submit(_live_on, settings.home, moment, morning).result()
        yield from _changes(warehouse, "next day", morning)
        later = simulator.submit(_live_on, settings.home, morning, None).result()
        yield from _changes(warehouse, "same day", later)
    finally:
        processes.stop(settings, "portal")
        embedded_server(settings).stop()


def _changes(warehouse: Warehouse, name: str, moment: datetime) -> Iterator[Row]:
    warehouse.settings.keep("REESTR_PASS_TIME", moment.isoformat())
    stages, deals = _stages(warehouse)
    for stage in STAGES:
        yield Row(f"{name}, {deals} deals: {stage}", *stages[stage])
    yield Row(f"{name}, {deals} deals: all", *_total(stages))


# -------------------------------------------------- in the simulator's own process

# The one that was simulated.
_agencies: list[model.Agency] = []


def _simulate(size: int) -> Row:
    with _watched() as simulated:
        _agencies[:] = [life.simulate(seed=SEED, deals=size, first_today=TODAY)]
    return Row("simulate", *simulated())


def _fill(home: Path, moment: datetime) -> Row:
    (agency,) = _agencies
    with _watched() as filled, _portal(home) as store:
        portal_feed.fill(store, agency, moment)
    return Row("fill the portal", *filled())


def _live_on(home: Path, since: datetime, until: datetime | None) -> datetime:
    """Let life go on and tell how far: without an end until enough deals change."""
    (agency,) = _agencies
    with _portal(home) as store:
        if until is not None:
            portal_feed.advance(store, agency, since, until)
            return until
        changed = 0
        moment = since
        last = model.end_of_day(since.date())
        while changed < CHANGED_DEALS and moment < last:
            later = min(moment + timedelta(minutes=15), last)
            counts = portal_feed.advance(store, agency, moment, later)
            changed += counts.get("deal", 0)
            moment = later
    return moment


def _portal(home: Path) -> PortalStore:
    return PortalStore(serving.portal_store(load_settings(home, {})))


# ------------------------------------------------------------ homes that are kept


def _land(warehouse: Warehouse) -> None:
    with open_pass(warehouse) as running:
        running.run("land")


def _remove_half_made(settings: Settings) -> None:
    """A run that was stopped before its home had landed begins anew."""
    if settings.home.exists() and not (settings.home / LANDED).exists():
        processes.stop(settings, "portal")
        embedded_server(settings).stop()
        shutil.rmtree(settings.home)


def _is_landed(warehouse: Warehouse) -> bool:
    return (warehouse.settings.home / LANDED).exists()


def _keep_landed(warehouse: Warehouse) -> None:
    """Remember the database, the portal and the state of landing as they are."""
    home = warehouse.settings.home
    draft = home / f"{LANDED}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    shutil.copytree(home / "dlt", draft / "dlt")
    shutil.copy2(serving.portal_store(warehouse.settings), draft / "portal.sqlite")
    _copy_database(warehouse, warehouse.database, LANDED)
    draft.rename(home / LANDED)


def _take_landed(warehouse: Warehouse) -> None:
    """Bring a kept home back to where it had just landed."""
    home = warehouse.settings.home
    shutil.rmtree(home / "dlt", ignore_errors=True)
    shutil.copytree(home / LANDED / "dlt", home / "dlt")
    store = serving.portal_store(warehouse.settings)
    for file in store.parent.iterdir():
        file.unlink()
    shutil.copy2(home / LANDED / "portal.sqlite", store)
    _copy_database(warehouse, LANDED, warehouse.database)


def _copy_database(warehouse: Warehouse, source: str, target: str) -> None:
    server = embedded_server(warehouse.settings).url()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(
                sql.Identifier(target)
            )
        )
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(target), sql.Identifier(source)
            )
        )


# ----------------------------------------------------------- seconds and memory


def _stages(warehouse: Warehouse) -> tuple[dict[str, tuple[float, None, int]], int]:
    """Seconds and peak memory of each stage of a pass, and how many deals it landed."""
    measured: dict[str, tuple[float, None, int]] = dict.fromkeys(STAGES, (0.0, None, 0))
    with _Memory(embedded_server(warehouse.settings).data) as memory:

        def note(stage: str, seconds: float | None) -> None:
            peak = memory.take()
            if seconds is not None:
                measured[stage] = (seconds, None, peak)

        done = run_pass(warehouse, PassRequest(), note)
    return measured, done.rows_landed.get(f"{CONNECTION}.deals", 0)


def _total(stages: dict[str, tuple[float, None, int]]) -> tuple[float, None, int]:
    return (
        sum(seconds for seconds, _, _ in stages.values()),
        None,
        max(peak for _, _, peak in stages.values()),
    )


def _baselines(warehouse: Warehouse) -> dict[str, float]:
    """The least work that gives what a stage gives."""
    return {
        "land": _copy_again(warehouse, f"raw_{CONNECTION}"),
        "core": _write_again(warehouse, "dbt_core"),
        "check": _check_at_once(warehouse),
        "reports": _write_again(warehouse, "dbt_reports"),
        "publish": _write_again(warehouse, "dbt_reports"),
    }


def _tables(connection: psycopg.Connection, schema: str) -> list[str]:
    rows = connection.execute(
        "select tablename from pg_tables where schemaname = %s order by 1", [schema]
    )
    return [str(name) for (name,) in rows]


def _copy_again(warehouse: Warehouse, schema: str) -> float:
    """COPY the same rows into empty tables of the same shape."""
    seconds = 0.0
    with psycopg.connect(warehouse.admin_url) as connection:
        for name in _tables(connection, schema):
            table = sql.Identifier(schema, name)
            buffer = io.BytesIO()
            with connection.cursor().copy(
                sql.SQL("copy {} to stdout").format(table)
            ) as out:
                for part in out:
                    buffer.write(part)
            connection.execute(
                sql.SQL("create temp table again (like {}) on commit drop").format(
                    table
                )
            )
            started = time.monotonic()
            with connection.cursor().copy("copy again from stdin") as into:
                into.write(buffer.getbuffer())
            seconds += time.monotonic() - started
            connection.commit()
    return seconds


def _write_again(warehouse: Warehouse, schema: str) -> float:
    """Write the finished tables once more, without computing them."""
    started = time.monotonic()
    with psycopg.connect(warehouse.admin_url) as connection:
        for name in _tables(connection, schema):
            connection.execute(
                sql.SQL("create table {} as select * from {}").format(
                    sql.Identifier("public", f"again_{name}"),
                    sql.Identifier(schema, name),
                )
            )
        seconds = time.monotonic() - started
        connection.rollback()
    return seconds


def _check_at_once(warehouse: Warehouse) -> float:
    started = time.monotonic()
    with psycopg.connect(warehouse.admin_url) as connection:
        connection.execute(ONE_STATEMENT_CHECK).fetchall()
    return time.monotonic() - started


@contextmanager
def _watched() -> Iterator[Callable[[], tuple[float, None, int]]]:
    """Time a block and watch its memory."""
    started = time.monotonic()
    ended = [0.0, 0.0]
    with _Memory() as memory:
        yield lambda: (ended[0] - started, None, int(ended[1]))
        ended[:] = time.monotonic(), memory.take()


class _Memory:
    """Watches this process and, where its folder is given, the server's processes."""

    def __init__(self, server: Path | None = None) -> None:
        self._server = server
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def take(self) -> int:
        """Megabytes at most since the last call."""
        peak, self._peak = max(self._peak, self._now()), 0
        return peak // 2**20

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, self._now())

    def _now(self) -> int:
        """Bytes that stand in memory now; shared pages count by their part."""
        watched = [psutil.Process()]
        with suppress(psutil.Error, OSError, ValueError):
            if self._server:
                text = (self._server / "postmaster.pid").read_text(encoding="utf-8")
                postmaster = psutil.Process(int(text.split("\n", 1)[0]))
                watched += [postmaster, *postmaster.children(recursive=True)]
        held = 0
        for process in watched:
            with suppress(psutil.Error):
                held += process.memory_full_info().pss
        return held
