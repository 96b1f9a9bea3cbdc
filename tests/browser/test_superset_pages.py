"""The pages as people see them: Russian, in both themes, with working links."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Enter, open_page, picture, settle, tile
from tests.superset_site import Site

#: Words in Latin letters that a reader meets as names.
NAMES = {"Bitrix"}

VISIBLE_TEXTS = """() => {
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(parent.tagName)) continue;
    if (parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })
        && parent.getClientRects().length)
      found.add(walker.currentNode.textContent.trim());
  }
  return [...found];
}"""


def english_words(page: Page) -> set[str]:
    words: set[str] = set()
    for text in page.evaluate(VISIBLE_TEXTS):
        words |= set(re.findall(r"[A-Za-z]{3,}", text))
    return words - NAMES


def test_the_login_page_is_russian(browser: Browser, site: Site) -> None:
    page = browser.new_page(locale="ru-RU")
    page.goto(f"{site.url}/login/")
    page.locator("input[type=password]:visible").wait_for()
    assert "Пароль" in page.inner_text("body")
    assert english_words(page) == set()
    picture(page, "login")
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_now_opens_first_and_shows_its_cards(enter: Enter, theme: str) -> None:
    page = enter("admin", theme=theme)
    assert "/superset/dashboard/now/" in page.url
    cards = page.locator(".r-card:visible")
    assert cards.count() == 6
    for number in range(6):
        box = cards.nth(number).bounding_box()
        assert box is not None
        assert box["height"] > 120
        assert box["width"] > 200
    assert page.locator(".r-strip:visible").inner_text().startswith("Данные на")
    assert english_words(page) == set()
    picture(page, f"now-{theme}")


def test_nothing_fails_while_a_page_is_drawn(enter: Enter, site: Site) -> None:
    """The one refused request is the interface's own counting pixel."""
    page = enter("head_of_sales")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "response",
        lambda answer: wrong.append(answer.url) if answer.status >= 400 else None,
    )
    page.on(
        "console",
        lambda message: (
            wrong.append(message.text)
            if message.type == "error" and "Content Security Policy" not in message.text
            else None
        ),
    )
    for slug in ("now", "registry"):
        open_page(page, site, slug)
    assert wrong == []


def test_a_head_starts_at_the_own_department(enter: Enter) -> None:
    page = enter("head_of_sales")
    rows = tile(page, "table", "groups").locator("tbody tr")
    names = [rows.nth(n).locator("td").first.inner_text() for n in range(rows.count())]
    assert names[0] == "Продажи"
    assert "Агентство" not in names


def test_the_registry_shows_every_row_it_counts(enter: Enter) -> None:
    page = enter("agent", theme="dark")
    assert "/superset/dashboard/registry_split/" in page.url
    shown = tile(page, "list", "registry").locator("tbody tr")
    counted = tile(page, "number", "total_deals").locator(".header-line").inner_text()
    assert shown.count() == min(int(re.sub(r"\D", "", counted)), 50)
    last = shown.last.bounding_box()
    holder = tile(page, "list", "registry").bounding_box()
    assert last is not None
    assert holder is not None
    assert last["y"] + last["height"] <= holder["y"] + holder["height"] or (
        shown.count() > 10
    )
    assert english_words(page) == set()
    picture(page, "registry-agent-dark")


def test_a_deal_opens_its_card_in_the_crm(enter: Enter, site: Site) -> None:
    page = enter("admin")
    open_page(page, site, "registry")
    link = tile(page, "list", "registry").locator("tbody a").first
    ((url,),) = site.truth(
        "select card_url from reports.rpt_deal_registry where deal_number = %s",
        link.inner_text().rstrip(" ↗"),
    )
    assert link.get_attribute("href") == url
    assert link.get_attribute("target") == "_blank"
    picture(page, "registry-light")


def test_a_wrong_field_is_tinted_and_explained(enter: Enter, site: Site) -> None:
    page = enter("admin")
    open_page(page, site, "registry")
    rows = tile(page, "list", "registry").locator("tbody tr")
    expect(rows.first).to_be_visible()
    for number in range(rows.count()):
        row = rows.nth(number)
        colours = row.locator("td").evaluate_all(
            "cells => cells.map((it) => getComputedStyle(it).backgroundColor)"
        )
        if any("0.16)" in colour or "0.18)" in colour for colour in colours):
            assert re.match(r"[○✕?] .+", row.locator("td").last.inner_text())
            return
    pytest.fail("no tinted cell on the first page of open deals")


def test_a_filter_changes_the_list_and_the_totals(enter: Enter, site: Site) -> None:
    page = enter("head_of_legal")
    assert "/superset/dashboard/registry_without_money/" in page.url
    assert "₽" not in page.inner_text(".dashboard-grid")
    page.get_by_text("Ещё фильтры").click()
    field = page.locator("[aria-label='NATIVE_FILTER-stage_label']").last
    counted = page.locator(".ant-popover:visible .ant-select", has=field)
    expect(counted.get_by_text(re.compile("вариант"))).to_be_visible()
    # By keyboard: a mouse that scrolls to what still moves closes the filters.
    field.press_sequentially("Аванс")
    option = page.locator(".ant-select-item-option-active:visible")
    expect(option).to_have_text("Аванс принят")
    field.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Применить").click()
    settle(page)
    ((expected,),) = site.truth(
        "select count(*) from reports.rpt_deal_registry_without_money"
        " where stage_label = 'Аванс принят' and outcome_label = 'В работе'"
        " and reader_keys && (select keys from access.user_keys where username = %s)",
        "head_of_legal",
    )
    counted = tile(page, "number", "total_deals").locator(".header-line").inner_text()
    assert int(re.sub(r"\D", "", counted) or 0) == expected


def test_past_periods_say_what_the_marts_say(enter: Enter, site: Site) -> None:
    page = enter("admin")
    open_page(page, site, "history")
    rows = tile(page, "table", "known").locator("tbody tr")
    expect(rows.first).to_be_visible()
    heads = tile(page, "table", "known").locator("thead th").all_inner_texts()
    closed = next(n for n, head in enumerate(heads) if head.strip() == "Сделки")
    shown = {}
    for row in rows.all():
        cells = row.locator("td").all_inner_texts()
        shown[cells[0].strip()] = int(re.sub(r"\D", "", cells[closed]) or 0)
    counted = site.truth(
        "select to_char(event_month, 'MM.YYYY'), round(sum(deals_closed))"
        " from reports.rpt_kpi_daily group by event_month"
    )
    assert len(shown) > 3
    known = {str(month): int(str(deals)) for month, deals in counted}
    assert shown.items() <= known.items()
    assert english_words(page) == set()
    picture(page, "history-light")


def test_a_phone_shows_the_cards_two_abreast(enter: Enter) -> None:
    page = enter("admin", width=390, height=844)
    first = page.locator(".r-card:visible").nth(0).bounding_box()
    second = page.locator(".r-card:visible").nth(1).bounding_box()
    third = page.locator(".r-card:visible").nth(2).bounding_box()
    assert first is not None
    assert second is not None
    assert third is not None
    assert first["y"] == second["y"]
    assert third["y"] > first["y"]
    assert page.locator("[id^='CHART-bar-'] ~ *:visible").count() == 0
    picture(page, "now-phone")
