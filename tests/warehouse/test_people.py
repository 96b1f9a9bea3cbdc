"""People of a deal, through the whole pipeline: portal to registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Postgres
from tests.small_firm import CONNECTION, SmallFirm, key, small_firm

# One person answers for three key moments, another one for a fourth.
IN_THREE_ROLES, LAWYER = 6, 11


@dataclass
class Told:
    """The firm after its pass.

    Attributes:
        firm: The firm.
        shared: The deal of a person in three roles.
    """

    firm: SmallFirm
    shared: int


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("people")
    with small_firm(folder, postgres.create_database("people")) as firm:
        shared = firm.deal(
            stage="contract_signed",
            contract_owner=IN_THREE_ROLES,
            advance_owner=IN_THREE_ROLES,
            deal_owner=[IN_THREE_ROLES],
            lawyer=LAWYER,
            contract_signed_date="2026-01-12",
            advance_received_date="2026-01-14",
            advance_amount=50_000,
            commission=100_000,
        )
        firm.at("2026-01-20 15:00")
        firm.update(shared, stage="closed_won", settlement_date="2026-01-20")
        firm.run_pass("2026-01-21 09:00")
        yield Told(firm, shared)


def test_a_person_in_three_roles_is_one_deal(told: Told) -> None:
    """The registry shows a deal once, and the person's own edition shows it once."""
    firm = told.firm
    assert firm.value("select count(*) from reports.rpt_deal_registry") == 1
    # The demo's agent is the person.
    seen = firm.rows(
        "select count(*), count(distinct deal_key)"
        " from reports.rpt_deal_registry_participants where role = 'any'",
        person="agent",
    )
    assert seen == [(1, 1)]


def test_each_role_is_credited_and_the_deal_is_counted_once(told: Told) -> None:
    rows = told.firm.rows(
        "select event_type, replace(employee_key, %s, '')"
        " from dbt_core.fct_deal_events where deal_key = %s order by event_date",
        [f"{CONNECTION}:", key(told.shared)],
    )
    person = str(IN_THREE_ROLES)
    assert [row for row in rows if row[0] in EVENTS] == [
        (name, person) for name in EVENTS
    ]
    assert told.firm.value("select sum(deals_closed) from reports.rpt_kpi_daily") == 1


EVENTS = ("contract_signed", "advance_taken", "deal_closed")
