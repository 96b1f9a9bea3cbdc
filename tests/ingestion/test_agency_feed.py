"""Living day by day in the portal equals looking at once."""

from datetime import date, timedelta
from pathlib import Path

import pytest

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
    owners = expected.pop("UF_CRM_DEAL_OWNER")
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
    kept = [
        str(answer["UF_CRM_DEAL_OWNER"]).replace(" ", "").replace("False", "None")
        for answer in answers
    ]
    assert kept == [str(owner) for owner in owners]


def test_time_does_not_run_backwards(agency: Agency, tmp_path: Path) -> None:
    with (
        PortalStore(tmp_path / "portal.sqlite") as store,
        pytest.raises(ValueError, match="must be after"),
    ):
        advance(store, agency, end_of_day(TODAY), end_of_day(TODAY))
