"""What dbt has said once is said again, as dbt would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import psycopg
import pytest

from orchestration import transformation
from orchestration.passes import Pass, PassRequest, run_pass
from orchestration.statements import Node, Outcome, Recording, load, run, save
from orchestration.transformation import TransformationError
from tests.conftest import Postgres
from tests.small_firm import SmallFirm, small_firm


def model(name: str, *statements: str, waits_for: tuple[str, ...] = ()) -> Node:
    return Node(f"model.p.{name}", f"models/{name}.sql", False, waits_for, statements)


def check(name: str, question: str, *, of: str) -> Node:
    answer = f"select count(*), false, count(*) > 0 from ({question}) as found"
    return Node(f"test.p.{name}.12", f"tests/{name}.sql", True, (of,), (answer,))


@pytest.fixture
def said(postgres: Postgres) -> Callable[..., Outcome]:
    """Run nodes in a database of their own."""
    url = postgres.create_database("statements")

    def run_nodes(*nodes: Node) -> Outcome:
        return run(Recording(("said",), nodes), lambda: psycopg.connect(url))

    return run_nodes


def test_a_node_comes_after_what_it_waits_for(said: Callable[..., Outcome]) -> None:
    outcome = said(
        model("c", "create table said.c as table said.b", waits_for=("model.p.b",)),
        model("b", "create table said.b as table said.a", waits_for=("model.p.a",)),
        model("a", "select pg_sleep(0.1)", "create table said.a as select 1 as id"),
        check("a_is_small", "select from said.a where id > 1", of="model.p.a"),
    )
    assert outcome.failures == []
    assert len(outcome.seconds) == 4


def test_what_waits_for_a_failed_node_is_left_out(said: Callable[..., Outcome]) -> None:
    """Of a node either all is done or nothing; what does not wait is done."""
    outcome = said(
        model("a", "create table said.a as select 1 as id", "select 1 / 0"),
        model("b", "create table said.b as table said.a", waits_for=("model.p.a",)),
        model("c", "create table said.c as select 2 as id"),
        check("c_is_small", "select from said.c where id > 1", of="model.p.c"),
        model("d", "table said.c", waits_for=("test.p.c_is_small.12",)),
        model("e", "table said.c", waits_for=("model.p.c",)),
        model("f", "table said.a"),
    )
    assert sorted(outcome.failures) == [
        "a (models/a.sql): division by zero",
        "c_is_small (tests/c_is_small.sql): 1 rows fail",
        'f (models/f.sql): relation "said.a" does not exist\n'
        "LINE 1: table said.a\n              ^",
    ]
    assert sorted(outcome.seconds) == ["model.p.c", "model.p.e"]


def test_an_interrupt_stops_what_the_server_does(said: Callable[..., Outcome]) -> None:
    """An hour of sleep would outlast the test."""
    interrupt = Timer(1, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        said(model("a", "select pg_sleep(3600)"), model("b", "select pg_sleep(3600)"))


def test_a_recording_is_kept_as_it_is(tmp_path: Path) -> None:
    kept = Recording(("said",), (model("a", "select 'й'", waits_for=("model.p.b",)),))
    save(tmp_path / "folder" / "kept.json", kept)
    assert load(tmp_path / "folder" / "kept.json") == kept
    assert len([*(tmp_path / "folder").iterdir()]) == 1


def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that dbt is asked for from now on."""
    commands: list[str] = []
    invoke = transformation._invoke

    def noted(warehouse: object, arguments: list[str], *others: object) -> object:
        commands.append(arguments[0])
        return invoke(warehouse, arguments, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(transformation, "_invoke", noted)
    return commands


def changed(firm: SmallFirm, *, whole: bool = False) -> Pass:
    firm.deal(stage="qualified", deal_owner=6, commission=100)
    firm.later(minutes=1)
    return run_pass(firm.warehouse, PassRequest(whole=whole))


@pytest.fixture
def firm(postgres: Postgres, tmp_path: Path) -> Iterator[SmallFirm]:
    with small_firm(tmp_path, postgres.create_database("said")) as firm:
        yield firm


def test_dbt_is_asked_once(firm: SmallFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another pass of the same kind says the same without it, and counts the same."""
    for whole in (True, True, False):
        changed(firm, whole=whole)
    commands = asked(monkeypatch)
    for whole in (False, True, False):
        assert (changed(firm, whole=whole).whole_because is not None) == whole
    assert commands == []
    assert firm.value("select count(*) from reports.rpt_deal_registry") == 6
    assert firm.value("select sum(commission) from dbt_core.fct_deals") == 600


def test_dbt_is_asked_again_when_a_table_has_other_columns(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(firm)
    changed(firm)
    with firm.warehouse.connect("transformer") as connection:
        connection.execute(
            "alter table dbt_intermediate.int_terms__versioned add seen integer"
        )
    commands = asked(monkeypatch)
    changed(firm)
    assert "build" in commands


def test_a_statement_that_fails_names_its_node_and_is_forgotten(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publication stays; the next pass asks dbt, which knows the state."""
    changed(firm)
    changed(firm)
    for file in (firm.settings.home / "dbt" / "statements").glob("*/*.json"):
        text = file.read_text(encoding="utf-8")
        if "model.reestr.fct_deals" in text:
            broken = text.replace("except all", "except of all")
            file.write_text(broken, encoding="utf-8")
    with pytest.raises(TransformationError, match=r"\(models/.*\.sql\): syntax"):
        changed(firm)
    assert firm.value("select count(*) from reports.rpt_deal_registry") == 2
    commands = asked(monkeypatch)
    changed(firm)
    assert "build" in commands
    assert firm.value("select count(*) from reports.rpt_deal_registry") == 4
