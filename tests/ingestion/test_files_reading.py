"""Oddities of real exports: each is read rightly or refused with file and line."""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.mapping import load_connection
from ingestion.sources.files import FilesBatch, FilesError, read_files
from ingestion.sources.files.__main__ import main

MAPPING = """\
connection: firm
source: files
title: Фирма
timezone: Europe/Moscow
reporting_currency: RUB
pipelines:
  sales: {{label: Продажи}}
stages:
  sales: {{Новая: lead_new, Успех: closed_won}}
roles: {{deal_owner: Агент}}
files:
  deals:
    path: {path}
    key: [Номер]
    columns:
      crm_stage: Этап
      commission: Комиссия
      settlement_date: Расчёт
      title: Название
{extra}
"""
HEADER = ["Номер", "Этап", "Комиссия", "Расчёт", "Название", "Агент"]
Read = Callable[..., FilesBatch]


class Firm:
    """A folder with one connection and its file of deals."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mapping(self, path: str, extra: str) -> Path:
        mapping = self.folder / "firm.yaml"
        lines = "".join(f"    {line}\n" for line in extra.splitlines())
        text = MAPPING.format(path=path, extra=lines)
        mapping.write_text(text, encoding="utf-8")
        return mapping

    def read(
        self, content: str | bytes, extra: str = "", *, name: str = ""
    ) -> FilesBatch:
        """Read a file given as text (UTF-8) or bytes."""
        name = name or "deals.csv"
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)
        return read_files(load_connection(self.mapping(name, extra), {}))

    def read_rows(self, *rows: str, extra: str = "") -> FilesBatch:
        """Read semicolon rows under the usual header."""
        return self.read("\n".join([";".join(HEADER), *rows]) + "\n", extra)

    def read_cells(self, *rows: list[object], extra: str = "") -> FilesBatch:
        """Read a workbook with the usual header."""
        workbook = openpyxl.Workbook()
        sheet = workbook.worksheets[0]
        for row in [HEADER, *rows]:
            sheet.append(row)
        return self.read_workbook(workbook, extra)

    def read_workbook(self, workbook: openpyxl.Workbook, extra: str = "") -> FilesBatch:
        workbook.save(self.folder / "deals.xlsx")
        return read_files(load_connection(self.mapping("deals.xlsx", extra), {}))

    def amounts(self, *spellings: str, extra: str = "") -> list[Decimal | None]:
        """Read amounts, one per row."""
        rows = [f'{n};Успех;"{text}";;;Ли' for n, text in enumerate(spellings, 1)]
        return column(self.read_rows(*rows, extra=extra), "commission")

    def dates(self, *spellings: str, extra: str = "") -> list[date | None]:
        """Read dates, one per row."""
        rows = [f"{n};Успех;;{text};;Ли" for n, text in enumerate(spellings, 1)]
        return column(self.read_rows(*rows, extra=extra), "settlement_date")


def column(batch: FilesBatch, name: str) -> list:  # type: ignore[type-arg]
    return batch.tables["deals"][name].to_pylist()


def problems(read: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(FilesError) as caught:
        read()
    return caught.value.problems


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


ONE = ";".join(HEADER) + "\n1;Успех;1,50;2026-03-04;Дом у реки;Пётр Ёлкин\n"


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize("declared", ["", "encoding: {encoding}"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251"])
def test_three_encodings_are_read(firm: Firm, encoding: str, declared: str) -> None:
    batch = firm.read(ONE.encode(encoding), declared.format(encoding=encoding))

    assert column(batch, "title") == ["Дом у реки"]
    assert column(batch, "source_id") == ["1"]


@pytest.mark.parametrize("encoding", ["cp866", "utf-16", "mac-cyrillic"])
def test_other_encodings_are_not_taken_for_windows_1251(
    firm: Firm, encoding: str
) -> None:
    found = problems(lambda: firm.read(ONE.encode(encoding)))

    assert "save it as CSV UTF-8" in found[0]


def test_koi8_is_not_taken_for_windows_1251(firm: Firm) -> None:
    text = ONE.replace("Дом у реки", "Большой Каменный Мост Московской Области")

    assert problems(lambda: firm.read(text.encode("koi8-r")))


def test_latin_letters_are_not_taken_for_russian(firm: Firm) -> None:
    mapping = firm.mapping("deals.csv", "")
    text = mapping.read_text(encoding="utf-8")
    for russian, latin in zip(
        HEADER, ["id", "st", "sum", "day", "name", "who"], strict=True
    ):
        text = text.replace(f"[{russian}]", f"[{latin}]")
        text = text.replace(f": {russian}", f": {latin}")
    mapping.write_text(text, encoding="utf-8")
    rows = "id;st;sum;day;name;who\n1;x;1;;Müller Straße;Grüner\n"
    (firm.folder / "deals.csv").write_bytes(rows.encode("latin-1"))

    found = problems(lambda: read_files(load_connection(mapping, {})))

    assert "does not read as Russian Windows-1251" in found[0]


def test_utf8_file_declared_as_windows_1251_is_refused(firm: Firm) -> None:
    assert problems(lambda: firm.read(ONE, "encoding: windows-1251")) == (
        "deals.csv: is UTF-8, not windows-1251; declare `encoding: utf-8`",
    )


def test_windows_1251_file_declared_as_utf8_names_the_line(firm: Firm) -> None:
    found = problems(lambda: firm.read(ONE.encode("windows-1251"), "encoding: utf-8"))

    assert found[0].startswith("deals.csv:1: byte 0xcd is not utf-8")


def test_bytes_that_read_both_ways_must_be_declared(firm: Firm) -> None:
    """The bytes of «Д№» in Windows-1251 are one Latin letter in UTF-8."""
    both = b"a,b\n2," + "Д№\n".encode("windows-1251")

    found = problems(lambda: firm.read(both))

    assert "reads as UTF-8 and as Windows-1251" in found[0]


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("declared", [True, False])
def test_three_delimiters_are_read(
    firm: Firm, delimiter: str, *, declared: bool
) -> None:
    name = {"\t": "tab"}.get(delimiter, delimiter)
    text = ONE.replace("1,50", "150").replace(";", delimiter)

    batch = firm.read(text, f'delimiter: "{name}"' if declared else "")

    assert column(batch, "commission") == [Decimal("150.00")]


def test_gzip_is_read(firm: Firm) -> None:
    batch = firm.read(gzip.compress(ONE.encode()), name="deals.csv.gz")

    assert column(batch, "commission") == [Decimal("1.50")]


def test_broken_gzip_is_refused(firm: Firm) -> None:
    data = gzip.compress(ONE.encode())[:-12]

    found = problems(lambda: firm.read(data, name="deals.csv.gz"))

    assert "not a whole gzip file" in found[0]


def test_quoted_delimiters_and_line_breaks_stay_in_the_cell(firm: Firm) -> None:
    batch = firm.read_rows(
        '1;Успех;;;"Дом; «у ""реки""»\nвторой этаж";Ли', "2;Новая;;;;Ли"
    )

    assert column(batch, "title") == ['Дом; «у "реки"»\nвторой этаж', None]
    assert column(batch, "_line") == [2, 4]


def test_row_of_another_width_is_refused_with_its_line(firm: Firm) -> None:
    assert problems(lambda: firm.read_rows("1;Успех;1;;;Ли", "2;Успех;1;500;;;Ли")) == (
        "deals.csv:3: has 7 cells and the header 6; check quotes and `delimiter`",
    )


def test_unclosed_quote_is_refused_with_the_line_it_starts_on(firm: Firm) -> None:
    found = problems(lambda: firm.read_rows("1;Успех;;;Дом;Ли", '2;Успех;;;"Дом;Ли'))

    assert found[0].startswith("deals.csv:3: cannot be read as CSV")


def test_empty_file_and_missing_file_are_refused(firm: Firm) -> None:
    assert "is empty" in problems(lambda: firm.read(""))[0]
    mapping = firm.mapping("nowhere.csv", "")
    found = problems(lambda: read_files(load_connection(mapping, {})))
    assert "cannot be read" in found[0]


def test_header_without_rows_is_an_empty_table(firm: Firm) -> None:
    batch = firm.read_rows()

    assert {name: table.num_rows for name, table in batch.tables.items()} == {
        "deals": 0,
        "employees": 0,
        "deal_participants": 0,
    }


def test_missing_column_names_the_file_the_column_and_a_near_one(firm: Firm) -> None:
    assert problems(lambda: firm.read(ONE.replace("Комиссия", "Комисия"))) == (
        "deals.csv: no column `Комиссия`; did you mean `Комисия`?",
    )


def test_mapped_column_given_twice_is_refused(firm: Firm) -> None:
    found = problems(lambda: firm.read(ONE.replace("Название", "Комиссия")))

    assert "deals.csv: column `Комиссия` is there 2 times; keep one" in found


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("1 234,56 ₽", "1234.56"),
        ("1\u00a0234,56\u00a0₽", "1234.56"),
        ("1\u202f234\u202f567,00 руб.", "1234567.00"),
        ("₽ 12,5", "12.50"),
        ("+12,50", "12.50"),
        ("-12,50", "-12.50"),
        ("\u221212,50", "-12.50"),
        ("(1 234,50)", "-1234.50"),
        ("12,5 р.", "12.50"),
        ("12,5 RUB", "12.50"),
        ("1.234.567,89", "1234567.89"),
        ("1,234,567.89", "1234567.89"),
        ("1234.5", "1234.50"),
        ("0,120", "0.12"),
        ("9999999999999999,99", "9999999999999999.99"),
        ("  7  ", "7.00"),
    ],
)
def test_amount_is_read_exactly(firm: Firm, spelling: str, value: str) -> None:
    assert firm.amounts(spelling) == [Decimal(value)]


@pytest.mark.parametrize(
    ("spelling", "reason"),
    [
        ("много", "not an amount"),
        ("12 34", "odd spaces"),
        ("1 2345,00", "odd spaces"),
        ("5 %", "is a percent"),
        ("-", "not an amount"),
        ("1e5", "not an amount"),
        ("NaN", "not an amount"),
        ("1,5 млн", "not an amount"),
        ("12,345,6", "is not an amount with the decimal mark `,`"),
        ("1,2345", "more than two decimals"),
        ("99999999999999999,00", "more than 16 digits"),
        ("100 $", "is in USD, reporting_currency is RUB, and there is no rate"),
        ("100 €", "is in EUR"),
    ],
)
def test_what_is_no_amount_is_refused_with_line_column_and_value(
    firm: Firm, spelling: str, reason: str
) -> None:
    found = problems(lambda: firm.amounts("1,50", spelling))

    assert len(found) == 1
    assert found[0].startswith(f"deals.csv:3: column `Комиссия`: `{spelling}` ")
    assert reason in found[0]


def test_thousands_or_fraction_must_be_declared(firm: Firm) -> None:
    found = problems(lambda: firm.amounts("1,234", "5,678"))

    assert len(found) == 2
    assert "may be thousands or a fraction; declare `decimal:" in found[0]
    declared = 'decimal: "."\nthousands: ","'
    assert firm.amounts("1,234", extra=declared) == [Decimal(1234)]
    extra = 'decimal: ","\nrounding: half_up'
    assert firm.amounts("1,234", extra=extra) == [Decimal("1.23")]


def test_two_decimal_marks_in_one_column_are_refused(firm: Firm) -> None:
    found = problems(lambda: firm.amounts("1,5", "1.5"))

    assert len(found) == 1
    assert "both `1,5` (line 2) and `1.5` (line 3) are decimals" in found[0]


def test_declared_decimal_mark_refuses_the_other(firm: Firm) -> None:
    found = problems(lambda: firm.amounts("1234.50", extra='decimal: ","'))

    assert "is not an amount with the decimal mark `,`" in found[0]


def test_proven_grouping_is_used_in_the_whole_column(firm: Firm) -> None:
    assert firm.amounts("1.234.567,00", "1.234", "5,5") == [
        Decimal(1234567),
        Decimal(1234),
        Decimal("5.5"),
    ]


def test_every_problem_is_counted_and_fifty_are_shown(firm: Firm) -> None:
    with pytest.raises(FilesError) as caught:
        firm.amounts(*(f"x{number}" for number in range(60)))

    assert len(caught.value.problems) == 60
    assert len(str(caught.value).splitlines()) == 51
    assert str(caught.value).endswith("... and 10 more")


@given(cents=st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=8))
def test_russian_spelling_of_any_amount_is_read_back(
    cents: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    amounts = [Decimal(cent) / 100 for cent in cents]
    spellings = [
        f"{amount:,.2f} ₽".replace(",", "\u00a0").replace(".", ",")
        for amount in amounts
    ]

    firm = Firm(tmp_path_factory.mktemp("amounts"))

    assert firm.amounts(*spellings) == amounts


# ---------------------------------------------------------------- dates


def test_iso_dates_need_no_declaration(firm: Firm) -> None:
    assert firm.dates("2026-03-04", "", "2026-03-04 10:00", "2026-03-04T10:00:00") == [
        date(2026, 3, 4),
        None,
        date(2026, 3, 4),
        date(2026, 3, 4),
    ]


def test_moment_with_an_offset_gives_the_business_date(firm: Firm) -> None:
    assert firm.dates("2026-03-04T22:30:00Z", "2026-03-05T01:00:00+10:00") == [
        date(2026, 3, 5),
        date(2026, 3, 4),
    ]


@pytest.mark.parametrize("spelling", ["03/04/2026", "03.04.2026", "3-4-2026"])
def test_ambiguous_undeclared_date_is_refused(firm: Firm, spelling: str) -> None:
    found = problems(lambda: firm.dates(spelling, spelling.replace("4", "5", 1)))

    assert len(found) == 1
    assert found[0].startswith(
        f"deals.csv:2: column `Расчёт`: `{spelling}` may be day or month first"
    )


@pytest.mark.parametrize(("declared", "month"), [("%d/%m/%Y", 4), ("%m/%d/%Y", 3)])
def test_declared_format_decides(firm: Firm, declared: str, month: int) -> None:
    extra = f'date_format: "{declared}"'

    assert firm.dates("03/04/2026", extra=extra) == [date(2026, month, 7 - month)]


def test_one_row_proves_the_order_of_the_column(firm: Firm) -> None:
    assert firm.dates("03.04.2026", "13.04.2026")[0] == date(2026, 4, 3)
    assert firm.dates("03/04/2026", "04/13/2026")[0] == date(2026, 3, 4)


@pytest.mark.parametrize(
    "spellings",
    [
        ("13/04/2026", "04/13/2026"),
        ("2026-04-13", "13.04.2026"),
        ("13.04.2026", "14/04/2026"),
    ],
)
def test_mixed_column_is_refused(firm: Firm, spellings: tuple[str, str]) -> None:
    found = problems(lambda: firm.dates(*spellings))

    assert len(found) == 1
    assert "dates of different kinds" in found[0]
    assert all(spelling in found[0] for spelling in spellings)


def test_two_digit_years_are_read_when_declared_only(firm: Firm) -> None:
    """Copies of Maven's set carry dates as DD-MM-YY."""
    extra = 'date_format: "%d-%m-%y"'
    assert firm.dates("01-03-17", "31-12-17", extra=extra) == [
        date(2017, 3, 1),
        date(2017, 12, 31),
    ]
    assert "is not a date" in problems(lambda: firm.dates("01-03-17", "31-12-17"))[0]


