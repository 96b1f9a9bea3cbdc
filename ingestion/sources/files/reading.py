"""Bytes of CSV and XLSX files as a grid of cells. What a cell means comes later.

Nothing is guessed when two readings are possible: an encoding or a delimiter that the
file itself does not prove must be declared in the connection file.
"""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import cast

import numpy as np
import openpyxl
import orjson
import pyarrow as pa  # type: ignore[import-untyped]
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

from ingestion.mapping import FileTable
from ingestion.marked_yaml import suggestion

from .problems import Findings
from .settings import CURRENCY_SYMBOLS, ORDINARY_RUSSIAN, ROWS_PER_CHUNK, SPACES

TEXT, NUMBER, DATE, FLAG, PERCENT, FOREIGN, FORMULA, ERROR = range(8)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_WORD = re.compile(r"[^\W\d_]{2,}")
_MIXED_WORD = re.compile(r"[A-Za-z][А-Яа-яЁё]|[А-Яа-яЁё][A-Za-z]")
_TURNED_CASE = re.compile(r"^[а-яё][А-ЯЁ]+$")
_FORMULA = re.compile(rb"<f[ >/]")
# [$€-407] in a number format is a currency, [$-419] a language only.
_LOCALE = re.compile(r"\[\$([^\]-]*)[^\]]*\]")


@dataclass(frozen=True)
class Grid:
    """The rows of one file.

    Attributes:
        columns: Header -> text of the cells; an empty cell is ``""``.
        kinds: Header -> kind of every cell, `TEXT` to `ERROR`; a CSV file has text
            only and an empty mapping here. A typed number is written with a dot and
            a typed date in ISO form.
        lines: Line of the file (or row of the sheet) where each row starts.
        raw: The whole row as a JSON object of strings.
    """

    place: str
    columns: Mapping[str, pa.Array]
    kinds: Mapping[str, np.ndarray]
    lines: np.ndarray
    raw: pa.Array

    @property
    def rows(self) -> int:
        """Number of rows under the header."""
        return len(self.lines)


def read_grid(
    table: FileTable, wanted: Sequence[str], currency: str, findings: Findings
) -> Grid | None:
    """Read a file with the wanted columns.

    Args:
        table: File and how it is written.
        wanted: Headers that must be there.
        currency: Reporting currency; a cell formatted in another one is a problem.
        findings: Receives what is wrong.

    Returns:
        None when the file cannot be read; ``findings`` says why.
    """
    path = table.path
    try:
        content = path.read_bytes()
    except OSError as error:
        findings.bad(0, f"cannot be read ({error.strerror}); check the path {path}")
        return None
    name = path.name.lower()
    if name.endswith((".xlsx", ".xlsm")):
        return _read_workbook(content, table, wanted, currency, findings)
    if name.endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            findings.bad(0, f"is not a whole gzip file ({error}); export it again")
            return None
        name = name.removesuffix(".gz")
    if not name.endswith((".csv", ".txt", ".tsv")):
        findings.bad(0, "is of an unknown kind; use .csv, .csv.gz or .xlsx")
        return None
    text = _decode(content, table.encoding, findings)
    return None if text is None else _read_csv(text, table, wanted, findings)


# ---------------------------------------------------------------- encodings


