"""Numbers of «Сейчас» open the records behind them, and these sum to the number."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import Enter, open_page, picture, settle, tile
from tests.superset_site import Site

CARDS = (
    "revenue_net",
    "deals_closed",
    "advances_count",
    "contracts_signed",
    "meetings_held",
    "refusals",
)
EVENT_DATE = "На дату события"
TODAY = "Текущая структура"


def number(text: str) -> Decimal:
    plain = re.sub(r"[^\d,−-]", "", text).replace(",", ".").replace("−", "-")
    return Decimal(plain or 0)


def value_of(
    site: Site, metric: str, unit: str, *, period: str, structure: str = EVENT_DATE
) -> Decimal:
    """Ask the table of cards, past the page that prints it."""
    ((value,),) = site.truth(
        f"select {metric} from reports.rpt_kpi_cards where period_label = %s"
        " and unit_label = %s and structure_label = %s",
        period,
        unit,
        structure,
    )
    return Decimal(str(value))


def choose(page: Page, column: str, value: str) -> None:
    """Choose one value of a filter and apply it."""
    page.locator(f"[data-test='NATIVE_FILTER-{column}']").last.click()
    page.locator(f"input#NATIVE_FILTER-{column}").last.press_sequentially(value)
    page.locator(".ant-select-item-option:visible", has_text=value).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Применить").click()
    settle(page)


def opened(page: Page, link: Locator) -> Decimal:
    """Follow a number; give the sum that the list behind it prints."""
    link.click()
    page.wait_for_url(re.compile("/superset/dashboard/records/"), timeout=60_000)
    settle(page)
    total = tile(page, "number", "total").locator(".header-line").inner_text()
    return number(total)


def listed(page: Page) -> Decimal:
    """Sum the list itself, which has one page."""
    table = tile(page, "list", "records")
    heads = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    cells = table.locator(f"tbody tr td:nth-child({heads.index('Вклад') + 1})")
    return sum(map(number, cells.all_inner_texts()), Decimal(0))


@pytest.mark.parametrize("metric", CARDS)
def test_a_card_opens_records_that_sum_to_it(
    enter: Enter, site: Site, metric: str
) -> None:
    page = enter("admin")
    place = CARDS.index(metric)
    expected = value_of(site, metric, "Агентство", period="С начала месяца")
    assert opened(page, page.locator("a.r-card:visible").nth(place)) == expected
    if expected and tile(page, "list", "records").locator("tbody tr").count() < 50:
        assert listed(page) == expected
    if metric == "revenue_net":
        picture(page, "records-light")


@pytest.mark.parametrize(("row", "cell"), [(0, 0), (1, 1), (2, 3), (2, 4)])
def test_a_number_of_a_group_opens_records_that_sum_to_it(
    enter: Enter, site: Site, row: int, cell: int
) -> None:
    """The biggest period, so that every group has something to open."""
    page = enter("head_of_sales")
    choose(page, "period_label", "С начала года")
    line = tile(page, "table", "groups").locator("tbody tr").nth(row)
    unit = line.locator("td").first.inner_text().strip()
    link = line.locator("td").nth(cell + 1).locator("a.r-opens")
    expected = value_of(site, CARDS[cell], unit, period="С начала года")
    printed = number(link.inner_text())
    # Money is printed in thousands, what is shared between groups with two decimals.
    scale, rounding = (1000, "0.5") if CARDS[cell] == "revenue_net" else (1, "0.005")
    assert abs(printed - expected / scale) <= Decimal(rounding)
    assert opened(page, link) == expected != 0
    # The unit is among the filters that have no room in the bar.
    page.get_by_text("Ещё фильтры").first.click()
    more = page.locator(".ant-popover:visible, .ant-dropdown:visible").first
    expect(more.get_by_text(unit, exact=True).first).to_be_visible()


def test_the_structure_of_today_is_said_and_opens_its_own_records(
    enter: Enter, site: Site
) -> None:
    page = enter("admin")
    choose(page, "structure_label", TODAY)
    choose(page, "period_label", "С начала года")
    rows = tile(page, "table", "groups").locator("tbody tr")
    names = [rows.nth(n).locator("td").first.inner_text() for n in range(rows.count())]
    year = {"period": "С начала года"}
    place, cell, expected = next(
        (place, cell, value)
        for place, name in enumerate(names)
        for cell, metric in enumerate(CARDS)
        if (value := value_of(site, metric, name.strip(), **year, structure=TODAY))
    )
    link = rows.nth(place).locator("td").nth(cell + 1).locator("a.r-opens")
    assert opened(page, link) == expected
    assert TODAY in page.inner_text("body")


def test_how_people_are_credited_is_seen_without_opening_anything(
    enter: Enter, site: Site
) -> None:
    page = enter("admin")
    open_page(page, site, "registry")
    field = page.locator("[aria-label='NATIVE_FILTER-credit_label']").last
    assert field.is_visible()
    assert (
        "Целиком" in page.locator(".filter-item-wrapper:visible").all_inner_texts()[3]
    )


def test_the_tints_are_explained_beside_the_tabs(enter: Enter, site: Site) -> None:
    page = enter("admin")
    open_page(page, site, "registry")
    legend = page.locator(".r-legend:visible")
    words = [
        f"{icon} {label}"
        for icon, label in site.truth(
            "select icon, label from dbt_core.cell_states where code > 0 order by code"
        )
    ]
    assert legend.locator("> span").all_inner_texts() == words
    tabs = page.locator(".ant-tabs-nav").first.bounding_box()
    box = legend.bounding_box()
    assert tabs is not None
    assert box is not None
    assert box["x"] + box["width"] > tabs["x"] + tabs["width"] - 40
