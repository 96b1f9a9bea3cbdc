"""The pass as a Dagster resource: taken by the first step, given back by the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from orchestration.passes import Pass, PassRequest, Progress, open_pass
from orchestration.settings import load_settings
from orchestration.warehouse import open_warehouse

RESOURCE = "main"


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
        )
        warehouse = open_warehouse(load_settings())
        with open_pass(
            warehouse, asked, progress or (lambda _stage, _seconds: None)
        ) as running:
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
        },
    )
