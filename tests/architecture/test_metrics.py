"""Every metric is one whole block, and its example gives what it promises."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from bi.units import unit
from ingestion.demo.agency.ground_truth import METRICS
from tests.agency_home import AgencyHome
from tests.architecture.conftest import Manifest

CYRILLIC = re.compile("[А-Яа-яЁё]")
BASES = {"event", "cohort", "stock", "accrual", "cash"}
TOLD = ("formula", "owner", "unit", "role", "date", "basis", "additivity", "gives")


def measures(manifest: Manifest) -> dict[str, dict[str, Any]]:
    return {
        measure["name"]: {**measure, "fact": model["node_relation"]["alias"]}
        for model in manifest["semantic_models"].values()
        for measure in model["measures"]
    }


def blocks(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Label, description and meta of every metric, with the measure it comes from."""
    known = measures(manifest)
    return {
        metric["name"]: {
            "metric": metric,
            "meta": {
                **known.get(metric["name"], {"config": {"meta": {}}})["config"]["meta"],
                **metric["config"]["meta"],
            },
        }
        for metric in manifest["metrics"].values()
    }


def test_every_metric_is_complete(manifest: Manifest) -> None:
    found = blocks(manifest)
    assert set(found) >= {*METRICS, "avg_ticket", "win_rate"}
    assert set(measures(manifest)) <= set(found)
    for name, block in found.items():
        metric, meta = block["metric"], block["meta"]
        for text in (metric["label"], metric["description"]):
            assert CYRILLIC.search(text), name
        assert metric["description"].endswith("."), name
        for key in TOLD:
            assert meta.get(key) not in (None, ""), f"{name}: {key}"
        assert CYRILLIC.search(meta["formula"]), name
        assert CYRILLIC.search(meta["owner"]), name
        assert unit(meta["unit"], "RUB"), name
        assert meta["basis"] in BASES, name
        assert meta["additivity"] in {"A", "S", "N"}, name
        assert (meta["additivity"] == "N") == (metric["type"] == "ratio"), name
        assert len(meta["example"]) > 1, f"{name}: one row proves no condition"


def test_a_label_names_one_metric(manifest: Manifest) -> None:
    labels = [block["metric"]["label"] for block in blocks(manifest).values()]
    assert len(set(labels)) == len(labels)


def compiled(manifest: Manifest, metric: dict[str, Any]) -> tuple[str, str]:
    """The fact of a metric and its SQL over that fact's rows."""
    known = measures(manifest)
    if metric["type"] == "ratio":
        above = known[metric["type_params"]["numerator"]["name"]]
        below = known[metric["type_params"]["denominator"]["name"]]
        assert above["fact"] == below["fact"]
        return above["fact"], f"{aggregate(above)} / nullif({aggregate(below)}, 0)"
    measure = known[metric["name"]]
    return measure["fact"], aggregate(measure)


def aggregate(measure: dict[str, Any]) -> str:
    return f"{measure['agg']}({measure['expr'] or measure['name']})"


def test_every_example_gives_what_it_promises(
    manifest: Manifest, agency_home: AgencyHome
) -> None:
    """Run in PostgreSQL over rows of the fact's own type."""
    for name, block in blocks(manifest).items():
        fact, expression = compiled(manifest, block["metric"])
        [(value,)] = agency_home.rows(
            f"select {expression} from"
            f" jsonb_populate_recordset(null::dbt_core.{fact}, %s::jsonb)",
            [json.dumps(block["meta"]["example"])],
        )
        assert Decimal(str(value)) == Decimal(str(block["meta"]["gives"])), name
