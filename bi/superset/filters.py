"""The filter bar: columns of the page's tables to Superset's native filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bi.catalog import Column, Dataset
from bi.superset.charts import Chart, ChartBuilder, SavedMetric, first_metric
from bi.superset.layout import Tile
from bi.superset.yaml_file import Node

_KNOWN_COLUMN = ("column", "title", "one", "order", "default", "table")
_KNOWN_DATES = ("dates", "title", "choice")


@dataclass(frozen=True)
class FilterBar:
    """The filters of one edition.

    Attributes:
        configuration: ``native_filter_configuration``.
        date: The date that a period acts on until the reader chooses another.
        metrics: Metrics the filters need, with their table.
    """

    configuration: list[dict[str, object]]
    date: str | None
    metrics: list[tuple[str, SavedMetric]]


def filter_bar(
    specs: Sequence[Node],
    builder: ChartBuilder,
    *,
    charts: Sequence[Chart],
    tiles: Sequence[Tile],
    dataset_uuid: dict[str, str],
) -> FilterBar:
    """Compile the filters of an edition.

    Raises:
        CompileError: a column is in none of the page's tables.
    """
    configuration: list[dict[str, object]] = []
    metrics: list[tuple[str, SavedMetric]] = []
    date: str | None = None
    for spec in specs:
        if isinstance(spec.value, dict) and "dates" in spec.value:
            date, built = _dates(spec, builder, dataset_uuid)
            configuration.extend(built)
            continue
        found = _column(spec, builder, charts)
        if found is None:
            continue
        dataset, column = found
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
            )
        )
    return FilterBar(configuration=configuration, date=date, metrics=metrics)


def _column(
    spec: Node, builder: ChartBuilder, charts: Sequence[Chart]
) -> tuple[Dataset, Column] | None:
    if isinstance(spec.value, dict):
        spec.only(*_KNOWN_COLUMN)
        name = spec.require("column")
    else:
        name = spec
    tables = list(dict.fromkeys(chart.table for chart in charts))
    datasets = [builder.catalog.datasets[table] for table in tables]
    for dataset in datasets:
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
) -> dict[str, object]:
    fields = spec.value if isinstance(spec.value, dict) else {}
    title = fields["title"].text() if "title" in fields else column.label
    if not title:
        raise spec.error(f"column {column.name!r} has no label")
    is_one = "one" in fields and fields["one"].value is True
    default = spec.texts("default") if fields else []
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
            "defaultToFirstItem": is_one,
            "inverseSelection": False,
            "searchAllOptions": True,
            "creatable": False,
            "sortAscending": True,
            **({"sortMetric": order.name} if order else {}),
        },
        "requiredFirst": is_one,
        **({"sortMetric": order.name} if order else {}),
        "defaultDataMask": _default(column.name, default),
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
        "chartsInScope": [],
        "tabsInScope": [],
    }


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
    common: dict[str, object] = {
        "type": "NATIVE_FILTER",
        "description": "",
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "chartsInScope": [],
        "tabsInScope": [],
        "controlValues": {"enableEmptyFilter": False},
    }
    choice: dict[str, object] = {
        **common,
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
    period: dict[str, object] = {
        **common,
        "id": "NATIVE_FILTER-period",
        "filterType": "filter_time",
        "name": spec.require("title").text(),
        "targets": [{}],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
    }
    return names[0], [choice, period]
