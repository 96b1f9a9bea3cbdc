"""Bitrix24: calls as text, recorded answers, and walks over a real portal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import orjson
import pytest

from ingestion.demo.portal.limits import Limits
from ingestion.demo.portal.store import PortalStore
from ingestion.http import (
    JsonObject,
    JsonValue,
    RefusedError,
    RetryPolicy,
    SourceError,
    UnavailableError,
)
from ingestion.sources.bitrix24.client import Portal
from ingestion.sources.bitrix24.helpers import (
    Command,
    FieldTypeChangedError,
    Kind,
    declared_kinds,
    latest,
    map_of,
    row_hash,
    rows_of,
    to_arrow,
    webhook_parts,
    without,
)
from ingestion.sources.bitrix24.settings import (
    CATEGORIES,
    COMPANIES,
    CONTACTS,
    DEAL_USERFIELDS,
    DEALS,
    LEADS,
    STAGE_HISTORY,
    TABLES,
    USERS,
)
from tests.ingestion.bitrix24_agency import SECRET, WEBHOOK, Waiting
from tests.portal_server import RunningPortal, running_portal

RECORDED = Path(__file__).parent / "recorded_bitrix24"
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


def recorded(name: str) -> JsonObject:
    body: JsonObject = orjson.loads((RECORDED / f"{name}.json").read_bytes())
    return body


# Calls and answers


def test_parameters_are_written_as_php_reads_them() -> None:
    command = Command(
        "crm.deal.list",
        {
            "select": ["*", "UF_*"],
            "filter": {">=DATE_MODIFY": "2026-03-02T09:00:00+03:00", "@ID": [1, 2]},
            "start": -1,
            "nothing": None,
        },
    )
    method, _, query = str(command).partition("?")
    assert method == "crm.deal.list"
    assert "+" not in query
    assert parse_qsl(query, keep_blank_values=True) == [
        ("select[0]", "*"),
        ("select[1]", "UF_*"),
        ("filter[>=DATE_MODIFY]", "2026-03-02T09:00:00+03:00"),
        ("filter[@ID][0]", "1"),
        ("filter[@ID][1]", "2"),
        ("start", "-1"),
        ("nothing", ""),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://portal.example/rest/1/c0de",
        "https://portal.example/rest/1/c0de/",
        "https://portal.example/rest/1/c0de/profile.json",
        " https://portal.example/rest/1/c0de/ ",
    ],
)
def test_a_webhook_address_may_be_pasted_as_the_portal_shows_it(url: str) -> None:
    assert webhook_parts(url) == ("https://portal.example/rest/1/c0de/", "c0de")


@pytest.mark.parametrize("url", ["https://portal.example/", "https://x/rest/c0de/"])
def test_an_address_that_is_no_webhook_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="inbound webhook"):
        webhook_parts(url)


def test_an_empty_map_of_php_is_an_empty_map() -> None:
    result = map_of(recorded("batch.all_failed")["result"])
    assert map_of(result["result"]) == {}
    assert set(map_of(result["result_error"])) == {"deals", "nested"}


def test_rows_are_found_where_each_method_keeps_them() -> None:
    history = recorded("crm.stagehistory.list.deal.last")["result"]
    assert len(rows_of(history, "items") or []) > 10
    assert len(rows_of(recorded("user.get.last")["result"], "") or []) == 2
    assert rows_of([], "items") == []
    assert rows_of({"ID": "1"}, "") is None


# Rows and columns


def test_values_land_as_texts_and_arrays_as_json() -> None:
    rows = rows_of(recorded("user.get.last")["result"], "")
    assert rows
    kinds = declared_kinds(USERS, {})
    table = to_arrow(USERS, without(rows, USERS.left_out), kinds, loaded_at=NOW)
    first = table.to_pylist()[0]
    assert first["active"] == "true"
    assert first["uf_department"] == "[4]"
    assert first["xml_id"] == ""
    assert first["_loaded_at"] == NOW
    assert table.column_names[-2:] == ["_row_hash", "_loaded_at"]


def test_numbers_land_as_the_portal_wrote_them() -> None:
    rows = rows_of(recorded("crm.category.list.deal")["result"], "categories")
    assert rows
    table = to_arrow(CATEGORIES, rows, declared_kinds(CATEGORIES, {}), loaded_at=NOW)
    assert table.column("id").to_pylist() == ["4", "0"]
    assert table.column("entity_type_id").to_pylist() == ["2", "2"]
    assert table.column("origin_id").to_pylist() == ["", None]


def test_a_multiple_user_field_is_json_although_no_deal_has_it_filled() -> None:
    fields = rows_of(recorded("crm.deal.userfield.list")["result"], "")
    assert fields
    kinds = declared_kinds(DEALS, {}, fields)
    assert kinds["uf_crm_1709100001"] is Kind.TEXT
    assert kinds["uf_crm_1709100003"] is Kind.JSON


def test_an_empty_multiple_field_of_a_contact_is_recognised_by_its_false() -> None:
    kinds: dict[str, Kind] = {}
    to_arrow(CONTACTS, [{"ID": "1", "UF_CRM_TAGS": False}], kinds, loaded_at=NOW)
    assert kinds == {"id": Kind.TEXT, "uf_crm_tags": Kind.JSON}


def test_a_field_that_is_always_empty_makes_no_column() -> None:
    kinds: dict[str, Kind] = {}
    to_arrow(LEADS, [{"ID": "1", "UF_CRM_NEW": None}], kinds, loaded_at=NOW)
    assert kinds == {"id": Kind.TEXT}
    to_arrow(LEADS, [{"ID": "1", "UF_CRM_NEW": "x"}], kinds, loaded_at=NOW)
    assert kinds == {"id": Kind.TEXT, "uf_crm_new": Kind.TEXT}


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Kind.TEXT, [1]), (Kind.TEXT, {"a": 1}), (Kind.JSON, "12"), (Kind.JSON, 12)],
)
def test_a_field_that_changes_its_type_is_an_error(
    kind: Kind, value: JsonValue
) -> None:
    kinds = {"id": Kind.TEXT, "uf_crm_x": kind}
    rows: list[JsonObject] = [{"ID": "1", "UF_CRM_X": value}]
    with pytest.raises(FieldTypeChangedError, match=r"leads\.UF_CRM_X held"):
        to_arrow(LEADS, rows, kinds, loaded_at=NOW)


@pytest.mark.parametrize("value", [None, "", False, [], {}])
def test_an_empty_value_fits_a_json_column(value: JsonValue) -> None:
    kinds = {"id": Kind.TEXT, "uf_crm_x": Kind.JSON}
    rows: list[JsonObject] = [{"ID": "1", "UF_CRM_X": value}]
    table = to_arrow(LEADS, rows, kinds, loaded_at=NOW)
    text = table.column("uf_crm_x").to_pylist()[0]
    assert (None if text is None else orjson.loads(text)) == value


def test_two_fields_of_one_column_name_are_an_error() -> None:
    rows: list[JsonObject] = [{"ENTITY_TYPE_ID": "1", "entityTypeId": "2"}]
    with pytest.raises(FieldTypeChangedError, match="share the column"):
        to_arrow(LEADS, rows, {}, loaded_at=NOW)


def test_the_hash_of_a_row_does_not_depend_on_the_order_of_its_fields() -> None:
    assert row_hash({"A": "1", "B": None}) == row_hash({"B": None, "A": "1"})
    assert row_hash({"A": ""}) != row_hash({"A": None})


def test_the_latest_moment_is_found_across_offsets() -> None:
    rows: list[JsonObject] = [
        {"AT": "2026-03-02T09:00:00+03:00"},
        {"AT": "2026-03-02T08:30:00+02:00"},
        {"AT": ""},
    ]
    assert latest(rows, "AT") == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert latest([], "AT") is None


def test_personal_data_stays_in_the_crm() -> None:
    """Mails and bodies have no report; adding one is a decision.

    Phones and e-mails of clients land: duplicates and clients are found by them.
    """
    clients = (CONTACTS, LEADS, COMPANIES)
    forbidden = {"IM", "WEB", "DESCRIPTION", "COMMUNICATIONS"}
    for table in TABLES:
        if table is not USERS:
            assert forbidden.isdisjoint(table.fields)
            reaches = {"PHONE", "EMAIL"} <= set(table.fields)
            assert reaches == (table in clients)
    assert not [name for name in USERS.fields if name.startswith("PERSONAL_")]


# Walks over a portal


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PortalStore]:
    with PortalStore(tmp_path / "portal.sqlite") as opened:
        yield opened


@pytest.fixture
def running(store: PortalStore) -> Iterator[RunningPortal]:
    with running_portal(store, webhook=WEBHOOK) as portal:
        yield portal


def portal_of(running: RunningPortal, waiting: Waiting | None = None) -> Portal:
    return Portal(
        running.webhook_url,
        policy=RetryPolicy(attempts=4, answer_seconds=0.5),
        clock=(waiting or Waiting()).clock,
    )


def walked(portal: Portal, pages: int = 50) -> list[int]:
    ids: list[int] = []
    for rows in portal.walk(DEALS, {}, pages=pages):
        ids += [int(str(row["ID"])) for row in rows]
    return ids


def fill(store: PortalStore, count: int) -> None:
    store.bulk_insert("deal", {"TITLE": [f"deal {number}" for number in range(count)]})


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 2499, 2500, 2501])
def test_a_walk_gives_every_row_once(
    store: PortalStore, running: RunningPortal, count: int
) -> None:
    fill(store, count)
    assert walked(portal_of(running)) == list(range(1, count + 1))


def test_a_walk_of_a_large_list_takes_few_requests(
    store: PortalStore, running: RunningPortal
) -> None:
    fill(store, 5000)
    calls: list[str] = []
    running.faults.listeners.append(calls.append)
    assert len(walked(portal_of(running))) == 5000
    assert len(calls) <= 3 * 50


def test_a_failure_inside_a_chain_costs_no_row(
    store: PortalStore, running: RunningPortal
) -> None:
    fill(store, 600)
    failed = []

    def fail_once(method: str) -> None:
        if method == "crm.deal.list":
            failed.append(method)
            if len(failed) in {3, 7}:
                running.faults.fail_next("query_limit_exceeded", method=method)

    running.faults.listeners.append(fail_once)
    assert walked(portal_of(running)) == list(range(1, 601))


def test_a_refusal_inside_a_chain_stops_the_walk(
    store: PortalStore, running: RunningPortal
) -> None:
    fill(store, 100)
    running.faults.fail_next("insufficient_scope", method="crm.deal.list")
    waiting = Waiting()
    with pytest.raises(RefusedError, match=r"crm\.deal\.list.*insufficient_scope"):
        walked(portal_of(running, waiting))
    assert not waiting.pauses


@pytest.mark.parametrize(
    "fault",
    [
        "gateway_html",
        "timeout",
        "query_limit_exceeded",
        "internal_server_error",
        "unexpected_answer",
        "operation_time_limit",
    ],
)
def test_what_passes_by_itself_is_waited_for(
    store: PortalStore, running: RunningPortal, fault: str
) -> None:
    fill(store, 60)
    running.faults.fail_next(fault, count=2)
    waiting = Waiting()
    assert len(walked(portal_of(running, waiting))) == 60
    assert len([pause for pause in waiting.pauses if pause >= 1]) == 2


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("no_auth_found", "make a new one"),
        ("expired_token", "make a new one"),
        ("insufficient_scope", "rights"),
        ("access_denied_tariff", "commercial plans"),
        ("method_not_found", "check the address"),
        ("crm_access_denied", "Access denied"),
        ("text_zero", "0"),
        ("number_zero", "0"),
        ("overload_limit", "ask Bitrix24 support"),
        ("portal_deleted", "the portal is gone"),
    ],
)
def test_what_does_not_pass_stops_at_once_with_one_sentence(
    running: RunningPortal, fault: str, advice: str
) -> None:
    running.faults.fail_next(fault)
    waiting = Waiting()
    with pytest.raises(RefusedError, match=advice) as caught:
        walked(portal_of(running, waiting))
    assert not waiting.pauses
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_wrong_webhook_says_so(running: RunningPortal) -> None:
    portal = Portal(running.url + "/rest/1/wrong/", clock=Waiting().clock)
    with pytest.raises(RefusedError, match="401 NO_AUTH_FOUND"):
        walked(portal)


def test_a_portal_that_stays_down_is_an_error(running: RunningPortal) -> None:
    running.faults.fail_next("gateway_html", count=4)
    with pytest.raises(UnavailableError, match="in 4 attempts"):
        walked(portal_of(running))


def test_a_blocked_method_is_left_alone_until_its_time_is_over(
    store: PortalStore, running: RunningPortal
) -> None:
    """``operating_reset_at`` of the last good answer says when."""
    fill(store, 60)
    waiting = Waiting()
    portal = portal_of(running, waiting)
    walked(portal)
    assert not waiting.pauses
    running.faults.fail_next("operation_time_limit", method="crm.deal.list")
    walked(portal)
    assert len(waiting.pauses) == 1
    assert 500 < waiting.pauses[0] <= 600
    # Nobody said anything about this one.
    running.faults.fail_next("operation_time_limit", count=50, method="crm.lead.list")
    list(portal.walk(LEADS, {}))
    assert waiting.pauses[1] < 5


def test_the_rate_of_a_portal_is_kept_after_its_first_refusal(
    store: PortalStore,
) -> None:
    """Sixty requests at once are more than the bucket of a cloud portal holds."""
    waiting = Waiting()
    limits = Limits(clock=lambda: waiting.now)
    with running_portal(store, webhook=WEBHOOK, limits=limits) as running:
        portal = portal_of(running, waiting)
        for _ in range(60):
            walked(portal)
    refused = [pause for pause in waiting.pauses if pause >= 1]
    assert 1 <= len(refused) <= 3
    assert waiting.now < 15


def test_a_row_deleted_during_the_walk_hides_no_other(
    store: PortalStore, running: RunningPortal
) -> None:
    fill(store, 300)
    calls: list[str] = []

    def delete_one(method: str) -> None:
        calls.append(method)
        if len(calls) == 2:
            store.delete("deal", 50)
            store.delete("deal", 20)

    running.faults.listeners.append(delete_one)
    found = walked(portal_of(running))
    assert set(range(1, 301)) - set(found) <= {20, 50}


@contextmanager
def replaying(body: bytes, status: int = 200) -> Iterator[str]:
    """A server that answers the same to everything."""

    class Replay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = HTTPServer(("127.0.0.1", 0), Replay)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/rest/{WEBHOOK}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def refusal_of(body: bytes, status: int = 200) -> SourceError:
    with replaying(body, status) as url:
        portal = Portal(url, policy=RetryPolicy(attempts=2), clock=Waiting().clock)
        with pytest.raises(SourceError) as caught:
            walked(portal)
    return caught.value


def batch_of(result: JsonObject) -> bytes:
    return orjson.dumps({"result": {"result": result, "result_error": []}})


def test_a_halted_batch_is_not_an_empty_list() -> None:
    """Commands without an answer have no key in any map."""
    error = refusal_of((RECORDED / "batch.halted.json").read_bytes())
    assert isinstance(error, UnavailableError)
    missing = refusal_of(batch_of({}))
    assert "no answer to the command p0" in str(missing)


def test_an_answer_of_another_shape_is_not_an_empty_list() -> None:
    error = refusal_of(batch_of({"p0": {"ID": "1"}}))
    assert "no list of rows" in str(error)


def test_a_portal_that_ignores_the_filter_is_noticed() -> None:
    """Some portals answer everything when they do not know a filter."""
    rows: list[JsonValue] = [{"ID": str(number)} for number in range(1, 51)]
    error = refusal_of(batch_of({"p0": rows, "p1": rows}))
    assert "does not keep the order" in str(error)


@pytest.mark.parametrize("status", [301, 400, 404])
def test_an_address_of_something_else_is_refused(status: int) -> None:
    error = refusal_of(b"<html></html>", status)
    assert isinstance(error, RefusedError)
    assert "check the address" in str(error)


def test_stage_history_pages_are_chained_through_items(
    store: PortalStore, running: RunningPortal
) -> None:
    fill(store, 1)
    count = 260
    store.bulk_insert(
        "stagehistory",
        {"OWNER_ID": [1] * count, "TYPE_ID": [2] * count, "STAGE_ID": ["NEW"] * count},
    )
    rows = [row for part in portal_of(running).walk(STAGE_HISTORY, {}) for row in part]
    assert [row["ID"] for row in rows] == list(range(1, count + 1))


def test_user_fields_come_with_their_labels(running: RunningPortal) -> None:
    command = Command(DEAL_USERFIELDS.method, DEAL_USERFIELDS.parameters)
    portal = portal_of(running)
    rows = portal.rows(
        DEAL_USERFIELDS, portal.call_all({"all": command}).results["all"]
    )
    assert all(row["EDIT_FORM_LABEL"] for row in rows)
