"""Files that people write and that are kept in the repository."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from orchestration.settings import REPOSITORY


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file of the repository that exists in this checkout."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    )
    names = done.stdout.decode().rstrip("\0").split("\0")
    files = [REPOSITORY / name for name in names]
    return tuple(path for path in files if path.is_file())


def text_files() -> list[tuple[str, str]]:
    """Name and text of every file that is text."""
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content:
            name = path.relative_to(REPOSITORY).as_posix()
            found.append((name, content.decode("utf-8")))
    return found


def python_files(*folders: str) -> list[Path]:
    """Python files below some folders."""
    roots = [REPOSITORY / folder for folder in folders]
    return [
        path
        for path in tracked_files()
        if path.suffix == ".py" and any(root in path.parents for root in roots)
    ]
