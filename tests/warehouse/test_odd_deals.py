"""Deals with something odd about them, made by hand through the portal's API.

The whole walk runs on the oldest PostgreSQL that is supported, for a checkout that
lies below a private folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.passes import PassRequest
from orchestration.postgres import OLDEST, SHARED_FOLDER, embedded_server
from tests.agency_home import CONNECTION, AgencyHome, living_agency

# People of the first group of sales; the odd kopeck goes to the lowest number.
OWNERS = ["6", "7", "10"]
SETTLED = {"STAGE_ID": "WON", "UF_CRM_SETTLEMENT_DATE": "2025-09-10"}
ODD_DEALS: dict[str, dict[str, object]] = {
    "three owners": {
        **SETTLED,
        # A day of its own, so that its rows of the marts can be told.
        "UF_CRM_SETTLEMENT_DATE": "2025-03-08",
        "UF_CRM_COMMISSION": "100000.00|RUB",
        "UF_CRM_DEAL_OWNER": OWNERS[::-1],
    },
    "two owners": {
        **SETTLED,
        "UF_CRM_COMMISSION": "100000.01|RUB",
        "UF_CRM_PARTNER_SHARE": "0.02|RUB",
        "UF_CRM_DEAL_OWNER": OWNERS[:0:-1],
    },
    "one owner named twice": {
        **SETTLED,
        "UF_CRM_COMMISSION": "70000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["7", "7"],
    },
    "nobody": {**SETTLED, "UF_CRM_COMMISSION": "50000.00|RUB", "ASSIGNED_BY_ID": "6"},
    "an owner nobody knows": {
        **SETTLED,
        "UF_CRM_COMMISSION": "60000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["9999"],
        "ASSIGNED_BY_ID": "6",
    },
    "won without a settlement": {
        "STAGE_ID": "WON",
        "UF_CRM_COMMISSION": "1000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["6"],
    },
    "settled tomorrow": {
        "STAGE_ID": "WON",
        "UF_CRM_SETTLEMENT_DATE": "2025-09-18",
        "UF_CRM_CONTRACT_DATE": "2025-09-18",
        "UF_CRM_CONTRACT_OWNER": "6",
        "UF_CRM_COMMISSION": "2000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["6"],
    },
    "a stage nobody mapped": {
        "STAGE_ID": "LEGACY",
        "UF_CRM_COMMISSION": "3000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["6"],
    },
    "in dollars": {
        **SETTLED,
        "CURRENCY_ID": "USD",
        "OPPORTUNITY": "900.00",
        "UF_CRM_COMMISSION": "90.00|USD",
        "UF_CRM_DEAL_OWNER": ["6"],
    },
    "lost and taken up again": {"STAGE_ID": "LOSE", "UF_CRM_DEAL_OWNER": ["6"]},
    "a test": {
        **SETTLED,
        "UF_CRM_IS_TEST": "1",
        "UF_CRM_COMMISSION": "8000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["6"],
    },
    "deleted later": {
        **SETTLED,
        "UF_CRM_COMMISSION": "9000.00|RUB",
        "UF_CRM_DEAL_OWNER": ["6"],
    },
}
GROUPS = ("Жук", "Ель", "Ёлка")


@dataclass
class Odd:
    """The agency with the odd deals, after a pass."""

    home: AgencyHome
    numbers: dict[str, str]

    def deal(self, name: str, *columns: str) -> tuple[object, ...] | None:
        """Columns of a deal in the registry; nothing when it is not there."""
        rows = self.home.rows(
            f"select {', '.join(columns)} from reports.rpt_deal_registry"
            " where deal_number = %s",
            [self.numbers[name]],
            login="data_team",
        )
        assert len(rows) <= 1
        return rows[0] if rows else None

    def credits(
        self, name: str, event: str = "commission_recognised", value: str = "amount"
    ) -> dict[str, object]:
        """What the closed deal gives each person."""
        rows = self.home.rows(
            f"select employee_key, {value} from dbt_core.fct_deal_events"
            " where event_type = %s and deal_key = %s",
            [event, f"{CONNECTION}:{self.numbers[name]}"],
        )
        return {str(key).removeprefix(f"{CONNECTION}:"): value for key, value in rows}


@pytest.fixture(scope="module")
def odd(server_folders: Callable[[str], Path]) -> Iterator[Odd]:
    folder = server_folders("odd_deals")
    folder.chmod(0o700)
    environment = {"REESTR_POSTGRES_VERSION": OLDEST}
    with living_agency(folder, environment, deals=20, seed=3) as home:
        server = embedded_server(home.settings)
        try:
            yield Odd(home, made(home))
        finally:
            server.stop()
            shutil.rmtree(server.data.parent)


def made(home: AgencyHome) -> dict[str, str]:
    """Make the odd deals, let one pass see them, change two and run another."""
    numbers = {
        name: str(
            home.portal.answer("crm.deal.add", fields={"TITLE": name, **fields})[
                "result"
            ]
        )
        for name, fields in ODD_DEALS.items()
    }
    groups = [row for row in home.store.rows("department") if row.get("PARENT") == "2"]
    for row, name in zip(groups, GROUPS, strict=False):
        home.store.update("department", int(str(row["ID"])), {"NAME": name})
    home.run_pass()
    reopened = numbers["lost and taken up again"]
    home.portal.answer("crm.deal.update", id=reopened, fields={"STAGE_ID": "NEW"})
    home.portal.answer("crm.deal.delete", id=numbers["deleted later"])
    home.run_pass(PassRequest(sweep=True))
    return numbers


def test_the_walk_runs_on_the_oldest_server_below_a_private_folder(odd: Odd) -> None:
    [(version,)] = odd.home.rows("show server_version")
    assert str(version).split(".")[0] == OLDEST
    server = embedded_server(odd.home.settings)
    if os.geteuid() == 0:
        assert SHARED_FOLDER in server.data.parents
    else:
        assert odd.home.settings.home in server.data.parents


# ------------------------------------------------------------------ splitting


def test_three_equal_owners_share_to_the_kopeck(odd: Odd) -> None:
    parts = odd.credits("three owners")
    assert [parts[owner] for owner in OWNERS] == [
        Decimal("33333.34"), Decimal("33333.33"), Decimal("33333.33"),
    ]  # fmt: skip
    weights = odd.credits("three owners", value="credit_weight")
    assert sorted(weights.values(), reverse=True) == [  # type: ignore[type-var]
        Decimal("0.3334"), Decimal("0.3333"), Decimal("0.3333"),
    ]  # fmt: skip
    assert odd.deal("three owners", "commission", "revenue_net") == (
        Decimal("100000.00"),
        Decimal("100000.00"),
    )


def test_credited_whole_three_owners_have_the_deal_each_and_the_firm_has_one(
    odd: Odd,
) -> None:
    rows = odd.home.rows(
        "select level, deals_closed, commission_gross from reports.rpt_kpi_daily_whole"
        " where event_date = '2025-03-08' and deals_closed <> 0",
        login="data_team",
    )
    whole = (Decimal(1), Decimal("100000.00"))
    by_level = {
        level: [tuple(values) for name, *values in rows if name == level]
        for level in ("employee", "company")
    }
    assert by_level == {"employee": [whole] * 3, "company": [whole]}
    assert odd.home.rows(
        "select sum(deals_closed), sum(commission_gross) from reports.rpt_kpi_daily"
        " where event_date = '2025-03-08'",
        login="data_team",
    ) == [whole]


def test_two_equal_owners_share_the_odd_kopeck(odd: Odd) -> None:
    assert odd.credits("two owners") == {
        OWNERS[1]: Decimal("50000.01"),
        OWNERS[2]: Decimal("50000.00"),
    }
    assert odd.credits("two owners", "revenue_recognised") == {
        OWNERS[1]: Decimal("50000.00"),
        OWNERS[2]: Decimal("49999.99"),
    }


def test_an_owner_named_twice_is_one_owner(odd: Odd) -> None:
    assert odd.credits("one owner named twice") == {"7": Decimal("70000.00")}


@pytest.mark.parametrize(
    ("name", "amount"),
    [("nobody", "50000.00"), ("an owner nobody knows", "60000.00")],
)
def test_a_fact_without_a_person_stays_with_the_department(
    odd: Odd, name: str, amount: str
) -> None:
    assert odd.credits(name) == {"unassigned": Decimal(amount)}
    rows = odd.home.rows(
        "select department_name, group_key from dbt_core.fct_deal_events"
        " where event_type = 'deal_closed' and deal_key = %s",
        [f"{CONNECTION}:{odd.numbers[name]}"],
    )
    [(group,)] = odd.home.rows(
        "select group_key from dbt_core.dim_employees where source_id = '6'"
    )
    assert rows == [("Продажи", group)]
    [(total,)] = odd.home.rows(
        "select sum(commission_gross) from reports.rpt_kpi_daily"
        " where employee_name = 'Не назначен' and event_date = '2025-09-10'",
        login="data_team",
    )
    assert total == Decimal("110000.00")


# --------------------------------------------------------------------- dates


def test_a_won_deal_without_a_settlement_closes_when_it_was_won(odd: Odd) -> None:
    found = odd.deal(
        "won without a settlement", "closing_date::text", "closing_date_basis"
    )
    assert found == ("2025-09-17", "Переход на этап")
    assert odd.credits("won without a settlement") == {"6": Decimal("1000.00")}


def test_a_date_in_the_future_is_shown_and_not_counted(odd: Odd) -> None:
    found = odd.deal("settled tomorrow", "closing_date::text", "outcome")
    assert found == ("2025-09-18", "won")
    assert odd.credits("settled tomorrow") == {}
    assert odd.home.rows(
        "select count(*) from reports.rpt_kpi_daily where event_date > '2025-09-17'"
    ) == [(0,)]


def test_a_deal_taken_up_again_is_no_refusal(odd: Odd) -> None:
    found = odd.deal("lost and taken up again", "outcome", "lost_date")
    assert found == ("open", None)
    assert odd.home.rows(
        "select count(*) from dbt_core.fct_deal_events where event_type = 'deal_lost'"
        " and deal_key = %s",
        [f"{CONNECTION}:{odd.numbers['lost and taken up again']}"],
    ) == [(0,)]


# ------------------------------------------------------------- who is counted


def test_a_deal_of_an_unmapped_stage_is_shown_and_counted(odd: Odd) -> None:
    found = odd.deal("a stage nobody mapped", "stage_label", "outcome", "commission")
    assert found == ("Не сопоставлено", "open", Decimal("3000.00"))


def test_deals_of_unmapped_stages_stand_in_every_stock(odd: Odd) -> None:
    """They are under their own name, and the stock's total is the registry's."""
    shown = odd.home.rows(
        "select count(*) from reports.rpt_deal_registry where stage = 'unmapped'"
    )
    assert shown != [(0,)]
    assert shown == odd.home.rows(
        "select sum(deals_open) from reports.rpt_kpi_stock where stage_label = %s",
        ["Не сопоставлено"],
    )
    assert odd.home.rows(
        "select count(*) from reports.rpt_deal_registry where outcome = 'open'"
    ) == odd.home.rows("select sum(deals_open) from reports.rpt_kpi_stock")


def test_a_foreign_amount_is_unknown_and_its_deal_counted(odd: Odd) -> None:
    """Nothing is converted without a rate."""
    assert odd.deal("in dollars", "price", "commission", "outcome") == (
        None,
        None,
        "won",
    )
    assert odd.credits("in dollars") == {"6": None}
    assert odd.credits("in dollars", value="credit_weight") == {"6": Decimal(1)}


@pytest.mark.parametrize("name", ["a test", "deleted later"])
def test_a_test_and_a_deleted_deal_are_not_shown(odd: Odd, name: str) -> None:
    assert odd.deal(name, "1") is None
    assert odd.credits(name) == {}
    for table in ("rpt_deal_registry_participants", "rpt_findings"):
        assert odd.home.rows(
            f"select count(*) from reports.{table} where deal_number = %s",
            [odd.numbers[name]],
        ) == [(0,)]
    kept = odd.home.rows(
        "select is_test, is_deleted from dbt_core.fct_deals where source_id = %s",
        [odd.numbers[name]],
    )
    assert kept == [(name == "a test", name == "deleted later")]


# ---------------------------------------------------------------------- order


def test_units_stand_in_russian_order(odd: Odd) -> None:
    rows = odd.home.rows(
        "select unit_label from reports.rpt_kpi_cards where period_code = 'month'"
        " and structure = 'today' and unit_label = any(%s) order by unit_order",
        [list(GROUPS)],
    )
    assert [label for (label,) in rows] == ["Ель", "Ёлка", "Жук"]
