"""Expenses of deals and shares of partner agencies."""

import numpy as np

from ingestion.demo.agency.companies import FIRST_PARTNER
from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    Flags,
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
VALUATION, DUTY, ADVERTISING, NOTARY, TRIP = range(5)
BY_AGENCY, BY_CLIENT = 0, 1
WHOLE_COMMISSION, AFTER_DISCOUNT = 0, 1

EXPENSE_MISSING = 0.02
SPLIT = 0.35
BY_CLIENT_SHARE = 0.15
SHARE_MISSING = 0.02
PERCENT_ONLY = 0.5
PERCENTS: Ints = np.array([10, 20, 25, 30, 40, 50])
AT_LEAST = 2


def make_expenses(seed: int, story: Story) -> Records:
    """Draw expenses: the agency's follow the deal's field, the clients' do not."""
    rng = stream(seed, "expenses")
    edits = story.edits_in_order("expenses")
    deal, at = edits["deal"].to_numpy(), edits["at"].to_numpy()
    so_far = edits["value"].to_numpy()
    is_first = np.diff(deal, prepend=-1) != 0
    amount = so_far - np.where(is_first, 0, np.roll(so_far, 1))
    is_shown = at == story.entered[deal, Stage.SHOWING]
    article = np.where(
        is_shown, ADVERTISING, rng.choice([VALUATION, DUTY, NOTARY, TRIP], deal.size)
    )
    is_there = _most(rng, deal.size, EXPENSE_MISSING) & (amount > 0)
    is_split = is_there & ~is_shown & (rng.random(deal.size) < SPLIT)
    part = np.where(is_split, amount // 3 // ROUBLE * ROUBLE, amount)
    other = (article + 1) % 5
    writer = RecordWriter()
    for flags, value, kind in (
        (is_there, part, article),
        (is_split, amount - part, np.where(other == ADVERTISING, TRIP, other)),
    ):
        rows = np.flatnonzero(flags)
        _spend(
            rng,
            writer,
            story,
            deal[rows],
            at=at[rows],
            amount=value[rows],
            article=kind[rows],
            payer=BY_AGENCY,
        )
    prepared = story.entered[:, Stage.PREPARATION]
    pays = ~np.isnat(prepared) & story.is_real
    pays &= rng.random(story.size) < BY_CLIENT_SHARE
    rows = np.flatnonzero(pays)
    value = rng.integers(15, 120, rows.size) * 100 * ROUBLE
    kind = rng.choice([VALUATION, DUTY, NOTARY], rows.size)
    _spend(
        rng,
        writer,
        story,
        rows,
        at=prepared[rows],
        amount=value,
        article=kind,
        payer=BY_CLIENT,
    )
    return writer.finish()[0]


def _spend(
    rng: np.random.Generator,
    writer: RecordWriter,
    story: Story,
    deal: Ints,
    *,
    at: Times,
    amount: Ints,
    article: Ints,
    payer: int,
) -> None:
    lag = rng.choice([0, 1, 3], deal.size, p=[0.7, 0.2, 0.1])
    day = np.maximum(day_numbers(at) - lag, day_numbers(story.created[deal]))
    record = writer.add(
        at,
        deal=deal,
        assigned=story.assigned(deal, at),
        amount=amount,
        article=article,
        incurred=day,
        payer=np.full(deal.size, payer),
        document=rng.integers(0, 9000, deal.size),
    )
    paid_at = later(at, rng.integers(0, 9 * DAY, deal.size))
    is_paid = rng.random(deal.size) < 0.93
    writer.write(
        "paid", record, np.where(is_paid, paid_at, NEVER), day_numbers(paid_at)
    )


def make_partner_shares(seed: int, story: Story) -> Records:
    """Draw the shares of partner agencies, fixed or as a percent of the commission."""
    rng = stream(seed, "partner shares")
    at, share = story.first_edit("partner_share")
    _, agency = story.first_edit("partner_agency")
    has_one = ~np.isnat(at) & story.is_real & (agency != EMPTY)
    has_one &= _most(rng, story.size, SHARE_MISSING)
    deal = np.flatnonzero(has_one)
    amount = share[deal]
    commission = story.final("commission")[deal]
    _, first = story.first_edit("commission")
    nearest = np.abs(amount[:, None] / np.maximum(first[deal], 1)[:, None] * 100)
    nearest = np.where(nearest < 6, nearest * 10, nearest)
    percent = PERCENTS[np.argmin(np.abs(nearest - PERCENTS), axis=1)]
    # A percent is enough where it gives the same roubles and the commission stays.
    is_exact = (first[deal] == commission) & (commission * percent == amount * 100)
    is_percent = is_exact & (rng.random(deal.size) < PERCENT_ONLY)
    writer = RecordWriter()
    born = at[deal]
    record = writer.add(
        born,
        deal=deal,
        assigned=story.assigned(deal, born),
        amount=np.where(is_percent, 0, amount),
        percent=np.where(is_percent, percent, EMPTY),
        base=np.where(rng.random(deal.size) < 0.8, WHOLE_COMMISSION, AFTER_DISCOUNT),
        partner=agency[deal] + FIRST_PARTNER,
    )
    won = np.where(story.is_won, story.ended, NEVER)[deal]
    due = later(won, np.full(deal.size, 14 * DAY))
    writer.write("due", record, won, _days(due))
    paid = later(won, rng.integers(3 * DAY, 40 * DAY, deal.size))
    paid = np.where(rng.random(deal.size) < 0.9, paid, NEVER)
    writer.write("paid", record, paid, _days(paid))
    return writer.finish()[0]


def _days(at: Times) -> Ints:
    return day_numbers(np.where(np.isnat(at), np.datetime64(0, "s"), at))


def _most(rng: np.random.Generator, size: int, share: float) -> Flags:
    """Leave a share out, a few at least."""
    flags = np.ones(size, dtype=bool)
    if size:
        flags[rng.permutation(size)[: max(AT_LEAST, round(size * share))]] = False
    return flags
