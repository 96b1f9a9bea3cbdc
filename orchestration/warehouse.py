"""The warehouse of a home: its databases, logins and frame.

Three databases on one server: the warehouse, Superset's metadata and Dagster's
storage. Roles belong to the whole server, so each carries the warehouse's name in
front: ``reestr__loader``, ``reestr__p_anna``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from ingestion.mapping import USERNAME, one_password
from orchestration.postgres import embedded_server
from orchestration.settings import Settings, SettingsError, fingerprint

FRAME = Path(__file__).with_name("warehouse.sql")
SERVICE_LOGINS = ("loader", "transformer", "bi", "data_team")
OLDEST_SERVER = 160000
# A role name holds 63 bytes: warehouse, "__p_" and a username of 38 share them.
DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}\Z")
READER_SETTINGS = (
    "default_transaction_read_only = on",
    "statement_timeout = '120s'",
    # Row access asks every table below a view for the reader's keys. The planner takes
    # that for many filters where it is the same one, expects a row or two, and loops
    # over tables for more than a minute.
    "enable_nestloop = off",
    "search_path = reports, quality, access",
)


class WarehouseError(Exception):
    """The warehouse cannot be opened; the text says what to do."""


@dataclass(frozen=True)
class Warehouse:
    """Addresses of one firm's databases.

    Attributes:
        settings: Of the home; they keep the logins' passwords.
        admin_url: Warehouse database as the server's administrator.
    """

    settings: Settings
    admin_url: str

    @property
    def database(self) -> str:
        """Name of the warehouse database, the prefix of its roles."""
        return urlsplit(self.admin_url).path.lstrip("/")

    def role(self, login: str) -> str:
        """Role name of a service login."""
        return f"{self.database}__{login}"

    def person_role(self, username: str) -> str:
        """Role name of a person's own login."""
        return f"{self.database}__p_{username}"

    def url(self, login: str) -> str:
        """Warehouse address of a service login."""
        return self._address(self.role(login), self._password(login))

    def person_url(self, username: str) -> str:
        """Warehouse address of a person's own login."""
        return self._address(
            self.person_role(username), self._password(f"p_{username}")
        )

    def metadata_url(self, product: str) -> str:
        """Address of the database that ``superset`` or ``dagster`` keeps for itself."""
        return self._address(
            self.role(product), self._password(product), f"{self.database}_{product}"
        )

    def connect(self, login: str) -> psycopg.Connection:
        """Open the warehouse as a service login."""
        return psycopg.connect(self.url(login))

    def _password(self, login: str) -> str:
        return self.settings.secret(f"REESTR_LOGIN_{one_password(login)}_PASSWORD")

    def _address(self, role: str, password: str, database: str = "") -> str:
        parts = urlsplit(self.admin_url)
        host = parts.netloc.rpartition("@")[2]
        login = f"{quote(role, safe='')}:{quote(password, safe='')}"
        path = f"/{database or self.database}"
        return urlunsplit((parts.scheme, f"{login}@{host}", path, parts.query, ""))


def open_warehouse(settings: Settings) -> Warehouse:
    """Start the embedded server where needed and give the warehouse's addresses.

    Raises:
        WarehouseError: the server is too old, or the database's name cannot serve as
            a prefix of roles.
    """
    given = settings.get("REESTR_DATABASE_URL")
    if given:
        warehouse = Warehouse(settings, given)
    else:
        server = embedded_server(settings)
        server.start()
        warehouse = Warehouse(settings, server.url("reestr"))
        _create_database(server.url(), "reestr")
    if not DATABASE_NAME.match(warehouse.database):
        raise WarehouseError(
            f"REESTR_DATABASE_URL names the database {warehouse.database!r}: use a "
            "name of up to 20 small letters, digits and underscores"
        )
    return warehouse


def known_warehouse(settings: Settings) -> Warehouse:
    """The warehouse of a home, for those who only ask it.

    Raises:
        SettingsError: nobody has made one in this home.
    """
    is_external = bool(settings.get("REESTR_DATABASE_URL"))
    if is_external or (settings.home / "postgres").exists():
        warehouse = open_warehouse(settings)
        with psycopg.connect(warehouse.admin_url) as connection:
            if _provisioned(connection, warehouse.database):
                return warehouse
    raise SettingsError(
        f"no warehouse in {settings.home} yet: ./reestr demo makes one, or name your "
        "connections in REESTR_CONNECTIONS and call ./reestr run"
    )


