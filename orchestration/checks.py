"""The check stage of a pass: rules judge the cards, results go to the warehouse."""

from __future__ import annotations

from orchestration.warehouse import Warehouse

# The last run feeds the findings, the one before tells what a failed pass left.
RUNS_KEPT = 2


# Deals that a pass of changes has brought up to date.
CHANGED = "select key from ops.changed_units where unit = 'deal_key'"
CHANGED_OF_RUN = "select %s, key from ops.changed_units where unit = 'deal_key'"


def check(warehouse: Warehouse, *, run_id: int, whole: bool = True) -> dict[str, int]:
    """Judge deal cards and write the failing ones in one transaction.

    Args:
        warehouse: Of the home.
        run_id: Of the pass.
        whole: Judge every card; else those of ``ops.changed_units``.

    Returns:
        Failing cards by rule; every rule is named.
    """
    # Great Expectations takes seconds to import.
    from expectations.rules.deals import RULES  # noqa: PLC0415
    from expectations.runner import failing_records  # noqa: PLC0415

    counts = {rule.id: 0 for rule in RULES}
    with warehouse.connect("transformer") as connection:
        connection.execute("delete from checks.rules")
        if not whole:
            connection.execute(
                f"insert into checks.checked_records {CHANGED_OF_RUN}",
                [run_id],
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into checks.rules values (%s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        rule.id, rule.title, rule.hint, rule.owner, rule.severity,
                        rule.marks, rule.cell_state,
                    )
                    for rule in RULES
                ],
            )  # fmt: skip
            with cursor.copy(
                "copy checks.check_results (run_id, rule_id, record_key, column_name)"
                " from stdin"
            ) as copy:
                for result in failing_records(
                    RULES,
                    database_url=warehouse.url("transformer"),
                    records=None if whole else CHANGED,
                ):
                    counts[result.rule_id] += 1
                    copy.write_row(
                        (run_id, result.rule_id, result.record_key, result.column)
                    )
        connection.execute(
            "insert into checks.check_runs (run_id, is_whole) values (%s, %s)",
            [run_id, whole],
        )
        for table in ("check_results", "checked_records", "check_runs"):
            connection.execute(
                f"delete from checks.{table} where run_id <= "  # noqa: S608 -- names of ours
                "(select max(run_id) from checks.check_runs) - %s",
                [RUNS_KEPT],
            )
    return counts
