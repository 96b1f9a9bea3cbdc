"""Every metric is one whole block, and its example gives what it promises."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from bi.catalog import Catalog, read_catalog
from bi.metrics import Metric, check_metrics, example_query
from bi.units import unit
from ingestion.demo.agency.kpi_truth import METRICS
from orchestration.metrics import canonical_fields
from orchestration.transformation import manifest_file
from tests.agency_home import AgencyHome
from tests.architecture.conftest import Manifest

CYRILLIC = re.compile("[А-Яа-яЁё]")


@pytest.fixture(scope="module")
def catalog(agency_home: AgencyHome) -> Catalog:
    return read_catalog(manifest_file(agency_home.warehouse))


def test_every_metric_is_complete(catalog: Catalog) -> None:
    assert set(catalog.metrics) >= {*METRICS, "avg_ticket", "win_rate"}
    check_metrics(catalog.metrics, tables=catalog.datasets, fields=canonical_fields())
    for name, metric in catalog.metrics.items():
        for text in (metric.label, metric.description, metric.formula, metric.owner):
            assert CYRILLIC.search(text), name
        assert metric.description.endswith("."), name
        assert unit(metric.unit, "RUB"), name
        rows = [row for rows in metric.example.values() for row in rows]
        assert len(rows) > 1, f"{name}: one row proves no condition"


def test_every_measure_is_a_metric(manifest: Manifest, catalog: Catalog) -> None:
    """A column of a mart without a metric would have no label and no meaning."""
    for model in manifest["semantic_models"].values():
        for measure in model["measures"]:
            meta = measure["config"]["meta"]
            assert meta.get("id", measure["name"]) in catalog.metrics


def test_a_label_names_one_metric(catalog: Catalog) -> None:
    labels = [metric.label for metric in catalog.metrics.values()]
    assert len(set(labels)) == len(labels)


def test_every_example_gives_what_it_promises(
    catalog: Catalog, agency_home: AgencyHome
) -> None:
    """Run in PostgreSQL over rows of the fact's own type."""
    for name, metric in catalog.metrics.items():
        value = example_value(agency_home, catalog, metric)
        if metric.gives is None:
            assert value is None, name
        else:
            assert Decimal(str(value)) == Decimal(str(metric.gives)), name


def test_a_drill_list_sums_to_the_number(
    catalog: Catalog, agency_home: AgencyHome
) -> None:
    """Contributions of the records under the predicate are the number itself."""
    checked = 0
    for name, metric in catalog.metrics.items():
        if metric.kind not in ("sum", "stock"):
            continue
        drill = metric.drill_down
        fact = f"{metric.schema}.{metric.model}"
        [(listed, summed)] = agency_home.rows(
            f"select (select sum({drill.contribution}) from {fact}"
            f" where {drill.predicate}), (select {metric.aggregate} from {fact})"
        )
        assert listed == summed, name
        checked += 1
    assert checked > 10


def test_an_additive_metric_turns_its_sign_with_its_measures(
    catalog: Catalog, agency_home: AgencyHome
) -> None:
    """What is taken back of the books is the same fact with opposite measures."""
    checked = 0
    for name, metric in catalog.metrics.items():
        if metric.dataset != "rpt_kpi_daily" or metric.additivity != "A":
            continue
        assert metric.kind == "sum", f"{name}: a count cannot be taken back"
        rows = [
            {
                column: -value if column in ("credit_weight", "amount") else value
                for column, value in row.items()
            }
            for part in metric.example.values()
            for row in part
        ]
        opposite = replace(metric, example={metric.model: rows})
        value = example_value(agency_home, catalog, opposite)
        assert Decimal(str(value)) == -Decimal(str(metric.gives)), name
        checked += 1
    assert checked > 30


def example_value(home: AgencyHome, catalog: Catalog, metric: Metric) -> object:
    rows = metric.example
    with home.warehouse.connect("transformer") as connection:
        found = connection.execute(
            f"select {example_query(metric, catalog.metrics)}".encode(),
            {fact: json.dumps(part) for fact, part in rows.items()},
        ).fetchone()
    assert found is not None
    return found[0]
