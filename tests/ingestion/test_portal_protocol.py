"""The portal over HTTP: paging, batches, limits, failures, the card."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.limits import LeakyBucket, Limits, OperatingTime
from ingestion.demo.portal.parameters import parse_query, resolved
from ingestion.demo.portal.store import PortalStore
from tests.portal_server import RunningPortal, running_portal

DEALS = 120
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


class Seconds:
    """A clock of seconds that goes on when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PortalStore]:
    with PortalStore(tmp_path / "portal.sqlite", clock=lambda: NOW) as made:
        made.bulk_insert(
            "deal",
            {
                "ID": range(1, DEALS + 1),
                "TITLE": [f"Сделка {number}" for number in range(1, DEALS + 1)],
                "DATE_MODIFY": ["2026-03-01T10:00:00+03:00"] * DEALS,
            },
        )
        yield made


@pytest.fixture
def portal(store: PortalStore) -> Iterator[RunningPortal]:
    with running_portal(store) as running:
        yield running


def ids(body: dict[str, object]) -> list[int]:
    return [int(row["ID"]) for row in body["result"]]


# Paging


def test_pages_of_fifty_cover_every_row_once(portal: RunningPortal) -> None:
    seen: list[int] = []
    start: object = 0
    while start is not None:
        body = portal.answer("crm.deal.list", order={"ID": "ASC"}, start=start)
        assert body["total"] == DEALS
        seen += ids(body)
        start = body.get("next")
    assert seen == list(range(1, DEALS + 1))


def test_a_full_last_page_has_no_next(portal: RunningPortal) -> None:
    body = portal.answer("crm.deal.list", filter={"<=ID": 100}, start=50)
    assert len(body["result"]) == 50
    assert "next" not in body


def test_the_fast_way_counts_nothing(portal: RunningPortal) -> None:
    body = portal.answer(
        "crm.deal.list", order={"ID": "ASC"}, filter={">ID": 50}, start=-1
    )
    assert ids(body) == list(range(51, 101))
    assert body["total"] == 0
    assert "next" not in body


def test_rows_of_one_second_on_a_page_border_are_not_lost(
    portal: RunningPortal,
) -> None:
    pages = [
        ids(portal.answer("crm.deal.list", order={"DATE_MODIFY": "ASC"}, start=start))
        for start in (0, 50, 100)
    ]
    assert sorted(number for page in pages for number in page) == list(
        range(1, DEALS + 1)
    )


def test_a_row_created_during_the_walk_makes_the_total_grow(
    portal: RunningPortal, store: PortalStore
) -> None:
    assert portal.answer("crm.deal.list", start=0)["total"] == DEALS
    store.create("deal", {})
    assert portal.answer("crm.deal.list", start=50)["total"] == DEALS + 1


def test_a_listener_changes_rows_between_two_pages(
    portal: RunningPortal, store: PortalStore
) -> None:
    portal.faults.listeners.append(lambda _: store.update("deal", 3, {"TITLE": "иная"}))
    portal.answer("crm.deal.list", start=0)
    window = {">DATE_MODIFY": "2026-03-01T10:00:00+03:00"}
    assert ids(portal.answer("crm.deal.list", filter=window)) == [3]


def test_rows_hidden_by_rights_are_silently_absent(portal: RunningPortal) -> None:
    portal.faults.hide("deal", [1, 2])
    body = portal.answer("crm.deal.list", start=0)
    assert ids(body)[0] == 3
    assert body["total"] == DEALS - 2
    assert portal.answer("crm.deal.get", id=1)["error_description"] == "Access denied."
    portal.faults.show("deal", [1, 2])
    assert portal.answer("crm.deal.list", start=0)["total"] == DEALS


# Ways to call


def test_forms_query_strings_and_json_say_the_same(portal: RunningPortal) -> None:
    url = f"{portal.webhook_url}/crm.deal.list.json"
    pairs = [("filter[>ID]", "100"), ("order[ID]", "DESC"), ("select[]", "ID")]
    json = {"filter": {">ID": 100}, "order": {"ID": "DESC"}, "select": ["ID"]}
    answers = [
        requests.get(url, params=pairs, timeout=60),
        requests.post(url, data=pairs, timeout=60),
        requests.post(url, json=json, timeout=60),
    ]
    rows = [answer.json()["result"] for answer in answers]
    assert (
        rows[0] == rows[1] == rows[2] == [{"ID": str(n)} for n in range(120, 100, -1)]
    )


