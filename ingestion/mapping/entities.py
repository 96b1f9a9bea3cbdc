"""Canonical entities a connection may give, and what Bitrix24 calls their fields.

The columns and types of an entity are the contract of its union in dbt
(``models/intermediate/_unions__models.yml``); here stand the names a connection file
may map and the codes it may translate texts into.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Entity:
    """One canonical entity.

    Attributes:
        fields: Canonical fields that a connection may map.
        codes: Canonical field -> codes that texts of the system are translated into.
        table: Usual raw table of Bitrix24; None where every firm makes its own.
        own: Canonical field -> field that every portal has.
    """

    fields: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    table: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _own(text: str) -> Mapping[str, str]:
    return MappingProxyType(dict(pair.split("=", 1) for pair in text.split()))


# Canonical field of a deal -> field that every Bitrix24 portal has.
DEALS_OF_BITRIX24: Final = _own(
    "source_id=ID deal_number=ID title=TITLE pipeline=CATEGORY_ID crm_stage=STAGE_ID"
    " deal_type=TYPE_ID channel=SOURCE_ID price=OPPORTUNITY currency=CURRENCY_ID"
    " responsible_id=ASSIGNED_BY_ID lead_source_id=LEAD_ID contact_id=CONTACT_ID"
    " company_id=COMPANY_ID created_at=DATE_CREATE modified_at=DATE_MODIFY"
    " modified_by_id=MODIFY_BY_ID"
)
EMPLOYEES_OF_BITRIX24: Final = _own(
    "source_id=ID is_active=ACTIVE position=WORK_POSITION hired_date=UF_EMPLOYMENT_DATE"
)

# Entities whose rows every connection of a source gives, mapped or not.
ALWAYS_GIVEN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "bitrix24": _names("deals deal_participants employees org_units stage_visits"),
        "files": _names("deals deal_participants employees org_units"),
    }
)

ENTITIES: Final[Mapping[str, Entity]] = MappingProxyType(
    {
        "absences": Entity(
            fields=_names("source_id employee_id kind from_date until_date"),
            codes={"kind": ("vacation", "sick_leave", "business_trip")},
            own=_own("source_id=id"),
        ),
        "contacts": Entity(
            fields=_names("source_id full_name phone email company_id created_at"),
            table="contacts",
            own=_own(
                "source_id=ID phone=PHONE email=EMAIL company_id=COMPANY_ID"
                " created_at=DATE_CREATE"
            ),
        ),
        "companies": Entity(
            fields=_names("source_id title tax_number phone is_own"),
            table="companies",
            own=_own("source_id=ID title=TITLE phone=PHONE is_own=IS_MY_COMPANY"),
        ),
        "leads": Entity(
            fields=_names(
                "source_id title crm_status crm_channel responsible_id contact_id"
                " company_id phone email estimate_amount currency pause_reason"
                " paused_until created_at modified_at"
            ),
            table="leads",
            own=_own(
                "source_id=ID title=TITLE crm_status=STATUS_ID crm_channel=SOURCE_ID"
                " responsible_id=ASSIGNED_BY_ID contact_id=CONTACT_ID"
                " company_id=COMPANY_ID phone=PHONE email=EMAIL currency=CURRENCY_ID"
                " created_at=DATE_CREATE modified_at=DATE_MODIFY"
            ),
        ),
        "lead_stage_visits": Entity(
            fields=_names("source_id lead_source_id crm_status entered_at"),
            table="lead_stage_history",
            own=_own(
                "source_id=ID lead_source_id=OWNER_ID crm_status=STATUS_ID"
                " entered_at=CREATED_TIME"
            ),
        ),
        "activities": Entity(
            fields=_names(
                "source_id activity_type direction deal_source_id lead_source_id"
                " contact_id responsible_id author_id planned_start_at started_at"
                " ended_at duration_s is_completed result is_auto unit_source_id"
                " deadline_at modified_at"
            ),
            codes={
                "activity_type": _names("call meeting showing message email task sms"),
                "direction": ("in", "out"),
                "result": ("failed", "cancelled"),
            },
            table="activities",
            own=_own(
                "source_id=ID activity_type=TYPE_ID direction=DIRECTION"
                " responsible_id=RESPONSIBLE_ID author_id=AUTHOR_ID"
                " started_at=START_TIME ended_at=END_TIME is_completed=COMPLETED"
                " deadline_at=DEADLINE modified_at=LAST_UPDATED"
            ),
        ),
        # Tasks are activities of the type `task` that a portal keeps elsewhere.
        "tasks": Entity(
            fields=_names(
                "source_id deal_source_id responsible_id author_id planned_start_at"
                " started_at ended_at is_completed deadline_at"
            ),
            table="tasks",
            own=_own(
                "source_id=id deal_source_id=ufCrmTask responsible_id=responsibleId"
                " author_id=createdBy planned_start_at=dateStart ended_at=closedDate"
                " is_completed=status deadline_at=deadline"
            ),
        ),
        "service_lines": Entity(
            fields=_names(
                "source_id deal_source_id service side agreed_amount discount tax_rate"
                " payer"
            ),
            codes={
                "service": _names(
                    "commission mortgage_service legal_service other_service"
                ),
                "side": ("seller", "buyer"),
                "payer": ("seller", "buyer", "developer", "partner"),
            },
            table="product_rows",
            own=_own(
                "source_id=id deal_source_id=ownerId service=productName"
                " agreed_amount=price discount=discountSum tax_rate=taxRate"
            ),
        ),
        "partner_shares": Entity(
            fields=_names(
                "source_id deal_source_id company_id partner_name amount percent base"
                " due_date paid_date"
            ),
            codes={"base": ("gross", "after_discount")},
            own=_own("source_id=id deal_source_id=parentId2"),
        ),
        "deal_expenses": Entity(
            fields=_names(
                "source_id deal_source_id article amount incurred_date paid_date payer"
                " document"
            ),
            codes={"payer": ("agency", "client")},
            own=_own("source_id=id deal_source_id=parentId2"),
        ),
        "advances": Entity(
            fields=_names(
                "source_id deal_source_id amount received_date expiry_date holder"
                " offsets_commission outcome outcome_date parent_source_id"
                " responsible_id"
            ),
            codes={
                "holder": ("agency", "seller", "escrow"),
                "outcome": _names(
                    "applied refunded forfeited_agency forfeited_client transferred"
                ),
            },
            own=_own("source_id=id deal_source_id=parentId2"),
        ),
        "units": Entity(
            fields=_names("source_id title lot list_price status area_m2"),
            codes={"status": ("free", "reserved", "sold", "withdrawn")},
            own=_own("source_id=id title=title"),
        ),
        "reservations": Entity(
            fields=_names(
                "source_id unit_source_id deal_source_id kind from_at until_at"
                " released_at reason author_id list_price modified_by_id modified_at"
            ),
            codes={"kind": ("verbal", "free", "paid")},
            own=_own(
                "source_id=id deal_source_id=parentId2 author_id=createdBy"
                " modified_by_id=updatedBy modified_at=updatedTime"
            ),
        ),
        "documents": Entity(
            fields=_names(
                "source_id deal_source_id kind number status signed_date"
                " valid_until_date terminated_date terminated_reason signatories"
                " is_exclusive"
            ),
            codes={
                "kind": _names("agency supplement purchase deposit service act"),
                "status": ("draft", "sent", "signed", "declined"),
            },
            own=_own("source_id=id deal_source_id=parentId2"),
        ),
        "invoices": Entity(
            fields=_names(
                "source_id deal_source_id invoice_number amount issue_date due_date"
                " status"
            ),
            codes={"status": ("draft", "sent", "paid", "cancelled")},
            table="invoices",
            own=_own(
                "source_id=id deal_source_id=parentId2 invoice_number=accountNumber"
                " amount=opportunity issue_date=begindate due_date=closedate"
                " status=stageId"
            ),
        ),
        "payments": Entity(
            fields=_names(
                "source_id deal_source_id invoice_source_id direction amount"
                " operation_date purpose"
            ),
            codes={"direction": ("in", "refund")},
            own=_own("source_id=id deal_source_id=parentId2"),
        ),
    }
)
