"""Cell states as fills: what is missing, wrong, unusual or agreed is seen at once."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml
from openpyxl.styles import PatternFill

SUFFIX = "_state"
_FILLS = Path(__file__).with_name("highlight.yaml")
_STATES = Path(__file__).parents[2] / "dbt_project" / "seeds" / "cell_states.csv"


@dataclass(frozen=True)
class CellState:
    """One state of a cell.

    Attributes:
        code: What the column ``<column>_state`` holds.
        fill: RGB of the cell, empty for none.
    """

    name: str
    code: int
    icon: str
    label: str
    fill: str

    @property
    def title(self) -> str:
        """Icon and word, as the legend has them."""
        return f"{self.icon} {self.label}"

    def pattern(self) -> PatternFill | None:
        """Give the fill of the cell, none for a state that is shown as it is."""
        if not self.fill:
            return None
        return PatternFill(fill_type="solid", start_color=self.fill)


@cache
def cell_states() -> Mapping[int, CellState]:
    """Give the states by code."""
    fills = yaml.safe_load(_FILLS.read_text(encoding="utf-8"))
    with _STATES.open(encoding="utf-8", newline="") as stream:
        states = [
            CellState(
                name=row["cell_state"],
                code=int(row["code"]),
                icon=row["icon"],
                label=row["label"],
                fill=fills.get(row["cell_state"], ""),
            )
            for row in csv.DictReader(stream)
        ]
    return MappingProxyType({state.code: state for state in states})
