"""Facts about the files people export: what a cell may look like."""

import re
from collections.abc import Mapping
from types import MappingProxyType

PROBLEMS_SHOWN = 50
ROWS_PER_CHUNK = 50_000

# Spaces that programs put between thousands: no-break, narrow, thin, figure space.
SPACES = re.compile("[\u00a0\u202f\u2009\u2007]")
MINUSES = re.compile("[\u2212\u2012\u2013]")

CURRENCY_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "₽": "RUB",
        "руб.": "RUB",
        "руб": "RUB",
        "р.": "RUB",
        "р": "RUB",
        "rub": "RUB",
        "rur": "RUB",
        "$": "USD",
        "usd": "USD",
        "€": "EUR",
        "eur": "EUR",
        "₸": "KZT",
        "kzt": "KZT",
        "£": "GBP",
        "gbp": "GBP",
    }
)

YES = frozenset({"да", "yes", "y", "true", "истина", "1"})
NO = frozenset({"нет", "no", "n", "false", "ложь", "0"})

# Earlier and later years are slips of the hand: 0206, 20226, 1026.
YEARS = range(1900, 2101)

# Whole digits of numeric(18,2).
AMOUNT_DIGITS = 16

# A spreadsheet wrote a long id as a rounded number; the id is lost.
DAMAGED_ID = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)

# Russian text: letters and the signs an office types. Anything else in a file that is
# read as Windows-1251 means that it is something else.
ORDINARY_RUSSIAN = re.compile("[А-Яа-яЁё«»„“”‘’–—…№\u00a0₽°§®©™±·]")

RAW_COLUMNS: Mapping[str, str] = MappingProxyType(
    {"_raw": "jsonb", "_file": "text", "_line": "integer"}
)
LOADED_AT = "_loaded_at"
PARTICIPANT_FIELDS: Mapping[str, str] = MappingProxyType(
    {"deal_source_id": "text", "role": "text", "employee_source_id": "text"}
)
