{{ config(meta={'by': {'deal_key': "coalesce(deal_key, fact_key)"}}) }}

{# One row per contract, advance, debt and reservation that stands today. #}
with

deals as (

    select
        deals.deal_key,
        deals.outcome,
        money.commission_receivable,
        money.ageing_code,
        money.commission_prepaid,
        money.commission_agreed,
        money.commission_current,
        money.commission_drift,
        money.invoice_vs_contract_gap

    from {{ ref('int_deals__counted') }} as deals

    inner join {{ ref('int_deals__valued') }} as money
        on deals.deal_key = money.deal_key

),

contracts as (

    select * from {{ ref('fct_contracts') }}
    where contract_state = 'active'

),

advances as (

    select * from {{ ref('fct_advances') }}
    where is_held

),

invoices as (

    select * from {{ ref('fct_invoices') }}
    where payment_remainder > 0

),

-- A reservation whose deal is gone has no deal to be counted with.
reservations as (

    select
        reservations.reservation_key,
        reservations.unit_key,
        reservations.kind,
        reservations.from_at,
        reservations.reserve_days,
        reservations.is_idle,
        reservations.idle_reason,
        reservations.idle_since,
        reservations.idle_days,
        reservations.idle_value,
        deals.deal_key,
        case when deals.deal_key is null then reservations.author_key end as author_key

    from {{ ref('fct_reservations') }} as reservations

    left join deals
        on reservations.deal_key = deals.deal_key

    where reservations.is_active

),

-- A unit held idle by two reservations is one unit of its price.
idle_units as (

    select distinct on (unit_key)
        unit_key,
        deal_key,
        author_key,
        idle_reason,
        idle_value

    from reservations

    where is_idle

    order by unit_key asc, idle_days desc, reservation_key asc

),

{# Days that pass by themselves are counted from a moment. -#}
{% set counted_from = {'reservation_active': 'from_at', 'reservation_idle': 'idle_since'} %}
{% set stocks = [
    ('contract_active', 'contracts', 'contract_key', 'contract_owner', 'null', 'kind',
        'null', 'true'),
    ('advance_held', 'advances', 'advance_key', 'advance_owner', 'null', 'null',
        'amount', 'true'),
    ('commission_receivable', 'deals', 'deal_key', 'deal_owner', 'null', 'ageing_code',
        'commission_receivable', 'commission_receivable > 0'),
    ('commission_prepaid', 'deals', 'deal_key', 'deal_owner', 'null', 'null',
        'commission_prepaid', 'commission_prepaid > 0'),
    ('commission_agreed', 'deals', 'deal_key', 'deal_owner', 'null', 'null',
        'commission_agreed', "outcome = 'open' and commission_agreed is not null"),
    ('commission_current', 'deals', 'deal_key', 'deal_owner', 'null', 'null',
        'commission_current', "outcome = 'open' and commission_current is not null"),
    ('commission_drift', 'deals', 'deal_key', 'deal_owner', 'null', 'null',
        'commission_drift', "outcome = 'open' and commission_drift <> 0"),
    ('invoice_unpaid', 'invoices', 'invoice_key', 'deal_owner', 'null', 'ageing_code',
        'payment_remainder', 'true'),
    ('invoice_gap', 'deals', 'deal_key', 'deal_owner', 'null', 'null',
        'invoice_vs_contract_gap', 'invoice_vs_contract_gap <> 0'),
    ('reservation_active', 'reservations', 'reservation_key', 'deal_owner',
        'author_key', 'kind', 'reserve_days', 'true'),
    ('reservation_idle', 'reservations', 'reservation_key', 'deal_owner', 'author_key',
        'idle_reason', 'idle_days', 'is_idle'),
    ('unit_idle', 'idle_units', 'unit_key', 'deal_owner', 'author_key', 'idle_reason',
        'idle_value', 'true'),
] -%}

held as (

    {%- for stock_type, relation, key, role, person, detail, amount, condition in stocks %}

    select
        '{{ stock_type }}' as stock_type,
        {{ key }} as fact_key,
        deal_key,
        '{{ role }}' as role,
        cast({{ person }} as text) as employee_key,
        cast({{ detail }} as text) as detail,
        cast({{ amount }} as numeric(18, 2)) as amount,
        cast({{ counted_from.get(stock_type, 'null') }} as timestamptz) as counted_from

    from {{ relation }}

    where {{ condition }}

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

)

select * from held
