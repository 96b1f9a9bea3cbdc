"""What the portal stores: entities, their fields, and how a field looks in answers.

Everything the server knows about a field is said here once. Titles people read are
in ``labels.yaml``. Source of names and kinds: Bitrix24 REST documentation
(apidocs.bitrix24.ru), pages of the list methods.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """The type of a field: decides the column, the filters and both answer forms."""

    INTEGER = "integer"
    NUMBER = "number"  # an integer that the old methods also answer as a number
    DOUBLE = "double"
    AMOUNT = "amount"  # a double answered with two decimals
    STRING = "string"
    FLAG = "char"  # Y or N
    DATETIME = "datetime"
    DATE = "date"
    STATUS = "crm_status"
    CATEGORY = "crm_category"
    CURRENCY = "crm_currency"
    USER = "user"
    LEAD = "crm_lead"
    COMPANY = "crm_company"
    CONTACT = "crm_contact"
    QUOTE = "crm_quote"
    LOCATION = "location"
    PARENT = "crm_entity"  # the id of an element of another type
    LINK = "crm"  # user field: "D_12", "CO_5", "SI_3", "T422_8"
    MULTIFIELD = "crm_multifield"  # phones and e-mails
    BOOLEAN = "boolean"  # user field: 1 or 0
    MONEY = "money"  # user field: "450000.00|RUB"
    ENUMERATION = "enumeration"  # user field: the id of an option
    EMPLOYEE = "employee"  # user field: the id of a user
    TRUTH = "truth"  # JSON true or false
    JSON = "json"  # an array or an object kept as text


INTEGERS: Final = frozenset(
    {
        Kind.INTEGER,
        Kind.NUMBER,
        Kind.CATEGORY,
        Kind.USER,
        Kind.LEAD,
        Kind.COMPANY,
        Kind.CONTACT,
        Kind.QUOTE,
        Kind.PARENT,
        Kind.BOOLEAN,
        Kind.ENUMERATION,
        Kind.EMPLOYEE,
        Kind.TRUTH,
    }
)
DOUBLES: Final = frozenset({Kind.DOUBLE, Kind.AMOUNT})
USER_FIELD_KINDS: Final = frozenset(
    {
        Kind.STRING,
        Kind.INTEGER,
        Kind.DOUBLE,
        Kind.DATETIME,
        Kind.DATE,
        Kind.BOOLEAN,
        Kind.MONEY,
        Kind.ENUMERATION,
        Kind.EMPLOYEE,
        Kind.LINK,
    }
)
USER_FIELD_NAME: Final = re.compile(r"UF_CRM_[A-Z0-9_]{1,50}")
_SMART_FIELD_NAME: Final = re.compile(r"UF_CRM_(?P<type>\d+)_(?P<own>\w+)")


@dataclass(frozen=True, eq=False)
class Field:
    """One field of an entity.

    Attributes:
        name: Name in the old methods, also the name of the column.
        item: Name in ``crm.item.*``; ``None`` when it is not served there.
        empty: How an unfilled value looks in the old methods.
        empty_item: The same in ``crm.item.*``.
        default: Value of a new row when nothing is given.
        copies: Field whose value a new row takes when nothing is given.
        status_list: ``ENTITY_ID`` in ``crm.status.list``.
        multiple: Holds an array of ids.
        read_only: Cannot be written over REST.
        named_only: Answered only when named in ``select``.
        absent_when_empty: The key is left out when there is no value.
        constant: JSON answered instead of the stored value.
    """

    name: str
    kind: Kind = Kind.STRING
    item: str | None = None
    empty: str | None = None
    empty_item: int | str | None = None
    default: str | int | float | None = None
    copies: str | None = None
    status_list: str | None = None
    multiple: bool = False
    read_only: bool = False
    named_only: bool = False
    absent_when_empty: bool = False
    constant: str | None = None

    @cached_property
    def is_user_field(self) -> bool:
        """Whether people of the portal added this field."""
        return self.name.startswith("UF_CRM_")

    @cached_property
    def is_json(self) -> bool:
        """Whether the answer holds an array, an object or a JSON literal."""
        return (
            self.multiple
            or self.constant is not None
            or self.kind in {Kind.JSON, Kind.MULTIFIELD, Kind.TRUTH}
        )


@dataclass(frozen=True)
class UserField:
    """A field that people of the portal add to an entity.

    Attributes:
        options: Ids and values of an enumeration.
    """

    entity: str
    name: str
    kind: Kind
    label: str
    multiple: bool = False
    options: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        if not USER_FIELD_NAME.fullmatch(self.name):
            raise ValueError(f"user field {self.name}: expected UF_CRM_ and A-Z 0-9 _")
        if self.kind not in USER_FIELD_KINDS:
            raise ValueError(f"user field {self.name}: {self.kind} is not for people")

    def as_field(self) -> Field:
        """The column of this user field."""
        empty = {
            Kind.BOOLEAN: "0",
            Kind.DATE: "",
            Kind.DATETIME: "",
            Kind.ENUMERATION: "",
            Kind.MONEY: "",
        }
        return Field(
            self.name,
            self.kind,
            item=item_name(self.name),
            empty="false" if self.multiple else empty.get(self.kind),
            multiple=self.multiple,
        )


@dataclass(frozen=True, eq=False)
class Entity:
    """One table of the portal.

    Attributes:
        name: Name of the table, as in the API.
        type_id: ``entityTypeId`` in the universal methods.
        code: ``ENTITY_ID`` of its user fields.
        fields: In the order of the answers; the first one is the id.
        created: Field that keeps the moment of creation.
        modified: Field that moves with every change; it has an index.
        indexed: Other fields with an index.
        numbers: List answers hold numbers instead of strings.
    """

    name: str
    fields: tuple[Field, ...]
    type_id: int | None = None
    code: str | None = None
    created: str | None = None
    modified: str | None = None
    indexed: tuple[str, ...] = ()
    numbers: bool = False

    @cached_property
    def by_item(self) -> Mapping[str, Field]:
        """Fields by the name of the universal methods."""
        return MappingProxyType(
            {known.item: known for known in self.fields if known.item}
        )

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by the name of the old methods."""
        return MappingProxyType({known.name: known for known in self.fields})

    def with_user_fields(self, user_fields: Iterable[UserField]) -> "Entity":
        """The same entity with the fields that people added."""
        added = tuple(one.as_field() for one in user_fields if one.entity == self.name)
        return replace(self, fields=self.fields + added)


