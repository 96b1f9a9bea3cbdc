"""Six logins: which pages, which rows, which money; also against forged requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from orchestration.exports import export
from tests.superset_site import ROLES, Site

WHOLE, SPLIT, NONE = (
    "rpt_registry_by_role",
    "rpt_registry_by_share",
    "rpt_registry_by_role_without_money",
)
# What the page of the registry has chosen when it opens, and the same in SQL.
CHOSEN = {
    "date_label": "Расчёт, план",
    "role_label": "Ответственный за сделку",
    "credit_label": {WHOLE: "Целиком", SPLIT: "По долям"},
}
USUAL = "date_order = 1 and role = 'deal_owner'"


def chosen(table: str) -> list[dict[str, str]]:
    """The filters of the page as a data request has them."""
    credit = CHOSEN["credit_label"].get(table)
    values = {**CHOSEN, "credit_label": credit}
    return [
        {"col": name, "op": "==", "val": value}
        for name, value in values.items()
        if value
    ]


def usual(table: str) -> str:
    """The same as a condition."""
    return USUAL + (" and credit_mode = 'whole'" if table == WHOLE else "")


REGISTRY = {
    "admin": ("registry", WHOLE),
    "head_of_sales": ("registry", WHOLE),
    "head_of_legal": ("registry_without_money", NONE),
    "head_of_mortgage": ("registry_without_money", NONE),
    "group_leader": ("registry_split", SPLIT),
    "agent": ("registry_split", SPLIT),
}
PAGES = {
    "admin": {"dictionary", "funnel", "history", "now", "records", "registry"},
    "head_of_sales": {"dictionary", "funnel", "history", "now", "records", "registry"},
    "head_of_legal": {"dictionary", "registry_without_money"},
    "head_of_mortgage": {"dictionary", "registry_without_money"},
    "group_leader": {"dictionary", "registry_split"},
    "agent": {"dictionary", "registry_split"},
}


@dataclass(frozen=True)
class Page:
    """A dashboard as a data request names it."""

    id: int
    charts: dict[str, int]


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, Page]:
    client = site.service()
    found = {}
    for row in client.rows("/api/v1/dashboard/"):
        answer = client.get(f"/api/v1/dashboard/{row['id']}/charts")["result"]
        charts: Any = answer
        found[str(row["slug"])] = Page(
            id=int(str(row["id"])),
            charts={chart["slice_name"]: chart["id"] for chart in charts},
        )
    return found


@pytest.fixture(scope="module")
def datasets(site: Site) -> dict[str, int]:
    return {
        str(row["table_name"]): int(str(row["id"]))
        for row in site.service().rows("/api/v1/dataset/")
    }


def ask(
    session: requests.Session,
    site: Site,
    dataset: int,
    *,
    page: Page | None,
    chart: str = "Реестр сделок",
    **query: object,
) -> requests.Response:
    """Send a data request of one's own making, in the context of a chart."""
    context = (
        {"dashboardId": page.id, "slice_id": page.charts.get(chart, 0)} if page else {}
    )
    return session.post(
        f"{site.url}/api/v1/chart/data",
        json={
            "datasource": {"id": dataset, "type": "table"},
            "force": True,
            "queries": [{"row_limit": 50_000, **query}],
            "form_data": context,
            "result_type": "full",
            "result_format": "json",
        },
        timeout=60,
    )


def rows(response: requests.Response) -> list[dict[str, Any]]:
    assert response.ok, response.text
    found: list[dict[str, Any]] = response.json()["result"][0]["data"]
    return found


def has_data(response: requests.Response) -> bool:
    if not response.ok:
        return False
    return any(result.get("data") for result in response.json()["result"])


@pytest.mark.parametrize("username", ROLES)
def test_a_reader_sees_the_pages_of_the_role(site: Site, username: str) -> None:
    answer = site.reader(username).get(f"{site.url}/api/v1/dashboard/", timeout=60)
    assert {row["slug"] for row in answer.json()["result"]} == PAGES[username]


@pytest.mark.parametrize("username", ROLES)
def test_another_page_is_not_found(site: Site, username: str) -> None:
    session = site.reader(username)
    for slug in set().union(*PAGES.values()) - PAGES[username]:
        answer = session.get(f"{site.url}/api/v1/dashboard/{slug}", timeout=60)
        assert answer.status_code in (403, 404), slug