def _decode(content: bytes, declared: str | None, findings: Findings) -> str | None:
    """Text of a file in UTF-8 (with or without a mark) or Windows-1251."""
    if content.startswith(_UTF16) or b"\x00" in content[:4096]:
        findings.bad(0, "is not UTF-8 or Windows-1251; save it as CSV UTF-8")
        return None
    marked = content.startswith(_UTF8_MARK)
    if marked and declared == "windows-1251":
        findings.bad(0, "starts with the UTF-8 mark; declare `encoding: utf-8-sig`")
        return None
    if marked or declared in {"utf-8", "utf-8-sig"}:
        content = content.removeprefix(_UTF8_MARK)
        return _decoded(content, "utf-8", findings, report=True)
    utf8 = _decoded(content, "utf-8", findings, report=False)
    if utf8 is not None and utf8.isascii():
        return utf8
    cyrillic = _decoded(content, "windows-1251", findings, report=utf8 is None)
    problem = ""
    if declared == "windows-1251":
        if utf8 is not None and not _russian(cyrillic):
            problem = "is UTF-8, not windows-1251; declare `encoding: utf-8`"
    elif utf8 is not None:
        if not _russian(utf8) and _russian(cyrillic):
            problem = (
                "reads as UTF-8 and as Windows-1251; declare `encoding: utf-8` or"
                " `encoding: windows-1251`"
            )
    elif cyrillic is not None and not _russian(cyrillic):
        problem = (
            "is not UTF-8 and does not read as Russian Windows-1251; save it as CSV"
            " UTF-8, or declare `encoding: windows-1251` if it is"
        )
    if problem:
        findings.bad(0, problem)
        return None
    return utf8 if utf8 is not None and declared is None else cyrillic


def _decoded(
    content: bytes, encoding: str, findings: Findings, *, report: bool
) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if report:
            line = content.count(b"\n", 0, error.start) + 1
            other = "windows-1251" if encoding == "utf-8" else "utf-8"
            findings.bad(
                line,
                f"byte 0x{content[error.start]:02x} is not {encoding}; declare"
                f" `encoding: {other}` or save the file as CSV UTF-8",
            )
    return None


def _russian(text: str | None) -> bool:
    """Whether the letters beyond ASCII read as ordinary Russian text."""
    if text is None:
        return False
    beyond = re.sub(r"[\x00-\x7f]+", "", text)
    ordinary = len(ORDINARY_RUSSIAN.findall(beyond))
    if not beyond or ordinary < 0.98 * len(beyond):
        return False
    words = {word for word in _WORD.findall(text) if not word.isascii()}
    odd = sum(
        1 for word in words if _MIXED_WORD.search(word) or _TURNED_CASE.match(word)
    )
    return odd <= 0.2 * len(words)


# ---------------------------------------------------------------- CSV


def _read_csv(
    text: str, table: FileTable, wanted: Sequence[str], findings: Findings
) -> Grid | None:
    delimiter = table.delimiter or _delimiter(text, wanted)
    columns_known = False
    header: list[str] = []
    chunks: list[list[pa.Array]] = []
    raws: list[pa.Array] = []
    lines: list[int] = []
    for chunk_lines, rows in _chunks(text, delimiter, findings):
        if not columns_known:
            header = [_header(cell) for cell in rows.pop(0)]
            chunk_lines.pop(0)
            columns_known = True
            if not _check_header(header, wanted, findings):
                return None
        kept_lines, kept = _whole_rows(header, chunk_lines, rows, findings)
        if kept:
            lines.extend(kept_lines)
            chunks.append(
                [pa.array(cells, pa.string()) for cells in zip(*kept, strict=True)]
            )
            raws.append(_raw(header, kept))
    if not columns_known:
        findings.bad(0, "is empty; export it again with a header line")
        return None
    columns = {
        name: _joined([chunk[position] for chunk in chunks], pa.string())
        for position, name in enumerate(header)
    }
    return Grid(
        place=findings.place,
        columns=columns,
        kinds={},
        lines=np.array(lines, dtype=np.int32),
        raw=_joined(raws, pa.large_string()),
    )


def _raw(header: Sequence[str], rows: Iterable[Sequence[str]]) -> pa.Array:
    """Each row as a JSON object of strings."""
    return pa.array(
        [orjson.dumps(dict(zip(header, row, strict=True))).decode() for row in rows],
        pa.large_string(),
    )


def _joined(arrays: list[pa.Array], kind: pa.DataType) -> pa.Array:
    return pa.chunked_array(arrays, kind).combine_chunks()


def _header(cell: str) -> str:
    return " ".join(SPACES.sub(" ", cell).split())


