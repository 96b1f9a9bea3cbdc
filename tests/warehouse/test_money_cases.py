"""Cases of money and things, made by hand in the portal and seen by three passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from ingestion.demo.portal.labels import labels
from tests.agency_home import CONNECTION, AgencyHome, living_agency
from tests.conftest import Postgres

ADVANCES, RESERVATIONS, DOCUMENTS, EXPENSES = 1058, 1042, 1046, 1050
SHARES, UNITS, PAYMENTS, INVOICES = 1054, 1038, 1062, 31
OWNER = "6"
# A deal loaded past the portal's own door has no history of stages.
DATELESS = "9999"
SELLER, BUYER = "Комиссия с продавца", "Комиссия с покупателя"


def won(day: str, **fields: object) -> dict[str, object]:
    """Fields of a deal of a sale that was settled on a day."""
    return {"STAGE_ID": "WON", "UF_CRM_SETTLEMENT_DATE": day, **fields}


DEALS: dict[str, dict[str, object]] = {
    "invoiced": won("2025-09-10"),
    "with an advance": {"STAGE_ID": "ADVANCE", "UF_CRM_ADVANCE_OWNER": OWNER},
    "first booker": {"STAGE_ID": "SHOWING"},
    "second booker": {"STAGE_ID": "SHOWING"},
    "next booker": {"STAGE_ID": "SHOWING"},
    "head of a chain": won("2025-09-11"),
    "tail of a chain": won("2025-09-12"),
    "refunded": won("2025-08-20"),
    "refunded before": {"STAGE_ID": "SETTLEMENT"},
    "moved from": {"STAGE_ID": "LOSE", "UF_CRM_ADVANCE_OWNER": OWNER},
    "moved to": {"STAGE_ID": "ADVANCE", "UF_CRM_ADVANCE_OWNER": OWNER},
    "offset later": {"STAGE_ID": "SETTLEMENT"},
    "offset": won("2025-09-01"),
    "forfeited": {"STAGE_ID": "LOSE"},
    "two sides": won("2025-09-05"),
    "new build": {
        "CATEGORY_ID": "1",
        "STAGE_ID": "C1:WON",
        "TYPE_ID": "NEW_BUILD",
        "UF_CRM_SETTLEMENT_DATE": "2025-08-01",
    },
    "for nothing": won(
        "2025-09-09", UF_CRM_COMMISSION="0.00|RUB", OPPORTUNITY="5000000.00"
    ),
    "priceless": won("2025-09-09", UF_CRM_COMMISSION="50000.00|RUB"),
    "settled tomorrow": won("2025-09-18"),
    "overwritten": {
        "STAGE_ID": "CONTRACT",
        "UF_CRM_CONTRACT_DATE": "2025-09-01",
        "UF_CRM_COMMISSION": "100000.00|RUB",
    },
    "two invoices": won("2025-09-08"),
    "reimbursed": won("2025-09-07"),
    "in dollars": won("2025-09-06", CURRENCY_ID="USD", OPPORTUNITY="900.00"),
}
LINES = [
    ("invoiced", SELLER, "120000", "0"),
    ("head of a chain", SELLER, "200000", "0"),
    ("tail of a chain", BUYER, "150000", "0"),
    ("refunded", SELLER, "95000", "5000"),
    ("refunded before", SELLER, "100000", "0"),
    ("offset later", SELLER, "200000", "0"),
    ("offset", SELLER, "200000", "0"),
    ("forfeited", SELLER, "90000", "0"),
    ("two sides", SELLER, "100000", "0"),
    ("two sides", BUYER, "60000", "0"),
    ("new build", BUYER, "300000", "0"),
    ("settled tomorrow", SELLER, "70000", "0"),
    ("two invoices", SELLER, "100000", "0"),
    ("reimbursed", SELLER, "80000", "0"),
    ("in dollars", SELLER, "90", "0"),
]


def option(name: str, text: str) -> str:
    """The portal's id of an option of a list."""
    return next(
        str(key) for key, value in labels().options[name].items() if value == text
    )


# Month -> count and sum of advances received, sum refunded, net.
Months = dict[int, list[Decimal]]


