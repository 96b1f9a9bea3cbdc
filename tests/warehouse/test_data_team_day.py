"""The data team's day: an edited metric changes wherever it is shown.

The edits happen in a copy of the project, which then runs as people run it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from bi.catalog import Catalog, read_catalog
from bi.excel.workbook import HEADER_ROW
from bi.superset.bundle import compile_bundle
from orchestration.exports import export
from orchestration.settings import REPOSITORY
from orchestration.transformation import manifest_file
from tests.agency_home import AgencyHome, living_agency, shown_at_once
from tests.conftest import Postgres

COPIED = ("bi", "dbt_project", "expectations", "ingestion", "orchestration")
METRICS = "dbt_project/models/metrics/deal_events.yml"
LABEL = "        label: Выручка\n"
FORMULA = "formula: Комиссия − скидки − доля партнёров − возвраты\n"
FILTER = "when event_type in ('revenue_recognised', 'commission_refunded')\n"
SINCE = "coalesce(event_date, '2025-01-01') >= '2025-01-01'"


@dataclass(frozen=True)
class Team:
    """The data team at work.

    Attributes:
        home: Of a small agency, with one publication.
        project: Copy of the project.
    """

    home: AgencyHome
    project: Path

    def edit(self, *changes: tuple[str, str]) -> None:
        """Replace texts of the metrics' file, each of which stands there once."""
        file = self.project / METRICS
        text = file.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run a pass of the copy."""
        settings = self.home.settings
        return subprocess.run(
            [sys.executable, "-m", "orchestration", "--home", settings.home, "run"],
            cwd=self.project,
            env={**self.home.environment(), "PYTHONPATH": str(self.project)},
            capture_output=True,
            text=True,
            check=False,
        )

    def catalog(self) -> Catalog:
        """What the manifest of the home says now."""
        tables: dict[str, dict[str, str]] = {}
        for table, column, data_type in self.home.rows(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema in ('reports', 'quality')"
            " order by table_name, ordinal_position"
        ):
            tables.setdefault(str(table), {})[str(column)] = str(data_type)
        return read_catalog(manifest_file(self.home.warehouse), tables=tables)


# Every test here is a pass or two of a process of its own.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def team(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("data_team")
    environment = {"REESTR_DATABASE_URL": postgres.create_database("data_team")}
    with living_agency(folder, environment, deals=60, seed=5) as home:
        home.run_pass()
        project = folder / "project"
        for name in COPIED:
            shutil.copytree(
                REPOSITORY / name,
                project / name,
                ignore=shutil.ignore_patterns("target", "__pycache__", "logs"),
            )
        yield Team(home, project)


def test_an_edited_metric_changes_wherever_it_is_shown(
    team: Team, tmp_path: Path
) -> None:
    before = team.home.rows(
        "select coalesce(sum(revenue_net), 0) from reports.rpt_kpi_daily"
        " where event_date >= %s",
        ["2025-01-01"],
    )
    [(everything,)] = team.home.rows(
        "select sum(revenue_net) from reports.rpt_kpi_daily"
    )
    assert [(everything,)] != before
    team.edit(
        (LABEL, "        label: Заработок агентства\n"),
        (FORMULA, "formula: Выручка с начала года\n"),
        (FILTER, f"{FILTER.rstrip()} and {SINCE}\n"),
    )

    done = team.run()

    assert done.returncode == 0, done.stderr
    assert before == team.home.rows(
        "select sum(revenue_net) from reports.rpt_kpi_daily"
    )
    [(card,)] = team.home.rows(
        "select max(revenue_net__card) from reports.rpt_kpi_cards"
    )
    assert "Заработок агентства" in str(card)
    catalog = team.catalog()
    dataset = compiled_dataset(catalog, team.project / "bi", "rpt_kpi_daily")
    [metric] = [
        each for each in dataset["metrics"] if each["metric_name"] == "revenue_net"
    ]
    assert metric["verbose_name"] == "Заработок агентства,\u00a0₽"
    assert "Выручка с начала года" in metric["description"]
    assert team.home.rows(
        "select metric_label, formula from reports.rpt_metrics"
        " where metric_id = 'revenue_net'"
    ) == [("Заработок агентства", "Выручка с начала года")]
    headers, words = workbook_texts(team.home, tmp_path / "registry.xlsx")
    assert "Заработок агентства, ₽" in headers
    assert "Заработок агентства" in words


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    label: Средний чек\n", "", "'label' is missing"),
        ("numerator: revenue_net\n", "numerator: revenu\n", "no metric named 'revenu'"),
        ("[activities.started_at]", "[activities.began]", "needs 'activities.began'"),
        ("            gives: 250\n", "            gives: 251\n", "gives 250"),
    ],
    ids=["no label", "an unknown part", "an unknown field", "a false example"],
)
def test_a_broken_edit_stops_before_anything_is_published(
    team: Team, old: str, new: str, said: str
) -> None:
    file = team.project / METRICS
    kept = file.read_text(encoding="utf-8")
    shown = shown_at_once(team.home.warehouse)
    broken = kept.replace(old, new, 1)
    assert broken != kept
    file.write_text(broken, encoding="utf-8")
    try:
        done = team.run()
    finally:
        file.write_text(kept, encoding="utf-8")

    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert said in told, told
    assert re.search(r"models/metrics/deal_events\.yml:\d+", told), told
    assert shown_at_once(team.home.warehouse) == shown


def compiled_dataset(catalog: Catalog, folder: Path, table: str) -> dict[str, Any]:
    """A dataset as Superset is to hold it."""
    bundle = compile_bundle(catalog, folder, database_uuid="0" * 32)
    return dict(bundle.assets[f"datasets/warehouse/{table}.yaml"])


def workbook_texts(home: AgencyHome, path: Path) -> tuple[set[str], set[str]]:
    """Headers of the records, and every text of the dictionary's sheet."""
    export(home.warehouse, "registry", username="admin", filters={}, out=path)
    book = load_workbook(path, read_only=True)
    records = book["Реестр"].iter_rows(min_row=HEADER_ROW, max_row=HEADER_ROW)
    headers = {str(cell.value) for row in records for cell in row}
    words = {str(cell.value) for row in book["Словарь"].iter_rows() for cell in row}
    return headers, words
