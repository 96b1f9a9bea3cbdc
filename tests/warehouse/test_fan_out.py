"""A deal is one row and its money one sum in every layer, from staging to the KPI."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bi.catalog import read_catalog
from orchestration.transformation import manifest_file
from tests.agency_home import TODAY, AgencyHome

LAYERS = (
    "dbt_staging.stg_bitrix24__deals where not is_test and deleted_at is null",
    "dbt_core.fct_deals where not is_test and not is_deleted",
    "reports.rpt_deal_registry",
)
# Amounts that the card alone tells; records win over its other fields.
SOURCE_MONEY = ("price", "commission", "paid_amount", "advance_amount")
MONEY = (
    *SOURCE_MONEY, "commission_gross", "discounts", "partner_share",
    "commission_refunds", "revenue_net", "expected_revenue", "direct_expenses",
    "contribution", "advances_amount", "received", "payment_remainder",
)  # fmt: skip
# A metric of the KPI mart -> what the registry says of the same facts.
KPI = {
    "commission_gross": ("sum(commission_gross)", "outcome = 'won'", "closing_date"),
    "revenue_net": ("sum(revenue_net)", "outcome = 'won'", "closing_date"),
    "partner_share": ("sum(partner_share)", "outcome = 'won'", "closing_date"),
    "direct_expenses": ("sum(direct_expenses)", "outcome = 'won'", "closing_date"),
    "price_closed": ("sum(price)", "outcome = 'won'", "closing_date"),
    "deals_closed": ("count(*)", "outcome = 'won'", "closing_date"),
    "refusals": ("count(*)", "outcome = 'lost'", "lost_date"),
    "advances_amount": ("sum(advances_amount)", "true", "created_date"),
}


def one(home: AgencyHome, query: str) -> Decimal:
    [(value,)] = home.rows(query)
    return Decimal(str(value))


def read_tables_of(home: AgencyHome) -> dict[str, dict[str, str]]:
    """Columns of the published tables, as pages and workbooks know them."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in home.rows(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'reports'"
    ):
        tables.setdefault(str(table), {})[str(column)] = str(kind)
    return tables


def test_every_layer_has_the_deals_of_the_portal(agency_home: AgencyHome) -> None:
    real = [
        row for row in agency_home.store.rows("deal") if row["UF_CRM_IS_TEST"] != "1"
    ]
    assert 0 < len(real) < agency_home.store.count("deal")
    editions = (*LAYERS, "reports.rpt_deal_registry_without_money")
    for layer in editions:
        assert one(agency_home, f"select count(*) from {layer}") == len(real), layer


@pytest.mark.parametrize("column", SOURCE_MONEY)
def test_a_sum_of_money_is_the_same_in_every_layer(
    agency_home: AgencyHome, column: str
) -> None:
    name = {
        "price": "OPPORTUNITY",
        "paid_amount": "UF_CRM_PAID",
    }.get(column, f"UF_CRM_{column.upper()}")
    amounts = [
        str(row[name] or "0").partition("|")[0]
        for row in agency_home.store.rows("deal")
        if row["UF_CRM_IS_TEST"] != "1"
    ]
    expected = sum(map(Decimal, amounts))
    assert expected > 0
    for layer in LAYERS:
        assert one(agency_home, f"select sum({column}) from {layer}") == expected, layer


@pytest.mark.parametrize("column", MONEY)
def test_the_waterfall_is_the_same_in_fact_and_registry(
    agency_home: AgencyHome, column: str
) -> None:
    first, last = LAYERS[1:]
    expected = one(agency_home, f"select sum({column}) from {first}")
    assert one(agency_home, f"select sum({column}) from {last}") == expected


@pytest.mark.parametrize("role", ["deal_owner", "advance_owner", "any"])
def test_shares_of_people_add_up_to_the_deal(
    agency_home: AgencyHome, role: str
) -> None:
    """Every deal, every amount, kopeck by kopeck, whoever holds the role."""
    sums = ", ".join(f"sum({name}) as {name}" for name in MONEY)
    different = " or ".join(
        f"deals.{name} is distinct from shares.{name}" for name in MONEY
    )
    [(deals, wrong, several)] = agency_home.rows(
        f"select count(*), count(*) filter (where {different}),"
        " count(*) filter (where holders > 1)"
        " from reports.rpt_deal_registry as deals left join"
        f" (select deal_key, count(*) as holders, {sums}"
        " from reports.rpt_registry_by_role where role = %s"
        " and credit_mode = 'split' and date_code = 'closing' group by deal_key)"
        " as shares using (deal_key)",
        [role],
    )
    assert deals > 100
    assert wrong == 0
    assert several > 0 or role == "advance_owner"


