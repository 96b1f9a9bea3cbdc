"""Connection files are read and checked in one go, every problem with its line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.mapping.entities import ENTITIES
from ingestion.mapping.model import (
    AccessUser,
    Channel,
    Connection,
    EntitySource,
    FileColumn,
    FileTable,
    MappingError,
    Setting,
    one_password,
)
from ingestion.mapping.names import (
    ACCESS_ROLES,
    CONNECTIONS_FOLDER,
    DEAL_TYPES,
    DECIMALS,
    DEFAULT_SETTINGS,
    DELIMITERS,
    ENCODINGS,
    ENTITY_FIELDS,
    FUNCTIONS,
    IDENTITY_FIELDS,
    RESERVED_USERNAMES,
    ROLES,
    ROUNDINGS,
    SOURCES,
    STAGES,
    USERNAME,
)
from ingestion.marked_yaml import (
    Block,
    Items,
    Part,
    Problems,
    Text,
    read_marked,
    suggestion,
)

_TOP_KEYS = (
    "connection",
    "source",
    "title",
    "url",
    "card_url",
    "timezone",
    "reporting_currency",
    "pipelines",
    "stages",
    "channels",
    "deal_types",
    "fields",
    "roles",
    "departments",
    "settings",
    "access",
    "entities",
    "files",
)
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
# Schemas are called after a connection; dlt turns two underscores into one.
_NAME = re.compile(r"(?=.{1,40}\Z)[a-z][a-z0-9]*(_[a-z0-9]+)*")
_RAW_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DATE_DIRECTIVES = re.compile(r"%(.)")


def connection_path(name: str) -> Path:
    """File of a connection: a name in ``ingestion/connections`` or a path."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    return CONNECTIONS_FOLDER / f"{name}.yaml"


def load_connections(
    names: Iterable[str], environment: Mapping[str, str]
) -> list[Connection]:
    """Load the connections of a home, names or paths, and check them together.

    Raises:
        MappingError: every problem of every file.
    """
    connections: list[Connection] = []
    problems: list[str] = []
    for name in names:
        try:
            connections.append(load_connection(connection_path(name), environment))
        except MappingError as error:
            problems.extend(error.problems)
    if problems:
        raise MappingError(problems)
    check_together(connections)
    return connections


def check_together(connections: Sequence[Connection]) -> None:
    """Raise `MappingError` when the connections cannot live in one home."""
    problems: list[str] = []
    seen: dict[tuple[str, str], Connection] = {}
    people: dict[str, Connection] = {}
    for connection in connections:
        for what, value in (("source", connection.source), ("name", connection.name)):
            first = seen.setdefault((what, value), connection)
            if first is not connection:
                problems.append(
                    f"{connection.path}:1: a second connection with {what} `{value}`"
                    f" (the first is {first.path}); a home has one per {what}: use"
                    " another home (--home) or take one out of REESTR_CONNECTIONS"
                )
        for user in connection.access:
            first = people.setdefault(one_password(user.username), connection)
            if first is not connection:
                problems.append(
                    f"{connection.path}:1: access: `{user.username}` stands in"
                    f" {first.path} too; one line per person in a home"
                )
        first = connections[0]
        for key in ("timezone", "reporting_currency"):
            mine, other = getattr(connection, key), getattr(first, key)
            if mine != other:
                problems.append(
                    f"{connection.path}:1: {key} {mine} differs from {other} of"
                    f" {first.path}; a home has one {key}, use another home (--home)"
                )
    if problems:
        raise MappingError(problems)


def load_connection(path: Path, environment: Mapping[str, str]) -> Connection:
    """Read and check one connection file.

    Args:
        path: The YAML file.
        environment: Values for ``${NAME}``.

    Raises:
        MappingError: everything that is wrong, each with file and line.
    """
    problems = Problems(path)
    block = read_marked(path, environment, problems)
    connection = None
    if block is not None:
        connection = _Reader(path, block, problems).connection()
    if problems.found or connection is None:
        raise MappingError(problems.texts())
    return connection


