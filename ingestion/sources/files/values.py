"""Cells as values: amounts, dates, moments, flags and texts.

A column is read as a whole, because one value alone does not say whether 1,234 is a
thousand or 03/04 is in March. What the column itself does not prove must be declared.
Distinct texts are read once, so a million rows cost little more than their variety.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from .problems import Findings
from .reading import DATE, ERROR, FLAG, FOREIGN, FORMULA, NUMBER, PERCENT, TEXT
from .settings import (
    AMOUNT_DIGITS,
    CURRENCY_SYMBOLS,
    MINUSES,
    NO,
    SPACES,
    YEARS,
    YES,
)

AMOUNT = pa.decimal128(18, 2)
MOMENT = pa.timestamp("us", "UTC")
_PLAIN = r"^-?[0-9]{1,16}(\.[0-9]{1,2})?$"
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?\s?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_DAY_OR_MONTH_FIRST = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2\d{4}( \d{1,2}:\d{2}(?::\d{2})?)?"
)
_DIRECTIVES = {
    directive: f"(?P<{directive}>[0-9]{{{digits}}})"
    for directive, digits in zip(
        "dmyYHMS", ("1,2", "1,2", "2", "4", "1,2", "1,2", "1,2"), strict=True
    )
}
# POSIX: two-digit years 69 to 99 are of the 1900s.
FIRST_YEAR_OF_1900S = 69
_OFFSET_SPACE = re.compile(r"\s(?=Z$|[+-]\d{2}:?\d{2}$)")
_SYMBOL = "|".join(
    re.escape(symbol) for symbol in sorted(CURRENCY_SYMBOLS, key=len, reverse=True)
)
_MONEY = re.compile(
    rf"(?P<before>{_SYMBOL})?\s*(?P<sign>[+-]?)\s*(?P<inside>{_SYMBOL})?\s*"
    rf"(?P<body>[\d., ']*\d|[\d., ']*\d[.,])\s*(?P<after>{_SYMBOL})?",
    re.IGNORECASE,
)
_KIND_PROBLEMS: Mapping[int, str] = {
    PERCENT: "a number shown as percent",
    FOREIGN: "a number shown in another currency, and there is no rate",
    FORMULA: "a formula without a computed value; open and save the workbook",
    ERROR: "the error of a formula",
}


@dataclass(frozen=True)
class Cells:
    """One column of a file.

    Attributes:
        texts: Stripped text; null where empty.
        kinds: Kind of each cell, None when all are texts.
        lines: Line of each cell.
    """

    name: str
    texts: pa.Array
    kinds: np.ndarray | None
    lines: np.ndarray
    findings: Findings

    def bad(self, texts: Mapping[str, str], *, among: np.ndarray | None = None) -> None:
        """Report every row that holds one of the texts, with the reason."""
        if not texts:
            return
        places = np.flatnonzero(
            pc.fill_null(pc.is_in(self.texts, pa.array(list(texts))), False).to_numpy(
                zero_copy_only=False
            )
        )
        for place in places:
            if among is not None and not among[place]:
                continue
            text = self.texts[place].as_py()
            self.findings.bad(
                int(self.lines[place]), f"column `{self.name}`: `{text}` {texts[text]}"
            )

    def line_of(self, text: str) -> int:
        """First line that holds a text."""
        return int(self.lines[pc.index(self.texts, text).as_py()])

    def kind(self, *kinds: int) -> np.ndarray:
        """Mask of the cells of some kinds."""
        if self.kinds is None:
            return np.full(len(self.texts), TEXT in kinds)
        return np.isin(self.kinds, kinds)

    def refuse(self, kinds: Iterable[int], what: str) -> None:
        """Report the cells whose kind cannot be such a value."""
        if self.kinds is None:
            return
        for kind in kinds:
            for place in np.flatnonzero(self.kind(kind)):
                text = self.texts[int(place)].as_py() or ""
                self.findings.bad(
                    int(self.lines[place]),
                    f"column `{self.name}`: `{text}` is"
                    f" {_KIND_PROBLEMS.get(kind, 'of another type')}, not {what}",
                )

    def distinct(self, mask: np.ndarray | None = None) -> list[str]:
        """Distinct texts that are not empty, of the masked cells."""
        texts = self.texts if mask is None else self.texts.filter(pa.array(mask))
        return [text for text in pc.unique(texts).to_pylist() if text is not None]

    def mapped(self, values: Mapping[str, object], kind: pa.DataType) -> pa.Array:
        """Replace each text by its value; a text without one becomes null."""
        encoded = self.texts.dictionary_encode()
        looked_up = pa.array(
            [values.get(text) for text in encoded.dictionary.to_pylist()], kind
        )
        return looked_up.take(encoded.indices)


def cells(
    name: str,
    texts: pa.Array,
    values: Mapping[str, str],
    *,
    kinds: np.ndarray | None,
    lines: np.ndarray,
    findings: Findings,
) -> Cells:
    """A column with stripped texts, its declared spellings replaced."""
    stripped = pc.utf8_trim_whitespace(texts)
    if values:
        before = pa.array(list(values), pa.string())
        found = pc.index_in(stripped, before)
        after = pa.array(list(values.values()), pa.string()).take(found)
        stripped = pc.coalesce(after, stripped)
    return Cells(
        name, pc.if_else(pc.equal(stripped, ""), None, stripped), kinds, lines, findings
    )


# ---------------------------------------------------------------- texts and flags


def text(column: Cells) -> pa.Array:
    """The text itself."""
    column.refuse((FORMULA, ERROR), "a text")
    return column.texts


def person(column: Cells) -> pa.Array:
    """A person's id or name; a double space is not another person."""
    return pc.replace_substring_regex(text(column), r"[\s\x{00a0}]+", " ")