def test_a_wrong_code_is_refused(portal: RunningPortal) -> None:
    answer = requests.post(f"{portal.url}/rest/1/other/crm.deal.list", timeout=60)
    assert answer.status_code == 401
    assert answer.json()["error"] == "NO_AUTH_FOUND"


def test_a_deal_is_added_changed_and_deleted_over_rest(portal: RunningPortal) -> None:
    added = portal.answer("crm.deal.add", fields={"TITLE": "Дом", "DATE_CREATE": "x"})
    deal = added["result"]
    assert isinstance(deal, int)
    changed = portal.answer("crm.deal.update", id=deal, fields={"STAGE_ID": "WON"})
    assert changed["result"] is True
    row = portal.answer("crm.deal.get", id=deal)["result"]
    assert (row["TITLE"], row["STAGE_ID"]) == ("Дом", "WON")
    moves = portal.answer(
        "crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": deal}
    )
    assert [one["STAGE_ID"] for one in moves["result"]["items"]] == ["NEW", "WON"]
    assert portal.answer("crm.deal.delete", id=deal)["result"] is True
    gone = portal.post("crm.deal.get", id=deal)
    assert (gone.status_code, gone.json()["error"]) == (400, "")


def test_other_entities_are_added_over_rest(portal: RunningPortal) -> None:
    for entity in ("lead", "contact", "company", "activity"):
        row_id = portal.answer(f"crm.{entity}.add", fields={"OPENED": "Y"})["result"]
        assert ids(portal.answer(f"crm.{entity}.list")) == [row_id]
        assert portal.answer(f"crm.{entity}.delete", id=row_id)["result"] is True
        assert portal.answer(f"crm.{entity}.list")["result"] == []


def test_a_contact_is_found_by_phone(portal: RunningPortal) -> None:
    phones = [{"VALUE": "+70000000001", "VALUE_TYPE": "MOBILE"}]
    contact = portal.answer("crm.contact.add", fields={"NAME": "Анна", "PHONE": phones})
    body = portal.answer(
        "crm.contact.list",
        filter={"PHONE": "+70000000001"},
        select=["ID", "HAS_PHONE", "PHONE"],
    )
    (row,) = body["result"]
    assert (row["ID"], row["HAS_PHONE"]) == (str(contact["result"]), "Y")
    assert row["PHONE"][0]["VALUE_TYPE"] == "MOBILE"
    item = portal.answer("crm.item.list", entityTypeId=3)["result"]["items"][0]
    assert item["fm"][0]["value"] == "+70000000001"


def test_users_are_filtered_beside_and_inside_filter(
    portal: RunningPortal, store: PortalStore
) -> None:
    store.bulk_insert(
        "user",
        {
            "ID": [1, 2, 3],
            "ACTIVE": [True, False, True],
            "UF_DEPARTMENT": [[1], [2], [2, 3]],
        },
    )
    assert ids(portal.answer("user.get", FILTER={"ACTIVE": True})) == [1, 3]
    assert ids(portal.answer("user.get", ACTIVE=False)) == [2]
    assert ids(portal.answer("user.get", sort="ID", order="DESC")) == [3, 2, 1]
    assert ids(portal.answer("user.get", FILTER={"UF_DEPARTMENT": 2})) == [2, 3]
    assert ids(portal.answer("user.get", ID=2)) == [2]


def test_departments_are_filtered_by_parent(
    portal: RunningPortal, store: PortalStore
) -> None:
    store.bulk_insert(
        "department",
        {"ID": [1, 2, 3], "NAME": ["a", "b", "c"], "PARENT": [None, 1, 1]},
    )
    assert ids(portal.answer("department.get", PARENT=1)) == [2, 3]
    assert "PARENT" not in portal.answer("department.get", ID=1)["result"][0]


