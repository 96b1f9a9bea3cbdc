"""The section ``entities``: where advances, documents, leads... of a system lie."""

import re
from collections.abc import Mapping

from ingestion.mapping.entities import ENTITIES
from ingestion.mapping.model import EntitySource
from ingestion.mapping.names import IDENTITY_FIELDS
from ingestion.mapping.parts import Parts
from ingestion.marked_yaml import Block, suggestion

_RAW_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")


class EntityParts(Parts):
    """Reads canonical entities beside deals and employees."""

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
        """Canonical field -> source field, as the file says."""
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
        """Canonical field -> text or raw value -> canonical code."""
        codes = ENTITIES[name].codes
        block = self.block(part, "values")
        self.known(block, f"entities.{name}.values", codes, "field with codes")
        values: dict[str, dict[str, str]] = {}
        for canonical in block.entries:
            known = codes.get(canonical, ())
            values[canonical] = {}
            for text, code_part, line in self.block(block, canonical).items():
                code = self.text(code_part, text)
                # An empty code says that the value has none on purpose.
                if known and code and code not in known:
                    self.problems.add(
                        line,
                        f"unknown code `{code}` of {canonical} in entities.{name}"
                        f"{suggestion(code, known)}",
                    )
                values[canonical][text] = code
        return values
