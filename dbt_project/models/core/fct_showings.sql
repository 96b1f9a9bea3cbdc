{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': 'coalesce(deal_key, showing_key)', 'client_key': 'client_key'},
}) }}

with

showings as (

    select * from {{ ref('fct_activities') }}
    where activity_type = 'showing'

),

described as (

    select
        activity_key as showing_key,
        deal_key,
        lead_key,
        party_key,
        coalesce(party_key, deal_key, lead_key) as client_key,
        unit_key,
        employee_key,
        status,
        result as reason,
        planned_start_at,
        started_at,
        planned_date,
        -- A showing that did not take place has only the day it was planned for.
        case when status = 'held' then started_date else planned_date end as showing_date

    from showings

),

paired as (

    select
        *,
        case when status = 'held' then client_key || ' ' || unit_key end
            as party_unit_key

    from described

)

select * from paired
