"""Public data that people outside this project made, landed and counted twice.

The second count is plain pandas on the raw files and shares nothing with the reader.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pandas as pd
import psycopg
import pytest

from ingestion.mapping import load_connections
from ingestion.sources.files import FilesLanding, land_files

DATASETS = Path(__file__).resolve().parents[3] / "shared" / "datasets"
MAVEN = DATASETS / "maven_crm_opportunities"
KING_COUNTY = DATASETS / "king_county_house_sales"
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not DATASETS.is_dir(), reason="the public datasets are not beside the checkout"
)


class Postgres(Protocol):
    def create_database(self, name: str) -> str: ...


class Landed:
    """A landed data set and a way to ask about it."""

    def __init__(self, landing: FilesLanding, database_url: str) -> None:
        self.landing = landing
        self.database_url = database_url

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.database_url) as database:
            return database.execute(query).fetchall()  # type: ignore[call-overload]


def land(postgres: Postgres, name: str, folder: Path, state_folder: Path) -> Landed:
    connections = load_connections([name], {"REESTR_FILES_DIR": str(folder)})
    database_url = postgres.create_database(name)
    landing = land_files(
        connections[0], database_url=database_url, state_folder=state_folder, now=NOW
    )
    return Landed(landing, database_url)


@pytest.fixture(scope="module")
def maven(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    return land(postgres, "maven", MAVEN, tmp_path_factory.mktemp("maven"))


@pytest.fixture(scope="module")
def king_county(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    folder = tmp_path_factory.mktemp("king_county")
    return land(postgres, "king_county", KING_COUNTY, folder)


@pytest.fixture(scope="module")
def pipeline() -> pd.DataFrame:
    return pd.read_csv(MAVEN / "sales_pipeline.csv", dtype=str, keep_default_na=False)


def test_every_maven_deal_agent_and_participation_lands(
    maven: Landed, pipeline: pd.DataFrame
) -> None:
    assert len(pipeline) == 8800
    assert maven.landing.rows == {
        "deals": len(pipeline),
        "employees": len(pd.read_csv(MAVEN / "sales_teams.csv")),
        "deal_participants": len(pipeline),
    }
    assert maven.landing.unmapped_stages == {}
    assert maven.landing.unknown_people == {}
    assert maven.landing.warnings == ()


def test_maven_won_amount_and_win_rate_inputs_equal_pandas(
    maven: Landed, pipeline: pd.DataFrame
) -> None:
    """Per agent, manager, office and month, to the dollar."""
    teams = pd.read_csv(MAVEN / "sales_teams.csv", dtype=str)
    deals = pipeline.merge(teams, on="sales_agent")
    closed = deals[deals["deal_stage"].isin(["Won", "Lost"])]
    keys = ["sales_agent", "manager", "regional_office", "month"]
    expected = (
        closed.assign(
            month=closed["close_date"].str[:7],
            won=(closed["deal_stage"] == "Won").astype(int),
            amount=closed["close_value"].astype(int) * (closed["deal_stage"] == "Won"),
            count=1,
        )
        .groupby(keys)[["won", "count", "amount"]]
        .sum()
        .reset_index()
    )

    landed = maven.ask(
        'select e.source_id, e."group", e.department,'
        " to_char(coalesce(d.settlement_date, d.lost_date), 'YYYY-MM'),"
        " count(*) filter (where d.crm_stage = 'Won'), count(*),"
        " coalesce(sum(d.commission) filter (where d.crm_stage = 'Won'), 0)"
        " from raw_maven.deals d"
        " join raw_maven.deal_participants p on p.deal_source_id = d.source_id"
        " and p.role = 'deal_owner'"
        " join raw_maven.employees e on e.source_id = p.employee_source_id"
        " where d.crm_stage in ('Won', 'Lost') group by 1, 2, 3, 4"
    )

    assert sorted(landed) == sorted(expected.itertuples(index=False, name=None))


def test_maven_stages_and_dates_equal_pandas(
    maven: Landed, pipeline: pd.DataFrame
) -> None:
    """The close date belongs to the settlement or to the refusal, never to both."""
    assert dict(
        maven.ask("select crm_stage, count(*) from raw_maven.deals group by 1")
    ) == Counter(pipeline["deal_stage"])
    won = pipeline[pipeline["deal_stage"] == "Won"]
    lost = pipeline[pipeline["deal_stage"] == "Lost"]
    assert maven.ask(
        "select count(settlement_date), count(lost_date),"
        " min(settlement_date)::text, max(settlement_date)::text, count(created_at)"
        " from raw_maven.deals"
    ) == [
        (
            len(won),
            len(lost),
            won["close_date"].min(),
            won["close_date"].max(),
            int((pipeline["engage_date"] != "").sum()),
        )
    ]
    assert maven.ask(
        "select count(*) from raw_maven.deals where created_at is not null and"
        " (created_at at time zone 'America/New_York')::date::text"
        " <> _raw ->> 'engage_date'"
    ) == [(0,)]


def test_product_spelled_two_ways_is_one_product(
    maven: Landed, pipeline: pd.DataFrame
) -> None:
    """1,480 deals say GTXPro; the price list says GTX Pro."""
    prices = set(pd.read_csv(MAVEN / "products.csv")["product"])

    products = dict(
        maven.ask("select product, count(*) from raw_maven.deals group by 1")
    )

    assert set(products) == prices
    assert products["GTX Pro"] == (pipeline["product"] == "GTXPro").sum() == 1480


def test_maven_deals_without_an_account_stay(
    maven: Landed, pipeline: pd.DataFrame
) -> None:
    assert maven.ask(
        "select count(*) from raw_maven.deals where client_name is null"
    ) == [(int((pipeline["account"] == "").sum()),)]


def test_king_county_sales_and_sums_equal_pandas(king_county: Landed) -> None:
    """Per month of the sale, to the dollar; a house sold twice is two deals."""
    sales = pd.read_csv(KING_COUNTY / "kc_house_data.csv.gz", dtype=str)
    dates = pd.to_datetime(sales["date"], format="%m/%d/%Y")
    prices = sales["price"].str.removesuffix(".0").astype(int)
    expected = prices.groupby(dates.dt.strftime("%Y-%m")).agg(["count", "sum"])

    landed = king_county.ask(
        "select to_char(settlement_date, 'YYYY-MM'), count(*), sum(price)"
        " from raw_king_county.deals group by 1"
    )

    assert sorted(landed) == sorted(expected.itertuples(name=None))
    assert king_county.landing.rows == {
        "deals": 21597,
        "employees": 0,
        "deal_participants": 0,
    }
    assert king_county.ask(
        "select count(distinct title), count(distinct source_id), min(crm_stage),"
        " min(currency) from raw_king_county.deals"
    ) == [(sales["id"].nunique(), 21597, "sold", "USD")]


def test_raw_rows_keep_every_column_as_it_was_written(king_county: Landed) -> None:
    sales = pd.read_csv(
        KING_COUNTY / "kc_house_data.csv.gz", dtype=str, keep_default_na=False
    )

    assert king_county.ask(
        "select _line, _raw from raw_king_county.deals order by _line limit 3"
    ) == [(line, row) for line, row in enumerate(sales.head(3).to_dict("records"), 2)]
