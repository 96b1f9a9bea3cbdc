"""Brings Superset to what the files say; writes only what differs.

Objects carry the fingerprint of their content. An object whose fingerprint differs, or
that someone else changed last, is imported again. Roles, accounts, row rules and the
roles of dashboards are compared by value, so a change by hand is undone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

import psycopg

from bi.catalog import read_catalog
from bi.superset.bundle import Asset, Bundle, Page, asset_uuid, compile_bundle
from bi.superset.client import Json, SupersetClient, SupersetError
from bi.superset.row_rules import RowRule

logger = logging.getLogger(__name__)

BI_FOLDER = Path(__file__).resolve().parents[1]
SERVICE_ACCOUNT = "reestr_service"

_DATABASE_FILE = "databases/warehouse.yaml"
_DATABASE_UUID = asset_uuid("databases/warehouse")
#: What a reader needs to open a page, filter it and take its rows as a file. No stock
#: role is used: the narrowest of them may still make charts and read the connections.
VIEWER_PERMISSIONS = frozenset(
    {
        ("can_read", "Dashboard"),
        ("can_read", "Chart"),
        ("can_read", "Dataset"),
        ("can_read", "Theme"),
        ("can_read", "CurrentUserRestApi"),
        ("can_dashboard", "Superset"),
        ("can_csv", "Superset"),
        ("can_log", "Superset"),
        ("can_language_pack", "Superset"),
        ("can_time_range", "Api"),
        ("can_view_chart_as_table", "Dashboard"),
        ("can_read", "DashboardFilterStateRestApi"),
        ("can_write", "DashboardFilterStateRestApi"),
        ("can_read", "DashboardPermalinkRestApi"),
        ("can_write", "DashboardPermalinkRestApi"),
        ("can_read", "ExploreFormDataRestApi"),
        ("can_write", "ExploreFormDataRestApi"),
        ("can_get", "MenuApi"),
        ("can_recent_activity", "Log"),
        ("menu_access", "Dashboards"),
        ("menu_access", "Home"),
    }
)


@dataclass(frozen=True)
class Warehouse:
    """How Superset reaches the warehouse: address and the BI login."""

    host: str
    port: int
    database: str
    username: str
    password: str

    @property
    def url(self) -> str:
        """Address for psycopg."""
        return self._address("postgresql", quote(self.password, safe=""))

    @property
    def masked_uri(self) -> str:
        """Address as Superset keeps it: the password lies apart, encrypted."""
        return self._address("postgresql+psycopg2", "XXXXXXXXXX")

    def _address(self, scheme: str, password: str) -> str:
        user = quote(self.username, safe="")
        return (
            f"{scheme}://{user}:{password}@{self.host}:{self.port}"
            f"/{quote(self.database, safe='')}"
        )


@dataclass(frozen=True)
class Account:
    """A person who signs in.

    Attributes:
        name: As the page shows it.
        role: Name of a business role.
        password: First password; an existing account keeps its own unless
            ``resets_password``.
    """

    username: str
    name: str
    role: str
    password: str
    resets_password: bool = False


@dataclass(frozen=True)
class Publication:
    """What a publication did.

    Attributes:
        writes: Requests that changed something; none when everything was right.
        dashboards: Slugs and addresses.
    """

    writes: int
    dashboards: Mapping[str, str]


def publish(
    *,
    url: str,
    service_password: str,
    warehouse: Warehouse,
    manifest: Path,
    accounts: Sequence[Account],
    currency: str = "RUB",
    timezone: str = "Europe/Moscow",
    missing: Mapping[str, str] | None = None,
    folder: Path = BI_FOLDER,
) -> Publication:
    """Publish every dashboard with its roles, accounts and row rules.

    Args:
        url: Address of the running Superset.
        service_password: Of the publisher's account, made by the bootstrap.
        warehouse: How Superset reaches the published tables.
        manifest: dbt's ``target/manifest.json``.
        accounts: Everyone who may sign in; accounts of business roles that are not
            named are switched off.
        currency: Reporting currency of the firm.
        timezone: Of the firm, by name.
        missing: Metric to why no connected source can give it.
        folder: The ``bi`` folder.

    Raises:
        CompileError: a dashboard file is wrong; nothing was sent.
        SupersetError: Superset refused a request.
    """
    catalog = read_catalog(
        manifest,
        tables=read_tables(warehouse),
        currency=currency,
        timezone=timezone,
        missing=missing,
    )
    bundle = compile_bundle(catalog, folder, database_uuid=_DATABASE_UUID)
    client = SupersetClient.sign_in(url, SERVICE_ACCOUNT, service_password)
    publisher = _Publisher(client, bundle, service_password)
    publisher.import_what_differs(warehouse)
    publisher.remove_what_is_gone()
    publisher.set_row_rules()
    roles = publisher.set_roles()
    publisher.set_dashboard_roles(roles)
    publisher.set_accounts(accounts, roles)
    writes = sum(n for method, n in client.requests_made.items() if method != "GET")
    logger.info("published", extra={"writes": writes, "pages": len(bundle.pages)})
    return Publication(
        writes=writes,
        dashboards={
            page.slug: f"{url}/superset/dashboard/{page.slug}/" for page in bundle.pages
        },
    )


def read_tables(warehouse: Warehouse) -> dict[str, dict[str, str]]:
    """Give columns and types of the tables that the BI login may read."""
    tables: dict[str, dict[str, str]] = {}
    with psycopg.connect(warehouse.url) as connection:
        found = connection.execute(
            "select table_name, column_name, data_type"
            " from information_schema.columns"
            " where table_schema in ('reports', 'quality')"
            " order by table_name, ordinal_position"
        )
        for table, column, data_type in found:
            tables.setdefault(table, {})[column] = data_type
    return tables


class _Publisher:
    """One publication over one connection."""

    def __init__(self, client: SupersetClient, bundle: Bundle, secret: str) -> None:
        self._client = client
        self._bundle = bundle
        self._secret = secret
        self._me = self._find_me()

    # ---------- objects

    def import_what_differs(self, warehouse: Warehouse) -> None:
        """Import the bundle unless every object of it is as it should be."""
        database = self._database(warehouse)
        known = self._known_objects()
        expected = {
            **self._bundle.fingerprints,
            _DATABASE_UUID: self._fingerprint_of(database, warehouse.password),
        }
        if all(known.get(key) == mark for key, mark in expected.items()):
            return
        self._client.import_assets(
            self._bundle.zipped({_DATABASE_FILE: database}),
            {_DATABASE_FILE: warehouse.password},
        )

    def remove_what_is_gone(self) -> None:
        """Delete our objects that no file compiles to any more."""
        for kind in ("dashboard", "chart", "dataset"):
            for row in self._objects(kind):
                if _mark(kind, row) and row["uuid"] not in self._bundle.fingerprints:
                    self._client.delete(f"/api/v1/{kind}/{row['id']}")

    def set_row_rules(self) -> None:
        """Put exactly our Base filters on the datasets, and no other rule."""
        ids = {
            str(row["table_name"]): cast("int", row["id"])
            for row in self._objects("dataset")
            if row["uuid"] in self._bundle.fingerprints
        }
        wanted = {rule.name: rule for rule in self._bundle.rules}
        for row in self._client.rows("/api/v1/rowlevelsecurity/"):
            rule = wanted.get(str(row["name"]))
            if rule is None:
                self._client.delete(f"/api/v1/rowlevelsecurity/{row['id']}")
                continue
            del wanted[rule.name]
            if not _is_same_rule(row, rule, ids):
                self._client.put(
                    f"/api/v1/rowlevelsecurity/{row['id']}", _rule_body(rule, ids)
                )
        for rule in wanted.values():
            self._client.post("/api/v1/rowlevelsecurity/", _rule_body(rule, ids))

    # ---------- people

    def set_roles(self) -> dict[str, int]:
        """Give every business role exactly the viewer's permissions."""
        permissions = self._permission_ids()
        wanted = {permissions[pair] for pair in VIEWER_PERMISSIONS}
        ids = self._role_ids()
        for role in self._bundle.roles:
            name = role.name
            if name not in ids:
                made = self._client.post("/api/v1/security/roles/", {"name": name})
                ids[name] = cast("int", made["id"])
            path = f"/api/v1/security/roles/{ids[name]}/permissions"
            answer = self._client.get(f"{path}/")
            has = {row["id"] for row in cast("list[Json]", answer["result"])}
            if has != wanted:
                self._client.post(path, {"permission_view_menu_ids": sorted(wanted)})
        return ids

    def set_dashboard_roles(self, roles: Mapping[str, int]) -> None:
        """Open every page to its roles only."""
        pages = {page.uuid: page for page in self._bundle.pages}
        for row in self._objects("dashboard"):
            page = pages.get(str(row["uuid"]))
            if page is None:
                continue
            wanted = _role_ids_of(page, roles)
            has = {role["id"] for role in cast("list[Json]", row["roles"])}
            if has != wanted:
                self._client.put(
                    f"/api/v1/dashboard/{row['id']}", {"roles": sorted(wanted)}
                )

    def set_accounts(
        self, accounts: Sequence[Account], roles: Mapping[str, int]
    ) -> None:
        """Make the accounts, each with its one role; switch off the others of ours."""
        known = {
            str(row["username"]): row
            for row in self._client.rows("/api/v1/security/users/")
        }
        for account in accounts:
            row = known.pop(account.username, None)
            body = _account_body(account, roles)
            if row is None:
                self._client.post(
                    "/api/v1/security/users/", {**body, "password": account.password}
                )
            elif account.resets_password:
                self._client.put(
                    f"/api/v1/security/users/{row['id']}",
                    {**body, "password": account.password},
                )
            elif not _is_same_account(row, body):
                self._client.put(f"/api/v1/security/users/{row['id']}", body)
        ours = set(roles.values()) & {roles[role.name] for role in self._bundle.roles}
        for row in known.values():
            has = {cast("int", role["id"]) for role in cast("list[Json]", row["roles"])}
            if row["active"] and has & ours:
                self._client.put(
                    f"/api/v1/security/users/{row['id']}", {"active": False}
                )

    # ---------- what is there

    def _find_me(self) -> int:
        answer = self._client.get("/api/v1/me/")
        return cast("int", cast("Json", answer["result"])["id"])

    def _known_objects(self) -> dict[str, str]:
        """Give the fingerprints of the objects that nobody else changed last."""
        known = {}
        for kind in ("database", "dataset", "chart", "dashboard"):
            for row in self._objects(kind):
                changed_by = cast("Json | None", row.get("changed_by"))
                is_ours = kind == "database" or (
                    changed_by is not None and changed_by["id"] == self._me
                )
                mark = _mark(kind, row)
                if mark and is_ours:
                    known[str(row["uuid"])] = mark
        return known

    def _objects(self, kind: str) -> list[Json]:
        return self._client.rows(f"/api/v1/{kind}/")

    def _role_ids(self) -> dict[str, int]:
        return {
            str(row["name"]): cast("int", row["id"])
            for row in self._client.rows("/api/v1/security/roles/")
        }

    def _permission_ids(self) -> dict[tuple[str, str], int]:
        found = {
            (
                str(cast("Json", row["permission"])["name"]),
                str(cast("Json", row["view_menu"])["name"]),
            ): cast("int", row["id"])
            for row in self._client.rows("/api/v1/security/permissions-resources/")
        }
        missing = VIEWER_PERMISSIONS - found.keys()
        if missing:
            raise SupersetError(f"Superset has no permission {sorted(missing)}")
        return found

    # ---------- the connection

    def _database(self, warehouse: Warehouse) -> Asset:
        asset: Asset = {
            "database_name": warehouse.database,
            "sqlalchemy_uri": warehouse.masked_uri,
            "cache_timeout": None,
            "expose_in_sqllab": False,
            "allow_run_async": False,
            "allow_ctas": False,
            "allow_cvas": False,
            "allow_dml": False,
            "allow_csv_upload": False,
            "impersonate_user": False,
            "uuid": _DATABASE_UUID,
            "version": "1.0.0",
            "is_managed_externally": True,
            "external_url": "bi/superset/publish.py",
        }
        mark = self._fingerprint_of(asset, warehouse.password)
        asset["extra"] = {
            "allows_virtual_table_explore": False,
            "disable_data_preview": True,
            "schema_options": {"reestr": mark},
        }
        return asset

    def _fingerprint_of(self, asset: Asset, password: str) -> str:
        """Give a mark that changes with the password but does not tell it."""
        content = {key: value for key, value in asset.items() if key != "extra"}
        text = json.dumps([content, password], sort_keys=True)
        key = self._secret.encode()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def _mark(kind: str, row: Json) -> str:
    """Give the fingerprint an object carries, empty when it is not ours."""
    if kind in ("chart", "dashboard"):
        return str(row.get("certification_details") or "")
    extra = json.loads(str(row.get("extra") or "{}"))
    if kind == "database":
        extra = extra.get("schema_options") or {}
    return str(extra.get("reestr") or "")


