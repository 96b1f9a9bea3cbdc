with

meetings as (

    select * from {{ ref('int_meetings__unioned') }}

),

held as (

    select
        source_system || ':' || source_id as meeting_key,
        source_system || ':' || deal_source_id as deal_key,
        source_system || ':' || host_id as employee_key,
        started_at,
        {{ business_date('started_at') }} as meeting_date

    from meetings

    where
        is_held
        and started_at is not null

),

-- The same deal and host starting again within an hour is one meeting recorded twice.
spaced as (

    select
        *,
        lag(started_at) over (
            partition by deal_key, employee_key
            order by started_at, meeting_key
        ) as previous_started_at

    from held

),

counted as (

    select
        meeting_key,
        deal_key,
        employee_key,
        started_at,
        meeting_date

    from spaced

    where
        previous_started_at is null
        or started_at - previous_started_at > interval '60 minutes'

)

select * from counted
