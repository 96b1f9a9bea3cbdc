"""A deal is one row and its money one sum in every layer, from staging to the KPI."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.agency_home import TODAY, AgencyHome

LAYERS = (
    "dbt_staging.stg_bitrix24__deals where not is_test and deleted_at is null",
    "dbt_core.fct_deals where not is_test and not is_deleted",
    "reports.rpt_deal_registry",
)
SOURCE_MONEY = (
    "price", "commission", "partner_share", "direct_expenses", "paid_amount",
    "advance_amount",
)  # fmt: skip
MONEY = (*SOURCE_MONEY, "revenue_net", "expected_revenue")
# A metric of the KPI mart -> what the registry says of the same facts.
KPI = {
    "commission_gross": ("sum(commission)", "outcome = 'won'", "closing_date"),
    "revenue_net": ("sum(revenue_net)", "outcome = 'won'", "closing_date"),
    "price_closed": ("sum(price)", "outcome = 'won'", "closing_date"),
    "deals_closed": ("count(*)", "outcome = 'won'", "closing_date"),
    "refusals": ("count(*)", "outcome = 'lost'", "lost_date"),
    "advances_amount": ("sum(advance_amount)", "true", "advance_received_date"),
    "advances_count": ("count(*)", "true", "advance_received_date"),
    "contracts_signed": ("count(*)", "true", "contract_signed_date"),
}


def one(home: AgencyHome, query: str) -> Decimal:
    [(value,)] = home.rows(query)
    return Decimal(str(value))


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
        "direct_expenses": "UF_CRM_EXPENSES",
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


def test_shares_of_people_add_up_to_the_deal(agency_home: AgencyHome) -> None:
    """Every deal with an owner, every amount, kopeck by kopeck."""
    sums = ", ".join(f"sum({name}) as {name}" for name in MONEY)
    different = " or ".join(
        f"deals.{name} is distinct from shares.{name}" for name in MONEY
    )
    [(deals, wrong, weights)] = agency_home.rows(
        f"select count(*), count(*) filter (where {different}), min(credit_weight)"
        " from reports.rpt_deal_registry as deals left join"
        f" (select deal_key, {sums}, sum(credit_weight) as credit_weight"
        " from dbt_intermediate.int_deal_shares__split group by deal_key) as shares"
        " using (deal_key) where deals.deal_owner_name is not null"
    )
    assert deals > 100
    assert (wrong, weights) == (0, 1)


def test_a_group_has_the_shares_of_its_people(agency_home: AgencyHome) -> None:
    """A reader's row of a deal is the sum over everyone in the reader's scope."""
    columns = (*MONEY, "credit_weight")
    sums = ", ".join(f"sum({name}) as {name}" for name in columns)
    read = agency_home.frame(
        f"select deal_key, {', '.join(columns)} from reports.rpt_deal_registry_split"
        " where registry_key like '%|group_leader' order by 1"
    )
    people = agency_home.frame(
        f"select deal_key, {sums} from dbt_intermediate.int_deal_shares__split"
        " where employee_key in (select employee_key from dbt_core.dim_employees"
        " where group_key = (select group_key from dbt_core.dim_employees"
        " where source_id = '5')) group by 1 order by 1"
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
