{# The days that can be asked for as they were known: the last 31, the ends of months since
   the first load and those that people asked for. What was recorded before the day's end
   was known; the numbers of a day speak of its end. #}
with

calendar as (

    select * from {{ ref('dim_calendar') }}

),

asked as (

    select * from {{ source('ops', 'as_of_dates') }}

),

passes as (

    select
        *,
        {{ business_date('pass_time') }} as pass_date
    from {{ source('ops', 'passes') }}
    where outcome in ('published', 'unchanged')

),

last_passes as (

    select
        pass_date,
        max(pass_time) as pass_time
    from passes
    group by pass_date

),

first_load as (

    select coalesce(min({{ business_date('loads.loaded_at') }}), {{ today() }}) as load_date

    from {{ source('ops', 'loads') }} as loads

    inner join passes
        on loads.pass_id = passes.pass_id

),

days as (

    select
        calendar.calendar_date as as_of_date,
        calendar.calendar_date = {{ today() }} as is_today,
        extract(day from calendar.calendar_date + 1) = 1 as is_month_end,
        asked.as_of_date is not null as is_asked,
        {{ day_start('calendar.calendar_date + 1') }} as recorded_before

    from calendar

    inner join first_load
        on calendar.calendar_date >= first_load.load_date

    left join asked
        on calendar.calendar_date = asked.as_of_date

    where calendar.calendar_date <= {{ today() }}

),

kept as (

    select
        days.as_of_date,
        days.is_today,
        days.is_month_end,
        days.is_asked,
        days.recorded_before,
        case
            when days.is_today then {{ pass_time() }}
            else coalesce(
                last_passes.pass_time, days.recorded_before - interval '1 second'
            )
        end as as_of_at

    from days

    left join last_passes
        on days.as_of_date = last_passes.pass_date

    where
        days.as_of_date > {{ today() }} - 31
        or days.is_month_end
        or days.is_asked

)

select * from kept
