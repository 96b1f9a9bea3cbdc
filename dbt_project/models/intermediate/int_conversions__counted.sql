{%- set horizons = {'none': none, 'd30': 30, 'd60': 60, 'd90': 90, 'd180': 180} -%}
{#- How a chain of deals counts (seeds/chain_modes.csv) -> what is summed for it. -#}
{%- set chains = {'each': 'deals', 'one': 'heads'} -%}

{# One row per unit, type of deal, transition, cohort (a month or a period), horizon and way
   to count a chain. A deal younger than a horizon is left out of it, above the line and
   below. #}
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

chain_modes as (

    select * from {{ ref('chain_modes') }}

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
        {%- for chain, deals in chains.items() %}
        {%- for code, days in horizons.items() %}
            {%- if days is none %}
        sum({{ deals }}) filter (where side = 'entered') as entered_{{ code }}_{{ chain }},
        sum({{ deals }}) filter (where reached = 1) as reached_{{ code }}_{{ chain }},
        sum({{ deals }}) filter (where decided = 1) as decided_{{ code }}_{{ chain }},
            {%- else %}
        sum({{ deals }}) filter (where side = 'entered' and age_reached >= {{ days }})
            as entered_{{ code }}_{{ chain }},
        sum({{ deals }}) filter (where age_reached >= {{ days }} and lag_days <= {{ days }})
            as reached_{{ code }}_{{ chain }},
        sum({{ deals }}) filter (where side = 'entered' and age_reached >= {{ days }})
            as decided_{{ code }}_{{ chain }},
            {%- endif %}
        {%- endfor %}
        sum({{ deals }}) filter (where side = 'arrived') as arrived_{{ chain }}
            {{- ',' if not loop.last }}
        {%- endfor %}

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
        {%- for deals in chains.values() %}
        sum({{ deals }}) as {{ deals }}{{ ',' if not loop.last }}
        {%- endfor %}

    from cohorts

    where lag_days is not null

    group by unit_key, deal_type_label, pair, cohort_code, lag_days

),

ranked as (

    select
        *,
        {%- for deals in chains.values() %}
        sum({{ deals }}) over until_now as {{ deals }}_until,
        sum({{ deals }}) over (partition by unit_key, deal_type_label, pair, cohort_code)
            as {{ deals }}_total{{ ',' if not loop.last }}
        {%- endfor %}

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
        {%- for chain, deals in chains.items() %}
        {{ counted_percentile('lag_days', deals, 0.5) }} as lag_days_median_{{ chain }},
        {{ counted_percentile('lag_days', deals, 0.9) }} as lag_days_p90_{{ chain }}
            {{- ',' if not loop.last }}
        {%- endfor %}

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
        chain_modes.chain_code,
        chain_modes.chain_order,
        chain_modes.label as chain_label,
        {%- for part in ['entered', 'reached', 'decided'] %}
        cast(
            case chain_modes.chain_code || ' ' || horizons.horizon_code
            {%- for chain in chains.keys() %}
            {%- for code in horizons.keys() %}
                when '{{ chain }} {{ code }}'
                    then coalesce(counted.{{ part }}_{{ code }}_{{ chain }}, 0)
            {%- endfor %}
            {%- endfor %}
            end as integer
        ) as {{ part }},
        {%- endfor %}
        {%- for part, relation, type in [
            ('started', 'counted.entered_none', 'integer'),
            ('arrived', 'counted.arrived', 'integer'),
            ('lag_days_median', 'lags.lag_days_median', 'numeric'),
            ('lag_days_p90', 'lags.lag_days_p90', 'numeric'),
        ] %}
        cast(
            case chain_modes.chain_code
            {%- for chain in chains.keys() %}
                when '{{ chain }}' then
                    {{ 'coalesce(' ~ relation ~ '_' ~ chain ~ ', 0)' if part == 'arrived'
                    else relation ~ '_' ~ chain }}
            {%- endfor %}
            end as {{ type }}
        ) as {{ part }}{{ ',' if not loop.last }}
        {%- endfor %}

    from counted

    cross join horizons

    cross join chain_modes

    left join lags
        on
            counted.unit_key = lags.unit_key
            and counted.deal_type_label = lags.deal_type_label
            and counted.pair = lags.pair
            and counted.cohort_code = lags.cohort_code

)

select * from by_horizon
where entered > 0
