"""Between the values people and the API use and the values kept in the columns.

Kept: integers and floats as such, texts as such, a moment as ISO text in the portal's
zone (so texts compare as moments), a date as the API answers it, arrays as JSON text.
An empty text is kept as NULL; how it looks in an answer is said in ``schema.py``.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import orjson

from ingestion.demo.portal.schema import DOUBLES, INTEGERS, Field, Kind

PORTAL_ZONE: Final = timezone(timedelta(hours=3))
DATE_TAIL: Final = "T03:00:00+03:00"
_OFFSET: Final = "+03:00"
_OFFSET_HOURS: Final = np.timedelta64(3, "h")
_LARGEST: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"\s*[+-]?\d{1,40}")
_DOUBLE: Final = re.compile(r"\s*[+-]?\d+(?:\.\d+)?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY_SECONDS: Final = 86_400
# More days than this between two moments are rather looked up than written out.
_WRITTEN_DAYS: Final = 50_000

Stored = str | int | float | None
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Kept:
    """A column that holds what is kept: nothing is read or checked any more."""

    values: Sequence[Stored]

    def __len__(self) -> int:
        """How many rows it has."""
        return len(self.values)

    def __getitem__(self, which: slice) -> "Kept":
        """Some of the rows."""
        return Kept(self.values[which])


@runtime_checkable
class _ArrayLike(Protocol):
    """A NumPy array or a pandas column."""

    @property
    def dtype(self) -> object: ...


def moment(value: datetime) -> str:
    """The portal's text for a moment; a naive one is the portal's local time."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=PORTAL_ZONE)
    return value.astimezone(PORTAL_ZONE).isoformat(timespec="seconds")


def parse_moment(text: str) -> str:
    """The portal's text for an ISO moment or date.

    Raises:
        ValueError: the text is neither.
    """
    if len(text) == 25 and text.endswith(_OFFSET) and text[10] == "T":
        return text
    return moment(datetime.fromisoformat(text.strip()))


def parse_date(text: str) -> str:
    """The portal's text for a date; of a moment it is the portal's local date.

    Raises:
        ValueError: the text is neither.
    """
    text = text.strip()
    if _DATE.fullmatch(text):
        return text + DATE_TAIL
    return parse_moment(text)[:10] + DATE_TAIL


def to_integer(value: object) -> int:
    """The leading number of a value, as PHP reads it; 0 when there is none."""
    if isinstance(value, int | float | Decimal):
        return _clamped(int(value))
    found = _INTEGER.match(str(value))
    return _clamped(int(found.group())) if found else 0


def _clamped(number: int) -> int:
    """The nearest number that a column can hold."""
    return max(-_LARGEST - 1, min(number, _LARGEST))


def to_double(value: object) -> float:
    """The leading number of a value; 0 when there is none."""
    if isinstance(value, int | float | Decimal):
        return float(value)
    found = _DOUBLE.match(str(value))
    return float(found.group()) if found else 0.0


def to_flag(value: object) -> str:
    """Y or N."""
    return "Y" if value in (True, "1", "Y", "y", "true") else "N"


def to_truth(value: object) -> int:
    """1 or 0."""
    return int(to_flag(value) == "Y")


def is_empty(value: object) -> bool:
    """Whether the value says "not filled"."""
    return (
        value is None
        or (isinstance(value, str) and value == "")
        or (isinstance(value, float | datetime) and value != value)  # noqa: PLR0124 -- NaN, NaT
    )


