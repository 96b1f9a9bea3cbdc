"""Landing of files in a real PostgreSQL: whole, once, or not at all."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from ingestion.mapping import Connection, load_connection
from ingestion.sources.files import FilesError, land_files

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
LATER = datetime(2026, 4, 2, 9, tzinfo=UTC)
MAPPING = """\
connection: firm
source: files
title: Фирма
timezone: Europe/Moscow
reporting_currency: RUB
pipelines:
  sales: {label: Продажи}
stages:
  sales: {Новая: lead_new, Успех: closed_won}
roles: {deal_owner: Агент}
files:
  deals:
    path: deals.csv
    date_format: "%d.%m.%Y"
    key: [Номер]
    columns:
      crm_stage: Этап
      commission: Комиссия
      settlement_date: Расчёт
      created_at: Создана
"""
HEADER = "Номер;Этап;Комиссия;Расчёт;Создана;Агент\n"
ROWS = (
    "1;Успех;1 234,56 ₽;03.04.2026;01.03.2026;Анна Ёлкина\n"
    "2;Новая;;;05.03.2026;Пётр Ли\n"
)


class Postgres(Protocol):
    def create_database(self, name: str) -> str: ...


@pytest.fixture(scope="module")
def database_url(postgres: Postgres) -> str:
    return postgres.create_database("files")


@pytest.fixture
def firm(tmp_path: Path, database_url: str) -> Connection:
    with psycopg.connect(database_url) as database:
        database.execute("drop schema if exists raw_firm cascade")
        database.execute("drop schema if exists incoming_firm cascade")
    (tmp_path / "deals.csv").write_text(HEADER + ROWS, encoding="utf-8-sig")
    (tmp_path / "firm.yaml").write_text(MAPPING, encoding="utf-8")
    return load_connection(tmp_path / "firm.yaml", {})


def rows(database_url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url) as database:
        return database.execute(query).fetchall()  # type: ignore[call-overload]


def land(firm: Connection, database_url: str, now: datetime = NOW) -> bool:
    landing = land_files(
        firm,
        database_url=database_url,
        state_folder=firm.path.parent / "dlt",
        now=now,
    )
    return landing.changed


def snapshot(database_url: str) -> list[tuple[object, ...]]:
    found = []
    for table in ("deals", "employees", "deal_participants"):
        found += rows(
            database_url, f"select ctid, t::text from raw_firm.{table} t order by 2"
        )
    return found


def test_landed_values_are_typed_and_exact(firm: Connection, database_url: str) -> None:
    land(firm, database_url)

    assert rows(
        database_url,
        "select source_id, pipeline, crm_stage, commission, settlement_date,"
        " created_at, price, currency, _raw ->> 'Комиссия', _file, _line, _loaded_at"
        " from raw_firm.deals order by source_id",
    ) == [
        (
            "1",
            "sales",
            "Успех",
            Decimal("1234.56"),
            datetime(2026, 4, 3).date(),
            datetime(2026, 2, 28, 21, tzinfo=UTC),
            None,
            "RUB",
            "1 234,56 ₽",
            "deals.csv",
            2,
            NOW,
        ),
        (
            "2",
            "sales",
            "Новая",
            None,
            None,
            datetime(2026, 3, 4, 21, tzinfo=UTC),
            None,
            "RUB",
            "",
            "deals.csv",
            3,
            NOW,
        ),
    ]
    assert rows(
        database_url,
        "select deal_source_id, role, employee_source_id"
        " from raw_firm.deal_participants order by 1",
    ) == [("1", "deal_owner", "Анна Ёлкина"), ("2", "deal_owner", "Пётр Ли")]
    assert rows(
        database_url, "select full_name from raw_firm.employees order by 1"
    ) == [
        ("Анна Ёлкина",),
        ("Пётр Ли",),
    ]


def test_column_types_are_those_of_the_plan(
    firm: Connection, database_url: str
) -> None:
    land(firm, database_url)

    found = dict(
        rows(
            database_url,
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = 'raw_firm.deals'::regclass and attnum > 0",
        )
    )
    assert found["commission"] == "numeric(18,2)"
    assert found["settlement_date"] == "date"
    assert found["created_at"] == "timestamp with time zone"
    assert found["is_test"] == "boolean"
    assert found["_raw"] == "jsonb"
    assert found["_line"] == "integer"


def test_landing_the_same_file_again_writes_nothing(
    firm: Connection, database_url: str
) -> None:
    assert land(firm, database_url)
    before = snapshot(database_url)

    assert not land(firm, database_url, LATER)

    assert snapshot(database_url) == before


def test_next_export_replaces_the_rows(firm: Connection, database_url: str) -> None:
    land(firm, database_url)
    path = firm.files["deals"].path
    path.write_text(HEADER + "3;Новая;;;05.03.2026;Пётр Ли\n", encoding="utf-8")

    assert land(firm, database_url, LATER)

    assert rows(database_url, "select source_id, _loaded_at from raw_firm.deals") == [
        ("3", LATER)
    ]


def test_bad_file_leaves_the_warehouse_as_it_was(
    firm: Connection, database_url: str
) -> None:
    land(firm, database_url)
    before = snapshot(database_url)
    path = firm.files["deals"].path
    path.write_text(HEADER + ROWS + "3;Новая;много;;;\n", encoding="utf-8")

    with pytest.raises(FilesError, match=r"deals\.csv:4: column `Комиссия`: `много`"):
        land(firm, database_url, LATER)

    assert snapshot(database_url) == before


LANDING = """\
import sys
from datetime import UTC, datetime
from pathlib import Path
from ingestion.mapping import load_connection
from ingestion.sources.files import land_files
firm = load_connection(Path(sys.argv[1]), {})
sys.stdout.write("start\\n")
sys.stdout.flush()
land_files(firm, database_url=sys.argv[2], state_folder=firm.path.parent / "dlt",
           now=datetime(2026, 4, 2, 9, tzinfo=UTC))
