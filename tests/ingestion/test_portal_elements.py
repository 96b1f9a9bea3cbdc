"""Invoices, product rows, tasks and smart processes of the portal."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.schema import ENTITIES, SMART_PROCESSES
from ingestion.demo.portal.store import PortalStore
from tests.ingestion.test_portal_answers import RECORDED, call, recorded, request_of
from tests.portal_server import RunningPortal, running_portal

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
ADVANCES = 1058

on_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded answers are not beside the checkout"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PortalStore]:
    with PortalStore(tmp_path / "portal.sqlite", clock=lambda: NOW) as made:
        made.create("deal", {"ID": 1000, "TITLE": "A"})
        yield made


@pytest.fixture
def portal(store: PortalStore) -> Iterator[RunningPortal]:
    with running_portal(store) as running:
        yield running


def result(portal: RunningPortal, method: str, **given: object) -> dict[str, object]:
    answered = portal.answer(method, **given)
    assert "result" in answered, answered
    return answered["result"]


def added(portal: RunningPortal, type_id: int, **fields: object) -> dict[str, object]:
    return result(portal, "crm.item.add", entityTypeId=type_id, fields=fields)["item"]


# Recorded shapes


@on_recorded
def test_smart_process_items_have_the_recorded_keys(
    portal: RunningPortal, store: PortalStore
) -> None:
    name = "crm.item.list.spa_1038.last.json"
    expected = recorded(name)["result"]["items"][0]
    method, params = request_of(name)
    store.create("spa_1038", {"TITLE": "A", "UF_CRM_12_AREA": 61.7})
    answered = call(portal, method, params | {"start": 0})["result"]["items"][0]
    own = {key for key in answered if key.startswith("ufCrm")}
    assert set(answered) - own == {
        key for key in expected if not key.startswith("ufCrm")
    }
    recorded_own = {key for key in expected if key.startswith("ufCrm")}
    assert {key.partition("_")[0] for key in own} == {
        key.partition("_")[0] for key in recorded_own
    }
    for key in ("id", "contactId", "contactIds", "opportunity", "observers", "xmlId"):
        assert type(answered[key]) in {type(expected[key]), float}, key


@on_recorded
def test_invoices_have_the_recorded_keys(
    portal: RunningPortal, store: PortalStore
) -> None:
    name = "crm.item.list.invoice_31.single.json"
    store.create("invoice", {"ACCOUNT_NUMBER": "80", "OPPORTUNITY": 165000})
    answered = call(portal, *request_of(name))["result"]["items"][0]
    expected = recorded(name)["result"]["items"][0]
    assert set(answered) == set(expected)
    assert answered["accountNumber"] == "80"
    assert answered["opportunity"] == expected["opportunity"]


@on_recorded
def test_product_rows_are_answered_as_recorded(
    portal: RunningPortal, store: PortalStore
) -> None:
    names = ("crm.item.productrow.list.json", "crm.deal.productrows.get.json")
    expected = recorded(names[1])["result"][0]
    known = {field.name for field in ENTITIES["productrow"].fields}
    row = {key: value for key, value in expected.items() if key in known}
    store.create("productrow", row | {"MEASURE_NAME": None})
    for name in names:
        answered = call(portal, *request_of(name))
        assert answered["result"] == recorded(name)["result"], name


@on_recorded
def test_tasks_are_answered_as_recorded(
    portal: RunningPortal, store: PortalStore
) -> None:
    tasks: list[dict[str, object]] = []
    for name in ("tasks.task.list.page1.json", "tasks.task.list.last.json"):
        tasks += recorded(name)["result"]["tasks"]
    names = {field.item: field.name for field in ENTITIES["task"].fields}
    store.bulk_insert(
        "task",
        {column: [one[item] for one in tasks] for item, column in names.items()},
    )
    for name in ("tasks.task.list.page1.json", "tasks.task.list.last.json"):
        answered, expected = call(portal, *request_of(name)), recorded(name)
        assert answered["result"] == expected["result"]
        assert answered["total"] == expected["total"]
        assert answered.get("next") == expected.get("next")


@on_recorded
def test_a_wrong_order_of_tasks_is_refused_as_recorded(portal: RunningPortal) -> None:
    answered = call(portal, "tasks.task.list", {"order": {"NOPE": "asc"}})
    assert answered == recorded("error.tasks_bad_sort_400.json")


@on_recorded
def test_smart_process_funnels_have_the_recorded_keys(portal: RunningPortal) -> None:
    name = "crm.category.list.spa_1038.json"
    answered = call(portal, *request_of(name))["result"]["categories"]
    expected = recorded(name)["result"]["categories"]
    assert [list(one) for one in answered] == [list(expected[0])]


# Smart processes


def test_every_smart_process_has_a_table_a_title_and_labelled_fields(
    store: PortalStore,
) -> None:
    texts = labels()
    for process in SMART_PROCESSES:
        assert texts.smart_processes[process.type_id]
        assert store.rows(process.name) == []
        for field in store.user_fields(process.name):
            assert field.label != field.name
            assert bool(field.options) == (field.kind == "enumeration")
    ids = [key for options in texts.options.values() for key in options]
    assert len(ids) == len(set(ids))


def test_an_item_lives_over_rest(portal: RunningPortal, store: PortalStore) -> None:
    item = added(
        portal,
        ADVANCES,
        title="Advance",
        parentId2=1000,
        opportunity=50000,
        ufCrm7_received="2026-03-01",
        ufCrm7_holder=105,
        ufCrm7_offsets="Y",
        ufCrm7_parent="T422_7",
    )
    assert item["stageId"] == "DT1058_7:NEW"
    assert item["ufCrm7_received"] == "2026-03-01T03:00:00+03:00"
    assert (item["ufCrm7_holder"], item["ufCrm7_offsets"]) == (105, "Y")
    assert (item["parentId2"], item["ufCrm7_parent"]) == (1000, "T422_7")
    about = {"entityTypeId": ADVANCES, "id": item["id"]}
    fields = {"stageId": "DT1058_7:SUCCESS", "id": 99, "createdTime": "2000-01-01"}
    changed = result(portal, "crm.item.update", **about, fields=fields)["item"]
    assert changed["id"] == item["id"]
    assert changed["createdTime"] == item["createdTime"]
    assert changed["previousStageId"] == "DT1058_7:NEW"
    assert result(portal, "crm.item.get", **about)["item"] == changed
    assert result(portal, "crm.item.delete", **about) == []
    gone = portal.answer("crm.item.get", **about)
    assert gone["error"] == "NOT_FOUND"
    store.restore("spa_1058", item["id"])
    assert result(portal, "crm.item.get", **about)["item"] == changed


def test_fields_keep_their_original_names_when_asked(portal: RunningPortal) -> None:
    fields = {"UF_CRM_7_HOLDER": 101}
    item = result(
        portal,
        "crm.item.add",
        entityTypeId=ADVANCES,
        fields=fields,
        useOriginalUfNames="Y",
    )["item"]
    assert item["UF_CRM_7_HOLDER"] == 101
    assert "ufCrm7_holder" not in item
    about = result(portal, "crm.item.fields", entityTypeId=ADVANCES)["fields"]
    assert about["ufCrm7_holder"]["upperName"] == "UF_CRM_7_HOLDER"
    assert [one["ID"] for one in about["ufCrm7_holder"]["items"]] == [
        *("101", "103", "105")
    ]
    assert about["parentId2"]["type"] == "crm_entity"


def test_items_are_found_by_their_deal_and_walked_by_id(portal: RunningPortal) -> None:
    for deal in (1000, 1001, 1000):
        added(portal, ADVANCES, parentId2=deal)
    found = result(
        portal,
        "crm.item.list",
        entityTypeId=ADVANCES,
        filter={"parentId2": 1000, ">id": 1},
        order={"id": "ASC"},
        start=-1,
    )["items"]
    assert [one["id"] for one in found] == [3]


def test_a_multiple_text_is_an_array(portal: RunningPortal) -> None:
    item = added(portal, 1046, ufCrm9_signatory=["Анна", "Борис"])
    assert item["ufCrm9_signatory"] == ["Анна", "Борис"]
    found = result(
        portal,
        "crm.item.list",
        entityTypeId=1046,
        filter={"ufCrm9_signatory": "Борис"},
    )["items"]
    assert [one["id"] for one in found] == [item["id"]]
    assert added(portal, 1046)["ufCrm9_signatory"] == []


def test_absences_have_neither_deal_nor_money(portal: RunningPortal) -> None:
    item = added(portal, 1066, ufCrm14_employee=5)
    assert item["ufCrm14_employee"] == 5
    assert not {"parentId2", "opportunity", "currencyId"} & set(item)


def test_an_older_file_grows_the_new_tables(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with PortalStore(path) as store:
        deal = store.create("deal", {"TITLE": "A"})
        with store.transaction():
            for table in ("spa_1058", "spa_1058_bin"):
                store._connection().execute(f"DROP TABLE {table}")
            store._connection().execute(
                "DELETE FROM userfield WHERE entity = 'spa_1058'"
            )
    with PortalStore(path) as store:
        store.create("spa_1058", {"UF_CRM_7_HOLDER": 101, "PARENT_ID_2": deal})
        assert store.count("spa_1058") == store.count("deal") == 1


def test_an_older_file_grows_the_new_fields_and_keeps_removed_ones_away(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.sqlite"
    with PortalStore(path) as store:
        store.remove_user_field("deal", "UF_CRM_PARENT_DEAL")
        store.remove_user_field("deal", "UF_CRM_IS_VOID")
        kept = store.note("offered") or ""
        store.set_note("offered", kept.replace("deal.UF_CRM_PARENT_DEAL", "x"))
    with PortalStore(path) as store:
        fields = store.entity("deal").by_name
        assert "UF_CRM_PARENT_DEAL" in fields
        assert "UF_CRM_IS_VOID" not in fields


# Product rows and tasks


def test_prices_of_a_product_row_follow_the_price(store: PortalStore) -> None:
    row = store.create(
        "productrow", {"OWNER_ID": 1000, "PRICE": 90, "DISCOUNT_SUM": 10}
    )
    columns: Mapping[str, list[object]] = {"ID": [row], "PRICE": [80]}
    store.bulk_insert("productrow", columns, upsert=True)
    kept = store.get("productrow", row)
    assert (kept["PRICE"], kept["PRICE_ACCOUNT"], kept["PRICE_NETTO"]) == (
        *("80", "80", "100"),
    )


def test_product_rows_need_an_owner(portal: RunningPortal) -> None:
    refused = portal.answer("crm.item.productrow.list", filter={"=ownerType": "D"})
    assert refused["error"] == "INVALID_ARG_VALUE"
    assert portal.answer("crm.deal.productrows.get", id=5)["error"] == "NOT_FOUND"


@pytest.mark.parametrize("key", ["@ID", "%TITLE", "=ID", "!%TITLE", "=%TITLE"])
def test_tasks_refuse_other_prefixes(portal: RunningPortal, key: str) -> None:
    assert portal.answer("tasks.task.list", filter={key: 1})["error"] == "0"


def test_tasks_are_filtered_by_the_prefixes_they_know(
    portal: RunningPortal, store: PortalStore
) -> None:
    for title in ("a", "b", "c", "d"):
        store.create("task", {"TITLE": title})
    for wanted, expected in (
        ({">ID": 2}, ["3", "4"]),
        ({"ID": [1, 4]}, ["1", "4"]),
        ({"!TITLE": "b", "<=ID": 3}, ["1", "3"]),
    ):
        tasks = result(
            portal,
            "tasks.task.list",
            filter=wanted,
            order={"ID": "asc"},
            select=["ID"],
            start=-1,
        )["tasks"]
        assert tasks == [{"id": one} for one in expected]