def _delimiter(text: str, wanted: Sequence[str]) -> str:
    """The delimiter whose header line has the most wanted columns, then the most."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")

    def found(delimiter: str) -> tuple[int, int]:
        header = {
            _header(cell) for cell in next(csv.reader([first], delimiter=delimiter))
        }
        return len(header & set(wanted)), len(header)

    return max((",", ";", "\t"), key=found)


def _chunks(
    text: str, delimiter: str, findings: Findings
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Rows that are not empty, with the lines they start on."""
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        findings.bad(line, "holds a zero byte; the file is damaged, export it again")
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[int] = []
    rows: list[list[str]] = []
    start = 1
    try:
        for row in reader:
            if any(row):
                lines.append(start)
                rows.append(row)
            start = reader.line_num + 1
            if len(rows) == ROWS_PER_CHUNK:
                yield lines, rows
                lines, rows = [], []
    except csv.Error as error:
        findings.bad(start, f"cannot be read as CSV ({error}); check the quotes")
    if rows:
        yield lines, rows


def _whole_rows(
    header: list[str], lines: list[int], rows: list[list[str]], findings: Findings
) -> tuple[list[int], list[list[str]]]:
    """Rows as wide as the header; others are problems."""
    width = len(header)
    if all(len(row) == width for row in rows):
        return lines, rows
    kept_lines: list[int] = []
    kept: list[list[str]] = []
    for line, row in zip(lines, rows, strict=True):
        if len(row) == width:
            kept_lines.append(line)
            kept.append(row)
        else:
            findings.bad(
                line,
                f"has {len(row)} cells and the header {width}; check quotes and"
                " `delimiter`",
            )
    return kept_lines, kept


def _check_header(
    header: Sequence[str], wanted: Sequence[str], findings: Findings
) -> bool:
    complete = True
    for name in wanted:
        times = header.count(name)
        if times > 1:
            findings.bad(0, f"column `{name}` is there {times} times; keep one")
            complete = False
        elif times == 0:
            findings.bad(0, f"no column `{name}`{suggestion(name, header)}")
            complete = False
    return complete


# ---------------------------------------------------------------- XLSX


def _read_workbook(
    content: bytes,
    table: FileTable,
    wanted: Sequence[str],
    currency: str,
    findings: Findings,
) -> Grid | None:
    try:
        workbook = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True
        )
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        findings.bad(0, f"is not an XLSX workbook ({error}); save it as .xlsx")
        return None
    sheet = _sheet(workbook, table.sheet, findings)
    if sheet is None:
        return None
    rows = _rows(sheet, _formulas(content, sheet.title))
    return _sheet_grid(rows, wanted, currency, findings)


def _sheet(
    workbook: openpyxl.Workbook, wanted: str | None, findings: Findings
) -> Worksheet | None:
    names = list(workbook.sheetnames)
    if wanted is None and len(names) > 1:
        findings.bad(0, f"has sheets {', '.join(names)}; say which: `sheet: NAME`")
        return None
    if wanted is not None and wanted not in names:
        findings.bad(0, f"no sheet `{wanted}`{suggestion(wanted, names)}")
        return None
    sheet = workbook[wanted or names[0]]
    if not isinstance(sheet, ReadOnlyWorksheet):
        findings.bad(0, f"sheet `{sheet.title}` is a chart; say which: `sheet: NAME`")
        return None
    return _whole(sheet)


def _whole(sheet: ReadOnlyWorksheet) -> Worksheet:
    """The sheet without trust in its written size, which some programs get wrong."""
    sheet.reset_dimensions()
    return cast(Worksheet, sheet)


