"""Passes over a living agency: nothing new, days later, failed, killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import psycopg
import pytest

from ingestion.http import SourceError
from ingestion.mapping import MappingError
from orchestration import passes
from orchestration import settings as settings_module
from orchestration.passes import STAGES, PassRequest, open_pass
from orchestration.settings import REPOSITORY, SettingsError
from orchestration.transformation import manifest_file
from orchestration.warehouse import Warehouse
from tests.agency_home import AgencyHome, Shown, living_agency, shown_at_once
from tests.conftest import Postgres
from tests.marts import (
    credited_in_marts,
    credited_in_truth,
    findings_in_marts,
    planted_defects,
)
from tests.waiting import wait_until

# Where a stage is held up in its middle: a table it writes, and a lock against that.
MIDDLE = {
    "land": "raw_demo_agency.deals in exclusive mode",
    "core": "dbt_core.fct_deals in exclusive mode",
    "check": "checks.check_results in exclusive mode",
    "reports": "dbt_reports.rpt_deal_registry in exclusive mode",
    "publish": "reports.rpt_deal_registry in exclusive mode",
}


@pytest.fixture(scope="module")
def living(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgencyHome]:
    """A small published agency; every test may let it live on."""
    environment = {"REESTR_DATABASE_URL": postgres.create_database("living")}
    folder = tmp_path_factory.mktemp("living")
    with living_agency(folder, environment, deals=80, seed=5) as home:
        home.run_pass()
        yield home


def assert_true(home: AgencyHome, folder: Path) -> None:
    """What is published is what truly happened up to now."""
    truth = home.truth(folder)
    assert credited_in_marts(home) == credited_in_truth(truth)
    assert findings_in_marts(home) == planted_defects(truth)


def last_pass(home: AgencyHome) -> tuple[object, ...]:
    [row] = home.rows(
        "select outcome, stage, error from ops.passes order by pass_id desc limit 1"
    )
    return row


# -------------------------------------------------------------- nothing new


def test_a_pass_with_nothing_new_builds_nothing(living: AgencyHome) -> None:
    living.run_pass()
    manifest = manifest_file(living.warehouse)
    # Whoever builds writes a line of a log.
    logs = living.settings.folder("logs")
    built = (files(logs), manifest.stat())
    before = shown_at_once(living.warehouse)
    stages: list[str] = []
    done = living.run_pass(stages=stages)
    assert done.unchanged
    assert done.publication_id is None
    assert stages == ["land"]
    assert shown_at_once(living.warehouse) == before
    assert last_pass(living) == ("unchanged", "land", None)
    assert built == (files(logs), manifest.stat())


def files(folder: Path) -> dict[str, os.stat_result]:
    return {path.name: path.stat() for path in folder.iterdir()}


@contextmanager
def up_to_date(home: AgencyHome) -> Iterator[None]:
    """A home whose next pass finds nothing new; passes broken off are forgotten."""
    home.run_pass()
    yield
    with home.warehouse.connect("transformer") as connection:
        connection.execute("delete from ops.passes where outcome = 'failed'")


def finds_something(home: AgencyHome, warehouse: Warehouse | None = None) -> bool:
    """Whether a pass would go on after landing; it is broken off there."""
    with open_pass(warehouse or home.warehouse) as running:
        running.run("land")
        return not running.unchanged


@pytest.mark.parametrize(
    "file",
    [
        "dbt_project/models/core/fct_deals.sql",
        "dbt_project/models/metrics/deal_events.yml",
        "dbt_project/seeds/stages.csv",
        "expectations/rules/deals.py",
        "ingestion/sources/bitrix24/settings.py",
    ],
)
def test_a_changed_meaning_is_something_new(
    living: AgencyHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    for folder in passes.MEANING:
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    with up_to_date(living):
        monkeypatch.setattr(settings_module, "REPOSITORY", tmp_path)
        assert not finds_something(living)
        with (tmp_path / file).open("a", encoding="utf-8") as changed:
            changed.write("\n")
        assert finds_something(living)


def test_a_new_day_is_something_new(living: AgencyHome) -> None:
    """Ages, overdue dates and the sums of this month change with the calendar."""
    with up_to_date(living):
        now = living.moment
        living.moment = now - timedelta(hours=20)
        assert not finds_something(living)
        living.moment = now + timedelta(seconds=1)
        assert finds_something(living)
        living.moment = now


def test_a_decision_is_something_new(living: AgencyHome) -> None:
    with up_to_date(living):
        with living.warehouse.connect("loader") as connection:
            connection.execute(
                "insert into decisions.batches (kind, author, operator, file_name)"
                " values ('scope_exception', 'admin', 'root', 'nothing.xlsx')"
            )
        assert finds_something(living)


def test_a_day_somebody_asks_about_is_something_new(living: AgencyHome) -> None:
    """It is kept from then on, and asking again is nothing new."""
    today = living.moment.date()
    with up_to_date(living):
        for is_new in (True, False):
            with open_pass(living.warehouse, PassRequest(as_of=(today,))) as running:
                running.run("land")
                assert running.unchanged is not is_new
            if is_new:
                living.run_pass()
    assert living.rows("select as_of_date from dbt_core.dim_as_of where is_asked") == [
        (today,)
    ]


@pytest.mark.parametrize("days", [-1, 1])
def test_a_day_of_which_nothing_was_known_is_refused(
    living: AgencyHome, days: int
) -> None:
    """Before the first load, and after today."""
    [(first, passes_before)] = living.rows(
        "select (select min(loaded_at) from ops.loads), count(*) from ops.passes"
    )
    assert isinstance(first, datetime)
    start = first.astimezone(living.moment.tzinfo) if days < 0 else living.moment
    day = start.date() + timedelta(days=days)
    with (
        pytest.raises(SettingsError, match=f"--as-of {day}: name a day from 2025-"),
        open_pass(living.warehouse, PassRequest(as_of=(day,))),
    ):
        pass
    assert living.rows("select count(*) from ops.passes") == [(passes_before,)]


def test_a_changed_connection_is_something_new(
    living: AgencyHome, tmp_path: Path
) -> None:
    file = tmp_path / "demo_agency.yaml"
    source = REPOSITORY / "ingestion" / "connections" / "demo_agency.yaml"
    text = source.read_text(encoding="utf-8")
    file.write_text(text.replace("no_touch_days: 7", "no_touch_days: 8"))
    settings = living.warehouse.settings
    other = type(settings)(
        settings.home, {**settings.environment, "REESTR_CONNECTIONS": str(file)}
    )
    with up_to_date(living):
        assert finds_something(living, Warehouse(other, living.warehouse.admin_url))


# ------------------------------------------------------------- days later


def test_days_later_the_marts_are_true_again(
    living: AgencyHome, tmp_path: Path
) -> None:
    """A pass that broke off after landing leaves its rows to the next one.

    All the while a reader sees the last publication or the new one, nothing between.
    """
    living.run_pass()
    living.live(days=5)
    before = shown_at_once(living.warehouse, "data_team")
    with watched(living) as seen:
        with open_pass(living.warehouse) as broken_off:
            broken_off.run("land")
        assert sum(broken_off.rows_landed.values()) > 0
        assert last_pass(living)[0] == "failed"
        done = living.run_pass()
    assert sum(done.rows_landed.values()) == 0
    assert not done.unchanged
    after = shown_at_once(living.warehouse, "data_team")
    assert after.publication_id == done.publication_id
    assert after.tables != before.tables
    assert len(seen) > 10
    assert [one for one in seen if one not in (before, after)] == []
    assert seen[0] == before
    assert_true(living, tmp_path)


@contextmanager
def watched(home: AgencyHome) -> Iterator[list[Shown]]:
    """Read everything again and again, as one login in one snapshot each time."""
    seen = [shown_at_once(home.warehouse, "data_team")]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            seen.append(shown_at_once(home.warehouse, "data_team"))
            is_over.wait(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def test_a_few_edits_write_a_few_rows(living: AgencyHome) -> None:
    living.run_pass()
    deal = open_deal(living)
    living.portal.answer("crm.deal.update", id=deal, fields={"COMMENTS": "позвонить"})
    living.portal.answer(
        "crm.deal.update", id=deal, fields={"UF_CRM_OBJECT_ADDRESS": "Лесная, 14"}
    )
    done = living.run_pass()
    [(total, changed)] = living.rows(
        "select (select count(*) from reports.rpt_deal_registry), rows_changed"
        " from reports.publications order by publication_id desc limit 1"
    )
    assert done.publication_id
    assert 2 <= changed < total  # type: ignore[operator]
    assert living.rows(
        "select object_address from reports.rpt_deal_registry where deal_number = %s",
        [deal],
    ) == [("Лесная, 14",)]


def test_a_pass_takes_few_connections_for_its_hundreds_of_nodes(
    living: AgencyHome,
) -> None:
    """Each new one reads the catalog anew: a quarter of a small pass's work."""
    living.run_pass()
    living.portal.answer(
        "crm.deal.update", id=open_deal(living), fields={"COMMENTS": "перезвонить"}
    )
    before = connections_taken(living)
    assert not living.run_pass().unchanged
    assert connections_taken(living) - before < 60


