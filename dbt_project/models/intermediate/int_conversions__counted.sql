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
        sum(deals) filter (where side = 'entered') as entered_{{ code }},
        sum(deals) filter (where reached = 1) as reached_{{ code }},
        sum(deals) filter (where decided = 1) as decided_{{ code }},
            {%- else %}
        sum(deals) filter (where side = 'entered' and age_reached >= {{ days }})
            as entered_{{ code }},
        sum(deals) filter (where age_reached >= {{ days }} and lag_days <= {{ days }})
            as reached_{{ code }},
        sum(deals) filter (where side = 'entered' and age_reached >= {{ days }})
            as decided_{{ code }},
            {%- endif %}
        {%- endfor %}
        sum(deals) filter (where side = 'arrived') as arrived

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

by_lag as (

    select
        unit_key,
        deal_type_label,
        pair,
        cohort_code,
        lag_days,
        sum(deals) as deals

    from cohorts

    where lag_days is not null

    group by unit_key, deal_type_label, pair, cohort_code, lag_days

),

ranked as (

    select
        *,
        sum(deals) over until_now as deals_until,
        sum(deals) over (partition by unit_key, deal_type_label, pair, cohort_code)
            as deals_total

    from by_lag

    window until_now as (
        partition by unit_key, deal_type_label, pair, cohort_code
        order by lag_days
    )

),

lags as (

    select
        unit_key,
        deal_type_label,
        pair,
        cohort_code,
        {{ counted_percentile('lag_days', 'deals', 0.5) }} as lag_days_median,
        {{ counted_percentile('lag_days', 'deals', 0.9) }} as lag_days_p90

    from ranked

    group by unit_key, deal_type_label, pair, cohort_code

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
                when '{{ code }}' then coalesce(counted.{{ part }}_{{ code }}, 0)
            {%- endfor %}
            end as integer
        ) as {{ part }},
        {%- endfor %}
        cast(counted.entered_none as integer) as started,
        cast(coalesce(counted.arrived, 0) as integer) as arrived,
        lags.lag_days_median,
        lags.lag_days_p90

    from counted

    cross join horizons

    left join lags
        on
            counted.unit_key = lags.unit_key
            and counted.deal_type_label = lags.deal_type_label
            and counted.pair = lags.pair
            and counted.cohort_code = lags.cohort_code

)

select * from by_horizon
where entered > 0
