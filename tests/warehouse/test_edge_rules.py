"""Edge rules of the dictionary that no part of its own has: portal to facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

EVENTS = (
    "select event_type, event_date, detail, credit_weight"
    " from dbt_core.fct_deal_events where deal_key = %s and event_type = any(%s)"
    " order by event_date, event_type"
)
Event = tuple[object, ...]


@dataclass
class Told:
    """The firm after two passes.

    Attributes:
        firm: The firm.
        deals: Its deals by name.
        in_march: Events of the rescinded deal, as the first pass knew them.
    """

    firm: SmallFirm
    deals: dict[str, int]
    in_march: list[Event]

    def events(self, name: str, *types: str) -> list[Event]:
        """Events of a deal: type, day, detail and weight."""
        return self.firm.rows(EVENTS, [key(self.deals[name]), list(types)])


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("edge_rules")
    url = postgres.create_database("edge_rules")
    with small_firm(folder, url, start="2026-03-02 09:00") as firm:
        deals = lived_until_march(firm)
        firm.run_pass("2026-03-31 23:00", until="core")
        told = Told(firm, deals, [])
        told.in_march = told.events("rescinded", "deal_closed", "deal_lost")
        lived_until_may(firm, deals)
        firm.run_pass("2026-05-31 23:00", until="core")
        yield told


def lived_until_march(firm: SmallFirm) -> dict[str, int]:
    """Win, lose and call."""
    client = firm.record("contact", last_name="Client", phone="+70001112233")
    firm.at("2026-03-05 10:00")
    deals = {
        name: firm.deal(deal_owner=6, commission=100_000, contact=client)
        for name in ("rescinded", "taken up again", "called")
    }
    deals["void"] = firm.deal(
        deal_owner=6,
        commission=70_000,
        stage="closed_won",
        settlement_date="2026-03-04",
        is_void=True,
    )
    firm.update(deals["called"], planned_settlement_date="2026-06-01")
    firm.at("2026-03-06 10:30")
    for start, minutes, direction in (
        ("2026-03-06 10:00:00", 3, 2),
        ("2026-03-06 10:00:40", 1, 2),
        ("2026-03-06 10:00:20", 2, 1),
        ("2026-03-06 10:05:00", 2, 2),
    ):
        firm.activity(
            "call", deals["called"], start=start, minutes=minutes, direction=direction
        )
    firm.at("2026-03-10 12:00")
    firm.update(deals["taken up again"], stage="lost")
    firm.at("2026-03-15 12:00")
    firm.update(deals["taken up again"], stage="qualified")
    firm.at("2026-03-20 12:00")
    firm.update(deals["rescinded"], stage="closed_won", settlement_date="2026-03-20")
    return deals


def lived_until_may(firm: SmallFirm, deals: dict[str, int]) -> None:
    """Lose again what was taken up, and what was won."""
    firm.at("2026-04-05 12:00")
    firm.update(deals["taken up again"], stage="lost")
    firm.at("2026-04-20 12:00")
    firm.update(deals["called"], planned_settlement_date="2026-06-15")
    firm.at("2026-05-12 12:00")
    firm.update(deals["rescinded"], stage="lost")


def test_rule_2_a_deal_rescinded_after_closing_leaves_its_month(told: Told) -> None:
    """The month is not locked: it is restated, and the collapse is counted once."""
    [(name, day, _, weight)] = told.in_march
    assert (name, day, weight) == ("deal_closed", date(2026, 3, 20), Decimal(1))
    lost = ("deal_lost", date(2026, 5, 12), "after_closing", Decimal(1))
    assert told.events("rescinded", "deal_closed", "deal_lost") == [lost]


def test_rule_16_a_deal_lost_again_is_one_refusal_and_two_events(told: Told) -> None:
    found = told.events("taken up again", "deal_lost", "deal_refused")
    assert [row[:2] for row in found] == [
        ("deal_refused", date(2026, 3, 10)),
        ("deal_lost", date(2026, 4, 5)),
        ("deal_refused", date(2026, 4, 5)),
    ]


def test_a_deal_entered_by_mistake_has_no_facts(told: Told) -> None:
    rows = told.firm.rows(
        "select 1 from dbt_core.fct_deal_events where deal_key = %s",
        [key(told.deals["void"])],
    )
    assert rows == []


def test_rule_27_a_call_of_telephony_and_crm_is_one_call(told: Told) -> None:
    """The same client and direction within a minute; the longest entry survives."""
    rows = told.firm.rows(
        "select direction, to_char(started_at at time zone 'Europe/Moscow',"
        " 'HH24:MI:SS'), duration_s from dbt_core.fct_activities"
        " where activity_type = 'call' order by started_at"
    )
    assert rows == [
        ("out", "10:00:00", 180),
        ("in", "10:00:20", 120),
        ("out", "10:05:00", 120),
    ]


def test_rule_28_a_change_between_snapshots_is_known_to_the_day(told: Told) -> None:
    """Bitrix24 keeps no log of fields: a number from snapshots carries its mark."""
    rows = told.firm.rows(
        "select precision from dbt_core.fct_deal_field_changes"
        " where deal_key = %s and field = 'planned_settlement_date'",
        [key(told.deals["called"])],
    )
    assert rows == [("between_snapshots",)]