def flag(column: Cells) -> pa.Array:
    """Yes and no in both languages."""
    column.refuse((DATE, PERCENT, FOREIGN, FORMULA, ERROR), "yes or no")
    known: dict[str, object] = {}
    bad: dict[str, str] = {}
    for word in column.distinct():
        lowered = word.lower()
        if lowered in YES or lowered in NO:
            known[word] = lowered in YES
        else:
            bad[word] = "is not yes or no (да, нет, true, false, 1, 0)"
    column.bad(bad, among=column.kind(TEXT, NUMBER, FLAG))
    return column.mapped(known, pa.bool_())


# ---------------------------------------------------------------- amounts


@dataclass(frozen=True)
class Notation:
    """How amounts of a file are written; None is found out or refused."""

    currency: str
    decimal: str | None = None
    thousands: str | None = None
    rounding: str = "none"


def amount(column: Cells, notation: Notation) -> pa.Array:
    """Amounts as exact ``numeric(18,2)``."""
    column.refuse((DATE, FLAG, PERCENT, FOREIGN, FORMULA, ERROR), "an amount")
    typed = column.kind(NUMBER)
    if not typed.any():
        return _amounts(column, notation, column.kind(TEXT))
    numbers = _amounts(
        column, Notation(notation.currency, ".", None, notation.rounding), typed
    )
    written = _amounts(column, notation, column.kind(TEXT))
    return pc.if_else(pa.array(typed), numbers, written)


def _amounts(column: Cells, notation: Notation, among: np.ndarray) -> pa.Array:
    distinct = pa.array(column.distinct(among), pa.string())
    tidy = _tidied(distinct, notation.currency)
    mark = notation.decimal
    if mark is None and notation.thousands is not None:
        mark = "," if notation.thousands == "." else "."
    # Fast path: everything is 1234 or 1234.5 in one notation.
    for decimal in (mark,) if mark else (".", ","):
        plain = pc.replace_substring(tidy, ",", ".") if decimal == "," else tidy
        if decimal == "," and pc.any(pc.match_substring(tidy, ".")).as_py():
            continue
        if pc.all(pc.match_substring_regex(plain, _PLAIN), min_count=0).as_py():
            values = pc.cast(plain, AMOUNT)
            return values.take(pc.index_in(column.texts, distinct))
    texts = distinct.to_pylist()
    reader = _AmountReader(column, notation, mark, among)
    found = reader.read(texts, tidy.to_pylist())
    return column.mapped(found, AMOUNT)


