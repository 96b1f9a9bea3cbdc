"""The filter bar: columns of the page's tables to Superset's native filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bi.catalog import Column, Dataset
from bi.superset.charts import Chart, ChartBuilder, SavedMetric, first_metric
from bi.superset.layout import Tile
from bi.superset.yaml_file import Node

_KNOWN_COLUMN = ("column", "title", "one", "order", "default")
_KNOWN_DATES = ("dates", "title", "choice")
_KNOWN_PERIOD = ("period", "title")
_COMMON: dict[str, object] = {
    "type": "NATIVE_FILTER",
    "description": "",
    "cascadeParentIds": [],
    "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
    "chartsInScope": [],
    "tabsInScope": [],
    "controlValues": {"enableEmptyFilter": False},
}


@dataclass(frozen=True)
class FilterBar:
    """The filters of one edition.

    Attributes:
        configuration: ``native_filter_configuration``.
        date: The date that a period acts on until the reader chooses another.
        metrics: Metrics the filters need, with their table.
        tables: Tables that give values to choose from.
    """

    configuration: list[dict[str, object]]
    date: str | None
    metrics: list[tuple[str, SavedMetric]]
    tables: frozenset[str]


def filter_bar(
    specs: Sequence[Node],
    builder: ChartBuilder,
    *,
    charts: Sequence[Chart],
    tiles: Sequence[Tile],
    dataset_uuid: dict[str, str],
    choices: Sequence[str] = (),
    edition: str = "",
) -> FilterBar:
    """Compile the filters of an edition.

    Args:
        specs: Of the page.
        builder: Of the edition.
        charts: What the filters act on.
        tiles: The places of the charts, in the same order.
        dataset_uuid: By table.
        choices: Tables that are asked for values before those of the charts: smaller
            ones with the same columns.
        edition: Its name, for defaults that differ between editions.

    Raises:
        CompileError: a column is in none of the page's tables.
    """
    configuration: list[dict[str, object]] = []
    metrics: list[tuple[str, SavedMetric]] = []
    date: str | None = None
    tables: set[str] = set()
    for spec in specs:
        if isinstance(spec.value, dict) and "period" in spec.value:
            date, period = _period(spec, builder)
            configuration.append(period)
            continue
        if isinstance(spec.value, dict) and "dates" in spec.value:
            date, built = _dates(spec, builder, dataset_uuid)
            configuration.extend(built)
            continue
        found = _column(spec, builder, charts, choices)
        if found is None:
            continue
        dataset, column = found
        tables.add(dataset.name)
        excluded = [
            tile.chart_id
            for tile, chart in zip(tiles, charts, strict=True)
            if column.name in chart.ignored_filters
        ]
        order = _order(spec, builder, dataset)
        if order is not None:
            metrics.append((dataset.name, order))
        configuration.append(
            _select(
                spec,
                column,
                uuid=dataset_uuid[dataset.name],
                excluded=excluded,
                order=order,
                edition=edition,
            )
        )
    return FilterBar(
        configuration=configuration,
        date=date,
        metrics=metrics,
        tables=frozenset(tables),
    )


def _column(
    spec: Node, builder: ChartBuilder, charts: Sequence[Chart], choices: Sequence[str]
) -> tuple[Dataset, Column] | None:
    if isinstance(spec.value, dict):
        spec.only(*_KNOWN_COLUMN)
        name = spec.require("column")
    else:
        name = spec
    tables = list(dict.fromkeys(chart.table for chart in charts))
    datasets = [builder.catalog.datasets[table] for table in tables]
    if any(name.text() in dataset.columns for dataset in datasets):
        asked = [builder.catalog.datasets[table] for table in choices]
        for dataset in [*asked, *datasets]:
            if name.text() in dataset.columns:
                return dataset, dataset.columns[name.text()]
    if any(builder.is_left_out(name.text(), dataset) for dataset in datasets):
        return None
    raise name.error(f"no column {name.text()!r} in {', '.join(tables)}")


def _order(spec: Node, builder: ChartBuilder, dataset: Dataset) -> SavedMetric | None:
    if not isinstance(spec.value, dict) or (order := spec.get("order")) is None:
        return None
    return first_metric(builder.column(order, dataset))


def _select(
    spec: Node,
    column: Column,
    *,
    uuid: str,
    excluded: list[int],
    order: SavedMetric | None,
    edition: str,
) -> dict[str, object]:
    fields = spec.value if isinstance(spec.value, dict) else {}
    title = fields["title"].text() if "title" in fields else column.label
    if not title:
        raise spec.error(f"column {column.name!r} has no label")
    is_one = "one" in fields and fields["one"].value is True
    default = _default_values(spec, edition) if fields else []
    # A value that is known in advance spares the page a question before its charts.
    is_first = is_one and not default
    return {
        "id": f"NATIVE_FILTER-{column.name}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": title,
        "description": "",
        "targets": [{"datasetUuid": uuid, "column": {"name": column.name}}],
        "controlValues": {
            "multiSelect": not is_one,
            "enableEmptyFilter": is_one,
            "defaultToFirstItem": is_first,
            "inverseSelection": False,
            "searchAllOptions": True,
            "creatable": False,
            "sortAscending": True,
            **({"sortMetric": order.name} if order else {}),
        },
        "requiredFirst": is_first,
        **({"sortMetric": order.name} if order else {}),
        "defaultDataMask": _default(column.name, default),
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
        "chartsInScope": [],
        "tabsInScope": [],
    }


def _default_values(spec: Node, edition: str) -> list[str]:
    default = spec.get("default")
    if default is not None and isinstance(default.value, dict):
        return default.texts(edition)
    return spec.texts("default")


def _default(column: str, values: list[str]) -> dict[str, object]:
    if not values:
        return {"extraFormData": {}, "filterState": {}, "ownState": {}}
    return {
        "extraFormData": {"filters": [{"col": column, "op": "IN", "val": values}]},
        "filterState": {"value": values, "label": ", ".join(values)},
        "ownState": {},
    }


def _dates(
    spec: Node, builder: ChartBuilder, dataset_uuid: dict[str, str]
) -> tuple[str, list[dict[str, object]]]:
    """Compile a period together with the choice of the date it acts on."""
    spec.only(*_KNOWN_DATES)
    dataset = builder.dataset(None, spec)
    names = [
        builder.column(node, dataset).name for node in spec.require("dates").items()
    ]
    choice: dict[str, object] = {
        **_COMMON,
        "id": "NATIVE_FILTER-date",
        "filterType": "filter_timecolumn",
        "name": spec.require("choice").text(),
        "targets": [{"datasetUuid": dataset_uuid[dataset.name]}],
        "defaultDataMask": {
            "extraFormData": {"granularity_sqla": names[0]},
            "filterState": {"value": [names[0]]},
            "ownState": {},
        },
    }
    return names[0], [choice, _time_filter(spec)]


def _period(spec: Node, builder: ChartBuilder) -> tuple[str, dict[str, object]]:
    """Compile a period over one column."""
    spec.only(*_KNOWN_PERIOD)
    column = builder.column(spec.require("period"), builder.dataset(None, spec))
    return column.name, _time_filter(spec)


def _time_filter(spec: Node) -> dict[str, object]:
    return {
        **_COMMON,
        "id": "NATIVE_FILTER-period",
        "filterType": "filter_time",
        "name": spec.require("title").text(),
        "targets": [{}],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
    }
