"""One pass at a time: an advisory lock that the command line and Dagster share."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC

import psycopg

from orchestration.warehouse import Warehouse

# The key is ours alone; the lock belongs to one database.
PASS_LOCK = 0x5245455354


class PassIsRunningError(Exception):
    """Another pass holds the warehouse; the text says which."""


@contextmanager
def pass_lock(warehouse: Warehouse) -> Iterator[psycopg.Connection]:
    """Hold the warehouse for one pass.

    The lock belongs to a connection: a killed pass gives it back by itself. The
    connection's name tells a second pass who holds it, and what the pass records goes
    through the same connection, so that a lost lock is noticed at the next stage.

    Raises:
        PassIsRunningError: another pass is under way.
    """
    holder = f"pass of process {os.getpid()} on {socket.gethostname()}"[:63]
    with psycopg.connect(
        warehouse.url("transformer"), autocommit=True, application_name=holder
    ) as connection:
        taken = connection.execute(
            "select pg_try_advisory_lock(%s)", [PASS_LOCK]
        ).fetchone()
        if not taken or not taken[0]:
            raise PassIsRunningError(_holder(connection))
        yield connection


def _holder(connection: psycopg.Connection) -> str:
    row = connection.execute(
        "select activity.application_name, activity.backend_start"
        " from pg_locks as locks"
        " join pg_stat_activity as activity on activity.pid = locks.pid"
        " where locks.locktype = 'advisory' and locks.granted"
        " and locks.database = (select oid from pg_database"
        " where datname = current_database())"
        " and locks.classid = %s and locks.objid = %s",
        [PASS_LOCK >> 32, PASS_LOCK & 0xFFFFFFFF],
    ).fetchone()
    if row is None:
        return "a pass has just ended: run the command again"
    return (
        f"another pass is under way: {row[0]}, since "
        f"{row[1].astimezone(UTC):%d.%m.%Y %H:%M:%S} UTC; "
        "wait for it, or end that process"
    )
