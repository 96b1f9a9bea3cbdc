"""Records beside the deals: none is lost, no sum changes, from portal to KPI."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.agency_home import TODAY, AgencyHome

# Entity of the portal -> its amount, the union, the fact and the amount there.
RECORDS = {
    "productrow": ("PRICE", "service_lines", "fct_service_lines", "current_amount"),
    "spa_1058": ("OPPORTUNITY", "advances", "fct_advances", "amount"),
    "spa_1050": ("OPPORTUNITY", "deal_expenses", "fct_deal_expenses", "amount"),
    "spa_1062": ("OPPORTUNITY", "payments", "fct_payments", "amount"),
    "invoice": ("OPPORTUNITY", "invoices", "fct_invoices", "amount"),
    "spa_1038": ("OPPORTUNITY", "units", "dim_units", "list_price"),
    "spa_1042": (None, "reservations", "fct_reservations", None),
    "spa_1046": (None, "documents", "fct_documents", None),
    "spa_1054": (None, "partner_shares", "fct_partner_shares", None),
    "spa_1066": (None, "absences", "fct_absences", None),
    "contact": (None, "contacts", "dim_contacts", None),
    "company": (None, "companies", "dim_companies", None),
    "lead": (None, "leads", "fct_leads", None),
}
FROM_CARDS = {
    "fct_service_lines",
    "fct_advances",
    "fct_deal_expenses",
    "fct_partner_shares",
}
AMOUNT_IN_UNION = {
    "service_lines": "agreed_amount - discount",
    "units": "list_price",
}
# A metric -> what the facts say of the same.
KPI = {
    "commission_gross": "select sum(commission_gross) from dbt_core.fct_deals"
    " where outcome = 'won' and closing_date <= {today} and not is_test",
    "contracts_signed": "select count(*) from dbt_core.fct_contracts"
    " where signed_date <= {today}",
    "advances_count": "select count(*) from dbt_core.fct_advances"
    " where not is_moved and received_date <= {today}",
    "advances_amount": "select sum(amount) from dbt_core.fct_advances"
    " where not is_moved and received_date <= {today}",
    "revenue_cash": "select sum(case direction when 'in' then amount else -amount end)"
    " from dbt_core.fct_payments where operation_date <= {today}",
    "direct_expenses": "select sum(amount) from dbt_core.fct_deal_expenses"
    " where payer = 'agency' and recognition_date <= {today}",
    "leads_new": "select count(*) from dbt_core.fct_leads where not is_spam"
    " and created_date <= {today}",
    "showings_held": "select count(*) from dbt_core.fct_showings"
    " where status = 'held' and showing_date <= {today}",
    "meetings_held": "select count(*) from dbt_core.fct_meetings"
    " where meeting_date <= {today}",
}


def one(home: AgencyHome, query: str) -> Decimal:
    [(value,)] = home.rows(query)
    return Decimal(str(value))


@pytest.mark.parametrize("entity", RECORDS)
def test_no_record_is_lost_or_doubled(agency_home: AgencyHome, entity: str) -> None:
    _, union, fact, _ = RECORDS[entity]
    expected = agency_home.store.count(entity)
    assert expected > 0
    recorded = "where not is_synthetic" if fact in FROM_CARDS else ""
    for query in (
        f"select count(*) from dbt_intermediate.int_{union}__unioned",
        f"select count(*) from dbt_core.{fact} {recorded}",
    ):
        assert one(agency_home, query) == expected, query


@pytest.mark.parametrize(
    "entity", [entity for entity, (amount, *_) in RECORDS.items() if amount]
)
def test_a_sum_of_records_is_the_same_in_every_layer(
    agency_home: AgencyHome, entity: str
) -> None:
    name, union, fact, amount = RECORDS[entity]
    rows = agency_home.store.rows(entity)
    expected = sum(
        Decimal(str(row[str(name)])).quantize(Decimal("0.01")) for row in rows
    )
    assert expected > 0
    recorded = "where not is_synthetic" if fact in FROM_CARDS else ""
    of_union = AMOUNT_IN_UNION.get(union, "amount")
    for query in (
        f"select sum({of_union}) from dbt_intermediate.int_{union}__unioned",
        f"select sum({amount}) from dbt_core.{fact} {recorded}",
    ):
        assert one(agency_home, query) == expected, query


@pytest.mark.parametrize("metric", KPI)
@pytest.mark.parametrize("schema", ["dbt_reports", "reports"])
def test_a_kpi_is_the_sum_of_its_facts(
    agency_home: AgencyHome, metric: str, schema: str
) -> None:
    expected = one(agency_home, KPI[metric].format(today=f"date '{TODAY}'"))
    assert expected > 0
    found = one(agency_home, f"select sum({metric}) from {schema}.rpt_kpi_daily")
    assert found == expected
