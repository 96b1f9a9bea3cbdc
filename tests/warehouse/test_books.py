"""The books of facts after anything that may happen: changes, locks, unlocks, crashes.

The models' own SQL runs over tables of the test, pass by pass; what it must give is
computed here from whole pictures of every publication, without entries and reversals.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.conftest import Postgres
from tests.dbt_models import model_sql, relation, template_sql
from tests.small_firm import MOSCOW

SEQUENCES = 40
NOWHERE = UUID(int=0)
# Unit -> its place in the tree; the last one is of facts that are in no unit.
PATHS: Mapping[str, tuple[UUID, list[str]]] = {
    "g1": (UUID(int=1), ["firm:c", "firm:d", "firm:g1"]),
    "g2": (UUID(int=2), ["firm:c", "firm:d", "firm:g2"]),
    "": (NOWHERE, []),
}
EMPLOYEES = {"ann": "g1", "bob": "g1", "cid": "g2", "unassigned": ""}
HOLDERS = (
    ("ann",), ("bob",), ("cid",), ("unassigned",), ("ann", "bob"), ("ann", "cid"),
    ("ann", "bob", "cid"),
)  # fmt: skip
START = date(2026, 1, 10)

Sums = dict[tuple[str, date], tuple[Decimal, Decimal]]
Row = tuple[object, ...]

FRAME = """
create schema ops; create schema reports; create schema decisions;
create schema mapping; create schema dbt_core; create schema dbt_intermediate;
create table ops.clock (pass_time timestamptz);
insert into ops.clock values (now());
create table ops.passes (pass_id bigint, outcome text);
create table reports.publications (publication_id bigint, data_as_of timestamptz);
create table decisions.batches (batch_id bigint, author text, decided_at timestamptz,
    seen_publication_id bigint);
create table decisions.period_locks (batch_id bigint, line int, action text,
    period date, org_unit_id text, reason text);
create table mapping.pipelines (connection text, pipeline text, label text);
create table dbt_core.deal_types (deal_type text, label text);
create table dbt_core.dim_channels (channel_key text, channel_label text,
    channel_group text);
create table dbt_core.dim_employees (employee_key text, full_name text);
create table dbt_intermediate.int_org_units__versioned (org_unit_key text);
create table dbt_intermediate.int_org_units__spanned (org_unit_key text, name text,
    valid_from date);
create table dbt_intermediate.int_unit_paths__recorded (unit_path_key uuid,
    org_unit_key text, ancestor_keys text[], group_key text, department_key text);
create table dbt_core.fct_deals (deal_key text, source_system text, pipeline text,
    channel text, channel_label text, stage text);
create table dbt_intermediate.int_facts__credited (fact_type text, is_stock boolean,
    fact_key text, fact_date date, deal_key text, role text, detail text,
    employee_key text, unit_path_key uuid, deal_type text, deal_type_label text,
    pipeline_label text, channel_label text, credit_weight numeric(9, 4),
    amount numeric(18, 2), whole_amount numeric(18, 2), is_shared boolean,
    counted_from timestamptz, counted_weight numeric, counted_total_weight numeric);
"""
# Built as dbt builds them, in this order; the books are tables, the rest is views.
MODELS = (
    "dim_unit_paths", "dim_period_locks", "int_facts__tracked", "int_facts__recorded",
    "int_lead_facts__recorded", "int_entries__unioned", "int_corrections__recorded",
    "int_corrections__booked", "fct_deal_events",
)  # fmt: skip
NO_LEADS = (
    "create view dbt_intermediate.int_lead_facts__tracked as"
    " select * from dbt_intermediate.int_facts__tracked where false"
)
BOOKS = ("int_facts__recorded", "int_corrections__recorded")
EMPTIED = (
    "ops.passes", "reports.publications", "decisions.batches", "decisions.period_locks",
    relation("int_facts__credited"), *map(relation, BOOKS),
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A closed deal: its day, who is credited and how many kopecks it brought."""

    day: date
    holders: tuple[str, ...]
    kopecks: int

    def parts(self) -> Iterator[tuple[str, Decimal, Decimal]]:
        """Person, credit and amount; the first takes what does not divide."""
        count = len(self.holders)
        for place, person in enumerate(self.holders):
            weight, amount = (
                whole // count + (whole % count if place == 0 else 0)
                for whole in (10_000, self.kopecks)
            )
            yield person, Decimal(weight) / 10_000, Decimal(amount) / 100


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


