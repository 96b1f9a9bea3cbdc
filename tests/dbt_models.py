"""Models of the project as SQL over tables of a test, without a run of dbt.

Jinja renders a model's own file with the project's own macros; a relation has the name
that dbt would give it, without the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

import jinja2

from orchestration.transformation import PROJECT

SCHEMAS = {"int": "dbt_intermediate", "fct": "dbt_core", "dim": "dbt_core"}
SOURCES = {"published": "reports"}
_MACRO = re.compile(
    r"\{%-?\s*macro\s+(?P<name>\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL
)


class _ReturnError(Exception):
    """What ``return`` of dbt does: a macro gives a value instead of text."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def relation(name: str) -> str:
    """Where dbt builds a model."""
    return f"{SCHEMAS.get(name.partition('_')[0], 'dbt_core')}.{name}"


def model_sql(name: str, *, is_incremental: bool = False) -> str:
    """The SQL of a model, given its name."""
    [file] = (PROJECT / "models").rglob(f"{name}.sql")
    return _rendered(file.read_text(encoding="utf-8"), name, is_incremental)


def template_sql(template: str) -> str:
    """The SQL of a text that calls macros."""
    return _rendered(template, "inline", is_incremental=False)


def _rendered(text: str, name: str, is_incremental: bool) -> str:
    environment = jinja2.Environment(
        extensions=["jinja2.ext.do"],
        autoescape=False,  # noqa: S701 -- SQL is no HTML
    )
    for macro in _macros():
        environment.globals[macro] = _lazily(environment, macro)
    environment.globals.update(_of_dbt(name, is_incremental))
    return environment.from_string(text).render()


def _of_dbt(name: str, is_incremental: bool) -> Mapping[str, object]:
    def given(value: object) -> None:
        raise _ReturnError(value)

    return {
        "ref": relation,
        "source": lambda source, table: f"{SOURCES.get(source, source)}.{table}",
        "this": relation(name),
        "config": lambda **_: "",
        "var": lambda variable: {"timezone": "Europe/Moscow"}[variable],
        "is_incremental": lambda: is_incremental,
        "whole": relation,
        "is_pass_of_changes": lambda: False,
        "execute": True,
        "none": None,
        "return": given,
    }


@cache
def _macros() -> Mapping[str, str]:
    """Text of the project's macros by name; each alone, so that it calls the others."""
    return {
        found["name"]: found.group()
        for file in sorted((PROJECT / "macros").glob("*.sql"))
        for found in _MACRO.finditer(file.read_text(encoding="utf-8"))
    }


def _lazily(environment: jinja2.Environment, macro: str) -> Callable[..., object]:
    """A macro that is compiled when something calls it."""

    def called(*arguments: object, **named: object) -> object:
        module = environment.from_string(_macros()[macro]).module
        try:
            return getattr(module, macro)(*arguments, **named)
        except _ReturnError as given:
            return given.value

    return called
