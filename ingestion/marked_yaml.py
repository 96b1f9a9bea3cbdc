"""YAML that remembers its lines.

Scalars stay text as written: ``NO``, ``007`` and ``2026-01-01`` mean what the person
wrote, and the reader of the file decides the type.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import yaml

PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_DEPTH = 20


@dataclass(frozen=True)
class Text:
    """A scalar; an empty one has the value ``""``."""

    value: str
    line: int


@dataclass(frozen=True)
class Items:
    """A list."""

    values: tuple["Part", ...]
    line: int


@dataclass(frozen=True)
class Block:
    """A mapping; ``lines`` holds the line of each key."""

    entries: Mapping[str, "Part"]
    lines: Mapping[str, int]
    line: int

    def items(self) -> Iterator[tuple[str, "Part", int]]:
        """Key, value and line of the key, in the order of the file."""
        for key, part in self.entries.items():
            yield key, part, self.lines[key]


Part = Text | Items | Block


@dataclass
class Problems:
    """What is wrong with a file, collected so that one reading shows everything."""

    path: Path
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        """Remember a problem; the same sentence is kept once."""
        if (line, what) not in self.found:
            self.found.append((line, what))

    def texts(self) -> tuple[str, ...]:
        """``file:line: sentence`` in the order of the lines."""
        return tuple(f"{self.path}:{line}: {what}" for line, what in sorted(self.found))


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean `x`?`` when a known name is near, else the known names."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known: {', '.join(names)}" if names else ""


def read_marked(
    path: Path, environment: Mapping[str, str], problems: Problems
) -> Block | None:
    """Read a YAML file whose top is a mapping; ``${NAME}`` is taken from settings.

    Returns:
        None when the file cannot be read at all; the reason is in ``problems``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        problems.add(1, "no such file; create it or correct REESTR_CONNECTIONS")
        return None
    except UnicodeDecodeError:
        problems.add(1, "is not UTF-8; save the file as UTF-8")
        return None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.add(line, f"is not YAML: {error.problem}")
        return None
    except yaml.YAMLError as error:
        problems.add(1, f"is not YAML: {error}")
        return None
    if not isinstance(node, yaml.MappingNode):
        problems.add(1, "is not a connection; the file starts with `connection: NAME`")
        return None
    return _block(node, environment, problems, 0)


def _part(
    node: yaml.Node, environment: Mapping[str, str], problems: Problems, depth: int
) -> Part:
    line = node.start_mark.line + 1
    if depth > _DEPTH:
        problems.add(line, "is nested too deep or refers to itself")
        return Text("", line)
    if isinstance(node, yaml.MappingNode):
        return _block(node, environment, problems, depth)
    if isinstance(node, yaml.SequenceNode):
        parts = (_part(each, environment, problems, depth + 1) for each in node.value)
        return Items(tuple(parts), line)
    if node.tag == "tag:yaml.org,2002:null":
        return Text("", line)
    return Text(_resolved(str(node.value), line, environment, problems), line)


def _block(
    node: yaml.MappingNode,
    environment: Mapping[str, str],
    problems: Problems,
    depth: int,
) -> Block:
    entries: dict[str, Part] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.add(line, "a key must be a plain name")
            continue
        key = str(key_node.value)
        value = _part(value_node, environment, problems, depth + 1)
        if key in entries:
            problems.add(
                line,
                f"`{key}` is given twice (first on line {lines[key]}); keep one",
            )
            continue
        entries[key] = value
        lines[key] = line
    return Block(entries, lines, node.start_mark.line + 1)


def _resolved(
    text: str, line: int, environment: Mapping[str, str], problems: Problems
) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not environment.get(name):
            problems.add(
                line,
                f"${{{name}}} has no value; set {name} in the environment or in"
                " <home>/.env",
            )
            return name
        return environment[name]

    return PLACEHOLDER.sub(value, text)