def item_name(name: str) -> str:
    """The ``crm.item.*`` name of a field: an underscore stays before a digit.

    Fields of a smart process begin with the id of its type: ``ufCrm7_received``.
    """
    if smart := _SMART_FIELD_NAME.fullmatch(name):
        return f"ufCrm{smart['type']}_{smart['own'].lower()}"
    first, *others = name.lower().split("_")
    return first + "".join(
        f"_{part}" if part[:1].isdigit() else part.capitalize() for part in others
    )


def _id() -> Field:
    return Field("ID", Kind.INTEGER, "id", read_only=True)


def _created(name: str = "DATE_CREATE", item: str | None = "createdTime") -> Field:
    return Field(name, Kind.DATETIME, item, read_only=True)


def _modified(name: str = "DATE_MODIFY", item: str | None = "updatedTime") -> Field:
    return Field(name, Kind.DATETIME, item, read_only=True)


def _owners() -> tuple[Field, ...]:
    return (
        Field("ASSIGNED_BY_ID", Kind.USER, "assignedById", default=1),
        Field(
            "CREATED_BY_ID",
            Kind.USER,
            "createdBy",
            copies="ASSIGNED_BY_ID",
            read_only=True,
        ),
        Field(
            "MODIFY_BY_ID",
            Kind.USER,
            "updatedBy",
            copies="ASSIGNED_BY_ID",
            read_only=True,
        ),
    )


def _moved() -> tuple[Field, ...]:
    return (
        Field(
            "MOVED_BY_ID", Kind.USER, "movedBy", copies="ASSIGNED_BY_ID", read_only=True
        ),
        Field(
            "MOVED_TIME",
            Kind.DATETIME,
            "movedTime",
            copies="DATE_MODIFY",
            read_only=True,
        ),
    )


def _last_activity() -> tuple[Field, ...]:
    return (
        Field(
            "LAST_ACTIVITY_TIME",
            Kind.DATETIME,
            "lastActivityTime",
            copies="DATE_MODIFY",
            read_only=True,
        ),
        Field(
            "LAST_ACTIVITY_BY",
            Kind.USER,
            "lastActivityBy",
            copies="MODIFY_BY_ID",
            read_only=True,
        ),
    )


def _flag(
    name: str, item: str | None = None, default: str = "N", *, read_only: bool = False
) -> Field:
    return Field(name, Kind.FLAG, item, default=default, read_only=read_only)


def _origin() -> tuple[Field, ...]:
    return (
        Field("ORIGINATOR_ID", item="originatorId"),
        Field("ORIGIN_ID", item="originId"),
    )


def _source() -> tuple[Field, ...]:
    return (
        Field("SOURCE_ID", Kind.STATUS, "sourceId", status_list="SOURCE"),
        Field("SOURCE_DESCRIPTION", item="sourceDescription"),
    )


def _utm() -> tuple[Field, ...]:
    return tuple(
        Field(f"UTM_{part}", item=item_name(f"UTM_{part}"))
        for part in ("SOURCE", "MEDIUM", "CAMPAIGN", "CONTENT", "TERM")
    )


def _reachable() -> tuple[Field, ...]:
    return (
        _flag("HAS_PHONE", "hasPhone", read_only=True),
        _flag("HAS_EMAIL", "hasEmail", read_only=True),
        _flag("HAS_IMOL", "hasImol", read_only=True),
    )


def _multifields() -> tuple[Field, ...]:
    return tuple(
        Field(name, Kind.MULTIFIELD, named_only=True, absent_when_empty=True)
        for name in ("PHONE", "EMAIL")
    )


