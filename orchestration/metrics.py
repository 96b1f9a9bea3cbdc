"""Blocks of metrics are proved before anything is published."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache

import psycopg

from bi.catalog import CatalogError, read_catalog
from bi.metrics import Metric, check_metrics, example_query
from ingestion.mapping import ALWAYS_GIVEN, ENTITIES, ENTITY_FIELDS
from orchestration.transformation import manifest_file, parse
from orchestration.warehouse import Warehouse


class MetricError(Exception):
    """A block of a metric does not hold; the text names it with file and line."""


def check_blocks(warehouse: Warehouse, variables: Mapping[str, object]) -> None:
    """Check every block before a table is built from it.

    Args:
        warehouse: Of the home.
        variables: What the connections say, as dbt is told.

    Raises:
        MetricError: a block is not whole, or names what does not exist.
        TransformationError: dbt does not understand the project.
    """
    try:
        catalog = read_catalog(parse(warehouse, variables))
        check_metrics(
            catalog.metrics, tables=catalog.datasets, fields=canonical_fields()
        )
    except CatalogError as error:
        raise MetricError(str(error)) from error


def prove(warehouse: Warehouse, schemas: Collection[str]) -> int:
    """Run the examples of the metrics whose facts dbt has built, and count them.

    Args:
        warehouse: With the facts.
        schemas: Working schemas that are built by now.

    Raises:
        MetricError: an example cannot run or gives another value than it says.
    """
    metrics = read_catalog(manifest_file(warehouse)).metrics
    proved = 0
    with warehouse.connect("transformer") as connection:
        for metric in metrics.values():
            if _schemas(metric, metrics) <= set(schemas):
                _prove(connection, metric, metrics)
                proved += 1
    return proved


def missing_reasons(connection: psycopg.Connection) -> dict[str, str]:
    """Metric to why no connected source can give it, as the dictionary has it."""
    published = connection.execute(
        "select to_regclass('reports.rpt_metrics') is not null"
    ).fetchone()
    if published is None or not published[0]:
        return {}
    rows = connection.execute(
        "select metric_id, state_reason from reports.rpt_metrics"
        " where state = 'not_given'"
    )
    return {str(metric): str(reason) for metric, reason in rows}


@cache
def canonical_fields() -> Mapping[str, Collection[str]]:
    """Canonical entities with the fields that a connection may give."""
    rows_only = {name: () for names in ALWAYS_GIVEN.values() for name in names}
    return {
        **rows_only,
        **{name: entity.fields for name, entity in ENTITIES.items()},
        **{name: tuple(fields) for name, fields in ENTITY_FIELDS.items()},
    }


def _schemas(metric: Metric, metrics: Mapping[str, Metric]) -> set[str]:
    if metric.kind != "ratio":
        return {metric.schema}
    names: Iterable[str] = (metric.numerator, metric.denominator)
    return {schema for name in names for schema in _schemas(metrics[name], metrics)}


def _prove(
    connection: psycopg.Connection, metric: Metric, metrics: Mapping[str, Metric]
) -> None:
    place = f"metric {metric.name}"
    rows = {fact: json.dumps(part) for fact, part in metric.example.items()}
    _check_columns(connection, metric, metrics)
    try:
        with connection.transaction():
            found = connection.execute(
                f"select {example_query(metric, metrics)}".encode(), rows
            ).fetchone()
    except (psycopg.Error, KeyError) as error:
        said = str(error).strip().splitlines()[0]
        raise MetricError(
            f"{place}: its example does not run: {said} ({metric.file})"
        ) from error
    value = found[0] if found else None
    if not _is_same(value, metric.gives):
        raise MetricError(
            f"{place}: its example gives {value}, not {metric.gives} ({metric.file})"
        )


def _check_columns(
    connection: psycopg.Connection, metric: Metric, metrics: Mapping[str, Metric]
) -> None:
    """A misspelt column of an example would be passed over in silence."""
    facts = {known.model: known.schema for known in metrics.values() if known.model}
    for fact, rows in metric.example.items():
        named = {name for row in rows for name in row}
        known = {
            str(name)
            for (name,) in connection.execute(
                "select column_name from information_schema.columns"
                " where table_schema = %s and table_name = %s",
                [facts.get(fact, ""), fact],
            )
        }
        for name in sorted(named - known):
            raise MetricError(
                f"metric {metric.name}: its example names {name!r}, which is no column"
                f" of {fact} ({metric.file})"
            )


def _is_same(value: object, promised: object) -> bool:
    if value is None or promised is None:
        return value is promised
    try:
        return Decimal(str(value)) == Decimal(str(promised))
    except InvalidOperation:
        return False
