"""Publication: what dbt built becomes visible in one transaction, or not at all.

Readers see permanent tables. dbt builds beside them; the publication writes the
differences, so that policies, grants and indexes live as long as the tables and a
reader never waits. Why not swapped schemas: ``docs/adr/0002-publication.md``.

A published view reads published relations only, with the rights of whoever asks it:
``docs/adr/0004-published-views.md``.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from orchestration.settings import fingerprint
from orchestration.warehouse import Warehouse

logger = logging.getLogger(__name__)

PUBLIC_ACCESS = "public"


class PublicationError(Exception):
    """A model cannot be published; the text says which and what to do."""


@dataclass(frozen=True)
class PublishedModel:
    """One table that readers see, and how it is protected.

    Attributes:
        name: Of the model and of the table.
        working_schema: Where dbt built it.
        schema: Where readers see it.
        key: Columns that name a row.
        predicate: Row policy in SQL; None where everyone may read every row.
        indexes: Columns of further indexes.
        is_view: Whether readers see a view over other published relations; its rows
            are those that the reader may see of them.
        unit: Unit by which a pass of changes brings the table up to date, if any.
        unit_name: SQL that names the unit in a row.
    """

    name: str
    working_schema: str
    schema: str
    key: tuple[str, ...]
    predicate: str | None
    indexes: tuple[tuple[str, ...], ...]
    is_view: bool = False
    unit: str | None = None
    unit_name: str = ""


@dataclass(frozen=True)
class Publication:
    """What one publication changed.

    Attributes:
        publication_id: Grows by one with each publication.
        changed: Rows written by table, removed and added.
        rebuilt: Tables whose shape or protection changed.
    """

    publication_id: int
    changed: Mapping[str, int]
    rebuilt: Sequence[str]


def published_models(manifest_file: Path) -> list[PublishedModel]:
    """Models that the manifest marks as published, with their row access.

    Raises:
        PublicationError: a published model has no key, or names no access rule.
    """
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    models = [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model"
    ]
    rules: dict[str, str] = {}
    for node in models:
        for name, rule in node["config"]["meta"].get("row_access_rules", {}).items():
            rules[name] = rule["predicate"].format(reader="(select access.reader())")
    published = []
    for node in models:
        meta = node["config"]["meta"]
        if "published_schema" not in meta:
            continue
        where = f"model {node['name']} ({node['original_file_path']})"
        access = meta.get("row_access", "")
        if access != PUBLIC_ACCESS and access not in rules:
            raise PublicationError(
                f"{where}: row_access {access!r} names no rule; known: {sorted(rules)}"
            )
        if not meta.get("key"):
            raise PublicationError(
                f"{where}: meta.key is missing: name its key columns"
            )
        units = _units(node)
        unit = next(iter(units), None)
        published.append(
            PublishedModel(
                name=node["name"],
                working_schema=node["schema"],
                schema=meta["published_schema"],
                key=tuple(meta["key"]),
                predicate=rules.get(access),
                indexes=tuple(tuple(columns) for columns in meta.get("indexes", [])),
                is_view=meta.get("published_as") == "view",
                unit=unit,
                unit_name=units.get(unit or "", ""),
            )
        )
    return sorted(published, key=lambda model: (model.schema, model.name))


def _units(node: Mapping[str, Any]) -> dict[str, str]:
    """Units that a model is brought up to date by, with their SQL; its own unit first.

    One without a unit of its own may name its differing rows, too.
    """
    meta = node["config"]["meta"]
    by = meta.get("by", {})
    if "unit" in meta:
        return {meta["unit"]: by.get(meta["unit"], meta["unit"])}
    return dict(by) if node["config"].get("materialized") == "by_unit" else {}


def publish(
    warehouse: Warehouse,
    models: Sequence[PublishedModel],
    *,
    pass_id: int,
    whole: bool = True,
) -> Publication:
    """Make what dbt built visible, all tables and views in one transaction.

    Args:
        warehouse: Of the home.
        models: What readers see.
        pass_id: Of the pass.
        whole: Compare every row; else those of ``ops.changed_units`` where a model is
            brought up to date by units.
    """
    changed: dict[str, int] = {}
    rebuilt: list[str] = []
    tables = [model for model in models if not model.is_view]
    with warehouse.connect("transformer") as connection:
        units = _changed_units(connection)
        # First: a name may have been a table and be a view now, or the other way.
        _drop_unknown(connection, models)
        for model in tables:
            name = f"{model.schema}.{model.name}"
            columns = _columns(connection, model.working_schema, model.name)
            if not columns:
                raise PublicationError(
                    f"{name}: dbt did not build {model.working_schema}.{model.name}"
                )
            shape = fingerprint(json.dumps([columns, repr(model)]))
            if _shape(connection, model) != shape:
                changed[name] = _rebuild(connection, warehouse, model, columns, shape)
                rebuilt.append(name)
            else:
                changed[name] = _write_differences(
                    connection,
                    model,
                    columns,
                    None if whole or not model.unit else units.get(model.unit, ()),
                )
        _protect(connection, warehouse, tables)
        # Last: a view keeps its readers waiting from its change to the commit.
        rebuilt += _write_views(connection, warehouse, models)
        row = connection.execute(
            "insert into reports.publications (pass_id, data_as_of, rows_changed)"
            " select %s, clock.pass_time, %s from ops.clock returning publication_id",
            [pass_id, sum(changed.values())],
        ).fetchone()
        if row is None:
            raise PublicationError("the pass has no clock: run ./reestr run again")
        # In this transaction: a pass that fails leaves its changes to the next one.
        connection.execute("delete from ops.changed_units")
        publication = Publication(int(row[0]), changed, rebuilt)
    with psycopg.connect(warehouse.url("transformer"), autocommit=True) as connection:
        for model in tables:
            name = f"{model.schema}.{model.name}"
            # What a pass of changes writes the server counts by itself.
            if changed[name] and (whole or name in rebuilt):
                connection.execute(sql.SQL("analyze {}").format(_table(model)))
    logger.info("published", extra={"publication": publication.publication_id})
    return publication


def _table(model: PublishedModel) -> sql.Identifier:
    return sql.Identifier(model.schema, model.name)


def _working(model: PublishedModel) -> sql.Identifier:
    return sql.Identifier(model.working_schema, model.name)


def _columns(
    connection: psycopg.Connection, schema: str, name: str
) -> list[tuple[str, str]]:
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod)"
        " from pg_attribute where attrelid = to_regclass(%s)"
        " and attnum > 0 and not attisdropped order by attnum",
        [f'"{schema}"."{name}"'],
    )
    return [(str(column), str(kind)) for column, kind in rows]


def _shape(connection: psycopg.Connection, model: PublishedModel) -> str | None:
    row = connection.execute(
        "select obj_description(to_regclass(%s), 'pg_class')",
        [f'"{model.schema}"."{model.name}"'],
    ).fetchone()
    return str(row[0]) if row and row[0] else None


def _rebuild(
    connection: psycopg.Connection,
    warehouse: Warehouse,
    model: PublishedModel,
    columns: list[tuple[str, str]],
    shape: str,
) -> int:
    """Give a table its new columns, rows, key and indexes, and count the rows.

    A table that readers know is changed in place: a dropped one would look empty to a
    reader whose snapshot is older than the new one.
    """
    known = dict(_columns(connection, model.schema, model.name))
    if known:
        _undress(connection, model)
        _change_columns(connection, model, known, columns)
        connection.execute(sql.SQL("delete from {}").format(_table(model)))
    else:
        connection.execute(
            sql.SQL("create table {} (like {})").format(_table(model), _working(model))
        )
    written = connection.execute(
        sql.SQL("insert into {} ({columns}) select {columns} from {working}").format(
            _table(model),
            columns=_list([name for name, _ in columns]),
            working=_working(model),
        )
    ).rowcount
    # A primary key: a row without a key would be written again by every publication.
    for statement in (
        sql.SQL("alter table {} add primary key ({key})"),
        sql.SQL("alter table {} enable row level security"),
        sql.SQL("grant select on {} to {reader}"),
        sql.SQL("comment on table {} is {shape}"),
    ):
        connection.execute(
            statement.format(
                _table(model),
                key=_list(model.key),
                reader=sql.Identifier(warehouse.role("reader")),
                shape=sql.Literal(shape),
            )
        )
    for index in model.indexes:
        connection.execute(
            sql.SQL("create index on {} ({})").format(_table(model), _list(index))
        )
    if model.unit and model.unit_name != model.key[0]:
        connection.execute(
            sql.SQL("create index on {} (({unit}))").format(
                _table(model), unit=sql.SQL(model.unit_name)
            )
        )
    if ("reader_keys", "text[]") in columns:
        connection.execute(
            sql.SQL("create index on {} using gin (reader_keys)").format(_table(model))
        )
    return written


def _undress(connection: psycopg.Connection, model: PublishedModel) -> None:
    """Take a table's policy, key and indexes off; its new shape gets its own."""
    connection.execute(
        sql.SQL("drop policy if exists row_access on {}").format(_table(model))
    )
    rows = connection.execute(
        "select relname, conname from pg_index"
        " join pg_class on pg_class.oid = pg_index.indexrelid"
        " left join pg_constraint on pg_constraint.conindid = pg_index.indexrelid"
        " where indrelid = to_regclass(%s)",
        [f'"{model.schema}"."{model.name}"'],
    ).fetchall()
    for index, constraint in rows:
        if constraint:
            statement = sql.SQL("alter table {} drop constraint {}").format(
                _table(model), sql.Identifier(str(constraint))
            )
        else:
            statement = sql.SQL("drop index {}").format(
                sql.Identifier(model.schema, str(index))
            )
        connection.execute(statement)


