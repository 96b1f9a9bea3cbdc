"""Filters of the list methods against the same filters in plain Python."""

import operator
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.demo.portal.errors import PortalError
from ingestion.demo.portal.query import Names, conditions, orders, selected
from ingestion.demo.portal.store import PortalStore

TITLES = ["Дом у реки", "дом", "Квартира", "50% скидка", "a_b", None]
STAGES = ["NEW", "WON", None]
AMOUNTS = [0.0, 1.5, 100.0, 5_100_000.0]
COMMISSIONS = ["9.00|RUB", "100.00|RUB", "450000.00|RUB", None]
DATES = ["2026-01-01", "2026-02-01", "2026-03-01", None]
OWNERS = [[5], [5, 6], [6, 7], []]
ROWS = [
    {
        "ID": number + 1,
        "TITLE": TITLES[number % 6],
        "STAGE_ID": STAGES[number % 3],
        "OPPORTUNITY": AMOUNTS[number % 4],
        "UF_CRM_COMMISSION": COMMISSIONS[(number // 2) % 4],
        "CLOSEDATE": DATES[(number // 3) % 4],
        "UF_CRM_DEAL_OWNER": OWNERS[(number // 5) % 4],
        "ASSIGNED_BY_ID": number % 5 + 1,
    }
    for number in range(60)
]

Check = Callable[[dict[str, object]], bool]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalStore]:
    path = tmp_path_factory.mktemp("portal") / "portal.sqlite"
    with PortalStore(path) as made:
        made.bulk_insert(
            "deal", {name: [row[name] for row in ROWS] for name in ROWS[0]}
        )
        yield made


def found(store: PortalStore, wanted: object) -> list[int]:
    names = Names(store.entity("deal"))
    page = store.page(
        names, selected(names, ["ID"]), conditions=conditions(names, wanted), limit=None
    )
    assert page.total == len(page.rows)
    return [int(str(row["ID"])) for row in page.rows]


def expected(check: Check) -> list[int]:
    return [row["ID"] for row in ROWS if check(row)]  # type: ignore[misc]


def amount(text: object) -> float | None:
    return None if text is None else float(str(text).split("|")[0])


COMPARISONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
VALUES: dict[str, tuple[list[object], Callable[[object], object]]] = {
    "ID": ([0, 1, 30, 60, "30"], lambda value: int(str(value))),
    "OPPORTUNITY": ([0, "1.5", 100, 9e9], lambda value: float(str(value))),
    "UF_CRM_COMMISSION": (["9", "100.00|RUB", 450000], amount),
    "CLOSEDATE": (["2026-02-01", "2025-01-01"], str),
}


@st.composite
def filters(draw: st.DrawFn) -> tuple[str, object, Check]:
    """A filter key, its value, and the same check in Python."""
    name = draw(st.sampled_from(sorted(VALUES)))
    values, read = VALUES[name]
    prefix = draw(st.sampled_from([*COMPARISONS, "", "=", "!", "!=", "@", "!@"]))
    if prefix in {"@", "!@"}:
        several = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
        wanted = {read(one) for one in several}
        is_in = prefix == "@"
        return (
            prefix + name,
            several,
            lambda row: (_held(read, row[name]) in wanted) is is_in,
        )
    value = draw(st.sampled_from(values))
    target = read(value)
    if prefix in COMPARISONS:
        compare = COMPARISONS[prefix]
        return (
            prefix + name,
            value,
            lambda row: (
                row[name] is not None and compare(_held(read, row[name]), target)
            ),
        )
    is_equal = prefix in {"", "="}
    return (
        prefix + name,
        value,
        lambda row: (_held(read, row[name]) == target) is is_equal,
    )


def _held(read: Callable[[object], object], value: object) -> object:
    return None if value is None else read(value)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(several=st.lists(filters(), min_size=1, max_size=3))
def test_filters_agree_with_plain_python(
    store: PortalStore, several: list[tuple[str, object, Check]]
) -> None:
    wanted = {key: value for key, value, _ in several}
    checks = {key: check for key, _, check in several}
    assert found(store, wanted) == expected(
        lambda row: all(check(row) for check in checks.values())
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(left=filters(), right=filters())
def test_nested_conditions_agree_with_plain_python(
    store: PortalStore,
    left: tuple[str, object, Check],
    right: tuple[str, object, Check],
) -> None:
    wanted = {"logic": "OR", "0": {left[0]: left[1]}, "1": {right[0]: right[1]}}
    assert found(store, {"0": wanted, "<=ID": 50}) == expected(
        lambda row: row["ID"] <= 50 and (left[2](row) or right[2](row))  # type: ignore[operator]
    )


TEXT_FILTERS: list[tuple[str, object, Check]] = [
    ("%TITLE", "ДОМ", lambda row: "дом" in str(row["TITLE"]).lower()),
    ("!%TITLE", "дом", lambda row: "дом" not in str(row["TITLE"]).lower()),
    ("%TITLE", "50%", lambda row: row["TITLE"] == "50% скидка"),
    ("=%TITLE", "дом%", lambda row: str(row["TITLE"]).lower().startswith("дом")),
    ("=%TITLE", "а_b", lambda _: False),
    ("=%TITLE", "_о%", lambda row: str(row["TITLE"])[1:2] == "о"),
    ("!=%TITLE", "%а", lambda row: not str(row["TITLE"]).endswith("а")),
    ("TITLE", "дом", lambda row: row["TITLE"] == "дом"),
    ("TITLE", "", lambda row: row["TITLE"] is None),
    ("!TITLE", None, lambda row: row["TITLE"] is not None),
    ("TITLE", ["дом", "a_b"], lambda row: row["TITLE"] in {"дом", "a_b"}),
    ("@TITLE", ["дом", ""], lambda row: row["TITLE"] in {"дом", None}),
    ("UF_CRM_DEAL_OWNER", 5, lambda row: 5 in row["UF_CRM_DEAL_OWNER"]),  # type: ignore[operator]
    ("@UF_CRM_DEAL_OWNER", [7, 8], lambda row: 7 in row["UF_CRM_DEAL_OWNER"]),  # type: ignore[operator]
    ("!UF_CRM_DEAL_OWNER", "6", lambda row: 6 not in row["UF_CRM_DEAL_OWNER"]),  # type: ignore[operator]
    ("UF_CRM_DEAL_OWNER", "", lambda row: not row["UF_CRM_DEAL_OWNER"]),
    ("STAGE_ID", "WON", lambda row: row["STAGE_ID"] == "WON"),
    ("@ID", [], lambda _: False),
    (">ID", "", lambda _: True),
    ("NOPE", 1, lambda _: True),
    ("%TITLE", "' OR 1=1 --", lambda _: False),
    ("TITLE", "'; DROP TABLE deal; --", lambda _: False),
    ('ID" OR 1=1 --', 1, lambda _: True),
]


@pytest.mark.parametrize(("key", "value", "check"), TEXT_FILTERS)
def test_a_filter_agrees_with_plain_python(
    store: PortalStore, key: str, value: object, check: Check
) -> None:
    assert found(store, {key: value}) == expected(check)


@pytest.mark.parametrize("value", [5, "5", [5]])
def test_the_ways_to_say_one_employee_agree(store: PortalStore, value: object) -> None:
    assert found(store, {"ASSIGNED_BY_ID": value}) == expected(
        lambda row: row["ASSIGNED_BY_ID"] == 5
    )


@pytest.mark.parametrize(
    "moment",
    ["2026-02-01", "2026-02-01T03:00:00+03:00", "2026-02-01T00:00:00Z"],
)
def test_moments_of_any_zone_are_the_same_day(store: PortalStore, moment: str) -> None:
    assert found(store, {">=CLOSEDATE": moment}) == expected(
        lambda row: row["CLOSEDATE"] is not None and row["CLOSEDATE"] >= "2026-02-01"
    )


def test_an_unknown_name_is_refused_by_universal_methods(store: PortalStore) -> None:
    names = Names(store.entity("deal"), universal=True)
    with pytest.raises(PortalError, match="'NOPE' is not allowed"):
        conditions(names, {">NOPE": 1})


def test_an_unreadable_moment_is_refused(store: PortalStore) -> None:
    names = Names(store.entity("deal"))
    with pytest.raises(PortalError, match="DATE_MODIFY"):
        conditions(names, {">DATE_MODIFY": "yesterday"})


@pytest.mark.parametrize("direction", ["ASC", "desc"])
def test_rows_come_in_the_asked_order(store: PortalStore, direction: str) -> None:
    names = Names(store.entity("deal"))
    page = store.page(
        names,
        selected(names, ["ID"]),
        order=orders(names, {"OPPORTUNITY": direction, "NOPE": "ASC"}),
        limit=None,
    )
    falling = direction == "desc"
    rows = sorted(
        ROWS,
        key=lambda row: (row["OPPORTUNITY"], row["ID"]),
        reverse=falling,
    )
    assert [row["ID"] for row in page.rows] == [str(row["ID"]) for row in rows]


SELECTS: list[tuple[object, set[str], set[str]]] = [
    (None, {"ID", "TITLE", "UF_CRM_PAID"}, set()),
    (["*"], {"ID", "TITLE"}, {"UF_CRM_PAID"}),
    (["UF_*"], {"UF_CRM_PAID"}, {"ID", "TITLE"}),
    (["*", "UF_*"], {"ID", "TITLE", "UF_CRM_PAID"}, set()),
    (["ID", "UF_CRM_PAID"], {"ID", "UF_CRM_PAID"}, {"TITLE", "UF_CRM_LAWYER"}),
    ({"0": "ID"}, {"ID"}, {"TITLE"}),
]


@pytest.mark.parametrize(("asked", "there", "absent"), SELECTS)
def test_select_masks(
    store: PortalStore, asked: object, there: set[str], absent: set[str]
) -> None:
    names = {one.name for one in selected(Names(store.entity("deal")), asked)}
    assert there <= names
    assert absent.isdisjoint(names)


def test_phones_come_only_when_named(store: PortalStore) -> None:
    names = Names(store.entity("contact"))
    assert "PHONE" not in {one.name for one in selected(names, ["*", "UF_*"])}
    assert "PHONE" in {one.name for one in selected(names, ["*", "PHONE"])}
