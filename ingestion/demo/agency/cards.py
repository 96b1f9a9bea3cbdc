"""What people write into the cards of deals, when, and what they leave out.

Every field is a table of edits. Most fields are written at the stage that needs them,
some late, some never: the rates are the constants of this module.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.clock import WORK_DAY, Clock, midnight_after
from ingestion.demo.agency.drawing import events, specialist
from ingestion.demo.agency.holders import NOBODY, Holders
from ingestion.demo.agency.lists import REFUSAL_REASONS, SOURCES, lists
from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    DealType,
    Flags,
    Floats,
    Ints,
    Stage,
    Times,
    day_numbers,
    stream,
)
from ingestion.demo.agency.paths import REFUSAL, Paths
from ingestion.demo.agency.people import HEAD_OF_LEGAL, HEAD_OF_MORTGAGE, Staff

DAY = 86400
ROUBLE = 100
RENT_MONTHS = 11
MAX_MOVES = 4
REASON_OF_MOVE_GIVEN = 0.62
LAST_MOVE_FORGOTTEN = 0.25
OVERDUE_DAYS = 6
OWNER_BASE = 10_000


@dataclass(frozen=True)
class Gaps:
    """How a field is left out.

    Attributes:
        never: Share of cards where the person does not fill the field.
        late: Share of cards where the field is filled days later.
        at_closing: Of the cards never filled, the share repaired when the deal is won.
    """

    never: float
    late: float = 0.0
    at_closing: float = 0.0


SOURCE_GAPS = Gaps(never=0.025, late=0.012)
PRICE_GAPS = Gaps(never=0.02, late=0.02, at_closing=0.5)
COMMISSION_GAPS = Gaps(never=0.035, late=0.05, at_closing=0.6)
CONTRACT_DATE_GAPS = Gaps(never=0.035, late=0.03, at_closing=0.4)
CONTRACT_NUMBER_GAPS = Gaps(never=0.03, late=0.04, at_closing=0.3)
ADVANCE_DATE_GAPS = Gaps(never=0.045, late=0.03, at_closing=0.4)
ADVANCE_AMOUNT_GAPS = Gaps(never=0.01, late=0.03)
PLAN_GAPS = Gaps(never=0.13, late=0.10)
SETTLEMENT_GAPS = Gaps(never=0.015, late=0.05)
REASON_GAPS = Gaps(never=0.07, late=0.03)
COMMENT_GAPS = Gaps(never=0.55)
OWNER_GAPS = Gaps(never=0.010, late=0.02)
PERSON_GAPS = Gaps(never=0.025, late=0.03)
SPECIALIST_GAPS = Gaps(never=0.06, late=0.05)
ADDRESS_GAPS = Gaps(never=0.04, late=0.05)
AT_ONCE = Gaps(never=0.0)

EXTRA_ZERO = 0.012
EXTRA_ZERO_STAYS = 0.35
COMMISSION_CUT = 0.05
PRICE_CUT = 0.25
NUMBER_COPIED = 0.010
NUMBER_REPAIRED = 0.4
PARTNER_SHARE = 0.10
TEST_SHARE = 0.003
# Planted whatever the number of deals, so that small agencies have every case.
PLANTED = 3
PLANTED_BY_RULE = 2
TYPO_WINDOW_DAYS = 240
YEAR_DAYS = 365

RATES: Floats = np.array([0.02, 0.025, 0.03, 0.035, 0.04])
RATE_SHARES: Floats = np.array([0.15, 0.20, 0.40, 0.15, 0.10])
BROKER_SHARES: Floats = np.array([0.12, 0.55, 0.60, 0.0])
# Shares of ``REFUSAL_REASONS`` before and after the advance.
REASON_EARLY: Floats = np.array([0.15, 0.18, 0.19, 0.01, 0.28, 0.12, 0.01, 0.06])
REASON_LATE: Floats = np.array([0.19, 0.04, 0.21, 0.26, 0.02, 0.10, 0.13, 0.05])


@dataclass(frozen=True)
class Cards:
    """Edits of all fields and what never changes about a deal.

    Attributes:
        edits: Unsorted tables of edits by field.
        is_test: The deal was made to try the CRM out.
        number_year: Year in the contract number of the deal.
        number: Running number of the contract of the deal.
    """

    edits: dict[str, pd.DataFrame]
    is_test: Flags
    number_year: Ints
    number: Ints


class CardWriter:
    """Writes the fields of all deals; keeps the edits made so far."""

    def __init__(
        self, seed: int, clock: Clock, staff: Staff, paths: Paths, holders: Holders
    ) -> None:
        self.clock = clock
        self.staff = staff
        self.paths = paths
        self.holders = holders
        self.rng = stream(seed, "cards")
        self.deal = np.arange(paths.size)
        self.is_test = _test_deals(self.rng, clock, paths)
        self.parts: dict[str, list[pd.DataFrame]] = {}

    def write(self, field: str, at: Times, value: Ints) -> None:
        """Note an edit of a field for every deal where the time is known."""
        self.parts.setdefault(field, []).append(events(self.deal, at, value))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Join the edits of each field."""
        return {
            field: pd.concat(parts, ignore_index=True)
            for field, parts in self.parts.items()
        }

    def filled(self, moment: Times, gaps: Gaps) -> Times:
        """Say when a field is filled that is needed at a moment of the deal."""
        chance = self.rng.random(moment.size)
        days = (1 + self.rng.exponential(8.0, moment.size)) * DAY
        is_late = (chance < gaps.never + gaps.late) & ~self.is_test
        at = np.where(is_late, moment + days.astype("timedelta64[s]"), moment)
        is_repaired = self.rng.random(moment.size) < gaps.at_closing
        closing = np.where(is_repaired & ~np.isnat(moment), self.won_at, NEVER)
        return np.where((chance < gaps.never) & ~self.is_test, closing, at)

    def lives_on(self, moment: Times) -> Flags:
        """Say which deals have passed a moment and are not refused, at the start."""
        end = midnight_after(self.clock.first_today)
        paths = self.paths
        is_alive = np.isnat(paths.ended) | (paths.ended >= end)
        is_alive |= paths.end_stage == Stage.WON
        flags: Flags = (moment < end) & is_alive & ~self.is_test
        return flags

    def plant(self, among: Flags) -> Ints:
        """Choose a few deals for a defect that every agency shall have."""
        return self.rng.permutation(np.flatnonzero(among))[:PLANTED_BY_RULE]

    def never_for_some(self, at: Times, moment: Times) -> Times:
        """Leave a field out of a few cards that need it at the start."""
        kept = at.copy()
        kept[self.plant(self.lives_on(moment))] = NEVER
        return kept

    @property
    def won_at(self) -> Times:
        """When a deal is won, or never."""
        is_won = self.paths.end_stage == Stage.WON
        return np.where(is_won, self.paths.ended, NEVER)

    def entered(self, stage: Stage) -> Times:
        """When a deal enters a stage, or never."""
        return self.paths.entered[:, stage]

    def document_day(self, moment: Times, lags: list[float]) -> Ints:
        """Give the day of a document that is entered some days after its date."""
        lag = self.rng.choice(len(lags), moment.size, p=lags)
        safe = np.where(np.isnat(moment), self.paths.created, moment)
        days = day_numbers(safe) - lag
        return np.asarray(np.maximum(days, day_numbers(self.paths.created)), np.int64)


