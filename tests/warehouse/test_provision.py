"""Databases, logins and the frame: made once, on any server, by any administrator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from orchestration.settings import SettingsError, load_settings
from orchestration.warehouse import (
    Warehouse,
    WarehouseError,
    open_warehouse,
    provision,
)
from tests.conftest import Postgres


@dataclass(frozen=True)
class Server:
    """A server with an administrator who is no superuser."""

    postgres: Postgres
    folder: Path

    def warehouse(self, name: str, *, superuser: bool) -> Warehouse:
        url = self.postgres.create_database(name)
        if not superuser:
            url = self._hand_over(url)
        return open_warehouse(load_settings(self.folder, {"REESTR_DATABASE_URL": url}))

    def _hand_over(self, url: str) -> str:
        """Give a database to a login of its own, as a hosting firm does."""
        parts = urlsplit(url)
        database = parts.path.lstrip("/")
        admin = f"{database}_admin"
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in (
                "create role {} login password 'hosted' createrole createdb",
                "alter database {database} owner to {}",
                "alter schema public owner to {}",
            ):
                connection.execute(
                    sql.SQL(statement).format(
                        sql.Identifier(admin), database=sql.Identifier(database)
                    )
                )
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, f"{admin}:hosted@{place}", parts.path, "", ""))


@pytest.fixture
def server(postgres: Postgres, tmp_path: Path) -> Server:
    return Server(postgres, tmp_path)


@pytest.mark.parametrize("superuser", [True, False])
def test_any_administrator_provisions_and_everyone_gets_in(
    server: Server, *, superuser: bool
) -> None:
    warehouse = server.warehouse("provided", superuser=superuser)
    provision(warehouse, ["anna", "b.orlova-2"])
    for login in ("loader", "transformer", "bi", "data_team"):
        with warehouse.connect(login) as connection:
            assert connection.execute("select current_database()").fetchone() == (
                warehouse.database,
            )
    for person in ("anna", "b.orlova-2"):
        with psycopg.connect(warehouse.person_url(person)) as connection:
            row = connection.execute("select access.reader()").fetchone()
            assert row == (person,)
    for product in ("superset", "dagster"):
        with psycopg.connect(warehouse.metadata_url(product)) as connection:
            connection.execute("create table own (id int)")
    with warehouse.connect("transformer") as connection:
        connection.execute("create schema dbt_core")
        connection.execute("insert into ops.clock (pass_time) values (now())")


def test_a_login_reaches_its_own_databases_only(server: Server) -> None:
    one = server.warehouse("first", superuser=True)
    other = server.warehouse("second", superuser=True)
    provision(one, ["anna"])
    provision(other, [])
    for url in (one.url("transformer"), one.url("bi"), one.person_url("anna")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(url.removesuffix(one.database) + other.database)
    for product in ("superset", "dagster"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(f"{one.url('bi')}_{product}")


def test_nothing_is_done_twice(server: Server) -> None:
    warehouse = server.warehouse("twice", superuser=True)
    provision(warehouse, ["anna"])
    before = roles(warehouse)
    provision(warehouse, ["anna"])
    assert roles(warehouse) == before
    provision(warehouse, ["anna", "boris"])
    assert set(roles(warehouse)) == {*before, warehouse.person_role("boris")}


def roles(warehouse: Warehouse) -> dict[str, str]:
    """Stored passwords by role: a role that is written again has another one."""
    with psycopg.connect(warehouse.admin_url) as connection:
        rows = connection.execute(
            "select rolname, coalesce(rolpassword, '') from pg_authid"
            " where starts_with(rolname, %s)",
            [f"{warehouse.database}__"],
        ).fetchall()
    return {str(name): str(password) for name, password in rows}


def test_people_who_left_lose_their_login(server: Server) -> None:
    """Whoever is no longer in a connection file does not get in any more."""
    warehouse = server.warehouse("left", superuser=True)
    provision(warehouse, ["anna", "boris"])
    provision(warehouse, ["anna"])
    with psycopg.connect(warehouse.person_url("anna")):
        pass
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(warehouse.person_url("boris"))
    provision(warehouse, ["anna", "boris"])
    with psycopg.connect(warehouse.person_url("boris")):
        pass


@pytest.mark.parametrize("username", ["Anna", "anna b", "", "1a", "a" * 39, 'x"y'])
def test_a_username_that_cannot_be_a_login_is_refused(
    server: Server, username: str
) -> None:
    warehouse = server.warehouse("names", superuser=True)
    with pytest.raises(SettingsError, match="use up to 38 small letters"):
        provision(warehouse, [username])


def test_a_database_name_that_cannot_be_a_prefix_is_refused(tmp_path: Path) -> None:
    url = "postgresql://postgres:x@127.0.0.1:9/A-very-long-name-of-a-warehouse"
    settings = load_settings(tmp_path, {"REESTR_DATABASE_URL": url})
    with pytest.raises(WarehouseError, match="up to 20 small letters"):
        open_warehouse(settings)
