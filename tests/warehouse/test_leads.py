"""Leads, activities and showings say what truly happened, also after lived days."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from ingestion.demo.agency.lists import lists
from tests.agency_home import CONNECTION, AgencyHome, GroundTruth, living_agency
from tests.conftest import Postgres

METRICS = (
    "leads_new",
    "leads_unique",
    "leads_qualified",
    "leads_poor",
    "leads_poor_amount",
    "calls_made",
    "calls_effective",
    "meetings_planned",
    "meetings_held",
    "meetings_first",
    "showings_planned",
    "showings_held",
    "showings_failed",
)
# The portal's words for the states of a lead.
STATES = {
    "NEW": "new",
    "IN_PROCESS": "in_process",
    "QUALIFIED": "qualified",
    "PAUSED": "paused",
    "CONVERTED": "converted",
    "POOR": "poor",
    "SPAM": "spam",
    "JUNK": "lost",
}
LIVED_DAYS = 5


@pytest.fixture(scope="module", params=[0, LIVED_DAYS], ids=["day 0", "lived on"])
def home(
    request: pytest.FixtureRequest,
    agency_home: AgencyHome,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AgencyHome]:
    """The agency on its first day, and one that was looked at again later."""
    if not request.param:
        yield agency_home
        return
    environment = {"REESTR_DATABASE_URL": postgres.create_database("leads")}
    folder = tmp_path_factory.mktemp("leads")
    with living_agency(folder, environment, deals=200, seed=3) as lived:
        lived.run_pass()
        lived.live(request.param)
        lived.run_pass()
        yield lived


@pytest.fixture(scope="module")
def truth(home: AgencyHome, tmp_path_factory: pytest.TempPathFactory) -> GroundTruth:
    return home.truth(tmp_path_factory.mktemp("truth"))


@pytest.mark.parametrize("metric", METRICS)
def test_every_month_and_person_is_true(
    home: AgencyHome, truth: GroundTruth, metric: str
) -> None:
    table = truth.table("kpi_month_employee")
    expected = {
        (month, person): Decimal(value)
        for month, person, value in zip(
            table["month"], table["employee_id"], table[metric], strict=True
        )
        if Decimal(value)
    }
    found = {
        (month, "" if key == "unassigned" else str(key).split(":")[1]): value
        for month, key, value in home.rows(
            f"select to_char(event_month, 'YYYY-MM'), employee_key, sum({metric})"
            " from reports.rpt_kpi_daily group by 1, 2"
        )
        if value
    }
    assert found == expected != {}


def test_months_of_leads_are_true(home: AgencyHome, truth: GroundTruth) -> None:
    expected = {
        row.month: tuple(map(Decimal, row[2:]))
        for row in truth.table("leads_month").itertuples()
    }
    found = {
        month: tuple(values)
        for month, *values in home.rows(
            "select to_char(created_date, 'YYYY-MM'),"
            " count(*) filter (where not is_spam),"
            " count(*) filter (where is_qualified),"
            " count(*) filter (where outcome = 'converted'),"
            " count(*) filter (where quality = 'poor'),"
            " coalesce(sum(estimate_amount) filter (where quality = 'poor'), 0)"
            " from dbt_core.fct_leads group by 1"
        )
    }
    assert found == expected


def test_leads_stand_where_they_stand(home: AgencyHome, truth: GroundTruth) -> None:
    reasons = lists()["pause_reasons"]
    expected = {
        (
            STATES[row.state],
            reasons[int(row.pause_reason_no) - 1] if row.pause_reason_no else None,
        ): (int(row.leads), Decimal(row.estimate))
        for row in truth.table("lead_states").itertuples()
    }
    found = {
        (state, reason): (leads, estimate)
        for state, reason, leads, estimate in home.rows(
            "select state, pause_reason, count(*), coalesce(sum(estimate_amount), 0)"
            " from dbt_core.fct_leads group by 1, 2"
        )
    }
    assert found == expected


def test_stocks_of_leads_are_those_of_the_states(
    home: AgencyHome, truth: GroundTruth
) -> None:
    table = truth.table("lead_states")
    open_states = table[table["state"].isin(["NEW", "IN_PROCESS", "QUALIFIED"])]
    paused = table[table["state"] == "PAUSED"]
    [(in_work, amount, on_pause, days)] = home.rows(
        "select sum(leads_in_work), sum(leads_in_work_amount), sum(leads_paused),"
        " sum(lead_pause_days) from reports.rpt_kpi_stock"
    )
    assert in_work == sum(map(int, open_states["leads"]))
    assert amount == sum(map(Decimal, open_states["estimate"]))
    assert on_pause == sum(map(int, paused["leads"])) > 0
    pauses = truth.table("lead_pauses")
    seconds = sum(map(int, pauses[pauses["resumed_at"] == ""]["seconds"]))
    assert abs(Decimal(str(days)) - Decimal(seconds) / 86400) < Decimal("0.1")


def test_pauses_of_leads_are_true(home: AgencyHome, truth: GroundTruth) -> None:
    expected = {
        (f"{CONNECTION}:{row.lead_id}", row.paused_at, row.resumed_at): int(row.seconds)
        for row in truth.table("lead_pauses").itertuples()
    }
    written = 'YYYY-MM-DD"T"HH24:MI:SS'
    found = {
        (lead, paused, resumed or ""): seconds
        for lead, paused, resumed, seconds in home.rows(
            "select lead_key, to_char(paused_at at time zone 'Europe/Moscow', %s),"
            " to_char(resumed_at at time zone 'Europe/Moscow', %s), pause_seconds"
            " from dbt_core.fct_lead_pauses",
            [written, written],
        )
    }
    assert found == expected != {}


def test_open_deals_without_a_task_are_true(
    home: AgencyHome, truth: GroundTruth
) -> None:
    table = truth.table("detail_totals")
    totals = dict(zip(table["name"], table["value"], strict=True))
    [(without,)] = home.rows(
        "select count(*) from dbt_core.fct_deals as deals"
        " inner join dbt_intermediate.int_deals__touched as touched"
        " on deals.deal_key = touched.deal_key"
        " where deals.outcome = 'open' and not deals.is_test"
        " and not deals.is_deleted and touched.open_tasks = 0"
    )
    assert without == int(totals["open_deals_without_task"])


def test_personal_data_of_clients_is_not_published(agency_home: AgencyHome) -> None:
    """Phones and e-mails tell clients apart, and stay in the working tables."""
    columns = agency_home.rows(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_schema in ('reports', 'quality', 'access', 'dbt_core')"
    )
    assert columns
    assert not [
        one for one in columns if one[2] in {"phone", "email", "identity", "identities"}
    ]
    [(phone,)] = agency_home.rows(
        "select phone from dbt_intermediate.int_contacts__unioned limit 1"
    )
    tables = agency_home.rows(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema in ('reports', 'quality')"
    )
    for (table,) in tables:
        [(told,)] = agency_home.rows(
            f"select count(*) from {table} as row_of_table"
            " where to_jsonb(row_of_table)::text like %s",
            [f"%{str(phone)[2:]}%"],
        )
        assert told == 0, table
