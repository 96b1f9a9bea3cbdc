"""The asset graph of the main job: from the CRM's entities to the dashboards.

Each stage of a pass is one step over many assets, so that the graph shows every table
and a pass stays one process.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import cast

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, build_dbt_asset_specs

from ingestion.mapping import Connection
from orchestration import serving, transformation
from orchestration.passes import Pass
from orchestration.publication import published_models
from orchestration.resources import RESOURCE
from orchestration.warehouse import Warehouse

PUBLICATION = dg.AssetKey(["published", "publication"])
CHECK_RESULTS = dg.AssetKey(["checks", "check_results"])
CARDS = dg.AssetKey(["core", "fct_deal_cards"])
# An hourly pass may miss once before anyone is told.
FRESH_WITHIN = timedelta(hours=2)


class Translator(DagsterDbtTranslator):
    """Asset keys are ``[layer, table]``; a dbt source keeps its loader's key."""

    def get_asset_key(self, dbt_resource_props: dict[str, object]) -> dg.AssetKey:  # type: ignore[override]
        """Give the key of a model, seed or source."""
        props = cast("dict[str, str]", dbt_resource_props)
        if props["resource_type"] == "source":
            return dg.AssetKey([props["source_name"], props["name"]])
        return dg.AssetKey([props["schema"].removeprefix("dbt_"), props["name"]])

    def get_group_name(self, dbt_resource_props: dict[str, object]) -> str:  # type: ignore[override]
        """Group models by layer, as the folders do."""
        return str(dbt_resource_props["schema"]).removeprefix("dbt_")


def assets(
    warehouse: Warehouse, connections: Sequence[Connection]
) -> list[dg.AssetsDefinition]:
    """Every asset of a home, in one lineage."""
    manifest = transformation.manifest_file(warehouse)
    core = _specs(manifest.read_text(encoding="utf-8"), transformation.CORE[1])
    reports = [
        spec
        for spec in _specs(manifest.read_text(encoding="utf-8"), "fqn:*")
        if spec.key not in {one.key for one in core}
    ]
    return [
        _landing(warehouse, connections),
        _built("core", core),
        _checks(),
        _built("reports", reports),
        _publication(warehouse),
        _dashboards(warehouse),
        *_workbooks(warehouse, connections),
    ]


def _specs(manifest: str, select: str) -> list[dg.AssetSpec]:
    """Models of a selection, parents first: Dagster wants results in that order."""
    specs = {
        spec.key: spec
        for spec in build_dbt_asset_specs(
            manifest=json.loads(manifest),
            dagster_dbt_translator=Translator(),
            select=select,
        )
    }
    parents = {
        key: [dep.asset_key for dep in spec.deps if dep.asset_key in specs]
        for key, spec in specs.items()
    }
    return [specs[key] for key in TopologicalSorter(parents).static_order()]


def _landing(
    warehouse: Warehouse, connections: Sequence[Connection]
) -> dg.AssetsDefinition:
    """Raw tables; which there are is what the manifest's sources name."""
    manifest = json.loads(
        transformation.manifest_file(warehouse).read_text(encoding="utf-8")
    )
    landed = {connection.source: connection for connection in connections}
    landed_kinds = {*landed, "mapping"}
    # A source is called after its entity; the connection names the raw table.
    raw_tables = {
        (source["source_name"], source["name"]): source["identifier"]
        for source in manifest["sources"].values()
    }
    specs = [
        dg.AssetSpec(
            dg.AssetKey([source["source_name"], source["name"]]),
            group_name=source["source_name"],
            description=landed[source["source_name"]].title
            if source["source_name"] in landed
            else source["source_description"],
        )
        for source in manifest["sources"].values()
        if source["source_name"] in landed_kinds
    ]

    @dg.multi_asset(name="land", specs=specs, required_resource_keys={RESOURCE})
    def land(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        running = _run(context, "land")
        rows = {
            name.rpartition(".")[2]: count
            for name, count in running.rows_landed.items()
        }
        for spec in specs:
            kind, name = spec.key.path
            changed = rows.get(raw_tables[kind, name], 0)
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata={"rows_changed": changed}
            )

    return land


