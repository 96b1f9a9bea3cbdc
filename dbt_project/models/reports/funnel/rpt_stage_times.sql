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

    select * from {{ ref('cohort_periods') }}

),

-- Stays that ended in a period, and those that go on in open deals: they belong to the
-- periods that are not over.
stays as (

    select
        periods.period_code,
        deals.deal_key,
        deals.department_key,
        deals.group_key,
        visits.pipeline,
        deals.pipeline_label,
        visits.stage,
        visits.is_open,
        visits.stay_s / 86400 as stay_days,
        visits.limit_unit,
        visits.limit_value,
        visits.is_over_limit

    from visits

    inner join deals
        on visits.deal_key = deals.deal_key

    inner join periods
        on
            {{ months_between('coalesce(visits.left_date, ' ~ today() ~ ')', today()) }}
            between periods.months_to and periods.months_from

    where
        visits.is_stay_end
        and visits.stage_rank < 90
        and (
            not visits.is_open
            or deals.outcome = 'open'
        )

),

scoped as (

    {%- for key in ["'company'", 'department_key', 'group_key'] %}

    select
        {{ key }} as unit_key,
        stays.*

    from stays

    where {{ key }} is not null

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

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

-- A deal may come back to a stage: all its stays together.
totals as (

    select
        unit_key,
        period_code,
        pipeline,
        stage,
        percentile_cont(0.5) within group (order by total_days) as time_in_stage_total

    from (
        select
            unit_key,
            period_code,
            pipeline,
            stage,
            deal_key,
            sum(stay_days) as total_days
        from scoped
        group by unit_key, period_code, pipeline, stage, deal_key
    ) as of_deals

    group by unit_key, period_code, pipeline, stage

),

counted as (

    select
        unit_key,
        period_code,
        pipeline,
        pipeline_label,
        stage,
        count(*) filter (where is_open) as open_count,
        count(*) filter (where is_open and is_over_limit) as over_limit_count,
        count(limit_value) as limited_stays,
        count(*) filter (where is_over_limit) as stays_over_limit,
        percentile_cont(0.5) within group (order by stay_days) filter (where not is_open)
            as time_in_stage,
        percentile_cont(0.9) within group (order by stay_days) filter (where not is_open)
            as time_in_stage_p90

    from scoped

    group by unit_key, period_code, pipeline, pipeline_label, stage

),

listed as (

    select
        {{ surrogate_key([
            'counted.unit_key', 'counted.period_code', 'counted.pipeline_label',
            'counted.pipeline', 'counted.stage',
        ]) }} as stage_time_key,
        counted.unit_key,
        units.unit_label,
        units.unit_level,
        units.unit_order,
        periods.label as cohort_label,
        periods.period_order as cohort_order,
        counted.pipeline_label,
        counted.stage,
        stages.label as stage_label,
        cast(
            dense_rank() over (order by counted.pipeline_label, stages.rank) as smallint
        ) as stage_order,
        cast(counted.open_count as integer) as open_count,
        cast(counted.over_limit_count as integer) as over_limit_count,
        cast(counted.limited_stays as integer) as limited_stays,
        cast(counted.stays_over_limit as integer) as stays_over_limit,
        cast(counted.stays_over_limit as numeric) / nullif(counted.limited_stays, 0)
            as over_limit_share,
        cast(counted.time_in_stage as numeric(9, 1)) as time_in_stage,
        cast(counted.time_in_stage_p90 as numeric(9, 1)) as time_in_stage_p90,
        cast(totals.time_in_stage_total as numeric(9, 1)) as time_in_stage_total,
        limits.limit_value is null as is_limit_missing,
        cast(
            count(*) filter (where limits.limit_value is null and counted.open_count > 0)
                over (partition by counted.unit_key, counted.period_code) as integer
        ) as stage_limit_missing,
        {{ limit_text('limits.limit_value', 'limits.limit_unit') }} as limit_text,
        {{ today() }} as as_of_date,
        units.reader_keys

    from counted

    inner join units
        on counted.unit_key = units.unit_key

    inner join stages
        on counted.stage = stages.stage

    inner join periods
        on counted.period_code = periods.period_code

    inner join totals
        on
            counted.unit_key = totals.unit_key
            and counted.period_code = totals.period_code
            and counted.pipeline = totals.pipeline
            and counted.stage = totals.stage

    left join limits
        on
            counted.pipeline = limits.pipeline
            and counted.stage = limits.stage

)

select * from listed
