"""A landing that kills itself at a named moment, as a power cut would."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ingestion import config, landing
from ingestion.mapping import Connection
from ingestion.sources.bitrix24.client import Portal


def main(url: str, database_url: str, folder: str, now: str, moment: str) -> None:
    """Land, and die at ``read:N``, ``load:N`` or ``finish:N``, the N-th call of it."""
    place, _, number = moment.partition(":")
    if place == "read":
        _die_in(Portal, "_page", int(number))
    elif place == "load":
        _die_in(config.VerbatimCopyJob, "run", int(number))
    elif place == "finish":
        _die_in(landing.RawSchema, "finish", int(number))
    connection = Connection(
        name="agency",
        source="bitrix24",
        title="Agency",
        timezone="Europe/Moscow",
        reporting_currency="RUB",
        path=Path("agency.yaml"),
        url=url,
    )
    landing.land(
        connection,
        database_url=database_url,
        state_folder=Path(folder),
        now=datetime.fromisoformat(now),
    )


def _die_in(owner: type, name: str, call: int) -> None:
    real: Callable[..., object] = getattr(owner, name)
    calls: list[int] = []

    def dying(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(owner, name, dying)


if __name__ == "__main__":
    main(*sys.argv[1:])
