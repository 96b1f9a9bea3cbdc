"""What the reports must show, computed from the simulator's own events.

Nothing here knows staging, metrics or rules: the definitions are written a second time
on purpose, from the project's dictionary of metrics. Money is whole kopecks, counts
are ten-thousandths, so sums are exact.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ingestion.demo.agency import kpi_truth
from ingestion.demo.agency.cards import OWNER_BASE
from ingestion.demo.agency.detail_truth import picture_of, write_detail_truth
from ingestion.demo.agency.model import (
    EMPTY,
    ActivityKind,
    Agency,
    DealType,
    Flags,
    Ints,
    Stage,
    Times,
    day_numbers,
)
from ingestion.demo.agency.state import State, count_until, state_at

WHOLE = 10_000
SAME_MEETING_SECONDS = 3600
UNASSIGNED = 0
COUNTS = (
    "meetings_held",
    "contracts_signed",
    "advances_count",
    "deals_closed",
    "refusals",
)
METRICS = (
    "meetings_held",
    "contracts_signed",
    "advances_count",
    "advances_amount",
    "deals_closed",
    "refusals",
    "commission_gross",
    "revenue_net",
)


def write_ground_truth(
    agency: Agency,
    as_of: datetime,
    folder: Path,
    looked_at: Sequence[datetime] = (),
) -> None:
    """Write defects, KPI by month and employee, totals, and the detailed files.

    Args:
        agency: The simulated life.
        as_of: The moment of the projection; aware.
        folder: Made when it is not there.
        looked_at: When a warehouse looked at the agency before: it knows who held a
            role on a day since its first look only.
    """
    state = state_at(agency, as_of)
    credited = kpi_credits(agency, state)
    found = defects(state)
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        folder / "defects.csv",
        ["rule_id", "deal_id"],
        found[["rule_id", "deal_id"]].itertuples(index=False, name=None),
    )
    _write(
        folder / "kpi_month_employee.csv",
        ["month", "employee_id", *METRICS],
        _kpi_rows(credited),
    )
    _write(
        folder / "totals.csv", ["name", "value"], totals(state, credited, found).items()
    )
    write_detail_truth(agency, state, folder)
    _write(
        folder / "kpi_details_month_employee.csv",
        ["month", "employee_id", *kpi_truth.METRICS],
        _kpi_rows(
            kpi_truth.kpi_credits(picture_of(agency, state), looked_at),
            kpi_truth.METRICS,
        ),
    )


def defects(state: State) -> pd.DataFrame:
    """List every badly filled card: ``rule_id`` and ``deal_id``, sorted.

    Rules look at the stage now: a refused, paused or unmapped deal has no rank. Deals
    made to try the CRM out are never judged.
    """
    fields, stage = state.fields, state.stage
    is_empty = {field: values == EMPTY for field, values in fields.items()}
    has_contract = (stage >= Stage.CONTRACT) & (stage <= Stage.WON)
    has_advance = (stage >= Stage.ADVANCE) & (stage <= Stage.WON)
    is_sale = state.deals["deal_type"].to_numpy() != DealType.RENT
    is_preparing = np.isin(stage, [Stage.PREPARATION, Stage.SETTLEMENT])
    is_open = _is_open(stage)
    is_lost = np.isin(stage, [Stage.LOSE, Stage.APOLOGY])
    plan = fields["settlement_plan_date"]
    has_both = ~is_empty["commission"] & ~is_empty["price"]
    rules: dict[str, Flags] = {
        "deal_channel_filled": is_empty["source"],
        "deal_commission_filled": has_contract & is_empty["commission"],
        "deal_price_filled": has_contract & is_empty["price"],
        "deal_contract_date_filled": has_contract & is_empty["contract_date"],
        "deal_contract_number_unique": _is_repeated(state),
        "deal_advance_date_filled": has_advance & is_sale & is_empty["advance_date"],
        "deal_planned_settlement_filled": is_preparing
        & is_empty["settlement_plan_date"],
        "deal_planned_settlement_not_past": is_open
        & (plan != EMPTY)
        & (plan < state.today_number),
        "deal_refusal_reason_filled": is_lost & is_empty["refusal_reason"],
        "deal_commission_share_plausible": has_both
        & (fields["commission"] * 10 > fields["price"]),
    }
    parts = [
        pd.DataFrame(
            {"rule_id": rule, "deal_id": np.flatnonzero(flags & ~state.is_test) + 1}
        )
        for rule, flags in sorted(rules.items())
    ]
    return pd.concat(parts, ignore_index=True)


def _is_open(stage: Ints) -> Flags:
    """A deal in a stage nobody mapped has no outcome, so it counts as open."""
    is_open: Flags = (stage < Stage.WON) | (stage == Stage.LEGACY)
    return is_open


def _is_repeated(state: State) -> Flags:
    number = pd.Series(state.fields["contract_number"])
    is_known = (number != EMPTY) & ~state.is_test
    repeated: Flags = (
        (number[is_known].duplicated(keep=False))
        .reindex(number.index, fill_value=False)
        .to_numpy(dtype=bool)
    )
    return repeated


def kpi_credits(agency: Agency, state: State) -> pd.DataFrame:
    """Credit every fact to people: ``metric``, ``month``, ``employee_id``, ``value``.

    Month is the number of months since 1970; employee 0 is "unassigned". A fact after
    today is left out, a deal made to try the CRM out has no facts.
    """
    fields = state.fields
    is_real = ~state.is_test
    parts = [_meetings(agency, state)]
    signed = np.where(is_real, fields["contract_date"], EMPTY)
    parts.append(
        _one(state, "contracts_signed", signed, fields["contract_owner"], None)
    )
    received = np.where(is_real, fields["advance_date"], EMPTY)
    owner = fields["advance_owner"]
    parts.append(_one(state, "advances_count", received, owner, None))
    amount = np.maximum(fields["advance_amount"], 0)
    parts.append(_one(state, "advances_amount", received, owner, amount))
    closed, lost = closing_days(state), _days(state.lost_at)
    is_lost = is_real & np.isin(state.stage, [Stage.LOSE, Stage.APOLOGY])
    whole = np.full(state.size, WHOLE)
    commission = np.maximum(fields["commission"], 0)
    revenue = commission - np.maximum(fields["partner_share"], 0)
    for metric, day, value in (
        ("deals_closed", np.where(is_real, closed, EMPTY), whole),
        ("refusals", np.where(is_lost, lost, EMPTY), whole),
        ("commission_gross", np.where(is_real, closed, EMPTY), commission),
        ("revenue_net", np.where(is_real, closed, EMPTY), revenue),
    ):
        parts.append(_shared(state, metric, day, value))
    return pd.concat(parts, ignore_index=True)


def closing_days(state: State) -> Ints:
    """Give the closing day of won deals: the settlement, else the move to won."""
    settled = state.fields["settlement_date"]
    day = np.where(settled == EMPTY, _days(state.won_at), settled)
    return np.where(state.stage == Stage.WON, day, EMPTY)


def split_money(amount: Ints, first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Split kopecks in two equal shares; the odd kopeck goes to the lower id."""
    half = amount // 2
    odd = amount - 2 * half
    return half + odd * (first < second), half + odd * (first > second)


