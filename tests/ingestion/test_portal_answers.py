"""Answers of the demo portal against recorded shapes of the real one.

The recorded rows are loaded into a store; the portal must answer them letter for
letter. Their folder lies beside the checkout.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest

from ingestion.demo.portal.schema import Kind, UserField
from ingestion.demo.portal.store import PortalStore
from tests.portal_server import RunningPortal, running_portal

RECORDED = Path(__file__).parents[3] / "shared" / "fixtures" / "bitrix24"

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded answers are not beside the checkout"
)

# A link to a smart process: the demo portal has none.
LEFT_OUT = {"PARENT_ID_1038", "parentId1038"}
# Answered by the portal itself, whatever is kept.
COMPUTED = {"EXTRA", "TIMESTAMP_X", "LAST_ACTIVITY_DATE"}
# Named in the vendor's table of item fields, absent from the recorded items.
ITEM_FIELDS_BEYOND_RECORDED = {
    "additionalInfo",
    "comments",
    "isNew",
    "isRecurring",
    "isRepeatedApproach",
    "isReturnCustomer",
    "locationId",
    "originId",
    "originatorId",
    "probability",
    "quoteId",
    "sourceDescription",
    "ufCrm_1709100005",
    "ufCrm_1709100006",
    "ufCrm_1709100007",
}
USER_FIELDS = (
    UserField("deal", "UF_CRM_1709100001", Kind.MONEY, "Цена объекта"),
    UserField(
        "deal",
        "UF_CRM_1709100002",
        Kind.ENUMERATION,
        "Тип договора",
        options=((44, "Эксклюзив"), (46, "Обычный договор"), (48, "Без договора")),
    ),
    UserField(
        "deal",
        "UF_CRM_1709100003",
        Kind.ENUMERATION,
        "Форма оплаты",
        multiple=True,
        options=((52, "Ипотека"), (54, "Маткапитал")),
    ),
    UserField("deal", "UF_CRM_1709100004", Kind.BOOLEAN, "Есть обременение"),
    UserField("deal", "UF_CRM_1709100005", Kind.DATE, "Дата договора"),
    UserField("deal", "UF_CRM_1709100006", Kind.DOUBLE, "Площадь"),
    UserField("deal", "UF_CRM_1709100007", Kind.STRING, "Кадастровый номер"),
    UserField("lead", "UF_CRM_1709200001", Kind.ENUMERATION, "Тип заявки"),
)
ROW_FILES = {
    "deal": [
        "crm.deal.list.page1.json",
        "crm.deal.list.page2.json",
        "crm.deal.list.last.json",
    ],
    "lead": ["crm.lead.list.page1.json", "crm.lead.list.last.json"],
    "contact": ["crm.contact.list.page1.json", "crm.contact.list.last.json"],
    "company": ["crm.company.list.single.json"],
    "activity": ["crm.activity.list.page1.json", "crm.activity.list.last.json"],
    "stagehistory": [
        "crm.stagehistory.list.deal.page1.json",
        "crm.stagehistory.list.deal.last.json",
    ],
    "lead_stagehistory": ["crm.stagehistory.list.lead.json"],
    "user": ["user.get.page1.json", "user.get.last.json"],
    "department": ["department.get.json"],
    "status": ["crm.status.list.json"],
}
WHOLE_ANSWERS = [
    *(
        name
        for entity, names in ROW_FILES.items()
        for name in names
        if entity != "status"
    ),
    "crm.deal.list.fast.full_page.json",
    "crm.deal.list.fast.last_page.json",
    "crm.deal.list.empty.json",
    "crm.category.list.deal.json",
]


def recorded(name: str) -> dict[str, object]:
    return orjson.loads((RECORDED / name).read_bytes())


def recorded_rows(entity: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name in ROW_FILES[entity]:
        result = recorded(name)["result"]
        rows += result["items"] if isinstance(result, dict) else result
    return [
        {key: value for key, value in row.items() if key not in LEFT_OUT | COMPUTED}
        for row in rows
    ]


def request_of(name: str) -> tuple[str, dict[str, object]]:
    for one in recorded("_manifest.json")["fixtures"]:
        if one["file"] == name:
            return one["method"], one["params"]
    raise LookupError(name)


def without_time(body: Mapping[str, object]) -> object:
    return without_left_out({k: v for k, v in body.items() if k != "time"})


def without_left_out(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: without_left_out(one)
            for key, one in value.items()
            if key not in LEFT_OUT
        }
    if isinstance(value, list):
        return [without_left_out(one) for one in value]
    return value


def shape(value: object) -> object:
    """The keys and the kinds of values, with one shape per list."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    path = tmp_path_factory.mktemp("portal") / "portal.sqlite"
    with PortalStore(path, user_fields=USER_FIELDS) as store:
        for entity in ("status", *(name for name in ROW_FILES if name != "status")):
            rows = recorded_rows(entity)
            names = dict.fromkeys(name for row in rows for name in row)
            store.bulk_insert(
                entity, {name: [row.get(name) for row in rows] for name in names}
            )
        for category in recorded("crm.category.list.deal.json")["result"]["categories"]:
            store.create(
                "category",
                {
                    "ID": category["id"],
                    "NAME": category["name"],
                    "SORT": category["sort"],
                    "IS_DEFAULT": category["isDefault"],
                },
            )
        with running_portal(store) as running:
            yield running


