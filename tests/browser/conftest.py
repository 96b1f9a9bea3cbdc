"""The published demo agency behind a running Superset and a browser that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.agency_home import AgencyHome
from tests.browser.pages import Enter, settle
from tests.superset_site import Site, shared_site

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, agency_home: AgencyHome) -> Site:
    """The demo agency's pages."""
    return shared_site(request, agency_home.warehouse)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def enter(browser: Browser, site: Site) -> Iterator[Enter]:
    """Sign in through the form; the page collects what goes wrong."""
    contexts = []

    def sign_in(
        username: str,
        *,
        theme: str = "light",
        width: int = 1440,
        height: int = 900,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            locale="ru-RU",
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{site.url}/login/")
        page.locator("#username").fill(username)
        page.locator("input[type=password]:visible").fill(site.passwords[username])
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/superset/dashboard/"), timeout=60_000)
        settle(page)
        return page

    yield sign_in
    for context in contexts:
        context.close()
