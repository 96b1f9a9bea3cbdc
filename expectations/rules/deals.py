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
is_won = Column("outcome") == "won"
is_commission_due = Column("is_commission_due") == True  # noqa: E712

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
    rule(
        id="deal_commission_positive",
        title="Комиссия: ноль или меньше",
        hint="Карточка сделки → Финансы → Комиссия агентства, или тип без комиссии",
        owner="Отдел продаж",
        severity="critical",
        cell_state="invalid",
        marks="commission",
        expect=gxe.ExpectColumnValuesToBeBetween(
            column="commission_current",
            min_value=0,
            strict_min=True,
            row_condition=is_commission_due,
        ),
    ),
    rule(
        id="deal_stage_mapped",
        title="Этап: не сопоставлен",
        hint="Переведите сделку на действующий этап или сопоставьте этот в подключении",
        owner="Администратор CRM",
        severity="critical",
        cell_state="invalid",
        marks="stage_label",
        expect=gxe.ExpectColumnValuesToNotBeInSet(
            column="stage", value_set=["unmapped"]
        ),
    ),
    rule(
        id="deal_stage_confirmed",
        title="Этап: события этапа нет в CRM",
        hint="Внесите событие этапа или верните сделку на прежний этап",
        owner="Отдел продаж",
        severity="major",
        cell_state="suspicious",
        marks="stage_label",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_stage_unconfirmed", value_set=[False]
        ),
    ),
    rule(
        id="deal_pause_not_too_long",
        title="Пауза: дольше допустимого срока",
        hint="Карточка сделки → Этап: верните сделку в работу или оформите отказ",
        owner="Отдел продаж",
        severity="minor",
        cell_state="suspicious",
        marks="stage_label",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_pause_too_long", value_set=[False]
        ),
    ),
    rule(
        id="deal_closing_date_known",
        title="Закрытие: сделка состоялась, даты нет",
        hint="Карточка сделки → Расчёт → Фактическая дата",
        owner="Юридический отдел",
        severity="critical",
        cell_state="missing",
        expect=gxe.ExpectColumnValuesToNotBeNull(
            column="closing_date", row_condition=is_won
        ),
    ),
    rule(
        id="deal_closing_date_not_future",
        title="Закрытие: дата в будущем",
        hint="Карточка сделки → Расчёт → Фактическая дата",
        owner="Юридический отдел",
        severity="critical",
        cell_state="invalid",
        marks="closing_date",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_closing_in_future", value_set=[False]
        ),
    ),
    rule(
        id="deal_contract_date_not_future",
        title="Договор: дата подписания в будущем",
        hint="Карточка сделки или документа → Дата подписания",
        owner="Отдел продаж",
        severity="critical",
        cell_state="invalid",
        marks="contract_signed_date",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_contract_in_future", value_set=[False]
        ),
    ),
    rule(
        id="deal_advance_date_not_future",
        title="Аванс: дата получения в будущем",
        hint="Карточка сделки или аванса → Дата получения",
        owner="Отдел продаж",
        severity="critical",
        cell_state="invalid",
        marks="advance_received_date",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_advance_in_future", value_set=[False]
        ),
    ),
    rule(
        id="deal_activity_not_future",
        title="Встреча, показ или звонок: завершены, а дата в будущем",
        hint="Дела сделки → Время начала, или снимите отметку о завершении",
        owner="Отдел продаж",
        severity="major",
        cell_state="invalid",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_activity_in_future", value_set=[False]
        ),
    ),
    rule(
        id="deal_record_not_future",
        title="Платёж, расход, возврат аванса или расторжение: дата в будущем",
        hint="Карточка записи → Дата",
        owner="Бухгалтерия",
        severity="major",
        cell_state="invalid",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_record_in_future", value_set=[False]
        ),
    ),
    rule(
        id="deal_role_filled",
        title="Ответственный: не указан или нет такого сотрудника",
        hint="Карточка сделки → Ответственные за этапы",
        owner="Отдел продаж",
        severity="major",
        cell_state="missing",
        marks="{role_of_nobody}_name",
        expect=gxe.ExpectColumnValuesToBeNull(column="role_of_nobody"),
    ),
    rule(
        id="deal_login_personal",
        title="Ответственный: общий логин, работу некому засчитать",
        hint="Карточка сделки → Ответственные за этапы: выберите человека",
        owner="Администратор CRM",
        severity="critical",
        cell_state="invalid",
        marks="{role_of_shared_login}_name",
        expect=gxe.ExpectColumnValuesToBeNull(column="role_of_shared_login"),
    ),
    rule(
        id="deal_weights_whole",
        title="Доли: в сумме не 100 %",
        hint="Карточка сделки → Ответственные за этапы → Доли",
        owner="Отдел продаж",
        severity="critical",
        cell_state="invalid",
        marks="{role_of_wrong_weights}_name",
        expect=gxe.ExpectColumnValuesToBeNull(column="role_of_wrong_weights"),
    ),
    rule(
        id="deal_weights_entered",
        title="Доли: несколько ответственных, доли не указаны",
        hint="Карточка сделки → Ответственные за этапы → Доли; пока делим поровну",
        owner="Отдел продаж",
        severity="minor",
        cell_state="missing",
        marks="{role_without_weights}_name",
        expect=gxe.ExpectColumnValuesToBeNull(column="role_without_weights"),
    ),
    rule(
        id="deal_owner_works",
        title="Ответственный за сделку: уволен или не указан, сделка ничья",
        hint="Карточка сделки → Ответственный за сделку: передайте сделку",
        owner="Отдел продаж",
        severity="critical",
        cell_state="invalid",
        marks="deal_owner_name",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_ownerless", value_set=[False]
        ),
    ),
    rule(
        id="deal_showing_confirmed",
        title="Показ: объект указан во встрече, показ не оформлен",
        hint="Дело в карточке сделки → тип «Показ» вместо встречи",
        owner="Отдел продаж",
        severity="minor",
        cell_state="suspicious",
        marks="first_showing_date",
        expect=gxe.ExpectColumnValuesToBeInSet(
            column="is_showing_unconfirmed", value_set=[False]
        ),
    ),
    rule(
        id="deal_reservation_not_overextended",
        title="Бронь: продлена больше двух раз",
        hint="Бронь объекта → снимите её или переведите сделку дальше",
        owner="Отдел продаж",
        severity="major",
        cell_state="suspicious",
        marks="reservation_date",
        expect=gxe.ExpectColumnValuesToBeBetween(
            column="reservation_extensions", max_value=2
        ),
    ),
]
