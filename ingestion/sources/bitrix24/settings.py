"""Facts about the Bitrix24 API that the reader relies on.

Source: Bitrix24 REST documentation, apidocs.bitrix24.ru, pages of the list methods,
"Особенности списочных методов", "Лимиты REST API" and "Коды ошибок".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ingestion.http import JsonValue, RateLimit

PAGE_ROWS: Final = 50
BATCH_COMMANDS: Final = 50
# What changed since the last reading is seldom long: pages of its first request.
FIRST_PAGES: Final = 10
# The portal drains two requests a second and holds fifty at once. The bucket is
# shared by everything behind one address, so some of it is left to others.
PORTAL_LIMIT: Final = RateLimit(per_second=2.0, burst=40)
UNLIMITED: Final = RateLimit(per_second=100_000.0, burst=100_000)
# Moments have seconds, rows are committed late, and clocks differ a little.
OVERLAP: Final = timedelta(minutes=10)
# Position of a list that had no rows yet: whatever comes first is read.
BEGINNING: Final = "1970-01-02T00:00:00+00:00"
# Ids of the stage history are given before the rows are committed.
HISTORY_OVERLAP: Final = 100
LANGUAGE: Final = "ru"
LEAD_TYPE: Final = 1
DEAL_TYPE: Final = 2
INVOICE_TYPE: Final = 31
# Deals whose product rows are asked for before they are compared and landed.
OWNERS_AT_ONCE: Final = 500
# Lists that a sweep walks at the same time.
SWEPT_AT_ONCE: Final = 4

# The block of a method ends without asking, at the latest after ten minutes.
LONGEST_BLOCK_SECONDS: Final = 600.0
RATE_EXCEEDED: Final = "QUERY_LIMIT_EXCEEDED"
TIME_EXCEEDED: Final = "OPERATION_TIME_LIMIT"
PASSING_ERRORS: Final = frozenset(
    {RATE_EXCEEDED, TIME_EXCEEDED, "INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"}
)
LASTING_ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "OVERLOAD_LIMIT": "REST of this portal is blocked, ask Bitrix24 support",
        "PORTAL_DELETED": "the portal is gone, check the address in the settings",
    }
)
# What is said about a row that is gone or may not be read.
ABSENT: Final = frozenset({"", "NOT_FOUND", "ACCESS_DENIED"})
# Inside a batch an error has no HTTP status of its own.
STATUS_OF: Final[Mapping[str, int]] = MappingProxyType(
    {
        "NO_AUTH_FOUND": 401,
        "expired_token": 401,
        "insufficient_scope": 403,
        "INVALID_CREDENTIALS": 403,
        "user_access_error": 403,
        "ACCESS_DENIED": 403,
        "ERROR_METHOD_NOT_FOUND": 404,
    }
)
# The webhook has not the right, or the portal not the method.
FORBIDDEN: Final = frozenset({403, 404})
ADVICE: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "the portal does not understand the request",
        401: "the webhook is wrong or has ended: make a new one in the portal and "
        "put its address into the settings",
        403: "the webhook may not read this: give it the rights crm, user, "
        "department and task and an administrator as its owner",
        404: "the portal has no such method: check the address in the settings",
    }
)


class Reading(StrEnum):
    """How the rows of a table are found."""

    WHOLE = "whole"  # a dictionary, read in full every time
    WINDOW = "window"  # what changed since the last reading
    APPENDED = "appended"  # rows that are never changed, by id
    OWNED = "owned"  # rows of deals that changed, asked for deal by deal


@dataclass(frozen=True, eq=False)
class Table:
    """One raw table and the list method it comes from.

    Attributes:
        name: Name of the raw table.
        method: List method.
        key: Fields that identify a row.
        fields: Fields the table has even when no row has come yet.
        reading: How rows are found.
        parameters: Parameters of every call.
        rows_in: Key of ``result`` that holds the rows; empty means ``result`` itself.
        modified: Field that moves with every change.
        json_fields: Fields that hold arrays or objects.
        left_out: Fields that do not land, with the reasons in the README.
        paged: Answered in pages of fifty.
        false_is_empty: A bare ``false`` is an empty multiple field, not a flag.
        may_be_empty: An empty answer is believed although rows were there before.
        identity: Field that rows are walked by.
        names: Names in filters and orders of fields that rows call differently.
        has_lists: The filter knows the prefix ``@``.
        right: Right of the webhook that only this table needs; without it the table
            is left as it is, and the landing says so.
        swept: Ids are walked in full to find deletions.
    """

    name: str
    method: str
    reading: Reading
    fields: tuple[str, ...]
    key: tuple[str, ...] = ("ID",)
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    rows_in: str = ""
    modified: str | None = None
    json_fields: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    paged: bool = True
    false_is_empty: bool = False
    may_be_empty: bool = True
    identity: str = "ID"
    names: Mapping[str, str] = field(default_factory=dict)
    has_lists: bool = True
    right: str = ""

    def asked(self, name: str) -> str:
        """What filters, orders and selections call a field of the rows."""
        return self.names.get(name, name)

    def among(self, name: str) -> str:
        """Key of the filter "one of these"."""
        return f"@{self.asked(name)}" if self.has_lists else self.asked(name)

    @property
    def swept(self) -> bool:
        """Whether deletions are found by walking all ids."""
        return self.reading is Reading.WINDOW


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EVERYTHING: Final[JsonValue] = ["*", "UF_*"]
# Phones and e-mails come only when named. They tell one client from another and are
# never published.
CONTACT_DETAILS: Final = ("PHONE", "EMAIL")
CLIENT_FIELDS: Final[JsonValue] = ["*", "UF_*", *CONTACT_DETAILS]
ACTIVITY_FIELDS: Final = _names(
    """
    ID OWNER_ID OWNER_TYPE_ID TYPE_ID PROVIDER_ID PROVIDER_TYPE_ID PROVIDER_GROUP_ID
    ASSOCIATED_ENTITY_ID SUBJECT CREATED LAST_UPDATED START_TIME END_TIME DEADLINE
    COMPLETED STATUS RESPONSIBLE_ID PRIORITY DIRECTION LOCATION ORIGINATOR_ID ORIGIN_ID
    AUTHOR_ID EDITOR_ID RESULT_MARK RESULT_STATUS IS_INCOMING_CHANNEL
    """
)

DEALS: Final = Table(
    name="deals",
    method="crm.deal.list",
    reading=Reading.WINDOW,
    modified="DATE_MODIFY",
    parameters={"select": EVERYTHING},
    false_is_empty=True,
    fields=_names(
        """
        ID TITLE TYPE_ID STAGE_ID PROBABILITY CURRENCY_ID OPPORTUNITY
        IS_MANUAL_OPPORTUNITY TAX_VALUE LEAD_ID COMPANY_ID CONTACT_ID QUOTE_ID BEGINDATE
        CLOSEDATE ASSIGNED_BY_ID CREATED_BY_ID MODIFY_BY_ID DATE_CREATE DATE_MODIFY
        OPENED CLOSED COMMENTS ADDITIONAL_INFO LOCATION_ID CATEGORY_ID STAGE_SEMANTIC_ID
        IS_NEW IS_RECURRING IS_RETURN_CUSTOMER IS_REPEATED_APPROACH SOURCE_ID
        SOURCE_DESCRIPTION ORIGINATOR_ID ORIGIN_ID MOVED_BY_ID MOVED_TIME
        LAST_ACTIVITY_TIME LAST_ACTIVITY_BY UTM_SOURCE UTM_MEDIUM UTM_CAMPAIGN
        UTM_CONTENT UTM_TERM
        """
    ),
)
CONTACTS: Final = Table(
    name="contacts",
    method="crm.contact.list",
    reading=Reading.WINDOW,
    modified="DATE_MODIFY",
    parameters={"select": CLIENT_FIELDS},
    false_is_empty=True,
    json_fields=frozenset(CONTACT_DETAILS),
    left_out=frozenset({"WEB", "IM", "PHOTO", "FACE_ID"}),
    fields=CONTACT_DETAILS
    + _names(
        """
        ID NAME SECOND_NAME LAST_NAME HONORIFIC POST TYPE_ID SOURCE_ID
        SOURCE_DESCRIPTION COMPANY_ID LEAD_ID BIRTHDATE COMMENTS EXPORT HAS_PHONE
        HAS_EMAIL HAS_IMOL ASSIGNED_BY_ID CREATED_BY_ID MODIFY_BY_ID DATE_CREATE
        DATE_MODIFY OPENED ORIGINATOR_ID ORIGIN_ID ORIGIN_VERSION LAST_ACTIVITY_TIME
        LAST_ACTIVITY_BY UTM_SOURCE
        """
    ),
)
LEADS: Final = Table(
    name="leads",
    method="crm.lead.list",
    reading=Reading.WINDOW,
    modified="DATE_MODIFY",
    parameters={"select": CLIENT_FIELDS},
    false_is_empty=True,
    json_fields=frozenset(CONTACT_DETAILS),
    left_out=frozenset({"WEB", "IM"}),
    fields=CONTACT_DETAILS
    + _names(
        """
        ID TITLE HONORIFIC NAME SECOND_NAME LAST_NAME COMPANY_TITLE COMPANY_ID
        CONTACT_ID IS_RETURN_CUSTOMER BIRTHDATE SOURCE_ID SOURCE_DESCRIPTION STATUS_ID
        STATUS_DESCRIPTION POST COMMENTS CURRENCY_ID OPPORTUNITY IS_MANUAL_OPPORTUNITY
        HAS_PHONE HAS_EMAIL HAS_IMOL ASSIGNED_BY_ID CREATED_BY_ID MODIFY_BY_ID
        DATE_CREATE DATE_MODIFY DATE_CLOSED STATUS_SEMANTIC_ID OPENED ORIGINATOR_ID
        ORIGIN_ID MOVED_BY_ID MOVED_TIME ADDRESS ADDRESS_CITY UTM_SOURCE UTM_MEDIUM
        UTM_CAMPAIGN UTM_CONTENT UTM_TERM LAST_ACTIVITY_BY LAST_ACTIVITY_TIME
        """
    ),
)
ACTIVITIES: Final = Table(
    name="activities",
    method="crm.activity.list",
    reading=Reading.WINDOW,
    modified="LAST_UPDATED",
    parameters={"select": list(ACTIVITY_FIELDS)},
    fields=ACTIVITY_FIELDS,
)
STAGE_HISTORY: Final = Table(
    name="stage_history",
    method="crm.stagehistory.list",
    reading=Reading.APPENDED,
    modified="CREATED_TIME",
    parameters={"entityTypeId": DEAL_TYPE},
    rows_in="items",
    fields=_names(
        "ID TYPE_ID OWNER_ID CREATED_TIME CATEGORY_ID STAGE_SEMANTIC_ID STAGE_ID"
    ),
)
LEAD_STAGE_HISTORY: Final = Table(
    name="lead_stage_history",
    method="crm.stagehistory.list",
    reading=Reading.APPENDED,
    modified="CREATED_TIME",
    parameters={"entityTypeId": LEAD_TYPE},
    rows_in="items",
    fields=_names("ID TYPE_ID OWNER_ID CREATED_TIME STATUS_SEMANTIC_ID STATUS_ID"),
)
COMPANIES: Final = Table(
    name="companies",
    method="crm.company.list",
    reading=Reading.WINDOW,
    modified="DATE_MODIFY",
    parameters={"select": CLIENT_FIELDS},
    false_is_empty=True,
    json_fields=frozenset(CONTACT_DETAILS),
    left_out=frozenset({"WEB", "IM", "LOGO"}),
    fields=CONTACT_DETAILS
    + _names(
        """
        ID TITLE COMPANY_TYPE INDUSTRY EMPLOYEES REVENUE CURRENCY_ID IS_MY_COMPANY
        LEAD_ID HAS_PHONE HAS_EMAIL HAS_IMOL BANKING_DETAILS COMMENTS ASSIGNED_BY_ID
        CREATED_BY_ID MODIFY_BY_ID DATE_CREATE DATE_MODIFY OPENED ORIGINATOR_ID
        ORIGIN_ID ORIGIN_VERSION LAST_ACTIVITY_TIME LAST_ACTIVITY_BY UTM_SOURCE
        """
    ),
)
ITEM_FIELDS: Final = _names(
    """
    id title xmlId createdBy updatedBy movedBy createdTime updatedTime movedTime
    categoryId opened stageId previousStageId begindate closedate companyId contactId
    contactIds mycompanyId sourceId assignedById observers parentId2 entityTypeId
    """
)


def items_table(name: str, type_id: int, fields: tuple[str, ...] = ()) -> Table:
    """The table of the elements of one type.

    Args:
        name: Name of the raw table.
        type_id: ``entityTypeId``.
        fields: Fields beside those that all types have.
    """
    return Table(
        name=name,
        method="crm.item.list",
        reading=Reading.WINDOW,
        key=("id",),
        identity="id",
        modified="updatedTime",
        parameters={
            "entityTypeId": type_id,
            "select": ["*"],
            "useOriginalUfNames": "Y",
        },
        rows_in="items",
        json_fields=frozenset({"contactIds", "observers"}),
        left_out=frozenset({"fm"}),
        fields=ITEM_FIELDS + fields,
    )


def smart_process_table(type_id: int) -> Table:
    """The table of the elements of a smart process."""
    return items_table(f"spa_{type_id}", type_id)


INVOICES: Final = items_table(
    "invoices",
    INVOICE_TYPE,
    _names(
        "accountNumber opportunity isManualOpportunity taxValue currencyId comments"
    ),
)
TASKS: Final = Table(
    name="tasks",
    method="tasks.task.list",
    reading=Reading.WINDOW,
    key=("id",),
    identity="id",
    names={"id": "ID", "changedDate": "CHANGED_DATE"},
    has_lists=False,
    right="task",
    modified="changedDate",
    rows_in="tasks",
    parameters={
        "select": list(
            _names(
                """
                ID PARENT_ID TITLE MARK PRIORITY STATUS MULTITASK REPLICATE GROUP_ID
                STAGE_ID CREATED_BY CREATED_DATE RESPONSIBLE_ID CHANGED_BY CHANGED_DATE
                STATUS_CHANGED_BY CLOSED_BY CLOSED_DATE ACTIVITY_DATE DATE_START
                DEADLINE TIME_ESTIMATE TIME_SPENT_IN_LOGS UF_CRM_TASK
                """
            )
        )
    },
    false_is_empty=True,
    json_fields=frozenset({"ufCrmTask"}),
    left_out=frozenset(
        _names("creator responsible group auditorsData accomplicesData tags action")
    ),
    fields=_names(
        """
        id parentId title mark priority status subStatus multitask replicate groupId
        stageId createdBy createdDate responsibleId changedBy changedDate
        statusChangedBy closedBy closedDate activityDate dateStart deadline
        timeEstimate timeSpentInLogs ufCrmTask
        """
    ),
)
PRODUCT_ROWS: Final = Table(
    name="product_rows",
    method="crm.deal.productrows.get",
    reading=Reading.OWNED,
    paged=False,
    fields=_names(
        """
        ID OWNER_ID OWNER_TYPE PRODUCT_ID PRODUCT_NAME PRICE PRICE_EXCLUSIVE PRICE_NETTO
        PRICE_BRUTTO PRICE_ACCOUNT QUANTITY DISCOUNT_TYPE_ID DISCOUNT_RATE DISCOUNT_SUM
        TAX_RATE TAX_INCLUDED CUSTOMIZED MEASURE_CODE MEASURE_NAME SORT XML_ID TYPE
        STORE_ID
        """
    ),
    left_out=frozenset(
        _names(
            """
            ORIGINAL_PRODUCT_NAME PRODUCT_DESCRIPTION RESERVE_ID DATE_RESERVE_END
            RESERVE_QUANTITY
            """
        )
    ),
)
USERS: Final = Table(
    name="users",
    method="user.get",
    reading=Reading.WHOLE,
    may_be_empty=False,
    json_fields=frozenset({"UF_DEPARTMENT"}),
    left_out=frozenset(
        _names(
            """
            LAST_LOGIN LAST_ACTIVITY_DATE TIMESTAMP_X IS_ONLINE PERSONAL_GENDER
            PERSONAL_WWW PERSONAL_BIRTHDAY PERSONAL_MOBILE PERSONAL_PHONE PERSONAL_CITY
            PERSONAL_PHOTO WORK_PHONE
            """
        )
    ),
    fields=_names(
        """
        ID XML_ID ACTIVE NAME LAST_NAME SECOND_NAME EMAIL DATE_REGISTER TIME_ZONE
        WORK_POSITION UF_EMPLOYMENT_DATE UF_DEPARTMENT UF_PHONE_INNER USER_TYPE
        """
    ),
)
DEPARTMENTS: Final = Table(
    name="departments",
    method="department.get",
    reading=Reading.WHOLE,
    may_be_empty=False,
    fields=_names("ID NAME SORT PARENT UF_HEAD"),
)
STATUSES: Final = Table(
    name="statuses",
    method="crm.status.list",
    reading=Reading.WHOLE,
    key=("ENTITY_ID", "STATUS_ID"),
    paged=False,
    may_be_empty=False,
    json_fields=frozenset({"EXTRA"}),
    fields=_names(
        """
        ID ENTITY_ID STATUS_ID NAME NAME_INIT SORT SYSTEM CATEGORY_ID COLOR SEMANTICS
        EXTRA
        """
    ),
)
CATEGORIES: Final = Table(
    name="categories",
    method="crm.category.list",
    reading=Reading.WHOLE,
    parameters={"entityTypeId": DEAL_TYPE},
    key=("id",),
    rows_in="categories",
    paged=False,
    may_be_empty=False,
    fields=_names("id name sort entityTypeId isDefault originId originatorId"),
)
DEAL_USERFIELDS: Final = Table(
    name="deal_userfields",
    method="crm.deal.userfield.list",
    reading=Reading.WHOLE,
    parameters={"filter": {"LANG": LANGUAGE}},
    json_fields=frozenset({"SETTINGS", "LIST"}),
    fields=_names(
        """
        ID ENTITY_ID FIELD_NAME USER_TYPE_ID XML_ID SORT MULTIPLE MANDATORY SHOW_FILTER
        SHOW_IN_LIST EDIT_IN_LIST IS_SEARCHABLE SETTINGS EDIT_FORM_LABEL
        LIST_COLUMN_LABEL LIST_FILTER_LABEL ERROR_MESSAGE HELP_MESSAGE LIST
        """
    ),
)

SMART_PROCESSES: Final = Table(
    name="smart_processes",
    method="crm.type.list",
    reading=Reading.WHOLE,
    key=("id",),
    rows_in="types",
    fields=_names("id title code entityTypeId createdTime updatedTime"),
)
# Made of ``crm.item.fields`` of every type that is read.
ITEM_USERFIELDS: Final = Table(
    name="item_userfields",
    method="crm.item.fields",
    reading=Reading.WHOLE,
    key=("entityTypeId", "upperName"),
    paged=False,
    json_fields=frozenset({"items", "settings"}),
    fields=_names(
        "entityTypeId upperName name type title isMultiple statusType items settings"
    ),
)

LISTED: Final = (
    *(USERS, DEPARTMENTS, STATUSES, CATEGORIES, DEAL_USERFIELDS, SMART_PROCESSES),
)
DICTIONARIES: Final = (*LISTED, ITEM_USERFIELDS)
WINDOWS: Final = (DEALS, CONTACTS, LEADS, ACTIVITIES, COMPANIES, INVOICES, TASKS)
HISTORIES: Final[Mapping[Table, Table]] = MappingProxyType(
    {DEALS: STAGE_HISTORY, LEADS: LEAD_STAGE_HISTORY}
)
# Tables of every portal; those of its smart processes come beside.
TABLES: Final = (*DICTIONARIES, *WINDOWS, *HISTORIES.values(), PRODUCT_ROWS)
