"""Locked periods and what was known when: portal, door of decisions, marts.

One firm from March to June 2026. Nobody looks in April; April is locked in May, May in
June, and April is unlocked at the end.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bi.catalog import Catalog, read_catalog
from orchestration.decisions import DecisionError, decide, template
from orchestration.transformation import manifest_file
from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))
GROUP_1 = "demo_agency:11"
DIMENSIONS = (
    "event_month, correction_of_month, employee_key, employee_name, group_key,"
    " group_name, department_key, department_name, deal_type_label, pipeline_label,"
    " channel_label"
)
PLACES = (
    "employee_key, employee_name, group_key, group_name, department_key,"
    " department_name, deal_type_label, pipeline_label, channel_label, stage_label,"
    " stage_rank, detail"
)
WIDTH = len(DIMENSIONS.split(","))
Row = tuple[object, ...]
Totals = dict[str, list[Decimal]]


@dataclass
class Told:
    """The firm after its passes.

    Attributes:
        deals: By name.
        monthly: Sums of every additive metric by ``DIMENSIONS``, as a pass showed them.
        marts: The same in whole credit, by month and unit of each level.
        truth: Sums by employee over the facts themselves, whatever was locked then.
        known: Rows of ``rpt_kpi_as_known`` by day, when the day was first told.
        stocks: Every stock by ``PLACES``, as a pass showed it.
        corrected: Corrections by deal, metric and months, as a pass showed them.
        refused: What the door answered to bad files.
    """

    firm: SmallFirm
    catalog: Catalog
    deals: dict[str, int] = field(default_factory=dict)
    monthly: dict[str, list[Row]] = field(default_factory=dict)
    marts: dict[str, Mapping[str, list[Row]]] = field(default_factory=dict)
    truth: dict[str, Totals] = field(default_factory=dict)
    known: dict[date, list[Row]] = field(default_factory=dict)
    stocks: dict[str, list[Row]] = field(default_factory=dict)
    corrected: dict[str, list[Row]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def measures(self) -> list[str]:
        """Every additive metric of the daily mart."""
        return [
            metric.name
            for metric in self.catalog.metrics.values()
            if metric.dataset == "rpt_kpi_daily" and metric.additivity == "A"
        ]

    @property
    def stock_measures(self) -> list[str]:
        """Every stock."""
        return [
            metric.name
            for metric in self.catalog.metrics.values()
            if metric.dataset == "rpt_kpi_stock" and metric.kind == "stock"
        ]

    def look(self, name: str, at: str, as_of: tuple[str, ...] = ()) -> None:
        """Run a pass and remember what it shows."""
        self.firm.run_pass(at, as_of=as_of)
        if not self.catalog.metrics:
            self.catalog = read_catalog(manifest_file(self.firm.warehouse))
        self.monthly[name] = self.firm.rows(
            f"select {DIMENSIONS}, {summed(self.measures)} from reports.rpt_kpi_daily"
            f" group by {DIMENSIONS} order by {DIMENSIONS}"
        )
        self.marts[name] = {
            level: self.firm.rows(
                "select event_month, coalesce(employee_key, group_key, department_key,"
                f" 'company'), {summed(self.measures)} from reports.rpt_kpi_daily_whole"
                " where level = %s group by 1, 2 order by 1, 2",
                [level],
            )
            for level in ("employee", "group", "department", "company")
        }
        self.truth[name] = of_truth(self)
        self.stocks[name] = self.firm.rows(
            f"select {PLACES}, {summed(self.stock_measures)} from reports.rpt_kpi_stock"
            f" group by {PLACES} order by {PLACES}"
        )
        self.corrected[name] = self.firm.rows(
            "select deal_key, metric_id, event_month, correction_of_month,"
            " sum(original_value), sum(new_value), min(correction_reason), count(*)"
            " from reports.rpt_period_corrections"
            " group by 1, 2, 3, 4 order by 1, 2, 3, 4"
        )
        for (day,) in self.firm.rows(
            "select distinct as_of_date from reports.rpt_kpi_as_known"
        ):
            assert isinstance(day, date)
            self.known.setdefault(day, self.as_known(day))

    def as_known(self, day: date) -> list[Row]:
        """The firm's months as they were known on a day."""
        return self.firm.rows(
            f"select {DIMENSIONS}, {summed(self.measures)}"
            " from reports.rpt_kpi_as_known"
            f" where as_of_date = %s group by {DIMENSIONS} order by {DIMENSIONS}",
            [day],
        )

    def stocks_as_known(self, day: date) -> list[Row]:
        """What stood on a day, as it was known then."""
        return self.firm.rows(
            f"select {PLACES}, {summed(self.stock_measures)}"
            " from reports.rpt_kpi_stock_as_known"
            f" where as_of_date = %s group by {PLACES} order by {PLACES}",
            [day],
        )

    def metric(self, name: str, where: str, *values: object) -> Decimal:
        """A metric of the daily mart under a condition."""
        value = self.firm.value(
            f"select coalesce(sum({name}), 0) from reports.rpt_kpi_daily where {where}",
            values,
        )
        assert isinstance(value, Decimal)
        return value

    def corrections(self, name: str, deal: str, metric: str) -> list[Row]:
        """Correction lines of a deal in a pass: months, before, after, reason, rows."""
        of_deal = (key(self.deals[deal]), metric)
        return [row[2:] for row in self.corrected[name] if row[:2] == of_deal]

    def decide(self, folder: Path, action: str, month: date, **more: str) -> None:
        """Hand in a filled template."""
        workbook = load_workbook(io.BytesIO(template("period_lock")))
        sheet = workbook["Закрытие периодов"]
        line = (action, month.replace(day=15), more.get("unit"), "Зарплата выплачена")
        for at, value in enumerate(line, 1):
            sheet.cell(row=4, column=at, value=value)
        file = folder / "закрытие.xlsx"
        workbook.save(file)
        decide(
            self.firm.warehouse,
            "period_lock",
            file,
            author=more.get("author", "admin"),
            operator="root",
        )

    def refuse(self, folder: Path, action: str, month: date, **more: str) -> None:
        with pytest.raises(DecisionError) as refused:
            self.decide(folder, action, month, **more)
        self.refused += [str(error) for error in refused.value.errors]


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("locked_periods")
    url = postgres.create_database("locked")
    with small_firm(folder, url, start="2026-03-02 09:00") as firm:
        told = Told(firm, Catalog({}, {}, {}))
        lived(told, folder)
        yield told