@pytest.mark.parametrize(
    "spelling", ["31.02.2026", "13.13.2026", "вчера", "00.00.0000", "13.04.26", "now"]
)
def test_what_is_no_date_is_refused(firm: Firm, spelling: str) -> None:
    found = problems(lambda: firm.dates("13.04.2026", spelling))

    assert found[0].startswith(f"deals.csv:3: column `Расчёт`: `{spelling}` is not a")


def test_declared_format_is_strict(firm: Firm) -> None:
    extra = 'date_format: "%d.%m.%Y"'

    found = problems(lambda: firm.dates("2026-04-13", "13.04.2026 10:00", extra=extra))

    assert len(found) == 2
    assert "`2026-04-13` is not a date like %d.%m.%Y" in found[0]


def test_year_of_a_slip_is_refused(firm: Firm) -> None:
    found = problems(lambda: firm.dates("0206-04-13", "2026-04-13"))

    assert "has the year 206, which is a slip" in found[0]


def test_moments_are_of_the_business_time_zone(firm: Firm) -> None:
    mapping = firm.mapping("deals.csv", "")
    text = mapping.read_text(encoding="utf-8").replace(
        "settlement_date: Расчёт", "created_at: Расчёт"
    )
    mapping.write_text(text, encoding="utf-8")
    rows = ["2026-03-04 10:00", "2026-03-04", "2026-03-04T10:00:00+00:00"]
    (firm.folder / "deals.csv").write_text(
        ";".join(HEADER)
        + "\n"
        + "".join(f"{n};Успех;;{text};;\n" for n, text in enumerate(rows)),
        encoding="utf-8",
    )

    batch = read_files(load_connection(mapping, {}))

    assert column(batch, "created_at") == [
        datetime(2026, 3, 4, 7, tzinfo=UTC),
        datetime(2026, 3, 3, 21, tzinfo=UTC),
        datetime(2026, 3, 4, 10, tzinfo=UTC),
    ]