def _tidied(texts: pa.Array, currency: str) -> pa.Array:
    """Own currency and grouping by spaces taken out; anything odd stays as it is."""
    own = "|".join(
        re.escape(symbol)
        for symbol in sorted(CURRENCY_SYMBOLS, key=len, reverse=True)
        if CURRENCY_SYMBOLS[symbol] == currency
    )
    spaced = pc.replace_substring_regex(texts, SPACES.pattern, " ")
    if own:
        spaced = pc.replace_substring_regex(
            spaced, rf"(?i)^([0-9].*[0-9]) *(?:{own})$", r"\1"
        )
    grouped = pc.match_substring_regex(
        spaced, r"^-?[0-9]{1,3}( [0-9]{3})+([.,][0-9]{1,2})?$"
    )
    return pc.if_else(grouped, pc.replace_substring(spaced, " ", ""), spaced)


class _AmountReader:
    """Reads the spellings of one column; the whole column decides the notation."""

    def __init__(
        self, column: Cells, notation: Notation, mark: str | None, among: np.ndarray
    ) -> None:
        self.column = column
        self.notation = notation
        self.mark = mark
        self.among = among
        self.grouping = {notation.thousands} if notation.thousands else set()
        self.bad: dict[str, str] = {}
        self.rounded = 0

    def read(self, texts: Sequence[str], tidy: Sequence[str]) -> dict[str, object]:
        """Values of the texts; the others are reported."""
        bodies: dict[str, tuple[str, str]] = {}
        for text, spelled in zip(texts, tidy, strict=True):
            split = self.split(text, spelled)
            if split is not None:
                bodies[text] = split
        proofs = self.proofs(bodies)
        if self.mark is None and len(proofs) > 1:
            lines = {mark: self.column.line_of(text) for mark, text in proofs.items()}
            self.column.findings.bad(
                max(lines.values()),
                f"column `{self.column.name}`: both `{proofs[',']}` (line {lines[',']})"
                f" and `{proofs['.']}` (line {lines['.']}) are decimals; declare"
                ' `decimal: ","` or `decimal: "."`',
            )
            return {}
        mark = self.mark or next(iter(proofs), None)
        values: dict[str, object] = {}
        for text, (sign, body) in bodies.items():
            number = self.number(text, body, mark)
            if number is not None:
                values[text] = -number if sign == "-" else number
        self.column.bad(self.bad, among=self.among)
        if self.rounded:
            self.column.findings.warnings.append(
                f"{self.column.findings.place}: column `{self.column.name}`:"
                f" {self.rounded} different amounts rounded to two decimals"
            )
        return values

    def split(self, text: str, spelled: str) -> tuple[str, str] | None:
        """Sign and body of a spelling, without currency and grouping by spaces."""
        spelled = SPACES.sub(" ", MINUSES.sub("-", spelled))
        negative = spelled.startswith("(") and spelled.endswith(")")
        match = _MONEY.fullmatch(spelled[1:-1].strip() if negative else spelled)
        if match is None:
            percent = "a percent, not " if spelled.endswith("%") else "not "
            self.bad[text] = f"is {percent}an amount"
            return None
        symbols = {match[name] for name in ("before", "inside", "after")} - {None}
        codes = {CURRENCY_SYMBOLS[symbol.lower()] for symbol in symbols}
        if codes - {self.notation.currency}:
            self.bad[text] = (
                f"is in {', '.join(sorted(codes))}, reporting_currency is"
                f" {self.notation.currency}, and there is no rate"
            )
            return None
        body = match["body"].strip()
        for space in (" ", "'"):
            if space in body:
                whole = re.split(r"[.,]", body)[0]
                if not re.fullmatch(rf"\d{{1,3}}(?:{space}\d{{3}})+", whole) or (
                    space in body[len(whole) :]
                ):
                    self.bad[text] = "is not an amount (odd spaces between digits)"
                    return None
                body = body.replace(space, "")
        sign = "-" if negative or match["sign"] == "-" else ""
        return sign, body

    def proofs(self, bodies: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Decimal mark -> a spelling that proves it; learns the grouping as well."""
        proofs: dict[str, str] = {}
        for text, (_, body) in bodies.items():
            marks = re.findall(r"[.,]", body)
            kinds = set(marks)
            if not marks:
                continue
            if len(kinds) == 2 or len(marks) > 1:
                group = marks[0]
                if re.fullmatch(_grouped(group), body):
                    self.grouping.add(group)
                    proofs.setdefault("," if group == "." else ".", text)
                continue
            whole, _, fraction = body.partition(marks[0])
            if len(fraction) != 3 or len(whole) > 3 or whole in {"", "0"}:
                proofs.setdefault(marks[0], text)
        return proofs

    def number(self, text: str, body: str, mark: str | None) -> Decimal | None:
        """The value of one body in the column's notation."""
        marks = set(re.findall(r"[.,]", body))
        other = {",": ".", ".": ",", None: None}[mark]
        if mark is None and marks:
            self.bad[text] = (
                'may be thousands or a fraction; declare `decimal: ","` or'
                ' `decimal: "."`'
            )
            return None
        if other in marks and other is not None:
            if other not in self.grouping or not re.fullmatch(_grouped(other), body):
                self.bad[text] = (
                    f"is not an amount with the decimal mark `{mark}`; if `{other}`"
                    f' stands between thousands, declare `thousands: "{other}"`'
                )
                return None
            body = body.replace(other, "")
        if mark is not None and body.count(mark) > 1:
            self.bad[text] = f"is not an amount with the decimal mark `{mark}`"
            return None
        number = Decimal(body.replace(",", "."))
        cents = number.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if cents != number:
            if self.notation.rounding != "half_up":
                self.bad[text] = (
                    "has more than two decimals; declare `rounding: half_up` to round"
                )
                return None
            self.rounded += 1
        if cents.adjusted() >= AMOUNT_DIGITS:
            self.bad[text] = f"has more than {AMOUNT_DIGITS} digits"
            return None
        return cents


def _grouped(group: str) -> str:
    """Pattern of a whole part in thousands and an optional other mark."""
    decimal = "," if group == "." else r"\."
    return rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+(?:{decimal}\d*)?"


# ---------------------------------------------------------------- dates and moments


def day(column: Cells, declared: str | None, zone: ZoneInfo) -> pa.Array:
    """Business-local dates; a moment with an offset is brought to the zone."""
    found = _moments(column, declared)
    days: dict[str, object] = {
        text: (moment.astimezone(zone) if moment.tzinfo else moment).date()
        for text, moment in found.items()
    }
    return column.mapped(days, pa.date32())


def moment(column: Cells, declared: str | None, zone: ZoneInfo) -> pa.Array:
    """Moments in UTC; without an offset it is in the zone, a date is its midnight."""
    found = _moments(column, declared)
    moments: dict[str, object] = {
        text: (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        for text, moment in found.items()
    }
    return column.mapped(moments, MOMENT)


def _moments(column: Cells, declared: str | None) -> dict[str, datetime]:
    column.refuse((NUMBER, FLAG, PERCENT, FOREIGN, FORMULA, ERROR), "a date")
    written = column.kind(TEXT)
    typed = column.distinct(column.kind(DATE))
    texts = column.distinct(written)
    found = {text: datetime.fromisoformat(text) for text in typed}
    read = _declared_reader(declared) if declared else _proven_reader(column, texts)
    if read is None:
        return {}
    bad: dict[str, str] = {}
    for text in texts:
        value = read(text)
        if value is None:
            bad[text] = (
                f"is not a date like {declared}"
                if declared
                else "is not a date; write 2026-01-31 or declare `date_format`"
            )
        else:
            found[text] = value
    strange = {
        text: f"has the year {value.year}, which is a slip"
        for text, value in found.items()
        if value.year not in YEARS
    }
    loose = next((text for text in texts if not _ISO.fullmatch(text)), None)
    if typed and loose is not None:
        # A spreadsheet of another country turns 03.04 into a real date of the wrong
        # month and leaves 13.04 as text.
        column.findings.bad(
            column.line_of(loose),
            f"column `{column.name}`: real dates are mixed with texts like `{loose}`;"
            " make the whole column dates",
        )
    column.bad(bad, among=written)
    column.bad(strange)
    return {text: value for text, value in found.items() if text not in strange}


Reader = Callable[[str], datetime | None]


def _declared_reader(declared: str) -> Reader:
    """Reader of one strict format: ``%d %m %y %Y %H %M %S`` and plain signs."""
    written = re.escape(declared)
    for directive, digits in _DIRECTIVES.items():
        written = written.replace(f"%{directive}", digits)
    pattern = re.compile(written)

    def read(text: str) -> datetime | None:
        match = pattern.fullmatch(text)
        if match is None:
            return None
        parts = {name: int(digits) for name, digits in match.groupdict().items()}
        year = parts.get("Y", 0)
        if "y" in parts:
            year = parts["y"] + (2000 if parts["y"] < FIRST_YEAR_OF_1900S else 1900)
        hour, minute, second = (parts.get(name, 0) for name in "HMS")
        try:
            return datetime(year, parts["m"], parts["d"], hour, minute, second)
        except ValueError:
            return None

    return read


def _iso(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(_OFFSET_SPACE.sub("", text))
    except ValueError:
        return None


def _proven_reader(column: Cells, texts: Sequence[str]) -> Reader | None:
    """ISO, or the order of day and month that the column proves; None is reported."""
    loose = {
        text: match for text in texts if (match := _DAY_OR_MONTH_FIRST.fullmatch(text))
    }
    if not loose:
        return _iso
    day_first = [text for text, parts in loose.items() if _is_day(parts[1], parts[3])]
    month_first = [text for text, parts in loose.items() if _is_day(parts[3], parts[1])]
    separators = {parts[2]: text for text, parts in loose.items()}
    iso = [text for text in texts if _ISO.fullmatch(text)]
    different = (
        (iso[:1] and [iso[0], next(iter(loose))])
        or (len(separators) > 1 and list(separators.values())[:2])
        or (day_first and month_first and [day_first[0], month_first[0]])
    )
    if different:
        one, two = sorted(different, key=column.line_of)
        column.findings.bad(
            column.line_of(two),
            f"column `{column.name}`: `{one}` (line {column.line_of(one)}) and `{two}`"
            " are dates of different kinds; make the column uniform",
        )
        return None
    if not day_first and not month_first:
        text = next(iter(loose))
        column.findings.bad(
            column.line_of(text),
            f"column `{column.name}`: `{text}` may be day or month first, and no row"
            ' tells; declare `date_format: "%d.%m.%Y"` or another',
        )
        return None
    separator = next(iter(separators))
    order = ("%d", "%m", "%Y") if day_first else ("%m", "%d", "%Y")
    dates = separator.join(order)
    readers = [_declared_reader(dates + clock) for clock in ("", " %H:%M", " %H:%M:%S")]
    return lambda text: readers[text.count(":")](text)


def _is_day(one: str, other: str) -> bool:
    """Whether only the first of two numbers can be a day."""
    return int(one) > 12 >= int(other)
