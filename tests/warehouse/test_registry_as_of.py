"""The registry as it was known: portal, passes on those days, versions, views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

VERSIONED = (
    "int_deal_registry__versioned",
    "int_deal_holders__versioned",
    "int_deal_shares__versioned",
)
# What a clock says of a deal; levels of risk are told by one, too.
CLOCK = {
    "as_of_date", "age_days", "days_in_stage", "days_since_last_touch",
    "next_step_date", "stage_limit_label", "settlement_due_label",
    "risk_level_label", "risk_reasons", "collapse_probability",
}  # fmt: skip
# What the view adds to the row: the day itself, and who may read it today.
OF_THE_DAY = {"as_of_label", "as_of_order", "is_today", "recorded_before"}
OF_TODAY = {"reader_keys"}

Row = Mapping[str, object]


@dataclass
class Told:
    """The firm after its passes.

    Attributes:
        deals: By name.
        versions: Numbers of versions after each pass, by its day.
        archived: Rows of the registry as they were shown on a day, by deal.
    """

    firm: SmallFirm
    deals: dict[str, int] = field(default_factory=dict)
    versions: dict[str, list[object]] = field(default_factory=dict)
    archived: dict[str, dict[str, Row]] = field(default_factory=dict)

    def look(self, when: str, *, sweep: bool = False, as_of: str = "") -> None:
        """Make a pass and keep what it showed."""
        self.firm.run_pass(when, sweep=sweep, as_of=[as_of] if as_of else [])
        day = when[:10]
        counts = " union all ".join(
            f"select count(*) from dbt_intermediate.{name}" for name in VERSIONED
        )
        self.versions[day] = [count for (count,) in self.firm.rows(counts)]
        self.archived[day] = self.registry(day)

    def registry(self, day: str, person: str = "admin") -> dict[str, Row]:
        """Rows of the registry as a person asks for them, by deal."""
        rows = self.firm.rows(
            "select to_jsonb(shown) from reports.rpt_deal_registry_as_of as shown"
            " where as_of_date = %s",
            [day],
            person=person,
        )
        return {str(row["deal_key"]): row for (row,) in rows if isinstance(row, dict)}

    def asked(self, name: str, day: str, *columns: str) -> tuple[object, ...]:
        """Columns of a deal on a day, as the administrator sees them."""
        row = self.registry(day)[key(self.deals[name])]
        return tuple(row[column] for column in columns)


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """A year in short: March is known on its last day and corrected in May."""
    folder = tmp_path_factory.mktemp("as_of")
    database = postgres.create_database("as_of")
    with small_firm(folder, database, start="2026-03-02 09:00") as firm:
        told = Told(firm)
        live(told, firm)
        yield told


def live(told: Told, firm: SmallFirm) -> None:
    people = {"deal_owner": 6, "responsible": 6, "lawyer": 11}
    contract = {"contract_number": "1", "contract_signed_date": "2026-03-02"}
    told.deals = {
        "corrected": firm.deal(
            stage="closed_won",
            settlement_date="2026-03-20",
            commission=100_000,
            price=3_000_000,
            **people,
        ),
        "open": firm.deal(
            stage="contract_signed",
            planned_settlement_date="2026-04-20",
            commission=70_000,
            **people,
            **contract,
        ),
        "deleted": firm.deal(stage="contract_signed", commission=50_000, **people),
        "shared": firm.deal(
            stage="closed_won",
            settlement_date="2026-03-21",
            commission="100000.01|RUB",
            deal_owner=[6, 7],
        ),
        "handed over": firm.deal(
            stage="contract_signed", commission=40_000, deal_owner=6, responsible=6
        ),
        "elsewhere": firm.deal(stage="qualified", deal_owner=8, responsible=8),
    }
    firm.activity("call", told.deals["open"], start="2026-03-10 12:00")
    firm.activity(
        "meeting", told.deals["open"], start="2026-04-05 12:00", is_held=False
    )
    told.look("2026-03-31 18:00")
    told.look("2026-04-01 09:00")
    told.look("2026-04-06 09:00")
    firm.at("2026-05-12 10:00")
    firm.update(told.deals["corrected"], commission=80_000)
    firm.update(told.deals["shared"], commission="90000.01|RUB")
    firm.update(
        told.deals["handed over"], deal_owner=8, responsible=8, commission=45_000
    )
    firm.remove("deal", told.deals["deleted"])
    firm.transfer(6, 12)
    told.look("2026-05-12 18:00", sweep=True)
    told.look("2026-06-15 09:00", as_of="2026-04-06")


def test_case_18_march_as_it_was_known_before_its_correction(told: Told) -> None:
    """Asked in June: the value of 31 March, and the same deal's row today."""
    columns = ("commission", "revenue_net", "outcome")
    assert told.asked("corrected", "2026-03-31", *columns) == (100000, 100000, "won")
    assert told.asked("corrected", "2026-06-15", *columns) == (80000, 80000, "won")


