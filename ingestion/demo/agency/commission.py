"""Service lines, invoices and payments: how a commission is made up and paid."""

import numpy as np

from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
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
ROUBLE = 100
SELLER, BUYER, MORTGAGE, LEGAL = range(4)
SERVICES = 4
ISSUED, SENT, PAID, DECLINED = range(4)
INCOME, REFUND = 0, 1
TO_INVOICE, TO_COMMISSION, BACK_OVERPAID, BACK_COMMISSION = range(4)

# The service that takes the rest, by type of deal.
MAIN: Ints = np.array([SELLER, BUYER, BUYER, SELLER])
# Share of deals that have a service, and its percent of the commission, by type.
HAS_SERVICE: Floats = np.array(
    [
        [1.0, 0.05, 0.00, 0.35],
        [0.0, 1.00, 0.30, 0.40],
        [0.0, 1.00, 0.35, 0.10],
        [1.0, 0.00, 0.00, 0.00],
    ]
)
PERCENT: Ints = np.array([0, 40, 12, 8])
NO_LINES = 0.02
LINES_NOT_UPDATED = 0.08
DISCOUNT_SAID = 0.7
AT_LEAST = 2

NO_INVOICE = 0.03
TWO_INVOICES = 0.2
ISSUED_AT_CLOSING = 0.25
REISSUED = 0.04
PAID_NOT_MARKED = 0.05
DUE_DAYS = (5, 7, 10, 14)

PAYMENT_MISSING = 0.015
PAYMENT_UNLINKED = 0.03
SPLIT_BY_INVOICE = 0.6
OVERPAID_RETURNED = 0.6
COMMISSION_RETURNED = 0.025


def make_service_lines(seed: int, story: Story) -> Records:
    """Draw the services of every commission; their sum follows the deal's field."""
    rng = stream(seed, "service lines")
    has_lines = _most(rng, story.size, NO_LINES)
    kind = story.deal_type
    main = MAIN[kind]
    takes = rng.random((story.size, SERVICES)) < HAS_SERVICE[kind]
    percent = np.where(takes, PERCENT, 0)
    percent[np.arange(story.size), main] = 0
    edits = story.edits_in_order("commission")
    edits = edits[has_lines[edits["deal"].to_numpy()]]
    deal, value = edits["deal"].to_numpy(), edits["value"].to_numpy()
    at = edits["at"].to_numpy()
    is_first = np.diff(deal, prepend=-1) != 0
    # A slip of a digit is repaired; any other lower value is a discount.
    before = np.where(is_first, value, np.roll(value, 1))
    is_cut = (value < before) & (value * 2 > before)
    is_written = is_first | (rng.random(deal.size) >= LINES_NOT_UPDATED)
    is_said = is_cut & (rng.random(deal.size) < DISCOUNT_SAID)
    now = _parts(value, percent[deal], main[deal])
    was = _parts(before, percent[deal], main[deal])
    writer = RecordWriter()
    first = np.flatnonzero(is_first)
    of_deal = np.cumsum(is_first) - 1
    for service in range(SERVICES):
        there = (now[:, service] > 0) & is_written
        starts = first[there[first]]
        number = np.full(first.size, EMPTY)
        number[of_deal[starts]] = writer.add(
            at[starts],
            deal=deal[starts],
            assigned=story.assigned(deal[starts], at[starts]),
            service=np.full(starts.size, service),
        )
        rows = np.flatnonzero(there & (number[of_deal] != EMPTY))
        record = number[of_deal[rows]]
        discount = np.where(is_said, was[:, service] - now[:, service], 0)
        writer.write("price", record, at[rows], now[rows, service])
        writer.write("discount", record, at[rows], discount[rows])
    return writer.finish()[0]


