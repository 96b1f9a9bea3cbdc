{# One row per fact of contracts, advances, money and the end of a deal, whole amounts. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}
    where
        deleted_at is null
        and not is_test

),

valued as (

    select
        *,
        closing_date as recognition_date,
        commission - coalesce(partner_share, 0) as revenue_net,
        cast(null as text) as loss_depth

    from deals

),

-- One event type has one amount; a deal that closes is several facts of its day.
{% set facts = [
    ('contract_signed', 'contract_signed_date', 'contract_owner', 'agency', 'null'),
    ('advance_taken', 'advance_received_date', 'advance_owner', 'null', 'advance_amount'),
    ('deal_closed', 'closing_date', 'deal_owner', 'null', 'price'),
    ('commission_recognised', 'recognition_date', 'deal_owner', 'null', 'commission'),
    ('revenue_recognised', 'recognition_date', 'deal_owner', 'null', 'revenue_net'),
    ('deal_lost', 'lost_date', 'deal_owner', 'loss_depth', 'null'),
] -%}

happened as (

    {%- for event_type, date_column, role, detail, amount in facts %}

    select
        '{{ event_type }}' as event_type,
        deal_key as fact_key,
        {{ date_column }} as event_date,
        deal_key,
        '{{ role }}' as role,
        cast(null as text) as employee_key,
        cast({{ "'" ~ detail ~ "'" if detail == 'agency' else detail }} as text) as detail,
        cast({{ amount }} as numeric(18, 2)) as amount

    from valued

    where {{ date_column }} is not null

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

)

select * from happened
