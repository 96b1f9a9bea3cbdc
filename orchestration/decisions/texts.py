"""Words of the door of decisions, from ``texts.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("texts.yaml")


def text(name: str, **places: object) -> str:
    """Give one text by its dotted name, with its places filled."""
    found = _texts()
    for part in name.split("."):
        found = found[part]
    return str(found).format(**places)


@cache
def _texts():
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))