def to_ids(value: object) -> list[int]:
    """Ids of a multiple field; accepts one id, an array or ``False``."""
    if isinstance(value, str) and value.startswith("["):
        value = orjson.loads(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [to_integer(one) for one in value if not is_empty(one)]
    if is_empty(value) or value is False:
        return []
    return [to_integer(value)]


def to_texts(value: object) -> list[str]:
    """Texts of a multiple field; accepts one text, an array or ``False``."""
    if isinstance(value, str) and value.startswith("["):
        value = orjson.loads(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [str(one) for one in value if not is_empty(one)]
    return [] if is_empty(value) or value is False else [str(value)]


def to_stored(field: Field, value: object) -> Stored:
    """What is kept in the column of a field.

    Raises:
        ValueError: a date or a moment cannot be read.
    """
    if field.multiple:
        held = to_ids(value) if field.kind in INTEGERS else to_texts(value)
        return orjson.dumps(held).decode() if held else None
    if is_empty(value) or (value is False and field.kind not in _TRUTHS):
        return None
    return _to_stored_scalar(field.kind, value)


_TRUTHS: Final = frozenset({Kind.BOOLEAN, Kind.TRUTH, Kind.FLAG})


def _to_stored_scalar(kind: Kind, value: object) -> Stored:
    if kind in _CONVERTERS:
        return _CONVERTERS[kind](value)
    if kind in INTEGERS:
        return to_integer(value)
    if kind in DOUBLES:
        return to_double(value)
    return str(value)


def _to_json(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _to_moment(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return moment(datetime(value.year, value.month, value.day, tzinfo=PORTAL_ZONE))
    return parse_moment(str(value))


def _to_date(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)[:10] + DATE_TAIL
    if isinstance(value, date):
        return value.isoformat() + DATE_TAIL
    return parse_date(str(value))


_CONVERTERS: Final[Mapping[Kind, Callable[[object], Stored]]] = {
    Kind.BOOLEAN: to_truth,
    Kind.TRUTH: to_truth,
    Kind.FLAG: to_flag,
    Kind.DATETIME: _to_moment,
    Kind.DATE: _to_date,
    Kind.JSON: _to_json,
    Kind.MULTIFIELD: _to_json,
}


def column_values(field: Field, column: Sequence[object]) -> list[Stored]:
    """A whole column as it is kept; NumPy and pandas columns go by vectors.

    Args:
        field: Whose values.
        column: Missing values may be ``None``, NaN, NaT or NA of a pandas column.
            Moments without a zone are the portal's local time.
    """
    dtype = getattr(column, "dtype", None)
    kind = getattr(dtype, "kind", "O")
    if field.kind in {Kind.DATETIME, Kind.DATE} and kind == "M" and not field.multiple:
        return _moment_texts(field.kind, column, zoned=bool(getattr(dtype, "tz", None)))
    values = plain_values(column)
    if field.multiple:
        return [to_stored(field, value) for value in values]
    if field.kind in INTEGERS and kind in "iu":
        return values  # type: ignore[return-value]  # NumPy gave Python integers
    if field.kind in DOUBLES and kind in "iuf":
        return [None if value != value else value for value in values]  # type: ignore[misc]  # noqa: PLR0124
    if field.kind is Kind.FLAG and set(values) <= _FLAGS:
        return values  # type: ignore[return-value]  # nothing but flags
    kept_as_is = _KEPT_TYPES.get(field.kind)
    return [
        value  # type: ignore[misc]  # its type is the one that is kept
        if value and type(value) is kept_as_is
        else None
        if value is None or is_empty(value)
        else to_stored(field, value)
        for value in values
    ]


_FLAGS: Final = frozenset({"Y", "N"})
# Filled values of these Python types need no change.
_KEPT_TYPES: Final[Mapping[Kind, type]] = {
    **dict.fromkeys(INTEGERS - _TRUTHS, int),
    Kind.STRING: str,
    Kind.STATUS: str,
    Kind.CURRENCY: str,
    Kind.LOCATION: str,
    Kind.MONEY: str,
    Kind.LINK: str,
}


def plain_values(column: Sequence[object]) -> list[object]:
    """Python values of a column; a missing one of a pandas column is ``None``."""
    if not isinstance(column, _ArrayLike):
        return list(column)
    to_numpy = getattr(column, "to_numpy", None)
    if to_numpy is None:
        return list(np.asarray(column).tolist())
    if isinstance(column.dtype, np.dtype):
        return list(to_numpy().tolist())
    return list(to_numpy(dtype=object, na_value=None).tolist())


def _moment_texts(kind: Kind, column: Sequence[object], *, zoned: bool) -> list[Stored]:
    # A column with a zone becomes UTC without a word only when the type is said.
    given = np.asarray(column, dtype="datetime64[s]") if zoned else np.asarray(column)
    moments = given.astype("datetime64[s]")
    if zoned:
        moments = (moments + _OFFSET_HOURS).astype("datetime64[s]")
    is_known = ~np.isnat(moments)
    texts = np.full(moments.size, None, dtype=object)
    if is_known.any():
        texts[is_known] = _known_texts(kind, moments[is_known])
    return list(texts.tolist())


def _known_texts(kind: Kind, moments: npt.NDArray[np.datetime64]) -> Texts:
    """Texts of moments, put together from the texts of days and of seconds."""
    days = moments.astype("datetime64[D]")
    first, last = days.min(), days.max()
    number = (days - first).astype(np.int64)
    if (last - first).astype(np.int64) >= _WRITTEN_DAYS:
        all_days, number = np.unique(days, return_inverse=True)
    else:
        all_days = np.arange(first, last + np.timedelta64(1, "D"))
    written = np.datetime_as_string(all_days).astype(object)
    if kind is Kind.DATE:
        return np.asarray((written + DATE_TAIL)[number])
    second = (moments - days).astype(np.int64)
    return np.asarray(written[number] + _second_texts()[second])


@cache
def _second_texts() -> Texts:
    """The texts of all seconds of a day, zone included."""
    seconds = np.arange(_DAY_SECONDS).astype("datetime64[s]")
    texts = [text[10:] + _OFFSET for text in np.datetime_as_string(seconds)]
    return np.array(texts, dtype=object)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
