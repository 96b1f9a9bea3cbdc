"""Who may import whom, and where the words of people may stand."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import REPOSITORY
from tests.architecture.tracked import python_files, text_files, tracked_files

OURS = {"bi", "expectations", "ingestion", "orchestration", "tests"}
# A new name here is a new dependency of a whole folder: a decision, not a slip.
MAY_IMPORT = {
    "ingestion/demo/agency": {"ingestion", "numpy", "pandas"},
    "ingestion/demo/portal": {
        "anyio", "ingestion", "numpy", "orjson", "starlette", "uvicorn", "yaml",
    },
    "ingestion": {
        "dlt", "ingestion", "numpy", "openpyxl", "orjson", "pandas", "psycopg",
        "pyarrow", "requests", "tenacity", "yaml",
    },
    "expectations": {"expectations", "great_expectations"},
    "bi/superset/server": {
        "bi", "flask", "flask_appbuilder", "flask_migrate", "jinja2", "markupsafe",
        "superset", "werkzeug", "yaml",
    },
    "bi": {"bi", "openpyxl", "psycopg", "requests", "yaml"},
    "orchestration": {
        "bi", "dagster", "dagster_dbt", "dbt", "dbt_common", "expectations",
        "ingestion", "openpyxl", "orchestration", "psutil", "psycopg", "yaml",
    },
}  # fmt: skip
# Both Python environments run these; neither has all of the other's packages.
IN_BOTH_ENVIRONMENTS = ("bi/catalog.py", "bi/units.py", "bi/excel")
# Folders whose Python holds Russian text, with the reason.
RUSSIAN_TEXT = {
    "expectations/rules": "what people read of a rule",
    "ingestion/sources/files": "words that people's files say yes, no and rouble with",
    "tests": "what is expected on a page and in a cell",
}
CYRILLIC = re.compile("[А-Яа-яЁё]")


def folder_of(path: Path) -> str:
    """The innermost folder with a rule of its own."""
    name = path.relative_to(REPOSITORY).as_posix()
    return max((one for one in MAY_IMPORT if name.startswith(f"{one}/")), key=len)


def imported(path: Path) -> Iterator[str]:
    """Full names of imported modules, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level < 2, f"{path}: relative import out of its folder"
            if node.level == 0:
                yield str(node.module)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_its_border_allows(folder: str) -> None:
    files = [path for path in python_files(folder) if folder_of(path) == folder]
    assert files
    for path in files:
        names = {name.partition(".")[0] for name in imported(path)}
        foreign = names - MAY_IMPORT[folder] - sys.stdlib_module_names
        assert not foreign, path


def test_only_the_conductor_knows_the_other_folders() -> None:
    """Ingestion, expectations and bi can each be taken away alone."""
    for folder, names in MAY_IMPORT.items():
        top = folder.partition("/")[0]
        if top != "orchestration":
            assert names & OURS <= {top}, folder


def test_what_runs_in_both_environments_needs_neither() -> None:
    for path in python_files("bi"):
        name = path.relative_to(REPOSITORY).as_posix()
        if name.startswith(IN_BOTH_ENVIRONMENTS):
            tops = {one.partition(".")[0] for one in imported(path)}
            assert tops <= {"bi", "openpyxl", "yaml", *sys.stdlib_module_names}, name


def test_the_simulator_is_imported_by_nobody_it_measures() -> None:
    """Staging, metrics and rules share no code with the ground truth."""
    for path in python_files("ingestion", "expectations", "bi"):
        name = path.relative_to(REPOSITORY).as_posix()
        if not name.startswith("ingestion/demo/"):
            assert not any(
                one.startswith("ingestion.demo") for one in imported(path)
            ), name


def test_sources_do_not_know_each_other() -> None:
    """A source is a folder that can be copied."""
    for path in python_files("ingestion/sources"):
        own = path.relative_to(REPOSITORY / "ingestion" / "sources").parts[0]
        for name in imported(path):
            if name.startswith("ingestion.sources."):
                assert name.split(".")[2] == own, path


def test_russian_text_stands_in_yaml_and_rules_only() -> None:
    """Docstrings may name a Russian source; what the program says is elsewhere."""
    for path in python_files("bi", "expectations", "ingestion", "orchestration"):
        name = path.relative_to(REPOSITORY).as_posix()
        if name.startswith(tuple(RUSSIAN_TEXT)):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in told:
                assert not CYRILLIC.search(str(node.value)), f"{name}:{node.lineno}"


def test_sql_holds_no_russian_text() -> None:
    files = [path for path in tracked_files() if path.suffix == ".sql"]
    assert len(files) > 50
    for path in files:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\{#.*?#\}|--[^\n]*", "", text, flags=re.DOTALL)
        assert not CYRILLIC.search(text), path


def test_macros_that_order_names_say_letters_by_number() -> None:
    """A file of SQL in the wrong encoding would order names wrongly in silence."""
    text = (REPOSITORY / "dbt_project" / "macros" / "sort_key.sql").read_text("utf-8")
    assert "chr(1105)" in text


def test_tests_do_not_sleep_skip_or_expect_failure() -> None:
    """The one reason to skip: outside material that is not beside the checkout."""
    for path in python_files("tests"):
        name = path.relative_to(REPOSITORY).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                where = f"{name}:{node.lineno}"
                called = ast.unparse(node)
                assert called not in ("time.sleep", "pytest.skip"), where
                assert called not in ("pytest.mark.xfail", "pytest.mark.skip"), where
            if isinstance(node, ast.Call):
                for told in node.keywords:
                    if told.arg == "reason":
                        assert "beside the checkout" in ast.unparse(told.value), name


def test_no_work_is_left_lying_about() -> None:
    """A task has an owner and a place of its own, not a comment."""
    marks = re.compile(r"(#|--|//|<!--).*\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    for name, text in text_files():
        assert not marks.search(text), name


def test_there_is_no_folder_for_things_without_a_name() -> None:
    names = {path.relative_to(REPOSITORY).parts[0] for path in tracked_files()}
    assert not names & {"utils", "common", "lib", "helpers", "scripts", "src"}
