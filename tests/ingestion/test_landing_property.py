"""After anything people do in the portal and a pass with a sweep, raw equals it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from psycopg import sql

from ingestion.http import JsonValue
from ingestion.sources.bitrix24.settings import (
    ACTIVITIES,
    CONTACTS,
    DEALS,
    DEPARTMENTS,
    LEADS,
    STAGE_HISTORY,
    STATUSES,
    USERS,
)
from tests.ingestion.bitrix24_agency import Agency, running_agency

SWEPT = (DEALS, CONTACTS, LEADS, ACTIVITIES)
ENTITIES = ("deal", "contact", "lead", "activity")
STAGES = ("NEW", "ADVANCE", "WON")
SEQUENCES = 20

Step = tuple[str, str, int, str]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
rows = st.integers(0, 30)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(ENTITIES), st.just(0), texts),
        st.tuples(st.just("add many"), st.just("deal"), st.integers(45, 120), texts),
        st.tuples(st.just("edit"), st.sampled_from(ENTITIES), rows, texts),
        st.tuples(st.just("move"), st.just("deal"), rows, st.sampled_from(STAGES)),
        st.tuples(st.just("owners"), st.just("deal"), rows, st.just("")),
        st.tuples(st.just("delete"), st.sampled_from(ENTITIES), rows, st.just("")),
        st.tuples(st.just("restore"), st.sampled_from(ENTITIES), rows, st.just("")),
        st.tuples(st.just("wait"), st.just(""), st.integers(0, 7200), st.just("")),
        st.tuples(st.just("pass"), st.just(""), st.integers(0, 3), st.just("")),
    ),
    min_size=4,
    max_size=24,
)


class Postgres(Protocol):
    def create_database(self, name: str) -> str: ...


@pytest.fixture(scope="module")
def database_url(postgres: Postgres) -> str:
    return postgres.create_database("random")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("portals")
    return (base / str(number) for number in count())


@settings(
    max_examples=SEQUENCES,
    deadline=None,
    derandomize=True,
    # A sequence is short enough to read; shrinking it would take minutes.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(sequence=steps)
def test_raw_equals_the_store_after_any_sequence_and_a_sweep(
    sequence: list[Step],
    database_url: str,
    folders: Iterator[Path],
) -> None:
    folder = next(folders)
    folder.mkdir()
    with running_agency(folder, database_url, f"agency_{folder.name}") as agency:
        deleted: dict[str, list[int]] = {entity: [] for entity in ENTITIES}
        for step in sequence:
            act(agency, deleted, step)
        note(f"the portal's time is {agency.now}")
        agency.later(seconds=1)
        agency.land(sweep=True, accept_shrink=True)
        agency.assert_equal(*SWEPT, USERS, DEPARTMENTS)
        assert set(agency.raw(STATUSES)) == set(agency.stored(STATUSES))
        assert_history_of_living_deals(agency)
        assert set(agency.land(sweep=True).changed.values()) == {0}
    with psycopg.connect(database_url) as database:
        for schema in (agency.name_of_schema, f"{agency.name_of_schema}_staging"):
            database.execute(
                sql.SQL("drop schema if exists {} cascade").format(
                    sql.Identifier(schema)
                )
            )


def act(agency: Agency, deleted: dict[str, list[int]], step: Step) -> None:
    """One thing that happens in the portal, or a pass."""
    action, entity, number, text = step
    if action == "wait":
        agency.later(seconds=number)
    elif action == "pass":
        agency.land(sweep=number == 0, accept_shrink=True)
    elif action == "add":
        agency.add(entity, {_title(entity): text, "OWNER_ID": 1})
    elif action == "add many":
        agency.store.bulk_insert(entity, {"TITLE": [text] * number})
    elif action == "restore" and deleted[entity]:
        row = deleted[entity].pop(number % len(deleted[entity]))
        # Nobody restores over REST: people do it in the recycle bin.
        agency.store.restore(entity, row)
    else:
        ids = [int(str(row["ID"])) for row in agency.store.rows(entity)]
        if ids:
            change(agency, deleted, (action, entity, ids[number % len(ids)], text))


def change(agency: Agency, deleted: dict[str, list[int]], step: Step) -> None:
    """What people do with a row that is there."""
    action, entity, row, text = step
    changes: dict[str, dict[str, JsonValue]] = {
        "edit": {_title(entity): text},
        "move": {"STAGE_ID": text},
        "owners": {"UF_CRM_DEAL_OWNER": [1, row]},
    }
    if action in changes:
        agency.change(entity, row, changes[action])
    elif action == "delete":
        agency.remove(entity, row)
        deleted[entity].append(row)


def _title(entity: str) -> str:
    return {"contact": "NAME", "activity": "SUBJECT"}.get(entity, "TITLE")


def assert_history_of_living_deals(agency: Agency) -> None:
    """History of deleted deals may stay; that of the others is complete."""
    living = set(agency.stored(DEALS))
    stored, raw = agency.stored(STAGE_HISTORY), agency.raw(STAGE_HISTORY)
    assert {key: row for key, row in raw.items() if row["owner_id"] in living} == {
        key: row for key, row in stored.items() if row["owner_id"] in living
    }
