"""Changes of dates, money, people and channels: portal, passes, history, facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.passes import open_pass
from orchestration.serving import provision_home
from orchestration.settings import Settings, load_settings
from orchestration.transformation import CORE, build
from orchestration.warehouse import open_warehouse
from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

VERSIONS = "select count(*) from dbt_intermediate.int_deals__versioned"


@dataclass
class Told:
    """The firm after its passes, its deals by name."""

    firm: SmallFirm
    deals: dict[str, int]

    def changes(self, name: str, *columns: str) -> list[tuple[object, ...]]:
        """Columns of a deal's changes in the order of time."""
        return self.firm.rows(
            f"select {', '.join(columns)} from dbt_core.fct_deal_field_changes"
            " where deal_key = %s order by changed_at_upper, field",
            [key(self.deals[name])],
        )

    def entries(self, name: str, *columns: str) -> list[tuple[object, ...]]:
        """Columns of a deal's entries."""
        return self.firm.rows(
            f"select {', '.join(columns)} from dbt_core.fct_deal_entries"
            " where deal_key = %s order by fact_type",
            [key(self.deals[name])],
        )


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """Dates move on 9 April between passes that are minutes apart."""
    folder = tmp_path_factory.mktemp("changes")
    database = postgres.create_database("changes")
    with small_firm(folder, database, start="2026-04-01 09:00") as firm:
        yield Told(firm, lived(firm, folder))


def lived(firm: SmallFirm, folder: Path) -> dict[str, int]:
    """Let the deals live; the last pass publishes."""
    planned = {"deal_owner": 6, "author": 6, "planned_settlement_date": "2026-04-10"}
    deals = {
        "there and back": firm.deal(**planned),
        "two authors": firm.deal(**planned),
        "slowly back": firm.deal(**planned),
        "emptied and filled": firm.deal(**planned),
        "into May": firm.deal(
            deal_owner=6,
            planned_settlement_date="2026-04-25",
            commission=200_000,
            partner_share=50_000,
        ),
        "filled": firm.deal(deal_owner=6),
        "all fields": firm.deal(
            deal_owner=[6], commission=100_000, price=5_000_000, channel="CALL"
        ),
        "entered late": firm.deal(deal_owner=6),
        "entered in time": firm.deal(deal_owner=6),
        "created late": firm.deal(deal_owner=6, contract_signed_date="2026-03-28"),
        "a test": firm.deal(is_test=1, **planned),
        "deleted": firm.deal(**planned),
        "absorbed": firm.deal(commission=1_000, **planned),
        "survivor": firm.deal(
            commission=2_000, contract_signed_date="2026-04-02", **planned
        ),
        "on its way": firm.deal(deal_owner=6, stage="lead_new"),
    }
    firm.at("2026-04-02 10:00")
    firm.update(deals["on its way"], stage="lost")
    firm.at("2026-04-03 11:30")
    firm.update(deals["on its way"], stage="qualified")
    firm.at("2026-04-06 15:45")
    firm.update(deals["on its way"], pipeline=1, stage="C1:QUALIFIED")
    firm.run_pass("2026-04-09 11:58")
    firm.at("2026-04-09 12:00")
    for name in ("there and back", "two authors", "slowly back"):
        firm.update(deals[name], planned_settlement_date="2026-04-15", author=6)
    firm.update(deals["emptied and filled"], planned_settlement_date=None)
    firm.run_pass("2026-04-09 12:02", until="core")
    firm.at("2026-04-09 12:04")
    back = {"planned_settlement_date": "2026-04-10"}
    firm.update(deals["there and back"], author=6, **back)
    firm.update(deals["two authors"], author=7, **back)
    firm.update(deals["emptied and filled"], **back)
    firm.run_pass("2026-04-09 12:05", until="core")
    firm.at("2026-04-09 15:00")
    firm.update(deals["slowly back"], author=6, **back)
    firm.update(deals["into May"], planned_settlement_date="2026-05-06")
    firm.update(deals["filled"], planned_settlement_date="2026-04-30")
    firm.update(
        deals["all fields"],
        deal_owner=[7, 6],
        commission=90_000,
        price=4_900_000,
        channel="WEB",
    )
    firm.update(deals["entered late"], contract_signed_date="2026-04-01")
    firm.update(deals["entered in time"], contract_signed_date="2026-04-08")
    for name in ("a test", "deleted"):
        firm.update(deals[name], planned_settlement_date="2026-05-10")
    firm.remove("deal", deals["deleted"])
    firm.update(
        deals["absorbed"], planned_settlement_date="2026-04-13", commission=1_500
    )
    firm.run_pass("2026-04-09 15:30", until="core")
    firm.at("2026-04-09 15:40")
    firm.remove("deal", deals["absorbed"])
    firm.merge(deals["absorbed"], deals["survivor"], folder)
    firm.run_pass("2026-04-09 16:00", sweep=True)
    return deals


