"""What dbt has read and said in one home, for the next home of this process.

Reading and rendering the project takes most of a small firm's first pass, and gives the
same for all that have the same connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

_kept = TemporaryDirectory(prefix="reestr-dbt-")


@contextmanager
def what_dbt_said(home: Path) -> Iterator[None]:
    """Give a home what others have from dbt, and take what it gets itself."""
    _copy(Path(_kept.name), home / "dbt")
    try:
        yield
    finally:
        _copy(home / "dbt", Path(_kept.name))


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in ("manifest.json", "manifest.mark"):
        if (source / name).exists():
            copy(source / name, target / name)
    for file in source.glob("statements/*/*.json"):
        kept = target / file.relative_to(source)
        # Its name says what is in it; a test may spoil the file that it was given.
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            copy(file, kept)