@dataclass
class Cases:
    """The agency with the cases made by hand.

    Attributes:
        home: Of the agency.
        deals: Name of a case -> its deal's id.
        items: Name of an item -> its id.
        invoice: State of the invoice of case 10 after each pass.
        months: Advances of February and March after each pass.
    """

    home: AgencyHome
    deals: dict[str, str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    invoice: list[tuple[object, ...]] = field(default_factory=list)
    months: list[Months] = field(default_factory=list)

    def add(self, name: str, type_id: int, deal: str | None, **fields: object) -> None:
        """Add an item of a deal as a person would."""
        parent = {} if deal is None else {"parentId2": self.deals[deal]}
        answer = self.home.portal.answer(
            "crm.item.add", entityTypeId=type_id, fields={**parent, **fields}
        )
        self.items[name] = str(answer["result"]["item"]["id"])

    def change(self, name: str, type_id: int, **fields: object) -> None:
        """Change an item."""
        self.home.portal.answer(
            "crm.item.update", entityTypeId=type_id, id=self.items[name], fields=fields
        )

    def advance(
        self, name: str, deal: str, amount: int, day: str, **more: object
    ) -> None:
        """Add an advance that the agency holds."""
        self.add(
            name,
            ADVANCES,
            deal,
            opportunity=amount,
            ufCrm7_received=day,
            ufCrm7_holder=option("UF_CRM_7_HOLDER", "агентство"),
            **more,
        )

    def pay(
        self,
        deal: str | None,
        amount: int,
        day: str,
        invoice: str = "",
        back: bool = False,
    ) -> None:
        """Add a payment or a refund."""
        direction = "возврат" if back else "приход"
        linked = {"ufCrm13_invoice": f"SI_{self.items[invoice]}"} if invoice else {}
        self.add(
            f"payment {amount} {day} {deal}",
            PAYMENTS,
            deal,
            opportunity=amount,
            ufCrm13_date=day,
            ufCrm13_direction=option("UF_CRM_13_DIRECTION", direction),
            **linked,
        )

    def key(self, deal: str) -> str:
        """The warehouse's key of a deal."""
        return f"{CONNECTION}:{self.deals[deal]}"

    def deal(self, name: str, *columns: str) -> tuple[object, ...]:
        """Columns of a deal among the facts."""
        [row] = self.home.rows(
            f"select {', '.join(columns)} from dbt_core.fct_deals where deal_key = %s",
            [self.key(name)],
        )
        return row

    def events(self, event_type: str, *deals: str) -> list[tuple[object, ...]]:
        """Day and amount of the events of deals."""
        return self.home.rows(
            "select cast(event_date as text), amount from dbt_core.fct_deal_events"
            " where event_type = %s and deal_key = any(%s) order by 1, 2",
            [event_type, [self.key(deal) for deal in deals]],
        )

    def look(self) -> None:
        """Run a pass and keep what the changing cases show."""
        self.home.run_pass()
        invoice = self.home.rows(
            "select payment_status, payment_remainder, overpayment"
            " from dbt_core.fct_invoices where invoice_key = %s",
            [f"{CONNECTION}:{self.items['invoice']}"],
        )
        self.invoice.extend(invoice)
        rows = self.home.rows(
            "select extract(month from event_month), sum(advances_count),"
            " sum(advances_amount), sum(advances_refunded_amount),"
            " sum(advances_net_amount) from reports.rpt_kpi_daily"
            " where event_month between '2025-02-01' and '2025-03-31' group by 1"
        )
        self.months.append(
            {
                int(str(month)): [Decimal(str(one)) for one in sums]
                for month, *sums in rows
            }
        )


@pytest.fixture(scope="module")
def cases(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cases]:
    environment = {"REESTR_DATABASE_URL": postgres.create_database("cases")}
    folder = tmp_path_factory.mktemp("cases")
    with living_agency(folder, environment, deals=20, seed=3) as home:
        made = Cases(home)
        fill(made)
        made.look()
        made.pay("invoiced", 80000, "2025-09-15", "invoice")
        made.advance("advance", "with an advance", 100000, "2025-02-28")
        home.portal.answer(
            "crm.deal.update",
            id=made.deals["overwritten"],
            fields={"UF_CRM_COMMISSION": "80000.00|RUB"},
        )
        made.look()
        made.pay("invoiced", 10000, "2025-09-16", "invoice", back=True)
        made.change(
            "advance",
            ADVANCES,
            ufCrm7_outcome=option("UF_CRM_7_OUTCOME", "возвращён"),
            ufCrm7_outcome_date="2025-03-03",
        )
        made.look()
        yield made


def fill(made: Cases) -> None:
    """Make the deals and records that the first pass sees."""
    for name, fields in DEALS.items():
        contact = made.home.portal.answer(
            "crm.contact.add", fields={"NAME": name, "LAST_NAME": "Случай"}
        )["result"]
        answer = made.home.portal.answer(
            "crm.deal.add",
            fields={
                "TITLE": name,
                "CONTACT_ID": contact,
                "UF_CRM_DEAL_OWNER": [OWNER],
                **fields,
            },
        )
        made.deals[name] = str(answer["result"])
    made.home.portal.answer(
        "crm.deal.update",
        id=made.deals["tail of a chain"],
        fields={"UF_CRM_PARENT_DEAL": made.deals["head of a chain"]},
    )
    for deal, service, price, discount in LINES:
        made.home.store.create(
            "productrow",
            {
                "OWNER_ID": made.deals[deal],
                "OWNER_TYPE": "D",
                "PRODUCT_NAME": service,
                "PRICE": price,
                "QUANTITY": "1",
                "DISCOUNT_SUM": discount,
            },
        )
    made.deals["dateless"] = DATELESS
    moment = made.home.moment.isoformat()
    made.home.store.bulk_insert(
        "deal",
        {
            "ID": [DATELESS],
            "TITLE": ["dateless"],
            "STAGE_ID": ["WON"],
            "UF_CRM_COMMISSION": ["40000.00|RUB"],
            "DATE_CREATE": [moment],
            "DATE_MODIFY": [moment],
        },
    )
    fill_reservations(made)
    fill_advances(made)
    fill_payments(made)


def fill_reservations(made: Cases) -> None:
    for unit in ("flat", "flat of a chain"):
        made.add(unit, UNITS, None, title=unit, opportunity=8000000)
    for deal, unit, start, end in (
        ("first booker", "flat", "04-01T10:00:00", "04-05T00:00:00"),
        ("second booker", "flat", "04-03T00:00:00", "04-04T00:00:00"),
        ("next booker", "flat", "04-05T00:00:00", "04-06T00:00:00"),
        ("head of a chain", "flat of a chain", "05-01T00:00:00", "05-09T00:00:00"),
        ("tail of a chain", "flat of a chain", "05-02T00:00:00", "05-08T00:00:00"),
    ):
        made.add(
            f"reservation of {deal}",
            RESERVATIONS,
            deal,
            ufCrm8_unit=f"T40e_{made.items[unit]}",
            ufCrm8_kind=option("UF_CRM_8_KIND", "бесплатная"),
            ufCrm8_from=f"2025-{start}+03:00",
            ufCrm8_until=f"2025-{end}+03:00",
            ufCrm8_released=f"2025-{end}+03:00",
        )

    for deal, unit, end in (
        ("moved to", "flat past its term", "2025-09-15T12:00:00+03:00"),
        ("forfeited", "flat of a refusal", "2026-09-15T12:00:00+03:00"),
    ):
        made.add(unit, UNITS, None, title=unit, opportunity=5000000)
        made.add(
            f"reservation of {deal}",
            RESERVATIONS,
            deal,
            ufCrm8_unit=f"T40e_{made.items[unit]}",
            ufCrm8_kind=option("UF_CRM_8_KIND", "платная"),
            ufCrm8_from="2025-09-10T12:00:00+03:00",
            ufCrm8_until=end,
        )


def fill_advances(made: Cases) -> None:
    outcome = "UF_CRM_7_OUTCOME"
    made.advance(
        "parent",
        "moved from",
        80000,
        "2025-05-05",
        ufCrm7_outcome=option(outcome, "перенесён"),
        ufCrm7_outcome_date="2025-05-20",
    )
    parent = {"ufCrm7_parent": f"T422_{made.items['parent']}"}
    made.advance("child", "moved to", 80000, "2025-05-20", **parent)
    made.advance("to offset", "offset later", 50000, "2025-08-15", ufCrm7_offsets="Y")
    made.advance(
        "offset",
        "offset",
        50000,
        "2025-08-16",
        ufCrm7_offsets="Y",
        ufCrm7_outcome=option(outcome, "зачтён"),
        ufCrm7_outcome_date="2025-09-01",
    )
    made.advance(
        "kept",
        "forfeited",
        70000,
        "2025-06-01",
        ufCrm7_outcome=option(outcome, "удержан агентством"),
        ufCrm7_outcome_date="2025-06-15",
    )


def fill_payments(made: Cases) -> None:
    for name, deal, amount in (
        ("invoice", "invoiced", 120000),
        ("first invoice", "two invoices", 60000),
        ("second invoice", "two invoices", 40000),
    ):
        made.add(
            name,
            INVOICES,
            deal,
            opportunity=amount,
            begindate="2025-09-10",
            closedate="2025-09-14",
            stageId="DT31_1:S",
        )
    made.pay("invoiced", 50000, "2025-09-12", "invoice")
    made.pay("two invoices", 70000, "2025-09-09", "first invoice")
    made.pay("two invoices", 30000, "2025-09-10", "second invoice")
    made.pay("refunded", 95000, "2025-08-20")
    made.pay("refunded", 30000, "2025-09-05", back=True)
    made.pay("refunded before", 50000, "2025-09-01")
    made.pay("refunded before", 20000, "2025-09-02", back=True)
    made.pay("offset", 150000, "2025-09-02")
    made.pay(None, 4321, "2025-09-03")
    made.pay("in dollars", 90, "2025-09-06")
    made.change("payment 90 2025-09-06 in dollars", PAYMENTS, currencyId="USD")
    made.add("share", SHARES, "two sides", opportunity=16000)
    for name, payer, amount in (("own", "агентство", 7000), ("theirs", "клиент", 9000)):
        made.add(
            name,
            EXPENSES,
            "reimbursed",
            opportunity=amount,
            ufCrm10_incurred="2025-09-01",
            ufCrm10_payer=option("UF_CRM_10_PAYER", payer),
        )


# --------------------------------------------------------------- acceptance cases


def test_case_3_a_refund_does_not_restate_the_month_of_the_advance(
    cases: Cases,
) -> None:
    """Received 28.02, refunded 03.03: February stays, the two months net to nothing."""

    nothing = [Decimal(0)] * 4
    before, received, refunded = (
        [months.get(month, nothing) for month in (2, 3)] for months in cases.months
    )
    amount = Decimal(100000)
    february = [new - old for new, old in zip(received[0], before[0], strict=True)]
    assert february == [1, amount, 0, amount]
    assert refunded[0] == received[0]
    march = [new - old for new, old in zip(refunded[1], received[1], strict=True)]
    assert march == [0, 0, amount, -amount]


def test_case_10_an_invoice_is_partially_paid_overpaid_and_paid(cases: Cases) -> None:
    assert cases.invoice == [
        ("partially_paid", Decimal(70000), Decimal(0)),
        ("overpaid", Decimal(0), Decimal(10000)),
        ("paid", Decimal(0), Decimal(0)),
    ]


def test_case_11_a_reservation_that_starts_at_the_end_is_no_double_booking(
    cases: Cases,
) -> None:
    rows = cases.home.rows(
        "select first_deal_key, second_deal_key, overlap_minutes"
        " from dbt_core.fct_double_bookings where first_deal_key = any(%s)",
        [[cases.key(name) for name in DEALS]],
    )
    assert rows == [(cases.key("first booker"), cases.key("second booker"), 24 * 60)]
    assert cases.events("double_booking", "second booker") == [
        ("2025-04-03", Decimal(1440))
    ]


def test_a_commission_that_was_overwritten_shows_as_a_drift_and_is_no_discount(
    cases: Cases,
) -> None:
    found = cases.deal(
        "overwritten",
        "commission_agreed",
        "commission_current",
        "commission_drift",
        "discounts",
    )
    assert found == (Decimal(100000), Decimal(80000), Decimal(-20000), Decimal(0))


@pytest.mark.parametrize(
    ("deal", "reason", "since"),
    [
        ("moved to", "past_term", "2025-09-15 12:00"),
        ("forfeited", "deal_lost", None),
    ],
)
def test_a_reservation_is_idle_from_the_moment_it_lost_its_sense(
    cases: Cases, deal: str, reason: str, since: str | None
) -> None:
    rows = cases.home.rows(
        "select is_idle, idle_reason, idle_value, to_char("
        " idle_since at time zone 'Europe/Moscow', 'YYYY-MM-DD HH24:MI')"
        " from dbt_core.fct_reservations where deal_key = %s",
        [cases.key(deal)],
    )
    [(is_idle, found, value, idle_since)] = rows
    assert (is_idle, found, value) == (True, reason, Decimal(5000000))
    assert since is None or idle_since == since


# --------------------------------------------------------------------- edge rules


def test_rule_1_a_refund_of_the_commission_is_a_line_of_its_own_month(
    cases: Cases,
) -> None:
    assert cases.deal("refunded", "commission_gross", "discounts", "revenue_net") == (
        Decimal(100000),
        Decimal(5000),
        Decimal(65000),
    )
    assert cases.events("revenue_recognised", "refunded") == [
        ("2025-08-20", Decimal(95000))
    ]
    assert cases.events("commission_refunded", "refunded") == [
        ("2025-09-05", Decimal(30000))
    ]
    assert len(cases.events("deal_closed", "refunded")) == 1
    assert cases.deal("refunded", "commission_receivable") == (Decimal(0),)


def test_rule_1_before_recognition_a_refund_lowers_what_is_expected(
    cases: Cases,
) -> None:
    found = cases.deal("refunded before", "expected_revenue", "revenue_net")
    assert found == (Decimal(80000), None)
    assert cases.events("commission_refunded", "refunded before") == []


def test_rule_3_a_moved_advance_is_counted_once(cases: Cases) -> None:
    assert cases.events("advance_taken", "moved from", "moved to") == [
        ("2025-05-05", Decimal(80000))
    ]
    assert cases.deal("moved from", "advances_held") == (Decimal(0),)
    assert cases.deal("moved to", "advances_held", "coalesce(advances_amount, 0)") == (
        Decimal(80000),
        Decimal(0),
    )
    [(parent,)] = cases.home.rows(
        "select parent_key from dbt_core.fct_advances where deal_key = %s",
        [cases.key("moved to")],
    )
    assert parent == f"{CONNECTION}:{cases.items['parent']}"


def test_rule_4_an_advance_that_offsets_the_commission_is_no_second_payment(
    cases: Cases,
) -> None:
    assert cases.deal("offset later", "commission_prepaid", "received") == (
        Decimal(50000),
        Decimal(0),
    )
    found = cases.deal("offset", "amount_paid", "payment_status", "commission_prepaid")
    assert found == (Decimal(200000), "paid", Decimal(0))
    assert cases.events("commission_paid", "offset") == [
        ("2025-09-02", Decimal(150000))
    ]


def test_rule_5_a_forfeited_advance_is_income_and_the_deal_stays_lost(
    cases: Cases,
) -> None:
    assert cases.events("advance_forfeited", "forfeited") == [
        ("2025-06-15", Decimal(70000))
    ]
    found = cases.deal("forfeited", "outcome", "commission_gross", "advances_held")
    assert found == ("lost", None, Decimal(0))
    [(_, lost)] = cases.events("deal_lost", "forfeited")
    assert lost == Decimal(90000)


def test_rule_6_a_deal_of_two_sides_is_one_deal(cases: Cases) -> None:
    found = cases.deal("two sides", "deal_sides", "partner_share", "revenue_net")
    assert found == (2, Decimal(16000), Decimal(144000))
    assert len(cases.events("deal_closed", "two sides")) == 1
    assert cases.events("sides_closed", "two sides") == [("2025-09-05", Decimal(2))]


def test_rule_9_links_of_a_chain_have_own_commissions_and_do_not_compete(
    cases: Cases,
) -> None:
    found = [
        amount
        for name in ("head of a chain", "tail of a chain")
        for (amount,) in [cases.deal(name, "commission_gross")]
    ]
    assert found == [Decimal(200000), Decimal(150000)]
    chain = [cases.key("head of a chain"), cases.key("tail of a chain")]
    assert (
        cases.home.rows(
            "select 1 from dbt_core.fct_double_bookings where first_deal_key = any(%s)",
            [chain],
        )
        == []
    )


def test_rule_11_the_commission_of_a_new_build_is_owed_after_the_lag(
    cases: Cases,
) -> None:
    """Thirty days in the demo's connection."""
    found = cases.deal(
        "new build",
        "commission_gross",
        "commission_receivable",
        "cast(payment_due_date as text)",
        "ageing_code",
    )
    assert found == (Decimal(300000), Decimal(300000), "2025-08-31", "up_to_30")
    owed = cases.home.rows(
        "select days_overdue from dbt_intermediate.int_deals__timed"
        " where deal_key = %s",
        [cases.key("new build")],
    )
    assert owed == [(17,)]


def test_rule_13_a_deal_for_nothing_is_counted_and_rated(cases: Cases) -> None:
    """Only a missing price leaves a deal out of the rate."""
    assert cases.events("deal_closed", "for nothing") == [
        ("2025-09-09", Decimal(5000000))
    ]
    rows = cases.home.rows(
        "select event_type, detail, amount from dbt_core.fct_deal_events where"
        " event_type in ('deal_closed', 'commission_recognised') and deal_key = any(%s)"
        " order by 1, 2, 3",
        [[cases.key("for nothing"), cases.key("priceless")]],
    )
    assert rows == [
        ("commission_recognised", "with_price", Decimal(0)),
        ("commission_recognised", "without_price", Decimal(50000)),
        ("deal_closed", "with_commission", Decimal(5000000)),
        ("deal_closed", "with_commission", None),
    ]


def test_rule_14_a_won_deal_without_a_date_has_money_and_no_month(
    cases: Cases,
) -> None:
    """Its stage has no history either, so nothing tells when it closed."""
    found = cases.deal("dateless", "closing_date", "outcome", "revenue_net")
    assert found == (None, "won", Decimal(40000))
    assert cases.events("deal_closed", "dateless") == []
    assert cases.events("revenue_recognised", "dateless") == []
    assert cases.deal("dateless", "commission_receivable") == (Decimal(0),)


def test_rule_15_a_closing_in_the_future_is_not_recognised_yet(cases: Cases) -> None:
    assert cases.events("revenue_recognised", "settled tomorrow") == []
    found = cases.deal("settled tomorrow", "outcome", "commission_receivable")
    assert found == ("won", Decimal(0))


def test_rule_22_over_payment_is_kept_and_no_invoice_takes_more_than_is_due(
    cases: Cases,
) -> None:
    rows = cases.home.rows(
        "select target_type, amount from dbt_core.fct_payment_allocations"
        " where deal_key = %s order by 2 desc",
        [cases.key("two invoices")],
    )
    assert rows == [
        ("invoice", Decimal(60000)),
        ("invoice", Decimal(30000)),
        ("prepayment", Decimal(10000)),
    ]
    assert cases.deal("two invoices", "payment_status", "payment_remainder") == (
        "paid",
        Decimal(0),
    )


def test_rule_23_money_of_nobody_is_cash_and_of_no_deal(cases: Cases) -> None:
    rows = cases.home.rows(
        "select target_type, amount, deal_key from dbt_core.fct_payment_allocations"
        " where payment_key = %s",
        [f"{CONNECTION}:{cases.items['payment 4321 2025-09-03 None']}"],
    )
    assert rows == [("unallocated", Decimal(4321), None)]
    [(cash,)] = cases.home.rows(
        "select sum(revenue_cash) from reports.rpt_kpi_daily"
        " where event_date = '2025-09-03' and employee_key = 'unassigned'"
    )
    assert cash == Decimal(4321)


def test_rule_25_what_the_client_reimburses_leaves_the_margin_alone(
    cases: Cases,
) -> None:
    found = cases.deal(
        "reimbursed",
        "direct_expenses",
        "contribution",
        "expenses_pass_through",
        "expenses_to_reimburse",
    )
    assert found == (Decimal(7000), Decimal(73000), Decimal(9000), Decimal(9000))


def test_rule_26_a_foreign_amount_is_unknown_and_its_deal_counted(cases: Cases) -> None:
    found = cases.deal("in dollars", "commission_gross", "revenue_net", "received")
    assert found == (None, None, Decimal(0))
    assert len(cases.events("deal_closed", "in dollars")) == 1
