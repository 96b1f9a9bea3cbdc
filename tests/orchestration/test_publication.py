"""One publication or the next, never a mix; protection lives with the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import IsolationLevel

from orchestration.publication import (
    Publication,
    PublicationError,
    publish,
    published_models,
)
from orchestration.warehouse import Warehouse
from tests.conftest import Postgres
from tests.registry_sample import provisioned
from tests.waiting import wait_until

RULES = {
    "by_keys": {
        "predicate": "reader_keys && (select keys from access.user_keys"
        " where username = {reader})"
    },
    "by_name": {"predicate": "name = {reader}"},
    "own": {"predicate": "username = {reader}"},
}
AGENT = "split/employee:6"
ROWS = 500


@dataclass
class Model:
    """One working table with what its YAML says."""

    name: str
    columns: str
    rows: str
    meta: Mapping[str, object]
    schema: str = "dbt_reports"
    view: str = ""


def user_keys(columns: str = "username text, keys text[]", more: str = "") -> Model:
    return Model(
        name="user_keys",
        columns=columns,
        rows=f"select 'agent', array['{AGENT}'] {more}",
        meta={"published_schema": "access", "row_access": "own", "key": ["username"]},
        schema="dbt_access",
    )


def deals(
    name: str = "deals",
    *,
    version: int = 1,
    columns: str = "id int, version int, name text, reader_keys text[]",
    rows: str | None = None,
    **meta: object,
) -> Model:
    return Model(
        name=name,
        columns=columns,
        rows=rows
        or f"select id, {version}, 'agent', array['{AGENT}']"
        f" from generate_series(1, {ROWS}) as id",
        meta={
            "published_schema": "reports",
            "row_access": "by_keys",
            "key": ["id"],
            "indexes": [["version"]],
            **meta,
        },
    )


def view(query: str, name: str = "shown") -> Model:
    """A working view that readers are to see as a view."""
    return Model(
        name=name,
        columns="",
        rows="",
        meta={
            "published_schema": "reports",
            "published_as": "view",
            "row_access": "by_keys",
            "key": ["id"],
        },
        view=query,
    )


@dataclass
class Place:
    """A provisioned warehouse without models of the project."""

    warehouse: Warehouse
    folder: Path

    def build(self, *models: Model) -> Path:
        """Make the working tables and the manifest, as dbt does."""
        with self.warehouse.connect("transformer") as connection:
            for model in models:
                table = f"{model.schema}.{model.name}"
                connection.execute(f"create schema if not exists {model.schema}")
                if model.view:
                    connection.execute(f"drop view if exists {table} cascade")
                    connection.execute(f"create view {table} as {model.view}")
                    continue
                connection.execute(f"drop table if exists {table} cascade")
                connection.execute(f"create table {table} ({model.columns})")
                connection.execute(f"insert into {table} {model.rows}")
        manifest = self.folder / "manifest.json"
        nodes = [
            node("scopes", "dbt_access", {"row_access_rules": RULES}),
            *(node(model.name, model.schema, model.meta) for model in models),
        ]
        manifest.write_text(
            json.dumps({"nodes": {str(i): n for i, n in enumerate(nodes)}})
        )
        return manifest

    def publish(self, *models: Model) -> Publication:
        """Build and publish."""
        return publish(self.warehouse, published_models(self.build(*models)), pass_id=1)

    def ask(self, query: str, login: str = "transformer") -> list[tuple[object, ...]]:
        with connected(self.warehouse, login) as connection:
            return connection.execute(query.encode()).fetchall()

    def structure(self) -> Sequence[object]:
        """Every published table with its columns, policies, grants and indexes."""
        return [
            self.ask(query)
            for query in (
                "select table_schema, table_name, column_name, data_type"
                " from information_schema.columns where table_schema in"
                " ('reports', 'access') order by 1, 2, 3",
                "select schemaname, tablename, policyname, qual from pg_policies"
                " order by 1, 2",
                "select schemaname, tablename, indexdef from pg_indexes"
                " where schemaname in ('reports', 'access') order by 3",
                "select count(*) from reports.publications",
            )
        ]


def node(name: str, schema: str, meta: Mapping[str, object]) -> dict[str, object]:
    return {
        "name": name,
        "resource_type": "model",
        "schema": schema,
        "config": {"meta": meta},
        "original_file_path": f"models/{name}.sql",
    }


@contextmanager
def connected(warehouse: Warehouse, login: str) -> Iterator[psycopg.Connection]:
    url = warehouse.person_url(login) if login == "agent" else warehouse.url(login)
    with psycopg.connect(url) as connection:
        yield connection


@pytest.fixture(scope="module")
def warehouse(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    opened = provisioned(
        tmp_path_factory.mktemp("home"), postgres.create_database("publication")
    )
    with opened.connect("transformer") as connection:
        connection.execute(
            "insert into ops.clock (pass_time) values (%s)",
            [datetime(2026, 3, 2, tzinfo=UTC)],
        )
    return opened


@pytest.fixture
def place(warehouse: Warehouse, tmp_path: Path) -> Place:
    """A warehouse whose next publication is the first one of its tables."""
    there = Place(warehouse, tmp_path)
    there.publish()
    return there


# ------------------------------------------------------------------ differences


def test_a_small_change_writes_few_rows(place: Place) -> None:
    first = place.publish(user_keys(), deals())
    assert first.changed == {"reports.deals": ROWS, "access.user_keys": 1}
    writers = place.ask("select id, xmin::text from reports.deals order by id")
    changed = deals(
        rows="select id, case id when 3 then 2 else 1 end, 'agent',"
        f" array['{AGENT}'] from generate_series(1, {ROWS + 1}) as id where id <> 5"
    )
    second = place.publish(user_keys(), changed)
    # One changed (taken out and put in), one gone, one new.
    assert second.changed == {"reports.deals": 4, "access.user_keys": 0}
    assert second.rebuilt == []
    assert second.publication_id == first.publication_id + 1
    now = dict(place.ask("select id, xmin::text from reports.deals"))
    touched = {number for number, writer in writers if now.get(number) != writer}
    assert touched == {3, 5}
    assert place.ask("select version from reports.deals where id = 3") == [(2,)]


def test_nothing_new_writes_nothing(place: Place) -> None:
    place.publish(user_keys(), deals())
    again = place.publish(user_keys(), deals())
    assert set(again.changed.values()) == {0}
    [(rows,)] = place.ask(
        "select rows_changed from reports.publications"
        f" where publication_id = {again.publication_id}"
    )
    assert rows == 0


def test_an_empty_value_is_a_value(place: Place) -> None:
    empty = deals(rows="select 1, null, 'agent', null")
    filled = deals(rows="select 1, 5, 'agent', null")
    written = [
        place.publish(user_keys(), model).changed["reports.deals"]
        for model in (empty, empty, filled, empty)
    ]
    assert written == [1, 0, 2, 2]
    assert place.ask("select version from reports.deals") == [(None,)]


# --------------------------------------------------------- one or the next


@contextmanager
def held_up(place: Place, table: str) -> Iterator[None]:
    """Keep writers away from one table, readers not."""
    with place.warehouse.connect("transformer") as connection:
        connection.execute(f"lock table {table} in exclusive mode")
        yield


def writer_waits(place: Place) -> bool:
    [(waiting,)] = place.ask(
        "select count(*) from pg_locks where not granted and database ="
        " (select oid from pg_database where datname = current_database())"
    )
    return waiting == 1


def versions(connection: psycopg.Connection) -> tuple[object, ...]:
    """Versions of both tables and the number of the publication."""
    row = connection.execute(
        "select (select array_agg(distinct version) from reports.first),"
        " (select array_agg(distinct version) from reports.last),"
        " (select count(*) from reports.first), (select count(*) from reports.last),"
        " (select max(publication_id) from reports.publications)"
    ).fetchone()
    assert row is not None
    return row


def test_readers_see_one_publication_or_the_next(place: Place) -> None:
    """Seen in the middle of a publication: one table written, one still to come."""
    old = place.publish(user_keys(), deals("first"), deals("last"))
    before = ([1], [1], ROWS, ROWS, old.publication_id)
    after = ([2], [2], ROWS, ROWS, old.publication_id + 1)
    with (
        connected(place.warehouse, "agent") as snapshot,
        connected(place.warehouse, "agent") as fresh,
        ThreadPoolExecutor(1) as beside,
    ):
        snapshot.isolation_level = IsolationLevel.REPEATABLE_READ
        fresh.autocommit = True
        # The snapshot is taken, no published table is touched yet.
        snapshot.execute("select 1")
        with held_up(place, "reports.last"):
            publishing = beside.submit(
                place.publish,
                user_keys(),
                deals("first", version=2),
                deals("last", version=2),
            )
            wait_until(lambda: writer_waits(place), "the publication waits")
            assert versions(fresh) == before
            assert versions(snapshot) == before
        assert publishing.result(timeout=60).publication_id == old.publication_id + 1
        assert versions(fresh) == after
        assert versions(snapshot) == before
        snapshot.commit()
        assert versions(snapshot) == after


def test_a_rebuilt_table_is_not_empty_for_an_older_snapshot(place: Place) -> None:
    """A dropped and created table would look empty to whoever reads in a snapshot."""
    old = place.publish(user_keys(), deals("first"), deals("last"))
    wider = {
        "columns": "id int, version int, name text, reader_keys text[], price int",
        "rows": f"select id, 2, 'agent', array['{AGENT}'], 7"
        f" from generate_series(1, {ROWS}) as id",
    }
    with connected(place.warehouse, "agent") as snapshot:
        snapshot.isolation_level = IsolationLevel.REPEATABLE_READ
        snapshot.execute("select 1")
        done = place.publish(
            user_keys(), deals("first", **wider), deals("last", **wider)
        )
        assert sorted(done.rebuilt) == ["reports.first", "reports.last"]
        assert versions(snapshot) == ([1], [1], ROWS, ROWS, old.publication_id)
        snapshot.commit()
        assert versions(snapshot) == ([2], [2], ROWS, ROWS, done.publication_id)


def test_a_publication_that_fails_changes_nothing(place: Place) -> None:
    place.publish(user_keys(), deals("first"), deals("last"))
    before = place.structure()
    broken = deals(
        "last", rows="select 1, 2, 'agent', null::text[] from generate_series(1, 2)"
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        place.publish(user_keys(), deals("first", version=2), broken)
    assert place.structure() == before
    assert place.ask("select distinct version from reports.first") == [(1,)]


def test_a_row_without_a_key_is_refused(place: Place) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        place.publish(deals(rows="select null::int, 1, 'agent', null::text[]"))
    assert place.ask("select to_regclass('reports.deals')") == [(None,)]


# ------------------------------------------------------------------ protection


def protection(place: Place, table: str = "reports.deals") -> dict[str, object]:
    [(policies, is_protected, grants, indexes)] = place.ask(
        f"""
        select
            (select array_agg(qual) from pg_policies
             where schemaname || '.' || tablename = '{table}'),
            (select relrowsecurity from pg_class where oid = '{table}'::regclass),
            (select array_agg(privilege_type::text)
             from information_schema.role_table_grants
             where table_schema || '.' || table_name = '{table}'
             and grantee = '{place.warehouse.role("reader")}'),
            (select array_agg(split_part(indexdef, ' USING ', 2) order by indexdef)
             from pg_indexes where schemaname || '.' || tablename = '{table}')
        """
    )
    return {
        "policies": policies,
        "is_protected": is_protected,
        "grants": grants,
        "indexes": indexes,
    }


def test_a_new_table_is_protected_when_it_appears(place: Place) -> None:
    place.publish(user_keys(), deals())
    found = protection(place)
    assert found["is_protected"] is True
    assert found["grants"] == ["SELECT"]
    assert sorted(found["indexes"]) == [
        "btree (id)", "btree (version)", "gin (reader_keys)",
    ]  # fmt: skip
    [policy] = found["policies"]
    assert "reader_keys &&" in policy
    assert "access.reader()" in policy
    assert place.ask("select count(*) from reports.deals", "agent") == [(ROWS,)]
    assert place.ask("select count(*) from reports.deals", "data_team") == [(0,)]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (
            "id int, version int, reader_keys text[]",
            f"select 1, 2, array['{AGENT}']",
        ),
        (
            "id int, version bigint, name text, reader_keys text[], price int",
            f"select 1, 2, 'agent', array['{AGENT}'], 5",
        ),
        (
            "price int, reader_keys text[], id text, version int",
            f"select 5, array['{AGENT}'], 'one', 2",
        ),
    ],
    ids=["column removed", "type changed", "order and key type changed"],
)
def test_a_changed_shape_keeps_policy_grants_and_indexes(
    place: Place, columns: str, rows: str
) -> None:
    place.publish(user_keys(), deals())
    before = protection(place)
    done = place.publish(user_keys(), deals(columns=columns, rows=rows))
    assert done.rebuilt == ["reports.deals"]
    assert done.changed["reports.deals"] == 1
    assert protection(place) == before
    names = [column.split()[0] for column in columns.split(", ")]
    found = place.ask(
        "select array_agg(column_name::text) from information_schema.columns"
        " where table_schema = 'reports' and table_name = 'deals'"
    )
    assert sorted(found[0][0]) == sorted(names)  # type: ignore[call-overload]
    assert place.ask("select version from reports.deals", "agent") == [(2,)]
    assert place.publish(user_keys(), deals(columns=columns, rows=rows)).rebuilt == []


def test_a_changed_policy_key_or_index_is_made_again(place: Place) -> None:
    place.publish(user_keys(), deals())
    done = place.publish(
        user_keys(),
        deals(row_access="by_name", key=["id", "version"], indexes=[["name"]]),
    )
    assert done.rebuilt == ["reports.deals"]
    found = protection(place)
    assert ["name = " in policy for policy in found["policies"]] == [True]
    assert sorted(found["indexes"]) == [
        "btree (id, version)", "btree (name)", "gin (reader_keys)",
    ]  # fmt: skip
    opened = place.publish(user_keys(), deals(row_access="public"))
    assert opened.rebuilt == ["reports.deals"]
    assert protection(place)["policies"] == ["true"]


def test_a_model_that_is_gone_is_dropped(place: Place) -> None:
    place.publish(user_keys(), deals("first"), deals("last"))
    place.publish(user_keys(), deals("last"))
    assert place.ask("select to_regclass('reports.first')") == [(None,)]
    assert place.ask("select count(*) from reports.last", "agent") == [(ROWS,)]


def test_rebuilt_reader_keys_keep_the_policies_of_other_tables(place: Place) -> None:
    place.publish(user_keys(), deals())
    before = protection(place)
    done = place.publish(
        user_keys("username text, keys text[], note text", ", 'x'"), deals()
    )
    assert done.rebuilt == ["access.user_keys"]
    assert protection(place) == before
    # A column that all policies read goes and comes back as another type.
    done = place.publish(user_keys("username varchar, keys text[]"), deals())
    assert done.rebuilt == ["access.user_keys"]
    assert place.ask("select count(*) from reports.deals", "agent") == [(ROWS,)]
    policies = place.ask("select tablename from pg_policies order by 1")
    assert policies == [("deals",), ("user_keys",)]


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"key": []}, r"model deals \(models/deals.sql\): meta.key is missing"),
        ({"row_access": "everyone"}, "row_access 'everyone' names no rule; known: "),
        ({"row_access": ""}, "row_access '' names no rule"),
    ],
)
def test_a_careless_model_is_an_error_before_anything_changes(
    place: Place, meta: dict[str, object], message: str
) -> None:
    place.publish(user_keys(), deals("first"))
    before = place.structure()
    with pytest.raises(PublicationError, match=message):
        place.publish(user_keys(), deals("first", version=2), deals(**meta))
    assert place.structure() == before


def test_a_model_that_dbt_did_not_build_is_an_error(place: Place) -> None:
    place.publish(user_keys(), deals("first"))
    before = place.structure()
    manifest = place.build(user_keys(), deals("first", version=2), deals("missing"))
    with place.warehouse.connect("transformer") as connection:
        connection.execute("drop table dbt_reports.missing")
    with pytest.raises(PublicationError, match=r"reports.missing: dbt did not build"):
        publish(place.warehouse, published_models(manifest), pass_id=1)
    assert place.structure() == before


# ------------------------------------------------------------------------ views

OF_TWO = (
    f"select id, version, 'agent', array['{AGENT}'] from"
    " (values (1, 1), (2, 1)) as it (id, version) union all"
    " select 3, 1, 'boss', array['whole/company']"
)


def test_a_view_shows_what_its_reader_may_see(place: Place) -> None:
    """Its own rows are those of the published table, under the table's policy."""
    query = "select deals.id, deals.version from dbt_reports.deals as deals"
    done = place.publish(user_keys(), deals(rows=OF_TWO), view(query))
    assert "reports.shown" in done.rebuilt
    assert place.ask("select id from reports.shown order by 1", "agent") == [(1,), (2,)]
    assert len(place.ask("select id from reports.shown")) == 3
    again = place.publish(user_keys(), deals(rows=OF_TWO), view(query))
    assert again.rebuilt == []


