"""The main job from the command line: the same graph that Dagster runs."""

from __future__ import annotations

import os
from collections.abc import Callable

from orchestration.passes import STAGES, Pass, PassRequest, home_connections
from orchestration.serving import dagster_environment, provision_home
from orchestration.settings import Settings
from orchestration.warehouse import open_warehouse

Say = Callable[[str], None]


def run(settings: Settings, request: PassRequest, *, say: Say) -> int:
    """Run one pass and say how far it is and what it did."""
    # A mistake in a connection is told before a server is made for it.
    home_connections(settings)
    warehouse = open_warehouse(settings)
    provision_home(warehouse)
    os.environ.update(dagster_environment(warehouse))

    say("starting the main job …")
    from orchestration.definitions import execute  # noqa: PLC0415 -- seconds to import

    def progress(stage: str, seconds: float | None) -> None:
        place = f"{STAGES.index(stage) + 1}/{len(STAGES)}"
        if seconds is None:
            say(f"{place} {stage} …")
        else:
            say(f"{place} {stage} done ({seconds:.1f} s)")

    done = execute(request, progress)
    for connection, warnings in done.warnings.items():
        for warning in warnings:
            say(f"◆ {connection}: {warning}")
    say(_summary(done))
    return 0


def _summary(done: Pass) -> str:
    if done.unchanged:
        return f"pass {done.pass_id}: nothing changed, the publication stays"
    return (
        f"pass {done.pass_id}: publication {done.publication_id}, "
        f"{sum(done.rows_landed.values())} rows landed, "
        f"{sum(done.findings.values())} findings "
        + (
            f"(all computed anew: {done.whole_because})"
            if done.whole_because
            else "among what changed"
        )
    )
