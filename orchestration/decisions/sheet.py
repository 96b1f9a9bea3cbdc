"""A filled template as lines: every cell is checked, every mistake is told."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from bi.excel.cells import clean_text
from orchestration.decisions.errors import CellError, DecisionError, refuse
from orchestration.decisions.kinds import Kind, KindColumn
from orchestration.decisions.templates import FIRST_ROW, HEADER_ROW, MOST_LINES
from orchestration.decisions.texts import text

Value = str | date | Decimal | None
#: Values of a column that exist, with the name that people know them by.
Directories = Mapping[str, Mapping[str, str]]

LARGEST_FILE_MB = 5
LARGEST_CONTENT = 100 * 1024 * 1024
LONGEST_TEXT = 1_000
MOST_COLUMNS = 60
# Of a sheet, empty ones between the lines included: more than any Excel has.
MOST_ROWS = 1_048_576
MOST_NAMED = 10
# What the library raises for a file that is no workbook, or a broken one.
_BROKEN = (
    BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, IndexError,
    EOFError, ParseError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of a decision.

    Attributes:
        number: Row of the sheet.
        values: By column; None where the cell is empty.
    """

    number: int
    values: Mapping[str, Value]


@dataclass(frozen=True)
class _Cell:
    value: object
    is_formula: bool


_EMPTY = _Cell(None, is_formula=False)


class _CellProblemError(Exception):
    """A cell cannot be read; the text says why."""


def read_lines(
    kind: Kind, file: Path, directories: Directories, today: date
) -> list[Line]:
    """Read a filled template.

    Args:
        kind: Whose template it is.
        file: XLSX.
        directories: Values that exist, by name of the directory.
        today: Of the firm.

    Raises:
        DecisionError: anything is wrong; every mistake is in it.
    """
    rows = _read_rows(kind, file)
    errors: list[CellError] = []
    places = _read_header(kind, next(rows, []), errors)
    if errors:
        raise DecisionError(errors)
    lines: list[Line] = []
    for number, row in enumerate(rows, FIRST_ROW):
        cells = {
            name: row[at] if at < len(row) else _EMPTY for name, at in places.items()
        }
        if all(_is_blank(cell) for cell in cells.values()):
            continue
        line, mistakes = _read_line(kind, number, cells, directories, today)
        lines.append(line)
        errors += [
            CellError(f"{get_column_letter(places[name] + 1)}{number}", message)
            for name, message in mistakes
        ]
    if len(lines) > MOST_LINES:
        raise refuse(text("file", "too_many_lines", sheet=kind.sheet, limit=MOST_LINES))
    if not lines:
        raise refuse(text("file", "no_lines", sheet=kind.sheet))
    errors += _repeats(kind, lines)
    if errors:
        raise DecisionError(errors)
    return lines


