"""Pages in a real browser: waiting for them, finding their parts, keeping pictures.

Pictures go to the folder that ``REESTR_PICTURES`` names, where there is one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

#: Sign in as a person and give the first page: ``enter(username, theme="dark")``.
Enter = Callable[..., Page]


def settle(page: Page) -> None:
    """Wait until every tile has drawn what it asked for."""
    page.locator(".dashboard-component-chart-holder").first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle", timeout=60_000)
    page.wait_for_function(
        "() => ![...document.querySelectorAll('.loading, [aria-label=Loading]')]"
        ".some((it) => it.checkVisibility())",
        timeout=60_000,
    )


def tile(page: Page, kind: str, key: str) -> Locator:
    """Find a tile by the id that the compiler gives it."""
    return page.locator(f".dashboard-component-chart-holder:has(> #CHART-{kind}-{key})")


def number(text: str) -> Decimal:
    """Read a number as it is printed; of nothing, zero."""
    plain = re.sub(r"[^\d,−-]", "", text).replace(",", ".").replace("−", "-")
    return Decimal(plain or 0)


def choose(page: Page, column: str, value: str) -> None:
    """Choose one value of a filter and apply it."""
    field = page.locator(f"input#NATIVE_FILTER-{column}").last
    if not field.is_visible():
        page.get_by_text("Ещё фильтры").click()
    # By keyboard: a mouse that scrolls to what still moves closes the filters.
    field.press_sequentially(value)
    option = page.locator(".ant-select-item-option-active:visible")
    expect(option).to_have_text(value)
    field.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Применить").click()
    settle(page)


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    folder = os.environ.get("REESTR_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
