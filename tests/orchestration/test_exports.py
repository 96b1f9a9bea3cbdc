"""Workbooks through the warehouse: whose rows, whose money, whose login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from orchestration.export_filters import FilterError
from orchestration.exports import ExportError, ExportResult, export
from orchestration.settings import SettingsError
from orchestration.warehouse import Warehouse
from tests.conftest import Postgres
from tests.registry_sample import (
    COLUMNS,
    MONEY,
    MONEY_PAGE_COLUMNS,
    MONEY_WORDS,
    deal,
    finding,
    home_settings,
    provisioned,
    publish_rows,
)

NOW = datetime(2026, 11, 21, 5, 31, tzinfo=UTC)
COMPANY = ["rows/company", "whole/company"]
SALES = [*COMPANY, "rows/sales:demo_agency:2", "whole/sales:demo_agency:2"]
LEGAL = [*COMPANY, "rows/legal:demo_agency:9"]

OWN, GROUP = "split/employee:demo_agency:6", "split/sales:demo_agency:5"

DEALS = (
    deal(1, reader_keys=SALES, lost_date=date(2026, 10, 1), lawyer_name="Мороз К."),
    deal(2, reader_keys=SALES, group_name="Группа 2", commission=Decimal("100.10")),
    deal(
        3,
        reader_keys=COMPANY,
        planned_settlement_date=None,
        commission=None,
        month_label="Без даты",
        month_order=999902,
    ),
    deal(4, reader_keys=LEGAL, client_name="=cmd()", lawyer_name=""),
    deal(
        2,
        reader_keys=SALES,
        registry_key="demo_agency:2|10.11.2026",
        as_of_label="10.11.2026",
        is_today=False,
        commission=Decimal("120.00"),
    ),
)
SHARES = tuple(
    {
        **deal(1, commission=amount, revenue_net=amount, holder_name=holder),
        "registry_key": f"demo_agency:1|{holder}",
        "credit_mode": "split",
        "credit_label": "По долям",
        "reader_keys": keys,
    }
    for holder, amount, keys in (
        ("Агент А.", Decimal("225000.00"), [OWN, GROUP]),
        ("Ясинская О.", Decimal("225000.00"), [GROUP]),
    )
)
FINDINGS = (
    finding(1, reader_keys=SALES),
    finding(2, reader_keys=SALES, as_of_label="10.11.2026"),
    finding(3, reader_keys=COMPANY),
    finding(4, reader_keys=LEGAL),
)


@pytest.fixture(scope="module")
def warehouse(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    home = tmp_path_factory.mktemp("home")
    opened = provisioned(home, postgres.create_database("exports"))
    publish_rows(
        opened,
        {
            "rpt_registry_by_role": DEALS,
            "rpt_registry_by_share": SHARES,
            "rpt_registry_by_role_without_money": [
                {
                    name: value
                    for name, value in each.items()
                    if name.removesuffix("_state") not in MONEY
                    and name not in MONEY_WORDS
                    and name not in MONEY_PAGE_COLUMNS
                }
                for each in DEALS
            ],
            "rpt_findings_as_of": FINDINGS,
        },
    )
    return opened


def exported(
    warehouse: Warehouse,
    folder: Path,
    username: str,
    filters: Mapping[str, Sequence[str]] | None = None,
    as_of: date | None = None,
) -> tuple[ExportResult, Workbook]:
    out = folder / "registry.xlsx"
    result = export(
        warehouse,
        "registry",
        username=username,
        filters=filters or {},
        out=out,
        as_of=as_of,
        now=NOW,
    )
    return result, load_workbook(out)


def shown(workbook: Workbook, title: str, sheet: str = "Реестр") -> list[object]:
    """Values of a column below its header."""
    titles = [cell.value for cell in workbook[sheet][6]]
    at = titles.index(title)
    return [row[at] for row in workbook[sheet].iter_rows(min_row=7, values_only=True)]


def test_admin_sees_every_deal_with_whole_money(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    result, workbook = exported(warehouse, tmp_path, "admin")
    assert result.table == "rpt_registry_by_role"
    assert (result.rows, result.findings) == (4, 3)
    assert result.sums["commission"] == Decimal("900100.10")
    assert not any(result.differences.values())
    assert shown(workbook, "Комиссия, ₽") == [450000, 100.1, None, 450000]
    assert len(shown(workbook, "Нарушение", "Нарушения")) == 3


def test_head_of_sales_sees_own_deals_only(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    result, workbook = exported(warehouse, tmp_path, "head_of_sales")
    assert (result.rows, result.findings) == (2, 1)
    assert result.sums["commission"] == Decimal("450100.10")
    assert "С-3" not in str(shown(workbook, "Сделка"))


def test_head_of_legal_sees_no_money(warehouse: Warehouse, tmp_path: Path) -> None:
    result, workbook = exported(warehouse, tmp_path, "head_of_legal")
    assert result.table == "rpt_registry_by_role_without_money"
    assert result.rows == 1
    assert result.sums == {}
    assert not [cell for cell in workbook["Реестр"][6] if "₽" in str(cell.value)]
    with pytest.raises(FilterError, match="'commission': no such column"):
        exported(warehouse, tmp_path, "head_of_legal", {"commission": ["450000"]})


@pytest.mark.parametrize(
    ("username", "amount"), [("agent", "225000.00"), ("group_leader", "450000.00")]
)
def test_a_share_reader_sees_the_own_share(
    warehouse: Warehouse, tmp_path: Path, username: str, amount: str
) -> None:
    """Two people of a group in one role are one line of the group, with their sum."""
    result, _ = exported(warehouse, tmp_path, username)
    assert result.table == "rpt_registry_by_share"
    assert result.rows == 1
    assert result.sums["commission"] == Decimal(amount)


def test_a_person_without_scope_sees_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="head_of_mortgage: the reader has no scope"):
        exported(warehouse, tmp_path, "head_of_mortgage")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_person_is_named_with_the_near_one(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="did you mean `agent`"):
        exported(warehouse, tmp_path, "agemt")
    assert "AGEMT" not in warehouse.settings.file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"group_name": ["Группа 2"]}, ["С-2"]),
        ({"group_name": ["Группа 1", "Группа 2"]}, ["С-1", "С-2", "С-3", "С-4"]),
        ({"group_name": ["Группа 1"], "lawyer_name": ["Мороз К."]}, ["С-1"]),
        ({"lawyer_name": [""]}, ["С-2", "С-3", "С-4"]),
        ({"planned_settlement_date": [""]}, ["С-3"]),
        ({"lost_date": ["01.10.2026"]}, ["С-1"]),
        ({"lost_date": ["2026-09-30..2026-10-01"]}, ["С-1"]),
        ({"lost_date": ["..30.09.2026"]}, []),
        ({"commission": ["100..1 000,50"]}, ["С-2"]),
        ({"commission": ["450000"], "lost_date": [""]}, ["С-4"]),
        ({"client_name": ["x' or true --"]}, []),
        # 20 November 21:30 in London is the next day in Moscow.
        ({"modified_at": ["21.11.2026"]}, ["С-1", "С-2", "С-3", "С-4"]),
    ],
)
def test_filters_narrow_rows_sums_and_findings_alike(
    warehouse: Warehouse,
    tmp_path: Path,
    filters: Mapping[str, Sequence[str]],
    numbers: list[str],
) -> None:
    result, workbook = exported(warehouse, tmp_path, "admin", filters)
    links = [str(value) for value in shown(workbook, "Сделка")]
    assert [number for number in ("С-1", "С-2", "С-3", "С-4")
            if any(f'"{number}"' in link for link in links)] == numbers  # fmt: skip
    assert result.rows == len(numbers)
    assert result.findings == len({"С-1", "С-3", "С-4"} & set(numbers))
    assert not any(result.differences.values())


def test_filters_are_printed_as_people_read_them(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    filters = {"planned_settlement_date": ["2026-09-01.."], "lawyer_name": [""]}
    _, workbook = exported(warehouse, tmp_path, "admin", filters)
    assert workbook["Реестр"]["A2"].value == (
        "Фильтры: На день: 21.11.2026; Дата: Расчёт, план; "
        "Роль: Ответственный за сделку; Зачёт: Целиком; "
        "Расчёт, план: 01.09.2026 – …; Юрист: не заполнено"
    )


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"deparment_name": ["Продажи"]}, "did you mean `department_name`"),
        ({"reader_keys": ["x"]}, "no such column"),
        ({"commission_state": ["1"]}, "no such column"),
        ({"lost_date": ["01/10/2026"]}, "not a date"),
        ({"commission": ["сто"]}, "not a number"),
        ({"commission": ["nan"]}, "not a number"),
        ({"role_label": ["Сторож"]}, "name one of 'Любая роль', 'Ответственный"),
        ({"credit_label": ["Целиком", "По долям"]}, "name one of"),
    ],
)
def test_a_wrong_filter_is_refused_and_writes_nothing(
    warehouse: Warehouse,
    tmp_path: Path,
    filters: Mapping[str, Sequence[str]],
    words: str,
) -> None:
    with pytest.raises(FilterError, match=words):
        exported(warehouse, tmp_path, "admin", filters)
    assert list(tmp_path.iterdir()) == []


def test_months_and_the_line_without_a_date_make_up_all_deals(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    result, workbook = exported(warehouse, tmp_path, "admin")
    names = shown(workbook, "Месяц", "По месяцам")
    counts = shown(workbook, "Сделок", "По месяцам")
    assert names == ["11.2026", "Без даты", "Всего"]
    assert counts[:-1] == [3, 1]
    assert counts[-1] == "=SUM(B7:B8)"
    assert sum(map(int, map(str, counts[:-1]))) == result.rows
    assert "Дата: Расчёт, план" in str(workbook["По месяцам"]["A2"].value)


def test_a_workbook_of_an_earlier_day_shows_what_was_known_then(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """Rows, sums, findings that were open then, and the day in the header."""
    day = date(2026, 11, 10)
    result, workbook = exported(warehouse, tmp_path, "admin", as_of=day)
    assert (result.rows, result.sums["commission"]) == (1, Decimal("120.00"))
    assert result.findings == 1
    assert not any(result.differences.values())
    sheet = workbook["Реестр"]
    assert "На день: 10.11.2026;" in str(sheet["A2"].value)
    assert "Данные на 10.11.2026 18:00" in str(sheet["A3"].value)


def test_a_day_that_is_not_kept_is_refused(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="run --as-of 2026-11-09 keeps another"):
        exported(warehouse, tmp_path, "admin", as_of=date(2026, 11, 9))
    with pytest.raises(FilterError, match="a workbook is of one day: use --as-of"):
        exported(warehouse, tmp_path, "admin", {"as_of_label": ["10.11.2026"]})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_result_is_a_workbook_that_says_so(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    result, workbook = exported(
        warehouse, tmp_path, "admin", {"client_name": ["Никто"]}
    )
    assert (result.rows, result.sums["commission"]) == (0, 0)
    assert "сделок нет" in str(workbook["Реестр"]["A7"].value)


def test_hostile_text_of_the_crm_stays_text(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    _, workbook = exported(warehouse, tmp_path, "admin")
    sheet = workbook["Реестр"]
    cells = [cell for row in sheet.iter_rows(min_row=7) for cell in row]
    assert [cell.value for cell in cells if cell.value == "=cmd()"]
    formulas = {str(cell.value)[:11] for cell in cells if cell.data_type == "f"}
    assert formulas == {"=HYPERLINK("}


def test_the_control_sheet_names_publication_and_moment(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    result, workbook = exported(warehouse, tmp_path, "admin")
    facts = {row[0].value: row[1].value for row in workbook["Контроль"]}
    assert facts["Номер публикации"] == result.publication_id
    assert facts["Когда выгружено"] == datetime(2026, 11, 21, 8, 31)
    assert facts["Данные на"] == datetime(2026, 11, 21, 8, 12)
    assert facts["Контрольная сумма данных, SHA-256"] == result.data_hash


def test_the_same_rows_give_the_same_hash(warehouse: Warehouse, tmp_path: Path) -> None:
    first, _ = exported(warehouse, tmp_path, "admin")
    second, _ = exported(warehouse, tmp_path, "admin")
    assert first.data_hash == second.data_hash


def test_the_file_is_for_its_owner_only(warehouse: Warehouse, tmp_path: Path) -> None:
    exported(warehouse, tmp_path, "admin")
    out = tmp_path / "registry.xlsx"
    assert out.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [out]


def test_the_login_of_the_person_reads_nothing_else(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.person_url("agent")) as connection:
        connection.execute("set app.login = 'admin'")
        rows = connection.execute("select count(*) from reports.rpt_registry_by_role")
        assert rows.fetchone() == (0,)


def test_a_folder_that_does_not_exist_is_named(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=r"no folder .*absent: make it"):
        exported(warehouse, tmp_path / "absent", "admin")


def test_before_the_first_publication_the_error_says_what_to_do(
    postgres: Postgres, tmp_path: Path
) -> None:
    opened = provisioned(tmp_path / "home", postgres.create_database("exports_new"))
    with pytest.raises(ExportError, match="nothing is published yet"):
        exported(opened, tmp_path, "admin")


def test_a_login_that_is_not_made_yet_is_named(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = home_settings(
        tmp_path / "home", postgres.create_database("exports_bare")
    )
    with pytest.raises(ExportError, match="admin cannot sign in"):
        exported(Warehouse(settings, settings.require("REESTR_DATABASE_URL")),
                 tmp_path, "admin")  # fmt: skip


def test_every_column_of_the_registry_is_known_to_the_sample() -> None:
    """The sample copies the macros of the registry; a new column stands in both."""
    macros = Path(__file__).parents[2] / "dbt_project" / "macros" / "registry.sql"
    text = macros.read_text(encoding="utf-8")
    named = {part for part in text.split("'")[1::2] if "\n" not in part}
    assert named <= set(COLUMNS)


def test_a_home_without_connections_says_which_setting_is_missing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    settings = warehouse.settings
    bare = type(settings)(settings.home, {"REESTR_DATABASE_URL": warehouse.admin_url})
    with pytest.raises(SettingsError, match="REESTR_CONNECTIONS"):
        exported(Warehouse(bare, warehouse.admin_url), tmp_path, "admin")
