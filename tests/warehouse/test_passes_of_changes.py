"""Whatever happens between passes: changes brought up to date are everything anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from orchestration.passes import Pass, PassRequest, run_pass
from orchestration.postgres import embedded_server
from orchestration.settings import load_settings
from tests.conftest import Postgres
from tests.firm_life import Life
from tests.killed_server import kill
from tests.small_firm import SmallFirm, key, small_firm

SCHEMAS = (
    "dbt_intermediate", "dbt_core", "dbt_quality", "dbt_access", "dbt_reports",
    "reports", "quality", "access",
)  # fmt: skip


def keep(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Copy every table that a pass writes, and give their names."""
    connection.execute("drop schema if exists kept cascade; create schema kept")
    found = connection.execute(
        "select schemaname, tablename from pg_tables"
        " where schemaname = any(%s) and tablename <> 'publications' order by 1, 2",
        [list(SCHEMAS)],
    ).fetchall()
    for schema, table in found:
        connection.execute(
            sql.SQL("create table {} as table {}").format(
                sql.Identifier("kept", f"{schema}.{table}"),
                sql.Identifier(schema, table),
            )
        )
    return [(str(schema), str(table)) for schema, table in found]


def differences(
    connection: psycopg.Connection, tables: list[tuple[str, str]]
) -> dict[str, list[str]]:
    """Rows by table that are not what was kept; "-" was kept, "+" is new."""
    found: dict[str, list[str]] = {}
    for schema, table in tables:
        kept = sql.Identifier("kept", f"{schema}.{table}")
        now = sql.Identifier(schema, table)
        rows = connection.execute(
            sql.SQL(
                "(select '-' || left(row::text, 500)"
                " from (table {kept} except all table {now}) as row)"
                " union all (select '+' || left(row::text, 500)"
                " from (table {now} except all table {kept}) as row) limit 6"
            ).format(kept=kept, now=now)
        ).fetchall()
        if rows:
            found[f"{schema}.{table}"] = [str(line) for (line,) in rows]
    return found


def unlike_a_whole_pass(firm: SmallFirm) -> dict[str, list[str]]:
    """What a pass over everything changes, at the same moment of the firm."""
    with psycopg.connect(firm.warehouse.admin_url) as connection:
        tables = keep(connection)
    run_pass(firm.warehouse, PassRequest(whole=True))
    with psycopg.connect(firm.warehouse.admin_url) as connection:
        return differences(connection, tables)


def published(firm: SmallFirm, life: Life) -> Pass:
    """A pass with something new, so that its moment is the publication's.

    It writes everything anew after one that broke off while it did so.
    """
    life.deal(Random(0))  # noqa: S311 -- a story, no secret
    firm.later(minutes=1)
    return run_pass(firm.warehouse, PassRequest(sweep=True, accept_shrinkage=True))


