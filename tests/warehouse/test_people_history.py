"""Who is credited, and where the person was: transfers, handovers, logins, shares."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook

from orchestration.decisions.door import decide, decide_lines
from orchestration.decisions.sheet import Line
from orchestration.decisions.templates import template
from orchestration.demo_plans import approve_plans
from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

# Person 13 is a second login of person 6, login 14 is worked under by several.
LOGINS = {
    "accounts: {}": 'accounts: {"6": ["13"]}',
    "shared: []": 'shared: ["14"]',
}
MOVED_IN_CRM, MOVED_EARLIER = 9, 10
GROUP_1, GROUP_2 = "demo_agency:11", "demo_agency:12"


@dataclass
class Told:
    """The firm after its passes, its deals by name."""

    firm: SmallFirm
    deals: dict[str, int]

    def credits(self, name: str, event: str = "revenue_recognised") -> list[object]:
        """Person, group and amount of a deal's events of one type."""
        return list(
            self.firm.rows(
                "select replace(employee_key, 'demo_agency:', ''), group_key,"
                " credit_weight, amount from dbt_core.fct_deal_events"
                " where event_type = %s and deal_key = %s"
                " order by length(employee_key), employee_key",
                [event, key(self.deals[name])],
            )
        )

    def participants(self, name: str, role: str, *columns: str) -> list[object]:
        """Columns of a role's participants."""
        return list(
            self.firm.rows(
                f"select {', '.join(columns)} from dbt_core.fct_deal_participants"
                " where deal_key = %s and role = %s"
                " order by length(employee_key), employee_key",
                [key(self.deals[name]), role],
            )
        )


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """April 2026: passes on the 9th, 15th and 20th, the last one after a decision."""
    folder = tmp_path_factory.mktemp("people")
    database = postgres.create_database("people")
    with small_firm(folder, database, start="2026-04-01 09:00") as firm:
        name_logins(firm, folder)
        yield Told(firm, lived(firm, folder))


def name_logins(firm: SmallFirm, folder: Path) -> None:
    """Give the firm a connection file that says whose the logins are."""
    firm.reconnect(folder, LOGINS)
    firm.store.bulk_insert(
        "user",
        {
            "ID": [13, 14],
            "NAME": ["Second", "Reception"],
            "LAST_NAME": ["Login", "Desk"],
            "ACTIVE": [1, 1],
            "DATE_REGISTER": ["2026-01-12", "2026-01-12"],
            "UF_DEPARTMENT": ["[11]", "[12]"],
        },
    )


def won(day: str, owner: int | list[int], **fields: object) -> dict[str, object]:
    """Fields of a deal that closes on a day."""
    return {
        "stage": "closed_won",
        "deal_owner": owner,
        "settlement_date": day,
        "commission": 100_000,
        **fields,
    }


