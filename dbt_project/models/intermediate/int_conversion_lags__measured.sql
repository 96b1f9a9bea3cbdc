{# The planner expects few of the lags: it would join them with the places row by row. #}
{{ config(
    meta={'unit': 'cohort_pair_key', 'also_changed': periods_of_changed_months()},
    pre_hook='set local enable_nestloop = off',
) }}

{# How long the steps of a transition took: one row per unit, type of deal, transition, cohort
   (a month or a period) and way to count a chain of deals. #}
with

lag_counts as not materialized (

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

-- Millions of lags are sorted below, by numbers: of a cohort of a transition and a way to
-- count a chain, of a place and a type of deal, of a unit and a type that reports read.
sets as (

    select
        cohorts.cohort_pair_key,
        chain_modes.chain_code,
        chain_modes.counts_links,
        cast(row_number() over () as integer) as set_no

    from (select distinct cohort_pair_key from cohorts) as cohorts

    cross join chain_modes

),

places as (

    select
        seen.*,
        cast(row_number() over () as integer) as place_no

    from (
        select distinct
            department_key,
            group_key,
            deal_type_label
        from lag_counts
    ) as seen

),

scopes as (

    select
        *,
        cast(dense_rank() over (order by unit_key, deal_type_label) as integer) as scope_no

    from (
        {{ for_every_scope('places', ['place_no']) }}
    ) as listed

),

lags_by_set as (

    select
        sets.set_no,
        places.place_no,
        lag_counts.lag_days,
        cast(sum(lag_counts.deals) as integer) as deals

    from lag_counts

    inner join places
        on
            coalesce(lag_counts.department_key, '') = coalesce(places.department_key, '')
            and coalesce(lag_counts.group_key, '') = coalesce(places.group_key, '')
            and coalesce(lag_counts.deal_type_label, '')
            = coalesce(places.deal_type_label, '')

    inner join cohorts
        on
            lag_counts.event_month = cohorts.event_month
            and lag_counts.pair = cohorts.pair

    inner join sets
        on
            cohorts.cohort_pair_key = sets.cohort_pair_key
            and (sets.counts_links or not lag_counts.is_chain_link)

    group by sets.set_no, places.place_no, lag_counts.lag_days

),

by_lag as (

    select
        lags_by_set.set_no,
        scopes.scope_no,
        lags_by_set.lag_days,
        cast(sum(lags_by_set.deals) as integer) as deals

    from lags_by_set

    inner join scopes
        on lags_by_set.place_no = scopes.place_no

    group by lags_by_set.set_no, scopes.scope_no, lags_by_set.lag_days

),

ranked as (

    select
        *,
        {{ running_counts('lag_days', 'deals', ['set_no', 'scope_no']) }}

    from by_lag

),

measured as (

    select
        set_no,
        scope_no,
        {{ counted_percentile('lag_days', 'deals', 50) }} as lag_days_median,
        {{ counted_percentile('lag_days', 'deals', 90) }} as lag_days_p90

    from ranked

    group by set_no, scope_no

),

scope_names as (

    select distinct
        scope_no,
        unit_key,
        deal_type_label
    from scopes

)

select
    sets.cohort_pair_key,
    sets.chain_code,
    scope_names.unit_key,
    scope_names.deal_type_label,
    measured.lag_days_median,
    measured.lag_days_p90

from measured

inner join sets
    on measured.set_no = sets.set_no

inner join scope_names
    on measured.scope_no = scope_names.scope_no
