"""Milestones of random lives against a reference, times to closing, stays in stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agency_home import AgencyHome, GroundTruth, living_agency
from tests.conftest import Postgres
from tests.small_firm import MOSCOW, SmallFirm, key, small_firm

RANKS: Mapping[str, int] = {
    "lead_new": 10,
    "qualified": 20,
    "meeting_held": 30,
    "contract_signed": 40,
    "showing_held": 50,
    "reserved": 55,
    "advance_taken": 60,
    "in_preparation": 70,
    "settlement_scheduled": 80,
    "closed_won": 90,
}
# Where the firm records the fact itself, a stage proves nothing.
TOLD_BY_STAGE = {10, 20, 70, 80, 90}
MOVES = (*(stage for stage in RANKS if stage != "reserved"), "paused", "lost")
START = datetime(2026, 1, 12, 9, 0, tzinfo=MOSCOW)
DAYS = 60
ISO = 'YYYY-MM-DD"T"HH24:MI:SS'
TODAY = (START + timedelta(days=DAYS)).date()


@dataclass(frozen=True)
class Life:
    """What happens to a deal, by days since the start.

    Attributes:
        moves: Day and stage, the first one creates the deal.
        contract: Day on the contract; may lie in the future.
        advance: Day of the advance.
        settlement: Day of the settlement.
        meeting: Day of a held meeting.
    """

    moves: Sequence[tuple[int, str]]
    contract: int | None
    advance: int | None
    settlement: int | None
    meeting: int | None


def days(last: int = DAYS + 10) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, last)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    count = draw(st.integers(1, 6))
    moments = sorted(
        draw(st.lists(st.integers(0, DAYS - 1), min_size=count, max_size=count))
    )
    stages = draw(st.lists(st.sampled_from(MOVES), min_size=count, max_size=count))
    return Life(
        moves=list(zip(moments, stages, strict=True)),
        contract=draw(days()),
        advance=draw(days()),
        settlement=draw(days()),
        meeting=draw(days(DAYS - 1)),
    )


def day(number: int) -> date:
    return (START + timedelta(days=number)).date()


def reference(life: Life) -> dict[str, date]:
    """Milestones of a life, told from the rules alone.

    A fact beats the stage, what lies in the future has not happened, and whoever
    reached a rank has reached every lower one by then.
    """
    facts = {40: life.contract, 60: life.advance, 90: life.settlement}
    facts[30] = life.meeting
    own: dict[int, int] = {10: life.moves[0][0]}
    for at, stage in life.moves:
        rank = RANKS.get(stage)
        if rank in TOLD_BY_STAGE and facts.get(rank) is None:
            own[rank] = min(own.get(rank, at), at)
    happened = {rank: at for rank, at in facts.items() if at is not None}
    own |= {rank: at for rank, at in happened.items() if day(at) <= TODAY}
    return {
        stage: day(min(at for other, at in own.items() if other >= rank))
        for stage, rank in RANKS.items()
        if rank <= max(own)
    }


def live(firm: SmallFirm, stories: Sequence[Life]) -> list[int]:
    """Let all the lives happen, day by day, and give the deals in their order."""
    deals: dict[int, int] = {}
    for number in range(DAYS):
        firm.at(max(firm.now, START + timedelta(days=number)))
        for place, life in enumerate(stories):
            for at, stage in life.moves:
                if at != number:
                    continue
                if place in deals:
                    firm.later(seconds=1)
                    firm.update(deals[place], stage=stage)
                else:
                    deals[place] = firm.deal(stage=stage, **dates(life))
            if life.meeting == number and place in deals:
                firm.activity("meeting", deals[place])
    return [deals[place] for place in range(len(stories))]


def dates(life: Life) -> dict[str, object]:
    named = {
        "contract_signed_date": life.contract,
        "advance_received_date": life.advance,
        "settlement_date": life.settlement,
    }
    return {name: day(at) for name, at in named.items() if at is not None}


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(stories=st.lists(lives(), min_size=60, max_size=60))
def test_milestones_of_random_lives_are_those_of_the_reference(
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
    stories: list[Life],
) -> None:
    # A meeting before its deal was written down has no deal to belong to.
    stories = [
        life
        if life.meeting is None or life.meeting >= life.moves[0][0]
        else Life(life.moves, life.contract, life.advance, life.settlement, None)
        for life in stories
    ]
    folder = tmp_path_factory.mktemp("lives")
    database = postgres.create_database("lives")
    with small_firm(folder, database, start=START) as firm:
        deals = live(firm, stories)
        firm.run_pass(START + timedelta(days=DAYS), until="core")
        found: dict[str, dict[str, object]] = {key(deal): {} for deal in deals}
        for deal_key, stage, entered in firm.rows(
            "select deal_key, stage, entered_date from dbt_core.fct_deal_milestones"
        ):
            found[str(deal_key)][str(stage)] = entered
        for deal, life in zip(deals, stories, strict=True):
            assert found[key(deal)] == reference(life), life


def test_the_estimate_of_kaplan_and_meier_keeps_open_and_lost_deals(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Six deals: closed after 1, 2 and 3 days, lost after 2, open for 4 and 4.

    Of six one closes on day 1 (5/6 go on), of five one on day 2 (4/6), of three one on
    day 3 (4/9): half of them are through on day 3. Closed deals alone say 2.
    """
    folder = tmp_path_factory.mktemp("closings")
    database = postgres.create_database("closings")
    with small_firm(folder, database, start=START) as firm:
        deals = [firm.deal(stage="contract_signed") for _ in range(6)]
        for later, deal, stage in (
            (1, deals[0], "closed_won"),
            (2, deals[1], "closed_won"),
            (2, deals[2], "lost"),
            (3, deals[3], "closed_won"),
        ):
            firm.at(max(firm.now, START + timedelta(days=later)))
            firm.update(deal, stage=stage)
        firm.run_pass(START + timedelta(days=4), until="reports")
        assert firm.rows(
            "select cohort_count, closed_count, cycle_days_median, cycle_days_km"
            " from dbt_reports.rpt_cycle_times where unit_key = 'company'"
            " and cohort_order = 1 and deal_type_order = 0"
        ) == [(6, 3, 2, 3)]