# ------------------------------------------------------------------ the rules


def test_case_5_a_date_moved_and_moved_back_within_minutes_is_no_change(
    told: Told,
) -> None:
    """The bounds prove it: the last load before the first move was at 11:58."""
    assert told.changes("there and back", "new_value") == []


def test_case_6_a_date_moved_into_the_next_month(told: Told) -> None:
    assert told.changes(
        "into May",
        "old_date::text",
        "new_date::text",
        "shift_days",
        "is_across_month",
        "moved_revenue::text",
        "is_late",
        "is_reason_missing",
    ) == [("2026-04-25", "2026-05-06", 11, True, "150000.00", False, None)]
    assert told.firm.rows(
        "select event_date::text, detail, amount::text, employee_key"
        " from dbt_core.fct_deal_events"
        " where event_type = 'settlement_date_changed' and deal_key = %s",
        [key(told.deals["into May"])],
    ) == [("2026-04-09", "across_month", "11.00", "demo_agency:6")]


def test_corrections_of_two_authors_are_two_changes(told: Told) -> None:
    assert told.changes("two authors", "shift_days", "author_key") == [
        (5, "demo_agency:6"),
        (-5, "demo_agency:7"),
    ]


def test_hours_between_two_changes_make_them_two(told: Told) -> None:
    assert told.changes("slowly back", "shift_days", "is_late") == [
        (5, True),
        (-5, False),
    ]
    assert told.firm.columns(
        "dbt_intermediate.int_deals__changed",
        told.deals["slowly back"],
        "settlement_date_changes",
        "settlement_net_shift_days",
        "settlement_gross_shift_days",
    ) == (2, 0, 10)


def test_a_change_lies_between_the_load_before_and_the_cards_own_moment(
    told: Told,
) -> None:
    local = "to_char({} at time zone 'Europe/Moscow', 'HH24:MI')"
    assert told.changes(
        "slowly back",
        local.format("changed_at_lower"),
        local.format("changed_at_upper"),
        "precision",
    ) == [
        ("11:58", "12:00", "between_snapshots"),
        ("12:02", "15:00", "between_snapshots"),
    ]


@pytest.mark.parametrize("name", ["filled", "emptied and filled"])
def test_filling_a_date_is_no_change(told: Told, name: str) -> None:
    assert told.changes(name, "new_value") == []


def test_every_watched_field_has_its_changes(told: Told) -> None:
    assert told.changes("all fields", "field", "old_value", "new_value") == [
        ("channel", "call", "website"),
        ("commission", "100000.00", "90000.00"),
        ("deal_owner", "demo_agency:6", "demo_agency:6, demo_agency:7"),
        ("price", "5000000.00", "4900000.00"),
    ]
    assert told.firm.columns(
        "dbt_intermediate.int_deals__changed",
        told.deals["all fields"],
        "commission_changes",
        "owner_changes",
        "channel_changes",
        "price_changes",
        "settlement_date_changes",
    ) == (1, 1, 1, 1, 0)


@pytest.mark.parametrize("name", ["a test", "deleted"])
def test_changes_of_deals_that_do_not_count_are_left_out(told: Told, name: str) -> None:
    assert told.changes(name, "new_value") == []


def test_a_fact_entered_long_after_its_day_is_backdated(told: Told) -> None:
    """More than three days between the fact and the load that did not know it."""
    columns = ("fact_date::text", "entry_date::text", "entry_lag_days", "is_backdated")
    assert told.entries("entered late", *columns) == [
        ("2026-04-01", "2026-04-09", 8, True)
    ]
    assert told.entries("entered in time", *columns) == [
        ("2026-04-08", "2026-04-09", 1, False)
    ]
    # Dated before its card was created, by four days.
    assert told.entries("created late", *columns) == [
        ("2026-03-28", "2026-04-01", 4, True)
    ]
    assert (
        told.firm.value(
            "select count(*) from dbt_core.fct_deal_events"
            " where event_type = 'entry_backdated'"
        )
        == 2
    )


