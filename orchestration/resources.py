"""The pass as a Dagster resource: taken by the first step, given back by the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from orchestration.passes import Pass, PassRequest, Progress, open_pass
from orchestration.settings import load_settings
from orchestration.warehouse import open_warehouse

RESOURCE = "main"
MAIN_JOB = "main"


def pass_resource(
    request: PassRequest | None = None,
    progress: Progress | None = None,
    taken: Callable[[Pass], None] | None = None,
) -> dg.ResourceDefinition:
    """One pass for one run; steps of a run share it in one process.

    Args:
        request: What the command line asked for; a run from the UI says it in its
            config.
        progress: Told stage by stage; the UI has its own.
        taken: Told the pass once it holds the warehouse.
    """

    def take(context: dg.InitResourceContext) -> Iterator[Pass]:
        asked = request or PassRequest(
            sources=tuple(context.resource_config["sources"]),
            sweep=context.resource_config["sweep"],
            whole=context.resource_config["whole"],
        )
        warehouse = open_warehouse(load_settings())
        with open_pass(
            warehouse, asked, progress or (lambda _stage, _seconds: None)
        ) as running:
            if running.has_killed:
                _close_killed_runs(context)
            if taken:
                taken(running)
            yield running

    return dg.ResourceDefinition(
        resource_fn=take,
        config_schema={
            "sources": dg.Field(
                [str], default_value=[], description="Connections to land; empty: all."
            ),
            "sweep": dg.Field(
                bool, default_value=False, description="Look for deleted records."
            ),
            "whole": dg.Field(
                bool, default_value=False, description="Compute everything anew."
            ),
        },
    )


def _close_killed_runs(context: dg.InitResourceContext) -> None:
    """Record runs that still say "started": the warehouse is ours, so they are dead."""
    if context.instance is None:
        return
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    for run in context.instance.get_runs(filters=started):
        if run.run_id != context.run_id and run.job_name == MAIN_JOB:
            context.instance.report_run_failed(run, "The process was killed.")
