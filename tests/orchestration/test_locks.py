"""Two passes never overlap; the second says who holds the warehouse."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg  # noqa: TID251 -- the other way to start a pass
import psycopg
import pytest

from orchestration.definitions import MAIN_JOB, defs
from orchestration.locks import PassIsRunningError, pass_lock
from orchestration.passes import open_pass
from orchestration.serving import dagster_environment
from orchestration.warehouse import Warehouse
from tests.agency_home import AgencyHome, living_agency
from tests.conftest import Postgres
from tests.waiting import wait_until

HOLDER = f"another pass is under way: pass of process {os.getpid()} on "


@pytest.fixture(scope="module")
def home(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgencyHome]:
    """A provisioned warehouse in which no pass has run."""
    environment = {"REESTR_DATABASE_URL": postgres.create_database("locks")}
    folder = tmp_path_factory.mktemp("locks")
    with living_agency(folder, environment, deals=5, seed=1) as there:
        yield there


def test_the_second_pass_is_told_the_first(home: AgencyHome) -> None:
    with (
        pass_lock(home.warehouse),
        pytest.raises(PassIsRunningError, match=re.escape(HOLDER)) as raised,
        pass_lock(home.warehouse),
    ):
        pass
    assert socket.gethostname()[:20] in str(raised.value)
    assert re.search(r"since \d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d UTC", str(raised.value))


def test_the_lock_is_free_again_after_a_pass(home: AgencyHome) -> None:
    for _ in range(2):
        with pass_lock(home.warehouse):
            pass


def test_a_refused_pass_leaves_no_trace(home: AgencyHome) -> None:
    def passes() -> object:
        return home.rows("select * from ops.passes order by 1")

    with open_pass(home.warehouse):
        before = passes()
        with pytest.raises(PassIsRunningError), open_pass(home.warehouse):
            pass
        assert passes() == before


def test_the_lock_belongs_to_one_warehouse(
    home: AgencyHome, postgres: Postgres, tmp_path: Path
) -> None:
    """Two firms on one server run their passes side by side."""
    environment = {"REESTR_DATABASE_URL": postgres.create_database("beside")}
    with (
        living_agency(tmp_path, environment, deals=5, seed=1) as other,
        pass_lock(home.warehouse),
        pass_lock(other.warehouse),
    ):
        pass


def test_a_lost_connection_gives_the_lock_back(home: AgencyHome) -> None:
    """What a killed process leaves behind: a session that the server ends."""
    with pass_lock(home.warehouse):
        end_sessions(home.warehouse)
        with psycopg.connect(home.warehouse.admin_url, autocommit=True) as connection:
            wait_until(lambda: is_free(connection), "the lock is free")
        with pass_lock(home.warehouse):
            pass


def test_the_command_line_and_dagster_are_told_the_holder(
    home: AgencyHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pass_lock(home.warehouse):
        done = subprocess.run(
            home.command("run"),
            env=home.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3, done.stderr
        assert f"reestr: {HOLDER}" in done.stderr
        assert "Traceback" not in done.stderr
        for name, value in {
            **home.environment(),
            **dagster_environment(home.warehouse),
        }.items():
            monkeypatch.setenv(name, value)
        with dg.DagsterInstance.ephemeral() as instance:
            result = (
                defs()
                .resolve_job_def(MAIN_JOB)
                .execute_in_process(instance=instance, raise_on_error=False)
            )
            assert not result.success
            [failed] = [
                event
                for event in result.all_events
                if event.event_type == dg.DagsterEventType.PIPELINE_FAILURE
            ]
            assert HOLDER in str(failed)
    [(passes,)] = home.rows("select count(*) from ops.passes where outcome = 'running'")
    assert passes == 0


def end_sessions(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.admin_url) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name like 'pass of process%'"
            " and datname = current_database()"
        )


def is_free(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and database ="
        " (select oid from pg_database where datname = current_database())"
    ).fetchone()
    return row == (0,)
