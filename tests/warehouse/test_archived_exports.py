"""Ten days of a firm: a workbook of an earlier day says what it said on that day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bi.excel.texts import text
from bi.excel.workbook import HEADER_ROW
from orchestration.exports import ExportResult, export
from tests.conftest import Postgres
from tests.firm_life import Life
from tests.small_firm import MOSCOW, SmallFirm, small_firm

DAYS = 10
EXPORTED_AT = datetime(2027, 1, 1, 12, 0, tzinfo=MOSCOW)
# The director sees every deal on every day; whom others see is decided today.
DIRECTOR = "admin"
PEOPLE = (DIRECTOR, "head_of_sales", "head_of_legal", "group_leader", "agent")

# Eleven passes are made before the first question.
pytestmark = pytest.mark.timeout(1200)

RECORDS = text("sheets", "records")
CLIENT = "Клиент"
OF_THE_PUBLICATION = (text("control", "publication"), text("control", "hash"))

Sheets = Mapping[str, Sequence[Sequence[object]]]


@dataclass(frozen=True)
class Archived:
    """A workbook that somebody put away."""

    result: ExportResult
    sheets: Sheets

    def heads(self) -> Sequence[object]:
        """Headers of the registry's columns."""
        return self.sheets[RECORDS][HEADER_ROW - 1]

    def rows(self) -> dict[str, list[Sequence[object]]]:
        """Rows of the registry by the number of the deal."""
        found: dict[str, list[Sequence[object]]] = {}
        for row in self.sheets[RECORDS][HEADER_ROW:]:
            # The number is a link to the card; without deals a line says so.
            number = str(row[0]).removesuffix('")').rpartition('"')[2]
            if number.isdigit():
                found.setdefault(number, []).append(row)
        return found


@dataclass(frozen=True)
class Archive:
    """The firm after its days, and what was put away on each of them."""

    firm: SmallFirm
    folder: Path
    kept: Mapping[tuple[date, str], Archived]
    deleted: int

    def asked(self, day: date, person: str) -> Archived:
        """The workbook of a day, asked for now."""
        return exported(self.firm, self.folder / "asked.xlsx", person, day)


def exported(
    firm: SmallFirm, out: Path, person: str, as_of: date | None = None
) -> Archived:
    result = export(
        firm.warehouse,
        "registry",
        username=person,
        filters={},
        out=out,
        as_of=as_of,
        now=EXPORTED_AT,
    )
    return Archived(
        result,
        {
            sheet.title: [*sheet.iter_rows(values_only=True)]
            for sheet in load_workbook(out)
        },
    )


def differences(then: Sheets, now: Sheets) -> list[str]:
    """Cells that say something else, and lines that one of two workbooks lacks.

    A client is named as today, so that a name that is erased is erased everywhere; a
    publication has a number of its own, and the hash is over names of clients, too.
    """
    assert then.keys() == now.keys()
    client = then[RECORDS][HEADER_ROW - 1].index(CLIENT)
    found: list[str] = []
    for name, lines in then.items():
        for number, (before, after) in enumerate(zip_longest(lines, now[name])):
            if before is None or after is None:
                found.append(f"{name} {number}: {before or after}")
                continue
            found += [
                f"{name} {number} {place}: {was!r} != {value!r}"
                for place, (was, value) in enumerate(zip(before, after, strict=True))
                if was != value
                and (name, place) != (RECORDS, client)
                and before[0] not in OF_THE_PUBLICATION
            ]
    return found


def without(place: int, rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Rows without one of their cells."""
    return [[*row[:place], *row[place + 1 :]] for row in rows]


@pytest.fixture(scope="module")
def archive(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    database = postgres.create_database("archive")
    with small_firm(folder, database, start="2026-03-23 09:00") as firm:
        life = Life(firm)
        reopened = firm.deal(stage="lost", deal_owner=6, lawyer=11, commission=90_000)
        moved = firm.deal(stage="qualified", deal_owner=[6, 7], commission=70_000.01)
        # The group of the one who leads it has a deal on every day.
        firm.deal(stage="qualified", deal_owner=9)
        absorbed, survivor, deleted = (
            firm.deal(
                stage="contract_signed",
                deal_owner=6,
                commission=10_000 * number,
                planned_settlement_date=f"2026-03-2{5 + number}",
            )
            for number in range(1, 4)
        )
        happens: Mapping[int, Callable[[], None]] = {
            2: lambda: firm.update(reopened, stage="qualified"),
            3: lambda: firm.update(moved, pipeline=1, stage="C1:QUALIFIED"),
            4: lambda: firm.transfer(6, 12),
            5: lambda: firm.remove("deal", deleted),
            6: lambda: firm.update(moved, deal_owner=[7], commission=60_000),
            7: lambda: firm.merge(absorbed, survivor, folder),
        }
        kept: dict[tuple[date, str], Archived] = {}
        for number in range(DAYS):
            happens.get(number, lambda: None)()
            for _ in range(4):
                life.go_on(number)
            evening = firm.now.replace(hour=18, minute=0)
            firm.run_pass(max(evening, firm.now + timedelta(minutes=1)), sweep=True)
            for person in PEOPLE:
                kept[firm.now.date(), person] = exported(
                    firm, folder / f"{number}_{person}.xlsx", person
                )
            firm.at(firm.now.replace(hour=9, minute=0) + timedelta(days=1))
        firm.run_pass()
        yield Archive(firm, folder, kept, deleted)


def test_ten_days_were_put_away(archive: Archive) -> None:
    """With deals of all kinds, and with changes between the days."""
    days = {day for day, _ in archive.kept}
    assert len(days) == DAYS
    hashes = {archive.kept[day, DIRECTOR].result.data_hash for day in days}
    assert len(hashes) == DAYS


def test_a_day_is_told_as_it_was_archived(archive: Archive) -> None:
    for day, person in archive.kept:
        if person == DIRECTOR:
            then, now = archive.kept[day, person], archive.asked(day, person)
            assert differences(then.sheets, now.sheets) == [], day
            assert now.result.sums == then.result.sums
            assert now.result.rows == then.result.rows > 5


def test_a_deleted_deal_is_there_on_the_days_before(archive: Archive) -> None:
    """And on no later one, as the archive has it."""
    days = sorted({day for day, _ in archive.kept})
    there = [
        str(archive.deleted) in archive.asked(day, DIRECTOR).rows() for day in days
    ]
    assert there == [
        str(archive.deleted) in archive.kept[day, DIRECTOR].rows() for day in days
    ]
    assert there[0]
    assert not there[-1]


@pytest.mark.parametrize("person", ["head_of_sales", "head_of_legal", "group_leader"])
def test_whoever_sees_a_deal_today_reads_what_stood_there(
    archive: Archive, person: str
) -> None:
    """Of the deals that a head saw then and sees today each row is the one of then."""
    told = 0
    for day, who in archive.kept:
        if who == person:
            then, now = archive.kept[day, person].rows(), archive.asked(day, person)
            client = archive.kept[day, person].heads().index(CLIENT)
            for number, rows in now.rows().items():
                if number in then:
                    told += 1
                    known = without(client, then[number])
                    assert all(row in known for row in without(client, rows)), day
    # A deal of a lawyer and one of the group is there on every day.
    assert told >= DAYS