@pytest.mark.parametrize("username", ROLES)
def test_the_registry_shows_exactly_the_rows_of_the_reader(
    site: Site, pages: dict[str, Page], datasets: dict[str, int], username: str
) -> None:
    """The page, the policy alone and the page's own rule alone give the same deals."""
    slug, table = REGISTRY[username]
    found = rows(
        ask(
            site.reader(username),
            site,
            datasets[table],
            page=pages[slug],
            columns=["deal_key"],
            filters=chosen(table),
        )
    )
    shown = sorted({str(row["deal_key"]) for row in found})
    assert shown == _by_policy(site, username, table)
    assert shown == _by_rule(site, username, table)
    assert shown, "a login that sees nothing proves nothing"


def _by_policy(site: Site, username: str, table: str) -> list[str]:
    with psycopg.connect(site.warehouse.person_url(username)) as connection:
        found = connection.execute(
            f"select distinct deal_key from reports.{table} where {usual(table)}"
        )
        return sorted(str(key) for (key,) in found)


def _by_rule(site: Site, username: str, table: str) -> list[str]:
    (rule,) = site.service().rows("/api/v1/rowlevelsecurity/")
    clause = str(rule["clause"]).replace("{{ current_username() }}", username)
    query = (
        f"select distinct deal_key from reports.{table}"
        f" where {usual(table)} and {clause}"
    )
    return sorted(str(key) for (key,) in site.truth(query))


@pytest.mark.parametrize("username", ["admin", "head_of_sales"])
def test_whole_money_is_the_deals_own(
    site: Site, pages: dict[str, Page], datasets: dict[str, int], username: str
) -> None:
    found = rows(
        ask(
            site.reader(username),
            site,
            datasets[WHOLE],
            page=pages["registry"],
            columns=["deal_key"],
            metrics=["commission__shown"],
            filters=chosen(WHOLE),
        )
    )
    truth = dict(
        site.truth("select deal_key, commission from reports.rpt_deal_registry")
    )
    for row in found:
        expected = truth[row["deal_key"]]
        shown = row["commission__shown"]
        assert shown == (None if expected is None else float(str(expected)))


@pytest.mark.parametrize("username", ROLES)
def test_the_workbook_agrees_with_the_page(
    site: Site,
    pages: dict[str, Page],
    datasets: dict[str, int],
    username: str,
    tmp_path: Path,
) -> None:
    """The same deals and, to the kopeck, the same sums for the same reader."""
    slug, table = REGISTRY[username]
    amounts = [] if table == NONE else ["commission", "revenue_net", "received"]
    lines = rows(
        ask(
            site.reader(username),
            site,
            datasets[table],
            page=pages[slug],
            columns=["deal_key"],
            metrics=[f"{amount}__shown" for amount in amounts],
            filters=chosen(table),
        )
    )
    out = tmp_path / "registry.xlsx"
    done = export(site.warehouse, "registry", username=username, filters={}, out=out)
    assert done.rows == len(lines) > 0
    for amount in amounts:
        total = sum(Decimal(str(row[f"{amount}__shown"] or 0)) for row in lines)
        assert done.sums[amount] == total.quantize(Decimal("0.01")), amount
    assert set(done.sums) >= set(amounts)
    assert bool(done.sums) == bool(amounts)


@pytest.mark.parametrize(
    "choice",
    [
        ("Ответственный за сделку", "Целиком"),
        ("Ответственный за сделку", "По долям"),
        ("Любая роль", "Целиком"),
        ("Любая роль", "По долям"),
    ],
    ids=["owner, whole", "owner, shares", "anyone, whole", "anyone, shares"],
)
def test_tiles_lines_and_workbook_have_one_sum(
    site: Site,
    pages: dict[str, Page],
    datasets: dict[str, int],
    choice: tuple[str, str],
    tmp_path: Path,
) -> None:
    """A deal of several people is one line and is counted once, in both credits."""
    role, credit = choice
    made = {"role_label": role, "credit_label": credit}
    filters = [
        {**each, "val": made.get(each["col"], each["val"])} for each in chosen(WHOLE)
    ]
    session = site.reader("head_of_sales")
    (tile,) = rows(
        ask(session, site, datasets[WHOLE], page=pages["registry"], filters=filters,
            columns=[], metrics=["deal_key__count", "commission__total"])
    )  # fmt: skip
    lines = rows(
        ask(session, site, datasets[WHOLE], page=pages["registry"], filters=filters,
            columns=["deal_key"], metrics=["commission__shown"])
    )  # fmt: skip
    done = export(
        site.warehouse,
        "registry",
        username="head_of_sales",
        filters={"role_label": [role], "credit_label": [credit]},
        out=tmp_path / "registry.xlsx",
    )
    assert len(lines) == tile["deal_key__count"] == done.rows
    total = sum(Decimal(str(row["commission__shown"] or 0)) for row in lines)
    kopeck = Decimal("0.01")
    assert total.quantize(kopeck) == done.sums["commission"]
    assert Decimal(str(tile["commission__total"])).quantize(kopeck) == total


