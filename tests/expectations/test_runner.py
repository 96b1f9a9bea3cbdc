"""The rules on real tables: every failing record is named, not the first twenty."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pytest
from great_expectations import expectations as gxe

from expectations.rule import RuleError, rule
from expectations.rules.deals import RULES
from expectations.runner import CheckError, failing_records
from tests.conftest import Postgres

DEALS = 50_000
COLUMNS = """
    deal_key text, outcome text, is_under_contract boolean,
    is_sale_after_advance boolean, is_in_preparation boolean, channel_label text,
    commission numeric(18, 2), price numeric(18, 2), contract_signed_date date,
    contract_number_uses bigint, advance_received_date date,
    planned_settlement_date date, is_planned_settlement_past boolean,
    refusal_reason text, commission_share numeric, commission_current numeric(18, 2),
    is_commission_due boolean, stage text, is_stage_unconfirmed boolean,
    is_pause_too_long boolean, closing_date date, is_closing_in_future boolean,
    is_contract_in_future boolean, is_advance_in_future boolean,
    is_activity_in_future boolean, is_record_in_future boolean,
    role_of_nobody text, role_of_shared_login text, role_of_wrong_weights text,
    role_without_weights text, is_ownerless boolean,
    is_showing_unconfirmed boolean, reservation_extensions bigint