def test_a_day_is_told_as_it_was_shown(told: Told) -> None:
    """Every column of every deal, days of passes that were months ago among them."""
    for day in ("2026-03-31", "2026-04-06", "2026-06-15"):
        then, now = told.archived[day], told.registry(day)
        assert now.keys() == then.keys()
        for deal, row in now.items():
            for column in row.keys() - OF_THE_DAY - OF_TODAY:
                assert row[column] == then[deal][column], (day, deal, column)
    assert told.archived["2026-03-31"] != told.archived["2026-06-15"]


def test_days_nobody_asked_about_are_not_kept_for_ever(told: Told) -> None:
    """The last 31 days, ends of months and the day that was asked for."""
    days = told.firm.rows("select as_of_date::text from reports.rpt_as_of_dates")
    known = {day for (day,) in days}
    assert {"2026-03-31", "2026-04-06", "2026-04-30", "2026-05-31"} <= known
    assert {"2026-05-16", "2026-06-15"} <= known
    assert not known & {"2026-03-30", "2026-04-01", "2026-05-12", "2026-06-16"}
    assert told.registry("2026-04-01") == {}


def test_days_without_changes_add_no_version(told: Told) -> None:
    """Storage grows with changes: days pass, a step falls due, and nothing is added."""
    first, second, third = (
        told.versions[day] for day in ("2026-03-31", "2026-04-01", "2026-04-06")
    )
    assert first == second == third
    assert [int(str(count)) > 0 for count in first] == [True, True, True]
    assert told.versions["2026-05-12"] > first


def test_no_stored_column_depends_on_the_clock(told: Told) -> None:
    stored = told.firm.rows(
        "select table_name, column_name from information_schema.columns"
        " where table_name = any(%s)",
        [[*VERSIONED, "rpt_deal_versions", "rpt_deal_version_amounts"]],
    )
    assert len({table for table, _ in stored}) == len(VERSIONED) + 2
    assert not {name for _, name in stored} & CLOCK
    shown = told.archived["2026-06-15"][key(told.deals["open"])]
    assert shown.keys() >= CLOCK


def test_what_a_clock_says_is_told_on_every_day(told: Told) -> None:
    columns = (
        "age_days", "days_in_stage", "days_since_last_touch", "next_step_date",
        "settlement_due_label",
    )  # fmt: skip
    assert told.asked("open", "2026-03-31", *columns) == (
        29, 29, 21, "2026-04-05", "Впереди",
    )  # fmt: skip
    assert told.asked("open", "2026-04-30", *columns) == (
        59, 59, 51, None, "Просрочен",
    )  # fmt: skip


def test_the_structure_of_that_day_is_part_of_it(told: Told) -> None:
    assert told.asked("open", "2026-03-31", "group_name") == ("Group 1",)
    assert told.asked("open", "2026-06-15", "group_name") == ("Group 2",)
    held = told.firm.rows(
        "select as_of_date::text, holder_group_name, count(distinct deal_key)"
        " from reports.rpt_registry_by_role"
        " where role = 'deal_owner' and deal_key = %s and as_of_date = any(%s)"
        " group by 1, 2 order by 1",
        [key(told.deals["open"]), ["2026-03-31", "2026-06-15"]],
        person="admin",
    )
    assert held == [("2026-03-31", "Group 1", 1), ("2026-06-15", "Group 2", 1)]


def test_shares_of_that_day_sum_to_the_deal_of_that_day(told: Told) -> None:
    rows = told.firm.rows(
        "select as_of_date::text, array_agg(commission order by employee_key)"
        " from reports.rpt_registry_by_role where credit_mode = 'split'"
        " and role = 'deal_owner' and date_code = 'closing' and deal_key = %s"
        " and as_of_date = any(%s) group by 1 order by 1",
        [key(told.deals["shared"]), ["2026-03-31", "2026-06-15"]],
        person="admin",
    )
    assert rows == [
        ("2026-03-31", [Decimal("50000.01"), Decimal("50000.00")]),
        ("2026-06-15", [Decimal("45000.01"), Decimal("45000.00")]),
    ]


