"""Filters of an export: ``column=value`` as a condition of a query and as words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from psycopg import sql

from bi.catalog import Column, Dataset
from bi.excel.highlight import SUFFIX
from ingestion.marked_yaml import suggestion

RANGE = ".."
_DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y")
_HTML = "_html"

Bound = date | Decimal | str


class FilterError(ValueError):
    """A filter names an unknown column or holds an unreadable value."""


@dataclass(frozen=True)
class Condition:
    """One filter.

    Attributes:
        clause: With bound parameters.
        printed: Values as people read them; an empty one means no value.
    """

    column: str
    clause: sql.Composed
    parameters: tuple[object, ...]
    printed: tuple[str, ...]


def filterable(dataset: Dataset) -> list[str]:
    """Give the columns that a filter may name: those people read, without states."""
    return [
        name
        for name, column in dataset.columns.items()
        if column.label
        and not name.endswith((SUFFIX, _HTML))
        and not column.data_type.endswith("[]")
    ]


def read_filters(
    filters: Mapping[str, Sequence[str]], dataset: Dataset, zone: ZoneInfo
) -> list[Condition]:
    """Check the filters against a table.

    Args:
        filters: Values by column; several values of a column widen. A date or a
            number may be a range ``from..to``, either end open. An empty value means
            that the cell is empty.
        dataset: The edition that the reader may see.
        zone: In which a moment has its date.

    Raises:
        FilterError: the edition has no such column, or a value cannot be read.
    """
    names = filterable(dataset)
    for name in filters:
        if name not in names:
            raise FilterError(
                f"filter {name!r}: no such column in {dataset.name}"
                f"{suggestion(name, names)}"
            )
    return [
        _condition(dataset.columns[name], values, zone)
        for name, values in filters.items()
        if values
    ]


def where(conditions: Iterable[Condition]) -> tuple[sql.Composable, list[object]]:
    """Give the conditions as one clause with its parameters."""
    known = list(conditions)
    if not known:
        return sql.SQL("true"), []
    clause = sql.SQL(" and ").join(each.clause for each in known)
    return clause, [value for each in known for value in each.parameters]


def _condition(column: Column, values: Sequence[str], zone: ZoneInfo) -> Condition:
    name = sql.Identifier(column.name)
    left: sql.Composable = name
    parameters: list[object] = []
    if column.data_type.startswith("timestamp"):
        left = sql.SQL("cast({} at time zone {} as date)").format(name, str(zone))
    choices: list[sql.Composable] = []
    printed: list[str] = []
    read = _reader(column)
    for value in values:
        if not value.strip():
            empty = " is null or {0} = ''" if read is str else " is null"
            choices.append(sql.SQL("({0}" + empty + ")").format(name))
            printed.append("")
            continue
        low, is_range, high = value.partition(RANGE)
        if read is str or not is_range:
            bound = read(value)
            choices.append(sql.SQL("{} = %s").format(left))
            parameters.append(bound)
            printed.append(_printed(bound))
            continue
        bounds = [read(end) if end.strip() else None for end in (low, high)]
        clause, ends = _range(left, bounds)
        choices.append(clause)
        parameters += ends
        printed.append(" – ".join(_printed(end) if end else "…" for end in bounds))
    return Condition(
        column=column.name,
        clause=sql.SQL("({})").format(sql.SQL(" or ").join(choices)),
        parameters=tuple(parameters),
        printed=tuple(printed),
    )


def _range(
    left: sql.Composable, bounds: Sequence[Bound | None]
) -> tuple[sql.Composable, list[object]]:
    parts: list[sql.Composable] = [sql.SQL("{} is not null").format(left)]
    ends: list[object] = []
    for sign, end in zip((">=", "<="), bounds, strict=True):
        if end is not None:
            parts.append(sql.SQL("{} " + sign + " %s").format(left))
            ends.append(end)
    return sql.SQL("({})").format(sql.SQL(" and ").join(parts)), ends


def _reader(column: Column) -> Callable[[str], Bound]:
    if column.is_date:
        return lambda value: _date(value, column)
    if column.is_number:
        return lambda value: _number(value, column)
    return str


def _date(value: str, column: Column) -> date:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(value.strip(), form).date()
        except ValueError:
            continue
    raise FilterError(
        f"filter {column.name}={value!r}: not a date; write 2026-11-21, 21.11.2026 or "
        "a range 2026-11-01..2026-11-30"
    )


def _number(value: str, column: Column) -> Decimal:
    plain = "".join(value.split()).replace(",", ".")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise FilterError(
            f"filter {column.name}={value!r}: not a number; write 450000 or a range "
            "100000..500000"
        )
    return number


def _printed(value: Bound) -> str:
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    return value if isinstance(value, str) else f"{value:f}"
