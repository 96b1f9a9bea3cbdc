"""Health check of the daemon: exit 0 when every daemon's heartbeat is fresh.

The daemon has no port of its own; the page of Dagster knows its heartbeats.
"""

import json
import sys
from urllib.request import Request, urlopen

QUERY = "{instance{daemonHealth{allDaemonStatuses{healthy required}}}}"


def main(address: str) -> int:
    """Ask the page at an address like ``http://dagster:3070``."""
    request = Request(  # noqa: S310 -- the address is written in compose.yaml
        f"{address}/graphql",
        data=json.dumps({"query": QUERY}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=5) as answer:  # noqa: S310 -- see above
        health = json.load(answer)["data"]["instance"]["daemonHealth"]
    daemons = health["allDaemonStatuses"]
    return 0 if all(one["healthy"] for one in daemons if one["required"]) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
