"""Property units and their reservations, a few of them double."""

import numpy as np

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
    stream,
)
from ingestion.demo.agency.records import RecordWriter
from ingestion.demo.agency.story import Story, later, seconds_of

DAY = 86400
HOUR = 3600
FREE, RESERVED, SOLD, REMOVED = range(4)
VERBAL, UNPAID, PREPAID = range(3)
KINDS: Floats = np.array([0.25, 0.45, 0.30])
TERMS: Ints = np.array([2, 3, 14])
ADVANCE_TAKEN, TERM_OVER, CLIENT_LEFT, OTHER_OBJECT = range(4)

RESERVES: Floats = np.array([0.0, 0.45, 0.85, 0.0])
REUSED = 0.12
REUSE_DISTANCE = 400
DOUBLE = 0.015
DOUBLE_AT_LEAST = 3
TOUCHING = 3
NEIGHBOURS = 15
NOT_RELEASED = 0.05
EXTENDED = 0.6
EXTENDED_AGAIN = 0.35
EXTENSIONS = 4
EXTENDED_TOMORROW = 3
LIST_PRICE_MISSING = 0.1
LIST_MARGIN: Floats = np.array([1.0, 1.01, 1.02, 1.03, 1.05])


def make_objects(seed: int, story: Story) -> tuple[Records, Records, Ints]:
    """Draw units and reservations of buyers' deals.

    A unit is one flat: the client's own at a sale, the chosen one at a purchase or a
    new building. Some flats are reserved again when the first buyer is gone.

    Returns:
        Units, reservations, and by the number of the activity the unit that a showing
        shows because it is reserved afterwards, or -1.
    """
    rng = stream(seed, "objects and reservations")
    deal, start, kind, until, released, reason = _intervals(rng, story)
    over = np.where(np.isnat(released), until, released)
    today = np.datetime64(story.agency.first_today, "s")
    born = np.where(start < today, story.created[deal], NEVER)
    host, start, planted = _share_units(rng, deal, start, over, past_born=born)
    units = RecordWriter()
    signed = story.entered[:, Stage.CONTRACT]
    is_listed = (story.deal_type == DealType.SALE) & ~np.isnat(signed) & story.is_real
    listed = np.flatnonzero(is_listed)
    own = np.flatnonzero(host == np.arange(deal.size))
    subject = np.concatenate([listed, deal[own]])
    # A flat is in the CRM when it is first shown, else an hour before it is reserved.
    seen = story.showing_before(deal, start)
    entered = story.agency.activities["created_at"].to_numpy()
    shown = np.append(entered, NEVER)[seen[own]]
    chosen = np.fmin(later(start[own], np.full(own.size, -HOUR)), shown)
    born = np.concatenate([signed[listed], chosen])
    born = np.fmax(born, story.created[subject])
    price = story.final("price")[subject]
    margin = rng.choice(LIST_MARGIN, subject.size)
    unit = units.add(
        born,
        deal=subject,
        assigned=story.assigned(subject, born),
        price=np.asarray(np.maximum(price, 4_000_000_00) * margin, np.int64)
        // 1_000_000
        * 1_000_000,
        area=rng.integers(240, 1200, subject.size),
        is_listing=np.repeat([1, 0], [listed.size, own.size]),
    )
    _unit_states(units, story, unit, deal=subject, born=born, listed=listed.size)
    units.write("state", unit[listed.size :], start[own], np.full(own.size, RESERVED))
    made_units, unit_place = units.finish()
    unit_of = np.zeros(deal.size, dtype=np.int64)
    unit_of[own] = unit_place[unit[listed.size :]]
    reserved = np.full(entered.size, EMPTY)
    is_shown = seen[own] != EMPTY
    reserved[seen[own][is_shown]] = unit_of[own][is_shown]
    bookings = RecordWriter()
    record = bookings.add(
        start,
        deal=deal,
        assigned=story.assigned(deal, start),
        unit=unit_of[host],
        kind=kind,
        start=seconds_of(start),
        price=_list_prices(seed, made_units, unit_of, host),
        is_planted=planted,
    )
    _write_terms(seed, story, bookings, record, start=start, until=until, over=released)
    bookings.write("released", record, released, seconds_of(released))
    bookings.write("reason", record, released, reason)
    return made_units, bookings.finish()[0], reserved


