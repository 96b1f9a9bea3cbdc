"""What tests share: one PostgreSQL, one published warehouse, the marks of the parts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from orchestration.postgres import embedded_server
from orchestration.settings import load_settings
from tests.agency_home import AgencyHome, living_agency

PARTS = ("unit", "warehouse", "browser")
# Nothing here outlives the run: it need not survive a power cut, nor a thief.
QUICK_SERVER = (
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    # dbt signs in anew for each of its nodes.
    "scram_iterations = 1",
)
# Whoever uses one of these, through whatever other fixture, talks to a real server.
SERVER_FIXTURES = {"postgres", "server_folders"}
BROWSER_TESTS = Path(__file__).parent / "browser"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the one mark of its part, so that nobody has to remember."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if BROWSER_TESTS in item.path.parents:
            part = "browser"
        else:
            part = "warehouse" if used & SERVER_FIXTURES else "unit"
        item.add_marker(part)
    # Workers take files in this order: those that ask for more time than others begin,
    # the quick ones fill what is left of it.
    long = {item.path for item in items if _is_long(item)}
    items.sort(
        key=lambda item: (
            item.path not in long,
            item.get_closest_marker("unit") is not None,
        )
    )


def _is_long(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("timeout")
    return mark is not None and mark.args[0] > int(item.config.getini("timeout"))


@dataclass(frozen=True)
class Postgres:
    """A running server and its administrator's address."""

    admin_url: str

    def create_database(self, name: str) -> str:
        """Create an empty database with a unique name and give its address."""
        unique = f"{name}_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template template0").format(
                    sql.Identifier(unique)
                )
            )
        parts = conninfo_to_dict(self.admin_url)
        return (
            f"postgresql://{parts['user']}:{parts['password']}"
            f"@{parts['host']}:{parts['port']}/{unique}"
        )


def open_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Make a folder that the server's own user can reach; pytest's are the caller's."""
    folder = factory.mktemp(name)
    for path in (folder, *folder.parents):
        if path == folder or path.name.startswith(("pytest-", "popen-")):
            path.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The server named by REESTR_DATABASE_URL, else an embedded one."""
    given = os.environ.get("REESTR_DATABASE_URL")
    if given:
        yield Postgres(given)
        return
    folder = open_folder(tmp_path_factory, "postgres")
    server = embedded_server(load_settings(folder, {}))
    server.start()
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for setting in QUICK_SERVER:
                connection.execute(f"alter system set {setting}".encode())
            connection.execute("select pg_reload_conf()")
        yield Postgres(server.url())
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server_folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make folders for homes with a server of their own, open to the server's user."""

    def make(name: str) -> Path:
        return open_folder(tmp_path_factory, name)

    return make


@pytest.fixture(scope="session")
def agency_home(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgencyHome]:
    """A published warehouse of about 300 deals; for tests that only read."""
    environment = {"REESTR_DATABASE_URL": postgres.create_database("agency")}
    folder = tmp_path_factory.mktemp("agency_home")
    with living_agency(folder, environment, deals=300, seed=7) as home:
        home.run_pass()
        yield home
