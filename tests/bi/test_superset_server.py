"""The parts inside Superset that need no Superset: reader, throttle, guard, process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bi.superset.process import (
    SupersetServer,
    bootstrap_command,
    fingerprint,
    serve_command,
)
from bi.superset.server.connection import NOBODY, login_of, tell_reader
from bi.superset.server.request_guard import names_only
from bi.superset.server.throttle import FailureCounter, LoginThrottle


@pytest.mark.parametrize("username", ["agent", "anna.k-b", "head_of_sales", "a1"])
def test_a_login_is_passed_on(username: str) -> None:
    assert login_of(username) == username


@pytest.mark.parametrize(
    "username",
    [
        None,
        "",
        "Anna",
        "анна",
        "a b",
        "agent -c app.login=admin",
        "agent\\ -c",
        "agent\n",
        "-agent",
        "a" * 60,
    ],
)
def test_an_unsafe_name_is_nobodys(username: str | None) -> None:
    assert login_of(username) == NOBODY
    assert login_of(NOBODY) == NOBODY


def test_a_connection_names_its_reader_and_keeps_its_arguments() -> None:
    params = {"connect_args": {"sslmode": "require", "options": "-c x=y"}, "pool": 1}
    _, found = tell_reader("uri", params, "agent", None, None)
    assert found["connect_args"] == {
        "sslmode": "require",
        "options": "-c app.login=agent",
    }
    assert found["pool"] == 1
    assert params["connect_args"]["options"] == "-c x=y"  # type: ignore[index]


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_five_failures_close_the_door_for_a_minute() -> None:
    clock = Clock()
    throttle = LoginThrottle(FailureCounter(clock))
    for _ in range(5):
        assert not throttle.is_refused("10.0.0.1", "agent")
        throttle.note_failure("10.0.0.1", "agent")
    assert throttle.is_refused("10.0.0.1", "agent")
    assert not throttle.is_refused("10.0.0.1", "admin"), "an office shares an address"
    assert not throttle.is_refused("10.0.0.2", "agent")
    clock.now = 61.0
    assert not throttle.is_refused("10.0.0.1", "agent")


def test_guessing_many_names_closes_the_door_of_an_address() -> None:
    throttle = LoginThrottle(FailureCounter(Clock()))
    for number in range(30):
        throttle.note_failure("10.0.0.1", f"name{number}")
    assert throttle.is_refused("10.0.0.1", "someone")


def test_old_failures_are_forgotten() -> None:
    clock = Clock()
    counter = FailureCounter(clock)
    counter.add("first")
    clock.now = 120.0
    counter.add("second")
    assert counter.count("first") == 0


@pytest.mark.parametrize(
    "payload",
    [
        {"queries": [{"columns": ["deal_key"], "metrics": ["commission__total"]}]},
        {"queries": [{"columns": [{"sqlExpression": "event_date", "label": "x"}]}]},
        {"queries": [{"extras": {"where": "", "having": ""}}]},
        {"form_data": {"adhoc_filters": [{"sqlExpression": None}]}},
    ],
)
def test_a_request_of_names_passes(payload: object) -> None:
    assert names_only(payload)


@pytest.mark.parametrize(
    "payload",
    [
        {"queries": [{"columns": [{"sqlExpression": "now()"}]}]},
        {"queries": [{"metrics": [{"sqlExpression": "sum(commission)"}]}]},
        {"queries": [{"orderby": [[{"sqlExpression": "(select 1)"}, True]]}]},
        {"queries": [{"filters": [{"col": {"sqlExpression": "a b"}}]}]},
        {"queries": [{"extras": {"where": "1 = 1"}}]},
        {"queries": [{"extras": {"having": "count(*) > 1"}}]},
        {"queries": [{"columns": [{"sqlExpression": "a\n"}]}]},
        {"queries": [{"columns": [{"sqlExpression": ["now()"]}]}]},
    ],
)
def test_a_request_with_sql_is_stopped(payload: object) -> None:
    assert not names_only(payload)


def server(home: Path) -> SupersetServer:
    return SupersetServer(
        python=Path("/opt/superset/bin/python"),
        home=home,
        database_url="postgresql+psycopg2://u:metadata-secret@127.0.0.1/m",
        secret_key="key-secret",
        service_password="service-secret",
    )


def test_secrets_are_not_on_the_command_line(tmp_path: Path) -> None:
    for command in (bootstrap_command, serve_command):
        found = command(server(tmp_path))
        assert "secret" not in " ".join(found.argv)
        assert found.env["REESTR_SUPERSET_SECRET_KEY"] == "key-secret"


def test_the_server_listens_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    argv = serve_command(server(tmp_path)).argv
    assert argv[argv.index("--bind") + 1] == "127.0.0.1:8088"


def test_a_changed_secret_asks_for_another_bootstrap(tmp_path: Path) -> None:
    first = server(tmp_path)
    assert fingerprint(first) == fingerprint(server(tmp_path))
    other = replace(first, service_password="another")
    assert fingerprint(first) != fingerprint(other)
