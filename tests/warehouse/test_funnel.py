"""Stages and conversion, through the whole pipeline: portal, passes, marts.

One firm lives half a year; the cases that ask for two moments have a pass at each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from math import sqrt
from pathlib import Path

import pytest

from tests.conftest import Postgres
from tests.small_firm import SmallFirm, key, small_firm

PAIR = "contract_signed__advance_taken"
MILESTONES = "dbt_core.fct_deal_milestones"
STAGED = "dbt_intermediate.int_deals__timed"


@dataclass
class Told:
    """The firm after its passes.

    Attributes:
        firm: The firm.
        deals: Deals by the story they tell.
        cohorts: The cohort of March by the day of the pass.
    """

    firm: SmallFirm
    deals: dict[str, int] = field(default_factory=dict)
    cohorts: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def entered(self, name: str) -> dict[str, str]:
        """Day of every milestone of a deal by stage."""
        rows = self.firm.rows(
            f"select stage, entered_date::text from {MILESTONES} where deal_key = %s",
            [key(self.deals[name])],
        )
        return {str(stage): str(day) for stage, day in rows}

    def staged(self, name: str, *columns: str) -> tuple[object, ...]:
        """Columns of where a deal stands."""
        return self.firm.columns(STAGED, self.deals[name], *columns)


@pytest.fixture(scope="module")
def told(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("funnel")
    with small_firm(folder, postgres.create_database("funnel")) as firm:
        story = Told(firm)
        january(story)
        march(story)
        firm.run_pass("2026-05-31 23:00", until="reports")
        story.cohorts["2026-05-31"] = cohort(firm, "2026-03-01")
        june(story, folder)
        firm.run_pass("2026-06-30 23:00", sweep=True)
        story.cohorts["2026-06-30"] = cohort(firm, "2026-03-01")
        yield story


def january(told: Told) -> None:
    """Deals of the edge rules; none of them signs a contract in March."""
    firm, deals = told.firm, told.deals
    firm.at("2026-01-12 10:00")
    deals["no meeting"] = firm.deal(stage="lead_new")
    deals["back and forth"] = firm.deal(stage="lead_new")
    deals["moved"] = firm.deal(stage="lead_new", pipeline=0, contract_owner=6)
    deals["paused"] = firm.deal(stage="qualified")
    deals["stage without a fact"] = firm.deal(stage="contract_signed")
    deals["reopened"] = firm.deal(stage="lead_new")
    deals["absorbed"] = firm.deal(stage="lead_new")
    deals["in the future"] = firm.deal(
        stage="contract_signed", contract_signed_date="2027-01-01"
    )
    deals["no closing date"] = firm.deal(stage="settlement_scheduled")
    deals["deleted"] = firm.deal(stage="qualified")
    deals["a test"] = firm.deal(stage="qualified", is_test="1")
    deals["held by nobody"] = firm.deal(stage="lead_new", responsible=7)
    firm.at("2026-01-14 10:00")
    firm.update(deals["back and forth"], stage="qualified")
    firm.update(deals["absorbed"], stage="qualified")
    firm.update(deals["reopened"], stage="lost")
    firm.update(deals["no closing date"], stage="closed_won")
    firm.at("2026-01-15 10:00")
    firm.update(deals["paused"], stage="paused")
    firm.at("2026-01-16 10:00")
    firm.update(
        deals["no meeting"], stage="contract_signed", contract_signed_date="2026-01-16"
    )
    firm.update(
        deals["moved"],
        stage="contract_signed",
        contract_signed_date="2026-01-16",
    )
    firm.update(deals["back and forth"], stage="in_preparation")
    firm.at("2026-01-19 10:00")
    firm.update(deals["back and forth"], stage="qualified")
    firm.update(deals["reopened"], stage="qualified")
    firm.at("2026-02-02 10:00")
    deals["survivor"] = firm.deal(stage="lead_new")
    deals["with an advance"] = firm.deal(stage="qualified")
    firm.record(
        "advance",
        deals["with an advance"],
        amount=50_000,
        received_date="2026-02-02",
    )
    sale = firm.deal(stage="qualified", deal_type="resale_sale")
    bought = {"stage": "qualified", "deal_type": "resale_purchase"}
    purchase = firm.deal(parent_deal=sale, **bought)
    firm.deal(parent_deal=purchase, **bought)
    firm.deal(parent_deal=deals["deleted"], **bought)
    firm.at("2026-02-03 10:00")
    firm.update(deals["with an advance"], stage="lost")
    firm.update(deals["moved"], pipeline=1, stage="C1:SHOWING")


def march(told: Told) -> None:
    """Ten contracts of March; four of them reach an advance by the end of May."""
    firm = told.firm
    firm.at("2026-03-02 10:00")
    contracts = [
        firm.deal(
            stage="contract_signed",
            contract_signed_date=f"2026-03-{day:02}",
            contract_owner=6,
            advance_owner=6,
            deal_owner=6,
        )
        for day in range(2, 12)
    ]
    firm.at("2026-05-29 10:00")
    for deal in contracts[:4]:
        take_advance(firm, deal)
    told.deals |= {f"contract {n}": deal for n, deal in enumerate(contracts)}
    told.deals["late"] = firm.deal(stage="qualified", title="late")


def june(told: Told, folder: Path) -> None:
    """Two more advances, a pause that ends, a merge, a deletion."""
    firm, deals = told.firm, told.deals
    firm.at("2026-06-03 10:00")
    firm.update(deals["paused"], stage="qualified")
    firm.at("2026-06-10 10:00")
    for number in (4, 5):
        take_advance(firm, deals[f"contract {number}"])
    firm.update(deals["survivor"], stage="qualified")
    firm.remove("deal", deals["absorbed"])
    firm.remove("deal", deals["deleted"])
    firm.merge(deals["absorbed"], deals["survivor"], folder)


def take_advance(firm: SmallFirm, deal: int) -> None:
    """Record an advance today and move the deal to its stage."""
    firm.record("advance", deal, amount=100_000, received_date=firm.now.date())
    firm.update(deal, stage="advance_taken")


def cohort(firm: SmallFirm, month: str) -> tuple[object, ...]:
    """What the mart of parts says of a month's contracts."""
    [found] = firm.rows(
        "select sum(entered), sum(reached), sum(decided), sum(arrived)"
        " from dbt_reports.rpt_conversion_monthly"
        " where pair_code = %s and event_month = %s",
        [PAIR, month],
    )
    return found