# ------------------------------------------------- moves, merges, precision


def test_moves_of_a_deal_are_known_exactly(told: Told) -> None:
    """The CRM keeps the history of stages: to the second, though not by whom."""
    moves = told.changes(
        "on its way",
        "field",
        "old_value",
        "new_value",
        "to_char(changed_at_upper at time zone 'Europe/Moscow', 'DD.MM HH24:MI')",
        "changed_at_lower = changed_at_upper",
        "precision",
        "source_of_fact",
    )
    exact = (True, "exact", "api_history")
    assert moves == [
        ("stage", "lead_new", "lost", "02.04 10:00", *exact),
        ("stage", "lost", "qualified", "03.04 11:30", *exact),
        ("pipeline", "0", "1", "06.04 15:45", *exact),
    ]


def test_rule_16_the_visits_of_a_reopened_deal_go_on(told: Told) -> None:
    visits = told.firm.rows(
        "select visit_no, stage, is_open from dbt_core.fct_stage_visits"
        " where deal_key = %s order by visit_no",
        [key(told.deals["on its way"])],
    )
    assert visits == [
        (1, "lead_new", False),
        (2, "lost", False),
        (3, "qualified", False),
        (4, "qualified", True),
    ]


def test_rule_17_a_survivor_inherits_the_history(told: Told) -> None:
    """The changes of the absorbed deal, but neither its money nor its dates."""
    assert told.changes("survivor", "field", "old_value", "new_value", "is_inherited") \
        == [
            ("commission", "1000.00", "1500.00", True),
            ("planned_settlement_date", "2026-04-10", "2026-04-13", True),
        ]  # fmt: skip
    assert told.changes("absorbed", "field") == []
    survivor = told.deals["survivor"]
    assert told.firm.columns(
        "dbt_intermediate.int_deals__changed",
        survivor,
        "settlement_date_changes",
        "settlement_net_shift_days",
    ) == (1, 0)
    assert told.firm.columns(
        "dbt_core.fct_deals", survivor, "commission_agreed::text", "commission_drift"
    ) == ("2000.00", 0)


def test_rule_18_a_move_between_pipelines_is_a_change_of_its_own(told: Told) -> None:
    visits = told.firm.rows(
        "select pipeline, stage from dbt_core.fct_stage_visits"
        " where deal_key = %s order by visit_no desc limit 2",
        [key(told.deals["on its way"])],
    )
    assert visits == [("1", "qualified"), ("0", "qualified")]
    assert ("pipeline",) in told.changes("on its way", "field")


def test_the_coverage_of_history_is_the_share_of_exact_changes(told: Told) -> None:
    by_field = {
        str(field): (known, exact)
        for field, known, exact in told.firm.rows(
            "select field, changes_known, changes_exact"
            " from reports.rpt_history_coverage",
            person="admin",
        )
    }
    assert by_field["stage"] == (2, 2)
    assert by_field["pipeline"] == (1, 1)
    assert by_field["commission"][1] == by_field["price"][1] == 0
    counted = told.firm.rows(
        "select field, count(*) from dbt_core.fct_deal_field_changes group by 1"
    )
    assert {field: known for field, (known, _) in by_field.items()} == dict(counted)
    assert told.firm.value(
        "select distinct first_snapshot_date::text from reports.rpt_history_coverage"
    ) == "2026-04-09"  # fmt: skip


