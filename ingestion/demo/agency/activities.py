"""Meetings, showings and calls of every deal."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.clock import WORK_DAY, Clock
from ingestion.demo.agency.drawing import colleague, events
from ingestion.demo.agency.holders import Holders
from ingestion.demo.agency.model import (
    NEVER,
    ActivityKind,
    Flags,
    Floats,
    Ints,
    Stage,
    Times,
    stream,
)
from ingestion.demo.agency.paths import Paths
from ingestion.demo.agency.people import Staff

HOUR = 3600
MINUTE = 60
SUBSTITUTE = 0.07
MISSED: Floats = np.array([0.16, 0.12, 0.20])
ENTERED_LATE = 0.15
DOUBLED = 0.02
DOUBLED_AT_LEAST = 4
TRIPLED = 3
RESCHEDULED = 0.12
YEAR_TYPOS = 2
TYPO_WINDOW_DAYS = 120
HOST_NOT_WRITTEN = 0.04


@dataclass(frozen=True)
class Slots:
    """Activities before it is known who holds them and whether they happen.

    Attributes:
        deal: Number of the deal.
        work: Planned start on the working axis.
        is_first: The one that brings the deal to its stage, so it is held.
    """

    deal: Ints
    work: Ints
    is_first: Flags


def make_activities(
    seed: int, clock: Clock, staff: Staff, paths: Paths, holders: Holders
) -> pd.DataFrame:
    """Draw all activities; unsorted, without ids."""
    rng = stream(seed, "activities")
    tables = []
    for kind, slots in (
        (ActivityKind.MEETING, _meetings(rng, paths)),
        (ActivityKind.SHOWING, _showings(rng, paths)),
        (ActivityKind.CALL, _calls(rng, clock, paths)),
    ):
        table = _hold(rng, clock, kind, slots)
        table["host"] = _hosts(rng, clock, staff, holders, table)
        tables.append(table)
    tables[ActivityKind.MEETING] = _mistyped(
        rng, clock, _doubled(rng, clock, tables[ActivityKind.MEETING])
    )
    return pd.concat(tables, ignore_index=True)


def host_edits(
    seed: int, paths: Paths, activities: pd.DataFrame, kind: ActivityKind
) -> pd.DataFrame:
    """Write the host of the first held activity of a kind into the card."""
    rng = stream(seed, f"hosts of {kind.name}")
    held = activities[(activities["kind"] == kind) & activities["completed_at"].notna()]
    held = held.sort_values(["completed_at", "created_at"], kind="stable")
    first = held.drop_duplicates("deal")
    is_written = rng.random(paths.size) >= HOST_NOT_WRITTEN
    deal = first["deal"].to_numpy()
    at = np.where(is_written[deal], first["completed_at"].to_numpy(), NEVER)
    return events(deal, at, first["host"].to_numpy() + 1)


def _end_work(clock: Clock, paths: Paths) -> Ints:
    """Place the end of each deal on the working axis; the far end if it has none."""
    end = np.where(np.isnat(paths.ended), paths.stopped, paths.ended)
    return clock.to_work(np.where(np.isnat(end), clock.end, end))


def _between(
    rng: np.random.Generator, count: Ints, start: Ints, end: Ints
) -> tuple[Ints, Ints]:
    """Draw so many moments per deal between two places of the working axis."""
    deal = np.repeat(np.arange(count.size), count)
    span = np.maximum(end - start, 0)[deal]
    places = start[deal] + rng.random(deal.size) * span
    return deal, np.asarray(places, dtype=np.int64)


def _meetings(rng: np.random.Generator, paths: Paths) -> Slots:
    met = np.flatnonzero(~np.isnat(paths.entered[:, Stage.MEETING]))
    work = paths.work[:, Stage.MEETING]
    lead = rng.integers(30 * MINUTE, 4 * HOUR, met.size)
    count = np.zeros(paths.size, dtype=np.int64)
    count[met] = rng.poisson(0.75, met.size)
    until = _next_work(paths, Stage.MEETING, 45)
    deal, more = _between(rng, count, work + 2 * HOUR, until)
    return Slots(
        deal=np.concatenate([met, deal]),
        work=np.concatenate([work[met] - lead, more]),
        is_first=np.repeat([True, False], [met.size, deal.size]),
    )


def _showings(rng: np.random.Generator, paths: Paths) -> Slots:
    shown = np.flatnonzero(~np.isnat(paths.entered[:, Stage.SHOWING]))
    work = paths.work[:, Stage.SHOWING]
    count = np.zeros(paths.size, dtype=np.int64)
    count[shown] = rng.poisson(2.4, shown.size)
    until = _next_work(paths, Stage.SHOWING, 100)
    deal, more = _between(rng, count, work + 3 * HOUR, until)
    lead = rng.integers(40 * MINUTE, 2 * HOUR, shown.size)
    return Slots(
        deal=np.concatenate([shown, deal]),
        work=np.concatenate([work[shown] - lead, more]),
        is_first=np.repeat([True, False], [shown.size, deal.size]),
    )


def _calls(rng: np.random.Generator, clock: Clock, paths: Paths) -> Slots:
    start = clock.to_work(paths.created)
    count = 1 + rng.poisson(1.3, paths.size)
    until = np.minimum(start + 20 * WORK_DAY, _end_work(clock, paths))
    deal, work = _between(rng, count, start + 10 * MINUTE, until)
    return Slots(deal=deal, work=work, is_first=np.zeros(deal.size, dtype=bool))


def _next_work(paths: Paths, stage: Stage, days: int) -> Ints:
    """Place the next stage on the working axis, at most so many days ahead."""
    work = paths.work[:, stage]
    far = work + days * WORK_DAY
    later = paths.work[:, stage + 1 :]
    is_known = ~np.isnat(paths.entered[:, stage + 1 :])
    following = np.where(is_known, later, far[:, None]).min(axis=1)
    return np.asarray(np.minimum(following, far), np.int64)


def _hold(
    rng: np.random.Generator, clock: Clock, kind: ActivityKind, slots: Slots
) -> pd.DataFrame:
    """Plan and hold the activities: what is missed stays open for ever."""
    size = slots.deal.size
    step = 1 if kind is ActivityKind.CALL else 5 * MINUTE
    start = clock.to_time(slots.work // step * step)
    ahead = np.asarray(rng.gamma(1.2, 0.8 * WORK_DAY, size), dtype=np.int64)
    created = np.maximum(slots.work - ahead, 0)
    if kind is ActivityKind.CALL:
        created = slots.work
    minutes = (
        rng.integers(2, 14, size)
        if kind is ActivityKind.CALL
        else (rng.choice([30, 45, 60, 75, 90], size))
    )
    end = start + (minutes * MINUTE).astype("timedelta64[s]")
    is_held = (rng.random(size) >= MISSED[kind]) | slots.is_first
    delay = rng.integers(30, 20 * MINUTE, size)
    is_late = (rng.random(size) < ENTERED_LATE) & ~slots.is_first
    delay = delay + is_late * rng.integers(2 * HOUR, 40 * HOUR, size)
    if kind is ActivityKind.CALL:
        delay = np.zeros(size, dtype=np.int64)
    is_moved = rng.random(size) < (0 if kind is ActivityKind.CALL else RESCHEDULED)
    later = rng.integers(1, 20, size) * 15 * MINUTE
    planned = np.where(is_moved, start + later.astype("timedelta64[s]"), start)
    return pd.DataFrame(
        {
            "deal": slots.deal,
            "kind": np.full(size, int(kind)),
            "created_at": clock.to_time(created),
            "planned_start": planned,
            "start": start,
            "end": end,
            "completed_at": np.where(
                is_held, end + delay.astype("timedelta64[s]"), NEVER
            ),
            "is_first": slots.is_first,
        }
    )


def _hosts(
    rng: np.random.Generator,
    clock: Clock,
    staff: Staff,
    holders: Holders,
    table: pd.DataFrame,
) -> Ints:
    """Say who holds: the agent of the deal, a colleague when absent or busy."""
    deal = table["deal"].to_numpy()
    start = table["start"].to_numpy()
    safe = np.where(np.isnat(start), clock.last_day.astype("datetime64[s]"), start)
    is_heir = safe >= holders.left_at[deal]
    agent: Ints = np.where(is_heir, holders.successor[deal], holders.agent[deal])
    is_away = ~staff.is_present[agent, clock.day_index(safe)]
    is_away |= rng.random(deal.size) < SUBSTITUTE
    away = np.flatnonzero(is_away)
    agent[away] = colleague(rng, clock, staff, agent[away], safe[away])
    return agent


def _doubled(
    rng: np.random.Generator, clock: Clock, meetings: pd.DataFrame
) -> pd.DataFrame:
    """Enter some held meetings twice, a few three times, minutes apart.

    Of three entries 40 minutes apart the first and the third are meetings: the third
    starts more than an hour after the last kept one.
    """
    held = np.flatnonzero(meetings["completed_at"].notna().to_numpy())
    start = meetings["start"].to_numpy()
    past = held[start[held] < clock.first_today]
    count = max(DOUBLED_AT_LEAST, round(held.size * DOUBLED))
    double = rng.permutation(held)[:count]
    triple = np.setdiff1d(rng.permutation(past)[:TRIPLED], double)
    gaps = [
        (double, rng.integers(5, 51, double.size)),
        (triple, np.full(triple.size, 40)),
        (triple, np.full(triple.size, 80)),
    ]
    copies = [meetings]
    for rows, minutes in gaps:
        shift = (minutes * MINUTE).astype("timedelta64[s]")
        copy = meetings.iloc[rows].copy()
        for column in ("planned_start", "start", "end", "completed_at"):
            copy[column] = copy[column].to_numpy() + shift
        copy["created_at"] = copy["completed_at"].to_numpy()
        copy["is_first"] = False
        copies.append(copy)
    return pd.concat(copies, ignore_index=True)


def _mistyped(
    rng: np.random.Generator, clock: Clock, meetings: pd.DataFrame
) -> pd.DataFrame:
    """Move a few held meetings a year ahead: a slip of the keyboard."""
    start = meetings["start"].to_numpy()
    first = clock.first_today - np.timedelta64(TYPO_WINDOW_DAYS, "D")
    is_recent = (start > first) & (start < clock.first_today)
    is_recent &= meetings["completed_at"].notna().to_numpy()
    is_recent &= ~meetings["is_first"].to_numpy()
    rows = rng.permutation(np.flatnonzero(is_recent))[:YEAR_TYPOS]
    year = np.timedelta64(365 * 86400, "s")
    moved = meetings.copy()
    for column in ("start", "end"):
        values = moved[column].to_numpy().copy()
        values[rows] += year
        moved[column] = values
    return moved


def finish_activities(
    activities: pd.DataFrame, paths: Paths, until: Times
) -> pd.DataFrame:
    """Sort by creation; leave out what an abandoned deal or the horizon cuts off.

    Args:
        activities: Unsorted activities.
        paths: The ways of the deals.
        until: Horizon per deal.
    """
    deal = activities["deal"].to_numpy()
    created = np.maximum(activities["created_at"].to_numpy(), paths.created[deal])
    keep = ~np.isnat(activities["start"].to_numpy()) & (created <= until[deal])
    completed = activities["completed_at"].to_numpy()
    completed = np.where(completed <= until[deal], completed, NEVER)
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(created[rows], kind="stable")]
    table = activities.assign(created_at=created, completed_at=completed).iloc[rows]
    return table.reset_index(drop=True)
