"""Chains: a client sells one flat to buy another."""

import numpy as np

from ingestion.demo.agency.model import EMPTY, NEVER, DealType, Ints
from ingestion.demo.agency.story import Story


def chain_heads(story: Story) -> Ints:
    """Give the sale that a purchase hangs on, or -1, by deal.

    It is the client's last sale before the purchase, if that is still open when the
    purchase is created.
    """
    deals = story.agency.deals
    contact = deals["contact"].to_numpy()
    head = np.full(story.size, EMPTY)
    is_sale = (story.deal_type == DealType.SALE) & story.is_real
    is_purchase = (story.deal_type == DealType.PURCHASE) & story.is_real
    # Deals stand in the order of creation: a running place is the last sale so far.
    order = np.argsort(contact, kind="stable")
    place = np.where(is_sale, np.arange(story.size), EMPTY)[order]
    starts = np.flatnonzero(np.diff(contact[order], prepend=-1))
    group = np.repeat(starts, np.diff(np.append(starts, order.size)))
    row = np.where(place == EMPTY, EMPTY, np.arange(order.size))
    row = np.maximum.accumulate(np.maximum(row, group - 1))
    is_known = row >= group
    head[order] = np.where(is_known, place[np.maximum(row, 0)], EMPTY)
    ended = np.where(head == EMPTY, NEVER, story.ended[np.maximum(head, 0)])
    is_open = np.isnat(ended) | (ended > story.created)
    return np.where(is_purchase & (head != EMPTY) & is_open, head, EMPTY)
