"""Money and things say what truly happened, on the first day and after lived ones."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.agency_home import AgencyHome, GroundTruth, living_agency
from tests.conftest import Postgres
from tests.money_truth import QUESTIONS, TOTALS, disagreements, query

# Homes are asked for by name, so the tests say themselves that they need a server.
pytestmark = pytest.mark.usefixtures("postgres")

DAYS = 25


@pytest.fixture(scope="module")
def lived_home(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgencyHome]:
    """An agency that was landed, lived on, and was landed again."""
    environment = {"REESTR_DATABASE_URL": postgres.create_database("lived")}
    folder = tmp_path_factory.mktemp("lived_home")
    with living_agency(folder, environment, deals=400, seed=11) as home:
        home.run_pass()
        home.live(DAYS)
        home.run_pass()
        yield home


@pytest.fixture(scope="module", params=["first day", "lived days"])
def home(request: pytest.FixtureRequest) -> AgencyHome:
    name = "agency_home" if request.param == "first day" else "lived_home"
    found: AgencyHome = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="module")
def truth(home: AgencyHome, tmp_path_factory: pytest.TempPathFactory) -> GroundTruth:
    return home.truth(tmp_path_factory.mktemp("truth"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_facts_are_the_truth(
    home: AgencyHome, truth: GroundTruth, name: str
) -> None:
    found = home.frame(query(name))
    expected = truth.table(name)[list(found.columns)]
    assert len(expected) > 0
    rows = sorted(found.itertuples(index=False, name=None))
    assert rows == sorted(expected.itertuples(index=False, name=None))


def test_revenue_and_contribution_of_won_deals_are_true(
    home: AgencyHome, truth: GroundTruth
) -> None:
    """A won deal without a commission has no revenue that could be computed."""
    table = truth.table("deal_money")
    won = table[(table["outcome"] == "won") & (table["commission_gross"] != "")]
    found = {
        str(deal): (revenue, contribution)
        for deal, revenue, contribution in home.rows(
            "select split_part(deal_key, ':', 2), revenue_net, contribution"
            " from dbt_intermediate.int_deals__valued where revenue_net is not null"
        )
    }
    expected = {
        deal: (Decimal(revenue), Decimal(contribution))
        for deal, revenue, contribution in won[
            ["deal_id", "revenue_net", "contribution"]
        ].itertuples(index=False)
    }
    assert found.items() >= expected.items()
    assert len(expected) > 0


def test_double_bookings_are_the_planted_and_the_lived_ones(
    home: AgencyHome, truth: GroundTruth
) -> None:
    table = truth.table("double_bookings")
    expected = {
        (frozenset((first, second)), int(minutes))
        for first, second, minutes in table[
            ["first_reservation_id", "second_reservation_id", "overlap_minutes"]
        ].itertuples(index=False)
    }
    found = {
        (frozenset((str(first), str(second))), minutes)
        for first, second, minutes in home.rows(
            "select split_part(first_reservation_key, ':', 2),"
            " split_part(second_reservation_key, ':', 2), overlap_minutes"
            " from dbt_core.fct_double_bookings"
        )
    }
    assert found == expected


def test_cards_and_records_disagree_where_it_was_planted(
    home: AgencyHome, truth: GroundTruth
) -> None:
    expected = set(truth.table("disagreements").itertuples(index=False, name=None))
    assert set(home.rows(disagreements())) == expected


@pytest.mark.parametrize("name", TOTALS)
def test_the_totals_are_true(home: AgencyHome, truth: GroundTruth, name: str) -> None:
    table = truth.table("detail_totals")
    expected = dict(zip(table["name"], table["value"], strict=True))[name]
    [(found,)] = home.rows(TOTALS[name])
    assert Decimal(str(found)) == Decimal(expected)


@pytest.mark.parametrize(
    ("metric", "of_deals"),
    [
        ("commission_gross", "commission_gross"),
        ("discounts", "discounts"),
        ("partner_share", "partner_share"),
        ("commission_refunds", "commission_refunds"),
        ("revenue_net", "revenue_net"),
        ("direct_expenses", "direct_expenses"),
        ("contribution", "contribution"),
    ],
)
def test_a_layer_of_money_is_the_same_everywhere(
    home: AgencyHome, metric: str, of_deals: str
) -> None:
    """Deals, events and the published mart say one sum, to the kopeck."""
    [(deals, mart)] = home.rows(
        f"""select
            (
                select sum(coalesce({of_deals}, 0))
                from dbt_core.fct_deals
                where
                    outcome = 'won'
                    and recognition_date <= (
                        select (pass_time at time zone 'Europe/Moscow')::date
                        from ops.clock
                    )
                    and not is_test
                    and not is_deleted
            ),
            (select sum({metric}) from reports.rpt_kpi_daily)"""
    )
    assert deals == mart
