"""Names, streets and labels of the fictitious agency, read from ``lists.json``."""

import json
from functools import cache
from pathlib import Path
from typing import TypedDict

import numpy as np

from ingestion.demo.agency.model import Texts

SOURCES = (
    "CALL",
    "WEB",
    "UC_AVITO",
    "UC_CIAN",
    "UC_DOMCLICK",
    "UC_SOCIAL",
    "RECOMMENDATION",
    "REPEAT_SALE",
    "UC_WALK_IN",
    "PARTNER",
)
# The portal's options of UF_CRM_REFUSAL_REASON, in its order: price, another agency,
# changed their mind, the bank refused, no answer, wrong object, legal risks, other.
REFUSAL_REASONS = (41, 43, 45, 47, 49, 51, 53, 55)


class Lists(TypedDict):
    """The content of ``lists.json``."""

    company: str
    departments: dict[str, str]
    positions: dict[str, str]
    fixed_people: list[list[str]]
    surnames: list[list[str]]
    first_names: dict[str, list[str]]
    patronymics: dict[str, list[str]]
    streets: list[str]
    complexes: list[str]
    titles: dict[str, str]
    house: str
    flat: str
    deal_types: dict[str, str]
    contract_prefixes: list[str]
    funnels: list[str]
    stages: dict[str, str]
    lead_statuses: dict[str, str]
    sources: dict[str, str]
    contact_types: dict[str, str]
    refusal_comments: list[str]
    settlement_reasons: list[str]
    partner_agencies: list[str]
    subjects: dict[str, str]
    own_company: str
    company_forms: list[str]
    company_words: list[str]
    services: list[str]
    measure: str
    invoice_title: str
    advance_title: str
    reservation_title: str
    expense_title: str
    share_title: str
    payment_title: str
    absence_title: str
    lot: str
    documents: list[str]
    document_tails: list[str]
    payment_purposes: list[str]
    release_reasons: list[str]
    expense_documents: list[str]
    pause_reasons: list[str]
    tasks: dict[str, str]
    terminations: list[str]
    invoice_stages: dict[str, str]
    element_stages: dict[str, str]
    company_types: dict[str, str]
    more_lead_statuses: dict[str, str]


@cache
def lists() -> Lists:
    """Read the lists once."""
    path = Path(__file__).with_name("lists.json")
    content: Lists = json.loads(path.read_text(encoding="utf-8"))
    return content


def texts(values: list[str]) -> Texts:
    """Make an array from which texts are taken by position."""
    return np.array(values, dtype=object)


def surnames(*, is_female: bool) -> Texts:
    """Give the surnames in the form of one sex."""
    return texts([pair[int(is_female)] for pair in lists()["surnames"]])