@pytest.mark.parametrize("username", ["group_leader", "agent"])
def test_split_money_is_the_readers_share(
    site: Site, pages: dict[str, Page], datasets: dict[str, int], username: str
) -> None:
    (found,) = rows(
        ask(
            site.reader(username),
            site,
            datasets[SPLIT],
            page=pages["registry_split"],
            metrics=["commission__total"],
            filters=chosen(SPLIT),
        )
    )
    ((own, whole),) = site.truth(
        "select sum(s.commission), sum(r.commission)"
        " from reports.rpt_deal_registry_participants as s"
        " join reports.rpt_deal_registry as r using (deal_key)"
        " where s.role = 'deal_owner' and s.reader_keys &&"
        " (select keys from access.user_keys where username = %s)",
        username,
    )
    shown = Decimal(str(found["commission__total"])).quantize(Decimal("0.01"))
    assert shown == own
    assert shown < Decimal(str(whole)), "the share is less than the deals' whole money"


def test_the_edition_without_money_holds_no_amounts(
    site: Site, datasets: dict[str, int]
) -> None:
    answer = site.service().get(f"/api/v1/dataset/{datasets[NONE]}")
    result: Any = answer["result"]
    names = {column["column_name"] for column in result["columns"]}
    amounts = {
        "price",
        "commission",
        "partner_share",
        "revenue_net",
        "expected_revenue",
        "revenue_with_expected",
        "advance_amount",
        "paid_amount",
        "direct_expenses",
    }
    assert not names & amounts
    totals = {m["metric_name"].removesuffix("__total") for m in result["metrics"]}
    assert not totals & amounts


@pytest.mark.parametrize("username", ["head_of_legal", "head_of_mortgage"])
@pytest.mark.parametrize(
    "query",
    [
        {"columns": ["commission"]},
        {"columns": ["deal_key"], "metrics": ["commission__total"]},
        {
            "columns": [],
            "metrics": [
                {
                    "expressionType": "SIMPLE",
                    "aggregate": "SUM",
                    "column": {"column_name": "commission"},
                    "label": "forged",
                }
            ],
        },
        {
            "columns": [
                {
                    "expressionType": "SQL",
                    "label": "forged",
                    "sqlExpression": (
                        "(select sum(commission) from reports.rpt_deal_registry)"
                    ),
                }
            ]
        },
        {
            "columns": [
                {
                    "expressionType": "SQL",
                    "label": "forged",
                    "sqlExpression": "set_config('app.login', 'admin', false)",
                }
            ]
        },
        {
            "columns": ["deal_key"],
            "extras": {"where": "set_config('app.login', 'admin', false) = 'admin'"},
        },
    ],
    ids=["column", "metric", "aggregate", "subquery", "login", "where"],
)
def test_a_forged_request_for_money_gives_nothing(
    site: Site,
    pages: dict[str, Page],
    datasets: dict[str, int],
    username: str,
    query: dict[str, Any],
) -> None:
    """Neither over the own table nor over the table with money."""
    session = site.reader(username)
    page = pages["registry_without_money"]
    own = ask(session, site, datasets[NONE], page=page, **query)
    assert not has_data(own), own.text[:300]
    tables = (
        WHOLE, SPLIT, "rpt_deal_registry", "rpt_kpi_daily", "rpt_kpi_cards",
        "rpt_metric_records",
    )  # fmt: skip
    for table in tables:
        for context in (page, pages["registry"], None):
            other = ask(session, site, datasets[table], page=context, **query)
            assert other.status_code in (400, 403, 404), (table, other.text[:300])


@pytest.mark.parametrize("username", ["agent", "group_leader"])
def test_whole_money_is_out_of_reach_of_a_share(
    site: Site, pages: dict[str, Page], datasets: dict[str, int], username: str
) -> None:
    session = site.reader(username)
    for page in (pages["registry_split"], pages["registry"], None):
        answer = ask(
            session,
            site,
            datasets[WHOLE],
            page=page,
            columns=["deal_key", "commission"],
        )
        assert answer.status_code == 403


