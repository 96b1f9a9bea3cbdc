"""Connection files: what is read, what is refused and how it is said."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from ingestion.mapping import (
    CONNECTIONS_FOLDER,
    DEAL_FIELDS,
    DEFAULT_SETTINGS,
    ROLES,
    SETTINGS_START,
    Connection,
    MappingError,
    column_name,
    dbt_vars,
    fingerprint,
    load_connection,
    load_connections,
    mapping_tables,
    write_mapping,
)

ENVIRONMENT = {
    "REESTR_DEMO_AGENCY_URL": "https://vector.example/rest/1/secretcode/",
    "REESTR_FILES_DIR": "exports",
}
CRM = """\
connection: firm
source: bitrix24
title: Фирма
url: ${FIRM_URL}
card_url: "{url}/crm/deal/details/{id}/"
timezone: Europe/Moscow
reporting_currency: RUB
pipelines:
  "0": {label: Продажи}
stages:
  "0":
    NEW: lead_new
    NO: lost
channels:
  CALL: {code: call, label: Звонок, group: Реклама, is_paid: true}
deal_types: {SALE: resale_sale}
fields:
  deals:
    crm_stage: STAGE_ID
    price: OPPORTUNITY
    commission: UF_CRM_COMMISSION
    responsible_id: ASSIGNED_BY_ID
roles:
  lead_handler: ASSIGNED_BY_ID
  deal_owner: UF_CRM_DEAL_OWNER
departments: {"1": sales}
settings:
  - valid_from: 2020-01-01
    min_cohort: 10
  - {valid_from: 2026-01-01, min_cohort: 20, channel_unknown_limit: 3 %}
access:
  - {username: admin, role: admin}
  - {username: anna, role: agent, employee: "7"}
"""
FILES = """\
connection: firm
source: files
title: Фирма
timezone: Europe/Moscow
reporting_currency: RUB
pipelines:
  sales: {label: Продажи}
stages:
  sales: {Won: closed_won, Lost: lost}
roles: {deal_owner: Agent}
files:
  deals:
    path: ${FOLDER}/deals.csv
    date_format: "%d.%m.%Y"
    key: [Id]
    columns:
      deal_number: Id
      crm_stage: Stage
      settlement_date: {column: Closed, stages: [Won]}
      lost_date: {column: Closed, stages: [Lost]}
      responsible_id: Agent
    constants: {currency: RUB}
