"""A tiny firm in a portal, lived by hand: what its people do, and when.

Every test says its story in moments: deals are created, fields and stages change,
records are written beside them, and a pass looks at the portal at a moment. Names of
fields are the canonical ones of the warehouse; a name in capitals is the portal's own.

    with small_firm(folder, postgres.create_database("firm")) as firm:
        firm.at("2026-02-28 12:00")
        deal = firm.deal(stage="advance_taken", deal_owner=6)
        firm.record("advance", deal, amount=50_000, received_date="2026-02-28")
        firm.run_pass("2026-03-01 09:00")
        assert firm.columns("dbt_core.fct_deals", deal, "stage") == ("advance_taken",)

The connection is the demo agency's, so a deal's key is ``demo_agency:<id>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import cast

import psycopg
from openpyxl import load_workbook

from ingestion.demo.agency.dictionaries import category_rows, status_rows
from ingestion.demo.agency.lists import lists
from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.store import PortalStore
from orchestration.decisions import decide, template
from orchestration.decisions.door import decide_lines
from orchestration.decisions.sheet import Line, Value
from orchestration.passes import STAGES, PassRequest, open_pass
from orchestration.serving import provision_home
from orchestration.settings import REPOSITORY, Settings, load_settings
from orchestration.warehouse import Warehouse, open_warehouse
from tests.portal_server import running_portal
from tests.what_dbt_said import what_dbt_said

CONNECTION = "demo_agency"
MOSCOW = timezone(timedelta(hours=3))

# Id -> name, parent, head.
UNITS: Mapping[int, tuple[str, int | None, int]] = {
    1: ("Agency", None, 1),
    2: ("Sales", 1, 2),
    3: ("Legal", 1, 3),
    4: ("Mortgage", 1, 4),
    5: ("Office", 1, 1),
    11: ("Group 1", 2, 5),
    12: ("Group 2", 2, 7),
}
# Id -> unit. Those of the demo logins stand where the demo agency has them.
PEOPLE: Mapping[int, int] = {
    1: 5,
    2: 2,
    3: 3,
    4: 4,
    5: 11,
    6: 11,
    7: 12,
    8: 12,
    9: 11,
    10: 12,
    11: 3,
    12: 4,
}
STAGE_CODES: Mapping[str, str] = {
    "lead_new": "NEW",
    "qualified": "QUALIFIED",
    "meeting_held": "MEETING",
    "contract_signed": "CONTRACT",
    "showing_held": "SHOWING",
    "advance_taken": "ADVANCE",
    "in_preparation": "PREPARATION",
    "settlement_scheduled": "SETTLEMENT",
    "closed_won": "WON",
    "lost": "LOSE",
    "paused": "PAUSED",
}
TYPE_CODES: Mapping[str, str] = {
    "resale_sale": "SALE",
    "resale_purchase": "PURCHASE",
    "new_build": "NEW_BUILD",
    "rent": "RENT",
}
INVOICE_STAGES: Mapping[str, str] = {
    "new": "DT31_1:N",
    "sent": "DT31_1:S",
    "paid": "DT31_1:P",
    "cancelled": "DT31_1:D",
}

# Kind of record -> entity of the portal and its fields by canonical name.
DEAL = {
    "title": "TITLE",
    "pipeline": "CATEGORY_ID",
    "stage": "STAGE_ID",
    "deal_type": "TYPE_ID",
    "channel": "SOURCE_ID",
    "price": "OPPORTUNITY",
    "currency": "CURRENCY_ID",
    "commission": "UF_CRM_COMMISSION",
    "partner_share": "UF_CRM_PARTNER_SHARE",
    "direct_expenses": "UF_CRM_EXPENSES",
    "paid_amount": "UF_CRM_PAID",
    "contract_number": "UF_CRM_CONTRACT_NUMBER",
    "contract_signed_date": "UF_CRM_CONTRACT_DATE",
    "advance_amount": "UF_CRM_ADVANCE_AMOUNT",
    "advance_received_date": "UF_CRM_ADVANCE_DATE",
    "advance_expiry_date": "UF_CRM_ADVANCE_UNTIL",
    "planned_settlement_date": "UF_CRM_SETTLEMENT_PLAN_DATE",
    "settlement_date": "UF_CRM_SETTLEMENT_DATE",
    "refusal_reason": "UF_CRM_REFUSAL_REASON",
    "refusal_comment": "UF_CRM_REFUSAL_COMMENT",
    "settlement_change_reason": "UF_CRM_SETTLEMENT_REASON",
    "object_address": "UF_CRM_OBJECT_ADDRESS",
    "partner_agency": "UF_CRM_PARTNER_AGENCY",
    "is_test": "UF_CRM_IS_TEST",
    "is_void": "UF_CRM_IS_VOID",
    "parent_deal": "UF_CRM_PARENT_DEAL",
    "legal_entity": "UF_CRM_LEGAL_ENTITY",
    "lead_handler": "UF_CRM_LEAD_HANDLER",
    "meeting_host": "UF_CRM_MEETING_HOST",
    "contract_owner": "UF_CRM_CONTRACT_OWNER",
    "showing_host": "UF_CRM_SHOWING_HOST",
    "advance_owner": "UF_CRM_ADVANCE_OWNER",
    "deal_owner": "UF_CRM_DEAL_OWNER",
    "owner_weight": "UF_CRM_OWNER_WEIGHT",
    "lawyer": "UF_CRM_LAWYER",
    "mortgage_broker": "UF_CRM_MORTGAGE_BROKER",
    "responsible": "ASSIGNED_BY_ID",
    "author": "MODIFY_BY_ID",
    "contact": "CONTACT_ID",
    "company": "COMPANY_ID",
    "lead": "LEAD_ID",
}
LEAD = {
    "title": "TITLE",
    "status": "STATUS_ID",
    "channel": "SOURCE_ID",
    "responsible": "ASSIGNED_BY_ID",
    "contact": "CONTACT_ID",
    "company": "COMPANY_ID",
    "phone": "PHONE",
    "email": "EMAIL",
    "estimate_amount": "UF_CRM_ESTIMATE",
    "pause_reason": "UF_CRM_PAUSE_REASON",
    "paused_until": "UF_CRM_PAUSED_UNTIL",
}
CONTACT = {
    "first_name": "NAME",
    "last_name": "LAST_NAME",
    "phone": "PHONE",
    "email": "EMAIL",
    "company": "COMPANY_ID",
    "responsible": "ASSIGNED_BY_ID",
}
COMPANY = {
    "title": "TITLE",
    "kind": "COMPANY_TYPE",
    "is_own": "IS_MY_COMPANY",
    "phone": "PHONE",
    "responsible": "ASSIGNED_BY_ID",
}
ACTIVITY = {
    "start": "START_TIME",
    "end": "END_TIME",
    "deadline": "DEADLINE",
    "is_completed": "COMPLETED",
    "host": "RESPONSIBLE_ID",
    "author": "AUTHOR_ID",
    "direction": "DIRECTION",
    "subject": "SUBJECT",
    "unit": "ASSOCIATED_ENTITY_ID",
}
OF_DEAL = {"responsible": "ASSIGNED_BY_ID", "title": "TITLE"}
KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "deal": ("deal", DEAL),
    "lead": ("lead", LEAD),
    "contact": ("contact", CONTACT),
    "company": ("company", COMPANY),
    "activity": ("activity", ACTIVITY),
    "service_line": (
        "productrow",
        {
            "service": "PRODUCT_NAME",
            "price": "PRICE",
            "discount": "DISCOUNT_SUM",
            "quantity": "QUANTITY",
            "tax_rate": "TAX_RATE",
        },
    ),
    "invoice": (
        "invoice",
        {
            **OF_DEAL,
            "invoice_number": "ACCOUNT_NUMBER",
            "amount": "OPPORTUNITY",
            "issue_date": "BEGINDATE",
            "due_date": "CLOSEDATE",
            "status": "STAGE_ID",
        },
    ),
    "task": (
        "task",
        {
            "title": "TITLE",
            "responsible": "RESPONSIBLE_ID",
            "deadline": "DEADLINE",
            "status": "STATUS",
        },
    ),
    "advance": (
        "spa_1058",
        {
            **OF_DEAL,
            "amount": "OPPORTUNITY",
            "received_date": "UF_CRM_7_RECEIVED",
            "expiry_date": "UF_CRM_7_UNTIL",
            "holder": "UF_CRM_7_HOLDER",
            "offsets_commission": "UF_CRM_7_OFFSETS",
            "outcome": "UF_CRM_7_OUTCOME",
            "outcome_date": "UF_CRM_7_OUTCOME_DATE",
            "parent": "UF_CRM_7_PARENT",
        },
    ),
    "reservation": (
        "spa_1042",
        {
            **OF_DEAL,
            "unit": "UF_CRM_8_UNIT",
            "kind": "UF_CRM_8_KIND",
            "from_at": "UF_CRM_8_FROM",
            "until_at": "UF_CRM_8_UNTIL",
            "released_at": "UF_CRM_8_RELEASED",
            "reason": "UF_CRM_8_REASON",
            "list_price": "UF_CRM_8_LIST_PRICE",
        },
    ),
    "document": (
        "spa_1046",
        {
            **OF_DEAL,
            "kind": "UF_CRM_9_KIND",
            "number": "UF_CRM_9_NUMBER",
            "status": "UF_CRM_9_STATUS",
            "signed_date": "UF_CRM_9_SIGNED",
            "valid_until_date": "UF_CRM_9_VALID_UNTIL",
            "terminated_date": "UF_CRM_9_TERMINATED",
            "terminated_reason": "UF_CRM_9_TERMINATED_REASON",
            "signatories": "UF_CRM_9_SIGNATORY",
            "is_exclusive": "UF_CRM_9_EXCLUSIVE",
        },
    ),
    "expense": (
        "spa_1050",
        {
            **OF_DEAL,
            "amount": "OPPORTUNITY",
            "article": "UF_CRM_10_ARTICLE",
            "incurred_date": "UF_CRM_10_INCURRED",
            "paid_date": "UF_CRM_10_PAID",
            "payer": "UF_CRM_10_PAYER",
            "document": "UF_CRM_10_DOCUMENT",
        },
    ),
    "partner_share": (
        "spa_1054",
        {
            **OF_DEAL,
            "amount": "OPPORTUNITY",
            "company": "UF_CRM_11_PARTNER",
            "percent": "UF_CRM_11_PERCENT",
            "base": "UF_CRM_11_BASE",
            "due_date": "UF_CRM_11_DUE",
            "paid_date": "UF_CRM_11_PAID",
        },
    ),
    "unit": (
        "spa_1038",
        {
            **OF_DEAL,
            "list_price": "OPPORTUNITY",
            "status": "UF_CRM_12_STATUS",
            "lot": "UF_CRM_12_LOT",
            "area_m2": "UF_CRM_12_AREA",
        },
    ),
    "payment": (
        "spa_1062",
        {
            **OF_DEAL,
            "amount": "OPPORTUNITY",
            "operation_date": "UF_CRM_13_DATE",
            "direction": "UF_CRM_13_DIRECTION",
            "invoice": "UF_CRM_13_INVOICE",
            "purpose": "UF_CRM_13_PURPOSE",
        },
    ),
    "absence": (
        "spa_1066",
        {
            "employee": "UF_CRM_14_EMPLOYEE",
            "kind": "UF_CRM_14_KIND",
            "from_date": "UF_CRM_14_FROM",
            "until_date": "UF_CRM_14_UNTIL",
        },
    ),
}
# Codes of the options of a field, in the portal's order.
CHOICES: Mapping[str, Sequence[str]] = {
    "UF_CRM_7_HOLDER": ("agency", "seller", "escrow"),
    "UF_CRM_7_OUTCOME": (
        "applied",
        "refunded",
        "forfeited_agency",
        "forfeited_client",
        "transferred",
    ),
    "UF_CRM_8_KIND": ("verbal", "free", "paid"),
    "UF_CRM_9_KIND": ("agency", "supplement", "purchase", "act"),
    "UF_CRM_9_STATUS": ("draft", "sent", "signed", "declined"),
    "UF_CRM_10_ARTICLE": ("appraisal", "state_duty", "advertising", "notary", "trip"),
    "UF_CRM_10_PAYER": ("agency", "client"),
    "UF_CRM_11_BASE": ("gross", "after_discount"),
    "UF_CRM_12_STATUS": ("free", "reserved", "sold", "withdrawn"),
    "UF_CRM_13_DIRECTION": ("in", "refund"),
    "UF_CRM_14_KIND": ("vacation", "sick_leave", "business_trip"),
}
LINKS: Mapping[str, str] = {
    "UF_CRM_7_PARENT": "T422_",
    "UF_CRM_8_UNIT": "T40e_",
    "UF_CRM_11_PARTNER": "CO_",
    "UF_CRM_13_INVOICE": "SI_",
}
MONEY = {
    "UF_CRM_COMMISSION",
    "UF_CRM_PARTNER_SHARE",
    "UF_CRM_EXPENSES",
    "UF_CRM_PAID",
    "UF_CRM_ADVANCE_AMOUNT",
    "UF_CRM_ESTIMATE",
    "UF_CRM_8_LIST_PRICE",
}
# Place of the side in the portal's list of services.
SIDES: Mapping[str, int] = {"seller": 0, "buyer": 1}
ACTIVITIES: Mapping[str, tuple[int, str, str]] = {
    "meeting": (1, "CRM_MEETING", "MEETING"),
    "call": (2, "VOXIMPLANT_CALL", "CALL"),
    "showing": (6, "CRM_TODO", "SHOWING"),
}
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "deal": {"deal_type": "resale_sale", "channel": "CALL", "responsible": 6},
    "lead": {"channel": "CALL", "responsible": 6},
    "contact": {"responsible": 6},
    "company": {"responsible": 6},
    "advance": {"holder": "agency", "responsible": 6},
    "reservation": {"kind": "paid", "responsible": 6},
    "document": {"kind": "agency", "status": "signed", "responsible": 6},
    "expense": {"payer": "agency", "responsible": 6},
    "partner_share": {"base": "gross", "responsible": 6},
    "unit": {"status": "free", "responsible": 6},
    "payment": {"direction": "in", "responsible": 6},
    "invoice": {"responsible": 6},
    "task": {"responsible": 6},
}


def moment(when: str | datetime) -> datetime:
    """A moment of the firm's calendar: ``2026-03-01 09:00`` in Moscow."""
    at = datetime.fromisoformat(when) if isinstance(when, str) else when
    return at if at.tzinfo else at.replace(tzinfo=MOSCOW)


