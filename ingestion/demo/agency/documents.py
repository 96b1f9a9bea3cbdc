"""Contracts, supplements, preliminary contracts and acts of every deal."""

import numpy as np

from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    DealType,
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
HOUR = 3600
CONTRACT, SUPPLEMENT, PRELIMINARY, ACT = range(4)
DRAFT, SENT, SIGNED, DECLINED = range(4)
CONTRACT_MISSING = 0.02
CONTRACT_DECLINED = 0.10
TERMINATED = 0.35
TERMS = (92, 183, 365)
ACT_WRITTEN = 0.9
# By the type of the deal: sellers, buyers, new buildings, lets.
EXCLUSIVE: Floats = np.array([0.45, 0.10, 0.05, 0.20])
PRELIMINARY_WRITTEN = 0.85
SUPPLEMENT_UNWRITTEN = 0.15


def make_documents(seed: int, story: Story) -> Records:
    """Draw the documents: drafted, sent, signed or declined, terminated."""
    rng = stream(seed, "documents")
    writer = RecordWriter()
    signed_at = story.entered[:, Stage.CONTRACT]
    date_at, written = story.first_edit("contract_date")
    is_written = (written != EMPTY) & (written <= _days(date_at))
    day = np.where(is_written, written, _days(signed_at))
    has_one = rng.random(story.size) >= CONTRACT_MISSING
    at = np.where(has_one & story.is_real, signed_at, NEVER)
    deal, record = _document(rng, writer, story, CONTRACT, at=at, day=day)
    chance = stream(seed, "exclusive contracts").random(story.size)
    is_exclusive = (chance < EXCLUSIVE[story.deal_type])[deal].astype(np.int64)
    writer.write("exclusive", record, at[deal], is_exclusive)
    term = rng.choice(TERMS, deal.size)
    writer.write("valid_until", record, at[deal], day[deal] + term)
    ends = story.is_lost[deal] & (rng.random(deal.size) < TERMINATED)
    over = later(story.ended[deal], rng.integers(HOUR, 5 * DAY, deal.size))
    over = np.where(ends, over, NEVER)
    writer.write("terminated", record, over, _days(over))
    reason = story.final("refusal_reason")[deal]
    writer.write("terminated_reason", record, over, reason)
    met = story.entered[:, Stage.MEETING]
    stopped = np.isnat(signed_at) & story.is_lost & story.is_real & ~np.isnat(met)
    stopped &= rng.random(story.size) < CONTRACT_DECLINED
    _document(
        rng,
        writer,
        story,
        CONTRACT,
        at=np.where(stopped, story.ended, NEVER),
        day=None,
    )
    for field in ("commission", "price"):
        at = _lowered(story, field)
        is_made = has_one & (rng.random(story.size) >= SUPPLEMENT_UNWRITTEN)
        at = np.where(is_made & (at > signed_at), at, NEVER)
        _document(rng, writer, story, SUPPLEMENT, at=at, day=_days(at))
    taken = story.entered[:, Stage.ADVANCE]
    is_made = (rng.random(story.size) < PRELIMINARY_WRITTEN) & story.is_real
    is_made &= story.deal_type != DealType.RENT
    at = np.where(is_made, taken, NEVER)
    _document(rng, writer, story, PRELIMINARY, at=at, day=_days(at))
    is_made = (rng.random(story.size) < ACT_WRITTEN) & story.is_real & story.is_won
    at = np.where(is_made, story.ended, NEVER)
    at = later(at, rng.integers(HOUR, 3 * DAY, story.size))
    _document(rng, writer, story, ACT, at=at, day=_days(at))
    return writer.finish()[0]


def _document(
    rng: np.random.Generator,
    writer: RecordWriter,
    story: Story,
    kind: int,
    *,
    at: Times,
    day: Ints | None,
) -> tuple[Ints, Ints]:
    """Draft a document before a moment; sign it then, or decline it without a day."""
    deal = np.flatnonzero(~np.isnat(at))
    end = at[deal]
    drafted = later(end, -rng.integers(2 * HOUR, 4 * DAY, deal.size))
    drafted = np.fmax(drafted, story.created[deal])
    sent = np.asarray(drafted + (end - drafted) // 2)
    second = rng.random(deal.size) < 0.3
    record = writer.add(
        drafted,
        deal=deal,
        assigned=story.assigned(deal, drafted),
        kind=np.full(deal.size, kind),
        signatories=1 + second.astype(np.int64),
        running=rng.integers(1, 4, deal.size),
    )
    writer.write("state", record, drafted, np.full(deal.size, DRAFT))
    writer.write("state", record, sent, np.full(deal.size, SENT))
    last = DECLINED if day is None else SIGNED
    writer.write("state", record, end, np.full(deal.size, last))
    if day is not None:
        writer.write("signed", record, end, day[deal])
    return deal, record


def _lowered(story: Story, field: str) -> Times:
    """Give when a value is lowered by agreement: not a slip of a digit."""
    edits = story.edits_in_order(field)
    deal, value = edits["deal"].to_numpy(), edits["value"].to_numpy()
    is_first = np.diff(deal, prepend=-1) != 0
    before = np.where(is_first, value, np.roll(value, 1))
    rows = np.flatnonzero((value < before) & (value * 2 > before))
    at = np.full(story.size, NEVER)
    at[deal[rows]] = edits["at"].to_numpy()[rows]
    return at


def _days(at: Times) -> Ints:
    return day_numbers(np.where(np.isnat(at), np.datetime64(0, "s"), at))