def call(
    portal: RunningPortal, method: str, params: dict[str, object]
) -> dict[str, object]:
    return portal.answer(f"{method}.json", **params)


@pytest.mark.parametrize("name", WHOLE_ANSWERS)
def test_recorded_rows_are_answered_letter_for_letter(
    portal: RunningPortal, name: str
) -> None:
    method, params = request_of(name)
    expected = without_time(recorded(name))
    assert without_time(call(portal, method, params)) == expected


def test_statuses_are_answered_whole_and_in_order(portal: RunningPortal) -> None:
    """The recorded rows stand by dictionary, although the order asked is SORT."""
    name = "crm.status.list.json"
    method, params = request_of(name)
    answered = call(portal, method, params)
    expected = recorded(name)
    assert answered["total"] == expected["total"]
    assert by_id(answered["result"]) == by_id(expected["result"])
    sorts = [int(row["SORT"]) for row in answered["result"]]
    assert sorts == sorted(sorts)


def by_id(rows: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {row["ID"]: row for row in rows}


@pytest.mark.parametrize("name", WHOLE_ANSWERS)
def test_time_has_the_recorded_keys_and_kinds(portal: RunningPortal, name: str) -> None:
    method, params = request_of(name)
    answered = call(portal, method, params)["time"]
    assert shape(answered) == shape(recorded(name)["time"])


def test_items_have_the_recorded_values(portal: RunningPortal) -> None:
    for name in ("crm.item.list.deal.page1.json", "crm.item.list.deal.last.json"):
        method, params = request_of(name)
        answered = call(portal, method, params)["result"]["items"]
        expected = without_left_out(recorded(name)["result"]["items"])
        known = [
            {k: v for k, v in item.items() if k not in ITEM_FIELDS_BEYOND_RECORDED}
            for item in answered[: len(expected)]
        ]
        assert known == expected
        assert set(answered[0]) - set(expected[0]) == ITEM_FIELDS_BEYOND_RECORDED


def test_deal_fields_are_described_as_recorded(portal: RunningPortal) -> None:
    answered = call(portal, "crm.deal.fields", {})["result"]
    expected = without_left_out(recorded("crm.deal.fields.json")["result"])
    assert set(answered) == set(expected)
    assert {name: shape(one) for name, one in answered.items()} == {
        name: shape(one) for name, one in expected.items()
    }
    assert {name: one["type"] for name, one in answered.items()} == {
        name: one["type"] for name, one in expected.items()
    }


def test_item_fields_have_the_recorded_shape(portal: RunningPortal) -> None:
    answered = call(portal, "crm.item.fields", {"entityTypeId": 2})["result"]["fields"]
    expected = recorded("crm.item.fields.spa_1038.json")["result"]["fields"]
    for name in ("id", "title", "createdTime", "assignedById", "contactIds", "stageId"):
        assert shape(answered[name]) == shape(expected[name])
    assert answered["ufCrm_1709100001"]["upperName"] == "UF_CRM_1709100001"


def test_user_fields_have_the_recorded_shape(portal: RunningPortal) -> None:
    name = "crm.deal.userfield.list.json"
    method, params = request_of(name)
    answered = call(portal, method, params)
    expected = recorded(name)
    assert answered["total"] == expected["total"]
    assert [list(row) for row in answered["result"]] == [
        list(row) for row in expected["result"]
    ]
    assert [shape(row.get("LIST")) for row in answered["result"]] == [
        shape(row.get("LIST")) for row in expected["result"]
    ]
    for key in ("FIELD_NAME", "USER_TYPE_ID", "MULTIPLE", "EDIT_FORM_LABEL"):
        assert [row[key] for row in answered["result"]] == [
            row[key] for row in expected["result"]
        ]


def test_types_have_the_recorded_keys(portal: RunningPortal) -> None:
    answered = call(portal, "crm.type.list", {})
    assert set(answered) == set(recorded("crm.type.list.json"))
    expected = recorded("crm.type.list.json")["result"]["types"][0]
    types = {one["entityTypeId"]: one for one in answered["result"]["types"]}
    assert len(types) == answered["total"]
    assert set(types[1038]) == set(expected)
    assert types[1038]["title"] == expected["title"]
    assert types[1038]["id"] == expected["id"]


BATCHES = {
    "batch.ok.json": None,
    "batch.partial_error.json": {
        "ok": "crm.deal.list?order[ID]=ASC",
        "bad": "crm.item.list?entityTypeId=2&filter[NOPE]=1",
        "limited": "crm.lead.list",
    },
    "batch.all_failed.json": {"deals": "crm.lead.list", "nested": "batch"},
    "batch.halted.json": {"first": "crm.lead.list", "second": "crm.deal.list"},
    "batch.over_50.json": {
        f"c{number}": "crm.deal.list?filter[>ID]=9999&order[ID]=ASC"
        for number in range(52)
    },
}
PLANNED = {
    "batch.partial_error.json": "operation_time_limit",
    "batch.all_failed.json": "insufficient_scope",
    "batch.halted.json": "query_limit_exceeded",
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_have_the_recorded_maps(portal: RunningPortal, name: str) -> None:
    _, params = request_of(name)
    if BATCHES[name] is not None:
        params = params | {"cmd": BATCHES[name]}
    if name in PLANNED:
        portal.faults.fail_next(PLANNED[name], method="crm.lead.list")
    answered = call(portal, "batch", params)["result"]
    expected = recorded(name)["result"]
    assert list(answered) == list(expected)
    for key, values in expected.items():
        if name == "batch.over_50.json" and key in {"result_total", "result_time"}:
            assert shape(answered[key]["c0"]) == shape(values["c0"])
        elif isinstance(values, list):
            assert answered[key] == values
        elif name != "batch.over_50.json" or key == "result_error":
            assert set(answered[key]) == set(values)
        if key == "result_error" and name != "batch.all_failed.json":
            assert answered[key] == values


REFUSALS = {
    "error.method_not_found_404.json": ("crm.nothing.list", {}),
    "error.crm_empty_code_400.json": ("crm.deal.list", {"filter": "text"}),
    "error.entity_type_not_supported_400.json": (
        "crm.item.list",
        {"entityTypeId": 5},
    ),
    "error.item_type_not_found_400.json": ("crm.item.list", {"entityTypeId": 999}),
    "error.item_invalid_filter_400.json": (
        "crm.item.list",
        {"entityTypeId": 2, "filter": {"=NOPE": 1}},
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_as_recorded(portal: RunningPortal, name: str) -> None:
    method, params = REFUSALS[name]
    answer = portal.post(method, **params)
    assert answer.json() == recorded(name)
    assert str(answer.status_code) in name


SYSTEM = [
    "access_denied_tariff_403",
    "crm_access_denied_400",
    "expired_token_401",
    "https_required_400",
    "insufficient_scope_403",
    "internal_server_error_500",
    "invalid_credentials_403",
    "no_auth_found_401",
    "operation_time_limit_429",
    "overload_limit_503",
    "portal_deleted_500",
    "query_limit_exceeded_503",
    "unexpected_answer_500",
    "user_access_error_403",
]


@pytest.mark.parametrize("name", SYSTEM)
def test_planned_failures_are_as_recorded(portal: RunningPortal, name: str) -> None:
    fault, _, status = name.rpartition("_")
    portal.faults.fail_next(fault)
    answer = portal.post("crm.deal.list")
    assert answer.status_code == int(status)
    assert answer.json() == recorded(f"error.{name}.json")


def test_a_gateway_answers_html(portal: RunningPortal) -> None:
    portal.faults.fail_next("gateway_html")
    answer = portal.post("crm.deal.list")
    assert answer.status_code == 502
    expected = (RECORDED / "error.gateway_html_502.html").read_text()
    assert answer.text.strip() == expected.strip()
