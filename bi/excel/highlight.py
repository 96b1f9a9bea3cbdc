"""Cell states as fills: what is missing, wrong, unusual or agreed is seen at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from openpyxl.styles import PatternFill

from bi.cell_states import cell_states

SUFFIX = "_state"
_FILLS = Path(__file__).with_name("highlight.yaml")


@cache
def patterns() -> Mapping[int, PatternFill]:
    """Give the fill of a state by its code; a state shown as it is has none."""
    fills = yaml.safe_load(_FILLS.read_text(encoding="utf-8"))
    return {
        state.code: PatternFill(fill_type="solid", start_color=fills[state.name])
        for state in cell_states()
        if state.name in fills
    }