def connections_taken(home: AgencyHome) -> int:
    """How many connections the database has ever given."""
    with psycopg.connect(home.warehouse.admin_url, autocommit=True) as connection:
        connection.execute("select pg_stat_force_next_flush()")
        [(taken,)] = connection.execute(
            "select sessions from pg_stat_database where datname = current_database()"
        ).fetchall()
    return int(taken)


def open_deal(home: AgencyHome) -> str:
    [(deal,)] = home.rows(
        "select min(deal_number) from reports.rpt_deal_registry"
        " where outcome = 'open' and object_address is not null"
    )
    return str(deal)


# ------------------------------------------------------------------ failures


def test_a_pass_that_fails_says_where_and_leaves_the_publication(
    living: AgencyHome,
) -> None:
    living.run_pass()
    before = shown_at_once(living.warehouse)
    settings = living.warehouse.settings
    nowhere = type(settings)(
        settings.home, {**settings.environment, "REESTR_DEMO_AGENCY_URL": ""}
    )
    with pytest.raises(MappingError, match="REESTR_DEMO_AGENCY_URL"):
        passes.run_pass(Warehouse(nowhere, living.warehouse.admin_url))
    refused = f"{living.portal.url}/rest/1/wrong/"
    wrong = type(settings)(
        settings.home, {**settings.environment, "REESTR_DEMO_AGENCY_URL": refused}
    )
    with pytest.raises(SourceError) as raised:
        passes.run_pass(Warehouse(wrong, living.warehouse.admin_url))
    assert last_pass(living) == ("failed", "land", str(raised.value))
    assert shown_at_once(living.warehouse) == before


