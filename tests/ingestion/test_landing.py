"""Landing a portal: raw tables, positions, marks of deletions, failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from ingestion.demo.portal.schema import Kind as FieldKind
from ingestion.demo.portal.schema import UserField
from ingestion.http import InsecureAddressError, RefusedError, UnavailableError
from ingestion.landing import LandingError, SweepRefusedError, land
from ingestion.mapping import Connection
from ingestion.sources.bitrix24.helpers import FieldTypeChangedError
from ingestion.sources.bitrix24.settings import (
    ACTIVITIES,
    CONTACTS,
    DEALS,
    DEPARTMENTS,
    LEADS,
    OVERLAP,
    STAGE_HISTORY,
    TABLES,
    USERS,
)
from tests.ingestion.bitrix24_agency import SECRET, START, Agency, running_agency

REPOSITORY = Path(__file__).resolve().parents[2]
EVERYTHING = (USERS, DEPARTMENTS, DEALS, CONTACTS, LEADS, ACTIVITIES, STAGE_HISTORY)


class Postgres(Protocol):
    def create_database(self, name: str) -> str: ...


@pytest.fixture
def agency(postgres: Postgres, tmp_path: Path) -> Iterator[Agency]:
    url = postgres.create_database("landing")
    with running_agency(tmp_path, url) as opened:
        yield opened


def fill(agency: Agency, count: int, *, days: int = 1) -> None:
    """Deals that were changed days ago, a minute apart, with their history."""
    moments = [START - timedelta(days=days, minutes=row) for row in range(count)]
    texts = [moment.isoformat() for moment in moments]
    columns = {
        "TITLE": [f"deal {row}" for row in range(count)],
        "DATE_CREATE": texts,
        "DATE_MODIFY": texts,
    }
    agency.store.bulk_insert("deal", columns)
    agency.store.bulk_insert(
        "stagehistory",
        {
            "OWNER_ID": list(range(1, count + 1)),
            "TYPE_ID": [1] * count,
            "STAGE_ID": ["NEW"] * count,
            "CREATED_TIME": texts,
        },
    )


# What lands


def test_the_first_landing_makes_every_table(agency: Agency) -> None:
    """Models of an empty portal must find their tables."""
    result = agency.land()
    assert (
        dict(result.rows)
        == {
            "users": 1,
            "departments": 1,
            "statuses": 3,
            "categories": 1,
            "deal_userfields": 24,
            "deals": 0,
            "contacts": 0,
            "leads": 0,
            "activities": 0,
            "stage_history": 0,
        }
        or dict(result.rows)["categories"] == 1
    )
    assert result.cursor == START
    columns = {
        str(name): str(kind)
        for name, kind in agency.query(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = %s and table_name = 'deals'",
            agency.name_of_schema,
        )
    }
    assert columns["uf_crm_commission"] == "character varying"
    assert columns["uf_crm_deal_owner"] == "jsonb"
    assert columns["_loaded_at"] == "timestamp with time zone"


def test_values_land_as_they_came(agency: Agency) -> None:
    """An empty text is not NULL, and no character of a text is lost."""
    title = 'a "quoted", text;\n\\N \\ with \t, NULL and «ёлки» 🏠'
    deal = agency.add(
        "deal",
        {
            "TITLE": title,
            "OPPORTUNITY": "1234567.89",
            "UF_CRM_COMMISSION": "450000.00|RUB",
            "UF_CRM_DEAL_OWNER": [1, 2],
        },
    )
    agency.land()
    row = agency.raw(DEALS)[str(deal)]
    assert row["title"] == title
    assert row["opportunity"] == "1234567.89"
    assert row["uf_crm_commission"] == "450000.00|RUB"
    assert row["uf_crm_deal_owner"] == [1, 2]
    assert row["uf_crm_paid"] == ""
    assert "comments" not in row
    agency.assert_equal(*EVERYTHING)


def test_every_key_has_a_unique_index_and_every_time_of_change_an_index(
    agency: Agency,
) -> None:
    agency.land()
    indexes = {
        str(name): str(text)
        for name, text in agency.query(
            "select indexname, indexdef from pg_indexes where schemaname = %s",
            agency.name_of_schema,
        )
    }
    for table in TABLES:
        assert "UNIQUE" in indexes[f"{table.name}_key"]
        if table.modified:
            assert f"{table.name}_modified" in indexes
    assert "(entity_id, status_id)" in indexes["statuses_key"]


def test_a_pass_lands_what_changed_and_nothing_else(agency: Agency) -> None:
    fill(agency, 120)
    agency.land()
    agency.later(hours=1)
    assert set(agency.land().changed.values()) == {0}
    deal = agency.add("deal", {"TITLE": "new"})
    agency.change("deal", 7, {"STAGE_ID": "WON"})
    agency.later(minutes=1)
    result = agency.land()
    assert {name: count for name, count in result.changed.items() if count} == {
        "deals": 2,
        "stage_history": 2,
    }
    assert str(deal) in agency.raw(DEALS)
    agency.assert_equal(*EVERYTHING)
    loaded = agency.query("select count(distinct _loaded_at) from {raw}.deals")
    assert loaded == [(2,)]


def test_rows_changed_in_the_same_second_on_a_page_border_land(agency: Agency) -> None:
    fill(agency, 160)
    agency.land()
    agency.later(hours=1)
    for row in range(20, 140):
        agency.store.update("deal", row, {"TITLE": f"changed {row}"})
    result = agency.land()
    assert result.changed["deals"] == 120
    agency.store.update("deal", 150, {"TITLE": "in the same second as the last pass"})
    assert agency.land().changed["deals"] == 1
    agency.assert_equal(DEALS)


def test_a_row_changed_during_the_walk_lands_by_the_next_pass(agency: Agency) -> None:
    fill(agency, 300)
    calls = []

    def edit(method: str) -> None:
        calls.append(method)
        if calls.count("crm.deal.list") == 3:
            agency.later(seconds=5)
            for row in (10, 120, 290):
                agency.store.update("deal", row, {"TITLE": "edited"})
            agency.store.create("deal", {"TITLE": "created"})

    agency.portal.faults.listeners.append(edit)
    first = agency.land()
    agency.portal.faults.listeners.clear()
    assert first.cursor == START
    agency.later(minutes=1)
    agency.land()
    agency.assert_equal(DEALS, STAGE_HISTORY)


def test_an_edit_in_a_window_does_not_move_the_position_past_its_start(
    agency: Agency,
) -> None:
    fill(agency, 10)
    agency.land()
    agency.later(days=1)
    for row in range(1, 10):
        agency.store.update("deal", row, {"TITLE": "edited"})
    started = agency.now
    calls = []

    def edit(method: str) -> None:
        calls.append(method)
        if method == "crm.deal.list" and calls.count(method) == 1:
            agency.later(hours=3)
            agency.store.update("deal", 9, {"TITLE": "far behind the overlap"})
            agency.store.update("deal", 1, {"TITLE": "far behind the overlap"})

    agency.portal.faults.listeners.append(edit)
    result = agency.land()
    agency.portal.faults.listeners.clear()
    assert result.cursor == started
    [(position,)] = agency.query(
        "select position::timestamptz from {raw}.landing_positions"
        " where entity = 'deals'"
    )
    assert isinstance(position, type(started))
    assert position <= started
    agency.later(minutes=1)
    agency.land()
    agency.assert_equal(DEALS)


def test_a_row_committed_late_lands_within_the_overlap(agency: Agency) -> None:
    fill(agency, 10)
    agency.later(hours=2)
    agency.store.update("deal", 1, {"TITLE": "x"})
    agency.land()
    late = (agency.now - OVERLAP + timedelta(seconds=1)).isoformat()
    agency.store.bulk_insert("deal", {"TITLE": ["late"], "DATE_MODIFY": [late]})
    agency.later(hours=1)
    assert agency.land().changed["deals"] == 1


def test_a_new_user_field_becomes_a_column(agency: Agency) -> None:
    fill(agency, 3)
    agency.land()
    field = UserField("deal", "UF_CRM_FLOOR", FieldKind.STRING, "Этаж")
    agency.store.add_user_field(field)
    agency.later(minutes=5)
    agency.change("deal", 2, {"UF_CRM_FLOOR": "5"})
    agency.land()
    floors = agency.query("select uf_crm_floor from {raw}.deals order by id")
    assert floors == [(None,), ("5",), (None,)]


def test_a_removed_stage_stays_in_the_dictionary_and_is_marked(agency: Agency) -> None:
    agency.land()
    agency.store.delete("status", 2)
    agency.later(minutes=5)
    result = agency.land()
    assert result.missing == {"statuses": 1}
    assert agency.query("select count(*) from {raw}.statuses")[0][0] == 3
    assert agency.query("select entity, id from {raw}.deletions") == [
        ("statuses", "DEAL_STAGE/ADVANCE")
    ]
    agency.store.create("status", {"ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "ADVANCE"})
    agency.later(minutes=5)
    assert agency.land().returned == {"statuses": 1}
    assert agency.query("select count(*) from {raw}.statuses")[0][0] == 3


def test_users_behind_the_first_page_land(agency: Agency) -> None:
    agency.store.bulk_insert("user", {"NAME": [f"user {row}" for row in range(130)]})
    assert agency.land().rows["users"] == 131
    agency.assert_equal(USERS)


# Deletions


def test_a_sweep_marks_what_is_gone_and_unmarks_what_came_back(agency: Agency) -> None:
    fill(agency, 60)
    agency.land()
    agency.later(minutes=30)
    agency.remove("deal", 30)
    assert not agency.land().missing
    assert agency.land(sweep=True).missing == {"deals": 1}
    gone_at = agency.now
    assert not agency.land(sweep=True).missing
    assert len(agency.raw(DEALS)) == 59
    assert len(agency.raw(DEALS, with_deleted=True)) == 60
    agency.later(days=3)
    agency.store.restore("deal", 30)
    assert not agency.land().returned
    assert agency.land(sweep=True).returned == {"deals": 1}
    assert agency.query("select * from {raw}.deletions") == [
        ("deals", "30", gone_at, agency.now)
    ]
    agency.assert_equal(DEALS)
    agency.later(days=1)
    agency.remove("deal", 30)
    agency.land(sweep=True)
    assert agency.query("select count(*) from {raw}.deletions") == [(2,)]


def test_a_returned_row_is_read_again(agency: Agency) -> None:
    """Its time of change may be older than the window."""
    fill(agency, 60)
    agency.land()
    agency.remove("deal", 30)
    agency.land(sweep=True)
    agency.later(days=30)
    agency.change("deal", 1, {"TITLE": "the position moves on"})
    agency.land()
    agency.store.restore("deal", 30)
    before = (START - timedelta(days=2)).isoformat()
    agency.store.bulk_insert(
        "deal", {"ID": [30], "TITLE": ["changed"], "DATE_MODIFY": [before]}, upsert=True
    )
    agency.land(sweep=True)
    agency.assert_equal(DEALS)


def test_an_edited_returned_row_is_unmarked_without_a_sweep(agency: Agency) -> None:
    fill(agency, 5)
    agency.land()
    agency.remove("deal", 3)
    agency.land(sweep=True)
    agency.later(days=1)
    agency.store.restore("deal", 3)
    agency.change("deal", 3, {"TITLE": "back"})
    assert agency.land().returned == {"deals": 1}
    agency.assert_equal(DEALS)


def test_a_sweep_reads_rows_that_came_without_a_time_in_the_window(
    agency: Agency,
) -> None:
    """An import may keep old times of change; old history comes with the deal."""
    fill(agency, 60)
    agency.land()
    agency.later(days=1)
    fill(agency, 3, days=90)
    agency.store.bulk_insert(
        "stagehistory",
        {
            "OWNER_ID": [1] * 300,
            "TYPE_ID": [2] * 300,
            "STAGE_ID": ["WON"] * 300,
            "CREATED_TIME": [START.isoformat()] * 300,
        },
    )
    assert agency.land().changed["deals"] == 0
    assert agency.land(sweep=True).changed["deals"] == 3
    agency.assert_equal(DEALS, STAGE_HISTORY)


def test_history_of_a_deal_that_came_out_of_the_bin_lands(agency: Agency) -> None:
    """Its history ids are far behind the position by then."""
    fill(agency, 5)
    deal = agency.add("deal", {"TITLE": "short"})
    agency.remove("deal", deal)
    agency.store.delete("stagehistory", 6)
    agency.store.bulk_insert(
        "stagehistory",
        {
            "OWNER_ID": [1] * 300,
            "TYPE_ID": [2] * 300,
            "STAGE_ID": ["WON"] * 300,
            "CREATED_TIME": [START.isoformat()] * 300,
        },
    )
    agency.land()
    agency.later(days=1)
    agency.store.restore("deal", deal)
    agency.store.restore("stagehistory", 6)
    agency.land(sweep=True)
    agency.assert_equal(DEALS, STAGE_HISTORY)


def test_a_sudden_loss_of_rows_is_not_believed(agency: Agency) -> None:
    """Lost rights of the webhook look like deletions."""
    fill(agency, 100)
    agency.land()
    agency.later(minutes=30)
    agency.portal.faults.hide("deal", range(1, 31))
    agency.change("deal", 50, {"TITLE": "not landed either"})
    with pytest.raises(SweepRefusedError, match="30 of 100 rows are missing"):
        agency.land(sweep=True)
    assert agency.query("select count(*) from {raw}.deletions") == [(0,)]
    assert agency.query("select count(*) from {raw}.deals where title like 'not%%'")
    result = agency.land(sweep=True, accept_shrink=True)
    assert result.missing == {"deals": 30}
    agency.portal.faults.show("deal", range(1, 31))
    assert agency.land(sweep=True).returned == {"deals": 30}
    agency.assert_equal(DEALS)


def test_a_small_loss_of_a_small_list_is_believed(agency: Agency) -> None:
    fill(agency, 20)
    agency.land()
    for row in range(1, 21):
        agency.remove("deal", row)
    assert agency.land(sweep=True).missing == {"deals": 20}


def test_a_dictionary_that_vanishes_is_not_believed(agency: Agency) -> None:
    agency.land()
    for row in (1, 2, 3):
        agency.store.delete("status", row)
    with pytest.raises(SweepRefusedError, match="statuses: 3 of 3 rows"):
        agency.land()


def test_an_interrupted_sweep_marks_nothing(agency: Agency) -> None:
    fill(agency, 200)
    agency.land()
    agency.remove("deal", 5)
    calls = []

    def refuse(method: str) -> None:
        calls.append(method)
        if calls.count("crm.deal.list") == 4:
            agency.portal.faults.fail_next(
                "insufficient_scope", count=50, method="crm.deal.list"
            )

    agency.portal.faults.listeners.append(refuse)
    with pytest.raises(RefusedError):
        agency.land(sweep=True)
    assert agency.query("select count(*) from {raw}.deletions") == [(0,)]


# Failures


def test_passing_failures_cost_no_row(agency: Agency) -> None:
    fill(agency, 400)
    calls = []

    def fail(method: str) -> None:
        calls.append(method)
        faults = {1: "query_limit_exceeded", 9: "internal_server_error"}
        if fault := faults.get(calls.count("crm.deal.list")):
            agency.portal.faults.fail_next(fault, method="crm.deal.list")

    agency.portal.faults.listeners.append(fail)
    for fault in ("gateway_html", "timeout", "query_limit_exceeded"):
        agency.portal.faults.fail_next(fault)
    agency.land()
    agency.portal.faults.listeners.clear()
    agency.assert_equal(DEALS, STAGE_HISTORY)
    assert len(agency.waiting.pauses) >= 4


def test_a_failed_landing_moves_nothing_and_the_next_one_repeats_it(
    agency: Agency,
) -> None:
    fill(agency, 800)
    agency.land()
    before = agency.query("select * from {raw}.landing_positions order by entity")
    agency.later(hours=1)
    for row in range(1, 801):
        agency.store.update("deal", row, {"TITLE": "edited"})
    calls = []

    def break_down(method: str) -> None:
        calls.append(method)
        if calls.count("crm.deal.list") == 2:
            agency.portal.faults.fail_next("gateway_html", count=99)

    agency.portal.faults.listeners.append(break_down)
    with pytest.raises(UnavailableError, match="in 7 attempts"):
        agency.land()
    agency.portal.faults.listeners.clear()
    while agency.portal.faults.take():
        pass
    positions = agency.query("select * from {raw}.landing_positions order by entity")
    assert positions == before
    assert not agency.query("select 1 from {raw}.deals where title = 'edited'")
    assert agency.land().changed["deals"] == 800
    agency.assert_equal(DEALS, STAGE_HISTORY)


@pytest.mark.timeout(60)
def test_a_failure_of_one_list_ends_the_landing_of_all(agency: Agency) -> None:
    fill(agency, 3000)
    names = [f"contact {row}" for row in range(3000)]
    agency.store.bulk_insert("contact", {"NAME": names})
    calls = []

    def refuse(method: str) -> None:
        calls.append(method)
        if calls.count("crm.contact.list") == 20:
            agency.portal.faults.fail_next(
                "insufficient_scope", count=99, method="crm.contact.list"
            )

    agency.portal.faults.listeners.append(refuse)
    with pytest.raises(RefusedError, match="insufficient_scope"):
        agency.land()
    assert agency.query("select count(*) from {raw}.landing_positions") == [(0,)]


def test_a_field_that_changes_its_type_stops_the_landing(agency: Agency) -> None:
    fill(agency, 3)
    agency.land()
    agency.store.remove_user_field("deal", "UF_CRM_LAWYER")
    agency.store.add_user_field(
        UserField("deal", "UF_CRM_LAWYER", FieldKind.EMPLOYEE, "Юрист", multiple=True)
    )
    agency.later(minutes=5)
    agency.change("deal", 2, {"UF_CRM_LAWYER": [1, 2]})
    with pytest.raises(
        FieldTypeChangedError, match=r"deals\.UF_CRM_LAWYER held a text"
    ):
        agency.land()
    assert agency.query("select uf_crm_lawyer from {raw}.deals where id = '2'") == [
        (None,)
    ]
    with psycopg.connect(agency.database_url) as database:
        database.execute(
            "alter table raw_agency.deals rename uf_crm_lawyer to uf_crm_lawyer_single"
        )
    agency.land()
    assert agency.query("select uf_crm_lawyer from {raw}.deals where id = '2'") == [
        ([1, 2],)
    ]


def test_a_landing_killed_at_any_moment_is_made_good_by_the_next(
    agency: Agency,
) -> None:
    """Nothing is lost, nothing doubled, and no position moves before its rows."""
    fill(agency, 3000)
    positions = "select entity, position from {raw}.landing_positions order by 1"
    for moment in ("read:60", "load:6"):
        kill_landing(agency, moment)
        assert agency.query(positions) == []
    agency.land()
    agency.assert_equal(*EVERYTHING)
    before = agency.query(positions)
    for moment in ("load:1", "finish:1"):
        agency.later(hours=1)
        with agency.store.transaction():
            for row in range(1, 3000, 3):
                agency.store.update("deal", row, {"TITLE": f"edited before {moment}"})
        kill_landing(agency, moment)
        assert agency.query(positions) == before
    agency.later(minutes=1)
    agency.land(sweep=True)
    agency.assert_equal(*EVERYTHING)


def kill_landing(agency: Agency, moment: str) -> None:
    """Run a landing of its own process that dies at a moment."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.ingestion.killed_landing",
            str(agency.connection.url),
            agency.database_url,
            str(agency.folder / "state"),
            agency.now.isoformat(),
            moment,
        ],
        cwd=REPOSITORY,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, moment


