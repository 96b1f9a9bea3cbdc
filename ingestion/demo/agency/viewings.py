"""Which flat a showing shows, and flats that are shown at an ordinary meeting."""

import numpy as np
import pandas as pd

from ingestion.demo.agency.model import (
    EMPTY,
    ActivityKind,
    DealType,
    Flags,
    Ints,
    Records,
    Times,
    stream,
)
from ingestion.demo.agency.story import Story

MARKET = 25
NOT_NAMED = 0.03
AT_MEETING = 0.12
AT_MEETING_AT_LEAST = 3
BUYERS = (DealType.PURCHASE, DealType.NEW_BUILD)


def make_viewings(seed: int, story: Story, units: Records, reserved: Ints) -> Records:
    """Say which unit every activity names, in the order of the activities; -1 is none.

    A seller's showings show the own flat. A buyer sees flats that came to the market
    of late, and at the last showing before a reservation the flat that is reserved.
    Nobody lists flats to let. A few agents show a flat and close a meeting instead.

    Args:
        seed: Of the agency.
        story: The finished life of the deals.
        units: The flats, by time of creation.
        reserved: See ``make_objects``.
    """
    rng = stream(seed, "viewings")
    activities = story.agency.activities
    deal, kind = activities["deal"].to_numpy(), activities["kind"].to_numpy()
    created = activities["created_at"].to_numpy()
    deal_type = story.deal_type[deal]
    unit = _market(rng, story, units, deal_type, created)
    unit = np.where(deal_type == DealType.SALE, _own(story, units)[deal], unit)
    unit = np.where(reserved != EMPTY, reserved, unit)
    is_named = (kind == ActivityKind.SHOWING) & (rng.random(deal.size) >= NOT_NAMED)
    is_named[_meetings(rng, activities, np.isin(deal_type, BUYERS))] = True
    is_named &= story.is_real[deal]
    born = np.append(units.fixed["created_at"].to_numpy(), created[:1])
    is_named &= (unit != EMPTY) & (born[unit] <= created)
    fixed = pd.DataFrame(
        {"created_at": created, "unit": np.where(is_named, unit, EMPTY)}
    )
    return Records(fixed, {})


def _own(story: Story, units: Records) -> Ints:
    """Give the flat that each seller lists."""
    own = np.full(story.size, EMPTY)
    listed = np.flatnonzero(units.fixed["is_listing"].to_numpy() == 1)
    own[units.fixed["deal"].to_numpy()[listed]] = listed
    return own


def _market(
    rng: np.random.Generator,
    story: Story,
    units: Records,
    deal_type: Ints,
    created: Times,
) -> Ints:
    """Draw one of the last flats that came to the market of a buyer."""
    found = np.full(created.size, EMPTY)
    is_new = story.deal_type[units.fixed["deal"].to_numpy()] == DealType.NEW_BUILD
    is_listing = units.fixed["is_listing"].to_numpy() == 1
    back = rng.integers(1, MARKET + 1, created.size)
    born = units.fixed["created_at"].to_numpy()
    for buyer, offered in (
        (DealType.PURCHASE, is_listing),
        (DealType.NEW_BUILD, is_new),
    ):
        rows = np.flatnonzero(deal_type == buyer)
        offer = np.append(np.flatnonzero(offered), EMPTY)
        place = np.searchsorted(born[offer[:-1]], created[rows], side="right")
        place = place - back[rows]
        found[rows] = offer[np.where(place < 0, EMPTY, place)]
    return found


def _meetings(
    rng: np.random.Generator, activities: pd.DataFrame, is_buyer: Flags
) -> Ints:
    """Choose held meetings of buyers at which a flat was shown."""
    fits = (activities["kind"].to_numpy() == ActivityKind.MEETING) & is_buyer
    fits &= activities["completed_at"].notna().to_numpy()
    fits &= ~activities["is_first"].to_numpy(dtype=bool)
    rows = rng.permutation(np.flatnonzero(fits))
    return rows[: max(AT_MEETING_AT_LEAST, round(rows.size * AT_MEETING))]
