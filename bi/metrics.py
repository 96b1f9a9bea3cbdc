"""Blocks of metrics: the one compiler of what dbt YAML says a number is.

A block becomes the SQL of a mart in dbt's macros and the SQL of a page here, from the
same manifest; the proof of a block runs through this one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from bi.manifest import (
    CatalogError,
    Config,
    Manifest,
    Measure,
    MetricNode,
    SemanticModel,
    meta_of,
    one_line,
    text_of,
)
from bi.units import UnknownUnitError, unit

#: What the compiler knows; a block of any other kind is an error.
KINDS = (
    "sum",
    "count",
    "count_distinct",
    "median",
    "percentile",
    "stock",
    "ratio",
    "mart",
)
#: Kind -> additivity class of the dictionary: A additive, S stock, N neither.
_CLASSES = {"sum": "A", "count": "A", "stock": "S"}
_WITHIN = "percentile_cont({percentile}) within group (order by {expr})"
_AGGREGATES = {
    "sum": "sum({expr})",
    "stock": "sum({expr})",
    "count": "count({expr})",
    "count_distinct": "count(distinct {expr})",
    "median": _WITHIN,
    "percentile": _WITHIN,
    "mart": "max({expr})",
}
_BASES = ("event", "cohort", "stock", "accrual", "cash")
#: Kinds whose number is computed from the rows of a fact, never from parts.
FROM_ROWS = ("count_distinct", "median", "percentile")
_TOLD = ("formula", "owner", "date", "role")

_CASE = re.compile(
    r"case\s+when\s+(?P<predicate>.+?)\s+then\s+(?P<contribution>.+?)\s+end", re.DOTALL
)
_BRANCH = re.compile(r"\b(when|else)\b")


@dataclass(frozen=True)
class Drill:
    """The list of records behind a number.

    Attributes:
        dataset: Published table of the records.
        predicate: SQL over the fact of the metric: which rows are counted.
        contribution: SQL: what a row adds; the sum over the list is the number.
    """

    dataset: str
    predicate: str
    contribution: str


@dataclass(frozen=True)
class Metric:
    """One business number, as charts and workbooks show it.

    Attributes:
        label: Russian title: series name and Excel header.
        unit: Name of a unit; decides the number format on screen and in the cell.
        kind: One of ``KINDS``.
        model: The fact it is computed from; empty for a ratio.
        schema: Where dbt builds that fact.
        expr: SQL of the measure over its fact.
        percentile: Of a percentile, from 0 to 1.
        numerator: Metric above the line of a ratio; of a mart, SQL over its row.
        denominator: The same below the line.
        dataset: Published table that shows it.
        drill: Published table with the records behind it.
        needs: Canonical ``entity.field`` that a source must give; ``|`` is "or".
        example: Rows by semantic model, the proof of the block.
        gives: What the example gives; ``None`` where it must be empty.
        missing: Why no connected source can give it; empty when one can.
        file: Where its block is, with the line.
    """

    name: str
    label: str
    description: str
    formula: str
    owner: str
    unit: str
    kind: str
    model: str = ""
    schema: str = ""
    expr: str = ""
    percentile: str = ""
    numerator: str = ""
    denominator: str = ""
    date: str = ""
    role: str = ""
    basis: str = ""
    additivity: str = ""
    dataset: str = ""
    drill: str = ""
    needs: tuple[str, ...] = ()
    example: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    gives: object = None
    missing: str = ""
    file: str = ""

    @property
    def tooltip(self) -> str:
        """Meaning, formula, owner and date in one line, and why there is no number."""
        parts = (
            self.description, self.formula, self.owner, self.date, self.missing,
        )  # fmt: skip
        return " · ".join(part for part in parts if part)

    @property
    def aggregate(self) -> str:
        """SQL of the number over rows of its fact; of a ratio there is none."""
        if self.kind == "mart" and self.numerator:
            return ratio(f"sum({self.numerator})", f"sum({self.denominator})")
        return _AGGREGATES[self.kind].format(
            expr=self.expr, percentile=self.percentile or "0.5"
        )

    @property
    def drill_down(self) -> Drill:
        """Which records stand behind the number, and what each adds."""
        found = _CASE.fullmatch(self.expr.strip())
        if found is None or _BRANCH.search(found["contribution"]):
            return Drill(self.drill, f"({self.expr}) is not null", self.expr)
        return Drill(self.drill, found["predicate"], found["contribution"])


def ratio(above: str, below: str) -> str:
    """Give the SQL of a ratio of sums; nothing is divided by zero."""
    return f"1.0 * {above} / nullif({below}, 0)"


def read_metrics(
    content: Manifest, project: Path, missing: Mapping[str, str]
) -> Iterator[Metric]:
    """Yield every metric of the manifest.

    Args:
        content: Of the manifest.
        project: Folder of the dbt project, to name lines of its files.
        missing: Metric to why no connected source can give it.

    Raises:
        CatalogError: a block has no label or unit, or its kind is unknown.
    """
    facts = {
        model.get("name", ""): model["node_relation"]["alias"]
        for model in content["semantic_models"].values()
    }
    measures = {
        measure["name"]: (measure, model)
        for model in content["semantic_models"].values()
        for measure in model["measures"]
    }
    for node in content["metrics"].values():
        name = node["name"]
        place = _place(project, node["original_file_path"], name)
        found = measures.get(name)
        # dbt gives a metric the meta of the semantic model, not that of its measure.
        metas = [node.get("config")]
        if found is not None:
            metas = [*metas, found[1].get("config"), found[0].get("config")]
        meta = {
            key: value for config in metas for key, value in meta_of(config).items()
        }
        unit_name = text_of(meta, "unit")
        if not node.get("label") or not unit_name:
            lacking = "label" if not node.get("label") else "unit in meta"
            raise CatalogError(f"metric {name}: no {lacking} ({place})")
        try:
            unit(unit_name)
        except UnknownUnitError as error:
            raise CatalogError(f"metric {name}: {error} ({place})") from error
        shared = Metric(
            # dbt refuses two underscores in a name, which some ids have.
            name=text_of(meta, "id") or name,
            label=node["label"],
            description=one_line(
                found[0].get("description") if found else node.get("description")
            ),
            formula=one_line(text_of(meta, "formula")),
            owner=text_of(meta, "owner"),
            unit=unit_name,
            kind=_kind(found[0]["agg"] if found else node["type"], meta),
            date=text_of(meta, "date"),
            role=text_of(meta, "role"),
            basis=text_of(meta, "basis"),
            additivity=text_of(meta, "additivity"),
            dataset=text_of(meta, "dataset"),
            drill=text_of(meta, "drill"),
            needs=_needs(metas),
            gives=meta.get("gives"),
            missing=missing.get(name, ""),
            file=place,
        )
        if shared.kind not in KINDS:
            raise CatalogError(
                f"metric {name}: kind {shared.kind!r} is none of {', '.join(KINDS)}"
                f" ({place})"
            )
        example = meta.get("example") or []
        if found is None:
            yield replace(
                shared,
                numerator=_operand(node, "numerator"),
                denominator=_operand(node, "denominator"),
                example=_example(example, facts, node, measures),
            )
            continue
        measure, model = found
        parameters = measure.get("agg_params") or {}
        yield replace(
            shared,
            model=model["node_relation"]["alias"],
            schema=model["node_relation"].get("schema_name", ""),
            expr=measure.get("expr") or name,
            percentile=str(parameters.get("percentile") or ""),
            numerator=text_of(meta, "numerator"),
            denominator=text_of(meta, "denominator"),
            example={model["node_relation"]["alias"]: cast("list[_Row]", example)},
        )


_Row = dict[str, object]


def _kind(agg: str, meta: Mapping[str, object]) -> str:
    if meta.get("kind"):
        return text_of(meta, "kind")
    is_stock = meta.get("basis") == "stock" and agg in ("sum", "count")
    return "stock" if is_stock else agg


def _needs(metas: Sequence[Config | None]) -> tuple[str, ...]:
    """Join what the semantic model and the block need, each once."""
    found = [
        str(need)
        for config in metas
        for need in cast("list[object]", meta_of(config).get("needs") or [])
    ]
    return tuple(dict.fromkeys(found))


def _example(
    rows: object,
    facts: Mapping[str, str],
    node: MetricNode,
    measures: Mapping[str, tuple[Measure, SemanticModel]],
) -> dict[str, Sequence[Mapping[str, object]]]:
    """Give the rows of a ratio's example by the facts of its parts."""
    if isinstance(rows, dict):
        return {
            facts.get(str(name), str(name)): cast("list[_Row]", part)
            for name, part in rows.items()
        }
    sides = (_operand(node, "numerator"), _operand(node, "denominator"))
    return {
        measures[side][1]["node_relation"]["alias"]: cast("list[_Row]", rows)
        for side in sides
        if side in measures
    }


