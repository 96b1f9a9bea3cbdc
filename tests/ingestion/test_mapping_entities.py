"""Entities, logins, states of leads, limits and links of a connection file."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from ingestion.mapping import (
    DEAL_FIELDS,
    EMPLOYEE_FIELDS,
    ENTITIES,
    LEAD_STATES,
    Connection,
    MappingError,
    dbt_vars,
    given_columns,
    landed_columns,
    load_connection,
    mapping_tables,
    unmapped_stages,
    without_absent,
)
from orchestration.transformation import PROJECT
from tests.conftest import Postgres

CRM = """\
connection: firm
source: bitrix24
title: Фирма
url: https://firm.example/rest/1/sesame/
timezone: Europe/Moscow
reporting_currency: RUB
pipelines:
  "0": {label: Продажи}
stages:
  "0": {NEW: lead_new, NO: lost}
fields:
  deals:
    commission: UF_CRM_COMMISSION
roles: {lawyer: UF_CRM_LAWYER}
entities:
  contacts: {}
  advances:
    table: spa_1058
    fields:
      amount: opportunity
      received_date: UF_CRM_7_RECEIVED
      outcome: UF_CRM_7_OUTCOME
    values:
      outcome:
        зачтён: applied
        возвращён: refunded
  service_lines:
    fields: {side: productName}
    values:
      service: {Комиссия: commission}
      side: {Комиссия: seller, Ипотека: ""}
employees:
  accounts:
    "12": ["45", "46"]
    "13": ["47"]
  shared: ["99"]
lead_states:
  NEW: new
  BAD: poor
stage_limits:
  - valid_from: 2020-01-01
    pipeline: "0"
    unit: calendar_days
    limits:
      lead_new: 3
      lost: 1
  - {valid_from: 2026-01-01, pipeline: "0", unit: working_hours, limits: {lead_new: 8}}
links:
  deals: "{url}/deal/{id}/"
  advances: "{url}/spa/1058/{id}/"
vat:
  - {valid_from: 2027-01-01, mode: included}
  - {valid_from: 2027-01-01, legal_entity: Branch, mode: none}
