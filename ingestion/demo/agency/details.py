"""The detailed records of an agency, told from the finished life of its deals.

The records have random streams of their own and change nothing of the deals.
"""

import pandas as pd

from ingestion.demo.agency.advances import make_advances
from ingestion.demo.agency.chains import chain_heads
from ingestion.demo.agency.commission import (
    make_invoices,
    make_payments,
    make_service_lines,
)
from ingestion.demo.agency.companies import make_companies
from ingestion.demo.agency.costs import make_expenses, make_partner_shares
from ingestion.demo.agency.documents import make_documents
from ingestion.demo.agency.model import Agency, Records
from ingestion.demo.agency.moves import make_moves
from ingestion.demo.agency.objects import make_objects
from ingestion.demo.agency.requests import make_requests
from ingestion.demo.agency.steps import make_absences, make_tasks
from ingestion.demo.agency.story import tell
from ingestion.demo.agency.viewings import make_viewings
from ingestion.demo.agency.weights import owner_weights


def make_details(agency: Agency) -> dict[str, Records]:
    """Draw every kind of detailed records.

    Returns:
        Kind -> records. ``deal_link`` has one row per deal: the client's ``company``,
        the deal at the head of its chain (``parent``) and the percent of each of two
        owners (``weight``), or -1. ``viewing`` has one row per activity,
        ``meeting_move`` one per move of a meeting's plan.
    """
    seed, story = agency.seed, tell(agency)
    companies, company = make_companies(seed, story)
    advances = make_advances(seed, story)
    invoices = make_invoices(seed, story)
    units, reservations, reserved = make_objects(seed, story)
    by_deal = pd.DataFrame(
        {
            "created_at": story.created,
            "company": company,
            "parent": chain_heads(story),
            "weight": owner_weights(story),
        }
    )
    return {
        "company": companies,
        "deal_link": Records(by_deal, {}),
        "service_line": make_service_lines(seed, story),
        "invoice": invoices,
        "advance": advances,
        "payment": make_payments(seed, story, invoices, advances),
        "expense": make_expenses(seed, story),
        "partner_share": make_partner_shares(seed, story),
        "unit": units,
        "reservation": reservations,
        "viewing": make_viewings(seed, story, units, reserved),
        "meeting_move": make_moves(seed, story),
        "document": make_documents(seed, story),
        "task": make_tasks(seed, story),
        "absence": make_absences(seed, story),
        "request": make_requests(seed, agency),
    }
