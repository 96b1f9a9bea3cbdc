"""The docs name only what exists: files, verbs, settings, sentences of errors."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import cli, serving
from orchestration.settings import REPOSITORY

PACKAGES = ("bi", "expectations", "ingestion", "orchestration")
DOCUMENTS = sorted(
    path
    for path in [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "docker").rglob("*.md"),
        *(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.md")),
    ]
)
README = REPOSITORY / "README.md"
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
EXAMPLE = REPOSITORY / ".env.example"

# A copy of .env.example, never committed.
MADE_BY_HAND = {"docker/.env"}
# What our own processes hand to their children; nobody else sets them.
HANDED_ON = {
    "REESTR_PORTAL_WEBHOOK",
    "REESTR_DAGSTER_URL",
    "REESTR_DBT_DATABASE",
    "REESTR_DBT_HOST",
    "REESTR_DBT_PASSWORD",
    "REESTR_DBT_PORT",
    "REESTR_DBT_USER",
    "REESTR_LAUNCHED",
    "REESTR_SUPERSET_DATABASE_URL",
    "REESTR_SUPERSET_FINGERPRINT",
    "REESTR_SUPERSET_HOME",
    "REESTR_SUPERSET_HTTPS",
}
# A firm chooses this name itself; the docs use it as their example.
OF_A_FIRM = {"REESTR_AGENCY_URL"}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SETTING = re.compile(r"REESTR_[A-Z0-9_]*")
PLACE = re.compile(
    r"(?:bi|dbt_project|docker|docs|expectations|ingestion|orchestration|requirements"
    r"|tests)/[\w./-]*"
)


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(REPOSITORY).as_posix() for path in paths]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_link_leads_to_a_file(document: Path) -> None:
    missing = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        target, _, _ = link.partition("#")
        if not target or "://" in target:
            continue
        if not (document.parent / target).exists():
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_place_in_the_text_exists(document: Path) -> None:
    # A place of the repository, or of the folder that the document describes.
    missing = [
        span
        for span in SPAN.findall(document.read_text(encoding="utf-8"))
        if PLACE.fullmatch(span)
        and span not in MADE_BY_HAND
        and not any(
            (folder / span).exists() for folder in (REPOSITORY, document.parent)
        )
    ]
    assert missing == []


def verbs() -> dict[str, argparse.ArgumentParser]:
    """Parsers of the verbs by name."""
    for action in cli._parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the command line has no verbs")


def commands(text: str) -> Iterator[list[str]]:
    """Words of every command in the fences, a text over several lines included."""
    for language, body in FENCE.findall(text):
        if language != "sh":
            continue
        lines = iter(body.splitlines())
        for line in lines:
            whole = line
            while whole.count('"') % 2 or whole.endswith("\\"):
                whole = f"{whole.removesuffix(chr(92))} {next(lines)}"
            yield shlex.split(whole, comments=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_command_is_understood(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for words in commands(text):
        if "./reestr" in words:
            told = words[words.index("./reestr") + 1 :]
            cli._parser().parse_args(told)


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_verb_and_option_in_the_text_exists(document: Path) -> None:
    known = verbs()
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    unknown = []
    for span in SPAN.findall(text):
        if "./reestr" not in span:
            continue
        tail = re.sub(r"--home \S+", "", span.partition("./reestr")[2])
        said = [word for word in tail.split() if not word.startswith("-")]
        if not said or said[0] == "VERB":
            continue
        verb = said[0]
        options = [word for word in tail.split() if word.startswith("--")]
        if verb not in known or not set(options) <= {
            *known[verb]._option_string_actions
        }:
            unknown.append(span)
    assert unknown == []


def test_the_table_of_verbs_is_complete() -> None:
    _, _, section = README.read_text(encoding="utf-8").partition("## The verbs")
    table, _, _ = section.partition("\n`./reestr VERB")
    told = {
        cells[0].split()[0]
        for cells in (SPAN.findall(line) for line in table.splitlines())
        if cells
    }
    assert told == set(verbs())


def test_the_table_of_verbs_names_options_that_exist() -> None:
    known = verbs()
    _, _, section = README.read_text(encoding="utf-8").partition("## The verbs")
    table, _, _ = section.partition("\n`./reestr VERB")
    for line in table.splitlines():
        cells = SPAN.findall(line)
        if not cells:
            continue
        words = " ".join(cells).split()
        options = {word for word in words[1:] if word.startswith("--")}
        assert options <= set(known[words[0]]._option_string_actions), line


def test_the_readme_begins_with_two_commands() -> None:
    """One to see it, one to trust it; what CI runs is the second."""
    first = next(commands(README.read_text(encoding="utf-8")))
    both = list(commands(README.read_text(encoding="utf-8")))[:2]
    assert first == ["./reestr", "demo"]
    assert both == [["./reestr", "demo"], ["./reestr", "test"]]
    ci = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert "exec ./reestr test\n" in ci


def example_settings() -> set[str]:
    """Names that the example explains."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return set(re.findall(r"^# (REESTR_[A-Z0-9_]+)=", text, re.MULTILINE))


