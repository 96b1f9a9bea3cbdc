"""Which canonical fields a connection gives, and where each of them lies."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.mapping.entities import (
    ALWAYS_GIVEN,
    DEALS_OF_BITRIX24,
    EMPLOYEES_OF_BITRIX24,
)
from ingestion.mapping.model import Connection, column_name

_OWN = {"deals": DEALS_OF_BITRIX24, "employees": EMPLOYEES_OF_BITRIX24}
_TABLES = {"deals": "deals", "employees": "users"}


@dataclass(frozen=True)
class GivenColumn:
    """A canonical field that a connection gives, and its raw column."""

    entity: str
    field: str
    source_field: str
    table: str
    column: str


def given_entities(connection: Connection) -> list[str]:
    """Canonical entities that a connection gives rows of, in order."""
    return sorted({*ALWAYS_GIVEN[connection.source], *connection.entities})


def given_columns(connection: Connection) -> Iterator[GivenColumn]:
    """Every canonical field a connection gives, those of every portal included."""
    if connection.source == "files":
        for entity, table in connection.files.items():
            for name in dict.fromkeys((*table.columns, *table.constants, "source_id")):
                column = table.columns.get(name)
                said = column.column if column else name
                yield GivenColumn(entity, name, said, entity, name)
        return
    for entity, own in _OWN.items():
        fields = {**own, **connection.fields.get(entity, {})}
        for name, said in fields.items():
            yield GivenColumn(entity, name, said, _TABLES[entity], column_name(said))
    for entity, source in connection.entities.items():
        for name, said in source.fields.items():
            yield GivenColumn(entity, name, said, source.table, column_name(said))
