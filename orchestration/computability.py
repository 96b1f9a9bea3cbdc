"""Which metrics the connections of a home cannot give, and what a firm has to make.

A block of a metric names what it needs (``needs``, canonical ``entity.field``); a
connection says what it gives. What lacks is told by field, because one field of the CRM
brings back several metrics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ingestion.mapping import (
    DEAL_FIELDS,
    EMPLOYEE_FIELDS,
    ENTITIES,
    ROLES,
    Connection,
    given_columns,
    given_entities,
)

# PostgreSQL type of a canonical field -> field that a firm makes in its CRM.
KINDS: Mapping[str, str] = {
    "text": "text",
    "numeric(18,2)": "number",
    "date": "date",
    "timestamptz": "date and time",
    "boolean": "yes or no",
}


@dataclass(frozen=True)
class Metric:
    """A metric and what it needs.

    Attributes:
        needs: ``entity.field``, alternatives divided by ``|``; all of them together.
    """

    name: str
    label: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Lack:
    """A need that a connection does not meet, with the metrics that wait for it.

    Attributes:
        metrics: Those that other connections give are ``partly`` there.
    """

    connection: Connection
    need: str
    metrics: tuple[Metric, ...]
    partly: tuple[Metric, ...]


class _Config(TypedDict):
    meta: dict[str, object]


class _Measure(TypedDict):
    name: str
    config: _Config | None


class _SemanticModel(TypedDict):
    measures: list[_Measure]
    config: _Config


class _TypeParams(TypedDict):
    input_measures: list[_Measure]


class _Metric(TypedDict):
    name: str
    label: str
    type_params: _TypeParams
    config: _Config


class _Manifest(TypedDict):
    semantic_models: dict[str, _SemanticModel]
    metrics: dict[str, _Metric]


def read_metrics(manifest_path: Path) -> list[Metric]:
    """Every metric of the project with its needs and those of its measures."""
    manifest: _Manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    measured: dict[str, list[str]] = {}
    for model in manifest["semantic_models"].values():
        for measure in model["measures"]:
            measured[measure["name"]] = [
                *_needs(model["config"]),
                *_needs(measure["config"]),
            ]
    return sorted(
        (
            Metric(
                metric["name"],
                metric["label"],
                tuple(
                    dict.fromkeys(
                        need
                        for needs in (
                            *(
                                measured.get(measure["name"], [])
                                for measure in metric["type_params"]["input_measures"]
                            ),
                            _needs(metric["config"]),
                        )
                        for need in needs
                    )
                ),
            )
            for metric in manifest["metrics"].values()
        ),
        key=lambda metric: metric.name,
    )


def lacks(
    metrics: Sequence[Metric], connections: Sequence[Connection]
) -> Iterator[Lack]:
    """What the connections do not give, by connection and need, in a stable order."""
    given = {connection.name: _given(connection) for connection in connections}
    able = {
        metric.name: [
            name
            for name, names in given.items()
            if all(_meets(need, names) for need in metric.needs)
        ]
        for metric in metrics
    }
    for connection in connections:
        waiting: dict[str, list[Metric]] = {}
        for metric in metrics:
            for need in metric.needs:
                if not _meets(need, given[connection.name]):
                    waiting.setdefault(need, []).append(metric)
        for need, those in sorted(waiting.items()):
            yield Lack(
                connection=connection,
                need=need,
                metrics=tuple(metric for metric in those if not able[metric.name]),
                partly=tuple(metric for metric in those if able[metric.name]),
            )


def advice(lack: Lack) -> str:
    """What to make in the CRM and where to name it."""
    ways = [
        way for alternative in lack.need.split("|") for way in _way(lack, alternative)
    ]
    return "; or ".join(ways) or f"a {lack.connection.source} connection cannot give it"


def _way(lack: Lack, alternative: str) -> Iterator[str]:
    entity, _, field = alternative.partition(".")
    connection = lack.connection
    if connection.source == "files":
        if entity in ("deals", "employees") and field:
            place = f"files.{entity}.columns.{field}"
            yield f"a column ({kind_of(entity, field)}) named in {place}"
        elif entity == "deal_participants" and field in ROLES:
            yield f"a column with the person, named in roles.{field}"
        return
    if entity in ("deals", "employees"):
        place = f"fields.{entity}.{field}"
        yield f"a field of the CRM ({kind_of(entity, field)}) named in {place}"
    elif entity == "deal_participants" and field in ROLES:
        yield f"a field of the deal (employee) named in roles.{field}"
    elif entity in ENTITIES and entity not in connection.entities:
        yield f"records of {entity}, described in entities.{entity}"
    elif entity in ENTITIES:
        place = f"entities.{entity}.fields.{field}"
        yield f"a field of {entity} ({kind_of(entity, field)}) named in {place}"


def kind_of(entity: str, field: str) -> str:
    """The kind of field that a firm makes for a canonical one."""
    if entity in ENTITIES:
        codes = ENTITIES[entity].codes.get(field)
        if codes:
            return "list: " + ", ".join(codes)
        return _kind_by_name(field)
    types = EMPLOYEE_FIELDS if entity == "employees" else DEAL_FIELDS
    return KINDS.get(types.get(field, ""), "text")


def _kind_by_name(field: str) -> str:
    """Names of canonical fields tell what they hold."""
    if field.endswith("_date"):
        return "date"
    if field.endswith(("_at", "_until")):
        return "date and time"
    if field.startswith(("is_", "offsets_")):
        return "yes or no"
    if field.endswith(("amount", "price", "discount", "percent", "_rate", "_m2")):
        return "number"
    return "text"


def _given(connection: Connection) -> frozenset[str]:
    return frozenset(given_entities(connection)) | {
        f"{column.entity}.{column.field}" for column in given_columns(connection)
    }


def _meets(need: str, given: frozenset[str]) -> bool:
    return any(alternative in given for alternative in need.split("|"))


def _needs(config: _Config | None) -> list[str]:
    needs = config["meta"].get("needs", []) if config else []
    return [str(need) for need in needs] if isinstance(needs, list) else []