def _intervals(
    rng: np.random.Generator, story: Story
) -> tuple[Ints, Times, Ints, Times, Times, Ints]:
    """Draw who reserves when, for how long, and why it is released."""
    signed = story.entered[:, Stage.CONTRACT]
    shown = story.entered[:, Stage.SHOWING]
    taken = story.entered[:, Stage.ADVANCE]
    begin = np.where(np.isnat(shown), signed, shown)
    reserves = ~np.isnat(begin) & story.is_real
    reserves &= rng.random(story.size) < RESERVES[story.deal_type]
    deal = np.flatnonzero(reserves)
    start = later(begin[deal], rng.integers(HOUR, 2 * DAY, deal.size))
    start = np.where(start >= story.ended[deal], begin[deal], start)
    kind = rng.choice(KINDS.size, deal.size, p=KINDS)
    until = later(start, TERMS[kind] * DAY)
    after = later(until, rng.integers(0, 3 * DAY, deal.size))
    ends = np.fmin(taken[deal], story.ended[deal])
    released = np.fmin(ends, after)
    at_least = later(start, np.full(deal.size, HOUR))
    is_short = released < at_least
    released = np.where(is_short, at_least, released)
    is_taken = (taken[deal] == released) | (is_short & (taken[deal] < at_least))
    is_gone = story.ended[deal] == released
    chance = rng.random(deal.size)
    reason = np.where(chance < 0.3, OTHER_OBJECT, TERM_OVER)
    reason = np.where(is_gone, CLIENT_LEFT, reason)
    reason = np.where(is_taken, ADVANCE_TAKEN, reason)
    is_kept = (rng.random(deal.size) < NOT_RELEASED) & ~is_taken
    released = np.where(is_kept, NEVER, released)
    order = np.argsort(start, kind="stable")
    return (
        deal[order],
        start[order],
        kind[order],
        until[order],
        released[order],
        reason[order],
    )


def _list_prices(seed: int, units: Records, unit_of: Ints, host: Ints) -> Ints:
    """Note the price of the flat on the day of the reservation; some forget to.

    Of a flat that another buyer had reserved before nobody looks the price up.
    """
    price = units.fixed["price"].to_numpy()[unit_of]
    missing = stream(seed, "list prices").random(host.size) < LIST_PRICE_MISSING
    is_noted = ~missing & (host == np.arange(host.size))
    return np.where(is_noted, price, EMPTY)


def _write_terms(
    seed: int,
    story: Story,
    bookings: RecordWriter,
    record: Ints,
    *,
    start: Times,
    until: Times,
    over: Times,
) -> None:
    """Write until when a flat is reserved, and that the term is moved on.

    Most reservations that outlive their term are extended in its last day, some again.
    On the day after the first one a few of those in force are, whatever their term.
    """
    rng = stream(seed, "terms of reservations")
    bookings.write("until", record, start, seconds_of(until))
    goes_on = ~np.isnat(over)
    for extension in range(EXTENSIONS):
        chance = EXTENDED if extension == 0 else EXTENDED_AGAIN
        ahead = rng.integers(HOUR, DAY, record.size)
        days = rng.integers(1, 4, record.size) * DAY
        goes_on &= (over > until) & (rng.random(record.size) < chance)
        at = np.where(goes_on, np.fmax(later(until, -ahead), start), NEVER)
        until = np.where(goes_on, later(until, days), until)
        bookings.write("until", record, at, seconds_of(until))
    today = np.datetime64(story.agency.first_today, "s") + np.timedelta64(DAY, "s")
    tomorrow = today + np.timedelta64(10 * HOUR, "s")
    holds = (start < today) & ~(over <= tomorrow)
    chosen = np.flatnonzero(holds)[-EXTENDED_TOMORROW:]
    moved = np.fmax(until[chosen], np.full(chosen.size, tomorrow))
    bookings.write(
        "until",
        record[chosen],
        np.full(chosen.size, tomorrow),
        seconds_of(later(moved, np.full(chosen.size, 2 * DAY))),
    )


