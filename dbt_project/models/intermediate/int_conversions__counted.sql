{%- set horizons = {'none': none, 'd30': 30, 'd60': 60, 'd90': 90, 'd180': 180} -%}

{# One row per unit, type of deal, transition, cohort (a month or a period) and horizon. A
   deal younger than a horizon is left out of it, above the line and below. #}
with

steps as (

    select * from {{ ref('int_conversion_steps__scoped') }}

),

periods as (

    select * from {{ ref('cohort_periods') }}

),

horizons as (

    select * from {{ ref('conversion_horizons') }}

),

cohorts as (

    select
        steps.*,
        'month' as cohort_kind,
        to_char(steps.event_month, 'YYYY-MM') as cohort_code,
        steps.event_month as cohort_from

    from steps

    union all

    select
        steps.*,
        'period' as cohort_kind,
        periods.period_code as cohort_code,
        {{ today() }} as cohort_from

    from steps

    inner join periods
        on steps.months_ago between periods.months_to and periods.months_from

),

counted as (

    select
        unit_key,
        deal_type_label,
        is_every_type,
        pair,
        cohort_kind,
        cohort_code,
        cohort_from,
        {%- for code, days in horizons.items() %}
            {%- if days is none %}
        count(*) filter (where side = 'entered') as entered_{{ code }},
        sum(reached) as reached_{{ code }},
        sum(decided) as decided_{{ code }},
            {%- else %}
        count(*) filter (where side = 'entered' and age_days >= {{ days }})
            as entered_{{ code }},
        count(*) filter (
            where
                age_days >= {{ days }}
                and lag_days <= {{ days }}
        ) as reached_{{ code }},
        count(*) filter (where side = 'entered' and age_days >= {{ days }})
            as decided_{{ code }},
            {%- endif %}
        {%- endfor %}
        count(*) filter (where side = 'arrived') as arrived,
        percentile_cont(0.5) within group (order by lag_days) as lag_days_median,
        percentile_cont(0.9) within group (order by lag_days) as lag_days_p90

    from cohorts

    group by
        unit_key,
        deal_type_label,
        is_every_type,
        pair,
        cohort_kind,
        cohort_code,
        cohort_from

),

by_horizon as (

    select
        counted.unit_key,
        counted.deal_type_label,
        counted.is_every_type,
        counted.pair,
        counted.cohort_kind,
        counted.cohort_code,
        counted.cohort_from,
        horizons.horizon_code,
        horizons.horizon_order,
        horizons.label as horizon_label,
        {%- for part in ['entered', 'reached', 'decided'] %}
        cast(
            case horizons.horizon_code
            {%- for code in horizons.keys() %}
                when '{{ code }}' then counted.{{ part }}_{{ code }}
            {%- endfor %}
            end as integer
        ) as {{ part }},
        {%- endfor %}
        cast(counted.entered_none as integer) as started,
        cast(counted.arrived as integer) as arrived,
        counted.lag_days_median,
        counted.lag_days_p90

    from counted

    cross join horizons

)

select * from by_horizon
where entered > 0
