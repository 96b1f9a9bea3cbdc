{{ config(meta={'unit': 'deal_key'}) }}

{# One row per entry of a deal into a stage, in canonical stages. #}
with

visits as (

    select * from {{ ref('int_stage_visits__unioned') }}

),

stages as (

    select * from {{ source('mapping', 'stages') }}

),

mapped as (

    select
        visits.source_system || ':' || visits.deal_source_id as deal_key,
        visits.entered_at,
        coalesce(stages.stage, 'unmapped') as stage

    from visits

    left join stages
        on
            visits.source_system = stages.connection
            and visits.pipeline = stages.pipeline
            and visits.crm_stage = stages.crm_stage

)

select * from mapped