@pytest.mark.parametrize("person", ["admin", "head_of_sales"])
def test_rule_17_a_deleted_deal_is_seen_on_days_before_its_deletion(
    told: Told, person: str
) -> None:
    """Its last keys stay: who saw it then sees it then."""
    deal = key(told.deals["deleted"])
    assert deal in told.registry("2026-03-31", person)
    assert deal in told.registry("2026-04-30", person)
    assert deal not in told.registry("2026-05-31", person)
    assert deal not in told.registry("2026-06-15", person)


def test_a_version_without_values_closes_a_deleted_deal(told: Told) -> None:
    versions = told.firm.rows(
        "select is_present, commission::text, recorded_from::date::text"
        " from dbt_intermediate.int_deal_registry__versioned where deal_key = %s"
        " order by version_no",
        [key(told.deals["deleted"])],
    )
    assert versions[-1] == (False, None, "2026-05-12")
    assert versions[0] == (True, "50000.00", "2026-03-31")


def test_a_reader_without_money_reads_earlier_days_without_it(told: Told) -> None:
    """The head of legal sees the deals of the own lawyers, and no amount of them."""
    for day in ("2026-03-31", "2026-06-15"):
        assert told.registry(day, "head_of_legal") == {}
        for table in ("rpt_deal_version_amounts", "rpt_share_versions"):
            assert told.firm.rows(
                f"select version_key from reports.{table}", person="head_of_legal"
            ) == []  # fmt: skip
    seen = told.firm.rows(
        "select distinct deal_key from reports.rpt_deal_registry_as_of_without_money"
        " where as_of_date = '2026-03-31'",
        person="head_of_legal",
    )
    names = ("corrected", "open", "deleted")
    assert {deal for (deal,) in seen} == {key(told.deals[name]) for name in names}


@pytest.mark.parametrize("person", ["agent", "group_leader"])
def test_a_reader_of_shares_reads_those_of_that_day(told: Told, person: str) -> None:
    """The part of a shared deal, the whole of a sole one; nobody else's part."""
    rows = told.firm.rows(
        "select deal_key, as_of_date::text, sum(commission)"
        " from reports.rpt_registry_by_share where role = 'deal_owner'"
        " and date_code = 'closing' and outcome = 'won' and as_of_date = any(%s)"
        " group by 1, 2 order by 1, 2",
        [["2026-03-31", "2026-06-15"]],
        person=person,
    )
    corrected, shared = (key(told.deals[name]) for name in ("corrected", "shared"))
    assert rows == [
        (corrected, "2026-03-31", Decimal("100000.00")),
        (corrected, "2026-06-15", Decimal("80000.00")),
        (shared, "2026-03-31", Decimal("50000.01")),
        (shared, "2026-06-15", Decimal("45000.01")),
    ]
    parts = told.firm.rows(
        "select distinct participant_key from reports.rpt_share_versions"
        " where participant_key like '%%|deal_owner|%%'",
        person=person,
    )
    assert parts == [(f"{shared}|deal_owner|demo_agency:6",)]


def test_a_former_holder_reads_no_amount_of_later_days(told: Told) -> None:
    read = {
        person: told.firm.rows(
            "select commission from reports.rpt_deal_version_amounts"
            " where deal_key = %s order by commission",
            [key(told.deals["handed over"])],
            person=person,
        )
        for person in ("admin", "agent")
    }
    assert read["admin"] == [(Decimal("40000.00"),), (Decimal("45000.00"),)]
    assert read["agent"] == [(Decimal("40000.00"),)]


def test_an_agent_reads_no_version_of_a_colleagues_deal(told: Told) -> None:
    for table in ("rpt_deal_versions", "rpt_participant_versions"):
        seen = told.firm.rows(
            f"select distinct deal_key from reports.{table}", person="agent"
        )
        deals = {deal for (deal,) in seen}
        assert key(told.deals["open"]) in deals
        assert key(told.deals["elsewhere"]) not in deals


def test_the_passing_of_a_day_rewrites_no_row_of_the_registry(told: Told) -> None:
    """But those whose threshold has passed: a class is stored, a count of days not."""
    firm = told.firm
    query = "select deal_key, xmin::text from reports.rpt_deal_registry order by 1"
    before = firm.rows(query)
    firm.run_pass("2026-06-17 09:00")
    assert firm.rows(query) == before
    assert firm.value("select max(as_of_date)::text from reports.rpt_as_of_dates") == (
        "2026-06-17"
    )
