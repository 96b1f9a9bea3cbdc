{{ config(meta={
    'unit': 'deal_key',
    'clocked': "is_open and stage not in ('closed_won', 'lost')",
}) }}

{# One row per visit of a deal to a stage, of every deal, deleted and test ones too. A
   pause stops the clock of a stage: the stay goes on when the deal comes back to it. #}
{#- What ended a deal is no stay: its clock stands. -#}
{%- set clock_at = "case when stage in ('closed_won', 'lost') then entered_at else "
    ~ day_end() ~ ' end' %}

with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

history as (

    select * from {{ ref('int_stage_visits__unioned') }}
    -- What happens after the moment of the pass has not happened yet.
    where entered_at < {{ day_end() }}

),

mapped_stages as (

    select * from {{ source('mapping', 'stages') }}

),

stages as (

    select * from {{ ref('stages') }}

),

limits as (

    select * from {{ ref('dim_stage_limits') }}

),

calendar as (

    select * from {{ ref('dim_calendar') }}

),

recorded as (

    select
        deals.deal_key,
        deals.source_system,
        history.source_id,
        history.pipeline,
        history.crm_stage,
        coalesce(mapped_stages.stage, 'unmapped') as stage,
        history.entered_at,
        'api_history' as source_of_fact

    from history

    inner join deals
        on
            history.source_system = deals.source_system
            and history.deal_source_id = deals.source_id

    left join mapped_stages
        on
            history.source_system = mapped_stages.connection
            and history.pipeline = mapped_stages.pipeline
            and history.crm_stage = mapped_stages.crm_stage

),

known as (

    select distinct deal_key from recorded

),

-- A source without history tells the stage now; its date is the card's own one.
inferred as (

    select
        deals.deal_key,
        deals.source_system,
        '' as source_id,
        deals.pipeline,
        deals.crm_stage,
        deals.stage,
        case
            when deals.outcome in ('won', 'lost')
                then cast(coalesce(deals.closing_date, deals.lost_date) as timestamp)
                at time zone '{{ var("timezone") }}'
            else deals.created_at
        end as entered_at,
        'inferred' as source_of_fact

    from deals

    left join known
        on deals.deal_key = known.deal_key

    where known.deal_key is null

),

entered as (

    select * from recorded

    union all

    select * from inferred
    where entered_at < {{ day_end() }}

),

-- Working hours are read off a sum of norms: until a moment, less until another one.
placed as (

    select
        entered.*,
        {{ business_date('entered.entered_at') }} as entered_date,
        entered.stage = 'paused' as is_pause,
        stages.rank as stage_rank,
        stages.rank is not null as is_ranked

    from entered

    inner join stages
        on entered.stage = stages.stage

),

normed as (

    select
        placed.*,
        {{ norm_hours_until('placed.entered_at', 'calendar') }} as entered_norm_h

    from placed

    left join calendar
        on placed.entered_date = calendar.calendar_date

),

numbered as (

    select
        *,
        row_number() over visits_of_deal as visit_no,
        lead(entered_at) over visits_of_deal as left_at,
        lead(entered_norm_h) over visits_of_deal as left_norm_h

    from normed

    window visits_of_deal as (
        partition by deal_key
        order by
            entered_at asc,
            length(source_id) asc,
            source_id asc
    )

),

-- Before the next day's first hour: as much as by the end of this one.
now_norm as (

    select {{ norm_hours_until(day_end(), 'calendar') }} as norm_h
    from calendar
    where calendar.calendar_date = {{ business_date(day_end()) }}

),

compared as (

    select
        *,
        extract(epoch from coalesce(left_at, {{ clock_at }}) - entered_at)
            as duration_s,
        case
            when left_at is not null then left_norm_h
            when stage in ('closed_won', 'lost') then entered_norm_h
            else (select now_norm.norm_h from now_norm)
        end - entered_norm_h as duration_working_h,
        lag(stage_rank) over (
            partition by deal_key, is_ranked
            order by visit_no
        ) as previous_rank,
        coalesce(
            crm_stage <> lag(crm_stage) over (
                partition by deal_key, is_pause
                order by visit_no
            ),
            true
        ) as is_new_stay

    from numbered

),

-- All windows are within one deal and follow one order: the rows are sorted once.
stayed as (

    select
        *,
        count(*) filter (where is_new_stay) over (
            partition by deal_key, is_pause
            order by visit_no
        ) as stay_no

    from compared

),

timed as (

    select
        *,
        min(entered_date) over whole_stay as stay_entered_date,
        max(visit_no) over whole_stay as last_visit_no,
        sum(duration_s) over stay_until_now as stay_s,
        sum(duration_working_h) over stay_until_now as stay_working_h

    from stayed

    window
        whole_stay as (partition by deal_key, is_pause, stay_no),
        stay_until_now as (
            partition by deal_key, is_pause, stay_no
            order by visit_no
        )

),

-- The limit of a stay is the one of its first day.
limited as (

    select
        timed.*,
        limits.limit_value,
        coalesce(limits.limit_unit, 'calendar_days') as limit_unit,
        case
            when limits.limit_unit = 'working_hours' then timed.stay_working_h
            else timed.stay_s / 86400
        end as time_in_stage

    from timed

    left join limits
        on
            timed.source_system = limits.source_system
            and timed.pipeline = limits.pipeline
            and timed.stage = limits.stage
            and timed.stay_entered_date >= limits.valid_from
            and timed.stay_entered_date < limits.valid_to

),

described as (

    select
        deal_key || '/' || visit_no as visit_key,
        deal_key,
        cast(visit_no as integer) as visit_no,
        pipeline,
        crm_stage,
        stage,
        cast(stage_rank as integer) as stage_rank,
        entered_at,
        left_at,
        entered_date,
        {{ business_date('left_at') }} as left_date,
        left_at is null as is_open,
        is_pause,
        is_ranked and coalesce(stage_rank < previous_rank, false) as is_return,
        source_of_fact,
        duration_s,
        stay_s,
        cast(stay_no as integer) as stay_no,
        stay_entered_date,
        visit_no = last_visit_no as is_stay_end,
        cast(time_in_stage as numeric(12, 4)) as time_in_stage,
        limit_unit,
        limit_value,
        time_in_stage > limit_value as is_over_limit

    from limited

)

select * from described
