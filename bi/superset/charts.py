"""Chart files to Superset's form data; what a chart needs of its dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bi.catalog import Catalog, Column, Dataset
from bi.superset.yaml_file import Node
from bi.units import Unit, UnknownUnitError, unit

#: Cell state code, the colour of its tint over a light or a dark tile (design, 3.2).
STATE_TINTS = {
    1: "rgba(209, 118, 7, 0.16)",
    2: "rgba(203, 59, 56, 0.16)",
    3: "rgba(148, 110, 216, 0.18)",
    4: "rgba(124, 135, 148, 0.14)",
}

_KNOWN = (
    "title",
    "note",
    "viz",
    "table",
    "columns",
    "metrics",
    "by",
    "x",
    "grain",
    "last",
    "order",
    "page",
    "rows",
    "height",
    "sum",
    "count",
    "metric",
    "ignore_filters",
    "one",
    "sums",
    "search",
)
_HEIGHTS = {
    "strip": 40,
    "cards": 168,
    "number": 80,
    "bar": 240,
    "table": 320,
    "list": 600,
}
_GRAINS = {"day": "P1D", "week": "P1W", "month": "P1M", "quarter": "P3M", "year": "P1Y"}
_DATE_FORMATS = {"P1D": "%d.%m", "P1W": "%d.%m", "P1M": "%b", "P3M": "%b", "P1Y": "%Y"}
_NO_FILTER = "No filter"
_MONTHS_AGO = "months_ago"
_MOMENT = "datetime"
#: Of a metric that is text: D3 prints it as it is.
_TEXT_FORMAT = "c"
_JOINED = "joined"
#: More than a strip can show: a full answer would carry a warning sign.
_STRIP_ROWS = 10
_TABLE_ROWS = 1000
#: With pages of its own a table may be as long as the server allows.
_PAGED_ROWS = 500_000
_BAR_ROWS = 10_000

FormData = dict[str, object]


@dataclass(frozen=True)
class SavedMetric:
    """A metric of a dataset, as Superset stores it."""

    name: str
    label: str
    expression: str
    description: str = ""
    d3format: str = ""


@dataclass(frozen=True)
class SavedColumn:
    """A calculated column of a dataset: a stored value in another unit."""

    name: str
    label: str
    expression: str
    column: Column


@dataclass(frozen=True)
class Chart:
    """One chart of one edition.

    Attributes:
        key: Name of its file, or of the strip.
        kind: What the file calls ``viz``; styles find the tile by it.
        ignored_filters: Columns whose filters do not reach it.
        place: File and line.
    """

    key: str
    kind: str
    title: str
    note: str
    viz_type: str
    table: str
    form_data: FormData
    height: int
    ignored_filters: tuple[str, ...]
    file: str
    metrics: tuple[SavedMetric, ...] = ()
    columns: tuple[SavedColumn, ...] = ()


@dataclass
class ChartBuilder:
    """Compiles the charts of one edition.

    Attributes:
        whole: The table with all columns, to tell a money column that this edition
            leaves out from a name that does not exist.
        omits_money: Whether amounts are left out.
    """

    catalog: Catalog
    default_table: str | None
    whole: str | None = None
    omits_money: bool = False
    _metrics: dict[str, SavedMetric] = field(default_factory=dict)
    _columns: dict[str, SavedColumn] = field(default_factory=dict)

    def build(self, key: str, spec: Node) -> Chart | None:
        """Compile a chart file; none when the edition leaves nothing of it.

        Raises:
            CompileError: a name does not resolve.
        """
        spec.only(*_KNOWN)
        self._metrics, self._columns = {}, {}
        viz = spec.require("viz")
        builders = {
            "table": self._table,
            "list": self._table,
            "strip": self._strip,
            "number": self._number,
            "bar": self._bar,
        }
        if viz.text() not in builders:
            raise viz.error(f"viz {viz.text()!r} is none of {', '.join(builders)}")
        dataset = self.dataset(spec.get("table"), spec)
        built = builders[viz.text()](spec, dataset)
        if built is None:
            return None
        viz_type, form_data = built
        height = spec.get("height")
        return self._chart(
            key,
            spec,
            kind=viz.text(),
            viz_type=viz_type,
            dataset=dataset,
            form_data=form_data,
            title=self.text(spec.require("title")),
            height=height.number() if height else _HEIGHTS[viz.text()],
        )

    def cards(self, key: str, title: str, names: list[Node], table: Node) -> Chart:
        """Compile a list of metrics into one strip of cards.

        Raises:
            CompileError: a metric has no card text in the table of cards.
        """
        self._metrics, self._columns = {}, {}
        dataset = self.dataset(table, table)
        columns = []
        for name in names:
            if name.text() not in self.catalog.metrics:
                raise name.error(f"no chart and no metric named {name.text()!r}")
            card = f"{name.text()}__card"
            if card not in dataset.columns:
                raise name.error(f"table {dataset.name} has no column {card}")
            columns.append(card)
        form_data = self._raw(dataset, columns, row_limit=_STRIP_ROWS)
        return self._chart(
            key,
            names[0],
            kind="cards",
            viz_type="table",
            dataset=dataset,
            form_data=form_data,
            title=title,
            height=_HEIGHTS["cards"],
        )

    def dataset(self, name: Node | None, place: Node) -> Dataset:
        """Resolve a table; the edition's own when none is named."""
        if name is None:
            if self.default_table is None:
                raise place.error("'table' is missing")
            return self.catalog.datasets[self.default_table]
        if name.text() not in self.catalog.datasets:
            raise name.error(f"no published table named {name.text()!r}")
        return self.catalog.datasets[name.text()]

    def is_left_out(self, name: str, dataset: Dataset) -> bool:
        """Say whether this edition leaves the name out with the money."""
        if not self.omits_money or name in dataset.columns or self.whole is None:
            return False
        whole = self.catalog.datasets[self.whole]
        return name in whole.columns

    def text(self, node: Node) -> str:
        """Give a title with the units that it names: ``Комиссия, {money}``.

        Raises:
            CompileError: there is no such unit.
        """

        def title(match: re.Match[str]) -> str:
            return self._unit(Node(match[1], node.file, node.line)).title

        return re.sub(r"\{(\w+)\}", title, node.text())

    def column(self, name: Node, dataset: Dataset) -> Column:
        """Resolve a column.

        Raises:
            CompileError: the table has no such column.
        """
        found = dataset.columns.get(name.text())
        if found is None:
            raise name.error(f"table {dataset.name} has no column {name.text()!r}")
        return found

    # ---------- kinds of charts

    def _table(self, spec: Node, dataset: Dataset) -> tuple[str, FormData] | None:
        if spec.get("one") is not None or spec.get("by") is not None:
            return self._grouped(spec, dataset)
        names = [
            name
            for node in spec.require("columns").items()
            if (name := self._table_column(node, dataset)) is not None
        ]
        if not names:
            return None
        order = spec.get("order")
        page = spec.get("page")
        rows = spec.get("rows")
        form_data = self._raw(
            dataset, names, row_limit=rows.number() if rows else _TABLE_ROWS
        )
        if order is not None:
            column = self.column(order, dataset)
            form_data["order_by_cols"] = [f'["{column.name}", true]']
        search = spec.get("search")
        form_data["include_search"] = search is not None and search.value is True
        _set_pages(form_data, page)
        return "table", form_data

    def _grouped(self, spec: Node, dataset: Dataset) -> tuple[str, FormData]:
        """Compile a table with one line per value: of a record, or of a dimension."""
        one, by = spec.get("one"), spec.get("by")
        # A cell of a group is a metric; only texts that are markup cannot be one.
        groups = [self.column(node, dataset).name for node in by.items()] if by else []
        hidden: list[str] = []
        if one is not None:
            hidden.append(self.column(one, dataset).name)
        shown: list[str] = []
        states: list[tuple[str, str]] = []
        config = {name: self._column_config(name, dataset) for name in groups}
        for node in spec.require("columns").items() if spec.get("columns") else ():
            name, how = _with_unit(node)
            if self.is_left_out(name.text(), dataset):
                continue
            column = self.column(name, dataset)
            if column.name.endswith("_html"):
                groups.append(column.name)
                config[column.name] = self._column_config(column.name, dataset)
                continue
            if how is not None and how.text() != _JOINED:
                raise how.error(
                    f"{how.text()!r} is not {_JOINED}: all values of a line"
                )
            saved = self._shown(column, dataset, is_joined=how is not None)
            shown.append(saved)
            config[saved] = self._column_config(column.name, dataset)
            if not (column.is_number or column.is_date):
                config[saved] |= {
                    "d3NumberFormat": _TEXT_FORMAT,
                    "horizontalAlign": "left",
                }
            if f"{column.name}_state" in dataset.columns:
                state = self._shown(
                    dataset.columns[f"{column.name}_state"], dataset, is_state=True
                )
                states.append((state, saved))
                config[state] = {"visible": False}
        for saved, column in self._group_totals(spec, dataset):
            shown.append(saved)
            config[saved] = self._column_config(column.name, dataset)
            config[saved].setdefault("d3NumberFormat", ",.0f")
            config[saved]["horizontalAlign"] = "right"
        for name_ in hidden:
            config[name_] = {"visible": False}
        form_data: FormData = {
            **self._raw(dataset, [], row_limit=_TABLE_ROWS),
            "query_mode": "aggregate",
            "groupby": [*groups, *hidden],
            "metrics": [*shown, *(state for state, _ in states)],
            "allow_render_html": any(name.endswith("_html") for name in groups),
            "column_config": config,
            "conditional_formatting": list(_tints(states)),
        }
        order = spec.get("order")
        if order is not None:
            form_data["timeseries_limit_metric"] = self._shown(
                self.column(order, dataset), dataset
            )
            form_data["order_desc"] = False
        _set_pages(form_data, spec.get("page"))
        return "table", form_data

    def _shown(
        self,
        column: Column,
        dataset: Dataset,
        *,
        is_joined: bool = False,
        is_state: bool = False,
    ) -> str:
        """Save the metric that shows a column in a line of one record."""
        found = self.catalog.unit(column.unit)
        expression = self.catalog.shown(column.name, dataset.name)
        if is_joined:
            expression = f"string_agg(distinct {column.name}, ', ')"
        elif is_state:
            expression = f"max({column.name})"
        elif column.unit == _MOMENT:
            # Superset would print the hour of UTC.
            expression = f"{expression} at time zone '{self.catalog.timezone}'"
        saved = SavedMetric(
            name=f"{column.name}__shown",
            label=self.catalog.title(column.label or column.name, column.unit),
            expression=expression,
            description=column.description,
            d3format=found.screen if found and not found.is_time else "",
        )
        self._metrics[saved.name] = saved
        return saved.name

    def _group_totals(
        self, spec: Node, dataset: Dataset
    ) -> Iterator[tuple[str, Column]]:
        """Save the count and the sums that stand in a line of a dimension."""
        counted, sums = spec.get("count"), spec.get("sums")
        if counted is not None:
            name, title = _with_unit(counted)
            if title is None:
                raise counted.error("a column with the title of its count is expected")
            column = self.column(name, dataset)
            yield self._counted(column, self.text(title)), column
        for node in sums.items() if sums else ():
            if not self.is_left_out(node.text(), dataset):
                column = self.column(node, dataset)
                yield self._summed(column, dataset), column

    def _counted(self, column: Column, title: str) -> str:
        saved = SavedMetric(
            name=f"{column.name}__count",
            label=title,
            expression=f"count(distinct {column.name})",
            description=column.description,
            d3format=",.0f",
        )
        self._metrics[saved.name] = saved
        return saved.name

    def _summed(self, column: Column, dataset: Dataset) -> str:
        found = self.catalog.unit(column.unit)
        saved = SavedMetric(
            name=f"{column.name}__total",
            label=self.catalog.title(column.label, column.unit),
            expression=self.catalog.total(column.name, dataset.name),
            description=column.description,
            d3format=found.screen if found else "",
        )
        self._metrics[saved.name] = saved
        return saved.name

    def _strip(self, spec: Node, dataset: Dataset) -> tuple[str, FormData]:
        names = [
            self.column(node, dataset).name for node in spec.require("columns").items()
        ]
        return "table", self._raw(dataset, names, row_limit=_STRIP_ROWS)

    def _number(self, spec: Node, dataset: Dataset) -> tuple[str, FormData] | None:
        name = self._number_metric(spec, dataset)
        if name is None:
            return None
        return "big_number_total", {
            "metric": name,
            "adhoc_filters": [],
            "header_font_size": 0.4,
            "subheader_font_size": 0.15,
            "subtitle": "",
            "y_axis_format": self._metrics[name].d3format,
            "time_format": "smart_date",
            "conditional_formatting": [],
        }

    def _bar(self, spec: Node, dataset: Dataset) -> tuple[str, FormData] | None:
        names = [
            name
            for node in spec.require("metrics").items()
            if (name := self._metric(node, dataset)) is not None
        ]
        if not names:
            return None
        x = self.column(spec.require("x"), dataset)
        grain = spec.require("grain")
        if grain.text() not in _GRAINS:
            raise grain.error(f"grain {grain.text()!r} is none of {', '.join(_GRAINS)}")
        by = spec.get("by")
        groups = [self.column(n, dataset).name for n in by.items()] if by else []
        is_many = len(names) > 1 or bool(groups)
        last = spec.get("last")
        duration = _GRAINS[grain.text()]
        return "echarts_timeseries_bar", {
            "x_axis": x.name,
            "time_grain_sqla": duration,
            "x_axis_time_format": _DATE_FORMATS[duration],
            "metrics": names,
            "groupby": groups,
            "adhoc_filters": _last_months(last, x, dataset),
            "row_limit": _BAR_ROWS,
            "order_desc": True,
            "orientation": "vertical",
            "stack": "Stack" if is_many else None,
            "show_value": True,
            "only_total": True,
            "show_legend": is_many,
            "legendType": "scroll",
            "legendOrientation": "top",
            "color_scheme": "reestr",
            "rich_tooltip": True,
            "showTooltipTotal": False,
            "tooltipTimeFormat": "%B %Y",
            "y_axis_format": self._metrics[names[0]].d3format,
            "minorSplitLine": False,
            "truncateYAxis": False,
            "y_axis_bounds": [None, None],
            "truncate_metric": True,
            "x_axis_title_margin": 15,
            "y_axis_title_margin": 15,
            "annotation_layers": [],
        }

    # ---------- parts

    def _chart(
        self,
        key: str,
        spec: Node,
        *,
        kind: str,
        viz_type: str,
        dataset: Dataset,
        form_data: FormData,
        title: str,
        height: int,
    ) -> Chart:
        fields = spec.value if isinstance(spec.value, dict) else {}
        note = fields.get("note")
        ignored = spec.texts("ignore_filters") if fields else []
        return Chart(
            key=key,
            kind=kind,
            title=title,
            note=self.text(note) if note else "",
            viz_type=viz_type,
            table=dataset.name,
            form_data={"viz_type": viz_type, **form_data},
            height=height,
            ignored_filters=tuple(ignored),
            file=spec.file,
            metrics=tuple(self._metrics.values()),
            columns=tuple(self._columns.values()),
        )

    def _raw(self, dataset: Dataset, names: list[str], *, row_limit: int) -> FormData:
        """Give the form data of a table of rows, with the states of its cells."""
        states = [f"{name}_state" for name in names]
        states = [state for state in states if state in dataset.columns]
        return {
            "query_mode": "raw",
            "all_columns": [*names, *states],
            "order_by_cols": [],
            "percent_metrics": [],
            "adhoc_filters": [],
            "time_range": _NO_FILTER,
            "row_limit": row_limit,
            "server_pagination": False,
            "include_search": False,
            "show_cell_bars": False,
            "color_pn": False,
            "show_totals": False,
            "allow_rearrange_columns": False,
            "allow_render_html": any(
                name.endswith(("_html", "__card", "__cell")) for name in names
            ),
            "table_timestamp_format": "%d.%m.%Y",
            "column_config": {
                **{name: self._column_config(name, dataset) for name in names},
                **{state: {"visible": False} for state in states},
            },
            "conditional_formatting": list(
                _tints((state, state.removesuffix("_state")) for state in states)
            ),
        }

    def _column_config(self, name: str, dataset: Dataset) -> dict[str, object]:
        saved = self._columns.get(name)
        column = saved.column if saved else dataset.columns[name]
        found = self.catalog.unit(column.unit)
        config: dict[str, object] = {}
        if found is not None and found.is_time:
            config["d3TimeFormat"] = found.screen
        elif found is not None:
            config["d3NumberFormat"] = found.screen
        if column.is_number or column.is_date or name.endswith("__cell"):
            config["horizontalAlign"] = "right"
        return config

    def _table_column(self, node: Node, dataset: Dataset) -> str | None:
        name, unit_name = _with_unit(node)
        if self.is_left_out(name.text(), dataset):
            return None
        column = self.column(name, dataset)
        if unit_name is None:
            return column.name
        scaled = self._unit(unit_name)
        saved = SavedColumn(
            name=f"{column.name}__{scaled.name}",
            label=column.label,
            expression=f"{column.name} / {scaled.scale}.0",
            column=Column(
                name=column.name,
                label=column.label,
                description=column.description,
                unit=scaled.name,
                data_type="numeric",
            ),
        )
        self._columns[saved.name] = saved
        return saved.name

    def _metric(self, node: Node, dataset: Dataset) -> str | None:
        name, unit_name = _with_unit(node)
        metric = self.catalog.metrics.get(name.text())
        if metric is None:
            raise name.error(f"no metric named {name.text()!r}")
        if self.omits_money and self.catalog.is_money(metric.name, dataset.name):
            return None
        expression = self.catalog.expression(metric.name, dataset.name)
        if expression is None:
            raise name.error(f"table {dataset.name} cannot give metric {metric.name}")
        scaled = self._unit(unit_name) if unit_name else self.catalog.unit(metric.unit)
        saved_name = metric.name
        if unit_name is not None and scaled is not None:
            saved_name = f"{metric.name}__{scaled.name}"
            expression = f"{expression} / {scaled.scale}.0"
        self._metrics[saved_name] = SavedMetric(
            name=saved_name,
            label=self.catalog.title(metric.label, scaled.name if scaled else ""),
            expression=expression,
            description=metric.tooltip,
            d3format=scaled.screen if scaled else "",
        )
        return saved_name

    def _number_metric(self, spec: Node, dataset: Dataset) -> str | None:
        title = self.text(spec.require("title"))
        if (metric := spec.get("metric")) is not None:
            return self._metric(metric, dataset)
        if (counted := spec.get("count")) is not None:
            column = self.column(counted, dataset)
            return self._counted(column, title)
        summed = spec.require("sum")
        if self.is_left_out(summed.text(), dataset):
            return None
        return self._summed(self.column(summed, dataset), dataset)

    def _unit(self, node: Node) -> Unit:
        try:
            return unit(node.text(), self.catalog.currency)
        except UnknownUnitError as error:
            raise node.error(str(error)) from error


