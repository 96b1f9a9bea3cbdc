"""Templates: an empty workbook that people fill with decisions of one kind."""

from __future__ import annotations

import io
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from orchestration.decisions.kinds import KINDS, KindColumn, read_kind
from orchestration.decisions.texts import text

HEADER_ROW = 3
FIRST_ROW = HEADER_ROW + 1
MOST_LINES = 5_000
_FORMATS = {
    "text": "@",
    "date": "DD.MM.YYYY",
    "month": "MM.YYYY",
    "number": "#,##0.00",
}
_FIRST_DAY = "36526"  # 1 January 2000, as a workbook counts days.
_FONT = Font(name="Arial", size=10)
_BOLD = Font(name="Arial", size=10, bold=True)
_TITLE = Font(name="Arial", size=16, bold=True)
_FILL = PatternFill(fill_type="solid", start_color="DCE6F5")
_LINE = Border(bottom=Side(style="medium", color="1F5FC4"))


def template(kind: str, *, kinds: Path = KINDS) -> bytes:
    """Give the empty workbook of one kind of decision.

    Raises:
        UnknownKindError: there is no such kind.
    """
    declared = read_kind(kind, kinds)
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = declared.sheet
    sheet["A1"] = declared.title
    sheet["A1"].font = _TITLE
    sheet["A2"] = f"{declared.about} {text('template', 'fill')}"
    sheet["A2"].font = _FONT
    for number, column in enumerate(declared.columns, 1):
        _lay_column(sheet, number, column)
    sheet.row_dimensions[HEADER_ROW].height = 30
    sheet.freeze_panes = f"A{FIRST_ROW}"
    sheet.sheet_view.zoomScale = 90
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def _lay_column(sheet: Worksheet, number: int, column: KindColumn) -> None:
    letter = get_column_letter(number)
    whole = sheet.column_dimensions[letter]
    whole.width = column.width
    whole.number_format = _FORMATS[column.type]
    whole.font = _FONT
    header = sheet[f"{letter}{HEADER_ROW}"]
    header.value = column.label
    header.number_format = _FORMATS["text"]
    header.font = _BOLD
    header.fill = _FILL
    header.border = _LINE
    header.alignment = Alignment(wrap_text=True, vertical="center")
    required = f" ({text('template', 'required')})" if column.required else ""
    header.comment = Comment(
        f"{column.hint}{required}", column.label, height=60, width=240
    )
    sheet.add_data_validation(_validation(column, letter))


def _validation(column: KindColumn, letter: str) -> DataValidation:
    """Show the hint at the cell; let only a date into a column of dates."""
    validation = DataValidation(allow_blank=True)
    if column.choices:
        words = ",".join(column.choices.values())
        validation = DataValidation(
            type="list",
            formula1=f'"{words}"',
            allow_blank=True,
            showErrorMessage=True,
            errorTitle=column.label,
            error=column.hint,
        )
    if column.type in ("date", "month"):
        validation = DataValidation(
            type="date",
            operator="greaterThanOrEqual",
            formula1=_FIRST_DAY,
            allow_blank=True,
            showErrorMessage=True,
            errorTitle=column.label,
            error=text("template", "wrong_date"),
        )
    validation.showInputMessage = True
    validation.promptTitle = column.label
    validation.prompt = column.hint
    validation.add(f"{letter}{FIRST_ROW}:{letter}{HEADER_ROW + MOST_LINES}")
    return validation
