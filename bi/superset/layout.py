"""Rows of twelve columns, and tabs of them, to Superset's tree of positions."""

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


@dataclass(frozen=True)
class Tabs:
    """Rows of which one set is seen at a time.

    Attributes:
        tabs: Title and rows of each.
    """

    tabs: Sequence[tuple[str, Sequence[Sequence[Tile]]]]


Part = Sequence[Tile] | Tabs


def positions(title: str, parts: Sequence[Part]) -> dict[str, object]:
    """Give ``position`` of a dashboard.

    Every chart needs its uuid and a number: the import replaces the number.
    """
    tree: dict[str, object] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
    }
    parents = ["ROOT_ID", "GRID_ID"]
    children = []
    for number, part in enumerate(parts, 1):
        if isinstance(part, Tabs):
            children.append(_add_tabs(tree, part, number, parents))
        else:
            children.append(_add_row(tree, part, f"ROW-{number}", parents))
    tree["GRID_ID"] = {
        "type": "GRID",
        "id": "GRID_ID",
        "children": children,
        "parents": ["ROOT_ID"],
    }
    return tree


def _add_tabs(
    tree: dict[str, object], part: Tabs, number: int, parents: list[str]
) -> str:
    tabs_id = f"TABS-{number}"
    inside = [*parents, tabs_id]
    tab_ids = []
    for place, (title, rows) in enumerate(part.tabs, 1):
        tab_id = f"TAB-{number}-{place}"
        tab_ids.append(tab_id)
        tree[tab_id] = {
            "type": "TAB",
            "id": tab_id,
            "children": [
                _add_row(tree, row, f"ROW-{number}-{place}-{line}", [*inside, tab_id])
                for line, row in enumerate(rows, 1)
            ],
            "parents": inside,
            "meta": {"text": title, "defaultText": title, "placeholder": title},
        }
    tree[tabs_id] = {
        "type": "TABS",
        "id": tabs_id,
        "children": tab_ids,
        "parents": parents,
        "meta": {},
    }
    return tabs_id


def _add_row(
    tree: dict[str, object], tiles: Sequence[Tile], row_id: str, parents: list[str]
) -> str:
    tree[row_id] = {
        "type": "ROW",
        "id": row_id,
        "children": [tile.id for tile in tiles],
        "parents": parents,
        "meta": {"background": "BACKGROUND_TRANSPARENT"},
    }
    for tile in tiles:
        tree[tile.id] = {
            "type": "CHART",
            "id": tile.id,
            "children": [],
            "parents": [*parents, row_id],
            "meta": {
                "chartId": tile.chart_id,
                "uuid": tile.uuid,
                "sliceName": tile.title,
                "width": tile.width,
                "height": round(tile.height / _GRID_UNIT),
            },
        }
    return row_id
