"""The portal's store: what people do to rows, and loads by columns."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingestion.demo.portal.query import Names, Order, conditions, selected
from ingestion.demo.portal.schema import AGENCY_DEAL_FIELDS, ENTITIES, Kind, UserField
from ingestion.demo.portal.store import NotStoredError, PortalStore


class Clock:
    """A clock that goes on when told."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_days(self, days: int) -> None:
        self.moment += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[PortalStore]:
    with PortalStore(tmp_path / "portal.sqlite", clock=clock) as made:
        made.bulk_insert(
            "status",
            {
                "ENTITY_ID": ["DEAL_STAGE"] * 4 + ["DEAL_STAGE_1"] * 2 + ["STATUS"] * 2,
                "STATUS_ID": [
                    *("NEW", "MEETING", "WON", "LOSE"),
                    *("C1:NEW", "C1:WON", "NEW", "CONVERTED"),
                ],
                "NAME": ["a", "b", "c", "d", "e", "f", "g", "h"],
                "SEMANTICS": [None, None, "S", "F", None, "S", None, "S"],
            },
        )
        yield made


def history(store: PortalStore) -> list[tuple[object, ...]]:
    return [
        (row["TYPE_ID"], row["CATEGORY_ID"], row["STAGE_ID"], row["STAGE_SEMANTIC_ID"])
        for row in store.rows("stagehistory")
    ]


def test_a_new_deal_has_the_portals_defaults(store: PortalStore) -> None:
    deal = store.create("deal", {"TITLE": "Квартира", "ASSIGNED_BY_ID": 7})
    row = store.get("deal", deal)
    assert row["STAGE_ID"] == "NEW"
    assert row["CATEGORY_ID"] == "0"
    assert row["CURRENCY_ID"] == "RUB"
    assert row["OPPORTUNITY"] == "0.00"
    assert row["DATE_CREATE"] == row["DATE_MODIFY"] == "2026-03-02T09:00:00+03:00"
    assert row["BEGINDATE"] == "2026-03-02T03:00:00+03:00"
    assert row["CREATED_BY_ID"] == row["MOVED_BY_ID"] == "7"
    assert row["IS_NEW"] == "Y"
    assert row["UF_CRM_DEAL_OWNER"] is False


def test_moves_of_a_deal_are_written_to_its_history(
    store: PortalStore, clock: Clock
) -> None:
    deal = store.create("deal", {})
    clock.pass_days(1)
    store.update("deal", deal, {"STAGE_ID": "MEETING"})
    clock.pass_days(1)
    store.update("deal", deal, {"STAGE_ID": "WON"})
    clock.pass_days(1)
    store.update("deal", deal, {"CATEGORY_ID": 1})
    assert history(store) == [
        (1, 0, "NEW", "P"),
        (2, 0, "MEETING", "P"),
        (3, 0, "WON", "S"),
        (5, 1, "C1:NEW", "P"),
    ]
    times = [row["CREATED_TIME"] for row in store.rows("stagehistory")]
    assert times == [f"2026-03-0{day}T09:00:00+03:00" for day in (2, 3, 4, 5)]


def test_a_closed_deal_says_so(store: PortalStore, clock: Clock) -> None:
    deal = store.create("deal", {"CLOSEDATE": "2026-05-01"})
    clock.pass_days(3)
    store.update("deal", deal, {"STAGE_ID": "LOSE"})
    row = store.get("deal", deal)
    assert (row["CLOSED"], row["STAGE_SEMANTIC_ID"], row["IS_NEW"]) == ("Y", "F", "N")
    assert row["MOVED_TIME"] == row["DATE_MODIFY"] == "2026-03-05T09:00:00+03:00"
    assert row["CLOSEDATE"] == "2026-03-05T03:00:00+03:00"


def test_an_edit_without_a_move_leaves_no_history(
    store: PortalStore, clock: Clock
) -> None:
    deal = store.create("deal", {})
    clock.pass_days(1)
    store.update("deal", deal, {"OPPORTUNITY": "5100000"})
    row = store.get("deal", deal)
    assert row["OPPORTUNITY"] == "5100000.00"
    assert row["DATE_MODIFY"] == "2026-03-03T09:00:00+03:00"
    assert row["MOVED_TIME"] == "2026-03-02T09:00:00+03:00"
    assert store.count("stagehistory") == 1


