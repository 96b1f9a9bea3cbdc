{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': 'coalesce(deal_key, fact_key)'},
    'also_changed': 'select coalesce(deal_key, pair_key) as key '
        'from dbt_intermediate.int_showings__paired '
        'where ripe_date > {previous_day} and ripe_date <= {today}',
    'clocked': 'event_date > {previous_day}',
}) }}

{# What happened to objects, in the shape of every dated fact: they were shown, reserved
   and bought. A shown object is told of when it has had its days to be reserved. #}
with

pairs as (

    select * from {{ ref('int_showings__paired') }}
    where ripe_date <= {{ today() }}

),

reservations as (

    select * from {{ ref('fct_reservations') }}

),

bought as (

    select
        deal_key,
        max(signed_date) as signed_date

    from {{ ref('fct_documents') }}

    where
        kind = 'purchase'
        and status = 'signed'
        and signed_date <= {{ today() }}

    group by deal_key

),

contracted as (

    select reservations.*

    from reservations

    inner join bought
        on
            reservations.deal_key = bought.deal_key
            and reservations.reserved_date <= bought.signed_date

),

-- The price is agreed when an advance is taken for the object that was reserved last.
priced as (

    select distinct on (reservations.deal_key)
        reservations.reservation_key,
        reservations.deal_key,
        reservations.reserved_date,
        reservations.list_price,
        reservations.list_price - deals.price as list_price_discount

    from reservations

    inner join {{ ref('int_deals__counted') }} as deals
        on reservations.deal_key = deals.deal_key

    inner join {{ ref('fct_advances') }} as advances
        on
            reservations.deal_key = advances.deal_key
            and advances.received_date <= {{ today() }}

    order by
        reservations.deal_key asc,
        reservations.from_at desc,
        reservations.reservation_key asc

),

{% set facts = [
    ('showing_pair', 'pairs', 'pair_key', 'showing_date', 'showing_host',
        'employee_key', 'null', 'true'),
    ('showing_pair_reserved', 'pairs', 'pair_key', 'showing_date', 'showing_host',
        'employee_key', 'null', 'is_reserved'),
    ('reservation_made', 'reservations', 'reservation_key', 'reserved_date',
        'deal_owner', 'null', 'null', 'true'),
    ('reservation_released', 'reservations', 'reservation_key', 'released_date',
        'deal_owner', 'null', 'reserve_days', 'released_date is not null'),
    ('reservation_contracted', 'contracted', 'reservation_key', 'reserved_date',
        'deal_owner', 'null', 'null', 'true'),
    ('list_price_agreed', 'priced', 'reservation_key', 'reserved_date', 'deal_owner',
        'null', 'list_price', 'list_price_discount is not null'),
    ('list_price_discounted', 'priced', 'reservation_key', 'reserved_date',
        'deal_owner', 'null', 'list_price_discount', 'list_price_discount is not null'),
] -%}

happened as (
    {% for event_type, relation, key, date, role, person, amount, condition in facts %}

    select
        '{{ event_type }}' as event_type,
        {{ key }} as fact_key,
        {{ date }} as event_date,
        deal_key,
        '{{ role }}' as role,
        cast({{ person }} as text) as employee_key,
        cast(null as text) as detail,
        cast({{ amount }} as numeric(18, 2)) as amount

    from {{ relation }}

    where {{ condition }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

)

select * from happened