def lived(firm: SmallFirm, folder: Path) -> dict[str, int]:
    """Let the deals live through the transfers and handovers of April."""
    deals = {
        "three owners": firm.deal(**won("2026-04-02", [6, 7, 10])),
        "in two roles": firm.deal(**won("2026-04-02", [8], mortgage_broker=8)),
        "two logins": firm.deal(**won("2026-04-02", [13, 7])),
        "of the second login": firm.deal(**won("2026-04-02", [13], responsible=13)),
        "of the shared login": firm.deal(**won("2026-04-02", [14], responsible=14)),
        "of an unknown person": firm.deal(**won("2026-04-02", [99], responsible=7)),
        "of the dismissed": firm.deal(stage="contract_signed", deal_owner=[5]),
        "closed and then edited": firm.deal(**won("2026-04-02", [6])),
        "handed over": firm.deal(
            stage="contract_signed", advance_owner=6, deal_owner=6
        ),
    }
    firm.run_pass("2026-04-09 18:00", until="core")
    firm.at("2026-04-10 12:00")
    for mover in (MOVED_IN_CRM, MOVED_EARLIER):
        deals[f"{mover} on the 10th"] = firm.deal(**won("2026-04-10", mover))
    firm.update(
        deals["handed over"],
        stage="advance_taken",
        advance_received_date="2026-04-10",
        advance_amount=50_000,
    )
    firm.at("2026-04-15 09:00")
    firm.transfer(MOVED_IN_CRM, 12)
    firm.run_pass("2026-04-15 10:00", until="core")
    firm.at("2026-04-16 12:00")
    # The advance stays with who took it; the deal closes with its new owner.
    firm.update(deals["handed over"], advance_owner=8, deal_owner=[8])
    firm.update(
        deals["closed and then edited"], deal_owner=[7], pipeline="1", stage="C1:WON"
    )
    firm.dismiss(5)
    firm.at("2026-04-20 09:00")
    firm.transfer(MOVED_EARLIER, 11)
    for mover in (MOVED_IN_CRM, MOVED_EARLIER):
        deals[f"{mover} on the 17th"] = firm.deal(**won("2026-04-17", mover))
        deals[f"{mover} on the 20th"] = firm.deal(**won("2026-04-20", mover))
    firm.run_pass("2026-04-20 10:00", until="core")
    firm.at("2026-04-20 12:00")
    firm.update(
        deals["handed over"],
        stage="closed_won",
        settlement_date="2026-04-20",
        commission=100_000,
    )
    transferred(firm, folder, date(2026, 4, 16))
    transferred(firm, folder, date(2026, 4, 15))
    planned(firm)
    firm.run_pass("2026-04-20 18:00")
    return deals


def transferred(firm: SmallFirm, folder: Path, day: date) -> None:
    """Decide since when the person is in group 1 in truth; the 16th is taken back."""
    workbook = load_workbook(io.BytesIO(template("employee_transfer")))
    sheet = workbook.worksheets[0]
    rows: list[list[object]] = [[str(MOVED_EARLIER), "11", day, "Order 7"]]
    if day == date(2026, 4, 15):
        rows.append([str(MOVED_EARLIER), None, date(2026, 4, 16), "A slip"])
    for number, (person, unit, since, reason) in enumerate(rows, 4):
        moment = datetime.combine(since, datetime.min.time())  # type: ignore[arg-type]
        for at, value in enumerate((person, unit, moment, reason), 1):
            sheet.cell(row=number, column=at, value=value)  # type: ignore[arg-type]
    file = folder / f"{day}.xlsx"
    workbook.save(file)
    decide(firm.warehouse, "employee_transfer", file, author="admin", operator="tests")


def planned(firm: SmallFirm) -> None:
    """Approve the demo's plans, once; then another plan of April for group 1."""
    today = date(2026, 4, 20)
    assert approve_plans(firm.warehouse, deals=2000, today=today) > 0
    assert approve_plans(firm.warehouse, deals=2000, today=today) == 0
    line = {
        "metric": "revenue_net",
        "org_unit_id": "11",
        "employee_id": None,
        "period": date(2026, 4, 15),
        "value": Decimal(1_500_000),
        "reason": "Order 8",
    }
    decide_lines(
        firm.warehouse,
        "plan_target",
        [Line(1, line)],
        author="head_of_sales",
        operator="tests",
        name="April",
    )


# ---------------------------------------------------------------- acceptance


def test_case_1_a_commission_split_in_three(told: Told) -> None:
    assert told.credits("three owners") == [
        ("6", GROUP_1, Decimal("0.3334"), Decimal("33333.34")),
        ("7", GROUP_2, Decimal("0.3333"), Decimal("33333.33")),
        ("10", GROUP_2, Decimal("0.3333"), Decimal("33333.33")),
    ]
    assert told.firm.rows(
        "select sum(amount), sum(credit_weight), count(distinct deal_key)"
        " from dbt_core.fct_deal_events"
        " where event_type = 'revenue_recognised' and deal_key = %s",
        [key(told.deals["three owners"])],
    ) == [(Decimal("100000.00"), Decimal("1.0000"), 1)]


