"""Kinds of decisions, declared in ``kinds.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bi.superset.yaml_file import Node, read_yaml

KINDS = Path(__file__).with_name("kinds.yaml")
TYPES = ("text", "date", "month", "number")
DIRECTORIES = ("usernames", "org_units", "employees", "metrics")


class UnknownKindError(Exception):
    """No such kind of decision; the text names those that exist."""


@dataclass(frozen=True)
class KindColumn:
    """One column of a template.

    Attributes:
        type: One of ``TYPES``.
        known: Directory that has the value, or empty.
        choices: Code to the word that people write; empty where any value may be.
    """

    name: str
    label: str
    hint: str
    type: str
    required: bool
    known: str
    choices: Mapping[str, str]
    width: int


@dataclass(frozen=True)
class Kind:
    """One kind of decision.

    Attributes:
        table: In schema ``decisions``.
        who_may: Roles that may decide.
        unique: Columns that tell one line from another.
        order: Pairs of columns, the second not before the first.
        ended: Columns of months that must be over.
        alternates: Column whose two choices take turns, or empty.
    """

    name: str
    title: str
    about: str
    sheet: str
    table: str
    who_may: tuple[str, ...]
    columns: tuple[KindColumn, ...]
    unique: tuple[str, ...]
    order: tuple[tuple[str, str], ...]
    ended: tuple[str, ...]
    alternates: str

    def column(self, name: str) -> KindColumn:
        """Give a column by name."""
        return next(column for column in self.columns if column.name == name)


def read_kind(name: str, file: Path = KINDS) -> Kind:
    """Give one kind.

    Raises:
        UnknownKindError: there is no such kind.
        CompileError: the declaration is wrong; says where.
    """
    blocks = read_yaml(file, file.parent).fields()
    if name not in blocks:
        near = get_close_matches(name, blocks, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(blocks)}"
        raise UnknownKindError(f"no kind of decision named {name!r}; {hint}")
    node = blocks[name]
    node.only(
        "title", "about", "sheet", "table", "who_may", "columns", "unique", "order",
        "ended", "alternates",
    )  # fmt: skip
    columns = tuple(_column(item) for item in node.require("columns").items())
    names = [column.name for column in columns]

    def named(item: Node) -> str:
        if item.text() not in names:
            raise item.error(f"{item.text()!r} is no column of {name}")
        return item.text()

    pairs = (item.items() for item in node.require("order").items())
    ended, alternates = node.get("ended"), node.get("alternates")
    return Kind(
        name=name,
        title=node.require("title").text(),
        about=node.require("about").text(),
        sheet=node.require("sheet").text(),
        table=node.require("table").text(),
        who_may=tuple(node.texts("who_may")),
        columns=columns,
        unique=tuple(named(item) for item in node.require("unique").items()),
        order=tuple((named(first), named(second)) for first, second in pairs),
        ended=tuple(named(item) for item in ended.items()) if ended else (),
        alternates=named(alternates) if alternates else "",
    )


def _column(node: Node) -> KindColumn:
    node.only("name", "label", "hint", "type", "required", "known", "choices", "width")
    kind, known, choices = node.require("type"), node.get("known"), node.get("choices")
    if kind.text() not in TYPES:
        raise kind.error(f"type {kind.text()!r} is none of {', '.join(TYPES)}")
    if known and known.text() not in DIRECTORIES:
        raise known.error(f"{known.text()!r} is none of {', '.join(DIRECTORIES)}")
    words = choices.fields() if choices else {}
    required = node.require("required")
    if not isinstance(required.value, bool):
        raise required.error("true or false is expected here")
    return KindColumn(
        name=node.require("name").text(),
        label=node.require("label").text(),
        hint=node.require("hint").text(),
        type=kind.text(),
        required=required.value,
        known=known.text() if known else "",
        choices={code: word.text() for code, word in words.items()},
        width=node.require("width").number(),
    )
