{{ config(meta={
    'by': {'deal_key': 'coalesce(deal_key, fact_key)'},
    'clocked': 'event_date > {previous_day}',
}) }}

{# What happened to objects, in the shape of every dated fact: they were shown, reserved
   and bought. A pair of client and object begins with its first held showing and is told
   when it has had its days to become a reservation. #}
{%- set days_to_reserve = 30 -%}

with

reservations as (

    select
        reservations.*,
        coalesce(requests.party_key, reservations.deal_key) || ' ' || reservations.unit_key
            as party_unit_key

    from {{ ref('fct_reservations') }} as reservations

    left join {{ ref('int_requests__identified') }} as requests
        on
            reservations.deal_key = requests.request_key
            and requests.request_kind = 'deal'

),

pairs as (

    select distinct on (party_unit_key)
        party_unit_key,
        deal_key,
        employee_key,
        started_at,
        showing_date

    from {{ ref('fct_showings') }}

    where
        party_unit_key is not null
        and started_at < {{ day_end() }}

    order by party_unit_key asc, started_at asc, showing_key asc

),

ripe_pairs as (

    select
        *,
        started_at + interval '{{ days_to_reserve }} days' as ripe_at

    from pairs

    where started_at + interval '{{ days_to_reserve }} days' < {{ day_end() }}

),

reserved_pairs as (

    select distinct ripe_pairs.*

    from ripe_pairs

    inner join reservations
        on
            ripe_pairs.party_unit_key = reservations.party_unit_key
            and ripe_pairs.started_at <= reservations.from_at
            and ripe_pairs.ripe_at > reservations.from_at

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

bought_reservations as (

    select reservations.*

    from reservations

    inner join bought
        on
            reservations.deal_key = bought.deal_key
            and reservations.reserved_date <= bought.signed_date

),

{% set facts = [
    ('showing_pair', 'ripe_pairs', 'party_unit_key', 'showing_date', 'showing_host',
        'employee_key'),
    ('showing_pair_reserved', 'reserved_pairs', 'party_unit_key', 'showing_date',
        'showing_host', 'employee_key'),
    ('reservation_made', 'reservations', 'reservation_key', 'reserved_date',
        'deal_owner', 'null'),
    ('reservation_contracted', 'bought_reservations', 'reservation_key',
        'reserved_date', 'deal_owner', 'null'),
] -%}

happened as (
    {% for event_type, relation, key, date, role, person in facts %}

    select
        '{{ event_type }}' as event_type,
        {{ key }} as fact_key,
        {{ date }} as event_date,
        deal_key,
        '{{ role }}' as role,
        cast({{ person }} as text) as employee_key,
        cast(null as text) as detail,
        cast(null as numeric(18, 2)) as amount

    from {{ relation }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

)

select * from happened