def _change_columns(
    connection: psycopg.Connection,
    model: PublishedModel,
    known: Mapping[str, str],
    columns: list[tuple[str, str]],
) -> None:
    """Add and drop columns; one of another type is dropped and added again."""
    wanted = dict(columns)
    for name, kind in known.items():
        # A policy of another table may read the column: it is made again at the end.
        change = (
            "alter {} drop not null" if wanted.get(name) == kind else "drop {} cascade"
        )
        connection.execute(
            sql.SQL("alter table {} ").format(_table(model))
            + sql.SQL(change).format(sql.Identifier(name))
        )
    for name, kind in columns:
        if known.get(name) != kind:
            connection.execute(
                sql.SQL("alter table {} add {} {}").format(
                    _table(model), sql.Identifier(name), sql.SQL(kind)
                )
            )


def _changed_units(connection: psycopg.Connection) -> Mapping[str, Sequence[str]]:
    """Keys that a pass of changes has brought up to date, by unit."""
    rows = connection.execute(
        "select unit, array_agg(key) from ops.changed_units group by unit"
    )
    return {str(unit): keys for unit, keys in rows}


def _write_differences(
    connection: psycopg.Connection,
    model: PublishedModel,
    columns: list[tuple[str, str]],
    keys: Sequence[str] | None,
) -> int:
    """Write the rows that differ from what dbt built, and count them.

    Args:
        connection: Of the transformer.
        model: Published.
        columns: Names and types.
        keys: Changed units of the model; None for every row.
    """
    if keys is not None and not keys:
        return 0
    values = [name for name, _ in columns if name not in model.key]
    same_key = _joined("published.{0} = built.{0}", model.key)
    other_values = _joined(
        "published.{0} is distinct from built.{0}", values, separator=" or "
    )
    changed: sql.Composable = sql.SQL("")
    working = _working(model)
    if keys is not None:
        # A value, so that the planner sees how many they are.
        changed = sql.SQL(" where {} = any(cast({} as text[]))").format(
            sql.SQL(model.unit_name), sql.Literal(keys)
        )
        # Asked once: dbt may have built a view.
        working = sql.Identifier("pg_temp", "built")
        connection.execute(
            sql.SQL(
                "drop table if exists {built};"
                " create temporary table built as select * from {working}{changed}"
            ).format(built=working, working=_working(model), changed=changed)
        )
    parts = {
        "table": _table(model),
        "compared": sql.SQL("(select * from {}{})").format(_table(model), changed),
        "working": working,
        "same_key": same_key,
        "same_victim": _joined("published.{0} = victims.{0}", model.key),
        "victim_key": _list(model.key, prefix="published"),
        "first_key": sql.Identifier(model.key[0]),
        "other_values": other_values if values else sql.SQL("false"),
        "columns": _list([name for name, _ in columns]),
        "built_columns": _list([name for name, _ in columns], prefix="built"),
    }
    removed = connection.execute(
        sql.SQL(
            "delete from {table} as published using ("
            " select {victim_key} from {compared} as published"
            " left join {working} as built on {same_key}"
            " where built.{first_key} is null or {other_values}"
            ") as victims where {same_victim}"
        ).format(**parts)
    ).rowcount
    added = connection.execute(
        sql.SQL(
            "insert into {table} ({columns}) select {built_columns}"
            " from {working} as built left join {compared} as published on {same_key}"
            " where published.{first_key} is null"
        ).format(**parts)
    ).rowcount
    return removed + added


