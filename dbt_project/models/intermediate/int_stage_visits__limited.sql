{{ config(meta={
    'unit': 'deal_key',
    'also_changed': "select source_system || ':' || deal_source_id as key"
        ~ ' from dbt_intermediate.int_stage_visits__unioned'
        ~ ' where ' ~ has_come_since(business_date('entered_at')),
}) }}

{# One row per visit of a deal to a stage, of every deal, deleted and test ones too. A
   pause stops the clock of a stage: the stay goes on when the deal comes back to it.
   What a running clock says is left empty, int_stage_visits__timed tells it. #}

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
        cast(null as timestamptz) as entered_after,
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

entered as (

    select * from recorded

    union all

    select * from {{ ref('int_stage_visits__watched') }}

),

numbered as (

    select
        entered.*,
        stages.rank as stage_rank,
        row_number() over visits_of_deal as visit_no,
        lead(entered.entered_at) over visits_of_deal as left_at

    from entered

    inner join stages
        on entered.stage = stages.stage

    window visits_of_deal as (
        partition by entered.deal_key
        order by
            entered.entered_at asc,
            length(entered.source_id) asc,
            entered.source_id asc
    )

),

compared as (

    select
        *,
        stage = 'paused' as is_pause,
        lag(stage) over (partition by deal_key order by visit_no) as previous_stage,
        lag(pipeline) over (partition by deal_key order by visit_no)
            as previous_pipeline,
        lag(stage_rank) over (
            partition by deal_key, stage_rank is not null
            order by visit_no
        ) as previous_rank,
        coalesce(
            crm_stage <> lag(crm_stage) over (
                partition by deal_key, stage = 'paused'
                order by visit_no
            ),
            true
        ) as is_new_stay

    from numbered

),

timed as (

    select
        *,
        {{ business_date('entered_at') }} as entered_date,
        {{ business_date('left_at') }} as left_date,
        left_at is null as is_open,
        -- What ended a deal is no stay: its clock stands.
        left_at is null and stage not in ('closed_won', 'lost') as is_running,
        case
            when left_at is not null then left_at
            when stage in ('closed_won', 'lost') then entered_at
        end as clock_stopped_at,
        stage_rank is not null and coalesce(stage_rank < previous_rank, false)
            as is_return,
        count(*) filter (where is_new_stay) over (
            partition by deal_key, is_pause
            order by visit_no
        ) as stay_no

    from compared

),

normed as (

    select
        timed.*,
        extract(epoch from timed.clock_stopped_at - timed.entered_at) as stopped_s,
        {{ norm_hours_until('timed.clock_stopped_at', 'days_left') }}
        - ({{ norm_hours_until('timed.entered_at', 'days_entered') }})
            as stopped_working_h,
        {{ norm_hours_until('timed.entered_at', 'days_entered') }} as entered_norm_h,
        min(timed.entered_date) over whole_stay as stay_entered_date,
        row_number() over (
            partition by timed.deal_key, timed.is_pause, timed.stay_no
            order by timed.visit_no desc
        ) = 1 as is_stay_end

    from timed

    left join calendar as days_entered
        on timed.entered_date = days_entered.calendar_date

    left join calendar as days_left
        on {{ business_date('timed.clock_stopped_at') }} = days_left.calendar_date

    window whole_stay as (partition by timed.deal_key, timed.is_pause, timed.stay_no)

),

-- The limit of a stay is the one of its first day.
limited as (

    select
        normed.*,
        coalesce(sum(normed.stopped_s) over stay_before, 0) as earlier_s,
        coalesce(sum(normed.stopped_working_h) over stay_before, 0)
            as earlier_working_h,
        limits.limit_value,
        coalesce(limits.limit_unit, 'calendar_days') as limit_unit

    from normed

    left join limits
        on
            normed.source_system = limits.source_system
            and normed.pipeline = limits.pipeline
            and normed.stage = limits.stage
            and normed.stay_entered_date >= limits.valid_from
            and normed.stay_entered_date < limits.valid_to

    window
        stay_before as (
            partition by normed.deal_key, normed.is_pause, normed.stay_no
            order by normed.visit_no
            rows between unbounded preceding and 1 preceding
        )

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
        previous_pipeline,
        previous_stage,
        entered_at,
        entered_after,
        left_at,
        entered_date,
        left_date,
        is_open,
        is_running,
        is_pause,
        is_return,
        source_of_fact,
        stopped_s,
        earlier_s,
        stopped_working_h,
        earlier_working_h,
        entered_norm_h,
        cast(stay_no as integer) as stay_no,
        stay_entered_date,
        is_stay_end,
        limit_unit,
        limit_value,
        -- Without its pauses the stay would have begun then.
        entered_at - interval '1 second' * earlier_s as stay_clock_at,
        -- Where the limit lies in the hours of the norm.
        case
            when limit_unit = 'working_hours'
                then entered_norm_h - earlier_working_h + limit_value
        end as limit_norm_h

    from limited

)

select * from described
