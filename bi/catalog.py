"""What dbt knows, for those who show it: labels, units, metrics, datasets, row access.

Meaning is written once, in dbt YAML; this module only reads ``manifest.json``. It runs
in both Python environments: nothing but the standard library and ``yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from bi.manifest import (
    CatalogError,
    Manifest,
    Node,
    meta_of,
    one_line,
    text_of,
)
from bi.metrics import FROM_ROWS, Metric, ratio, read_metrics
from bi.units import Unit, unit

__all__ = [
    "AccessRule",
    "Catalog",
    "CatalogError",
    "Column",
    "Dataset",
    "Metric",
    "read_catalog",
]

#: Published tables that pages and workbooks show; ``access`` is for the locks only.
SHOWN_SCHEMAS = ("reports", "quality")

#: What the rows of a table repeat: a deal stands once per holder of a role, its amounts
#: belong to the deal or to one holder's share of it.
_ORDINAL, _MONEY_ORDINAL, _CREDIT_MODE = "deal_ordinal", "money_ordinal", "credit_mode"
#: More than any amount, so that a number and a value added to it are told apart.
_STEP = 10**15

#: Ends of columns that hold a metric as text, a whole card or a cell of a table, with
#: the units that the text does not say itself.
_PRINTED: Mapping[str, Mapping[str, str]] = {
    "card": {},
    "cell": {"money": "money_thousand"},
}

#: Column of tables whose rows of different levels hold the same facts.
_LEVEL = "level"
# Every home builds from the same files; a manifest of a home lies far from them.
_PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
_PUBLIC = "public"
_READER = "{reader}"


@dataclass(frozen=True)
class Column:
    """One column as people see it.

    Attributes:
        label: Russian title; empty for technical columns (keys, states).
        unit: Name of a unit, or empty.
        data_type: PostgreSQL type in lower case, empty when the manifest has none.
    """

    name: str
    label: str = ""
    description: str = ""
    unit: str = ""
    data_type: str = ""

    @property
    def is_date(self) -> bool:
        """Whether the column holds a date or a moment."""
        return self.data_type.startswith(("date", "timestamp"))

    @property
    def is_number(self) -> bool:
        """Whether the column holds a number."""
        return self.data_type.startswith(
            ("numeric", "integer", "bigint", "smallint", "int", "double", "real")
        )


@dataclass(frozen=True)
class AccessRule:
    """Which published rows a reader sees.

    Attributes:
        predicate: SQL with ``{reader}`` in place of the reader's name.
    """

    name: str
    predicate: str

    def for_postgres(self) -> str:
        """Give the predicate of a policy: asked once per query, not once per row."""
        return self.predicate.replace(_READER, "(select access.reader())")

    def for_superset(self) -> str:
        """Give the clause of a Base filter; the name is part of the cache key."""
        return self.predicate.replace(_READER, "'{{ current_username() }}'")


@dataclass(frozen=True)
class Dataset:
    """One published table.

    Attributes:
        access: Its access rule; ``None`` for a table that everyone may read.
        file: The YAML file that describes it.
        has_overlaps: Whether its rows hold the same facts, so that no sum is a number.
    """

    name: str
    schema: str
    description: str
    columns: Mapping[str, Column]
    access: AccessRule | None
    file: str
    has_overlaps: bool = False


@dataclass(frozen=True)
class Catalog:
    """Everything the screens and workbooks need to know.

    Attributes:
        timezone: Of the firm, by name.
    """

    datasets: Mapping[str, Dataset]
    metrics: Mapping[str, Metric]
    rules: Mapping[str, AccessRule]
    currency: str = "RUB"
    timezone: str = "Europe/Moscow"

    def unit(self, name: str) -> Unit | None:
        """Give a unit in the reporting currency; none for an empty name."""
        return unit(name, self.currency) if name else None

    def title(self, label: str, unit_name: str) -> str:
        """Give a label with its unit, after the comma."""
        found = self.unit(unit_name)
        if found is None or not found.title:
            return label
        whole = self.unit("money")
        if whole is not None and found.is_money:
            label = label.removesuffix(f", {whole.title}")
        # A lone sign does not start a line.
        space = "\u00a0" if len(found.title) == 1 else " "
        return f"{label},{space}{found.title}"

    def is_money(self, name: str, dataset: str) -> bool:
        """Say whether a column or a metric is an amount of money."""
        column = self.datasets[dataset].columns.get(name)
        unit_name = column.unit if column else ""
        if not unit_name and name in self.metrics:
            unit_name = self.metrics[name].unit
        found = self.unit(unit_name)
        return found is not None and found.is_money

    def shown(self, name: str, dataset: str) -> str:
        """Give the SQL of a column in a line of one deal, over the rows of the deal.

        Whole amounts stand in every row of the deal; shares of its people add up.
        """
        if self.is_money(name, dataset) and self._has(_CREDIT_MODE, dataset):
            return (
                f"case when min({_CREDIT_MODE}) = 'whole' then max({name})"
                f" else sum({name}) end"
            )
        return f"min({name})"

    def total(self, name: str, dataset: str) -> str:
        """Give the SQL of a column's sum in which every deal or share counts once."""
        ordinal = _MONEY_ORDINAL if self.is_money(name, dataset) else _ORDINAL
        if not self._has(ordinal, dataset):
            return f"sum({name})"
        return (
            f"sum(distinct {ordinal} * {_STEP} + {name})"
            f" - {_STEP} * sum(distinct {ordinal}) filter (where {name} is not null)"
        )

    def _has(self, name: str, dataset: str) -> bool:
        return name in self.datasets[dataset].columns

    def expression(self, metric: str, dataset: str) -> str | None:
        """Give the SQL of a metric over a table, none when the table cannot give it.

        A table of parts has a column of the metric's name, which is summed; the fact
        itself has the measure's expression. A ratio is a ratio of sums.
        """
        known = self.metrics[metric]
        if known.kind == "ratio":
            above = self.expression(known.numerator, dataset)
            below = self.expression(known.denominator, dataset)
            if above is None or below is None:
                return None
            return ratio(above, below)
        if known.kind == "mart":
            return known.aggregate if dataset == known.model else None
        if self.datasets[dataset].has_overlaps:
            return None
        return self._counted(known, dataset)

    def _counted(self, metric: Metric, dataset: str) -> str | None:
        """Give the SQL of a sum, a count or what is computed from rows."""
        if metric.kind in FROM_ROWS:
            is_there = dataset in (metric.model, metric.dataset)
            return self._of_one_level(metric.aggregate, dataset) if is_there else None
        if self._has(metric.name, dataset):
            return self._of_one_level(self.total(metric.name, dataset), dataset)
        return metric.aggregate if dataset == metric.model else None

    def _of_one_level(self, expression: str, dataset: str) -> str:
        """Give no number where rows of several levels meet: they repeat each other."""
        if not self._has(_LEVEL, dataset):
            return expression
        return f"case when count(distinct {_LEVEL}) <= 1 then {expression} end"


