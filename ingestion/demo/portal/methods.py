"""The REST methods: parameters in, result with total and next out.

Source: pages of the methods, apidocs.bitrix24.ru.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ingestion.demo.portal.errors import (
    METHOD_NOT_FOUND,
    PortalError,
    Refusal,
    bad_argument,
)
from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.parameters import Parameters, value_of
from ingestion.demo.portal.query import (
    Condition,
    Names,
    Order,
    conditions,
    orders,
    selected,
)
from ingestion.demo.portal.schema import (
    BY_TYPE_ID,
    Entity,
    Field,
    Kind,
    UserField,
)
from ingestion.demo.portal.store import (
    PAGE_SIZE,
    Page,
    PortalStore,
    Row,
)
from ingestion.demo.portal.values import to_flag, to_integer

_EDITABLE: Final = ("deal", "lead", "contact", "company", "activity")
_WITH_USER_FIELDS: Final = ("deal", "lead", "contact", "company")
_HISTORY_OF: Final = {1: "lead_stagehistory", 2: "stagehistory"}
_ENTITY_TYPES: Final = {1: "LEAD", 3: "CONTACT", 4: "COMPANY", 5: "INVOICE"}
_OLD_INVOICE: Final = 5
_NOT_FOUND: Final = "Not found"
_PLAIN_KEYS: Final = frozenset(
    {"sort", "order", "filter", "FILTER", "select", "SELECT", "start", "START"}
)
_TYPE_NAMES: Final = {
    Kind.NUMBER: "integer",
    Kind.AMOUNT: "double",
    Kind.TRUTH: "char",
    Kind.JSON: "object",
}
_DEFAULTS_OF_USER_FIELDS: Final[Mapping[Kind, dict[str, object]]] = {
    Kind.MONEY: {"DEFAULT_VALUE": ""},
    Kind.ENUMERATION: {"DISPLAY": "LIST"},
    Kind.DOUBLE: {"PRECISION": 2},
}


@dataclass(frozen=True)
class Answer:
    """What a method gives.

    Attributes:
        total: Rows by the filter, for methods that count.
        next: ``start`` of the next page.
    """

    result: object
    total: int | None = None
    next: int | None = None


Method = Callable[[Parameters], Answer]


class Methods:
    """The methods of one portal, by name."""

    def __init__(self, store: PortalStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._methods = self._table()

    def find(self, name: str) -> Method:
        """The method of a name.

        Raises:
            PortalError: the portal has no such method.
        """
        try:
            return self._methods[name]
        except KeyError as error:
            raise PortalError(METHOD_NOT_FOUND) from error

    def _table(self) -> dict[str, Method]:
        table: dict[str, Method] = {
            "crm.stagehistory.list": self._stage_history,
            "crm.status.list": self._statuses,
            "crm.category.list": self._categories,
            "crm.type.list": _types,
            "crm.item.list": self._items,
            "crm.item.fields": self._item_fields,
            "user.get": partial(self._plain, "user"),
            "department.get": partial(self._plain, "department"),
        }
        for entity in _EDITABLE:
            for action, method in (
                ("list", self._list),
                ("get", self._get),
                ("add", self._add),
                ("update", self._update),
                ("delete", self._delete),
                ("fields", self._fields),
            ):
                table[f"crm.{entity}.{action}"] = partial(method, entity)
        for entity in _WITH_USER_FIELDS:
            table[f"crm.{entity}.userfield.list"] = partial(self._user_fields, entity)
        return table

    # Lists

    def _list(self, entity: str, given: Parameters) -> Answer:
        names = Names(self._store.entity(entity))
        wanted = value_of(given, "filter")
        found = conditions(names, wanted)
        if entity == "activity" and isinstance(wanted, Mapping):
            found += _bindings(value_of(dict(wanted), "BINDINGS"))
        return self._paged(
            names,
            selected(names, value_of(given, "select")),
            found,
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
        )

    def _paged(
        self,
        names: Names,
        fields: Sequence[Field],
        found: Sequence[Condition],
        order: Sequence[Order],
        start: object,
        *,
        shape: Callable[[list[Row]], object] = list,
    ) -> Answer:
        first = _first_row(start)
        page = self._store.page(
            names,
            fields,
            conditions=found,
            order=order,
            start=first,
            hidden=frozenset(self._faults.hidden[names.entity.name]),
        )
        return _counted(page, first, shape)

    def _stage_history(self, given: Parameters) -> Answer:
        type_id = _entity_type(given)
        if type_id not in _HISTORY_OF:
            raise PortalError(_unsupported(type_id))
        names = Names(self._store.entity(_HISTORY_OF[type_id]))
        return self._paged(
            names,
            selected(names, value_of(given, "select")),
            conditions(names, value_of(given, "filter")),
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
            shape=lambda rows: {"items": rows},
        )

    def _plain(self, entity: str, given: Parameters) -> Answer:
        """``user.get`` and ``department.get``: filter keys may stand beside others."""
        names = Names(self._store.entity(entity))
        beside = {key: value for key, value in given.items() if key not in _PLAIN_KEYS}
        sort = given.get("sort", given.get("SORT") if entity == "user" else None)
        order = value_of(given, "order")
        if isinstance(sort, str):
            order = {sort: order or "ASC"}
        return self._paged(
            names,
            selected(names, value_of(given, "select")),
            conditions(names, value_of(given, "filter")) + conditions(names, beside),
            orders(names, order),
            value_of(given, "start"),
        )

    def _statuses(self, given: Parameters) -> Answer:
        names = Names(self._store.entity("status"))
        page = self._store.page(
            names,
            names.entity.fields,
            conditions=conditions(names, value_of(given, "filter")),
            order=orders(names, value_of(given, "order")),
            limit=None,
        )
        for row in page.rows:
            if row["COLOR"] is not None:
                row["EXTRA"] = {"SEMANTICS": _process(row), "COLOR": row["COLOR"]}
        return Answer(page.rows, page.total)

    def _categories(self, given: Parameters) -> Answer:
        type_id = _entity_type(given)
        if type_id != 2:
            raise PortalError(_unsupported(type_id))
        names = Names(self._store.entity("category"), universal=True)
        page = self._store.page(
            names,
            names.entity.fields,
            conditions=conditions(names, {"entityTypeId": type_id}),
            order=[Order("SORT")],
            limit=None,
            hidden=frozenset(self._faults.hidden["category"]),
        )
        for row in page.rows:
            for key in ("originId", "originatorId"):
                if row["isDefault"] == "Y":
                    del row[key]
                else:
                    row[key] = row[key] or ""
        return Answer({"categories": page.rows}, page.total)

    # Universal methods

    def _universal(self, given: Parameters) -> Names:
        type_id = _entity_type(given)
        if type_id not in BY_TYPE_ID:
            raise PortalError(_unsupported(type_id))
        return Names(self._store.entity(BY_TYPE_ID[type_id]), universal=True)

    def _items(self, given: Parameters) -> Answer:
        names = self._universal(given)
        select = value_of(given, "select")
        asked = set(select) if isinstance(select, list) else set()
        fields = selected(names, select)
        if names.entity.fields[0] not in fields:
            fields = (names.entity.fields[0], *fields)
        everything = not asked or "*" in asked
        if everything or "fm" in asked:
            fields += tuple(
                one for one in names.entity.fields if one.kind is Kind.MULTIFIELD
            )
        original = to_flag(value_of(given, "useOriginalUfNames")) == "Y"

        def shape(rows: list[Row]) -> object:
            return {
                "items": [
                    _as_item(names.entity, row, whole=everything, original=original)
                    for row in rows
                ]
            }

        return self._paged(
            names,
            fields,
            conditions(names, value_of(given, "filter")),
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
            shape=shape,
        )

    def _item_fields(self, given: Parameters) -> Answer:
        entity = self._universal(given).entity
        added = {one.name: one for one in self._store.user_fields(entity.name)}
        described: dict[str, object] = {}
        for field in entity.fields:
            if field.item is not None:
                described[field.item] = _described(field, added) | {
                    "title": labels().title(field.name),
                    "upperName": field.name,
                }
        for name in ("CONTACT_IDS", "OBSERVERS"):
            if "contactId" in described:
                kind = Kind.CONTACT if name == "CONTACT_IDS" else Kind.USER
                described["contactIds" if kind is Kind.CONTACT else "observers"] = (
                    _described(Field(name, kind, multiple=True), added)
                    | {"title": labels().title(name), "upperName": name}
                )
        return Answer({"fields": described})

    # One row

    def _get(self, entity: str, given: Parameters) -> Answer:
        row_id = self._readable(entity, given)
        return Answer(self._store.get(entity, row_id))

    def _add(self, entity: str, given: Parameters) -> Answer:
        fields = self._writable(entity, given)
        try:
            return Answer(self._store.create(entity, fields))
        except ValueError as error:
            raise bad_argument(str(error)) from error

    def _update(self, entity: str, given: Parameters) -> Answer:
        row_id = self._readable(entity, given)
        fields = self._writable(entity, given)
        try:
            self._store.update(entity, row_id, fields)
        except ValueError as error:
            raise bad_argument(str(error)) from error
        return Answer(result=True)

    def _delete(self, entity: str, given: Parameters) -> Answer:
        self._store.delete(entity, self._readable(entity, given))
        return Answer(result=True)

    def _readable(self, entity: str, given: Parameters) -> int:
        row_id = to_integer(value_of(given, "id"))
        if row_id in self._faults.hidden[entity]:
            raise bad_argument("Access denied.")
        if not self._store.exists(entity, row_id):
            raise bad_argument(_NOT_FOUND)
        return row_id

    def _writable(self, entity: str, given: Parameters) -> dict[str, object]:
        """The fields that may be written; others are skipped, as the portal does."""
        fields = value_of(given, "fields")
        if not isinstance(fields, Mapping):
            raise bad_argument("Parameter 'fields' must be array.")
        known = self._store.entity(entity).by_name
        return {
            str(name).upper(): value
            for name, value in fields.items()
            if (field := known.get(str(name).upper()))
            and not field.read_only
            and field.constant is None
        }

    # Descriptions

    def _fields(self, entity: str, _: Parameters) -> Answer:
        added = {one.name: one for one in self._store.user_fields(entity)}
        described = {}
        for field in self._store.entity(entity).fields:
            about = _described(field, added)
            if field.name in added:
                label = added[field.name].label
                about |= {"listLabel": label, "formLabel": label, "filterLabel": label}
                about["settings"] = _DEFAULTS_OF_USER_FIELDS.get(field.kind, {})
                about["title"] = field.name
            else:
                about["title"] = labels().title(field.name)
            if entity == "deal" and field.name == "CONTACT_ID":
                about["isDeprecated"] = True
            described[field.name] = about
        if entity == "deal":
            many = Field("CONTACT_IDS", Kind.CONTACT, multiple=True)
            described["CONTACT_IDS"] = _described(many, added) | {
                "title": labels().title("CONTACT_IDS")
            }
        return Answer(described)

    def _user_fields(self, entity: str, given: Parameters) -> Answer:
        code = self._store.entity(entity).code
        wanted = value_of(given, "filter")
        keys = {str(key).upper(): value for key, value in _mapping(wanted).items()}
        labelled = "LANG" in keys
        rows = [
            _user_field_row(900 + number, str(code), one, labelled=labelled)
            for number, one in enumerate(self._store.user_fields(entity), start=1)
        ]
        rows = [
            row
            for row in rows
            if all(
                str(row[key]) == str(value) for key, value in keys.items() if key in row
            )
        ]
        order = [
            str(one).upper() for one in _mapping(value_of(given, "order")).values()
        ]
        if order and order[0] == "DESC":
            rows.reverse()
        return Answer(rows, len(rows))


def _types(_: Parameters) -> Answer:
    """The demo portal has no smart processes."""
    return Answer({"types": []}, 0)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _first_row(start: object) -> int:
    """The first row of the page that ``start`` points into; -1 for the fast way."""
    number = to_integer(0 if start is None else start)
    return -1 if number < 0 else number // PAGE_SIZE * PAGE_SIZE


def _counted(page: Page, first: int, shape: Callable[[list[Row]], object]) -> Answer:
    if page.total is None:
        return Answer(shape(page.rows), 0)
    following = first + PAGE_SIZE
    return Answer(
        shape(page.rows), page.total, following if following < page.total else None
    )


def _entity_type(given: Parameters) -> int:
    value = value_of(given, "entityTypeId")
    if value is None:
        raise bad_argument("Could not find value for parameter {entityTypeId}", "100")
    return to_integer(value)


def _unsupported(type_id: int) -> Refusal:
    if type_id in _ENTITY_TYPES:
        name = _ENTITY_TYPES[type_id]
        return Refusal(
            400, "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {name} is not supported"
        )
    return Refusal(400, "NOT_FOUND", labels().texts["type_not_found"])


def _bindings(given: object) -> list[Condition]:
    """Activities of any of the given owners."""
    pairs = given if isinstance(given, list) else [given]
    owners = [
        (to_integer(pair.get("OWNER_TYPE_ID")), to_integer(pair.get("OWNER_ID")))
        for pair in pairs
        if isinstance(pair, Mapping)
    ]
    if not owners:
        return []
    one = '("OWNER_TYPE_ID" = ? AND "OWNER_ID" = ?)'
    return [
        Condition(
            "(" + " OR ".join([one] * len(owners)) + ")",
            tuple(value for pair in owners for value in pair),
        )
    ]


def _process(row: Row) -> str:
    if row["SEMANTICS"] == "S":
        return "success"
    if row["SEMANTICS"] == "F":
        return "failure" if row["SYSTEM"] == "Y" else "apology"
    return "process"


def _as_item(entity: Entity, row: Row, *, whole: bool, original: bool) -> Row:
    points = [
        point
        for name in ("PHONE", "EMAIL")
        for point in _list_of_rows(row.pop(name, None))
    ]
    if whole and "contactId" in entity.by_item:
        contact = row["contactId"]
        row["contactIds"] = [contact] if contact else []
        row["observers"] = []
    if any(one.kind is Kind.MULTIFIELD for one in entity.fields) and whole:
        row["fm"] = [
            {
                "id": to_integer(point["ID"]),
                "typeId": point["TYPE_ID"],
                "valueType": point["VALUE_TYPE"],
                "value": point["VALUE"],
            }
            for point in points
        ]
    if original:
        row = {_original_name(entity, name): value for name, value in row.items()}
    row["entityTypeId"] = entity.type_id
    return row


def _list_of_rows(value: object) -> list[Row]:
    return value if isinstance(value, list) else []


def _original_name(entity: Entity, name: str) -> str:
    field = entity.by_item.get(name)
    return field.name if field and field.is_user_field else name


def _described(field: Field, added: Mapping[str, UserField]) -> dict[str, object]:
    about: dict[str, object] = {
        "type": _TYPE_NAMES.get(field.kind, field.kind.value),
        "isRequired": False,
        "isReadOnly": field.read_only,
        "isImmutable": field.name == "CATEGORY_ID",
        "isMultiple": field.multiple,
        "isDynamic": field.name in added,
    }
    if field.status_list:
        about["statusType"] = field.status_list
    if field.name in added and added[field.name].options:
        about["items"] = [
            {"ID": str(key), "VALUE": value} for key, value in added[field.name].options
        ]
    return about


def _user_field_row(number: int, code: str, one: UserField, *, labelled: bool) -> Row:
    row: Row = {
        "ID": str(number),
        "ENTITY_ID": code,
        "FIELD_NAME": one.name,
        "USER_TYPE_ID": one.kind.value,
        "XML_ID": None,
        "SORT": "100",
        "MULTIPLE": "Y" if one.multiple else "N",
        "MANDATORY": "N",
        "SHOW_FILTER": "E",
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": {},
    }
    if labelled:
        for key in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL"):
            row[key] = one.label
        row["ERROR_MESSAGE"] = None
        row["HELP_MESSAGE"] = None
    if one.kind is Kind.ENUMERATION:
        row["LIST"] = [
            {
                "ID": str(key),
                "SORT": str(10 * place),
                "VALUE": value,
                "DEF": "N",
                "XML_ID": f"x{key}",
            }
            for place, (key, value) in enumerate(one.options, start=1)
        ]
    return row
