"""Land one Bitrix24 connection by hand: ``python -m ingestion.sources.bitrix24``."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from ingestion.http import SourceError
from ingestion.landing import LandingError, land
from ingestion.mapping import MappingError, connection_path, load_connection


def main(arguments: list[str]) -> int:
    """Land a connection and write what landed as JSON; 1 when it fails."""
    parser = argparse.ArgumentParser(
        prog="python -m ingestion.sources.bitrix24",
        description="Land one Bitrix24 portal. The warehouse is REESTR_DATABASE_URL, "
        "the webhook is the setting that the connection file names.",
    )
    parser.add_argument("connection", help="name or YAML file of the connection")
    parser.add_argument("--state", type=Path, required=True, help="working folder")
    parser.add_argument("--sweep", action="store_true", help="find deletions too")
    parser.add_argument(
        "--accept-shrink", action="store_true", help="believe that many rows are gone"
    )
    given = parser.parse_args(arguments)
    database_url = os.environ.get("REESTR_DATABASE_URL")
    if not database_url:
        parser.error("REESTR_DATABASE_URL is not set")
    try:
        connection = load_connection(connection_path(given.connection), os.environ)
        result = land(
            connection,
            database_url=database_url,
            state_folder=given.state,
            now=datetime.now(UTC),
            sweep=given.sweep,
            accept_shrink=given.accept_shrink,
        )
    except (MappingError, SourceError, LandingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    shown = {
        "rows": dict(result.rows),
        "changed": dict(result.changed),
        "missing": dict(result.missing),
        "returned": dict(result.returned),
        "seconds": round(result.seconds, 2),
        "cursor": result.cursor.isoformat(),
    }
    sys.stdout.write(f"{json.dumps(shown)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