# ---------------------------------------------------------------- keys


def test_identical_rows_collapse_with_a_warning(firm: Firm) -> None:
    batch = firm.read_rows("1;Успех;5;;;Ли", "2;Новая;;;;Ли", "1;Успех;5;;;Ли")

    assert column(batch, "source_id") == ["1", "2"]
    assert batch.warnings == (
        "deals.csv: 1 identical rows repeat an earlier one and are counted once",
    )
    assert batch.tables["deal_participants"].num_rows == 2


def test_different_rows_of_one_key_name_both_lines(firm: Firm) -> None:
    found = problems(lambda: firm.read_rows("1;Успех;5;;;Ли", "1;Успех;6;;;Ли"))

    assert found == (
        "deals.csv:3: key `1` is already on line 2 with other values; correct the file"
        " or choose a finer `key`",
    )


def test_empty_key_is_refused(firm: Firm) -> None:
    assert problems(lambda: firm.read_rows(" ;Успех;5;;;Ли")) == (
        "deals.csv:2: column `Номер`: the key is empty",
    )


def test_key_that_a_spreadsheet_rounded_is_refused(firm: Firm) -> None:
    found = problems(lambda: firm.read_rows("7,1293E+09;Успех;5;;;Ли"))

    assert "is an id that a spreadsheet rounded" in found[0]