def make_invoices(seed: int, story: Story) -> Records:
    """Draw invoices: when issued, for how much, reissued, paid or declined."""
    rng = stream(seed, "invoices")
    won = np.where(story.is_won, story.ended, NEVER)
    settled = story.entered[:, Stage.SETTLEMENT]
    is_late = rng.random(story.size) < ISSUED_AT_CLOSING
    start = np.where(np.isnat(settled) | is_late, won, settled)
    start = later(start, rng.integers(1800, 2 * DAY, story.size))
    deals = np.arange(story.size)
    amount = story.value_at("commission", deals, start)
    has_one = ~np.isnat(start) & story.is_real & (amount != EMPTY)
    has_one &= _most(rng, story.size, NO_INVOICE)
    is_double = (rng.random(story.size) < TWO_INVOICES) & ~np.isnat(won)
    half = np.where(is_double, amount // 2 // ROUBLE * ROUBLE, amount)
    second = later(np.fmax(won, start), rng.integers(1800, 3 * DAY, story.size))
    # A declined invoice comes first and is replaced the day after.
    is_again = has_one & (rng.random(story.size) < REISSUED)
    writer = RecordWriter()
    for flags, at, value, part, is_spoiled in (
        (is_again, later(start, np.full(story.size, -DAY)), half, 0, True),
        (has_one, start, half, 0, False),
        (has_one & is_double, second, amount - half, 1, False),
    ):
        deal = np.flatnonzero(flags)
        created = np.fmax(at[deal], story.created[deal])
        issued = day_numbers(created)
        record = writer.add(
            created,
            deal=deal,
            assigned=story.assigned(deal, created),
            amount=value[deal],
            issued=issued,
            due=issued + rng.choice(DUE_DAYS, deal.size),
            part=np.full(deal.size, part),
        )
        sent = later(created, rng.integers(900, 2 * DAY, deal.size))
        writer.write("state", record, created, np.full(deal.size, ISSUED))
        writer.write("state", record, sent, np.full(deal.size, SENT))
        is_over = story.is_lost[deal] | is_spoiled
        over = story.ended[deal] if not is_spoiled else sent
        over = np.where(is_over, np.fmax(over, later(sent, _one(deal.size))), NEVER)
        writer.write("state", record, over, np.full(deal.size, DECLINED))
        _mark_paid(
            rng,
            writer,
            story,
            record,
            deal=deal,
            sent=sent,
            is_spoiled=is_spoiled,
        )
    return writer.finish()[0]


def make_payments(
    seed: int, story: Story, invoices: Records, advances: Records
) -> Records:
    """Draw the money that came and went back; the sum follows the deal's field."""
    rng = stream(seed, "payments")
    first, second = _live_invoices(story, invoices)
    edits = story.edits_in_order("paid")
    deal, at = edits["deal"].to_numpy(), edits["at"].to_numpy()
    so_far = edits["value"].to_numpy()
    is_first = np.diff(deal, prepend=-1) != 0
    amount = so_far - np.where(is_first, 0, np.roll(so_far, 1))
    offset = offset_of(story, advances)[deal]
    amount = amount - np.where(is_first & (offset < amount), offset, 0)
    is_whole = is_first & (np.roll(deal, -1) != deal)
    is_split = is_whole & (second[deal] != EMPTY)
    is_split &= rng.random(deal.size) < SPLIT_BY_INVOICE
    is_there = _most(rng, deal.size, PAYMENT_MISSING) & (amount > 0)
    # A deal without an invoice points past the end, at nothing.
    invoiced = np.append(invoices.fixed["amount"].to_numpy(), 0)
    one = np.where(is_split, np.minimum(invoiced[first[deal]], amount), amount)
    target = np.where(is_first | (second[deal] == EMPTY), first[deal], second[deal])
    writer = RecordWriter()
    born = np.append(invoices.fixed["created_at"].to_numpy(), NEVER)
    lag = rng.choice([0, 1, 2], deal.size, p=[0.7, 0.2, 0.1])
    for flags, value, to in (
        (is_there, one, target),
        (is_there & is_split & (amount > one), amount - one, second[deal]),
    ):
        rows = np.flatnonzero(flags)
        record = writer.add(
            at[rows],
            deal=deal[rows],
            assigned=story.assigned(deal[rows], at[rows]),
            amount=value[rows],
            day=day_numbers(at[rows]) - lag[rows],
            direction=np.full(rows.size, INCOME),
            purpose=np.where(to[rows] == EMPTY, TO_COMMISSION, TO_INVOICE),
        )
        is_linked = (to[rows] != EMPTY) & (rng.random(rows.size) >= PAYMENT_UNLINKED)
        linked_at = np.fmax(at[rows], born[to[rows]])
        writer.write("invoice", record, np.where(is_linked, linked_at, NEVER), to[rows])
    _write_refunds(rng, writer, story, first)
    return writer.finish()[0]


def offset_of(story: Story, advances: Records) -> Ints:
    """Give the part of a deal's commission that its advance pays, if it is won."""
    deal = advances.fixed["deal"].to_numpy()
    is_offset = (advances.fixed["offsets"].to_numpy() == 1) & story.is_won[deal]
    offset = np.zeros(story.size, dtype=np.int64)
    np.add.at(offset, deal[is_offset], advances.fixed["amount"].to_numpy()[is_offset])
    return offset


def _write_refunds(
    rng: np.random.Generator, writer: RecordWriter, story: Story, invoice: Ints
) -> None:
    """Give back what was paid too much, and now and then a part of a commission."""
    paid, commission = story.final("paid"), story.final("commission")
    last = story.edits_in_order("paid").drop_duplicates("deal", keep="last")
    paid_at = np.full(story.size, NEVER)
    paid_at[last["deal"].to_numpy()] = last["at"].to_numpy()
    over = np.where(commission == EMPTY, 0, paid - commission)
    is_over = (over > 0) & (rng.random(story.size) < OVERPAID_RETURNED)
    is_complaint = (over == 0) & (paid > 0)
    is_complaint &= ~_most(rng, story.size, COMMISSION_RETURNED)
    percent = rng.choice([10, 20, 30, 50], story.size)
    back = np.where(is_over, over, paid * percent // 100 // ROUBLE * ROUBLE)
    at = later(paid_at, rng.integers(4 * DAY, 50 * DAY, story.size))
    flags = (is_over | is_complaint) & ~np.isnat(at) & (back > 0) & story.is_real
    deal = np.flatnonzero(flags)
    record = writer.add(
        at[deal],
        deal=deal,
        assigned=story.assigned(deal, at[deal]),
        amount=back[deal],
        day=day_numbers(at[deal]),
        direction=np.full(deal.size, REFUND),
        purpose=np.where(is_over[deal], BACK_OVERPAID, BACK_COMMISSION),
    )
    to = invoice[deal]
    writer.write("invoice", record, np.where(to == EMPTY, NEVER, at[deal]), to)


def _mark_paid(
    rng: np.random.Generator,
    writer: RecordWriter,
    story: Story,
    record: Ints,
    *,
    deal: Ints,
    sent: Times,
    is_spoiled: bool,
) -> None:
    """Mark invoices as paid when the last money of the deal has come."""
    last = story.edits_in_order("paid").drop_duplicates("deal", keep="last")
    paid_at = np.full(story.size, NEVER)
    paid_at[last["deal"].to_numpy()] = last["at"].to_numpy()
    at = np.fmax(paid_at[deal], later(sent, _one(deal.size)))
    is_marked = ~np.isnat(paid_at[deal]) & ~story.is_lost[deal]
    is_marked &= (rng.random(deal.size) >= PAID_NOT_MARKED) & (not is_spoiled)
    writer.write(
        "state", record, np.where(is_marked, at, NEVER), np.full(deal.size, PAID)
    )


def _live_invoices(story: Story, invoices: Records) -> tuple[Ints, Ints]:
    """Give the first and the second invoice of each deal that was not replaced."""
    deal = invoices.fixed["deal"].to_numpy()
    part = invoices.fixed["part"].to_numpy()
    numbers = np.arange(deal.size)
    found = []
    for which in (0, 1):
        place = np.full(story.size, EMPTY)
        # A replaced invoice is older, so the later one stays.
        place[deal[part == which]] = numbers[part == which]
        found.append(place)
    return found[0], found[1]


def _parts(value: Ints, percent: Ints, main: Ints) -> Ints:
    """Split commissions into services; the main one takes the rest."""
    parts = value[:, None] * percent // 100 // ROUBLE * ROUBLE
    rows = np.arange(value.size)
    parts[rows, main] = value - parts.sum(axis=1)
    return np.asarray(parts, np.int64)


def _most(rng: np.random.Generator, size: int, share: float) -> Flags:
    """Leave a share out, a few at least."""
    flags = np.ones(size, dtype=bool)
    if size:
        flags[rng.permutation(size)[: max(AT_LEAST, round(size * share))]] = False
    return flags


def _one(size: int) -> Ints:
    return np.ones(size, dtype=np.int64)