def test_own_sql_is_refused_in_both_forms_of_a_request(
    site: Site, pages: dict[str, Page], datasets: dict[str, int]
) -> None:
    session = site.reader("agent")
    query = {
        "columns": [{"expressionType": "SQL", "label": "x", "sqlExpression": "now()"}]
    }
    page = pages["registry_split"]
    assert ask(session, site, datasets[SPLIT], page=page, **query).status_code == 403
    body = {
        "datasource": {"id": datasets[SPLIT], "type": "table"},
        "queries": [query],
        "form_data": {"dashboardId": page.id},
    }
    form = session.post(
        f"{site.url}/api/v1/chart/data",
        data={"form_data": json.dumps(body)},
        timeout=60,
    )
    assert form.status_code == 403


def test_a_cached_answer_never_reaches_another_reader(
    site: Site, pages: dict[str, Page], datasets: dict[str, int]
) -> None:
    counts = {}
    for username in ("admin", "head_of_sales", "admin", "head_of_sales"):
        session = site.reader(username)
        answer = session.post(
            f"{site.url}/api/v1/chart/data",
            json={
                "datasource": {"id": datasets[WHOLE], "type": "table"},
                "queries": [
                    {
                        "columns": ["deal_key"],
                        "filters": chosen(WHOLE),
                        "row_limit": 50_000,
                    }
                ],
                "form_data": {
                    "dashboardId": pages["registry"].id,
                    "slice_id": pages["registry"].charts["Реестр сделок"],
                },
            },
            timeout=60,
        )
        counts.setdefault(username, set()).add(len(rows(answer)))
    assert all(len(found) == 1 for found in counts.values())


@pytest.mark.parametrize("result_format", ["csv", "xlsx"])
def test_a_file_holds_the_rows_of_the_page(
    site: Site,
    pages: dict[str, Page],
    datasets: dict[str, int],
    result_format: str,
) -> None:
    session = site.reader("agent")
    answer = session.post(
        f"{site.url}/api/v1/chart/data",
        json={
            "datasource": {"id": datasets[SPLIT], "type": "table"},
            "queries": [
                {
                    "columns": ["deal_key"],
                    "filters": chosen(SPLIT),
                    "row_limit": 50_000,
                }
            ],
            "form_data": {
                "dashboardId": pages["registry_split"].id,
                "slice_id": pages["registry_split"].charts["Реестр сделок"],
            },
            "result_type": "full",
            "result_format": result_format,
        },
        timeout=60,
    )
    assert answer.ok
    if result_format == "csv":
        lines = answer.content.decode("utf-8-sig").strip().splitlines()
        assert len(lines) - 1 == len(_by_policy(site, "agent", SPLIT))


def test_samples_and_details_of_a_table_are_closed(
    site: Site, datasets: dict[str, int]
) -> None:
    session = site.reader("agent")
    path = f"{site.url}/datasource/samples?datasource_type=table"
    answer = session.post(
        f"{path}&datasource_id={datasets[WHOLE]}&force=false", json={}, timeout=60
    )
    assert answer.status_code in (400, 401, 403)


def test_a_reader_can_neither_make_nor_change_anything(
    site: Site, pages: dict[str, Page], datasets: dict[str, int]
) -> None:
    session = site.reader("admin")
    attempts = [
        ("POST", "/api/v1/chart/", {"slice_name": "x", "datasource_id": 1}),
        ("PUT", f"/api/v1/dashboard/{pages['now'].id}", {"css": "x"}),
        ("POST", "/api/v1/dataset/", {"table_name": "x"}),
        ("PUT", f"/api/v1/dataset/{datasets[WHOLE]}", {"sql": "select 1"}),
        ("POST", "/api/v1/theme/", {"theme_name": "x", "json_data": "{}"}),
        ("POST", "/api/v1/sqllab/execute/", {"sql": "select 1", "database_id": 1}),
        ("GET", "/api/v1/database/", None),
        ("GET", "/api/v1/rowlevelsecurity/", None),
        ("GET", "/api/v1/security/users/", None),
    ]
    for method, path, body in attempts:
        answer = session.request(method, f"{site.url}{path}", json=body, timeout=60)
        assert answer.status_code in (401, 403, 404), (method, path, answer.text[:200])
