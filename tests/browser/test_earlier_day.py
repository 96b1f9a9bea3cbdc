"""The registry's page of an earlier day shows what the workbook of that day said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.exports import ExportResult, export
from tests.browser.pages import Enter, choose, number, picture, settle, tile
from tests.conftest import Postgres
from tests.small_firm import SmallFirm, small_firm
from tests.superset_site import Site, serve_site

EARLIER_DAY = "01.04.2026"
OPEN = {"outcome_label": ["В работе"]}
PEOPLE = ("admin", "agent")


@dataclass(frozen=True)
class TwoDays:
    """A firm that published on two days, and workbooks of both by person."""

    firm: SmallFirm
    earlier: dict[str, ExportResult]
    later: dict[str, ExportResult]


def archived(firm: SmallFirm, folder: Path, name: str) -> dict[str, ExportResult]:
    return {
        person: export(
            firm.warehouse,
            "registry",
            username=person,
            filters=OPEN,
            out=folder / f"{person}_{name}.xlsx",
        )
        for person in PEOPLE
    }


@pytest.fixture(scope="module")
def two_days(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TwoDays]:
    folder = tmp_path_factory.mktemp("two_days")
    database = postgres.create_database("two_days")
    with small_firm(folder, database, start="2026-04-01 09:00") as firm:
        deals = [
            firm.deal(
                title=f"deal {owner}",
                stage="contract_signed",
                deal_owner=owner,
                responsible=owner,
                commission=100_000 * owner,
                contract_signed_date="2026-04-01",
                planned_settlement_date="2026-04-03",
            )
            for owner in (6, 6, 7, 8)
        ]
        firm.run_pass("2026-04-01 18:00")
        earlier = archived(firm, folder, "earlier")
        firm.at("2026-04-06 10:00")
        firm.update(deals[0], commission=650_000)
        firm.update(deals[1], stage="lost")
        firm.deal(stage="qualified", deal_owner=6, commission=1_000)
        firm.run_pass("2026-04-06 18:00")
        yield TwoDays(firm, earlier, archived(firm, folder, "later"))


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, two_days: TwoDays) -> Site:
    """The pages of this firm in place of the demo agency's."""
    return serve_site(request, two_days.firm.warehouse)


@pytest.mark.parametrize(
    ("person", "slug"), [("admin", "registry"), ("agent", "registry_split")]
)
def test_the_page_of_an_earlier_day_agrees_with_its_workbook(
    enter: Enter, site: Site, two_days: TwoDays, person: str, slug: str
) -> None:
    """And today's page with today's: deals, commission, what stands in the list."""
    earlier, later = two_days.earlier[person], two_days.later[person]
    assert earlier.sums["commission"] != later.sums["commission"]
    page = enter(person)
    page.goto(f"{site.url}/superset/dashboard/{slug}/")
    settle(page)

    def shown() -> tuple[Decimal, Decimal, int]:
        deals, commission = (
            number(tile(page, "number", key).locator(".header-line").inner_text())
            for key in ("total_deals", "total_commission")
        )
        rows = tile(page, "list", "registry").locator("tbody tr").count()
        return deals, commission, rows

    assert shown() == (later.rows, later.sums["commission"], later.rows)
    choose(page, "as_of_label", EARLIER_DAY)
    assert shown() == (earlier.rows, earlier.sums["commission"], earlier.rows)
    picture(page, f"registry-earlier-{person}")
    page.get_by_role("tab", name="Даты").click()
    settle(page)
    dates = tile(page, "list", "dates").locator("tbody")
    assert "Впереди" in dates.inner_text()
    assert "Просрочен" not in dates.inner_text()
