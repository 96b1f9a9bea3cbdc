{{ config(meta={'unit': 'lead_key'}) }}

{# One row per lead of any CRM, deleted ones too, in canonical states and channels.
   Phone and e-mail stay behind: what is built on leads may be published. #}
with

leads as (

    select * from {{ ref('int_leads__unioned') }}

),

connections as (

    select * from {{ source('mapping', 'connections') }}

),

ever as (

    select
        lead_key,
        min(entered_at) filter (where state = 'qualified') as qualified_at,
        max(entered_at) filter (where outcome in ('converted', 'lost')) as finished_at

    from {{ ref('int_lead_stage_visits__mapped') }}

    group by lead_key

),

renamed as (

    select
        leads.source_system || ':' || leads.source_id as lead_key,
        leads.source_system,
        leads.source_id,
        leads.title,
        leads.crm_status,
        coalesce(lead_states.state, 'unmapped') as state,
        coalesce(lead_states.quality, 'new') as state_quality,
        coalesce(lead_states.outcome, 'open') as outcome,
        leads.crm_channel,
        {{ channel_columns('leads') }},
        leads.responsible_id,
        leads.source_system || ':' || leads.contact_id as contact_key,
        leads.source_system || ':' || leads.company_id as company_key,
        case when {{ is_reporting_currency('leads') }} then leads.estimate_amount end
            as estimate_amount,
        leads.pause_reason,
        leads.paused_until as paused_until_date,
        leads.created_at,
        leads.modified_at,
        leads.deleted_at,
        {{ business_date('leads.created_at') }} as created_date

    from leads

    inner join connections
        on leads.source_system = connections.connection

    {{ join_said('lead_states', 'leads', ['crm_status']) }}

    {{ join_said('channels', 'leads', ['crm_channel']) }}

),

judged as (

    select
        renamed.*,
        ever.qualified_at,
        case
            when renamed.outcome in ('converted', 'lost')
                then coalesce(ever.finished_at, renamed.modified_at)
        end as finished_at,
        -- A lead that was good once and is lost now was a good lead.
        case
            when renamed.state_quality in ('poor', 'spam') then renamed.state_quality
            when ever.qualified_at is not null then 'qualified'
            else renamed.state_quality
        end as quality

    from renamed

    left join ever
        on renamed.lead_key = ever.lead_key

)

select * from judged