def test_key_of_several_columns_is_joined_without_confusion(firm: Firm) -> None:
    mapping = firm.mapping("deals.csv", "")
    text = mapping.read_text(encoding="utf-8")
    text = text.replace("[Номер]", "[Номер, Название, Расчёт]")
    mapping.write_text(text, encoding="utf-8")
    rows = "a:b;;;13.04.2026;c;\na;;;13.04.2026;b:c;\n"
    (firm.folder / "deals.csv").write_text(
        ";".join(HEADER) + "\n" + rows, encoding="utf-8"
    )

    assert column(read_files(load_connection(mapping, {})), "source_id") == [
        "a%3Ab:c:2026-04-13",
        "a:b%3Ac:2026-04-13",
    ]


# ---------------------------------------------------------------- meaning


def test_unmapped_stage_lands_and_is_reported(firm: Firm) -> None:
    batch = firm.read_rows("1;Успех;;;;Ли", "2;Звонок;;;;Ли", "3;;;;;Ли")

    assert column(batch, "crm_stage") == ["Успех", "Звонок", None]
    assert batch.unmapped_stages == {("sales", "Звонок"): 1, ("sales", ""): 1}
    assert any("stage `Звонок` of pipeline `sales`" in text for text in batch.warnings)


def test_column_of_another_currency_is_refused(firm: Firm) -> None:
    mapping = firm.mapping("deals.csv", "")
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("title: Наз", "currency: Наз"), encoding="utf-8")
    rows = "1;Успех;5;;RUB;\n2;Успех;5;;EUR;\n3;Успех;5;;руб.;\n4;Успех;;;;\n"
    (firm.folder / "deals.csv").write_text(
        ";".join(HEADER) + "\n" + rows, encoding="utf-8"
    )

    assert problems(lambda: read_files(load_connection(mapping, {}))) == (
        "deals.csv:3: column `Название`: currency EUR, reporting_currency is RUB, and"
        " there is no rate",
    )


