"""Who answers for a deal: the agent, the second owner, what happens at a dismissal."""

from dataclasses import dataclass

import numpy as np

from ingestion.demo.agency.clock import Clock
from ingestion.demo.agency.drawing import colleague, draw_until_fit
from ingestion.demo.agency.model import (
    NEVER,
    DealType,
    Flags,
    Floats,
    Ints,
    Stage,
    Times,
    stream,
)
from ingestion.demo.agency.paths import Paths
from ingestion.demo.agency.people import AGENT, DIRECTOR, HEAD_OF_SALES, Staff

OTHER_LEAD_HANDLER = 0.22
CO_OWNED = 0.07
CO_OWNED_BY_AGENT = 0.25
ABANDONED = 0.10
ABANDONED_AT_LEAST = 3
NOBODY = -1
# One deal in so many goes to the heads, so that they always take part.
HEAD_EVERY = 70
DIRECTOR_EVERY = 90


@dataclass(frozen=True)
class Holders:
    """Positions of people (employee id minus one) per deal.

    Attributes:
        agent: Who gets the deal.
        lead_handler: Who answers the first call.
        co_owner: Second owner of the deal, or -1.
        successor: Who takes the deal over, or -1.
        handed_at: When it is taken over, or never.
        left_at: When the agent leaves with the deal still open, or never.
    """

    agent: Ints
    lead_handler: Ints
    co_owner: Ints
    successor: Ints
    handed_at: Times
    left_at: Times

    def at(self, moments: Times) -> Ints:
        """Give who holds each deal at a moment of it."""
        return np.where(moments >= self.left_at, self.successor, self.agent)


def make_holders(
    seed: int, clock: Clock, staff: Staff, paths: Paths
) -> tuple[Holders, Paths]:
    """Draw the people and cut the deals that a leaving agent abandons."""
    rng = stream(seed, "holders")
    agent = _agents(rng, clock, staff, paths)
    other = colleague(rng, clock, staff, agent, paths.created)
    is_other = rng.random(agent.size) < OTHER_LEAD_HANDLER
    left_at = staff.dismissed_at[agent]
    is_open = np.isnat(paths.ended) | (paths.ended > left_at)
    left_at = np.where(is_open, left_at, NEVER)
    has_left = ~np.isnat(left_at)
    is_abandoned = has_left & (rng.random(agent.size) < ABANDONED)
    lately = np.flatnonzero(has_left & (left_at < clock.first_today))
    is_abandoned[rng.permutation(lately)[:ABANDONED_AT_LEAST]] = True
    paths = paths.cut(np.where(is_abandoned, left_at, NEVER))
    safe = np.where(has_left, left_at, paths.created)
    successor = colleague(rng, clock, staff, agent, safe, for_good=True)
    days = rng.integers(1, 5, agent.size) * 86400 + rng.integers(0, 3600, agent.size)
    # The next day at ten and later: the deal changes hands in working hours.
    handed_at = left_at + (days - 8 * 3600).astype("timedelta64[s]")
    is_handed = has_left & ~is_abandoned & (handed_at < _end(paths))
    holders = Holders(
        agent=agent,
        lead_handler=np.where(is_other, other, agent),
        co_owner=_co_owners(rng, clock, staff, paths, agent),
        successor=np.where(is_handed, successor, agent),
        handed_at=np.where(is_handed, handed_at, NEVER),
        left_at=np.where(is_handed, left_at, NEVER),
    )
    return holders, paths


def _end(paths: Paths) -> Times:
    far = np.datetime64("2200-01-01", "s")
    return np.where(np.isnat(paths.ended), far, paths.ended)


def _agents(rng: np.random.Generator, clock: Clock, staff: Staff, paths: Paths) -> Ints:
    day = clock.day_index(paths.created)
    edges = np.cumsum(staff.sales_weight, axis=0)
    agent = np.zeros(paths.size, dtype=np.int64)
    for deal_type in DealType:
        rows_of_type = np.flatnonzero(paths.deal_type == deal_type)
        steps = edges[:, deal_type]

        def draw(rows: Ints, steps: Floats = steps) -> Ints:
            places = rng.random(rows.size) * steps[-1]
            return np.asarray(np.searchsorted(steps, places, side="right"), np.int64)

        def fits(rows: Ints, candidates: Ints, of: Ints = rows_of_type) -> Flags:
            return staff.is_present[candidates, day[of[rows]]]

        nobody = np.full(rows_of_type.size, AGENT - 1)
        agent[rows_of_type] = draw_until_fit(draw, fits, nobody)
    agent[HEAD_EVERY // 2 :: HEAD_EVERY] = HEAD_OF_SALES - 1
    return agent


def _co_owners(
    rng: np.random.Generator, clock: Clock, staff: Staff, paths: Paths, agent: Ints
) -> Ints:
    """Draw second owners; they join when the contract is signed and never leave."""
    contract = paths.entered[:, Stage.CONTRACT]
    has_contract = ~np.isnat(contract)
    at = np.where(has_contract, contract, paths.created)
    chance = np.where(agent == AGENT - 1, CO_OWNED_BY_AGENT, CO_OWNED)
    is_shared = has_contract & (rng.random(agent.size) < chance)
    second = colleague(rng, clock, staff, agent, at, for_good=True)
    shared = np.flatnonzero(is_shared & (second != agent))
    co_owner = np.full(agent.size, NOBODY, dtype=np.int64)
    co_owner[shared] = second[shared]
    with_contract = np.flatnonzero(has_contract)
    for_director = with_contract[DIRECTOR_EVERY // 4 :: DIRECTOR_EVERY]
    co_owner[for_director] = DIRECTOR - 1
    is_same = co_owner == agent
    return np.where(is_same, NOBODY, co_owner)