def test_plain_http_to_another_machine_is_refused(agency: Agency) -> None:
    far = Connection(
        name="far",
        source="bitrix24",
        title="Far",
        timezone="Europe/Moscow",
        reporting_currency="RUB",
        path=Path("far.yaml"),
        url="http://portal.example/rest/1/c0de/",
    )
    with pytest.raises(InsecureAddressError):
        land(
            far,
            database_url=agency.database_url,
            state_folder=agency.folder / "state",
            now=START,
        )


def test_a_connection_without_an_address_says_which_setting_is_missing(
    agency: Agency,
) -> None:
    lost = Connection(
        name="lost",
        source="bitrix24",
        title="Lost",
        timezone="Europe/Moscow",
        reporting_currency="RUB",
        path=Path("lost.yaml"),
    )
    with pytest.raises(LandingError, match="REESTR_LOST_URL"):
        land(
            lost,
            database_url=agency.database_url,
            state_folder=agency.folder / "state",
            now=START,
        )


# The machine


def test_the_loader_stays_in_its_folder_and_reads_no_settings_of_dlt(
    agency: Agency,
) -> None:
    """dlt looks into the current folder, ``~/.dlt`` and ``/var/dlt`` by itself."""
    elsewhere = agency.folder / "elsewhere"
    for folder in (elsewhere / ".dlt", elsewhere / "home" / ".dlt"):
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text("this is = not toml", encoding="utf-8")
        (folder / "secrets.toml").write_text("this is = not toml", encoding="utf-8")
    program = (
        "import sys\n"
        "opened = []\n"
        "def audit(event, arguments):\n"
        "    if event in ('open', 'os.mkdir') and isinstance(arguments[0], str):\n"
        "        opened.append(arguments[0])\n"
        "    if event == 'socket.connect':\n"
        "        opened.append('connect:' + repr(arguments[1]))\n"
        "sys.addaudithook(audit)\n"
        "from ingestion.sources.bitrix24.__main__ import main\n"
        "code = main(['connection.yaml', '--state', sys.argv[1]])\n"
        "print('\\n'.join(opened), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    text = (
        "connection: agency\nsource: bitrix24\ntitle: A\n"
        "url: ${REESTR_AGENCY_URL}\ntimezone: Europe/Moscow\n"
        "reporting_currency: RUB\n"
    )
    mapping = (REPOSITORY / "ingestion/connections/demo_agency.yaml").read_text("utf-8")
    (elsewhere / "connection.yaml").write_text(
        text + mapping.partition("reporting_currency: RUB\n")[2], encoding="utf-8"
    )
    environment = {
        **{key: os.environ[key] for key in ("PATH",)},
        "HOME": str(elsewhere / "home"),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONDONTWRITEBYTECODE": "1",
        "REESTR_AGENCY_URL": str(agency.connection.url),
        "REESTR_DATABASE_URL": agency.database_url,
        "RUNTIME__LOG_LEVEL": "DEBUG",
    }
    state = agency.folder / "state"
    done = subprocess.run(
        [sys.executable, "-c", program, str(state)],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["rows"]["users"] == 1
    touched = done.stderr.splitlines()
    assert not [path for path in touched if "/.dlt" in path or "/var/dlt" in path]
    # Nothing but this machine is talked to.
    places = [line for line in touched if line.startswith("connect:")]
    assert places
    assert not [place for place in places if "127.0.0.1" not in place]
    assert SECRET not in done.stdout
    assert SECRET not in done.stderr


def test_nothing_of_the_rows_is_left_in_the_working_folder(agency: Agency) -> None:
    agency.add("deal", {"TITLE": "private matter"})
    agency.land()
    agency.later(minutes=5)
    agency.change("deal", 1, {"TITLE": "private matter again"})
    agency.land()
    files = [path for path in (agency.folder / "state").rglob("*") if path.is_file()]
    assert not [path for path in files if b"private matter" in path.read_bytes()]
    staged = agency.query("select count(*) from raw_agency_staging.deals")
    assert staged == [(0,)]
