"""Meetings that are moved before they take place."""

import numpy as np
import pandas as pd

from ingestion.demo.agency.model import (
    NEVER,
    ActivityKind,
    Agency,
    Ints,
    Records,
    Times,
    stream,
)
from ingestion.demo.agency.state import count_until
from ingestion.demo.agency.story import Story, later

HOUR = 3600
DAY = 86400
STEP = 300
MOVED = 0.2
AHEAD = 6 * HOUR
MISSED_TOMORROW = 3
MISSED_DAYS = 60


def make_moves(seed: int, story: Story) -> Records:
    """Draw moves of the plan: ``activity``, and the starts ``before`` and ``after`` it.

    A meeting is moved once, between its entry and its start. On the day after the
    first one a few missed meetings get a new day.
    """
    rng = stream(seed, "moves of meetings")
    table = story.agency.activities
    created, planned = table["created_at"].to_numpy(), table["planned_start"].to_numpy()
    over = np.fmin(planned, table["start"].to_numpy())
    is_ours = (table["kind"].to_numpy() == ActivityKind.MEETING) & story.is_real[
        table["deal"].to_numpy()
    ]
    ahead = (over - created).astype("timedelta64[s]").astype(np.int64)
    rows = np.flatnonzero(is_ours & (ahead >= AHEAD))
    rows = rows[rng.random(rows.size) < MOVED]
    share = rng.uniform(0.1, 0.9, rows.size)
    at = later(created[rows], np.asarray(share * ahead[rows], np.int64))
    wait = rng.integers(HOUR // STEP, 3 * DAY // STEP, rows.size) * STEP
    moves = pd.DataFrame(
        {
            "created_at": at,
            "activity": rows,
            "before": later(at.astype("datetime64[h]").astype("datetime64[s]"), wait),
            "after": planned[rows],
        }
    )
    today = np.datetime64(story.agency.first_today, "s") + np.timedelta64(DAY, "s")
    first = today - np.timedelta64(MISSED_DAYS * DAY, "s")
    is_missed = is_ours & np.isnat(table["completed_at"].to_numpy())
    is_missed &= (planned >= first) & (planned < today)
    missed = np.setdiff1d(np.flatnonzero(is_missed), rows)[-MISSED_TOMORROW:]
    tomorrow = np.full(missed.size, today + np.timedelta64(10 * HOUR, "s"))
    planted = pd.DataFrame(
        {
            "created_at": tomorrow,
            "activity": missed,
            "before": planned[missed],
            "after": later(tomorrow, np.full(missed.size, 5 * DAY)),
        }
    )
    both = pd.concat([moves, planted], ignore_index=True)
    both = both[both["before"] != both["after"]]
    both = both.sort_values("created_at", kind="stable", ignore_index=True)
    return Records(both, {})


def plans(agency: Agency, moment: np.datetime64) -> tuple[Times, Times]:
    """Give the planned starts of the activities known at a moment, and their moves.

    Returns:
        When each is planned for, and when that was changed last, or never.
    """
    size = count_until(agency.activities["created_at"], moment)
    planned = agency.activities["planned_start"].to_numpy()[:size].copy()
    moved_at = np.full(size, NEVER)
    moves = agency.details["meeting_move"].fixed
    moves = moves[moves["activity"].to_numpy() < size]
    activity: Ints = moves["activity"].to_numpy()
    is_done = (moves["created_at"] <= moment).to_numpy()
    planned[activity] = np.where(is_done, moves["after"], moves["before"])
    moved_at[activity] = np.where(is_done, moves["created_at"], NEVER)
    return planned, moved_at