def _amounts() -> tuple[Field, ...]:
    return (
        Field(
            "OPPORTUNITY", Kind.AMOUNT, "opportunity", "0.00", default=0, empty_item=0
        ),
        _flag("IS_MANUAL_OPPORTUNITY", "isManualOpportunity"),
    )


_CURRENCY: Final = Field("CURRENCY_ID", Kind.CURRENCY, "currencyId", default="RUB")
_OPENED: Final = _flag("OPENED", "opened", "Y")

DEAL: Final = Entity(
    "deal",
    type_id=2,
    code="CRM_DEAL",
    created="DATE_CREATE",
    modified="DATE_MODIFY",
    fields=(
        _id(),
        Field("TITLE", item="title"),
        Field("TYPE_ID", Kind.STATUS, "typeId", status_list="DEAL_TYPE"),
        Field(
            "STAGE_ID", Kind.STATUS, "stageId", default="NEW", status_list="DEAL_STAGE"
        ),
        Field("PROBABILITY", Kind.INTEGER, "probability"),
        _CURRENCY,
        *_amounts(),
        Field("TAX_VALUE", Kind.AMOUNT, "taxValue", "0.00", default=0, empty_item=0),
        Field("LEAD_ID", Kind.LEAD, "leadId", read_only=True),
        Field("COMPANY_ID", Kind.COMPANY, "companyId", "0", empty_item=0),
        Field("CONTACT_ID", Kind.CONTACT, "contactId", empty_item=0),
        Field("QUOTE_ID", Kind.QUOTE, "quoteId", read_only=True),
        Field("BEGINDATE", Kind.DATE, "begindate", copies="DATE_CREATE"),
        Field("CLOSEDATE", Kind.DATE, "closedate", copies="DATE_CREATE"),
        *_owners(),
        _created(),
        _modified(),
        _OPENED,
        _flag("CLOSED", "closed"),
        Field("COMMENTS", item="comments"),
        Field("ADDITIONAL_INFO", item="additionalInfo"),
        Field("LOCATION_ID", Kind.LOCATION, "locationId"),
        Field("CATEGORY_ID", Kind.CATEGORY, "categoryId", default=0),
        Field("STAGE_SEMANTIC_ID", item="stageSemanticId", default="P", read_only=True),
        _flag("IS_NEW", "isNew", read_only=True),
        _flag("IS_RECURRING", "isRecurring"),
        _flag("IS_RETURN_CUSTOMER", "isReturnCustomer"),
        _flag("IS_REPEATED_APPROACH", "isRepeatedApproach"),
        *_source(),
        *_origin(),
        *_moved(),
        *_last_activity(),
        *_utm(),
    ),
)

LEAD: Final = Entity(
    "lead",
    type_id=1,
    code="CRM_LEAD",
    created="DATE_CREATE",
    modified="DATE_MODIFY",
    fields=(
        _id(),
        Field("TITLE", item="title"),
        Field("HONORIFIC", Kind.STATUS, "honorific", status_list="HONORIFIC"),
        Field("NAME", item="name"),
        Field("SECOND_NAME", item="secondName"),
        Field("LAST_NAME", item="lastName"),
        Field("COMPANY_TITLE", item="companyTitle"),
        Field("COMPANY_ID", Kind.COMPANY, "companyId", "0", empty_item=0),
        Field("CONTACT_ID", Kind.CONTACT, "contactId", empty_item=0),
        _flag("IS_RETURN_CUSTOMER", "isReturnCustomer"),
        Field("BIRTHDATE", Kind.DATE, "birthdate", empty=""),
        *_source(),
        Field("STATUS_ID", Kind.STATUS, "stageId", default="NEW", status_list="STATUS"),
        Field("STATUS_DESCRIPTION", item="statusDescription"),
        Field("POST", item="post"),
        Field("COMMENTS", item="comments"),
        _CURRENCY,
        *_amounts(),
        *_reachable(),
        *_owners(),
        _created(),
        _modified(),
        Field("DATE_CLOSED", Kind.DATETIME, "dateClosed", "", read_only=True),
        Field(
            "STATUS_SEMANTIC_ID", item="stageSemanticId", default="P", read_only=True
        ),
        _OPENED,
        *_origin(),
        *_moved(),
        Field("ADDRESS"),
        Field("ADDRESS_CITY"),
        *_utm(),
        *_last_activity(),
        *_multifields(),
    ),
)

