"""The life of the deals stays as it is while detailed records grow beside it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from ingestion.demo.agency.ground_truth import write_ground_truth
from ingestion.demo.agency.life import simulate
from ingestion.demo.agency.model import Agency, Records, end_of_day
from ingestion.demo.agency.rows import portal_rows

TODAY = date(2025, 9, 17)
NOW = end_of_day(TODAY)
TABLES: Mapping[str, str] = {
    "employees": "2e4abdba03dfe0ee",
    "departments": "357716463327c406",
    "memberships": "30f615768a445303",
    "absences": "f80b7e21e56ef235",
    "deals": "ee45d445989226a4",
    "stage_moves": "42ea8164ad24af6c",
    "activities": "39cee1c563b258c8",
    "contacts": "137f98ae5777bedc",
    "leads": "b2e5caedc1484f74",
    "edits of address": "931125444b55734c",
    "edits of advance_amount": "adad1f53e23a2f7b",
    "edits of advance_date": "544b35b919130d76",
    "edits of advance_owner": "95067afd8cff6146",
    "edits of advance_until": "3218822119251af6",
    "edits of assigned": "4b2845324aa0db51",
    "edits of commission": "673f705cfe2492b6",
    "edits of contract_date": "04618c3c3df5c80c",
    "edits of contract_number": "4588ee9bb23a7603",
    "edits of contract_owner": "db5b3d5990954a2d",
    "edits of deal_owner": "5f6346c0d97a93e4",
    "edits of expenses": "1f42819c01d9ec00",
    "edits of lawyer": "3e31826eb42ffb83",
    "edits of lead_handler": "9653182ed1a8b856",
    "edits of meeting_host": "9c14034edaa52229",
    "edits of mortgage_broker": "b97c8c9830e9bc00",
    "edits of paid": "9fcedbce77b4b7db",
    "edits of partner_agency": "1cd60d09ff1fbd06",
    "edits of partner_share": "4258ab93d31ae2b3",
    "edits of price": "4b10a2dfd8b31342",
    "edits of refusal_comment": "87a8f243fb8bd1c1",
    "edits of refusal_reason": "4c6a350dfc44f1da",
    "edits of settlement_date": "be8572ce7c0737f6",
    "edits of settlement_plan_date": "836a72533316400d",
    "edits of settlement_reason": "1822542e14b2bfee",
    "edits of showing_host": "d653ed74fc3357ad",
    "edits of source": "c3912523e4eb5d60",
}
ROWS: Mapping[str, str] = {
    "status": "eb395ac03ed98c01",
    "category": "d2b60721bf8df7ad",
    "department": "7b8638aa74e18a3a",
    "user": "772aa8bb808da885",
    "contact": "4e89e77792350574",
    "lead": "2cd35d5c2e088b7b",
    "deal": "0ee6dbf470b83faa",
    "stagehistory": "f8d76d67a88cb3b3",
    "activity": "64723ab89cc7c623",
    "userfield": "a4b666a3ecbe94e6",
}
FILES: Mapping[str, str] = {
    "defects.csv": "02048c5fd47886c4",
    "kpi_month_employee.csv": "57de4e1ac633ec40",
    "totals.csv": "e276da29dfda2cce",
}
STATUSES = 53
USER_FIELDS = 24
# What came later: columns of known rows, and states of requests.
LATER = {
    "deal": [
        "COMPANY_ID",
        "UF_CRM_IS_VOID",
        "UF_CRM_PARENT_DEAL",
        "UF_CRM_LEGAL_ENTITY",
        "UF_CRM_OWNER_WEIGHT",
        "UF_CRM_SETTLEMENT_REASON",
    ],
    "activity": ["ASSOCIATED_ENTITY_ID"],
    "contact": ["COMPANY_ID"],
    "lead": [
        "COMPANY_ID",
        "HAS_EMAIL",
        "EMAIL",
        "STATUS_ID",
        "STATUS_SEMANTIC_ID",
        "DATE_MODIFY",
        "DATE_CLOSED",
        "MOVED_TIME",
        "LAST_ACTIVITY_TIME",
        "UF_CRM_ESTIMATE",
        "UF_CRM_PAUSE_REASON",
        "UF_CRM_PAUSED_UNTIL",
    ],
}
# Metrics that came later: their columns, totals and months of their own.
LATER_METRICS = (
    "showing_unconfirmed",
    "showing_pairs",
    "showing_pairs_reserved",
    "reservations_made",
    "reservations_contracted",
    "contracts_exclusive",
    "list_price_agreed",
    "list_price_discount",
)
LATER_RULES = ("deal_showing_confirmed",)


@cache
def agency() -> Agency:
    return simulate(seed=5, deals=700, first_today=TODAY)


@cache
def rows() -> dict[str, pd.DataFrame]:
    """Rows without what came later and changes them: moves of meetings."""
    moves = agency().details["meeting_move"]
    unmoved = Records(moves.fixed.iloc[:0], {})
    details = agency().details | {"meeting_move": unmoved}
    return portal_rows(replace(agency(), details=details), NOW)


def digest(frame: pd.DataFrame) -> str:
    written = frame.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def tables() -> dict[str, pd.DataFrame]:
    names = ("employees", "departments", "memberships", "absences", "deals")
    names += ("stage_moves", "activities", "contacts", "leads")
    found: dict[str, pd.DataFrame] = {name: getattr(agency(), name) for name in names}
    edits = agency().edits
    return found | {f"edits of {field}": edits[field] for field in sorted(edits)}


def known(entity: str) -> pd.DataFrame:
    return rows()[entity].drop(columns=LATER.get(entity, []), errors="ignore")


def test_the_life_is_the_same() -> None:
    assert {name: digest(frame) for name, frame in tables().items()} == TABLES


@pytest.mark.parametrize("entity", ROWS)
def test_the_rows_are_the_same(entity: str) -> None:
    """New lists are added after the known ones, new fields beside the known ones."""
    frame = known(entity)
    if entity == "status":
        frame = frame.head(STATUSES)
    if entity == "userfield":
        frame = frame[frame["ENTITY_ID"] == "CRM_DEAL"].head(USER_FIELDS)
    assert digest(frame) == ROWS[entity]


@pytest.mark.parametrize("name", FILES)
def test_the_ground_truth_is_the_same(name: str, tmp_path: Path) -> None:
    write_ground_truth(agency(), NOW, tmp_path)
    table = pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False)
    if name == "totals.csv":
        counted = [f"defects:{rule}" for rule in LATER_RULES]
        table = table[~table["name"].isin([*LATER_METRICS, *counted])]
    if name == "defects.csv":
        table = table[~table["rule_id"].isin(LATER_RULES)]
    table = table.drop(columns=list(LATER_METRICS), errors="ignore")
    if name == "kpi_month_employee.csv":
        amounts = table.drop(columns=["month", "employee_id"])
        table = table[(amounts.astype(float) != 0).any(axis=1)]
    assert digest(table) == FILES[name]
