"""Pages in a real browser: waiting for them, finding their parts, keeping pictures.

Pictures go to the folder that ``REESTR_PICTURES`` names, where there is one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.superset_site import Site

#: Sign in as a person and give the first page: ``enter(username, theme="dark")``.
Enter = Callable[..., Page]


#: Every tile of the first screen shows something: before a tile asks, it is empty and
#: no sign of waiting stands in it.
ALL_DRAWN = """() =>
    [...document.querySelectorAll('.dashboard-component-chart-holder')]
        .filter((it) => it.checkVisibility()
            && it.getBoundingClientRect().top < window.innerHeight)
        .every((it) => it.querySelector('.slice_container *')
            || it.querySelector('.chart-container')?.textContent.trim())"""


def settle(page: Page) -> None:
    """Wait until every tile has drawn what it asked for."""
    page.locator(".dashboard-component-chart-holder").first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle", timeout=60_000)
    page.wait_for_function(
        "() => ![...document.querySelectorAll('.loading, [aria-label=Loading]')]"
        ".some((it) => it.checkVisibility())",
        timeout=60_000,
    )
    page.wait_for_function(ALL_DRAWN, timeout=60_000)


def open_page(page: Page, site: Site, slug: str) -> None:
    """Go to a dashboard and wait until it is drawn."""
    page.goto(f"{site.url}/superset/dashboard/{slug}/")
    settle(page)


def tile(page: Page, kind: str, key: str) -> Locator:
    """Find a tile by the id that the compiler gives it."""
    return page.locator(f".dashboard-component-chart-holder:has(> #CHART-{kind}-{key})")


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    folder = os.environ.get("REESTR_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
