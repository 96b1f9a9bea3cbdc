"""Cards that break a rule whose facts lie in several tables: portal to findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.conftest import Postgres
from tests.small_firm import CONNECTION, SmallFirm, key, small_firm

# The reception's login; a rent brings nothing to this firm; pauses may last longer
# since the middle of February.
RECEPTION = 14
CHANGES = {
    "shared: []": f'shared: ["{RECEPTION}"]',
    "deal_types:\n": "free_deal_types: [RENT]\n\ndeal_types:\n",
    "    first_response_norm_min: 15\n": (
        "    first_response_norm_min: 15\n"
        "  - {valid_from: 2026-02-15, pause_limit_days: 90}\n"
    ),
}
UNKNOWN = 99
Found = set[tuple[str, str, str]]


@dataclass
class Cards:
    """Deals by name, and the findings that their cards must have.

    Attributes:
        firm: Where they are.
        numbers: Name -> number of the deal.
        planted: Rule, name of the deal, column of the registry.
    """

    firm: SmallFirm
    numbers: dict[str, int] = field(default_factory=dict)
    planted: Found = field(default_factory=set)

    def add(self, name: str, *broken: tuple[str, str], **fields: object) -> int:
        """Write a card that is right but for what it is to break."""
        number = self.firm.deal(
            **{
                "stage": "contract_signed",
                "price": 5_000_000,
                "commission": 150_000,
                "contract_number": f"No. {len(self.numbers)}",
                "contract_signed_date": "2026-01-12",
                "contract_owner": 6,
                "deal_owner": 6,
                **fields,
            }
        )
        self.numbers[name] = number
        self.planted |= {(rule, name, column) for rule, column in broken}
        return number

    def won(self, name: str, *broken: tuple[str, str], **fields: object) -> int:
        """Write the card of a sale that was closed."""
        advance = {"advance_received_date": "2026-01-12", "advance_owner": 6}
        return self.add(name, *broken, **{"stage": "closed_won", **advance, **fields})


@pytest.fixture(scope="module")
def cards(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cards]:
    """January to 20 April 2026, and one pass."""
    folder = tmp_path_factory.mktemp("card_rules")
    with small_firm(folder, postgres.create_database("card_rules")) as firm:
        firm.reconnect(folder, CHANGES)
        cards = Cards(firm)
        write_stages(cards)
        write_people(cards)
        write_money(cards)
        pause(cards)
        firm.at("2026-04-20 12:00")
        write_dates(cards)
        firm.run_pass("2026-04-20 18:00")
        yield cards


def write_stages(cards: Cards) -> None:
    firm = cards.firm
    unmapped = ("deal_stage_mapped", "stage_label")
    unconfirmed = ("deal_stage_confirmed", "stage_label")
    early = {"stage": "meeting_held", "contract_signed_date": None}
    cards.add("in a removed stage", unmapped, stage="LEGACY")
    cards.add("met nobody", unconfirmed, **early)
    met = cards.add("met", **early)
    firm.activity("meeting", met)
    cards.add("met nobody, but signed", stage="meeting_held")
    cards.add(
        "no advance",
        unconfirmed,
        ("deal_advance_date_filled", "advance_received_date"),
        stage="advance_taken",
    )
    cards.add(
        "an advance",
        stage="advance_taken",
        advance_received_date="2026-01-12",
        advance_owner=6,
    )


def write_people(cards: Cards) -> None:
    firm = cards.firm
    firm.store.bulk_insert(
        "user",
        {
            "ID": [RECEPTION],
            "NAME": ["Reception"],
            "LAST_NAME": ["Desk"],
            "ACTIVE": [1],
            "DATE_REGISTER": ["2026-01-12"],
            "UF_DEPARTMENT": ["[12]"],
        },
    )
    empty, shared = "deal_role_filled", "deal_login_personal"
    cards.add("signed by nobody", (empty, "contract_owner_name"), contract_owner=None)
    cards.add("of an unknown lawyer", (empty, "lawyer_name"), lawyer=UNKNOWN)
    cards.won("closed by nobody", (empty, "deal_owner_name"), deal_owner=None)
    cards.add("nobody's yet", ("deal_owner_works", "deal_owner_name"), deal_owner=None)
    cards.add(
        "of the reception", (shared, "contract_owner_name"), contract_owner=RECEPTION
    )
    cards.add(
        "assigned to the reception",
        (shared, "responsible_name"),
        responsible=RECEPTION,
    )
    cards.add("of the dismissed", ("deal_owner_works", "deal_owner_name"), deal_owner=9)
    cards.add("of the dismissed and another", deal_owner=[9, 6], owner_weight=[50, 50])
    owners = ("deal_owner_name",)
    cards.add("of two, in parts", deal_owner=[6, 7], owner_weight=[70, 30])
    cards.add("of two", ("deal_weights_entered", *owners), deal_owner=[6, 7])
    for name, weights in (("too much", [70, 40]), ("one part", [70])):
        cards.add(
            f"of two, {name}",
            ("deal_weights_whole", *owners),
            deal_owner=[6, 7],
            owner_weight=weights,
        )
    cards.add("lost by the dismissed", stage="lost", refusal_reason="55", deal_owner=9)
    firm.dismiss(9)


def write_money(cards: Cards) -> None:
    nothing = ("deal_commission_positive", "commission")
    cards.add("for nothing", nothing, commission=0)
    cards.add("for less than nothing", nothing, commission=-1)
    cards.add("for nothing and free", deal_type="rent", commission=0)
    cards.add("nothing yet", stage="qualified", commission=0)


def pause(cards: Cards) -> None:
    """The limit of the day on which a pause begins is the one that counts."""
    firm = cards.firm
    firm.at("2026-02-10 12:00")
    cards.add(
        "paused for 69 of 60 days",
        ("deal_pause_not_too_long", "stage_label"),
        stage="paused",
    )
    firm.at("2026-02-16 12:00")
    cards.add("paused for 63 of 90 days", stage="paused")


def write_dates(cards: Cards) -> None:
    firm = cards.firm
    future = "deal_closing_date_not_future"
    cards.won("won tomorrow", (future, "closing_date"), settlement_date="2026-04-21")
    cards.won("won today", settlement_date="2026-04-20")
    forgotten = cards.won("won once", ("deal_closing_date_known", "closing_date"))
    for row in firm.store.rows("stagehistory"):
        if row["OWNER_ID"] == forgotten:
            firm.store.delete("stagehistory", int(str(row["ID"])))
    cards.won("won without a settlement")
    cards.add(
        "signed tomorrow",
        ("deal_contract_date_not_future", "contract_signed_date"),
        ("deal_stage_confirmed", "stage_label"),
        contract_signed_date="2026-04-21",
    )
    advance = ("deal_advance_date_not_future", "advance_received_date")
    cards.add("advance tomorrow", advance, advance_received_date="2026-04-21")
    recorded = cards.add("advance recorded for tomorrow", advance)
    firm.record("advance", recorded, amount=1, received_date="2026-04-21")
    activity = ("deal_activity_not_future", "is_activity_in_future")
    met = cards.add("met tomorrow", activity)
    firm.activity("meeting", met, start="2026-04-21 10:00")
    invited = cards.add("will be met tomorrow")
    firm.activity("meeting", invited, start="2026-04-21 10:00", is_held=False)
    showing = ("deal_showing_confirmed", "first_showing_date")
    shown = cards.add("shown at a meeting", showing)
    flat = firm.record("unit", list_price=8_000_000)
    firm.activity("meeting", shown, start="2026-04-19 10:00", unit=flat)
    shown_well = cards.add("shown")
    firm.activity("showing", shown_well, start="2026-04-19 10:00", unit=flat)
    record = ("deal_record_not_future", "is_record_in_future")
    paid = cards.add("paid tomorrow", record)
    firm.record("payment", paid, amount=1, operation_date="2026-04-21")
    spent = cards.add("spent tomorrow", record)
    firm.record("expense", spent, amount=1, incurred_date="2026-04-21")


def test_exactly_the_planted_cards_are_found(cards: Cards) -> None:
    names = {str(number): name for name, number in cards.numbers.items()}
    found = cards.firm.rows(
        "select rule_id, deal_number, column_name from reports.rpt_findings"
        " where closed_at is null"
    )
    assert len(found) == len(set(found))
    assert {(rule, names[str(deal)], column) for rule, deal, column in found} == (
        cards.planted
    )


def test_the_cell_of_the_role_in_question_is_tinted(cards: Cards) -> None:
    states = cards.firm.rows(
        "select replace(deal_key, %s, ''), lawyer_name_state, deal_owner_name_state"
        " from reports.rpt_deal_registry where lawyer_name_state > 0",
        [f"{CONNECTION}:"],
    )
    [(missing,)] = cards.firm.rows(
        "select code from dbt_core.cell_states where cell_state = 'missing'"
    )
    assert states == [(str(cards.numbers["of an unknown lawyer"]), missing, 0)]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("of two, in parts", ["0.7000", "0.3000"]),
        ("of two", ["0.5000", "0.5000"]),
        ("of two, too much", ["0.6364", "0.3636"]),
    ],
)
def test_rule_7_parts_are_kept_as_entered_and_normalised(
    cards: Cards, name: str, weights: list[str]
) -> None:
    assert cards.firm.rows(
        "select credit_weight::text from dbt_core.fct_deal_participants"
        " where role = 'deal_owner' and deal_key = %s order by employee_key",
        [key(cards.numbers[name])],
    ) == [(weight,) for weight in weights]