@dataclass
class SmallFirm:
    """A portal, the warehouse of its passes, and a clock that only goes on.

    Attributes:
        store: Rows of the portal.
        settings: Of the home.
        now: What time it is in the firm.
    """

    store: PortalStore
    settings: Settings
    now: datetime

    # ------------------------------------------------------------------- living

    def at(self, when: str | datetime) -> None:
        """Let time pass: what happens next happens at this moment.

        Raises:
            ValueError: the moment lies before what has already happened.
        """
        later = moment(when)
        if later < self.now:
            raise ValueError(f"at {later}: it is already {self.now}")
        self.now = later
        self.store.set_now(later)

    def later(self, **step: float) -> None:
        """Let some minutes, hours or days pass."""
        self.at(self.now + timedelta(**step))

    def deal(self, **fields: object) -> int:
        """Create a deal; its stage is a canonical code or the portal's own."""
        return self._create("deal", fields)

    def update(self, deal: int, /, **fields: object) -> None:
        """Change fields of a deal; a new stage is written to its history."""
        self.change("deal", deal, **fields)

    def move(self, deal: int, *stages: str) -> None:
        """Move a deal through stages, a second apart."""
        for stage in stages:
            self.later(seconds=1)
            self.update(deal, stage=stage)

    def record(self, kind: str, deal: int | None = None, /, **fields: object) -> int:
        """Write a record beside a deal, or one that has none.

        Args:
            kind: A key of ``KINDS``.
            deal: Whose record it is.
            fields: Canonical names; chosen values by code, links by id.
        """
        entity, _ = KINDS[kind]
        own: dict[str, object] = {}
        if deal is not None and entity == "productrow":
            own = {"OWNER_ID": deal, "OWNER_TYPE": "D"}
        elif deal is not None:
            own = {"UF_CRM_TASK": [f"D_{deal}"]} if kind == "task" else {}
            own = own or {"PARENT_ID_2": deal}
        row = self._create(kind, {**own, **fields})
        if entity == "productrow" and deal is not None:
            # The portal tells nobody about a changed row, only about its deal.
            self.store.update("deal", deal, {})
        return row

    def activity(
        self,
        kind: str,
        deal: int | None = None,
        /,
        *,
        start: str | datetime | None = None,
        minutes: float = 30,
        host: int = 6,
        is_held: bool = True,
        lead: int | None = None,
        **fields: object,
    ) -> int:
        """Enter a meeting, a call or a showing of a deal or of a request.

        Args:
            kind: A key of ``ACTIVITIES``.
            deal: Whose it is.
            start: Now when not given.
            minutes: How long it lasts.
            host: Who answers for it.
            is_held: Whether it is marked as completed.
            lead: The request, where there is no deal.
            fields: Others, by canonical name.
        """
        type_id, provider, provider_type = ACTIVITIES[kind]
        begins = moment(start) if start else self.now
        return self._create(
            "activity",
            {
                "OWNER_TYPE_ID": 2 if lead is None else 1,
                "OWNER_ID": deal if lead is None else lead,
                "TYPE_ID": type_id,
                "PROVIDER_ID": provider,
                "PROVIDER_TYPE_ID": provider_type,
                "DIRECTION": 2 if kind == "call" else 0,
                "start": begins,
                "end": begins + timedelta(minutes=minutes),
                "deadline": begins + timedelta(minutes=minutes),
                "host": host,
                "is_completed": is_held,
                **fields,
            },
        )

    def change(self, kind: str, row: int, /, **fields: object) -> None:
        """Change a row of any kind."""
        entity, names = KINDS[kind]
        self.store.update(entity, row, _written(names, fields))
        if entity == "productrow":
            owner = int(str(self.store.get(entity, row)["OWNER_ID"]))
            self.store.update("deal", owner, {})

    def remove(self, kind: str, row: int) -> None:
        """Delete a row; a pass with a sweep finds out."""
        entity, _ = KINDS[kind]
        self.store.delete(entity, row)

    def transfer(self, person: int, unit: int) -> None:
        """Move a person to another unit."""
        self.store.update("user", person, {"UF_DEPARTMENT": [unit]})

    def dismiss(self, person: int) -> None:
        """Let a person go."""
        self.store.update("user", person, {"ACTIVE": False})

    def reconnect(self, folder: Path, changes: Mapping[str, str]) -> None:
        """Give the firm a connection file of its own, the demo agency's with changes.

        Args:
            folder: Where the file is written.
            changes: Text that stands in the file once -> what stands there instead.
        """
        known = REPOSITORY / "ingestion" / "connections" / f"{CONNECTION}.yaml"
        text = known.read_text(encoding="utf-8")
        for before, after in changes.items():
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        file = folder / known.name
        file.write_text(text, encoding="utf-8")
        self.settings = Settings(
            self.settings.home,
            {**self.settings.environment, "REESTR_CONNECTIONS": str(file)},
        )

    def merge(self, absorbed: int, survivor: int, folder: Path) -> None:
        """Decide that a deal lives on for another one, in a workbook of a folder."""
        path = folder / "merges.xlsx"
        path.write_bytes(template("deal_merge"))
        book = load_workbook(path)
        sheet = book["Слияния"]
        [head] = [
            row[0].row
            for row in sheet.iter_rows()
            if row[0].value == "Поглощённая сделка"
        ]
        for column, value in enumerate((absorbed, survivor, "одна сделка"), start=1):
            sheet.cell(head + 1, column).value = str(value)
        book.save(path)
        decide(
            self.warehouse, "deal_merge", path, author="head_of_sales", operator="test"
        )

    def decide(self, kind: str, **values: Value) -> None:
        """Take a decision of one line."""
        decide_lines(
            self.warehouse,
            kind,
            [Line(4, {**values, "reason": "-"})],
            author="admin",
            operator="test",
            name=kind,
        )

    def lock(self, period: date) -> None:
        """Close a month of the whole firm as it is known now."""
        self.decide("period_lock", action="lock", period=period, org_unit_id=None)

    def _create(self, kind: str, fields: Mapping[str, object]) -> int:
        entity, names = KINDS[kind]
        return self.store.create(
            entity, _written(names, {**DEFAULTS.get(kind, {}), **fields})
        )

    # ---------------------------------------------------------------- reporting

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse at the firm's moment."""
        given = {**self.settings.environment, "REESTR_PASS_TIME": self.now.isoformat()}
        return open_warehouse(Settings(self.settings.home, given))

    def run_pass(
        self,
        at: str | datetime | None = None,
        *,
        sweep: bool = False,
        as_of: Sequence[str] = (),
        until: str = "publish",
    ) -> None:
        """Look at the portal: land, compute, check, publish.

        Args:
            at: Moment of the pass; the firm's now when not given.
            sweep: Look for deleted rows, too.
            as_of: Days to keep as they were known then.
            until: The last stage: ``core`` is enough where only facts are asked.
        """
        if at is not None:
            self.at(at)
        request = PassRequest(
            sweep=sweep,
            accept_shrinkage=sweep,
            as_of=tuple(date.fromisoformat(day) for day in as_of),
        )
        with open_pass(self.warehouse, request) as running:
            for stage in STAGES[: STAGES.index(until) + 1]:
                running.run(stage)

    def rows(
        self, query: str, parameters: Sequence[object] = (), person: str | None = None
    ) -> list[tuple[object, ...]]:
        """Ask the warehouse as the one who sees every row, or as a person."""
        if person is None:
            url = self.warehouse.url("transformer")
        else:
            url = self.warehouse.person_url(person)
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def value(self, query: str, parameters: Sequence[object] = ()) -> object:
        """The one value of a query that gives one."""
        [(found,)] = self.rows(query, parameters)
        return found

    def columns(self, table: str, row: int, *names: str) -> tuple[object, ...]:
        """Columns of a deal's only row in a table with ``deal_key``."""
        [found] = self.rows(
            f"select {', '.join(names)} from {table} where deal_key = %s",
            [key(row)],
        )
        return found


