{# What the fields of a deal say happened, in the shape of every dated fact. One amount
   is one event: parts of a waterfall are split and summed apart. #}
with

deals as (

    select * from {{ ref('fct_deals') }}

),

{% set milestones = [
    ('contract_signed', 'contract_signed_date', 'contract_owner', 'null', 'null'),
    ('advance_taken', 'advance_received_date', 'advance_owner', 'null', 'advance_amount'),
    ('deal_closed', 'recognition_date', 'deal_owner', 'null', 'price'),
    ('commission_accrued', 'recognition_date', 'deal_owner', 'null', 'commission'),
    ('revenue_accrued', 'recognition_date', 'deal_owner', 'null', 'revenue_net'),
    ('deal_lost', 'lost_date', 'deal_owner', 'null', 'null'),
] -%}

happened as (
    {% for event_type, date_column, role, detail, amount in milestones %}

    select
        '{{ event_type }}' as event_type,
        deals.deal_key as fact_key,
        deals.{{ date_column }} as event_date,
        deals.deal_key,
        '{{ role }}' as role,
        cast(null as text) as employee_key,
        cast({{ detail }} as text) as detail,
        cast({{ amount }} as numeric(18, 2)) as amount

    from deals

    where deals.{{ date_column }} is not null
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

)

select * from happened
