"""What dbt said in one pass, said again in the next without dbt.

Whatever differs between two passes stands in tables (``ops.clock``,
``ops.changed_units``), so a node's statements stay the same until the project, the
connections, dbt itself or the tables' columns change. Rendering four hundred nodes
takes dbt several times what the server needs for a small pass: it is done once, and
kept in a file.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

logger = logging.getLogger(__name__)

# Statements that run at one time, in a pass of dbt as in one of ours.
THREADS = 2


@dataclass(frozen=True)
class Node:
    """A model or a test, as dbt ran it.

    Attributes:
        name: Unique id of dbt.
        file: Where it is written, within the project.
        is_test: Its last statement answers with (failures, warns, fails).
        waits_for: Names of the nodes that come before it.
        statements: In their order, one transaction.
    """

    name: str
    file: str
    is_test: bool
    waits_for: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """A run of dbt: its nodes, and the schemas that they write to."""

    schemas: tuple[str, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Outcome:
    """Seconds by node, and what went wrong: the node, its file and why."""

    seconds: Mapping[str, float]
    failures: Sequence[str]


def listen(event: EventMsg, sent: dict[str, list[str]]) -> None:
    """Write down a statement that dbt sends, by its node."""
    if event.info.name == "SQLQuery" and event.data.sql not in ("BEGIN", "COMMIT"):
        sent.setdefault(event.data.node_info.unique_id, []).append(event.data.sql)


def recorded(
    results: Sequence[NodeResult],
    manifest: Manifest,
    sent: Mapping[str, Sequence[str]],
    database: str,
) -> Recording:
    """What a run said: each node after what it read and what its tests let through.

    Args:
        results: Of the run, as its nodes finished.
        manifest: Of the project.
        sent: Statements by node.
        database: Its name is taken out of the statements: they are about the database
            they are sent to.
    """
    # Before a schema only, which may be called like it.
    its_database = re.compile(
        rf'"{re.escape(database)}"\.(?="[^"]+"\."|information_schema\.)', re.IGNORECASE
    )
    ran = {
        result.node.unique_id: manifest.nodes[result.node.unique_id]
        for result in results
    }
    tests = {
        name: frozenset(node.depends_on_nodes)
        for name, node in ran.items()
        if str(node.resource_type) == "test"
    }

    @cache
    def inputs(name: str) -> frozenset[str]:
        node = manifest.nodes.get(name)
        return frozenset(node.depends_on_nodes if node else ())

    @cache
    def above(name: str) -> frozenset[str]:
        return inputs(name).union(*(above(each) for each in inputs(name)))

    @cache
    def ran_inputs(name: str) -> frozenset[str]:
        return frozenset().union(
            *({each} if each in ran else ran_inputs(each) for each in inputs(name))
        )

    @cache
    def gates(name: str) -> frozenset[str]:
        """Tests of all that a model stands on, as ``dbt build`` waits for them."""
        if name in tests:
            return frozenset()
        return frozenset(test for test, its in tests.items() if its <= above(name))

    def own_gates(name: str) -> frozenset[str]:
        return gates(name).difference(*(gates(each) for each in ran_inputs(name)))

    return Recording(
        schemas=tuple(
            sorted({node.schema for name, node in ran.items() if name not in tests})
        ),
        nodes=tuple(
            Node(
                name=name,
                file=node.original_file_path,
                is_test=name in tests,
                waits_for=tuple(sorted(ran_inputs(name) | own_gates(name))),
                statements=tuple(
                    its_database.sub("", statement) for statement in sent[name]
                ),
            )
            for name, node in ran.items()
        ),
    )


def state(connection: psycopg.Connection) -> str:
    """Fingerprint of the columns of all working tables: dbt looks at what is there."""
    row = connection.execute(
        "select md5(string_agg(format('%s.%s %s %s', schemas.nspname, tables.relname,"
        " tables.relkind, columns.attname), ',' order by schemas.nspname,"
        " tables.relname, columns.attnum))"
        " from pg_class as tables"
        " join pg_namespace as schemas on schemas.oid = tables.relnamespace"
        " join pg_attribute as columns on columns.attrelid = tables.oid"
        " where schemas.nspname like 'dbt\\_%' and tables.relkind in ('r', 'v')"
        " and columns.attnum > 0 and not columns.attisdropped"
    ).fetchone()
    return str(row)


def save(file: Path, recording: Recording) -> None:
    """Keep a recording, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(recording)), encoding="utf-8")
    draft.replace(file)


def load(file: Path) -> Recording:
    """A recording that was kept."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Recording(
        schemas=tuple(kept["schemas"]),
        nodes=tuple(
            Node(
                name=node["name"],
                file=node["file"],
                is_test=node["is_test"],
                waits_for=tuple(node["waits_for"]),
                statements=tuple(node["statements"]),
            )
            for node in kept["nodes"]
        ),
    )


def run(recording: Recording, connect: Callable[[], psycopg.Connection]) -> Outcome:
    """Run every node, each when what it waits for has succeeded.

    What waits for a failed node is left out; the rest is run.
    """
    by_name = {node.name: node for node in recording.nodes}
    order = TopologicalSorter({name: node.waits_for for name, node in by_name.items()})
    order.prepare()
    succeeded: dict[str, float] = {}
    failures: list[str] = []
    running: dict[Future[tuple[float, str | None]], Node] = {}
    idle: SimpleQueue[psycopg.Connection] = SimpleQueue()
    with ExitStack() as stack:
        connections = [stack.enter_context(connect()) for _ in range(THREADS)]
        for connection in connections:
            # Each text is sent once in a pass.
            connection.prepare_threshold = None
            idle.put(connection)
        with connections[0].transaction():
            for schema in recording.schemas:
                connections[0].execute(
                    sql.SQL("create schema if not exists {}").format(
                        sql.Identifier(schema)
                    )
                )
        pool = stack.enter_context(ThreadPoolExecutor(THREADS))
        try:
            while order.is_active():
                for name in order.get_ready():
                    running[pool.submit(_run, by_name[name], idle)] = by_name[name]
                if not running:
                    break
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    node = running.pop(done)
                    seconds, failure = done.result()
                    logger.info("%.2f s %s %s", seconds, node.name, failure or "")
                    if failure is None:
                        succeeded[node.name] = seconds
                        order.done(node.name)
                    else:
                        failures.append(f"{_name(node)} ({node.file}): {failure}")
        finally:
            # Interrupted: the server is told to stop, too.
            if running:
                pool.shutdown(wait=False, cancel_futures=True)
                for connection in connections:
                    connection.cancel()
    return Outcome(succeeded, failures)


def _run(node: Node, idle: SimpleQueue[psycopg.Connection]) -> tuple[float, str | None]:
    """Run a node on a connection that nobody uses: seconds, and why it failed."""
    connection = idle.get()
    started = monotonic()
    failure: str | None = None
    try:
        with connection.transaction(), connection.cursor() as cursor:
            for statement in node.statements:
                cursor.execute(statement.encode())
            if node.is_test:
                failure = _judgement(cursor)
    except psycopg.Error as error:
        failure = str(error).strip()
    finally:
        idle.put(connection)
    return monotonic() - started, failure


def _judgement(cursor: psycopg.Cursor) -> str | None:
    # What is asked comes last, after what prepares it.
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    assert row is not None  # noqa: S101 -- a count gives its row
    failures, _, fails = row
    return f"{failures} rows fail" if fails else None


def _name(node: Node) -> str:
    """The name that people know: the unique id is kind, project, name and a hash."""
    return node.name.split(".")[2]