def _built(stage: str, specs: list[dg.AssetSpec]) -> dg.AssetsDefinition:
    """Models of one dbt build."""

    @dg.multi_asset(name=stage, specs=specs, required_resource_keys={RESOURCE})
    def built(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None]]:
        running = _run(context, stage)
        for spec in specs:
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata={"unchanged": running.unchanged}
            )

    return built


def _checks() -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="check",
        specs=[
            dg.AssetSpec(
                CHECK_RESULTS,
                deps=[CARDS],
                group_name="quality",
                description="Every deal card that breaks a rule.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "deal_cards_are_well_filled",
                asset=CHECK_RESULTS,
                description="Rules of the deal card; a failing card is a person's "
                "task and stops nothing.",
            )
        ],
        required_resource_keys={RESOURCE},
    )
    def check(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        running = _run(context, "check")
        yield dg.MaterializeResult(
            asset_key=CHECK_RESULTS, metadata=dict(running.findings)
        )
        yield dg.AssetCheckResult(
            asset_key=CHECK_RESULTS,
            check_name="deal_cards_are_well_filled",
            passed=not any(running.findings.values()),
            severity=dg.AssetCheckSeverity.WARN,
            metadata=dict(running.findings),
        )

    return check


def _publication(warehouse: Warehouse) -> dg.AssetsDefinition:
    models = published_models(transformation.manifest_file(warehouse))
    deps = [
        dg.AssetKey([model.working_schema.removeprefix("dbt_"), model.name])
        for model in models
    ]

    @dg.multi_asset(
        name="publish",
        specs=[
            dg.AssetSpec(
                PUBLICATION,
                deps=deps,
                group_name="published",
                description="What readers see, replaced in one transaction.",
                freshness_policy=dg.FreshnessPolicy.time_window(
                    fail_window=FRESH_WITHIN
                ),
            )
        ],
        required_resource_keys={RESOURCE},
    )
    def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        running = _run(context, "publish")
        return dg.MaterializeResult(
            asset_key=PUBLICATION,
            metadata={
                "publication": running.publication_id or "unchanged",
                "data_as_of": running.pass_time.isoformat(),
            },
        )

    return publish


def _dashboards(warehouse: Warehouse) -> dg.AssetsDefinition:
    """The pages in Superset; a server that is down is brought in line later."""
    slugs = sorted(
        path.parent.name for path in serving.DASHBOARDS.glob("*/dashboard.yaml")
    )
    specs = [
        dg.AssetSpec(
            dg.AssetKey(["superset", slug]),
            deps=[PUBLICATION],
            group_name="superset",
            skippable=True,
        )
        for slug in slugs
    ]

    @dg.multi_asset(name="dashboards", specs=specs)
    def dashboards(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None]]:
        if not serving.superset_is_served(warehouse.settings):
            context.log.info("Superset is not running: nothing to bring in line")
            return
        done = serving.publish_dashboards(warehouse)
        for spec in specs:
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata={"changes_written": done.writes}
            )

    return dashboards


def _workbooks(
    warehouse: Warehouse, connections: Sequence[Connection]
) -> list[dg.AssetsDefinition]:
    """The daily workbook of the first admin; a home without one has none."""
    admins = [
        user.username
        for connection in connections
        for user in connection.access
        if user.role == "admin"
    ]
    if not admins:
        return []

    @dg.asset(
        key=["workbooks", "registry"],
        deps=[PUBLICATION],
        group_name="workbooks",
        description="The registry as a workbook, with all that the admin sees.",
    )
    def registry_workbook() -> dg.MaterializeResult[None]:
        from orchestration.exports import export  # noqa: PLC0415

        out = warehouse.settings.folder("exports") / "registry.xlsx"
        done = export(warehouse, "registry", username=admins[0], filters={}, out=out)
        return dg.MaterializeResult(
            metadata={"rows": done.rows, "file": dg.MetadataValue.path(str(out))}
        )

    return [registry_workbook]


def _run(context: dg.AssetExecutionContext, stage: str) -> Pass:
    running = cast("Pass", getattr(context.resources, RESOURCE))
    running.run(stage)
    return running
