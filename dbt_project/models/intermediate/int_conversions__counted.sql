{# One row per unit, type of deal, transition, cohort (a month or a period), horizon and way
   to count a chain of deals. A deal younger than a horizon is left out of it, above the line
   and below. #}
{%- set sums = ['entered', 'reached', 'decided', 'arrived'] -%}
{%- for code, days in horizons().items() if days is not none -%}
    {%- do sums.extend(['entered_' ~ code, 'reached_' ~ code]) -%}
{%- endfor %}
with

steps as (

    select * from {{ ref('int_conversion_steps__summed') }}

),

lag_counts as (

    select * from {{ ref('int_conversion_lags__counted') }}

),

places as (

    select * from {{ ref('dim_unit_paths') }}

),

units as (

    select * from {{ ref('int_org_units__listed') }}

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

-- A month is a cohort of its own and lies in every period that holds it.
months as (

    select distinct event_month from steps

),

cohorts as (

    select
        event_month,
        'month' as cohort_kind,
        to_char(event_month, 'YYYY-MM') as cohort_code,
        event_month as cohort_from

    from months

    union all

    select
        months.event_month,
        'period' as cohort_kind,
        periods.period_code as cohort_code,
        {{ today() }} as cohort_from

    from months

    inner join periods
        on
            {{ months_between('months.event_month', today()) }}
            between periods.months_to and periods.months_from

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
        on by_month.event_month = cohorts.event_month

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

-- Millions of rows are counted below: numbers sort faster than names. A spot is a cohort,
-- a transition and a way to count a chain.
cohort_numbers as (

    select
        cohort_code,
        cast(row_number() over (order by cohort_code) as integer) as cohort_no
    from (select distinct cohort_code from cohorts) as named

),

pair_numbers as (

    select
        pair,
        cast(row_number() over (order by pair) as integer) as pair_no
    from (select distinct pair from lag_counts) as named

),

type_numbers as (

    select
        deal_type_label,
        cast(row_number() over (order by deal_type_label) as integer) as type_no
    from (
        select distinct deal_type_label
        from lag_counts
        where deal_type_label is not null
    ) as named

),

lags_by_cohort as (

    select
        (cohort_numbers.cohort_no * 1000 + pair_numbers.pair_no) * 10
        + chain_modes.chain_order as spot_no,
        type_numbers.type_no,
        departments.unit_order as department_order,
        groups.unit_order as group_order,
        lag_counts.lag_days,
        cast(sum(lag_counts.deals) as integer) as deals

    from lag_counts

    inner join cohorts
        on lag_counts.event_month = cohorts.event_month

    inner join cohort_numbers
        on cohorts.cohort_code = cohort_numbers.cohort_code

    inner join pair_numbers
        on lag_counts.pair = pair_numbers.pair

    inner join chain_modes
        on chain_modes.counts_links or not lag_counts.is_chain_link

    left join type_numbers
        on lag_counts.deal_type_label = type_numbers.deal_type_label

    left join units as departments
        on lag_counts.department_key = departments.unit_key

    left join units as groups
        on lag_counts.group_key = groups.unit_key

    group by 1, 2, 3, 4, 5

),

lags_by_type as (

    select
        spot_no,
        0 as type_no,
        department_order,
        group_order,
        lag_days,
        cast(sum(deals) as integer) as deals

    from lags_by_cohort

    group by spot_no, department_order, group_order, lag_days

    union all

    select
        spot_no,
        type_no,
        department_order,
        group_order,
        lag_days,
        deals

    from lags_by_cohort

    where type_no is not null

),

scoped_lags as (
    {{ for_every_unit('lags_by_type', ['spot_no', 'type_no', 'lag_days', 'deals']) }}

),

by_lag as (

    select
        unit_order,
        spot_no,
        type_no,
        lag_days,
        cast(sum(deals) as integer) as deals

    from scoped_lags

    group by unit_order, spot_no, type_no, lag_days

),

ranked as (

    select
        *,
        sum(deals) over until_now as deals_until,
        sum(deals) over (partition by unit_order, spot_no, type_no) as deals_total

    from by_lag

    window until_now as (
        partition by unit_order, spot_no, type_no
        order by lag_days
    )

),

percentiles as (

    select
        unit_order,
        spot_no,
        type_no,
        {{ counted_percentile('lag_days', 'deals', 0.5) }} as lag_days_median,
        {{ counted_percentile('lag_days', 'deals', 0.9) }} as lag_days_p90

    from ranked

    group by unit_order, spot_no, type_no

),

lags as (

    select
        units.unit_key,
        coalesce(type_numbers.deal_type_label, {{ text('all_deal_types') }})
            as deal_type_label,
        percentiles.type_no = 0 as is_every_type,
        pair_numbers.pair,
        chain_modes.chain_code,
        cohort_numbers.cohort_code,
        percentiles.lag_days_median,
        percentiles.lag_days_p90

    from percentiles

    inner join units
        on percentiles.unit_order = units.unit_order

    inner join cohort_numbers
        on percentiles.spot_no / 10000 = cohort_numbers.cohort_no

    inner join pair_numbers
        on percentiles.spot_no / 10 % 1000 = pair_numbers.pair_no

    inner join chain_modes
        on percentiles.spot_no % 10 = chain_modes.chain_order

    left join type_numbers
        on percentiles.type_no = type_numbers.type_no

),

-- Counts and lags in one heap: a planner that expects few of them joins them row by row.
together as (

    select
        unit_key,
        deal_type_label,
        is_every_type,
        pair,
        chain_code,
        cohort_code,
        {{ sums | join(',\n        ') }},
        cast(null as numeric) as lag_days_median,
        cast(null as numeric) as lag_days_p90

    from scoped

    union all

    select
        unit_key,
        deal_type_label,
        is_every_type,
        pair,
        chain_code,
        cohort_code,
        {%- for column in sums %}
        0 as {{ column }},
        {%- endfor %}
        lag_days_median,
        lag_days_p90

    from lags

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
        cast(sum({{ column }}) as integer) as {{ column }},
        {%- endfor %}
        max(lag_days_median) as lag_days_median,
        max(lag_days_p90) as lag_days_p90

    from together

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
        counted.lag_days_median,
        counted.lag_days_p90

    from counted

    inner join kinds
        on counted.cohort_code = kinds.cohort_code

    inner join chain_modes
        on counted.chain_code = chain_modes.chain_code

    cross join horizons

)

select * from by_horizon
where entered > 0
