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
        width: Of twelve columns.
        height: In pixels.
    """

    key: str
    title: str
    uuid: str
    chart_id: int
    width: int
    height: int


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
            "children": [f"CHART-{tile.key}" for tile in tiles],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for tile in tiles:
            tree[f"CHART-{tile.key}"] = {
                "type": "CHART",
                "id": f"CHART-{tile.key}",
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