def test_a_deal_restored_from_the_bin_is_as_it_was(store: PortalStore) -> None:
    deal = store.create("deal", {"TITLE": "Квартира", "UF_CRM_DEAL_OWNER": [5, 6]})
    before = store.get("deal", deal)
    store.delete("deal", deal)
    assert store.count("deal") == 0
    with pytest.raises(NotStoredError):
        store.get("deal", deal)
    store.restore("deal", deal)
    assert store.get("deal", deal) == before


def test_the_id_of_a_deleted_deal_is_not_given_again(store: PortalStore) -> None:
    first = store.create("deal", {})
    store.delete("deal", first)
    assert store.create("deal", {}) > first


def test_a_converted_lead_is_closed_in_its_own_history(store: PortalStore) -> None:
    lead = store.create("lead", {"TITLE": "Заявка", "PHONE": "+70000000001"})
    store.update("lead", lead, {"STATUS_ID": "CONVERTED"})
    row = store.get("lead", lead)
    assert row["DATE_CLOSED"] == row["DATE_MODIFY"]
    assert row["HAS_PHONE"] == "Y"
    assert [
        (one["TYPE_ID"], one["STATUS_ID"], one["STATUS_SEMANTIC_ID"])
        for one in store.rows("lead_stagehistory")
    ] == [(1, "NEW", "P"), (3, "CONVERTED", "S")]


def test_a_done_activity_has_the_status_done(store: PortalStore) -> None:
    activity = store.create("activity", {"OWNER_ID": 1, "TYPE_ID": 1})
    assert store.get("activity", activity)["STATUS"] == "1"
    store.update("activity", activity, {"COMPLETED": "Y"})
    assert store.get("activity", activity)["STATUS"] == "2"


def test_every_kind_of_user_field_is_answered_as_a_portal_does(
    store: PortalStore,
) -> None:
    deal = store.create(
        "deal",
        {
            "UF_CRM_COMMISSION": "450000.00|RUB",
            "UF_CRM_CONTRACT_DATE": "2026-03-02",
            "UF_CRM_REFUSAL_REASON": 41,
            "UF_CRM_LAWYER": 9,
            "UF_CRM_DEAL_OWNER": [5, 6],
            "UF_CRM_IS_TEST": True,
        },
    )
    row = store.get("deal", deal)
    assert row["UF_CRM_COMMISSION"] == "450000.00|RUB"
    assert row["UF_CRM_CONTRACT_DATE"] == "2026-03-02T03:00:00+03:00"
    assert row["UF_CRM_REFUSAL_REASON"] == "41"
    assert row["UF_CRM_LAWYER"] == "9"
    assert row["UF_CRM_DEAL_OWNER"] == [5, 6]
    assert row["UF_CRM_IS_TEST"] == "1"
    assert row["UF_CRM_ADVANCE_DATE"] == row["UF_CRM_PAID"] == ""


def test_the_agency_has_all_its_user_fields(store: PortalStore) -> None:
    named = {one.name: (one.kind, one.multiple) for one in store.user_fields("deal")}
    assert named == dict(AGENCY_DEAL_FIELDS)


def test_a_user_field_comes_changes_and_goes(store: PortalStore) -> None:
    deal = store.create("deal", {})
    store.add_user_field(
        UserField("deal", "UF_CRM_FLOOR", Kind.ENUMERATION, "Этаж", options=((1, "1"),))
    )
    store.update("deal", deal, {"UF_CRM_FLOOR": 1})
    assert store.get("deal", deal)["UF_CRM_FLOOR"] == "1"
    store.set_options("deal", "UF_CRM_FLOOR", {1: "первый", 2: "второй"})
    assert store.user_fields("deal")[-1].options == ((1, "первый"), (2, "второй"))
    store.remove_user_field("deal", "UF_CRM_FLOOR")
    assert "UF_CRM_FLOOR" not in store.get("deal", deal)


def test_a_user_field_name_cannot_carry_sql() -> None:
    with pytest.raises(ValueError, match="UF_CRM_"):
        UserField("deal", 'UF_CRM_A" TEXT; --', Kind.STRING, "x")


def test_an_unknown_field_is_an_error(store: PortalStore) -> None:
    with pytest.raises(NotStoredError, match="NOPE"):
        store.create("deal", {"NOPE": 1})
    with pytest.raises(NotStoredError, match="NOPE"):
        store.bulk_insert("deal", {"NOPE": [1]})


