{{ config(meta={'unit': 'lead_key'}) }}

{# One row per entry of a lead into a status, in canonical states. #}
with

visits as (

    select * from {{ ref('int_lead_stage_visits__unioned') }}

),

keyed as (

    select
        visits.source_system || ':' || visits.source_id as visit_key,
        visits.source_system || ':' || visits.lead_source_id as lead_key,
        coalesce(lead_states.state, 'unmapped') as state,
        coalesce(lead_states.outcome, 'open') as outcome,
        visits.entered_at,
        lead(visits.entered_at) over (
            partition by visits.source_system, visits.lead_source_id
            order by visits.entered_at, length(visits.source_id), visits.source_id
        ) as left_at

    from visits

    {{ join_said('lead_states', 'visits', ['crm_status']) }}

)

select * from keyed