def code_settings() -> set[str]:
    """Names in the code; one that ends with an underscore is the head of many."""
    files = [
        REPOSITORY / "reestr",
        REPOSITORY / "docker" / "compose.yaml",
        *(REPOSITORY / "ingestion" / "connections").glob("*.yaml"),
        *(
            path
            for name in PACKAGES
            for path in (REPOSITORY / name).rglob("*.py")
            # What runs inside Superset gets its settings from bi/superset/process.py.
            if "server" not in path.relative_to(REPOSITORY).parts
        ),
    ]
    found: set[str] = set()
    for path in files:
        found |= set(SETTING.findall(path.read_text(encoding="utf-8")))
    ports = {f"REESTR_{name.upper()}_PORT" for name in serving.USUAL_PORTS}
    return found - {"REESTR_"} | ports


def test_the_example_explains_every_setting_of_the_code() -> None:
    explained = example_settings()
    missing = {
        name
        for name in code_settings() - HANDED_ON
        if not any(
            one == name or (name.endswith("_") and one.startswith(name))
            for one in explained
        )
    }
    assert missing == set()


def test_the_example_explains_nothing_else() -> None:
    known = code_settings()
    heads = tuple(name for name in known if name.endswith("_"))
    unread = {
        name
        for name in example_settings() - OF_A_FIRM
        if name not in known and not name.startswith(heads)
    }
    assert unread == set()


def test_the_example_sets_nothing() -> None:
    """A copy of it changes nothing until somebody takes a comment sign away."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_setting_in_the_text_is_explained(document: Path) -> None:
    explained = example_settings()
    heads = {"REESTR_", "REESTR_PERSON"}
    told = set(SETTING.findall(document.read_text(encoding="utf-8"))) - heads
    assert told - explained - code_settings() == set()


def rows_of_how_to_add() -> list[str]:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    _, _, section = text.partition("## How do I add …")
    section, _, _ = section.partition("\n## ")
    rows = [line for line in section.splitlines() if line.startswith("| a")]
    assert rows
    return rows


@pytest.mark.parametrize("row", rows_of_how_to_add(), ids=lambda row: row.split("|")[1])
def test_how_to_add_names_places_that_exist(row: str) -> None:
    places = LINK.findall(row)
    assert places
    assert [place for place in places if not (REPOSITORY / place).exists()] == []


def test_how_to_add_names_constants_that_exist() -> None:
    pairs = re.findall(
        r"`([A-Z_]+)` of \[`[^`]+`\]\(([^)]+)\)", "\n".join(rows_of_how_to_add())
    )
    assert pairs
    for constant, place in pairs:
        code = (REPOSITORY / place).read_text(encoding="utf-8")
        assert re.search(rf"^{constant}\b", code, re.MULTILINE), (constant, place)


def sentences_of_the_code() -> str:
    """Every text constant of the packages; adjacent literals are one text."""
    return "\n".join(
        node.value
        for name in PACKAGES
        for path in (REPOSITORY / name).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_runbooks_quote_errors_that_the_code_says() -> None:
    """Somebody searches a runbook for the words on the screen."""
    said = sentences_of_the_code()
    quoted: list[str] = []
    for document in sorted((REPOSITORY / "docs" / "runbooks").glob("*.md")):
        text = document.read_text(encoding="utf-8")
        _, _, table = text.partition("| it says |")
        for line in table.partition("\n\n")[0].splitlines()[2:]:
            quoted += SPAN.findall(line.split("|")[1])
        for _, body in FENCE.findall(text):
            quoted += re.findall(r"^reestr: (another pass is under way)", body)
    parts = [part.strip() for one in quoted for part in one.split("…")]
    told = [part for part in parts if len(part) >= 15]
    assert told
    assert [part for part in told if part not in said] == []