"""


def load(folder: Path, text: str) -> Connection:
    path = folder / "firm.yaml"
    path.write_text(text, encoding="utf-8")
    return load_connection(path, {})


def rows(connection: Connection, table: str) -> list[tuple[object, ...]]:
    """Rows of a mapping table without the connection."""
    return [tuple(row.values())[1:] for row in mapping_tables([connection])[table]]


# ------------------------------------------------------------------ what is read


def test_an_entity_says_its_table_fields_and_codes(tmp_path: Path) -> None:
    firm = load(tmp_path, CRM)

    advances = [row for row in rows(firm, "given_fields") if row[0] == "advances"]
    assert advances == [
        ("advances", "amount", "opportunity", "spa_1058", "opportunity"),
        ("advances", "deal_source_id", "parentId2", "spa_1058", "parent_id2"),
        ("advances", "outcome", "UF_CRM_7_OUTCOME", "spa_1058", "uf_crm_7_outcome"),
        (
            *("advances", "received_date", "UF_CRM_7_RECEIVED", "spa_1058"),
            "uf_crm_7_received",
        ),
        ("advances", "source_id", "id", "spa_1058", "id"),
    ]
    assert rows(firm, "value_codes") == [
        ("advances", "outcome", "возвращён", "refunded"),
        ("advances", "outcome", "зачтён", "applied"),
        ("service_lines", "service", "Комиссия", "commission"),
        # Said to have no code, so nobody is asked for one.
        ("service_lines", "side", "Ипотека", None),
        ("service_lines", "side", "Комиссия", "seller"),
    ]


def test_dbt_knows_the_given_entities_and_their_tables(tmp_path: Path) -> None:
    source = dbt_vars([load(tmp_path, CRM)])["bitrix24"]
    assert isinstance(source, dict)
    entities = source["entities"]
    assert isinstance(entities, list)
    assert {"advances", "contacts", "deals", "stage_visits"} <= set(entities)
    assert "documents" not in entities
    assert source["tables"] == {
        "advances": "spa_1058",
        "contacts": "contacts",
        "service_lines": "product_rows",
    }


def test_a_role_is_a_field_of_participants(tmp_path: Path) -> None:
    """A metric that needs ``deal_participants.lawyer`` finds it."""
    given = {
        f"{column.entity}.{column.field}"
        for column in given_columns(load(tmp_path, CRM))
    }
    assert "deal_participants.lawyer" in given
    assert "deal_participants.deal_owner" not in given
    assert {"stage_visits.entered_at", "org_units.name", "deals.price"} <= given


def test_logins_states_limits_and_links_become_tables(tmp_path: Path) -> None:
    firm = load(tmp_path, CRM)

    assert rows(firm, "employee_accounts") == [
        ("45", "12", False),
        ("46", "12", False),
        ("47", "13", False),
        ("99", None, True),
    ]
    assert rows(firm, "lead_states") == [
        ("BAD", "poor", "poor", "lost"),
        ("NEW", "new", "new", "open"),
    ]
    limits = [(str(row[2]), *row[1:2], *row[3:]) for row in rows(firm, "stage_limits")]
    assert limits == [
        ("2020-01-01", "lead_new", "3", "calendar_days"),
        ("2026-01-01", "lead_new", "8", "working_hours"),
        ("2020-01-01", "lost", "1", "calendar_days"),
    ]
    vat = [(name, str(day), mode) for name, day, mode in rows(firm, "vat_modes")]
    assert vat == [("", "2027-01-01", "included"), ("Branch", "2027-01-01", "none")]
    assert rows(firm, "links") == [
        ("advances", "https://firm.example/spa/1058/{id}/"),
        ("deals", "https://firm.example/deal/{id}/"),
    ]
    assert firm.card_address == "https://firm.example/deal/{id}/"


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "  advances:\n    table",
            "  advancs:\n    table",
            "17: unknown entity `advancs` in entities; did you mean `advances`?",
        ),
        (
            "    table: spa_1058\n",
            "",
            "18: table: is missing in entities.advances; name it: `table: spa_1042`",
        ),
        (
            "table: spa_1058",
            "table: raw.spa",
            "18: table: `raw.spa` is not a raw table; write it like deals",
        ),
        (
            "      received_date: UF",
            "      recieved_date: UF",
            "21: unknown canonical field `recieved_date` in entities.advances.fields;"
            " did you mean `received_date`?",
        ),
        (
            "      amount: opportunity\n",
            "      amount: opportunity\n      amount: UF_CRM_7_SUM\n",
            "21: `amount` is given twice (first on line 20); keep one",
        ),
        (
            "received_date: UF_CRM_7_RECEIVED",
            "received_date: opportunity",
            "21: opportunity is given two meanings: `amount` (line 20) and"
            " `received_date`; keep the true one or say in advances.values which text"
            " means what",
        ),
        (
            "amount: opportunity",
            "amount:",
            "20: amount: no source field; name one or take the line out",
        ),
        (
            "зачтён: applied",
            "зачтён: aplied",
            "25: unknown code `aplied` of outcome in entities.advances; did you mean"
            " `applied`?",
        ),
        (
            "      outcome:\n        зачтён",
            "      amount:\n        зачтён",
            "24: unknown field with codes `amount` in entities.advances.values; known:"
            " holder, outcome",
        ),
        (
            '"13": ["47"]',
            '"13": ["45"]',
            "35: login 45 is given twice (first on line 34); a login is of one person",
        ),
        (
            '"13": ["47"]',
            '"13": ["12"]',
            "35: 12 is a person (line 34) and a further login of 13; keep one of them",
        ),
        (
            '["99"]',
            '["13"]',
            "36: 13 is shared, so it is nobody's main login (line 35); keep one of"
            " them",
        ),
        (
            "BAD: poor",
            "BAD: pour",
            "39: unknown lead state `pour` in lead_states; did you mean `poor`?",
        ),
        (
            "unit: calendar_days",
            "unit: days",
            "43: unit: unknown `days`; known: calendar_days, working_hours",
        ),
        (
            "      lost: 1",
            "      losst: 1",
            "46: unknown stage `losst` in stage_limits; did you mean `lost`?",
        ),
        (
            "legal_entity: Branch, mode: none",
            "mode: included",
            "53: vat of `` is said twice from 2027-01-01 (first on line 52); keep one"
            " of them",
        ),
        (
            "mode: included",
            "mode: inside",
            "52: mode: unknown `inside`; known: none, included, excluded",
        ),
        (
            "      lost: 1",
            "      lost: 0",
            "46: lost: a number above zero expected",
        ),
        (
            "{valid_from: 2026-01-01",
            "{valid_from: 2020-01-01",
            "47: lead_new of pipeline `0` is limited twice from 2020-01-01 (first on"
            " line 45); keep one of them",
        ),
        (
            'pipeline: "0"\n    unit',
            'pipeline: "7"\n    unit',
            "42: pipeline: unknown `7`; known: 0",
        ),
        (
            "/deal/{id}/",
            "/deal/",
            "49: deals: has no place for the record: add {id}",
        ),
        (
            "timezone:",
            'card_url: "{url}/{id}"\ntimezone:',
            "50: deals: is `card_url` already; keep one of them",
        ),
    ],
)
def test_mistake_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert CRM.count(before) == 1
    with pytest.raises(MappingError) as caught:
        load(tmp_path, CRM.replace(before, after))
    place = f"{tmp_path / 'firm.yaml'}:"
    assert [text.removeprefix(place) for text in caught.value.problems] == [expected]


def test_a_text_that_tells_two_things_needs_codes_for_both(tmp_path: Path) -> None:
    """The name of a service says what it is and whose it is."""
    load(tmp_path, CRM)
    with pytest.raises(MappingError, match="productName is given two meanings"):
        load(
            tmp_path,
            CRM.replace(
                "fields: {side: productName}",
                "fields: {side: productName, payer: productName}",
            ),
        )


# ------------------------------------------------------------------ what has landed


LANDED = {
    "deals": {"id", "uf_crm_comission", "uf_crm_lawyer"},
    "contacts": {"id", "phone"},
    "spa_1058": {"id", "opportunity", "uf_crm_7_received", "parent_id2"},
    "product_rows": {"product_name"},
}


def test_what_has_not_landed_is_not_given_and_told(tmp_path: Path) -> None:
    found, absent = without_absent(load(tmp_path, CRM), LANDED)

    assert absent == (
        "firm.yaml: fields.deals.commission: `deals` has no field UF_CRM_COMMISSION;"
        " did you mean UF_CRM_COMISSION?",
        "firm.yaml: entities.advances.fields.outcome: `spa_1058` has no field"
        " UF_CRM_7_OUTCOME",
    )
    assert found.fields == {"deals": {}}
    assert found.roles == {"lawyer": "UF_CRM_LAWYER"}
    # A table without its key gives no rows; e-mail of contacts is nobody's mistake.
    assert set(found.entities) == {"contacts", "advances"}
    assert "email" not in found.entities["contacts"].fields
    assert set(found.entities["advances"].fields) == {
        *("source_id", "deal_source_id", "amount", "received_date"),
    }


def test_before_the_first_landing_everything_is_believed(tmp_path: Path) -> None:
    firm = load(tmp_path, CRM)
    assert without_absent(firm, {}) == (firm, ())


def test_columns_are_those_of_the_schema(postgres: Postgres) -> None:
    with psycopg.connect(postgres.create_database("landed_columns")) as database:
        database.execute("create schema raw_firm")
        database.execute("create table raw_firm.deals (id text, title text)")
        assert landed_columns(database, "raw_firm") == {"deals": {"id", "title"}}
        assert landed_columns(database, "raw_nobody") == {}


def test_a_stage_that_the_portal_has_and_the_file_has_not_is_told_with_its_line(
    tmp_path: Path, postgres: Postgres
) -> None:
    firm = load(tmp_path, CRM)
    with psycopg.connect(postgres.create_database("unmapped_stages")) as database:
        assert unmapped_stages(database, firm) == []
        database.execute("create schema raw_firm")
        database.execute(
            "create table raw_firm.statuses"
            " (entity_id text, status_id text, name text, sort text)"
        )
        database.execute(
            "insert into raw_firm.statuses values"
            " ('DEAL_STAGE', 'NEW', 'New', '10'), ('DEAL_STAGE', 'OLD', 'Old', '20'),"
            " ('DEAL_STAGE_7', 'C7:NEW', 'New', '10'), ('STATUS', 'X', 'X', '10')"
        )
        told = unmapped_stages(database, firm)
    rest = "has no meaning, its deals are shown as unmapped: add it"
    assert told == [
        f"firm.yaml:10: stages: 'OLD' (Old) of pipeline '0' {rest}",
        f"firm.yaml:9: stages: 'C7:NEW' (New) of pipeline '7' {rest}",
    ]


# ------------------------------------------------------------------ one vocabulary


def contracts() -> Iterator[tuple[str, dict[str, str]]]:
    """Entity -> column of its union -> allowed codes, empty where any text is."""
    text = (PROJECT / "models/intermediate/_unions__models.yml").read_text("utf-8")
    for model in yaml.safe_load(text)["models"]:
        columns = {}
        for column in model["columns"]:
            checks = column.get("constraints", [])
            columns[column["name"]] = checks[0]["expression"] if checks else ""
        yield model["name"].removeprefix("int_").removesuffix("__unioned"), columns


def test_names_and_codes_of_the_file_are_those_of_the_contracts() -> None:
    unions = dict(contracts())
    # Tasks are activities that a portal keeps in a table of their own.
    tasks = set(ENTITIES["tasks"].fields)
    assert tasks <= unions["activities"].keys()
    for entity, described in ENTITIES.items():
        if entity == "tasks":
            continue
        columns = unions[entity]
        assert set(described.fields) <= columns.keys(), entity
        for field, codes in described.codes.items():
            if columns[field]:
                allowed = re.findall(r"'(\w+)'", columns[field])
                assert tuple(allowed) == tuple(codes), f"{entity}.{field}"
    called_otherwise = {"deal_type", "channel", "product"}
    assert set(DEAL_FIELDS) - called_otherwise <= unions["deals"].keys()
    units = {"group", "department"}
    assert set(EMPLOYEE_FIELDS) - units <= unions["employees"].keys()


def test_every_state_of_a_lead_has_an_outcome() -> None:
    assert {outcome for _, outcome in LEAD_STATES.values()} == {
        *("open", "paused", "converted", "lost"),
    }