def _protect(
    connection: psycopg.Connection,
    warehouse: Warehouse,
    models: Sequence[PublishedModel],
) -> None:
    """Give every table its row policy, last: a rebuilt table takes policies along."""
    rows = connection.execute(
        "select schemaname, tablename from pg_policies where policyname = 'row_access'"
    ).fetchall()
    protected = {(str(schema), str(name)) for schema, name in rows}
    for model in models:
        if (model.schema, model.name) not in protected:
            connection.execute(
                sql.SQL(
                    "create policy row_access on {} for select to {} using ({})"
                ).format(
                    _table(model),
                    sql.Identifier(warehouse.role("reader")),
                    sql.SQL(model.predicate or "true"),
                )
            )


def _write_views(
    connection: psycopg.Connection,
    warehouse: Warehouse,
    models: Sequence[PublishedModel],
) -> list[str]:
    """Make the views that differ from what dbt built, and give their names."""
    written = []
    for model, definition in _view_definitions(connection, models):
        shape = fingerprint(json.dumps([definition, repr(model)]))
        if _shape(connection, model) == shape:
            continue
        for statement in (
            sql.SQL("drop view if exists {} cascade"),
            sql.SQL("create view {} with (security_invoker = true) as {definition}"),
            sql.SQL("grant select on {} to {reader}"),
            sql.SQL("comment on view {} is {shape}"),
        ):
            connection.execute(
                statement.format(
                    _table(model),
                    # The database's own text of a view that dbt made.
                    definition=sql.SQL(definition),
                    reader=sql.Identifier(warehouse.role("reader")),
                    shape=sql.Literal(shape),
                )
            )
        written.append(f"{model.schema}.{model.name}")
    return written


