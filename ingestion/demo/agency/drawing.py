"""Drawing people and event tables without loops over deals."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ingestion.demo.agency.clock import Clock
from ingestion.demo.agency.model import Flags, Floats, Ints, Times
from ingestion.demo.agency.people import Staff

ROUNDS = 40


def draw_until_fit(
    draw: Callable[[Ints], Ints],
    fits: Callable[[Ints, Ints], Flags],
    fallback: Ints,
) -> Ints:
    """Draw a person per row, again where the person does not fit.

    Args:
        draw: Rows -> a candidate each.
        fits: Rows and candidates -> whether the candidate may be taken.
        fallback: Who is taken where nobody fitted after ``ROUNDS`` rounds.
    """
    chosen = fallback.copy()
    rows = np.arange(fallback.size)
    for _ in range(ROUNDS):
        if not rows.size:
            break
        candidates = draw(rows)
        good = fits(rows, candidates)
        chosen[rows[good]] = candidates[good]
        rows = rows[~good]
    return chosen


def weighted(rng: np.random.Generator, weight: Floats, count: int) -> Ints:
    """Draw positions with given weights."""
    edges = np.cumsum(weight)
    places = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    return np.asarray(np.minimum(places, weight.size - 1), np.int64)


def colleague(
    rng: np.random.Generator,
    clock: Clock,
    staff: Staff,
    person: Ints,
    at: Times,
    *,
    for_good: bool = False,
) -> Ints:
    """Draw someone else of the same group who is at work at the moment.

    Args:
        rng: Random stream.
        clock: Days of the simulation.
        staff: The people.
        person: Who is replaced; kept where no colleague is free.
        at: Moment of each row.
        for_good: Take only those who never leave.
    """
    day = clock.day_index(at)
    group = staff.department[person, day]
    pool = staff.where("agent")
    stays = np.isnat(staff.dismissed_at)

    def fits(rows: Ints, candidates: Ints) -> Flags:
        good: Flags = staff.department[candidates, day[rows]] == group[rows]
        good &= candidates != person[rows]
        good &= staff.is_present[candidates, day[rows]]
        if for_good:
            good &= stays[candidates]
        return good

    return draw_until_fit(
        lambda rows: pool[rng.integers(0, pool.size, rows.size)], fits, person
    )


def specialist(
    rng: np.random.Generator,
    clock: Clock,
    staff: Staff,
    at: Times,
    *,
    role: str,
    head: int,
) -> Ints:
    """Draw a lawyer or a broker at work at the moment; the head takes fewer deals."""
    day = clock.day_index(at)
    pool = staff.where(role)
    weight = np.where(pool == head - 1, 0.6, 1.0)

    def fits(rows: Ints, candidates: Ints) -> Flags:
        return staff.is_present[candidates, day[rows]]

    return draw_until_fit(
        lambda rows: pool[weighted(rng, weight, rows.size)],
        fits,
        np.full(at.size, head - 1, dtype=np.int64),
    )


def by_time(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort events by time; events of one second keep their order."""
    order = np.argsort(frame["at"].to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def events(deal: Ints, at: Times, value: Ints) -> pd.DataFrame:
    """Make an unsorted table of edits; edits that never happen are left out."""
    known = ~np.isnat(at)
    return pd.DataFrame({"deal": deal[known], "at": at[known], "value": value[known]})