def test_moves_of_a_crm_without_history_lie_between_two_loads(
    postgres: Postgres, tmp_path: Path
) -> None:
    """The first stage is inferred from the card; a later one from the loads."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "sales_teams.csv").write_text(
        "sales_agent,manager,regional_office\nAnna Snelling,Dustin Brinkmann,Central\n"
    )
    settings = load_settings(
        tmp_path / "home",
        {
            "REESTR_DATABASE_URL": postgres.create_database("moves"),
            "REESTR_CONNECTIONS": "maven",
            "REESTR_FILES_DIR": str(folder),
        },
    )
    provision_home(open_warehouse(settings))
    for day, stage, closed, value in (
        ("2026-03-01", "Engaging", "", ""),
        ("2026-03-09", "Won", "2026-03-05", "1054"),
    ):
        (folder / "sales_pipeline.csv").write_text(
            "opportunity_id,sales_agent,product,account,deal_stage,engage_date,"
            "close_date,close_value\n"
            f"D1,Anna Snelling,GTX Basic,Cancity,{stage},2026-02-20,{closed},{value}\n"
        )
        moment = {**settings.environment, "REESTR_PASS_TIME": f"{day}T12:00:00-05:00"}
        warehouse = open_warehouse(Settings(settings.home, moment))
        with open_pass(warehouse) as running:
            for stage_of_pass in ("land", "core"):
                running.run(stage_of_pass)
        with warehouse.connect("transformer") as connection:
            # A pass that stops before its publication is no load that was seen.
            connection.execute("update ops.passes set outcome = 'published'")
    with warehouse.connect("transformer") as connection:
        visits = connection.execute(
            "select stage, source_of_fact, entered_after::date::text,"
            " entered_at::date::text from dbt_core.fct_stage_visits order by visit_no"
        ).fetchall()
        changes = connection.execute(
            "select field, precision, changed_at_lower < changed_at_upper"
            " from dbt_core.fct_deal_field_changes where field = 'stage'"
        ).fetchall()
    assert visits == [
        ("qualified", "inferred", None, "2026-02-20"),
        ("closed_won", "snapshot_diff", "2026-03-01", "2026-03-09"),
    ]
    assert changes == [("stage", "between_snapshots", True)]


# ---------------------------------------------------------------- the history


def test_a_pass_that_sees_nothing_new_adds_no_version(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No version depends on the clock; a failed pass leaves what it learned."""
    database = postgres.create_database("versions")
    with small_firm(tmp_path_factory.mktemp("versions"), database) as firm:
        deal = firm.deal(
            stage="contract_signed", deal_owner=6, commission=10, price=500
        )
        other = firm.deal(stage="contract_signed", deal_owner=6)
        # A pass that breaks off after it has written the history.
        firm.run_pass("2026-01-13 09:00", until="core")
        assert firm.value(VERSIONS) == 2
        firm.run_pass("2026-01-13 09:00")
        firm.run_pass("2026-02-20 09:00")
        assert firm.value(VERSIONS) == 2
        firm.later(minutes=1)
        firm.update(deal, commission=20)
        firm.run_pass("2026-02-21 09:00", until="core")
        firm.run_pass("2026-02-21 10:00")
        assert firm.value(VERSIONS) == 3
        firm.remove("deal", other)
        firm.run_pass("2026-02-22 10:00", sweep=True, until="core")
        firm.store.restore("deal", other)
        firm.run_pass("2026-02-23 10:00", sweep=True, until="core")
        assert firm.rows(
            "select deal_key, version_no, commission::text, deleted_at is not null,"
            " recorded_from::date::text, recorded_to::date::text, is_current"
            " from dbt_core.fct_deal_versions order by deal_key, version_no"
        ) == [
            (key(deal), 1, "10.00", False, "2026-01-13", "2026-02-21", False),
            (key(deal), 2, "20.00", False, "2026-02-21", None, True),
            (key(other), 1, None, False, "2026-01-13", "2026-02-22", False),
            (key(other), 2, None, True, "2026-02-22", "2026-02-23", False),
            (key(other), 3, None, False, "2026-02-23", None, True),
        ]
        forgetful_builds_keep_the_history(firm)


def forgetful_builds_keep_the_history(firm: SmallFirm) -> None:
    """A full refresh changes nothing; a new tracked column is empty in the past."""
    known = "select count(*), min(recorded_from) from dbt_core.fct_deal_versions"
    before = firm.rows(known)
    rebuild(firm)
    assert firm.rows(known) == before
    with firm.warehouse.connect("transformer") as connection:
        connection.execute(
            "alter table dbt_intermediate.int_deals__versioned"
            " drop column price cascade"
        )
        connection.execute(
            "update dbt_intermediate.int_deals__versioned"
            " set version_hash = 'of the columns before'"
        )
    firm.at("2026-02-24 10:00")
    rebuild(firm)
    assert firm.rows(
        "select version_no, price::text from dbt_core.fct_deal_versions"
        " where deal_key = %s order by version_no",
        [key(1)],
    ) == [(1, None), (2, None), (3, "500.00")]
    assert firm.value("select count(*) from dbt_core.fct_deal_field_changes") == 1


def rebuild(firm: SmallFirm) -> None:
    """Build the core as a full refresh would, inside a pass of its own."""
    with open_pass(firm.warehouse) as running:
        running.run("land")
        build(firm.warehouse, (*CORE, "--full-refresh"), running.variables)
