"""Definitions of workbooks: one file of ``bi/exports`` is one workbook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from bi.superset.yaml_file import CompileError, Node, read_yaml

EXPORTS = Path(__file__).parents[1] / "exports"
#: Rights to money from the widest to none; each may have its own edition.
MONEY_RIGHTS = ("whole", "split", "none")


class UnknownExportError(Exception):
    """No such workbook; the text names those that exist."""


class NoRightsError(Exception):
    """The reader may see no row at all."""


@dataclass(frozen=True)
class ReaderRights:
    """What a reader's keys open.

    Attributes:
        money: ``whole``, ``split`` or ``none``.
        sight: ``company``, ``unit`` or ``employee``.
    """

    money: str
    sight: str


@dataclass(frozen=True)
class ExportColumn:
    """One column of a sheet.

    Attributes:
        width: In characters; 0 for the usual one of its unit.
        title: Said here only where the sheet names a column otherwise than a page.
        link: Column that holds the address behind the cell.
        is_joined: Whether the rows of a record differ in it: all values are shown.
        values: Words in place of codes.
        place: File and line of the column.
    """

    name: str
    width: int
    title: str
    link: str
    values: Mapping[str, str]
    place: str
    is_joined: bool = False


@dataclass(frozen=True)
class SheetDefinition:
    """Columns of one sheet and how its rows stand.

    Attributes:
        order: Columns that sort the rows; those a table lacks are passed over.
        freeze: The last column that stays in sight.
    """

    columns: tuple[ExportColumn, ...]
    order: tuple[str, ...]
    freeze: str


@dataclass(frozen=True)
class FindingsDefinition:
    """The sheet of findings.

    Attributes:
        table: Where they are.
        key: Column that names the record, in both tables.
    """

    table: str
    key: str
    sheet: SheetDefinition


@dataclass(frozen=True)
class DayDefinition:
    """The day that the rows speak of.

    Attributes:
        table: Where the days are that can be asked for.
        column: Column that names a day, there and in the tables of all sheets.
        date: Column with its date.
        moment: Column with the moment that its numbers speak of.
        today: Column that says whether it is today.
    """

    table: str
    column: str
    date: str
    moment: str
    today: str


@dataclass(frozen=True)
class MonthsDefinition:
    """The sheet of the months of the chosen date.

    Attributes:
        by: Column that names the line of a record.
        order: Column that sorts the lines.
        columns: Amounts that are summed.
    """

    by: str
    order: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """One workbook.

    Attributes:
        slug: Name of its file.
        exclusions: Sentence about what is left out.
        editions: Table by the reader's right to money.
        one: Column that names a record: its rows become one line of the sheet.
        choices: Columns of which one value is always chosen, with the value by the
            reader's right to money where nobody chooses; a right that a column says
            nothing of has no such choice.
        choices_table: Where the values to choose from are.
        day: The day that is always chosen, too.
    """

    slug: str
    title: str
    owner: str
    exclusions: str
    editions: Mapping[str, str]
    one: str
    choices: Mapping[str, Mapping[str, str]]
    choices_table: str
    day: DayDefinition
    records: SheetDefinition
    months: MonthsDefinition
    findings: FindingsDefinition
    file: str = field(default="")

    def table_for(self, rights: ReaderRights) -> str:
        """Give the edition that a reader may see."""
        return self.editions[rights.money]

    @property
    def months_fields(self) -> tuple[str, str]:
        """Columns that the sheet of months needs of every record."""
        return self.months.by, self.months.order

    def chosen(
        self, rights: ReaderRights, filters: Mapping[str, Sequence[str]]
    ) -> dict[str, Sequence[str]]:
        """Give the filters with the choices that nobody made, choices first."""
        made = {
            name: filters.get(name) or [by_right[rights.money]]
            for name, by_right in self.choices.items()
            if rights.money in by_right
        }
        return {**made, **{n: v for n, v in filters.items() if n not in made}}


def reader_rights(keys: Iterable[str]) -> ReaderRights:
    """Say what the keys of ``access.user_keys`` open, the widest of each.

    Raises:
        NoRightsError: there is no key.
    """
    known = [key.partition("/")[::2] for key in keys]
    if not known:
        raise NoRightsError("the reader has no scope, so there are no rows to show")
    rights = {right for right, _ in known}
    money = next((right for right in MONEY_RIGHTS if right in rights), "none")
    # The key of the summed shares says who reads, not what.
    levels = {level.partition(":")[0] for _, level in known} - {"reader"}
    if "company" in levels:
        return ReaderRights(money, "company")
    return ReaderRights(money, "employee" if levels == {"employee"} else "unit")


def read_export(slug: str, folder: Path = EXPORTS) -> Export:
    """Read one definition.

    Raises:
        UnknownExportError: there is no such file.
        CompileError: the file is not a definition; says where.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if slug not in files:
        near = get_close_matches(slug, files, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(files)}"
        raise UnknownExportError(f"no workbook named {slug!r}; {hint}")
    root = read_yaml(files[slug], folder.parent)
    root.only(
        "title", "owner", "exclusions", "editions", "one", "choices", "day", "order",
        "freeze", "columns", "months", "findings",
    )  # fmt: skip
    choices, months = root.require("choices"), root.require("months")
    choices.only("table", "columns")
    months.only("by", "order", "columns")
    findings = root.require("findings")
    findings.only("table", "key", "order", "freeze", "columns")
    return Export(
        slug=slug,
        title=root.require("title").text(),
        owner=root.require("owner").text(),
        exclusions=root.require("exclusions").text(),
        editions=_editions(root.require("editions")),
        one=root.require("one").text(),
        choices={
            name: _by_right(node)
            for name, node in choices.require("columns").fields().items()
        },
        choices_table=choices.require("table").text(),
        day=_day(root.require("day")),
        months=MonthsDefinition(
            by=months.require("by").text(),
            order=months.require("order").text(),
            columns=tuple(months.texts("columns")),
        ),
        records=_sheet(root),
        findings=FindingsDefinition(
            table=findings.require("table").text(),
            key=findings.require("key").text(),
            sheet=_sheet(findings),
        ),
        file=root.file,
    )


