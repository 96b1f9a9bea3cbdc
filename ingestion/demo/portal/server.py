"""The HTTP side: addresses, bodies, refusals."""

import hmac
import logging
from typing import Final

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ingestion.demo.portal.card import deal_card
from ingestion.demo.portal.errors import (
    INTERNAL,
    NO_AUTH,
    TOO_MANY_REQUESTS,
    PortalError,
    Refusal,
)
from ingestion.demo.portal.faults import GATEWAY, GATEWAY_PAGE, TIMEOUT, Faults
from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.limits import Limits
from ingestion.demo.portal.parameters import Parameters, parse_body, parse_query
from ingestion.demo.portal.portal import Portal, method_name
from ingestion.demo.portal.render import to_json
from ingestion.demo.portal.store import PortalStore

DEFAULT_WEBHOOK: Final = "1/demo"
_WORKERS: Final = 4
_CARD_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}

logger = logging.getLogger(__name__)


def create_app(
    store: PortalStore,
    *,
    webhook: str = DEFAULT_WEBHOOK,
    limits: Limits | None = None,
    faults: Faults | None = None,
) -> Starlette:
    """The portal as an ASGI application.

    Args:
        store: Where the answers come from.
        webhook: ``USER/CODE`` of the only webhook that is let in.
        limits: What the portal allows; the cloud's usual limits when omitted.
        faults: Failures a test plans.
    """
    planned = faults or Faults()
    portal = Portal(store, limits=limits, faults=planned)
    served = _Endpoints(portal, webhook)
    return Starlette(
        routes=[
            Route(
                "/rest/{user}/{code}/{method:path}",
                served.method,
                methods=["GET", "POST"],
            ),
            Route("/crm/deal/details/{deal_id:int}/", served.card, methods=["GET"]),
            Route("/", _ready, methods=["GET"]),
        ],
        exception_handlers={Exception: _failed},
    )


class _Endpoints:
    """Request handlers around one portal."""

    def __init__(self, portal: Portal, webhook: str) -> None:
        self._portal = portal
        self._webhook = webhook.strip("/").encode()
        self._workers = anyio.CapacityLimiter(_WORKERS)

    async def method(self, request: Request) -> Response:
        """Answer a REST call."""
        fault = self._portal.faults.take()
        if fault == TIMEOUT:
            await _client_left(request)
        if fault in {GATEWAY, TIMEOUT}:
            return HTMLResponse(GATEWAY_PAGE, status_code=502)
        if isinstance(fault, Refusal):
            return _refusal(fault)
        if not self._portal.bucket.admits():
            return _refusal(TOO_MANY_REQUESTS)
        path = request.path_params
        given = "/".join((path["user"], path["code"])).encode()
        if not hmac.compare_digest(given, self._webhook):
            return _refusal(NO_AUTH)
        body = await request.body()
        return await anyio.to_thread.run_sync(
            self._answer,
            method_name(path["method"]),
            request.headers.get("content-type", ""),
            str(request.url.query),
            body,
            limiter=self._workers,
        )

    def _answer(
        self, method: str, content_type: str, query: str, body: bytes
    ) -> Response:
        try:
            parameters: Parameters = parse_query(query)
            parameters |= parse_body(content_type, body)
            return _json(self._portal.call(method, parameters))
        except PortalError as error:
            logger.info(
                "refused",
                extra={"method": method, "status": error.refusal.status},
            )
            return _refusal(error.refusal)

    async def card(self, request: Request) -> Response:
        """Show one deal."""
        page = await anyio.to_thread.run_sync(
            deal_card,
            self._portal.store,
            int(request.path_params["deal_id"]),
            limiter=self._workers,
        )
        if page is None:
            return PlainTextResponse(labels().texts["card_not_found"], status_code=404)
        return HTMLResponse(page, headers=_CARD_HEADERS)


async def _ready(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _failed(_: Request, error: Exception) -> Response:
    logger.error("portal failed", extra={"error": type(error).__name__})
    return _refusal(INTERNAL)


async def _client_left(request: Request) -> None:
    """Wait until the client gives up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(body: object, status: int = 200) -> Response:
    return Response(
        to_json(body),
        status_code=status,
        media_type="application/json; charset=utf-8",
    )


def _refusal(refusal: Refusal) -> Response:
    return _json(refusal.body, refusal.status)
