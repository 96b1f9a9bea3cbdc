"""The mapping as dbt variables: where each source lies and which column means what."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ingestion.mapping.model import Connection, MappingError, column_name
from ingestion.mapping.names import ROLES
from ingestion.mapping.reader import check_together
from ingestion.mapping.sources import given_columns, given_entities
from ingestion.mapping.tables import mapping_tables

DbtVar = str | list[str] | dict[str, object]


def dbt_vars(connections: Sequence[Connection]) -> dict[str, DbtVar]:
    """Variables for dbt: where each source lies and which column means what.

    Returns:
        ``crm_sources``, ``timezone``, ``reporting_currency`` and per source
        ``schema``, ``connection``, ``entities`` (canonical entities it gives),
        ``tables`` (entity -> raw table), ``fields`` (entity -> canonical field -> raw
        column, given ones only), ``roles`` (every role code -> raw column or None) and
        ``role_weights`` (role code -> raw column, given ones only).
    """
    check_together(connections)
    if not connections:
        raise MappingError(["no connections; name at least one in REESTR_CONNECTIONS"])
    variables: dict[str, DbtVar] = {
        "crm_sources": sorted(connection.source for connection in connections),
        "timezone": connections[0].timezone,
        "reporting_currency": connections[0].reporting_currency,
    }
    for connection in connections:
        fields: dict[str, dict[str, str]] = {}
        for given in given_columns(connection):
            fields.setdefault(given.entity, {})[given.field] = given.column
        is_file = connection.source == "files"
        variables[connection.source] = {
            "schema": connection.schema,
            "connection": connection.name,
            "entities": given_entities(connection),
            "tables": {
                entity: source.table for entity, source in connection.entities.items()
            },
            "fields": fields,
            "roles": {
                role: (field if is_file else column_name(field)) if field else None
                for role in ROLES
                for field in [connection.roles.get(role)]
            },
            "role_weights": {
                role: column_name(field)
                for role, field in connection.role_weights.items()
            },
        }
    return variables


def fingerprint(connections: Sequence[Connection]) -> str:
    """Changes when, and only when, the meaning of data or its links change."""
    content = {
        "tables": mapping_tables(connections),
        "variables": dbt_vars(connections),
        "files": {
            f"{connection.name}.{entity}": repr(
                replace(table, path=Path(table.path.name), line=0)
            )
            for connection in connections
            for entity, table in connection.files.items()
        },
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