@dataclass
class _Labels:
    """What is said about a column name; the first who says it wins."""

    columns: dict[str, Column] = field(default_factory=dict)

    def note(self, column: Column) -> None:
        known = self.columns.get(column.name, Column(name=column.name))
        self.columns[column.name] = replace(
            known,
            label=known.label or column.label,
            description=known.description or column.description,
            unit=known.unit or column.unit,
        )

    def complete(self, column: Column, metrics: Mapping[str, Metric]) -> Column:
        """Fill what a column does not say itself from its name or its metric."""
        known = self.columns.get(column.name)
        if known is None or not known.label:
            name, _, end = column.name.rpartition("__")
            metric = metrics.get(name if end in _PRINTED else column.name)
            if metric is not None:
                known = Column(
                    name=column.name,
                    label=metric.label,
                    description=metric.description,
                    unit=_PRINTED[end].get(metric.unit, "")
                    if end in _PRINTED
                    else metric.unit,
                )
        plain = column.name.removesuffix("_html")
        if (known is None or not known.label) and plain != column.name:
            known = self.columns.get(plain)
        if known is None:
            return column
        return replace(
            column,
            label=column.label or known.label,
            description=column.description or known.description,
            unit=column.unit or known.unit,
        )


def read_catalog(
    manifest: Path,
    *,
    tables: Mapping[str, Mapping[str, str]] | None = None,
    currency: str = "RUB",
    timezone: str = "Europe/Moscow",
    project: Path = _PROJECT,
    missing: Mapping[str, str] | None = None,
) -> Catalog:
    """Read dbt's manifest.

    Args:
        manifest: ``target/manifest.json`` of the dbt project.
        tables: Columns and types of the published tables as the warehouse has them. A
            table of parts takes its columns from the metrics, so the manifest alone
            does not name them.
        currency: Reporting currency of the firm.
        timezone: Of the firm, by name; its people read moments in it.
        project: Folder of the dbt project, to name lines of its files.
        missing: Metric to why no connected source can give it, as the published
            dictionary has it.

    Raises:
        CatalogError: a metric lacks its label or unit or is of an unknown kind, or an
            access rule is unknown.
    """
    content = cast("Manifest", json.loads(manifest.read_text(encoding="utf-8")))
    metrics = {
        metric.name: metric for metric in read_metrics(content, project, missing or {})
    }
    rules = {rule.name: rule for rule in _rules(content)}
    labels = _Labels()
    models = [
        node for node in content["nodes"].values() if node["resource_type"] == "model"
    ]
    for node in models:
        for column in _columns(node):
            labels.note(column)
    datasets = {}
    for node in models:
        schema = _published_schema(node)
        if schema is None:
            continue
        columns = {column.name: column for column in _columns(node)}
        physical = (tables or {}).get(node["name"])
        if physical is not None:
            columns = {
                name: replace(
                    columns.get(name, Column(name=name)), data_type=data_type.lower()
                )
                for name, data_type in physical.items()
            }
        datasets[node["name"]] = Dataset(
            name=node["name"],
            schema=schema,
            description=one_line(node.get("description", "")),
            columns={
                name: labels.complete(column, metrics)
                for name, column in columns.items()
            },
            access=_access(node, rules),
            file=_described_in(node),
            has_overlaps=meta_of(node.get("config")).get("rows_overlap") is True,
        )
    return Catalog(
        datasets=datasets,
        metrics=metrics,
        rules=rules,
        currency=currency,
        timezone=timezone,
    )


