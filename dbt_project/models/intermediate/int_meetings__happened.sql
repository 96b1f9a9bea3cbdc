with

meetings as (

    select * from {{ ref('fct_meetings') }}

),

happened as (

    select
        'meeting_held' as event_type,
        meeting_key as fact_key,
        meeting_date as event_date,
        deal_key,
        'meeting_host' as role,
        coalesce(employee_key, 'unassigned') as employee_key,
        cast(null as text) as detail,
        cast(null as numeric(18, 2)) as amount

    from meetings

    where deal_key is not null

)

select * from happened
