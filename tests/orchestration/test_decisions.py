"""Decisions of people: what the door takes, and what it answers to the rest."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import psycopg
import pytest
from openpyxl import Workbook, load_workbook

from bi.superset.yaml_file import CompileError
from orchestration.decisions import Decided, DecisionError, decide, template
from orchestration.decisions.kinds import KINDS, UnknownKindError
from orchestration.warehouse import Warehouse
from tests.conftest import Postgres
from tests.registry_sample import provisioned

KIND = "scope_exception"
GOOD = ("agent", "5", date(2026, 11, 1), date(2026, 12, 31), "Замена на отпуск")
Row = Sequence[object]


@pytest.fixture(scope="module")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    opened = provisioned(
        tmp_path_factory.mktemp("home"), postgres.create_database("decisions")
    )
    with opened.connect("transformer") as connection:
        connection.execute("create schema dbt_core")
        connection.execute(
            "create table dbt_core.dim_org_units as select * from (values"
            " ('demo_agency:2', 'Продажи'), ('demo_agency:5', 'Группа 1'))"
            " as units (org_unit_key, name)"
        )
    return opened


@pytest.fixture
def warehouse(shared: Warehouse) -> Iterator[Warehouse]:
    """The shared warehouse; what a test decided is taken back by its administrator."""
    yield shared
    with psycopg.connect(shared.admin_url) as connection:
        connection.execute("truncate decisions.batches cascade")


def filled(folder: Path, *rows: Row, name: str = "решение.xlsx") -> Path:
    """The product's own template with some lines."""
    workbook = load_workbook(io.BytesIO(template(KIND)))
    sheet = workbook["Исключения"]
    for number, row in enumerate(rows, 4):
        for at, value in enumerate(row, 1):
            sheet.cell(row=number, column=at, value=value)
    path = folder / name
    workbook.save(path)
    return path


def changed(folder: Path, change: Callable[[Workbook], None]) -> Path:
    """A well-filled template after some change by hand."""
    path = filled(folder, GOOD)
    workbook = load_workbook(path)
    change(workbook)
    workbook.save(path)
    return path


def hand_in(warehouse: Warehouse, file: Path, author: str = "admin") -> Decided:
    return decide(warehouse, KIND, file, author=author, operator="root")


def answers(warehouse: Warehouse, file: Path, author: str = "admin") -> list[str]:
    """What the door says to a file it refuses; nothing is written."""
    with pytest.raises(DecisionError) as refused:
        hand_in(warehouse, file, author)
    assert counted(warehouse) == (0, 0)
    return [str(error) for error in refused.value.errors]


