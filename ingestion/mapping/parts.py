"""Small steps of reading a connection file, every problem with its line."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from ingestion.mapping.names import IDENTITY_FIELDS
from ingestion.marked_yaml import Block, Items, Part, Problems, Text, suggestion


class Parts:
    """Reads values of a marked tree, remembering every problem."""

    def __init__(self, path: Path, top: Block, problems: Problems) -> None:
        self.path = path
        self.top = top
        self.problems = problems

    def bad(self, block: Block, key: str, what: str) -> None:
        """Remember a problem of one key."""
        self.problems.add(block.lines.get(key, block.line), f"{key}: {what}")

    def known(self, block: Block, place: str, names: Iterable[str], kind: str) -> None:
        """Remember a problem of one key."""
        known = tuple(names)
        where = f" in {place}" if place else ""
        for key, _, line in block.items():
            if key not in known:
                self.problems.add(
                    line, f"unknown {kind} `{key}`{where}{suggestion(key, known)}"
                )

    def block(self, parent: Block, key: str) -> Block:
        """Names with values; an empty block where there is none."""
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
        """A list; empty where there is none."""
        part = parent.entries.get(key)
        if isinstance(part, Items):
            return part.values
        if part is not None and not (isinstance(part, Text) and not part.value):
            self.bad(parent, key, "a list expected (lines starting with `- `)")
        return ()

    def text(self, part: Part, key: str) -> str:
        """One value."""
        if isinstance(part, Text):
            return part.value
        self.problems.add(part.line, f"{key}: one value expected")
        return ""

    def optional(self, block: Block, key: str) -> str | None:
        """A value that may be missing."""
        part = block.entries.get(key)
        return (self.text(part, key) or None) if part is not None else None

    def required(self, block: Block, key: str) -> str:
        """A value that may be missing."""
        part = block.entries.get(key)
        value = self.text(part, key) if part is not None else ""
        if not value and not isinstance(part, Items | Block):
            self.bad(block, key, f"is missing; add `{key}: ...`")
        return value

    def choice(self, block: Block, key: str, known: tuple[str, ...]) -> str:
        """One of the known words."""
        value = self.required(block, key)
        if value and value not in known:
            self.bad(block, key, f"unknown `{value}`{suggestion(value, known)}")
        return value

    def flag(self, block: Block, key: str) -> bool:
        """``true`` or ``false``."""
        value = self.required(block, key)
        if value and value.lower() not in {"true", "false"}:
            self.bad(block, key, f"`{value}` is not true or false")
        return value.lower() == "true"

    def choices(self, key: str, known: tuple[str, ...], kind: str) -> dict[str, str]:
        """Name -> one of the known words."""
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

    def date(self, block: Block, key: str) -> date | None:
        """A date written like 2026-01-31."""
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

    def detail(self, block: Block, key: str, known: tuple[str, ...]) -> str | None:
        """A word that may be missing, else one of the known."""
        value = self.optional(block, key)
        if value is not None and value not in known:
            names = ", ".join(f"`{name}`" for name in known if name.strip())
            self.bad(block, key, f"unknown `{value}`; known: {names}")
        return value

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
