{{ config(meta={'by': {'cohort_pair_key': 'cohort_pair_key'}}) }}

{# One row per transition, month of its steps and cohort that the month lies in: a month is a
   cohort of its own and lies in every period that holds it. A period speaks of today. #}
with

months as (

    select distinct
        event_month,
        pair
    from {{ ref('int_conversion_steps__summed') }}

),

periods as (

    select * from {{ ref('cohort_periods') }}

),

listed as (

    select
        event_month,
        pair,
        {{ cohort_pair_key(day_key('event_month'), 'pair') }} as cohort_pair_key,
        'month' as cohort_kind,
        to_char(event_month, 'YYYY-MM') as cohort_code,
        event_month as cohort_from

    from months

    union all

    select
        months.event_month,
        months.pair,
        {{ cohort_pair_key('periods.period_code', 'months.pair') }} as cohort_pair_key,
        'period' as cohort_kind,
        periods.period_code as cohort_code,
        {{ today() }} as cohort_from

    from months

    inner join periods
        on
            {{ months_between('months.event_month', today()) }}
            between periods.months_to and periods.months_from

)

select * from listed