def test_case_7_a_deal_stays_in_the_group_of_its_day(told: Told) -> None:
    """The CRM showed the transfer on the 15th; today's structure is one switch away."""
    groups = {
        day: told.participants(
            f"{MOVED_IN_CRM} on the {day}", "deal_owner", "group_key",
            "current_group_key",
        )
        for day in ("10th", "17th", "20th")
    }  # fmt: skip
    assert groups == {
        "10th": [(GROUP_1, GROUP_2)],
        "17th": [(GROUP_2, GROUP_2)],
        "20th": [(GROUP_2, GROUP_2)],
    }
    for day, group in (("10th", GROUP_1), ("20th", GROUP_2)):
        [(_, credited, _, _)] = told.credits(f"{MOVED_IN_CRM} on the {day}")  # type: ignore[misc]
        assert credited == group


def test_case_7_the_structure_of_today_puts_both_deals_into_the_new_group(
    told: Told,
) -> None:
    """What the cards show of the groups, summed over those of the person."""
    [(moved_away, moved_in)] = told.firm.rows(
        "select sum(deals_closed) filter (where unit_key = %s and structure = 'today')"
        " - sum(deals_closed) filter (where unit_key = %s and structure = 'fact_date'),"
        " sum(deals_closed) filter (where unit_key = %s and structure = 'today')"
        " - sum(deals_closed) filter (where unit_key = %s and structure = 'fact_date')"
        " from reports.rpt_kpi_cards where period_code = 'month'",
        [GROUP_1, GROUP_1, GROUP_2, GROUP_2],
    )
    rows = told.firm.rows(
        "select current_group_name, group_name, count(*)"
        " from reports.rpt_metric_facts where metric = 'deals_closed'"
        " and employee_key = %s group by 1, 2 order by 2",
        [f"demo_agency:{MOVED_IN_CRM}"],
    )
    assert rows == [("Group 2", "Group 1", 1), ("Group 2", "Group 2", 2)]
    assert moved_away == -moved_in


def test_case_7_a_decision_dates_the_transfer_when_it_happened(told: Told) -> None:
    """Seen on the 20th; the order says the 15th, a line for the 16th is taken back."""
    assert told.firm.rows(
        "select valid_from::text, valid_to::text, group_key"
        " from dbt_core.dim_employee_placements where employee_key = %s"
        " order by valid_from",
        [key(MOVED_EARLIER)],
    ) == [("-infinity", "2026-04-15", GROUP_2), ("2026-04-15", "infinity", GROUP_1)]
    groups = [
        told.credits(f"{MOVED_EARLIER} on the {day}")[0][1]  # type: ignore[index]
        for day in ("10th", "17th", "20th")
    ]
    assert groups == [GROUP_2, GROUP_1, GROUP_1]


# ------------------------------------------------------------------- handover


def test_the_holder_on_the_day_of_the_fact_is_credited(told: Told) -> None:
    """Section 5.5: the advance stays with who took it, the closing is the new one's."""
    [(person, _, _, amount)] = told.credits("handed over", "advance_taken")  # type: ignore[misc]
    assert (person, amount) == ("6", Decimal("50000.00"))
    [(person, _, _, _)] = told.credits("handed over")  # type: ignore[misc]
    assert person == "8"
    columns = ("employee_key", "is_credited", "is_current", "credit_weight")
    assert told.participants("handed over", "advance_owner", *columns) == [
        (key(6), True, False, Decimal(1)),
        (key(8), False, True, Decimal(0)),
    ]
    assert told.participants("handed over", "deal_owner", *columns) == [
        (key(8), True, True, Decimal(1))
    ]


def test_rule_18_moved_between_pipelines_or_departments(told: Told) -> None:
    """A closed deal that got another owner and pipeline stays with who closed it."""
    [(person, group, _, _)] = told.credits("closed and then edited")  # type: ignore[misc]
    assert (person, group) == ("6", GROUP_1)


