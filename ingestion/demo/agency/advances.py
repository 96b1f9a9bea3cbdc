"""Advances: who holds them, how long, and what becomes of them."""

import numpy as np

from ingestion.demo.agency.drawing import draw_until_fit
from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    DealType,
    Flags,
    Floats,
    Ints,
    Records,
    Stage,
    Times,
    day_numbers,
    stream,
)
from ingestion.demo.agency.records import RecordWriter
from ingestion.demo.agency.story import Story, later

DAY = 86400
AGENCY, SELLER, ESCROW = 0, 1, 2
APPLIED, REFUNDED, KEPT_BY_AGENCY, KEPT_BY_CLIENT, TRANSFERRED = range(5)

HOLDERS: Floats = np.array([0.60, 0.25, 0.15])
OFFSETS = 0.12
# Share of outcomes of the advances of refused deals; the rest is forgotten.
OUTCOMES: Floats = np.array([0.0, 0.66, 0.15, 0.05, 0.08])
OUTCOME_FORGOTTEN = 0.02
MISSING = 0.015
DIGIT_LOST = 0.008
AT_LEAST = 2
USUAL_AMOUNT = 50_000_00


def make_advances(seed: int, story: Story) -> Records:
    """Draw an advance of every deal that took one, and those moved to other deals."""
    rng = stream(seed, "advances")
    taken = story.entered[:, Stage.ADVANCE]
    amount_at, _ = story.first_edit("advance_amount")
    date_at, written_day = story.first_edit("advance_date")
    amount = story.final("advance_amount")
    amount = np.where(amount == EMPTY, USUAL_AMOUNT, amount)
    has_one = ~np.isnat(taken) & story.is_real & (story.deal_type != DealType.RENT)
    rows = np.flatnonzero(has_one)
    forgotten = rng.permutation(rows)[: max(AT_LEAST, round(rows.size * MISSING))]
    has_one[forgotten] = False
    deal = np.flatnonzero(has_one)
    created = np.fmax(np.fmin(amount_at, date_at)[deal], taken[deal])
    created = np.where(np.isnat(created), taken[deal], created)
    day = day_numbers(taken[deal])
    is_plausible = (written_day[deal] != EMPTY) & (
        written_day[deal] <= day_numbers(created)
    )
    day = np.where(is_plausible, written_day[deal], day)
    value = amount[deal].copy()
    wrong = rng.permutation(deal.size)[: max(AT_LEAST, round(deal.size * DIGIT_LOST))]
    value[wrong] //= 10
    holder = rng.choice(HOLDERS.size, deal.size, p=HOLDERS)
    # The commission must be known and larger, else there is nothing to offset.
    commission = story.value_at("commission", deal, created)
    offsets = (rng.random(deal.size) < OFFSETS) & (holder == AGENCY)
    offsets &= story.final("commission")[deal] > 2 * value
    offsets &= commission > 2 * value
    writer = RecordWriter()
    record = writer.add(
        created,
        deal=deal,
        assigned=story.assigned(deal, created),
        amount=value,
        received=day,
        holder=holder,
        offsets=offsets.astype(np.int64),
        parent=np.full(deal.size, EMPTY),
    )
    until_at, _ = story.first_edit("advance_until")
    until = story.final("advance_until")
    writer.write("until", record, until_at[deal], until[deal])
    outcome, at = _outcomes(rng, story, deal)
    moved = np.flatnonzero(outcome == TRANSFERRED)
    target, is_found = _targets(rng, story, deal[moved], at[moved])
    outcome[moved[~is_found]] = REFUNDED
    _close(writer, record, outcome, at)
    parents, target = moved[is_found], target[is_found]
    child = writer.add(
        at[parents],
        deal=target,
        assigned=story.assigned(target, at[parents]),
        amount=value[parents],
        received=day_numbers(at[parents]),
        holder=holder[parents],
        offsets=np.zeros(parents.size, dtype=np.int64),
        parent=record[parents],
    )
    ended = story.ended[target]
    _close(writer, child, np.full(child.size, REFUNDED), ended)
    made, place = writer.finish()
    parent = np.asarray(made.fixed["parent"].to_numpy(), np.int64)
    parent = np.where(parent == EMPTY, EMPTY, place[np.maximum(parent, 0)])
    return Records(made.fixed.assign(parent=parent), made.edits)


def _outcomes(rng: np.random.Generator, story: Story, deal: Ints) -> tuple[Ints, Times]:
    """Draw what becomes of an advance when its deal ends, and when."""
    chance = rng.random(deal.size)
    place = np.searchsorted(np.cumsum(OUTCOMES), chance, side="right")
    is_won, is_lost = story.is_won[deal], story.is_lost[deal]
    outcome = np.where(is_won, APPLIED, np.where(place < OUTCOMES.size, place, EMPTY))
    is_forgotten = is_won & (chance < OUTCOME_FORGOTTEN)
    outcome = np.where(is_forgotten | ~(is_won | is_lost), EMPTY, outcome)
    wait = np.where(
        is_won,
        rng.integers(0, 2 * DAY, deal.size),
        rng.integers(2 * 3600, 12 * DAY, deal.size),
    )
    at = later(story.ended[deal], wait)
    return outcome, np.where(outcome == EMPTY, NEVER, at)


def _close(writer: RecordWriter, record: Ints, outcome: Ints, at: Times) -> None:
    at = np.where(outcome == EMPTY, NEVER, at)
    day = day_numbers(np.where(np.isnat(at), np.datetime64(0, "s"), at))
    writer.write("outcome", record, at, outcome)
    writer.write("outcome_date", record, at, day)


def _targets(
    rng: np.random.Generator, story: Story, deal: Ints, at: Times
) -> tuple[Ints, Flags]:
    """Find another deal in work, with a contract and never an advance of its own."""
    signed = story.entered[:, Stage.CONTRACT]
    is_free = ~np.isnat(signed) & np.isnat(story.entered[:, Stage.ADVANCE])
    is_free &= story.is_real & (story.deal_type != DealType.RENT)
    pool = np.flatnonzero(is_free)
    if not pool.size:
        return deal, np.zeros(deal.size, dtype=bool)

    def fits(rows: Ints, candidates: Ints) -> Flags:
        flags: Flags = signed[candidates] < at[rows]
        return flags & ~(story.ended[candidates] <= at[rows])

    nobody = np.full(deal.size, EMPTY)
    target = draw_until_fit(
        lambda rows: pool[rng.integers(0, pool.size, rows.size)], fits, nobody
    )
    return np.maximum(target, 0), target != EMPTY
