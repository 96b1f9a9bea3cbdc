{{ config(meta={'by': {'stage_time_key': 'stage_time_key'}}) }}

with

visits as (

    select * from {{ ref('fct_stage_visits') }}

),

deals as (

    select * from {{ ref('fct_deals') }}

),

stages as (

    select * from {{ ref('stages') }}

),

units as (

    select * from {{ ref('int_org_units__listed') }}

),

periods as (

    select
        *,
        {{ period_start('months_from') }} as first_date,
        {{ period_start('months_to - 1') }} as end_date
    from {{ ref('cohort_periods') }}

),

-- Stays that ended, and those that go on in open deals.
stays as (

    select
        visits.deal_key,
        visits.pipeline,
        visits.stage,
        coalesce(deals.pipeline_label, '') as pipeline_name,
        departments.unit_order as department_order,
        groups.unit_order as group_order,
        coalesce(visits.left_date, {{ today() }}) as stay_date,
        visits.is_open,
        cast(visits.stay_s / 86400 as double precision) as stay_days,
        visits.limit_value is not null as is_limited,
        visits.is_over_limit

    from visits

    inner join deals
        on visits.deal_key = deals.deal_key

    left join units as departments
        on deals.department_key = departments.unit_key

    left join units as groups
        on deals.group_key = groups.unit_key

    where
        visits.is_stay_end
        and visits.stage_rank < 90
        and (
            not visits.is_open
            or deals.outcome = 'open'
        )

),

-- Millions of stays are sorted below: numbers sort faster than names.
spots as (

    select
        pipeline,
        stage,
        pipeline_name,
        cast(dense_rank() over (order by pipeline, stage) as integer) as place_no,
        cast(dense_rank() over (order by pipeline, stage, pipeline_name) as integer)
            as spot_no

    from (
        select distinct
            pipeline,
            stage,
            pipeline_name
        from stays
    ) as seen

),

-- What goes on belongs to the periods that are not over.
in_periods as (

    select
        periods.period_order,
        spots.place_no,
        spots.spot_no,
        stays.deal_key,
        stays.department_order,
        stays.group_order,
        stays.is_open,
        stays.stay_days,
        stays.is_limited,
        stays.is_over_limit

    from stays

    inner join spots
        on
            stays.pipeline = spots.pipeline
            and stays.stage = spots.stage
            and stays.pipeline_name = spots.pipeline_name

    inner join periods
        on
            stays.stay_date >= periods.first_date
            and stays.stay_date < periods.end_date

),

-- A deal may come back to a stage: all its stays together.
of_deals as (

    select
        period_order,
        place_no,
        deal_key,
        department_order,
        group_order,
        sum(stay_days) as total_days

    from in_periods

    group by period_order, place_no, deal_key, department_order, group_order

),

-- The limit in force today, for stays that begin now.
limits as (

    select
        pipeline,
        stage,
        min(limit_value) as limit_value,
        min(limit_unit) as limit_unit

    from {{ ref('dim_stage_limits') }}

    where
        valid_from <= {{ today() }}
        and valid_to > {{ today() }}

    group by pipeline, stage

),

totals as (

    select
        unit_order,
        period_order,
        place_no,
        percentile_cont(0.5) within group (order by total_days) as time_in_stage_total

    from (
        {{ for_every_unit('of_deals', ['period_order', 'place_no', 'total_days']) }}
    ) as scoped_totals

    group by unit_order, period_order, place_no

),

counted as (

    select
        unit_order,
        period_order,
        place_no,
        spot_no,
        count(*) filter (where is_open) as open_count,
        count(*) filter (where is_open and is_over_limit) as over_limit_count,
        count(*) filter (where is_limited) as limited_stays,
        count(*) filter (where is_over_limit) as stays_over_limit,
        percentile_cont(0.5) within group (order by stay_days) filter (where not is_open)
            as time_in_stage,
        percentile_cont(0.9) within group (order by stay_days) filter (where not is_open)
            as time_in_stage_p90

    from (
        {{ for_every_unit('in_periods', [
            'period_order', 'place_no', 'spot_no', 'is_open', 'stay_days', 'is_limited',
            'is_over_limit',
        ]) }}
    ) as scoped_stays

    group by unit_order, period_order, place_no, spot_no

),

named as (

    select
        counted.*,
        units.unit_key,
        units.unit_label,
        units.unit_level,
        units.reader_keys,
        periods.period_code,
        periods.label as cohort_label,
        spots.pipeline,
        spots.stage,
        nullif(spots.pipeline_name, '') as pipeline_label

    from counted

    inner join units
        on counted.unit_order = units.unit_order

    inner join periods
        on counted.period_order = periods.period_order

    inner join spots
        on counted.spot_no = spots.spot_no

),

listed as (

    select
        {{ surrogate_key([
            'named.unit_key', 'named.period_code', 'named.pipeline_label',
            'named.pipeline', 'named.stage',
        ]) }} as stage_time_key,
        named.unit_key,
        named.unit_label,
        named.unit_level,
        named.unit_order,
        named.cohort_label,
        named.period_order as cohort_order,
        named.pipeline_label,
        named.stage,
        stages.label as stage_label,
        cast(
            dense_rank() over (order by named.pipeline_label, stages.rank) as smallint
        ) as stage_order,
        cast(named.open_count as integer) as open_count,
        cast(named.over_limit_count as integer) as over_limit_count,
        cast(named.limited_stays as integer) as limited_stays,
        cast(named.stays_over_limit as integer) as stays_over_limit,
        cast(named.stays_over_limit as numeric) / nullif(named.limited_stays, 0)
            as over_limit_share,
        cast(named.time_in_stage as numeric(9, 1)) as time_in_stage,
        cast(named.time_in_stage_p90 as numeric(9, 1)) as time_in_stage_p90,
        cast(totals.time_in_stage_total as numeric(9, 1)) as time_in_stage_total,
        limits.limit_value is null as is_limit_missing,
        cast(
            count(*) filter (where limits.limit_value is null and named.open_count > 0)
                over (partition by named.unit_key, named.period_code) as integer
        ) as stage_limit_missing,
        {{ limit_text('limits.limit_value', 'limits.limit_unit') }} as limit_text,
        {{ today() }} as as_of_date,
        named.reader_keys

    from named

    inner join stages
        on named.stage = stages.stage

    inner join totals
        on
            named.unit_order = totals.unit_order
            and named.period_order = totals.period_order
            and named.place_no = totals.place_no

    left join limits
        on
            named.pipeline = limits.pipeline
            and named.stage = limits.stage

)

select * from listed