def _share_units(
    rng: np.random.Generator,
    deal: Ints,
    start: Times,
    over: Times,
    *,
    past_born: Times,
) -> tuple[Ints, Times, Ints]:
    """Say whose unit each reservation takes: a later, an overlapping, a touching one.

    Args:
        rng: Random stream.
        deal: Deal of each reservation, in the order of the starts.
        start: When each begins.
        over: When each ends, released or not.
        past_born: When the deal is created, never for reservations yet to come.

    Returns:
        The reservation whose unit is taken (its own, if the same), the starts, and 1
        where an overlap is planted.
    """
    size = deal.size
    numbers = np.arange(size)
    host, planted = numbers.copy(), np.zeros(size, dtype=np.int64)
    start = start.copy()
    is_used = np.zeros(size, dtype=bool)
    # First the overlaps: the next reservation in time takes the flat of the last one.
    count = max(DOUBLE_AT_LEAST, round(size * DOUBLE))
    next_one = np.minimum(numbers + 1, size - 1)
    overlaps = (
        (start[next_one] < over) & (deal[next_one] != deal) & (next_one > numbers)
    )
    pairs = rng.permutation(np.flatnonzero(overlaps))
    # Every third one may be chosen, so that no flat is shared by three; the past has
    # its few, whatever the size.
    pairs = pairs[pairs % 3 == 0]
    is_past = ~np.isnat(past_born[np.minimum(pairs + 1, size - 1)])
    first = np.concatenate([pairs[is_past][:DOUBLE_AT_LEAST], pairs])
    _, only = np.unique(first, return_index=True)
    first = first[np.sort(only)][:count]
    host[first + 1], planted[first + 1] = first, 1
    is_used[first], is_used[first + 1] = True, True
    # Then a few that begin at the second at which another one ends.
    earlier = np.maximum(numbers - rng.integers(1, NEIGHBOURS, size), 0)
    fits = (over[earlier] >= past_born) & (deal[earlier] != deal)
    rows = _alone(np.flatnonzero(fits & (over[earlier] <= start)), earlier, is_used)
    touching = rows[:TOUCHING]
    host[touching], start[touching] = earlier[touching], over[earlier[touching]]
    is_used[touching], is_used[earlier[touching]] = True, True
    # Then reservations of a flat whose first buyer is gone for long.
    earlier = np.maximum(numbers - rng.integers(1, REUSE_DISTANCE, size), 0)
    fits = (over[earlier] <= start) & (deal[earlier] != deal)
    fits &= rng.random(size) < REUSED
    rows = _alone(np.flatnonzero(fits), earlier, is_used)
    host[rows] = earlier[rows]
    return host, start, planted


def _alone(rows: Ints, earlier: Ints, is_used: Flags) -> Ints:
    """Keep pairs that share no reservation with another pair."""
    rows = rows[~is_used[rows] & ~is_used[earlier[rows]]]
    _, only = np.unique(earlier[rows], return_index=True)
    rows = rows[np.sort(only)]
    alone: Ints = rows[~np.isin(rows, earlier[rows]) & ~np.isin(earlier[rows], rows)]
    return alone


def _unit_states(
    units: RecordWriter,
    story: Story,
    unit: Ints,
    *,
    deal: Ints,
    born: Times,
    listed: int,
) -> None:
    """Keep the state of a unit: it follows the deal that brought it."""
    is_listing = np.arange(unit.size) < listed
    taken = story.entered[deal, Stage.ADVANCE]
    ended = story.ended[deal]
    units.write("state", unit, born, np.full(unit.size, FREE))
    units.write("state", unit, taken, np.full(unit.size, RESERVED))
    gone = np.where(is_listing, REMOVED, FREE)
    last = np.where(story.is_won[deal], SOLD, gone)
    units.write("state", unit, ended, last)
