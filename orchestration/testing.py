"""The verb ``test``: lint first, then unit, warehouse and browser tests."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from orchestration.postgres import embedded_server
from orchestration.settings import REPOSITORY, SettingsError, load_settings

PARTS = ("lint", "unit", "warehouse", "browser")
PROGRAMS = Path(sys.executable).parent
PACKAGES = ("bi", "expectations", "ingestion", "orchestration")

# Each command stands alone, so they run side by side.
LINT = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("yamllint", "--strict", "."),
)
# Compiles the models, so it needs a warehouse that answers. Dear: started first.
SQL_LINT = (
    "sqlfluff",
    "lint",
    "--processes",
    "2",
    "dbt_project/models",
    "dbt_project/tests",
)
# Spread over the cores, file by file; every worker has a PostgreSQL of its own.
WORKERS = min(4, os.cpu_count() or 1)
SPREAD = ["-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder"]


def run_tests(parts: Sequence[str], words: str = "") -> int:
    """Run parts of the tests; the code is that of the first failing command.

    Args:
        parts: Names out of ``PARTS``; empty for all.
        words: Further words for pytest, as one text.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise SettingsError(
            f"test: no part named {', '.join(sorted(unknown))}; known: "
            f"{', '.join(PARTS)}"
        )
    wanted = tuple(parts) or PARTS
    if "lint" in wanted:
        code = _lint()
        if code:
            return code
    marks = [part for part in wanted if part != "lint"]
    # Words are for somebody who looks at one thing: one process, as pytest does it.
    if words and marks:
        chosen = [] if not parts else ["-m", " or ".join(marks)]
        return _pytest(*chosen, *shlex.split(words))
    # Pages have seconds to answer, as for people: nothing else runs beside them.
    beside = [part for part in marks if part != "browser"]
    code = _pytest("-m", " or ".join(beside), *SPREAD) if beside else 0
    pages = _pytest("-m", "browser") if "browser" in marks else 0
    return code or pages


def _pytest(*words: str) -> int:
    return _run([str(PROGRAMS / "pytest"), *words])


def _lint() -> int:
    """Run every linter; the code is that of the first one that found something."""
    with _warehouse_environment() as environment:
        commands = [(SQL_LINT, environment), *((command, {}) for command in LINT)]
        with ThreadPoolExecutor(len(commands)) as beside:
            runs = [beside.submit(_captured, *command) for command in commands]
            # Those that end soon are read first.
            for run in reversed(runs):
                sys.stderr.write(run.result().stdout)
    return next((run.result().returncode for run in runs if run.result().returncode), 0)


@contextmanager
def _warehouse_environment() -> Iterator[Mapping[str, str]]:
    """A warehouse of its own, empty, as dbt's profile finds it."""
    from orchestration.transformation import profile_environment  # noqa: PLC0415
    from orchestration.warehouse import open_warehouse, provision  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="reestr-lint-") as folder:
        Path(folder).chmod(0o755)
        settings = load_settings(Path(folder) / "home", {})
        warehouse = open_warehouse(settings)
        try:
            provision(warehouse, [])
            yield profile_environment(warehouse)
        finally:
            embedded_server(settings).stop()


def _captured(
    command: Sequence[str], more: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=REPOSITORY,
        env=_environment(more),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    done.stdout = f"reestr: {' '.join(command)}\n{done.stdout}"
    return done


def _run(command: list[str]) -> int:
    name = Path(command[0]).name
    sys.stderr.write(f"reestr: {name} {' '.join(command[1:])}\n")
    return subprocess.run(
        command, cwd=REPOSITORY, env=_environment({}), check=False
    ).returncode


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not _is_home_setting(k)},
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **more,
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def _is_home_setting(name: str) -> bool:
    """Tests make their own homes; only the server to use may be given to them."""
    return name.startswith("REESTR_") and name not in (
        "REESTR_DATABASE_URL",
        "REESTR_PICTURES",
        "REESTR_SUPERSET_PYTHON",
    )
