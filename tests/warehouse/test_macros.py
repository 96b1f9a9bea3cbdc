"""Macros that hold a rule of the dictionary, run in PostgreSQL over many values."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

import jinja2
import psycopg
import pytest

from orchestration.transformation import PROJECT
from tests.conftest import Postgres

LETTERS = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
WORDS = (
    "Ёж", "ежевика", "Еж", "ель", "ёлка", "Елена", "Ея", "ёя", "Жук", "жёлудь",
    "Желудь", "желе", "дело", "Яр", "аист", "", "Еёж", "Ееж", "Етна",
)  # fmt: skip


def rendered(macro: str, *arguments: object, file: str = "") -> str:
    """The SQL of a macro that needs nothing of dbt; its file has its name as a rule."""
    path = PROJECT / "macros" / f"{file or macro}.sql"
    text = path.read_text(encoding="utf-8")
    module = jinja2.Environment(autoescape=False).from_string(text).module  # noqa: S701
    return str(getattr(module, macro)(*arguments))


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[psycopg.Connection]:
    url = postgres.create_database("macros")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_names_stand_in_russian_order(database: psycopg.Connection) -> None:
    key = rendered("sort_key", "word")
    query = f"select word from unnest(%s::text[]) as word order by {key}"
    found = [word for (word,) in database.execute(query.encode(), [list(WORDS)])]
    places = {letter: place for place, letter in enumerate(LETTERS)}

    def order(word: str) -> list[int]:
        return [places[letter] for letter in word.lower()]

    assert [order(word) for word in found] == sorted(map(order, WORDS))


@pytest.mark.parametrize(
    ("value", "unit", "writer", "printed"),
    [
        ("7", "count", "number", "7"),
        ("7.5", "count", "number", "7,50"),
        ("1234.3333", "count", "number", "1\N{NO-BREAK SPACE}234,33"),
        ("6.9999", "count", "number", "7"),
        ("-0.5", "count", "signed", "\N{MINUS SIGN}0,50"),
        ("2", "count", "signed", "+2"),
        ("0.5", "percent", "number", "50,0"),
        ("3901541", "money", "number", "3,90"),
    ],
)
def test_a_shared_count_is_printed_like_its_records(
    database: psycopg.Connection, value: str, unit: str, writer: str, printed: str
) -> None:
    text = rendered(
        "unit_text", f"'{unit}'", f"cast({value} as numeric)", writer, file="cards"
    )
    assert database.execute(f"select {text}".encode()).fetchone() == (printed,)


def shares(
    database: psycopg.Connection,
    rows: Sequence[tuple[int, Decimal, int, str]],
    units: int,
) -> dict[int, dict[str, Decimal]]:
    """Split amounts by weights: rows are deal, amount, weight and key."""
    macro = rendered("split_amount", "amount", "weight", "total", "deal", "key", units)
    found: dict[int, dict[str, Decimal]] = defaultdict(dict)
    database.execute(
        "create temporary table if not exists split_rows (deal int,"
        " amount numeric(18, 2), weight numeric(9, 4), key text);"
        "truncate split_rows"
    )
    with database.cursor() as cursor:
        cursor.executemany("insert into split_rows values (%s, %s, %s, %s)", rows)
    query = (
        f"select deal, key, {macro} from (select *, sum(weight) over"
        " (partition by deal) as total from split_rows) as weighted"
    )
    for deal, key, part in database.execute(query.encode()):
        found[deal][key] = part
    return found


def largest_remainder(
    amount: Decimal, weights: dict[str, int], units: int
) -> dict[str, Fraction]:
    """The dictionary's rule, written a second time with exact fractions."""
    total = sum(weights.values())
    exact = {
        key: Fraction(amount) * units * weight / total
        for key, weight in weights.items()
    }
    whole = {key: value.numerator // value.denominator for key, value in exact.items()}
    left = int(Fraction(amount) * units - sum(whole.values()))
    by_remainder = sorted(
        exact, key=lambda key: (whole[key] - exact[key], len(key), key)
    )
    return {
        key: Fraction(whole[key] + (key in by_remainder[:left]), units) for key in exact
    }


@pytest.mark.parametrize("units", [100, 10_000])
def test_any_amount_splits_to_the_kopeck(
    database: psycopg.Connection, units: int
) -> None:
    dice = random.Random(20260301)  # noqa: S311 -- a fixed sample
    cases = []
    for deal in range(500):
        amount = Decimal(dice.randint(-2, 10 ** dice.randint(1, 12))) / 100
        amount = Decimal(1) if units != 100 else amount
        weights = {
            f"k{number}": dice.choice([1, 1, 1, 3, dice.randint(1, 40)])
            for number in dice.sample(range(1, 120), dice.randint(1, 6))
        }
        cases.append((deal, amount, weights))
    rows = [
        (deal, amount, weight, key)
        for deal, amount, weights in cases
        for key, weight in weights.items()
    ]
    found = shares(database, rows, units)
    for deal, amount, weights in cases:
        assert sum(found[deal].values()) == amount
        expected = largest_remainder(amount, weights, units)
        assert {key: Fraction(part) for key, part in found[deal].items()} == expected


def test_equal_remainders_of_unequal_parts_go_by_key(
    database: psycopg.Connection,
) -> None:
    """500.5005… and 500500.5005…: rounded quotients would not end alike."""
    weights = {"k1": 1, "k2": 1000, "k3": 997}
    amount = Decimal("10000.00")
    rows = [(1, amount, weight, key) for key, weight in weights.items()]
    expected = largest_remainder(amount, weights, 100)
    assert expected["k1"] == Fraction(501, 100)
    found = shares(database, rows, 100)[1]
    assert {key: Fraction(part) for key, part in found.items()} == expected


def test_three_equal_weights_of_a_round_amount(database: psycopg.Connection) -> None:
    """Acceptance case 1 of the dictionary."""
    rows = [(1, Decimal("100000.00"), 1, key) for key in "abc"]
    assert list(shares(database, rows, 100)[1].values()) == [
        Decimal("33333.34"), Decimal("33333.33"), Decimal("33333.33"),
    ]  # fmt: skip


def test_rule_7_shares_that_do_not_sum_to_one_are_normalised(
    database: psycopg.Connection,
) -> None:
    """Three shares of 30 % and two that make 120 %: the parts are the whole amount."""
    rows = [(1, Decimal("100.00"), 30, key) for key in "abc"]
    rows += [(2, Decimal("100.00"), weight, str(weight)) for weight in (70, 50)]
    found = shares(database, rows, 100)
    assert found == {
        1: {"a": Decimal("33.34"), "b": Decimal("33.33"), "c": Decimal("33.33")},
        2: {"70": Decimal("58.33"), "50": Decimal("41.67")},
    }
