"""Names that connection files may use: canonical fields, codes, roles, settings."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

CONNECTIONS_FOLDER = Path(__file__).parents[1] / "connections"
SOURCES = ("bitrix24", "files")
STAGES = (
    "lead_new",
    "qualified",
    "meeting_held",
    "contract_signed",
    "showing_held",
    "reserved",
    "advance_taken",
    "in_preparation",
    "settlement_scheduled",
    "closed_won",
    "paused",
    "lost",
)
DEAL_TYPES = (
    "resale_sale",
    "resale_purchase",
    "new_build",
    "alternative_chain",
    "rent",
    "mortgage_service",
    "legal_service",
    "goods",
    "project_service",
)
ROLES = (
    "lead_handler",
    "meeting_host",
    "contract_owner",
    "showing_host",
    "advance_owner",
    "deal_owner",
    "lawyer",
    "mortgage_broker",
    "co_agent_internal",
    "group_head",
    "referrer_internal",
)
# State of a lead -> (quality or None where the state says nothing of it, outcome).
LEAD_STATES: Mapping[str, tuple[str | None, str]] = MappingProxyType(
    {
        "new": ("new", "open"),
        "in_process": ("new", "open"),
        "qualified": ("qualified", "open"),
        "paused": (None, "paused"),
        "converted": ("qualified", "converted"),
        "poor": ("poor", "lost"),
        "spam": ("spam", "lost"),
        "lost": (None, "lost"),
    }
)
FUNCTIONS = (
    "sales",
    "legal",
    "mortgage",
    "marketing",
    "projects",
    "finance",
    "other",
)
ACCESS_ROLES = (
    "admin",
    "head_of_sales",
    "head_of_legal",
    "head_of_mortgage",
    "group_leader",
    "agent",
)
# Canonical field -> PostgreSQL type of the parsed value.
DEAL_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "source_id": "text",
        "deal_number": "text",
        "title": "text",
        "pipeline": "text",
        "crm_stage": "text",
        "deal_type": "text",
        "channel": "text",
        "price": "numeric(18,2)",
        "commission": "numeric(18,2)",
        "partner_share": "numeric(18,2)",
        "direct_expenses": "numeric(18,2)",
        "paid_amount": "numeric(18,2)",
        "contract_number": "text",
        "contract_signed_date": "date",
        "advance_amount": "numeric(18,2)",
        "advance_received_date": "date",
        "advance_expiry_date": "date",
        "planned_settlement_date": "date",
        "settlement_date": "date",
        "lost_date": "date",
        "refusal_reason": "text",
        "refusal_comment": "text",
        "settlement_change_reason": "text",
        "object_address": "text",
        "client_name": "text",
        "partner_agency": "text",
        "responsible_id": "text",
        "created_at": "timestamptz",
        "modified_at": "timestamptz",
        "is_test": "boolean",
        "currency": "text",
        "product": "text",
        "lead_source_id": "text",
        "contact_id": "text",
        "company_id": "text",
        "parent_deal_id": "text",
        "sides": "numeric(18,2)",
        "modified_by_id": "text",
        "legal_entity": "text",
        "is_void": "boolean",
    }
)
EMPLOYEE_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "source_id": "text",
        "full_name": "text",
        "group": "text",
        "department": "text",
        "is_active": "boolean",
        "position": "text",
        "hired_date": "date",
        "dismissed_date": "date",
    }
)
ENTITY_FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"deals": DEAL_FIELDS, "employees": EMPLOYEE_FIELDS}
)
# A key or a name identifies a record, so its source field may carry a meaning as well.
IDENTITY_FIELDS = frozenset({"source_id", "deal_number", "title", "full_name"})
# metrics.md section 8. Percent settings hold percent: 2 means 2 %.
DEFAULT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "backdate_tolerance_days": "3",
        "handover_watch_days": "14",
        "risk_min_rank": "60",
        "no_touch_days": "7",
        "pause_limit_days": "60",
        "first_response_norm_min": "15",
        "overdue_shift_days": "7",
        "channel_unknown_limit": "2",
        "binding_half_life_days": "60",
        "lock_day": "5",
        "plan_ok_pct": "95",
        "plan_warn_pct": "80",
        "duplicate_window_days": "90",
        "min_attempts": "6",
        "min_attempt_days": "3",
        "effective_call_sec": "60",
        "stuck_days": "14",
        "min_cohort": "10",
        "min_reserve": "0.00",
        "reservation_free_days": "3",
        "clawback_cap_pct": "30",
        "cohort_maturity_mark": "80",
        "points_norm": "20",
        "developer_payment_days": "0",
    }
)
VAT_MODES = ("none", "included", "excluded")
LIMIT_UNITS = ("calendar_days", "working_hours")
SETTINGS_START = date(1900, 1, 1)
ENCODINGS = ("utf-8", "utf-8-sig", "windows-1251")
DELIMITERS: Mapping[str, str] = MappingProxyType(
    {";": ";", ",": ",", "tab": "\t", "\t": "\t"}
)
DECIMALS = (".", ",")
ROUNDINGS = ("none", "half_up")
USERNAME = re.compile(r"[a-z][a-z0-9_.-]{0,37}\Z")
# The data team's own login and the publisher's account in Superset.
RESERVED_USERNAMES = ("data_team", "reestr_service")
