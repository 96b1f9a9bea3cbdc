"""The marts say what truly happened: every metric, month and person, to the kopeck."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bi.catalog import read_catalog
from expectations.rules.deals import RULES
from ingestion.demo.agency.kpi_truth import METRICS
from orchestration.transformation import manifest_file
from tests.agency_home import AgencyHome, GroundTruth, living_agency
from tests.conftest import Postgres
from tests.marts import (
    credited_in_marts,
    credited_in_truth,
    findings_in_marts,
    planted_defects,
)

DEALS = 1_000
# A stock metric -> the total of the ground truth.
STOCKS = {
    "deals_open": "deals_open",
    "expected_revenue": "pipeline_amount",
    "contracts_active": "contracts_active",
    "advances_held": "advances_held",
    "commission_receivable": "commission_receivable",
    "commission_prepaid": "commission_prepaid",
    "leads_in_work": "leads_in_work",
    "leads_in_work_amount": "leads_in_work_amount",
    "leads_paused": "leads_paused",
}
# Rules that nobody breaks in the demo agency; test_card_rules has their cards.
ELSEWHERE = {
    "deal_closing_date_known",
    "deal_commission_positive",
    "deal_login_personal",
    "deal_record_not_future",
    "deal_reservation_not_overextended",
    "deal_stage_confirmed",
}
OUTCOMES = ("open", "won", "lost", "paused")


@pytest.fixture(scope="module")
def truth(
    agency_home: AgencyHome, tmp_path_factory: pytest.TempPathFactory
) -> GroundTruth:
    return agency_home.truth(tmp_path_factory.mktemp("truth"))


def test_every_metric_of_every_month_and_person_is_true(
    agency_home: AgencyHome, truth: GroundTruth
) -> None:
    expected = credited_in_truth(truth)
    assert len({metric for _, _, metric in expected}) >= len(METRICS) - 1
    assert credited_in_marts(agency_home) == expected


@pytest.mark.parametrize(("seed", "days"), [(1, 0), (2, 1), (3, 30)])
def test_every_metric_is_true_of_other_agencies_and_later_days(
    postgres: Postgres, tmp_path: Path, seed: int, days: int
) -> None:
    """A pass on the first day, another one after some days."""
    environment = {"REESTR_DATABASE_URL": postgres.create_database(f"seed_{seed}")}
    with living_agency(tmp_path, environment, deals=DEALS, seed=seed) as home:
        home.run_pass()
        if days:
            home.live(days)
            home.run_pass()
        expected = credited_in_truth(home.truth(tmp_path / "truth"))
        assert {metric for _, _, metric in expected} == set(METRICS)
        assert credited_in_marts(home) == expected


def test_facts_without_a_person_are_credited_to_nobody_but_counted(
    agency_home: AgencyHome, truth: GroundTruth
) -> None:
    unassigned = {key for key in credited_in_truth(truth) if not key[1]}
    assert unassigned
    assert unassigned <= set(credited_in_marts(agency_home))


@pytest.mark.parametrize("metric", METRICS)
def test_the_total_of_a_metric_is_true(
    agency_home: AgencyHome, truth: GroundTruth, metric: str
) -> None:
    [(total,)] = agency_home.rows(
        f"select sum({metric}) from reports.rpt_kpi_daily", login="data_team"
    )
    credited = credited_in_truth(truth)
    expected = sum(value for key, value in credited.items() if key[2] == metric)
    assert total == expected


def test_unique_showings_of_every_month_are_true(
    agency_home: AgencyHome, truth: GroundTruth
) -> None:
    """A flat shown to a client again is no new showing."""
    table = truth.table("showings_month")
    expected = dict(zip(table["month"], table["showings_unique"].map(int), strict=True))
    unique = read_catalog(manifest_file(agency_home.warehouse)).metrics[
        "showings_unique"
    ]
    counted = agency_home.rows(
        f"select to_char(event_month, 'YYYY-MM'), {unique.aggregate}"
        " from reports.rpt_deal_facts where level = 'company' group by 1",
        login="data_team",
    )
    assert {month: count for month, count in counted if count} == expected
    assert sum(expected.values()) < sum(
        value
        for key, value in credited_in_truth(truth).items()
        if key[2] == "showings_held"
    )


@pytest.mark.parametrize(("metric", "total"), STOCKS.items())
def test_what_stands_today_is_true(
    agency_home: AgencyHome, truth: GroundTruth, metric: str, total: str
) -> None:
    table = truth.table("detail_totals")
    totals = truth.totals() | dict(zip(table["name"], table["value"], strict=True))
    [(found,)] = agency_home.rows(f"select sum({metric}) from reports.rpt_kpi_stock")
    assert found == Decimal(totals[total]) > 0


def test_findings_are_the_planted_defects(
    agency_home: AgencyHome, truth: GroundTruth
) -> None:
    planted = planted_defects(truth)
    assert {rule for rule, _ in planted} == {rule.id for rule in RULES} - ELSEWHERE
    assert findings_in_marts(agency_home) == planted


def test_the_registry_counts_deals_by_outcome(
    agency_home: AgencyHome, truth: GroundTruth
) -> None:
    totals = truth.totals()
    counted = dict(
        agency_home.rows(
            "select outcome, count(*) from reports.rpt_deal_registry group by 1",
            login="data_team",
        )
    )
    assert counted == {one: int(totals[f"deals_{one}"]) for one in OUTCOMES}
    tests = int(totals["deals_test"])
    assert 0 < tests == int(totals["deals"]) - sum(counted.values())


def test_odd_deals_are_shown_and_counted(
    agency_home: AgencyHome, truth: GroundTruth
) -> None:
    totals = truth.totals()
    [(unmapped, unsettled, in_future)] = agency_home.rows(
        "select count(*) filter (where stage_label = 'Не сопоставлено'),"
        " count(*) filter (where closing_date_basis = 'Переход на этап'),"
        " count(*) filter (where closing_date > cast(%s as date))"
        " from reports.rpt_deal_registry",
        [totals["as_of_date"]],
        login="data_team",
    )
    assert unmapped == int(totals["deals_unmapped"]) > 0
    assert unsettled == int(totals["deals_won_without_settlement_date"]) > 0
    assert in_future == int(totals["deals_won_closing_in_future"])
