{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# The same visits with how long they last: a running clock is as of the pass. #}
with

visits as (

    select * from {{ ref('int_stage_visits__limited') }}

),

-- The hours of the norm until the end of the pass's day.
norm as (

    select {{ norm_hours_until(day_end(), 'calendar') }} as norm_h
    from {{ ref('dim_calendar') }} as calendar
    where calendar.calendar_date = {{ business_date(day_end()) }}

),

measured as (

    select
        visits.*,
        case
            when visits.is_running
                then extract(epoch from {{ day_end() }} - visits.entered_at)
            else visits.stopped_s
        end as duration_s,
        case
            when visits.is_running then norm.norm_h - visits.entered_norm_h
            else visits.stopped_working_h
        end as duration_working_h

    from visits

    cross join norm

),

stayed as (

    select
        *,
        earlier_s + duration_s as stay_s,
        case
            when limit_unit = 'working_hours'
                then earlier_working_h + duration_working_h
            else (earlier_s + duration_s) / 86400
        end as exact_time_in_stage

    from measured

)

select
    *,
    cast(exact_time_in_stage as numeric(12, 4)) as time_in_stage,
    exact_time_in_stage > limit_value as is_over_limit

from stayed
