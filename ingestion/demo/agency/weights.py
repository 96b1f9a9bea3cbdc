"""What two owners of a deal agreed on: their parts of it, in percent."""

import numpy as np

from ingestion.demo.agency.cards import OWNER_BASE
from ingestion.demo.agency.model import EMPTY, Ints
from ingestion.demo.agency.story import Story

HALF = 50
# Two such parts are more than the whole.
TOO_MUCH = 60
# Of so many shared deals one has no parts, and one has too large ones.
EVERY = 10
UNSAID, WRONG = 1, 4


def owner_weights(story: Story) -> Ints:
    """Give the part the card says each of two owners has; -1 where it is silent."""
    owners = story.agency.edits["deal_owner"]
    is_pair = owners["value"].to_numpy() >= OWNER_BASE
    shared = np.unique(owners["deal"].to_numpy()[is_pair])
    place = np.arange(shared.size) % EVERY
    weights = np.full(story.size, EMPTY)
    weights[shared] = np.select(
        [place == UNSAID, place == WRONG], [EMPTY, TOO_MUCH], HALF
    )
    return weights
