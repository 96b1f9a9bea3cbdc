"""Runs of dbt inside this process: raw tables become working tables."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from logging.handlers import RotatingFileHandler
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from bi.metric_files import check_files
from bi.superset.yaml_file import CompileError
from orchestration import statements
from orchestration.settings import REPOSITORY, code_fingerprint, fingerprint
from orchestration.warehouse import Warehouse

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

PROJECT = REPOSITORY / "dbt_project"
# Core is what the rules judge; all else is built when their results are there.
CORE = ("--select", "+fqn:reestr.core")
REPORTS = ("--exclude", "+fqn:reestr.core")
# Lookups and views of the sources are as the last whole pass left them.
UNCHANGED = ("--exclude-resource-type", "seed", "--exclude", "path:models/staging")
# They judge a model's text on rows of their own: a matter of tests, not of a pass.
UNIT_TESTS = ("--exclude-resource-type", "unit_test")


class TransformationError(Exception):
    """A model or a test of the pipeline failed; the text names the first ones."""


def manifest_file(warehouse: Warehouse) -> Path:
    """Where dbt leaves the manifest of a home."""
    return warehouse.settings.home / "dbt" / "manifest.json"


def build(
    warehouse: Warehouse,
    selection: Sequence[str],
    variables: Mapping[str, object],
    *,
    whole: bool = True,
) -> dict[str, float]:
    """Build and test a part of the project.

    Args:
        warehouse: Where to build, as its transformer.
        selection: ``CORE`` or ``REPORTS``.
        variables: What the connections of the home say (``mapping.dbt_vars``).
        whole: Write every table anew; else only what ``ops.changed_units`` touches.

    Returns:
        Seconds by node.

    Raises:
        TransformationError: a model did not build or a test failed.
    """
    # Parsing has written the manifest; nobody reads what a build would add to it.
    arguments = ["build", "--no-write-json", *selection, *UNIT_TESTS]
    arguments += ["--indirect-selection", "buildable"]
    arguments += ["--full-refresh"] if whole else UNCHANGED
    file = _recording_file(warehouse, arguments, variables)
    if not file.exists():
        return _record(warehouse, arguments, variables, file)
    with _log(warehouse):
        outcome = statements.run(
            statements.load(file), lambda: warehouse.connect("transformer")
        )
    if outcome.failures:
        # Whatever is wrong with it, the next pass asks dbt.
        file.unlink()
    _raise(outcome.failures)
    return dict(outcome.seconds)


def _recording_file(
    warehouse: Warehouse, arguments: Sequence[str], variables: Mapping[str, object]
) -> Path:
    """Where a run of dbt is kept, named by all that decides what it says."""
    with warehouse.connect("transformer") as connection:
        state = statements.state(connection)
    versions = (version("dbt-core"), version("dbt-postgres"))
    mark = fingerprint(*arguments, *versions, state)
    folder = manifest_file(warehouse).parent / "statements" / _meaning(variables)
    return folder / f"{mark}.json"


@contextmanager
def _log(warehouse: Warehouse) -> Iterator[None]:
    """Write each node and its seconds to a file, as dbt does to its own."""
    handler = RotatingFileHandler(
        warehouse.settings.folder("logs") / "statements.log",
        maxBytes=10_000_000,
        backupCount=1,
        encoding="utf-8",
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    statements.logger.addHandler(handler)
    statements.logger.setLevel(logging.INFO)
    # Four hundred lines: for whoever looks for them.
    statements.logger.propagate = False
    try:
        yield
    finally:
        statements.logger.removeHandler(handler)
        handler.close()


def _record(
    warehouse: Warehouse,
    arguments: list[str],
    variables: Mapping[str, object],
    file: Path,
) -> dict[str, float]:
    """Run dbt, and keep what it has said."""
    sent: dict[str, list[str]] = {}
    results = _run(
        warehouse, arguments, variables, lambda event: statements.listen(event, sent)
    )
    manifest = _read_project(warehouse, variables)
    # Of another project or other connections nothing is asked again.
    for folder in {*file.parent.parent.glob("*")} - {file.parent}:
        rmtree(folder)
    statements.save(
        file, statements.recorded(results, manifest, sent, warehouse.database)
    )
    return {result.node.unique_id: result.execution_time for result in results}


def run_unit_tests(warehouse: Warehouse, variables: Mapping[str, object]) -> int:
    """Run the unit tests of the models in a built warehouse, and count them.

    Raises:
        TransformationError: a test failed.
    """
    arguments = ["test", "--no-write-json", "--select", "test_type:unit"]
    return len(_run(warehouse, arguments, variables))


def parse(warehouse: Warehouse, variables: Mapping[str, object]) -> Path:
    """Write the manifest, unless it already tells of these files and connections.

    Raises:
        TransformationError: a block of a metric is not whole, with file and line, or
            dbt does not understand the project.
    """
    if not _is_written(warehouse, _meaning(variables)):
        _read_project(warehouse, variables)
    return manifest_file(warehouse)


# What dbt has read for the home that this process works on: each reading of the files
# takes seconds. It names tables with their database.
_last_read: dict[tuple[Path, str, str], Manifest] = {}


def _read_project(warehouse: Warehouse, variables: Mapping[str, object]) -> Manifest:
    meaning = _meaning(variables)
    known = (manifest_file(warehouse), meaning, warehouse.database)
    if known not in _last_read:
        arguments = ["parse"]
        if _is_written(warehouse, meaning):
            arguments.append("--no-write-json")
        else:
            # dbt names no line of a broken metric: its blocks are looked at before.
            try:
                check_files(PROJECT)
            except CompileError as error:
                raise TransformationError(str(error)) from error
        manifest = _invoke(warehouse, arguments, variables).result
        _mark_file(warehouse).write_text(meaning)
        _last_read.clear()
        _last_read[known] = cast("Manifest", manifest)
    return _last_read[known]


def _meaning(variables: Mapping[str, object]) -> str:
    """Fingerprint of the project and the connections."""
    return fingerprint(
        code_fingerprint(PROJECT.name), json.dumps(variables, sort_keys=True)
    )


def _mark_file(warehouse: Warehouse) -> Path:
    return manifest_file(warehouse).with_suffix(".mark")


def _is_written(warehouse: Warehouse, meaning: str) -> bool:
    file = _mark_file(warehouse)
    return (
        manifest_file(warehouse).exists()
        and file.exists()
        and file.read_text() == meaning
    )


def _run(
    warehouse: Warehouse,
    arguments: list[str],
    variables: Mapping[str, object],
    listener: Callable[[EventMsg], None] | None = None,
) -> Sequence[NodeResult]:
    """Run nodes of the project, and give what became of them."""
    manifest = _read_project(warehouse, variables)
    outcome = _invoke(warehouse, arguments, variables, manifest, listener)
    results: Sequence[NodeResult] = getattr(outcome.result, "results", [])
    _raise(
        [
            f"{result.node.name} ({result.node.original_file_path}): {result.message}"
            for result in results
            if str(result.status) in ("error", "fail", "runtime error")
        ]
    )
    if not outcome.success:
        raise TransformationError("dbt has not succeeded: see its log in logs/dbt.log")
    return results


def _raise(failures: Sequence[str]) -> None:
    if failures:
        raise TransformationError("dbt: " + "; ".join(failures[:5]))


def _invoke(
    warehouse: Warehouse,
    arguments: list[str],
    variables: Mapping[str, object],
    manifest: Manifest | None = None,
    listener: Callable[[EventMsg], None] | None = None,
) -> dbtRunnerResult:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 -- takes seconds to import

    _keep_connections()
    folder = manifest_file(warehouse).parent
    with _profile(warehouse):
        outcome = dbtRunner(manifest, [listener] if listener else []).invoke(
            [
                *arguments,
                "--project-dir", str(PROJECT),
                "--profiles-dir", str(PROJECT),
                "--target-path", str(folder),
                "--log-path", str(warehouse.settings.folder("logs")),
                "--threads", str(statements.THREADS),
                "--vars", json.dumps(variables, ensure_ascii=False, sort_keys=True),
                # What fails is raised; the file tells each node and its seconds. The
                # statements themselves lie in the folder: writing them a second time
                # took a tenth of a pass.
                "--log-level", "none",
                "--log-level-file", "info",
                "--no-use-colors",
            ]
        )  # fmt: skip
    if outcome.exception:
        raise TransformationError(f"dbt: {outcome.exception}")
    return outcome


@cache
def _keep_connections() -> None:
    """Let each of dbt's threads keep its connection from node to node.

    dbt opens one for every node, and a new server process reads the catalog anew: a
    quarter of a small pass's work. A run still closes all of them when it ends.
    """
    # Takes seconds to import.
    from dbt.adapters.postgres.connections import (  # noqa: PLC0415
        PostgresConnectionManager,
    )
    from dbt.adapters.postgres.impl import PostgresAdapter  # noqa: PLC0415

    class KeptConnections(PostgresConnectionManager):
        def release(self) -> None:
            connection = self.get_if_exists()
            if connection is None or connection.state != "open":
                return
            if connection.handle.closed:
                super().release()
            else:
                # Ends what psycopg2 has begun by itself, too.
                self._rollback_handle(connection)
                connection.transaction_open = False

    PostgresAdapter.ConnectionManager = KeptConnections


def profile_environment(warehouse: Warehouse) -> dict[str, str]:
    """What the profile of dbt reads: the address and login of the transformer."""
    parts = urlsplit(warehouse.url("transformer"))
    return {
        "REESTR_DBT_HOST": parts.hostname or "",
        "REESTR_DBT_PORT": str(parts.port or 5432),
        "REESTR_DBT_USER": unquote(parts.username or ""),
        "REESTR_DBT_PASSWORD": unquote(parts.password or ""),
        "REESTR_DBT_DATABASE": warehouse.database,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


@contextmanager
def _profile(warehouse: Warehouse) -> Iterator[None]:
    """Let dbt find its profile's values in the environment, here and only now."""
    values = profile_environment(warehouse)
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
