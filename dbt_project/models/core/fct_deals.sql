{# Of several deals with one contract number each says how many they are. #}
{{ config(meta={
    'unit': 'deal_key',
    'also_changed': 'select deal_key as key from dbt_intermediate.int_deals__mapped'
        ~ " where source_system || ':' || contract_number in ("
        ~ "select key from ops.changed_units where unit = 'contract')",
}) }}

with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

money as (

    select * from {{ ref('int_deals__valued') }}

),

participants as not materialized (

    select * from {{ ref('fct_deal_participants') }}
    where is_credited

),

employees as (

    select * from {{ ref('dim_employees') }}

),

changed as (

    select * from {{ ref('int_deals__changed') }}

),

owned as (

    select * from {{ ref('int_deals__owned') }}

),

staged as (

    select * from {{ ref('int_deals__staged') }}

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

-- The unit of a deal is its owner's on the day the deal ended, today while it is open.
deal_owners as (

    select distinct on (deal_key)
        deal_key,
        group_key,
        group_name,
        department_key,
        department_name
    from participants
    where role = 'deal_owner'
    order by deal_key asc, employee_key asc

),

contract_numbers as (

    select
        source_system,
        contract_number,
        count(*) as contract_number_uses

    from {{ whole('int_deals__mapped') }}

    where
        source_system || ':' || contract_number in (
            select source_system || ':' || contract_number
            from {{ ref('int_deals__mapped') }}
        )
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
        case
            when deal_owners.deal_key is null then responsible.group_key
            else deal_owners.group_key
        end as group_key,
        case
            when deal_owners.deal_key is null then responsible.department_key
            else deal_owners.department_key
        end as department_key,

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
        owned.current_owner_name,
        owned.is_owner_changed,
        owned.is_ownerless,
        case
            when deal_owners.deal_key is null then responsible.group_name
            else deal_owners.group_name
        end as group_name,
        case
            when deal_owners.deal_key is null then responsible.department_name
            else deal_owners.department_name
        end as department_name,

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

        ---------- changes since the first load
        {%- for column in [
            'settlement_date_changes', 'settlement_net_shift_days',
            'settlement_gross_shift_days', 'commission_changes', 'owner_changes',
            'channel_changes', 'price_changes',
        ] %}
        coalesce(changed.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        changed.last_settlement_change_date,

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
        money.ageing_code,
        money.commission_prepaid,
        money.invoice_vs_contract_gap,

        ---------- the stage and its clock
        staged.stage_entered_date,
        staged.stay_clock_date,
        staged.stage_limit,
        staged.stage_limit_unit,
        staged.limit_at,
        staged.is_over_limit,
        staged.is_stuck,
        staged.stage_return_count,
        staged.max_rank,
        staged.loss_depth,
        staged.is_collapsed,
        staged.first_contact_date,
        staged.cycle_days,

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
        modifiers.full_name as modified_by_name,
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

    left join employees as modifiers
        on deals.modified_by_key = modifiers.employee_key

    left join deal_owners
        on deals.deal_key = deal_owners.deal_key

    left join staged
        on deals.deal_key = staged.deal_key

    left join changed
        on deals.deal_key = changed.deal_key

    left join owned
        on deals.deal_key = owned.deal_key

    left join contract_numbers
        on
            deals.source_system = contract_numbers.source_system
            and deals.contract_number = contract_numbers.contract_number

)

select * from described
