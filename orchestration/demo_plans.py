"""Plans of the demo agency, approved through the door like anybody's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from orchestration.decisions.door import decide_lines
from orchestration.decisions.sheet import Line, Value
from orchestration.warehouse import Warehouse

KIND = "plan_target"
AUTHOR = "admin"
# The agency as a whole, its sales department and the four groups of it.
COMPANY, SALES, GROUPS = None, "2", ("11", "12", "13", "14")
# Share of all deals of three years that a month closes, and what one brings.
MONTHS_OF_LIFE = 36
CLOSED_SHARE = Decimal("0.29")
REVENUE_OF_A_DEAL = 230_000
PER_CLOSED_DEAL = {
    "contracts_signed": Decimal("1.7"),
    "advances_count": Decimal("0.95"),
}
# January to December: what the firm expects of a month, in hundredths of the average.
SEASON = (80, 92, 108, 110, 95, 92, 92, 98, 112, 112, 110, 99)
ROUNDED_TO = 10_000


def approve_plans(warehouse: Warehouse, *, deals: int, today: date) -> int:
    """Approve last year's and this year's plans, once per home.

    Args:
        warehouse: Provisioned.
        deals: Size of the agency.
        today: Of the agency.

    Returns:
        Lines that were decided; none where plans are known.
    """
    with warehouse.connect("loader") as connection:
        known = connection.execute(
            "select count(*) from decisions.batches where kind = %s", [KIND]
        ).fetchone()
    if known and known[0]:
        return 0
    lines = plan_lines(deals=deals, today=today)
    decide_lines(
        warehouse,
        KIND,
        lines,
        author=AUTHOR,
        operator="demo",
        name=f"plans of {today.year - 1} and {today.year}",
    )
    return len(lines)


def plan_lines(*, deals: int, today: date) -> list[Line]:
    """Lines of two calendar years: money in roubles, the rest in pieces."""
    values: list[dict[str, Value]] = []
    for year in (today.year - 1, today.year):
        for month, season in enumerate(SEASON, 1):
            closed = max(
                Decimal(1), deals * CLOSED_SHARE / MONTHS_OF_LIFE * season / 100
            )
            for unit in (COMPANY, SALES, *GROUPS):
                share = Decimal(1) / len(GROUPS) if unit in GROUPS else Decimal(1)
                values += [
                    {
                        "metric": metric,
                        "org_unit_id": unit,
                        "employee_id": None,
                        "period": date(year, month, 1),
                        "value": value,
                        "reason": None,
                    }
                    for metric, value in _targets(closed * share).items()
                ]
    return [Line(number, line) for number, line in enumerate(values, 1)]


def _targets(closed: Decimal) -> dict[str, Decimal]:
    money = round(closed * REVENUE_OF_A_DEAL / ROUNDED_TO) * ROUNDED_TO
    return {
        "deals_closed": max(Decimal(1), Decimal(round(closed))),
        "revenue_net": Decimal(max(money, ROUNDED_TO)),
        **{
            metric: max(Decimal(1), Decimal(round(closed * rate)))
            for metric, rate in PER_CLOSED_DEAL.items()
        },
    }
