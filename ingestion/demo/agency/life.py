"""Simulate an agency: the door of this folder.

The whole life of every deal is drawn once, the future included. What the portal shows
at a moment, and what is true at it, are projections of the same tables, so living day
by day and looking at once give the same rows.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from ingestion.demo.agency.activities import (
    finish_activities,
    host_edits,
    make_activities,
)
from ingestion.demo.agency.cards import Cards, settlement_reasons, write_cards
from ingestion.demo.agency.clients import Clients, make_clients
from ingestion.demo.agency.clock import Clock, arrivals, make_clock
from ingestion.demo.agency.details import make_details
from ingestion.demo.agency.drawing import by_time
from ingestion.demo.agency.holders import Holders, make_holders
from ingestion.demo.agency.lists import lists
from ingestion.demo.agency.model import (
    FUNNEL_OF_TYPE,
    ActivityKind,
    Agency,
    Times,
    stream,
)
from ingestion.demo.agency.paths import Paths, make_paths, stage_moves
from ingestion.demo.agency.people import make_staff


def simulate(*, seed: int, deals: int, first_today: date) -> Agency:
    """Live the whole life of an agency.

    Args:
        seed: The same seed, size and day give the same life.
        deals: Number of deals created up to the end of ``first_today``.
        first_today: The day the agency is first looked at; its past is three years,
            its known future about one.

    Raises:
        ValueError: there is not one deal.
    """
    if deals < 1:
        raise ValueError(f"deals: {deals} given, at least 1 is needed")
    clock = make_clock(first_today)
    staff = make_staff(seed, clock)
    created = arrivals(stream(seed, "arrivals"), clock, past=deals)
    paths = make_paths(seed, clock, created)
    holders, paths = make_holders(seed, clock, staff, paths)
    cards = write_cards(seed, clock, staff, paths, holders)
    until = _horizon(clock, paths)
    activities = finish_activities(
        make_activities(seed, clock, staff, paths, holders), paths, until
    )
    for field, kind in (
        ("meeting_host", ActivityKind.MEETING),
        ("showing_host", ActivityKind.SHOWING),
    ):
        cards.edits[field] = host_edits(seed, paths, activities, kind)
    plans = cards.edits["settlement_plan_date"]
    cards.edits["settlement_reason"] = settlement_reasons(seed, plans)
    clients = make_clients(seed, clock, staff, paths, holders)
    agency = Agency(
        seed=seed,
        first_today=first_today,
        last_day=clock.last_day.astype(date),
        employees=staff.employees,
        departments=staff.departments,
        memberships=staff.memberships,
        absences=staff.absences,
        deals=_deals(seed, paths, holders, cards, clients),
        stage_moves=stage_moves(paths),
        edits={
            field: _known_edits(table, until) for field, table in cards.edits.items()
        },
        activities=activities,
        contacts=clients.contacts,
        leads=clients.leads,
    )
    return replace(agency, details=make_details(agency))


def _horizon(clock: Clock, paths: Paths) -> Times:
    """Give the last moment at which something may happen to each deal."""
    return np.where(np.isnat(paths.stopped), clock.end, paths.stopped)


def _known_edits(table: pd.DataFrame, until: Times) -> pd.DataFrame:
    is_known = table["at"].to_numpy() < until[table["deal"].to_numpy()]
    return by_time(table[is_known])


def _deals(
    seed: int, paths: Paths, holders: Holders, cards: Cards, clients: Clients
) -> pd.DataFrame:
    """Put together what never changes about a deal."""
    rng = stream(seed, "objects")
    return pd.DataFrame(
        {
            "created_at": paths.created,
            "deal_type": paths.deal_type,
            "funnel": FUNNEL_OF_TYPE[paths.deal_type],
            "creator": holders.lead_handler + 1,
            "contact": clients.contact,
            "lead": clients.lead,
            "is_return": clients.is_return,
            "is_test": cards.is_test,
            "number_year": cards.number_year,
            "number": cards.number,
            "street": rng.integers(0, len(lists()["streets"]), paths.size),
            "complex": rng.integers(0, len(lists()["complexes"]), paths.size),
            "house": rng.integers(1, 140, paths.size),
            "flat": rng.integers(1, 420, paths.size),
        }
    )
