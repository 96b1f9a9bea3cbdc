"""Words of a workbook, from ``texts.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import cast

import yaml

_FILE = Path(__file__).with_name("texts.yaml")


def text(group: str, name: str, /, **places: object) -> str:
    """Give one text with its places filled; empty when there is none."""
    return _texts()[group].get(name, "").format(**places)


@cache
def _texts() -> dict[str, dict[str, str]]:
    content = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return cast("dict[str, dict[str, str]]", content)
