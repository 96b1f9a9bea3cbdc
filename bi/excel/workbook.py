"""Workbooks: rows of a published table as sheets that people count salaries from.

Runs in both Python environments. Rows are written as they come, so that a workbook of
any length takes the same memory. Formulas stand in three places only: the totals, which
follow the filter, those of the months, and the links to cards, made here from escaped
text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from bi.catalog import Catalog
from bi.cell_states import cell_states
from bi.excel.cells import (
    CellValue,
    canonical,
    cell_value,
    clean_text,
    link_formula,
    looks_like_formula,
)
from bi.excel.definition import Export
from bi.excel.dictionary import TABLE, write_dictionary
from bi.excel.highlight import patterns
from bi.excel.layout import (
    SheetColumn,
    SheetLayout,
    findings_layout,
    records_layout,
)
from bi.excel.texts import text

Row = Sequence[object]
Line = list[Cell | None]

HEADER_ROW = 6
FIRST_ROW = HEADER_ROW + 1

_FONT = Font(name="Arial", size=10)
_BOLD = Font(name="Arial", size=10, bold=True)
_TITLE = Font(name="Arial", size=16, bold=True)
_LINK = Font(name="Arial", size=10, color="1F5FC4", underline="single")
_HEADER_FILL = PatternFill(fill_type="solid", start_color="DCE6F5")
_HEADER_LINE = Border(bottom=Side(style="medium", color="1F5FC4"))
_WRAP = Alignment(wrap_text=True, vertical="center")
_TOP_WRAP = Alignment(wrap_text=True, vertical="top")
_MONEY = "#,##0.00"
_COUNT = "#,##0"
_MOMENT = "DD.MM.YYYY HH:MM"
_A4 = 9
# Of the note on a header, in pixels; it holds about so many characters in a line.
_NOTE_WIDTH, _NOTE_LINE, _NOTE_CHARACTERS = 320, 18, 44


@dataclass(frozen=True)
class Control:
    """What the workbook says about itself, and what it is reconciled with.

    Attributes:
        username: Who exports.
        sight: Level of the reader's rights: ``company``, ``unit`` or ``employee``.
        exported_at: With a time zone.
        data_as_of: Moment the numbers speak of, with a time zone.
        filters: Values by column, as people read them; an empty one means no value.
        rows: Rows by a direct query in the same snapshot.
        findings: Findings by a direct query.
        sums: Sum by money column, by the same direct query.
        timezone: Of the firm.
    """

    username: str
    sight: str
    exported_at: datetime
    data_as_of: datetime
    publication_id: int
    filters: Mapping[str, Sequence[str]]
    rows: int
    findings: int
    sums: Mapping[str, Decimal]
    timezone: ZoneInfo


@dataclass(frozen=True)
class Written:
    """What went into the file.

    Attributes:
        sums: Sum by money column.
        differences: Of rows, findings and sums to the direct query; all zero.
        data_hash: SHA-256 over the data cells of the first sheet.
    """

    rows: int
    findings: int
    sums: Mapping[str, Decimal]
    differences: Mapping[str, Decimal]
    data_hash: str


def write_workbook(
    export: Export,
    catalog: Catalog,
    table: str,
    *,
    rows: Iterable[Row],
    months: Iterable[Row],
    findings: Iterable[Row],
    control: Control,
    out: BinaryIO,
    dictionary: Iterable[Row] = (),
) -> Written:
    """Write one workbook.

    Args:
        export: Its definition.
        catalog: Labels, units and meanings; must know the columns of the tables.
        table: Edition that the rows come from.
        rows: In the order of ``records_layout(export, catalog, table).fields``.
        months: Name of the line, records, then the sums of ``layout.months``.
        findings: In the order of ``findings_layout(export, catalog).fields``.
        control: Facts for the head of the sheets and for «control».
        out: Receives the bytes of the file.
        dictionary: In the order of ``dictionary.COLUMNS``; none where no dictionary is
            published yet.

    Raises:
        CompileError: the definition names a column that does not exist.
    """
    layout = records_layout(export, catalog, table)
    found = findings_layout(export, catalog)
    workbook = Workbook(write_only=True)
    workbook.properties.title = export.title
    workbook.properties.creator = control.username
    head = _Head.of(export, catalog, table, control)

    records = _Table(_sheet(workbook, "records"), layout, control.timezone)
    records.begin(head, export.title, rows_line=head.rows, expected_rows=control.rows)
    for row in rows:
        records.append(row)
    records.finish(text("lines", "nothing"))

    by = catalog.datasets[table].columns[export.months.by].label
    _write_months(_sheet(workbook, "months"), layout, months, by, head)

    judged = _Table(_sheet(workbook, "findings"), found, control.timezone)
    judged.begin(head, text("sheets", "findings"))
    for row in findings:
        judged.append(row)
    judged.finish(text("lines", "no_findings"))

    _write_columns(_sheet(workbook, "columns"), [*layout.columns, *found.columns])
    if TABLE in catalog.datasets:
        write_dictionary(_sheet(workbook, "dictionary"), catalog, dictionary)
    written = _reconcile(records, judged, control)
    _write_control(_sheet(workbook, "control"), layout, control, written, head)
    workbook.save(out)
    return written


@dataclass(frozen=True)
class _Head:
    """Lines above the table and below the page."""

    filters: str
    filter_values: str
    as_of: str
    rows: str
    sight: str
    footer: str

    @classmethod
    def of(
        cls, export: Export, catalog: Catalog, table: str, control: Control
    ) -> _Head:
        columns = catalog.datasets[table].columns
        chosen = "; ".join(
            text(
                "lines",
                "filter",
                label=columns[name].label or name,
                values=", ".join(
                    clean_text(value) or text("lines", "empty_value")
                    for value in values
                ),
            )
            for name, values in control.filters.items()
        )
        values = chosen or text("lines", "no_filters")
        moment = f"{control.data_as_of.astimezone(control.timezone):%d.%m.%Y %H:%M}"
        exported = f"{control.exported_at.astimezone(control.timezone):%d.%m.%Y %H:%M}"
        sight = text("sight", control.sight)
        return cls(
            filters=text("lines", "filters", filters=values),
            filter_values=values,
            as_of=text(
                "lines",
                "as_of",
                data_as_of=moment,
                username=control.username,
                exported_at=exported,
                sight=sight,
            ),
            rows=text("lines", "rows", rows=control.rows, exclusions=export.exclusions),
            sight=sight,
            footer=text("lines", "footer", page="&P", pages="&N", data_as_of=moment),
        )


@dataclass
class _Table:
    """A sheet that is being written row by row.

    Attributes:
        styled: A cell for every column, state and kind, used again for each row: a
            cell is written at once when its row is appended.
    """

    sheet: Worksheet
    layout: SheetLayout
    zone: ZoneInfo
    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    styled: dict[tuple[int, int, str], Cell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()
        self.sums = {column.name: Decimal(0) for column in self.layout.money}

    def begin(
        self, head: _Head, title: str, *, rows_line: str = "", expected_rows: int = 0
    ) -> None:
        """Write the rows above the table and the header.

        Args:
            head: Lines of the workbook.
            title: Of the sheet.
            rows_line: Stands before the totals; without it there are none.
            expected_rows: How far the totals reach.
        """
        sheet = self.sheet
        for number, column in enumerate(self.layout.columns, 1):
            sheet.column_dimensions[get_column_letter(number)].width = column.width
        sheet.freeze_panes = f"{get_column_letter(self.layout.frozen + 1)}{FIRST_ROW}"
        sheet.row_dimensions[HEADER_ROW].height = 30
        sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
        _set_up_page(sheet, head.footer)
        sheet.append([_text_cell(sheet, title, _TITLE)])
        sheet.append([_text_cell(sheet, head.filters)])
        sheet.append([_text_cell(sheet, head.as_of)])
        sheet.append(self._totals(rows_line, expected_rows))
        sheet.append([])
        sheet.append([self._header(column) for column in self.layout.columns])

    def append(self, row: Row) -> None:
        """Write one row."""
        cells: Line = []
        parts: list[str] = []
        for number, column in enumerate(self.layout.columns):
            raw = row[column.value_at]
            if column.values:
                raw = column.values.get(str(raw), raw)
            value = cell_value(raw, self.zone)
            parts.append(canonical(value))
            if column.is_money and isinstance(value, int | float | Decimal):
                self.sums[column.name] += Decimal(str(value))
            state = row[column.state_at] if column.state_at is not None else 0
            url = row[column.link_at] if column.link_at is not None else None
            cells.append(self._cell(number, value, state, url))
        self.sheet.append(cells)
        self.digest.update("\x1f".join(parts).encode())
        self.digest.update(b"\x1e")
        self.rows += 1

    def finish(self, nothing: str) -> None:
        """Close the table with its filter; an empty one says so."""
        if not self.rows:
            self.sheet.append([_text_cell(self.sheet, nothing)])
        last = get_column_letter(len(self.layout.columns))
        end = HEADER_ROW + self.rows
        self.sheet.auto_filter.ref = f"A{HEADER_ROW}:{last}{end}"

    def _cell(
        self, number: int, value: CellValue, state: object, url: object
    ) -> Cell | None:
        code = state if isinstance(state, int) and state in patterns() else 0
        if value is None:
            return self._styled(number, code, "empty") if code else None
        if isinstance(value, str):
            formula = link_formula(url, value)
            if formula:
                cell = self._styled(number, code, "link")
                cell.value = formula
                return cell
            kind = "quoted" if looks_like_formula(value) else "text"
            cell = self._styled(number, code, kind)
            cell.value = value
            # The library takes text that begins with "=" for a formula.
            cell.data_type = "s"
            return cell
        cell = self._styled(number, code, "value")
        cell.value = value
        return cell

    def _styled(self, number: int, code: int, kind: str) -> Cell:
        key = (number, code, kind)
        if key not in self.styled:
            cell = WriteOnlyCell(self.sheet)
            cell.font = _LINK if kind == "link" else _FONT
            fill = patterns().get(code)
            if fill:
                cell.fill = fill
            if kind == "quoted":
                cell.quotePrefix = True
            number_format = self.layout.columns[number].number_format
            if kind in ("value", "empty") and number_format:
                cell.number_format = number_format
            self.styled[key] = cell
        return self.styled[key]

    def _header(self, column: SheetColumn) -> Cell:
        cell = _text_cell(self.sheet, column.title, _BOLD)
        cell.fill = _HEADER_FILL
        cell.border = _HEADER_LINE
        cell.alignment = _WRAP
        note = column.note
        lines = sum(
            len(line) // _NOTE_CHARACTERS + 1 for line in note.splitlines() or [""]
        )
        cell.comment = Comment(
            note, column.owner, height=(lines + 1) * _NOTE_LINE, width=_NOTE_WIDTH
        )
        return cell

    def _totals(self, line: str, expected_rows: int) -> Line:
        cells: Line = [None] * len(self.layout.columns)
        if not line:
            return cells
        cells[0] = _text_cell(self.sheet, line, _BOLD)
        end = HEADER_ROW + max(expected_rows, 1)
        money = [
            number
            for number, column in enumerate(self.layout.columns)
            if column.is_money
        ]
        for number in money:
            letter = get_column_letter(number + 1)
            cell = WriteOnlyCell(
                self.sheet, f"=SUBTOTAL(109,{letter}{FIRST_ROW}:{letter}{end})"
            )
            cell.font = _BOLD
            cell.number_format = self.layout.columns[number].number_format
            cells[number] = cell
        after = next(
            (n for n in range(min(money, default=0) + 1, len(cells)) if not cells[n]),
            None,
        )
        if money and after is not None:
            cells[after] = _text_cell(self.sheet, text("lines", "legend"))
        return cells


def _write_months(
    sheet: Worksheet, layout: SheetLayout, rows: Iterable[Row], by: str, head: _Head
) -> None:
    """Write the months of the chosen date, then everything: the lines make it up."""
    for number, width in enumerate((16, 12, *(15 for _ in layout.months)), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = f"B{FIRST_ROW}"
    _set_up_page(sheet, head.footer)
    for line in (text("sheets", "months"), head.filters, head.as_of):
        font = _TITLE if line == text("sheets", "months") else _FONT
        sheet.append([_text_cell(sheet, line, font)])
    sheet.append([])
    sheet.append([])
    titles = [by, text("months", "count"), *(each.title for each in layout.months)]
    sheet.append([_heading(sheet, title) for title in titles])
    forms = [_COUNT, *(column.number_format for column in layout.months)]
    written = 0
    for name, *values in rows:
        cells: Line = [_text_cell(sheet, str(name))]
        for value, form in zip(values, forms, strict=True):
            cells.append(_plain(sheet, cast("CellValue", value), form))
        sheet.append(cells)
        written += 1
    total: Line = [_text_cell(sheet, text("months", "total"), _BOLD)]
    end = HEADER_ROW + max(written, 1)
    for number, form in enumerate(forms, 2):
        letter = get_column_letter(number)
        cell = WriteOnlyCell(sheet, f"=SUM({letter}{FIRST_ROW}:{letter}{end})")
        cell.font = _BOLD
        cell.number_format = form
        total.append(cell)
    sheet.append(total)


def _reconcile(records: _Table, findings: _Table, control: Control) -> Written:
    differences = {
        "rows": Decimal(records.rows - control.rows),
        "findings": Decimal(findings.rows - control.findings),
    }
    for name, total in records.sums.items():
        differences[name] = total - control.sums.get(name, Decimal(0))
    return Written(
        rows=records.rows,
        findings=findings.rows,
        sums=dict(records.sums),
        differences=differences,
        data_hash=records.digest.hexdigest(),
    )


def _write_columns(sheet: Worksheet, columns: Sequence[SheetColumn]) -> None:
    """Write the dictionary: every column once, as the header's note has it."""
    names = ("title", "description", "formula", "owner", "unit", "name")
    for letter, width in zip("ABCDEF", (26, 70, 40, 24, 16, 28), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "B2"
    _set_up_page(sheet, "")
    sheet.append([_heading(sheet, text("columns", name)) for name in names])
    described = {(column.name, column.title): column for column in columns}
    for column in described.values():
        cells = [_text_cell(sheet, str(getattr(column, name))) for name in names]
        for cell in cells:
            cell.alignment = _TOP_WRAP
        sheet.append(cells)


def _write_control(
    sheet: Worksheet,
    layout: SheetLayout,
    control: Control,
    written: Written,
    head: _Head,
) -> None:
    """Write who, when, as of, filters, and how rows and sums agree with a query."""
    for letter, width in zip("ABCDEF", (36, 22, 22, 18, 4, 24), strict=True):
        sheet.column_dimensions[letter].width = width
    _set_up_page(sheet, head.footer)
    facts = _facts(sheet, control, written, head)
    figures = _figures(sheet, layout, control, written)
    legend = _legend(sheet)
    title: Line = [_text_cell(sheet, text("control", "title"), _TITLE)]
    lines: list[Line] = [title, [], *facts, [], *figures]
    for number, cell in enumerate(legend, 2):
        lines[number] += [None] * (5 - len(lines[number])) + [cell]
    for line in lines:
        sheet.append(line)


def _facts(
    sheet: Worksheet, control: Control, written: Written, head: _Head
) -> list[Line]:
    exported = cell_value(control.exported_at, control.timezone)
    facts: list[tuple[str, CellValue, str]] = [
        ("username", control.username, ""),
        ("sight", head.sight, ""),
        ("exported_at", exported, _MOMENT),
        ("data_as_of", cell_value(control.data_as_of, control.timezone), _MOMENT),
        ("publication", control.publication_id, "0"),
        ("filters", head.filter_values, ""),
        ("reconciled_at", exported, _MOMENT),
        ("hash", written.data_hash, ""),
    ]
    return [
        [_text_cell(sheet, text("control", name)), _plain(sheet, value, form)]
        for name, value, form in facts
    ]


def _figures(
    sheet: Worksheet, layout: SheetLayout, control: Control, written: Written
) -> list[Line]:
    in_file: dict[str, Decimal] = {
        "rows": Decimal(written.rows),
        "findings": Decimal(written.findings),
        **written.sums,
    }
    direct: dict[str, Decimal] = {
        "rows": Decimal(control.rows),
        "findings": Decimal(control.findings),
        **control.sums,
    }
    titles = {
        **{name: text("control", name) for name in ("rows", "findings")},
        **{column.name: column.title for column in layout.money},
    }
    header: Line = [
        _heading(sheet, text("control", name))
        for name in ("figure", "in_file", "direct", "difference")
    ]
    lines = [header]
    for name, title in titles.items():
        form = _MONEY if name in written.sums else _COUNT
        lines.append(
            [
                _text_cell(sheet, title),
                _plain(sheet, in_file[name], form),
                _plain(sheet, direct.get(name), form),
                _plain(sheet, written.differences[name], form, _BOLD),
            ]
        )
    return lines


def _legend(sheet: Worksheet) -> list[Cell]:
    cells = [_heading(sheet, text("control", "legend"))]
    for state in cell_states():
        fill = patterns().get(state.code)
        if fill:
            cell = _text_cell(sheet, state.title)
            cell.fill = fill
            cells.append(cell)
    return cells


def _sheet(workbook: Workbook, name: str) -> Worksheet:
    # A sheet that is only written has every part of a sheet that is used here.
    return cast("Worksheet", workbook.create_sheet(text("sheets", name)))


def _set_up_page(sheet: Worksheet, footer: str) -> None:
    sheet.sheet_view.zoomScale = 90
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    if sheet.oddFooter is not None:
        sheet.oddFooter.center.text = footer or None


def _text_cell(sheet: Worksheet, value: str, font: Font = _FONT) -> Cell:
    cell = WriteOnlyCell(sheet, clean_text(value))
    cell.data_type = "s"
    cell.font = font
    return cell


def _heading(sheet: Worksheet, value: str) -> Cell:
    cell = _text_cell(sheet, value, _BOLD)
    cell.fill = _HEADER_FILL
    cell.border = _HEADER_LINE
    cell.alignment = _WRAP
    return cell


def _plain(sheet: Worksheet, value: CellValue, form: str, font: Font = _FONT) -> Cell:
    if isinstance(value, str):
        return _text_cell(sheet, value, font)
    cell = WriteOnlyCell(sheet)
    cell.value = value
    cell.font = font
    if form:
        cell.number_format = form
    return cell
