"""The catalog: what it reads from dbt's manifest, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bi.catalog import Catalog, CatalogError, read_catalog
from bi.units import UnknownUnitError, unit

METRICS_FILE = "models/metrics/deals.yml"


def measure(name: str, **meta: object) -> dict[str, Any]:
    return {
        "name": name,
        "agg": "sum",
        "expr": f"case when is_won then {name} end",
        "label": "Комиссия",
        "description": "Сумма   комиссии.",
        "config": {"meta": {"unit": "money", "formula": "Σ", **meta}},
    }


def node(name: str, label: str | None = "Комиссия") -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "description": "Metric created from measure",
        "type": "simple",
        "type_params": {"numerator": None, "denominator": None},
        "config": {"meta": {}},
        "original_file_path": METRICS_FILE,
    }


def model(name: str, columns: dict[str, Any], **meta: object) -> dict[str, Any]:
    return {
        "name": name,
        "resource_type": "model",
        "schema": "dbt_reports",
        "description": "Таблица,\n  одна строка на сделку.",
        "columns": {
            key: {"name": key, "description": "", "data_type": None, "config": value}
            for key, value in columns.items()
        },
        "config": {"meta": meta},
        "original_file_path": f"models/{name}.sql",
        "patch_path": f"reestr://models/_{name}.yml",
    }


def manifest() -> dict[str, Any]:
    return {
        "nodes": {
            "scopes": model(
                "user_scopes",
                {},
                row_access_rules={"by_keys": {"predicate": "keys && k({reader})"}},
            ),
            "fact": model(
                "fct_deals",
                {"price": {"meta": {"label": "Цена", "unit": "money"}}},
            ),
            "registry": model(
                "rpt_deals",
                {
                    "price": {"meta": {}},
                    "deal_html": {},
                    "deal": {"meta": {"label": "С"}},
                },
                published_schema="reports",
                row_access="by_keys",
            ),
        },
        "semantic_models": {
            "deals": {
                "measures": [measure("commission_gross")],
                "node_relation": {"alias": "fct_deals"},
                "original_file_path": METRICS_FILE,
            }
        },
        "metrics": {"commission_gross": node("commission_gross")},
    }


def read(
    folder: Path,
    content: dict[str, Any],
    tables: dict[str, dict[str, str]] | None = None,
) -> Catalog:
    path = folder / "target" / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_catalog(path, tables=tables, project=folder)


def test_only_published_models_are_datasets(tmp_path: Path) -> None:
    catalog = read(tmp_path, manifest())
    assert set(catalog.datasets) == {"rpt_deals"}
    found = catalog.datasets["rpt_deals"]
    assert found.schema == "reports"
    assert found.description == "Таблица, одна строка на сделку."
    assert found.access == catalog.rules["by_keys"]


def test_a_column_inherits_its_label_by_name(tmp_path: Path) -> None:
    columns = read(tmp_path, manifest()).datasets["rpt_deals"].columns
    assert (columns["price"].label, columns["price"].unit) == ("Цена", "money")
    assert columns["deal_html"].label == "С"


def test_a_metrics_meaning_lies_in_its_measure(tmp_path: Path) -> None:
    found = read(tmp_path, manifest()).metrics["commission_gross"]
    assert found.description == "Сумма комиссии."
    assert (found.unit, found.formula, found.kind) == ("money", "Σ", "sum")


def test_the_warehouse_names_the_columns_that_metrics_make(tmp_path: Path) -> None:
    tables = {
        "rpt_deals": {"commission_gross": "NUMERIC", "commission_gross__card": "text"}
    }
    columns = read(tmp_path, manifest(), tables=tables).datasets["rpt_deals"].columns
    assert list(columns) == ["commission_gross", "commission_gross__card"]
    assert columns["commission_gross"].label == "Комиссия"
    assert columns["commission_gross"].unit == "money"
    assert columns["commission_gross__card"].unit == ""


def test_a_metric_is_summed_where_its_parts_are_a_column(tmp_path: Path) -> None:
    tables = {"rpt_deals": {"commission_gross": "numeric"}}
    catalog = read(tmp_path, manifest(), tables=tables)
    assert (
        catalog.expression("commission_gross", "rpt_deals") == "sum(commission_gross)"
    )
    bare = read(tmp_path, manifest())
    assert bare.expression("commission_gross", "rpt_deals") is None


def test_a_metric_without_a_unit_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / METRICS_FILE
    file.parent.mkdir(parents=True)
    file.write_text("metrics:\n\n  - name: commission_gross\n", encoding="utf-8")
    content = manifest()
    content["semantic_models"]["deals"]["measures"][0]["config"]["meta"]["unit"] = None
    with pytest.raises(CatalogError, match=r"no unit in meta \(models/.*deals.yml:3\)"):
        read(tmp_path, content)


def test_a_metric_without_a_label_is_refused(tmp_path: Path) -> None:
    content = manifest()
    content["metrics"]["commission_gross"] = node("commission_gross", label=None)
    with pytest.raises(CatalogError, match="no label"):
        read(tmp_path, content)


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    content = manifest()
    meta = content["semantic_models"]["deals"]["measures"][0]["config"]["meta"]
    meta["unit"] = "gold"
    with pytest.raises(CatalogError, match="unit 'gold' is none of money"):
        read(tmp_path, content)


@pytest.mark.parametrize("rule", ["by_magic", None])
def test_a_published_table_without_a_known_rule_is_refused(
    tmp_path: Path, rule: str | None
) -> None:
    content = manifest()
    content["nodes"]["registry"]["config"]["meta"]["row_access"] = rule
    with pytest.raises(CatalogError, match="row_access"):
        read(tmp_path, content)


def test_a_title_says_its_unit_once(tmp_path: Path) -> None:
    catalog = read(tmp_path, manifest())
    assert catalog.title("Комиссия", "money") == "Комиссия,\u00a0₽"
    assert catalog.title("Комиссия, ₽", "money") == "Комиссия,\u00a0₽"
    assert catalog.title("Комиссия, ₽", "money_thousand") == "Комиссия, тыс.\u00a0₽"
    assert catalog.title("Сделки", "count") == "Сделки"


def test_the_currency_is_the_firms() -> None:
    assert unit("money", "USD").title == "$"
    assert unit("money", "KZT").title == "KZT"
    with pytest.raises(UnknownUnitError, match="gold"):
        unit("gold")