def won(day: str, owner: int | list[int], commission: object) -> dict[str, object]:
    return {
        "stage": "closed_won",
        "deal_owner": owner,
        "settlement_date": day,
        "commission": commission,
    }


def lived(told: Told, folder: Path) -> None:
    """Close, lock, rescind, correct, lock again, unlock."""
    firm, deals = told.firm, told.deals
    firm.at("2026-03-20 12:00")
    deals["of March"] = firm.deal(**won("2026-03-20", 8, 50_000))
    told.look("March", "2026-03-31 22:00")
    firm.at("2026-04-20 12:00")
    deals["shared"] = firm.deal(**won("2026-04-20", [6, 7], "90001.01"))
    deals["moved"] = firm.deal(**won("2026-04-25", 9, 60_000))
    firm.at("2026-04-30 12:00")
    deals["rescinded"] = firm.deal(**won("2026-04-30", 6, 100_000))
    told.refuse(folder, "закрыть", MARCH, author="agent")
    told.look("April", "2026-05-05 20:00")
    told.refuse(folder, "закрыть", MAY)
    told.refuse(folder, "открыть", APRIL)
    told.decide(folder, "закрыть", APRIL)
    told.refuse(folder, "Закрыть", APRIL)

    firm.at("2026-05-12 12:00")
    firm.update(deals["rescinded"], stage="lost")
    firm.update(deals["shared"], commission=80_000)
    firm.update(deals["moved"], settlement_date="2026-05-06")
    firm.update(deals["of March"], commission=45_000)
    deals["late"] = firm.deal(**won("2026-04-28", 10, 30_000))
    fill_stocks(told)
    told.look("May", "2026-05-12 20:00")
    firm.store.update("department", 11, {"NAME": "Group One"})
    told.look("June", "2026-06-05 20:00")
    told.decide(folder, "закрыть", MAY)

    firm.at("2026-06-10 12:00")
    firm.update(deals["shared"], commission=85_000, deal_owner=[7])
    told.look("later in June", "2026-06-10 20:00", as_of=("2026-06-05",))
    told.decide(folder, "открыть", APRIL)
    told.look("unlocked", "2026-06-12 20:00")