def key(row: int) -> str:
    """The warehouse's key of a row of the portal."""
    return f"{CONNECTION}:{row}"


@contextmanager
def small_firm(
    folder: Path, database_url: str, *, start: str | datetime = "2026-01-12 09:00"
) -> Iterator[SmallFirm]:
    """A firm of twelve people in three departments, without a single deal.

    Args:
        folder: Of the portal and of the home.
        database_url: An empty database.
        start: When it begins.
    """
    with PortalStore(folder / "portal.sqlite") as store:
        begin = moment(start)
        store.set_now(begin)
        _settle(store, begin.date())
        with running_portal(store) as portal:
            settings = load_settings(
                folder / "home",
                {
                    "REESTR_CONNECTIONS": CONNECTION,
                    "REESTR_DEMO_AGENCY_URL": f"{portal.webhook_url}/",
                    "REESTR_DATABASE_URL": database_url,
                },
            )
            firm = SmallFirm(store, settings, begin)
            provision_home(firm.warehouse)
            with what_dbt_said(settings.home):
                yield firm


def _settle(store: PortalStore, day: date) -> None:
    """Give an empty portal its dictionaries, units and people."""
    for entity, frame in (("status", status_rows()), ("category", category_rows())):
        store.bulk_insert(
            entity, {str(name): cast(Sequence[object], frame[name]) for name in frame}
        )
    store.bulk_insert(
        "department",
        {
            "ID": list(UNITS),
            "NAME": [name for name, _, _ in UNITS.values()],
            "PARENT": [parent for _, parent, _ in UNITS.values()],
            "UF_HEAD": [head for _, _, head in UNITS.values()],
        },
    )
    store.bulk_insert(
        "user",
        {
            "ID": list(PEOPLE),
            "NAME": ["Person"] * len(PEOPLE),
            "LAST_NAME": [f"No. {number:02}" for number in PEOPLE],
            "ACTIVE": [1] * len(PEOPLE),
            "DATE_REGISTER": [day.isoformat()] * len(PEOPLE),
            "UF_DEPARTMENT": [f"[{unit}]" for unit in PEOPLE.values()],
        },
    )


