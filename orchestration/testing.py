"""The verb ``test``: lint, unit, warehouse and browser tests, one after another."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestration.postgres import embedded_server
from orchestration.settings import REPOSITORY, SettingsError, load_settings

PARTS = ("lint", "unit", "warehouse", "browser")
PROGRAMS = Path(sys.executable).parent
PACKAGES = ("bi", "expectations", "ingestion", "orchestration")

# Each command stands alone; the first that fails stops the run.
LINT = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("yamllint", "--strict", "."),
)
# Compiles the models, so it needs a warehouse that answers.
SQL_LINT = (
    "sqlfluff",
    "lint",
    "--processes",
    "2",
    "dbt_project/models",
    "dbt_project/tests",
)


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
    if not marks:
        return 0
    chosen = [] if not parts else ["-m", " or ".join(marks)]
    return _run([str(PROGRAMS / "pytest"), *chosen, *shlex.split(words)])


def _lint() -> int:
    from orchestration.transformation import profile_environment  # noqa: PLC0415
    from orchestration.warehouse import open_warehouse, provision  # noqa: PLC0415

    for program, *arguments in LINT:
        code = _run([str(PROGRAMS / program), *arguments])
        if code:
            return code
    with tempfile.TemporaryDirectory(prefix="reestr-lint-") as folder:
        Path(folder).chmod(0o755)
        settings = load_settings(Path(folder) / "home", {})
        warehouse = open_warehouse(settings)
        try:
            provision(warehouse, [])
            program, *arguments = SQL_LINT
            return _run(
                [str(PROGRAMS / program), *arguments], profile_environment(warehouse)
            )
        finally:
            embedded_server(settings).stop()


def _run(command: list[str], more: Mapping[str, str] | None = None) -> int:
    name = Path(command[0]).name
    sys.stderr.write(f"reestr: {name} {' '.join(command[1:])}\n")
    environment = {
        **{k: v for k, v in os.environ.items() if not _is_home_setting(k)},
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **(more or {}),
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=False
    ).returncode


def _is_home_setting(name: str) -> bool:
    """Tests make their own homes; only the server to use may be given to them."""
    return name.startswith("REESTR_") and name not in (
        "REESTR_DATABASE_URL",
        "REESTR_PICTURES",
        "REESTR_SUPERSET_PYTHON",
    )
