with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

money as (

    select * from {{ ref('int_deals__valued') }}

),

participants as (

    select * from {{ ref('fct_deal_participants') }}
    where is_credited

),

employees as (

    select * from {{ ref('dim_employees') }}

),

stages as (

    select * from {{ ref('stages') }}

),

outcomes as (

    select * from {{ ref('outcomes') }}

),

deal_types as (

    select * from {{ ref('deal_types') }}

),

{% set role_names = [
    'lead_handler', 'meeting_host', 'contract_owner', 'showing_host', 'advance_owner',
    'deal_owner', 'lawyer', 'mortgage_broker',
] -%}

holders as (

    select
        deal_key,
        {%- for role in role_names %}
        string_agg(employee_name, ', ' order by employee_key)
            filter (where role = '{{ role }}') as {{ role }}_name,
        {%- endfor %}
        min(employee_key) filter (where role = 'deal_owner') as deal_owner_key

    from participants

    group by deal_key

),

contract_numbers as (

    select
        source_system,
        contract_number,
        count(*) as contract_number_uses

    from deals

    where
        contract_number is not null
        and deleted_at is null
        and not is_test

    group by source_system, contract_number

),

described as (

    select

        ---------- ids
        deals.deal_key,
        deals.source_system,
        deals.source_id,
        deals.deal_number,
        deals.card_url,
        deals.responsible_key,
        deals.responsible_place_key,
        holders.deal_owner_key,
        owners.group_key,
        owners.department_key,

        ---------- state
        deals.title,
        deals.pipeline,
        deals.pipeline_label,
        deals.crm_stage,
        deals.stage,
        stages.rank as stage_rank,
        stages.label as stage_label,
        deals.outcome,
        outcomes.label as outcome_label,
        deals.deal_type,
        coalesce(deal_types.label, deals.crm_type) as deal_type_label,
        deals.channel,
        deals.channel_label,
        deals.channel_group,
        deals.object_address,
        deals.client_name,
        deals.partner_agency,
        deals.contract_number,
        deals.refusal_reason,
        deals.refusal_comment,

        ---------- people by key moment
        {%- for role in role_names %}
        holders.{{ role }}_name,
        {%- endfor %}
        responsible.full_name as responsible_name,
        owners.group_name,
        owners.department_name,

        ---------- dates
        deals.created_date,
        deals.contract_signed_date,
        deals.advance_received_date,
        deals.advance_expiry_date,
        deals.planned_settlement_date,
        deals.closing_date,
        deals.closing_date_basis,
        deals.closing_date as recognition_date,
        deals.lost_date,
        {{ today() }} as as_of_date,

        ---------- money
        deals.price,
        deals.commission,
        deals.paid_amount,
        deals.advance_amount,
        money.commission_agreed,
        money.commission_current,
        money.commission_gross,
        money.commission_drift,
        money.discounts,
        money.partner_share,
        money.commission_refunds,
        money.revenue_net,
        money.expected_revenue,
        money.revenue_with_expected,
        money.lost_commission,
        money.direct_expenses,
        money.expenses_pass_through,
        money.expenses_to_reimburse,
        money.contribution,
        money.deal_sides,
        money.has_service_lines,

        ---------- contract and advances
        money.first_contract_date,
        money.first_advance_date,
        money.advances_amount,
        money.advances_refunded_amount,
        money.advances_held,
        money.forfeited_advance_income,

        ---------- payments
        money.amount_due,
        money.invoiced,
        money.received,
        money.refunded,
        money.advance_offset,
        money.amount_paid,
        money.payment_remainder,
        money.overpayment,
        money.payment_status,
        money.commission_receivable,
        money.payment_due_date,
        money.days_overdue,
        money.ageing_code,
        money.commission_prepaid,
        money.invoice_vs_contract_gap,

        ---------- what rules look at
        deals.is_reporting_currency,
        coalesce(contract_numbers.contract_number_uses, 0) as contract_number_uses,
        round(deals.commission / nullif(deals.price, 0), 4) as commission_share,
        coalesce(stages.rank, 0) >= 40 as is_under_contract,
        coalesce(stages.rank, 0) >= 60 as is_after_advance,
        coalesce(stages.rank, 0) between 70 and 80 as is_in_preparation,

        ---------- trust
        deals.created_at,
        deals.modified_at,
        deals.deleted_at,
        deals.deleted_at is not null as is_deleted,
        deals.is_test

    from deals

    inner join money
        on deals.deal_key = money.deal_key

    inner join stages
        on deals.stage = stages.stage

    inner join outcomes
        on deals.outcome = outcomes.outcome

    left join deal_types
        on deals.deal_type = deal_types.deal_type

    left join holders
        on deals.deal_key = holders.deal_key

    left join employees as responsible
        on deals.responsible_key = responsible.employee_key

    left join employees as owners
        on
            coalesce(holders.deal_owner_key, deals.responsible_key)
            = owners.employee_key

    left join contract_numbers
        on
            deals.source_system = contract_numbers.source_system
            and deals.contract_number = contract_numbers.contract_number

)

select * from described
