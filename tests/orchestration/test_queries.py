"""The verb ``sql``: read only, and no more than the person may see."""

from __future__ import annotations

import csv
import io

import psycopg
import pytest

from orchestration.queries import MOST_TABLE_ROWS, run_query
from orchestration.settings import SettingsError, load_settings
from tests.agency_home import AgencyHome

OWN = "select count(*) from reports.rpt_deal_registry_without_money"


def asked(
    home: AgencyHome, query: str, username: str | None = None, output: str = "csv"
) -> str:
    stream = io.StringIO()
    code = run_query(
        home.warehouse.settings, query, username=username, output=output, stream=stream
    )
    assert code == 0
    return stream.getvalue()


def one(home: AgencyHome, query: str, username: str | None = None) -> str:
    """The last value of the last row."""
    return list(csv.reader(io.StringIO(asked(home, query, username))))[-1][-1]


def test_without_a_person_the_data_team_asks(agency_home: AgencyHome) -> None:
    assert one(agency_home, "select access.reader()") == "data_team"
    assert one(agency_home, "select session_user").endswith("__data_team")
    [(deals,)] = agency_home.rows(OWN)
    assert one(agency_home, OWN) == str(deals)


def test_a_person_asks_through_the_own_login(agency_home: AgencyHome) -> None:
    for username in ("admin", "agent"):
        assert one(agency_home, "select access.reader()", username) == username
    assert int(one(agency_home, OWN, "agent")) < int(one(agency_home, OWN, "admin"))


@pytest.mark.parametrize(
    "trick",
    [
        "select set_config('app.login', 'admin', false)",
        "set app.login = 'admin'",
        "reset role",
        "reset all",
        "reset session authorization",
        "set role none",
        "set transaction read write",
        "commit; begin",
    ],
)
def test_the_text_of_a_query_cannot_widen_it(
    agency_home: AgencyHome, trick: str
) -> None:
    honest = one(agency_home, OWN, "agent")
    assert one(agency_home, f"{trick}; {OWN}", "agent") == honest
    assert one(agency_home, f"{trick}; select access.reader()", "agent") == "agent"


@pytest.mark.parametrize(
    "statement",
    [
        "delete from reports.rpt_deal_registry",
        "set transaction read write; delete from access.user_keys",
        "create table public.mine (id int)",
        "select * from dbt_core.fct_deals",
        "select * from raw_demo_agency.deals",
        "select * from pg_authid",
        "select pg_read_file('/etc/passwd')",
        "copy (select 1) to '/tmp/out'",
    ],
)
def test_nothing_is_written_and_nothing_hidden_is_read(
    agency_home: AgencyHome, statement: str
) -> None:
    for username in (None, "admin"):
        with pytest.raises(
            (
                psycopg.errors.InsufficientPrivilege,
                psycopg.errors.ReadOnlySqlTransaction,
            )
        ):
            asked(agency_home, statement, username)


def test_an_unknown_person_is_told_what_to_do(agency_home: AgencyHome) -> None:
    for username in ("nobody", "data_team", "agent' or '1'='1", ""):
        with pytest.raises(SettingsError, match="add the username to the section"):
            asked(agency_home, "select 1", username)


def test_csv_is_plain_and_whole(agency_home: AgencyHome) -> None:
    text = asked(
        agency_home,
        'select n as "number, N", null as empty, \'a;"b",c\' as text, n % 2 = 0 as even'
        f" from generate_series(1, {MOST_TABLE_ROWS + 5}) as n",
    )
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["number, N", "empty", "text", "even"]
    assert rows[1] == ["1", "", 'a;"b",c', "False"]
    assert len(rows) == MOST_TABLE_ROWS + 6


def test_a_table_is_aligned_and_says_what_it_left_out(agency_home: AgencyHome) -> None:
    text = asked(
        agency_home,
        "select 'Ёлкина' as name, null as empty, date '2025-09-17' as day,"
        " timestamptz '2025-09-17 10:00:00+00' as moment",
        output="table",
    )
    assert text.splitlines() == [
        "name    empty  day         moment",
        "------  -----  ----------  -------------------------",
        "Ёлкина  —      2025-09-17  2025-09-17 10:00:00+00:00",
        "(1 rows)",
    ]
    count = MOST_TABLE_ROWS + 5
    long = asked(
        agency_home, f"select n from generate_series(1, {count}) as n", output="table"
    ).splitlines()
    assert len(long) == MOST_TABLE_ROWS + 3
    assert long[-1] == (
        f"({count} rows, the first {MOST_TABLE_ROWS} shown (--format csv gives all))"
    )


def test_a_statement_without_rows_says_what_it_did(agency_home: AgencyHome) -> None:
    assert asked(agency_home, "set work_mem = '8MB'") == "SET\n"


def test_a_percent_sign_is_only_a_sign(agency_home: AgencyHome) -> None:
    assert one(agency_home, "select 'a%sb' like 'a%'") == "True"


def test_a_home_without_a_warehouse_gets_none(agency_home: AgencyHome) -> None:
    empty = agency_home.settings.home.parent / "nothing here"
    with pytest.raises(SettingsError, match=r"no warehouse in .*nothing here yet"):
        run_query(
            load_settings(empty, {}),
            "select 1",
            username=None,
            output="csv",
            stream=io.StringIO(),
        )
    assert not empty.exists()
