"""The agency's time: working hours, days off, seasons.

Waiting is counted in working seconds. The mapping to local time is monotone, so
events that follow each other on the working axis follow each other on the clock.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ingestion.demo.agency.model import NEVER, Flags, Floats, Ints, Times

HISTORY_YEARS = 3
HORIZON_DAYS = 366
OPENING_SECOND = 9 * 3600
WORK_DAY = 11 * 3600
SUNDAY = 6
# A working week has six days: a calendar week of waiting is six working days.
WORK_SHARE = 6 / 7

# January to December: the year-end and spring are busy, January and summer are not.
SEASON: Floats = np.array(
    [0.70, 0.92, 1.10, 1.10, 0.93, 0.90, 0.90, 0.96, 1.12, 1.16, 1.14, 1.07]
)
# Monday to Sunday: requests also come on days off.
WEEK: Floats = np.array([1.10, 1.08, 1.05, 1.05, 1.00, 0.70, 0.45])
YEARLY_GROWTH = 0.12


def midnight_after(day: np.datetime64) -> np.datetime64:
    """Give the first moment after a day."""
    return np.datetime64((day + np.timedelta64(1, "D")).astype("datetime64[s]"))


@dataclass(frozen=True)
class Clock:
    """Days of the simulation and the axis of working time.

    Attributes:
        first_day: First day on which deals are created.
        first_today: Last day of the known past.
        last_day: The horizon.
        open_days: Working days in order.
    """

    first_day: np.datetime64
    first_today: np.datetime64
    last_day: np.datetime64
    open_days: Times

    @property
    def end(self) -> np.datetime64:
        """The first moment after the horizon."""
        return midnight_after(self.last_day)

    @property
    def days(self) -> Times:
        """All days, first to last."""
        return np.arange(self.first_day, self.last_day + np.timedelta64(1, "D"))

    def day_index(self, times: Times) -> Ints:
        """Number the days of local times from the first day, kept inside the span."""
        offsets = (times.astype("datetime64[D]") - self.first_day).astype(np.int64)
        clipped: Ints = np.clip(offsets, 0, self.days.size - 1)
        return clipped

    def to_work(self, times: Times) -> Ints:
        """Place local times on the working axis; a day off is the next opening."""
        days = times.astype("datetime64[D]")
        index = np.searchsorted(self.open_days, days, side="left")
        index = np.minimum(index, self.open_days.size - 1)
        seconds = (times - days).astype("timedelta64[s]").astype(np.int64)
        inside = np.clip(seconds - OPENING_SECOND, 0, WORK_DAY - 1)
        is_open = self.open_days[index] == days
        return np.asarray(index * WORK_DAY + np.where(is_open, inside, 0), np.int64)

    def to_time(self, work: Ints) -> Times:
        """Turn places on the working axis into local times; beyond the end is never."""
        index = work // WORK_DAY
        known = index < self.open_days.size
        days = self.open_days[np.where(known, index, 0)].astype("datetime64[s]")
        seconds = (OPENING_SECOND + work % WORK_DAY).astype("timedelta64[s]")
        return np.where(known, days + seconds, NEVER)

    def time_where(self, work: Ints, known: Flags) -> Times:
        """Turn places into local times where a flag says so, never elsewhere."""
        return np.where(known, self.to_time(np.where(known, work, 0)), NEVER)


def make_clock(first_today: date) -> Clock:
    """Lay out the days: three years of past and about one year ahead."""
    first_day = date(
        first_today.year - HISTORY_YEARS, first_today.month, min(first_today.day, 28)
    )
    last_day = first_today + timedelta(days=HORIZON_DAYS)
    days = np.arange(np.datetime64(first_day), np.datetime64(last_day) + 1)
    weekday = (days.astype(np.int64) + 3) % 7
    month, day_of_month = _month_and_day(days)
    is_holiday = (month == 1) & (day_of_month <= 8)
    is_holiday |= (month == 5) & np.isin(day_of_month, [1, 9])
    is_holiday |= (month == 6) & (day_of_month == 12)
    is_holiday |= (month == 11) & (day_of_month == 4)
    return Clock(
        first_day=np.datetime64(first_day),
        first_today=np.datetime64(first_today),
        last_day=np.datetime64(last_day),
        open_days=days[(weekday != SUNDAY) & ~is_holiday],
    )


def arrivals(
    rng: np.random.Generator, clock: Clock, *, past: int, future_share: float = 1.0
) -> Times:
    """Draw sorted moments of creation: so many in the past, in proportion ahead.

    Args:
        rng: Random stream.
        clock: Days of the simulation.
        past: Exact number of moments up to the end of the first today.
        future_share: Scales the number of moments after it.
    """
    days = clock.days
    month, _ = _month_and_day(days)
    weekday = (days.astype(np.int64) + 3) % 7
    years = np.arange(days.size) / 365.25
    weight = SEASON[month - 1] * WEEK[weekday] * (1 + YEARLY_GROWTH * years)
    is_past = days <= clock.first_today
    ahead = round(past * weight[~is_past].sum() / weight[is_past].sum() * future_share)
    chosen = np.concatenate(
        [
            _draw_days(rng, np.flatnonzero(is_past), weight[is_past], past),
            _draw_days(rng, np.flatnonzero(~is_past), weight[~is_past], ahead),
        ]
    )
    # Most requests come in working hours, some in the evening from the site.
    hours = rng.triangular(8.0, 12.5, 22.9, size=chosen.size)
    seconds = (hours * 3600).astype("timedelta64[s]")
    return np.sort(days[chosen].astype("datetime64[s]") + seconds)


def _draw_days(
    rng: np.random.Generator, days: Ints, weight: Floats, count: int
) -> Ints:
    edges = np.cumsum(weight)
    places = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    return np.asarray(days[np.minimum(places, days.size - 1)], np.int64)


def _month_and_day(days: Times) -> tuple[Ints, Ints]:
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    return month, day_of_month
