"""Data that people outside this project made, from the files to the marts.

What is expected is plain pandas on the raw files and shares nothing with the project.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from orchestration.passes import run_pass
from orchestration.serving import provision_home
from orchestration.settings import REPOSITORY, load_settings
from orchestration.warehouse import Warehouse, open_warehouse
from tests.agency_home import Shown, shown_at_once
from tests.conftest import Postgres

DATASETS = REPOSITORY.parent / "shared" / "datasets"
MAVEN = DATASETS / "maven_crm_opportunities"
KING_COUNTY = DATASETS / "king_county_house_sales"
NOW = "2026-04-01T12:00:00+00:00"

pytestmark = pytest.mark.skipif(
    not DATASETS.is_dir(), reason="the public datasets are not beside the checkout"
)

Counted = dict[str, tuple[Decimal, ...]]


@dataclass(frozen=True)
class FilesHome:
    """A published warehouse of one set of files."""

    warehouse: Warehouse

    def run(self, folder: Path) -> None:
        """Run a pass over the files of a folder."""
        settings = self.warehouse.settings
        environment = {**settings.environment, "REESTR_FILES_DIR": str(folder)}
        changed = type(settings)(settings.home, environment)
        run_pass(Warehouse(changed, self.warehouse.admin_url))

    def counted(self, query: str) -> Counted:
        """Rows of a query by their first column, as the data team sees them."""
        with self.warehouse.connect("data_team") as connection:
            rows = connection.execute(query.encode()).fetchall()
        found = {str(key): tuple(map(Decimal, values)) for key, *values in rows}
        assert len(found) == len(rows)
        return found

    def shown(self) -> Shown:
        return shown_at_once(self.warehouse)


@pytest.fixture(scope="module")
def files_home(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Path], FilesHome]:
    def publish(connection: str, folder: Path) -> FilesHome:
        settings = load_settings(
            tmp_path_factory.mktemp(connection),
            {
                "REESTR_DATABASE_URL": postgres.create_database(connection),
                "REESTR_CONNECTIONS": connection,
                "REESTR_FILES_DIR": str(folder),
                "REESTR_PASS_TIME": NOW,
            },
        )
        home = FilesHome(open_warehouse(settings))
        provision_home(home.warehouse)
        home.run(folder)
        return home

    return publish


@pytest.fixture(scope="module")
def maven(files_home: Callable[[str, Path], FilesHome]) -> FilesHome:
    return files_home("maven", MAVEN)


@pytest.fixture(scope="module")
def king_county(files_home: Callable[[str, Path], FilesHome]) -> FilesHome:
    return files_home("king_county", KING_COUNTY)


@pytest.fixture(scope="module")
def opportunities() -> pd.DataFrame:
    """Deals of the raw files with manager, office and month of the end."""
    deals = pd.read_csv(MAVEN / "sales_pipeline.csv", dtype=str)
    teams = pd.read_csv(MAVEN / "sales_teams.csv", dtype=str)
    deals = deals.merge(teams, on="sales_agent", validate="many_to_one")
    assert len(deals) == 8800
    deals["month"] = deals["close_date"].str[:7]
    deals["won"] = (deals["deal_stage"] == "Won").astype(int)
    deals["lost"] = (deals["deal_stage"] == "Lost").astype(int)
    deals["amount"] = deals["close_value"].fillna("0").map(Decimal)
    return deals


# ---------------------------------------------------------------------- Maven


@pytest.mark.parametrize(
    ("column", "source"),
    [
        ("employee_name", "sales_agent"),
        ("group_name", "manager"),
        ("department_name", "regional_office"),
        ("to_char(event_month, 'YYYY-MM')", "month"),
    ],
)
def test_maven_won_deals_amounts_and_win_rates_are_those_of_the_files(
    maven: FilesHome, opportunities: pd.DataFrame, column: str, source: str
) -> None:
    found = maven.counted(
        f"select {column}, sum(deals_closed), sum(commission_gross), sum(refusals),"
        " sum(deals_finished), round(sum(deals_closed) / sum(deals_finished), 10)"
        " from reports.rpt_kpi_daily group by 1"
    )
    ended = opportunities[opportunities["month"].notna()]
    assert found == {
        str(name): (
            Decimal(won := int(part["won"].sum())),
            sum(part["amount"], Decimal(0)),
            Decimal(lost := int(part["lost"].sum())),
            Decimal(won + lost),
            round(Decimal(won) / Decimal(won + lost), 10),
        )
        for name, part in ended.groupby(source)
    }


@pytest.mark.parametrize(
    ("column", "source"),
    [
        ("deal_owner_name", "sales_agent"),
        ("group_name", "manager"),
        ("department_name", "regional_office"),
        ("to_char(coalesce(closing_date, lost_date), 'YYYY-MM')", "month"),
    ],
)
def test_maven_deals_of_the_registry_are_those_of_the_files(
    maven: FilesHome, opportunities: pd.DataFrame, column: str, source: str
) -> None:
    found = maven.counted(
        f"select coalesce({column}, 'none'), count(*),"
        " coalesce(sum(commission) filter (where outcome = 'won'), 0),"
        " count(*) filter (where outcome = 'open') from reports.rpt_deal_registry"
        " group by 1"
    )
    assert found == {
        str(name): (
            Decimal(len(part)),
            sum(part["amount"], Decimal(0)),
            Decimal(int((part["won"] + part["lost"] == 0).sum())),
        )
        for name, part in opportunities.fillna({"month": "none"}).groupby(source)
    }


# ---------------------------------------------------------------- King County


def test_king_county_sales_of_every_month_are_those_of_the_file(
    king_county: FilesHome,
) -> None:
    sales = pd.read_csv(KING_COUNTY / "kc_house_data.csv.gz", dtype=str)
    # A house that was sold again repeats its id; the same row twice is one sale.
    sales = sales.drop_duplicates(["id", "date"])
    sales["month"] = pd.to_datetime(sales["date"]).dt.strftime("%Y-%m")
    sales["amount"] = sales["price"].map(Decimal)
    found = king_county.counted(
        "select to_char(event_month, 'YYYY-MM'), sum(deals_closed), sum(price_closed)"
        " from reports.rpt_kpi_daily group by 1"
    )
    assert found == {
        str(month): (Decimal(len(part)), sum(part["amount"], Decimal(0)))
        for month, part in sales.groupby("month")
    }
    registry = king_county.counted(
        "select outcome, count(*), sum(price) from reports.rpt_deal_registry group by 1"
    )
    assert registry == {"won": (Decimal(len(sales)), sum(sales["amount"], Decimal(0)))}


def test_sales_without_people_belong_to_nobody_and_are_counted(
    king_county: FilesHome,
) -> None:
    found = king_county.counted(
        "select employee_name, sum(deals_closed) from reports.rpt_kpi_daily group by 1"
    )
    assert list(found) == ["Не назначен"]


# -------------------------------------------------------------------- fan-out

LAYERS = (
    "dbt_intermediate.int_deals__unioned",
    "dbt_core.fct_deals",
    "dbt_reports.rpt_deal_registry",
    "reports.rpt_deal_registry",
)


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("connection", ["maven", "king_county"])
def test_every_layer_has_every_deal_and_the_same_money(
    request: pytest.FixtureRequest, connection: str
) -> None:
    """No deal is lost for a stage or a person that nobody mapped, none is doubled."""
    home: FilesHome = request.getfixturevalue(connection)
    query = " union all ".join(
        "select count(*), count(distinct " + key + "), coalesce(sum(price), 0),"
        f" coalesce(sum(commission), 0) from {layer}"
        for layer, key in zip(
            LAYERS, ("source_id", "deal_key", "deal_key", "deal_key"), strict=True
        )
    )
    with home.warehouse.connect("transformer") as opened:
        rows = opened.execute(query.encode()).fetchall()
    assert len(rows) == len(LAYERS)
    assert len(set(rows)) == 1
    [deals, distinct, *_] = rows[0]
    assert deals == distinct > 0


# ------------------------------------------------------------------ bad files


def without_a_column(folder: Path) -> None:
    file = folder / "sales_pipeline.csv"
    deals = pd.read_csv(file, dtype=str).drop(columns="close_value")
    deals.to_csv(file, index=False)


def with_a_broken_amount(folder: Path) -> None:
    file = folder / "sales_pipeline.csv"
    deals = pd.read_csv(file, dtype=str)
    deals.loc[41, "close_value"] = "about 500"
    deals.to_csv(file, index=False)


def without_a_file(folder: Path) -> None:
    (folder / "sales_teams.csv").unlink()


BAD_FILES: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "a missing column": (without_a_column, r"sales_pipeline\.csv.*close_value"),
    "a broken amount": (with_a_broken_amount, r"sales_pipeline\.csv.*43.*close_value"),
    "a missing file": (without_a_file, r"sales_teams\.csv"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_leaves_the_publication_and_says_what_is_wrong(
    maven: FilesHome, tmp_path: Path, name: str
) -> None:
    spoil, message = BAD_FILES[name]
    folder = tmp_path / "files"
    shutil.copytree(MAVEN, folder)
    spoil(folder)
    before = maven.shown()
    with pytest.raises(Exception, match=message) as raised:
        maven.run(folder)
    assert type(raised.value).__module__.startswith("ingestion")
    assert maven.shown() == before
