"""Living day by day in the portal equals looking at once."""

import re
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingestion.demo.agency import portal_feed
from ingestion.demo.agency.life import simulate
from ingestion.demo.agency.model import Agency, end_of_day
from ingestion.demo.agency.portal_feed import advance, fill
from ingestion.demo.agency.rows import portal_rows
from ingestion.demo.portal.schema import ENTITIES
from ingestion.demo.portal.store import PortalStore

TODAY = date(2025, 12, 29)
DAYS = 21


@pytest.fixture(scope="module")
def agency() -> Agency:
    return simulate(seed=3, deals=600, first_today=TODAY)


def test_living_day_by_day_equals_looking_at_once(
    agency: Agency, tmp_path: Path
) -> None:
    last = TODAY + timedelta(days=DAYS)
    with (
        PortalStore(tmp_path / "daily.sqlite") as daily,
        PortalStore(tmp_path / "once.sqlite") as once,
    ):
        fill(daily, agency, end_of_day(TODAY))
        changed = 0
        for day in range(DAYS):
            start, end = TODAY + timedelta(days=day), TODAY + timedelta(days=day + 1)
            written = advance(daily, agency, end_of_day(start), end_of_day(end))
            changed += written["deal"]
        fill(once, agency, end_of_day(last))
        for entity in ENTITIES:
            assert daily.rows(entity) == once.rows(entity), entity
        assert 0 < changed < daily.count("deal")
        assert daily.now() == once.now() == end_of_day(last)


def test_the_portal_answers_the_rows_of_the_simulator(
    agency: Agency, tmp_path: Path
) -> None:
    now = end_of_day(TODAY)
    expected = portal_rows(agency, now)["deal"]
    with PortalStore(tmp_path / "portal.sqlite") as store:
        fill(store, agency, now)
        answers = store.rows("deal")
    lists = {
        name: expected.pop(name)
        for name in ("UF_CRM_DEAL_OWNER", "UF_CRM_OWNER_WEIGHT")
    }
    for answer, row in zip(answers, expected.to_dict("records"), strict=True):
        filled = {name: value for name, value in row.items() if value is not None}
        assert (
            filled.items()
            <= {
                name: value
                for name, value in answer.items()
                if not isinstance(value, list)
            }.items()
        )
        empty = {name for name, value in row.items() if value is None}
        assert {answer[name] for name in empty} <= {None, "", "0", "0.00"}
    for name, written in lists.items():
        kept = [
            re.sub("[ ']", "", str(answer[name])).replace("False", "None")
            for answer in answers
        ]
        assert kept == [str(value).replace('"', "") for value in written], name


def test_time_does_not_run_backwards(agency: Agency, tmp_path: Path) -> None:
    with (
        PortalStore(tmp_path / "portal.sqlite") as store,
        pytest.raises(ValueError, match="must be after"),
    ):
        advance(store, agency, end_of_day(TODAY), end_of_day(TODAY))


def test_a_fill_keeps_what_careful_writing_keeps(
    agency: Agency, tmp_path: Path
) -> None:
    """The feed hands over values as they are kept; people's texts give the same."""
    now = end_of_day(TODAY)
    with (
        PortalStore(tmp_path / "quick.sqlite", clock=lambda: now) as quick,
        PortalStore(tmp_path / "careful.sqlite", clock=lambda: now) as careful,
    ):
        fill(quick, agency, now)
        for entity, frame in portal_rows(agency, now).items():
            if entity in ENTITIES:
                columns = {str(name): list(frame[name]) for name in frame.columns}
                careful.bulk_insert(entity, columns)
    for entity in ENTITIES:
        assert kept(quick.path, entity) == kept(careful.path, entity), entity


def kept(path: Path, entity: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f'SELECT * FROM "{entity}" ORDER BY "ID"').fetchall()


def test_parts_of_any_size_fill_the_same_portal(
    agency: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = end_of_day(TODAY)
    with PortalStore(tmp_path / "whole.sqlite") as whole:
        fill(whole, agency, now)
        monkeypatch.setattr(portal_feed, "PART_ROWS", 97)
        with PortalStore(tmp_path / "parts.sqlite") as parts:
            assert fill(parts, agency, now)["deal"] == 600
            for entity in ENTITIES:
                assert whole.rows(entity) == parts.rows(entity), entity