COLUMNS_OF_ONE_DEAL = [
    pytest.param(
        {
            "ID": [10, 11],
            "STAGE_ID": ["WON", "NEW"],
            "OPPORTUNITY": [5.5, None],
            "DATE_CREATE": ["2026-01-02T03:04:05+03:00"] * 2,
            "DATE_MODIFY": [datetime(2026, 1, 3, tzinfo=UTC)] * 2,
            "UF_CRM_DEAL_OWNER": [[5, 6], []],
            "UF_CRM_LAWYER": ["9", ""],
            "CLOSEDATE": ["2026-01-05", None],
        },
        id="lists",
    ),
    pytest.param(
        {
            "ID": np.array([10, 11]),
            "STAGE_ID": np.array(["WON", "NEW"]),
            "OPPORTUNITY": np.array([5.5, np.nan]),
            "DATE_CREATE": np.array(["2026-01-02T03:04:05"] * 2, "datetime64[ns]"),
            "DATE_MODIFY": np.array(["2026-01-03T03:00:00"] * 2, "datetime64[ns]"),
            "UF_CRM_DEAL_OWNER": [np.array([5, 6]), None],
            "UF_CRM_LAWYER": np.array([9, np.nan]),
            "CLOSEDATE": np.array(["2026-01-05", "NaT"], "datetime64[D]"),
        },
        id="numpy",
    ),
    pytest.param(
        {
            "ID": pd.Series([10, 11]),
            "STAGE_ID": pd.Series(["WON", "NEW"], dtype="string"),
            "OPPORTUNITY": pd.Series([5.5, None]),
            "DATE_CREATE": pd.Series(["2026-01-02T00:04:05"] * 2).pipe(
                pd.to_datetime, utc=True
            ),
            "DATE_MODIFY": pd.Series(["2026-01-03T03:00:00"] * 2).pipe(pd.to_datetime),
            "UF_CRM_DEAL_OWNER": pd.Series([[5, 6], None]),
            "UF_CRM_LAWYER": pd.Series([9, None], dtype="Int64"),
            "CLOSEDATE": pd.Series(["2026-01-05", None]).pipe(pd.to_datetime),
        },
        id="pandas",
    ),
]


@pytest.mark.parametrize("columns", COLUMNS_OF_ONE_DEAL)
def test_columns_of_any_library_load_the_same_rows(
    store: PortalStore, columns: dict[str, list[object]]
) -> None:
    assert store.bulk_insert("deal", columns) == 2
    won, new = store.rows("deal")
    assert won["ID"] == "10"
    assert (won["CLOSED"], won["STAGE_SEMANTIC_ID"]) == ("Y", "S")
    assert (new["CLOSED"], new["STAGE_SEMANTIC_ID"]) == ("N", "P")
    assert (won["OPPORTUNITY"], new["OPPORTUNITY"]) == ("5.50", "0.00")
    assert won["DATE_CREATE"] == "2026-01-02T03:04:05+03:00"
    assert won["DATE_MODIFY"] == won["MOVED_TIME"] == "2026-01-03T03:00:00+03:00"
    assert (won["UF_CRM_DEAL_OWNER"], new["UF_CRM_DEAL_OWNER"]) == ([5, 6], False)
    assert (won["UF_CRM_LAWYER"], new["UF_CRM_LAWYER"]) == ("9", None)
    assert (won["CLOSEDATE"], new["CLOSEDATE"]) == ("2026-01-05T03:00:00+03:00", None)


def test_a_load_writes_no_history(store: PortalStore) -> None:
    store.bulk_insert("deal", {"ID": [1, 2]})
    assert store.count("stagehistory") == 0


def test_an_upsert_changes_the_given_columns_and_adds_new_rows(
    store: PortalStore,
) -> None:
    store.bulk_insert(
        "deal", {"ID": [1], "TITLE": ["Дом"], "ASSIGNED_BY_ID": [5], "STAGE_ID": ["N"]}
    )
    store.bulk_insert(
        "deal",
        {"ID": [1, 2], "STAGE_ID": ["WON", "NEW"], "ASSIGNED_BY_ID": [6, 7]},
        upsert=True,
    )
    first, second = store.rows("deal")
    assert (first["TITLE"], first["STAGE_ID"], first["CLOSED"]) == ("Дом", "WON", "Y")
    assert (first["ASSIGNED_BY_ID"], first["CREATED_BY_ID"]) == ("6", "5")
    assert (second["ID"], second["CREATED_BY_ID"]) == ("2", "7")


def test_a_big_load_keeps_the_indexes(store: PortalStore) -> None:
    moments = np.datetime64("2026-01-01", "s") + np.arange(30_000)
    store.bulk_insert("deal", {"DATE_MODIFY": moments})
    names = Names(store.entity("deal"))
    found = store.page(
        names,
        selected(names, ["ID"]),
        conditions=conditions(names, {">=DATE_MODIFY": "2026-01-01T08:19:58+03:00"}),
    )
    assert [row["ID"] for row in found.rows] == ["29999", "30000"]