def _operand(node: MetricNode, side: str) -> str:
    operand = node["type_params"].get(side)
    return cast("dict[str, str]", operand)["name"] if operand else ""


def _place(project: Path, file: str, name: str) -> str:
    """Give file and line of a metric's block; the manifest has no lines."""
    path = project / file
    if path.is_file():
        block = re.compile(rf"^\s*-\s+(\{{\s*)?name:\s*{re.escape(name)}\b")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if block.match(line):
                return f"{file}:{number}"
    return file


def operands(metric: Metric, metrics: Mapping[str, Metric]) -> tuple[Metric, ...]:
    """Give the metrics above and below the line of a ratio; of others, none.

    Raises:
        CatalogError: one of them does not exist.
    """
    if metric.kind != "ratio":
        return ()
    for name in (metric.numerator, metric.denominator):
        if name not in metrics:
            raise CatalogError(
                f"metric {metric.name}: no metric named {name!r} ({metric.file})"
            )
    return metrics[metric.numerator], metrics[metric.denominator]


def example_query(metric: Metric, metrics: Mapping[str, Metric]) -> str:
    """Give the SQL that runs a metric over the rows of its example.

    The rows of a fact are a parameter of the fact's name, as JSON.
    """
    if metric.kind == "ratio":
        above, below = (
            example_query(part, metrics) for part in operands(metric, metrics)
        )
        return f"({ratio(above, below)})"
    rows = f"null::{metric.schema}.{metric.model}, cast(%({metric.model})s as jsonb)"
    source = f"from jsonb_populate_recordset({rows}) as {metric.model}"
    return f"(select {metric.aggregate} {source})"


