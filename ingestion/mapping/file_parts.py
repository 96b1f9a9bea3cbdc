"""The section ``files``: which column of an export means what."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingestion.mapping.model import FileColumn, FileTable
from ingestion.mapping.names import (
    DECIMALS,
    DELIMITERS,
    ENCODINGS,
    ENTITY_FIELDS,
    IDENTITY_FIELDS,
    ROUNDINGS,
)
from ingestion.mapping.parts import Parts
from ingestion.marked_yaml import Block, Items, Part, Text, suggestion

_FILE_KEYS = (
    "path",
    "sheet",
    "encoding",
    "delimiter",
    "decimal",
    "thousands",
    "rounding",
    "date_format",
    "key",
    "columns",
    "constants",
    "values",
    "people_separator",
)
_DATE_DIRECTIVES = re.compile(r"%(.)")


class FileParts(Parts):
    """Reads the description of exported files."""

    def files(
        self,
        pipelines: Mapping[str, str],
        stages: Mapping[str, Mapping[str, str]],
        roles: Mapping[str, tuple[str, int]],
        currency: str,
    ) -> dict[str, FileTable]:
        """Entity -> the file its rows come from."""
        tables: dict[str, FileTable] = {}
        block = self.block(self.top, "files")
        self.known(block, "files", ENTITY_FIELDS, "entity")
        if block.entries and "deals" not in block.entries:
            self.bad(self.top, "files", "`deals` is missing; it is the table of deals")
        for entity in block.entries:
            if entity not in ENTITY_FIELDS:
                continue
            table = self.file(self.block(block, entity), entity, stages)
            tables[entity] = table
            if entity == "deals":
                self.deal_file(self.block(block, entity), table, pipelines, currency)
                columns = {
                    name: (column.column, table.line)
                    for name, column in table.columns.items()
                }
                self.meanings({}, roles)
                self.role_columns(columns, roles)
        return tables

    def file(
        self, block: Block, entity: str, stages: Mapping[str, Mapping[str, str]]
    ) -> FileTable:
        """One file: what its columns mean and how its cells are read."""
        place = f"files.{entity}"
        self.known(block, place, _FILE_KEYS, "name")
        path = Path(self.required(block, "path"))
        names = ENTITY_FIELDS[entity]
        columns_block = self.block(block, "columns")
        if not columns_block.entries:
            self.bad(block, "columns", "is missing; say what each column means")
        self.known(columns_block, f"{place}.columns", names, "canonical field")
        source_stages = {stage for codes in stages.values() for stage in codes}
        columns = {
            name: self.file_column(part, name, source_stages)
            for name, part, _ in columns_block.items()
        }
        self.column_meanings(columns_block, columns)
        constants_block = self.block(block, "constants")
        self.known(constants_block, f"{place}.constants", names, "canonical field")
        constants = {
            name: self.text(part, name) for name, part, _ in constants_block.items()
        }
        for name in constants:
            if name in columns:
                self.bad(
                    constants_block,
                    name,
                    f"is also a column (line {columns_block.lines[name]}); keep one",
                )
        key = self.key(block, columns)
        decimal = self.detail(block, "decimal", DECIMALS)
        thousands = self.detail(block, "thousands", DECIMALS)
        if thousands is not None and thousands == decimal:
            self.bad(block, "thousands", "is the decimal mark as well; keep one")
        return FileTable(
            path=path if path.is_absolute() else self.path.parent / path,
            columns=columns,
            key=key,
            line=block.line,
            sheet=self.optional(block, "sheet"),
            encoding=self.detail(block, "encoding", ENCODINGS),
            delimiter=DELIMITERS.get(
                self.detail(block, "delimiter", tuple(DELIMITERS)) or ""
            ),
            decimal=decimal,
            thousands=thousands,
            rounding=self.detail(block, "rounding", ROUNDINGS) or "none",
            date_format=self.date_format(block),
            constants=constants,
            values=self.values(block, place, names),
            people_separator=self.optional(block, "people_separator"),
        )

    def date_format(self, block: Block) -> str | None:
        """A format of dates that names every part once."""
        value = self.optional(block, "date_format")
        if value is None:
            return None
        found = _DATE_DIRECTIVES.findall(value)
        if (
            not {"d", "m"} <= set(found)
            or len({"y", "Y"} & set(found)) != 1
            or not set(found) <= set("dmyYHMS")
            or len(set(found)) != len(found)
        ):
            self.bad(
                block,
                "date_format",
                f"`{value}` does not describe a date; use %d, %m and %Y (or %y) once,"
                " with %H, %M, %S for a time",
            )
        return value

    def file_column(self, part: Part, name: str, source_stages: set[str]) -> FileColumn:
        """One column, with the stages it speaks about."""
        if isinstance(part, Text):
            if not part.value:
                self.problems.add(
                    part.line, f"{name}: no column; name one or take the line out"
                )
            return FileColumn(part.value)
        if isinstance(part, Items):
            self.problems.add(part.line, f"{name}: one column expected")
            return FileColumn("")
        self.known(part, f"columns.{name}", ("column", "stages", "date_format"), "name")
        stages: list[str] = []
        for item in self.items(part, "stages"):
            stage = self.text(item, "stages")
            if stage not in source_stages:
                self.problems.add(
                    item.line,
                    f"unknown stage `{stage}` in columns.{name}"
                    f"{suggestion(stage, sorted(source_stages))}",
                )
            stages.append(stage)
        return FileColumn(
            column=self.required(part, "column"),
            stages=tuple(stages),
            date_format=self.date_format(part),
        )

    def column_meanings(self, block: Block, columns: Mapping[str, FileColumn]) -> None:
        """One column has one meaning per stage."""
        first: dict[str, list[str]] = {}
        for name, column in columns.items():
            if name in IDENTITY_FIELDS or not column.column:
                continue
            for other in first.get(column.column, []):
                mine, others = set(column.stages), set(columns[other].stages)
                if mine and others and not mine & others:
                    continue
                self.problems.add(
                    block.lines[name],
                    f"{column.column} is given two meanings: `{other}` (line"
                    f" {block.lines[other]}) and `{name}`; keep the true one or say"
                    f" for which stages: {name}: {{column: ..., stages: [...]}}",
                )
            first.setdefault(column.column, []).append(name)

    def role_columns(
        self,
        columns: Mapping[str, tuple[str, int]],
        roles: Mapping[str, tuple[str, int]],
    ) -> None:
        """A column of people is nothing else."""
        people = {"responsible_id"} | IDENTITY_FIELDS
        taken = {
            value: name for name, (value, _) in columns.items() if name not in people
        }
        for role, (value, line) in roles.items():
            if value in taken:
                self.problems.add(
                    line,
                    f"{value} is given two meanings: `{taken[value]}` and role"
                    f" `{role}`; keep the true one",
                )

    def key(self, block: Block, columns: Mapping[str, FileColumn]) -> tuple[str, ...]:
        """Columns that identify a row."""
        part = block.entries.get("key")
        if isinstance(part, Text) and part.value:
            key: tuple[str, ...] = (part.value,)
        else:
            key = tuple(self.text(item, "key") for item in self.items(block, "key"))
        identity = columns.get("source_id")
        if not key and identity is None:
            self.bad(
                block,
                "key",
                "is missing; name the columns that identify a row: `key: [id]`",
            )
        elif key and identity is not None and key != (identity.column,):
            self.bad(
                block, "key", f"differs from source_id ({identity.column}); keep one"
            )
        if len(set(key)) != len(key):
            self.bad(block, "key", "names a column twice")
        return key or ((identity.column,) if identity else ())

    def values(
        self, block: Block, place: str, names: Iterable[str]
    ) -> dict[str, dict[str, str]]:
        """Canonical field -> cell as written -> cell as meant."""
        values_block = self.block(block, "values")
        self.known(values_block, f"{place}.values", names, "canonical field")
        return {
            name: {
                before: self.text(part, before)
                for before, part, _ in self.block(values_block, name).items()
            }
            for name in values_block.entries
        }

    def deal_file(
        self,
        block: Block,
        table: FileTable,
        pipelines: Mapping[str, str],
        currency: str,
    ) -> None:
        """What a file of deals cannot do without."""
        given = {*table.columns, *table.constants}
        if "crm_stage" not in given:
            self.bad(
                block,
                "columns",
                "crm_stage is missing; map it, or give every row one stage:"
                " `constants: {crm_stage: ...}`",
            )
        pipeline = table.constants.get("pipeline")
        constants = self.block(block, "constants")
        if pipeline is not None and pipeline not in pipelines:
            self.bad(
                constants,
                "pipeline",
                f"unknown pipeline `{pipeline}`{suggestion(pipeline, list(pipelines))}",
            )
        if "pipeline" not in given and len(pipelines) != 1:
            self.bad(
                block,
                "columns",
                "pipeline is missing and there are several; map it or give a constant",
            )
        constant = table.constants.get("currency", currency)
        if constant != currency:
            self.bad(
                constants,
                "currency",
                f"{constant} is not the reporting_currency {currency}, and there is no"
                " rate to convert it",
            )
