"""What Dagster loads: the graph of the home named by REESTR_HOME."""

from __future__ import annotations

import dagster as dg

from ingestion import mapping
from orchestration import transformation
from orchestration.defs import lineage
from orchestration.passes import (
    Pass,
    PassRequest,
    Progress,
    home_connections,
)
from orchestration.resources import MAIN_JOB, RESOURCE, pass_resource
from orchestration.settings import load_settings
from orchestration.warehouse import open_warehouse

WORKBOOK_JOB = "workbooks"


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, jobs and schedules of one home."""
    warehouse = open_warehouse(load_settings())
    connections = home_connections(warehouse.settings)
    transformation.parse(warehouse, dict(mapping.dbt_vars(connections)))
    assets = lineage.assets(warehouse, connections)
    workbooks = dg.AssetSelection.groups("workbooks")
    main = dg.define_asset_job(
        MAIN_JOB,
        selection=dg.AssetSelection.all() - workbooks,
        executor_def=dg.in_process_executor,
        description="One pass: land, core, check, reports, publish, dashboards.",
    )
    workbook = dg.define_asset_job(
        WORKBOOK_JOB, selection=workbooks, executor_def=dg.in_process_executor
    )
    return dg.Definitions(
        assets=assets,
        jobs=[main, workbook],
        schedules=[
            dg.ScheduleDefinition(
                job=main,
                cron_schedule="0 * * * *",
                execution_timezone=connections[0].timezone,
                default_status=dg.DefaultScheduleStatus.RUNNING,
            ),
            dg.ScheduleDefinition(
                job=workbook,
                cron_schedule="30 6 * * *",
                execution_timezone=connections[0].timezone,
                default_status=dg.DefaultScheduleStatus.RUNNING,
            ),
        ],
        resources={RESOURCE: pass_resource()},
    )


def execute(request: PassRequest, progress: Progress) -> Pass:
    """Run the main job in this process, recorded where the UI sees it.

    Raises:
        Exception: what the failing stage raised.
    """
    loaded = defs()
    job = loaded.resolve_job_def(MAIN_JOB)
    taken: list[Pass] = []

    try:
        with dg.DagsterInstance.get() as instance:
            job.execute_in_process(
                instance=instance,
                # Progress is told by the stages; the run's own story is for the UI.
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}
                },
                resources={RESOURCE: pass_resource(request, progress, taken.append)},
            )
    except dg.DagsterUserCodeExecutionError as error:
        # Dagster wraps what our code raised; people need the reason inside.
        raise error.user_exception from None
    return taken[0]
