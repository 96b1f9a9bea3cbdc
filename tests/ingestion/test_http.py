"""The shared REST client against the demo portal over real HTTP."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingestion.demo.portal.store import PortalStore
from ingestion.http import (
    Answer,
    InsecureAddressError,
    JsonClient,
    JsonValue,
    LeakyBucket,
    RateLimit,
    RefusedError,
    RetryPolicy,
    SourceError,
    TryAgain,
    UnavailableError,
    check_address,
    redact,
)
from tests.ingestion.bitrix24_agency import SECRET, WEBHOOK, Waiting
from tests.portal_server import RunningPortal, running_portal

FAST = RateLimit(1000.0, 1000)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    store = PortalStore(tmp_path / "portal.sqlite")
    with store, running_portal(store, webhook=WEBHOOK) as running:
        yield running


def client(url: str, waiting: Waiting) -> JsonClient:
    return JsonClient(
        base_url=f"{url}/",
        secrets=frozenset({SECRET}),
        limit=FAST,
        policy=RetryPolicy(attempts=4, answer_seconds=0.3),
        clock=waiting.clock,
    )


def good(answer: Answer) -> JsonValue:
    if answer.status != 200:
        raise TryAgain(f"said {answer.status}")
    return answer.body


@pytest.mark.parametrize(
    "url",
    ["https://portal.example/rest/1/x/", "http://127.0.0.1:8071/", "http://[::1]:1/"],
)
def test_https_and_the_loopback_are_accepted(url: str) -> None:
    assert check_address(url)


@pytest.mark.parametrize(
    "url", ["http://portal.example/rest/1/x/", "http://127.0.0.1.example.com/"]
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(InsecureAddressError, match="https://"):
        check_address(url)


@pytest.mark.parametrize("url", ["ftp://portal.example/", "portal.example", ""])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(RefusedError):
        check_address(url)


def test_a_passing_failure_is_repeated_with_growing_pauses(
    portal: RunningPortal,
) -> None:
    portal.faults.fail_next("gateway_html", count=3)
    waiting = Waiting()
    assert client(portal.webhook_url, waiting).post("crm.deal.list", {}, good)
    assert len(waiting.pauses) == 3
    assert waiting.pauses == sorted(waiting.pauses)
    assert waiting.pauses[0] >= 1
    assert waiting.pauses[2] >= 4


def test_pauses_differ_between_clients(portal: RunningPortal) -> None:
    """Two connectors of one host must not come back in step."""
    pauses = []
    for _ in range(2):
        waiting = Waiting()
        portal.faults.fail_next("gateway_html")
        client(portal.webhook_url, waiting).post("crm.deal.list", {}, good)
        pauses += waiting.pauses
    assert pauses[0] != pauses[1]


def test_a_timeout_is_repeated(portal: RunningPortal) -> None:
    portal.faults.fail_next("timeout")
    waiting = Waiting()
    assert client(portal.webhook_url, waiting).post("crm.deal.list", {}, good)
    assert len(waiting.pauses) == 1


def test_attempts_end(portal: RunningPortal) -> None:
    portal.faults.fail_next("gateway_html", count=4)
    waiting = Waiting()
    with pytest.raises(UnavailableError, match=r"in 4 attempts.*said 502"):
        client(portal.webhook_url, waiting).post("crm.deal.list", {}, good)
    assert len(waiting.pauses) == 3


def test_the_pause_a_system_asks_for_is_kept(portal: RunningPortal) -> None:
    asked = [TryAgain("later", pause=120.0)]

    def read(answer: Answer) -> JsonValue:
        if asked:
            raise asked.pop()
        return answer.body

    waiting = Waiting()
    client(portal.webhook_url, waiting).post("crm.deal.list", {}, read)
    assert waiting.pauses == [120.0]


def test_a_refusal_is_not_repeated(portal: RunningPortal) -> None:
    def read(answer: Answer) -> JsonValue:
        raise RefusedError(f"no: {answer.status}")

    waiting = Waiting()
    with pytest.raises(RefusedError, match="no: 200"):
        client(portal.webhook_url, waiting).post("crm.deal.list", {}, read)
    assert not waiting.pauses


def test_a_bucket_lets_a_burst_through_and_then_keeps_the_rate() -> None:
    waiting = Waiting()
    bucket = LeakyBucket(RateLimit(2.0, 40), waiting.clock)
    for _ in range(40):
        bucket.take()
    assert not waiting.pauses
    for _ in range(20):
        bucket.take()
    assert waiting.now == pytest.approx(10.0)


def test_a_bucket_is_one_for_all_threads() -> None:
    waiting = Waiting()
    bucket = LeakyBucket(RateLimit(2.0, 10), waiting.clock)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: bucket.take(), range(30)))
    assert len(waiting.pauses) >= 1
    assert waiting.now >= 10 - 0.5


def test_a_full_bucket_slows_the_next_request_down() -> None:
    waiting = Waiting()
    bucket = LeakyBucket(FAST, waiting.clock)
    bucket.obey(RateLimit(2.0, 40))
    bucket.take()
    bucket.take()
    assert waiting.now == pytest.approx(1.0)


def test_the_secret_is_in_no_log_line_and_no_error(
    portal: RunningPortal, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook code in a log file is a stolen portal."""
    caplog.set_level(logging.DEBUG)
    closed = "http://127.0.0.1:9/rest/" + WEBHOOK
    portal.faults.fail_next("gateway_html")
    client(portal.webhook_url, Waiting()).post("crm.deal.list", {}, good)

    def tell(answer: Answer) -> JsonValue:
        raise RefusedError(f"{answer.status}: {portal.webhook_url} is wrong")

    texts = []
    for url, read in ((closed, good), (portal.webhook_url, tell)):
        with pytest.raises(SourceError) as caught:
            client(url, Waiting()).post("crm.deal.list", {}, read)
        texts.append("".join(traceback.format_exception(caught.value)))
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
    assert "/rest/1/***" in texts[1]
    lines = [record.getMessage() for record in caplog.records]
    assert any("/rest/1/***/crm.deal.list" in line for line in lines)
    shown = [*texts, *lines, *(str(vars(record)) for record in caplog.records)]
    assert not [text for text in shown if SECRET in text]
    assert SECRET not in repr(client(portal.webhook_url, Waiting()))


def test_longer_secrets_are_hidden_first() -> None:
    assert redact("code codes", {"code", "codes"}) == "*** ***"


def test_a_nul_character_does_not_reach_the_rows(tmp_path: Path) -> None:
    r"""PostgreSQL refuses ``\u0000``; a backslash before ``u0000`` is just text."""
    store = PortalStore(tmp_path / "portal.sqlite")
    store.create("deal", {"TITLE": "a\x00b", "COMMENTS": "c:\\u0000"})
    with store, running_portal(store, webhook=WEBHOOK) as running:
        body = client(running.webhook_url, Waiting()).post("crm.deal.list", {}, good)
    assert isinstance(body, dict)
    rows = body["result"]
    assert isinstance(rows, list)
    assert isinstance(rows[0], dict)
    assert rows[0]["TITLE"] == "ab"
    assert rows[0]["COMMENTS"] == "c:\\u0000"