def counted(warehouse: Warehouse) -> tuple[int, int]:
    with warehouse.connect("transformer") as connection:
        row = connection.execute(
            "select (select count(*) from decisions.batches),"
            " (select count(*) from decisions.scope_exceptions)"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def test_a_filled_template_becomes_a_batch_with_author_and_time(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    blank: Row = (None,) * 5
    without_end = ("group_leader", "2", date(2026, 11, 1), None, " Проект  ")
    done = hand_in(warehouse, filled(tmp_path, GOOD, blank, without_end))
    assert (done.kind, done.lines) == (KIND, 2)
    with warehouse.connect("transformer") as connection:
        batch = connection.execute(
            "select batch_id, kind, author, operator, file_name,"
            " now() - decided_at < interval '1 minute' from decisions.batches"
        ).fetchall()
        lines = connection.execute(
            "select * from decisions.scope_exceptions order by line"
        ).fetchall()
    assert batch == [(done.batch_id, KIND, "admin", "root", "решение.xlsx", True)]
    assert lines == [
        (done.batch_id, 4, *GOOD),
        (done.batch_id, 6, "group_leader", "2", date(2026, 11, 1), None, "Проект"),
    ]


def test_the_template_is_empty_and_tells_what_to_fill() -> None:
    sheet = load_workbook(io.BytesIO(template(KIND)))["Исключения"]
    assert sheet["A1"].value == "Исключения из области видимости"
    assert [cell.value for cell in sheet[3]] == [
        "Логин",
        "Подразделение",
        "Действует с",
        "Действует по",
        "Причина",
    ]
    assert sheet.max_row == 3
    assert sheet["A3"].comment.text == (
        "Логин из списка доступа, например agent (обязательно)"
    )
    kinds = {
        str(rule.sqref): rule.type for rule in sheet.data_validations.dataValidation
    }
    assert kinds["C4:C5003"] == "date"
    assert kinds["A4:A5003"] is None


@pytest.mark.parametrize("author", ["head_of_sales", "agent"])
def test_only_the_declared_roles_may_decide(
    warehouse: Warehouse, tmp_path: Path, author: str
) -> None:
    assert answers(warehouse, filled(tmp_path, GOOD), author) == [
        "Решение «Исключения из области видимости» принимают роли: admin, owner. "
        f"Роль {author}: {author}."
    ]


def test_an_unknown_author_may_not_decide(warehouse: Warehouse, tmp_path: Path) -> None:
    assert answers(warehouse, filled(tmp_path, GOOD), "ivan") == [
        "Человека «ivan» нет в списке доступа этой базы."
    ]


def test_every_mistake_is_told_with_its_cell_and_nothing_is_written(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = filled(
        tmp_path,
        GOOD,
        ("agemt", "99", "01.11.2026", date(2026, 12, 31), "Замена"),
        ("agent", None, date(2026, 11, 2), date(2026, 11, 1), None),
        ("agent", True, datetime(2026, 11, 2, 10, 30), 46000, "x" * 1001),
        GOOD,
    )
    assert answers(warehouse, file) == [
        "A5: сотрудника «agemt» нет в списке доступа; есть: agent",
        "B5: подразделения «99» нет; есть: 2 «Продажи», 5 «Группа 1»",
        "C5: дата записана текстом «01.11.2026»; введите её как дату, например "
        "21.11.2026",
        "B6: заполните «Подразделение»",
        "E6: заполните «Причина»",
        "D6: «Действует по» раньше, чем «Действует с»",
        "B7: «True» не текст",
        "C7: дата со временем; оставьте только дату",
        "D7: дата записана текстом «46000»; введите её как дату, например 21.11.2026",
        "E7: текст длиннее 1000 знаков",
        "A8: строка повторяет строку 4",
    ]


def test_a_name_of_a_unit_is_answered_with_its_number(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = filled(tmp_path, ("agent", "Группа 1", *GOOD[2:]))
    assert answers(warehouse, file) == [
        "B4: подразделения «Группа 1» нет; есть: 5 «Группа 1»"
    ]


def test_a_number_typed_as_a_number_is_a_department(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    assert hand_in(warehouse, filled(tmp_path, ("agent", 5, *GOOD[2:]))).lines == 1


def test_a_formula_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    file = filled(tmp_path, ('="agent"', *GOOD[1:]))
    assert answers(warehouse, file) == ["A4: здесь формула; вставьте значение"]


def test_hostile_text_is_kept_as_text(warehouse: Warehouse, tmp_path: Path) -> None:
    reason = "'); drop table decisions.batches; --"
    hand_in(warehouse, filled(tmp_path, (*GOOD[:4], reason)))
    with warehouse.connect("transformer") as connection:
        row = connection.execute("select reason from decisions.scope_exceptions")
        assert row.fetchone() == (reason,)


def test_columns_may_stand_in_another_order(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    def swap(workbook: Workbook) -> None:
        sheet = workbook["Исключения"]
        for row in (3, 4):
            first, second = sheet.cell(row, 1).value, sheet.cell(row, 5).value
            sheet.cell(row, 1, second)
            sheet.cell(row, 5, first)

    hand_in(warehouse, changed(tmp_path, swap))
    with warehouse.connect("transformer") as connection:
        row = connection.execute("select username from decisions.scope_exceptions")
        assert row.fetchone() == ("agent",)


def test_unknown_missing_and_doubled_columns_are_told(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    def spoil(workbook: Workbook) -> None:
        sheet = workbook["Исключения"]
        sheet["D3"] = "Комментарий"
        sheet["E3"] = "Логин"

    assert answers(warehouse, changed(tmp_path, spoil)) == [
        "D3: столбца «Комментарий» в шаблоне нет; удалите его",
        "E3: столбец «Логин» повторяется",
        "Нет столбца «Действует по». Возьмите шаблон этого решения.",
        "Нет столбца «Причина». Возьмите шаблон этого решения.",
    ]


def test_a_file_without_lines_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    assert answers(warehouse, filled(tmp_path)) == [
        "На листе «Исключения» нет ни одной заполненной строки ниже заголовка."
    ]


def test_an_absent_file_is_told(warehouse: Warehouse, tmp_path: Path) -> None:
    assert answers(warehouse, tmp_path / "нет.xlsx") == [
        "Файла нет.xlsx нет или он не читается. Проверьте путь."
    ]


def test_another_sheet_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    def rename(workbook: Workbook) -> None:
        workbook["Исключения"].title = "План"

    assert answers(warehouse, changed(tmp_path, rename)) == [
        "В книге нет листа «Исключения». Возьмите шаблон этого решения."
    ]


def _not_a_workbook() -> bytes:
    return "логин;подразделение\nagent;5\n".encode("windows-1251")


def _another_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("note.txt", "пусто")
    return stream.getvalue()


def _damaged() -> bytes:
    stream = io.BytesIO()
    source = zipfile.ZipFile(io.BytesIO(template(KIND)))
    with source, zipfile.ZipFile(stream, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            is_sheet = name.endswith("sheet1.xml")
            archive.writestr(
                name, content[: len(content) // 2] if is_sheet else content
            )
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", _not_a_workbook(), _another_archive(), _damaged()],
    ids=["empty", "csv", "another archive", "damaged"],
)
def test_what_is_no_workbook_is_refused(
    warehouse: Warehouse, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "файл.xlsx"
    file.write_bytes(content)
    assert answers(warehouse, file) == [
        "Файл файл.xlsx не читается как книга XLSX. Возьмите шаблон и заполните его."
    ]


def test_an_archive_that_swells_is_refused(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = tmp_path / "файл.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", bytes(101 * 1024 * 1024))
    assert answers(warehouse, file) == ["Файл файл.xlsx больше 5 МБ. Разделите его."]


def test_the_same_decision_is_taken_once(warehouse: Warehouse, tmp_path: Path) -> None:
    done = hand_in(warehouse, filled(tmp_path, GOOD))
    fresh = ("agent", "2", *GOOD[2:])
    with pytest.raises(DecisionError, match=rf"A5: .* \(решение {done.batch_id}\)"):
        hand_in(warehouse, filled(tmp_path, fresh, GOOD))
    assert counted(warehouse) == (1, 1)


def test_decisions_are_only_added(warehouse: Warehouse, tmp_path: Path) -> None:
    hand_in(warehouse, filled(tmp_path, GOOD))
    for statement in (
        "delete from decisions.scope_exceptions",
        "update decisions.scope_exceptions set reason = ''",
        "update decisions.batches set author = 'agent'",
        "truncate decisions.batches cascade",
    ):
        for login in ("loader", "transformer"):
            with (
                warehouse.connect(login) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(statement)


def test_before_the_first_pass_units_are_not_known(
    postgres: Postgres, tmp_path: Path
) -> None:
    empty = provisioned(tmp_path / "home", postgres.create_database("undecided"))
    assert answers(empty, filled(tmp_path, GOOD)) == [
        "Подразделения ещё не загружены: сначала выполните ./reestr run."
    ]


def test_an_unknown_kind_is_named_with_the_near_one() -> None:
    with pytest.raises(UnknownKindError, match="did you mean 'scope_exception'"):
        template("scope_exceptions")


def test_the_next_kind_is_one_block_and_one_table(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    kinds = tmp_path / "kinds.yaml"
    kinds.write_text(
        KINDS.read_text(encoding="utf-8")
        + """
target:
  title: Планы
  about: План на месяц.
  sheet: Планы
  table: targets
  who_may: [head_of_sales]
  columns:
    - name: month
      label: Месяц
      hint: Первое число
      type: date
      required: true
      width: 12
    - name: amount
      label: Сумма
      hint: Рублей
      type: number
      required: true
      width: 15
  unique: [month]
  order: []
""",
        encoding="utf-8",
    )
    with psycopg.connect(warehouse.admin_url) as connection:
        connection.execute(
            "create table decisions.targets (batch_id bigint, line integer,"
            " month date, amount numeric(18, 2))"
        )
        connection.execute(
            f"grant select, insert on decisions.targets to {warehouse.role('loader')}"
        )
    workbook = load_workbook(io.BytesIO(template("target", kinds=kinds)))
    sheet = workbook["Планы"]
    sheet.append([datetime(2026, 12, 1), "сто"])
    file = tmp_path / "план.xlsx"
    workbook.save(file)
    with pytest.raises(DecisionError, match="B4: «сто» не число"):
        decide(
            warehouse, "target", file,
            author="head_of_sales", operator="root", kinds=kinds,
        )  # fmt: skip
    sheet["B4"] = 1234567.89
    workbook.save(file)
    decide(
        warehouse, "target", file, author="head_of_sales", operator="root", kinds=kinds
    )
    with warehouse.connect("loader") as connection:
        rows = connection.execute("select month, amount::text from decisions.targets")
        assert rows.fetchall() == [(date(2026, 12, 1), "1234567.89")]


def test_a_wrong_declaration_is_told_with_its_line(tmp_path: Path) -> None:
    kinds = tmp_path / "kinds.yaml"
    text = KINDS.read_text(encoding="utf-8").replace("type: date", "type: day", 1)
    kinds.write_text(text, encoding="utf-8")
    line = text[: text.index("type: day")].count("\n") + 1
    with pytest.raises(CompileError, match=rf"type 'day' .*kinds\.yaml:{line}\)"):
        template(KIND, kinds=kinds)
