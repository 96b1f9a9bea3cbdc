"""Pure functions: calls as text, answers as rows, rows as Arrow."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from itertools import chain
from typing import Final, TypeVar
from urllib.parse import urlencode

import orjson
import pyarrow as pa  # type: ignore[import-untyped]

from ingestion.config import LOADED_AT, ROW_HASH
from ingestion.http import JsonObject, JsonValue, RefusedError, SourceError
from ingestion.mapping import column_name
from ingestion.sources.bitrix24.settings import Table

Row = JsonObject
Item = TypeVar("Item")

_WEBHOOK: Final = re.compile(
    r"(https?://[^/?#]+(?:/[^?#]*)?/rest/\d+/([^/?#]+))(?:/.*)?"
)
_TIMESTAMP: Final = pa.timestamp("us", "UTC")


class Kind(StrEnum):
    """Type of a raw column; the values are dlt's names."""

    TEXT = "text"
    JSON = "json"


class FieldTypeChangedError(SourceError):
    """A known field holds values of another kind than its column."""


@dataclass(frozen=True)
class Command:
    """One call of a list method."""

    method: str
    parameters: Mapping[str, JsonValue]

    def __str__(self) -> str:
        """The call as ``batch`` takes it."""
        return f"{self.method}?{urlencode(list(_flat(self.parameters)))}"


