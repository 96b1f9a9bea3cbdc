"""Terms that are moved, reasons that are given, months that lose and win revenue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

PLANNED = {"deal_owner": 6, "author": 6, "planned_settlement_date": "2026-04-25"}
LATER = {"planned_settlement_date": "2026-05-06"}
REASON = {"settlement_change_reason": "The bank is not ready"}


@dataclass
class Told:
    """The firm after its passes, its deals by name."""

    firm: SmallFirm
    deals: dict[str, int]

    def events(self, name: str, event_type: str) -> list[tuple[object, ...]]:
        """Day, person and amount of a deal's events of a type."""
        return self.firm.rows(
            "select event_date, employee_key, amount from dbt_core.fct_deal_events"
            " where deal_key = %s and event_type = %s order by event_date",
            [key(self.deals[name]), event_type],
        )


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """Plans move on 9 April; the last pass is in May."""
    folder = tmp_path_factory.mktemp("moves")
    url = postgres.create_database("moves")
    with small_firm(folder, url, start="2026-04-01 09:00") as firm:
        yield Told(firm, lived(firm))


def lived(firm: SmallFirm) -> dict[str, int]:
    """Move meetings, reservations and settlements."""
    names = ("explained", "explained in time", "explained too late", "never explained")
    deals = {name: firm.deal(**PLANNED) for name in names}
    deals["lost before May"] = firm.deal(
        commission=200_000, partner_share=50_000, **PLANNED
    )
    deals["met"] = firm.deal(deal_owner=6)
    deals["reserved"] = firm.deal(deal_owner=6)
    moved = firm.activity(
        "meeting", deals["met"], start="2026-04-20 12:00", host=7, is_held=False
    )
    held = firm.activity(
        "meeting", deals["met"], start="2026-04-09 11:00", host=7, is_held=False
    )
    unit = firm.record("unit", list_price=8_000_000)
    reservation = firm.record(
        "reservation",
        deals["reserved"],
        unit=unit,
        from_at="2026-04-01 09:00",
        until_at="2026-04-10 09:00",
    )
    deals["reserved on"] = firm.deal(deal_owner=6)
    held_on = firm.record(
        "reservation",
        deals["reserved on"],
        unit=firm.record("unit", list_price=8_000_000),
        from_at="2026-04-01 09:00",
        until_at="2026-04-10 09:00",
    )
    firm.run_pass("2026-04-09 10:00")
    firm.at("2026-04-09 12:00")
    for name in (*names, "lost before May"):
        given = REASON if name == "explained" else {}
        firm.update(deals[name], **LATER, **given)
    firm.change("activity", moved, start="2026-04-21 12:00")
    # What takes place overwrites its plan: nobody has moved it.
    firm.change("activity", held, start="2026-04-09 11:30", is_completed=True)
    firm.change("reservation", reservation, until_at="2026-04-12 09:00")
    firm.change("reservation", held_on, until_at="2026-04-12 09:00")
    firm.run_pass("2026-04-09 13:00", until="core")
    firm.at("2026-04-10 09:00")
    firm.update(deals["explained in time"], **REASON)
    firm.update(deals["lost before May"], stage="lost", **REASON)
    firm.change("activity", moved, start="2026-04-22 12:00")
    firm.change("reservation", reservation, until_at="2026-04-11 09:00")
    firm.change("reservation", held_on, until_at="2026-04-13 09:00")
    firm.run_pass("2026-04-10 10:00", until="core")
    firm.at("2026-04-11 09:00")
    firm.update(deals["explained too late"], **REASON)
    firm.change("reservation", reservation, until_at="2026-04-15 09:00")
    firm.change("reservation", held_on, until_at="2026-04-14 09:00")
    firm.run_pass("2026-04-11 10:00")
    firm.run_pass("2026-05-02 10:00", until="core")
    return deals


@pytest.mark.parametrize(
    ("name", "is_missing"),
    [
        ("explained", False),
        ("explained in time", False),
        ("explained too late", True),
        ("never explained", True),
    ],
)
def test_a_date_change_has_its_reason_within_a_day(
    told: Told, name: str, is_missing: bool
) -> None:
    assert told.firm.rows(
        "select is_reason_missing from dbt_core.fct_deal_field_changes"
        " where deal_key = %s",
        [key(told.deals[name])],
    ) == [(is_missing,)]
    unexplained = [(date(2026, 4, 9), "demo_agency:6", None)] if is_missing else []
    assert told.events(name, "settlement_change_unexplained") == unexplained


def test_revenue_leaves_the_month_of_the_old_date_and_comes_to_that_of_the_new(
    told: Told,
) -> None:
    """The month it comes to had not begun when the deal changed for the last time."""
    owner, amount = "demo_agency:6", Decimal("150000.00")
    assert told.events("lost before May", "revenue_moved_out") == [
        (date(2026, 4, 9), owner, amount)
    ]
    assert told.events("lost before May", "revenue_moved_in") == [
        (date(2026, 5, 1), owner, amount)
    ]


def test_a_meeting_is_moved_until_it_takes_place(told: Told) -> None:
    assert told.events("met", "meeting_rescheduled") == [
        (date(2026, 4, 9), "demo_agency:7", None),
        (date(2026, 4, 10), "demo_agency:7", None),
    ]


def test_a_reservation_is_extended_when_its_term_moves_on(told: Told) -> None:
    """A shorter term is a move, but no extension."""
    assert told.firm.rows(
        "select count(*) from dbt_core.fct_term_moves"
        " where term_type = 'reservation' and deal_key = %s",
        [key(told.deals["reserved"])],
    ) == [(3,)]
    assert [day for day, _, _ in told.events("reserved", "reservation_extended")] == [
        date(2026, 4, 9),
        date(2026, 4, 11),
    ]


def test_a_reservation_extended_more_than_twice_is_a_finding(told: Told) -> None:
    assert told.firm.rows(
        "select deal_key, column_name from reports.rpt_findings"
        " where rule_id = 'deal_reservation_not_overextended'"
    ) == [(key(told.deals["reserved on"]), "reservation_date")]
