"""What a workbook looks like inside, without a database."""

from __future__ import annotations

import ast
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell

from bi.catalog import Catalog, read_catalog
from bi.excel.cells import clean_text, link_formula, looks_like_formula
from bi.excel.definition import (
    NoRightsError,
    UnknownExportError,
    read_export,
    reader_rights,
)
from bi.excel.layout import findings_layout, records_layout
from bi.excel.workbook import Control, Written, write_workbook
from bi.superset.yaml_file import CompileError
from tests.registry_sample import EDITIONS, deal, finding, write_manifest

MOSCOW = ZoneInfo("Europe/Moscow")
REPOSITORY = Path(__file__).parents[2]
CONTROL = Control(
    username="head_of_sales",
    sight="unit",
    exported_at=datetime(2026, 11, 21, 5, 31, tzinfo=UTC),
    data_as_of=datetime(2026, 11, 21, 5, 12, tzinfo=UTC),
    publication_id=17,
    filters={},
    rows=1,
    findings=0,
    sums={"commission": Decimal("450000.00"), "revenue_net": Decimal("400000.50")},
    timezone=MOSCOW,
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    manifest = tmp_path_factory.mktemp("manifest") / "manifest.json"
    write_manifest(manifest)
    return read_catalog(manifest, tables=EDITIONS)


def write(
    catalog: Catalog,
    deals: Sequence[Mapping[str, object]],
    *,
    control: Control = CONTROL,
    findings: Sequence[Mapping[str, object]] = (),
    table: str = "rpt_registry_by_role",
) -> tuple[Workbook, Written, bytes]:
    export = read_export("registry")
    layout = records_layout(export, catalog, table)
    found = findings_layout(export, catalog).fields
    stream = io.BytesIO()
    written = write_workbook(
        export,
        catalog,
        table,
        rows=([each.get(name) for name in layout.fields] for each in deals),
        months=[("11.2026", len(deals), *(1 for _ in layout.months))],
        findings=([each.get(name) for name in found] for each in findings),
        control=control,
        out=stream,
    )
    content = stream.getvalue()
    return load_workbook(io.BytesIO(content)), written, content


def column(workbook: Workbook, title: str, row: int = 7, sheet: str = "Реестр") -> Cell:
    """The cell of a row under a header."""
    header = {cell.value: cell.column for cell in workbook[sheet][6]}
    found = workbook[sheet].cell(row=row, column=header[title])
    assert isinstance(found, Cell)
    return found


def test_the_workbook_has_its_sheets_in_the_order_of_the_design(
    catalog: Catalog,
) -> None:
    workbook, _, _ = write(catalog, [deal(1)])
    assert workbook.sheetnames == [
        "Реестр",
        "По месяцам",
        "Нарушения",
        "Описание столбцов",
        "Контроль",
    ]


def test_the_head_names_filters_moments_rows_and_sight(catalog: Catalog) -> None:
    control = replace(
        CONTROL,
        filters={
            "department_name": ["Продажи", "Юристы"],
            "planned_settlement_date": ["01.09.2026 – 31.12.2026"],
            "lawyer_name": [""],
        },
    )
    sheet = write(catalog, [deal(1)], control=control)[0]["Реестр"]
    assert [sheet[f"A{row}"].value for row in (1, 2, 3, 4, 5)] == [
        "Реестр сделок",
        "Фильтры: Отдел: Продажи, Юристы; Расчёт, план: 01.09.2026 – 31.12.2026; "
        "Юрист: не заполнено",
        "Данные на 21.11.2026 08:12. Выгрузил head_of_sales, 21.11.2026 08:31. "
        "Видны сделки своих подразделений",
        "Строк 1. Тестовые и удалённые сделки не входят. Итог по строкам, видимым "
        "после отбора:",
        None,
    ]
    assert sheet["A1"].font.sz == 16


def test_dates_and_money_are_real_and_the_frame_is_frozen(catalog: Catalog) -> None:
    workbook, _, _ = write(catalog, [deal(1)])
    sheet = workbook["Реестр"]
    planned, commission = (
        column(workbook, "Расчёт, план"),
        column(workbook, "Комиссия, ₽"),
    )
    assert planned.value == datetime(2026, 11, 12)
    assert planned.number_format == "DD.MM.YYYY"
    assert commission.value == 450000
    assert commission.data_type == "n"
    assert commission.number_format == "#,##0.00"
    assert column(workbook, "Изменена").value == datetime(2026, 11, 21, 0, 30, 5)
    assert column(workbook, "Юрист").value is None
    assert sheet.freeze_panes == "B7"
    assert (
        sheet.auto_filter.ref == f"A6:{sheet.cell(6, sheet.max_column).column_letter}7"
    )
    assert sheet.sheet_view.zoomScale == 90
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_title_rows == "$6:$6"
    assert sheet.oddFooter.center.text == "стр. &P из &N · данные на 21.11.2026 08:12"
    assert [sheet.column_dimensions[letter].width for letter in "ABCDJ"] == [
        10, 18, 24, 16, 15,
    ]  # fmt: skip


def test_totals_follow_the_filter_and_reach_the_last_row(catalog: Catalog) -> None:
    control = replace(CONTROL, rows=3)
    workbook, _, _ = write(catalog, [deal(1), deal(2), deal(3)], control=control)
    cell = column(workbook, "Комиссия, ₽", row=4)
    letter = cell.column_letter
    assert cell.value == f"=SUBTOTAL(109,{letter}7:{letter}9)"


def test_a_header_note_says_meaning_formula_and_owner(catalog: Catalog) -> None:
    workbook, _, _ = write(catalog, [deal(1)])
    assert column(workbook, "Выручка, ₽", row=6).comment.text == (
        "Комиссия за вычетом доли партнёров.\n"
        "Формула: Σ комиссия − доля партнёров\n"
        "Владелец показателя: Финансы"
    )
    assert column(workbook, "Этап", row=6).fill.start_color.rgb == "00DCE6F5"


def test_a_deal_number_is_a_link_to_its_card(catalog: Catalog) -> None:
    workbook, _, _ = write(catalog, [deal(24817)])
    assert column(workbook, "Сделка").value == (
        '=HYPERLINK("https://crm.example/crm/deal/details/24817/","С-24817")'
    )


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("javascript:alert(1)", "С-1"),
        ("https://crm.example/" + "x" * 250, "С-1"),
        (None, "С-1"),
    ],
)
def test_what_is_no_web_address_stays_text(url: object, title: str) -> None:
    assert link_formula(url, title) is None


