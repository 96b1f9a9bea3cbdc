{{ config(materialized='view', meta={'unit': 'lead_key'}) }}

{# A view: a pause that lasts is longer on another day. #}
with

visits as (

    select * from {{ ref('int_lead_stage_visits__mapped') }}

),

leads as (

    select * from {{ ref('int_leads__mapped') }}
    where deleted_at is null

),

pauses as (

    select
        visits.visit_key as pause_key,
        visits.lead_key,
        visits.entered_at as paused_at,
        visits.left_at as resumed_at,
        {{ business_date('visits.entered_at') }} as paused_date,
        {{ business_date('visits.left_at') }} as resumed_date,
        visits.left_at is null as is_open,
        -- The card keeps the reason and the date of the pause that lasts.
        case when visits.left_at is null then leads.pause_reason end as pause_reason,
        case when visits.left_at is null then leads.paused_until_date end
            as paused_until_date,
        cast(
            {{ seconds_until('visits.left_at', 'visits.entered_at') }} as bigint
        ) as pause_seconds,
        {{ days_until('visits.left_at', 'visits.entered_at') }} as pause_days

    from visits

    inner join leads
        on visits.lead_key = leads.lead_key

    where visits.outcome = 'paused'

)

select * from pauses
