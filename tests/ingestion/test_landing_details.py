"""Landing what stands beside the deals: invoices, product rows, tasks, processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from psycopg import sql

from ingestion.demo.portal.schema import SMART_PROCESSES
from ingestion.http import RefusedError
from ingestion.landing import SweepRefusedError
from tests.ingestion.bitrix24_agency import START, Agency, running_agency

PRODUCT_ROWS = "crm.deal.productrows.get"
EARLIER = (START - timedelta(days=3)).isoformat()


class Postgres(Protocol):
    def create_database(self, name: str) -> str: ...


@pytest.fixture
def agency(postgres: Postgres, tmp_path: Path) -> Iterator[Agency]:
    url = postgres.create_database("details")
    with running_agency(tmp_path, url) as opened:
        yield opened


def deals(agency: Agency, count: int, *, semantics: str = "P") -> None:
    """Deals of some days ago, each with one product row."""
    agency.store.bulk_insert(
        "deal",
        {
            "TITLE": [f"deal {row}" for row in range(count)],
            "STAGE_SEMANTIC_ID": [semantics] * count,
            "DATE_CREATE": [EARLIER] * count,
            "DATE_MODIFY": [EARLIER] * count,
        },
    )
    agency.store.bulk_insert(
        "productrow",
        {
            "OWNER_ID": list(range(1, count + 1)),
            "PRODUCT_NAME": ["fee"] * count,
            "PRICE": [1000.5] * count,
        },
    )


def calls_of(agency: Agency) -> list[str]:
    """Methods called from now on."""
    calls: list[str] = []
    agency.portal.faults.listeners.append(calls.append)
    return calls


def columns(agency: Agency, table: str) -> dict[str, str]:
    found = agency.query(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = %s and table_name = %s",
        agency.name_of_schema,
        table,
    )
    return {str(name): str(kind) for name, kind in found}


def marks(agency: Agency) -> list[tuple[object, ...]]:
    return agency.query(
        "select entity, id from {raw}.deletions where returned_at is null"
        " order by entity, id"
    )


# Smart processes


def test_every_smart_process_has_a_table_with_its_fields(agency: Agency) -> None:
    """Models of an empty portal must find their tables."""
    agency.land()
    for process in SMART_PROCESSES:
        known = columns(agency, process.name)
        assert {"id", "stage_id", "assigned_by_id", "updated_time"} <= set(known)
        for own in process.user_fields:
            kind = "jsonb" if own in process.multiple else "character varying"
            assert known[f"uf_crm_{process.number}_{own.lower()}"] == kind
    assert agency.query("select title, entity_type_id from {raw}.smart_processes")
    [(items,)] = agency.query(
        "select items from {raw}.item_userfields"
        " where entity_type_id = '1058' and upper_name = 'UF_CRM_7_HOLDER'"
    )
    assert [one["ID"] for one in items] == ["101", "103", "105"]  # type: ignore[attr-defined]


def test_items_land_change_go_and_come_back(agency: Agency) -> None:
    agency.land()
    agency.later(hours=1)
    item = agency.store.create(
        "spa_1058",
        {
            "PARENT_ID_2": 5,
            "OPPORTUNITY": 50000,
            "UF_CRM_7_HOLDER": 105,
            "UF_CRM_7_OFFSETS": True,
            "UF_CRM_7_RECEIVED": "2026-03-01",
            "UF_CRM_7_PARENT": "T422_3",
        },
    )
    agency.store.create("spa_1046", {"UF_CRM_9_SIGNATORY": ["Анна", "Борис"]})
    agency.later(minutes=1)
    changed = agency.land().changed
    assert (changed["spa_1058"], changed["spa_1046"]) == (1, 1)
    assert agency.query(
        "select id, parent_id2, opportunity::numeric, uf_crm_7_holder,"
        " uf_crm_7_offsets, uf_crm_7_received, uf_crm_7_parent, entity_type_id"
        " from {raw}.spa_1058"
    ) == [
        (
            *(str(item), "5", 50000, "105", "Y", "2026-03-01T03:00:00+03:00"),
            *("T422_3", "1058"),
        )
    ]
    assert agency.query("select uf_crm_9_signatory from {raw}.spa_1046") == [
        (["Анна", "Борис"],)
    ]
    agency.later(hours=1)
    agency.store.update("spa_1058", item, {"UF_CRM_7_HOLDER": 101})
    agency.later(minutes=1)
    assert agency.land().changed["spa_1058"] == 1
    agency.store.delete("spa_1058", item)
    assert agency.land(sweep=True).missing == {"spa_1058": 1}
    agency.store.restore("spa_1058", item)
    assert agency.land(sweep=True).returned == {"spa_1058": 1}
    assert not marks(agency)


def test_many_items_are_walked_by_id(agency: Agency) -> None:
    agency.store.bulk_insert("spa_1038", {"TITLE": [str(one) for one in range(160)]})
    assert agency.land().rows["spa_1038"] == 160
    agency.later(hours=1)
    assert set(agency.land(sweep=True).changed.values()) == {0}


# Companies, invoices, tasks, history of leads


def test_companies_invoices_and_tasks_land(agency: Agency) -> None:
    agency.land()
    agency.later(hours=1)
    agency.store.create("company", {"TITLE": "Partner", "PHONE": ["+70000000000"]})
    agency.store.create("invoice", {"ACCOUNT_NUMBER": "80", "PARENT_ID_2": 5})
    agency.store.create("task", {"TITLE": "Call", "UF_CRM_TASK": ["D_5"]})
    agency.later(minutes=1)
    agency.land()
    [(title, is_own, phones)] = agency.query(
        "select title, is_my_company, phone from {raw}.companies"
    )
    assert (title, is_own) == ("Partner", "N")
    assert [one["VALUE"] for one in phones] == ["+70000000000"]
    assert agency.query(
        "select account_number, parent_id2, stage_id from {raw}.invoices"
    ) == [("80", "5", "DT31_1:N")]
    assert agency.query(
        "select title, status, sub_status, uf_crm_task from {raw}.tasks"
    ) == [("Call", "2", "2", ["D_5"])]


def test_tasks_are_swept_and_read_by_their_own_prefixes(agency: Agency) -> None:
    agency.store.bulk_insert(
        "task", {"TITLE": ["x"] * 120, "CHANGED_DATE": [EARLIER] * 120}
    )
    assert agency.land().rows["tasks"] == 120
    agency.later(days=1)
    agency.store.update("task", 1, {"STATUS": 5})
    agency.later(minutes=1)
    assert agency.land().changed["tasks"] == 1
    agency.store.delete("task", 7)
    assert agency.land(sweep=True).missing == {"tasks": 1}
    agency.store.restore("task", 7)
    assert agency.land(sweep=True).returned == {"tasks": 1}


def test_without_the_right_to_tasks_everything_else_lands(agency: Agency) -> None:
    """A webhook made for an earlier release has only the rights of that time."""
    deals(agency, 3)
    agency.store.create("task", {"TITLE": "x", "CHANGED_DATE": EARLIER})
    for sweep in (False, True):
        agency.portal.faults.fail_next("insufficient_scope", method="tasks.task.list")
        result = agency.land(sweep=sweep)
        assert (result.rows["deals"], result.rows["tasks"]) == (3, 0)
        [warning] = result.warnings
        assert warning.startswith("tasks is not read")
        assert warning.endswith("give the webhook the right task")
        agency.later(hours=1)
    result = agency.land()
    assert (result.rows["tasks"], result.warnings) == (1, ())


def test_the_history_of_leads_lands(agency: Agency) -> None:
    lead = agency.add("lead", {"TITLE": "x"})
    agency.land()
    agency.later(hours=1)
    agency.change("lead", lead, {"STATUS_ID": "PAUSED"})
    agency.later(minutes=1)
    assert agency.land().changed["lead_stage_history"] == 1
    assert agency.query(
        "select owner_id, status_id from {raw}.lead_stage_history order by id::int"
    ) == [(str(lead), "NEW"), (str(lead), "PAUSED")]


# Product rows


def test_only_deals_that_changed_are_asked_for_their_product_rows(
    agency: Agency,
) -> None:
    deals(agency, 60)
    calls = calls_of(agency)
    assert agency.land().rows["product_rows"] == 60
    assert calls.count(PRODUCT_ROWS) == 60
    agency.later(hours=1)
    calls.clear()
    assert set(agency.land().changed.values()) == {0}
    assert PRODUCT_ROWS not in calls
    agency.change("deal", 7, {"TITLE": "changed"})
    agency.store.update("productrow", 7, {"PRICE": 2000})
    agency.store.update("productrow", 8, {"PRICE": 3000})
    agency.later(minutes=1)
    assert agency.land().changed["product_rows"] == 1
    assert calls.count(PRODUCT_ROWS) == 1
    prices = agency.query(
        "select price::numeric from {raw}.product_rows where id in ('7', '8')"
        " order by id"
    )
    assert prices == [(2000,), (pytest.approx(1000.5),)]


def test_a_sweep_asks_for_the_product_rows_of_open_deals(agency: Agency) -> None:
    deals(agency, 5)
    agency.land()
    agency.later(hours=1)
    agency.store.update("productrow", 3, {"PRICE": 2000})
    agency.store.delete("productrow", 4)
    result = agency.land(sweep=True)
    assert result.changed["product_rows"] == 1
    assert result.missing == {"product_rows": 1}
    assert marks(agency) == [("product_rows", "4")]
    agency.store.restore("productrow", 4)
    assert agency.land(sweep=True).returned == {"product_rows": 1}


def test_product_rows_of_closed_deals_are_left_alone_by_a_sweep(agency: Agency) -> None:
    deals(agency, 5, semantics="S")
    agency.land()
    calls = calls_of(agency)
    agency.later(hours=1)
    agency.land(sweep=True)
    assert PRODUCT_ROWS not in calls


def test_a_failed_pass_asks_for_the_same_product_rows_again(agency: Agency) -> None:
    deals(agency, 5)
    agency.land()
    agency.later(hours=1)
    agency.change("deal", 2, {"TITLE": "changed"})
    agency.store.update("productrow", 2, {"PRICE": 2000})
    agency.later(minutes=1)
    agency.portal.faults.fail_next("insufficient_scope", method=PRODUCT_ROWS)
    with pytest.raises(RefusedError, match="insufficient_scope"):
        agency.land()
    agency.later(hours=1)
    result = agency.land()
    assert (result.changed["deals"], result.changed["product_rows"]) == (0, 1)


def test_a_deal_that_goes_during_the_pass_does_not_stop_it(agency: Agency) -> None:
    deals(agency, 5)
    calls = []

    def remove(method: str) -> None:
        calls.append(method)
        if calls.count(PRODUCT_ROWS) == 1 and method == PRODUCT_ROWS:
            agency.store.delete("deal", 3)

    agency.portal.faults.listeners.append(remove)
    assert agency.land().rows["product_rows"] == 4


def test_lost_rights_do_not_look_like_removed_product_rows(agency: Agency) -> None:
    deals(agency, 60)
    agency.land()
    agency.later(hours=1)
    agency.portal.faults.hide("productrow", range(1, 50))
    with pytest.raises(SweepRefusedError, match=r"product_rows: 49 of 60 rows"):
        agency.land(sweep=True)
    assert not marks(agency)
    accepted = agency.land(sweep=True, accept_shrink=True)
    assert accepted.missing == {"product_rows": 49}


def test_a_table_without_a_position_asks_for_all_deals(agency: Agency) -> None:
    """So does the table that a warehouse of an earlier release does not have."""
    deals(agency, 5)
    agency.land()
    with psycopg.connect(agency.database_url) as database:
        database.execute(
            sql.SQL("delete from {} where entity = 'product_rows'").format(
                sql.Identifier(agency.name_of_schema, "landing_positions")
            )
        )
    agency.later(hours=1)
    calls = calls_of(agency)
    assert agency.land().rows["product_rows"] == 5
    assert calls.count(PRODUCT_ROWS) == 5
