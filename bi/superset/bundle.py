"""Dashboard files and the catalog to a bundle that Superset imports.

One page may have editions: the same file over tables with whole amounts, with the
reader's share, or without amounts. Ids come from paths, so an object keeps its id.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bi.catalog import Catalog, Column, Dataset
from bi.cell_states import cell_states
from bi.superset.charts import Chart, ChartBuilder, SavedColumn, SavedMetric
from bi.superset.filters import filter_bar
from bi.superset.layout import COLUMNS, Part, Tabs, Tile, positions
from bi.superset.row_rules import RowRule, row_rules
from bi.superset.yaml_file import Node, read_yaml

_NAMESPACE = uuid.UUID("6d1c9d7e-2b0f-5c8a-9a55-0d9c3a1f7e42")
_VERSION = "1.0.0"
#: Chart numbers of a bundle only tell its charts apart; the import replaces them.
_FIRST_CHART_ID = 1_000_000
#: A zip file needs dates; a fixed one keeps the same bytes for the same content.
_ZIP_DATE = (2000, 1, 1, 0, 0, 0)

#: Columns that serve the locks only; a page that could ask for them would show them.
_HIDDEN_COLUMNS = frozenset({"reader_keys"})

# A page that names no place in the menu stands behind those that do.
_LAST_IN_MENU = 1_000
_KNOWN_PAGE = (
    "title",
    "question",
    "slug",
    "menu",
    "owner",
    "roles",
    "tables",
    "editions",
    "choices",
    "filters",
    "rows",
    "legend",
)

#: Edition to the end of its address.
_SLUG_ENDINGS = {"": "", "whole": "", "split": "_split", "none": "_without_money"}

Asset = dict[str, object]


@dataclass(frozen=True)
class Role:
    """A business role.

    Attributes:
        money: ``whole``, ``split`` or ``none``: which edition of a page it opens.
    """

    name: str
    title: str
    money: str


@dataclass(frozen=True)
class Page:
    """One edition of a dashboard.

    Attributes:
        roles: Names of the roles that may open it.
    """

    uuid: str
    slug: str
    title: str
    roles: frozenset[str]
    tables: frozenset[str]


@dataclass(frozen=True)
class Bundle:
    """Everything Superset is to hold.

    Attributes:
        assets: Asset file name to its content, fingerprint included.
        fingerprints: Uuid of an object to the fingerprint of its content.
    """

    assets: Mapping[str, Asset]
    fingerprints: Mapping[str, str]
    pages: Sequence[Page]
    rules: Sequence[RowRule]
    roles: Sequence[Role]
    dataset_uuids: Mapping[str, str]

    def zipped(self, extra: Mapping[str, Asset]) -> bytes:
        """Give the bundle as the import takes it, the same bytes for the same content.

        Args:
            extra: Assets that are not compiled from files: the connection.
        """
        files = {
            "metadata.yaml": {
                "version": _VERSION,
                "type": "assets",
                "timestamp": "2000-01-01T00:00:00+00:00",
            },
            **extra,
            **self.assets,
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                text = yaml.safe_dump(content, allow_unicode=True, sort_keys=True)
                archive.writestr(zipfile.ZipInfo(f"bundle/{name}", _ZIP_DATE), text)
        return buffer.getvalue()


def asset_uuid(path: str) -> str:
    """Give the id of an object from the path of its file."""
    return str(uuid.uuid5(_NAMESPACE, path))


def fingerprint(content: object) -> str:
    """Give a short hash of a content."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_roles(folder: Path) -> list[Role]:
    """Read ``roles.yaml``.

    Raises:
        CompileError: a role has no title or no right on money.
    """
    root = read_yaml(folder / "roles.yaml", folder.parent)
    roles = []
    for name, fields in root.require("roles").fields().items():
        money = fields.require("money")
        if money.text() not in ("whole", "split", "none"):
            raise money.error(f"money {money.text()!r} is none of whole, split, none")
        roles.append(
            Role(name=name, title=fields.require("title").text(), money=money.text())
        )
    return roles


def compile_bundle(catalog: Catalog, folder: Path, *, database_uuid: str) -> Bundle:
    """Compile every dashboard under ``folder/dashboards``.

    Args:
        catalog: What dbt knows.
        folder: The ``bi`` folder.
        database_uuid: Id of the warehouse connection.

    Raises:
        CompileError: a name does not resolve; the text names file and line.
        UnprotectedDatasetError: a page reads a table without an access rule.
    """
    compiler = _Compiler(catalog, folder, read_roles(folder), database_uuid)
    pages = [
        (path, read_yaml(path, folder.parent))
        for path in sorted((folder / "dashboards").glob("*/dashboard.yaml"))
    ]
    # The first page of the menu is the one a reader starts at.
    for path, page in sorted(pages, key=lambda found: _menu_place(found[1])):
        compiler.add(path, page)
    return compiler.finish()