def test_quotes_in_a_link_cannot_end_its_text() -> None:
    assert link_formula('https://crm.example/"&A1', 'С-1")&CMD("') == (
        '=HYPERLINK("https://crm.example/""&A1","С-1"")&CMD(""")'
    )


@pytest.mark.parametrize(
    "hostile",
    [
        '=HYPERLINK("http://evil.example","x")',
        "=1+1",
        "+7 900 000-00-00",
        "-2+3",
        "@SUM(A1)",
        "\t=1+1",
        "#N/A",
        "=",
    ],
)
def test_hostile_text_stays_text(catalog: Catalog, hostile: str) -> None:
    workbook, _, _ = write(catalog, [deal(1, client_name=hostile)])
    cell = column(workbook, "Клиент")
    assert cell.value == hostile
    assert cell.data_type in ("s", "inlineStr")
    assert bool(cell.quotePrefix) == looks_like_formula(hostile)


def test_characters_that_break_a_file_are_left_out(catalog: Catalog) -> None:
    hostile = "Иванов\x00\x0b\ufffe И.\r\nвторая строка"
    workbook, _, _ = write(catalog, [deal(1, client_name=hostile)])
    assert column(workbook, "Клиент").value == "Иванов И.\nвторая строка"
    assert clean_text("\ud800лишнее") == "лишнее"


def test_a_date_before_the_calendar_of_excel_is_shown_as_text(catalog: Catalog) -> None:
    workbook, _, _ = write(catalog, [deal(1, lost_date=date(202, 1, 1))])
    assert column(workbook, "Отказ").value == "0202-01-01"


