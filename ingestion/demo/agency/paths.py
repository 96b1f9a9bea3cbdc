"""The way of every deal through its funnel, from creation to the horizon."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.clock import WORK_DAY, WORK_SHARE, Clock, midnight_after
from ingestion.demo.agency.drawing import by_time
from ingestion.demo.agency.lists import SOURCES
from ingestion.demo.agency.model import (
    NEVER,
    ORDERED_STAGES,
    DealType,
    Flags,
    Floats,
    Ints,
    Stage,
    Times,
    stream,
)

HOUR = 3600

# Share of deals that go on from a stage, by type. Rent has fewer stages: the share 1
# stands where it has none.
GOES_ON: Floats = np.array(
    [
        [0.85, 0.85, 0.74, 0.95, 0.73, 0.95, 0.97, 0.975],
        [0.83, 0.82, 0.69, 0.93, 0.70, 0.93, 0.96, 0.975],
        [0.83, 0.83, 0.70, 0.92, 0.72, 0.92, 0.97, 0.980],
        [0.77, 1.00, 0.77, 0.92, 0.72, 1.00, 1.00, 1.000],
    ]
)
# Calendar days of waiting before a stage, by type; the first column is the creation.
WAITS: Floats = np.array(
    [
        [0, 1.5, 6.0, 8.0, 9.0, 42.0, 7.0, 24.0, 11.0],
        [0, 1.5, 7.0, 9.0, 6.0, 28.0, 7.0, 24.0, 11.0],
        [0, 1.2, 6.0, 9.0, 4.0, 16.0, 8.0, 28.0, 12.0],
        [0, 0.0, 3.0, 3.0, 3.0, 0.0, 0.0, 0.0, 9.0],
    ]
)
LOSS_WAIT: Floats = np.array([5.0, 9.0, 14.0, 30.0, 35.0, 18.0, 14.0, 7.0])
# Share of fading deals that nobody closes in the CRM for a long time.
FORGOTTEN: Floats = np.array([0.40, 0.50, 0.55, 0.60, 0.60, 0.25, 0.25, 0.15])
FORGOTTEN_DAYS = 750.0
SKIPPED: Floats = np.array([0.0, 0.08, 0.06, 0.0, 0.10, 0.0, 0.05, 0.0, 0.0])
RENT_HAS = np.isin(
    np.arange(ORDERED_STAGES),
    [Stage.NEW, Stage.MEETING, Stage.CONTRACT, Stage.SHOWING, Stage.WON],
)
TYPE_SHARES: Floats = np.array([0.38, 0.26, 0.21, 0.15])
SOURCE_SHARES: Floats = np.array(
    [0.17, 0.12, 0.16, 0.17, 0.07, 0.05, 0.11, 0.06, 0.04, 0.05]
)
# Above 1: clients of the channel go on more often.
SOURCE_QUALITY: Floats = np.array([1.0, 0.9, 0.85, 0.95, 0.95, 0.7, 1.5, 1.7, 1.0, 1.3])
PAUSES = 0.07
REOPENED = 0.025
STAYS_PAUSED = 0.03
APOLOGIES: Floats = np.array([0.55, 0.35, 0.12, 0.05, 0.05, 0.0, 0.0, 0.0, 0.0])
LEGACY_DAYS = 150
LEGACY_STUCK = 3
LEGACY_PASSED = 4

NO_BREAK, PAUSE, REFUSAL, OLD_STAGE = 0, 1, 2, 3


@dataclass(frozen=True)
class Paths:
    """Times of the stages of every deal.

    Attributes:
        created: When the deal is created.
        deal_type: ``DealType`` of the deal.
        source: Position in ``SOURCES``, the true channel.
        work: Deal × ordered stage: place on the working axis, also of skipped stages.
        entered: Deal × ordered stage: when it is entered, or never.
        ended: When the deal reaches its end, or never.
        end_stage: Where it ends; meaningful when ``ended`` is a time.
        last: Last ordered stage ever reached.
        breaks: Pauses and reopened refusals: ``kind``, ``stage``, ``start``, ``end``.
        is_stuck_in_legacy: The deal stays in a stage that no longer exists.
        stopped: When everybody forgets the deal, or never.
    """

    created: Times
    deal_type: Ints
    source: Ints
    work: Ints
    entered: Times
    ended: Times
    end_stage: Ints
    last: Ints
    breaks: pd.DataFrame
    is_stuck_in_legacy: Flags
    stopped: Times

    @property
    def size(self) -> int:
        """Number of deals."""
        return self.created.size

    def cut(self, cutoff: Times) -> "Paths":
        """Forget everything after a moment of each deal; never means no cut."""
        is_late = self.entered > cutoff[:, None]
        start = self.breaks["start"].to_numpy()
        end = self.breaks["end"].to_numpy()
        breaks = self.breaks.assign(
            start=np.where(start > cutoff, NEVER, start),
            end=np.where(end > cutoff, NEVER, end),
        )
        entered = np.where(is_late, NEVER, self.entered)
        return Paths(
            created=self.created,
            deal_type=self.deal_type,
            source=self.source,
            work=self.work,
            entered=entered,
            ended=np.where(self.ended > cutoff, NEVER, self.ended),
            end_stage=self.end_stage,
            last=_last_entered(entered),
            breaks=breaks,
            is_stuck_in_legacy=self.is_stuck_in_legacy,
            stopped=cutoff,
        )


def make_paths(seed: int, clock: Clock, created: Times) -> Paths:
    """Draw type, channel and the times of all stages."""
    rng = stream(seed, "paths")
    count = created.size
    deal_type = rng.choice(len(DealType), count, p=TYPE_SHARES)
    source = rng.choice(len(SOURCES), count, p=SOURCE_SHARES)
    chance = GOES_ON[deal_type] ** (1 / SOURCE_QUALITY[source])[:, None]
    goes_on = rng.random(chance.shape) < chance
    last = np.cumprod(goes_on, axis=1).sum(axis=1)
    is_stuck, has_legacy_break = _legacy(rng, clock, created, deal_type, last)
    last = np.where(is_stuck, np.minimum(last, Stage.MEETING), last)
    skipped = rng.random((count, ORDERED_STAGES)) < SKIPPED
    skipped |= (deal_type == DealType.RENT)[:, None] & ~RENT_HAS
    skipped &= np.arange(ORDERED_STAGES) < last[:, None]
    wait = rng.gamma(1.6, WAITS[deal_type] / 1.6)
    wait = np.maximum(wait, [0, 0.15, 0.8, 0.2, 0.2, 0.3, 0.2, 0.5, 0.3])
    wait[:, 0] = 0
    wait[skipped] = 0
    kind, stage, before, length = _breaks(rng, deal_type, last, skipped)
    kind = np.where(has_legacy_break, OLD_STAGE, kind)
    kind = np.where(is_stuck, NO_BREAK, kind)
    stage = np.where(has_legacy_break, Stage.NEW, stage)
    shift = np.where(kind == NO_BREAK, 0, before + length)
    later = np.arange(ORDERED_STAGES) > stage[:, None]
    start_work = clock.to_work(created)[:, None]
    work = start_work + np.cumsum(_work(wait), axis=1) + _work(shift)[:, None] * later
    rows = np.arange(count)
    reached = (np.arange(ORDERED_STAGES) <= last[:, None]) & ~skipped
    entered = clock.time_where(work, reached)
    entered[:, 0] = created
    break_work = work[rows, stage] + _work(before)
    has_break = kind != NO_BREAK
    breaks = pd.DataFrame(
        {
            "kind": kind,
            "stage": stage,
            "start": clock.time_where(break_work, has_break),
            "end": clock.time_where(break_work + _work(length), has_break),
        }
    )
    # The shift of an earlier break is already in the place of the last stage.
    last_work = work[rows, last] + np.where(stage == last, _work(shift), 0)
    ended, end_stage = _ends(rng, clock, last, last_work)
    is_won = last == Stage.WON
    ended = np.where(is_won, entered[:, Stage.WON], ended)
    end_stage = np.where(is_won, Stage.WON, end_stage)
    soon = np.fmax.reduce(entered, axis=1) + np.timedelta64(20 * 86400, "s")
    ended = np.where(is_stuck, soon, ended)
    end_stage = np.where(is_stuck, Stage.LEGACY, end_stage)
    return Paths(
        created=created,
        deal_type=deal_type,
        source=source,
        work=work,
        entered=entered,
        ended=ended,
        end_stage=end_stage,
        last=_last_entered(entered),
        breaks=breaks,
        is_stuck_in_legacy=is_stuck,
        stopped=np.full(count, NEVER),
    )


def stage_moves(paths: Paths) -> pd.DataFrame:
    """Write the ways down as a history of moves, in the order of time."""
    deal = np.arange(paths.size)
    parts = []
    for stage in range(Stage.WON):
        at = paths.entered[:, stage]
        parts.append((deal, at, np.full(paths.size, stage)))
    parts.append((deal, paths.ended, paths.end_stage))
    kind = paths.breaks["kind"].to_numpy()
    away = np.array([Stage.NEW, Stage.PAUSED, Stage.LOSE, Stage.LEGACY])[kind]
    parts.append((deal, paths.breaks["start"].to_numpy(), away))
    back = paths.breaks["stage"].to_numpy()
    parts.append((deal, paths.breaks["end"].to_numpy(), back))
    at = np.concatenate([part[1] for part in parts])
    known = ~np.isnat(at)
    frame = pd.DataFrame(
        {
            "deal": np.concatenate([part[0] for part in parts])[known],
            "at": at[known],
            "stage": np.concatenate([part[2] for part in parts])[known],
        }
    )
    return by_time(frame)


def _work(days: Floats) -> Ints:
    """Turn calendar days of waiting into working seconds."""
    return np.asarray(days * WORK_SHARE * WORK_DAY, dtype=np.int64)


def _early(clock: Clock, days: int) -> np.datetime64:
    return midnight_after(clock.first_day + np.timedelta64(days - 1, "D"))


def _last_entered(entered: Times) -> Ints:
    backwards = ~np.isnat(entered[:, ::-1])
    return np.asarray(ORDERED_STAGES - 1 - np.argmax(backwards, axis=1), np.int64)


def _legacy(
    rng: np.random.Generator,
    clock: Clock,
    created: Times,
    deal_type: Ints,
    last: Ints,
) -> tuple[Flags, Flags]:
    """Choose the few old deals that stay in, or went through, a removed stage."""
    is_old = created < _early(clock, LEGACY_DAYS)
    is_old &= np.isin(deal_type, [DealType.SALE, DealType.PURCHASE])
    stays = np.flatnonzero(is_old & (last < Stage.WON))
    stuck = rng.permutation(stays)[:LEGACY_STUCK]
    is_stuck = np.isin(np.arange(created.size), stuck)
    passes = np.flatnonzero(is_old & (last > Stage.CONTRACT) & ~is_stuck)
    passed = rng.permutation(passes)[:LEGACY_PASSED]
    return is_stuck, np.isin(np.arange(created.size), passed)


def _breaks(
    rng: np.random.Generator, deal_type: Ints, last: Ints, skipped: Flags
) -> tuple[Ints, Ints, Floats, Floats]:
    """Draw kind, stage, days before and days of a pause or a reopened refusal."""
    count = last.size
    chance = rng.random(count)
    kind = np.where(chance < PAUSES, PAUSE, NO_BREAK)
    kind = np.where((chance >= PAUSES) & (chance < PAUSES + REOPENED), REFUSAL, kind)
    # Before the preparation of the deal only: later nobody pauses.
    bound = np.minimum(last, Stage.SHOWING)
    stage = (rng.random(count) * (bound + 1)).astype(np.int64)
    stage = np.where(skipped[np.arange(count), stage], Stage.NEW, stage)
    kind = np.where((kind == REFUSAL) & (stage == Stage.NEW), NO_BREAK, kind)
    kind = np.where((deal_type == DealType.RENT) & (kind == PAUSE), NO_BREAK, kind)
    before = 0.5 + rng.exponential(4.0, count)
    length = np.where(
        kind == PAUSE, 14 + rng.exponential(60.0, count), 4 + rng.exponential(25, count)
    )
    return kind, stage, before, length


def _ends(
    rng: np.random.Generator, clock: Clock, last: Ints, work: Ints
) -> tuple[Times, Ints]:
    """Draw when and how a deal that is not won ends; won deals are overwritten."""
    count = last.size
    depth = np.minimum(last, Stage.SETTLEMENT)
    wait = 0.4 + rng.gamma(1.4, LOSS_WAIT[depth] / 1.4)
    is_forgotten = rng.random(count) < FORGOTTEN[depth]
    long_wait = 60 + rng.exponential(FORGOTTEN_DAYS, count)
    wait = np.where(is_forgotten, wait + long_wait, wait)
    is_apology = rng.random(count) < APOLOGIES[last]
    end_stage = np.where(is_apology, Stage.APOLOGY, Stage.LOSE)
    stays_paused = rng.random(count) < STAYS_PAUSED
    end_stage = np.where(
        stays_paused & (last <= Stage.SHOWING), Stage.PAUSED, end_stage
    )
    ended = clock.time_where(work + _work(wait), np.ones(count, dtype=bool))
    return ended, end_stage