CONTACT: Final = Entity(
    "contact",
    type_id=3,
    code="CRM_CONTACT",
    created="DATE_CREATE",
    modified="DATE_MODIFY",
    fields=(
        _id(),
        Field("POST", item="post"),
        Field("COMMENTS", item="comments"),
        Field("HONORIFIC", Kind.STATUS, "honorific", status_list="HONORIFIC"),
        Field("NAME", item="name"),
        Field("SECOND_NAME", item="secondName", empty=""),
        Field("LAST_NAME", item="lastName"),
        Field("PHOTO"),
        Field("LEAD_ID", Kind.LEAD, "leadId", read_only=True),
        Field("TYPE_ID", Kind.STATUS, "typeId", status_list="CONTACT_TYPE"),
        *_source(),
        Field("COMPANY_ID", Kind.COMPANY, "companyId", empty_item=0),
        Field("BIRTHDATE", Kind.DATE, "birthdate", empty=""),
        _flag("EXPORT", "export", "Y"),
        *_reachable(),
        _created(),
        _modified(),
        *_owners(),
        _OPENED,
        *_origin(),
        Field("ORIGIN_VERSION", item="originVersion"),
        Field("FACE_ID"),
        Field(
            "LAST_ACTIVITY_TIME",
            Kind.DATETIME,
            "lastActivityTime",
            copies="DATE_MODIFY",
            read_only=True,
        ),
        Field("UTM_SOURCE", item="utmSource"),
        Field(
            "LAST_ACTIVITY_BY",
            Kind.USER,
            "lastActivityBy",
            copies="MODIFY_BY_ID",
            read_only=True,
        ),
        *_multifields(),
    ),
)

COMPANY: Final = Entity(
    "company",
    type_id=4,
    code="CRM_COMPANY",
    created="DATE_CREATE",
    modified="DATE_MODIFY",
    fields=(
        _id(),
        Field("COMPANY_TYPE", Kind.STATUS, "typeId", status_list="COMPANY_TYPE"),
        Field("TITLE", item="title"),
        Field("LOGO"),
        Field("LEAD_ID", Kind.LEAD, "leadId", read_only=True),
        *_reachable(),
        *_owners(),
        Field("BANKING_DETAILS", item="bankingDetails"),
        Field("INDUSTRY", Kind.STATUS, "industry", status_list="INDUSTRY"),
        Field("REVENUE", Kind.DOUBLE, "revenue", "0", default=0),
        _CURRENCY,
        Field("EMPLOYEES", Kind.STATUS, "employees", status_list="EMPLOYEES"),
        Field("COMMENTS", item="comments"),
        _created(),
        _modified(),
        _OPENED,
        _flag("IS_MY_COMPANY", "isMyCompany"),
        *_origin(),
        Field("ORIGIN_VERSION", item="originVersion"),
        Field("UTM_SOURCE", item="utmSource"),
        Field(
            "LAST_ACTIVITY_BY",
            Kind.USER,
            "lastActivityBy",
            copies="MODIFY_BY_ID",
            read_only=True,
        ),
        Field(
            "LAST_ACTIVITY_TIME",
            Kind.DATETIME,
            "lastActivityTime",
            copies="DATE_MODIFY",
            read_only=True,
        ),
        *_multifields(),
    ),
)

ACTIVITY: Final = Entity(
    "activity",
    created="CREATED",
    modified="LAST_UPDATED",
    indexed=("OWNER_ID",),
    fields=(
        _id(),
        Field("OWNER_ID", Kind.INTEGER),
        Field("OWNER_TYPE_ID", Kind.INTEGER, default=2),
        Field("TYPE_ID", Kind.INTEGER, default=6),
        Field("PROVIDER_ID", default="CRM_TODO"),
        Field("PROVIDER_TYPE_ID", default="TODO"),
        Field("PROVIDER_GROUP_ID"),
        Field("ASSOCIATED_ENTITY_ID", Kind.INTEGER, default=0),
        Field("SUBJECT", empty=""),
        _created("CREATED", None),
        _modified("LAST_UPDATED", None),
        Field("START_TIME", Kind.DATETIME, empty=""),
        Field("END_TIME", Kind.DATETIME, empty=""),
        Field("DEADLINE", Kind.DATETIME, empty=""),
        _flag("COMPLETED"),
        Field("STATUS", Kind.INTEGER, default=1),
        Field("RESPONSIBLE_ID", Kind.USER, default=1),
        Field("PRIORITY", Kind.INTEGER, default=2),
        Field("NOTIFY_TYPE", Kind.INTEGER, default=0),
        Field("NOTIFY_VALUE", Kind.INTEGER, default=0),
        Field("DESCRIPTION", empty=""),
        Field("DESCRIPTION_TYPE", Kind.INTEGER, default=1),
        Field("DIRECTION", Kind.INTEGER, default=0),
        Field("LOCATION", empty=""),
        Field("SETTINGS", Kind.JSON, constant="[]"),
        Field("ORIGINATOR_ID"),
        Field("ORIGIN_ID"),
        Field("AUTHOR_ID", Kind.USER, copies="RESPONSIBLE_ID"),
        Field("EDITOR_ID", Kind.USER, copies="RESPONSIBLE_ID"),
        Field("PROVIDER_PARAMS", Kind.JSON, constant="[]"),
        Field("PROVIDER_DATA"),
        Field("RESULT_MARK", Kind.INTEGER, default=0),
        Field("RESULT_VALUE"),
        Field("RESULT_SUM", Kind.DOUBLE),
        Field("RESULT_CURRENCY_ID", Kind.CURRENCY),
        Field("RESULT_STATUS", Kind.INTEGER, default=0),
        Field("RESULT_STREAM", Kind.INTEGER, default=0),
        Field("RESULT_SOURCE_ID"),
        Field("AUTOCOMPLETE_RULE", Kind.INTEGER, default=0),
        _flag("IS_INCOMING_CHANNEL"),
        Field("COMMUNICATIONS", Kind.JSON, constant="[]", named_only=True),
        Field("FILES", Kind.JSON, constant="[]", named_only=True),
    ),
)

