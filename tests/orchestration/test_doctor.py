"""The verb ``doctor``: what a firm has to make in its CRM and to say in its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingestion.mapping import connection_path
from orchestration.doctor import doctor
from orchestration.settings import Settings
from tests.conftest import Postgres
from tests.small_firm import CONNECTION, SmallFirm, small_firm

# What the firm's file says instead of the demo agency's: misspelt, left out, gone.
CHANGES: Mapping[str, str] = {
    "commission: UF_CRM_COMMISSION": "commission: UF_CRM_COMISSION",
    "lawyer: UF_CRM_LAWYER": "lawyer: UF_CRM_BARRISTER",
    "table: spa_1058": "table: spa_9999",
    "    contract_signed_date: UF_CRM_CONTRACT_DATE\n": "",
    "      signed_date: UF_CRM_9_SIGNED\n": "",
    "  CALL: {code: call, label: Звонок, group: Прямые обращения,"
    " is_paid: false}\n": "",
    "\n  RENT: rent\n": "\n",
    "\n  SPAM: spam\n": "\n",
    '\n  "3": legal\n': "\n",
    "{агентство: agency, клиент: client}": "{агентство: agency}",
}


@dataclass
class Examined:
    """A firm whose file has gaps, after a pass.

    Attributes:
        firm: The firm.
        lines: What doctor said.
        code: Its exit code.
    """

    firm: SmallFirm
    lines: list[str]
    code: int

    def line(self, *words: str) -> str:
        """The one line that has all the words."""
        found = [line for line in self.lines if all(word in line for word in words)]
        assert len(found) == 1, (words, found or self.lines)
        return found[0]


@pytest.fixture(scope="module")
def examined(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examined]:
    folder = tmp_path_factory.mktemp("doctor")
    text = connection_path(CONNECTION).read_text(encoding="utf-8")
    for before, after in CHANGES.items():
        assert before in text, before
        text = text.replace(before, after)
    (folder / "firm.yaml").write_text(text, encoding="utf-8")
    with small_firm(folder, postgres.create_database("doctor")) as firm:
        firm.settings = Settings(
            firm.settings.home,
            {
                **firm.settings.environment,
                "REESTR_CONNECTIONS": str(folder / "firm.yaml"),
            },
        )
        deal = firm.deal(
            stage="contract_signed",
            deal_type="rent",
            commission=100_000,
            deal_owner=6,
            lawyer=11,
        )
        firm.deal(stage="LEGACY", deal_owner=6)
        firm.record("expense", deal, amount=500, payer="client")
        firm.record("advance", deal, amount=50_000, received_date="2026-01-12")
        firm.record("lead", title="Bulk mail", STATUS_ID="SPAM", channel="WEB")
        firm.run_pass("2026-01-13 09:00")
        yield _examine(firm)


def _examine(firm: SmallFirm) -> Examined:
    lines: list[str] = []
    code = doctor(firm.warehouse.settings, say=lines.append)
    return Examined(firm, lines, code)


@pytest.mark.parametrize(
    "words",
    [
        ("fields.deals.commission", "UF_CRM_COMISSION", "did you mean UF_CRM_COMMISS"),
        ("roles.lawyer", "UF_CRM_BARRISTER"),
        ("entities.advances", "gave no table spa_9999"),
    ],
)
def test_a_field_that_the_crm_has_not_is_told_and_stops_nothing(
    examined: Examined, words: tuple[str, ...]
) -> None:
    """The pass published; the warning is kept with it."""
    assert examined.code == 1
    told = [line for line in examined.lines if all(word in line for word in words)]
    assert [line[0] for line in told] == ["✕", "◆"]
    assert "last landing of demo_agency: firm.yaml: " in told[1]


def test_an_absent_field_is_not_given_and_its_metric_is_empty(
    examined: Examined,
) -> None:
    """Not 0: nobody knows."""
    firm = examined.firm
    given = firm.rows("select entity, field from mapping.given_fields")
    assert ("deals", "commission") not in given
    assert ("deals", "price") in given
    assert not any(entity == "advances" for entity, _ in given)
    # Contracts are told by nobody; commission is told by the lines of services.
    [(signed, earned)] = firm.rows(
        "select max(contracts_signed), max(commission_gross)"
        " from dbt_reports.rpt_kpi_daily"
    )
    assert signed is None
    assert earned is not None


def test_a_metric_that_waits_says_for_which_field(examined: Examined) -> None:
    line = examined.line("deals.contract_signed_date|documents.signed_date")
    assert line.startswith("◆ firm.yaml: ")
    assert "cannot be computed" in line
    assert "contracts_signed «Договоры»" in line
    assert (
        "a field of the CRM (date) named in fields.deals.contract_signed_date" in line
    )
    assert (
        "a field of documents (date) named in entities.documents.fields.signed_date"
        in line
    )


@pytest.mark.parametrize(
    "words",
    [
        ("stage '0 / LEGACY' is not mapped (1 records)", "section stages"),
        ("channel of deals 'CALL' is not mapped (2 records)", "section channels"),
        ("deal type 'RENT' is not mapped (1 records)", "section deal_types"),
        ("status of leads 'SPAM' is not mapped (1 records)", "section lead_states"),
        ("department of people 'Legal (3)'", "section departments"),
        (
            "value 'клиент' of deal_expenses.payer",
            "entities.deal_expenses.values.payer",
        ),
    ],
)
def test_a_value_without_meaning_is_told_with_its_count(
    examined: Examined, words: tuple[str, ...]
) -> None:
    assert examined.line(*words)[0] in "✕◆"


def test_the_demo_agency_lacks_nothing_but_the_planted_stage(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Every field that a metric needs is mapped."""
    with small_firm(tmp_path, postgres.create_database("doctor_demo")) as firm:
        firm.deal(stage="LEGACY", deal_owner=6)
        firm.run_pass("2026-01-13 09:00")
        examined = _examine(firm)
    assert [line for line in examined.lines if line[0] != "✓"] == [
        examined.line("demo_agency.yaml:", "stages: 'LEGACY'", "has no meaning"),
        examined.line("stage '0 / LEGACY' is not mapped (1 records)"),
    ]
