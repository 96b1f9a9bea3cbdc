"""One number, three ways: the mart, the expression of a page, SQL over base rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from bi.catalog import Catalog, read_catalog
from bi.metrics import FROM_ROWS, Metric
from orchestration.transformation import manifest_file
from tests.agency_home import AgencyHome

# Published mart -> level whose rows hold every fact once.
ONE_LEVEL = {"rpt_deal_facts": "level = 'company'"}


@pytest.fixture(scope="module")
def catalog(agency_home: AgencyHome) -> Catalog:
    tables: dict[str, dict[str, str]] = {}
    for table, column, data_type in agency_home.rows(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'reports' order by table_name, ordinal_position"
    ):
        tables.setdefault(str(table), {})[str(column)] = str(data_type)
    return read_catalog(manifest_file(agency_home.warehouse), tables=tables)


def same(left: object, right: object) -> bool:
    if left is None or right is None:
        return not left and not right
    return abs(Decimal(str(left)) - Decimal(str(right))) < Decimal("0.000001")


def base_value(
    home: AgencyHome, metric: Metric, metrics: Mapping[str, Metric]
) -> object:
    """The number over the rows of the fact itself."""
    if metric.kind == "ratio":
        above = base_value(home, metrics[metric.numerator], metrics)
        below = base_value(home, metrics[metric.denominator], metrics)
        if above is None or not below:
            return None
        return Decimal(str(above)) / Decimal(str(below))
    if metric.kind in FROM_ROWS:
        return measured_once(home, metric)
    [(value,)] = home.rows(
        f"select {metric.aggregate} from {metric.schema}.{metric.model}"
    )
    return value


def test_every_metric_is_one_number_however_it_is_asked(
    catalog: Catalog, agency_home: AgencyHome
) -> None:
    checked = 0
    for metric in catalog.metrics.values():
        table = metric.dataset or catalog.metrics[metric.numerator].dataset
        expression = catalog.expression(metric.name, table)
        if expression is None:
            assert metric.kind == "ratio", f"{metric.name}: {table} cannot give it"
            continue
        where = ONE_LEVEL.get(table, "true")
        [(shown,)] = agency_home.rows(
            f"select {expression} from reports.{table} where {where}"
        )
        if metric.kind == "mart":
            continue
        truth = base_value(agency_home, metric, catalog.metrics)
        assert same(shown, truth), f"{metric.name}: {shown} is not {truth}"
        checked += 1
    assert checked > 40


def measured_once(home: AgencyHome, metric: Metric) -> object:
    """The same over every fact once: a median is of facts, not of their parts."""
    columns = "event_type, fact_key, deal_key, detail, whole_amount as amount"
    if metric.model != "fct_deal_events":
        [(value,)] = home.rows(
            f"select {metric.aggregate} from {metric.schema}.{metric.model}"
        )
        return value
    [(value,)] = home.rows(
        f"select {metric.aggregate} from (select distinct {columns}"
        f" from {metric.schema}.{metric.model}) as facts"
    )
    return value


def test_levels_that_meet_give_no_number(
    catalog: Catalog, agency_home: AgencyHome
) -> None:
    expression = catalog.expression("deals_closed", "rpt_kpi_daily_whole")
    [(mixed,)] = agency_home.rows(
        f"select {expression} from reports.rpt_kpi_daily_whole"
    )
    assert mixed is None


def test_both_credits_have_one_total(agency_home: AgencyHome) -> None:
    """Split parts add up; whole rows overlap, and the level above counts once."""
    [(split, weights)] = agency_home.rows(
        "select sum(revenue_net), sum(deals_closed) from reports.rpt_kpi_daily"
    )
    whole = {
        str(level): (revenue, deals)
        for level, revenue, deals in agency_home.rows(
            "select level, sum(revenue_net), sum(deals_closed)"
            " from reports.rpt_kpi_daily_whole group by level"
        )
    }
    assert whole["company"] == (split, weights)
    counts = [
        Decimal(str(whole[level][1]))
        for level in ("company", "department", "group", "employee")
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.parametrize(
    ("level", "unit"),
    [
        ("employee", "employee_key"),
        ("group", "group_key"),
        ("department", "department_key"),
        ("company", "1"),
    ],
)
def test_a_level_counts_a_fact_once(
    agency_home: AgencyHome, level: str, unit: str
) -> None:
    """Against direct SQL over the facts."""
    direct = agency_home.rows(
        "select count(*) from (select distinct fact_key,"
        f" coalesce(cast({unit} as text), department_key)"
        " from dbt_core.fct_deal_events where event_type = 'deal_closed') as facts"
    )
    mart = agency_home.rows(
        "select cast(sum(deals_closed) as bigint) from reports.rpt_kpi_daily_whole"
        " where level = %s",
        [level],
    )
    assert mart == direct


def test_distinct_counts_are_of_records_at_every_level(
    catalog: Catalog, agency_home: AgencyHome
) -> None:
    """A sum over groups would count a deal of two groups twice."""
    expression = catalog.expression("deals_with_date_changes", "rpt_deal_facts")
    for level, unit in (("company", "cast(null as text)"), ("group", "group_key")):
        mart = agency_home.rows(
            f"select {unit}, {expression} from reports.rpt_deal_facts"
            " where level = %s and event_type = 'settlement_date_changed'"
            " group by 1 order by 1",
            [level],
        )
        direct = agency_home.rows(
            f"select {unit}, count(distinct deal_key) from dbt_core.fct_deal_events"
            " where event_type = 'settlement_date_changed' group by 1 order by 1"
        )
        assert mart == direct
