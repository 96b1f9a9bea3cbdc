{{ config(meta={'unit': 'deal_key'}) }}

{# One row per entry of a deal into a stage, in canonical stages. #}
with

visits as (

    select * from {{ ref('int_stage_visits__unioned') }}

),

mapped as (

    select
        visits.source_system || ':' || visits.deal_source_id as deal_key,
        visits.entered_at,
        coalesce(stages.stage, 'unmapped') as stage

    from visits

    {{ join_said('stages', 'visits', ['pipeline', 'crm_stage']) }}

)

select * from mapped