def fill_stocks(told: Told) -> None:
    """A lead that waits, a reservation and an open deal of two owners."""
    firm = told.firm
    deal = firm.deal(
        stage="contract_signed",
        contract_signed_date="2026-05-10",
        deal_owner=[6, 7, 8],
        commission="10000.01",
    )
    unit = firm.record("unit", list_price=9_000_000)
    firm.record(
        "reservation",
        deal,
        unit=unit,
        kind="free",
        from_at="2026-05-10T10:00:00+03:00",
        until_at="2026-05-30T10:00:00+03:00",
    )
    firm.record("lead", status="PAUSED", pause_reason="отпуск", estimate_amount=70_000)


# --------------------------------------------------------------------------- the lock


def test_case_4_a_rescinded_deal_leaves_april_and_corrects_may(told: Told) -> None:
    """Closed on 30.04, rescinded on 12.05, April locked in between."""
    shown = {row[0]: row for row in told.marts["May"]["company"]}
    before = {row[0]: row for row in told.marts["April"]["company"]}
    assert shown[APRIL] == before[APRIL]
    deals = told.measures.index("deals_closed") + 2
    assert shown[APRIL][deals] == 3
    assert told.corrections("May", "rescinded", "deals_closed") == [
        (MAY, APRIL, 1, 0, "сделка расторгнута", 1)
    ]
    assert told.corrections("May", "rescinded", "revenue_net") == [
        (MAY, APRIL, 100_000, 0, "сделка расторгнута", 1)
    ]
    day = "event_date = '2026-05-12' and employee_key = 'demo_agency:6'"
    assert told.metric("deals_corrections", day) == -1
    # The refusal itself is a fact of May, not a correction.
    assert told.metric("collapses", f"{day} and correction_of_month is null") == 1


def test_a_locked_month_shows_what_was_known_when_it_was_locked(told: Told) -> None:
    """Every metric, in both credits, at every level, as long as it is locked."""
    for name in ("May", "June", "later in June"):
        # Units and people are called what they are called today, also there.
        assert unnamed(of_month(told.monthly[name], APRIL)) == unnamed(
            of_month(told.monthly["April"], APRIL)
        )
        for level, rows in told.marts[name].items():
            assert of_month(rows, APRIL) == of_month(told.marts["April"][level], APRIL)
    for level, rows in told.marts["later in June"].items():
        assert of_month(rows, MAY) == of_month(told.marts["June"][level], MAY)


@pytest.mark.parametrize(
    ("deal", "lines"),
    [
        ("late", [(MAY, APRIL, 0, 30_000, "стало известно после закрытия", 1)]),
        ("moved", [(MAY, APRIL, 60_000, 0, "больше не относится к этому месяцу", 1)]),
    ],
)
def test_a_late_fact_and_a_moved_one_are_corrections(
    told: Told, deal: str, lines: list[Row]
) -> None:
    assert told.corrections("May", deal, "revenue_net") == lines


def test_a_changed_amount_says_what_it_was_for_each_owner(told: Told) -> None:
    rows = told.firm.rows(
        "select employee_key, original_value, new_value, difference, correction_reason"
        " from reports.rpt_period_corrections where deal_key = %s"
        " and metric_id = 'revenue_net' and event_month = %s order by 1",
        [key(told.deals["shared"]), MAY],
    )
    changed = "изменились данные сделки"
    first, second = (Decimal("45000.51"), Decimal("45000.50"))
    assert rows == [
        ("demo_agency:6", first, 40_000, 40_000 - first, changed),
        ("demo_agency:7", second, 40_000, 40_000 - second, changed),
    ]


def test_a_correction_names_who_wrote_the_card(told: Told) -> None:
    rows = told.firm.rows(
        "select distinct metric_label, author_name, corrected_at::date"
        " from reports.rpt_period_corrections where deal_key = %s"
        " and metric_id = 'revenue_net' and event_month = %s",
        [key(told.deals["rescinded"]), MAY],
    )
    assert rows == [("Выручка", "No. 06 Person", date(2026, 5, 12))]


def test_a_change_after_both_months_are_locked_corrects_the_first_open_one(
    told: Told,
) -> None:
    [may, june] = told.corrections("later in June", "shared", "revenue_net")
    assert may[:2] == (MAY, APRIL)
    assert june[:4] == (JUNE, APRIL, 80_000, 85_000)


