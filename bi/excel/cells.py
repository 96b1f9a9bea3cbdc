"""Values of the warehouse as values of cells.

CRM text is hostile: it may begin like a formula and hold characters that break the
file. Text stays text here, whatever it says.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from zoneinfo import ZoneInfo

CellValue = str | int | float | Decimal | date | datetime | None

#: What XML 1.0 cannot hold, lone surrogates included.
_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: A spreadsheet that imports such text, or a person who edits it, makes it a formula.
_FORMULA = re.compile(r"\s*[=+\-@]")
#: Excel counts days from 1900 and takes that year for a leap year.
_FIRST_DATE = date(1900, 3, 1)
_LONGEST_TEXT = 32_767
#: Longer texts inside a formula make Excel call the file damaged.
_LONGEST_LITERAL = 255


def cell_value(value: object, zone: ZoneInfo) -> CellValue:
    """Give what a cell can hold: moments in a time zone, unknown things as text."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float | Decimal) and isfinite(value):
        return value
    if isinstance(value, datetime):
        local = value.astimezone(zone) if value.tzinfo else value
        return _or_text(local.replace(tzinfo=None, microsecond=0))
    if isinstance(value, date):
        return _or_text(value)
    return clean_text(str(value)) or None


def clean_text(value: str) -> str:
    """Give text without the characters that a workbook cannot hold."""
    unified = value.replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub("", unified)[:_LONGEST_TEXT]


def looks_like_formula(value: str) -> bool:
    """Whether a spreadsheet could take the text for a formula."""
    return _FORMULA.match(value) is not None


def link_formula(url: object, title: str) -> str | None:
    """Give the formula of a link; none for an address that is not of the web."""
    if not isinstance(url, str):
        return None
    address = clean_text(url)
    if not address.startswith(("https://", "http://")):
        return None
    if max(len(address), len(title)) > _LONGEST_LITERAL:
        return None
    return f"=HYPERLINK({_literal(address)},{_literal(title)})"


def canonical(value: CellValue) -> str:
    """Give the text of a cell for the hash: the same from query and from file."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return f"{number.normalize():f}" if number else "0"


def _literal(value: str) -> str:
    doubled = value.replace('"', '""').replace("\n", " ")
    return f'"{doubled}"'


def _or_text(moment: date | datetime) -> CellValue:
    day = moment.date() if isinstance(moment, datetime) else moment
    return moment if day >= _FIRST_DATE else moment.isoformat()
