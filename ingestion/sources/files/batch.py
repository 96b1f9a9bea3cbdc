"""Files of a connection as raw tables, read without writing anything."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from ingestion.mapping import ENTITY_FIELDS, Connection, FileColumn, FileTable

from .problems import FilesError, Findings
from .reading import Grid, read_grid
from .settings import CURRENCY_SYMBOLS, DAMAGED_ID, PARTICIPANT_FIELDS
from .values import (
    AMOUNT,
    MOMENT,
    Cells,
    Notation,
    amount,
    cells,
    day,
    flag,
    moment,
    person,
    text,
)

_ARROW: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "numeric(18,2)": AMOUNT,
    "date": pa.date32(),
    "timestamptz": MOMENT,
    "boolean": pa.bool_(),
}
_PEOPLE = frozenset({("deals", "responsible_id"), ("employees", "source_id")})


@dataclass(frozen=True)
class FilesBatch:
    """Everything the files of a connection say.

    Attributes:
        tables: ``deals``, ``employees`` and ``deal_participants``, typed.
        warnings: What was read but deserves a look, one sentence each.
        unmapped_stages: (pipeline, stage) without a canonical stage -> deals.
        unknown_people: Person of a deal whom the employee file does not have -> rows.
    """

    tables: Mapping[str, pa.Table]
    warnings: tuple[str, ...]
    unmapped_stages: Mapping[tuple[str, str], int]
    unknown_people: Mapping[str, int]


def read_files(connection: Connection) -> FilesBatch:
    """Read and check every file of a connection.

    Raises:
        FilesError: everything wrong with the files, each with file, line and column.
    """
    all_findings: list[Findings] = []
    read: dict[str, _Reader] = {}
    for entity, table in connection.files.items():
        findings = Findings(table.path.name)
        all_findings.append(findings)
        reader = _Reader(connection, entity, table, findings)
        if reader.read():
            read[entity] = reader
    problems = [line for findings in all_findings for line in findings.texts()]
    if problems:
        raise FilesError(problems)
    deals = read["deals"]
    participants = deals.participants()
    employees = (
        read["employees"].table()
        if "employees" in read
        else _people_of_deals(deals, participants)
    )
    unmapped = _unmapped_stages(connection, deals.table())
    unknown = _unknown_people(deals.table(), participants, employees)
    warnings = [line for findings in all_findings for line in findings.warnings]
    warnings.extend(
        f"{deals.findings.place}: stage `{stage}` of pipeline `{pipeline}` is not"
        f" mapped ({count} deals); add it to `stages` of {connection.path.name}"
        for (pipeline, stage), count in unmapped.items()
    )
    if unknown:
        warnings.append(
            f"{deals.findings.place}: {len(unknown)} people of deals are not among"
            f" the employees: {', '.join(list(unknown)[:5])}"
        )
    return FilesBatch(
        tables={
            "deals": deals.table(),
            "employees": employees,
            "deal_participants": participants,
        },
        warnings=tuple(warnings),
        unmapped_stages=unmapped,
        unknown_people=unknown,
    )


class _Reader:
    """One file of a connection, column by column."""

    def __init__(
        self,
        connection: Connection,
        entity: str,
        table: FileTable,
        findings: Findings,
    ) -> None:
        self.connection = connection
        self.entity = entity
        self.file = table
        self.findings = findings
        self.fields = ENTITY_FIELDS[entity]
        self.roles = dict(connection.roles) if entity == "deals" else {}
        self.zone = ZoneInfo(connection.timezone)
        self.columns: dict[str, pa.Array] = {}
        self.people: dict[str, pa.Array] = {}
        self.grid = Grid(findings.place, {}, {}, np.array([], np.int32), None)

    def read(self) -> bool:
        """Read the file; problems are in the findings."""
        wanted = dict.fromkeys(
            [
                *(column.column for column in self.file.columns.values()),
                *self.file.key,
                *self.roles.values(),
            ]
        )
        grid = read_grid(
            self.file,
            list(wanted),
            self.connection.reporting_currency,
            self.findings,
        )
        if grid is None:
            return False
        self.grid = grid
        for name, kind in self.fields.items():
            self.columns[name] = self.column(name, kind)
        for role, column in self.roles.items():
            self.people[role] = person(self.cells(column, {}))
        self.columns["source_id"] = self.key()
        if self.entity == "deals":
            self.fill_pipeline()
            self.fill_currency()
        self.columns["_raw"] = grid.raw
        self.columns["_file"] = pa.repeat(self.findings.place, grid.rows)
        self.columns["_line"] = pa.array(grid.lines, pa.int32())
        self.collapse()
        return True

    def table(self) -> pa.Table:
        """The raw table."""
        return pa.table(self.columns)

    # ------------------------------------------------------------ columns

    def cells(self, column: str, values: Mapping[str, str]) -> Cells:
        grid = self.grid
        return cells(
            column,
            grid.columns[column],
            values,
            kinds=grid.kinds.get(column),
            lines=grid.lines,
            findings=self.findings,
        )

    def column(self, name: str, kind: str) -> pa.Array:
        """One canonical field of every row."""
        if name in self.file.constants:
            return self.constant(name, kind)
        column = self.file.columns.get(name)
        if column is None:
            return pa.nulls(self.grid.rows, _ARROW[kind])
        values = self.file.values.get(name, {})
        read = self.reader(name, kind, column.date_format or self.file.date_format)
        found = read(self.cells(column.column, values))
        if column.stages:
            nothing = pa.scalar(None, found.type)
            found = pc.if_else(self.in_stages(column), found, nothing)
        return found

    def constant(self, name: str, kind: str) -> pa.Array:
        """A value the mapping gives to every row."""
        one = cells(
            name,
            pa.array([self.file.constants[name]]),
            {},
            kinds=None,
            lines=np.zeros(1, np.int32),
            findings=self.findings,
        )
        value = self.reader(name, kind, None)(one)[0]
        if not value.is_valid:
            return pa.nulls(self.grid.rows, _ARROW[kind])
        return pa.repeat(value, self.grid.rows)

    def reader(
        self, name: str, kind: str, date_format: str | None
    ) -> Callable[[Cells], pa.Array]:
        """How a canonical type is read."""
        if (self.entity, name) in _PEOPLE:
            return person
        match kind:
            case "numeric(18,2)":
                notation = Notation(
                    self.connection.reporting_currency,
                    self.file.decimal,
                    self.file.thousands,
                    self.file.rounding,
                )
                return lambda column: amount(column, notation)
            case "date":
                return lambda column: day(column, date_format, self.zone)
            case "timestamptz":
                return lambda column: moment(column, date_format, self.zone)
            case "boolean":
                return flag
            case _:
                return text

    def in_stages(self, column: FileColumn) -> pa.Array:
        """Rows whose source stage is one of those the column speaks about."""
        stage = self.file.columns.get("crm_stage")
        if stage is None:
            constant = self.file.constants.get("crm_stage")
            return pa.repeat(constant in column.stages, self.grid.rows)
        stages = self.cells(stage.column, self.file.values.get("crm_stage", {}))
        return pc.is_in(stages.texts, pa.array(column.stages))

    def fill_pipeline(self) -> None:
        """Rows without a pipeline belong to the only one, if there is one."""
        pipelines = list(self.connection.pipelines)
        if len(pipelines) == 1:
            self.columns["pipeline"] = pc.fill_null(
                self.columns["pipeline"], pipelines[0]
            )

    def fill_currency(self) -> None:
        """One home, one currency: nothing is converted without a rate."""
        own = self.connection.reporting_currency
        codes = self.columns["currency"]
        foreign = {
            code
            for code in pc.unique(codes).to_pylist()
            if code is not None
            and CURRENCY_SYMBOLS.get(code.lower(), code.upper()) != own
        }
        for place in np.flatnonzero(
            _mask(pc.is_in(codes, pa.array(list(foreign), pa.string())))
        ):
            self.findings.bad(
                int(self.grid.lines[place]),
                f"column `{self.file.columns['currency'].column}`: currency"
                f" {codes[place].as_py()}, reporting_currency is {own}, and there is"
                " no rate",
            )
        self.columns["currency"] = pa.repeat(own, self.grid.rows)

    # ------------------------------------------------------------ keys

    def key(self) -> pa.Array:
        """Identity of the rows: the key column, or several joined by a colon."""
        parts = [self.key_part(column) for column in self.file.key]
        for column in self.file.key:
            empty = pc.is_null(self.cells(column, {}).texts)
            for place in np.flatnonzero(_mask(empty)):
                self.findings.bad(
                    int(self.grid.lines[place]), f"column `{column}`: the key is empty"
                )
        if len(parts) == 1:
            return parts[0]
        escaped = [
            pc.replace_substring(pc.replace_substring(part, "%", "%25"), ":", "%3A")
            for part in parts
        ]
        return pc.binary_join_element_wise(*escaped, ":")

    def key_part(self, column: str) -> pa.Array:
        """A key column; a date in it is written in ISO form whatever the file does."""
        for name, source in self.file.columns.items():
            whole = source.column == column and not source.stages
            if whole and self.fields[name] == "date":
                return pc.cast(self.columns[name], pa.string())
        read = person if (self.entity, "source_id") in _PEOPLE else text
        part = read(self.cells(column, {}))
        for place in np.flatnonzero(
            _mask(pc.match_substring_regex(part, f"(?i)^{DAMAGED_ID.pattern}$"))
        ):
            self.findings.bad(
                int(self.grid.lines[place]),
                f"column `{column}`: `{part[place].as_py()}` is an id that a"
                " spreadsheet rounded; export it again as text",
            )
        return part

    def collapse(self) -> None:
        """Keep the first of identical rows; rows that differ under one key are bad."""
        keys = self.columns["source_id"].to_numpy(zero_copy_only=False)
        first: dict[str, int] = {}
        repeated: list[tuple[int, int]] = []
        for place, key in enumerate(keys):
            if key is not None and first.setdefault(key, place) != place:
                repeated.append((first[key], place))
        if not repeated:
            return
        for one, other in repeated:
            if self.row(one) != self.row(other):
                self.findings.bad(
                    int(self.grid.lines[other]),
                    f"key `{keys[other]}` is already on line {self.grid.lines[one]}"
                    " with other values; correct the file or choose a finer `key`",
                )
        self.findings.warnings.append(
            f"{self.findings.place}: {len(repeated)} identical rows repeat an earlier"
            " one and are counted once"
        )
        keep = np.ones(len(keys), dtype=bool)
        keep[[other for _, other in repeated]] = False
        mask = pa.array(keep)
        self.columns = {name: each.filter(mask) for name, each in self.columns.items()}
        self.people = {role: each.filter(mask) for role, each in self.people.items()}

    def row(self, place: int) -> tuple[object, ...]:
        """What makes two rows the same: the whole deal, the mapped employee."""
        names: Iterable[str] = ("_raw",) if self.entity == "deals" else self.fields
        return tuple(self.columns[name][place].as_py() for name in names)

    # ------------------------------------------------------------ people

    def participants(self) -> pa.Table:
        """One row per deal, role and person."""
        parts = [self.holders(role, people) for role, people in self.people.items()]
        empty = pa.table(
            {name: pa.array([], pa.string()) for name in PARTICIPANT_FIELDS}
        )
        joined = pa.concat_tables([empty, *parts])
        distinct = joined.group_by(joined.column_names, use_threads=False)
        return distinct.aggregate([])

    def holders(self, role: str, people: pa.Array) -> pa.Table:
        """Who holds a role in which deal."""
        deals = self.columns["source_id"]
        if self.file.people_separator:
            lists = pc.split_pattern(people, self.file.people_separator)
            deals = deals.take(pc.list_parent_indices(lists))
            people = pc.utf8_trim_whitespace(pc.list_flatten(lists))
        there = pc.fill_null(pc.not_equal(people, ""), False)
        holders = people.filter(there)
        columns = (deals.filter(there), pa.repeat(role, len(holders)), holders)
        return pa.table(dict(zip(PARTICIPANT_FIELDS, columns, strict=True)))


def _mask(flags: pa.Array) -> np.ndarray:
    found: np.ndarray = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return found


def _people_of_deals(deals: "_Reader", participants: pa.Table) -> pa.Table:
    """Without a file of employees, the people of the deals are the employees."""
    names = _names(deals.columns["responsible_id"], participants)
    people = sorted(name for name in set(names) if name is not None)
    count = len(people)
    fields = ENTITY_FIELDS["employees"]
    columns = {name: pa.nulls(count, _ARROW[kind]) for name, kind in fields.items()}
    columns["source_id"] = pa.array(people, pa.string())
    columns["full_name"] = columns["source_id"]
    columns["_raw"] = pa.nulls(count, pa.large_string())
    columns["_file"] = pa.repeat(deals.findings.place, count)
    columns["_line"] = pa.nulls(count, pa.int32())
    return pa.table(columns)


def _names(responsible: pa.Array, participants: pa.Table) -> list[str | None]:
    people: list[str | None] = responsible.to_pylist()
    people.extend(participants["employee_source_id"].to_pylist())
    return people


def _unmapped_stages(
    connection: Connection, deals: pa.Table
) -> dict[tuple[str, str], int]:
    counts = deals.group_by(["pipeline", "crm_stage"]).aggregate([([], "count_all")])
    return {
        (row["pipeline"] or "", row["crm_stage"] or ""): row["count_all"]
        for row in counts.to_pylist()
        if row["crm_stage"] not in connection.stages.get(row["pipeline"], {})
    }


def _unknown_people(
    deals: pa.Table, participants: pa.Table, employees: pa.Table
) -> dict[str, int]:
    known = set(employees["source_id"].to_pylist())
    names = _names(deals["responsible_id"], participants)
    counts = Counter(name for name in names if name is not None and name not in known)
    return dict(counts.most_common())
