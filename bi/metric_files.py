"""Files of metric blocks, read for their lines before dbt reads them for their meaning.

dbt passes a misspelt word over in silence and names no line; here it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bi.metrics import KINDS
from bi.superset.yaml_file import Node, read_yaml

_MODEL = ("name", "description", "model", "config", "defaults", "entities",
          "dimensions", "measures")  # fmt: skip
_MEASURE = ("name", "label", "description", "agg", "agg_params", "expr",
            "create_metric", "config")  # fmt: skip
_METRIC = ("name", "label", "description", "type", "type_params", "config")
_META = ("formula", "owner", "unit", "role", "date", "basis", "additivity", "needs",
         "dataset", "drill", "version", "valid_from", "example", "gives", "kind",
         "numerator", "denominator", "note", "deprecated", "id")  # fmt: skip
#: What dbt may aggregate a measure by, of the kinds that the compiler knows.
_AGGREGATES = tuple(kind for kind in KINDS if kind not in ("stock", "ratio", "mart"))


def check_files(project: Path) -> None:
    """Check the shape of every block in ``models/metrics``.

    Raises:
        CompileError: a word is missing, unknown or stands twice, with file and line.
    """
    files = [
        read_yaml(path, project)
        for path in sorted((project / "models" / "metrics").glob("*.yml"))
    ]
    known: dict[str, Node] = {}
    for file in files:
        for block in _blocks(file):
            name = block.require("name")
            if name.text() in known:
                first = known[name.text()].place
                raise name.error(f"metric {name.text()} stands twice, first in {first}")
            known[name.text()] = name
    for file in files:
        for metric in _ratios(file):
            _check_ratio(metric, known)


def _blocks(file: Node) -> Iterator[Node]:
    """Yield the checked blocks of measures and of ratios."""
    file.only("version", "semantic_models", "metrics")
    models = file.get("semantic_models")
    for model in models.items() if models else []:
        model.only(*_MODEL)
        _check_meta(model)
        for measure in model.require("measures").items():
            measure.only(*_MEASURE)
            _check_told(measure)
            kind = measure.require("agg")
            if kind.text() not in _AGGREGATES:
                raise kind.error(
                    f"agg {kind.text()!r} is none of {', '.join(_AGGREGATES)}"
                )
            created = measure.require("create_metric")
            if created.value is not True:
                raise created.error("every measure is a metric: create_metric is true")
            yield measure
    yield from _ratios(file)


def _ratios(file: Node) -> Iterator[Node]:
    metrics = file.get("metrics")
    for metric in metrics.items() if metrics else []:
        metric.only(*_METRIC)
        _check_told(metric)
        yield metric


def _check_told(block: Node) -> None:
    block.require("name")
    for name in ("label", "description"):
        if not block.require(name).text().strip():
            raise block.require(name).error(f"{name} is empty")
    _check_meta(block)


def _check_meta(block: Node) -> None:
    config = block.get("config")
    if config is None:
        return
    config.only("meta")
    meta = config.require("meta")
    meta.only(*_META)
    kind = meta.get("kind")
    if kind is not None and kind.text() not in KINDS:
        raise kind.error(f"kind {kind.text()!r} is none of {', '.join(KINDS)}")


def _check_ratio(metric: Node, known: dict[str, Node]) -> None:
    kind = metric.require("type")
    if kind.text() != "ratio":
        raise kind.error(
            f"type {kind.text()!r}: a metric of its own is a ratio, any other kind is a"
            " measure"
        )
    parts = metric.require("type_params")
    for side in ("numerator", "denominator"):
        part = parts.require(side)
        if part.text() not in known:
            raise part.error(f"no metric named {part.text()!r}")