def totals(state: State, credited: pd.DataFrame, found: pd.DataFrame) -> dict[str, str]:
    """Count deals by state and sum every metric over all months and people."""
    real = ~state.is_test
    stage = state.stage
    is_won = real & (stage == Stage.WON)
    closed = closing_days(state)
    named = {
        "deals": state.size,
        "deals_test": int(state.is_test.sum()),
        "deals_won": int(is_won.sum()),
        "deals_lost": int((real & np.isin(stage, [Stage.LOSE, Stage.APOLOGY])).sum()),
        "deals_paused": int((real & (stage == Stage.PAUSED)).sum()),
        "deals_open": int((real & _is_open(stage)).sum()),
        "deals_unmapped": int((real & (stage == Stage.LEGACY)).sum()),
        "deals_won_without_settlement_date": int(
            (is_won & (state.fields["settlement_date"] == EMPTY)).sum()
        ),
        "deals_won_closing_in_future": int(
            (is_won & (closed > state.today_number)).sum()
        ),
    }
    result = {"as_of_date": state.today.isoformat()}
    result |= {name: str(value) for name, value in named.items()}
    sums = credited.groupby("metric")["value"].sum()
    for metric in METRICS:
        result[metric] = _written(metric, int(sums.get(metric, 0)))
    for rule, count in found.groupby("rule_id").size().items():
        result[f"defects:{rule}"] = str(count)
    return result