def test_an_unknown_source_is_refused_before_anything_runs(living: AgencyHome) -> None:
    before = living.rows("select count(*) from ops.passes")
    with pytest.raises(SettingsError, match=r"named amocrm .*demo_agency"):
        living.run_pass(PassRequest(sources=("amocrm",)))
    assert living.rows("select count(*) from ops.passes") == before


def test_a_killed_pass_leaves_the_last_publication(
    living: AgencyHome, tmp_path: Path
) -> None:
    """Killed in the middle of every stage; the pass after the last one ends well."""
    living.run_pass()
    before = shown_at_once(living.warehouse)
    [(last,)] = living.rows("select max(pass_id) from ops.passes")
    living.live(days=2)
    with verbs(living) as run:
        for stage in STAGES:
            kill_in_the_middle(living, run, stage)
            assert shown_at_once(living.warehouse) == before, stage
        run.start("--home", str(living.settings.home), "run")
        assert run.end() == 0
    rows = living.rows(
        "select outcome, stage, error from ops.passes where pass_id > %s order by 1",
        [last],
    )
    killed = [("failed", stage, "the process was killed") for stage in STAGES]
    assert sorted(rows) == sorted([*killed, ("published", "publish", None)])
    after = shown_at_once(living.warehouse)
    assert after.publication_id is not None
    assert after.publication_id > (before.publication_id or 0)
    assert after.tables != before.tables
    assert_true(living, tmp_path)
    with psycopg.connect(living.warehouse.metadata_url("dagster")) as connection:
        told = connection.execute("select status, count(*) from runs group by 1")
        assert dict(told.fetchall()) == {"FAILURE": len(STAGES), "SUCCESS": 1}


@dataclass
class Verbs:
    """Runs verbs in processes of their own and tells their ids and ends."""

    words: IO[str]
    told: IO[str]

    def start(self, *words: str) -> int:
        self.words.write(json.dumps(words) + "\n")
        self.words.flush()
        return int(self.told.readline())

    def end(self) -> int:
        return int(self.told.readline())


@contextmanager
def verbs(home: AgencyHome) -> Iterator[Verbs]:
    read, write = os.pipe()
    with (
        (home.settings.home / "killed_passes.log").open("wb") as log,
        os.fdopen(read) as told,
        subprocess.Popen(
            [sys.executable, "-m", "tests.orchestration.forked_verbs", str(write)],
            env=home.environment(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
            pass_fds=[write],
        ) as process,
    ):
        os.close(write)
        assert process.stdin
        yield Verbs(process.stdin, told)


def kill_in_the_middle(home: AgencyHome, run: Verbs, stage: str) -> None:
    """Run a pass in a process of its own and kill it while a stage is at work."""
    with (
        psycopg.connect(home.warehouse.admin_url) as holding,
        psycopg.connect(home.warehouse.admin_url, autocommit=True) as watching,
    ):
        holding.execute(f"lock table {MIDDLE[stage]}".encode())
        process = run.start("--home", str(home.settings.home), "run")
        wait_until(
            lambda: not is_alive(process) or is_held_up(watching, stage),
            f"the pass is held up in {stage}",
            seconds=240,
        )
        os.kill(process, signal.SIGKILL)
        assert run.end() == -signal.SIGKILL, stage
        holding.rollback()
        wait_until(lambda: is_left(watching), f"the pass killed in {stage} is gone")


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}/exe").exists()


def is_held_up(connection: psycopg.Connection, stage: str) -> bool:
    row = connection.execute(
        "select (select outcome = 'running' and stage = %s from ops.passes"
        " order by pass_id desc limit 1)"
        " and exists (select from pg_locks where not granted and database ="
        " (select oid from pg_database where datname = current_database()))",
        [stage],
    ).fetchone()
    return row == (True,)


def is_left(connection: psycopg.Connection) -> bool:
    """Nobody else is connected: neither the pass nor what it left unfinished."""
    row = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and backend_type = 'client backend' and application_name like 'pass of %'"
    ).fetchone()
    return row == (0,)
