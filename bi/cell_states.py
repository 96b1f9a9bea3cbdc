"""States of a cell: what is missing, wrong, unusual or agreed, with icon and word."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_STATES = Path(__file__).parents[1] / "dbt_project" / "seeds" / "cell_states.csv"


@dataclass(frozen=True)
class CellState:
    """One state of a cell.

    Attributes:
        code: What the column ``<column>_state`` holds; 0 is in order.
    """

    name: str
    code: int
    icon: str
    label: str

    @property
    def title(self) -> str:
        """Icon and word, as the legend has them."""
        return f"{self.icon} {self.label}"


@cache
def cell_states() -> Sequence[CellState]:
    """Give the states in the order of their codes."""
    with _STATES.open(encoding="utf-8", newline="") as stream:
        states = [
            CellState(
                name=row["cell_state"],
                code=int(row["code"]),
                icon=row["icon"],
                label=row["label"],
            )
            for row in csv.DictReader(stream)
        ]
    return tuple(sorted(states, key=lambda state: state.code))