@dataclass(frozen=True)
class Fault:
    """What the portal says about a call that failed."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code or 'error'} ({self.text})" if self.text else self.code


def webhook_parts(url: str) -> tuple[str, str]:
    """The address that methods are appended to, and the secret code in it.

    Raises:
        RefusedError: not the address of an inbound webhook.
    """
    found = _WEBHOOK.fullmatch(url.strip())
    if not found:
        raise RefusedError(
            "the address of the Bitrix24 portal is not that of an inbound webhook: it "
            "must look like https://portal.example/rest/1/code/"
        )
    return f"{found[1]}/", found[2]


def reference(command: str, rows_in: str, row: int, field: str) -> str:
    """A value of an earlier command of the same batch."""
    place = f"[{rows_in}]" if rows_in else ""
    return f"$result[{command}]{place}[{row}][{field}]"


def fault_of(value: JsonValue) -> Fault:
    """The error of an answer or of one command; codes may be texts or numbers."""
    if not isinstance(value, dict):
        return Fault("", str(value or ""))
    return Fault(str(value.get("error", "")), str(value.get("error_description") or ""))


def rows_of(result: JsonValue, rows_in: str) -> list[Row] | None:
    """Rows of one ``result``; None when it does not have the promised shape."""
    if rows_in:
        # An empty map is an array in the answers of PHP.
        result = result.get(rows_in) if isinstance(result, dict) else result
    if not isinstance(result, list):
        return None
    rows = [row for row in result if isinstance(row, dict)]
    return rows if len(rows) == len(result) else None


def map_of(value: JsonValue) -> JsonObject:
    """A map of an answer; PHP shows an empty one as an array."""
    return value if isinstance(value, dict) else {}


def moment_of(time: JsonValue, key: str) -> datetime | None:
    """A moment of the block ``time``; None when it is not there."""
    value = map_of(time).get(key)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value).astimezone()
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


def row_id(table: Table, row: Row) -> int:
    """The number a row is known by."""
    return int(str(row[table.identity]))


def row_key(table: Table, row: Row) -> str:
    """The key of a row as one text."""
    return "/".join(str(row[name]) for name in table.key)


def without(rows: list[Row], left_out: frozenset[str]) -> list[Row]:
    """The rows without fields that do not land."""
    if all(row.keys().isdisjoint(left_out) for row in rows):
        return rows
    return [
        {name: value for name, value in row.items() if name not in left_out}
        for row in rows
    ]


def row_hash(row: Row) -> str:
    """A short stable name of what a row holds."""
    content = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return blake2b(content, digest_size=8).hexdigest()


def latest(rows: Iterable[Row], field: str) -> datetime | None:
    """The latest moment in a field, None when there is none."""
    texts = {str(row[field]) for row in rows if row.get(field)}
    return max(map(datetime.fromisoformat, texts), default=None)


@cache
def column(field: str) -> str:
    """Column of a field; some fields would hide behind the same name."""
    return column_name(field)


def declared_kinds(
    table: Table, known: Mapping[str, Kind], user_fields: Sequence[Row] = ()
) -> dict[str, Kind]:
    """Columns a table has before any row is seen.

    Args:
        table: The table.
        known: Columns it has in the database; they win.
        user_fields: Rows of ``crm.deal.userfield.list`` for this table.
    """
    declared = {
        column(name): Kind.JSON if name in table.json_fields else Kind.TEXT
        for name in table.fields
    }
    for row in user_fields:
        multiple = row.get("MULTIPLE") == "Y"
        declared[column(str(row["FIELD_NAME"]))] = Kind.JSON if multiple else Kind.TEXT
    return {**declared, **known}


def item_userfields(type_id: int, described: JsonValue) -> list[Row]:
    """User fields of one type, by the answer of ``crm.item.fields``."""
    return [
        {
            "entityTypeId": type_id,
            "upperName": name,
            "name": item,
            **{key: about.get(key) for key in _OF_USER_FIELDS},
        }
        for item, field in map_of(map_of(described).get("fields")).items()
        if (about := map_of(field))
        and (name := str(about.get("upperName") or "")).startswith("UF_")
    ]


_OF_USER_FIELDS: Final = (
    *("type", "title", "isMultiple", "statusType", "items", "settings"),
)


def item_kinds(described: JsonValue) -> dict[str, Kind]:
    """Columns of the elements of one type, by the answer of ``crm.item.fields``."""
    kinds: dict[str, Kind] = {}
    for item, field in map_of(map_of(described).get("fields")).items():
        about = map_of(field)
        name = str(about.get("upperName") or item)
        is_json = about.get("isMultiple") is True or about.get("type") == "file"
        kinds[column(name if name.startswith("UF_") else item)] = (
            Kind.JSON if is_json else Kind.TEXT
        )
    return kinds


def to_arrow(
    table: Table,
    rows: Sequence[Row],
    kinds: dict[str, Kind],
    *,
    loaded_at: datetime,
) -> pa.Table:
    """Rows as an Arrow table: texts as they came, arrays and objects as JSON text.

    Args:
        table: The table the rows belong to.
        rows: Payloads without the fields that are left out.
        kinds: Columns of the table; columns that appear here for the first time with
            a value are added.
        loaded_at: When the warehouse learned the rows.

    Raises:
        FieldTypeChangedError: a value does not fit its column.
    """
    arrays: dict[str, pa.Array] = {}
    for name, values in _by_field(rows):
        target = column(name)
        if target in arrays:
            raise FieldTypeChangedError(
                f"{table.name}: two fields would share the column {target}, one of "
                f"them is {name}: rename one of them in the portal"
            )
        kind = kinds.get(target) or _new_kind(table, values)
        if kind is None:
            continue
        kinds[target] = kind
        arrays[target] = (
            _json_array(table, name, values)
            if kind is Kind.JSON
            else _text_array(table, name, values)
        )
    count = len(rows)
    columns = {
        target: arrays[target] if target in arrays else pa.nulls(count, pa.string())
        for target in kinds
    }
    columns[ROW_HASH] = pa.array([row_hash(row) for row in rows], pa.string())
    columns[LOADED_AT] = pa.array([loaded_at] * count, _TIMESTAMP)
    return pa.table(columns)


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive parts of a sequence."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _by_field(rows: Sequence[Row]) -> Iterable[tuple[str, Sequence[JsonValue]]]:
    """The values of every field; what a row does not have is None there."""
    if len({tuple(row) for row in rows}) == 1:
        values = zip(*[row.values() for row in rows], strict=True)
        return zip(rows[0], values, strict=True)
    names = dict.fromkeys(chain.from_iterable(rows))
    return ((name, [row.get(name) for row in rows]) for name in names)


def _new_kind(table: Table, values: Sequence[JsonValue]) -> Kind | None:
    """Kind of a column seen for the first time; None when it holds nothing yet."""
    seen = {type(value) for value in values}
    if seen & {list, dict} or (table.false_is_empty and bool in seen):
        return Kind.JSON
    return Kind.TEXT if seen - {type(None)} else None


def _text_array(table: Table, field: str, values: Sequence[JsonValue]) -> pa.Array:
    """Values as texts; numbers and flags as JSON writes them."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        kinds = {type(value) for value in values} - {type(None)}
        if kinds == {int}:
            return pa.array(values).cast(pa.string())
        return pa.array([_text(table, field, value) for value in values], pa.string())


def _text(table: Table, field: str, value: JsonValue) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise _changed(table, field, "a text", "a list or an object")
    return orjson.dumps(value).decode()


def _json_array(table: Table, field: str, values: Sequence[JsonValue]) -> pa.Array:
    texts: list[str | None] = []
    for value in values:
        # An empty multiple field is answered as false or as an empty text.
        if not (value in (None, "", False) or isinstance(value, list | dict)):
            raise _changed(table, field, "a list or an object", "a single value")
        texts.append(None if value is None else orjson.dumps(value).decode())
    return pa.array(texts, pa.string())


def _changed(table: Table, field: str, was: str, now: str) -> FieldTypeChangedError:
    return FieldTypeChangedError(
        f"{table.name}.{field} held {was} and now holds {now}: nothing was landed; "
        f"rename the column {column(field)} of the raw table {table.name} to keep the "
        "old values, and run again"
    )


def _flat(
    value: JsonValue | Mapping[str, JsonValue], name: str = ""
) -> Iterator[tuple[str, str]]:
    """Parameters as PHP reads them: ``filter[>ID]=5``, ``select[0]=ID``."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _flat(part, f"{name}[{number}]")
    else:
        yield name, "" if value is None else str(value)