def test_activities_are_found_by_their_bindings(
    portal: RunningPortal, store: PortalStore
) -> None:
    store.bulk_insert("activity", {"OWNER_ID": [1, 2, 3], "OWNER_TYPE_ID": [2, 2, 3]})
    bindings = [
        {"OWNER_ID": 1, "OWNER_TYPE_ID": 2},
        {"OWNER_ID": 3, "OWNER_TYPE_ID": 3},
    ]
    body = portal.answer("crm.activity.list", filter={"BINDINGS": bindings})
    assert ids(body) == [1, 3]


def test_original_names_of_user_fields_come_when_asked(portal: RunningPortal) -> None:
    plain = portal.answer("crm.item.list", entityTypeId=2)["result"]["items"][0]
    named = portal.answer(
        "crm.item.list",
        entityTypeId=2,
        useOriginalUfNames="Y",
        filter={"=UF_CRM_IS_TEST": ""},
    )["result"]["items"][0]
    assert "ufCrmDealOwner" in plain
    assert "UF_CRM_DEAL_OWNER" in named
    assert "ufCrmDealOwner" not in named


@pytest.mark.parametrize(
    "parameters",
    [
        {"filter": {">ID": 10**30}},
        {"filter": {"ID": {"a": 1}, "OPENED": ["Y"], "@ID": {"x": []}}},
        {"filter": [[[]]], "order": "ID", "select": 5, "start": []},
        {"filter": {"OPENED": {}}, "order": [1], "start": {"a": 1}},
        {"filter": {"UF_CRM_DEAL_OWNER": {"a": "b"}, ">OPPORTUNITY": "x"}},
    ],
)
def test_odd_parameters_never_break_the_portal(
    portal: RunningPortal, parameters: dict[str, object]
) -> None:
    for method in ("crm.deal.list", "crm.item.list", "user.get"):
        answer = portal.post(method, entityTypeId=2, **parameters)
        assert answer.status_code in {200, 400}


# Batches


def batch(
    portal: RunningPortal, commands: dict[str, str] | list[str], halt: int = 0
) -> dict[str, dict[str, object]]:
    return portal.answer("batch", halt=halt, cmd=commands)["result"]


def fast(last: object) -> str:
    return "crm.deal.list?" + urlencode(
        {"order[ID]": "ASC", "filter[>ID]": last, "select[]": "ID", "start": -1}
    )


def test_pages_are_chained_by_references(portal: RunningPortal) -> None:
    commands = {"p0": fast(0)} | {
        f"p{n}": fast(f"$result[p{n - 1}][49][ID]") for n in range(1, 3)
    }
    pages = batch(portal, commands)["result"]
    read = [int(row["ID"]) for page in pages.values() for row in page]
    assert read == list(range(1, DEALS + 1))


def test_a_reference_to_nothing_starts_from_the_beginning(
    portal: RunningPortal,
) -> None:
    """As on a real portal; a reader stops at the first short page."""
    pages = batch(portal, {"p0": fast(110), "p1": fast("$result[p0][49][ID]")})
    assert [row["ID"] for row in pages["result"]["p1"]][:2] == ["1", "2"]


def test_references_walk_into_items_and_new_ids(portal: RunningPortal) -> None:
    results = batch(
        portal,
        {
            "new": "crm.deal.add?fields[TITLE]=a",
            "moves": "crm.stagehistory.list?entityTypeId=2"
            "&filter[OWNER_ID]=$result[new]",
            "owner": "crm.deal.get?id=$result[moves][items][0][OWNER_ID]",
        },
    )["result"]
    assert results["owner"]["ID"] == str(results["new"])


def test_an_error_does_not_stop_a_batch_without_halt(portal: RunningPortal) -> None:
    body = batch(portal, {"a": "crm.nope.list", "b": "crm.deal.list"})
    assert list(body["result"]) == list(body["result_time"]) == ["b"]
    assert body["result_error"]["a"]["error"] == "ERROR_METHOD_NOT_FOUND"


