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
            else visits.duration_s
        end as passed_s,
        case
            when visits.is_running then norm.norm_h - visits.entered_norm_h
            else visits.duration_working_h
        end as passed_working_h

    from visits

    cross join norm

),

timed as (

    select
        *,
        case
            when limit_unit = 'working_hours' then earlier_working_h + passed_working_h
            else (earlier_s + passed_s) / 86400
        end as passed_in_stage

    from measured

)

select
    visit_key,
    deal_key,
    visit_no,
    pipeline,
    crm_stage,
    stage,
    stage_rank,
    previous_pipeline,
    previous_stage,
    entered_at,
    entered_after,
    left_at,
    entered_date,
    left_date,
    is_open,
    is_pause,
    is_return,
    source_of_fact,
    passed_s as duration_s,
    earlier_s + passed_s as stay_s,
    stay_no,
    stay_entered_date,
    is_stay_end,
    cast(passed_in_stage as numeric(12, 4)) as time_in_stage,
    limit_unit,
    limit_value,
    passed_in_stage > limit_value as is_over_limit,
    stay_clock_at,
    limit_norm_h

from timed
