"""The REST methods: parameters in, result with total and next out.

Source: pages of the methods, apidocs.bitrix24.ru.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from ingestion.demo.portal.elements import Elements, described, entity_type, unsupported
from ingestion.demo.portal.errors import (
    METHOD_NOT_FOUND,
    PortalError,
    bad_argument,
)
from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.paging import Answer, Method, Pages
from ingestion.demo.portal.parameters import Parameters, value_of
from ingestion.demo.portal.query import (
    Condition,
    Names,
    conditions,
    orders,
    selected,
)
from ingestion.demo.portal.render import Row
from ingestion.demo.portal.schema import (
    Field,
    Kind,
    UserField,
)
from ingestion.demo.portal.store import PortalStore
from ingestion.demo.portal.values import to_integer

_EDITABLE: Final = ("deal", "lead", "contact", "company", "activity")
_WITH_USER_FIELDS: Final = ("deal", "lead", "contact", "company")
_HISTORY_OF: Final = {1: "lead_stagehistory", 2: "stagehistory"}
_OLD_INVOICE: Final = 5
_NOT_FOUND: Final = "Not found"
_PLAIN_KEYS: Final = frozenset(
    {"sort", "order", "filter", "FILTER", "select", "SELECT", "start", "START"}
)
_DEFAULTS_OF_USER_FIELDS: Final[Mapping[Kind, dict[str, object]]] = {
    Kind.MONEY: {"DEFAULT_VALUE": ""},
    Kind.ENUMERATION: {"DISPLAY": "LIST"},
    Kind.DOUBLE: {"PRECISION": 2},
}


class Methods:
    """The methods of one portal, by name."""

    def __init__(self, store: PortalStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._pages = Pages(store, faults)
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
            **Elements(self._store, self._faults).table(),
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
        return self._pages.answer(
            names,
            selected(names, value_of(given, "select")),
            found,
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
        )

    def _stage_history(self, given: Parameters) -> Answer:
        type_id = entity_type(given)
        if type_id not in _HISTORY_OF:
            raise PortalError(unsupported(type_id))
        names = Names(self._store.entity(_HISTORY_OF[type_id]))
        return self._pages.answer(
            names,
            selected(names, value_of(given, "select")),
            conditions(names, value_of(given, "filter")),
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
            rows_in="items",
        )

    def _plain(self, entity: str, given: Parameters) -> Answer:
        """``user.get`` and ``department.get``: filter keys may stand beside others."""
        names = Names(self._store.entity(entity))
        beside = {key: value for key, value in given.items() if key not in _PLAIN_KEYS}
        sort = given.get("sort", given.get("SORT") if entity == "user" else None)
        order = value_of(given, "order")
        if isinstance(sort, str):
            order = {sort: order or "ASC"}
        return self._pages.answer(
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
        fields = {}
        for field in self._store.entity(entity).fields:
            about = described(field, added)
            if field.name in added:
                label = added[field.name].label
                about |= {"listLabel": label, "formLabel": label, "filterLabel": label}
                about["settings"] = _DEFAULTS_OF_USER_FIELDS.get(field.kind, {})
                about["title"] = field.name
            else:
                about["title"] = labels().title(field.name)
            if entity == "deal" and field.name == "CONTACT_ID":
                about["isDeprecated"] = True
            fields[field.name] = about
        if entity == "deal":
            many = Field("CONTACT_IDS", Kind.CONTACT, multiple=True)
            fields["CONTACT_IDS"] = described(many, added) | {
                "title": labels().title("CONTACT_IDS")
            }
        return Answer(fields)

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


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


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
