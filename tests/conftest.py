"""Servers that tests share: one PostgreSQL for the whole run."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from orchestration.postgres import embedded_server
from orchestration.settings import load_settings


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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The server named by REESTR_DATABASE_URL, else an embedded one."""
    given = os.environ.get("REESTR_DATABASE_URL")
    if given:
        yield Postgres(given)
        return
    folder = tmp_path_factory.mktemp("postgres")
    # pytest makes its folders for the caller alone; the server has its own user.
    for path in (folder, folder.parent, folder.parent.parent):
        path.chmod(0o755)
    server = embedded_server(load_settings(Path(folder), {}))
    server.start()
    try:
        yield Postgres(server.url())
    finally:
        server.stop()
