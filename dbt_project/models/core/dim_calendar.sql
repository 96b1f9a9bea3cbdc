with

days as (

    select cast(series.calendar_date as date) as calendar_date

    from generate_series(
        cast('2010-01-01' as timestamp),
        cast('2035-12-31' as timestamp),
        interval '1 day'
    ) as series (calendar_date)

),

exceptions as (

    select * from {{ ref('calendar_exceptions') }}

),

kinds as (

    select
        days.calendar_date,
        coalesce(
            exceptions.day_kind,
            case
                when extract(isodow from days.calendar_date) > 5 then 'weekend'
                else 'working'
            end
        ) as day_kind

    from days

    left join exceptions
        on days.calendar_date = exceptions.calendar_date

),

normed as (

    select
        calendar_date,
        day_kind,
        day_kind in ('working', 'shortened') as is_working,
        -- A week of forty hours; the day before a holiday is an hour shorter.
        case day_kind
            when 'working' then 8
            when 'shortened' then 7
            else 0
        end as norm_hours

    from kinds

),

counted as (

    select
        calendar_date,
        cast(date_trunc('week', calendar_date) as date) as calendar_week,
        cast(date_trunc('month', calendar_date) as date) as calendar_month,
        cast(date_trunc('quarter', calendar_date) as date) as calendar_quarter,
        cast(date_trunc('year', calendar_date) as date) as calendar_year,
        cast(extract(isodow from calendar_date) as smallint) as weekday,
        day_kind,
        is_working,
        cast(norm_hours as smallint) as norm_hours,
        -- Differences of these count the working time between any two days.
        cast(
            count(*) filter (where is_working) over (order by calendar_date) as integer
        ) as working_days_until,
        cast(
            sum(norm_hours) over (order by calendar_date) - norm_hours as integer
        ) as norm_hours_before,
        cast(
            case
                when is_working
                    then count(*) filter (where is_working) over (
                        partition by date_trunc('month', calendar_date)
                        order by calendar_date
                    )
            end as smallint
        ) as working_day_of_month,
        calendar_date between '2019-01-01' and '2026-12-31' as is_official

    from normed

)

select * from counted
