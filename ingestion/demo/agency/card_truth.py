"""Which cards contradict the records beside them, computed from the simulator's events.

Like ``ground_truth.py`` it knows nothing of staging, metrics or rules. What nobody can
do in the demo agency (a login that several people share, a commission of zero, a won
deal without any date, a reservation extended again and again) is not among it.
"""

import numpy as np

from ingestion.demo.agency import documents as document_life
from ingestion.demo.agency.cards import OWNER_BASE
from ingestion.demo.agency.detail_truth import Picture
from ingestion.demo.agency.kpi_truth import closing_days, held_meetings
from ingestion.demo.agency.model import (
    EMPTY,
    ActivityKind,
    Flags,
    Ints,
    Stage,
    day_numbers,
)
from ingestion.demo.agency.state import count_until, until

PAUSE_LIMIT_DAYS = 60
DAY = 86400
FAR = np.iinfo(np.int64).max
LOST = (Stage.LOSE, Stage.APOLOGY)
# Rank of the stages that a recorded fact must confirm; the others confirm themselves.
CONFIRMED = {
    Stage.MEETING: 30,
    Stage.CONTRACT: 40,
    Stage.SHOWING: 50,
    Stage.ADVANCE: 60,
}
RESERVED = 55
SELF_EVIDENT = {Stage.PREPARATION: 70, Stage.SETTLEMENT: 80, Stage.WON: 90}


def contradictions(picture: Picture) -> dict[str, Flags]:
    """Say by rule which deals fail it; test deals are not left out yet."""
    state = picture.state
    today = state.today_number
    closed = closing_days(state)
    signed, signed_last = _contract_days(picture)
    received, received_last = _advance_days(picture)
    moved = day_numbers(state.moved_at)
    is_paused = state.stage == Stage.PAUSED
    is_shared = state.fields["deal_owner"] >= OWNER_BASE
    weight = picture.known["deal_link"].number("weight")
    return {
        "deal_stage_mapped": state.stage == Stage.LEGACY,
        "deal_stage_confirmed": _is_unconfirmed(picture, signed, received),
        "deal_pause_not_too_long": is_paused & (today - moved > PAUSE_LIMIT_DAYS),
        "deal_closing_date_not_future": closed > today,
        "deal_contract_date_not_future": signed_last > today,
        "deal_advance_date_not_future": received_last > today,
        "deal_activity_not_future": _has_future_activity(picture),
        "deal_role_filled": _has_nobody(picture, signed, received, closed),
        "deal_weights_whole": is_shared & (weight != EMPTY) & (2 * weight != 100),
        "deal_weights_entered": is_shared & (weight == EMPTY),
        "deal_owner_works": _is_ownerless(picture),
        "deal_showing_confirmed": _is_shown_at_a_meeting(picture),
    }


def _first_and_last(picture: Picture, deal: Ints, day: Ints) -> tuple[Ints, Ints]:
    first = np.full(picture.size, FAR)
    last = np.full(picture.size, EMPTY)
    np.minimum.at(first, deal, day)
    np.maximum.at(last, deal, day)
    return first, last


def _with_card(first: Ints, last: Ints, written: Ints) -> tuple[Ints, Ints]:
    """Let the card's date stand in where nothing is recorded; the latest counts."""
    alone = np.where(written == EMPTY, FAR, written)
    return np.where(last == EMPTY, alone, first), np.maximum(last, written)


def _contract_days(picture: Picture) -> tuple[Ints, Ints]:
    papers = picture.known["document"]
    is_signed = papers.number("kind") == document_life.CONTRACT
    is_signed &= papers.fields["state"] == document_life.SIGNED
    is_signed &= papers.fields["signed"] != EMPTY
    deal, day = papers.number("deal")[is_signed], papers.fields["signed"][is_signed]
    first, last = _first_and_last(picture, deal, day)
    return _with_card(first, last, picture.state.fields["contract_date"])