def test_halt_stops_after_the_first_failure(portal: RunningPortal) -> None:
    body = batch(
        portal, {"a": "crm.deal.list", "b": "crm.nope.list", "c": "crm.deal.list"}, 1
    )
    assert list(body["result"]) == ["a"]
    assert list(body["result_error"]) == ["b"]


def test_a_batch_in_a_batch_is_refused(portal: RunningPortal) -> None:
    body = batch(portal, {"a": "batch?cmd[x]=crm.deal.list"})
    assert body["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def test_numbered_commands_answer_with_arrays(portal: RunningPortal) -> None:
    """PHP writes a map numbered from zero as an array."""
    body = batch(portal, ["crm.deal.list", "crm.lead.list"])
    assert [len(page) for page in body["result"]] == [50, 0]
    assert body["result_total"] == [DEALS, 0]


def test_a_failure_inside_a_batch_is_an_inner_error(portal: RunningPortal) -> None:
    portal.faults.fail_next("query_limit_exceeded", method="crm.deal.list")
    body = batch(portal, {"a": "crm.deal.list", "b": "crm.deal.list"})
    assert body["result_error"]["a"]["error"] == "QUERY_LIMIT_EXCEEDED"
    assert len(body["result"]["b"]) == 50


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1&b[]=x&b[]=y", {"a": "1", "b": ["x", "y"]}),
        ("f[>ID]=5&f[@T][]=a", {"f": {">ID": "5", "@T": ["a"]}}),
        ("f[0][logic]=OR&f[0][0][a]=1", {"f": [{"logic": "OR", "0": {"a": "1"}}]}),
        (
            "f[%3E%3DD]=2026-03-01T00%3A00%3A00%2B03%3A00",
            {"f": {">=D": "2026-03-01T00:00:00+03:00"}},
        ),
    ],
)
def test_query_strings_nest_as_in_php(query: str, expected: object) -> None:
    assert parse_query(query) == expected


def test_references_stand_inside_texts_too() -> None:
    results = {"a": [{"ID": "7"}]}
    assert resolved({"x": ["D_$result[a][0][ID]"]}, results) == {"x": ["D_7"]}
    assert resolved("$result[a][5][ID]", results) == ""


# Limits


def test_fifty_requests_pass_at_once_and_two_a_second_after() -> None:
    seconds = Seconds()
    bucket = LeakyBucket(Limits(clock=seconds))
    assert [bucket.admits() for _ in range(51)] == [True] * 50 + [False]
    seconds.now += 1
    assert [bucket.admits() for _ in range(3)] == [True, True, False]


def test_a_full_bucket_answers_503_and_a_batch_counts_as_one(
    store: PortalStore,
) -> None:
    limits = Limits(bucket=2, clock=Seconds())
    with running_portal(store, limits=limits) as portal:
        assert len(batch(portal, {str(n) + "x": "crm.deal.list" for n in range(9)}))
        assert "result" in portal.answer("crm.deal.list")
        answer = portal.post("crm.deal.list")
    assert answer.status_code == 503
    assert answer.json()["error"] == "QUERY_LIMIT_EXCEEDED"


def test_operating_time_grows_per_method(portal: RunningPortal) -> None:
    first = portal.answer("crm.deal.list")["time"]
    second = portal.answer("crm.deal.list")["time"]
    assert second["operating"] > first["operating"] > 0
    assert second["operating_reset_at"] > second["start"]


def test_the_call_over_the_operating_limit_ends_and_the_next_is_refused(
    store: PortalStore,
) -> None:
    limits = Limits(is_rate_limited=False, operating_seconds=1e-9)
    with running_portal(store, limits=limits) as portal:
        assert "result" in portal.answer("crm.deal.list")
        answer = portal.post("crm.deal.list")
        assert answer.status_code == 429
        assert answer.json()["error"] == "OPERATION_TIME_LIMIT"
        assert "result" in portal.answer("crm.lead.list")


def test_a_method_is_free_again_when_its_basket_leaves() -> None:
    seconds = Seconds()
    operating = OperatingTime(Limits(clock=seconds))
    operating.exhaust("crm.deal.list")
    assert operating.is_blocked("crm.deal.list")
    assert not operating.is_blocked("crm.lead.list")
    wait = operating.seconds_to_reset("crm.deal.list")
    assert 540 <= wait <= 600
    seconds.now += wait
    assert not operating.is_blocked("crm.deal.list")