STAGE_HISTORY: Final = Entity(
    "stagehistory",
    modified="CREATED_TIME",
    indexed=("OWNER_ID",),
    numbers=True,
    fields=(
        _id(),
        Field("TYPE_ID", Kind.INTEGER),
        Field("OWNER_ID", Kind.INTEGER),
        Field("CREATED_TIME", Kind.DATETIME),
        Field("CATEGORY_ID", Kind.INTEGER),
        Field("STAGE_SEMANTIC_ID"),
        Field("STAGE_ID"),
    ),
)

LEAD_STAGE_HISTORY: Final = Entity(
    "lead_stagehistory",
    modified="CREATED_TIME",
    indexed=("OWNER_ID",),
    numbers=True,
    fields=(
        _id(),
        Field("TYPE_ID", Kind.INTEGER),
        Field("OWNER_ID", Kind.INTEGER),
        Field("CREATED_TIME", Kind.DATETIME),
        Field("STATUS_SEMANTIC_ID"),
        Field("STATUS_ID"),
    ),
)

USER: Final = Entity(
    "user",
    fields=(
        _id(),
        Field("XML_ID", empty=""),
        Field("ACTIVE", Kind.TRUTH, default=1),
        Field("NAME", empty=""),
        Field("LAST_NAME", empty=""),
        Field("SECOND_NAME", empty=""),
        Field("EMAIL", empty=""),
        Field("LAST_LOGIN", Kind.DATETIME, empty=""),
        Field("DATE_REGISTER", Kind.DATE, empty=""),
        Field("TIME_ZONE", empty=""),
        _flag("IS_ONLINE"),
        Field("TIMESTAMP_X", Kind.DATETIME, constant="{}", read_only=True),
        Field("LAST_ACTIVITY_DATE", Kind.DATETIME, constant="{}", read_only=True),
        Field("PERSONAL_GENDER", empty=""),
        Field("PERSONAL_WWW", empty=""),
        Field("PERSONAL_BIRTHDAY", Kind.DATE, empty=""),
        Field("PERSONAL_MOBILE", empty=""),
        Field("PERSONAL_CITY", empty=""),
        Field("WORK_PHONE", empty=""),
        Field("WORK_POSITION", empty=""),
        Field("UF_EMPLOYMENT_DATE", Kind.DATE, empty=""),
        Field("UF_DEPARTMENT", Kind.INTEGER, multiple=True, empty="[]"),
        Field("UF_PHONE_INNER", empty=""),
        Field("USER_TYPE", default="employee"),
    ),
    modified="TIMESTAMP_X",
)

DEPARTMENT: Final = Entity(
    "department",
    fields=(
        _id(),
        Field("NAME", empty=""),
        Field("SORT", Kind.NUMBER, default=500),
        Field("PARENT", Kind.INTEGER, absent_when_empty=True),
        Field("UF_HEAD", Kind.USER, absent_when_empty=True),
    ),
)

STATUS: Final = Entity(
    "status",
    fields=(
        _id(),
        Field("ENTITY_ID"),
        Field("STATUS_ID"),
        Field("NAME", empty=""),
        Field("NAME_INIT", empty=""),
        Field("SORT", Kind.INTEGER, default=10),
        _flag("SYSTEM"),
        Field("CATEGORY_ID", Kind.INTEGER),
        Field("COLOR"),
        Field("SEMANTICS"),
    ),
)

CATEGORY: Final = Entity(
    "category",
    fields=(
        _id(),
        Field("NAME", item="name", empty=""),
        Field("SORT", Kind.INTEGER, "sort", default=100),
        Field("ENTITY_TYPE_ID", Kind.INTEGER, "entityTypeId", default=2),
        _flag("IS_DEFAULT", "isDefault"),
        Field("ORIGIN_ID", item="originId"),
        Field("ORIGINATOR_ID", item="originatorId"),
    ),
)

INVOICE_TYPE: Final = 31
INVOICE_FUNNEL: Final = 1


