"""A published registry made by hand: real tables, policies, logins and labels.

Labels come from the YAML beside the models, rows from the tests, publication and
policies from the code that a pass runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import yaml
from psycopg import sql

from orchestration.passes import home_connections
from orchestration.publication import PublishedModel, publish
from orchestration.settings import REPOSITORY, Settings, load_settings
from orchestration.transformation import manifest_file
from orchestration.warehouse import Warehouse, open_warehouse, provision

REPORTS = REPOSITORY / "dbt_project" / "models" / "reports"
ACCESS = REPOSITORY / "dbt_project" / "models" / "access" / "_access__models.yml"
PASS_TIME = datetime(2026, 11, 21, 5, 12, tzinfo=UTC)

STATES = (
    "channel_label", "contract_number", "contract_signed_date",
    "advance_received_date", "planned_settlement_date", "refusal_reason",
)  # fmt: skip
MONEY = (
    "price", "commission", "commission_agreed", "commission_current",
    "commission_gross", "commission_drift", "discounts", "partner_share",
    "commission_refunds", "revenue_net", "expected_revenue", "revenue_with_expected",
    "direct_expenses", "contribution", "payroll_variable", "deal_profit",
    "advance_amount", "advances_amount", "advances_refunded_amount", "advances_held",
    "invoiced", "received", "paid_amount", "payment_remainder", "commission_receivable",
    "dq_money_at_stake", "corrections_amount",
)  # fmt: skip
# Said of the money, and no amount.
MONEY_WORDS: Mapping[str, str] = {
    "margin_pct": "numeric(9, 4)",
    "payment_status_label": "text",
}
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "deal_key", "deal_number", "deal_number_html", "card_url", "stage",
            "stage_label", "outcome", "outcome_label", "deal_type", "deal_type_label",
            "direction_label", "pipeline_label", "legal_entity", "channel_label",
            "channel_group", "campaign", "object_address", "client_name",
            "partner_agency", "partner_agent_name", "deal_owner_name",
            "lead_handler_name", "meeting_host_name", "contract_owner_name",
            "showing_host_name", "advance_owner_name", "lawyer_name",
            "mortgage_broker_name", "owner_now_name", "responsible_name", "group_name",
            "department_name", "contract_number", "closing_date_basis",
            "refusal_reason", "refusal_comment", "crm_stage", "stage_limit_text",
            "risk_level_label", "risk_reasons", "findings_text", "modified_by_name",
            "period_lock_label", "stage_limit_label", "settlement_due_label",
            "as_of_label",
        ),
        "text",
    ),
    **dict.fromkeys(
        (
            "created_date", "first_response_date", "first_meeting_date",
            "contract_signed_date", "first_showing_date", "reservation_date",
            "advance_received_date", "advance_expiry_date", "planned_settlement_date",
            "closing_date", "lost_date", "next_step_date", "as_of_date",
        ),
        "date",
    ),
    **dict.fromkeys(
        (
            "settlement_date_changes", "settlement_net_shift_days", "days_in_stage",
            "age_days", "days_since_last_touch",
        ),
        "integer",
    ),
    **dict.fromkeys(
        (
            "findings_count", "findings_critical", "findings_major", "findings_minor",
            "findings_waived",
        ),
        "bigint",
    ),
    "collapse_probability": "numeric(9, 4)",
    "modified_at": "timestamptz",
    "recorded_before": "timestamptz",
    "as_of_order": "integer",
    "is_today": "boolean",
    **dict.fromkeys(MONEY, "numeric(18, 2)"),
    **MONEY_WORDS,
    **dict.fromkeys((f"{name}_state" for name in (*STATES, *MONEY[:2])), "integer"),
    "reader_keys": "text[]",
}  # fmt: skip
# What the page of the registry adds to a deal: the choices and the holder of the role.
PAGE_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "registry_key", "role", "role_label", "date_label", "employee_key",
            "holder_name", "holder_group_name", "holder_department_name",
            "month_label",
        ),
        "text",
    ),
    **dict.fromkeys(("role_order", "date_order", "month_order"), "integer"),
    "chosen_date": "date",
    "deal_ordinal": "numeric",
}  # fmt: skip
MONEY_PAGE_COLUMNS: Mapping[str, str] = {
    "credit_mode": "text",
    "credit_label": "text",
    "credit_order": "integer",
    "credit_weight": "numeric",
    "money_ordinal": "numeric",
}
FINDING_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "finding_key", "rule_id", "finding_title", "finding_hint", "severity",
            "column_name", "deal_key", "deal_number", "deal_number_html", "card_url",
            "responsible_name", "group_name", "department_name",
        ),
        "text",
    ),
    "as_of_label": "text",
    "opened_at": "timestamptz",
    "reader_keys": "text[]",
}  # fmt: skip
MONEY_PAGE: Mapping[str, str] = {**COLUMNS, **PAGE_COLUMNS, **MONEY_PAGE_COLUMNS}
EDITIONS: Mapping[str, Mapping[str, str]] = {
    "rpt_registry_by_role": MONEY_PAGE,
    "rpt_registry_by_share": MONEY_PAGE,
    "rpt_registry_by_role_without_money": {
        name: kind
        for name, kind in {**COLUMNS, **PAGE_COLUMNS}.items()
        if name.removesuffix("_state") not in (*MONEY, *MONEY_WORDS)
    },
    "rpt_registry_choices": {
        **dict.fromkeys(
            ("choice_key", "date_label", "role_label", "credit_label"), "text"
        ),
        "reader_keys": "text[]",
    },
    "rpt_as_of_dates": {
        "as_of_date": "date",
        "as_of_label": "text",
        "is_today": "boolean",
        "as_of_at": "timestamptz",
        "reader_keys": "text[]",
    },
    "rpt_findings_as_of": FINDING_COLUMNS,
}
# Key of the rows of a table; the hand-made pages are tables.
TABLE_KEYS: Mapping[str, str] = {
    "rpt_registry_choices": "choice_key",
    "rpt_as_of_dates": "as_of_date",
    "rpt_findings_as_of": "finding_key",
}
KEYS: Mapping[str, tuple[str, ...]] = {
    "admin": ("rows/company", "whole/company"),
    "head_of_sales": ("rows/sales:demo_agency:2", "whole/sales:demo_agency:2"),
    "head_of_legal": ("rows/legal:demo_agency:9",),
    "group_leader": ("rows/sales:demo_agency:5", "split/sales:demo_agency:5"),
    "agent": ("rows/employee:demo_agency:6", "split/employee:demo_agency:6"),
}

Values = Mapping[str, object]


def home_settings(home: Path, database_url: str) -> Settings:
    """Settings of a home of the demo agency."""
    return load_settings(
        home,
        {
            "REESTR_DATABASE_URL": database_url,
            "REESTR_CONNECTIONS": "demo_agency",
            "REESTR_DEMO_AGENCY_URL": "http://127.0.0.1:9/rest/1/code/",
        },
    )


def provisioned(home: Path, database_url: str) -> Warehouse:
    """A warehouse with its frame and logins, without a publication."""
    warehouse = open_warehouse(home_settings(home, database_url))
    users = [
        user.username
        for connection in home_connections(warehouse.settings)
        for user in connection.access
    ]
    provision(warehouse, users)
    return warehouse


def deal(number: int, **values: object) -> dict[str, object]:
    """One deal on the page of the registry, well filled, under its usual choices."""
    return {
        "registry_key": f"demo_agency:{number}",
        "deal_key": f"demo_agency:{number}",
        "deal_number": f"С-{number}",
        "card_url": f"https://crm.example/crm/deal/details/{number}/",
        "stage": "contract_signed",
        "stage_label": "Договор подписан",
        "outcome": "open",
        "outcome_label": "В работе",
        "object_address": "Лесная ул., 14, кв. 52",
        "client_name": "Гордеева М.",
        "deal_owner_name": "Ясинская О.",
        "department_name": "Продажи",
        "group_name": "Группа 1",
        "created_date": date(2026, 9, 1),
        "contract_signed_date": date(2026, 9, 2),
        "planned_settlement_date": date(2026, 11, 12),
        "modified_at": datetime(2026, 11, 20, 21, 30, 5, 250000, tzinfo=UTC),
        "age_days": 81,
        "findings_count": 0,
        "findings_critical": 0,
        "commission": Decimal("450000.00"),
        "revenue_net": Decimal("400000.50"),
        "role_label": "Ответственный за сделку",
        "date_label": "Расчёт, план",
        "holder_name": "Ясинская О.",
        "month_label": "11.2026",
        "month_order": 202611,
        "as_of_label": "Сегодня",
        "is_today": True,
        "credit_mode": "whole",
        "credit_label": "Целиком",
        **values,
    }


def choice(date_label: str, role: str, credit: str) -> dict[str, object]:
    """One choice that readers may make."""
    return {
        "choice_key": f"{date_label}|{role}|{credit}",
        "date_label": date_label,
        "role_label": role,
        "credit_label": credit,
        "reader_keys": [key for keys in KEYS.values() for key in keys],
    }


def day(label: str, moment: datetime, *, is_today: bool = False) -> dict[str, object]:
    """One day that can be asked for."""
    return {
        "as_of_date": moment.date(),
        "as_of_label": label,
        "is_today": is_today,
        "as_of_at": moment,
        "reader_keys": [key for keys in KEYS.values() for key in keys],
    }


def finding(number: int, **values: object) -> dict[str, object]:
    """One open finding."""
    return {
        "finding_key": f"finding-{number}",
        "rule_id": "deal_commission_filled",
        "finding_title": "Комиссия: нет суммы в договоре",
        "finding_hint": "Карточка сделки → Финансы → Комиссия агентства",
        "severity": "critical",
        "deal_key": f"demo_agency:{number}",
        "deal_number": f"С-{number}",
        "card_url": f"https://crm.example/crm/deal/details/{number}/",
        "as_of_label": "Сегодня",
        "opened_at": datetime(2026, 11, 1, 9, 0, tzinfo=UTC),
        **values,
    }


CHOICES = tuple(
    choice(date_label, role, credit)
    for date_label in ("Расчёт, план", "Договор")
    for role in ("Ответственный за сделку", "Любая роль")
    for credit in ("Целиком", "По долям")
)
DAYS = (
    day("Сегодня", PASS_TIME, is_today=True),
    day("10.11.2026", datetime(2026, 11, 10, 15, 0, tzinfo=UTC)),
)


def publish_rows(
    warehouse: Warehouse,
    tables: Mapping[str, Sequence[Values]],
    keys: Mapping[str, Sequence[str]] = KEYS,
) -> None:
    """Publish rows as a pass does; tables that get none are published empty."""
    with warehouse.connect("transformer") as connection:
        connection.execute(
            "insert into ops.clock (pass_time) values (%s)"
            " on conflict (only_row) do update set pass_time = excluded.pass_time",
            [PASS_TIME],
        )
        for schema in ("dbt_reports", "dbt_access"):
            connection.execute(f"create schema if not exists {schema}")
        rows = {"rpt_registry_choices": CHOICES, "rpt_as_of_dates": DAYS, **tables}
        for name, columns in EDITIONS.items():
            _create(connection, "dbt_reports", name, columns, rows.get(name, ()))
        _create(
            connection,
            "dbt_access",
            "user_keys",
            {"username": "text", "keys": "text[]"},
            [{"username": who, "keys": list(what)} for who, what in keys.items()],
        )
    publish(warehouse, published_models(), pass_id=1)
    write_manifest(manifest_file(warehouse))


def published_models() -> list[PublishedModel]:
    """The registry's tables and the readers' keys, with the declared predicates."""
    access = yaml.safe_load(ACCESS.read_text(encoding="utf-8"))["models"][0]
    rules = {
        name: rule["predicate"].format(reader="(select access.reader())")
        for name, rule in access["config"]["meta"]["row_access_rules"].items()
    }
    return [
        *(
            PublishedModel(
                name=name,
                working_schema="dbt_reports",
                schema="reports",
                key=(TABLE_KEYS.get(name, "registry_key"),),
                predicate=rules["by_participation"],
                indexes=(),
            )
            for name in EDITIONS
        ),
        PublishedModel(
            name="user_keys",
            working_schema="dbt_access",
            schema="access",
            key=("username",),
            predicate=rules["own_login"],
            indexes=(),
        ),
    ]


def write_manifest(path: Path) -> None:
    """A manifest with the labels that the YAML beside the models gives."""
    nodes: dict[str, object] = {
        "model.reestr.user_scopes": {
            "name": "user_scopes",
            "resource_type": "model",
            "schema": "dbt_access",
            "config": {
                "meta": {"row_access_rules": {"own": {"predicate": "username = 1"}}}
            },
            "columns": {},
            "original_file_path": "models/access/user_scopes.sql",
        }
    }
    for folder in ("registry", "quality"):
        file = next((REPORTS / folder).glob("_*__models.yml"))
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
            nodes[f"model.reestr.{model['name']}"] = {
                "name": model["name"],
                "resource_type": "model",
                "schema": "dbt_reports",
                "description": model["description"],
                "config": {
                    "meta": {"published_schema": "reports", "row_access": "own"}
                },
                "columns": {column["name"]: column for column in model["columns"]},
                "original_file_path": f"models/reports/{folder}/{model['name']}.sql",
            }
    content = {"nodes": nodes, "semantic_models": {}, "metrics": _metrics()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _metrics() -> dict[str, object]:
    return {
        f"metric.reestr.{name}": {
            "name": name,
            "label": label,
            "description": description,
            "type": "simple",
            "type_params": {},
            "config": {
                "meta": {"kind": "sum", "unit": "money", "owner": "Финансы", **meta}
            },
            "original_file_path": "models/metrics/deal_events.yml",
        }
        for name, label, description, meta in (
            (
                "revenue_net",
                "Выручка",
                "Комиссия за вычетом доли партнёров.",
                {"formula": "Σ комиссия − доля партнёров"},
            ),
            ("partner_share", "Доля партнёров", "Доля внешних партнёров.", {}),
        )
    }


def _create(
    connection: psycopg.Connection,
    schema: str,
    name: str,
    columns: Mapping[str, str],
    rows: Sequence[Values],
) -> None:
    table = sql.Identifier(schema, name)
    parts = sql.SQL(", ").join(
        sql.SQL("{} " + kind).format(sql.Identifier(column))
        for column, kind in columns.items()
    )
    connection.execute(sql.SQL("drop table if exists {}").format(table))
    connection.execute(sql.SQL("create table {} ({})").format(table, parts))
    for row in rows:
        connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                table,
                sql.SQL(", ").join(sql.Identifier(column) for column in row),
                sql.SQL(", ").join(sql.Placeholder() for _ in row),
            ),
            list(row.values()),
        )
