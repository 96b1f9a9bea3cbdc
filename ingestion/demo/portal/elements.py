"""The universal methods, smart processes, product rows and tasks.

Source: pages of the methods, apidocs.bitrix24.ru.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeGuard

from ingestion.demo.portal.errors import PortalError, Refusal, bad_argument
from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.paging import Answer, Method, Pages
from ingestion.demo.portal.parameters import Parameters, value_of
from ingestion.demo.portal.query import (
    Names,
    Order,
    conditions,
    orders,
    selected,
)
from ingestion.demo.portal.render import Cell, Form, Row, cell_of, coalesced, literal
from ingestion.demo.portal.schema import (
    BY_TYPE_ID,
    INVOICE_FUNNEL,
    INVOICE_TYPE,
    SMART_PROCESSES,
    Entity,
    Field,
    Kind,
    SmartProcess,
    UserField,
)
from ingestion.demo.portal.store import PortalStore
from ingestion.demo.portal.values import to_flag, to_integer

_ENTITY_TYPES: Final = {1: "LEAD", 3: "CONTACT", 4: "COMPANY", 5: "INVOICE"}
_DEAL_TYPE: Final = 2
_DEAL_OWNER: Final = "D"
_MADE_AT: Final = "2023-01-09T12:00:00+03:00"
# What a type may have, and what those of the agency do not.
_SWITCHES: Final = (
    *("Categories", "Stages", "BeginCloseDates", "Client", "UseInUserfield"),
    *("LinkWithProducts", "Mycompany", "Documents", "Source", "Observers"),
    *("Recyclebin", "Automation", "BizProc", "Payments", "Counters"),
)
_SWITCHED_OFF: Final = frozenset(
    {"Categories", "LinkWithProducts", "BizProc", "Payments", "Counters"}
)
_TASK_FILTER: Final = re.compile(r"(?:!|<=|>=|<|>)?[A-Za-z_]\w*")
_ACCOUNT_AS_TEXT: Final = """
    CASE WHEN "PRICE_ACCOUNT" IS NOT NULL THEN printf('%.2f', "PRICE_ACCOUNT") END
"""
_CELLS_OF_OLD_ROWS: Final = (
    Cell("ORIGINAL_PRODUCT_NAME", "NULL"),
    Cell("PRODUCT_DESCRIPTION", "NULL"),
    Cell("RESERVE_ID", "0"),
    Cell("DATE_RESERVE_END", literal("")),
    Cell("RESERVE_QUANTITY", "0"),
)
# The only contact of an element, and the phones and e-mails of a client.
_LIST_OF_CONTACT: Final = """
    CASE WHEN COALESCE("CONTACT_ID", 0) = 0 THEN '[]'
    ELSE json_array("CONTACT_ID") END