def _element(funnel: int, type_id: int) -> tuple[Field, ...]:
    """Fields that every type of elements has beside its own."""
    return (
        _id(),
        Field("TITLE", item="title"),
        Field("XML_ID", item="xmlId", empty_item=""),
        Field(
            "CREATED_BY",
            Kind.USER,
            "createdBy",
            copies="ASSIGNED_BY_ID",
            read_only=True,
        ),
        Field(
            "UPDATED_BY",
            Kind.USER,
            "updatedBy",
            copies="ASSIGNED_BY_ID",
            read_only=True,
        ),
        Field(
            "MOVED_BY", Kind.USER, "movedBy", copies="ASSIGNED_BY_ID", read_only=True
        ),
        _created("CREATED_TIME"),
        _modified("UPDATED_TIME"),
        Field(
            *("MOVED_TIME", Kind.DATETIME, "movedTime"),
            copies="UPDATED_TIME",
            read_only=True,
        ),
        Field("CATEGORY_ID", Kind.CATEGORY, "categoryId", default=funnel),
        _OPENED,
        Field(
            *("STAGE_ID", Kind.STATUS, "stageId"),
            default=f"DT{type_id}_{funnel}:{'N' if type_id == INVOICE_TYPE else 'NEW'}",
            status_list=stage_list(type_id, funnel),
        ),
        Field(
            *("PREVIOUS_STAGE_ID", Kind.STATUS, "previousStageId"),
            status_list=stage_list(type_id, funnel),
            read_only=True,
        ),
        Field("BEGINDATE", Kind.DATE, "begindate", copies="CREATED_TIME"),
        Field("CLOSEDATE", Kind.DATE, "closedate"),
        Field("COMPANY_ID", Kind.COMPANY, "companyId", empty_item=0),
        Field("CONTACT_ID", Kind.CONTACT, "contactId", empty_item=0),
        Field("MYCOMPANY_ID", Kind.COMPANY, "mycompanyId", empty_item=0),
        Field("SOURCE_ID", Kind.STATUS, "sourceId", status_list="SOURCE"),
        Field("ASSIGNED_BY_ID", Kind.USER, "assignedById", default=1),
    )


def stage_list(type_id: int, funnel: int) -> str:
    """``ENTITY_ID`` of the stages of a funnel in ``crm.status.list``."""
    name = "SMART_INVOICE" if type_id == INVOICE_TYPE else f"DYNAMIC_{type_id}"
    return f"{name}_STAGE_{funnel}"


def _money() -> tuple[Field, ...]:
    return (
        *_amounts(),
        Field("TAX_VALUE", Kind.AMOUNT, "taxValue", "0.00", default=0, empty_item=0),
        _CURRENCY,
    )


def _parent_deal() -> Field:
    return Field("PARENT_ID_2", Kind.PARENT, "parentId2")


INVOICE: Final = Entity(
    "invoice",
    type_id=INVOICE_TYPE,
    code="CRM_SMART_INVOICE",
    created="CREATED_TIME",
    modified="UPDATED_TIME",
    indexed=("PARENT_ID_2",),
    fields=(
        *_element(INVOICE_FUNNEL, INVOICE_TYPE),
        Field("ACCOUNT_NUMBER", item="accountNumber"),
        *_money(),
        Field("COMMENTS", item="comments"),
        _parent_deal(),
    ),
)

PRODUCT_ROW: Final = Entity(
    "productrow",
    indexed=("OWNER_ID",),
    fields=(
        _id(),
        Field("OWNER_ID", Kind.INTEGER, "ownerId"),
        Field("OWNER_TYPE", item="ownerType", default="D"),
        Field("PRODUCT_ID", Kind.INTEGER, "productId", default=0),
        Field("PRODUCT_NAME", item="productName", empty_item=""),
        Field("PRICE", Kind.DOUBLE, "price", default=0),
        Field("PRICE_ACCOUNT", Kind.DOUBLE, "priceAccount", copies="PRICE"),
        Field("PRICE_EXCLUSIVE", Kind.DOUBLE, "priceExclusive", copies="PRICE"),
        Field("PRICE_NETTO", Kind.DOUBLE, "priceNetto", copies="PRICE"),
        Field("PRICE_BRUTTO", Kind.DOUBLE, "priceBrutto", copies="PRICE"),
        Field("QUANTITY", Kind.DOUBLE, "quantity", default=1),
        Field("DISCOUNT_TYPE_ID", Kind.INTEGER, "discountTypeId", default=1),
        Field("DISCOUNT_RATE", Kind.DOUBLE, "discountRate", default=0),
        Field("DISCOUNT_SUM", Kind.DOUBLE, "discountSum", default=0),
        Field("TAX_RATE", Kind.DOUBLE, "taxRate"),
        _flag("TAX_INCLUDED", "taxIncluded"),
        _flag("CUSTOMIZED", "customized", "Y"),
        Field("MEASURE_CODE", Kind.INTEGER, "measureCode", default=796),
        Field("MEASURE_NAME", item="measureName"),
        Field("SORT", Kind.INTEGER, "sort", default=10),
        Field("XML_ID", item="xmlId", empty_item=""),
        Field("TYPE", Kind.INTEGER, "type", default=7),
        Field("STORE_ID", Kind.INTEGER, "storeId", default=0),
    ),
)