def test_locked_months_and_corrections_are_the_truth(told: Told) -> None:
    """By employee and metric, in every pass, over facts that no lock has touched."""
    for name, rows in told.monthly.items():
        shown: Totals = {}
        for row in rows:
            add(shown, str(row[2]), row[WIDTH:])
        # What corrections say of themselves is no truth of its own.
        for place, metric in enumerate(told.measures):
            if "correction_of_month" in told.catalog.metrics[metric].expr:
                for values in shown.values():
                    values[place] = Decimal(0)
        assert told.truth[name] == without_zeros(shown), name


def test_both_credits_have_one_total_in_every_month(told: Told) -> None:
    """Locked and corrected months, too; a fact of two people counts once."""
    for name, rows in told.monthly.items():
        split: Totals = {}
        whole: Totals = {}
        for row in rows:
            add(split, str(row[0]), row[WIDTH:])
        for month, _, *values in told.marts[name]["company"]:
            add(whole, str(month), values)
        assert without_zeros(split) == without_zeros(whole), name


def test_an_unlocked_month_shows_the_truth_and_locked_may_stays(told: Told) -> None:
    """What May had corrected because of April is corrected in June in turn."""
    april = "event_month = '2026-04-01'"
    assert told.metric("revenue_net", april) == 85_000 + 30_000
    assert told.metric("deals_closed", april) == 2
    assert told.metric("revenue_corrections", april) == 0
    assert told.corrections("unlocked", "rescinded", "revenue_net") == [
        (MAY, APRIL, 100_000, 0, "сделка расторгнута", 1),
        (JUNE, MAY, 0, 100_000, "месяц сделки снова открыт", 1),
    ]
    may = of_month(told.marts["unlocked"]["company"], MAY)
    assert may == of_month(told.marts["June"]["company"], MAY)
    june = told.metric("revenue_corrections", "event_month = '2026-06-01'")
    assert june == -told.metric("revenue_corrections", "event_month = '2026-05-01'")


def test_the_registry_says_which_deals_are_locked_and_what_they_corrected(
    told: Told,
) -> None:
    rows = told.firm.rows(
        "select deal_key, period_lock_label, corrections_amount"
        " from reports.rpt_deal_registry where deal_key = any(%s)",
        [[key(told.deals[name]) for name in ("rescinded", "of March", "moved")]],
    )
    found = {str(deal): (label, amount) for deal, label, amount in rows}
    # Rescinded and moved into May, which is locked since the 5th of June.
    assert found[key(told.deals["moved"])][0] == "закрыт 05.06.2026"
    assert found[key(told.deals["of March"])] == (None, 0)
    # April is open again: what it had corrected is corrected back.
    assert found[key(told.deals["rescinded"])][1] == 0


def test_the_door_refuses_what_cannot_be_locked(told: Told) -> None:
    rights, running, never, standing = told.refused
    assert rights.startswith("Решение «Закрытие периодов» принимают роли")
    assert running == (
        "B4: месяц 05.2026 ещё не закончился; закрывают и открывают только прошедшие"
    )
    assert never == (
        "A4: «открыть» можно только после решения «закрыть», а его не было"
    )
    assert standing.startswith("A4: здесь уже решено «закрыть» 05.05.2026 20:00")


# ----------------------------------------------------------------- what was known when


@pytest.mark.parametrize(
    ("day", "last_pass"),
    [
        (date(2026, 3, 31), "March"),
        # Nobody looked in April: what was known is what the last pass had seen.
        (date(2026, 4, 30), "March"),
        (date(2026, 5, 31), "May"),
        (date(2026, 6, 5), "June"),
    ],
)
def test_a_day_is_known_as_the_last_pass_showed_it(
    told: Told, day: date, last_pass: str
) -> None:
    """Every metric, by person, unit and source; names as they were then."""
    assert told.as_known(day) == [
        row for row in told.monthly[last_pass] if any(row[WIDTH:])
    ]


def test_stocks_of_a_day_are_those_of_its_last_pass(told: Told) -> None:
    """Days that pass by themselves, too: they are counted to the end of that day."""
    shown = [row for row in told.stocks["June"] if any(row[len(PLACES.split(",")) :])]
    assert told.stocks_as_known(date(2026, 6, 5)) == shown
    place = len(PLACES.split(",")) + told.stock_measures.index("reserve_days")
    days = [Decimal(str(row[place])) for row in shown if row[place]]
    assert len(days) == 3
    assert sum(days, Decimal(0)) == Decimal("26.58")


