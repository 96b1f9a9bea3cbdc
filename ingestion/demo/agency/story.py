"""The finished life of the deals, as the detailed records look back at it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.model import (
    EMPTY,
    NEVER,
    ActivityKind,
    Agency,
    Flags,
    Ints,
    Stage,
    Times,
)

SECONDS = 2**34


@dataclass(frozen=True)
class Story:
    """What happened to every deal, by the number of the deal.

    Attributes:
        agency: The life the story is told of.
        entered: Deal × stage: when a stage is first entered, or never.
        ended: The last move, if it is into won or a refusal, or never.
        is_won: The deal ends well.
        is_lost: The deal ends with a refusal.
    """

    agency: Agency
    entered: Times
    ended: Times
    is_won: Flags
    is_lost: Flags

    @property
    def size(self) -> int:
        """Number of deals."""
        return len(self.agency.deals)

    @property
    def created(self) -> Times:
        """When each deal is created."""
        times: Times = self.agency.deals["created_at"].to_numpy()
        return times

    @property
    def deal_type(self) -> Ints:
        """``DealType`` of each deal."""
        return np.asarray(self.agency.deals["deal_type"].to_numpy(), np.int64)

    @property
    def is_real(self) -> Flags:
        """Deals that were not made to try the CRM out."""
        flags: Flags = ~self.agency.deals["is_test"].to_numpy()
        return flags

    def first_edit(self, field: str) -> tuple[Times, Ints]:
        """Give time and value of the first edit of a field; never where none."""
        table = self.agency.edits[field].iloc[::-1]
        deal = table["deal"].to_numpy()
        at, value = np.full(self.size, NEVER), np.full(self.size, EMPTY)
        at[deal] = table["at"].to_numpy()
        value[deal] = table["value"].to_numpy()
        return at, value

    def final(self, field: str) -> Ints:
        """Give the last value of a field ever; -1 where it is never filled."""
        table = self.agency.edits[field]
        value = np.full(self.size, EMPTY)
        value[table["deal"].to_numpy()] = table["value"].to_numpy()
        return value

    def value_at(self, field: str, deal: Ints, at: Times) -> Ints:
        """Give what a field of a deal holds at a moment; -1 is empty."""
        table = self.agency.edits[field]
        if not len(table):
            return np.full(deal.size, EMPTY)
        keys = _keys(table["deal"].to_numpy(), table["at"].to_numpy())
        order = np.argsort(keys, kind="stable")
        asked = _keys(deal, np.where(np.isnat(at), self.created[deal], at))
        place = np.searchsorted(keys[order], asked, side="right") - 1
        row = order[np.maximum(place, 0)]
        is_known = (place >= 0) & (table["deal"].to_numpy()[row] == deal)
        return np.where(is_known, table["value"].to_numpy()[row], EMPTY)

    def assigned(self, deal: Ints, at: Times) -> Ints:
        """Give who is responsible for a deal at a moment."""
        return self.value_at("assigned", deal, at)

    def showing_before(self, deal: Ints, at: Times) -> Ints:
        """Give the last showing of a deal that begins before a moment; -1 is none."""
        table = self.agency.activities
        rows = np.flatnonzero(table["kind"].to_numpy() == ActivityKind.SHOWING)
        owner, start = table["deal"].to_numpy()[rows], table["start"].to_numpy()[rows]
        keys = _keys(owner, start)
        order = np.argsort(keys, kind="stable")
        place = np.searchsorted(keys[order], _keys(deal, at)) - 1
        found = order[np.maximum(place, 0)] if rows.size else np.zeros_like(place)
        is_known = place >= 0
        is_known[is_known] = owner[found[is_known]] == deal[is_known]
        return np.where(is_known, np.append(rows, EMPTY)[found], EMPTY)

    def edits_in_order(self, field: str) -> pd.DataFrame:
        """Give the edits of a field of real deals, by deal and time."""
        table = self.agency.edits[field]
        table = table[self.is_real[table["deal"].to_numpy()]]
        order = np.argsort(
            _keys(table["deal"].to_numpy(), table["at"].to_numpy()), kind="stable"
        )
        ordered: pd.DataFrame = table.iloc[order].reset_index(drop=True)
        return ordered


def tell(agency: Agency) -> Story:
    """Look back at the whole life of an agency."""
    size = len(agency.deals)
    moves = agency.stage_moves.iloc[::-1]
    deal, stage = moves["deal"].to_numpy(), moves["stage"].to_numpy()
    entered = np.full((size, len(Stage)), NEVER)
    entered[deal, stage] = moves["at"].to_numpy()
    last = agency.stage_moves.drop_duplicates("deal", keep="last")
    last_stage = np.full(size, int(Stage.NEW), dtype=np.int64)
    last_stage[last["deal"].to_numpy()] = last["stage"].to_numpy()
    last_at = np.full(size, NEVER)
    last_at[last["deal"].to_numpy()] = last["at"].to_numpy()
    is_won = last_stage == Stage.WON
    is_lost = np.isin(last_stage, [Stage.LOSE, Stage.APOLOGY])
    return Story(
        agency=agency,
        entered=entered,
        ended=np.where(is_won | is_lost, last_at, NEVER),
        is_won=is_won,
        is_lost=is_lost,
    )


def later(at: Times, seconds: Ints) -> Times:
    """Move times on by whole seconds; never stays never."""
    return np.asarray(at + seconds.astype("timedelta64[s]"))


def seconds_of(at: Times) -> Ints:
    """Count seconds since 1970 of local times; -1 for never."""
    is_known = ~np.isnat(at)
    safe = np.where(is_known, at, np.datetime64(0, "s"))
    return np.where(is_known, safe.astype("datetime64[s]").astype(np.int64), EMPTY)


def _keys(deal: Ints, at: Times) -> Ints:
    return np.asarray(deal * SECONDS + at.astype("datetime64[s]").astype(np.int64))
