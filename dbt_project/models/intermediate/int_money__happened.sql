{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': "coalesce(deal_key, fact_key)"},
    'clocked': 'event_date > {previous_day}',
}) }}

{# One row per fact of contracts, advances, money and the end of a deal, whole amounts. #}
with

deals as not materialized (

    select * from {{ ref('int_deals__counted') }}

),

valued as (

    select
        deals.closing_date,
        deals.lost_date,
        deals.price,
        deals.refusal_reason,
        staged.loss_depth,
        case when deals.price is not null then 'with_price' else 'without_price' end
            as price_detail,
        case
            when values_of_deal.commission_gross is not null then 'with_commission'
            else 'without_commission'
        end as commission_detail,
        values_of_deal.*,
        -- A later refund lowers the revenue on its own date.
        values_of_deal.revenue_net + values_of_deal.commission_refunds
            as revenue_before_refunds

    from {{ ref('int_deals__valued') }} as values_of_deal

    inner join deals
        on values_of_deal.deal_key = deals.deal_key

    left join {{ ref('int_deals__staged') }} as staged
        on values_of_deal.deal_key = staged.deal_key

),

contracts as (

    select * from {{ ref('fct_contracts') }}

),

advances as (

    select * from {{ ref('fct_advances') }}

),

expenses as (

    select expenses.*

    from {{ ref('fct_deal_expenses') }} as expenses

    inner join deals
        on
            expenses.deal_key = deals.deal_key
            and deals.outcome = 'won'

),

payments as (

    select * from {{ ref('fct_payments') }}

),

-- The later reservation is the one that should not have been made.
double_bookings as (

    select
        *,
        second_deal_key as deal_key

    from {{ ref('fct_double_bookings') }}

),

-- One event type has one amount; a deal that closes is several facts of its day.
{% set facts = [
    ('contract_signed', 'contracts', 'contract_key', 'signed_date', 'contract_owner',
        'kind', 'null', 'true'),
    ('contract_exclusive', 'contracts', 'contract_key', 'signed_date', 'contract_owner',
        'kind', 'null', 'is_exclusive'),
    ('contract_terminated', 'contracts', 'contract_key', 'terminated_date',
        'contract_owner', 'kind', 'null', 'is_terminated'),
    ('advance_taken', 'advances', 'advance_key', 'received_date', 'advance_owner',
        'holder', 'received_amount', 'not is_moved'),
    ('advance_refunded', 'advances', 'advance_key', 'outcome_date', 'advance_owner',
        'holder', 'refunded_amount', "outcome = 'refunded'"),
    ('advance_forfeited', 'advances', 'advance_key', 'outcome_date', 'deal_owner',
        'holder', 'forfeited_amount', "outcome = 'forfeited_agency'"),
    ('deal_closed', 'valued', 'deal_key', 'closing_date', 'deal_owner',
        'commission_detail', 'price', 'true'),
    ('sides_closed', 'valued', 'deal_key', 'closing_date', 'deal_owner', 'null',
        'deal_sides', 'true'),
    ('commission_recognised', 'valued', 'deal_key', 'closing_date', 'deal_owner',
        'price_detail', 'commission_gross', 'true'),
    ('discount_recognised', 'valued', 'deal_key', 'closing_date', 'deal_owner', 'null',
        'discounts', 'discounts <> 0'),
    ('partner_share_recognised', 'valued', 'deal_key', 'closing_date', 'deal_owner',
        'null', 'partner_share', 'partner_share <> 0'),
    ('revenue_recognised', 'valued', 'deal_key', 'closing_date', 'deal_owner', 'null',
        'revenue_before_refunds', 'true'),
    ('commission_refunded', 'valued', 'deal_key', 'commission_refund_date', 'deal_owner',
        'null', 'commission_refunds', 'commission_refunds <> 0'),
    ('expense_recognised', 'expenses', 'expense_key', 'recognition_date', 'deal_owner',
        'article', 'amount', "payer = 'agency'"),
    ('expense_passed_through', 'expenses', 'expense_key', 'recognition_date',
        'deal_owner', 'article', 'amount', "payer = 'client'"),
    ('commission_paid', 'payments', 'payment_key', 'operation_date', 'deal_owner',
        'direction', 'signed_amount', 'true'),
    ('deal_lost', 'valued', 'deal_key', 'lost_date', 'deal_owner', 'loss_depth',
        'lost_commission', 'true'),
    ('deal_lost_without_reason', 'valued', 'deal_key', 'lost_date', 'deal_owner', 'null',
        'null', 'refusal_reason is null'),
    ('double_booking', 'double_bookings', 'double_booking_key', 'overlap_date',
        'deal_owner', 'second_kind', 'overlap_minutes', 'true'),
] -%}

happened as (

    {%- for event_type, relation, key, day, role, detail, amount, condition in facts %}

    select
        '{{ event_type }}' as event_type,
        {{ key }} as fact_key,
        {{ day }} as event_date,
        deal_key,
        '{{ role }}' as role,
        cast(null as text) as employee_key,
        cast({{ detail }} as text) as detail,
        cast({{ amount }} as numeric(18, 2)) as amount

    from {{ relation }}

    where
        {{ day }} is not null
        and {{ condition }}

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

)

select * from happened