def test_several_people_of_a_role_are_split(firm: Firm) -> None:
    batch = firm.read_rows(
        '1;Успех;;;;"Анна  Ли, Пётр Ким"',
        "2;Успех;;;;Пётр Ким",
        "3;Успех;;;;",
        extra='people_separator: ","',
    )

    assert batch.tables["deal_participants"].to_pylist() == [
        {"deal_source_id": deal, "role": "deal_owner", "employee_source_id": name}
        for deal, name in [("1", "Анна Ли"), ("1", "Пётр Ким"), ("2", "Пётр Ким")]
    ]
    assert batch.tables["employees"]["source_id"].to_pylist() == ["Анна Ли", "Пётр Ким"]


def test_person_outside_the_employee_file_is_reported(firm: Firm) -> None:
    (firm.folder / "people.csv").write_text("Имя,Группа\nЛи,Центр\n", encoding="utf-8")
    employees = (
        "employees:\n  path: people.csv\n"
        "  columns: {source_id: Имя, full_name: Имя, group: Группа}"
    )
    (firm.folder / "deals.csv").write_text(
        ";".join(HEADER) + "\n1;Успех;;;;Ким\n2;Успех;;;;Ли\n", encoding="utf-8"
    )
    mapping = firm.mapping("deals.csv", "")
    lines = "".join(f"  {line}\n" for line in employees.splitlines())
    mapping.write_text(mapping.read_text(encoding="utf-8") + lines, encoding="utf-8")

    batch = read_files(load_connection(mapping, {}))

    assert batch.unknown_people == {"Ким": 1}
    assert batch.tables["employees"]["group"].to_pylist() == ["Центр"]


