"""Companies: the agency itself, partner agencies, clients that are companies."""

import numpy as np

from ingestion.demo.agency.lists import lists
from ingestion.demo.agency.model import EMPTY, Ints, Records, stream
from ingestion.demo.agency.records import RecordWriter
from ingestion.demo.agency.story import Story

OWN, PARTNER, CLIENT = 0, 1, 2
OWN_COMPANY = 0
FIRST_PARTNER = 1
CLIENT_SHARE = 0.05
RETURNING = 0.3
DIRECTOR = 1


def make_companies(seed: int, story: Story) -> tuple[Records, Ints]:
    """Draw the companies; gives them and the client company of each deal or -1."""
    rng = stream(seed, "companies")
    deal = np.flatnonzero(
        (rng.random(story.size) < CLIENT_SHARE) & story.is_real & (story.size > 1)
    )
    is_new = rng.random(deal.size) >= RETURNING
    is_new[:1] = True
    first = np.cumsum(is_new) - 1
    earlier = np.asarray(rng.random(deal.size) * (first + 1), dtype=np.int64)
    partners = len(lists()["partner_agencies"])
    opening = np.datetime64(story.agency.first_today, "s") - np.timedelta64(
        4 * 365 * 86400, "s"
    )
    writer = RecordWriter()
    known = 1 + partners
    writer.add(
        np.full(known, opening),
        kind=np.array([OWN] + [PARTNER] * partners),
        name=np.arange(known) - 1,
        assigned=np.full(known, DIRECTOR),
    )
    born = deal[is_new]
    writer.add(
        story.created[born],
        kind=np.full(born.size, CLIENT),
        name=rng.integers(0, 2**20, born.size),
        assigned=story.assigned(born, story.created[born]),
    )
    company = np.full(story.size, EMPTY)
    company[deal] = known + np.where(is_new, first, earlier)
    return writer.finish()[0], company