# ------------------------------------------------------------ acceptance cases


def test_case_8_a_cohort_grows_with_the_date_it_is_asked_for(told: Told) -> None:
    """Ten contracts in March, four advances by the end of May, two more in June."""
    assert told.cohorts["2026-05-31"][:2] == (10, 4)
    assert told.cohorts["2026-06-30"][:2] == (10, 6)
    shown = told.firm.rows(
        "select conversion, conversion_text from reports.rpt_conversion_cohorts"
        " where pair_code = %s and cohort_month = '2026-03-01' and horizon_order = 1"
        " and unit_key = 'company' and deal_type_order = 0 and chain_order = 1",
        [PAIR],
    )
    assert shown == [(Decimal("0.6"), "60,0\u00a0%")]


def test_case_9_a_skipped_meeting_counts_as_reached(told: Told) -> None:
    entered = told.entered("no meeting")
    assert entered == {
        "lead_new": "2026-01-12",
        "qualified": "2026-01-16",
        "meeting_held": "2026-01-16",
        "contract_signed": "2026-01-16",
    }
    steps = told.firm.rows(
        "select entered, reached, lag_days from dbt_core.fct_conversion_steps"
        " where pair = 'meeting_held__contract_signed' and side = 'entered'"
        " and deal_key = %s",
        [key(told.deals["no meeting"])],
    )
    assert steps == [(1, 1, 0)]


# ------------------------------------------------------------------ edge rules


def test_backward_moves_do_not_cancel_an_entry(told: Told) -> None:
    entered = told.entered("back and forth")
    assert entered["qualified"] == "2026-01-14"
    assert entered["in_preparation"] == "2026-01-16"
    assert told.staged("back and forth", "max_rank", "stage_return_count") == (70, 1)


def test_a_return_is_an_event_of_its_day(told: Told) -> None:
    events = told.firm.rows(
        "select event_date::text, detail from dbt_core.fct_deal_events"
        " where event_type = 'stage_returned'"
    )
    assert events == [("2026-01-19", "qualified")]


def test_a_stage_without_its_fact_proves_nothing(told: Told) -> None:
    """The firm records contracts, so a deal without one has not signed it."""
    assert set(told.entered("stage without a fact")) == {"lead_new"}


def test_a_fact_is_reached_whatever_the_stage_says(told: Told) -> None:
    entered = told.entered("with an advance")
    assert entered["advance_taken"] == "2026-02-02"
    assert told.staged("with an advance", "loss_depth", "is_collapsed") == (
        "after_advance",
        True,
    )


