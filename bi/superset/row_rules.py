"""The second lock: one Base filter per access rule, over every dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bi.catalog import Dataset


class UnprotectedDatasetError(Exception):
    """A dataset without an access rule would show all its rows."""


@dataclass(frozen=True)
class RowRule:
    """A Base filter of Superset: it holds for everyone, no role is exempt.

    Attributes:
        clause: SQL condition; the reader's name is a template.
        tables: Names of the datasets it stands on.
    """

    name: str
    clause: str
    tables: frozenset[str]


def row_rules(datasets: Iterable[Dataset]) -> list[RowRule]:
    """Give the rules of the datasets.

    Raises:
        UnprotectedDatasetError: a dataset has no access rule. A public dictionary is
            read through the tables that hold its labels, never as a dataset.
    """
    tables: dict[tuple[str, str], set[str]] = defaultdict(set)
    for dataset in datasets:
        if dataset.access is None:
            raise UnprotectedDatasetError(
                f"dataset {dataset.name}: no access rule ({dataset.file})"
            )
        rule = dataset.access
        tables[rule.name, rule.for_superset()].add(dataset.name)
    return [
        RowRule(name=name, clause=clause, tables=frozenset(names))
        for (name, clause), names in sorted(tables.items())
    ]