@pytest.mark.parametrize(
    ("code", "colour"), [(1, "FDF0DC"), (2, "FADFDD"), (3, "ECE5F8"), (4, "EDEFF2")]
)
def test_a_marked_cell_has_the_fill_of_its_state(
    catalog: Catalog, code: int, colour: str
) -> None:
    rows = [
        deal(1, commission=None, commission_state=code),
        deal(2, planned_settlement_date_state=code),
        deal(3),
    ]
    workbook, _, _ = write(catalog, rows)
    missing = column(workbook, "Комиссия, ₽")
    assert (missing.value, missing.fill.start_color.rgb) == (None, f"00{colour}")
    late = column(workbook, "Расчёт, план", row=8)
    assert late.fill.start_color.rgb == f"00{colour}"
    assert column(workbook, "Комиссия, ₽", row=9).fill.fill_type is None


def test_the_reason_stands_beside_in_words(catalog: Catalog) -> None:
    reason = "○ Комиссия: нет суммы в договоре"
    workbook, _, _ = write(catalog, [deal(1, findings_text=reason)])
    cell = column(workbook, "Причина риска и что исправить")
    assert cell.value == reason
    assert workbook["Реестр"].column_dimensions[cell.column_letter].width == 44


def test_an_empty_result_says_what_to_do(catalog: Catalog) -> None:
    control = replace(CONTROL, rows=0, sums={})
    workbook, written, _ = write(catalog, [], control=control)
    assert workbook["Реестр"]["A7"].value == (
        "По этим фильтрам сделок нет. Сбросьте период или отдел"
    )
    assert workbook["Нарушения"]["A7"].value == "По этим сделкам нарушений нет"
    assert written.rows == 0


def test_findings_have_words_for_severity(catalog: Catalog) -> None:
    workbook, written, _ = write(
        catalog,
        [deal(1)],
        findings=[finding(1)],
        control=replace(CONTROL, findings=1),
    )
    sheet = "Нарушения"
    assert column(workbook, "Важность", sheet=sheet).value == "Критическое"
    assert column(workbook, "Найдено", sheet=sheet).value == datetime(2026, 11, 1, 12)
    assert written.findings == 1


def test_the_months_have_their_total(catalog: Catalog) -> None:
    sheet = write(catalog, [deal(1), deal(2)])[0]["По месяцам"]
    rows = list(sheet.iter_rows(min_row=6, values_only=True))
    assert rows[0][:3] == ("Месяц", "Сделок", "Комиссия, ₽")
    assert rows[1][:3] == ("11.2026", 2, 1)
    assert rows[2][:3] == ("Всего", "=SUM(B7:B7)", "=SUM(C7:C7)")


def test_an_edition_without_money_has_no_money_columns(catalog: Catalog) -> None:
    workbook, _, content = write(
        catalog, [deal(1)], table="rpt_registry_by_role_without_money"
    )
    titles = [cell.value for cell in workbook["Реестр"][6]]
    assert not [title for title in titles if title and "₽" in title]
    assert b"450000" not in b"".join(_parts(content).values())


def test_the_dictionary_lists_every_column(catalog: Catalog) -> None:
    workbook, _, _ = write(catalog, [deal(1)])
    described = {row[0].value: row for row in workbook["Описание столбцов"]}
    for sheet in ("Реестр", "Нарушения"):
        for cell in workbook[sheet][6]:
            assert described[cell.value][1].value
    assert described["Выручка, ₽"][2].value == "Σ комиссия − доля партнёров"
    assert described["Выручка, ₽"][4].value == "₽"


def test_control_shows_sums_differences_and_the_legend(catalog: Catalog) -> None:
    control = replace(CONTROL, rows=2, sums={"commission": Decimal("900000.01")})
    rows = [deal(1), deal(2)]
    workbook, written, _ = write(catalog, rows, control=control)
    values = {
        row[0].value: [cell.value for cell in row] for row in workbook["Контроль"]
    }
    assert values["Строк"][1:4] == [2, 2, 0]
    assert values["Комиссия, ₽"][1:4] == [900000, 900000.01, -0.01]
    assert written.differences["commission"] == Decimal("-0.01")
    assert values["Кто выгрузил"][1] == "head_of_sales"
    assert values["Данные на"][1] == datetime(2026, 11, 21, 8, 12)
    legend = [row[5].value for row in workbook["Контроль"] if row[5].value]
    assert legend == [
        "Обозначения",
        "○ не заполнено",
        "✕ неверно",
        "? необычно",
        "~ согласовано",
    ]


