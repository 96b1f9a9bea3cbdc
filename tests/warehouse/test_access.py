"""Who sees what: both locks, each alone, against the portal's own rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bi.catalog import read_catalog
from bi.superset.row_rules import row_rules
from orchestration.publication import published_models
from orchestration.transformation import manifest_file
from tests.agency_home import CONNECTION, AgencyHome, published_tables
from tests.marts import credited_in_marts, credited_in_truth, credits_of

USERS = (
    "admin", "head_of_sales", "head_of_legal", "head_of_mortgage", "group_leader",
    "agent",
)  # fmt: skip
EMPLOYEES = {
    "head_of_sales": "2",
    "head_of_legal": "3",
    "head_of_mortgage": "4",
    "group_leader": "5",
    "agent": "6",
}
SALES, LEGAL, MORTGAGE = "2", "3", "4"
READERS = (*USERS, "data_team")
WHOLE_MONEY = {"admin", "head_of_sales", "data_team"}
SHARES = {"group_leader", "agent"}
MONEY_TABLES = (
    "rpt_deal_registry", "rpt_deal_shares", "rpt_deal_version_amounts",
    "rpt_share_versions", "rpt_kpi_daily", "rpt_kpi_cards", "rpt_metric_facts",
)  # fmt: skip
# Views over them: a row is there for those who may see it in the tables below.
MONEY_VIEWS = (
    "rpt_deal_registry_as_of", "rpt_deal_registry_participants",
    "rpt_registry_by_role", "rpt_registry_by_share", "rpt_metric_records",
)  # fmt: skip
ROLE_FIELDS = {
    "UF_CRM_LEAD_HANDLER": "sales",
    "UF_CRM_MEETING_HOST": "sales",
    "UF_CRM_CONTRACT_OWNER": "sales",
    "UF_CRM_SHOWING_HOST": "sales",
    "UF_CRM_ADVANCE_OWNER": "sales",
    "UF_CRM_DEAL_OWNER": "sales",
    "UF_CRM_LAWYER": "legal",
    "UF_CRM_MORTGAGE_BROKER": "mortgage",
}
FUNCTIONS = {SALES: "sales", LEGAL: "legal", MORTGAGE: "mortgage", "5": "other"}


@dataclass
class Firm:
    """Who belongs where and takes part in what, read from the portal's rows."""

    home: AgencyHome

    @cached_property
    def unit_of(self) -> dict[str, str]:
        return {
            str(row["ID"]): str(row["UF_DEPARTMENT"][0])
            for row in self.home.store.rows("user")
        }

    @cached_property
    def parents(self) -> dict[str, str]:
        return {
            str(row["ID"]): str(row.get("PARENT") or "")
            for row in self.home.store.rows("department")
        }

    @cached_property
    def deals(self) -> list[Mapping[str, object]]:
        rows = self.home.store.rows("deal")
        return [row for row in rows if row["UF_CRM_IS_TEST"] != "1"]

    @cached_property
    def people(self) -> dict[str, set[tuple[str, str]]]:
        """Deal -> pairs of person and family of the role."""
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for row in self.deals:
            for field, family in ROLE_FIELDS.items():
                for person in holders(row, field):
                    found[str(row["ID"])].add((person, family))
            responsible = str(row["ASSIGNED_BY_ID"] or "0")
            if responsible in self.unit_of:
                pair = (responsible, self.function(responsible))
                found[str(row["ID"])].add(pair)
        return found

    def units(self, person: str) -> set[str]:
        """The person's unit and all above it."""
        unit, found = self.unit_of.get(person, ""), set()
        while unit and unit not in found:
            found.add(unit)
            unit = self.parents.get(unit, "")
        return found

    def function(self, person: str) -> str:
        named = [FUNCTIONS[unit] for unit in self.units(person) if unit in FUNCTIONS]
        return named[0] if named else "sales"

    def group_members(self, person: str) -> set[str]:
        group = self.unit_of[person]
        return {one for one in self.unit_of if group in self.units(one)}

    def visible(self, username: str) -> set[str]:
        """Deals that a reader may see, by the dictionary's section 5.9."""
        if username in ("admin", "data_team"):
            return {str(row["ID"]) for row in self.deals}
        scope = {
            "head_of_sales": ("sales", SALES),
            "head_of_legal": ("legal", LEGAL),
            "head_of_mortgage": ("mortgage", MORTGAGE),
            "group_leader": ("sales", self.unit_of[EMPLOYEES["group_leader"]]),
        }.get(username)
        return {
            deal
            for deal, people in self.people.items()
            if any(
                family == scope[0] and scope[1] in self.units(person)
                if scope
                else person == EMPLOYEES[username]
                for person, family in people
            )
        }

    def shares(self, username: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Weight and commission of a share reader, by deal of the own sales roles."""
        own = {EMPLOYEES[username]}
        if username == "group_leader":
            own = self.group_members(EMPLOYEES[username])
        found = {}
        for row in self.deals:
            deal = str(row["ID"])
            if not any(
                one in own and family == "sales" for one, family in self.people[deal]
            ):
                continue
            owners = sorted(holders(row, "UF_CRM_DEAL_OWNER"), key=int)
            amount = Decimal(str(row["UF_CRM_COMMISSION"] or "0").partition("|")[0])
            if not owners and username == "group_leader":
                # Nobody's money stays in the unit of whoever has the card.
                is_ours = str(row["ASSIGNED_BY_ID"]) in own
                found[deal] = (Decimal(is_ours), amount if is_ours else Decimal(0))
                continue
            parts = split(amount, owners)
            found[deal] = (
                Decimal(sum(one in own for one in owners)) / (len(owners) or 1),
                sum((parts[one] for one in owners if one in own), Decimal(0)),
            )
        return found


def holders(row: Mapping[str, object], field: str) -> list[str]:
    value = row[field]
    listed = value if isinstance(value, list) else [value]
    return [str(one) for one in listed if str(one or "0") not in ("0", "False")]


def split(amount: Decimal, owners: list[str]) -> dict[str, Decimal]:
    """Equal parts; odd kopecks go to the lowest numbers."""
    if not owners:
        return {}
    base, odd = divmod(int(amount * 100), len(owners))
    return {
        one: Decimal(base + (place < odd)) / 100 for place, one in enumerate(owners)
    }


@pytest.fixture(scope="module")
def firm(agency_home: AgencyHome) -> Firm:
    return Firm(agency_home)


@contextmanager
def reading(home: AgencyHome, username: str) -> Iterator[psycopg.Connection]:
    """A person's own login."""
    warehouse = home.warehouse
    url = (
        warehouse.url("data_team")
        if username == "data_team"
        else warehouse.person_url(username)
    )
    with psycopg.connect(url) as connection:
        yield connection


def deals_in(connection: psycopg.Connection, table: str) -> list[str]:
    rows = connection.execute(
        sql.SQL("select deal_number from {}").format(sql.Identifier("reports", table))
    ).fetchall()
    return sorted(str(number) for (number,) in rows)


def lines(connection: psycopg.Connection, query: sql.Composable) -> list[str]:
    return sorted(str(line) for (line,) in connection.execute(query))


def test_clients_have_names_for_those_who_may_read_them(
    agency_home: AgencyHome,
) -> None:
    """The data team sees the number of the deal, wherever it looks."""
    names = (
        "select count(*),"
        " count(*) filter (where client_name = 'Клиент ' || deal_number)"
        " from reports.rpt_registry_by_role_without_money"
        " where role = 'any' and date_order = 1"
    )
    for username in READERS:
        with reading(agency_home, username) as connection:
            [(shown, masked)] = connection.execute(names).fetchall()
            known = connection.execute(
                "select count(*) from reports.rpt_deal_clients"
            ).fetchone()
        assert shown > 0
        assert (masked == shown) is (username == "data_team"), username
        assert (known == (0,)) is (username == "data_team"), username
    unmasked = agency_home.rows(
        "select count(*) from reports.rpt_deal_registry"
        " where client_name <> 'Клиент ' || deal_number"
    )
    assert unmasked == [(0,)]


def whole_rows(schema: str, table: str) -> sql.Composed:
    """Every row as text; of a page, which repeats a deal, under some of its choices.

    Clients' names have a lock of their own.
    """
    is_page = table.startswith("rpt_registry_by_")
    return sql.SQL(
        "select (to_jsonb(it) - 'client_name')::text from {} as it where {}"
    ).format(
        sql.Identifier(schema, table),
        sql.SQL("date_order = 1 and role_order < 4" if is_page else "true"),
    )


# -------------------------------------------------------------------- rows


@pytest.mark.parametrize("username", READERS)
def test_a_reader_sees_the_deals_of_the_own_scope(
    agency_home: AgencyHome, firm: Firm, username: str
) -> None:
    expected = sorted(firm.visible(username))
    assert expected
    with reading(agency_home, username) as connection:
        shown = deals_in(connection, "rpt_deal_registry_without_money")
    assert shown == expected


def test_scopes_differ(firm: Firm) -> None:
    """The sample proves something: nobody but the company's readers sees all."""
    seen = {username: firm.visible(username) for username in READERS}
    assert seen["admin"] == seen["data_team"]
    sizes = [len(seen[username]) for username in USERS]
    assert len(set(sizes)) == len(sizes)
    assert seen["agent"] < seen["group_leader"] < seen["head_of_sales"] < seen["admin"]


@pytest.mark.parametrize("username", READERS)
def test_a_reader_sees_the_findings_of_visible_deals(
    agency_home: AgencyHome, firm: Firm, username: str
) -> None:
    everything = agency_home.rows("select deal_number from reports.rpt_findings")
    visible = firm.visible(username)
    with reading(agency_home, username) as connection:
        shown = deals_in(connection, "rpt_findings")
    assert shown == sorted(str(deal) for (deal,) in everything if deal in visible)


@pytest.mark.parametrize("username", USERS)
def test_a_reader_sees_the_own_keys_only(
    agency_home: AgencyHome, username: str
) -> None:
    with reading(agency_home, username) as connection:
        rows = connection.execute("select username from access.user_keys").fetchall()
    assert rows == [(username,)]


# ------------------------------------------------------------------- money


@pytest.mark.parametrize("username", READERS)
def test_whole_money_is_for_those_who_may_see_it(
    agency_home: AgencyHome, firm: Firm, username: str
) -> None:
    with reading(agency_home, username) as connection:
        shown = deals_in(connection, "rpt_deal_registry")
    assert shown == (sorted(firm.visible(username)) if username in WHOLE_MONEY else [])


@pytest.mark.parametrize("username", sorted(WHOLE_MONEY))
def test_a_reader_of_whole_amounts_sees_everyones_share(
    agency_home: AgencyHome, firm: Firm, username: str
) -> None:
    with reading(agency_home, username) as connection:
        shown = connection.execute(
            "select deal_number, sum(credit_weight), sum(commission)"
            " from reports.rpt_deal_registry_participants where role = 'any'"
            " group by deal_number order by deal_number"
        ).fetchall()
        whole = connection.execute(
            "select deal_number, 1, commission from reports.rpt_deal_registry"
            " order by deal_number"
        ).fetchall()
    assert len(shown) == len(firm.visible(username))
    assert shown == whole


@pytest.mark.parametrize("username", sorted(set(READERS) - WHOLE_MONEY))
def test_a_share_reader_sees_the_own_share_to_the_kopeck(
    agency_home: AgencyHome, firm: Firm, username: str
) -> None:
    with reading(agency_home, username) as connection:
        rows = connection.execute(
            "select deal_number, sum(credit_weight), coalesce(sum(commission), 0)"
            " from reports.rpt_deal_registry_participants where role = 'any'"
            " group by deal_number"
        ).fetchall()
    expected = firm.shares(username) if username in SHARES else {}
    assert len(rows) == len(expected)
    assert bool(rows) == (username in SHARES)
    assert {
        str(deal): (Decimal(weight), Decimal(amount)) for deal, weight, amount in rows
    } == expected


def test_an_agent_has_money_in_the_money_role_only(agency_home: AgencyHome) -> None:
    """The group has every share of its people, whatever their role."""
    amounts = (
        "select role in ('deal_owner', 'any'), count(*), count(price)"
        " from reports.rpt_deal_registry_participants group by 1 order by 1"
    )
    with reading(agency_home, "agent") as connection:
        others, own = connection.execute(amounts).fetchall()
    assert others[1] > 0
    assert others[2] == 0
    assert own[2] > 0
    with reading(agency_home, "group_leader") as connection:
        assert all(filled for _, _, filled in connection.execute(amounts))


@pytest.mark.parametrize("username", ["head_of_legal", "head_of_mortgage"])
@pytest.mark.parametrize("table", [*MONEY_TABLES, *MONEY_VIEWS])
def test_readers_without_money_see_no_row_with_money(
    agency_home: AgencyHome, username: str, table: str
) -> None:
    with reading(agency_home, username) as connection:
        assert not lines(connection, whole_rows("reports", table))


def test_tables_with_money_are_known(agency_home: AgencyHome) -> None:
    """A new table or view with money is a decision about who may see it."""
    rows = agency_home.rows(
        "select distinct table_name from information_schema.columns where"
        " table_schema = any(%s) and numeric_precision = 18 and numeric_scale = 2",
        [["reports", "quality", "access"]],
    )
    catalog = read_catalog(manifest_file(agency_home.warehouse))
    by_unit = {
        name
        for name, dataset in catalog.datasets.items()
        if any(catalog.is_money(column, name) for column in dataset.columns)
    }
    assert {str(name) for (name,) in rows} | by_unit <= {*MONEY_TABLES, *MONEY_VIEWS}


def test_money_metrics_follow_the_credited_person(
    agency_home: AgencyHome, firm: Firm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    truth = credited_in_truth(agency_home.truth(tmp_path_factory.mktemp("truth")))
    scopes = {
        "agent": {EMPLOYEES["agent"]},
        "group_leader": firm.group_members(EMPLOYEES["group_leader"]),
        "head_of_sales": {one for one in firm.unit_of if SALES in firm.units(one)},
    }
    for username, people in scopes.items():
        with reading(agency_home, username) as connection:
            shown = credits_of(connection)
        expected = {key: value for key, value in truth.items() if key[1] in people}
        assert expected, username
        # What nobody is credited with stays with the unit of the deal.
        assert {key: value for key, value in shown.items() if key[1]} == expected
    assert credited_in_marts(agency_home) == truth


# --------------------------------------------------------------- both locks


@pytest.mark.parametrize("username", READERS)
def test_the_superset_filter_alone_shows_the_rows_of_the_policy_alone(
    agency_home: AgencyHome, username: str
) -> None:
    """As the owner of the tables no policy holds; as a reader no filter does."""
    catalog = read_catalog(manifest_file(agency_home.warehouse))
    rules = {
        table: rule.clause
        for rule in row_rules(catalog.datasets.values())
        for table in rule.tables
    }
    assert set(rules) >= {*MONEY_TABLES, *MONEY_VIEWS, "rpt_findings"}
    for table, clause in rules.items():
        schema = catalog.datasets[table].schema
        rendered = clause.replace("{{ current_username() }}", username)
        assert "{" not in rendered
        with agency_home.warehouse.connect("transformer") as owner:
            filtered = lines(
                owner,
                whole_rows(schema, table) + sql.SQL(" and ") + sql.SQL(rendered),  # type: ignore[arg-type]
            )
        with reading(agency_home, username) as reader:
            assert lines(reader, whole_rows(schema, table)) == filtered, table


@pytest.mark.parametrize("username", USERS)
def test_the_bi_login_reads_as_the_person_it_names(
    agency_home: AgencyHome, username: str
) -> None:
    url = agency_home.warehouse.url("bi")
    named = make_conninfo(url, options=f"-c app.login={username}")
    with (
        reading(agency_home, username) as person,
        psycopg.connect(named) as service,
    ):
        views = [("reports", view) for view in MONEY_VIEWS]
        for schema, table in [*published_tables(person), *views]:
            query = whole_rows(schema, table)
            assert lines(service, query) == lines(person, query), table


@pytest.mark.parametrize(
    "options", ["", "-c app.login=", "-c app.login=-", "-c app.login=nobody"]
)
def test_the_bi_login_alone_sees_nothing(agency_home: AgencyHome, options: str) -> None:
    url = make_conninfo(agency_home.warehouse.url("bi"), options=options)
    with psycopg.connect(url) as connection:
        tables = published_tables(connection)
        assert tables
        for schema, table in tables:
            assert not lines(connection, whole_rows(schema, table)), table


# ----------------------------------------------------------- no way around

TRICKS = (
    "select set_config('app.login', 'admin', false)",
    "set app.login = 'admin'",
    "reset role",
    "reset session authorization",
    "set role {reader}",
    "set role none",
    "set search_path = public",
    "set default_transaction_read_only = off",
)
REFUSED = (
    "set role {transformer}",
    "set role {loader}",
    "set role {bi}",
    "set role {data_team}",
    "set role {admin}",
    "set session authorization {admin}",
    "set session authorization {transformer}",
    "set session authorization {bi}",
    "set session_replication_role = replica",
    "alter role {agent} superuser",
    "alter role {agent} set app.login = 'admin'; set role {transformer}",
    "grant {transformer} to {agent}",
    "alter table reports.rpt_deal_registry disable row level security",
    "drop policy row_access on reports.rpt_deal_registry",
    "create policy all_rows on reports.rpt_deal_registry using (true)",
)


def names(home: AgencyHome) -> dict[str, sql.Composable]:
    warehouse = home.warehouse
    roles = {
        **{
            name: warehouse.role(name)
            for name in ("reader", "transformer", "loader", "bi", "data_team")
        },
        **{name: warehouse.person_role(name) for name in ("admin", "agent")},
    }
    return {name: sql.Identifier(role) for name, role in roles.items()}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_personal_login_cannot_pretend(agency_home: AgencyHome, trick: str) -> None:
    with reading(agency_home, "agent") as connection:
        honest = deals_in(connection, "rpt_deal_registry_without_money")
        connection.execute(sql.SQL(trick).format(**names(agency_home)))
        assert deals_in(connection, "rpt_deal_registry_without_money") == honest
        assert not deals_in(connection, "rpt_deal_registry")


@pytest.mark.parametrize("trick", REFUSED)
def test_a_personal_login_is_refused_other_rights(
    agency_home: AgencyHome, trick: str
) -> None:
    with reading(agency_home, "agent") as connection:
        connection.execute("set transaction read write")
        with pytest.raises(psycopg.errors.Error):
            connection.execute(sql.SQL(trick).format(**names(agency_home)))


def test_rows_are_not_shown_by_switching_the_policy_off(
    agency_home: AgencyHome,
) -> None:
    with reading(agency_home, "agent") as connection:
        connection.execute("set row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            deals_in(connection, "rpt_deal_registry")


def test_statistics_tell_nothing_of_hidden_rows(agency_home: AgencyHome) -> None:
    """Most common values of a column would be other people's amounts."""
    with reading(agency_home, "agent") as connection:
        rows = connection.execute(
            "select count(*) from pg_stats where schemaname = any(%s)",
            [["reports", "quality", "access"]],
        ).fetchone()
    assert rows == (0,)


# ------------------------------------------------------------- what is open


def test_every_published_table_is_protected(agency_home: AgencyHome) -> None:
    """Row policy on, one policy for the reader role, nothing but reading granted."""
    published = published_models(manifest_file(agency_home.warehouse))
    models = [model for model in published if not model.is_view]
    reader = agency_home.warehouse.role("reader")
    rows = agency_home.rows(
        "select schemaname || '.' || tablename, rowsecurity,"
        " (select count(*) from pg_policies as policies"
        "  where policies.schemaname = tables.schemaname"
        "  and policies.tablename = tables.tablename"
        "  and policies.roles = array[%s]::name[] and policies.cmd = 'SELECT'),"
        " (select array_agg(distinct grantee::text || ' ' || privilege_type)"
        "  from information_schema.role_table_grants as grants"
        "  where grants.table_schema = tables.schemaname"
        "  and grants.table_name = tables.tablename and grantee <> %s)"
        " from pg_tables as tables where schemaname = any(%s)",
        [
            reader,
            agency_home.warehouse.role("transformer"),
            ["reports", "quality", "access"],
        ],
    )
    found = {str(name): rest for name, *rest in rows}
    grant = [f"{reader} SELECT"]
    assert found.pop("reports.publications") == [False, 0, grant]
    assert set(found) == {f"{model.schema}.{model.name}" for model in models}
    assert {name: [True, 1, grant] for name in found} == found


def test_a_published_view_asks_with_the_rights_of_its_reader(
    agency_home: AgencyHome,
) -> None:
    """A plain view reads with its owner's rights and would show everything."""
    published = published_models(manifest_file(agency_home.warehouse))
    rows = agency_home.rows(
        "select relname, reloptions from pg_class"
        " join pg_namespace on pg_namespace.oid = relnamespace"
        " where relkind = 'v' and nspname = any(%s)",
        [["reports", "quality", "access"]],
    )
    views = {
        model.name: ["security_invoker=true"] for model in published if model.is_view
    }
    assert dict(rows) == views
    assert set(MONEY_VIEWS) < set(views)


def test_no_published_model_is_open_to_everyone(agency_home: AgencyHome) -> None:
    """Opening a table to every reader is a decision, with its reason beside it."""
    models = published_models(manifest_file(agency_home.warehouse))
    assert [model.name for model in models if model.predicate is None] == []


@pytest.mark.parametrize("login", ["bi", "data_team", "p_admin"])
def test_readers_reach_published_schemas_only(
    agency_home: AgencyHome, login: str
) -> None:
    role = agency_home.warehouse.role(login)
    rows = agency_home.rows(
        "select nspname from pg_namespace where has_schema_privilege(%s, oid, 'usage')"
        " and nspname !~ '^pg_' and nspname <> 'information_schema' order by 1",
        [role],
    )
    assert [name for (name,) in rows] == ["access", "public", "quality", "reports"]
    tables = agency_home.rows(
        "select schemaname || '.' || tablename from pg_tables"
        " where schemaname !~ '^pg_' and schemaname <> 'information_schema'"
        " and has_table_privilege(%s,"
        " format('%%I.%%I', schemaname, tablename), 'select')"
        " and schemaname <> all(%s)",
        [role, ["reports", "quality", "access"]],
    )
    assert tables == []


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan and all below it."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.mark.parametrize("view", MONEY_VIEWS)
@pytest.mark.parametrize("username", ["head_of_sales", "group_leader", "agent"])
def test_a_reader_of_the_registry_waits_for_no_loop_over_rows(
    agency_home: AgencyHome, view: str, username: str
) -> None:
    """Tables are joined by what is equal in them; else a page takes minutes."""
    with reading(agency_home, username) as connection:
        row = connection.execute(
            sql.SQL("explain (format json) select * from {}").format(
                sql.Identifier("reports", view)
            )
        ).fetchone()
    assert row is not None
    loops = [
        node["Join Filter"]
        for node in nodes(row[0][0]["Plan"])
        if node["Node Type"] == "Nested Loop" and " = " in node.get("Join Filter", "")
    ]
    assert loops == []


@pytest.mark.parametrize("login", ["bi", "data_team", "p_admin"])
@pytest.mark.parametrize(
    "statement",
    [
        "delete from reports.rpt_deal_registry",
        "insert into reports.publications values (default, 1, now(), now(), 1)",
        "update access.user_keys set keys = array['rows/company']",
        "truncate reports.rpt_kpi_daily",
        "create table reports.mine (id int)",
        "create table public.mine (id int)",
        "create temporary table mine (id int)",
        "create schema mine",
        "create function public.mine() returns int language sql as 'select 1'",
        "create role mine",
        "copy reports.publications to program 'cat'",
        "select lo_create(0)",
        "select lo_from_bytea(0, 'x')",
        # Whoever holds the lock of the pass keeps every pass away.
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_xact_lock_shared(1, 1)",
    ],
)
def test_readers_cannot_write_or_create(
    agency_home: AgencyHome, login: str, statement: str
) -> None:
    warehouse = agency_home.warehouse
    person = login.removeprefix("p_")
    url = warehouse.url(login) if person == login else warehouse.person_url(person)
    with psycopg.connect(url) as connection:
        # A reader may undo a default of the own login.
        connection.execute("set transaction read write")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_data_team_reads_through_its_own_keys(agency_home: AgencyHome) -> None:
    keys = dict(agency_home.rows("select username, keys from access.user_keys"))
    assert set(keys) == set(READERS)
    assert keys["data_team"] == ["rows/company", "whole/company"]
    assert keys["agent"] == [
        f"names/employee:{CONNECTION}:6",
        f"rows/employee:{CONNECTION}:6",
        f"split/employee:{CONNECTION}:6",
        "split/reader:agent",
    ]
