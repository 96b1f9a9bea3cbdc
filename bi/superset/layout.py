"""Rows of twelve columns to Superset's tree of positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = 12
_GRID_UNIT = 8


@dataclass(frozen=True)
class Tile:
    """One chart on the page.

    Attributes:
        key: Name of the chart within the dashboard.
        kind: Kind of the chart; with the key it is the tile's id on the page.
        width: Of twelve columns.
        height: In pixels.
    """

    key: str
    kind: str
    title: str
    uuid: str
    chart_id: int
    width: int
    height: int

    @property
    def id(self) -> str:
        """Id of the tile in the tree and on the page."""
        return f"CHART-{self.kind}-{self.key}"


def positions(title: str, rows: Sequence[Sequence[Tile]]) -> dict[str, object]:
    """Give ``position`` of a dashboard.

    Every chart needs its uuid and a number: the import replaces the number.
    """
    row_ids = [f"ROW-{number}" for number in range(1, len(rows) + 1)]
    tree: dict[str, object] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
        "GRID_ID": {
            "type": "GRID",
            "id": "GRID_ID",
            "children": row_ids,
            "parents": ["ROOT_ID"],
        },
    }
    for row_id, tiles in zip(row_ids, rows, strict=True):
        tree[row_id] = {
            "type": "ROW",
            "id": row_id,
            "children": [tile.id for tile in tiles],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for tile in tiles:
            tree[tile.id] = {
                "type": "CHART",
                "id": tile.id,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row_id],
                "meta": {
                    "chartId": tile.chart_id,
                    "uuid": tile.uuid,
                    "sliceName": tile.title,
                    "width": tile.width,
                    "height": round(tile.height / _GRID_UNIT),
                },
            }
    return tree
