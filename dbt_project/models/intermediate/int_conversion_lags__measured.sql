{{ config(meta={
    'unit': 'cohort_pair_key', 'also_changed': periods_of_changed_months()
}) }}

{# How long the steps of a transition took: one row per unit, type of deal, transition, cohort
   (a month or a period) and way to count a chain of deals. #}
with

lag_counts as (

    select * from {{ whole('int_conversion_lags__counted') }}

),

units as (

    select * from {{ ref('int_org_units__listed') }}

),

chain_modes as (

    select * from {{ ref('chain_modes') }}

),

cohorts as (

    select * from {{ ref('int_cohorts__listed') }}

),

-- Millions of lags are sorted below: by the number of their cohort, transition and way to
-- count a chain first, then by names.
sets as (

    select
        cohorts.cohort_pair_key,
        chain_modes.chain_code,
        chain_modes.counts_links,
        row_number() over () as set_no

    from (select distinct cohort_pair_key from cohorts) as cohorts

    cross join chain_modes

),

lags_by_set as (

    select
        sets.set_no,
        lag_counts.department_key,
        lag_counts.group_key,
        lag_counts.deal_type_label,
        lag_counts.lag_days,
        cast(sum(lag_counts.deals) as integer) as deals

    from lag_counts

    inner join cohorts
        on
            lag_counts.event_month = cohorts.event_month
            and lag_counts.pair = cohorts.pair

    inner join sets
        on
            cohorts.cohort_pair_key = sets.cohort_pair_key
            and (sets.counts_links or not lag_counts.is_chain_link)

    group by
        sets.set_no,
        lag_counts.lag_days,
        lag_counts.department_key,
        lag_counts.group_key,
        lag_counts.deal_type_label

),

scoped as (
    {{ for_every_scope('lags_by_set', ['set_no', 'lag_days', 'deals']) }}

),

by_lag as (

    select
        set_no,
        unit_key,
        deal_type_label,
        lag_days,
        cast(sum(deals) as integer) as deals

    from scoped

    group by set_no, lag_days, unit_key, deal_type_label

),

ranked as (

    select
        *,
        {{ running_counts('lag_days', 'deals', ['set_no', 'unit_key', 'deal_type_label']) }}

    from by_lag

),

measured as (

    select
        set_no,
        unit_key,
        deal_type_label,
        {{ counted_percentile('lag_days', 'deals', 0.5) }} as lag_days_median,
        {{ counted_percentile('lag_days', 'deals', 0.9) }} as lag_days_p90

    from ranked

    group by set_no, unit_key, deal_type_label

)

select
    sets.cohort_pair_key,
    sets.chain_code,
    measured.unit_key,
    measured.deal_type_label,
    measured.lag_days_median,
    measured.lag_days_p90

from measured

inner join sets
    on measured.set_no = sets.set_no
