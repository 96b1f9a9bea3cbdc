"""The verb ``bench``: seconds and memory of a pass, stage by stage, against baselines.

Absolute seconds say little about another machine. Each stage therefore stands beside
the least work that could give its result, measured in the same run: landing beside a
COPY of the same rows, transformations and publication beside writing their tables
once, checks beside one statement with the same conditions.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from ingestion.demo.agency import life, model, portal_feed
from ingestion.demo.portal.store import PortalStore
from orchestration import processes, serving
from orchestration.demo import CONNECTION
from orchestration.passes import STAGES, PassRequest, run_pass
from orchestration.postgres import embedded_server
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse, open_warehouse, provision

Say = Callable[[str], None]

# A fixed day and seed: the same agency at every run.
TODAY = date(2026, 11, 20)
SEED = 7

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
        peak_mb: Highest resident memory of this process while it ran.
    """

    name: str
    seconds: float
    baseline: float | None
    peak_mb: int


def bench(settings: Settings, *, deals: Sequence[int], say: Say) -> int:
    """Measure passes of several sizes in throw-away homes."""
    del settings
    for size in deals:
        say(f"{size} deals, {os.cpu_count()} cores, {datetime.now(tz=UTC):%Y-%m-%d}")
        say(f"{'stage':<28}{'seconds':>9}{'baseline':>10}{'ratio':>8}{'peak MB':>9}")
        for row in _measure(size):
            ratio = f"{row.seconds / row.baseline:8.1f}" if row.baseline else f"{'':8}"
            baseline = f"{row.baseline:10.2f}" if row.baseline else f"{'':10}"
            say(f"{row.name:<28}{row.seconds:>9.2f}{baseline}{ratio}{row.peak_mb:>9}")
        say("")
    return 0


def _measure(size: int) -> Iterator[Row]:
    folder = Path(tempfile.mkdtemp(prefix="reestr-bench-"))
    folder.chmod(0o755)
    try:
        yield from _measure_home(load_settings(folder / "home", {}), size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure_home(settings: Settings, size: int) -> Iterator[Row]:
    moment = model.end_of_day(TODAY)
    with _watched() as simulated:
        agency = life.simulate(seed=SEED, deals=size, first_today=TODAY)
    yield Row("simulate", *simulated())
    settings.folder("portal")
    with _watched() as filled, PortalStore(serving.portal_store(settings)) as store:
        portal_feed.fill(store, agency, moment)
    yield Row("fill the portal", *filled())
    portal = serving.portal_server(settings, no_limit=True)
    settings.keep("REESTR_CONNECTIONS", CONNECTION)
    settings.keep(
        f"REESTR_{CONNECTION.upper()}_URL",
        f"{portal.url}rest/{serving.portal_webhook(settings)}/",
    )
    settings.keep("REESTR_PASS_TIME", moment.isoformat())
    warehouse = open_warehouse(settings)
    try:
        provision(warehouse, [])
        processes.start(settings, portal)
        processes.wait_until_ready(settings, portal, serving.READY_SECONDS)
        first = _stages(warehouse)
        baselines = _baselines(warehouse)
        for stage in STAGES:
            seconds, _, peak = first[stage]
            yield Row(f"first pass: {stage}", seconds, baselines.get(stage), peak)
        yield Row("first pass: all", *_total(first))
        yield Row("pass with nothing new: all", *_total(_stages(warehouse)))
        later = moment + timedelta(days=1)
        with PortalStore(serving.portal_store(settings)) as store:
            portal_feed.advance(store, agency, moment, later)
        settings.keep("REESTR_PASS_TIME", later.isoformat())
        next_day = _stages(warehouse)
        for stage in STAGES:
            yield Row(f"next day: {stage}", *next_day[stage])
        yield Row("next day: all", *_total(next_day))
    finally:
        processes.stop(settings, "portal")
        embedded_server(settings).stop()


def _stages(warehouse: Warehouse) -> dict[str, tuple[float, None, int]]:
    """Seconds and peak memory of each stage of one pass."""
    measured: dict[str, tuple[float, None, int]] = dict.fromkeys(STAGES, (0.0, None, 0))

    def note(stage: str, seconds: float | None) -> None:
        if seconds is None:
            _reset_peak()
        else:
            measured[stage] = (seconds, None, _peak_mb())

    run_pass(warehouse, PassRequest(), note)
    return measured


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
    _reset_peak()
    started = time.monotonic()
    ended = [0.0]
    yield lambda: (ended[0] - started, None, _peak_mb())
    ended[0] = time.monotonic()


def _reset_peak() -> None:
    """Let the kernel forget the highest resident size of this process."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024