"""


class Postgres(Protocol):
    def create_database(self, name: str) -> str: ...


def load(folder: Path, text: str) -> Connection:
    path = folder / "firm.yaml"
    path.write_text(text, encoding="utf-8")
    environment = {
        "FIRM_URL": "https://firm.example/rest/1/sesame/",
        "FOLDER": "exports",
    }
    return load_connection(path, environment)


def problems(folder: Path, text: str) -> list[str]:
    """Problems without the folder: ``line: sentence``."""
    with pytest.raises(MappingError) as caught:
        load(folder, text)
    prefix = f"{folder / 'firm.yaml'}:"
    assert all(problem.startswith(prefix) for problem in caught.value.problems)
    return [problem.removeprefix(prefix) for problem in caught.value.problems]


# ---------------------------------------------------------------- reading


def test_connection_of_a_crm_is_read(tmp_path: Path) -> None:
    firm = load(tmp_path, CRM)

    assert firm.schema == "raw_firm"
    assert firm.stages == {"0": {"NEW": "lead_new", "NO": "lost"}}
    assert firm.fields["deals"]["commission"] == "UF_CRM_COMMISSION"
    assert firm.roles["deal_owner"] == "UF_CRM_DEAL_OWNER"
    assert firm.access[1].employee == "7"


def test_connection_of_files_is_read(tmp_path: Path) -> None:
    deals = load(tmp_path, FILES).files["deals"]

    assert deals.path == tmp_path / "exports" / "deals.csv"
    assert deals.key == ("Id",)
    assert deals.columns["lost_date"].stages == ("Lost",)


@pytest.mark.parametrize("name", ["demo_agency", "maven", "king_county"])
def test_shipped_connections_are_valid(name: str) -> None:
    connections = load_connections([name], ENVIRONMENT)

    assert connections[0].name == name
    assert fingerprint(connections)


def test_every_shipped_connection_is_tested() -> None:
    assert {path.stem for path in CONNECTIONS_FOLDER.glob("*.yaml")} == {
        "demo_agency",
        "king_county",
        "maven",
    }


def test_webhook_code_stays_out_of_sight(tmp_path: Path) -> None:
    """The address of a webhook is a secret; people see the portal only."""
    firm = load(tmp_path, CRM)

    assert firm.url == "https://firm.example/rest/1/sesame/"
    assert "sesame" not in repr(firm)
    assert firm.address == "https://firm.example"
    row = mapping_tables([firm])["connections"][0]
    assert row["url"] == "https://firm.example"
    assert row["card_url"] == "https://firm.example/crm/deal/details/{id}/"


def test_dlt_names_the_columns() -> None:
    assert column_name("UF_CRM_COMMISSION") == "uf_crm_commission"
    assert column_name("ufCrm12Amount") == "uf_crm12_amount"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "    commission: UF",
            "    comission: UF",
            "21: unknown canonical field `comission` in fields.deals; did you mean"
            " `commission`?",
        ),
        (
            "NEW: lead_new",
            "NEW: lead_nwe",
            "12: unknown stage `lead_nwe` for NEW; did you mean `lead_new`?",
        ),
        (
            "  deal_owner: UF",
            "  deal_ovner: UF",
            "25: unknown role `deal_ovner` in roles; did you mean `deal_owner`?",
        ),
        (
            "    min_cohort: 10",
            "    min_cohorts: 10",
            "29: unknown setting `min_cohorts` in settings; did you mean `min_cohort`?",
        ),
        (
            "price: OPPORTUNITY",
            "price: UF_CRM_COMMISSION",
            "21: UF_CRM_COMMISSION is given two meanings: `price` (line 20) and"
            " `commission`; keep the true one",
        ),
        (
            "deal_owner: UF_CRM_DEAL_OWNER",
            "deal_owner: UF_CRM_COMMISSION",
            "25: UF_CRM_COMMISSION is given two meanings: `commission` (line 21) and"
            " role `deal_owner`; keep the true one",
        ),
        (
            "    price: OPPORTUNITY",
            "    price: OPPORTUNITY\n    price: UF_CRM_PRICE",
            "21: `price` is given twice (first on line 20); keep one",
        ),
        (
            "title: Фирма\n",
            "",
            "1: title: is missing; add `title: ...`",
        ),
        (
            "valid_from: 2020-01-01",
            "valid_from: 01.01.2020",
            "28: valid_from: `01.01.2020` is not a date; write it like 2026-01-31",
        ),
        (
            "valid_from: 2026-01-01",
            "valid_from: 2026-02-30",
            "30: valid_from: `2026-02-30` is not a date; write it like 2026-01-31",
        ),
        (
            "valid_from: 2026-01-01",
            "valid_from: 2020-01-01",
            "30: min_cohort is set twice from 2020-01-01 (first on line 29); keep one"
            " of them",
        ),
        (
            "min_cohort: 20",
            "min_cohort: ten",
            "30: min_cohort: a number expected",
        ),
        (
            "${FIRM_URL}",
            "${FIRM_ADDRESS}",
            "4: ${FIRM_ADDRESS} has no value; set FIRM_ADDRESS in the environment or"
            " in <home>/.env",
        ),
        (
            "sales}",
            "sale}",
            "26: unknown function `sale` in departments; did you mean `sales`?",
        ),
        (
            "resale_sale}",
            "resale}",
            "16: unknown deal type `resale` in deal_types; did you mean `resale_sale`?",
        ),
        (
            "departments:",
            "role_weights: {deal_owners: UF_CRM_WEIGHT}\ndepartments:",
            "26: role_weights: `deal_owners` has no line in `roles`; did you mean"
            " `deal_owner`?",
        ),
        (
            "departments:",
            "role_weights: {deal_owner: UF_CRM_COMMISSION}\ndepartments:",
            "26: UF_CRM_COMMISSION is given two meanings: `commission` and the weights"
            " of role `deal_owner`; keep the true one",
        ),
        (
            "fields:\n",
            "free_deal_types: [SALES]\nfields:\n",
            "17: free_deal_types: `SALES` is no type of `deal_types`; did you mean"
            " `SALE`?",
        ),
        (
            "role: agent",
            "role: agents",
            "33: role: unknown `agents`; did you mean `agent`?",
        ),
        (
            ', employee: "7"',
            "",
            "33: employee: agent reads by the person's place; add `employee: ID`",
        ),
        (
            "username: anna",
            "username: admin",
            "33: username: `admin` is given twice (first on line 32; . - and _ are"
            " one here); one line per person",
        ),
        (
            "username: anna",
            "username: data_team",
            "33: username: `data_team` is a login of the product itself; choose"
            " another",
        ),
        (
            "Europe/Moscow",
            "Moscow",
            "6: timezone: `Moscow` is not a time zone; write a name like Europe/Moscow",
        ),
        (
            "reporting_currency: RUB",
            "reporting_currency: руб",
            "7: reporting_currency: `руб` is not a currency code; write three capitals"
            " like RUB",
        ),
        (
            "connection: firm",
            "connection: Firm",
            "1: connection: `Firm` cannot name a schema; use words of a-z and 0-9 with"
            " single _ between them, up to 40 letters",
        ),
        (
            "source: bitrix24",
            "source: bitrix",
            "2: source: unknown `bitrix`; did you mean `bitrix24`?",
        ),
        ("is_paid: true", "is_paid: yes", "15: is_paid: `yes` is not true or false"),
        (
            '  "0":\n    NEW',
            '  "1":\n    NEW',
            "11: stages of an unknown pipeline `1`; known: 0",
        ),
        (
            "departments:",
            "departmens:",
            "26: unknown part `departmens`; did you mean `departments`?",
        ),
        ("/{id}/", "/", "5: card_url: has no place for the deal: add {id}"),
        (
            "CALL: {code: call,",
            "CALL: {",
            "15: code: is missing; add `code: ...`",
        ),
        (
            "roles:\n",
            "roles: [\n",
            "25: is not YAML: ",
        ),
    ],
)
def test_mistake_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert CRM.count(before) == 1

    found = problems(tmp_path, CRM.replace(before, after))

    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "lost_date: {column: Closed, stages: [Lost]}",
            "lost_date: Closed",
            "20: Closed is given two meanings: `settlement_date` (line 19) and"
            " `lost_date`; keep the true one or say for which stages: lost_date:"
            " {column: ..., stages: [...]}",
        ),
        (
            "stages: [Lost]",
            "stages: [Won, Lost]",
            "20: Closed is given two meanings",
        ),
        (
            "stages: [Lost]",
            "stages: [Lots]",
            "20: unknown stage `Lots` in columns.lost_date; did you mean `Lost`?",
        ),
        (
            "currency: RUB}",
            "currency: USD}",
            "22: currency: USD is not the reporting_currency RUB, and there is no rate"
            " to convert it",
        ),
        (
            "currency: RUB}",
            "crm_stage: Won}",
            "22: crm_stage: is also a column (line 18); keep one",
        ),
        (
            "    key: [Id]\n",
            "",
            "13: key: is missing; name the columns that identify a row: `key: [id]`",
        ),
        (
            "      crm_stage: Stage\n",
            "",
            "16: columns: crm_stage is missing; map it, or give every row one stage",
        ),
        (
            '"%d.%m.%Y"',
            '"DD.MM.YYYY"',
            "14: date_format: `DD.MM.YYYY` does not describe a date",
        ),
        (
            "deal_owner: Agent}",
            "deal_owner: Stage}",
            "10: Stage is given two meanings: `crm_stage` and role `deal_owner`",
        ),
        (
            "    date_format",
            "    encoding: utf-16\n    date_format",
            "14: encoding: unknown `utf-16`; known: `utf-8`, `utf-8-sig`,"
            " `windows-1251`",
        ),
        (
            "    date_format",
            '    decimal: ","\n    thousands: ","\n    date_format',
            "15: thousands: is the decimal mark as well; keep one",
        ),
        (
            "  sales: {label: Продажи}",
            "  sales: {label: Продажи}\n  rent: {label: Аренда}",
            "17: columns: pipeline is missing and there are several",
        ),
        (
            "      deal_number: Id",
            "      deal_nomber: Id",
            "17: unknown canonical field `deal_nomber` in files.deals.columns; did you"
            " mean `deal_number`?",
        ),
    ],
)
def test_mistake_in_a_file_block_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert FILES.count(before) == 1

    found = problems(tmp_path, FILES.replace(before, after))

    assert any(problem.startswith(expected) for problem in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = CRM.replace("lead_new", "lead").replace("commission:", "comission:")

    found = problems(tmp_path, text.replace("valid_from: 2026-01-01, ", ""))

    assert [problem.split(":")[0] for problem in found] == ["12", "21", "30"]


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no such file"):
        load_connection(tmp_path / "nowhere.yaml", {})


def test_alias_that_refers_to_itself_is_told(tmp_path: Path) -> None:
    text = CRM.replace('departments: {"1": sales}', "departments: &a {x: *a}")

    assert any("refers to itself" in problem for problem in problems(tmp_path, text))


def test_one_person_may_hold_several_roles_and_be_responsible(tmp_path: Path) -> None:
    text = CRM.replace("UF_CRM_DEAL_OWNER", "ASSIGNED_BY_ID")

    assert set(load(tmp_path, text).roles.values()) == {"ASSIGNED_BY_ID"}


def test_one_home_has_one_connection_per_source(tmp_path: Path) -> None:
    load(tmp_path, FILES)
    second = (tmp_path / "firm.yaml").rename(tmp_path / "second.yaml")
    text = second.read_text(encoding="utf-8").replace("firm", "second", 1)
    second.write_text(text, encoding="utf-8")
    load(tmp_path, FILES)

    with pytest.raises(MappingError, match="a second connection with source `files`"):
        load_connections(
            [str(tmp_path / "firm.yaml"), str(second)], {"FOLDER": "exports"}
        )


def test_one_home_has_one_currency(tmp_path: Path) -> None:
    files = load(tmp_path, FILES)
    crm = replace(load(tmp_path, CRM), name="crm", reporting_currency="USD")

    with pytest.raises(MappingError, match="reporting_currency USD differs from RUB"):
        dbt_vars([files, crm])


# ---------------------------------------------------------------- what SQL receives


def test_every_setting_has_a_value_on_every_date(tmp_path: Path) -> None:
    rows = mapping_tables([load(tmp_path, CRM)])["settings"]

    started = {row["setting"] for row in rows if row["valid_from"] == SETTINGS_START}
    assert started == set(DEFAULT_SETTINGS)
    assert [
        (row["value"], row["valid_from"])
        for row in rows
        if row["setting"] == "min_cohort"
    ] == [("10", SETTINGS_START), ("10", date(2020, 1, 1)), ("20", date(2026, 1, 1))]


def test_percent_settings_hold_percent(tmp_path: Path) -> None:
    rows = mapping_tables([load(tmp_path, CRM)])["settings"]

    assert {
        row["value"] for row in rows if row["setting"] == "channel_unknown_limit"
    } == {"2", "3"}


def test_dbt_knows_every_given_field_and_every_role(tmp_path: Path) -> None:
    variables = dbt_vars([load(tmp_path, CRM)])

    assert variables["crm_sources"] == ["bitrix24"]
    assert variables["reporting_currency"] == "RUB"
    source = variables["bitrix24"]
    assert isinstance(source, dict)
    assert source["schema"] == "raw_firm"
    fields = source["fields"]
    assert isinstance(fields, dict)
    deals = fields["deals"]
    assert isinstance(deals, dict)
    assert set(deals) <= set(DEAL_FIELDS)
    assert deals["commission"] == "uf_crm_commission"
    assert "lost_date" not in deals
    # What every portal has needs no line in the file.
    assert deals["lead_source_id"] == "lead_id"
    roles = source["roles"]
    assert isinstance(roles, dict)
    assert list(roles) == list(ROLES)
    assert roles["deal_owner"] == "uf_crm_deal_owner"


def test_fingerprint_follows_the_meaning_not_the_secret(tmp_path: Path) -> None:
    firm = load(tmp_path, CRM)
    same = fingerprint([firm])

    assert fingerprint([load(tmp_path, f"# A comment.\n{CRM}")]) == same
    other_code = replace(firm, url="https://firm.example/rest/1/other/")
    assert fingerprint([other_code]) == same
    assert fingerprint([load(tmp_path, CRM.replace("NO: lost", "NO: paused"))]) != same


def test_fingerprint_does_not_depend_on_where_the_files_lie(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()

    assert fingerprint([load(first, FILES)]) == fingerprint([load(second, FILES)])


def test_mapping_is_written_once(tmp_path: Path, postgres: Postgres) -> None:
    database_url = postgres.create_database("mapping")
    firm = load(tmp_path, CRM)

    assert "stages" in write_mapping([firm], database_url)
    assert write_mapping([firm], database_url) == []

    other = load(tmp_path, CRM.replace("NO: lost", "NO: paused"))
    assert write_mapping([other], database_url) == ["stages"]
    with psycopg.connect(database_url) as database:
        stages = database.execute(
            "select connection, pipeline, crm_stage, stage from mapping.stages"
            " order by crm_stage"
        ).fetchall()
        paid = database.execute(
            "select crm_channel, code, channel_group, is_paid from mapping.channels"
        ).fetchall()
        users = database.execute(
            "select username, role, employee_id from mapping.access_users order by 1"
        ).fetchall()
    assert stages == [
        ("firm", "0", "NEW", "lead_new"),
        ("firm", "0", "NO", "paused"),
    ]
    assert paid == [("CALL", "call", "Реклама", True)]
    assert users == [("admin", "admin", None), ("anna", "agent", "7")]


def test_table_of_another_version_is_made_anew(
    tmp_path: Path, postgres: Postgres
) -> None:
    database_url = postgres.create_database("mapping_version")
    with psycopg.connect(database_url) as database:
        database.execute("create schema mapping")
        database.execute("create table mapping.stages (old text)")

    assert "stages" in write_mapping([load(tmp_path, CRM)], database_url)