def test_rule_9_a_chain_is_one_deal_when_the_switch_is_on(told: Told) -> None:
    """A sale, its purchase and the next one; a purchase of a deleted sale is a head.

    Beside them February has the deal with an advance.
    """
    counted = told.firm.rows(
        "select chain_label, entered, reached from reports.rpt_conversion_cohorts"
        " where pair_code = 'lead_new__qualified' and cohort_month = '2026-02-01'"
        " and horizon_order = 1 and unit_key = 'company' and deal_type_order = 0"
        " order by chain_order"
    )
    assert counted == [("Каждая сделка", 5, 5), ("Цепочка как одна", 3, 3)]


def test_rule_14_a_won_deal_without_a_settlement_closes_when_it_was_won(
    told: Told,
) -> None:
    assert told.entered("no closing date")["closed_won"] == "2026-01-14"


def test_rule_15_a_fact_in_the_future_is_not_reached_yet(told: Told) -> None:
    assert set(told.entered("in the future")) == {"lead_new"}


def test_rule_16_a_reopened_deal_keeps_its_first_entry(told: Told) -> None:
    assert told.entered("reopened")["lead_new"] == "2026-01-12"
    assert told.staged("reopened", "loss_depth", "is_collapsed") == (None, False)
    visits = told.firm.rows(
        "select stage from dbt_core.fct_stage_visits where deal_key = %s"
        " order by visit_no",
        [key(told.deals["reopened"])],
    )
    assert [stage for (stage,) in visits] == ["lead_new", "lost", "qualified"]


def test_rule_17_merged_deals_keep_the_earliest_entries_of_both(told: Told) -> None:
    assert told.entered("survivor") == {
        "lead_new": "2026-01-12",
        "qualified": "2026-01-14",
    }
    assert told.entered("absorbed") == {}


def test_rule_17_a_deleted_deal_leaves_the_funnel(told: Told) -> None:
    assert told.entered("deleted") == {}
    assert told.entered("a test") == {}


def test_rule_18_a_deal_moved_between_pipelines_keeps_its_first_entries(
    told: Told,
) -> None:
    assert told.entered("moved") == {
        "lead_new": "2026-01-12",
        "qualified": "2026-01-16",
        "meeting_held": "2026-01-16",
        "contract_signed": "2026-01-16",
    }


def test_rule_19_a_person_in_two_roles_is_one_deal_of_a_cohort(told: Told) -> None:
    deal = key(told.deals["contract 0"])
    steps = told.firm.rows(
        "select sum(entered), count(distinct employee_key)"
        " from dbt_core.fct_conversion_steps where pair = %s and deal_key = %s"
        " and side = 'entered'",
        [PAIR, deal],
    )
    assert steps == [(1, 1)]


def test_rule_20_nobodys_entry_stays_in_the_unit_of_the_responsible(
    told: Told,
) -> None:
    """Person 7 leads the second group."""
    found = told.firm.rows(
        "select distinct employee_key, group_key from dbt_core.fct_conversion_steps"
        " where deal_key = %s",
        [key(told.deals["held by nobody"])],
    )
    assert found == [("unassigned", key(12))]


def test_rule_31_a_small_cohort_is_a_fraction_without_a_percent(told: Told) -> None:
    [(conversion, text)] = told.firm.rows(
        "select conversion, conversion_text from reports.rpt_conversion_cohorts"
        " where pair_code = %s and cohort_month = '2026-01-01' and horizon_order = 1"
        " and unit_key = 'company' and deal_type_order = 0 and chain_order = 1",
        [PAIR],
    )
    assert conversion is None
    assert str(text).split(" из ")[1].isdigit()


def test_rule_32_a_young_cohort_says_so(told: Told) -> None:
    """Six of ten have come through, nobody was lost: under the mark of 80 %."""
    shown = told.firm.rows(
        "select maturity_text, cohort_maturity from reports.rpt_conversion_cohorts"
        " where pair_code = %s and cohort_month = '2026-03-01' and horizon_order = 1"
        " and unit_key = 'company' and deal_type_order = 0 and chain_order = 1",
        [PAIR],
    )
    assert shown == [("когорта не созрела: 60 %", Decimal("0.6"))]


# ------------------------------------------------------------------ the clock


