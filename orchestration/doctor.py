"""The verb ``doctor``: what keeps a home from giving right numbers, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

import psycopg

from ingestion.mapping import DEAL_FIELDS, ROLES, Connection, MappingError
from orchestration.passes import home_connections
from orchestration.postgres import PostgresError
from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import Warehouse, WarehouseError, open_warehouse

Say = Callable[[str], None]
GOOD, NOTE, BAD = "✓", "◆", "✕"
Finding = tuple[str, str]

# What a field or role is needed for, so that a firm knows what an absent one costs.
NEEDED_FOR = {
    "commission": "commission_gross, revenue_net",
    "partner_share": "revenue_net less the share of partners",
    "contract_signed_date": "contracts_signed",
    "advance_received_date": "advances_count",
    "advance_amount": "advances_amount",
    "settlement_date": "the day a deal is closed (else: the day of the won stage)",
    "planned_settlement_date": "overdue settlements",
    "refusal_reason": "refusals by reason",
    "is_test": "test deals are left out",
}


def doctor(settings: Settings, *, say: Say) -> int:
    """Look the home over; 1 where something must be mended."""
    worst = 0
    for mark, text in _look_over(settings):
        say(f"{mark} {text}")
        worst = max(worst, int(mark == BAD))
    return worst


def _look_over(settings: Settings) -> Iterator[Finding]:
    try:
        connections = home_connections(settings)
    except (MappingError, SettingsError) as error:
        yield BAD, f"connections: {error}"
        return
    yield GOOD, "connections: " + ", ".join(one.name for one in connections)
    for connection in connections:
        yield from _fields(connection)
    try:
        warehouse = open_warehouse(settings)
        with psycopg.connect(warehouse.admin_url) as server:
            yield GOOD, f"server: PostgreSQL {server.info.server_version // 10000}"
    except (PostgresError, WarehouseError, psycopg.OperationalError) as error:
        yield BAD, f"server: {error}"
        return
    yield from _numbers(warehouse, connections)


def _fields(connection: Connection) -> Iterator[Finding]:
    """Canonical fields that the connection maps to nothing."""
    if connection.source == "files":
        mapped = set(connection.files["deals"].columns) | set(
            connection.files["deals"].constants
        )
    else:
        mapped = set(connection.fields.get("deals", {}))
    for field in DEAL_FIELDS:
        if field in NEEDED_FOR and field not in mapped:
            yield (
                NOTE,
                f"{connection.path.name}: no field for {field}; needed for "
                f"{NEEDED_FOR[field]}",
            )
    for role in ROLES:
        if role == "deal_owner" and role not in connection.roles:
            yield (
                NOTE,
                f"{connection.path.name}: no field for the role {role}; closed deals "
                "are credited to nobody",
            )


def _numbers(
    warehouse: Warehouse, connections: Sequence[Connection]
) -> Iterator[Finding]:
    with warehouse.connect("transformer") as connection:
        if not _exists(connection, "ops.passes"):
            yield NOTE, "warehouse: empty; ./reestr run fills it"
            return
        failed = connection.execute(
            "select pass_id, stage, error from ops.passes order by pass_id desc limit 1"
        ).fetchone()
        published = connection.execute(
            "select publication_id, data_as_of from reports.publications"
            " order by publication_id desc limit 1"
        ).fetchone()
        if failed and failed[2]:
            yield BAD, f"last pass: {failed[0]} failed at {failed[1]}: {failed[2]}"
        if not published:
            yield NOTE, "publication: none yet; ./reestr run makes one"
            return
        moment = published[1].astimezone(ZoneInfo(connections[0].timezone))
        yield GOOD, f"publication: {published[0]}, data as of {moment:%d.%m.%Y %H:%M}"
        unmapped = connection.execute(
            "select source_system, pipeline, crm_stage, count(*)"
            " from dbt_core.fct_deals where stage = 'unmapped'"
            " group by 1, 2, 3 order by 4 desc"
        ).fetchall()
    names = {connection.name: connection.path.name for connection in connections}
    for source, pipeline, stage, deals in unmapped:
        yield (
            BAD,
            f"{names.get(source, source)}: stage {stage!r} of pipeline {pipeline!r} is "
            f"not mapped ({deals} deals): add it to the section stages",
        )


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("select to_regclass(%s)", [table]).fetchone()
    return row is not None and row[0] is not None
