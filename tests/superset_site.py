"""One demo agency published in a running Superset, shared by the tests of its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
import pytest
import requests

from bi.superset.client import SupersetClient
from bi.superset.publish import Publication
from orchestration import processes, serving
from orchestration.postgres import free_port
from orchestration.warehouse import Warehouse

READY_SECONDS = 120

ROLES = (
    "admin",
    "head_of_sales",
    "head_of_legal",
    "head_of_mortgage",
    "group_leader",
    "agent",
)

_KEY = pytest.StashKey["Site"]()


def csrf_token(page: str) -> str:
    """Find the token that a page gives to its forms."""
    _, _, rest = page.partition('id="csrf_token"')
    return rest.split('value="')[1].partition('"')[0]


@dataclass(frozen=True)
class Site:
    """A published demo agency.

    Attributes:
        passwords: Login to password.
        first: What the first publication did.
    """

    url: str
    warehouse: Warehouse
    passwords: Mapping[str, str]
    first: Publication

    def publish(self) -> Publication:
        """Publish once more, as every pass does."""
        return serving.publish_dashboards(self.warehouse)

    def service(self) -> SupersetClient:
        """Sign in as the publisher's account."""
        password = self.warehouse.settings.secret("REESTR_SUPERSET_SERVICE_PASSWORD")
        return SupersetClient.sign_in(self.url, "reestr_service", password)

    def reader(self, username: str) -> requests.Session:
        """Sign in as a person, through the form that people fill."""
        session = requests.Session()
        session.headers["Referer"] = f"{self.url}/login/"
        token = csrf_token(session.get(f"{self.url}/login/", timeout=60).text)
        answer = session.post(
            f"{self.url}/login/",
            data={
                "username": username,
                "password": self.passwords[username],
                "csrf_token": token,
            },
            allow_redirects=False,
            timeout=60,
        )
        assert "/login" not in answer.headers["Location"], username
        session.headers["X-CSRFToken"] = token
        return session

    def truth(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """Ask the warehouse past all policies."""
        with psycopg.connect(self.warehouse.admin_url) as connection:
            return connection.execute(query, parameters).fetchall()


def shared_site(request: pytest.FixtureRequest, warehouse: Warehouse) -> Site:
    """Give the run's one site; Superset starts when a test first asks for it."""
    stash = request.config.stash
    if _KEY not in stash:
        stash[_KEY] = serve_site(request, warehouse)
    return stash[_KEY]


def serve_site(request: pytest.FixtureRequest, warehouse: Warehouse) -> Site:
    """Start a Superset of a warehouse's own; it stops with the run."""
    settings = warehouse.settings
    settings.keep("REESTR_SUPERSET_PORT", str(free_port()))
    serving.prepare_superset(warehouse)
    server = serving.superset_process(warehouse)
    request.session.addfinalizer(lambda: processes.stop(settings, server.name))
    processes.start(settings, server)
    processes.wait_until_ready(settings, server, READY_SECONDS)
    return Site(
        url=serving.superset(warehouse).url,
        warehouse=warehouse,
        passwords={a.username: a.password for a in serving.accounts(settings)},
        first=serving.publish_dashboards(warehouse),
    )
