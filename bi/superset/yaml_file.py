"""YAML that people write, with the line of every value for error messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]


class CompileError(Exception):
    """A dashboard file names something that does not exist; says where."""


@dataclass(frozen=True)
class Node:
    """One value of a YAML file and its place.

    Attributes:
        value: Plain value; lists and mappings hold nodes.
    """

    value: str | int | float | bool | list[Node] | dict[str, Node] | None
    file: str
    line: int

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"

    def error(self, message: str) -> CompileError:
        """Give an error that names this place."""
        return CompileError(f"{message} ({self.place})")

    def text(self) -> str:
        """Give the value as text."""
        if isinstance(self.value, str | int | float):
            return str(self.value)
        raise self.error("a text is expected here")

    def number(self) -> int:
        """Give the value as a whole number."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        raise self.error("a whole number is expected here")

    def items(self) -> list[Node]:
        """Give the members of a list."""
        if isinstance(self.value, list):
            return self.value
        raise self.error("a list is expected here")

    def fields(self) -> dict[str, Node]:
        """Give the members of a mapping."""
        if isinstance(self.value, dict):
            return self.value
        raise self.error("a mapping is expected here")

    def get(self, name: str) -> Node | None:
        """Give a member of a mapping, none when absent."""
        return self.fields().get(name)

    def require(self, name: str) -> Node:
        """Give a member of a mapping.

        Raises:
            CompileError: it is absent.
        """
        found = self.get(name)
        if found is None:
            raise self.error(f"{name!r} is missing")
        return found

    def texts(self, name: str) -> list[str]:
        """Give a list of texts of a mapping, empty when absent."""
        found = self.get(name)
        return [item.text() for item in found.items()] if found else []

    def plain(self) -> Value:
        """Give the value without places."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        return self.value

    def only(self, *allowed: str) -> None:
        """Check the names of a mapping.

        Raises:
            CompileError: a name is not allowed here.
        """
        for name, node in self.fields().items():
            if name not in allowed:
                raise node.error(f"{name!r} is none of {', '.join(allowed)}")


def read_yaml(path: Path, root: Path) -> Node:
    """Read a file; places are given relative to a root folder.

    Raises:
        CompileError: the file is not YAML, or a name stands twice in a mapping.
    """
    file = path.relative_to(root).as_posix()
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CompileError(f"not YAML: {error.problem} ({file}:{line})") from error
    if tree is None:
        raise CompileError(f"the file is empty ({file}:1)")
    return _node(tree, file)


def _node(tree: yaml.Node, file: str) -> Node:
    line = tree.start_mark.line + 1
    if isinstance(tree, yaml.MappingNode):
        return Node(dict(_members(tree, file)), file, line)
    if isinstance(tree, yaml.SequenceNode):
        return Node([_node(item, file) for item in tree.value], file, line)
    return Node(yaml.safe_load(yaml.serialize(tree)), file, line)


def _members(tree: yaml.MappingNode, file: str) -> Iterator[tuple[str, Node]]:
    seen: set[str] = set()
    for key, value in tree.value:
        line = key.start_mark.line + 1
        if key.value in seen:
            raise CompileError(f"{key.value!r} stands twice ({file}:{line})")
        seen.add(key.value)
        yield str(key.value), _node(value, file)