def test_a_pause_stops_the_clock_of_a_stage(told: Told) -> None:
    """Three days before the pause, 27 and a half since: the pause is no stay."""
    visits = told.firm.rows(
        "select stage, is_pause, stay_no, is_open from dbt_core.fct_stage_visits"
        " where deal_key = %s order by visit_no",
        [key(told.deals["paused"])],
    )
    assert [(stage, pause) for stage, pause, _, _ in visits] == [
        ("qualified", False),
        ("paused", True),
        ("qualified", False),
    ]
    assert visits[0][2] == visits[2][2]
    days, entered = told.staged("paused", "days_in_stage", "stage_entered_date::text")
    assert (days, entered) == (30, "2026-01-12")


def test_a_limit_is_the_one_of_the_day_of_entry(told: Told) -> None:
    limit, unit, percent, over = told.staged(
        "paused", "stage_limit", "stage_limit_unit", "stage_limit_pct", "is_over_limit"
    )
    assert (limit, unit, over) == (7, "calendar_days", True)
    # To the end of the day of the pass.
    assert percent == round(100 * 30.5833 / 7)


def test_a_pause_does_not_remove_a_deal_from_a_cohort(told: Told) -> None:
    assert told.entered("paused") == {
        "lead_new": "2026-01-12",
        "qualified": "2026-01-12",
    }


def test_a_deal_that_nobody_moves_or_touches_is_stuck(told: Told) -> None:
    assert told.staged("late", "is_stuck") == (True,)
    assert told.staged("contract 5", "is_stuck") == (True,)
    assert told.staged("no closing date", "is_stuck") == (False,)


# ------------------------------------------------------------- levels and flow


def test_a_ratio_of_sums_is_right_at_every_level(told: Told) -> None:
    """Group, department and company are counted from deals, not from each other."""
    parts = told.firm.rows(
        "select coalesce(group_key, ''), sum(entered), sum(reached)"
        " from reports.rpt_conversion_monthly where pair_code = %s group by 1",
        [PAIR],
    )
    shown = {
        str(unit): (entered, reached)
        for unit, entered, reached in told.firm.rows(
            "select unit_key, entered, reached from reports.rpt_conversion_steps"
            " where pair_code = %s and cohort_order = 5 and horizon_order = 1"
            " and deal_type_order = 0 and chain_order = 1",
            [PAIR],
        )
    }
    for group, entered, reached in parts:
        if group:
            assert shown[str(group)] == (entered, reached)
    assert shown["company"] == (
        sum(int(str(entered)) for _, entered, _ in parts),
        sum(int(str(reached)) for _, _, reached in parts),
    )


def test_the_ratio_of_a_period_may_exceed_the_whole(told: Told) -> None:
    """Six advances came in May and June, and no contract was signed then."""
    flows = told.firm.rows(
        "select event_month::text, sum(entered), sum(arrived)"
        " from reports.rpt_conversion_monthly where pair_code = %s"
        " and event_month >= '2026-05-01' group by 1 order by 1",
        [PAIR],
    )
    assert flows == [("2026-05-01", 0, 4), ("2026-06-01", 0, 2)]


def test_a_horizon_leaves_young_deals_out_of_both_parts(told: Told) -> None:
    """Contracts of 2–11 March, advances after 79–88 days and after 95 or 96."""
    found = {
        str(horizon): (entered, reached)
        for horizon, entered, reached in told.firm.rows(
            "select horizon_label, entered, reached from reports.rpt_conversion_cohorts"
            " where pair_code = %s and cohort_month = '2026-03-01'"
            " and unit_key = 'company' and deal_type_order = 0 and chain_order = 1",
            [PAIR],
        )
    }
    assert found == {
        "Без горизонта": (10, 6),
        "30 дней": (10, 0),
        "60 дней": (10, 0),
        "90 дней": (10, 4),
    }


def test_the_interval_is_the_one_of_the_textbook(told: Told) -> None:
    """Wilson's interval of 4 of 10 is 16.8 % to 68.7 % (Agresti and Coull, 1998)."""
    low, high = told.firm.rows(
        "select round(100 * conversion_low, 1), round(100 * conversion_high, 1)"
        " from dbt_intermediate.int_conversions__described"
        " where pair = %s and cohort_code = '2026-03' and horizon_code = 'd90'"
        " and unit_key = 'company' and deal_type_order = 0 and chain_order = 1",
        [PAIR],
    )[0]
    assert (low, high) == (Decimal("16.8"), Decimal("68.7"))
    z, n, share = 1.959963984540054, 10, 0.4
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert float(str(low)) == round(100 * (middle - half), 1)
    assert float(str(high)) == round(100 * (middle + half), 1)
