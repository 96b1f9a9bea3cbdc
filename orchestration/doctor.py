"""The verb ``doctor``: what keeps a home from giving right numbers, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from ingestion.mapping import (
    ENTITIES,
    Connection,
    MappingError,
    dbt_vars,
    given_columns,
    landed_columns,
    without_absent,
)
from orchestration.computability import advice, lacks, read_metrics
from orchestration.passes import home_connections
from orchestration.postgres import PostgresError
from orchestration.settings import Settings, SettingsError
from orchestration.transformation import TransformationError, parse
from orchestration.warehouse import Warehouse, WarehouseError, open_warehouse

Say = Callable[[str], None]
GOOD, NOTE, BAD = "✓", "◆", "✕"
Finding = tuple[str, str]


@dataclass(frozen=True)
class Question:
    """Values of the system that a connection file gives no meaning.

    Attributes:
        what: How one of them is called.
        section: Where the file gives it.
        relation: Has to be there.
        query: Gives source, value and number of records, the most frequent first.
    """

    what: str
    section: str
    relation: str
    query: sql.SQL | sql.Composed


def _without_meaning(what: str, section: str, relation: str, *columns: str) -> Question:
    """Values that the table of a section in the schema ``mapping`` does not hold.

    The columns have the same names in both; together they are one value.
    """

    def of(table: str) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(table, name) for name in columns)

    query = sql.SQL(
        "select records.source_system, concat_ws(' / ', {values}), count(*)"
        " from {relation} as records"
        " where records.deleted_at is null and {value} is not null"
        " and not exists (select from {mapping} as said"
        " where said.connection = records.source_system"
        " and ({mapped}) = ({values}))"
        " group by 1, 2 order by 3 desc"
    ).format(
        values=of("records"),
        value=sql.Identifier("records", columns[-1]),
        mapped=of("said"),
        relation=sql.Identifier(*relation.split(".")),
        mapping=sql.Identifier("mapping", section),
    )
    return Question(what, section, relation, query)


DEALS = "dbt_intermediate.int_deals__unioned"
LEADS = "dbt_intermediate.int_leads__unioned"
QUESTIONS = (
    _without_meaning("stage", "stages", DEALS, "pipeline", "crm_stage"),
    _without_meaning("channel of deals", "channels", DEALS, "crm_channel"),
    _without_meaning("channel of leads", "channels", LEADS, "crm_channel"),
    _without_meaning("deal type", "deal_types", DEALS, "crm_type"),
    _without_meaning("status of leads", "lead_states", LEADS, "crm_status"),
    # A department may have its function from one above: the model knows.
    Question(
        "department of people",
        "departments",
        "dbt_core.dim_employees",
        sql.SQL(
            "select employees.source_system,"
            " coalesce(units.name || ' (' || units.source_id || ')', 'no department'),"
            " count(*) from dbt_core.dim_employees as employees"
            " left join dbt_intermediate.int_org_units__unioned as units"
            " on employees.org_unit_key = units.source_system || ':' || units.source_id"
            " where employees.is_active and employees.function is null"
            " group by 1, 2 order by 3 desc"
        ),
    ),
)


def doctor(settings: Settings, *, say: Say) -> int:
    """Look the home over; 1 where something must be mended."""
    worst = 0
    for mark, text in _look_over(settings):
        say(f"{mark} {text}")
        worst = max(worst, int(mark == BAD))
    return worst


def _look_over(settings: Settings) -> Iterator[Finding]:
    try:
        connections = home_connections(settings)
    except (MappingError, SettingsError) as error:
        yield BAD, f"connections: {error}"
        return
    yield GOOD, "connections: " + ", ".join(one.name for one in connections)
    try:
        warehouse = open_warehouse(settings)
        with psycopg.connect(warehouse.admin_url) as server:
            yield GOOD, f"server: PostgreSQL {server.info.server_version // 10000}"
    except (PostgresError, WarehouseError, psycopg.OperationalError) as error:
        yield BAD, f"server: {error}"
        return
    present: list[Connection] = []
    with warehouse.connect("loader") as database:
        for connection in connections:
            columns = landed_columns(database, connection.schema)
            found, absent = without_absent(connection, columns)
            present.append(found)
            for sentence in absent:
                yield BAD, sentence
    yield from _metrics(warehouse, present)
    with warehouse.connect("transformer") as database:
        if not _exists(database, "ops.passes"):
            yield NOTE, "warehouse: empty; ./reestr run fills it"
            return
        yield from _last_pass(database, connections)
        yield from _unmapped(database, present)


def _metrics(
    warehouse: Warehouse, connections: Sequence[Connection]
) -> Iterator[Finding]:
    """Metrics that wait for a field, by the field."""
    try:
        manifest = parse(warehouse, dict(dbt_vars(connections)))
    except TransformationError as error:
        yield BAD, f"metrics: {error}"
        return
    for lack in lacks(read_metrics(manifest), connections):
        for metrics, words in (
            (lack.metrics, "cannot be computed"),
            (lack.partly, "leave it out"),
        ):
            if metrics:
                names = ", ".join(
                    f"{metric.name} «{metric.label}»" for metric in metrics
                )
                yield (
                    NOTE,
                    f"{lack.connection.path.name}: {lack.need} is not given, so these"
                    f" {words}: {names}; needed: {advice(lack)}",
                )


def _last_pass(
    database: psycopg.Connection, connections: Sequence[Connection]
) -> Iterator[Finding]:
    """How the last pass ended, what it warned of, and what readers see."""
    failed = database.execute(
        "select pass_id, stage, error from ops.passes order by pass_id desc limit 1"
    ).fetchone()
    if failed and failed[2]:
        yield BAD, f"last pass: {failed[0]} failed at {failed[1]}: {failed[2]}"
    for connection, warning in database.execute(
        "select warnings.connection, warnings.warning from ops.warnings"
        " join (select connection, max(pass_id) as pass_id from ops.loads"
        " group by connection) as last using (connection, pass_id)"
        " order by warnings.connection, warnings.line"
    ).fetchall():
        yield NOTE, f"last landing of {connection}: {warning}"
    published = database.execute(
        "select publication_id, data_as_of from reports.publications"
        " order by publication_id desc limit 1"
    ).fetchone()
    if not published:
        yield NOTE, "publication: none yet; ./reestr run makes one"
        return
    moment = published[1].astimezone(ZoneInfo(connections[0].timezone))
    yield GOOD, f"publication: {published[0]}, data as of {moment:%d.%m.%Y %H:%M}"


def _unmapped(
    database: psycopg.Connection, connections: Sequence[Connection]
) -> Iterator[Finding]:
    """Values of the systems that the files give no meaning, with counts."""
    files = {connection.name: connection.path.name for connection in connections}
    for question in QUESTIONS:
        if not _exists(database, question.relation):
            continue
        for source, value, records in database.execute(question.query).fetchall():
            yield (
                BAD,
                f"{files.get(source, source)}: {question.what} {value!r} is not mapped"
                f" ({records} records): add it to the section {question.section}",
            )
    for connection in connections:
        yield from _unmapped_values(database, connection)


def _unmapped_values(
    database: psycopg.Connection, connection: Connection
) -> Iterator[Finding]:
    """Texts of lists that have no canonical code."""
    if not _exists(database, f"dbt_staging.stg_{connection.source}__codes"):
        return
    for column in given_columns(connection):
        entity = ENTITIES.get(column.entity)
        # The type of an activity is told by two fields; its union tells the rest.
        if (
            entity is None
            or column.field not in entity.codes
            or column.field == "activity_type"
        ):
            continue
        rows = database.execute(
            sql.SQL(
                "select coalesce(codes.label, cast(raw.{column} as text)), count(*)"
                " from {raw} as raw left join {codes} as codes"
                " on codes.entity = %s and codes.field = %s"
                " and codes.source_value = cast(raw.{column} as text)"
                " where cast(raw.{column} as text) <> '' and codes.code is null"
                " and not exists (select from mapping.value_codes as said"
                " where said.connection = %s and said.entity = %s and said.field = %s"
                " and said.value in (codes.label, cast(raw.{column} as text)))"
                " group by 1 order by 2 desc"
            ).format(
                column=sql.Identifier(column.column),
                raw=sql.Identifier(connection.schema, column.table),
                codes=sql.Identifier("dbt_staging", f"stg_{connection.source}__codes"),
            ),
            [
                *(column.entity, column.field),
                *(connection.name, column.entity, column.field),
            ],
        ).fetchall()
        for value, records in rows:
            yield (
                NOTE,
                f"{connection.path.name}: value {value!r} of {column.entity}."
                f"{column.field} has no code ({records} records): add it to"
                f" entities.{column.entity}.values.{column.field}, empty where it has"
                " none on purpose",
            )


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("select to_regclass(%s)", [table]).fetchone()
    return row is not None and row[0] is not None
