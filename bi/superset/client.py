"""Superset's REST interface, as the publisher uses it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import cast

import requests

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
Json = dict[str, JsonValue]

_PAGE_SIZE = 100
_TIMEOUT = 120


class SupersetError(Exception):
    """Superset refused a request; the text says which and what it answered."""


class SupersetClient:
    """A signed-in account.

    Attributes:
        requests_made: How many requests of each method were sent after signing in.
    """

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url = url
        self.requests_made: Counter[str] = Counter()
        self._session = session
        self._has_csrf_token = False

    @classmethod
    def sign_in(cls, url: str, username: str, password: str) -> SupersetClient:
        """Sign in with a name and a password.

        Raises:
            SupersetError: the server is not there, or refuses.
        """
        session = requests.Session()
        # Behind a TLS proxy the server wants https and marks its cookies secure; the
        # publisher comes past the proxy, from this machine or the same network.
        session.headers["X-Forwarded-Proto"] = "https"
        session.cookies.set_policy(DefaultCookiePolicy(secure_protocols=("http",)))
        try:
            response = session.post(
                f"{url}/api/v1/security/login",
                json={"username": username, "password": password, "provider": "db"},
                timeout=_TIMEOUT,
            )
        except requests.ConnectionError as error:
            raise SupersetError(f"Superset does not answer at {url}") from error
        if response.status_code != requests.codes.ok:
            raise SupersetError(
                f"Superset at {url} refused {username}: {response.status_code}"
            )
        token = response.json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        return cls(url, session)

    def get(self, path: str, **query: object) -> Json:
        """Read one thing."""
        params = {"q": json.dumps(query)} if query else None
        return self._send("GET", path, params=params)

    def rows(self, path: str) -> list[Json]:
        """Read a list to its end; Superset gives a hundred rows at a time.

        Raises:
            SupersetError: the list changed while it was read.
        """
        answer = self.get(path, page=0, page_size=_PAGE_SIZE)
        found = cast("list[Json]", answer["result"])
        count = cast("int", answer["count"])
        if count <= _PAGE_SIZE:
            return found
        # Pages without an order may repeat rows and leave others out.
        columns = cast("list[str]", answer["order_columns"])
        order = {
            "order_column": "id" if "id" in columns else columns[0],
            "order_direction": "asc",
        }
        found = []
        for page in range(-(-count // _PAGE_SIZE)):
            answer = self.get(path, page=page, page_size=_PAGE_SIZE, **order)
            found.extend(cast("list[Json]", answer["result"]))
        if len({row["id"] for row in found}) != count:
            raise SupersetError(f"GET {path}: the list changed while it was read")
        return found

    def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Make a thing."""
        return self._send("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, object]) -> Json:
        """Change a thing."""
        return self._send("PUT", path, body=body)

    def delete(self, path: str) -> Json:
        """Remove a thing."""
        return self._send("DELETE", path)

    def import_assets(self, bundle: bytes, passwords: Mapping[str, str]) -> None:
        """Import a bundle; objects are found by uuid and overwritten."""
        self._send(
            "POST",
            "/api/v1/assets/import/",
            files={"bundle": ("bundle.zip", bundle, "application/zip")},
            data={"passwords": json.dumps(passwords)},
        )

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Json:
        if method != "GET":
            self._add_csrf_token()
        self.requests_made[method] += 1
        response = self._session.request(
            method,
            f"{self.url}{path}",
            params=params,
            json=body,
            files=files,
            data=data,
            timeout=_TIMEOUT,
        )
        if not response.ok:
            raise SupersetError(
                f"{method} {path}: {response.status_code} {response.text[:500]}"
            )
        return cast("Json", response.json())

    def _add_csrf_token(self) -> None:
        if self._has_csrf_token:
            return
        self._has_csrf_token = True
        token = self.get("/api/v1/security/csrf_token/")["result"]
        self._session.headers["X-CSRFToken"] = str(token)
        # The header that the sign-in set says over which protocol we came.
        self._session.headers["Referer"] = self.url.replace("http://", "https://", 1)
