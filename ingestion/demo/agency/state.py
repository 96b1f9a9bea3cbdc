"""What is true of every deal at a moment: the projection of its life."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    Agency,
    Flags,
    Ints,
    Stage,
    Texts,
    Times,
    business_date,
    local_moment,
)


@dataclass(frozen=True)
class State:
    """All deals created by a moment, as they are at it.

    Attributes:
        moment: Local time of the projection.
        today: The agency's calendar day at the moment.
        deals: What never changes about the deals, by number.
        stage: ``Stage`` of each deal.
        moved_at: Last move between stages.
        won_at: Last move into won, or never.
        lost_at: Last move into a refusal, or never.
        active_at: Last completed activity, or never.
        modified_at: Last event that changed the card.
        fields: Value of each field; -1 is empty.
    """

    moment: np.datetime64
    today: date
    deals: pd.DataFrame
    stage: Ints
    moved_at: Times
    won_at: Times
    lost_at: Times
    active_at: Times
    modified_at: Times
    fields: dict[str, Ints]

    @property
    def size(self) -> int:
        """Number of deals."""
        return self.stage.size

    @property
    def today_number(self) -> int:
        """Days of today since 1970."""
        return int(np.datetime64(self.today).astype(np.int64))

    @property
    def is_test(self) -> Flags:
        """Deals made to try the CRM out."""
        flags: Flags = self.deals["is_test"].to_numpy()
        return flags

    def contract_numbers(self, names: Texts, which: Ints) -> Texts:
        """Write the contract numbers of some deals; ``None`` where there is none."""
        owner = self.fields["contract_number"][which]
        is_known = owner != EMPTY
        rows = self.deals.iloc[np.where(is_known, owner, 0)]
        prefix = pd.Series(names[rows["deal_type"].to_numpy()], dtype=object)
        year = rows["number_year"].astype(str).reset_index(drop=True)
        number = rows["number"].astype(str).str.zfill(5).reset_index(drop=True)
        written: Texts = (
            (prefix + "-" + year + "/" + number).to_numpy(dtype=object).copy()
        )
        written[~is_known] = None
        return written


def state_at(agency: Agency, as_of: datetime) -> State:
    """Project the life of all deals to a moment.

    Raises:
        ValueError: the moment has no time zone, or lies beyond the simulated life.
    """
    moment = checked_moment(agency, as_of)
    size = count_until(agency.deals["created_at"], moment)
    deals = agency.deals.iloc[:size]
    moves = until(agency.stage_moves, moment)
    deal, at = moves["deal"].to_numpy(), moves["at"].to_numpy()
    moved_to = moves["stage"].to_numpy()
    stage = np.full(size, int(Stage.NEW), dtype=np.int64)
    stage[deal] = moved_to
    moved_at = _last(size, deal, at)
    is_lost = np.isin(moved_to, [Stage.LOSE, Stage.APOLOGY])
    is_won = moved_to == Stage.WON
    modified_at = np.fmax(deals["created_at"].to_numpy(), moved_at)
    fields = {}
    for field, table in agency.edits.items():
        edits = until(table, moment)
        owner = edits["deal"].to_numpy()
        values = np.full(size, EMPTY, dtype=np.int64)
        values[owner] = edits["value"].to_numpy()
        fields[field] = values
        modified_at = np.fmax(modified_at, _last(size, owner, edits["at"].to_numpy()))
    active_at = _active_at(agency, moment, size)
    return State(
        moment=moment,
        today=business_date(as_of),
        deals=deals,
        stage=stage,
        moved_at=moved_at,
        won_at=_last(size, deal[is_won], at[is_won]),
        lost_at=_last(size, deal[is_lost], at[is_lost]),
        active_at=active_at,
        modified_at=np.fmax(modified_at, active_at),
        fields=fields,
    )


def checked_moment(agency: Agency, as_of: datetime) -> np.datetime64:
    """Turn a moment into the local time of the event tables.

    Raises:
        ValueError: the moment has no time zone, or lies beyond the simulated life.
    """
    moment = local_moment(as_of)
    if business_date(as_of) > agency.last_day:
        raise ValueError(
            f"moment {as_of.isoformat()}: the simulated life ends on"
            f" {agency.last_day.isoformat()}; simulate again from a later first day"
        )
    return moment


def count_until(times: pd.Series, moment: np.datetime64) -> int:
    """Count the times of a sorted column that are not after a moment."""
    return int(np.searchsorted(times.to_numpy(), moment, side="right"))


def until(table: pd.DataFrame, moment: np.datetime64) -> pd.DataFrame:
    """Cut an event table, sorted by time, after a moment."""
    return table.iloc[: count_until(table["at"], moment)]


def _last(size: int, deal: Ints, at: Times) -> Times:
    """Give the last time per deal; the times are sorted, so the last one stays."""
    last = np.full(size, NEVER)
    last[deal] = at
    return last


def _active_at(agency: Agency, moment: np.datetime64, size: int) -> Times:
    size_of_all = count_until(agency.activities["created_at"], moment)
    activities = agency.activities.iloc[:size_of_all]
    completed = activities["completed_at"].to_numpy()
    done = np.flatnonzero(completed <= moment)
    order = done[np.argsort(completed[done], kind="stable")]
    return _last(size, activities["deal"].to_numpy()[order], completed[order])
