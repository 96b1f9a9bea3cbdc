"""The mapping as rows of schema ``mapping``, for SQL to join."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import LiteralString

import psycopg
from psycopg import sql

from ingestion.mapping.model import Connection, Setting
from ingestion.mapping.names import DEFAULT_SETTINGS, LEAD_STATES, SETTINGS_START
from ingestion.mapping.sources import given_columns

Value = str | bool | date | None
Row = dict[str, Value]

# Table -> column -> type; the first ``keys`` columns identify a row.
_TABLES: Mapping[str, Mapping[str, LiteralString]] = {
    "connections": {
        "connection": "text",
        "source": "text",
        "title": "text",
        "url": "text",
        "card_url": "text",
        "timezone": "text",
        "reporting_currency": "text",
    },
    "stages": {
        "connection": "text",
        "pipeline": "text",
        "crm_stage": "text",
        "stage": "text",
    },
    "pipelines": {"connection": "text", "pipeline": "text", "label": "text"},
    "channels": {
        "connection": "text",
        "crm_channel": "text",
        "code": "text",
        "label": "text",
        "channel_group": "text",
        "is_paid": "boolean",
    },
    "deal_types": {
        "connection": "text",
        "crm_type": "text",
        "deal_type": "text",
        "is_free": "boolean",
    },
    "departments": {
        "connection": "text",
        "department_id": "text",
        "function": "text",
    },
    "roles": {"connection": "text", "role": "text", "source_field": "text"},
    "employee_accounts": {
        "connection": "text",
        "account_id": "text",
        "employee_id": "text",
        "is_shared": "boolean",
    },
    "lead_states": {
        "connection": "text",
        "crm_status": "text",
        "state": "text",
        "quality": "text",
        "outcome": "text",
    },
    "stage_limits": {
        "connection": "text",
        "pipeline": "text",
        "stage": "text",
        "valid_from": "date",
        "value": "text",
        "unit": "text",
    },
    "vat_modes": {
        "connection": "text",
        "legal_entity": "text",
        "valid_from": "date",
        "mode": "text",
    },
    "links": {"connection": "text", "entity": "text", "card_url": "text"},
    "given_fields": {
        "connection": "text",
        "entity": "text",
        "field": "text",
        "source_field": "text",
        "raw_table": "text",
        "raw_column": "text",
    },
    "value_codes": {
        "connection": "text",
        "entity": "text",
        "field": "text",
        "value": "text",
        "code": "text",
    },
    "settings": {
        "connection": "text",
        "setting": "text",
        "value": "text",
        "valid_from": "date",
    },
    "access_users": {
        "connection": "text",
        "username": "text",
        "role": "text",
        "employee_id": "text",
    },
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "connections": ("connection",),
    "stages": ("connection", "pipeline", "crm_stage"),
    "pipelines": ("connection", "pipeline"),
    "channels": ("connection", "crm_channel"),
    "deal_types": ("connection", "crm_type"),
    "departments": ("connection", "department_id"),
    "roles": ("connection", "role"),
    "employee_accounts": ("connection", "account_id"),
    "lead_states": ("connection", "crm_status"),
    "stage_limits": ("connection", "pipeline", "stage", "valid_from"),
    "vat_modes": ("connection", "legal_entity", "valid_from"),
    "links": ("connection", "entity"),
    "given_fields": ("connection", "entity", "field"),
    "value_codes": ("connection", "entity", "field", "value"),
    "settings": ("connection", "setting", "valid_from"),
    "access_users": ("connection", "username"),
}


def mapping_tables(connections: Sequence[Connection]) -> dict[str, list[Row]]:
    """Rows of every table of schema ``mapping``, in a stable order.

    A setting that no file names has its default of ``metrics.md`` from
    `SETTINGS_START` on, so a date always finds a value.
    """
    tables: dict[str, list[Row]] = {name: [] for name in _TABLES}
    for connection in connections:
        for name, rows in _rows(connection).items():
            tables[name].extend(rows)
    return {
        name: sorted(rows, key=lambda row: [str(value) for value in row.values()])
        for name, rows in tables.items()
    }


def _rows(connection: Connection) -> dict[str, list[Row]]:
    own: Row = {"connection": connection.name}
    started = {
        setting.name
        for setting in connection.settings
        if setting.valid_from <= SETTINGS_START
    }
    settings = [
        Setting(name, value, SETTINGS_START)
        for name, value in DEFAULT_SETTINGS.items()
        if name not in started
    ]
    settings.extend(connection.settings)
    return {
        "connections": [
            own
            | {
                "source": connection.source,
                "title": connection.title,
                "url": connection.address,
                "card_url": connection.card_address,
                "timezone": connection.timezone,
                "reporting_currency": connection.reporting_currency,
            }
        ],
        "stages": [
            own | {"pipeline": pipeline, "crm_stage": crm_stage, "stage": stage}
            for pipeline, codes in connection.stages.items()
            for crm_stage, stage in codes.items()
        ],
        "pipelines": [
            own | {"pipeline": pipeline, "label": label}
            for pipeline, label in connection.pipelines.items()
        ],
        "channels": [
            own
            | {
                "crm_channel": channel.crm_channel,
                "code": channel.code,
                "label": channel.label,
                "channel_group": channel.group,
                "is_paid": channel.is_paid,
            }
            for channel in connection.channels
        ],
        "deal_types": [
            own
            | {
                "crm_type": crm_type,
                "deal_type": deal_type,
                "is_free": crm_type in connection.free_types,
            }
            for crm_type, deal_type in connection.deal_types.items()
        ],
        "departments": [
            own | {"department_id": department, "function": function}
            for department, function in connection.departments.items()
        ],
        "roles": [
            own | {"role": role, "source_field": source_field}
            for role, source_field in connection.roles.items()
        ],
        "employee_accounts": [
            own
            | {
                "account_id": account.login,
                "employee_id": account.employee,
                "is_shared": account.is_shared,
            }
            for account in connection.accounts
        ],
        "lead_states": [
            own
            | {
                "crm_status": crm_status,
                "state": state,
                "quality": LEAD_STATES[state][0],
                "outcome": LEAD_STATES[state][1],
            }
            for crm_status, state in connection.lead_states.items()
        ],
        "stage_limits": [
            own
            | {
                "pipeline": limit.pipeline,
                "stage": limit.stage,
                "valid_from": limit.valid_from,
                "value": limit.value,
                "unit": limit.unit,
            }
            for limit in connection.stage_limits
        ],
        "vat_modes": [
            own
            | {
                "legal_entity": vat.legal_entity,
                "valid_from": vat.valid_from,
                "mode": vat.mode,
            }
            for vat in connection.vat
        ],
        "links": [
            own | {"entity": entity, "card_url": address}
            for entity, address in connection.card_addresses.items()
        ],
        "given_fields": [
            own
            | {
                "entity": given.entity,
                "field": given.field,
                "source_field": given.source_field,
                "raw_table": given.table,
                "raw_column": given.column,
            }
            for given in given_columns(connection)
        ],
        "value_codes": [
            own
            | {"entity": entity, "field": name, "value": value, "code": code or None}
            for entity, source in connection.entities.items()
            for name, codes in source.values.items()
            for value, code in codes.items()
        ],
        "settings": [
            own
            | {
                "setting": setting.name,
                "value": setting.value,
                "valid_from": setting.valid_from,
            }
            for setting in settings
        ],
        "access_users": [
            own
            | {
                "username": user.username,
                "role": user.role,
                "employee_id": user.employee,
            }
            for user in connection.access
        ],
    }


def write_mapping(connections: Sequence[Connection], database_url: str) -> list[str]:
    """Replace schema ``mapping`` in one transaction, touching only what differs.

    Returns:
        Names of the tables that were written; empty when nothing changed.
    """
    tables = mapping_tables(connections)
    written: list[str] = []
    with psycopg.connect(database_url) as database:
        exists = database.execute(
            "select 1 from pg_namespace where nspname = 'mapping'"
        ).fetchone()
        if exists is None:
            database.execute("create schema mapping")
        for name, rows in tables.items():
            columns = _TABLES[name]
            _ensure_table(database, name, columns)
            wanted = [tuple(row[column] for column in columns) for row in rows]
            if _content(database, name, columns) == sorted(wanted, key=repr):
                continue
            table = sql.Identifier("mapping", name)
            database.execute(sql.SQL("delete from {}").format(table))
            with (
                database.cursor() as cursor,
                cursor.copy(sql.SQL("copy {} from stdin").format(table)) as copy,
            ):
                for row in wanted:
                    copy.write_row(row)
            written.append(name)
    return written


def _content(
    database: psycopg.Connection, name: str, columns: Iterable[str]
) -> list[tuple[Value, ...]]:
    query = sql.SQL("select {} from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier("mapping", name),
    )
    return sorted(database.execute(query).fetchall(), key=repr)


def _ensure_table(
    database: psycopg.Connection, name: str, columns: Mapping[str, LiteralString]
) -> None:
    """Create the table, or make it anew when its columns are of another version."""
    found = database.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
        " order by attnum",
        (f"mapping.{name}",),
    ).fetchall()
    if found == list(columns.items()):
        return
    table = sql.Identifier("mapping", name)
    database.execute(sql.SQL("drop table if exists {}").format(table))
    database.execute(
        sql.SQL("create table {} ({}, primary key ({}))").format(
            table,
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
                for column, kind in columns.items()
            ),
            sql.SQL(", ").join(map(sql.Identifier, _KEYS[name])),
        )
    )
