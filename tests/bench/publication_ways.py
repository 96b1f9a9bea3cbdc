"""Measure the ways to publish, for docs/adr/0002-publication.md.

    PYTHONPATH=. .reestr/env-pipeline/bin/python tests/bench/publication_ways.py

A throw-away embedded server holds one published table of fifty columns with the
indexes, the grant and the row policy of a registry, and a newly built table beside it.
Each way brings the first in line with the second while three readers look on:

* one asks for a single row again and again: how long does it wait at most?
* one holds an open cursor: does the publication wait for it, what does it read after?
* one took its snapshot before and asks after: what does it see?
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import errors

from orchestration import publication
from orchestration.postgres import embedded_server
from orchestration.publication import PublishedModel
from orchestration.settings import load_settings

PASSWORD = "throw-away"
TEXTS, NUMBERS, DATES, TIMES, COUNTS = 20, 10, 9, 2, 5
MODEL = PublishedModel(
    name="registry",
    working_schema="built",
    schema="published",
    key=("deal_key",),
    predicate=None,
    indexes=(("date_0",), ("text_0",)),
)
PATIENCE_SECONDS = 2

FRAME = f"""
create role reader login password '{PASSWORD}';
create schema built;
create schema published;
create table public.user_keys (username text primary key, keys text[]);
insert into public.user_keys values ('reader', '{{whole/company}}');
grant select on public.user_keys to reader;
grant usage on schema published to reader;
"""


def built(rows: int, changed: float) -> str:
    """SQL of the table that dbt would have built: two versions of every row."""
    every = round(1 / changed) if changed else rows + 1
    columns = [
        "'deal:' || n as deal_key",
        *(f"'text of column {i} ' || n % {37 + i} as text_{i}" for i in range(TEXTS)),
        *(
            f"cast(n % {9973 + i} * 1000.01 as numeric(18, 2)) as number_{i}"
            for i in range(NUMBERS)
        ),
        *(f"date '2023-01-01' + n % {1000 + i} as date_{i}" for i in range(DATES)),
        *(
            f"timestamptz '2023-01-01' + n % {1000 + i} * interval '1 hour' as time_{i}"
            for i in range(TIMES)
        ),
        *(f"n % {100 + i} as count_{i}" for i in range(COUNTS)),
        f"case when n % {every} = 0 then 2 else 1 end as version",
        "array['whole/company', 'rows/sales:' || n % 5, 'rows/employee:' || n % 60]"
        " as reader_keys",
    ]
    return f"select {', '.join(columns)} from generate_series(1, {rows}) as n"


def protected(schema: str) -> list[str]:
    """Statements that give a filled table what readers need."""
    table = f"{schema}.registry"
    return [
        f"create unique index on {table} (deal_key)",
        f"create index on {table} (date_0)",
        f"create index on {table} (text_0)",
        f"create index on {table} using gin (reader_keys)",
        f"alter table {table} enable row level security",
        f"grant select on {table} to reader",
        f"create policy row_access on {table} for select to reader using (reader_keys"
        " && (select keys from public.user_keys where username = session_user))",
    ]


def differences(connection: psycopg.Connection) -> None:
    """What the product does: delete and insert the rows that differ."""
    columns = publication._columns(connection, "built", "registry")
    publication._write_differences(connection, MODEL, columns)


def truncate(connection: psycopg.Connection) -> None:
    """Empty the table and fill it again; policy, grant and indexes stay."""
    connection.execute("truncate published.registry")
    connection.execute("insert into published.registry select * from built.registry")


def rebuild(connection: psycopg.Connection) -> None:
    """Drop the table and make it anew with all that belongs to it."""
    connection.execute("drop table published.registry")
    connection.execute("create table published.registry (like built.registry)")
    connection.execute("insert into published.registry select * from built.registry")
    for statement in protected("published"):
        connection.execute(statement)


def prepare_swap(connection: psycopg.Connection) -> None:
    """Make the next schema beside the one readers see; dbt could build it itself."""
    connection.execute("create schema next")
    connection.execute("grant usage on schema next to reader")
    connection.execute("create table next.registry as select * from built.registry")
    for statement in protected("next"):
        connection.execute(statement)


def swap(connection: psycopg.Connection) -> None:
    """Exchange the names of the two schemas."""
    connection.execute("alter schema published rename to last")
    connection.execute("alter schema next rename to published")


Step = Callable[[psycopg.Connection], None]
WAYS: dict[str, tuple[Step | None, Step]] = {
    "differences": (None, differences),
    "swap of schemas": (prepare_swap, swap),
    "truncate and fill": (None, truncate),
    "drop and create": (None, rebuild),
}


@dataclass
class Onlooker:
    """A reader that asks for one row again and again, on a thread of its own."""

    url: str
    longest: float = 0.0
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)

    def _ask(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self._stop.is_set():
                started = time.monotonic()
                try:
                    connection.execute(
                        "select version from published.registry"
                        " where deal_key = 'deal:1000'"
                    ).fetchall()
                except psycopg.Error as error:
                    self.errors.append(type(error).__name__)
                self.longest = max(self.longest, time.monotonic() - started)
                self._ready.set()

    @contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=self._ask)
        thread.start()
        self._ready.wait()
        self.longest = 0.0
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


@dataclass(frozen=True)
class Measured:
    """What one way cost and what readers saw."""

    way: str
    rows: int
    share: float
    preparing: float
    transaction: float
    longest_wait: float
    wait_errors: int
    cursor: str
    snapshot: str
    size_ratio: float


def measure(
    admin_url: str, reader_url: str, way: str, rows: int, share: float
) -> Measured:
    """Publish once with onlookers, and once more with each of the slow readers."""
    prepare, step = WAYS[way]
    with psycopg.connect(admin_url, autocommit=True) as connection:
        fresh(connection, rows, share)
        size = table_size(connection)
        preparing = seconds(lambda: prepare and prepare(connection))
        onlooker = Onlooker(reader_url)
        with onlooker.looking():
            transaction = seconds(lambda: publish(connection, step))
        ratio = table_size(connection) / size
    small = min(rows, 20_000)
    return Measured(
        way=way,
        rows=rows,
        share=share,
        preparing=preparing,
        transaction=transaction,
        longest_wait=onlooker.longest,
        wait_errors=len(onlooker.errors),
        cursor=beside_cursor(admin_url, reader_url, way, small, share),
        snapshot=beside_snapshot(admin_url, reader_url, way, small, share),
        size_ratio=ratio,
    )


def beside_cursor(
    admin_url: str, reader_url: str, way: str, rows: int, share: float
) -> str:
    """Publish while a reader has fetched half of its rows."""
    prepare, step = WAYS[way]
    with (
        psycopg.connect(admin_url, autocommit=True) as connection,
        psycopg.connect(reader_url) as reader,
        reader.cursor(name="half_read") as cursor,
    ):
        fresh(connection, rows, share)
        if prepare:
            prepare(connection)
        cursor.execute("select version from published.registry")
        versions = [version for (version,) in cursor.fetchmany(rows // 2)]
        connection.execute(f"set lock_timeout = '{PATIENCE_SECONDS}s'")
        try:
            publish(connection, step)
        except errors.LockNotAvailable:
            return "publication waits for it"
        versions += [version for (version,) in cursor.fetchall()]
        return f"{told(versions, rows)}; publication does not wait"


def beside_snapshot(
    admin_url: str, reader_url: str, way: str, rows: int, share: float
) -> str:
    """Publish between the first and the second question of one snapshot."""
    prepare, step = WAYS[way]
    with (
        psycopg.connect(admin_url, autocommit=True) as connection,
        psycopg.connect(reader_url) as reader,
    ):
        fresh(connection, rows, share)
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("select 1 from public.user_keys")
        if prepare:
            prepare(connection)
        publish(connection, step)
        found = reader.execute("select version from published.registry").fetchall()
        return told([version for (version,) in found], rows)


def told(versions: Sequence[int], rows: int) -> str:
    """Say which publication some rows are."""
    if not versions:
        return "no rows at all"
    if len(versions) != rows:
        return f"{len(versions)} of {rows} rows"
    return "old rows, all" if set(versions) == {1} else "new rows"


def fresh(connection: psycopg.Connection, rows: int, share: float) -> None:
    """Lay out a published table and the built one that differs from it."""
    for schema in ("built", "published", "next", "last"):
        connection.execute(f"drop schema if exists {schema} cascade")
    connection.execute("create schema built")
    connection.execute("create schema published")
    connection.execute("grant usage on schema published to reader")
    connection.execute(f"create table built.registry as {built(rows, share)}")
    connection.execute(f"create table published.registry as {built(rows, 0)}")
    for statement in protected("published"):
        connection.execute(statement)
    connection.execute("analyze built.registry")
    connection.execute("analyze published.registry")
    connection.execute("checkpoint")


def publish(connection: psycopg.Connection, step: Step) -> None:
    """Run a step in one transaction."""
    with connection.transaction():
        step(connection)


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def table_size(connection: psycopg.Connection) -> int:
    """Bytes of what readers read, indexes included."""
    row = connection.execute(
        "select pg_total_relation_size('published.registry')"
    ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def throw_away_server() -> Iterator[tuple[str, str]]:
    """Addresses of a server for its administrator and for a reader."""
    with tempfile.TemporaryDirectory(prefix="reestr-bench-") as folder:
        # The server has an operating system user of its own when root calls.
        Path(folder).chmod(0o755)
        server = embedded_server(load_settings(Path(folder) / "home", {}))
        server.start()
        try:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute(FRAME)
            reader = f"postgresql://reader:{PASSWORD}@127.0.0.1:{server.port}/postgres"
            yield server.url(), reader
        finally:
            server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line of a Markdown table per way, size and share of changed rows."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", type=int, nargs="*", default=[50_000, 500_000])
    parser.add_argument("--changed", type=float, nargs="*", default=[0.002, 1.0])
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    options = parser.parse_args(arguments)
    write = sys.stdout.write
    write(
        "| rows | changed | way | before, s | transaction, s | longest wait, s | "
        "open cursor | older snapshot | size after |\n"
        "|---:|---:|---|---:|---:|---:|---|---|---:|\n"
    )
    with throw_away_server() as (admin_url, reader_url):
        for rows in options.rows:
            for share in options.changed:
                for way in options.ways:
                    done = measure(admin_url, reader_url, way, rows, share)
                    failed = f" ({done.wait_errors} errors)" if done.wait_errors else ""
                    write(
                        f"| {done.rows:,} | {done.share:.1%} | {done.way} |"
                        f" {done.preparing:.2f} | {done.transaction:.2f} |"
                        f" {done.longest_wait:.2f}{failed} | {done.cursor} |"
                        f" {done.snapshot} | {done.size_ratio:.2f}× |\n"
                    )
                    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