def _meetings(agency: Agency, state: State) -> pd.DataFrame:
    """Credit held meetings; entries of one meeting within an hour count once."""
    known = agency.activities.iloc[
        : count_until(agency.activities["created_at"], state.moment)
    ]
    is_held = (known["kind"] == ActivityKind.MEETING) & (
        known["completed_at"] <= state.moment
    )
    held = known.loc[is_held, ["deal", "host", "start"]]
    held = held[~state.is_test[held["deal"].to_numpy()]]
    held = held[day_numbers(held["start"].to_numpy()) <= state.today_number]
    held = held.sort_values(["deal", "host", "start"], kind="stable")
    kept = held[keep_first_of_hour(held)]
    day = day_numbers(kept["start"].to_numpy())
    return _credits(
        "meetings_held",
        day,
        kept["host"].to_numpy() + 1,
        np.full(len(kept), WHOLE),
    )


def keep_first_of_hour(held: pd.DataFrame) -> Flags:
    """Keep a meeting unless it starts within an hour of the last kept one.

    Args:
        held: ``deal``, ``host``, ``start``, sorted by them.
    """
    start = held["start"].to_numpy().astype("datetime64[s]").astype(np.int64)
    deal, host = held["deal"].to_numpy(), held["host"].to_numpy()
    gap = np.diff(start, prepend=start[:1])
    is_same = np.zeros(start.size, dtype=bool)
    is_same[1:] = (deal[1:] == deal[:-1]) & (host[1:] == host[:-1])
    keep: Flags = ~(is_same & (gap <= SAME_MEETING_SECONDS))
    # Only chains of close entries need a look at the last kept one: they are few.
    last_kept = 0
    for row in np.flatnonzero(~keep):
        if keep[row - 1]:
            last_kept = start[row - 1]
        if start[row] - last_kept > SAME_MEETING_SECONDS:
            keep[row] = True
    return keep


def _one(
    state: State, metric: str, day: Ints, holder: Ints, value: Ints | None
) -> pd.DataFrame:
    """Credit a dated fact of a deal to the one person of a role."""
    is_counted = (day != EMPTY) & (day <= state.today_number)
    person = np.where(holder == EMPTY, UNASSIGNED, holder)
    amount = np.full(day.size, WHOLE) if value is None else value
    return _credits(metric, day[is_counted], person[is_counted], amount[is_counted])


def _shared(state: State, metric: str, day: Ints, value: Ints) -> pd.DataFrame:
    """Credit a dated fact of a deal to its owners in equal shares."""
    is_counted = (day != EMPTY) & (day <= state.today_number)
    owners = state.fields["deal_owner"]
    first = np.where(owners == EMPTY, UNASSIGNED, owners % OWNER_BASE)
    second = np.where(owners == EMPTY, UNASSIGNED, owners // OWNER_BASE)
    is_shared = second != UNASSIGNED
    first_part, second_part = split_money(value, first, second)
    parts = [
        (is_counted & ~is_shared, first, value),
        (is_counted & is_shared, first, first_part),
        (is_counted & is_shared, second, second_part),
    ]
    return pd.concat(
        [
            _credits(metric, day[flags], person[flags], amount[flags])
            for flags, person, amount in parts
        ],
        ignore_index=True,
    )


def _credits(metric: str, day: Ints, person: Ints, value: Ints) -> pd.DataFrame:
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return pd.DataFrame(
        {"metric": metric, "month": month, "employee_id": person, "value": value}
    )


def _days(times: Times) -> Ints:
    is_known = ~np.isnat(times)
    safe = np.where(is_known, times, np.datetime64(0, "s"))
    return np.where(is_known, day_numbers(safe), EMPTY)


def _kpi_rows(
    credited: pd.DataFrame, metrics: Sequence[str] = METRICS
) -> Iterable[list[str]]:
    sums = credited.groupby(["month", "employee_id", "metric"])["value"].sum()
    wide = sums.unstack("metric", fill_value=0)
    wide = wide.reindex(columns=list(metrics), fill_value=0).sort_index()
    for (month, person), *values in wide.itertuples(name=None):
        written = [
            _written(metric, int(value))
            for metric, value in zip(metrics, values, strict=True)
        ]
        yield [
            str(np.datetime64(int(month), "M")),
            "" if person == UNASSIGNED else str(person),
            *written,
        ]


def _written(metric: str, value: int) -> str:
    """Write a count with four decimals and money with two, exactly."""
    size, digits = (WHOLE, 4) if metric in kpi_truth.COUNTS else (100, 2)
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), size)
    return f"{sign}{whole}.{rest:0{digits}d}"


def _write(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
