{{ config(meta={'unit': 'deal_key'}) }}

{# One row per visit of a deal to a stage, of deals whose CRM keeps no history of stages:
   the first one is inferred from the card, the others are differences between loads. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

recorded as (

    select distinct source_system || ':' || deal_source_id as deal_key
    from {{ ref('int_stage_visits__unioned') }}
    where entered_at < {{ day_end() }}

),

unrecorded as (

    select deals.*

    from deals

    left join recorded
        on deals.deal_key = recorded.deal_key

    where recorded.deal_key is null

),

mapped_stages as (

    select * from {{ source('mapping', 'stages') }}

),

seen as (

    select
        versions.deal_key,
        versions.source_system,
        versions.version_no,
        versions.pipeline,
        versions.crm_stage,
        versions.changed_after,
        case
            when versions.modified_at > versions.changed_after then versions.modified_at
            else versions.recorded_from
        end as seen_at,
        lag(versions.pipeline) over versions_of_deal as previous_pipeline,
        lag(versions.crm_stage) over versions_of_deal as previous_crm_stage

    from {{ ref('int_deals__versioned') }} as versions

    inner join unrecorded
        on versions.deal_key = unrecorded.deal_key

    where versions.is_present

    window versions_of_deal as (
        partition by versions.deal_key order by versions.version_no
    )

),

numbered as (

    select
        *,
        row_number() over (partition by deal_key order by version_no) as move_no,
        count(*) over (partition by deal_key) as moves

    from seen

    where
        pipeline is distinct from previous_pipeline
        or crm_stage is distinct from previous_crm_stage

),

-- A deal that was never seen to move entered its stage on the card's own date.
dated as (

    select
        numbered.deal_key,
        numbered.source_system,
        cast(numbered.version_no as text) as source_id,
        numbered.pipeline,
        numbered.crm_stage,
        coalesce(mapped_stages.stage, 'unmapped') as stage,
        case
            when numbered.move_no > 1 then numbered.seen_at
            when numbered.moves = 1 and unrecorded.outcome in ('won', 'lost')
                then {{ day_start('coalesce(unrecorded.closing_date, unrecorded.lost_date)') }}
            else unrecorded.created_at
        end as entered_at,
        case when numbered.move_no > 1 then numbered.changed_after end as entered_after,
        case when numbered.move_no > 1 then 'snapshot_diff' else 'inferred' end
            as source_of_fact

    from numbered

    inner join unrecorded
        on numbered.deal_key = unrecorded.deal_key

    left join mapped_stages
        on
            numbered.source_system = mapped_stages.connection
            and numbered.pipeline = mapped_stages.pipeline
            and numbered.crm_stage = mapped_stages.crm_stage

)

select * from dated
where entered_at < {{ day_end() }}
