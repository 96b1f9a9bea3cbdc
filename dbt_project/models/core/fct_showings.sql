{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': "coalesce(deal_key, showing_key)"},
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
        unit_key,
        employee_key,
        status,
        result as reason,
        planned_start_at,
        started_at,
        planned_date,
        -- A showing that did not take place has only the day it was planned for.
        case when status = 'held' then started_date else planned_date end as showing_date,
        case
            when status = 'held' and unit_key is not null
                then coalesce(party_key, deal_key, lead_key) || ' ' || unit_key
        end as party_unit_key

    from showings

)

select * from described