def test_the_hash_can_be_counted_again_from_the_file(catalog: Catalog) -> None:
    rows = [
        deal(1, commission=Decimal("0.00"), client_name="=1+1"),
        deal(2, commission=Decimal("10.50"), contract_signed_date=None),
        deal(3, commission=None, commission_state=1),
    ]
    workbook, written, _ = write(catalog, rows, control=replace(CONTROL, rows=3))
    digest = hashlib.sha256()
    for row in workbook["Реестр"].iter_rows(min_row=7):
        digest.update("\x1f".join(map(_as_counted, row)).encode())
        digest.update(b"\x1e")
    assert digest.hexdigest() == written.data_hash
    control = {row[0].value: row[1].value for row in workbook["Контроль"]}
    assert control["Контрольная сумма данных, SHA-256"] == written.data_hash


def test_a_changed_value_changes_the_hash(catalog: Catalog) -> None:
    first = write(catalog, [deal(1)])[1]
    second = write(catalog, [deal(1, commission=Decimal("450000.01"))])[1]
    assert first.data_hash != second.data_hash


def test_rights_decide_edition_and_sight_by_the_widest_key() -> None:
    whole = reader_rights(["rows/company", "whole/company"])
    assert (whole.money, whole.sight) == ("whole", "company")
    split = reader_rights(["rows/sales:a:5", "split/sales:a:5"])
    assert (split.money, split.sight) == ("split", "unit")
    rows = reader_rights(["rows/legal:a:9"])
    assert (rows.money, rows.sight) == ("none", "unit")
    own = reader_rights(["rows/employee:a:6", "split/employee:a:6"])
    assert (own.money, own.sight) == ("split", "employee")
    with pytest.raises(NoRightsError):
        reader_rights([])


def test_an_unknown_workbook_is_named_with_the_near_one() -> None:
    with pytest.raises(UnknownExportError, match="did you mean 'registry'"):
        read_export("registri")
    with pytest.raises(UnknownExportError):
        read_export("../exports/registry")


def test_a_column_that_no_edition_has_is_an_error_with_file_and_line(
    catalog: Catalog, tmp_path: Path
) -> None:
    source = (REPOSITORY / "bi" / "exports" / "registry.yaml").read_text("utf-8")
    folder = tmp_path / "exports"
    folder.mkdir()
    changed = source.replace("{name: client_name}", "{name: clientname}")
    (folder / "registry.yaml").write_text(changed, encoding="utf-8")
    line = changed[: changed.index("clientname")].count("\n") + 1
    with pytest.raises(CompileError, match=rf"exports/registry\.yaml:{line}\)"):
        records_layout(read_export("registry", folder), catalog, "rpt_registry_by_role")


def test_the_writer_runs_in_both_environments() -> None:
    """Superset's environment has neither pandas nor psycopg 3: bi/excel needs none."""
    allowed = {"bi", "openpyxl", "yaml"}
    for path in sorted((REPOSITORY / "bi" / "excel").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            foreign = {name.split(".")[0] for name in names} - allowed
            assert not foreign - set(_STANDARD), (path.name, foreign)


_STANDARD = (
    "__future__", "collections", "csv", "dataclasses", "datetime", "decimal",
    "difflib", "functools", "hashlib", "math", "pathlib", "re", "types", "typing",
    "zoneinfo",
)  # fmt: skip


def _parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _as_counted(cell: Cell) -> str:
    """What the hash reads in a cell, told from the file alone."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        is_date = cell.number_format == "DD.MM.YYYY"
        return (value.date() if is_date else value).isoformat()
    if isinstance(value, str):
        is_link = cell.data_type == "f"
        return value.split('","')[1].removesuffix('")') if is_link else value
    return format(Decimal(repr(value)).normalize(), "f") if value else "0"
