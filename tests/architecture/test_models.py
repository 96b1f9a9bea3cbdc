"""Models say what they are: grain, key, access, labels; names follow the folders."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bi.catalog import read_catalog
from bi.units import unit
from orchestration.publication import published_models
from orchestration.transformation import PROJECT, manifest_file
from tests.agency_home import AgencyHome
from tests.architecture.conftest import Manifest

# Models whose rows are the same in every pass of changes of a day.
LOOKUPS = {
    "dim_calendar", "dim_employee_accounts", "dim_employee_placements",
    "dim_employees", "dim_org_units", "dim_period_locks", "dim_rules", "dim_settings",
    "dim_stage_limits", "dim_unit_paths", "dim_vat_modes", "int_org_units__listed",
    "int_periods__compared", "rpt_metrics", "user_scopes",
}  # fmt: skip
CYRILLIC = re.compile("[А-Яа-яЁё]")
# Layer -> how its models are called.
NAMES = {
    "staging": r"stg_[a-z0-9]+__[a-z_]+",
    "intermediate": r"int_[a-z_]+__[a-z]+(ed|ld|t)",
    "core": r"(fct|dim)_[a-z_]+",
    "quality": r"(fct|dim)_[a-z_]+",
    "access": r"user_[a-z]+",
    "reports": r"rpt_[a-z_]+",
}
# A report is read by those who take part in the deal, or hold a key of it.
ROW_RULES = ("by_participation", "by_deal", "by_right")
# Columns that machines read: keys, codes, orders, states, parts of a comparison.
TECHNICAL = re.compile(
    r"(.*_(key|keys|id|code|order|level|state|previous)|column_name|compared_label)$"
)


def models(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            yield node


def test_what_is_rendered_is_of_no_pass() -> None:
    """It is sent again by later passes: what differs between them stands in tables."""
    asks = re.compile(
        r"run_query|run_started_at|invocation_id|statement\(.*fetch_result|modules\.datetime"
    )
    for path in sorted(PROJECT.rglob("*.sql")):
        assert not asks.search(path.read_text("utf-8")), path


def is_read_by_others(node: dict[str, Any]) -> bool:
    return node["fqn"][1] in ("core", "quality", "access", "reports")


def test_names_follow_the_folders(manifest: Manifest) -> None:
    for node in models(manifest):
        layer = node["fqn"][1]
        assert re.fullmatch(NAMES[layer], node["name"]), node["original_file_path"]
        if layer == "staging":
            assert node["name"].startswith(f"stg_{node['fqn'][2]}__")


def test_every_model_that_others_read_says_its_grain(manifest: Manifest) -> None:
    for node in models(manifest):
        if is_read_by_others(node):
            assert re.search("одна строка на ", node["description"]), node["name"]
            assert node["description"].endswith("."), node["name"]


def test_every_published_model_has_a_tested_key_and_an_access_rule(
    manifest: Manifest, manifest_path: Path
) -> None:
    tests: dict[tuple[str, str], set[str]] = defaultdict(set)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("test_metadata"):
            model = node["attached_node"].rpartition(".")[2]
            tests[model, node["column_name"]].add(node["test_metadata"]["name"])
    published = published_models(manifest_path)
    assert {model.name for model in published} >= {"rpt_deal_registry", "user_keys"}
    for model in published:
        assert model.predicate, model.name
        for column in model.key:
            assert "key" in tests[model.name, column], model.name


def units(node: dict[str, Any]) -> set[str]:
    """Units that a relation can be asked by."""
    meta = node["config"]["meta"]
    return {*meta.get("by", {}), *([meta["unit"]] if meta.get("unit") else [])}


def test_what_a_model_of_a_unit_reads_can_be_asked_by_the_unit(
    manifest: Manifest,
) -> None:
    """Else a change of the input would not reach the model in a pass of changes.

    Lookups change in whole passes only: people, units, settings, calendar, access. A
    model may also name the units that change with an input of other units.
    """
    names = {node["unique_id"]: node for node in models(manifest)}
    for node in names.values():
        meta = node["config"]["meta"]
        unit = meta.get("unit")
        if not unit or node["fqn"][1] == "staging":
            continue
        named = set(re.findall(r"unit = '(\w+)'", str(meta.get("also_changed", ""))))
        for input_id in node["depends_on"]["nodes"]:
            read = names.get(input_id)
            if read is None or read["fqn"][1] == "staging" or read["name"] in LOOKUPS:
                continue
            assert {unit, *named} & units(read), (node["name"], read["name"])


def test_what_a_pass_cannot_compute_again_is_logged_and_nothing_else(
    manifest: Manifest,
) -> None:
    """A table that is not logged is empty after a crash."""
    for node in models(manifest):
        kind = node["config"]["materialized"]
        if kind not in ("view", "ephemeral"):
            is_unlogged = bool(node["config"].get("unlogged"))
            assert is_unlogged == (kind != "incremental"), node["name"]


def test_every_report_is_published(manifest: Manifest) -> None:
    """A report is protected because it lies in its folder."""
    for node in models(manifest):
        meta = node["config"]["meta"]
        if node["fqn"][1] == "reports":
            assert meta["published_schema"] == "reports", node["name"]
            assert meta["row_access"] in ROW_RULES, node["name"]
        else:
            assert "published_schema" not in meta or node["name"] == "user_keys"


def test_a_column_name_has_one_label_one_unit_and_one_meaning(
    manifest: Manifest,
) -> None:
    said: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for node in models(manifest):
        for name, column in node["columns"].items():
            meta = column["config"]["meta"]
            if meta.get("label"):
                said[name]["label"].add(meta["label"])
                said[name]["unit"].add(meta.get("unit", ""))
                said[name]["description"].add(column["description"])
    assert len(said) > 40
    # The grain differs from table to table, and so does what the key of a row says.
    said.pop("registry_key")
    for name, kinds in said.items():
        for kind, texts in kinds.items():
            assert len(texts) == 1, f"{name}: {kind}: {texts}"


def test_labels_are_russian_and_different(manifest_path: Path) -> None:
    catalog = read_catalog(manifest_path)
    for name, dataset in catalog.datasets.items():
        labels = [column.label for column in dataset.columns.values() if column.label]
        for label in labels:
            assert CYRILLIC.search(label), f"{name}: {label}"
            assert label == label.strip()
            assert label[0].isupper(), f"{name}: {label}"
        keys = [label for label in labels if label.startswith("Ключ")]
        named = [label for label in labels if label not in keys]
        assert len(set(named)) == len(named), name


def test_units_are_known(manifest: Manifest) -> None:
    for node in models(manifest):
        for column in node["columns"].values():
            name = column["config"]["meta"].get("unit")
            if name:
                assert unit(name, "RUB"), column["name"]


def test_every_published_column_has_a_label_and_a_meaning(
    agency_home: AgencyHome,
) -> None:
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, kind in agency_home.rows(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'reports' and table_name <> 'publications'"
    ):
        tables[str(table)][str(column)] = str(kind)
    catalog = read_catalog(manifest_file(agency_home.warehouse), tables=tables)
    assert set(catalog.datasets) == set(tables)
    for name, dataset in catalog.datasets.items():
        assert set(dataset.columns) == set(tables[name])
        for column in dataset.columns.values():
            if not TECHNICAL.match(column.name):
                assert column.label, f"{name}.{column.name}"
                assert column.description, f"{name}.{column.name}"


def test_every_index_that_a_model_names_is_there(
    agency_home: AgencyHome, manifest: Manifest
) -> None:
    """Whichever statement built the table."""
    there = agency_home.rows(
        "select tablename, lower(indexdef) from pg_indexes where schemaname ~ '^dbt_'"
    )
    named = [
        (node["name"], index)
        for node in models(manifest)
        for index in node["config"].get("indexes", [])
    ]
    assert named
    for model, index in named:
        columns = f"({', '.join(index['columns'])})"
        kinds = {
            str(text).startswith("create unique")
            for table, text in there
            if table == model and str(text).endswith(columns)
        }
        assert index.get("unique", False) in kinds, (model, index)


@pytest.mark.parametrize("kind", ["*.sql", "*.yml"])
def test_files_of_models_say_where_they_belong(kind: str) -> None:
    """YAML is named after its folder and content, so a search finds one file."""
    files = [*(PROJECT / "models").rglob(kind)]
    assert files
    for path in files:
        if kind == "*.yml" and path.parent.name != "metrics":
            assert path.name.startswith("_"), path
            assert path.stem.endswith(("__models", "__sources")), path