def _written(
    names: Mapping[str, str], fields: Mapping[str, object]
) -> dict[str, object]:
    """Fields as the portal takes them."""
    written: dict[str, object] = {}
    for name, value in fields.items():
        if name == "side":
            written["PRODUCT_NAME"] = _service(SIDES[str(value)])
            continue
        field = name if name.isupper() else names[name]
        written[field] = _value(names, field, value)
    return written


def _value(names: Mapping[str, str], field: str, value: object) -> object:
    if value is None:
        return None
    if field in CHOICES and isinstance(value, str):
        options = list(labels().options[field])
        return options[CHOICES[field].index(value)]
    if field in LINKS and isinstance(value, int):
        return f"{LINKS[field]}{value}"
    if field in MONEY and not isinstance(value, str):
        return f"{Decimal(str(value)):.2f}|RUB"
    if names is DEAL and field == "STAGE_ID":
        return STAGE_CODES.get(str(value), value)
    if field == "STAGE_ID":
        return INVOICE_STAGES.get(str(value), value)
    if names is DEAL and field == "TYPE_ID":
        return TYPE_CODES.get(str(value), value)
    return _plain(field, value)


def _plain(field: str, value: object) -> object:
    if field == "UF_CRM_DEAL_OWNER":
        return list(value) if isinstance(value, list | tuple) else [value]
    if field in {"COMPLETED", "IS_MY_COMPANY"}:
        return "Y" if value in (True, "Y") else "N"
    if field in {"PHONE", "EMAIL"} and isinstance(value, str):
        return [{"VALUE": value, "VALUE_TYPE": "WORK"}]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value


def _service(place: int) -> str:
    return str(lists()["services"][place])
