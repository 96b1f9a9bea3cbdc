"""Connection files are read and checked in one go, every problem with its line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.mapping.dated_parts import DatedParts
from ingestion.mapping.entities import ALWAYS_GIVEN, ENTITIES
from ingestion.mapping.entity_parts import EntityParts
from ingestion.mapping.file_parts import FileParts
from ingestion.mapping.model import (
    Channel,
    Connection,
    MappingError,
    one_password,
)
from ingestion.mapping.names import (
    CONNECTIONS_FOLDER,
    DEAL_TYPES,
    ENTITY_FIELDS,
    FUNCTIONS,
    LEAD_STATES,
    ROLES,
    SOURCES,
    STAGES,
)
from ingestion.mapping.people_parts import PeopleParts
from ingestion.marked_yaml import (
    Problems,
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
    "free_deal_types",
    "fields",
    "roles",
    "role_weights",
    "departments",
    "settings",
    "access",
    "entities",
    "employees",
    "lead_states",
    "stage_limits",
    "vat",
    "links",
    "files",
)
# Schemas are called after a connection; dlt turns two underscores into one.
_NAME = re.compile(r"(?=.{1,40}\Z)[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CURRENCY = re.compile(r"[A-Z]{3}")


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


class _Reader(EntityParts, PeopleParts, DatedParts, FileParts):
    """Turns the marked tree into a `Connection`, remembering every problem."""

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
            stage_lines=self.stage_lines(),
            channels=self.channels(),
            deal_types=self.choices("deal_types", DEAL_TYPES, "deal type"),
            free_types=self.free_types(),
            fields={
                entity: {name: value for name, (value, _) in columns.items()}
                for entity, columns in fields.items()
            },
            roles={role: value for role, (value, _) in roles.items()},
            role_weights=self.role_weights(source, fields.get("deals", {}), roles),
            departments=self.choices("departments", FUNCTIONS, "function"),
            settings=self.settings(),
            access=self.access(),
            entities=self.entities(),
            accounts=self.accounts(),
            lead_states=self.choices("lead_states", tuple(LEAD_STATES), "lead state"),
            stage_limits=self.stage_limits(pipelines),
            vat=self.vat(),
            links=self.links(),
            files=self.files(pipelines, stages, roles, currency),
            path=self.path,
        )

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

    def links(self) -> dict[str, str]:
        """Addresses of cards; that of deals may stand in ``card_url`` alone."""
        block = self.block(self.top, "links")
        self.known(block, "links", (*ALWAYS_GIVEN["bitrix24"], *ENTITIES), "entity")
        links: dict[str, str] = {}
        for entity, part, _ in block.items():
            link = self.text(part, entity)
            if "{id}" not in link:
                self.bad(block, entity, "has no place for the record: add {id}")
            if "{url}" in link and "url" not in self.top.entries:
                self.bad(block, entity, "uses {url}, but `url` is missing")
            links[entity] = link
        if "deals" in links and "card_url" in self.top.entries:
            self.bad(block, "deals", "is `card_url` already; keep one of them")
        return links

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

    def stage_lines(self) -> dict[str, int]:
        """Where a stage that the system has and the file has not belongs."""
        block = self.block(self.top, "stages")
        return {"": self.top.lines.get("stages", self.top.line), **block.lines}

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

    def free_types(self) -> tuple[str, ...]:
        """Types of the system whose deals may bring no commission."""
        types = self.block(self.top, "deal_types").entries
        free: list[str] = []
        for item in self.items(self.top, "free_deal_types"):
            name = self.text(item, "free_deal_types")
            if name not in types:
                self.problems.add(
                    item.line,
                    f"free_deal_types: `{name}` is no type of `deal_types`"
                    f"{suggestion(name, types)}",
                )
            free.append(name)
        return tuple(free)

    def role_weights(
        self,
        source: str,
        fields: Mapping[str, tuple[str, int]],
        roles: Mapping[str, tuple[str, int]],
    ) -> dict[str, str]:
        """Fields with the percents of several people in one role, in their order."""
        block = self.block(self.top, "role_weights")
        if block.entries and source == "files":
            self.bad(self.top, "role_weights", "belongs to `source: bitrix24`")
        weights: dict[str, str] = {}
        for role, part, line in block.items():
            field = self.text(part, role)
            taken = {
                value: name for name, (value, _) in (*fields.items(), *roles.items())
            }
            if role not in roles:
                self.problems.add(
                    line,
                    f"role_weights: `{role}` has no line in `roles`"
                    f"{suggestion(role, roles)}",
                )
            if field in taken:
                self.problems.add(
                    line,
                    f"{field} is given two meanings: `{taken[field]}` and the weights"
                    f" of role `{role}`; keep the true one",
                )
            if not field:
                self.problems.add(
                    line, f"{role}: no source field; name one or take the line out"
                )
            weights[role] = field
        return weights

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