def _menu_place(page: Node) -> int:
    place = page.get("menu")
    return place.number() if place else _LAST_IN_MENU


@dataclass(frozen=True)
class _Edition:
    """One edition of a page: its table and who opens it."""

    name: str
    table: str | None
    whole: str | None
    roles: frozenset[str]

    def path(self, file: str) -> str:
        return f"{file}#{self.name}" if self.name else file

    def slug(self, slug: str) -> str:
        return slug + _SLUG_ENDINGS[self.name]


class _Compiler:
    """Collects the assets of all pages."""

    def __init__(
        self, catalog: Catalog, folder: Path, roles: list[Role], database_uuid: str
    ) -> None:
        self._catalog = catalog
        self._folder = folder
        self._root = folder.parent
        self._roles = {role.name: role for role in roles}
        self._database_uuid = database_uuid
        self._assets: dict[str, Asset] = {}
        self._fingerprints: dict[str, str] = {}
        self._pages: list[Page] = []
        self._metrics: dict[str, dict[str, SavedMetric]] = {}
        self._columns: dict[str, dict[str, SavedColumn]] = {}

    def add(self, path: Path, page: Node) -> None:
        page.only(*_KNOWN_PAGE)
        charts = {
            chart.stem: read_yaml(chart, self._root)
            for chart in sorted((path.parent / "charts").glob("*.yaml"))
        }
        used: set[str] = set()
        for edition in self._editions(page):
            used |= self._add_edition(page, edition, charts)
        for key, chart in charts.items():
            if key not in used:
                raise chart.error(f"chart {key} stands in no row of {page.file}")

    def finish(self) -> Bundle:
        tables = sorted({table for page in self._pages for table in page.tables})
        datasets = [self._catalog.datasets[table] for table in tables]
        rules = row_rules(datasets)
        compiled = {
            f"datasets/warehouse/{dataset.name}.yaml": self._dataset(dataset)
            for dataset in datasets
        }
        return Bundle(
            assets={**compiled, **self._assets},
            fingerprints=self._fingerprints,
            pages=self._pages,
            rules=rules,
            roles=list(self._roles.values()),
            dataset_uuids={table: _dataset_uuid(table) for table in tables},
        )

    # ---------- pages

    def _editions(self, page: Node) -> Iterator[_Edition]:
        names = page.require("roles").items()
        for node in names:
            if node.text() not in self._roles:
                raise node.error(f"no role named {node.text()!r} in roles.yaml")
        roles = frozenset(node.text() for node in names)
        editions = page.get("editions")
        if editions is None:
            yield _Edition(name="", table=None, whole=None, roles=roles)
            return
        editions.only("whole", "split", "none")
        tables = {name: node.text() for name, node in editions.fields().items()}
        for name, node in editions.fields().items():
            if node.text() not in self._catalog.datasets:
                raise node.error(f"no published table named {node.text()!r}")
            readers = frozenset(r for r in roles if self._roles[r].money == name)
            yield _Edition(
                name=name, table=tables[name], whole=tables.get("whole"), roles=readers
            )
        left = [role for role in roles if self._roles[role].money not in tables]
        if left:
            raise editions.error(f"no edition for {', '.join(sorted(left))}")

    def _add_edition(
        self, page: Node, edition: _Edition, specs: Mapping[str, Node]
    ) -> set[str]:
        builder = ChartBuilder(
            catalog=self._catalog,
            default_table=edition.table,
            whole=edition.whole,
            omits_money=edition.name == "none",
        )
        used: set[str] = set()
        path = edition.path(page.file)
        charts: list[Chart] = []
        tiles: list[Tile] = []
        number = 0

        def built(row: Node) -> list[Tile]:
            nonlocal number
            number += 1
            found = self._row(
                page, row, number, builder=builder, specs=specs, used=used
            )
            row_tiles = [self._tile(chart, width, path) for chart, width in found]
            charts.extend(chart for chart, _ in found)
            tiles.extend(row_tiles)
            return row_tiles

        parts: list[Part] = []
        for row in page.require("rows").items():
            if isinstance(row.value, dict):
                row.only("tabs")
                parts.append(_tabs(row.require("tabs"), built))
            elif row_tiles := built(row):
                parts.append(row_tiles)
        self._save_page(
            page, edition, path, parts=parts, charts=charts, tiles=tiles,
            builder=builder,
        )  # fmt: skip
        return used

    def _row(
        self,
        page: Node,
        row: Node,
        number: int,
        *,
        builder: ChartBuilder,
        specs: Mapping[str, Node],
        used: set[str],
    ) -> list[tuple[Chart, int]]:
        """Compile a row: tiles with widths, or metrics as one strip of cards."""
        items = row.items()
        if items and not isinstance(items[0].value, dict):
            table = page.require("tables").require("cards")
            title = page.require("title").text()
            chart = builder.cards(f"cards_{number}", title, items, table)
            return [(chart, COLUMNS)]
        tiles: list[tuple[Chart, int]] = []
        total = 0
        for item in items:
            for key, width in item.fields().items():
                total += width.number()
                spec = specs.get(key)
                if spec is None:
                    raise width.error(f"no chart named {key!r}")
                used.add(key)
                chart_or_none = builder.build(key, spec)
                if chart_or_none is not None:
                    tiles.append((chart_or_none, width.number()))
        if total != COLUMNS:
            raise row.error(f"the widths of a row are {COLUMNS} together, not {total}")
        return _widened(tiles)

    def _save_page(
        self,
        page: Node,
        edition: _Edition,
        path: str,
        *,
        parts: Sequence[Part],
        charts: Sequence[Chart],
        tiles: Sequence[Tile],
        builder: ChartBuilder,
    ) -> None:
        title = page.require("title").text()
        filters = page.get("filters")
        bar = filter_bar(
            filters.items() if filters else [],
            builder,
            charts=charts,
            tiles=tiles,
            dataset_uuid={name: _dataset_uuid(name) for name in self._catalog.datasets},
            choices=self._choices(page, edition),
            edition=edition.name,
        )
        for table, metric in bar.metrics:
            self._metrics.setdefault(table, {})[metric.name] = metric
        for chart, tile in zip(charts, tiles, strict=True):
            self._save_chart(chart, tile, path, date=bar.date)
        slug = edition.slug(page.require("slug").text())
        asset: Asset = {
            "dashboard_title": title,
            "description": page.require("question").text(),
            "css": "",
            "slug": slug,
            "uuid": asset_uuid(path),
            "position": positions(title, parts),
            "metadata": {
                "native_filter_configuration": bar.configuration,
                "filter_bar_orientation": "HORIZONTAL",
                "cross_filters_enabled": False,
                # Charts name their own scheme. With one here, every reader's page would
                # try to write its colours back.
                "color_scheme": "",
                "map_label_colors": {},
                "expanded_slices": {},
                "timed_refresh_immune_slices": [],
                "refresh_frequency": 0,
                "reestr": {
                    "position": len(self._pages),
                    "question": page.require("question").text(),
                    "legend": _legend(page),
                },
            },
            "certified_by": "",
            "published": True,
            "version": _VERSION,
            "is_managed_externally": True,
            "external_url": page.file,
        }
        self._save(f"dashboards/{slug}.yaml", asset, "certification_details")
        self._pages.append(
            Page(
                uuid=asset_uuid(path),
                slug=slug,
                title=title,
                roles=edition.roles,
                tables=frozenset(chart.table for chart in charts) | bar.tables,
            )
        )

    def _choices(self, page: Node, edition: _Edition) -> list[str]:
        """Give the tables of an edition that filters ask for values first."""
        choices = page.get("choices")
        found = choices.get(edition.name) if choices is not None else None
        names = found.items() if found is not None else []
        for node in names:
            if node.text() not in self._catalog.datasets:
                raise node.error(f"no published table named {node.text()!r}")
        return [node.text() for node in names]

    def _tile(self, chart: Chart, width: int, path: str) -> Tile:
        uuid_ = asset_uuid(f"{path}/{chart.key}")
        # One number per chart of the bundle, the same at every compilation.
        number = _FIRST_CHART_ID + int(uuid_[:6], 16)
        return Tile(
            key=chart.key,
            kind=chart.kind,
            title=chart.title,
            uuid=uuid_,
            chart_id=number,
            width=width,
            height=chart.height,
        )

    # ---------- assets

    def _save_chart(
        self, chart: Chart, tile: Tile, path: str, *, date: str | None
    ) -> None:
        for metric in chart.metrics:
            self._metrics.setdefault(chart.table, {})[metric.name] = metric
        for column in chart.columns:
            self._columns.setdefault(chart.table, {})[column.name] = column
        params = dict(chart.form_data)
        if date is not None and chart.viz_type != "echarts_timeseries_bar":
            params["granularity_sqla"] = date
        asset: Asset = {
            "slice_name": chart.title,
            "description": chart.note,
            "viz_type": chart.viz_type,
            "params": params,
            "query_context": None,
            "cache_timeout": None,
            "uuid": tile.uuid,
            "dataset_uuid": _dataset_uuid(chart.table),
            "certified_by": "",
            "version": _VERSION,
            "is_managed_externally": True,
            "external_url": chart.file,
        }
        slug = path.removesuffix(".yaml").replace("/", "_").replace("#", "_")
        self._save(f"charts/{slug}_{chart.key}.yaml", asset, "certification_details")

    def _dataset(self, dataset: Dataset) -> Asset:
        metrics = self._metrics.get(dataset.name, {})
        for metric in self._catalog.metrics.values():
            expression = self._catalog.expression(metric.name, dataset.name)
            if expression is None or metric.name in metrics:
                continue
            found = self._catalog.unit(metric.unit)
            metrics[metric.name] = SavedMetric(
                name=metric.name,
                label=self._catalog.title(metric.label, metric.unit),
                expression=expression,
                description=metric.tooltip,
                d3format=found.screen if found else "",
            )
        asset: Asset = {
            "table_name": dataset.name,
            "schema": dataset.schema,
            "catalog": None,
            "sql": None,
            "description": dataset.description,
            "main_dttm_col": None,
            "uuid": _dataset_uuid(dataset.name),
            "database_uuid": self._database_uuid,
            "filter_select_enabled": True,
            "columns": [
                *(
                    self._column(column)
                    for column in dataset.columns.values()
                    if column.name not in _HIDDEN_COLUMNS
                ),
                *(
                    self._calculated(column)
                    for column in self._columns.get(dataset.name, {}).values()
                ),
            ],
            "metrics": [_metric(metrics[name]) for name in sorted(metrics)],
            "version": _VERSION,
            "is_managed_externally": True,
            "external_url": f"dbt_project/{dataset.file}",
        }
        mark = fingerprint(asset)
        asset["extra"] = {"reestr": mark}
        self._fingerprints[_dataset_uuid(dataset.name)] = mark
        return asset

    def _column(self, column: Column) -> Asset:
        is_shown = bool(column.label)
        return {
            "column_name": column.name,
            "verbose_name": self._catalog.title(column.label, column.unit)
            if is_shown
            else None,
            "description": column.description or None,
            "type": column.data_type.upper() or None,
            "is_dttm": column.is_date,
            "is_active": True,
            "groupby": is_shown,
            "filterable": is_shown,
            "expression": None,
        }

    def _calculated(self, saved: SavedColumn) -> Asset:
        column = self._column(saved.column)
        return {
            **column,
            "column_name": saved.name,
            "type": "NUMERIC",
            "expression": saved.expression,
        }

    def _save(self, name: str, asset: Asset, mark_field: str) -> None:
        mark = fingerprint(asset)
        self._assets[name] = {**asset, mark_field: mark}
        self._fingerprints[str(asset["uuid"])] = mark


