"""What a connection file says, checked: immutable values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit


class MappingError(ValueError):
    """Connection files that cannot be used; ``problems`` holds one line per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Channel:
    """A value of the system's source list."""

    crm_channel: str
    code: str
    label: str
    group: str
    is_paid: bool


@dataclass(frozen=True)
class Setting:
    """A setting and the first date it is valid on."""

    name: str
    value: str
    valid_from: date


@dataclass(frozen=True)
class AccessUser:
    """A person who reads the warehouse; ``employee`` is the id in the system."""

    username: str
    role: str
    employee: str | None


@dataclass(frozen=True)
class Account:
    """A login that is not a person of its own.

    Attributes:
        login: Id of the account in the system.
        employee: Account that stands for the person; None for a shared login.
    """

    login: str
    employee: str | None
    is_shared: bool


@dataclass(frozen=True)
class StageLimit:
    """How long a deal may stay on a canonical stage of a pipeline.

    Attributes:
        value: A number of `unit`.
        unit: ``calendar_days`` or ``working_hours``.
    """

    pipeline: str
    stage: str
    value: str
    unit: str
    valid_from: date


@dataclass(frozen=True)
class VatMode:
    """How the firm, or one legal entity of it, pays value-added tax from a date on.

    Attributes:
        legal_entity: As deals name it; empty speaks for all that are not named.
        mode: ``none``, ``included`` (amounts contain the tax) or ``excluded``.
    """

    legal_entity: str
    mode: str
    valid_from: date


@dataclass(frozen=True)
class FileColumn:
    """Where a canonical field comes from in a file.

    Attributes:
        stages: Source stages whose rows the column speaks about; empty means all.
        date_format: Overrides the format of the file for this column.
    """

    column: str
    stages: tuple[str, ...] = ()
    date_format: str | None = None


@dataclass(frozen=True)
class FileTable:
    """One file of a connection; what is None is detected or refused when ambiguous.

    Attributes:
        key: Columns that identify a record; several are joined.
        people_separator: Splits a cell of a role into people.
        line: Line of the block in the connection file.
    """

    path: Path
    columns: Mapping[str, FileColumn]
    key: tuple[str, ...]
    line: int
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    rounding: str = "none"
    date_format: str | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    people_separator: str | None = None


@dataclass(frozen=True)
class EntitySource:
    """Where the rows of a canonical entity lie in a system.

    Attributes:
        table: Raw table.
        fields: Canonical field -> source field, those of every portal included.
        values: Canonical field -> text or raw value of the system -> canonical code,
            empty where the value has none on purpose.
    """

    table: str
    fields: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Connection:
    """One connected system of the firm.

    Attributes:
        name: Also the raw schema, ``raw_<name>``.
        url: Address from the settings; may hold a webhook code, so it stays out of
            ``repr``, of the tables and of the fingerprint (see `address`).
        stages: Pipeline -> source stage -> canonical stage.
        deal_types: Source type -> canonical type.
        free_types: Source types whose deals may bring no commission.
        fields: Entity -> canonical field -> source field.
        roles: Role code -> source field of the deal.
        role_weights: Role code -> source field with the percents of its people.
        departments: Id or name in the system -> function.
        entities: Canonical entity -> where it lies, for entities beside deals.
        lead_states: Status of a lead in the system -> state.
        stage_lines: Pipeline -> line of its stages in the file; "" for the section.
        links: Entity -> address of a card with the places ``{url}`` and ``{id}``.
        files: Entity -> file, for source ``files``.
        path: The connection file.
    """

    name: str
    source: str
    title: str
    timezone: str
    reporting_currency: str
    path: Path
    url: str | None = field(default=None, repr=False)
    card_url: str | None = None
    pipelines: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    deal_types: Mapping[str, str] = field(default_factory=dict)
    free_types: tuple[str, ...] = ()
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    role_weights: Mapping[str, str] = field(default_factory=dict)
    departments: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()
    access: tuple[AccessUser, ...] = ()
    entities: Mapping[str, EntitySource] = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()
    lead_states: Mapping[str, str] = field(default_factory=dict)
    stage_limits: tuple[StageLimit, ...] = ()
    vat: tuple[VatMode, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    stage_lines: Mapping[str, int] = field(
        default_factory=dict, repr=False, compare=False
    )
    files: Mapping[str, FileTable] = field(default_factory=dict)

    @property
    def schema(self) -> str:
        """Schema of the raw tables."""
        return f"raw_{self.name}"

    @property
    def address(self) -> str | None:
        """Scheme, host and port of ``url``: what may be shown to people."""
        if not self.url:
            return None
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"

    @property
    def card_addresses(self) -> dict[str, str]:
        """Entity -> link to its card with the place ``{id}`` left open."""
        links = dict(self.links)
        if self.card_url:
            links["deals"] = self.card_url
        return {
            entity: link.replace("{url}", self.address or "")
            for entity, link in links.items()
        }

    @property
    def card_address(self) -> str | None:
        """Link to a deal card with the place ``{id}`` left open."""
        return self.card_addresses.get("deals")


def column_name(source_field: str) -> str:
    """Column of a raw table for a field of the API, as dlt normalises it."""
    # dlt takes about a second to import and most readers of a mapping do not need it.
    from dlt.common.normalizers.naming.snake_case import NamingConvention  # noqa: PLC0415

    return NamingConvention(63).normalize_path(source_field)


def one_password(username: str) -> str:
    """What names the password of a login: signs that a setting cannot hold are one."""
    return re.sub(r"[^A-Z0-9]", "_", username.upper())