def _advance_days(picture: Picture) -> tuple[Ints, Ints]:
    taken = picture.known["advance"]
    first, last = _first_and_last(
        picture, taken.number("deal"), taken.number("received")
    )
    return _with_card(first, last, picture.state.fields["advance_date"])


def _held(picture: Picture, kind: ActivityKind | None = None) -> tuple[Ints, Ints]:
    """Give deal and day of the activities that somebody marked as held."""
    table = picture.agency.activities
    known = table.iloc[: count_until(table["created_at"], picture.state.moment)]
    is_held = (known["completed_at"] <= picture.state.moment).to_numpy()
    if kind is not None:
        is_held = is_held & (known["kind"] == kind).to_numpy()
    held = known[is_held]
    day = day_numbers(held["start"].to_numpy().astype("datetime64[s]"))
    return held["deal"].to_numpy(), day


def _has_future_activity(picture: Picture) -> Flags:
    deal, day = _held(picture)
    late = deal[day > picture.state.today_number]
    return np.isin(np.arange(picture.size), late)


def _is_shown_at_a_meeting(picture: Picture) -> Flags:
    """Say which deals had a meeting at an object."""
    held = held_meetings(picture)
    return np.isin(np.arange(picture.size), held["deal"][held["unit"] != EMPTY])


def _is_unconfirmed(picture: Picture, signed: Ints, received: Ints) -> Flags:
    """Say which deals stand in a stage that is higher than anything recorded."""
    state = picture.state
    today = state.today_number
    proven = np.zeros(picture.size, dtype=np.int64)
    for kind, stage in (
        (ActivityKind.MEETING, Stage.MEETING),
        (ActivityKind.SHOWING, Stage.SHOWING),
    ):
        deal, day = _held(picture, kind)
        np.maximum.at(proven, deal[day <= today], CONFIRMED[stage])
    booked = picture.known["reservation"]
    is_begun = booked.number("start") // DAY <= today
    np.maximum.at(proven, booked.number("deal")[is_begun], RESERVED)
    settled = state.fields["settlement_date"]
    for stage, day in ((Stage.CONTRACT, signed), (Stage.ADVANCE, received)):
        proven = np.maximum(proven, (day <= today) * CONFIRMED[stage])
    is_settled = (settled != EMPTY) & (settled <= today)
    proven = np.maximum(proven, is_settled * SELF_EVIDENT[Stage.WON])
    moves = until(picture.agency.stage_moves, state.moment)
    for stage, rank in SELF_EVIDENT.items():
        np.maximum.at(proven, moves["deal"][moves["stage"] == stage].to_numpy(), rank)
    claimed = np.zeros(picture.size, dtype=np.int64)
    for stage, rank in CONFIRMED.items():
        claimed[state.stage == stage] = rank
    return np.asarray(claimed > proven)


def _has_nobody(picture: Picture, signed: Ints, received: Ints, closed: Ints) -> Flags:
    """Say which deals have a fact that nobody can be credited with."""
    state = picture.state
    lost = np.where(np.isin(state.stage, LOST), day_numbers(_known(state.lost_at)), FAR)
    over = np.where(closed == EMPTY, lost, closed)
    result = np.zeros(picture.size, dtype=bool)
    for role, day in (
        ("contract_owner", signed),
        ("advance_owner", received),
        ("deal_owner", over),
    ):
        result |= (state.fields[role] == EMPTY) & (day <= state.today_number)
    return result


def _known(times: np.ndarray) -> np.ndarray:
    return np.where(np.isnat(times), np.datetime64(0, "s"), times)


def _is_ownerless(picture: Picture) -> Flags:
    """Say which deals in work or paused are owned by nobody who still works."""
    state, employees = picture.state, picture.agency.employees
    left = employees["dismissed_at"].to_numpy() <= state.moment
    works = np.concatenate([[False], ~left])
    owner = np.maximum(state.fields["deal_owner"], 0)
    has_owner = works[owner % OWNER_BASE] | works[owner // OWNER_BASE]
    is_over = np.isin(state.stage, (Stage.WON, *LOST))
    return np.asarray(~is_over & ~has_owner)
