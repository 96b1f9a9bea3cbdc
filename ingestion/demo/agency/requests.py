"""States of requests: qualified, poor, spam, paused, and what they may bring."""

import numpy as np

from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    Agency,
    Flags,
    Ints,
    Records,
    Times,
    day_numbers,
    stream,
)
from ingestion.demo.agency.records import RecordWriter
from ingestion.demo.agency.story import later

DAY = 86400
HOUR = 3600
ROUBLE = 100
NEW, TAKEN, CONVERTED, JUNK, QUALIFIED, POOR, SPAM, PAUSED = range(8)

# Codes of the portal's list STATUS in the order above, and what they mean to it.
STATES = {
    "NEW": "P",
    "IN_PROCESS": "P",
    "CONVERTED": "S",
    "JUNK": "F",
    "QUALIFIED": "P",
    "POOR": "F",
    "SPAM": "F",
    "PAUSED": "P",
}

# Whose e-mail a request has: its own, that of an earlier request or of a known client.
OF_REQUEST, OF_EARLIER, OF_CLIENT = range(3)
WITH_EMAIL = 0.35
SEEN_BEFORE = 0.03
KNOWN_CLIENT = 0.03
REQUESTS_BACK = 60
DEALS_BACK = 400
QUALIFIED_FIRST = 0.8
POOR_SHARE = 0.45
SPAM_SHARE = 0.15
QUALIFIED_WAITING = 0.3
PAUSE_SHARE = 0.4
RETURNS = 0.5
ESTIMATED = 0.55
RETURN_FORGOTTEN = 0.2
REASONS = 4


def make_requests(seed: int, agency: Agency) -> Records:
    """Draw the states of every request and its pauses.

    The record of a request has its own number: requests are already in order. The
    field ``state`` holds every move; a refused request becomes poor, spam or junk.
    """
    rng = stream(seed, "requests")
    leads = agency.leads
    created, taken = leads["created_at"].to_numpy(), leads["taken_at"].to_numpy()
    converted = leads["converted_at"].to_numpy()
    dropped = leads["dropped_at"].to_numpy()
    writer = RecordWriter()
    lead = writer.add(created, **_emails(seed, agency))
    size = lead.size

    def move(at: Times, state: Ints | int) -> None:
        writer.write("state", lead, at, np.full(size, state))

    move(created, NEW)
    move(taken, TAKEN)
    is_good = ~np.isnat(converted)
    is_qualified = is_good & (rng.random(size) < QUALIFIED_FIRST)
    between = np.asarray(taken + (converted - taken) // 2)
    move(np.where(is_qualified & (between > taken), between, NEVER), QUALIFIED)
    is_waiting = np.isnat(converted) & np.isnat(dropped)
    waits = later(taken, rng.integers(HOUR, 6 * DAY, size))
    is_liked = is_waiting & (rng.random(size) < QUALIFIED_WAITING)
    move(np.where(is_liked, waits, NEVER), QUALIFIED)
    _pause(
        rng, writer, lead, later(waits, rng.integers(HOUR, 9 * DAY, size)), is_waiting
    )
    chance = rng.random(size)
    end = np.where(chance < POOR_SHARE, POOR, JUNK)
    end = np.where(chance >= 1 - SPAM_SHARE, SPAM, end)
    move(dropped, end)
    move(converted, CONVERTED)
    has_estimate = (rng.random(size) < ESTIMATED) & (chance < 1 - SPAM_SHARE)
    estimate = rng.integers(30, 450, size) * 1000 * ROUBLE
    writer.write("estimate", lead, np.where(has_estimate, taken, NEVER), estimate)
    return writer.finish()[0]


def _emails(seed: int, agency: Agency) -> dict[str, Ints]:
    """Say whose address each request has; most have none.

    Requests of the same address are duplicates while the earlier one, or the deal of
    the client, is open or was refused not long ago.
    """
    rng = stream(seed, "e-mails of requests")
    created = agency.leads["created_at"].to_numpy()
    size = created.size
    number = np.arange(size)
    kind = np.where(rng.random(size) < WITH_EMAIL, OF_REQUEST, EMPTY)
    earlier = number - rng.integers(1, REQUESTS_BACK, size)
    seen = np.flatnonzero((rng.random(size) < SEEN_BEFORE) & (earlier >= 0))
    kind[earlier[seen]] = OF_REQUEST
    kind[seen] = OF_EARLIER
    number[seen] = earlier[seen]
    before = np.searchsorted(agency.deals["created_at"].to_numpy(), created)
    deal = before - rng.integers(1, DEALS_BACK, size)
    is_known = (rng.random(size) < KNOWN_CLIENT) & (deal >= 0)
    contact = agency.deals["contact"].to_numpy()[np.maximum(deal, 0)]
    is_known &= ~np.isnat(agency.contacts["email_at"].to_numpy()[contact])
    kind = np.where(is_known, OF_CLIENT, kind)
    number = np.where(is_known, contact, number)
    return {"email_kind": kind, "email_number": number + 1}


def _pause(
    rng: np.random.Generator,
    writer: RecordWriter,
    lead: Ints,
    start: Times,
    may: Flags,
) -> None:
    """Pause some waiting requests; half of them come back, a fifth have no date."""
    size = lead.size
    start = np.where(may & (rng.random(size) < PAUSE_SHARE), start, NEVER)
    days = rng.integers(10, 120, size)
    until = later(start, days * DAY)
    day = day_numbers(np.where(np.isnat(until), np.datetime64(0, "s"), until))
    back = later(until, rng.integers(-3 * DAY, 20 * DAY, size))
    back = np.where(rng.random(size) < RETURNS, back, NEVER)
    writer.write("state", lead, start, np.full(size, PAUSED))
    writer.write("pause_reason", lead, start, rng.integers(0, REASONS, size))
    has_date = rng.random(size) >= RETURN_FORGOTTEN
    writer.write("paused_until", lead, np.where(has_date, start, NEVER), day)
    writer.write("state", lead, back, np.full(size, TAKEN))
    nothing = np.full(size, -1)
    writer.write("pause_reason", lead, back, nothing)
    writer.write("paused_until", lead, back, nothing)
