"""Run verbs, each in a process of its own that may be killed.

The processes are forked from this one, which has imported the heavy libraries once.
For each line of JSON words on the standard input it writes the process's id into the
pipe that its argument names, and the process's end when it is over.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading

from orchestration import cli

HEAVY = (
    "dbt.cli.main",
    "expectations.rules.deals",
    "expectations.runner",
    "ingestion.landing",
    "orchestration.definitions",
    "orchestration.running",
)


def main(pipe: int) -> None:
    """Fork one process per line until the input ends."""
    for name in HEAVY:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread would be lost in a fork"
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            os._exit(cli.main(json.loads(line)))
        tell(pipe, process)
        _, status = os.waitpid(process, 0)
        tell(pipe, os.waitstatus_to_exitcode(status))


def tell(pipe: int, number: int) -> None:
    """Write one number for the test that waits for it."""
    os.write(pipe, f"{number}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
