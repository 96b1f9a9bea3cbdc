"""The page of one deal that reports link to."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from ingestion.demo.portal.labels import labels
from ingestion.demo.portal.query import Names, conditions
from ingestion.demo.portal.schema import Entity, Field, Kind
from ingestion.demo.portal.store import PortalStore
from ingestion.demo.portal.values import to_ids, to_integer

TEMPLATE_FILE: Final = Path(__file__).with_name("card.html")
_FUNNEL: Final = re.compile(r"C(\d+):")
_SPACE: Final = "\N{NO-BREAK SPACE}"


def deal_card(store: PortalStore, deal_id: int) -> str | None:
    """The HTML of a deal, everything escaped; ``None`` when there is no such deal."""
    if not store.exists("deal", deal_id):
        return None
    row = store.get("deal", deal_id)
    entity = store.entity("deal")
    people = _Dictionary(store)
    texts = labels().texts
    lines = []
    for field in entity.fields:
        shown = people.shown(field, row.get(field.name))
        value = escape(shown) if shown else f'<span class="empty">{_empty()}</span>'
        title = escape(_title(store, entity, field))
        lines.append(f"<tr><th>{title}</th><td>{value}</td></tr>")
    title = texts["card_title"].format(id=deal_id)
    return _template().substitute(
        title=escape(title), lead=escape(texts["card_lead"]), rows="\n".join(lines)
    )


@cache
def _template() -> Template:
    return Template(TEMPLATE_FILE.read_text(encoding="utf-8"))


def _empty() -> str:
    return escape(labels().texts["card_empty"])


def _title(store: PortalStore, entity: Entity, field: Field) -> str:
    for one in store.user_fields(entity.name):
        if one.name == field.name:
            return one.label
    return labels().title(field.name)


class _Dictionary:
    """Names behind the ids of one card."""

    def __init__(self, store: PortalStore) -> None:
        self._store = store
        self._options = {
            key: value
            for one in store.user_fields("deal")
            for key, value in one.options
        }
        self._ways: dict[Kind, Callable[[object], str]] = {
            Kind.USER: self._people,
            Kind.EMPLOYEE: self._people,
            Kind.ENUMERATION: self._choices,
            Kind.CATEGORY: self._funnel,
            Kind.COMPANY: _link,
            Kind.FLAG: _yes_or_no,
            Kind.BOOLEAN: _yes_or_no,
            Kind.DATE: _date,
            Kind.DATETIME: _moment,
            Kind.MONEY: _money,
            Kind.AMOUNT: _money,
        }

    def shown(self, field: Field, value: object) -> str:
        """A value as people read it; empty when it is not filled."""
        if value in (None, "", False, []):
            return ""
        if field.status_list:
            return self._status(field.status_list, str(value))
        show = self._ways.get(field.kind, str)
        return show(value)

    def _people(self, value: object) -> str:
        return ", ".join(self._person(one) for one in to_ids(value))

    def _person(self, user_id: int) -> str:
        if not self._store.exists("user", user_id):
            return str(user_id)
        row = self._store.get("user", user_id)
        return f"{row['NAME']} {row['LAST_NAME']}".strip() or str(user_id)

    def _choices(self, value: object) -> str:
        return ", ".join(self._options.get(one, str(one)) for one in to_ids(value))

    def _status(self, dictionary: str, status_id: str) -> str:
        """The name of a status; a stage of a funnel is called ``C{funnel}:...``."""
        funnel = _FUNNEL.match(status_id)
        if dictionary == "DEAL_STAGE" and funnel:
            dictionary = f"DEAL_STAGE_{funnel[1]}"
        wanted = {"ENTITY_ID": dictionary, "STATUS_ID": status_id}
        return self._name("status", wanted) or status_id

    def _funnel(self, value: object) -> str:
        wanted = {"ENTITY_TYPE_ID": 2, "@ID": [value]}
        return self._name("category", wanted) or str(value)

    def _name(self, entity: str, wanted: Mapping[str, object]) -> str:
        names = Names(self._store.entity(entity))
        page = self._store.page(
            names,
            (names.entity.by_name["NAME"],),
            conditions=conditions(names, wanted),
            limit=1,
        )
        return str(page.rows[0]["NAME"]) if page.rows else ""


def _yes_or_no(value: object) -> str:
    return labels().texts["card_yes" if value in {"Y", "1"} else "card_no"]


def _link(value: object) -> str:
    return "" if value == "0" else str(value)


def _date(value: object) -> str:
    year, month, day = str(value)[:10].split("-")
    return f"{day}.{month}.{year}"


def _moment(value: object) -> str:
    return f"{_date(value)} {str(value)[11:16]}"


def _money(value: object) -> str:
    amount, _, currency = str(value).partition("|")
    whole, _, cents = amount.partition(".")
    grouped = f"{to_integer(whole):,}".replace(",", _SPACE)
    return f"{grouped},{cents or '00'} {currency}".strip()
