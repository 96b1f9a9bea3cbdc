{# The periods that pages choose from, with their days, and the days they are compared
   with: an unfinished one with the equal elapsed part of the one before. #}
with

today as (

    select {{ today() }} as today

),

periods as (

    select
        periods.period_code,
        periods.period_order,
        periods.label as period_label,
        periods.steps_back = 0 as is_running,
        today.today,
        make_interval(months => periods.months) as length,
        cast(
            date_trunc(periods.unit, today.today)
            - make_interval(months => periods.months * periods.steps_back) as date
        ) as date_from

    from {{ ref('periods') }} as periods

    cross join today

),

bounded as (

    select
        period_code,
        period_order,
        period_label,
        is_running,
        date_from,
        case when is_running then today else cast(date_from + length as date) - 1 end
            as date_to,
        cast(date_from - length as date) as previous_from

    from periods

),

compared as (

    select
        *,
        least(
            case
                when is_running then previous_from + (date_to - date_from)
                else date_from - 1
            end,
            date_from - 1
        ) as previous_to

    from bounded

)

select * from compared