@pytest.mark.parametrize("credit", ["whole", "split"])
@pytest.mark.parametrize("role", ["deal_owner", "any", "lawyer"])
def test_the_page_counts_every_deal_and_amount_once(
    agency_home: AgencyHome, role: str, credit: str
) -> None:
    """As the tiles of the page sum: a deal of several holders is one deal."""
    tables = read_tables_of(agency_home)
    catalog = read_catalog(manifest_file(agency_home.warehouse), tables=tables)
    page = "rpt_registry_by_role"
    totals = ", ".join(catalog.total(name, page) for name in MONEY)
    shown = agency_home.rows(
        f"select count(distinct deal_key), {totals} from reports.{page}"
        " where role = %s and credit_mode = %s and date_code = 'closing'",
        [role, credit],
    )
    sums = ", ".join(f"sum({name})" for name in MONEY)
    expected = agency_home.rows(
        f"select count(*), {sums} from reports.rpt_deal_registry"
    )
    assert shown == expected


@pytest.mark.parametrize("credit", ["whole", "split"])
@pytest.mark.parametrize("date_code", ["settlement", "contract", "advance", "closing"])
def test_months_with_their_two_lines_make_up_all_deals(
    agency_home: AgencyHome, date_code: str, credit: str
) -> None:
    rows = agency_home.rows(
        "select month_label, count(distinct deal_key), sum(commission)"
        " from reports.rpt_registry_by_role where role = 'deal_owner'"
        " and credit_mode = %s and date_code = %s and outcome <> 'paused'"
        " and (%s = 'split' or credit_weight = 1) group by 1",
        [credit, date_code, credit],
    )
    [(deals, commission)] = agency_home.rows(
        "select count(*), sum(commission) from reports.rpt_deal_registry"
        " where outcome <> 'paused' and (%s = 'split' or deal_key in"
        " (select deal_key from reports.rpt_registry_by_role"
        "  where role = 'deal_owner' and credit_weight = 1))",
        [credit],
    )
    assert "Без даты" in {label for label, *_ in rows}
    assert len(rows) > 5
    assert sum(Decimal(str(count)) for _, count, _ in rows) == deals
    assert sum(Decimal(str(amount or 0)) for *_, amount in rows) == commission


def test_a_won_deal_of_tomorrow_stands_in_its_own_line(agency_home: AgencyHome) -> None:
    found = agency_home.rows(
        "select month_label, count(distinct deal_key) from"
        " reports.rpt_registry_by_role where date_code = 'closing'"
        " and closing_date > as_of_date group by 1"
    )
    known = agency_home.rows(
        "select count(*) from reports.rpt_deal_registry_as_of"
        " where is_today and closing_date > as_of_date"
    )
    assert found == ([("Дата в будущем", known[0][0])] if known[0][0] else [])


def test_a_group_has_the_shares_of_its_people(agency_home: AgencyHome) -> None:
    """Two people of a group in one role are one line of the leader, with their sum."""
    columns = (*MONEY, "credit_weight")
    sums = ", ".join(f"sum({name}) as {name}" for name in columns)
    read = agency_home.frame(
        f"select deal_key, {sums} from reports.rpt_deal_registry_participants"
        " where role = 'deal_owner' group by 1 order by 1",
        login="p_group_leader",
    )
    people = agency_home.frame(
        f"select deal_key, {sums} from reports.rpt_registry_by_role"
        " where role = 'deal_owner' and credit_mode = 'split'"
        " and date_code = 'closing' and participant_key in"
        " (select participant_key from dbt_intermediate.int_deal_holders__listed"
        "  where unit_keys && array[(select group_key from dbt_core.dim_employees"
        "  where source_id = '5')]) group by 1 order by 1"
    )
    assert len(read) > 20
    assert read.to_dict("records") == people.to_dict("records")


@pytest.mark.parametrize("metric", KPI)
def test_the_kpi_sum_is_the_sum_of_the_registry(
    agency_home: AgencyHome, metric: str
) -> None:
    value, condition, date = KPI[metric]
    expected = one(
        agency_home,
        f"select {value} from reports.rpt_deal_registry where {condition}"
        f" and {date} <= date '{TODAY}'",
    )
    assert expected > 0
    total = one(agency_home, f"select sum({metric}) from reports.rpt_kpi_daily")
    assert total == expected
