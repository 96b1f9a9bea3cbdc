"""Edge rules of leads, clients and activities, lived by hand in a small firm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

PHONE = "+70000000001"
OTHER_PHONE = "+70000000002"
THIRD_PHONE = "+70000000003"
FOURTH_PHONE = "+70000000004"


@dataclass
class Told:
    """The firm after its pass, and the rows of its story by name."""

    firm: SmallFirm
    rows: dict[str, int] = field(default_factory=dict)

    def lead(self, name: str, *columns: str) -> tuple[object, ...]:
        """Columns of a lead."""
        [found] = self.firm.rows(
            f"select {', '.join(columns)} from dbt_core.fct_leads where lead_key = %s",
            [key(self.rows[name])],
        )
        return found

    def activities(self, deal: str, condition: str = "true") -> int:
        """How many activities of a deal count."""
        [(found,)] = self.firm.rows(
            "select count(*) from dbt_core.fct_activities"
            f" where deal_key = %s and {condition}",
            [key(self.rows[deal])],
        )
        assert isinstance(found, int)
        return found

    def events(self, name: str, event_type: str) -> int:
        """How many events of a deal and type are credited."""
        [(found,)] = self.firm.rows(
            "select count(*) from dbt_core.fct_deal_events"
            " where deal_key = %s and event_type = %s",
            [key(self.rows[name]), event_type],
        )
        assert isinstance(found, int)
        return found


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("clients")
    with small_firm(folder, postgres.create_database("clients")) as firm:
        rows: dict[str, int] = {}
        live(firm, rows)
        firm.run_pass("2026-05-20 12:00", until="core")
        yield Told(firm, rows)


def live(firm: SmallFirm, rows: dict[str, int]) -> None:
    """Tell the story, in order of time."""
    firm.at("2026-01-12 10:00")
    rows["first"] = firm.record("lead", phone=PHONE, title="First")
    firm.later(hours=1)
    # The same number, written as people write it.
    rows["open duplicate"] = firm.record("lead", phone="8 (000) 000-00-01")
    firm.later(hours=1)
    old = firm.record("lead", phone=FOURTH_PHONE)
    firm.change("lead", old, status="JUNK")
    firm.change("lead", rows["first"], status="JUNK")
    firm.change("lead", rows["open duplicate"], status="JUNK")
    rows["named alike"] = firm.record("lead", title="First")
    # The client of one company, and a colleague of the client.
    company = firm.record("company", title="Clients", kind="CUSTOMER")
    rows["company contact"] = firm.record(
        "contact", first_name="A", phone=OTHER_PHONE, company=company
    )
    rows["colleague"] = firm.record("contact", first_name="B", company=company)
    rows["by e-mail"] = firm.record("contact", first_name="C", email="C@Example.test")
    rows["by e-mail too"] = firm.record(
        "contact", first_name="D", email="c@example.test"
    )
    rows["won"] = firm.deal(contact=rows["company contact"])
    live_activities(firm, rows)
    firm.at("2026-02-10 12:00")
    firm.update(rows["won"], stage="closed_won", settlement_date="2026-02-10")
    firm.at("2026-02-12 12:00")
    rows["after a win"] = firm.record("lead", phone=OTHER_PHONE)
    # Refused on 12.01: 90 days on the refusal still counts, a day later no more.
    firm.at("2026-04-12 12:00")
    rows["within the window"] = firm.record("lead", phone=PHONE)
    firm.at("2026-04-13 12:00")
    rows["after the window"] = firm.record("lead", phone=FOURTH_PHONE)
    rows["spam"] = firm.record("lead", phone=THIRD_PHONE)
    firm.later(minutes=1)
    firm.change("lead", rows["spam"], status="SPAM")
    rows["after spam"] = firm.record("lead", phone=THIRD_PHONE)
    firm.later(minutes=1)
    rows["paused"] = firm.record("lead", phone="+70000000009")
    firm.at("2026-05-10 12:00")
    firm.change("lead", rows["paused"], status="PAUSED", pause_reason="Away")


def live_activities(firm: SmallFirm, rows: dict[str, int]) -> None:
    """Tell what people did on the deal."""
    deal = rows["won"]
    firm.at("2026-01-13 10:00")
    firm.activity("call", deal, minutes=5)
    # A person wrote the same call down, half a minute later.
    firm.activity("call", deal, start="2026-01-13 10:00:30", minutes=1)
    firm.activity("call", deal, start="2026-01-13 10:02:00", minutes=0.5)
    firm.activity("call", deal, start="2026-01-13 10:02:10", DIRECTION=1)
    firm.activity("call", deal, start="2026-01-13 11:00", STATUS=3)
    firm.activity("meeting", deal, start="2026-01-14 10:00")
    firm.activity("meeting", deal, start="2026-01-14 10:40")
    firm.activity("meeting", deal, start="2026-01-20 10:00")
    moved = firm.activity("meeting", deal, start="2026-01-15 10:00", is_held=False)
    firm.at("2026-01-15 12:00")
    firm.change("activity", moved, start="2026-02-03 10:00", end="2026-02-03 11:00")
    firm.activity("showing", deal, start="2026-01-16 10:00")
    firm.activity("showing", deal, start="2026-01-17 10:00", is_held=False)


def test_a_lead_with_a_phone_of_an_open_lead_is_a_duplicate(told: Told) -> None:
    first = f"lead {key(told.rows['first'])}"
    assert told.lead("first", "is_duplicate", "is_repeat") == (False, False)
    assert told.lead("open duplicate", "is_duplicate", "duplicate_of") == (True, first)


def test_a_name_alone_makes_no_duplicate(told: Told) -> None:
    assert told.lead("named alike", "is_duplicate", "is_repeat") == (False, False)


def test_a_client_who_comes_again_after_a_won_deal_is_a_repeat(told: Told) -> None:
    found = told.lead("after a win", "is_duplicate", "is_repeat", "novelty")
    assert found == (False, True, "repeat")


def test_a_refusal_counts_for_the_window_and_no_longer(told: Told) -> None:
    found = told.lead("within the window", "is_duplicate", "is_repeat")
    assert found == (True, False)
    found = told.lead("after the window", "is_duplicate", "is_repeat")
    assert found == (False, True)


def test_spam_is_nobodys_earlier_request(told: Told) -> None:
    assert told.lead("after spam", "is_duplicate", "is_repeat") == (False, False)


def test_a_pause_has_its_reason_and_its_days(told: Told) -> None:
    [(reason, days, is_open)] = told.firm.rows(
        "select pause_reason, pause_days, is_open from dbt_core.fct_lead_pauses"
    )
    # Numbers speak of the end of the day.
    assert (reason, days, is_open) == ("Away", Decimal("10.5"), True)


def test_contacts_of_one_company_or_e_mail_are_one_party(told: Told) -> None:
    parties = dict(
        told.firm.rows("select contact_key, party_key from dbt_core.dim_contacts")
    )
    named = {name: parties.get(key(row)) for name, row in told.rows.items()}
    assert named["company contact"] == named["colleague"] is not None
    assert named["by e-mail"] == named["by e-mail too"] != named["colleague"]


def test_one_call_in_telephony_and_in_the_crm_counts_once(told: Told) -> None:
    """Rule 27: the longest record of it survives."""
    [(seconds,)] = told.firm.rows(
        "select max(duration_s) from dbt_core.fct_activities"
        " where started_at < '2026-01-13 10:01:00+03'"
    )
    assert seconds == 300
    assert told.activities("won", "activity_type = 'call' and direction = 'out'") == 3
    assert told.activities("won", "activity_type = 'call' and direction = 'in'") == 1


def test_a_robot_calls_nobody(told: Told) -> None:
    assert told.activities("won", "is_auto") == 1
    assert told.events("won", "call_made") == 2


def test_only_a_talk_as_long_as_the_setting_is_effective(told: Told) -> None:
    assert told.events("won", "call_effective") == 1


def test_a_meeting_written_down_twice_is_one_meeting(told: Told) -> None:
    """The dictionary's rule: the same deal and host within 60 minutes."""
    assert told.events("won", "meeting_held") == 2
    assert told.events("won", "meeting_first") == 1


def test_a_rescheduled_meeting_is_one_planned_meeting_at_its_last_date(
    told: Told,
) -> None:
    dates = told.firm.rows(
        "select cast(event_date as text) from dbt_core.fct_deal_events"
        " where event_type = 'meeting_planned' order by 1"
    )
    assert [date for (date,) in dates] == ["2026-01-14", "2026-01-20", "2026-02-03"]


def test_a_showing_that_did_not_take_place_failed(told: Told) -> None:
    assert told.events("won", "showing_planned") == 2
    assert told.events("won", "showing_held") == 1
    assert told.events("won", "showing_failed") == 1


def test_a_deal_knows_its_first_answer_and_its_last_touch(told: Told) -> None:
    found = told.firm.rows(
        "select cast(first_response_date as text), cast(first_meeting_date as text),"
        " cast(first_showing_date as text), cast(last_touch_date as text),"
        " cast(open_step_dates as text) from dbt_intermediate.int_deals__touched"
    )
    steps = "{2026-01-17,2026-02-03}"
    assert found == [("2026-01-13", "2026-01-14", "2026-01-16", "2026-01-20", steps)]