# ---------------------------------------------------------------- many people


def test_rule_8_several_employees_in_one_deal_count_as_fractions(told: Told) -> None:
    assert [row[2] for row in told.credits("two logins")] == [  # type: ignore[index]
        Decimal("0.5000"),
        Decimal("0.5000"),
    ]


def test_rule_19_an_employee_in_two_roles_is_credited_in_both(told: Told) -> None:
    """By any role the deal counts once for the person."""
    found = told.firm.rows(
        "select role, credit_weight from dbt_core.fct_deal_participants"
        " where deal_key = %s and employee_key = %s and is_credited order by role",
        [key(told.deals["in two roles"]), key(8)],
    )
    assert found == [("deal_owner", Decimal(1)), ("mortgage_broker", Decimal(1))]
    assert (
        told.firm.value(
            "select count(distinct deal_key) from dbt_core.fct_deal_participants"
            " where employee_key = %s and deal_key = %s",
            [key(8), key(told.deals["in two roles"])],
        )
        == 1
    )


def test_rule_20_an_open_deal_of_a_dismissed_owner_is_ownerless(told: Told) -> None:
    assert told.participants(
        "of the dismissed", "deal_owner", "employee_key", "is_credited"
    ) == [(key(5), True)]
    assert told.firm.rows(
        "select deal_key from dbt_intermediate.int_deals__owned where is_ownerless"
    ) == [(key(told.deals["of the dismissed"]),)]


# --------------------------------------------------------------------- logins


def test_rule_21_two_accounts_of_one_person_are_one_person(told: Told) -> None:
    [(person, group, _, amount)] = told.credits("of the second login")  # type: ignore[misc]
    assert (person, group, amount) == ("6", GROUP_1, Decimal("100000.00"))
    assert [row[0] for row in told.credits("two logins")] == ["6", "7"]  # type: ignore[index]
    assert told.firm.columns(
        "dbt_core.fct_deals", told.deals["of the second login"], "responsible_key"
    ) == (key(6),)
    assert (
        told.firm.rows(
            "select employee_key from dbt_core.dim_employees"
            " where source_id in ('13', '14')"
        )
        == []
    )


@pytest.mark.parametrize("name", ["of the shared login", "of an unknown person"])
def test_rule_21_facts_of_a_shared_account_are_nobodys(told: Told, name: str) -> None:
    """They stay in the unit of the deal's responsible login."""
    [(person, group, _, amount)] = told.credits(name)  # type: ignore[misc]
    assert (person, group, amount) == ("unassigned", GROUP_2, Decimal("100000.00"))


# ----------------------------------------------------------------- visibility


def test_both_groups_of_a_transferred_person_see_the_deal(told: Told) -> None:
    """A participation lies in the unit of its fact's day and in today's unit."""
    [(keys,)] = told.firm.rows(
        "select row_keys from dbt_intermediate.int_deals__keyed where deal_key = %s",
        [key(told.deals[f"{MOVED_IN_CRM} on the 10th"])],
    )
    assert {f"rows/sales:{GROUP_1}", f"rows/sales:{GROUP_2}"} <= set(keys)  # type: ignore[call-overload]


# ---------------------------------------------------------------------- plans


def test_the_last_approved_plan_is_in_force(told: Told) -> None:
    assert told.firm.rows(
        "select scope, version_no, is_current, approved_by, value::text"
        " from dbt_core.fct_plan_targets where metric = 'revenue_net'"
        " and scope_key = %s and period_month = '2026-04-01' order by version_no",
        [GROUP_1],
    ) == [
        ("unit", 1, False, "admin", "1020000.00"),
        ("unit", 2, True, "head_of_sales", "1500000.00"),
    ]
    assert told.firm.rows(
        "select scope, count(distinct metric), count(distinct period_month)"
        " from dbt_core.fct_plan_targets where is_current group by scope order by scope"
    ) == [("company", 4, 24), ("unit", 4, 24)]
