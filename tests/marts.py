"""The published marts and the ground truth in one shape, to be compared."""

from __future__ import annotations

from decimal import Decimal

import psycopg

from ingestion.demo.agency.kpi_truth import METRICS
from tests.agency_home import CONNECTION, AgencyHome, GroundTruth

# Month, employee (empty: nobody), metric -> value that is not zero.
Credits = dict[tuple[str, str, str], Decimal]


def credited_in_marts(home: AgencyHome, login: str = "data_team") -> Credits:
    """Sums of the KPI mart by month, employee and metric, as a login sees them."""
    with home.warehouse.connect(login) as connection:
        return credits_of(connection)


def credits_of(connection: psycopg.Connection) -> Credits:
    """The same through an open connection."""
    sums = ", ".join(f"sum({metric})" for metric in METRICS)
    rows = connection.execute(
        "select to_char(event_month, 'YYYY-MM'), employee_key,"
        f" {sums} from reports.rpt_kpi_daily group by 1, 2".encode()
    )
    found: Credits = {}
    for month, key, *values in rows:
        person = str(key).removeprefix(f"{CONNECTION}:")
        _collect(found, str(month), "" if key == "unassigned" else person, values)
    return found


def credited_in_truth(truth: GroundTruth) -> Credits:
    """The same of the simulator's own file."""
    found: Credits = {}
    table = truth.table("kpi_month_employee")
    for month, person, *values in table.itertuples(index=False, name=None):
        _collect(found, str(month), str(person), values)
    return found


def findings_in_marts(home: AgencyHome) -> set[tuple[str, str]]:
    """Rule and deal of every open finding."""
    rows = home.rows(
        "select rule_id, deal_number from reports.rpt_findings where closed_at is null",
        login="data_team",
    )
    assert len(rows) == len(set(rows))
    return {(str(rule), str(deal)) for rule, deal in rows}


def planted_defects(truth: GroundTruth) -> set[tuple[str, str]]:
    """Rule and deal of every badly filled card."""
    table = truth.table("defects")
    return {(str(rule), str(deal)) for rule, deal in table.itertuples(index=False)}


def _collect(found: Credits, month: str, person: str, values: list[object]) -> None:
    for metric, value in zip(METRICS, values, strict=True):
        amount = Decimal(str(value))
        if amount:
            found[month, person, metric] = amount