"""
_LIST_OF_POINTS: Final = """(
    SELECT json_group_array(json_object(
        'id', CAST(json_extract(point, '$.ID') AS INTEGER),
        'typeId', json_extract(point, '$.TYPE_ID'),
        'valueType', json_extract(point, '$.VALUE_TYPE'),
        'value', json_extract(point, '$.VALUE')
    )) FROM (
        SELECT value AS point FROM json_each(COALESCE("PHONE", '[]'))
        UNION ALL
        SELECT value FROM json_each(COALESCE("EMAIL", '[]'))
    )
)"""
_TYPE_NAMES: Final = {
    Kind.NUMBER: "integer",
    Kind.AMOUNT: "double",
    Kind.TRUTH: "char",
    Kind.JSON: "object",
}


class Elements:
    """The methods of one portal that know elements by their entity type."""

    def __init__(self, store: PortalStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._pages = Pages(store, faults)

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "crm.type.list": _types,
            "crm.category.list": self._categories,
            "crm.item.list": self._items,
            "crm.item.fields": self._item_fields,
            "crm.item.get": self._get,
            "crm.item.add": self._add,
            "crm.item.update": self._update,
            "crm.item.delete": self._delete,
            "crm.item.productrow.list": self._product_rows,
            "crm.deal.productrows.get": self._deal_rows,
            "tasks.task.list": self._tasks,
        }

    def _categories(self, given: Parameters) -> Answer:
        type_id = entity_type(given)
        if made := _made_funnel(type_id):
            return Answer({"categories": [made]}, 1)
        if type_id != _DEAL_TYPE:
            raise PortalError(unsupported(type_id))
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

    def _universal(self, given: Parameters) -> Names:
        type_id = entity_type(given)
        if type_id not in BY_TYPE_ID:
            raise PortalError(unsupported(type_id))
        return Names(self._store.entity(BY_TYPE_ID[type_id]), universal=True)

    def _items(self, given: Parameters) -> Answer:
        names = self._universal(given)
        select = value_of(given, "select")
        asked = set(select) if isinstance(select, list) else set()
        fields = selected(names, select)
        if names.entity.fields[0] not in fields:
            fields = (names.entity.fields[0], *fields)
        form = _item_form(
            names.entity,
            fields,
            whole=not asked or "*" in asked,
            original=to_flag(value_of(given, "useOriginalUfNames")) == "Y",
        )
        return self._pages.answer(
            names,
            form,
            conditions(names, value_of(given, "filter")),
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
            rows_in="items",
        )

    def _item_fields(self, given: Parameters) -> Answer:
        entity = self._universal(given).entity
        added = {one.name: one for one in self._store.user_fields(entity.name)}
        about: dict[str, object] = {}
        for field in entity.fields:
            if field.item is not None:
                about[field.item] = described(field, added) | {
                    "title": labels().title(field.name),
                    "upperName": field.name,
                }
        for name in ("CONTACT_IDS", "OBSERVERS"):
            if "contactId" in about:
                kind = Kind.CONTACT if name == "CONTACT_IDS" else Kind.USER
                about["contactIds" if kind is Kind.CONTACT else "observers"] = (
                    described(Field(name, kind, multiple=True), added)
                    | {"title": labels().title(name), "upperName": name}
                )
        return Answer({"fields": about})

    # One element

    def _get(self, given: Parameters) -> Answer:
        names = self._universal(given)
        return self._one(names, given, self._found(names, given))

    def _add(self, given: Parameters) -> Answer:
        names = self._universal(given)
        fields = _writable(names, given)
        try:
            row_id = self._store.create(names.entity.name, fields)
        except ValueError as error:
            raise bad_argument(str(error), "INVALID_ARG_VALUE") from error
        return self._one(names, given, row_id)

    def _update(self, given: Parameters) -> Answer:
        names = self._universal(given)
        row_id = self._found(names, given)
        fields = _writable(names, given)
        try:
            self._store.update(names.entity.name, row_id, fields)
        except ValueError as error:
            raise bad_argument(str(error), "INVALID_ARG_VALUE") from error
        return self._one(names, given, row_id)

    def _delete(self, given: Parameters) -> Answer:
        names = self._universal(given)
        self._store.delete(names.entity.name, self._found(names, given))
        return Answer([])

    def _found(self, names: Names, given: Parameters) -> int:
        row_id = to_integer(value_of(given, "id"))
        if row_id in self._faults.hidden[names.entity.name]:
            raise bad_argument("Access denied.", "ACCESS_DENIED")
        if not self._store.exists(names.entity.name, row_id):
            raise bad_argument(labels().texts["item_not_found"], "NOT_FOUND")
        return row_id

    def _one(self, names: Names, given: Parameters, row_id: int) -> Answer:
        original = value_of(given, "useOriginalUfNames")
        listed = self._items(
            {
                "entityTypeId": names.entity.type_id,
                "filter": {"id": row_id},
                "start": -1,
                "useOriginalUfNames": original,
            }
        )
        found = listed.result
        items = found["items"] if isinstance(found, dict) else []
        return Answer({"item": items[0]})

    # Product rows

    def _product_rows(self, given: Parameters) -> Answer:
        names = Names(self._store.entity("productrow"), universal=True)
        wanted = value_of(given, "filter")
        keys = {str(key).lstrip("=") for key in wanted} if _is_map(wanted) else set()
        if not {"ownerType", "ownerId"} <= keys:
            raise bad_argument(
                "Required filter fields: =ownerType, =ownerId", "INVALID_ARG_VALUE"
            )
        return self._pages.answer(
            names,
            _product_form(selected(names, value_of(given, "select"))),
            conditions(names, wanted),
            orders(names, value_of(given, "order")),
            value_of(given, "start"),
            rows_in="productRows",
        )

    def _deal_rows(self, given: Parameters) -> Answer:
        """All rows of one deal: the names are old, the numbers are numbers."""
        deal = self._found(Names(self._store.entity("deal")), given)
        entity = self._store.entity("productrow")
        names = Names(entity, universal=True)
        page = self._store.page(
            names,
            _old_product_form(entity),
            conditions=conditions(names, {"ownerType": _DEAL_OWNER, "ownerId": deal}),
            order=[Order("SORT")],
            limit=None,
            start=-1,
            hidden=frozenset(self._faults.hidden["productrow"]),
        )
        return Answer(page.written)

    # Tasks

    def _tasks(self, given: Parameters) -> Answer:
        """Filter keys are those of the table, keys of the answer are camelCase."""
        names = Names(self._store.entity("task"))
        wanted = value_of(given, "filter")
        for key in wanted if isinstance(wanted, Mapping) else ():
            if not _TASK_FILTER.fullmatch(str(key)):
                raise bad_argument(f"Unknown filter key {key}", "0")
        order = value_of(given, "order")
        for name in order if isinstance(order, Mapping) else ():
            if names.find(str(name)) is None:
                raise bad_argument(labels().texts["tasks_bad_sort"], "0")
        fields = selected(names, value_of(given, "select"))
        if names.entity.fields[0] not in fields:
            fields = (names.entity.fields[0], *fields)
        return self._pages.answer(
            names,
            _task_form(fields),
            conditions(names, wanted),
            orders(names, order),
            value_of(given, "start"),
            rows_in="tasks",
        )


def _types(_: Parameters) -> Answer:
    """The smart processes of the agency."""
    rows = [_as_type(one) for one in SMART_PROCESSES]
    return Answer({"types": rows}, len(rows))


def _as_type(process: SmartProcess) -> Row:
    return {
        "id": process.number,
        "title": labels().smart_processes[process.type_id],
        "code": "",
        "createdBy": 1,
        "entityTypeId": process.type_id,
        "customSectionId": None,
        **{
            f"is{part}Enabled": "N" if part in _SWITCHED_OFF else "Y"
            for part in _SWITCHES
        },
        "isSetOpenPermissions": "Y",
        "createdTime": _MADE_AT,
        "updatedTime": _MADE_AT,
        "updatedBy": 1,
    }


def _made_funnel(type_id: int) -> Row | None:
    """The only funnel of invoices or of a smart process."""
    numbers = {one.type_id: one.number for one in SMART_PROCESSES}
    funnel = (numbers | {INVOICE_TYPE: INVOICE_FUNNEL}).get(type_id)
    if funnel is None:
        return None
    return {
        "id": funnel,
        "name": labels().texts["only_funnel"],
        "sort": 100,
        "entityTypeId": type_id,
        "isDefault": "Y",
        "code": "",
    }


def _writable(names: Names, given: Parameters) -> dict[str, object]:
    """The fields that may be written; others are skipped, as the portal does."""
    fields = value_of(given, "fields")
    if not isinstance(fields, Mapping):
        raise bad_argument("Parameter 'fields' must be array.", "INVALID_ARG_VALUE")
    return {
        field.name: value
        for name, value in fields.items()
        if (field := names.find(str(name)))
        and not field.read_only
        and field.constant is None
    }


@lru_cache(maxsize=64)
def _product_form(fields: tuple[Field, ...]) -> Form:
    return Form([_product_cell(field, str(field.item)) for field in fields])


def _product_cell(field: Field, key: str) -> Cell:
    cell = cell_of(field, key, numbers=True)
    if field.name != "MEASURE_NAME":
        return cell
    return replace(cell, sql=coalesced(cell.sql, labels().texts["measure_piece"]))


@lru_cache(maxsize=64)
def _old_product_form(entity: Entity) -> Form:
    """The row of a deal: old names, ids and one of the prices as texts."""
    cells = {field.name: _product_cell(field, field.name) for field in entity.fields}
    for name in ("ID", "OWNER_ID"):
        cells[name] = cell_of(entity.by_name[name], name, numbers=False)
    cells["PRICE_ACCOUNT"] = Cell("PRICE_ACCOUNT", _ACCOUNT_AS_TEXT)
    return Form([*cells.values(), *_CELLS_OF_OLD_ROWS])


@lru_cache(maxsize=64)
def _task_form(fields: tuple[Field, ...]) -> Form:
    cells = [cell_of(field, str(field.item), numbers=False) for field in fields]
    state = [replace(cell, key="subStatus") for cell in cells if cell.key == "status"]
    return Form([*cells, *state])


def _is_map(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


@lru_cache(maxsize=256)
def _item_form(
    entity: Entity, fields: tuple[Field, ...], *, whole: bool, original: bool
) -> Form:
    """The row of ``crm.item.list``.

    Args:
        entity: Whose elements.
        fields: What is answered, the id included.
        whole: Everything was asked for.
        original: Fields that people added keep their names.
    """
    cells = [
        cell_of(
            field,
            field.name if original and field.is_user_field else str(field.item),
            numbers=True,
        )
        for field in fields
    ]
    if whole and "contactId" in entity.by_item:
        cells.append(Cell("contactIds", _LIST_OF_CONTACT, is_json=True))
        cells.append(Cell("observers", literal("[]"), is_json=True))
    if whole and any(one.kind is Kind.MULTIFIELD for one in entity.fields):
        cells.append(Cell("fm", _LIST_OF_POINTS, is_json=True))
    return Form([*cells, Cell("entityTypeId", str(entity.type_id))])


def described(field: Field, added: Mapping[str, UserField]) -> dict[str, object]:
    """A field as the methods that list fields describe it."""
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
    if field.kind is Kind.PARENT:
        about["settings"] = {"parentEntityTypeId": _DEAL_TYPE}
    if field.name in added and added[field.name].options:
        about["items"] = [
            {"ID": str(key), "VALUE": value} for key, value in added[field.name].options
        ]
    return about


def entity_type(given: Parameters) -> int:
    """The entity type a request means."""
    value = value_of(given, "entityTypeId")
    if value is None:
        raise bad_argument("Could not find value for parameter {entityTypeId}", "100")
    return to_integer(value)


def unsupported(type_id: int) -> Refusal:
    """What the universal methods say about a type they do not serve."""
    if type_id in _ENTITY_TYPES:
        name = _ENTITY_TYPES[type_id]
        return Refusal(
            400, "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {name} is not supported"
        )
    return Refusal(400, "NOT_FOUND", labels().texts["type_not_found"])