def _published_schema(node: Node) -> str | None:
    schema = text_of(meta_of(node.get("config")), "published_schema")
    return schema if schema in SHOWN_SCHEMAS else None


def _described_in(node: Node) -> str:
    patch = node.get("patch_path")
    return patch.split("://", 1)[-1] if patch else node["original_file_path"]


def _columns(node: Node) -> Iterator[Column]:
    for name, column in node.get("columns", {}).items():
        meta = meta_of(column.get("config"))
        yield Column(
            name=name,
            label=text_of(meta, "label"),
            description=one_line(column.get("description")),
            unit=text_of(meta, "unit"),
            data_type=(column.get("data_type") or "").lower(),
        )


def _rules(content: Manifest) -> Iterator[AccessRule]:
    for node in content["nodes"].values():
        rules = meta_of(node.get("config")).get("row_access_rules") or {}
        for name, fields in cast("dict[str, dict[str, str]]", rules).items():
            yield AccessRule(name=name, predicate=one_line(fields["predicate"]))


def _access(node: Node, rules: Mapping[str, AccessRule]) -> AccessRule | None:
    name = text_of(meta_of(node.get("config")), "row_access")
    if name == _PUBLIC:
        return None
    if name not in rules:
        raise CatalogError(
            f"model {node['name']}: row_access {name!r} is none of "
            f"{', '.join([_PUBLIC, *rules])} ({_described_in(node)})"
        )
    return rules[name]
