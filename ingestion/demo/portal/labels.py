"""The portal's Russian texts: titles of fields, options, sentences of the card."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml

from ingestion.demo.portal.schema import AGENCY_DEAL_FIELDS, UserField

LABELS_FILE = Path(__file__).with_name("labels.yaml")


@dataclass(frozen=True)
class Labels:
    """Everything read from ``labels.yaml``.

    Attributes:
        fields: Title by field name.
        options: Options of the agency's enumerations, id to value.
        texts: Sentences by id.
    """

    fields: Mapping[str, str]
    options: Mapping[str, Mapping[int, str]]
    texts: Mapping[str, str]

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
    )


def agency_user_fields() -> tuple[UserField, ...]:
    """The user fields of the demo agency's deals."""
    texts = labels()
    return tuple(
        UserField(
            "deal",
            name,
            kind,
            texts.title(name),
            multiple=multiple,
            options=tuple(texts.options.get(name, {}).items()),
        )
        for name, (kind, multiple) in AGENCY_DEAL_FIELDS.items()
    )
