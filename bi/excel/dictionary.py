"""The sheet «dictionary»: what every number means, as the published dictionary says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bi.catalog import Catalog
from bi.excel.cells import clean_text, looks_like_formula

#: Published table of the dictionary, and its columns with their widths.
TABLE = "rpt_metrics"
COLUMNS = {
    "metric_label": 28,
    "meaning": 60,
    "formula": 44,
    "unit_name": 10,
    "additivity_label": 26,
    "basis_label": 16,
    "date_used": 24,
    "credited_role": 26,
    "owner": 22,
    "example_text": 60,
    "state_label": 20,
    "state_reason": 44,
    "metric_id": 30,
}
ORDER = "metric_order"

_FONT = Font(name="Arial", size=10)
_BOLD = Font(name="Arial", size=10, bold=True)
_FILL = PatternFill(fill_type="solid", start_color="DCE6F5")
_WRAP = Alignment(wrap_text=True, vertical="top")


def write_dictionary(
    sheet: Worksheet, catalog: Catalog, rows: Iterable[Sequence[object]]
) -> None:
    """Write one line per metric.

    Args:
        sheet: Empty.
        catalog: Titles of the columns.
        rows: In the order of ``COLUMNS``.
    """
    known = catalog.datasets[TABLE].columns
    for number, width in enumerate(COLUMNS.values(), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "B2"
    titles = [_cell(sheet, known[name].label, _BOLD) for name in COLUMNS]
    for cell in titles:
        cell.fill = _FILL
    sheet.append(titles)
    written = 1
    for row in rows:
        sheet.append([_cell(sheet, value, _FONT) for value in row])
        written += 1
    last = get_column_letter(len(COLUMNS))
    sheet.auto_filter.ref = f"A1:{last}{written}"


def _cell(sheet: Worksheet, value: object, font: Font) -> Cell:
    """Give a cell of text; a minus or a sum sign at its start is no formula."""
    said = "" if value is None else clean_text(str(value))
    cell = WriteOnlyCell(sheet, said or None)
    cell.font = font
    cell.alignment = _WRAP
    if said:
        cell.data_type = "s"
        cell.quotePrefix = looks_like_formula(said)
    return cell
