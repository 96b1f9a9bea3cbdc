"""Clients and requests: contacts of the deals, leads that became deals or did not."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.demo.agency.clock import Clock, arrivals, midnight_after
from ingestion.demo.agency.holders import Holders
from ingestion.demo.agency.lists import SOURCES, lists
from ingestion.demo.agency.model import NEVER, Ints, stream
from ingestion.demo.agency.paths import SOURCE_SHARES, Paths
from ingestion.demo.agency.people import Staff

FROM_LEAD = 0.6
OTHER_LEADS = 0.8
REPEAT_CLIENTS = 0.12
EMAIL_LATER = 0.06
JUNK = 0.75


@dataclass(frozen=True)
class Clients:
    """Contacts and leads, and to which of them each deal belongs.

    Attributes:
        contacts: See ``Agency.contacts``.
        leads: See ``Agency.leads``.
        contact: Position of the contact per deal.
        is_return: The contact had a deal before.
        lead: Position of the lead per deal, or -1.
    """

    contacts: pd.DataFrame
    leads: pd.DataFrame
    contact: Ints
    is_return: Ints
    lead: Ints


def make_clients(
    seed: int, clock: Clock, staff: Staff, paths: Paths, holders: Holders
) -> Clients:
    """Draw clients and requests."""
    rng = stream(seed, "clients")
    is_return = rng.random(paths.size) < REPEAT_CLIENTS
    is_return[0] = False
    first = np.cumsum(~is_return) - 1
    earlier = np.asarray(rng.random(paths.size) * (first + 1), dtype=np.int64)
    contact = np.where(is_return, earlier, first)
    firsts = np.flatnonzero(~is_return)
    contacts = _contacts(rng, paths, holders, firsts)
    leads, lead = _leads(rng, clock, staff, paths, holders)
    lead_contact = np.full(len(leads), -1)
    has_lead = lead >= 0
    lead_contact[lead[has_lead]] = contact[has_lead]
    return Clients(
        contacts=contacts,
        leads=leads.assign(contact=lead_contact),
        contact=contact,
        is_return=is_return.astype(np.int64),
        lead=lead,
    )


def _people(rng: np.random.Generator, size: int) -> dict[str, Ints]:
    content = lists()
    return {
        "is_female": (rng.random(size) < 0.55).astype(np.int64),
        "last_name": rng.integers(0, len(content["surnames"]), size),
        "name": rng.integers(0, len(content["first_names"]["male"]), size),
        "second_name": rng.integers(0, len(content["patronymics"]["male"]), size),
        "phone": rng.integers(0, 10_000_000, size),
    }


def _contacts(
    rng: np.random.Generator, paths: Paths, holders: Holders, deal: Ints
) -> pd.DataFrame:
    created = paths.created[deal]
    days = (rng.integers(1, 60, deal.size) * 86400).astype("timedelta64[s]")
    has_email = rng.random(deal.size) < 0.4
    is_later = has_email & (rng.random(deal.size) < EMAIL_LATER / 0.4)
    email_at = np.where(has_email, created, NEVER)
    return pd.DataFrame(
        {
            "created_at": created,
            **_people(rng, deal.size),
            "email_at": np.where(is_later, created + days, email_at),
            "is_owner": (paths.deal_type[deal] == 0).astype(np.int64),
            "source": paths.source[deal],
            "assigned": holders.lead_handler[deal] + 1,
        }
    )


def _leads(
    rng: np.random.Generator,
    clock: Clock,
    staff: Staff,
    paths: Paths,
    holders: Holders,
) -> tuple[pd.DataFrame, Ints]:
    """Draw leads of deals and leads that never became one, by time of creation."""
    from_lead = np.flatnonzero(rng.random(paths.size) < FROM_LEAD)
    wait = np.asarray(120 + rng.exponential(12 * 3600, from_lead.size), np.int64)
    converted = paths.created[from_lead]
    born = converted - wait.astype("timedelta64[s]")
    today = midnight_after(clock.first_today)
    past = int((paths.created < today).sum() * OTHER_LEADS)
    other = arrivals(rng, clock, past=past)
    agents = staff.where("agent")
    handler = agents[rng.integers(0, agents.size, other.size)]
    is_there = staff.is_employed[handler, clock.day_index(other)]
    handler = np.where(is_there, handler, 4)
    taken = other + rng.integers(300, 9 * 3600, other.size).astype("timedelta64[s]")
    days = np.asarray((0.2 + rng.exponential(9, other.size)) * 86400, np.int64)
    dropped = taken + days.astype("timedelta64[s]")
    is_junk = rng.random(other.size) < JUNK
    created = np.concatenate([born, other])
    order = np.argsort(created, kind="stable")
    half = (wait // 2).astype("timedelta64[s]")
    nothing = np.full(from_lead.size, NEVER)
    leads = pd.DataFrame(
        {
            "created_at": created,
            "taken_at": np.concatenate([born + half, taken]),
            "converted_at": np.concatenate([converted, np.full(other.size, NEVER)]),
            "dropped_at": np.concatenate([nothing, np.where(is_junk, dropped, NEVER)]),
            "source": np.concatenate(
                [
                    paths.source[from_lead],
                    rng.choice(len(SOURCES), other.size, p=SOURCE_SHARES),
                ]
            ),
            "assigned": np.concatenate([holders.lead_handler[from_lead], handler]) + 1,
            **_people(rng, created.size),
        }
    )
    place = np.empty(created.size, dtype=np.int64)
    place[order] = np.arange(created.size)
    lead = np.full(paths.size, -1, dtype=np.int64)
    lead[from_lead] = place[: from_lead.size]
    return leads.iloc[order].reset_index(drop=True), lead
