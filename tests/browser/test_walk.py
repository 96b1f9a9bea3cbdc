"""The walk: one deal's commission, from the CRM's answer to the page and the cell."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from openpyxl import load_workbook

from orchestration.exports import export
from tests.agency_home import CONNECTION, AgencyHome
from tests.browser.pages import Enter, open_page, tile
from tests.superset_site import Site

COMMISSION = "Комиссия, ₽"
HEADER_ROW = 6


def test_a_commission_is_the_same_number_from_the_crm_to_the_page_and_the_cell(
    enter: Enter, site: Site, agency_home: AgencyHome, tmp_path: Path
) -> None:
    """Every layer is asked on its own; the page is read as a person reads it."""
    page = enter("admin")
    open_page(page, site, "registry")
    table = tile(page, "list", "registry")
    row = table.locator("tbody tr").filter(has_text=re.compile(r"\d\u00a0\d\d\d")).first
    link = row.locator("a.r-link")
    number = link.inner_text().strip()
    heads = [_plain(text) for text in table.locator("thead th").all_inner_texts()]
    place = heads.index(COMMISSION)
    shown = _number(row.locator("td").nth(place).inner_text())
    card = link.get_attribute("href") or ""

    answer = agency_home.portal.answer("crm.deal.get", id=number)
    amount, currency = answer["result"]["UF_CRM_COMMISSION"].split("|")
    assert currency == "RUB"
    commission = Decimal(amount)

    key = f"{CONNECTION}:{number}"
    layers = {
        "raw": (
            f"select split_part(uf_crm_commission, '|', 1)::numeric"
            f" from raw_{CONNECTION}.deals where id = %s",
            number,
        ),
        "staging": (
            "select commission from dbt_staging.stg_bitrix24__deals"
            " where source_id = %s",
            number,
        ),
        "fact": ("select commission from dbt_core.fct_deals where deal_key = %s", key),
        "registry": (
            "select commission from reports.rpt_deal_registry where deal_key = %s",
            key,
        ),
    }
    found = {
        name: agency_home.rows(query, [value])[0][0]
        for name, (query, value) in layers.items()
    }
    assert found == dict.fromkeys(layers, commission)

    out = tmp_path / "registry.xlsx"
    export(
        agency_home.warehouse,
        "registry",
        username="admin",
        filters={"deal_number": [number]},
        out=out,
    )
    sheet = load_workbook(out).worksheets[0]
    heads = [str(cell.value) for cell in sheet[HEADER_ROW]]
    cell = sheet[HEADER_ROW + 1][heads.index(COMMISSION)].value
    assert Decimal(str(cell)) == commission

    assert shown == commission.quantize(Decimal(1))
    assert agency_home.portal.url in card


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def _number(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d,−-]", "", text).replace(",", ".").replace("−", "-"))