def _editions(node: Node) -> dict[str, str]:
    node.only(*MONEY_RIGHTS)
    return {right: node.require(right).text() for right in MONEY_RIGHTS}


def _day(node: Node) -> DayDefinition:
    names = ("table", "column", "date", "moment", "today")
    node.only(*names)
    return DayDefinition(**{name: node.require(name).text() for name in names})


def _by_right(node: Node) -> dict[str, str]:
    if not isinstance(node.value, dict):
        return dict.fromkeys(MONEY_RIGHTS, node.text())
    node.only(*MONEY_RIGHTS)
    return {right: value.text() for right, value in node.fields().items()}


def _sheet(node: Node) -> SheetDefinition:
    columns = tuple(_column(item) for item in node.require("columns").items())
    freeze = node.require("freeze")
    if freeze.text() not in {column.name for column in columns}:
        raise freeze.error(f"freeze names {freeze.text()!r}, which is not a column")
    names: set[str] = set()
    for column in columns:
        if column.name in names:
            raise CompileError(f"column {column.name!r} stands twice ({column.place})")
        names.add(column.name)
    return SheetDefinition(
        columns=columns, order=tuple(node.texts("order")), freeze=freeze.text()
    )


def _column(node: Node) -> ExportColumn:
    node.only("name", "width", "title", "link", "values", "joined")
    joined = node.get("joined")
    width, values = node.get("width"), node.get("values")
    return ExportColumn(
        name=node.require("name").text(),
        width=width.number() if width else 0,
        title=_text(node.get("title")),
        link=_text(node.get("link")),
        values=(
            {code: word.text() for code, word in values.fields().items()}
            if values
            else {}
        ),
        place=node.place,
        is_joined=joined is not None and joined.value is True,
    )


def _text(node: Node | None) -> str:
    return node.text() if node else ""