@dataclass
class Picture:
    """What a publication showed, and of what time it spoke."""

    moment: datetime
    rows: Counter[Row]
    sums: Sums
    whole: dict[str, Sums]


@dataclass
class Firm:
    """A firm whose facts change, with the tables of its warehouse.

    Attributes:
        at: What time it is.
        facts: What is true, by name.
        locks: Month and scope ("" is the company) -> number of the picture it keeps.
    """

    database: psycopg.Connection
    at: datetime = datetime(2026, 1, 10, 9, tzinfo=MOSCOW)
    facts: dict[str, Fact] = field(default_factory=dict)
    locks: dict[tuple[date, str], int] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    passes: int = 0
    batches: int = 0

    # ------------------------------------------------------------------- living

    def later(self, **step: float) -> None:
        self.at += timedelta(**step)

    def months(self) -> list[date]:
        """From the first month to the running one."""
        found = [month_of(START)]
        while found[-1] < month_of(self.at.date()):
            found.append(next_month(found[-1]))
        return found

    def act(self, step: tuple[str, int, int, int]) -> None:
        """One thing that happens."""
        action, first, second, third = step
        name = f"deal {first % 5}"
        if action == "set":
            month = self.months()[-1 - second % min(4, len(self.months()))]
            day = month + timedelta(days=third % 9)
            self.facts[name] = Fact(
                min(day, self.at.date()),
                HOLDERS[third % len(HOLDERS)],
                100 * (second + 1) + third,
            )
        elif action == "drop":
            self.facts.pop(name, None)
        elif action == "month":
            self.later(days=30)
        elif action in ("pass", "crash"):
            self.run_pass(is_published=action == "pass")

    def decide(self, step: tuple[int, int, int, bool]) -> None:
        """Lock an ended month of a scope, or unlock it.

        One who decides while a pass runs has not seen what it publishes.
        """
        place, scope, _, is_behind = step
        ended = self.months()[:-1]
        seen = len(self.pictures) - (2 if is_behind else 1)
        if not ended or seen < 0:
            return
        month, unit = ended[-1 - place % len(ended)], ("", "g1", "g2")[scope]
        is_locked = (month, unit) in self.locks
        if is_locked:
            del self.locks[month, unit]
        else:
            self.locks[month, unit] = seen
        self.batches += 1
        self.later(minutes=1)
        self.database.execute(
            "insert into decisions.batches values (%s, 'admin', %s, %s)",
            [self.batches, self.at, seen],
        )
        self.database.execute(
            "insert into decisions.period_locks values (%s, 4, %s, %s, %s, 'reason')",
            [self.batches, "unlock" if is_locked else "lock", month, unit or None],
        )

    # ---------------------------------------------------------------- reporting

    def run_pass(self, *, is_published: bool = True) -> None:
        """Keep the books; a pass that crashes has kept the first one."""
        self.later(hours=1)
        self.passes += 1
        self.database.execute("update ops.clock set pass_time = %s", [self.at])
        self.database.execute("insert into ops.passes values (%s, '')", [self.passes])
        self._write_facts()
        for book in BOOKS if is_published else BOOKS[:1]:
            self.database.execute(INSERTS[book].encode())
        if not is_published:
            return
        self.database.execute(
            "insert into reports.publications values (%s, %s)",
            [len(self.pictures), self.at],
        )
        self.pictures.append(
            Picture(
                self.at,
                self.reported(),
                self.summed("split"),
                {level: self.summed(level) for level in ("group", "company")},
            )
        )

    def _write_facts(self) -> None:
        self.database.execute("truncate dbt_intermediate.int_facts__credited")
        with self.database.cursor().copy(
            "copy dbt_intermediate.int_facts__credited (fact_type, is_stock, fact_key,"
            " fact_date, deal_key, role, employee_key, unit_path_key, credit_weight,"
            " amount, whole_amount, is_shared) from stdin"
        ) as copy:
            for name, fact in self.facts.items():
                for person, weight, amount in fact.parts():
                    unit = EMPLOYEES[person]
                    copy.write_row(
                        (
                            "deal_closed",
                            False,
                            name,
                            fact.day,
                            name,
                            "deal_owner",
                            person,
                            PATHS[unit][0] if unit else None,
                            weight,
                            amount,
                            Decimal(fact.kopecks) / 100,
                            len(fact.holders) > 1,
                        )
                    )

    def reported(self) -> Counter[Row]:
        """Every row of the reported facts."""
        return Counter(
            self.database.execute(
                "select fact_key, event_month, employee_key, credit_weight, amount,"
                " correction_of_month from dbt_core.fct_deal_events"
            ).fetchall()
        )

    def summed(self, level: str) -> Sums:
        """Credit and amount by unit and month; whole ones of a level of units."""
        unit = {"group": "coalesce(group_key, '')", "company": "'company'"}
        source = "dbt_core.fct_deal_events"
        if level != "split":
            source = f"({LEVELS}) as levelled where level = '{level}'"
        rows = self.database.execute(
            f"select {unit.get(level, unit['group'])}, event_month,"
            f" sum(credit_weight), sum(amount) from {source} group by 1, 2".encode()
        )
        return without_zeros({(u, m): (w, a) for u, m, w, a in rows.fetchall()})

    def known(self, moment: datetime) -> Sums:
        """The same from the books, as they stood at a moment."""
        rows = self.database.execute(
            "select coalesce(paths.group_key, ''), date_trunc('month', day)::date,"
            " sum(credit_weight), sum(amount) from ("
            " select unit_path_key, event_date as day, credit_weight, amount,"
            " recorded_at from dbt_intermediate.int_facts__recorded union all"
            " select unit_path_key, booked_date, credit_weight, amount, recorded_at"
            " from dbt_intermediate.int_corrections__recorded) as entries"
            " join dbt_intermediate.int_unit_paths__recorded as paths"
            " using (unit_path_key) where recorded_at <= %s group by 1, 2",
            [moment],
        )
        return without_zeros({(u, m): (w, a) for u, m, w, a in rows.fetchall()})

    def truth(self, level: str = "split") -> Sums:
        """What is true now, whatever is locked."""
        found: Sums = defaultdict(lambda: (Decimal(0), Decimal(0)))
        for fact in self.facts.values():
            month = month_of(fact.day)
            parts = [(EMPLOYEES[who], w, a) for who, w, a in fact.parts()]
            if level != "split":
                units = {unit if level == "group" else "company" for unit, *_ in parts}
                whole = Decimal(fact.kopecks) / 100
                parts = [(unit, Decimal(1), whole) for unit in units]
            for unit, weight, amount in parts:
                known = found[unit, month]
                found[unit, month] = known[0] + weight, known[1] + amount
        return without_zeros(found)

    def kept_by(self, unit: str, month: date) -> int | None:
        """The picture that a locked month of a unit keeps; the earliest lock counts."""
        scopes = ("", unit) if unit in PATHS and unit else ("",)
        return min(
            (
                self.locks[month, scope]
                for scope in scopes
                if (month, scope) in self.locks
            ),
            default=None,
        )


