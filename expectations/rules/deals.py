"""What a well-filled deal card looks like.

The rules look at ``dbt_core.fct_deal_cards``: one row per deal that counts. Facts
that need several tables are columns of that model, so rules hold no SQL.
"""

from great_expectations import expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations.rule import rule

is_under_contract = Column("is_under_contract") == True  # noqa: E712 -- a condition, not a comparison
is_sale_after_advance = Column("is_sale_after_advance") == True  # noqa: E712
is_in_preparation = Column("is_in_preparation") == True  # noqa: E712
is_lost = Column("outcome") == "lost"

RULES = [
    rule(
        id="deal_channel_filled",
        title="Источник: не указан",
        hint="Карточка сделки → Источник",
        owner="Отдел продаж",
        severity="major",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(column="channel_label"),
    ),
    rule(
        id="deal_commission_filled",
        title="Комиссия: нет суммы в договоре",
        hint="Карточка сделки → Финансы → Комиссия агентства",
        owner="Отдел продаж",
        severity="critical",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="commission", row_condition=is_under_contract
        ),
    ),
    rule(
        id="deal_price_filled",
        title="Цена: не указана",
        hint="Карточка сделки → Сумма",
        owner="Отдел продаж",
        severity="major",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="price", row_condition=is_under_contract
        ),
    ),
    rule(
        id="deal_contract_date_filled",
        title="Договор: нет даты подписания",
        hint="Карточка сделки → Договор → Дата подписания",
        owner="Отдел продаж",
        severity="critical",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="contract_signed_date", row_condition=is_under_contract
        ),
    ),
    rule(
        id="deal_contract_number_unique",
        title="Номер договора: повторяется в другой сделке",
        hint="Карточка сделки → Договор → Номер",
        owner="Юридический отдел",
        severity="major",
        cell_state="invalid",
        marks="contract_number",
        expect=gxe.ExpectColumnValuesToBeBetween(
            column="contract_number_uses", max_value=1
        ),
    ),
    rule(
        id="deal_advance_date_filled",
        title="Аванс: нет даты получения",
        hint="Карточка сделки → Аванс → Дата получения",
        owner="Отдел продаж",
        severity="critical",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="advance_received_date", row_condition=is_sale_after_advance
        ),
    ),
    rule(
        id="deal_planned_settlement_filled",
        title="Расчёт: нет плановой даты",
        hint="Карточка сделки → Расчёт → Плановая дата",
        owner="Юридический отдел",
        severity="critical",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="planned_settlement_date", row_condition=is_in_preparation
        ),
    ),
    rule(
        id="deal_planned_settlement_not_past",
        title="Расчёт: дата прошла, сделка не закрыта",
        hint="Карточка сделки → Расчёт → Плановая дата, или закройте сделку",
        owner="Юридический отдел",
        severity="critical",
        cell_state="invalid",
        marks="planned_settlement_date",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_planned_settlement_past", value_set=[False]
        ),
    ),
    rule(
        id="deal_refusal_reason_filled",
        title="Отказ: не указана причина",
        hint="Карточка сделки → Отказ → Причина",
        owner="Отдел продаж",
        severity="major",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="refusal_reason", row_condition=is_lost
        ),
    ),
    rule(
        id="deal_commission_share_plausible",
        title="Комиссия: больше 10 % цены",
        hint="Карточка сделки → Финансы → Комиссия агентства и сумма сделки",
        owner="Отдел продаж",
        severity="major",
        cell_state="suspicious",
        marks="commission",
        expect=gxe.ExpectColumnValuesToBeBetween(
            column="commission_share", max_value=0.1
        ),
    ),
]
