{# The planner expects few of the lags: it would join them with the counts row by row. #}
{{ config(
    meta={'unit': 'cohort_pair_key', 'also_changed': periods_of_changed_months()},
    pre_hook='set local enable_nestloop = off',
) }}

{# One row per unit, type of deal, transition, cohort (a month or a period), horizon and way
   to count a chain of deals. A deal younger than a horizon is left out of it, above the line
   and below. #}
{%- set sums = ['entered', 'reached', 'decided', 'arrived'] -%}
{%- for code, days in horizons().items() if days is not none -%}
    {%- do sums.extend(['entered_' ~ code, 'reached_' ~ code]) -%}
{%- endfor %}
with

steps as (

    select * from {{ whole('int_conversion_steps__summed') }}

),

lags as (

    select * from {{ ref('int_conversion_lags__measured') }}

),

places as (

    select * from {{ ref('dim_unit_paths') }}

),

units as (

    select * from {{ ref('int_org_units__listed') }}

),

horizons as (

    select * from {{ ref('conversion_horizons') }}

),

chain_modes as (

    select * from {{ ref('chain_modes') }}

),

cohorts as (

    select * from {{ ref('int_cohorts__listed') }}

),

-- Summed as early as can be: the months first, then the types and units.
by_month as (

    select
        steps.event_month,
        steps.pair,
        chain_modes.chain_code,
        places.department_key,
        places.group_key,
        steps.deal_type_label,
        {%- for column in sums %}
        cast(sum(steps.{{ column }}) as integer) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from steps

    inner join chain_modes
        on chain_modes.counts_links or not steps.is_chain_link

    left join places
        on steps.unit_path_key = places.unit_path_key

    where
        (steps.event_month, steps.pair) in (
            select
                event_month,
                pair
            from cohorts
        )

    group by
        steps.event_month,
        steps.pair,
        chain_modes.chain_code,
        places.department_key,
        places.group_key,
        steps.deal_type_label

),

by_cohort as (

    select
        cohorts.cohort_code,
        by_month.pair,
        by_month.chain_code,
        by_month.department_key,
        by_month.group_key,
        by_month.deal_type_label,
        {%- for column in sums %}
        cast(sum(by_month.{{ column }}) as integer) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from by_month

    inner join cohorts
        on
            by_month.event_month = cohorts.event_month
            and by_month.pair = cohorts.pair

    group by
        cohorts.cohort_code,
        by_month.pair,
        by_month.chain_code,
        by_month.department_key,
        by_month.group_key,
        by_month.deal_type_label

),

scoped as (
    {{ for_every_scope('by_cohort', ['cohort_code', 'pair', 'chain_code'] + sums) }}

),

counted as (

    select
        unit_key,
        deal_type_label,
        is_every_type,
        pair,
        chain_code,
        cohort_code,
        {%- for column in sums %}
        cast(sum({{ column }}) as integer) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from scoped

    group by
        unit_key,
        deal_type_label,
        is_every_type,
        pair,
        chain_code,
        cohort_code

),

kinds as (

    select distinct
        cohort_pair_key,
        pair,
        cohort_code,
        cohort_kind,
        cohort_from

    from cohorts

),

by_horizon as (

    select
        counted.unit_key,
        counted.deal_type_label,
        counted.is_every_type,
        counted.pair,
        kinds.cohort_pair_key,
        kinds.cohort_kind,
        counted.cohort_code,
        kinds.cohort_from,
        horizons.horizon_code,
        horizons.horizon_order,
        horizons.label as horizon_label,
        counted.chain_code,
        chain_modes.chain_order,
        chain_modes.label as chain_label,
        case horizons.horizon_code
        {%- for code, days in horizons().items() %}
            when '{{ code }}' then counted.entered{{ '_' ~ code if days is not none }}
        {%- endfor %}
        end as entered,
        case horizons.horizon_code
        {%- for code, days in horizons().items() %}
            when '{{ code }}' then counted.reached{{ '_' ~ code if days is not none }}
        {%- endfor %}
        end as reached,
        -- Whoever had the days of a horizon has been decided by its end.
        case horizons.horizon_code
        {%- for code, days in horizons().items() %}
            when '{{ code }}'
                then counted.{{ 'decided' if days is none else 'entered_' ~ code }}
        {%- endfor %}
        end as decided,
        counted.entered as started,
        counted.arrived,
        lags.lag_days_median,
        lags.lag_days_p90

    from counted

    inner join kinds
        on
            counted.cohort_code = kinds.cohort_code
            and counted.pair = kinds.pair

    inner join chain_modes
        on counted.chain_code = chain_modes.chain_code

    cross join horizons

    left join lags
        on
            kinds.cohort_pair_key = lags.cohort_pair_key
            and counted.chain_code = lags.chain_code
            and counted.unit_key = lags.unit_key
            and counted.deal_type_label = lags.deal_type_label

)

select * from by_horizon
where entered > 0
