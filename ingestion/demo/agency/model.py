"""What the simulator makes: an agency, its people and the whole life of its deals."""

import zlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Times = npt.NDArray[np.datetime64]
Texts = npt.NDArray[np.object_]

EMPTY = -1
NEVER = np.datetime64("NaT", "s")
MOSCOW = timezone(timedelta(hours=3), "Europe/Moscow")


class Stage(IntEnum):
    """Stages of a deal; the first nine are the order of the funnel."""

    NEW = 0
    QUALIFIED = 1
    MEETING = 2
    CONTRACT = 3
    SHOWING = 4
    ADVANCE = 5
    PREPARATION = 6
    SETTLEMENT = 7
    WON = 8
    LOSE = 9
    APOLOGY = 10
    PAUSED = 11
    LEGACY = 12


class DealType(IntEnum):
    """Types of deals, by the code of the portal's list ``DEAL_TYPE``."""

    SALE = 0
    PURCHASE = 1
    NEW_BUILD = 2
    RENT = 3


class ActivityKind(IntEnum):
    """Kinds of activities the agency keeps."""

    MEETING = 0
    SHOWING = 1
    CALL = 2


FUNNEL_OF_TYPE: Ints = np.array([0, 0, 1, 2], dtype=np.int64)
ORDERED_STAGES = 9


@dataclass(frozen=True)
class Records:
    """Detailed records of one kind over their whole life, in the order of creation.

    Attributes:
        fixed: ``created_at`` and what never changes; the position is the id less one.
        edits: Field -> ``record``, ``at``, ``value`` (whole numbers, as in the edits of
            deals; moments are seconds since 1970), sorted by time.
    """

    fixed: pd.DataFrame
    edits: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Agency:
    """The whole life of one agency, the future included, up to a horizon.

    Times are ``datetime64[s]`` of Moscow (no daylight saving since 2014); a state at
    a moment is a projection of these tables. ``deal`` is the number of a row of
    ``deals``; every event table is sorted by time.

    Attributes:
        seed: The same seed, size and first day give the same life.
        first_today: The day the agency is first looked at; exactly the asked number
            of deals is created up to its end.
        last_day: The horizon: nothing is known about the days after it.
        employees: One row per person: ``employee_id``, names, ``position``,
            ``department`` at hiring, ``hired_at``, ``dismissed_at``.
        departments: ``department_id``, ``name``, ``parent_id``, ``head_id``.
        memberships: ``employee_id``, ``at``, ``department``: hirings and transfers.
        absences: ``employee_id``, ``first_day``, ``last_day``, ``kind``.
        deals: One row per deal, in the order of creation: what never changes.
        stage_moves: ``deal``, ``at``, ``stage``.
        edits: Field of the deal -> ``deal``, ``at``, ``value`` (whole numbers: kopecks,
            days since 1970, employee ids, list positions; -1 empties the field).
        activities: Meetings, showings and calls, in the order of creation.
        contacts: Clients, in the order of creation.
        leads: Requests, in the order of creation.
        details: Detailed records by kind, told from the tables above.
    """

    seed: int
    first_today: date
    last_day: date
    employees: pd.DataFrame
    departments: pd.DataFrame
    memberships: pd.DataFrame
    absences: pd.DataFrame
    deals: pd.DataFrame
    stage_moves: pd.DataFrame
    edits: dict[str, pd.DataFrame]
    activities: pd.DataFrame
    contacts: pd.DataFrame
    leads: pd.DataFrame
    details: dict[str, Records] = field(default_factory=dict)


def stream(seed: int, name: str) -> np.random.Generator:
    """Give an own random stream to a part, so that parts do not shift each other."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def end_of_day(day: date) -> datetime:
    """Give the moment at which a day of the agency is looked at."""
    return datetime.combine(day, time(23, 59, 59), MOSCOW).astimezone(UTC)


def local_moment(as_of: datetime) -> np.datetime64:
    """Turn an aware moment into the local time of the event tables.

    Raises:
        ValueError: the moment has no time zone.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"moment {as_of.isoformat()}: a time zone is needed")
    return np.datetime64(as_of.astimezone(MOSCOW).replace(tzinfo=None), "s")


def business_date(as_of: datetime) -> date:
    """Give the agency's calendar day at a moment."""
    return as_of.astimezone(MOSCOW).date()


def day_numbers(times: Times) -> Ints:
    """Count whole days since 1970 of local times; only filled times are allowed."""
    return times.astype("datetime64[D]").astype(np.int64)