def _formulas(content: bytes, title: str) -> Worksheet | None:
    """The sheet with formulas instead of their results, when there are any."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = (
            archive.read(name)
            for name in archive.namelist()
            if name.startswith("xl/worksheets/") and name.endswith(".xml")
        )
        if not any(_FORMULA.search(sheet) for sheet in sheets):
            return None
    workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    return _whole(cast(ReadOnlyWorksheet, workbook[title]))


def _sheet_grid(
    rows: Iterable[list[tuple[Cell | MergedCell, object]]],
    wanted: Sequence[str],
    currency: str,
    findings: Findings,
) -> Grid | None:
    """The first row that is not empty is the header."""
    header: list[str] | None = None
    texts: list[list[str]] = []
    kinds: list[list[int]] = []
    lines: list[int] = []
    formats: dict[str, int] = {}
    for line, row in enumerate(rows, 1):
        if all(cell.value is None and formula is None for cell, formula in row):
            continue
        if header is None:
            header = [_header(_text(cell.value)) for cell, _ in row]
            while header and not header[-1]:
                header.pop()
            if not _check_header(header, wanted, findings):
                return None
            continue
        width = len(header)
        if any(cell.value is not None for cell, _ in row[width:]):
            findings.bad(line, "a value stands outside the header; name its column")
        cells = [
            _cell(cell, formula, currency, formats) for cell, formula in row[:width]
        ]
        cells.extend([("", TEXT)] * (width - len(cells)))
        texts.append([text for text, _ in cells])
        kinds.append([kind for _, kind in cells])
        lines.append(line)
    if header is None:
        findings.bad(0, "is empty; export it again with a header line")
        return None
    columns = list(zip(*texts, strict=True)) or [()] * len(header)
    column_kinds = np.array(kinds, dtype=np.int8).reshape(len(lines), len(header))
    return Grid(
        place=findings.place,
        columns={
            name: pa.array(cells, pa.string())
            for name, cells in zip(header, columns, strict=True)
        },
        kinds={name: column_kinds[:, at] for at, name in enumerate(header)},
        lines=np.array(lines, dtype=np.int32),
        raw=_raw(header, texts),
    )


def _cell(
    cell: Cell | MergedCell, formula: object, currency: str, formats: dict[str, int]
) -> tuple[str, int]:
    """Text and kind of a cell; a typed value keeps its type."""
    value = cell.value
    if value is None:
        return "", TEXT if formula is None else FORMULA
    if cell.data_type == "e":
        return _text(value), ERROR
    if isinstance(value, bool):
        return _text(value), FLAG
    if isinstance(value, int | float):
        shown = cell.number_format
        if shown not in formats:
            formats[shown] = _number_kind(shown, currency)
        return _text(value), formats[shown]
    return _text(value), DATE if isinstance(value, datetime) else TEXT


def _text(value: object) -> str:
    """A value as a person sees it; numbers with a dot, dates in ISO form."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            # A spreadsheet keeps and shows 15 significant digits.
            number = Decimal(format(value, ".15g"))
            whole = number == number.to_integral_value()
            return str(int(number)) if whole else format(number, "f")
        case datetime():
            moment = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            midnight = moment.time() == time(0)
            return moment.date().isoformat() if midnight else moment.isoformat()
        case _:
            return str(value)


def _number_kind(number_format: str, currency: str) -> int:
    """Whether a number is shown as percent or in another currency."""
    shown = _LOCALE.sub(r" \1 ", number_format)
    if "%" in shown:
        return PERCENT
    codes = {
        code
        for symbol, code in CURRENCY_SYMBOLS.items()
        if re.search(_symbol_pattern(symbol), shown, re.IGNORECASE)
    }
    return FOREIGN if codes - {currency} else NUMBER


def _symbol_pattern(symbol: str) -> str:
    escaped = re.escape(symbol)
    return rf"(?<!\w){escaped}(?!\w)" if symbol[0].isalpha() else escaped


def _rows(
    sheet: Worksheet, formulas: Worksheet | None
) -> Iterator[list[tuple[Cell | MergedCell, object]]]:
    """Cells with their formulas."""
    if formulas is None:
        for row in sheet.iter_rows():
            yield [(cell, None) for cell in row]
        return
    for row, written in zip(
        sheet.iter_rows(), formulas.iter_rows(values_only=True), strict=True
    ):
        yield list(zip(row, written, strict=True))
