"""Start the demo portal on a free loopback port, for tests that talk to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
import uvicorn

from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.limits import Limits
from ingestion.demo.portal.server import DEFAULT_WEBHOOK, create_app
from ingestion.demo.portal.store import PortalStore

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class RunningPortal:
    """A portal that answers.

    Attributes:
        url: Address without a slash at the end; deal cards hang on it.
        webhook_url: Base of the methods: ``{webhook_url}/{method}``.
        faults: Failures to plan while it runs.
    """

    url: str
    webhook_url: str
    faults: Faults = field(repr=False)

    def post(self, method: str, **parameters: object) -> requests.Response:
        """Call a method with a JSON body."""
        url = f"{self.webhook_url}/{method}"
        return requests.post(url, json=parameters, timeout=60)

    def answer(self, method: str, **parameters: object) -> dict[str, Any]:
        """The body of an answer or of a refusal."""
        body: dict[str, Any] = self.post(method, **parameters).json()
        return body


class _ReadyServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def running_portal(
    store: PortalStore,
    *,
    webhook: str = DEFAULT_WEBHOOK,
    limits: Limits | None = None,
    faults: Faults | None = None,
) -> Iterator[RunningPortal]:
    """Serve a store over HTTP while the block runs; no rate limit unless given."""
    planned = faults or Faults()
    application = create_app(
        store,
        webhook=webhook,
        limits=limits or Limits(is_rate_limited=False),
        faults=planned,
    )
    server = _ReadyServer(
        uvicorn.Config(application, log_level="warning", access_log=False)
    )
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        thread.start()
        try:
            if not server.ready.wait(timeout=30):
                raise TimeoutError("the portal did not start in 30 seconds")
            url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            yield RunningPortal(url, f"{url}/rest/{webhook}", planned)
        finally:
            server.should_exit = True
            thread.join(timeout=30)
