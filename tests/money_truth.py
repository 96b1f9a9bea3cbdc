"""Questions about money and things: the ground truth's files asked of the facts."""

from __future__ import annotations

DEAL = "split_part({}, ':', 2)"
MOMENT = "to_char({} at time zone 'Europe/Moscow', 'YYYY-MM-DD\"T\"HH24:MI:SS')"


def source_id(column: str) -> str:
    """The CRM's id of a key."""
    return f"coalesce(split_part({column}, ':', 2), '')"


def money(column: str) -> str:
    """An amount as the truth writes it; unknown is empty."""
    return f"coalesce(cast(cast({column} as numeric(18, 2)) as text), '')"


def known_money(column: str) -> str:
    """An amount that the truth writes as zero where there is none."""
    return f"cast(cast(coalesce({column}, 0) as numeric(18, 2)) as text)"


def text(column: str) -> str:
    """A text, a day or a number as the truth writes it."""
    return f"coalesce(cast({column} as text), '')"


def flag(column: str) -> str:
    """A flag as the truth writes it."""
    return f"cast(cast({column} as integer) as text)"


def moment(column: str) -> str:
    """A moment in Moscow."""
    return f"coalesce({MOMENT.format(column)}, '')"


def month(column: str) -> str:
    """A month as the truth writes it."""
    return f"to_char({column}, 'YYYY-MM')"


# File of the ground truth -> its columns, how the facts answer, and from where.
QUESTIONS: dict[str, tuple[dict[str, str], str]] = {
    "advances": (
        {
            "advance_id": source_id("advance_key"),
            "deal_id": source_id("deal_key"),
            "parent_id": source_id("parent_key"),
            "amount": money("amount"),
            "received_date": text("received_date"),
            "expiry_date": text("expiry_date"),
            "holder": text("holder"),
            "offsets_commission": flag("offsets_commission"),
            "outcome": text("outcome"),
            "outcome_date": text("outcome_date"),
            "held_by_agency": known_money("held_amount"),
        },
        "dbt_core.fct_advances where not is_synthetic",
    ),
    "invoices": (
        {
            "invoice_id": source_id("invoice_key"),
            "deal_id": source_id("deal_key"),
            "issue_date": text("issue_date"),
            "due_date": text("due_date"),
            "amount": money("amount"),
            "amount_due": money("amount_due"),
            "received": money("received"),
            "refunded": money("refunded"),
            "amount_paid": money("amount_paid"),
            "payment_remainder": money("payment_remainder"),
            "overpayment": money("overpayment"),
            "payment_status": text("payment_status"),
            "payment_overdue": money("payment_overdue"),
        },
        "dbt_core.fct_invoices",
    ),
    "reservations": (
        {
            "reservation_id": source_id("reservation_key"),
            "unit_id": source_id("unit_key"),
            "deal_id": source_id("deal_key"),
            "kind": text("kind"),
            "reserved_from": moment("from_at"),
            "reserved_until": moment("until_at"),
            "released_at": moment("released_at"),
            "seconds": text("reserve_seconds"),
            "is_active": flag("is_active"),
            "is_overdue": flag("is_overdue"),
            # The truth leaves activities aside.
            "is_idle": flag("is_idle and idle_reason <> 'no_activity'"),
        },
        "dbt_core.fct_reservations",
    ),
    "deal_money": (
        {
            "deal_id": source_id("deals.deal_key"),
            "outcome": text("deals.outcome"),
            "closing_date": text("deals.closing_date"),
            "has_lines": flag("money.has_service_lines"),
            # Accrued when a deal is won; the truth says of every deal what it would be.
            "commission_gross": money(
                "case when deals.outcome = 'won' then money.commission_gross"
                " else money.commission_current + money.discounts end"
            ),
            "discounts": known_money("money.discounts"),
            "partner_share": known_money("money.partner_share"),
            "commission_refunds": known_money("money.commission_refunds"),
            "direct_expenses": known_money("money.direct_expenses"),
            "expenses_pass_through": known_money("money.expenses_pass_through"),
        },
        "dbt_intermediate.int_deals__valued as money"
        " inner join dbt_intermediate.int_deals__counted as deals using (deal_key)",
    ),
    "deal_payments": (
        {
            "deal_id": source_id("deal_key"),
            "amount_due": money("amount_due"),
            "invoiced": money("invoiced"),
            "received": money("received"),
            "advance_offset": money("advance_offset"),
            "refunded": money("refunded"),
            "amount_paid": money("amount_paid"),
            "payment_remainder": money("payment_remainder"),
            "overpayment": money("overpayment"),
            "payment_status": text("payment_status"),
        },
        "dbt_intermediate.int_deals__valued where payment_status is not null",
    ),
    "advances_month": (
        {
            "month": month("event_date"),
            "advances_count": "cast(count(*) filter (where event_type"
            " = 'advance_taken') as text)",
            "advances_amount": known_money(
                "sum(amount) filter (where event_type = 'advance_taken')"
            ),
            "advances_refunded_amount": known_money(
                "sum(amount) filter (where event_type = 'advance_refunded')"
            ),
            "forfeited_advance_income": known_money(
                "sum(amount) filter (where event_type = 'advance_forfeited')"
            ),
        },
        "dbt_intermediate.int_money__happened where event_type like 'advance_%'"
        " and fact_key not like '%:card' group by 1",
    ),
    "cash_month": (
        {
            "month": month("event_date"),
            "received": known_money("sum(amount) filter (where detail = 'in')"),
            "refunded": known_money("-sum(amount) filter (where detail = 'refund')"),
            "revenue_cash": money("sum(amount)"),
        },
        "dbt_intermediate.int_money__happened where event_type = 'commission_paid'"
        " group by 1",
    ),
    "contracts_month": (
        {
            "month": month("event_date"),
            "contracts_signed": "cast(count(*) filter (where event_type"
            " = 'contract_signed') as text)",
            "contracts_terminated": "cast(count(*) filter (where event_type"
            " = 'contract_terminated') as text)",
        },
        "dbt_intermediate.int_money__happened where event_type like 'contract_%'"
        " and fact_key not like '%:card' group by 1",
    ),
}