def _read_rows(kind: Kind, file: Path) -> Iterator[list[_Cell]]:
    """Give the rows from the header on."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise refuse(text("file", "absent", name=file.name)) from error
    if len(content) > LARGEST_FILE_MB * 1024 * 1024:
        raise refuse(text("file", "too_large", name=file.name, limit=LARGEST_FILE_MB))
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > LARGEST_CONTENT:
            raise refuse(
                text("file", "too_large", name=file.name, limit=LARGEST_FILE_MB)
            )
        workbook = load_workbook(io.BytesIO(content), read_only=True)
        if kind.sheet not in workbook.sheetnames:
            raise refuse(text("file", "no_sheet", sheet=kind.sheet))
        sheet = workbook[kind.sheet]
        rows = [
            _cells(row)
            for row in islice(
                sheet.iter_rows(min_row=HEADER_ROW, max_col=MOST_COLUMNS),
                MOST_ROWS + 1,
            )
        ]
    except _BROKEN as error:
        raise refuse(text("file", "not_a_workbook", name=file.name)) from error
    if len(rows) > MOST_ROWS:
        raise refuse(text("file", "too_many_lines", sheet=kind.sheet, limit=MOST_LINES))
    return iter(rows)


def _cells(row: Iterable[Cell | MergedCell]) -> list[_Cell]:
    cells = [_Cell(cell.value, cell.data_type == "f") for cell in row]
    return [] if all(cell.value is None for cell in cells) else cells


def _read_header(
    kind: Kind, row: Sequence[_Cell], errors: list[CellError]
) -> dict[str, int]:
    """Place of each column, found by its label: people move columns."""
    labels = {column.label: column for column in kind.columns}
    places: dict[str, int] = {}
    for at, cell in enumerate(row):
        if _is_blank(cell):
            continue
        label = _plain(str(cell.value))
        place = f"{get_column_letter(at + 1)}{HEADER_ROW}"
        column = labels.get(label)
        if column is None:
            message = text("header", "unknown", label=label)
            errors.append(CellError(place, message))
        elif column.name in places:
            errors.append(CellError(place, text("header", "twice", label=label)))
        else:
            places[column.name] = at
    errors += [
        CellError("", text("header", "missing", label=column.label))
        for column in kind.columns
        if column.name not in places
    ]
    return places


def _read_line(
    kind: Kind,
    number: int,
    cells: Mapping[str, _Cell],
    directories: Directories,
    today: date,
) -> tuple[Line, list[tuple[str, str]]]:
    """Read one line, with its mistakes by column."""
    values: dict[str, Value] = {}
    mistakes: list[tuple[str, str]] = []
    for column in kind.columns:
        values[column.name] = None
        try:
            values[column.name] = _read_cell(cells[column.name], column, directories)
        except _CellProblemError as problem:
            mistakes.append((column.name, str(problem)))
    for first, second in kind.order:
        if _is_before(values[second], values[first]):
            labels = {
                "first": kind.column(first).label,
                "second": kind.column(second).label,
            }
            mistakes.append((second, text("cell", "before", **labels)))
    for name in kind.ended:
        month = values[name]
        if isinstance(month, date) and month >= today.replace(day=1):
            said = f"{month:%m.%Y}"
            mistakes.append((name, text("cell", "not_ended", month=said)))
    return Line(number, values), mistakes


def _read_cell(cell: _Cell, column: KindColumn, directories: Directories) -> Value:
    if cell.is_formula:
        raise _CellProblemError(text("cell", "formula"))
    if _is_blank(cell):
        if column.required:
            raise _CellProblemError(text("cell", "required", label=column.label))
        return None
    value = _READERS[column.type](cell.value)
    if column.choices:
        return _choice(str(value), column.choices)
    if column.known:
        known = directories[column.known]
        if value not in known:
            raise _CellProblemError(
                text(
                    "cell",
                    f"unknown_{column.known}",
                    value=value,
                    known=_nearest(str(value), known),
                )
            )
    return value


def _choice(value: str, choices: Mapping[str, str]) -> str:
    """Give the code of a word; capital letters do not matter."""
    for code, word in choices.items():
        if value.casefold() == word.casefold():
            return code
    known = ", ".join(choices.values())
    raise _CellProblemError(text("cell", "no_choice", value=value, known=known))


def _read_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _CellProblemError(text("cell", "not_a_text", value=value))
    plain = _plain(str(value))
    if len(plain) > LONGEST_TEXT:
        raise _CellProblemError(text("cell", "too_long", limit=LONGEST_TEXT))
    return plain


def _read_date(value: object) -> date:
    if isinstance(value, datetime):
        if value.time() != time():
            raise _CellProblemError(text("cell", "has_time"))
        return value.date()
    if isinstance(value, date):
        return value
    raise _CellProblemError(text("cell", "not_a_date", value=value))


def _read_month(value: object) -> date:
    return _read_date(value).replace(day=1)


def _read_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _CellProblemError(text("cell", "not_a_number", value=value))
    return Decimal(str(value))


_READERS: Mapping[str, Callable[[object], Value]] = {
    "text": _read_text,
    "date": _read_date,
    "month": _read_month,
    "number": _read_number,
}


def _repeats(kind: Kind, lines: Sequence[Line]) -> Iterator[CellError]:
    first: dict[tuple[Value, ...], int] = {}
    for line in lines:
        key = tuple(line.values[name] for name in kind.unique)
        if None in key:
            continue
        other = first.setdefault(key, line.number)
        if other != line.number:
            yield CellError(f"A{line.number}", text("line", "twice", other=other))


def _is_before(second: Value, first: Value) -> bool:
    if isinstance(second, date) and isinstance(first, date):
        return second < first
    if isinstance(second, Decimal) and isinstance(first, Decimal):
        return second < first
    return False


def _is_blank(cell: _Cell) -> bool:
    return cell.value is None or (
        isinstance(cell.value, str) and not _plain(cell.value)
    )


def _plain(value: str) -> str:
    return clean_text(value).replace("\u00a0", " ").strip()


def _nearest(value: str, known: Mapping[str, str]) -> str:
    """Give the values that are meant most likely, with their names."""
    near = get_close_matches(value, known, n=MOST_NAMED)
    named = [key for key, title in known.items() if title == value]
    chosen = list(dict.fromkeys([*named, *near])) or list(known)
    shown = [
        f"{key} «{known[key]}»" if known[key] else key for key in chosen[:MOST_NAMED]
    ]
    more = ", …" if len(chosen) > MOST_NAMED else ""
    return ", ".join(shown) + more