def write_cards(
    seed: int, clock: Clock, staff: Staff, paths: Paths, holders: Holders
) -> Cards:
    """Write the cards of all deals."""
    writer = CardWriter(seed, clock, staff, paths, holders)
    _write_request(writer)
    _write_people(writer)
    year, number = _write_contract(writer)
    _write_money(writer)
    _write_advance(writer)
    _write_plan(writer)
    _write_closing(writer)
    _write_refusal(writer)
    return Cards(
        edits=writer.tables(),
        is_test=writer.is_test,
        number_year=year,
        number=number,
    )


def _test_deals(rng: np.random.Generator, clock: Clock, paths: Paths) -> Flags:
    """Choose the deals made to try the CRM out: half won, half just created."""
    today = midnight_after(clock.first_today)
    is_sale = paths.deal_type != DealType.RENT
    is_won = (paths.end_stage == Stage.WON) & (paths.ended < today) & is_sale
    is_new = (paths.last == Stage.NEW) & (paths.created < today)
    is_new &= ~paths.is_stuck_in_legacy
    past = int((paths.created < today).sum())
    count = max(1, round(past * TEST_SHARE / 2))
    chosen = [
        rng.permutation(np.flatnonzero(flags))[:count] for flags in (is_won, is_new)
    ]
    return np.isin(np.arange(paths.size), np.concatenate(chosen))


