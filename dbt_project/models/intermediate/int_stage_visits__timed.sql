{# One row per stay of a deal in a stage, of every deal, deleted and test ones too. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

history as (

    select * from {{ ref('int_stage_visits__unioned') }}
    -- What happens after the moment of the pass has not happened yet.
    where entered_at <= {{ pass_time() }}

),

mapped_stages as (

    select * from {{ source('mapping', 'stages') }}

),

stages as (

    select * from {{ ref('stages') }}

),

recorded as (

    select
        deals.deal_key,
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
    where entered_at <= {{ pass_time() }}

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
        lag(stage_rank) over (
            partition by deal_key, stage_rank is not null
            order by visit_no
        ) as previous_rank

    from numbered

),

timed as (

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
        {{ business_date('entered_at') }} as entered_date,
        {{ business_date('left_at') }} as left_date,
        left_at is null as is_open,
        stage = 'paused' as is_pause,
        stage_rank is not null
        and coalesce(stage_rank < previous_rank, false) as is_return,
        source_of_fact,
        extract(epoch from coalesce(left_at, {{ pass_time() }}) - entered_at)
            as duration_s

    from compared

)

select * from timed