def provision(warehouse: Warehouse, usernames: Iterable[str]) -> None:
    """Bring databases, logins and frame up to date; nothing is done twice.

    Args:
        warehouse: Of the home.
        usernames: People who get a login of their own.
    """
    people = sorted(set(usernames))
    for username in people:
        if not USERNAME.match(username):
            raise SettingsError(
                f"username {username!r}: use up to 38 small letters, digits, dots, "
                "dashes and underscores, a letter first"
            )
    passwords = {login: warehouse._password(login) for login in _logins(people)}
    wanted = fingerprint(
        FRAME.read_text(encoding="utf-8"),
        *READER_SETTINGS,
        *(f"{login}={password}" for login, password in passwords.items()),
    )
    with psycopg.connect(warehouse.admin_url) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            raise WarehouseError(
                f"the server is PostgreSQL {connection.info.server_version // 10000}: "
                "Reestr needs 16 or newer"
            )
        if _provisioned(connection, warehouse.database) == wanted:
            return
        _create_roles(connection, warehouse, passwords, people)
        _build_frame(connection, warehouse)
    for product in ("superset", "dagster"):
        _create_database(
            warehouse.admin_url,
            f"{warehouse.database}_{product}",
            owner=warehouse.role(product),
        )
    # Last: a provisioning that was killed is done again.
    with psycopg.connect(warehouse.admin_url) as connection:
        _remember(connection, warehouse.database, wanted)


def _logins(people: list[str]) -> list[str]:
    persons = (f"p_{username}" for username in people)
    return [*SERVICE_LOGINS, "superset", "dagster", *persons]


def _provisioned(connection: psycopg.Connection, database: str) -> str | None:
    row = connection.execute(
        "select shobj_description(oid, 'pg_database') from pg_database"
        " where datname = %s",
        [database],
    ).fetchone()
    return str(row[0]) if row and row[0] else None


def _remember(connection: psycopg.Connection, database: str, mark: str) -> None:
    connection.execute(
        sql.SQL("comment on database {} is {}").format(
            sql.Identifier(database), sql.Literal(mark)
        )
    )


def _create_roles(
    connection: psycopg.Connection,
    warehouse: Warehouse,
    passwords: dict[str, str],
    people: list[str],
) -> None:
    existing = {
        str(name) for (name,) in connection.execute("select rolname from pg_roles")
    }
    reader = warehouse.role("reader")
    if reader not in existing:
        connection.execute(
            sql.SQL("create role {} nologin").format(sql.Identifier(reader))
        )
    for login, password in passwords.items():
        role = warehouse.role(login)
        verb = "alter" if role in existing else "create"
        connection.execute(
            sql.SQL(f"{verb} role {{}} login noinherit password {{}}").format(
                sql.Identifier(role), sql.Literal(password)
            )
            if login in ("superset", "dagster")
            else sql.SQL(f"{verb} role {{}} login password {{}}").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )
    left = {
        role
        for role in existing
        if role.startswith(warehouse.person_role(""))
        and role not in {warehouse.role(login) for login in passwords}
    }
    for role in sorted(left):
        connection.execute(
            sql.SQL("alter role {} nologin password null").format(sql.Identifier(role))
        )
    readers = ["bi", "data_team", *(f"p_{username}" for username in people)]
    for login in readers:
        member = sql.Identifier(warehouse.role(login))
        connection.execute(
            sql.SQL("grant {} to {}").format(sql.Identifier(reader), member)
        )
        for setting in READER_SETTINGS:
            connection.execute(sql.SQL(f"alter role {{}} set {setting}").format(member))
    # The administrator may be no superuser: it then hands over what it owns as a
    # member of the owning roles.
    for login in ("loader", "transformer", "superset", "dagster"):
        connection.execute(
            sql.SQL("grant {} to current_user").format(
                sql.Identifier(warehouse.role(login))
            )
        )


def _build_frame(connection: psycopg.Connection, warehouse: Warehouse) -> None:
    names = {
        login: sql.Identifier(warehouse.role(login))
        for login in (*SERVICE_LOGINS, "reader")
    }
    database = sql.Identifier(warehouse.database)
    connection.execute(
        sql.SQL(
            "revoke all on database {database} from public;"
            " grant connect on database {database} to {loader}, {reader};"
            " grant connect, create, temporary on database {database}"
            " to {transformer};"
            " grant create, temporary on database {database} to {loader};"
            " alter default privileges for role {loader}"
            " grant usage on schemas to {transformer};"
            " alter default privileges for role {loader}"
            " grant select on tables to {transformer};"
        ).format(database=database, **names)
    )
    connection.execute(
        sql.SQL(FRAME.read_text(encoding="utf-8")).format(
            **names,
            bi_name=sql.Literal(warehouse.role("bi")),
            data_team_name=sql.Literal(warehouse.role("data_team")),
            person_prefix=sql.Literal(warehouse.person_role("")),
        )
    )


def _create_database(server_url: str, name: str, owner: str = "") -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        if connection.execute(
            "select 1 from pg_database where datname = %s", [name]
        ).fetchone():
            return
        owned = (
            sql.SQL("owner {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
        )
        connection.execute(
            sql.SQL("create database {} {} template template0").format(
                sql.Identifier(name), owned
            )
        )
        if owner:
            connection.execute(
                sql.SQL("revoke all on database {} from public").format(
                    sql.Identifier(name)
                )
            )