"""
GOOD: Mapping[str, str] = {
    "outcome": "'lost'",
    "is_under_contract": "true",
    "is_sale_after_advance": "true",
    "is_in_preparation": "true",
    "channel_label": "'Звонок'",
    "commission": "450000",
    "price": "9000000",
    "contract_signed_date": "'2026-09-01'",
    "contract_number_uses": "1",
    "advance_received_date": "'2026-09-18'",
    "planned_settlement_date": "'2026-12-12'",
    "is_planned_settlement_past": "false",
    "refusal_reason": "'Передумал'",
    "commission_share": "0.05",
    "commission_current": "450000",
    "is_commission_due": "true",
    "stage": "'lost'",
    "is_stage_unconfirmed": "false",
    "is_pause_too_long": "false",
    "closing_date": "null",
    "is_closing_in_future": "false",
    "is_contract_in_future": "false",
    "is_advance_in_future": "false",
    "is_activity_in_future": "false",
    "is_record_in_future": "false",
    "role_of_nobody": "null",
    "role_of_shared_login": "null",
    "role_of_wrong_weights": "null",
    "role_without_weights": "null",
    "is_ownerless": "false",
    "is_showing_unconfirmed": "false",
    "reservation_extensions": "2",
}
# What spoils a good card for one rule, and what makes the spoiled card right again.
SPOILED: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "deal_channel_filled": ({"channel_label": "null"}, {}),
    "deal_commission_filled": (
        {"commission": "null"},
        {"is_under_contract": "false"},
    ),
    "deal_price_filled": ({"price": "null"}, {"is_under_contract": "false"}),
    "deal_contract_date_filled": (
        {"contract_signed_date": "null"},
        {"is_under_contract": "false"},
    ),
    "deal_contract_number_unique": ({"contract_number_uses": "2"}, {}),
    "deal_advance_date_filled": (
        {"advance_received_date": "null"},
        {"is_sale_after_advance": "false"},
    ),
    "deal_planned_settlement_filled": (
        {"planned_settlement_date": "null"},
        {"is_in_preparation": "false"},
    ),
    "deal_planned_settlement_not_past": ({"is_planned_settlement_past": "true"}, {}),
    "deal_refusal_reason_filled": ({"refusal_reason": "null"}, {"outcome": "'open'"}),
    "deal_commission_share_plausible": (
        {"commission_share": "0.11"},
        {"commission_share": "null"},
    ),
    "deal_commission_positive": (
        {"commission_current": "0"},
        {"is_commission_due": "false"},
    ),
    "deal_stage_mapped": ({"stage": "'unmapped'"}, {}),
    "deal_stage_confirmed": ({"is_stage_unconfirmed": "true"}, {}),
    "deal_pause_not_too_long": ({"is_pause_too_long": "true"}, {}),
    "deal_closing_date_known": ({"outcome": "'won'"}, {"closing_date": "'2026-09-30'"}),
    "deal_closing_date_not_future": ({"is_closing_in_future": "true"}, {}),
    "deal_contract_date_not_future": ({"is_contract_in_future": "true"}, {}),
    "deal_advance_date_not_future": ({"is_advance_in_future": "true"}, {}),
    "deal_activity_not_future": ({"is_activity_in_future": "true"}, {}),
    "deal_record_not_future": ({"is_record_in_future": "true"}, {}),
    "deal_role_filled": ({"role_of_nobody": "'lawyer'"}, {}),
    "deal_login_personal": ({"role_of_shared_login": "'lawyer'"}, {}),
    "deal_weights_whole": ({"role_of_wrong_weights": "'lawyer'"}, {}),
    "deal_weights_entered": ({"role_without_weights": "'lawyer'"}, {}),
    "deal_owner_works": ({"is_ownerless": "true"}, {}),
    "deal_showing_confirmed": ({"is_showing_unconfirmed": "true"}, {}),
    "deal_reservation_not_overextended": (
        {"reservation_extensions": "3"},
        {"reservation_extensions": "null"},
    ),
}


@pytest.fixture(scope="module")
def database_url(postgres: Postgres) -> str:
    """Fifty thousand deals, and one good and one bad card for every rule."""
    url = postgres.create_database("rules")
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table many_deals as select 'demo_agency:' || number as deal_key,"
            " case when number % 10 < 7 then number end as commission"
            f" from generate_series(1, {DEALS}) as numbers (number)"
        )
        connection.execute(f"create table few_deals ({COLUMNS})")
        names = ", ".join(["deal_key", *GOOD])
        cards = {"good": GOOD}
        for rule_id, (spoiled, excused) in SPOILED.items():
            cards[f"{rule_id}:fails"] = {**GOOD, **spoiled}
            if excused:
                cards[f"{rule_id}:excused"] = {**GOOD, **spoiled, **excused}
        for key, values in cards.items():
            literals = ", ".join([f"'{key}'", *values.values()])
            connection.execute(f"insert into few_deals ({names}) values ({literals})")
    return url


def test_every_failing_record_of_fifty_thousand_is_named(database_url: str) -> None:
    """The library names twenty by default; 30 % of the deals fail here."""
    filled = rule(
        id="commission_filled",
        title="Комиссия: нет суммы",
        hint="Карточка сделки",
        owner="Отдел продаж",
        severity="critical",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(column="commission"),
    )
    found = list(
        failing_records(
            [filled], database_url=database_url, schema="public", table="many_deals"
        )
    )
    with psycopg.connect(database_url) as connection:
        expected = {
            key
            for (key,) in connection.execute(
                "select deal_key from many_deals where commission is null"
            )
        }
    assert len(expected) == DEALS * 3 // 10
    assert len(found) == len(expected)
    assert {result.record_key for result in found} == expected
    assert {(result.rule_id, result.column) for result in found} == {
        ("commission_filled", "commission")
    }


def test_a_rule_on_a_missing_column_is_an_error_not_silence(database_url: str) -> None:
    lost = rule(
        id="no_such_column",
        title="Нет столбца",
        hint="",
        owner="Отдел продаж",
        severity="minor",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(column="comission"),
    )
    with pytest.raises(CheckError, match=r"rule no_such_column .* public\.many_deals"):
        list(
            failing_records(
                [lost], database_url=database_url, schema="public", table="many_deals"
            )
        )


def test_each_rule_finds_its_bad_card_and_passes_the_others(database_url: str) -> None:
    found = list(
        failing_records(
            RULES, database_url=database_url, schema="public", table="few_deals"
        )
    )
    assert {(result.rule_id, result.record_key) for result in found} == {
        (each.id, f"{each.id}:fails") for each in RULES
    }
    columns = {result.rule_id: result.column for result in found}
    assert columns["deal_login_personal"] == "lawyer_name"


def test_each_rule_has_its_cards() -> None:
    assert len({each.id for each in RULES}) == len(RULES)
    assert {each.id for each in RULES} == set(SPOILED)


def test_a_marked_column_is_the_judged_one_unless_another_is_named() -> None:
    marks = {each.id: each.marks for each in RULES}
    assert marks["deal_commission_filled"] == "commission"
    assert marks["deal_contract_number_unique"] == "contract_number"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("severity", "urgent", "severity 'urgent' is none of"),
        ("cell_state", "waived", "state 'waived' is none of"),
    ],
)
def test_a_rule_written_wrongly_says_how(field: str, value: str, words: str) -> None:
    fields = {"severity": "major", "cell_state": "missing", field: value}
    with pytest.raises(RuleError, match=words):
        rule(
            id="wrong",
            title="",
            hint="",
            owner="",
            expect=gxe.ExpectColumnValuesToNotBeNull(column="price"),
            severity=fields["severity"],
            cell_state=fields["cell_state"],
        )