def _planted(writer: CardWriter, at: Times, value: Ints, count: int) -> Ints:
    """Move a few recent dates a year ahead: a slip of the keyboard."""
    clock = writer.clock
    start = clock.first_today - np.timedelta64(TYPO_WINDOW_DAYS, "D")
    is_recent = (at > start) & (at < clock.first_today) & ~writer.is_test
    chosen = writer.rng.permutation(np.flatnonzero(is_recent))[:count]
    moved = value.copy()
    moved[chosen] += YEAR_DAYS
    return moved


def _write_request(writer: CardWriter) -> None:
    """Write what is known when the request comes: channel, address."""
    paths = writer.paths
    at = writer.filled(paths.created, SOURCE_GAPS)
    writer.write("source", at, paths.source)
    first = np.where(
        np.isnat(writer.entered(Stage.QUALIFIED)),
        writer.entered(Stage.MEETING),
        writer.entered(Stage.QUALIFIED),
    )
    first = np.where(np.isnat(first), writer.entered(Stage.CONTRACT), first)
    writer.write(
        "address", writer.filled(first, ADDRESS_GAPS), np.ones(paths.size, np.int64)
    )


def _write_people(writer: CardWriter) -> None:
    """Write who answers for what; employee ids, two owners in one number."""
    paths, holders, rng = writer.paths, writer.holders, writer.rng
    agent, successor = holders.agent + 1, holders.successor + 1
    handler = holders.lead_handler + 1
    writer.write("assigned", paths.created, handler)
    taken = np.fmin.reduce(paths.entered[:, 1:], axis=1)
    is_new_hand = handler != agent
    writer.write("assigned", np.where(is_new_hand, taken, NEVER), holders.at(taken) + 1)
    writer.write("assigned", holders.handed_at, successor)
    writer.write("lead_handler", writer.filled(paths.created, PERSON_GAPS), handler)
    for field, stage in (
        ("contract_owner", Stage.CONTRACT),
        ("advance_owner", Stage.ADVANCE),
    ):
        at = writer.filled(writer.entered(stage), PERSON_GAPS)
        writer.write(field, at, holders.at(writer.entered(stage)) + 1)
    for field, role, head, share in (
        ("lawyer", "lawyer", HEAD_OF_LEGAL, np.array([0.97, 0.95, 0.8, 0.0])),
        ("mortgage_broker", "broker", HEAD_OF_MORTGAGE, BROKER_SHARES),
    ):
        needed = writer.entered(Stage.ADVANCE)
        has_one = rng.random(paths.size) < share[paths.deal_type]
        needed = np.where(has_one, needed, NEVER)
        safe = np.where(np.isnat(needed), paths.created, needed)
        person = specialist(rng, writer.clock, writer.staff, safe, role=role, head=head)
        writer.write(field, writer.filled(needed, SPECIALIST_GAPS), person + 1)
    _write_owners(writer)


