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

from ingestion.demo.agency.card_truth import contradictions
from ingestion.demo.agency.detail_truth import Picture, picture_of, write_detail_truth
from ingestion.demo.agency.kpi_truth import (
    COUNTS,
    METRICS,
    UNASSIGNED,
    WHOLE,
    closing_days,
    kpi_credits,
)
from ingestion.demo.agency.model import (
    EMPTY,
    Agency,
    DealType,
    Flags,
    Ints,
    Stage,
)
from ingestion.demo.agency.object_truth import showings_month
from ingestion.demo.agency.state import State, state_at


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
    picture = picture_of(agency, state)
    credited = kpi_credits(picture, looked_at)
    found = defects(picture)
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
    write_detail_truth(picture, folder)
    showings_month(picture).to_csv(
        folder / "showings_month.csv", index=False, lineterminator="\n"
    )


def defects(picture: Picture) -> pd.DataFrame:
    """List every badly filled card: ``rule_id`` and ``deal_id``, sorted.

    Rules look at the stage now: a refused, paused or unmapped deal has no rank. Deals
    made to try the CRM out are never judged.
    """
    state = picture.state
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
    rules = contradictions(picture) | {
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


def _kpi_rows(credited: pd.DataFrame) -> Iterable[list[str]]:
    sums = credited.groupby(["month", "employee_id", "metric"])["value"].sum()
    wide = sums.unstack("metric", fill_value=0)
    wide = wide.reindex(columns=list(METRICS), fill_value=0).sort_index()
    for (month, person), *values in wide.itertuples(name=None):
        written = [
            _written(metric, int(value))
            for metric, value in zip(METRICS, values, strict=True)
        ]
        yield [
            str(np.datetime64(int(month), "M")),
            "" if person == UNASSIGNED else str(person),
            *written,
        ]


def _written(metric: str, value: int) -> str:
    """Write a count with four decimals and money with two, exactly."""
    size, digits = (WHOLE, 4) if metric in COUNTS else (100, 2)
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), size)
    return f"{sign}{whole}.{rest:0{digits}d}"


def _write(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
