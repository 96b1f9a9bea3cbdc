"""Judge the deal cards: a table in PostgreSQL and rules give check results.

Great Expectations reports at most 20 failing records of a rule unless it is told
otherwise; the settings below make it give every one, without the failing values.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Both are read when the library is imported.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.core.result_format import ResultFormat
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations.rule import Rule

SCHEMA = "dbt_core"
TABLE = "fct_deal_cards"
# More failing records than any warehouse of ours has deals.
EVERY_RECORD = 100_000_000

logger = logging.getLogger(__name__)
# It tells of temporary folders that nobody asked about.
logging.getLogger("great_expectations").setLevel(logging.WARNING)


@dataclass(frozen=True)
class CheckResult:
    """One record that fails one rule.

    Attributes:
        rule_id: The rule.
        record_key: Key of the failing record.
        column: Column of the registry that the rule marks.
    """

    rule_id: str
    record_key: str
    column: str


class CheckError(RuntimeError):
    """A rule could not be judged; the text says which and why."""


def failing_records(
    rules: Sequence[Rule],
    *,
    database_url: str,
    schema: str = SCHEMA,
    table: str = TABLE,
    records: str | None = None,
) -> Iterator[CheckResult]:
    """Yield every record that fails a rule, rule by rule.

    Args:
        rules: At least one.
        database_url: ``postgresql://`` address of a login that may read the table.
        schema: Schema of the judged table.
        table: Judged table.
        records: A query for the keys of the records to judge; None for all.

    Raises:
        CheckError: a rule names a missing column, or its expectation broke.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres(
        name="warehouse",
        connection_string=database_url.replace(
            "postgresql://", "postgresql+psycopg2://", 1
        ),
    )
    if records is None:
        whole = source.add_table_asset(name=table, table_name=table, schema_name=schema)
        batch = whole.add_batch_definition_whole_table(name="all").get_batch()
    else:
        keys = {rule.key for rule in rules}
        some = source.add_query_asset(
            name=table,
            query=f"select * from {schema}.{table} where "  # noqa: S608 -- names of ours
            + " and ".join(f"{key} in ({records})" for key in sorted(keys)),
        )
        batch = some.add_batch_definition_whole_table(name="some").get_batch()
    for one in rules:
        result = batch.validate(
            one.expect,
            result_format={
                "result_format": ResultFormat.COMPLETE,
                "unexpected_index_column_names": [one.key, *one.named_columns],
                "exclude_unexpected_values": True,
                "partial_unexpected_count": EVERY_RECORD,
            },
        )
        if result.exception_info and _raised(result.exception_info):
            raise CheckError(
                f"rule {one.id} could not be judged on {schema}.{table}: "
                f"{_reason(result.exception_info)}"
            )
        # With values excluded the list is one dictionary of columns.
        found = 0
        for columns in result.result.get("unexpected_index_list") or []:
            for row, record_key in enumerate(columns[one.key]):
                said = {name: columns[name][row] for name in one.named_columns}
                found += 1
                yield CheckResult(one.id, str(record_key), one.marks.format(**said))
        # None where no record meets the rule's condition.
        expected = result.result.get("unexpected_count") or 0
        if found != expected:
            raise CheckError(
                f"rule {one.id}: {expected} records fail, {found} were named"
            )
        logger.info("judged", extra={"rule": one.id, "failing": found})


def _raised(information: dict[str, object]) -> bool:
    return bool(information.get("raised_exception")) or any(
        isinstance(part, dict) and part.get("raised_exception")
        for part in information.values()
    )


def _reason(information: dict[str, object]) -> str:
    for part in (information, *information.values()):
        if isinstance(part, dict) and part.get("exception_message"):
            return str(part["exception_message"]).split("\n", 1)[0]
    return "the library gave no reason"
