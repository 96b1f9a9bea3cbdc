"""KPI by month and employee: they add up to the files of the detailed records."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingestion.demo.agency.detail_truth import picture_of
from ingestion.demo.agency.ground_truth import write_ground_truth
from ingestion.demo.agency.kpi_truth import (
    METRICS,
    Ledger,
    keep_longest_of_minute,
    split_money,
)
from ingestion.demo.agency.life import simulate
from ingestion.demo.agency.model import EMPTY, Agency, end_of_day
from ingestion.demo.agency.state import state_at

TODAY = date(2025, 9, 17)
NOW = end_of_day(TODAY)
KPI = "kpi_month_employee"


@cache
def agency() -> Agency:
    return simulate(seed=11, deals=3_000, first_today=TODAY)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ground_truth")
    write_ground_truth(agency(), NOW, folder)
    return folder


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def by_month(table: pd.DataFrame, metric: str) -> dict[str, Decimal]:
    sums = table[metric].map(Decimal).groupby(table["month"]).sum()
    return {str(month): value for month, value in sums.items() if value}


def test_every_metric_has_credits(written: Path) -> None:
    kpi = read(written, KPI)
    assert list(kpi.columns) == ["month", "employee_id", *METRICS]
    assert not kpi.duplicated(["month", "employee_id"]).any()
    for metric in METRICS:
        assert sum(kpi[metric].map(Decimal)) != 0, metric


@pytest.mark.parametrize(
    ("file", "metric"),
    [
        ("advances_month", "advances_refunded_amount"),
        ("advances_month", "forfeited_advance_income"),
        ("cash_month", "revenue_cash"),
        ("contracts_month", "contracts_terminated"),
        ("leads_month", "leads_new"),
        ("leads_month", "leads_qualified"),
        ("leads_month", "leads_poor"),
        ("leads_month", "leads_poor_amount"),
    ],
)
def test_people_add_up_to_the_month(written: Path, file: str, metric: str) -> None:
    assert by_month(read(written, KPI), metric) == by_month(read(written, file), metric)


@pytest.mark.parametrize("metric", ["advances_count", "contracts_signed"])
def test_the_field_stands_in_where_there_is_no_record(
    written: Path, metric: str
) -> None:
    name = metric.split("_", maxsplit=1)[0]
    recorded = by_month(read(written, f"{name}_month"), metric)
    counted = by_month(read(written, KPI), metric)
    assert sum(counted.values()) > sum(recorded.values())
    assert all(counted[month] >= value for month, value in recorded.items())


@pytest.mark.parametrize(
    "metric", ["commission_gross", "discounts", "partner_share", "direct_expenses"]
)
def test_deals_add_up_to_the_same_money(written: Path, metric: str) -> None:
    deals = read(written, "deal_money")
    closed = deals[
        (deals["outcome"] == "won") & (deals["closing_date"] <= TODAY.isoformat())
    ]
    of_deals = sum(Decimal(value) for value in closed[metric] if value)
    assert sum(read(written, KPI)[metric].map(Decimal)) == of_deals


def test_the_waterfall_holds_for_every_month_and_person(written: Path) -> None:
    kpi = read(written, KPI)
    money = {name: kpi[name].map(Decimal) for name in METRICS}
    revenue = money["commission_gross"] - money["discounts"]
    revenue = revenue - money["partner_share"] - money["commission_refunds"]
    # Shares of an odd kopeck may fall apart between two owners, no more than that.
    assert (revenue - money["revenue_net"]).abs().max() <= Decimal("0.05")
    assert sum(revenue) == sum(money["revenue_net"])
    assert (
        money["contribution"] == money["revenue_net"] - money["direct_expenses"]
    ).all()
    assert (
        money["advances_net_amount"]
        == money["advances_amount"] - money["advances_refunded_amount"]
    ).all()


def test_who_held_a_role_on_the_day_is_credited() -> None:
    """Of days before its first look a warehouse knows what it saw first."""
    later = NOW + timedelta(days=30)
    state = state_at(agency(), later)
    first = state_at(agency(), NOW)
    owner = first.fields["deal_owner"]
    deal = np.flatnonzero(owner != EMPTY)[:3]
    changed = state.fields["deal_owner"].copy()
    changed[deal] = 9
    now = replace(state, fields={**state.fields, "deal_owner": changed})
    ledger = Ledger(picture_of(agency(), now), [first, now], [])
    days = np.array([-1, 0, 30]) + first.today_number
    held = ledger.holder("deal_owner", deal, days)
    assert held.tolist() == [owner[deal[0]], owner[deal[1]], 9]


def test_a_holder_written_later_counts_for_an_earlier_day() -> None:
    first, later = state_at(agency(), NOW), state_at(agency(), NOW + timedelta(days=9))
    is_empty = first.fields["contract_owner"] == EMPTY
    held = later.fields["contract_owner"][: first.size]
    deal = np.flatnonzero(is_empty & (held != EMPTY))
    ledger = Ledger(picture_of(agency(), later), [first, later], [])
    day = np.full(deal.size, first.today_number)
    assert deal.size
    assert ledger.holder("contract_owner", deal, day).tolist() == held[deal].tolist()


def test_calls_of_one_minute_are_one_call_and_the_longest_stays() -> None:
    seconds = [0, 60, 121, 30, 300]
    calls = pd.DataFrame(
        {
            "deal": [0, 1, 0, 2, 0],
            "at": np.datetime64("2025-09-01T10:00:00", "s")
            + np.array(seconds).astype("timedelta64[s]"),
            "seconds": [90, 120, 60, 60, 60],
        }
    )
    deals = pd.DataFrame({"contact": [7, 7, 8]})
    kept = keep_longest_of_minute(calls, deals).tolist()
    assert kept == [False, True, True, True, True]


def test_a_negative_amount_is_split_like_a_positive_one() -> None:
    amount = np.array([10_001, -10_001, 1, -1])
    first, second = np.array([6, 6, 9, 9]), np.array([12, 12, 5, 5])
    low, high = split_money(amount, first, second)
    assert low.tolist() == [5_001, -5_001, 0, 0]
    assert high.tolist() == [5_000, -5_000, 1, -1]