def test_problems_of_all_files_are_told_at_once(firm: Firm) -> None:
    mapping = firm.mapping("deals.csv", "")
    employees = "  employees:\n    path: people.csv\n    columns: {source_id: Имя}\n"
    mapping.write_text(
        mapping.read_text(encoding="utf-8") + employees, encoding="utf-8"
    )
    (firm.folder / "people.csv").write_text("Фамилия\nЛи\n", encoding="utf-8")
    (firm.folder / "deals.csv").write_text(
        ";".join(HEADER) + "\n1;Успех;x;13.13.2026;;Ли\n", encoding="utf-8"
    )

    found = problems(lambda: read_files(load_connection(mapping, {})))

    assert [text.split(":")[0] for text in found] == ["deals.csv"] * 2 + ["people.csv"]


# ---------------------------------------------------------------- XLSX


def test_typed_cells_of_a_workbook_stay_typed(firm: Firm) -> None:
    batch = firm.read_cells(
        [7129300520, "Успех", 1234.56, datetime(2026, 4, 3), "Дом", "Ли"],
        [2.0, "Новая", None, None, 15, "Ли"],
        [3, "Новая", "1 234,56 ₽", date(2026, 4, 13), None, "Ли"],
    )

    assert column(batch, "source_id") == ["7129300520", "2", "3"]
    assert column(batch, "commission") == [Decimal("1234.56"), None, Decimal("1234.56")]
    assert column(batch, "settlement_date") == [
        date(2026, 4, 3),
        None,
        date(2026, 4, 13),
    ]
    assert column(batch, "title") == ["Дом", "15", None]
    assert column(batch, "_line") == [2, 3, 4]