def test_a_stock_that_stands_makes_no_new_entry(told: Told) -> None:
    """Storage grows with changes, not with days."""
    [(entries,)] = told.firm.rows(
        "select count(*) from dbt_intermediate.int_entries__unioned"
        " where event_type in ('reservation_active', 'lead_paused')"
    )
    assert entries == 4


def test_what_was_known_is_never_told_otherwise(told: Told) -> None:
    assert set(told.known) == {
        date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 5),
    }  # fmt: skip
    for day, rows in told.known.items():
        assert told.as_known(day) == rows


def test_units_are_called_as_they_were_called_then(told: Told) -> None:
    rows = told.firm.rows(
        "select distinct as_of_date, group_name from reports.rpt_kpi_as_known"
        " where group_key = %s order by 1",
        [GROUP_1],
    )
    assert rows == [
        (date(2026, 5, 31), "Group 1"),
        (date(2026, 6, 5), "Group One"),
    ]


def test_case_18_a_march_commission_corrected_in_may(told: Told) -> None:
    """As of 31.03 the old value; the restatement names the difference and the deal."""
    known = told.firm.value(
        "select sum(commission_gross) from reports.rpt_kpi_as_known"
        " where as_of_date = '2026-03-31' and event_month = %s",
        [MARCH],
    )
    assert known == 50_000
    assert told.metric("commission_gross", "event_month = %s", MARCH) == 45_000
    rows = told.firm.rows(
        "select deal_key, original_value, new_value, difference"
        " from reports.rpt_restatements where event_month = %s"
        " and metric_id = 'commission_gross'",
        [MARCH],
    )
    assert rows == [(key(told.deals["of March"]), 50_000, 45_000, -5_000)]
    expression = told.catalog.expression("restated_amount", "rpt_restatements")
    restated = told.firm.value(
        f"select {expression} from reports.rpt_restatements where event_month = %s",
        [MARCH],
    )
    assert restated == -5_000


def test_readers_see_the_corrections_of_their_own_scope(told: Told) -> None:
    """The leader of group 2 sees the share of person 7, nobody else's."""
    for table in (
        "rpt_period_corrections",
        "rpt_restatements",
        "rpt_kpi_as_known",
        "rpt_kpi_stock_as_known",
    ):
        whole = told.firm.rows(f"select distinct employee_key from reports.{table}")
        seen = told.firm.rows(
            f"select distinct employee_key from reports.{table}", person="agent"
        )
        assert len(whole) > 1, table
        assert set(seen) <= {("demo_agency:6",)}, table


# ------------------------------------------------------------------------------ helpers


def summed(metrics: Sequence[str]) -> str:
    return ", ".join(f"sum({name})" for name in metrics)


def of_month(rows: list[Row], month: date) -> list[Row]:
    return [row for row in rows if row[0] == month]


def unnamed(rows: list[Row]) -> list[Row]:
    names = [
        place
        for place, column in enumerate(DIMENSIONS.split(", "))
        if column in ("employee_name", "group_name", "department_name")
    ]
    return [
        tuple(value for place, value in enumerate(row) if place not in names)
        for row in rows
    ]


def add(totals: Totals, name: str, values: Sequence[object]) -> None:
    sums = totals.setdefault(name, [Decimal(0)] * len(values))
    for place, value in enumerate(values):
        sums[place] += Decimal(str(value or 0))


def without_zeros(totals: Totals) -> Totals:
    return {name: values for name, values in totals.items() if any(values)}


def of_truth(told: Told) -> Totals:
    """Sums by employee over the credited facts themselves."""
    facts = {
        "fct_deal_events": "select *, fact_type as event_type, null::date as"
        " correction_of_month from dbt_intermediate.int_facts__credited"
        " where not is_stock",
        "fct_lead_events": "select *, null::date as correction_of_month"
        " from dbt_intermediate.int_lead_facts__credited",
    }
    found: Totals = {}
    for place, name in enumerate(told.measures):
        metric = told.catalog.metrics[name]
        for person, value in told.firm.rows(
            f"select employee_key, {metric.aggregate}"
            f" from ({facts[metric.model]}) as facts group by 1"
        ):
            values = [Decimal(0)] * len(told.measures)
            values[place] = Decimal(str(value or 0))
            add(found, str(person), values)
    return without_zeros(found)