"""


def killed_landing(firm: Connection, database_url: str, moment: str) -> None:
    """Kill a landing in another process at a moment the database shows."""
    process = subprocess.Popen(
        [sys.executable, "-c", LANDING, str(firm.path), database_url],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    with psycopg.connect(database_url, autocommit=True) as database:
        while time.monotonic() < deadline and process.poll() is None:
            if database.execute(moment).fetchone():  # type: ignore[call-overload]
                break
    assert process.poll() is None, "the landing ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_while_loading_leaves_the_rows_and_the_next_landing_succeeds(
    firm: Connection, database_url: str
) -> None:
    land(firm, database_url)
    before = snapshot(database_url)
    path = firm.files["deals"].path
    path.write_text(HEADER + "3;Новая;5;;05.03.2026;Ли\n", encoding="utf-8")

    killed_landing(
        firm,
        database_url,
        "select 1 from pg_tables where schemaname = 'incoming_firm'",
    )

    assert snapshot(database_url) == before
    assert land(firm, database_url, LATER)
    assert rows(database_url, "select source_id from raw_firm.deals") == [("3",)]
    assert not rows(
        database_url, "select nspname from pg_namespace where nspname like 'incoming%'"
    )


def test_killed_inside_the_swap_leaves_the_rows(
    firm: Connection, database_url: str
) -> None:
    """The swap waits for a reader of the last table, and is killed while it waits."""
    land(firm, database_url)
    before = snapshot(database_url)
    path = firm.files["deals"].path
    path.write_text(HEADER + "3;Новая;5;;05.03.2026;Ли\n", encoding="utf-8")

    with psycopg.connect(database_url) as reader:
        reader.execute("select * from raw_firm.deal_participants")
        killed_landing(
            firm,
            database_url,
            "select 1 from pg_locks where not granted and locktype = 'relation'"
            " and relation = 'raw_firm.deal_participants'::regclass",
        )

    assert snapshot(database_url) == before
    assert land(firm, database_url, LATER)
