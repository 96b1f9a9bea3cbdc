"""How stored values become an answer: SQLite writes whole rows as JSON.

The old methods answer texts, the universal ones and the stage history answer numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

import orjson

from ingestion.demo.portal.query import Names, joined, quoted
from ingestion.demo.portal.schema import DOUBLES, INTEGERS, Field, Kind

_KEPT_AS_NUMBER: Final = frozenset({Kind.NUMBER})
Row = dict[str, object]

# SQLite takes 127 arguments of a function at most; a cell is two.
_CELLS_AT_ONCE: Final = 60


@dataclass(frozen=True)
class Cell:
    """One value of an answered row.

    Attributes:
        key: Its name in the answer.
        sql: The expression that gives it.
        is_json: The expression gives JSON, not a plain value.
        is_optional: The key is left out when there is no value.
    """

    key: str
    sql: str
    is_json: bool = False
    is_optional: bool = False

    @property
    def pair(self) -> str:
        """Key and value as arguments of ``json_object``."""
        value = joined(("json(", self.sql, ")")) if self.is_json else self.sql
        return joined((literal(self.key), value), ", ")


class Form:
    """What a row of an answer looks like.

    Attributes:
        sql: Columns of a SELECT; each is a part of the row or NULL.
        is_whole: One column is the whole row.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        parts = []
        for is_optional, run in groupby(cells, lambda cell: cell.is_optional):
            same = list(run)
            size = 1 if is_optional else _CELLS_AT_ONCE
            cuts = range(0, len(same), size)
            parts += [_part(same[start : start + size]) for start in cuts]
        self.sql = ", ".join(parts)
        self.is_whole = len(parts) == 1

    def written(self, found: Iterable[Sequence[bytes | None]]) -> list[bytes]:
        """Rows as JSON, from what the SELECT found."""
        if self.is_whole:
            return [part for (part,) in found if part is not None]
        return [
            b"{" + b",".join([part[1:-1] for part in parts if part]) + b"}"
            for parts in found
        ]


class WrittenRows:
    """Rows of an answer, each of them JSON already; no dataclass, orjson knows those.

    Attributes:
        rows: The rows.
    """

    def __init__(self, rows: Sequence[bytes]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def __getitem__(self, number: int) -> Row:
        """One row as it is read again."""
        row: Row = orjson.loads(self.rows[number])
        return row

    def read(self) -> list[Row]:
        """All rows as they are read again."""
        return [self[number] for number in range(len(self))]


def to_json(body: object) -> bytes:
    """A body with written rows inside as JSON."""
    return orjson.dumps(body, default=_put_in)


def _put_in(rows: object) -> orjson.Fragment:
    if not isinstance(rows, WrittenRows):
        raise TypeError(f"{type(rows).__name__} is no part of an answer")
    return orjson.Fragment(b"[" + b",".join(rows.rows) + b"]")


def _part(cells: Sequence[Cell]) -> str:
    pairs = ", ".join(cell.pair for cell in cells)
    # Bytes pass through Python as they are, a text would be read and written again.
    written = joined(("CAST( json_object(", pairs, ") AS BLOB )"))
    if not cells[0].is_optional:
        return written
    return joined(("CASE WHEN", cells[0].sql, "IS NOT NULL THEN", written, "END"))


def cell_of(field: Field, key: str, *, numbers: bool) -> Cell:
    """A field under a key of the answer."""
    return Cell(
        key,
        as_numbers(field) if numbers else as_texts(field),
        is_json=field.is_json,
        is_optional=field.absent_when_empty,
    )


@lru_cache(maxsize=1024)
def form_of(names: Names, fields: tuple[Field, ...]) -> Form:
    """The row of a list method."""
    numbers = names.universal or names.entity.numbers
    return Form(
        [
            cell_of(
                field,
                (field.item or field.name) if names.universal else field.name,
                numbers=numbers,
            )
            for field in fields
        ]
    )


def as_texts(field: Field) -> str:
    """The expression of a field in the old methods."""
    if field.constant is not None:
        return literal(field.constant)
    column = quoted(field.name)
    if field.multiple:
        return coalesced(column, field.empty or "false")
    if field.kind is Kind.TRUTH:
        return joined(("CASE WHEN", column, "THEN 'true' ELSE 'false' END"))
    if field.kind is Kind.AMOUNT:
        return joined(("printf('%.2f',", column, ")"))
    if field.kind is Kind.DOUBLE:
        column = _double_as_text(column)
    elif field.kind in INTEGERS and field.kind not in _KEPT_AS_NUMBER:
        column = joined(("CAST(", column, "AS TEXT )"))
    return column if field.empty is None else coalesced(column, field.empty)


def as_numbers(field: Field) -> str:
    """The expression of a field in the universal methods."""
    column = quoted(field.name)
    if field.multiple:
        return coalesced(column, "[]")
    if field.kind is Kind.BOOLEAN:
        return joined(("CASE WHEN", column, "THEN 'Y' ELSE 'N' END"))
    if field.kind is Kind.DOUBLE and field.is_user_field:
        return _double_as_text(column)
    if isinstance(field.empty_item, str):
        return coalesced(column, field.empty_item)
    if field.kind in INTEGERS | DOUBLES and field.empty_item is not None:
        return joined(("COALESCE(", column, ",", str(field.empty_item), ")"))
    return column


def _double_as_text(column: str) -> str:
    return joined(
        ("CASE WHEN", column, "IS NOT NULL THEN printf('%.15g',", column, ") END")
    )


def coalesced(expression: str, empty: str) -> str:
    """The expression, or a text when it is NULL."""
    return joined(("COALESCE(", expression, ",", literal(empty), ")"))


def literal(text: str) -> str:
    """A text of the schema as SQL."""
    return "'" + text.replace("'", "''") + "'"