def without_zeros(sums: Mapping[tuple[str, date], tuple[Decimal, Decimal]]) -> Sums:
    return {key: value for key, value in sums.items() if any(value)}


def over_months(sums: Sums) -> dict[str, tuple[Decimal, Decimal]]:
    """Totals of units, those that are nothing left out."""
    found: dict[str, tuple[Decimal, Decimal]] = defaultdict(
        lambda: (Decimal(0), Decimal(0))
    )
    for (unit, _), (weight, amount) in sums.items():
        found[unit] = found[unit][0] + weight, found[unit][1] + amount
    return {unit: total for unit, total in found.items() if any(total)}


def due(firm: Firm, level: str) -> Sums:
    """What months must show: a locked one its picture, an open one the truth and what
    the locked months before it lack."""
    truth = firm.truth(level)
    units = {"company"} if level == "company" else {*PATHS}
    found: Sums = {}
    nothing = (Decimal(0), Decimal(0))
    for unit in units:
        lacking = nothing
        for month in firm.months():
            true = truth.get((unit, month), nothing)
            picture = firm.kept_by(unit, month)
            if picture is None:
                found[unit, month] = true[0] + lacking[0], true[1] + lacking[1]
                lacking = nothing
                continue
            shown = firm.pictures[picture]
            sums = shown.sums if level == "split" else shown.whole[level]
            kept = sums.get((unit, month), nothing)
            found[unit, month] = kept
            lacking = (
                lacking[0] + true[0] - kept[0],
                lacking[1] + true[1] - kept[1],
            )
    return without_zeros(found)