def test_typed_number_ignores_the_decimal_mark_of_texts(firm: Firm) -> None:
    batch = firm.read_cells([1, "Успех", 1.5, None, "", "Ли"], extra='decimal: ","')

    assert column(batch, "commission") == [Decimal("1.50")]


def test_real_dates_mixed_with_texts_are_refused(firm: Firm) -> None:
    """A spreadsheet of another country made 03.04 a real date of the wrong month."""
    found = problems(
        lambda: firm.read_cells(
            [1, "Успех", 1, datetime(2026, 3, 4), "", "Ли"],
            [2, "Успех", 1, "13.04.2026", "", "Ли"],
        )
    )

    assert "deals.xlsx:3: column `Расчёт`: real dates are mixed with texts" in found[0]


def test_number_is_no_date_and_date_is_no_amount(firm: Firm) -> None:
    found = problems(
        lambda: firm.read_cells([1, "Успех", datetime(2026, 3, 4), 45000, "", "Ли"])
    )

    assert len(found) == 2
    assert "`2026-03-04` is of another type, not an amount" in found[0]
    assert "`45000` is of another type, not a date" in found[1]


def test_percent_and_foreign_money_of_a_workbook_are_refused(firm: Firm) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(HEADER)
    for line, number_format in enumerate(
        ["0.00%", "[$€-407] #,##0.00", '#,##0.00 "₽"', "[$-419]0.00"], 2
    ):
        sheet.append([line, "Успех", 0.05, None, "", "Ли"])
        sheet.cell(line, 3).number_format = number_format

    found = problems(lambda: firm.read_workbook(workbook))

    assert [text.split("`")[-1] for text in found] == [
        " is a number shown as percent, not an amount",
        " is a number shown in another currency, and there is no rate, not an amount",
    ]


def test_formula_without_a_value_is_refused_in_a_mapped_column(firm: Firm) -> None:
    found = problems(lambda: firm.read_cells([1, "Успех", "=2*3", None, "Дом", "Ли"]))

    assert len(found) == 1
    assert "deals.xlsx:2: column `Комиссия`" in found[0]
    assert "a formula without a computed value" in found[0]


def test_sheet_must_be_named_when_there_are_several(firm: Firm) -> None:
    workbook = openpyxl.Workbook()
    workbook.create_sheet("Сделки").append(HEADER)

    found = problems(lambda: firm.read_workbook(workbook))
    assert found == ("deals.xlsx: has sheets Sheet, Сделки; say which: `sheet: NAME`",)

    assert firm.read_workbook(workbook, "sheet: Сделки").tables["deals"].num_rows == 0
    found = problems(lambda: firm.read_workbook(workbook, "sheet: Сделка"))
    assert "did you mean `Сделки`?" in found[0]


def test_file_that_is_no_workbook_is_refused(firm: Firm) -> None:
    found = problems(lambda: firm.read(b"<html>", name="deals.xlsx"))

    assert "is not an XLSX workbook" in found[0]


# ---------------------------------------------------------------- trying a mapping


def test_trying_a_mapping_says_what_would_land(
    firm: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    firm.read_rows("1;Успех;5;;;Ли")

    assert main([str(firm.folder / "firm.yaml")]) == 0
    assert "deals: 1 rows" in capsys.readouterr().out


def test_trying_a_bad_file_says_what_is_wrong(
    firm: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    problems(lambda: firm.read_rows("1;Успех;x;;;Ли"))

    assert main([str(firm.folder / "firm.yaml")]) == 1
    assert "deals.csv:2: column `Комиссия`" in capsys.readouterr().err


def test_mapping_folder_is_where_relative_paths_start(firm: Firm) -> None:
    connection = load_connection(firm.mapping("deals.csv", ""), {})

    assert connection.files["deals"].path == firm.folder / "deals.csv"
