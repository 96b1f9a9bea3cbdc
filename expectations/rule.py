"""A quality rule: one expectation about a deal card, and what people read of it."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

from great_expectations.expectations.expectation import ColumnMapExpectation

SEVERITIES = ("critical", "major", "minor")
CELL_STATES = ("missing", "invalid", "suspicious")


class RuleError(ValueError):
    """A rule is written wrongly; the text says which and how."""


@dataclass(frozen=True)
class Rule:
    """One quality rule of the deal card.

    Attributes:
        id: Stable name, letter for letter in findings and reports.
        title: What is wrong, in Russian, as the registry shows it.
        hint: Where in the CRM card to mend it.
        owner: Department that answers for the rule.
        severity: ``critical``, ``major`` or ``minor``.
        key: Column that names the judged record.
        marks: Column of the registry that is tinted; ``{column}`` stands for what the
            judged row says in a column.
        cell_state: How it is tinted: ``missing``, ``invalid`` or ``suspicious``.
        expect: The expectation, judged inside PostgreSQL.
    """

    id: str
    title: str
    hint: str
    owner: str
    severity: str
    key: str
    marks: str
    cell_state: str
    expect: ColumnMapExpectation

    @property
    def named_columns(self) -> list[str]:
        """Columns of the judged row that say which cell is tinted."""
        return [name for _, name, _, _ in Formatter().parse(self.marks) if name]


def rule(
    *,
    id: str,  # noqa: A002 -- rules read as data: the word people use
    title: str,
    hint: str,
    owner: str,
    severity: str,
    expect: ColumnMapExpectation,
    cell_state: str,
    key: str = "deal_key",
    marks: str = "",
) -> Rule:
    """One rule; the tinted column is the judged one unless ``marks`` names another.

    Raises:
        RuleError: an unknown severity or cell state.
    """
    if severity not in SEVERITIES:
        raise RuleError(f"rule {id}: severity {severity!r} is none of {SEVERITIES}")
    if cell_state not in CELL_STATES:
        raise RuleError(f"rule {id}: state {cell_state!r} is none of {CELL_STATES}")
    return Rule(
        id=id,
        title=title,
        hint=hint,
        owner=owner,
        severity=severity,
        key=key,
        marks=marks or expect.column,
        cell_state=cell_state,
        expect=expect,
    )
