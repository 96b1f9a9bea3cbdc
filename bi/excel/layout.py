"""Columns of a sheet: what a definition asks for, said in the words of the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bi.catalog import Catalog, Column, Dataset
from bi.excel.definition import Export, ExportColumn, SheetDefinition
from bi.excel.highlight import SUFFIX
from bi.excel.texts import text
from bi.superset.yaml_file import CompileError
from bi.units import Unit

_WIDTHS = {"date": 12, "month": 12, "datetime": 16, "days": 12, "count": 12, "share": 9}
_MONEY_WIDTH = 15
_USUAL_WIDTH = 16


@dataclass(frozen=True)
class SheetColumn:
    """One column as the sheet shows it.

    Attributes:
        unit: Title of the unit for people, may be empty.
        number_format: Of the cells; empty for text.
        is_joined: Whether the rows of a record differ in it: all values are shown.
        values: Words in place of codes.
        value_at: Place of the value in a row of the query.
        link_at: Place of the address behind the cell.
        state_at: Place of the code of the cell's state.
    """

    name: str
    title: str
    description: str
    formula: str
    owner: str
    unit: str
    width: int
    number_format: str
    is_money: bool
    values: Mapping[str, str]
    value_at: int
    link_at: int | None
    state_at: int | None
    is_joined: bool = False

    @property
    def note(self) -> str:
        """Meaning, formula and owner, as the note of the header says them."""
        parts = [self.description]
        if self.formula:
            parts.append(text("note", "formula", formula=self.formula))
        parts.append(text("note", "owner", owner=self.owner))
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True)
class SheetLayout:
    """One sheet over one published table.

    Attributes:
        fields: Columns to select, in the order in which rows give them.
        order: Columns to sort by.
        frozen: How many columns stay in sight.
        months: Columns that are summed by month.
    """

    schema: str
    table: str
    columns: tuple[SheetColumn, ...]
    fields: tuple[str, ...]
    order: tuple[str, ...]
    frozen: int
    months: tuple[SheetColumn, ...] = ()

    @property
    def money(self) -> tuple[SheetColumn, ...]:
        """Columns that are summed."""
        return tuple(column for column in self.columns if column.is_money)


def records_layout(export: Export, catalog: Catalog, table: str) -> SheetLayout:
    """Lay out the sheet of records over one edition.

    Raises:
        CompileError: a column stands in none of the editions.
    """
    editions = [_dataset(catalog, name, export) for name in export.editions.values()]
    layout = _layout(
        export.records, catalog, _dataset(catalog, table, export), editions, export
    )
    summed = {column.name: column for column in layout.money}
    asked = export.months.columns
    return replace(
        layout, months=tuple(summed[name] for name in asked if name in summed)
    )


def findings_layout(export: Export, catalog: Catalog) -> SheetLayout:
    """Lay out the sheet of findings.

    Raises:
        CompileError: the table lacks a column.
    """
    dataset = _dataset(catalog, export.findings.table, export)
    return _layout(export.findings.sheet, catalog, dataset, [dataset], export)


def _dataset(catalog: Catalog, name: str, export: Export) -> Dataset:
    if name not in catalog.datasets:
        raise CompileError(
            f"{name!r} is no published table; known: "
            f"{', '.join(sorted(catalog.datasets))} ({export.file})"
        )
    return catalog.datasets[name]


def _layout(
    definition: SheetDefinition,
    catalog: Catalog,
    dataset: Dataset,
    editions: Iterable[Dataset],
    export: Export,
) -> SheetLayout:
    known = {name for edition in editions for name in edition.columns}
    fields: list[str] = []

    def place(name: str) -> int | None:
        if name not in dataset.columns:
            return None
        if name not in fields:
            fields.append(name)
        return fields.index(name)

    columns = []
    for asked in definition.columns:
        for name in filter(None, (asked.name, asked.link)):
            if name not in known:
                raise CompileError(
                    f"column {name!r} is not in {dataset.name} ({asked.place})"
                )
        value_at = place(asked.name)
        if value_at is None:
            continue
        columns.append(
            _column(
                asked,
                dataset,
                catalog,
                owner=export.owner,
                value_at=value_at,
                link_at=place(asked.link) if asked.link else None,
                state_at=place(asked.name + SUFFIX),
            )
        )
    names = [column.name for column in columns]
    if definition.freeze not in names:
        raise CompileError(
            f"freeze column {definition.freeze!r} is not in {dataset.name} "
            f"({export.file})"
        )
    return SheetLayout(
        schema=dataset.schema,
        table=dataset.name,
        columns=tuple(columns),
        fields=tuple(fields),
        order=tuple(name for name in definition.order if name in dataset.columns),
        frozen=names.index(definition.freeze) + 1,
    )


def _column(
    asked: ExportColumn,
    dataset: Dataset,
    catalog: Catalog,
    *,
    owner: str,
    value_at: int,
    link_at: int | None,
    state_at: int | None,
) -> SheetColumn:
    column = dataset.columns[asked.name]
    metric = catalog.metrics.get(asked.name)
    unit = _unit(column, catalog, asked)
    label = asked.title or column.label
    if not label:
        raise CompileError(
            f"column {asked.name!r} of {dataset.name} has no label in dbt "
            f"({asked.place})"
        )
    return SheetColumn(
        name=asked.name,
        # People look headers up by a plain space; a screen keeps the unit on the line.
        title=catalog.title(label, unit.name if unit else "").replace("\u00a0", " "),
        description=column.description,
        formula=metric.formula if metric else "",
        owner=metric.owner if metric and metric.owner else owner,
        unit=_unit_title(unit),
        width=asked.width or _width(unit),
        number_format=_number_format(unit),
        is_money=unit is not None and unit.is_money,
        values=asked.values,
        value_at=value_at,
        link_at=link_at,
        state_at=state_at,
        is_joined=asked.is_joined,
    )


def _unit(column: Column, catalog: Catalog, asked: ExportColumn) -> Unit | None:
    name = column.unit
    if not name and column.is_date:
        name = "date" if column.data_type == "date" else "datetime"
    unit = catalog.unit(name)
    if unit is not None and unit.scale != 1:
        raise CompileError(
            f"column {asked.name!r}: unit {unit.name!r} scales values for screens; "
            f"a workbook shows them in full ({asked.place})"
        )
    return unit


def _width(unit: Unit | None) -> int:
    if unit is None:
        return _USUAL_WIDTH
    return _MONEY_WIDTH if unit.is_money else _WIDTHS.get(unit.name, _USUAL_WIDTH)


def _unit_title(unit: Unit | None) -> str:
    if unit is None:
        return ""
    return unit.title or text("units", unit.name)


def _number_format(unit: Unit | None) -> str:
    """A file spells the group separator as a comma; a Russian Excel shows a space."""
    return unit.cell.replace("# ##0", "#,##0") if unit else ""
