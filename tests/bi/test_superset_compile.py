"""Dashboard files to a bundle: what resolves, what does not, what an edition drops."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bi.catalog import AccessRule, Catalog, Column, Dataset, Metric
from bi.superset.bundle import Bundle, compile_bundle
from bi.superset.row_rules import UnprotectedDatasetError
from bi.superset.yaml_file import CompileError

RULE = AccessRule("by_participation", "reader_keys && keys_of({reader})")
ROLES = """
roles:
  head: {title: Руководитель, money: whole}
  agent: {title: Агент, money: split}
  lawyer: {title: Юрист, money: none}
"""
DASHBOARD = """
title: Сделки
question: Что в работе
slug: deals
roles: [head, agent, lawyer]
editions: {whole: rpt_deals, split: rpt_deals_split, none: rpt_deals_bare}
filters:
  - dates: [closing_date]
    title: Период
    choice: Дата
  - stage_label
  - commission
rows:
  - [total: 6, counted: 6]
  - [list: 12]
"""
CHARTS = {
    "list": """
title: Список
viz: list
columns: [deal_number_html, stage_label, commission, closing_date]
order: closing_date
page: 50
""",
    "total": "{title: Комиссия, viz: number, sum: commission}",
    "counted": "{title: Сделок, viz: number, count: deal_key}",
}


def column(name: str, data_type: str, label: str = "", unit: str = "") -> Column:
    return Column(name=name, data_type=data_type, label=label, unit=unit)


BARE = [
    column("deal_key", "text"),
    column("deal_number_html", "text", "Сделка"),
    column("stage_label", "text", "Этап"),
    column("closing_date", "date", "Закрыта", "date"),
    column("closing_date_state", "smallint"),
    column("reader_keys", "text[]"),
]
MONEY = [
    column("commission", "numeric", "Комиссия", "money"),
    column("commission_state", "smallint"),
]


def dataset(name: str, columns: list[Column]) -> Dataset:
    return Dataset(
        name=name,
        schema="reports",
        description="",
        columns={found.name: found for found in columns},
        access=RULE,
        file="models/reports.yml",
    )


def metric(name: str, kind: str = "sum", **fields: str) -> Metric:
    return Metric(
        name=name,
        label=name,
        description="",
        formula="",
        owner="",
        unit="count",
        kind=kind,
        **fields,
    )


CATALOG = Catalog(
    datasets={
        "rpt_deals": dataset("rpt_deals", [*BARE, *MONEY]),
        "rpt_deals_split": dataset("rpt_deals_split", [*BARE, *MONEY]),
        "rpt_deals_bare": dataset("rpt_deals_bare", BARE),
        "rpt_kpi": dataset(
            "rpt_kpi",
            [column("event_date", "date", "Дата"), column("deals_closed", "numeric")],
        ),
    },
    metrics={
        "deals_closed": metric("deals_closed"),
        "refusals": metric("refusals"),
        "win_rate": metric(
            "win_rate", "ratio", numerator="deals_closed", denominator="deals_closed"
        ),
    },
    rules={RULE.name: RULE},
)


def write(
    folder: Path, dashboard: str = DASHBOARD, charts: Mapping[str, str] = CHARTS
) -> Path:
    page = folder / "bi" / "dashboards" / "deals"
    (page / "charts").mkdir(parents=True)
    (folder / "bi" / "roles.yaml").write_text(ROLES, encoding="utf-8")
    (page / "dashboard.yaml").write_text(dashboard, encoding="utf-8")
    for name, text in charts.items():
        (page / "charts" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "bi"


def compiled(folder: Path, catalog: Catalog = CATALOG) -> Bundle:
    return compile_bundle(catalog, folder, database_uuid="0" * 32)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dashboard", "head, agent", "boss, agent", r"no role named 'boss'.*:5\)"),
        ("dashboard", "rpt_deals_bare", "rpt_x", r"no published table.*'rpt_x'.*:6\)"),
        ("dashboard", "- stage_label", "- stage", r"no column 'stage'.*:11\)"),
        ("dashboard", "list: 12", "lost: 12", r"no chart named 'lost'.*:15\)"),
        ("dashboard", "list: 12", "list: 11", r"widths of a row.*not 11.*:15\)"),
        ("dashboard", "rows:", "row:", r"'row' is none of.*:14\)"),
        ("dashboard", "slug: deals", "slug: [deals", r"not YAML.*dashboard.yaml:\d+\)"),
        ("dashboard", "slug: deals", "title: x", r"'title' stands twice.*:4\)"),
        ("list", "stage_label", "stage", r"no column 'stage'.*list.yaml:4\)"),
        ("list", "order: closing", "order: close", r"no column 'close_date'.*:5\)"),
        ("list", "viz: list", "viz: pie", r"viz 'pie' is none of.*list.yaml:3\)"),
        ("list", "page: 50", "pages: 50", r"'pages' is none of.*list.yaml:6\)"),
        ("list", "page: 50", "page: many", r"a whole number.*list.yaml:6\)"),
        ("list", "commission,", "{commission: gold},", r"unit 'gold'.*list.yaml:4\)"),
        ("total", "sum: commission", "sum: fee", r"no column 'fee'.*total.yaml:1\)"),
    ],
)
def test_a_name_that_does_not_resolve_is_told_with_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    texts = {"dashboard": DASHBOARD, **CHARTS}
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new, 1)
    dashboard = texts.pop("dashboard")
    folder = write(tmp_path, dashboard, texts)
    with pytest.raises(CompileError) as error:
        compiled(folder)
    assert re.search(message, str(error.value)), str(error.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("metrics: [sold]", "no metric named 'sold'"),
        ("metrics: [refusals]", "table rpt_kpi cannot give metric refusals"),
        ("metrics: [deals_closed], grain: eon", "grain 'eon' is none of"),
        ("metrics: [deals_closed], x: day", "no column 'day'"),
    ],
)
def test_a_bar_chart_names_what_its_table_can_give(
    tmp_path: Path, spec: str, message: str
) -> None:
    fields = {"x": "event_date", "grain": "month"}
    rest = ", ".join(f"{k}: {v}" for k, v in fields.items() if f"{k}:" not in spec)
    parts = ", ".join(part for part in (spec, rest) if part)
    bar = f"{{title: Т, viz: bar, table: rpt_kpi, {parts}}}"
    page = "{title: Т, question: Т, slug: t, roles: [head], rows: [[bar: 12]]}"
    folder = write(tmp_path, page, {"bar": bar})
    with pytest.raises(CompileError, match=re.escape(message)):
        compiled(folder)


@pytest.mark.parametrize("counts_back", [True, False])
def test_the_last_months_count_from_the_data_where_it_counts_them(
    tmp_path: Path, *, counts_back: bool
) -> None:
    """A home whose agency lives in the past shows its own last months."""
    kpi = dict(CATALOG.datasets["rpt_kpi"].columns)
    if counts_back:
        kpi["months_ago"] = column("months_ago", "smallint")
    table = replace(CATALOG.datasets["rpt_kpi"], columns=kpi)
    catalog = replace(CATALOG, datasets={**CATALOG.datasets, "rpt_kpi": table})
    bar = (
        "{title: Т, viz: bar, table: rpt_kpi, x: event_date, grain: month,"
        " last: 12, metrics: [deals_closed]}"
    )
    page = "{title: Т, question: Т, slug: t, roles: [head], rows: [[bar: 12]]}"
    bundle = compiled(write(tmp_path, page, {"bar": bar}), catalog)
    (chart,) = [a for n, a in bundle.assets.items() if n.startswith("charts/")]
    filters = json.loads(json.dumps(chart))["params"]["adhoc_filters"]
    assert ("today" in filters[0]["comparator"]) is not counts_back
    assert [f["subject"] for f in filters[1:]] == ["months_ago"] * counts_back


def test_a_chart_that_stands_in_no_row_is_an_error(tmp_path: Path) -> None:
    folder = write(tmp_path, charts={**CHARTS, "spare": CHARTS["counted"]})
    with pytest.raises(CompileError, match=r"spare stands in no row.*spare.yaml:1"):
        compiled(folder)


def test_a_role_without_an_edition_is_an_error(tmp_path: Path) -> None:
    text = DASHBOARD.replace(", none: rpt_deals_bare", "")
    with pytest.raises(CompileError, match="no edition for lawyer"):
        compiled(write(tmp_path, text))


def test_a_table_without_an_access_rule_is_refused(tmp_path: Path) -> None:
    open_table = replace(CATALOG.datasets["rpt_deals"], access=None)
    catalog = replace(CATALOG, datasets={**CATALOG.datasets, "rpt_deals": open_table})
    with pytest.raises(UnprotectedDatasetError, match="rpt_deals"):
        compiled(write(tmp_path), catalog)


def test_the_edition_without_money_has_no_money_tile_column_or_filter(
    tmp_path: Path,
) -> None:
    bundle = compiled(write(tmp_path))
    pages = {page.slug: page for page in bundle.pages}
    assert set(pages) == {"deals", "deals_split", "deals_without_money"}
    assert pages["deals_without_money"].roles == {"lawyer"}
    assert "commission" in json.dumps(bundle.assets["dashboards/deals.yaml"])
    bare = {
        name: asset
        for name, asset in bundle.assets.items()
        if name.endswith(("deals_without_money.yaml", "deals_bare.yaml"))
        or "_none_" in name
    }
    assert len(bare) == 4, "page, two charts, dataset"
    assert "commission" not in json.dumps(bare)


def test_the_remaining_tiles_fill_the_row(tmp_path: Path) -> None:
    bundle = compiled(write(tmp_path))
    page = json.loads(json.dumps(bundle.assets["dashboards/deals_without_money.yaml"]))
    tiles = [v for k, v in page["position"].items() if k.startswith("CHART-")]
    assert [tile["meta"]["width"] for tile in tiles] == [12, 12]


def test_keys_of_readers_are_no_column_of_a_dataset(tmp_path: Path) -> None:
    bundle = compiled(write(tmp_path))
    datasets = [a for n, a in bundle.assets.items() if n.startswith("datasets/")]
    assert datasets
    assert "reader_keys" not in json.dumps([d["columns"] for d in datasets])


def test_every_dataset_is_a_physical_table(tmp_path: Path) -> None:
    for name, asset in compiled(write(tmp_path)).assets.items():
        if name.startswith("datasets/"):
            assert asset["sql"] is None


def test_cell_states_tint_their_column_and_are_hidden(tmp_path: Path) -> None:
    assets = json.loads(json.dumps(dict(compiled(write(tmp_path)).assets)))
    (chart,) = [a for n, a in assets.items() if n.endswith("_whole_list.yaml")]
    params = chart["params"]
    assert params["all_columns"][-2:] == ["commission_state", "closing_date_state"]
    assert params["column_config"]["commission_state"] == {"visible": False}
    tints = params["conditional_formatting"]
    assert {t["columnFormatting"] for t in tints} == {"commission", "closing_date"}
    assert {t["targetValue"] for t in tints} == {1, 2, 3, 4}
    assert all(t["useGradient"] is False for t in tints)


def test_ids_and_bytes_are_the_same_at_every_compilation(tmp_path: Path) -> None:
    folder = write(tmp_path)
    first, second = compiled(folder), compiled(folder)
    assert first.zipped({}) == second.zipped({})
    assert first.fingerprints == second.fingerprints


def test_a_changed_title_changes_one_fingerprint_and_no_id(tmp_path: Path) -> None:
    folder = write(tmp_path)
    before = compiled(folder)
    chart = folder / "dashboards" / "deals" / "charts" / "counted.yaml"
    chart.write_text(CHARTS["counted"].replace("Сделок", "Всего"), encoding="utf-8")
    after = compiled(folder)
    assert before.fingerprints.keys() == after.fingerprints.keys()
    changed = {k for k, v in after.fingerprints.items() if before.fingerprints[k] != v}
    uuids = {
        str(asset["uuid"])
        for name, asset in after.assets.items()
        if name.endswith("_counted.yaml") or name.startswith(("dashboards", "datasets"))
    }
    assert changed <= uuids


def test_everything_links_back_to_its_file(tmp_path: Path) -> None:
    for name, asset in compiled(write(tmp_path)).assets.items():
        assert asset["is_managed_externally"] is True, name
        if not name.startswith("datasets/"):
            assert (tmp_path / str(asset["external_url"])).is_file(), name


def test_the_bundle_is_the_zip_that_the_import_takes(tmp_path: Path) -> None:
    content = compiled(write(tmp_path)).zipped({})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        metadata = yaml.safe_load(archive.read("bundle/metadata.yaml"))
    assert metadata["type"] == "assets"
    assert all(name.startswith("bundle/") and name.isascii() for name in names)


def test_a_value_in_thousands_is_a_column_of_its_own(tmp_path: Path) -> None:
    charts = {
        **CHARTS,
        "list": CHARTS["list"].replace("commission", "{commission: money_thousand}"),
    }
    assets = json.loads(
        json.dumps(dict(compiled(write(tmp_path, charts=charts)).assets))
    )
    found = {
        c["column_name"]: c
        for c in assets["datasets/warehouse/rpt_deals.yaml"]["columns"]
    }
    scaled = found["commission__money_thousand"]
    assert scaled["expression"] == "commission / 1000.0"
    assert scaled["verbose_name"] == "Комиссия, тыс.\u00a0₽"


def test_a_moment_is_shown_in_the_time_of_the_firm(tmp_path: Path) -> None:
    table = CATALOG.datasets["rpt_deals"]
    moment = column("modified_at", "timestamp with time zone", "Изменена", "datetime")
    catalog = replace(
        CATALOG,
        datasets={
            **CATALOG.datasets,
            "rpt_deals": replace(
                table, columns={**table.columns, "modified_at": moment}
            ),
        },
        timezone="Asia/Omsk",
    )
    page = "{title: Т, question: Т, slug: t, roles: [head], rows: [[cards: 12]]}"
    cards = (
        "{title: Т, viz: list, table: rpt_deals, one: deal_key,"
        " columns: [deal_number_html, modified_at]}"
    )
    bundle = compiled(write(tmp_path, page, {"cards": cards}), catalog)
    assets = json.loads(json.dumps(dict(bundle.assets)))
    found = {
        m["metric_name"]: m["expression"]
        for m in assets["datasets/warehouse/rpt_deals.yaml"]["metrics"]
    }
    assert found["modified_at__shown"] == ("min(modified_at) at time zone 'Asia/Omsk'")


def test_a_ratio_is_a_ratio_of_sums() -> None:
    assert CATALOG.expression("win_rate", "rpt_kpi") == (
        "1.0 * sum(deals_closed) / nullif(sum(deals_closed), 0)"
    )


def test_the_two_locks_come_from_one_predicate() -> None:
    assert RULE.for_postgres() == "reader_keys && keys_of((select access.reader()))"
    assert RULE.for_superset() == "reader_keys && keys_of('{{ current_username() }}')"
