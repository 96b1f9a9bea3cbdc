"""Filters, order and select of the list methods, as SQL with bound parameters.

Only names declared in ``schema.py`` (or added as user fields) become SQL text; every
value is a parameter.

Source: "Особенности списочных методов", apidocs.bitrix24.ru.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from ingestion.demo.portal.errors import PortalError, Refusal, bad_argument
from ingestion.demo.portal.schema import (
    DOUBLES,
    INTEGERS,
    Entity,
    Field,
    Kind,
)
from ingestion.demo.portal.values import (
    Stored,
    is_empty,
    to_double,
    to_integer,
    to_stored,
)

_KEY: Final = re.compile(
    r"(?P<prefix>!=%|!%|=%|%=|!@|@|>=|<=|>|<|!=|!|=|%|)(?P<name>[A-Za-z_]\w*)"
)
_OPERATORS: Final = {
    "": "=",
    "=": "=",
    "!": "!=",
    "!=": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "@": "in",
    "!@": "not in",
    "%": "contains",
    "!%": "not contains",
    "=%": "like",
    "%=": "like",
    "!=%": "not like",
}
_COMPARISONS: Final = frozenset({">", ">=", "<", "<="})


@dataclass(frozen=True)
class Condition:
    """A piece of WHERE with its parameters.

    Attributes:
        field: The field compared, when the piece is one comparison.
        operator: The comparison.
    """

    sql: str
    parameters: tuple[Stored, ...] = ()
    field: str | None = None
    operator: str | None = None


@dataclass(frozen=True)
class Order:
    """One key of ORDER BY."""

    field: str
    descending: bool = False


@dataclass(frozen=True)
class Names:
    """How the names of a request are understood.

    Attributes:
        entity: Whose fields.
        universal: Names of ``crm.item.*``; an unknown one is an error there, while
            the old methods skip it.
    """

    entity: Entity
    universal: bool = False

    def find(self, name: str) -> Field | None:
        """The field a request means."""
        if self.universal and (found := self.entity.by_item.get(name)):
            return found
        found = self.entity.by_name.get(name.upper())
        if found is not None and self.universal and found.item is None:
            return None
        return found


def conditions(names: Names, given: object) -> list[Condition]:
    """The conditions of a filter; all of them must hold.

    Raises:
        PortalError: the filter is not an object, names an unknown field in a universal
            method, or holds a moment that cannot be read.
    """
    if given is None or given in ([], ""):
        return []
    if isinstance(given, Sequence) and not isinstance(given, str):
        given = {str(number): one for number, one in enumerate(given)}
    if not isinstance(given, Mapping):
        raise bad_argument("Parameter 'filter' must be array.")
    made = []
    for key, value in given.items():
        if str(key).lower() == "logic":
            continue
        made.append(_one(names, str(key), value))
    return [one for one in made if one is not None]


def _one(names: Names, key: str, value: object) -> Condition | None:
    if key.isdigit() and isinstance(value, Mapping | list):
        return _nested(names, value)
    parsed = _KEY.fullmatch(key)
    field = names.find(parsed["name"]) if parsed else None
    if field is None:
        if names.universal:
            name = parsed["name"] if parsed else key
            raise PortalError(
                Refusal(
                    400,
                    "INVALID_ARG_VALUE",
                    f"Invalid filter: field '{name}' is not allowed in filter",
                )
            )
        return None
    assert parsed is not None  # noqa: S101 -- a found field was parsed
    return compare(field, _OPERATORS[parsed["prefix"]], value)


def _nested(names: Names, given: Mapping[str, object] | list[object]) -> Condition:
    logic = "AND"
    if isinstance(given, Mapping):
        logic = str(given.get("logic", given.get("LOGIC", "AND"))).upper()
    parts = conditions(names, given)
    if not parts:
        return Condition("1")
    joint = " OR " if logic == "OR" else " AND "
    return Condition(
        joined(("(", joint.join(one.sql for one in parts), ")"), ""),
        tuple(value for one in parts for value in one.parameters),
    )


def compare(field: Field, operator: str, value: object) -> Condition:
    """One comparison.

    "Not equal", "not in" and "not contains" hold for unfilled values too; greater and
    less never do. An array under "equal" means "in".
    """
    column = quoted(field.name)
    if field.multiple:
        return _membership(field, column, operator, value)
    if field.kind is Kind.MULTIFIELD:
        return _contact_point(column, operator, value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        operator = {"=": "in", "!=": "not in"}.get(operator, operator)
        if operator not in {"in", "not in"}:
            value = value[0] if value else None
    if operator in {"in", "not in"}:
        return _one_of(field, column, operator, value)
    if operator in {"contains", "not contains", "like", "not like"}:
        return _pattern(column, operator, value)
    if operator in _COMPARISONS:
        comparable = _comparable(field, column)
        parameter = _parameter(field, value)
        return Condition(
            joined((comparable, operator, "?")), (parameter,), field.name, operator
        )
    return _equality(field, column, operator, value)


def _equality(field: Field, column: str, operator: str, value: object) -> Condition:
    if is_empty(value) or (value is False and field.kind not in _TRUTHS):
        zero = field.kind in INTEGERS and field.kind not in _TRUTHS
        empty = joined(("(", column, "IS NULL", *(["OR", column, "= 0"] * zero), ")"))
        return Condition(empty if operator == "=" else joined(("NOT", empty)))
    parameter = _parameter(field, value)
    comparable = _comparable(field, column)
    if operator == "=":
        return Condition(
            joined((comparable, "= ?")), (parameter,), field.name, operator
        )
    return Condition(
        joined(("(", comparable, "<> ? OR", column, "IS NULL )")), (parameter,)
    )


_TRUTHS: Final = frozenset({Kind.BOOLEAN, Kind.TRUTH, Kind.FLAG})


def _one_of(field: Field, column: str, operator: str, value: object) -> Condition:
    given = value if isinstance(value, list | tuple) else [value]
    wanted = orjson.dumps(
        [_parameter(field, one) for one in given if not is_empty(one)]
    ).decode()
    inside = joined((_comparable(field, column), "IN (SELECT value FROM json_each(?))"))
    empties = any(is_empty(one) for one in given)
    if operator == "in":
        sql = joined(("(", inside, "OR", column, "IS NULL )")) if empties else inside
        return Condition(sql, (wanted,), field.name, operator)
    kept = "IS NOT NULL )" if empties else "IS NULL )"
    joint = "AND" if empties else "OR"
    return Condition(joined(("( NOT", inside, joint, column, kept)), (wanted,))


def _membership(field: Field, column: str, operator: str, value: object) -> Condition:
    given = value if isinstance(value, list | tuple) else [value]
    kept = to_integer if field.kind in INTEGERS else str
    wanted = [kept(one) for one in given if not is_empty(one)]
    positive = operator not in {"!=", "not in", "not contains", "not like"}
    if not wanted:
        state = "IS NULL" if positive else "IS NOT NULL"
        return Condition(joined((column, state)))
    found = joined(
        (
            "EXISTS (SELECT 1 FROM json_each(",
            column,
            ") AS held WHERE held.value IN (SELECT value FROM json_each(?)))",
        )
    )
    sql = found if positive else joined(("NOT", found))
    return Condition(sql, (orjson.dumps(wanted).decode(),))


def _contact_point(column: str, operator: str, value: object) -> Condition:
    given = value if isinstance(value, list | tuple) else [value]
    found = joined(
        (
            "EXISTS (SELECT 1 FROM json_each(",
            column,
            ") AS held, json_each(?) AS wanted",
            "WHERE json_extract(held.value, '$.VALUE') = wanted.value)",
        )
    )
    sql = joined(("NOT", found)) if operator in {"!=", "not in"} else found
    return Condition(sql, (orjson.dumps([str(one) for one in given]).decode(),))


def _pattern(column: str, operator: str, value: object) -> Condition:
    function = "portal_like" if operator.endswith("like") else "portal_contains"
    matches = joined((function, "(", column, ", ? )"))
    sql = joined(("NOT", matches)) if operator.startswith("not") else matches
    return Condition(sql, (str("" if value is None else value),))


def _comparable(field: Field, column: str) -> str:
    if field.kind is Kind.MONEY:
        return joined(("CAST(", column, "AS REAL )"))
    return column


def _parameter(field: Field, value: object) -> Stored:
    if field.kind is Kind.MONEY or field.kind in DOUBLES:
        return to_double(value)
    if field.kind in INTEGERS and field.kind not in _TRUTHS:
        return to_integer(value)
    try:
        stored = to_stored(field, value)
    except ValueError as error:
        raise bad_argument(f"Invalid value of filter field '{field.name}'.") from error
    return "" if stored is None else stored


def orders(names: Names, given: object) -> list[Order]:
    """Keys of the order; unknown ones are skipped."""
    if not isinstance(given, Mapping):
        return []
    made = []
    for name, direction in given.items():
        field = names.find(str(name))
        if field is not None and not field.multiple:
            made.append(Order(field.name, str(direction).upper().startswith("DESC")))
    return made


def selected(names: Names, given: object) -> tuple[Field, ...]:
    """The fields of an answer, in the order of the declaration.

    Nothing asked, or nothing known asked, means all ordinary and all user fields.
    """
    return _selected(names, tuple(str(name).strip() for name in _listed(given)))


@lru_cache(maxsize=1024)
def _selected(names: Names, given: tuple[str, ...]) -> tuple[Field, ...]:
    asked = set(given)
    asked = asked if names.universal else {name.upper() for name in asked}
    everything = "*" in asked
    served = [one for one in names.entity.fields if one.item or not names.universal]
    chosen = tuple(
        one
        for one in served
        if one.name in asked
        or (names.universal and one.item in asked)
        or (everything and not one.named_only and _is_in_star(names, one))
        or ("UF_*" in asked and one.is_user_field)
    )
    return chosen or tuple(one for one in served if not one.named_only)


def _is_in_star(names: Names, field: Field) -> bool:
    return names.universal or not field.is_user_field


def _listed(given: object) -> Iterable[object]:
    if isinstance(given, Mapping):
        return given.values()
    if isinstance(given, list | tuple):
        return given
    return [given] if isinstance(given, str) and given else []


def quoted(name: str) -> str:
    """A column or table name as SQL text; the name must come from the schema."""
    if not name.replace("_", "").isalnum():
        raise ValueError(f"{name!r} is not a name of the schema")
    return '"' + name + '"'


def joined(parts: Iterable[str], separator: str = " ") -> str:
    """SQL text from parts that are names of the schema or words of SQL."""
    return separator.join(parts)


def contains(text: object, part: str) -> bool:
    """SQL function: whether a text holds another, whatever the case."""
    return text is not None and part.casefold() in str(text).casefold()


def like(text: object, pattern: str) -> bool:
    """SQL function: LIKE whatever the case, also for letters beyond ASCII."""
    return text is not None and _like(pattern).fullmatch(str(text)) is not None


@lru_cache(maxsize=256)
def _like(pattern: str) -> re.Pattern[str]:
    wildcards = {"%": ".*", "_": "."}
    text = "".join(wildcards.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(text, re.IGNORECASE | re.DOTALL)