@pytest.mark.timeout(1200)
@settings(
    # The first life is the same in every run, the second one is new.
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    weeks=st.lists(
        st.lists(st.integers(0, 2**32), min_size=8, max_size=12),
        min_size=2,
        max_size=2,
    )
)
def test_passes_of_changes_are_one_pass_over_everything(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, weeks: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("changes")
    with small_firm(folder, postgres.create_database("changes")) as firm:
        life = Life(firm)
        firm.later(minutes=1)
        firm.run_pass()
        firm.lock(date(2025, 12, 1))
        for week in weeks:
            for number in week:
                life.go_on(number)
            life.a_pass(Random(week[0]))  # noqa: S311 -- a story, no secret
        done = published(firm, life)
        if done.whole_because is not None:
            done = published(firm, life)
        assert done.whole_because is None
        assert unlike_a_whole_pass(firm) == {}


def corrections_of_leads(firm: SmallFirm) -> list[tuple[object, ...]]:
    """Facts of leads that stand in another month than the one they correct."""
    return firm.rows(
        "select lead_key, event_type, correction_of_month, credit_weight"
        " from dbt_core.fct_lead_events where correction_of_month is not null"
    )


def test_a_lead_of_a_locked_month_is_corrected_by_a_pass_of_changes(
    postgres: Postgres, tmp_path: Path
) -> None:
    """A correction of a lead belongs to no deal, and comes and goes like any other."""
    with small_firm(tmp_path, postgres.create_database("leads")) as firm:
        lead = firm.record("lead", None, phone="+79110000001", status="NEW")
        firm.at("2026-02-03 09:00")
        firm.run_pass()
        firm.lock(date(2026, 1, 1))
        firm.later(hours=1)
        firm.run_pass()
        assert corrections_of_leads(firm) == []
        firm.later(hours=1)
        firm.remove("lead", lead)
        firm.later(minutes=1)
        done = run_pass(firm.warehouse, PassRequest(sweep=True, accept_shrinkage=True))
        assert done.whole_because is None
        assert corrections_of_leads(firm) == [
            (key(lead), "lead_created", date(2026, 1, 1), Decimal(-1))
        ]
        assert unlike_a_whole_pass(firm) == {}


def test_a_call_to_a_lead_stays_a_touch_of_its_deal(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Whichever of the three has changed: the call, the lead's deal or nothing."""

    def touches() -> tuple[object, ...]:
        return firm.columns(
            "dbt_intermediate.int_deals__touched",
            deal,
            "first_response_date",
            "last_touch_date",
        )

    with small_firm(tmp_path, postgres.create_database("lead_calls")) as firm:
        life = Life(firm)
        lead = firm.record("lead", None, phone="+79110000001", status="NEW")
        deal = firm.deal(lead=lead)
        firm.activity("call", lead=lead, start=firm.now - timedelta(hours=1))
        published(firm, life)
        first = firm.now.date()
        assert touches() == (first, first)
        firm.later(days=2)
        firm.update(deal, title="another title")
        published(firm, life)
        assert touches() == (first, first)
        firm.activity("call", lead=lead, start=firm.now - timedelta(hours=1))
        assert published(firm, life).whole_because is None
        assert touches() == (first, firm.now.date())
        assert unlike_a_whole_pass(firm) == {}


def test_a_transfer_whose_day_has_come_makes_the_first_pass_of_the_day_whole(
    postgres: Postgres, tmp_path: Path
) -> None:
    with small_firm(tmp_path, postgres.create_database("transfer")) as firm:
        life = Life(firm)
        published(firm, life)
        firm.decide(
            "employee_transfer",
            employee_id="6",
            org_unit_id="12",
            valid_from=(firm.now + timedelta(days=1)).date(),
        )
        published(firm, life)
        assert published(firm, life).whole_because is None
        firm.later(days=1)
        first, second = published(firm, life), published(firm, life)
        assert first.whole_because is not None
        assert "place" in first.whole_because
        assert second.whole_because is None


def test_a_crash_of_the_server_costs_a_pass_over_everything_and_nothing_else(
    server_folders: Callable[[str], Path],
) -> None:
    """Working tables are not logged: the server comes back without their rows."""
    folder = server_folders("crash")
    server = embedded_server(load_settings(folder / "server", {}))
    server.start()
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create database firm")
        with small_firm(folder, server.url("firm")) as firm:
            life = Life(firm)
            published(firm, life)
            assert published(firm, life).whole_because is None
            with psycopg.connect(firm.warehouse.admin_url) as connection:
                tables = keep(connection)
            kill(server)
            server.start()
            with psycopg.connect(firm.warehouse.admin_url) as connection:
                lost = differences(connection, tables)
            assert "dbt_core.fct_deals" in lost
            history = {
                "dbt_intermediate.int_deals__versioned",
                "reports.rpt_deal_registry",
            }
            assert not history & lost.keys()
            done = run_pass(firm.warehouse, PassRequest())
            assert done.unchanged
            done = published(firm, life)
            assert done.whole_because is not None
            assert "crashed" in done.whole_because
            assert unlike_a_whole_pass(firm) == {}
    finally:
        server.stop()