def first_metric(column: Column) -> SavedMetric:
    """Give the metric that sorts a filter's values by another column."""
    return SavedMetric(
        name=f"{column.name}__first",
        label=column.label or column.name,
        expression=f"min({column.name})",
        description=column.description,
    )


def _with_unit(node: Node) -> tuple[Node, Node | None]:
    """Read ``name`` or ``name: unit``."""
    if not isinstance(node.value, dict):
        return node, None
    if len(node.value) != 1:
        raise node.error("one name with its unit is expected here")
    name, unit_name = next(iter(node.value.items()))
    return Node(name, node.file, node.line), unit_name


def _set_pages(form_data: FormData, page: Node | None) -> None:
    if page is not None:
        form_data["row_limit"] = _PAGED_ROWS
        form_data["server_pagination"] = True
        form_data["server_page_length"] = page.number()


def _tints(states: Iterable[tuple[str, str]]) -> Iterator[dict[str, object]]:
    for state, column in states:
        for code, colour in STATE_TINTS.items():
            yield {
                "column": state,
                "operator": "=",
                "targetValue": code,
                "colorScheme": colour,
                "useGradient": False,
                "columnFormatting": column,
                "objectFormatting": "BACKGROUND_COLOR",
            }


def _last_months(last: Node | None, x: Column, dataset: Dataset) -> list[FormData]:
    """Give the filters of a time axis.

    A table that counts its months back from the moment of its data is asked for the
    last of them; any other from the day on which it is read.
    """
    period = _NO_FILTER
    filters = []
    if last is not None and _MONTHS_AGO in dataset.columns:
        filters.append(_filter(_MONTHS_AGO, "<", last.number()))
    elif last is not None:
        start = f"DATETRUNC(DATETIME('today'), month), -{last.number() - 1}, month"
        period = f"DATEADD({start}) : DATEADD(DATETIME('today'), 1, day)"
    return [_filter(x.name, "TEMPORAL_RANGE", period), *filters]


def _filter(column: str, operator: str, value: str | int) -> FormData:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": operator,
        "comparator": value,
        "isExtra": False,
        "isNew": False,
        "filterOptionName": f"filter_{column}",
        "sqlExpression": None,
    }