TASK: Final = Entity(
    "task",
    created="CREATED_DATE",
    modified="CHANGED_DATE",
    fields=(
        _id(),
        Field("PARENT_ID", Kind.INTEGER, "parentId", default=0),
        Field("TITLE", item="title", empty=""),
        Field("DESCRIPTION", item="description", empty=""),
        Field("MARK", item="mark"),
        Field("PRIORITY", Kind.INTEGER, "priority", default=1),
        Field("STATUS", Kind.INTEGER, "status", default=2),
        _flag("MULTITASK", "multitask"),
        _flag("REPLICATE", "replicate"),
        Field("GROUP_ID", Kind.INTEGER, "groupId", default=0),
        Field("STAGE_ID", Kind.INTEGER, "stageId", default=0),
        Field("CREATED_BY", Kind.USER, "createdBy", copies="RESPONSIBLE_ID"),
        _created("CREATED_DATE", "createdDate"),
        Field("RESPONSIBLE_ID", Kind.USER, "responsibleId", default=1),
        Field("CHANGED_BY", Kind.USER, "changedBy", copies="RESPONSIBLE_ID"),
        _modified("CHANGED_DATE", "changedDate"),
        Field("STATUS_CHANGED_BY", Kind.USER, "statusChangedBy", copies="CHANGED_BY"),
        Field("CLOSED_BY", Kind.USER, "closedBy", default=0),
        Field("CLOSED_DATE", Kind.DATETIME, "closedDate"),
        Field("ACTIVITY_DATE", Kind.DATETIME, "activityDate", copies="CHANGED_DATE"),
        Field("DATE_START", Kind.DATETIME, "dateStart"),
        Field("DEADLINE", Kind.DATETIME, "deadline"),
        Field("TIME_ESTIMATE", Kind.INTEGER, "timeEstimate", default=0),
        Field("TIME_SPENT_IN_LOGS", Kind.INTEGER, "timeSpentInLogs"),
        Field("UF_CRM_TASK", Kind.LINK, "ufCrmTask", multiple=True, empty="[]"),
    ),
)


@dataclass(frozen=True)
class SmartProcess:
    """A type of elements that people of the portal made.

    Attributes:
        type_id: ``entityTypeId``, what the methods know it by.
        number: ``id`` of the type; it stands in the names of user fields and is the
            id of the only funnel.
        user_fields: Own part of the name (``UF_CRM_{number}_...``) and kind.
        multiple: Own parts of the names of fields that hold several values.
        has_deal: Elements belong to a deal.
        has_money: Elements have an amount.
    """

    type_id: int
    number: int
    user_fields: Mapping[str, Kind]
    multiple: frozenset[str] = frozenset()
    has_deal: bool = True
    has_money: bool = True

    @property
    def name(self) -> str:
        """The name of the entity, also of its table."""
        return f"spa_{self.type_id}"

    def entity(self) -> Entity:
        """The table of the elements without what people added."""
        return Entity(
            self.name,
            type_id=self.type_id,
            code=f"CRM_{self.number}",
            created="CREATED_TIME",
            modified="UPDATED_TIME",
            indexed=("PARENT_ID_2",) * self.has_deal,
            fields=(
                *_element(self.number, self.type_id),
                *(_money() if self.has_money else ()),
                Field("WEBFORM_ID", Kind.INTEGER, "webformId", empty_item=0),
                Field(
                    *("LAST_ACTIVITY_BY", Kind.USER, "lastActivityBy"),
                    copies="UPDATED_BY",
                    read_only=True,
                ),
                Field(
                    *("LAST_ACTIVITY_TIME", Kind.DATETIME, "lastActivityTime"),
                    copies="UPDATED_TIME",
                    read_only=True,
                ),
                *_utm(),
                *((_parent_deal(),) if self.has_deal else ()),
            ),
        )


# The agency's smart processes; titles, labels and options are in labels.yaml.
SMART_PROCESSES: Final = (
    SmartProcess(
        type_id=1058,
        number=7,
        user_fields={
            "RECEIVED": Kind.DATE,
            "UNTIL": Kind.DATE,
            "HOLDER": Kind.ENUMERATION,
            "OFFSETS": Kind.BOOLEAN,
            "OUTCOME": Kind.ENUMERATION,
            "OUTCOME_DATE": Kind.DATE,
            "PARENT": Kind.LINK,
        },
    ),
    SmartProcess(
        type_id=1042,
        number=8,
        has_money=False,
        user_fields={
            "UNIT": Kind.LINK,
            "KIND": Kind.ENUMERATION,
            "FROM": Kind.DATETIME,
            "UNTIL": Kind.DATETIME,
            "RELEASED": Kind.DATETIME,
            "REASON": Kind.STRING,
            "LIST_PRICE": Kind.MONEY,
        },
    ),
    SmartProcess(
        type_id=1046,
        number=9,
        has_money=False,
        user_fields={
            "KIND": Kind.ENUMERATION,
            "NUMBER": Kind.STRING,
            "STATUS": Kind.ENUMERATION,
            "SIGNED": Kind.DATE,
            "VALID_UNTIL": Kind.DATE,
            "TERMINATED": Kind.DATE,
            "TERMINATED_REASON": Kind.STRING,
            "SIGNATORY": Kind.STRING,
            "EXCLUSIVE": Kind.BOOLEAN,
        },
        multiple=frozenset({"SIGNATORY"}),
    ),
    SmartProcess(
        type_id=1050,
        number=10,
        user_fields={
            "ARTICLE": Kind.ENUMERATION,
            "INCURRED": Kind.DATE,
            "PAID": Kind.DATE,
            "PAYER": Kind.ENUMERATION,
            "DOCUMENT": Kind.STRING,
        },
    ),
    SmartProcess(
        type_id=1054,
        number=11,
        user_fields={
            "PARTNER": Kind.LINK,
            "PERCENT": Kind.DOUBLE,
            "BASE": Kind.ENUMERATION,
            "DUE": Kind.DATE,
            "PAID": Kind.DATE,
        },
    ),
    SmartProcess(
        type_id=1038,
        number=12,
        user_fields={
            "STATUS": Kind.ENUMERATION,
            "LOT": Kind.STRING,
            "AREA": Kind.DOUBLE,
        },
    ),
    SmartProcess(
        type_id=1062,
        number=13,
        user_fields={
            "DATE": Kind.DATE,
            "DIRECTION": Kind.ENUMERATION,
            "INVOICE": Kind.LINK,
            "PURPOSE": Kind.STRING,
        },
    ),
    SmartProcess(
        type_id=1066,
        number=14,
        has_deal=False,
        has_money=False,
        user_fields={
            "EMPLOYEE": Kind.EMPLOYEE,
            "KIND": Kind.ENUMERATION,
            "FROM": Kind.DATE,
            "UNTIL": Kind.DATE,
        },
    ),
)

