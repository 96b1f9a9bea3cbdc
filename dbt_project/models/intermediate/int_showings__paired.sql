{{ config(meta={
    'unit': 'client_key',
    'by': {'client_key': 'client_key', 'deal_key': 'coalesce(deal_key, pair_key)'},
}) }}

{# One row per pair of client and object: its first held showing, and whether the same
   client reserved the object after it, within {{ days }} days. #}
{%- set days = 30 %}

with

showings as (

    select distinct on (party_unit_key)
        party_unit_key as pair_key,
        client_key,
        unit_key,
        deal_key,
        employee_key,
        started_at,
        showing_date

    from {{ ref('fct_showings') }}

    where
        party_unit_key is not null
        and started_at is not null

    order by party_unit_key asc, started_at asc, showing_key asc

),

reserved as (

    select distinct showings.pair_key

    from showings

    inner join {{ ref('fct_reservations') }} as reservations
        on
            showings.client_key = reservations.client_key
            and showings.unit_key = reservations.unit_key
            and showings.started_at <= reservations.from_at
            and showings.started_at + interval '{{ days }} days' > reservations.from_at

),

paired as (

    select
        showings.pair_key,
        showings.client_key,
        showings.deal_key,
        showings.employee_key,
        showings.showing_date,
        showings.showing_date + {{ days }} as ripe_date,
        reserved.pair_key is not null as is_reserved

    from showings

    left join reserved
        on showings.pair_key = reserved.pair_key

)

select * from paired