# ------------------------------------------------------------------ true stays


@pytest.fixture(scope="module")
def lived(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgencyHome]:
    """An agency after its first pass, 40 days more, and a second one."""
    folder = tmp_path_factory.mktemp("stays")
    environment = {"REESTR_DATABASE_URL": postgres.create_database("stays")}
    with living_agency(folder, environment, deals=200, seed=11) as home:
        home.run_pass()
        home.live(40)
        home.run_pass()
        yield home


def stays_in_marts(home: AgencyHome) -> list[tuple[object, ...]]:
    return sorted(
        home.rows(
            "select split_part(deal_key, ':', 2), visit_no::text,"
            " regexp_replace(crm_stage, '^C[0-9]+:', ''),"
            " to_char(entered_at at time zone 'Europe/Moscow', %s),"
            " coalesce(to_char(left_at at time zone 'Europe/Moscow', %s), ''),"
            " duration_s::bigint::text from dbt_core.fct_stage_visits",
            [ISO, ISO],
        ),
        key=repr,
    )


def true_stays(truth: GroundTruth) -> list[tuple[object, ...]]:
    table = truth.table("stage_visits")
    return sorted(table.itertuples(index=False, name=None), key=repr)


def test_stays_in_stages_are_true_on_the_first_day(
    agency_home: AgencyHome, tmp_path_factory: pytest.TempPathFactory
) -> None:
    truth = true_stays(agency_home.truth(tmp_path_factory.mktemp("truth")))
    assert len(truth) > 1000
    assert stays_in_marts(agency_home) == truth


def test_stays_in_stages_are_true_after_days_of_life(
    lived: AgencyHome, tmp_path_factory: pytest.TempPathFactory
) -> None:
    truth = true_stays(lived.truth(tmp_path_factory.mktemp("truth_later")))
    assert stays_in_marts(lived) == truth
