"""The portal's Russian texts: titles of fields, options, sentences of the card."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml

from ingestion.demo.portal.schema import (
    AGENCY_DEAL_FIELDS,
    AGENCY_LEAD_FIELDS,
    SMART_PROCESSES,
    Kind,
    UserField,
)

LABELS_FILE = Path(__file__).with_name("labels.yaml")


@dataclass(frozen=True)
class Labels:
    """Everything read from ``labels.yaml``.

    Attributes:
        fields: Title by field name.
        options: Options of the agency's enumerations, id to value.
        texts: Sentences by id.
        smart_processes: Title by entity type id.
    """

    fields: Mapping[str, str]
    options: Mapping[str, Mapping[int, str]]
    texts: Mapping[str, str]
    smart_processes: Mapping[int, str]

    def title(self, name: str) -> str:
        """The title of a field; its name when nobody wrote one."""
        return self.fields.get(name, name)


@cache
def labels() -> Labels:
    """The texts, read once."""
    read = yaml.safe_load(LABELS_FILE.read_text(encoding="utf-8"))
    return Labels(
        fields=MappingProxyType(read["fields"]),
        options=MappingProxyType(read["options"]),
        texts=MappingProxyType(read["texts"]),
        smart_processes=MappingProxyType(read["smart_processes"]),
    )


def agency_user_fields() -> tuple[UserField, ...]:
    """The user fields of the demo agency's deals, leads and smart processes."""
    return (
        *(
            _user_field("deal", name, kind, multiple=multiple)
            for name, (kind, multiple) in AGENCY_DEAL_FIELDS.items()
        ),
        *(
            _user_field("lead", name, kind, multiple=multiple)
            for name, (kind, multiple) in AGENCY_LEAD_FIELDS.items()
        ),
        *(
            _user_field(
                process.name,
                f"UF_CRM_{process.number}_{own}",
                kind,
                multiple=own in process.multiple,
            )
            for process in SMART_PROCESSES
            for own, kind in process.user_fields.items()
        ),
    )


def _user_field(entity: str, name: str, kind: Kind, *, multiple: bool) -> UserField:
    texts = labels()
    return UserField(
        entity,
        name,
        kind,
        texts.title(name),
        multiple=multiple,
        options=tuple(texts.options.get(name, {}).items()),
    )