def _view_definitions(
    connection: psycopg.Connection, models: Sequence[PublishedModel]
) -> list[tuple[PublishedModel, str]]:
    """Definitions over published relations, a view after those that it reads.

    Raises:
        PublicationError: dbt did not build a view, or it reads something unpublished.
    """
    by_working = {(model.working_schema, model.name): model for model in models}
    left = {model.name: model for model in models if model.is_view}
    sources = {name: _sources(connection, model) for name, model in left.items()}
    # Every name comes with its schema when none is searched.
    connection.execute("set local search_path = pg_catalog")
    ordered: list[tuple[PublishedModel, str]] = []
    while left:
        for name, model in list(left.items()):
            if any(source in left for _, source in sources[name]):
                continue
            definition = _definition(connection, model)
            for schema, source in sources[name]:
                published = by_working.get((schema, source))
                if published is None:
                    raise PublicationError(
                        f"{model.schema}.{name}: reads {schema}.{source}, which is not"
                        " published; a view of readers reads published models only"
                    )
                definition = re.sub(
                    rf"\b{re.escape(schema)}\.{re.escape(source)}\b",
                    f"{published.schema}.{published.name}",
                    definition,
                )
            ordered.append((left.pop(name), definition))
    connection.execute("set local search_path to default")
    return ordered


def _sources(
    connection: psycopg.Connection, model: PublishedModel
) -> set[tuple[str, str]]:
    """Schema and name of the relations that a working view reads."""
    rows = connection.execute(
        "select distinct nspname, relname from pg_rewrite"
        " join pg_depend on pg_depend.objid = pg_rewrite.oid"
        " and pg_depend.classid = 'pg_rewrite'::regclass"
        " and pg_depend.refclassid = 'pg_class'::regclass"
        " join pg_class on pg_class.oid = pg_depend.refobjid"
        " join pg_namespace on pg_namespace.oid = pg_class.relnamespace"
        " where pg_rewrite.ev_class = to_regclass(%(view)s)"
        " and pg_depend.refobjid <> to_regclass(%(view)s)",
        {"view": f'"{model.working_schema}"."{model.name}"'},
    )
    return {(str(schema), str(name)) for schema, name in rows}


def _definition(connection: psycopg.Connection, model: PublishedModel) -> str:
    row = connection.execute(
        "select pg_get_viewdef(oid) from pg_class"
        " where oid = to_regclass(%s) and relkind = 'v'",
        [f'"{model.working_schema}"."{model.name}"'],
    ).fetchone()
    if row is None:
        raise PublicationError(
            f"{model.schema}.{model.name}: dbt built no view"
            f" {model.working_schema}.{model.name}"
        )
    return str(row[0]).rstrip(";")


def _drop_unknown(
    connection: psycopg.Connection, models: Sequence[PublishedModel]
) -> None:
    """Remove published relations whose model is gone; they carry our shape mark."""
    known = {(model.schema, model.name, model.is_view) for model in models}
    rows = connection.execute(
        "select nspname, relname, relkind = 'v' from pg_class"
        " join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname in ('reports', 'quality', 'access') and relkind in ('r', 'v')"
        " and obj_description(pg_class.oid, 'pg_class') ~ '^[0-9a-f]{16}$'"
        " order by relkind = 'r'"
    ).fetchall()
    for schema, name, is_view in rows:
        if (schema, name, is_view) not in known:
            connection.execute(
                sql.SQL("drop {kind} if exists {} cascade").format(
                    sql.Identifier(schema, name),
                    kind=sql.SQL("view" if is_view else "table"),
                )
            )


def _list(names: Sequence[str], prefix: str = "") -> sql.Composed:
    return sql.SQL(", ").join(
        sql.Identifier(prefix, name) if prefix else sql.Identifier(name)
        for name in names
    )


def _joined(
    template: str, names: Sequence[str], separator: str = " and "
) -> sql.Composed:
    return sql.SQL(separator).join(
        sql.SQL(template).format(sql.Identifier(name)) for name in names
    )