def test_a_view_may_read_another_view(place: Place) -> None:
    first = view("select id, version from dbt_reports.deals", "shown")
    second = view("select id from dbt_reports.shown where version = 1", "above")
    place.publish(user_keys(), deals(rows=OF_TWO), first, second)
    assert place.ask("select count(*) from reports.above", "agent") == [(2,)]
    place.publish(user_keys(), deals(rows=OF_TWO))
    assert place.ask("select to_regclass('reports.above')::text") == [(None,)]


def test_a_view_lives_through_a_new_shape_of_its_table(place: Place) -> None:
    shown = view("select id, version from dbt_reports.deals")
    place.publish(user_keys(), deals(rows=OF_TWO), shown)
    text = deals(
        columns="id int, version text, name text, reader_keys text[]", rows=OF_TWO
    )
    place.publish(user_keys(), text, shown)
    assert place.ask("select version from reports.shown where id = 1", "agent") == [
        ("1",)
    ]


def test_a_view_over_something_unpublished_stops_the_publication(
    place: Place,
) -> None:
    place.publish(user_keys(), deals(rows=OF_TWO))
    with place.warehouse.connect("transformer") as connection:
        connection.execute("create table if not exists dbt_reports.secret (id int)")
    before = place.structure()
    with pytest.raises(PublicationError, match=r"dbt_reports\.secret.*not published"):
        place.publish(
            user_keys(), deals(rows=OF_TWO), view("select id from dbt_reports.secret")
        )
    assert place.structure() == before


def test_a_view_that_dbt_did_not_build_stops_the_publication(place: Place) -> None:
    manifest = place.build(user_keys(), deals(rows=OF_TWO), view("select 1 as id"))
    with place.warehouse.connect("transformer") as connection:
        connection.execute("drop view dbt_reports.shown")
    with pytest.raises(PublicationError, match="dbt built no view"):
        publish(place.warehouse, published_models(manifest), pass_id=1)