def _role_ids_of(page: Page, roles: Mapping[str, int]) -> set[int]:
    return {roles[name] for name in page.roles}


def _rule_body(rule: RowRule, ids: Mapping[str, int]) -> dict[str, object]:
    return {
        "name": rule.name,
        "description": "",
        "filter_type": "Base",
        "tables": sorted(ids[table] for table in rule.tables),
        "roles": [],
        "group_key": "",
        "clause": rule.clause,
    }


def _is_same_rule(row: Json, rule: RowRule, ids: Mapping[str, int]) -> bool:
    tables = {table["id"] for table in cast("list[Json]", row["tables"])}
    return (
        row["filter_type"] == "Base"
        and row["clause"] == rule.clause
        and not row["roles"]
        and not row["group_key"]
        and tables == {ids[table] for table in rule.tables}
    )


def _account_body(account: Account, roles: Mapping[str, int]) -> dict[str, object]:
    first, _, last = account.name.partition(" ")
    return {
        "username": account.username,
        "first_name": first,
        "last_name": last or first,
        "email": f"{account.username}@reestr.local",
        "active": True,
        "roles": [roles[account.role]],
    }


def _is_same_account(row: Json, body: Mapping[str, object]) -> bool:
    has = [role["id"] for role in cast("list[Json]", row["roles"])]
    return has == body["roles"] and all(
        row[field] == body[field]
        for field in ("first_name", "last_name", "email", "active")
    )