def _dataset_uuid(table: str) -> str:
    return asset_uuid(f"datasets/{table}")


def _metric(metric: SavedMetric) -> Asset:
    return {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "metric_type": None,
        "expression": metric.expression,
        "description": metric.description or None,
        "d3format": metric.d3format or None,
    }


def _legend(page: Node) -> list[list[str]]:
    """Give name, icon and word of every tint, for a page that explains them."""
    asked = page.get("legend")
    if asked is None or asked.value is not True:
        return []
    return [[state.name, state.icon, state.label] for state in cell_states()[1:]]


def _tabs(node: Node, built: Callable[[Node], list[Tile]]) -> Tabs:
    tabs = []
    for tab in node.items():
        tab.only("title", "rows")
        rows = [row for line in tab.require("rows").items() if (row := built(line))]
        if rows:
            tabs.append((tab.require("title").text(), rows))
    return Tabs(tabs)


def _widened(tiles: list[tuple[Chart, int]]) -> list[tuple[Chart, int]]:
    """Let the tiles that are left fill the row."""
    if not tiles:
        return []
    total = sum(width for _, width in tiles)
    widths = [max(1, width * COLUMNS // total) for _, width in tiles]
    widths[0] += COLUMNS - sum(widths)
    return [(chart, width) for (chart, _), width in zip(tiles, widths, strict=True)]
