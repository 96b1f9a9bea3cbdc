{{ config(meta={'by': {'cycle_key': 'cycle_key'}}) }}

with

periods as (

    select * from {{ ref('cohort_periods') }}

),

units as (

    select * from {{ ref('int_org_units__listed') }}

),

cycles as (

    select
        *,
        {{ months_between('event_date', today()) }} as months_ago,
        greatest(coalesce(watched_until, {{ today() }}) - watched_from, 0) as watched_days

    from {{ ref('int_deal_cycles__measured') }}

),

-- Counted before they are multiplied by units and types.
in_period as (

    select
        periods.period_code,
        cycles.side,
        cycles.department_key,
        cycles.group_key,
        cycles.deal_type_label,
        cycles.watched_days,
        count(*) as watched,
        count(*) filter (where cycles.is_closed) as closings

    from cycles

    inner join periods
        on cycles.months_ago between periods.months_to and periods.months_from

    group by
        periods.period_code,
        cycles.side,
        cycles.department_key,
        cycles.group_key,
        cycles.deal_type_label,
        cycles.watched_days

),

scoped as (
    {{ for_every_scope(
        'in_period', ['period_code', 'side', 'watched_days', 'watched', 'closings']
    ) }}

),

by_day as (

    select
        unit_key,
        deal_type_label,
        is_every_type,
        period_code,
        side,
        watched_days,
        sum(watched) as watched,
        sum(closings) as closings

    from scoped

    group by unit_key, deal_type_label, is_every_type, period_code, side, watched_days

),

ranked as (

    select
        *,
        {{ running_counts(
            'watched_days', 'watched', ['unit_key', 'deal_type_label', 'period_code']
        ) }}

    from by_day

    where side = 'closed'

),

closed as (

    select
        unit_key,
        deal_type_label,
        period_code,
        sum(watched) as closed_count,
        {{ counted_percentile('watched_days', 'watched', 50) }} as cycle_days_median,
        {{ counted_percentile('watched_days', 'watched', 90) }} as cycle_days_p90

    from ranked

    group by unit_key, deal_type_label, period_code

),

-- Kaplan and Meier: of those still watched on a day, the share that did not close on it.
at_risk as (

    select
        *,
        sum(watched) over (
            partition by unit_key, deal_type_label, period_code
            order by watched_days
            rows between current row and unbounded following
        ) as still_watched

    from by_day

    where side = 'cohort'

),

survived as (

    select
        *,
        case
            when bool_or(closings = still_watched) over until_now then 0
            else exp(
                sum(
                    ln(1 - closings / nullif(nullif(still_watched, closings), 0))
                ) over until_now
            )
        end as survival

    from at_risk

    window until_now as (
        partition by unit_key, deal_type_label, period_code
        order by watched_days
    )

),

-- A product of exact shares, summed as logarithms: a half is a half to nine digits.
cohorts as (

    select
        unit_key,
        deal_type_label,
        is_every_type,
        period_code,
        sum(watched) as cohort_count,
        min(watched_days) filter (where survival <= 0.500000001) as cycle_days_km

    from survived

    group by unit_key, deal_type_label, is_every_type, period_code

),

listed as (

    select
        {{ surrogate_key([
            'cohorts.unit_key', 'cohorts.deal_type_label', 'cohorts.period_code',
        ]) }} as cycle_key,
        cohorts.unit_key,
        units.unit_label,
        units.unit_level,
        units.unit_order,
        cohorts.deal_type_label,
        cast(case when cohorts.is_every_type then 0 else 1 end as smallint)
            as deal_type_order,
        periods.label as cohort_label,
        periods.period_order as cohort_order,
        cast(cohorts.cohort_count as integer) as cohort_count,
        cast(coalesce(closed.closed_count, 0) as integer) as closed_count,
        cast(closed.cycle_days_median as numeric(9, 1)) as cycle_days_median,
        cast(closed.cycle_days_p90 as numeric(9, 1)) as cycle_days_p90,
        cast(cohorts.cycle_days_km as integer) as cycle_days_km,
        {{ today() }} as as_of_date,
        units.reader_keys

    from cohorts

    inner join units
        on cohorts.unit_key = units.unit_key

    inner join periods
        on cohorts.period_code = periods.period_code

    left join closed
        on
            cohorts.unit_key = closed.unit_key
            and cohorts.deal_type_label = closed.deal_type_label
            and cohorts.period_code = closed.period_code

)

select * from listed
