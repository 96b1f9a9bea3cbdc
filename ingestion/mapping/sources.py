"""Which canonical fields a connection gives, and where each of them lies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

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


# What the tables of every portal give beside deals and people.
_PORTAL: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {
        "org_units": (
            "departments",
            {"source_id": "ID", "parent_id": "PARENT", "name": "NAME"}
            | {"head_id": "UF_HEAD"},
        ),
        "stage_visits": (
            "stage_history",
            {"source_id": "ID", "deal_source_id": "OWNER_ID", "crm_stage": "STAGE_ID"}
            | {"pipeline": "CATEGORY_ID", "entered_at": "CREATED_TIME"},
        ),
    }
)


def given_columns(connection: Connection) -> Iterator[GivenColumn]:
    """Every canonical field a connection gives, those of every portal included."""
    if connection.source == "files":
        yield from _given_by_files(connection)
        return
    for entity, own in _OWN.items():
        fields = {**own, **connection.fields.get(entity, {})}
        for name, said in fields.items():
            yield GivenColumn(entity, name, said, _TABLES[entity], column_name(said))
    for entity, (table, own) in _PORTAL.items():
        for name, said in own.items():
            yield GivenColumn(entity, name, said, table, column_name(said))
    # A field of a participant is a role: who holds it is what the firm gives.
    for role, said in connection.roles.items():
        yield GivenColumn("deal_participants", role, said, "deals", column_name(said))
    for role, said in connection.role_weights.items():
        yield GivenColumn(
            "deal_participants", f"{role}_weight", said, "deals", column_name(said)
        )
    for entity, source in connection.entities.items():
        for name, said in source.fields.items():
            yield GivenColumn(entity, name, said, source.table, column_name(said))


def _given_by_files(connection: Connection) -> Iterator[GivenColumn]:
    for entity, table in connection.files.items():
        for name in dict.fromkeys((*table.columns, *table.constants, "source_id")):
            column = table.columns.get(name)
            said = column.column if column else name
            yield GivenColumn(entity, name, said, entity, name)
    for role, said in connection.roles.items():
        yield GivenColumn("deal_participants", role, said, "deal_participants", "role")
    employees = connection.files.get("employees")
    for name in ("department", "group"):
        if employees and name in employees.columns:
            said = employees.columns[name].column
            yield GivenColumn("org_units", "name", said, "employees", name)
            return