def check_metrics(
    metrics: Mapping[str, Metric],
    *,
    tables: Collection[str],
    fields: Mapping[str, Collection[str]],
) -> None:
    """Check that every block of a metric is whole and names what exists.

    Args:
        metrics: Of the manifest.
        tables: Names of the published tables.
        fields: Canonical entity to its fields, all that a connection may give.

    Raises:
        CatalogError: the first block that does not hold, with file and line.
    """
    for metric in metrics.values():
        parts = operands(metric, metrics)
        for problem in (
            *_untold(metric, parts),
            *_contradictions(metric),
            *_unknown_names(metric, tables, fields),
        ):
            raise CatalogError(f"metric {metric.name}: {problem} ({metric.file})")


def _untold(metric: Metric, parts: Sequence[Metric]) -> Iterator[str]:
    for name in _TOLD:
        if not getattr(metric, name):
            yield f"no {name} in meta"
    if not metric.description:
        yield "no description"
    for name in () if parts else ("dataset", "drill", "needs"):
        if not getattr(metric, name):
            yield f"no {name} in meta"
    if not any(metric.example.values()):
        yield "no example in meta"


def _contradictions(metric: Metric) -> Iterator[str]:
    if metric.basis not in _BASES:
        yield f"basis {metric.basis!r} is none of {', '.join(_BASES)}"
    expected = _CLASSES.get(metric.kind, "N")
    if metric.additivity != expected:
        yield f"a {metric.kind} is of class {expected}, not {metric.additivity!r}"
    if metric.kind == "percentile" and not metric.percentile:
        yield "a percentile names itself in agg_params"
    if bool(metric.numerator) != bool(metric.denominator):
        yield "a ratio has both a numerator and a denominator"


def _unknown_names(
    metric: Metric, tables: Collection[str], fields: Mapping[str, Collection[str]]
) -> Iterator[str]:
    for key, table in (("dataset", metric.dataset), ("drill", metric.drill)):
        if table and table not in tables:
            yield f"{key} {table!r} is no published table"
    for need in metric.needs:
        for one in need.split("|"):
            entity, _, name = one.partition(".")
            if entity not in fields or (name and name not in fields[entity]):
                yield f"needs {one!r}, but no connection can give such a field"
