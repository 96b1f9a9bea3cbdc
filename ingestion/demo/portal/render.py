"""How a stored value becomes the value of an answer: expressions of SELECT.

The old methods answer texts, the universal ones and the stage history answer numbers.
"""

from typing import Final

from ingestion.demo.portal.query import joined, quoted
from ingestion.demo.portal.schema import DOUBLES, INTEGERS, Field, Kind

_KEPT_AS_NUMBER: Final = frozenset({Kind.NUMBER})


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