def _write_owners(writer: CardWriter) -> None:
    paths, holders = writer.paths, writer.holders
    at = writer.filled(paths.created, OWNER_GAPS)
    signed = writer.entered(Stage.CONTRACT)
    today = writer.clock.first_today
    is_known = (signed < today) & ~writer.is_test
    nobody = writer.rng.permutation(np.flatnonzero(is_known))[:PLANTED]
    at[nobody] = NEVER
    has_owner = ~np.isnat(at)
    first = holders.at(at) + 1
    writer.write("deal_owner", at, first)
    second = np.where(holders.co_owner == NOBODY, 0, holders.co_owner + 1)
    joined = np.where((second > 0) & has_owner, np.fmax(signed, at), NEVER)
    keeper = holders.at(joined) + 1
    writer.write(
        "deal_owner", joined, keeper + OWNER_BASE * (second != keeper) * second
    )
    handed = np.where(has_owner & (holders.handed_at > at), holders.handed_at, NEVER)
    heir = holders.successor + 1
    is_shared = (joined <= handed) & (second != heir)
    writer.write("deal_owner", handed, heir + OWNER_BASE * is_shared * second)


def _write_contract(writer: CardWriter) -> tuple[Ints, Ints]:
    """Write date and number; give year and running number of every contract."""
    paths, rng = writer.paths, writer.rng
    signed = writer.entered(Stage.CONTRACT)
    day = writer.document_day(signed, [0.66, 0.17, 0.08, 0.04, 0.02, 0.01, 0.01, 0.01])
    at = writer.never_for_some(writer.filled(signed, CONTRACT_DATE_GAPS), signed)
    writer.write("contract_date", at, _planted(writer, at, day, PLANTED - 1))
    order = np.argsort(signed, kind="stable")
    order = order[~np.isnat(signed[order])]
    number = np.zeros(paths.size, dtype=np.int64)
    number[order] = np.arange(1, order.size + 1)
    year = np.zeros(paths.size, dtype=np.int64)
    year[order] = signed[order].astype("datetime64[Y]").astype(np.int64) + 1970
    previous = np.full(paths.size, EMPTY, dtype=np.int64)
    previous[order[1:]] = order[:-1]
    is_copied = (rng.random(paths.size) < NUMBER_COPIED) & (previous != EMPTY)
    recent = np.flatnonzero((signed < writer.clock.first_today) & (previous != EMPTY))
    copied_anyway = recent[recent.size // 2 :: max(1, recent.size // 2)][:PLANTED]
    is_copied[copied_anyway] = True
    is_copied &= ~writer.is_test & ~writer.is_test[previous]
    at = writer.filled(signed, CONTRACT_NUMBER_GAPS)
    writer.write("contract_number", at, np.where(is_copied, previous, writer.deal))
    is_repaired = is_copied & (rng.random(paths.size) < NUMBER_REPAIRED)
    is_repaired[copied_anyway] = False
    days = (rng.integers(5, 40, paths.size) * DAY).astype("timedelta64[s]")
    writer.write(
        "contract_number", np.where(is_repaired, at + days, NEVER), writer.deal
    )
    return year, number


def _prices(writer: CardWriter) -> Ints:
    """Draw prices in kopecks; for rent the sum of the lease for eleven months."""
    paths, rng = writer.paths, writer.rng
    years = (paths.created - writer.clock.first_day).astype("timedelta64[s]")
    growth = 1.08 ** (years.astype(np.int64) / (365.25 * DAY))
    median = np.array([8.2e6, 8.6e6, 7.4e6, 0.0])[paths.deal_type]
    price = median * growth * rng.lognormal(0.0, 0.38, paths.size)
    price = np.clip(price, 4e6, 25e6)
    rounded = np.asarray(price / 50_000, dtype=np.int64) * 50_000 * ROUBLE
    exact = np.asarray(price * ROUBLE, dtype=np.int64)
    is_new_build = paths.deal_type == DealType.NEW_BUILD
    month = np.clip(rng.lognormal(np.log(55_000), 0.4, paths.size), 28_000, 200_000)
    lease = np.asarray(month / 1000, dtype=np.int64) * 1000 * RENT_MONTHS * ROUBLE
    sale = np.where(is_new_build, exact, rounded)
    return np.where(paths.deal_type == DealType.RENT, lease, sale)


def _write_money(writer: CardWriter) -> None:
    """Write price, commission, partner share, expenses and payments."""
    paths, rng = writer.paths, writer.rng
    price = _prices(writer)
    early = np.where(
        rng.random(paths.size) < 0.4, writer.entered(Stage.QUALIFIED), NEVER
    )
    signed = writer.entered(Stage.CONTRACT)
    needed = np.where(np.isnat(early), signed, early)
    at = writer.never_for_some(writer.filled(needed, PRICE_GAPS), signed)
    writer.write("price", at, price)
    shown, taken = paths.work[:, Stage.SHOWING], paths.work[:, Stage.ADVANCE]
    half = writer.clock.time_where(
        (shown + taken) // 2, ~np.isnat(writer.entered(Stage.ADVANCE))
    )
    is_cut = (rng.random(paths.size) < PRICE_CUT) & (at < half)
    is_cut &= (paths.deal_type == DealType.SALE) & (taken > shown)
    step = 10_000 * ROUBLE
    lower = np.asarray(price * rng.uniform(0.94, 0.98, paths.size)) // step * step
    writer.write("price", np.where(is_cut, half, NEVER), lower.astype(np.int64))
    commission, commission_at = _write_commission(writer, price)
    _write_partner(writer, commission, commission_at)
    _write_flows(writer, commission)


def _write_commission(writer: CardWriter, price: Ints) -> tuple[Ints, Times]:
    paths, rng = writer.paths, writer.rng
    rate = rng.choice(RATES, paths.size, p=RATE_SHARES)
    exact = np.asarray(price * rate, dtype=np.int64)
    thousand = 1000 * ROUBLE
    is_round = rng.random(paths.size) < 0.5
    sale = np.where(is_round, exact // thousand * thousand, exact)
    month = price // RENT_MONTHS
    share = rng.choice([50, 60, 70, 80, 100], paths.size, p=[0.5, 0.05, 0.1, 0.05, 0.3])
    lease = month * share // 100
    commission = np.where(paths.deal_type == DealType.RENT, lease, sale)
    signed = writer.entered(Stage.CONTRACT)
    at = writer.never_for_some(writer.filled(signed, COMMISSION_GAPS), signed)
    has_zero = (rng.random(paths.size) < EXTRA_ZERO) & ~writer.is_test
    planted = writer.plant(writer.lives_on(at))
    has_zero[planted] = True
    writer.write("commission", at, np.where(has_zero, commission * 10, commission))
    is_repaired = has_zero & (rng.random(paths.size) >= EXTRA_ZERO_STAYS)
    is_repaired[planted] = False
    days = (rng.integers(2, 25, paths.size) * DAY).astype("timedelta64[s]")
    writer.write("commission", np.where(is_repaired, at + days, NEVER), commission)
    prepared = writer.entered(Stage.SETTLEMENT)
    is_cut = (rng.random(paths.size) < COMMISSION_CUT) & (at < prepared) & ~has_zero
    percent = rng.integers(80, 96, paths.size)
    writer.write(
        "commission",
        np.where(is_cut, prepared, NEVER),
        commission * percent // 100 // ROUBLE * ROUBLE,
    )
    return commission, at


def _write_partner(writer: CardWriter, commission: Ints, commission_at: Times) -> None:
    """Write the share of a partner agency, in whole roubles, after the commission."""
    paths, rng = writer.paths, writer.rng
    by_partner = paths.source == SOURCES.index("PARTNER")
    has_partner = by_partner | (rng.random(paths.size) < PARTNER_SHARE)
    needed = np.fmax(writer.entered(Stage.CONTRACT), commission_at)
    at = np.where(has_partner & ~np.isnat(commission_at), needed, NEVER)
    percent = rng.choice([10, 20, 25, 30, 40, 50], paths.size)
    share = commission * percent // 100 // ROUBLE * ROUBLE
    writer.write("partner_share", at, share)
    agency = rng.integers(0, len(lists()["partner_agencies"]), paths.size)
    writer.write("partner_agency", at, agency)


def _write_flows(writer: CardWriter, commission: Ints) -> None:
    """Write expenses and payments: each edit is the sum so far."""
    paths, rng = writer.paths, writer.rng
    ads = rng.integers(10, 180, paths.size) * 100 * ROUBLE
    ads_at = np.where(
        rng.random(paths.size) < 0.45, writer.entered(Stage.SHOWING), NEVER
    )
    writer.write("expenses", ads_at, ads)
    fees = rng.integers(20, 150, paths.size) * 100 * ROUBLE
    has_fees = rng.random(paths.size) < 0.3
    so_far = np.where(np.isnat(ads_at), 0, ads)
    writer.write("expenses", np.where(has_fees, writer.won_at, NEVER), so_far + fees)
    pays = (rng.random(paths.size) < 0.97) | writer.is_test
    first_days = (rng.integers(0, 11, paths.size) * DAY).astype("timedelta64[s]")
    first_at = np.where(pays, writer.won_at + first_days, NEVER)
    in_parts = rng.random(paths.size) < 0.12
    writer.write("paid", first_at, np.where(in_parts, commission // 2, commission))
    rest_days = (rng.integers(5, 35, paths.size) * DAY).astype("timedelta64[s]")
    writer.write("paid", np.where(in_parts, first_at + rest_days, NEVER), commission)


def _write_advance(writer: CardWriter) -> None:
    paths, rng = writer.paths, writer.rng
    taken = writer.entered(Stage.ADVANCE)
    day = writer.document_day(taken, [0.75, 0.15, 0.06, 0.04])
    at = writer.never_for_some(writer.filled(taken, ADVANCE_DATE_GAPS), taken)
    writer.write("advance_date", at, _planted(writer, at, day, PLANTED - 2))
    is_new_build = paths.deal_type == DealType.NEW_BUILD
    high = np.where(is_new_build, 6, 16)
    amount = (rng.integers(2, high, paths.size) + 3 * ~is_new_build) * 10_000 * ROUBLE
    writer.write("advance_amount", writer.filled(taken, ADVANCE_AMOUNT_GAPS), amount)
    until = day + rng.choice([30, 45, 60], paths.size)
    writer.write("advance_until", at, until)


def _write_plan(writer: CardWriter) -> None:
    """Write the planned settlement and its moves."""
    paths, rng, clock = writer.paths, writer.rng, writer.clock
    prepared = writer.entered(Stage.PREPARATION)
    is_prepared = ~np.isnat(prepared)
    start = np.where(
        is_prepared,
        paths.work[:, Stage.PREPARATION],
        paths.work[:, Stage.SETTLEMENT],
    )
    needed = np.where(is_prepared, prepared, writer.entered(Stage.SETTLEMENT))
    longest = start + 75 * WORK_DAY
    ended = np.where(np.isnat(paths.ended), paths.created, paths.ended)
    end = np.where(np.isnat(paths.ended), longest, clock.to_work(ended))
    end = np.maximum(np.minimum(end, longest), start + WORK_DAY)
    moves = np.minimum(rng.poisson(0.75, paths.size), MAX_MOVES)
    moves = np.where(writer.is_test, 0, moves)
    is_forgotten = rng.random(paths.size) < LAST_MOVE_FORGOTTEN
    places = np.sort(rng.uniform(0.08, 0.97, (paths.size, MAX_MOVES)), axis=1)
    step = np.asarray(start[:, None] + places * (end - start)[:, None], np.int64)
    first_at = writer.filled(needed, PLAN_GAPS)
    forgotten, overdue = _planted_plans(writer, needed)
    first_at[forgotten] = NEVER
    first_at[overdue] = needed[overdue]
    moves[overdue] = 0
    final_day = day_numbers(_known(clock.to_time(end), clock))
    slip = rng.choice([0, 0, 0, 0, 0, 0, 1, 2, 3, -1], paths.size)
    is_won = paths.end_stage == Stage.WON
    later = np.where(is_won, slip, rng.integers(3, 30, paths.size))
    final_day = final_day + np.where(writer.is_test, 0, later)
    final_day[overdue] = day_numbers(needed[overdue]) + OVERDUE_DAYS // 2
    previous = np.full(paths.size, EMPTY, dtype=np.int64)
    for move in range(MAX_MOVES + 1):
        at = first_at if move == 0 else clock.to_time(step[:, move - 1])
        at = np.where(np.isnat(first_at) | (at < first_at), NEVER, at)
        following = step[:, min(move, MAX_MOVES - 1)]
        around = day_numbers(_known(clock.to_time(following), clock))
        around = around + rng.integers(-6, 8, paths.size)
        value = np.where(move < moves, around, final_day)
        value = np.maximum(value, day_numbers(_known(at, clock)) * ~np.isnat(at))
        is_written = (move <= moves) & (value != previous)
        is_written &= (move == 0) | (move < moves) | ~is_forgotten
        at = np.where(is_written, at, NEVER)
        writer.write("settlement_plan_date", at, value)
        previous = np.where(np.isnat(at), previous, value)


def settlement_reasons(seed: int, plans: pd.DataFrame) -> pd.DataFrame:
    """Say why the planned settlement is moved; a move without a reason empties it.

    Args:
        seed: Of the agency.
        plans: Edits of the planned settlement; the first one of a deal is no move.
    """
    rng = stream(seed, "reasons of moved settlements")
    ordered = plans.sort_values(["deal", "at"], kind="stable", ignore_index=True)
    moves = ordered[ordered.duplicated("deal")]
    reason = rng.integers(0, len(lists()["settlement_reasons"]), len(moves))
    is_given = rng.random(len(moves)) < REASON_OF_MOVE_GIVEN
    edits: pd.DataFrame = moves.assign(value=np.where(is_given, reason, EMPTY))
    return edits


def _planted_plans(writer: CardWriter, needed: Times) -> tuple[Ints, Ints]:
    """Choose deals in work whose plan is missing, and others whose plan is over."""
    end_stage, today = writer.paths.end_stage, writer.clock.first_today
    end = midnight_after(today)
    is_won = (end_stage == Stage.WON) & (writer.paths.ended < end)
    in_work = writer.lives_on(needed) & ~is_won
    old = needed < today - np.timedelta64(OVERDUE_DAYS, "D")
    overdue = writer.plant(in_work & old)
    in_work[overdue] = False
    return writer.plant(in_work), overdue


def _known(times: Times, clock: Clock) -> Times:
    """Put the horizon in the place of times beyond it."""
    return np.where(np.isnat(times), clock.last_day.astype("datetime64[s]"), times)


def _write_closing(writer: CardWriter) -> None:
    """Write the day of the settlement; rent has none, the move to won counts."""
    paths = writer.paths
    is_sale = paths.deal_type != DealType.RENT
    needed = np.where(is_sale, writer.won_at, NEVER)
    at = writer.filled(needed, SETTLEMENT_GAPS)
    today = writer.clock.first_today
    past = np.flatnonzero((needed < today) & ~writer.is_test)
    chosen = writer.rng.permutation(past)[:PLANTED]
    at[chosen] = NEVER
    day = writer.document_day(needed, [0.62, 0.22, 0.10, 0.04, 0.02])
    planted = _planted(writer, at, day, PLANTED)
    writer.write("settlement_date", at, planted)


def _write_refusal(writer: CardWriter) -> None:
    paths, rng = writer.paths, writer.rng
    is_lost = np.isin(paths.end_stage, [Stage.LOSE, Stage.APOLOGY])
    lost = np.where(is_lost, paths.ended, NEVER)
    kind = paths.breaks["kind"].to_numpy()
    once = np.where(kind == REFUSAL, paths.breaks["start"].to_numpy(), NEVER)
    count = len(REFUSAL_REASONS)
    early = rng.choice(count, paths.size, p=REASON_EARLY)
    late = rng.choice(count, paths.size, p=REASON_LATE)
    reason = np.where(paths.last >= Stage.ADVANCE, late, early)
    writer.write("refusal_reason", writer.filled(once, REASON_GAPS), early)
    writer.write("refusal_reason", writer.filled(lost, REASON_GAPS), reason)
    comment = rng.integers(0, len(lists()["refusal_comments"]), paths.size)
    writer.write("refusal_comment", writer.filled(lost, COMMENT_GAPS), comment)