class _Reader:
    """Turns the marked tree into a `Connection`, remembering every problem."""

    def __init__(self, path: Path, top: Block, problems: Problems) -> None:
        self.path = path
        self.top = top
        self.problems = problems

    def connection(self) -> Connection:
        """Read the parts in the order of the file's description."""
        self.known(self.top, "", _TOP_KEYS, "part")
        source = self.choice(self.top, "source", SOURCES)
        self.source_parts(source)
        pipelines = self.pipelines()
        stages = self.stages(pipelines)
        roles = self.roles()
        fields = self.fields()
        currency = self.required(self.top, "reporting_currency")
        if currency and not _CURRENCY.fullmatch(currency):
            self.bad(
                self.top,
                "reporting_currency",
                f"`{currency}` is not a currency code; write three capitals like RUB",
            )
        if source == "bitrix24":
            self.meanings(fields.get("deals", {}), roles)
        return Connection(
            name=self.name(),
            source=source,
            title=self.required(self.top, "title"),
            url=self.optional(self.top, "url"),
            card_url=self.card_url(),
            timezone=self.timezone(),
            reporting_currency=currency,
            pipelines=pipelines,
            stages=stages,
            channels=self.channels(),
            deal_types=self.choices("deal_types", DEAL_TYPES, "deal type"),
            fields={
                entity: {name: value for name, (value, _) in columns.items()}
                for entity, columns in fields.items()
            },
            roles={role: value for role, (value, _) in roles.items()},
            departments=self.choices("departments", FUNCTIONS, "function"),
            settings=self.settings(),
            access=self.access(),
            entities=self.entities(),
            files=self.files(pipelines, stages, roles, currency),
            path=self.path,
        )

    # ------------------------------------------------------------ small readers

    def bad(self, block: Block, key: str, what: str) -> None:
        self.problems.add(block.lines.get(key, block.line), f"{key}: {what}")

    def known(self, block: Block, place: str, names: Iterable[str], kind: str) -> None:
        known = tuple(names)
        where = f" in {place}" if place else ""
        for key, _, line in block.items():
            if key not in known:
                self.problems.add(
                    line, f"unknown {kind} `{key}`{where}{suggestion(key, known)}"
                )

    def block(self, parent: Block, key: str) -> Block:
        part = parent.entries.get(key)
        if isinstance(part, Block):
            return part
        line = parent.lines.get(key, parent.line)
        if part is not None and not (isinstance(part, Text) and not part.value):
            self.problems.add(
                line, f"{key}: names with values expected (`name: value`)"
            )
        return Block({}, {}, line)

    def items(self, parent: Block, key: str) -> tuple[Part, ...]:
        part = parent.entries.get(key)
        if isinstance(part, Items):
            return part.values
        if part is not None and not (isinstance(part, Text) and not part.value):
            self.bad(parent, key, "a list expected (lines starting with `- `)")
        return ()

    def text(self, part: Part, key: str) -> str:
        if isinstance(part, Text):
            return part.value
        self.problems.add(part.line, f"{key}: one value expected")
        return ""

    def optional(self, block: Block, key: str) -> str | None:
        part = block.entries.get(key)
        return (self.text(part, key) or None) if part is not None else None

    def required(self, block: Block, key: str) -> str:
        part = block.entries.get(key)
        value = self.text(part, key) if part is not None else ""
        if not value and not isinstance(part, Items | Block):
            self.bad(block, key, f"is missing; add `{key}: ...`")
        return value

    def choice(self, block: Block, key: str, known: tuple[str, ...]) -> str:
        value = self.required(block, key)
        if value and value not in known:
            self.bad(block, key, f"unknown `{value}`{suggestion(value, known)}")
        return value

    def flag(self, block: Block, key: str) -> bool:
        value = self.required(block, key)
        if value and value.lower() not in {"true", "false"}:
            self.bad(block, key, f"`{value}` is not true or false")
        return value.lower() == "true"

    def choices(self, key: str, known: tuple[str, ...], kind: str) -> dict[str, str]:
        chosen: dict[str, str] = {}
        for name, part, line in self.block(self.top, key).items():
            value = self.text(part, name)
            if value not in known:
                self.problems.add(
                    line,
                    f"unknown {kind} `{value}` in {key}{suggestion(value, known)}",
                )
            chosen[name] = value
        return chosen

    # ------------------------------------------------------------ parts

    def name(self) -> str:
        name = self.required(self.top, "connection")
        if name and not _NAME.fullmatch(name):
            self.bad(
                self.top,
                "connection",
                f"`{name}` cannot name a schema; use words of a-z and 0-9 with"
                " single _ between them, up to 40 letters",
            )
        return name

    def timezone(self) -> str:
        zone = self.required(self.top, "timezone")
        if zone:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                self.bad(
                    self.top,
                    "timezone",
                    f"`{zone}` is not a time zone; write a name like Europe/Moscow",
                )
        return zone

    def card_url(self) -> str | None:
        card_url = self.optional(self.top, "card_url")
        if card_url and "{id}" not in card_url:
            self.bad(self.top, "card_url", "has no place for the deal: add {id}")
        if card_url and "{url}" in card_url and "url" not in self.top.entries:
            self.bad(self.top, "card_url", "uses {url}, but `url` is missing")
        return card_url

    def source_parts(self, source: str) -> None:
        """Check that the parts of a connection fit its source."""
        if source == "bitrix24":
            self.required(self.top, "url")
            url = self.optional(self.top, "url")
            if url and not re.match(r"https?://[^/]+", url):
                self.bad(self.top, "url", "is not an address; start with https://")
            if "fields" not in self.top.entries:
                self.bad(self.top, "fields", "is missing; add `fields: {deals: ...}`")
            if "files" in self.top.entries:
                self.bad(self.top, "files", "belongs to `source: files`")
        elif source == "files":
            if "files" not in self.top.entries:
                self.bad(self.top, "files", "is missing; add `files: {deals: ...}`")
            if "fields" in self.top.entries:
                self.bad(
                    self.top,
                    "fields",
                    "is for a CRM; name columns in files.deals.columns",
                )
        if "stages" not in self.top.entries:
            self.bad(self.top, "stages", "is missing; say what each stage means")

    def pipelines(self) -> dict[str, str]:
        labels: dict[str, str] = {}
        block = self.block(self.top, "pipelines")
        if not block.entries:
            self.bad(self.top, "pipelines", "is missing; name at least one pipeline")
        for pipeline in block.entries:
            attributes = self.block(block, pipeline)
            self.known(attributes, f"pipelines.{pipeline}", ("label",), "name")
            labels[pipeline] = self.required(attributes, "label")
        return labels

    def stages(self, pipelines: Mapping[str, str]) -> dict[str, dict[str, str]]:
        stages: dict[str, dict[str, str]] = {}
        block = self.block(self.top, "stages")
        for pipeline, _, line in block.items():
            if pipeline not in pipelines:
                self.problems.add(
                    line,
                    f"stages of an unknown pipeline `{pipeline}`"
                    f"{suggestion(pipeline, list(pipelines))}",
                )
            codes: dict[str, str] = {}
            for crm_stage, part, stage_line in self.block(block, pipeline).items():
                code = self.text(part, crm_stage)
                if code not in STAGES:
                    self.problems.add(
                        stage_line,
                        f"unknown stage `{code}` for {crm_stage}"
                        f"{suggestion(code, STAGES)}",
                    )
                codes[crm_stage] = code
            stages[pipeline] = codes
        for pipeline in pipelines:
            if not stages.get(pipeline) and block.entries:
                self.bad(
                    self.top,
                    "stages",
                    f"pipeline `{pipeline}` has no stages; add stages.{pipeline}",
                )
        return stages

    def channels(self) -> tuple[Channel, ...]:
        channels: list[Channel] = []
        codes: dict[str, str] = {}
        block = self.block(self.top, "channels")
        for crm_channel, _, line in block.items():
            attributes = self.block(block, crm_channel)
            place = f"channels.{crm_channel}"
            self.known(attributes, place, ("label", "group", "is_paid", "code"), "name")
            code = self.required(attributes, "code")
            if code and code in codes:
                self.problems.add(
                    line,
                    f"channels {codes[code]} and {crm_channel} share the code `{code}`;"
                    " give each its own",
                )
            codes.setdefault(code, crm_channel)
            channels.append(
                Channel(
                    crm_channel=crm_channel,
                    code=code,
                    label=self.required(attributes, "label"),
                    group=self.required(attributes, "group"),
                    is_paid=self.flag(attributes, "is_paid"),
                )
            )
        return tuple(channels)

    def fields(self) -> dict[str, dict[str, tuple[str, int]]]:
        fields: dict[str, dict[str, tuple[str, int]]] = {}
        block = self.block(self.top, "fields")
        self.known(block, "fields", ENTITY_FIELDS, "entity")
        for entity in block.entries:
            columns = self.block(block, entity)
            names = tuple(ENTITY_FIELDS.get(entity, ()))
            if names:
                self.known(columns, f"fields.{entity}", names, "canonical field")
            fields[entity] = {
                name: (self.text(part, name), line)
                for name, part, line in columns.items()
            }
            for name, (value, line) in fields[entity].items():
                if not value:
                    self.problems.add(
                        line, f"{name}: no source field; name one or take the line out"
                    )
        return fields

    def entities(self) -> dict[str, EntitySource]:
        """Entities beside deals and employees: raw table, fields, codes of values."""
        sources: dict[str, EntitySource] = {}
        block = self.block(self.top, "entities")
        self.known(block, "entities", ENTITIES, "entity")
        for name in block.entries:
            if name not in ENTITIES:
                continue
            entity = ENTITIES[name]
            part = self.block(block, name)
            place = f"entities.{name}"
            self.known(part, place, ("table", "fields", "values"), "name")
            table = self.optional(part, "table") or entity.table
            if table is None:
                self.bad(
                    part, "table", f"is missing in {place}; name it: `table: spa_1042`"
                )
            elif not _RAW_TABLE.fullmatch(table):
                self.bad(
                    part, "table", f"`{table}` is not a raw table; write it like deals"
                )
            values = self.entity_values(part, name)
            sources[name] = EntitySource(
                table=table or "",
                fields={**entity.own, **self.entity_fields(part, name, values)},
                values=values,
            )
        return sources

    def entity_fields(
        self, part: Block, name: str, values: Mapping[str, Mapping[str, str]]
    ) -> dict[str, str]:
        place = f"entities.{name}.fields"
        block = self.block(part, "fields")
        self.known(block, place, ENTITIES[name].fields, "canonical field")
        fields: dict[str, str] = {}
        first: dict[str, str] = {}
        for canonical, value_part, line in block.items():
            value = self.text(value_part, canonical)
            fields[canonical] = value
            if not value:
                self.problems.add(
                    line, f"{canonical}: no source field; name one or take the line out"
                )
            if canonical in IDENTITY_FIELDS or not value:
                continue
            other = first.setdefault(value, canonical)
            # One text may tell two things when both are told apart by its value.
            if other != canonical and not (canonical in values and other in values):
                self.problems.add(
                    line,
                    f"{value} is given two meanings: `{other}` (line"
                    f" {block.lines[other]}) and `{canonical}`; keep the true one or"
                    f" say in {name}.values which text means what",
                )
        return fields

    def entity_values(self, part: Block, name: str) -> dict[str, dict[str, str]]:
        codes = ENTITIES[name].codes
        block = self.block(part, "values")
        self.known(block, f"entities.{name}.values", codes, "field with codes")
        values: dict[str, dict[str, str]] = {}
        for canonical in block.entries:
            known = codes.get(canonical, ())
            values[canonical] = {}
            for text, code_part, line in self.block(block, canonical).items():
                code = self.text(code_part, text)
                if known and code not in known:
                    self.problems.add(
                        line,
                        f"unknown code `{code}` of {canonical} in entities.{name}"
                        f"{suggestion(code, known)}",
                    )
                values[canonical][text] = code
        return values

    def roles(self) -> dict[str, tuple[str, int]]:
        block = self.block(self.top, "roles")
        self.known(block, "roles", ROLES, "role")
        roles = {
            role: (self.text(part, role), line) for role, part, line in block.items()
        }
        for role, (value, line) in roles.items():
            if not value:
                self.problems.add(
                    line, f"{role}: no source field; name one or take the line out"
                )
        return roles

    def meanings(
        self,
        fields: Mapping[str, tuple[str, int]],
        roles: Mapping[str, tuple[str, int]],
    ) -> None:
        """One source field has one meaning.

        A field that identifies the record may have one more, and one person may hold
        several roles.
        """
        first: dict[str, tuple[str, int]] = {}
        for name, (value, line) in fields.items():
            if name in IDENTITY_FIELDS or not value:
                continue
            if value in first:
                other, other_line = first[value]
                self.problems.add(
                    line,
                    f"{value} is given two meanings: `{other}` (line {other_line}) and"
                    f" `{name}`; keep the true one",
                )
            first.setdefault(value, (name, line))
        for role, (value, line) in roles.items():
            if value in first and first[value][0] != "responsible_id":
                other, other_line = first[value]
                self.problems.add(
                    line,
                    f"{value} is given two meanings: `{other}` (line {other_line}) and"
                    f" role `{role}`; keep the true one",
                )

    def settings(self) -> tuple[Setting, ...]:
        settings: list[Setting] = []
        lines: dict[tuple[str, date], int] = {}
        for part in self.items(self.top, "settings"):
            if not isinstance(part, Block):
                self.problems.add(
                    part.line, "settings: `- {valid_from: DATE, name: value}` expected"
                )
                continue
            self.known(part, "settings", ("valid_from", *DEFAULT_SETTINGS), "setting")
            valid_from = self.date(part, "valid_from")
            for name, value_part, line in part.items():
                if name == "valid_from" or valid_from is None:
                    continue
                value = _number(self.text(value_part, name))
                if value is None:
                    self.problems.add(line, f"{name}: a number expected")
                    continue
                first = lines.setdefault((name, valid_from), line)
                if first != line:
                    self.problems.add(
                        line,
                        f"{name} is set twice from {valid_from} (first on line"
                        f" {first}); keep one of them",
                    )
                settings.append(Setting(name, value, valid_from))
        return tuple(settings)

    def date(self, block: Block, key: str) -> date | None:
        value = self.required(block, key)
        if not value:
            return None
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        self.bad(block, key, f"`{value}` is not a date; write it like 2026-01-31")
        return None

    def access(self) -> tuple[AccessUser, ...]:
        users: list[AccessUser] = []
        lines: dict[str, int] = {}
        for part in self.items(self.top, "access"):
            if not isinstance(part, Block):
                self.problems.add(
                    part.line,
                    "access: `- {username: NAME, role: ROLE, employee: ID}` expected",
                )
                continue
            self.known(part, "access", ("username", "role", "employee"), "name")
            username = self.required(part, "username")
            if username and not USERNAME.match(username):
                self.bad(
                    part,
                    "username",
                    f"`{username}` cannot be a login; use up to 38 of a-z, 0-9, _ . -",
                )
            if username in RESERVED_USERNAMES:
                self.bad(
                    part,
                    "username",
                    f"`{username}` is a login of the product itself; choose another",
                )
            first = lines.setdefault(one_password(username), part.line)
            if username and first != part.line:
                self.bad(
                    part,
                    "username",
                    f"`{username}` is given twice (first on line {first}; . - and _ are"
                    " one here); one line per person",
                )
            role = self.choice(part, "role", ACCESS_ROLES)
            employee = self.optional(part, "employee")
            if role != "admin" and role in ACCESS_ROLES and employee is None:
                self.bad(
                    part,
                    "employee",
                    f"{role} reads by the person's place; add `employee: ID`",
                )
            users.append(AccessUser(username, role, employee))
        return tuple(users)

    # ------------------------------------------------------------ files

    def files(
        self,
        pipelines: Mapping[str, str],
        stages: Mapping[str, Mapping[str, str]],
        roles: Mapping[str, tuple[str, int]],
        currency: str,
    ) -> dict[str, FileTable]:
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

    def detail(self, block: Block, key: str, known: tuple[str, ...]) -> str | None:
        value = self.optional(block, key)
        if value is not None and value not in known:
            names = ", ".join(f"`{name}`" for name in known if name.strip())
            self.bad(block, key, f"unknown `{value}`; known: {names}")
        return value

    def date_format(self, block: Block) -> str | None:
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


def _number(text: str) -> str | None:
    """A setting's number without the percent sign; None when it is not a number."""
    stripped = text.removesuffix("%").strip()
    try:
        value = Decimal(stripped)
    except InvalidOperation:
        return None
    return stripped if value.is_finite() else None