def test_a_narrow_and_a_wide_window_give_the_same_pages(store: PortalStore) -> None:
    count = 12_000
    moments = np.datetime64("2026-01-01", "s") + np.arange(count)[::-1]
    store.bulk_insert("deal", {"DATE_MODIFY": moments})
    names = Names(store.entity("deal"))
    for minute, expected in (("00:50:00", count - 3000), ("03:00:00", 1200)):
        page = store.page(
            names,
            selected(names, ["ID"]),
            conditions=conditions(
                names, {">=DATE_MODIFY": f"2026-01-01T{minute}+03:00", ">ID": 100}
            ),
            order=[Order("ID")],
        )
        assert page.total == expected - 100
        assert [row["ID"] for row in page.rows] == [str(n) for n in range(101, 151)]


def test_columns_of_different_length_are_refused(store: PortalStore) -> None:
    with pytest.raises(ValueError, match="differ in length"):
        store.bulk_insert("deal", {"ID": [1, 2], "TITLE": ["a"]})


def test_the_version_moves_with_each_write_and_only_then(store: PortalStore) -> None:
    seen = [store.version]
    deal = store.create("deal", {})
    seen.append(store.version)
    store.update("deal", deal, {"TITLE": "a"})
    seen.append(store.version)
    store.rows("deal")
    store.count("deal")
    assert store.version == seen[-1]
    store.delete("deal", deal)
    seen.append(store.version)
    assert seen == sorted(set(seen))


def test_another_process_sees_the_writes(store: PortalStore, clock: Clock) -> None:
    with PortalStore(store.path, clock=clock) as other:
        before = other.version
        store.create("deal", {})
        assert other.version > before
        assert other.count("deal") == 1


def test_a_failed_transaction_leaves_nothing(store: PortalStore) -> None:
    version = store.version

    def create_and_fail() -> None:
        with store.transaction():
            store.create("deal", {})
            store.update("deal", 999, {})

    with pytest.raises(NotStoredError):
        create_and_fail()
    assert store.count("deal") == 0
    assert store.version == version


def test_readers_see_a_transaction_at_once(store: PortalStore) -> None:
    seen: list[int] = []
    with store.transaction():
        store.create("deal", {})
        store.create("deal", {})
        reader = threading.Thread(target=lambda: seen.append(store.count("deal")))
        reader.start()
        reader.join()
    assert seen == [0]
    assert store.count("deal") == 2


def test_the_kept_time_of_a_portal_survives(tmp_path: Path) -> None:
    kept = datetime(2026, 9, 14, 12, tzinfo=UTC)
    path = tmp_path / "portal.sqlite"
    with PortalStore(path) as store:
        store.set_now(kept)
        store.set_note("agency", "seed 1")
    with PortalStore(path) as store:
        assert store.now() == kept
        assert store.note("agency") == "seed 1"
        assert store.note("nothing") is None


def test_every_entity_has_an_id_and_its_copies_exist() -> None:
    for entity in ENTITIES.values():
        assert entity.fields[0].name == "ID"
        names = set(entity.by_name)
        assert {one.copies for one in entity.fields if one.copies} <= names
        assert {*entity.indexed} <= names
        assert entity.modified is None or entity.modified in names


def test_a_reading_is_of_one_moment_until_its_own_write(tmp_path: Path) -> None:
    with (
        PortalStore(tmp_path / "portal.sqlite") as store,
        PortalStore(tmp_path / "portal.sqlite") as other,
    ):
        deal = store.create("deal", {"TITLE": "old"})
        with store.reading():
            assert store.get("deal", deal)["TITLE"] == "old"
            other.update("deal", deal, {"TITLE": "new"})
            assert store.get("deal", deal)["TITLE"] == "old"
            store.update("deal", deal, {"COMMENTS": "own"})
            assert store.get("deal", deal)["TITLE"] == "new"
        assert store.version == other.version


def test_a_row_of_any_width_is_answered_whole(store: PortalStore) -> None:
    """SQLite takes no more than sixty fields at once."""
    texts = {f"UF_CRM_T{number}": f'{{"{number}"}}' for number in range(150)}
    for name in texts:
        store.add_user_field(UserField("deal", name, Kind.STRING, name))
    deal = store.create("deal", texts)
    found = store.get("deal", deal)
    assert {name: found[name] for name in texts} == texts
