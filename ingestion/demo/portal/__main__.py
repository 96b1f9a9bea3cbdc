"""Run the demo portal: ``python -m ingestion.demo.portal --store PATH --port N``."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from ingestion.demo.portal.limits import Limits
from ingestion.demo.portal.server import DEFAULT_WEBHOOK, create_app
from ingestion.demo.portal.store import PortalStore

LOOPBACK = "127.0.0.1"


class AnnouncingServer(uvicorn.Server):
    """A server that says where it is once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address."""
        await super().startup(sockets)
        for one in sockets or []:
            sys.stdout.write(f"http://{LOOPBACK}:{one.getsockname()[1]}\n")
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a store on the loopback address until stopped."""
    parser = argparse.ArgumentParser(prog="python -m ingestion.demo.portal")
    parser.add_argument("--store", type=Path, required=True, help="the SQLite file")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--webhook",
        # Other users of the machine may read a command line, not an environment.
        default=os.environ.get("REESTR_PORTAL_WEBHOOK", DEFAULT_WEBHOOK),
        metavar="USER/CODE",
        help="who may call (or REESTR_PORTAL_WEBHOOK)",
    )
    parser.add_argument(
        "--no-limit", action="store_true", help="do not watch the rate of requests"
    )
    given = parser.parse_args(arguments)
    with PortalStore(given.store) as store:
        application = create_app(
            store,
            webhook=given.webhook,
            limits=Limits(is_rate_limited=not given.no_limit),
        )
        configuration = uvicorn.Config(
            application, log_level="warning", access_log=False
        )
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((LOOPBACK, given.port))
            except OSError as error:
                parser.error(f"port {given.port} cannot be taken: {error.strerror}")
            AnnouncingServer(configuration).run(sockets=[listening])


if __name__ == "__main__":
    main()