def query(name: str) -> str:
    """The SQL that answers a question, one column per column of the file."""
    columns, origin = QUESTIONS[name]
    chosen = ", ".join(f'{sql} as "{column}"' for column, sql in columns.items())
    return f"select {chosen} from {origin}"


# Field of the card -> the same said by the records.
COMPARED = {
    "commission": ("commission", "commission_recorded"),
    "advance_amount": ("advance_amount", "advances_recorded"),
    "expenses": ("direct_expenses", "direct_expenses_recorded"),
    "partner_share": ("partner_share", "partner_share_recorded"),
    "paid": ("paid_amount", "paid_recorded"),
    "contract_date": ("contract_signed_date", "contract_date_recorded"),
}


def disagreements() -> str:
    """The SQL that lists cards that say something else than their records."""
    parts = (
        f"select '{field}' as field, {source_id('deals.deal_key')} as deal_id,"
        f" {text(f'deals.{card}')} as field_value,"
        f" {text(f'money.{recorded}')} as records_value"
        " from dbt_intermediate.int_deals__valued as money"
        " inner join dbt_intermediate.int_deals__counted as deals using (deal_key)"
        f" where deals.{card} is distinct from money.{recorded}"
        for field, (card, recorded) in COMPARED.items()
    )
    return " union all ".join(parts)


# Name of a total -> the SQL of its value.
TOTALS = {
    "advances_held": "select sum(held_amount) from dbt_core.fct_advances",
    "advances_transferred": (
        "select count(*) from dbt_core.fct_advances where is_moved"
    ),
    "double_bookings": "select count(*) from dbt_core.fct_double_bookings",
    "contracts_active": (
        "select count(*) from dbt_core.fct_contracts where contract_state = 'active'"
    ),
    "commission_receivable": (
        "select sum(commission_receivable) from dbt_intermediate.int_deals__valued"
    ),
    "commission_prepaid": (
        "select sum(commission_prepaid) from dbt_intermediate.int_deals__valued"
    ),
    "pipeline_amount": (
        "select sum(expected_revenue) from dbt_intermediate.int_deals__valued"
    ),
    **{
        f"units:{truth}": (
            f"select count(*) from dbt_core.dim_units where status = '{status}'"
        )
        for truth, status in (
            ("free", "free"),
            ("reserved", "reserved"),
            ("sold", "sold"),
            ("removed", "withdrawn"),
        )
    },
    **{
        f"records:{kind}": f"select count(*) from dbt_core.{fact} {condition}"
        for kind, fact, condition in (
            ("advance", "fct_advances", "where not is_synthetic"),
            ("document", "fct_documents", ""),
            ("expense", "fct_deal_expenses", "where not is_synthetic"),
            ("invoice", "fct_invoices", ""),
            ("partner_share", "fct_partner_shares", "where not is_synthetic"),
            ("payment", "fct_payments", ""),
            ("reservation", "fct_reservations", ""),
            ("service_line", "fct_service_lines", "where not is_synthetic"),
            ("unit", "dim_units", ""),
        )
    },
}