ENTITIES: Final[Mapping[str, Entity]] = MappingProxyType(
    {
        entity.name: entity
        for entity in (
            DEAL,
            LEAD,
            CONTACT,
            COMPANY,
            ACTIVITY,
            STAGE_HISTORY,
            LEAD_STAGE_HISTORY,
            USER,
            DEPARTMENT,
            STATUS,
            CATEGORY,
            INVOICE,
            PRODUCT_ROW,
            TASK,
            *(one.entity() for one in SMART_PROCESSES),
        )
    }
)
BY_TYPE_ID: Final[Mapping[int, str]] = MappingProxyType(
    {
        entity.type_id: entity.name
        for entity in ENTITIES.values()
        if entity.type_id is not None
    }
)

# The agency's own fields of a deal; labels and options are in labels.yaml.
AGENCY_DEAL_FIELDS: Final[Mapping[str, tuple[Kind, bool]]] = MappingProxyType(
    {
        "UF_CRM_COMMISSION": (Kind.MONEY, False),
        "UF_CRM_PARTNER_SHARE": (Kind.MONEY, False),
        "UF_CRM_EXPENSES": (Kind.MONEY, False),
        "UF_CRM_PAID": (Kind.MONEY, False),
        "UF_CRM_CONTRACT_NUMBER": (Kind.STRING, False),
        "UF_CRM_CONTRACT_DATE": (Kind.DATE, False),
        "UF_CRM_ADVANCE_AMOUNT": (Kind.MONEY, False),
        "UF_CRM_ADVANCE_DATE": (Kind.DATE, False),
        "UF_CRM_ADVANCE_UNTIL": (Kind.DATE, False),
        "UF_CRM_SETTLEMENT_PLAN_DATE": (Kind.DATE, False),
        "UF_CRM_SETTLEMENT_DATE": (Kind.DATE, False),
        "UF_CRM_REFUSAL_REASON": (Kind.ENUMERATION, False),
        "UF_CRM_REFUSAL_COMMENT": (Kind.STRING, False),
        "UF_CRM_OBJECT_ADDRESS": (Kind.STRING, False),
        "UF_CRM_LEAD_HANDLER": (Kind.EMPLOYEE, False),
        "UF_CRM_MEETING_HOST": (Kind.EMPLOYEE, False),
        "UF_CRM_CONTRACT_OWNER": (Kind.EMPLOYEE, False),
        "UF_CRM_SHOWING_HOST": (Kind.EMPLOYEE, False),
        "UF_CRM_ADVANCE_OWNER": (Kind.EMPLOYEE, False),
        "UF_CRM_DEAL_OWNER": (Kind.EMPLOYEE, True),
        "UF_CRM_LAWYER": (Kind.EMPLOYEE, False),
        "UF_CRM_MORTGAGE_BROKER": (Kind.EMPLOYEE, False),
        "UF_CRM_PARTNER_AGENCY": (Kind.STRING, False),
        "UF_CRM_IS_TEST": (Kind.BOOLEAN, False),
        "UF_CRM_IS_VOID": (Kind.BOOLEAN, False),
        "UF_CRM_PARENT_DEAL": (Kind.INTEGER, False),
        "UF_CRM_LEGAL_ENTITY": (Kind.STRING, False),
        "UF_CRM_OWNER_WEIGHT": (Kind.DOUBLE, True),
        "UF_CRM_SETTLEMENT_REASON": (Kind.STRING, False),
    }
)
AGENCY_LEAD_FIELDS: Final[Mapping[str, tuple[Kind, bool]]] = MappingProxyType(
    {
        "UF_CRM_PAUSE_REASON": (Kind.STRING, False),
        "UF_CRM_PAUSED_UNTIL": (Kind.DATE, False),
        "UF_CRM_ESTIMATE": (Kind.MONEY, False),
    }
)