def test_a_test_uses_the_operating_time_of_a_method_up(portal: RunningPortal) -> None:
    reset = portal.answer("crm.deal.list")["time"]["operating_reset_at"]
    portal.faults.exhaust_operating("crm.deal.list")
    body = batch(portal, {"a": "crm.deal.list", "b": "crm.lead.list"})
    assert body["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
    assert list(body["result"]) == ["b"]
    assert portal.post("crm.deal.list").status_code == 429
    assert reset > NOW.timestamp()


# Failures


def test_planned_failures_pass_after_their_count(portal: RunningPortal) -> None:
    portal.faults.fail_next("internal_server_error", count=2)
    portal.faults.fail_next("gateway_html")
    statuses = [portal.post("crm.deal.list").status_code for _ in range(4)]
    assert statuses == [500, 500, 502, 200]


def test_a_planned_timeout_never_answers(portal: RunningPortal) -> None:
    portal.faults.fail_next("timeout")
    with pytest.raises(requests.Timeout):
        requests.post(f"{portal.webhook_url}/crm.deal.list", timeout=0.2)
    assert "result" in portal.answer("crm.deal.list")


@pytest.mark.parametrize(
    ("fault", "code"),
    [("crm_access_denied", ""), ("text_zero", "0"), ("number_zero", 0)],
)
def test_error_codes_come_in_every_form(
    portal: RunningPortal, fault: str, code: object
) -> None:
    portal.faults.fail_next(fault)
    body = portal.answer("crm.deal.list")
    assert body["error"] == code
    assert type(body["error"]) is type(code)


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Faults().fail_next("nonsense")


# The card


def test_the_card_shows_a_deal_with_everything_escaped(
    portal: RunningPortal, store: PortalStore
) -> None:
    store.create("user", {"ID": 5, "NAME": "Анна", "LAST_NAME": "Лебедева"})
    store.bulk_insert(
        "status",
        {
            "ENTITY_ID": ["DEAL_TYPE", "SOURCE", "DEAL_STAGE", "DEAL_STAGE_1"],
            "STATUS_ID": ["CALL", "CALL", "NEW", "C1:NEW"],
            "NAME": ["Не это", "Звонок", "И не это", "Заявка"],
        },
    )
    deal = store.create(
        "deal",
        {
            "TITLE": "<script>alert(1)</script>",
            "UF_CRM_DEAL_OWNER": [5],
            "UF_CRM_COMMISSION": "450000.00|RUB",
            "UF_CRM_REFUSAL_REASON": 41,
            "UF_CRM_CONTRACT_DATE": "2026-03-02",
            "SOURCE_ID": "CALL",
            "CATEGORY_ID": 1,
        },
    )
    answer = requests.get(f"{portal.url}/crm/deal/details/{deal}/", timeout=60)
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    for shown in (
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        f"Сделка №{deal}",
        "Анна Лебедева",
        "450\u00a0000,00 RUB",
        "Не устроила цена",
        "02.03.2026",
        "Звонок",
        "Заявка",
    ):
        assert shown in answer.text
    assert "не это" not in answer.text.lower()


def test_a_missing_deal_has_no_card(portal: RunningPortal) -> None:
    answer = requests.get(f"{portal.url}/crm/deal/details/999/", timeout=60)
    assert answer.status_code == 404


# The command


def test_the_command_serves_a_store_on_loopback(store: PortalStore) -> None:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "ingestion.demo.portal", "--store", store.path),
            *("--port", "0", "--webhook", "7/secret", "--no-limit"),
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            answers = [
                requests.post(
                    f"{url}/rest/7/secret/crm.deal.list", timeout=60
                ).status_code
                for _ in range(60)
            ]
        finally:
            process.terminate()
    assert url.startswith("http://127.0.0.1:")
    assert set(answers) == {200}
    port = int(url.rpartition(":")[2])
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port)) != 0