INSERTS: dict[str, str] = {}
LEVELS = ""


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """A warehouse of nothing but the books and what they are kept from."""
    url = postgres.create_database("books")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone to 'Europe/Moscow'")
        connection.execute(FRAME)
        for unit, (path, ancestors) in PATHS.items():
            connection.execute(
                "insert into dbt_intermediate.int_unit_paths__recorded"
                " values (%s, %s, %s, %s, %s)",
                [path, unit or None, ancestors, unit or None, "d" if unit else None],
            )
            connection.execute(
                "insert into dbt_intermediate.int_org_units__versioned values (%s)",
                [f"firm:{unit}"],
            )
        for name in MODELS:
            if name == "int_lead_facts__recorded":
                connection.execute(NO_LEADS)
            kind = "table" if name.endswith("__recorded") else "view"
            connection.execute(
                f"create {kind} {relation(name)} as {model_sql(name)}".encode()
            )
        for name in BOOKS:
            INSERTS[name] = (
                f"insert into {relation(name)} {model_sql(name, is_incremental=True)}"
            )
        yield connection


@pytest.fixture(scope="module", autouse=True)
def levels() -> None:
    global LEVELS  # noqa: PLW0603 -- rendered once
    LEVELS = template_sql(
        "{{ facts_by_level('dbt_core.fct_deal_events', ['event_type', 'fact_key',"
        " 'event_date', 'event_month', 'correction_of_month', 'version_pass_id']) }}"
    )


numbers = st.integers(0, 50)
happenings = st.tuples(
    st.sampled_from(["set"] * 5 + ["drop", "month", "pass", "pass", "crash"]),
    numbers,
    numbers,
    numbers,
)


def sequences(scopes: Sequence[int]) -> st.SearchStrategy[list[tuple[object, ...]]]:
    """Happenings with decisions about the scopes among them."""
    decisions = st.tuples(
        st.integers(0, 2), st.sampled_from(scopes), st.just(0), st.booleans()
    )
    return st.lists(
        st.one_of(happenings, happenings, decisions), min_size=8, max_size=40
    )


any_sequence = settings(
    max_examples=SEQUENCES,
    deadline=None,
    derandomize=True,
    # A sequence is short enough to read; shrinking it would take minutes.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def lived(
    database: psycopg.Connection, sequence: Sequence[tuple[object, ...]]
) -> Iterator[Firm]:
    """The firm after each of its publications."""
    database.execute(f"truncate {', '.join(EMPTIED)}".encode())
    firm = Firm(database)
    for step in (*sequence, ("pass", 0, 0, 0), ("month", 0, 0, 0), ("pass", 0, 0, 0)):
        published = len(firm.pictures)
        if isinstance(step[0], str):
            firm.act(step)  # type: ignore[arg-type]
        else:
            firm.decide(step)  # type: ignore[arg-type]
        if len(firm.pictures) > published:
            note(f"publication {published} at {firm.at}, locks {firm.locks}")
            yield firm


@any_sequence
@given(sequence=sequences([0]))
def test_locked_months_keep_their_numbers_and_open_ones_correct_them(
    sequence: list[tuple[object, ...]], database: psycopg.Connection
) -> None:
    """Locks of the company: every number of every month, in both credits."""
    for firm in lived(database, sequence):
        picture = firm.pictures[-1]
        assert picture.sums == due(firm, "split")
        for level, sums in picture.whole.items():
            assert sums == due(firm, level), level


@any_sequence
@given(sequence=sequences([0, 1, 2]))
def test_locks_of_units_lose_and_double_nothing(
    sequence: list[tuple[object, ...]], database: psycopg.Connection
) -> None:
    """Facts of two units, one of them locked, stay whole; months sum to the truth.

    A locked month keeps every row, and the books answer for every earlier publication
    what it showed.
    """
    for firm in lived(database, sequence):
        now = firm.pictures[-1]
        assert over_months(now.sums) == over_months(firm.truth())
        for level, sums in now.whole.items():
            assert over_months(sums) == over_months(firm.truth(level)), level
        assert now.whole["company"] == of_company(now.sums)
        for unit, month in product(PATHS, firm.months()):
            picture = firm.kept_by(unit, month)
            if picture is not None:
                then = firm.pictures[picture]
                assert of_unit(now.rows, unit, month) == of_unit(then.rows, unit, month)
        for then in firm.pictures:
            assert firm.known(then.moment) == then.sums


def of_company(sums: Sums) -> Sums:
    found: Sums = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for (_, month), (weight, amount) in sums.items():
        known = found["company", month]
        found["company", month] = known[0] + weight, known[1] + amount
    return without_zeros(found)


def of_unit(rows: Counter[Row], unit: str, month: date) -> Counter[Row]:
    return Counter(
        {
            row: count
            for row, count in rows.items()
            if EMPLOYEES[str(row[2])] == unit and row[1] == month
        }
    )
