{{ config(meta={
    'unit': 'lead_key',
    'by': {'deal_key': 'deal_key'},
    'clocked': 'greatest(created_date, qualified_date) > {previous_day}',
}) }}

with

leads as (

    select * from {{ ref('int_leads__mapped') }}
    where deleted_at is null

),

matched as (

    select * from {{ ref('int_leads__matched') }}

),

requests as (

    select * from {{ ref('int_lead_requests__identified') }}

),

-- A lead that opened several deals became the first one.
converted as (

    select distinct on (source_system, lead_source_id)
        source_system || ':' || lead_source_id as lead_key,
        source_system || ':' || source_id as deal_key

    from {{ ref('int_deals__unioned') }}

    where
        lead_source_id is not null
        and deleted_at is null

    order by source_system, lead_source_id, created_at, source_id

),

pauses as (

    select
        lead_key,
        count(*) as pauses,
        max(paused_at) filter (where is_open) as paused_at

    from {{ ref('fct_lead_pauses') }}

    group by lead_key

),

described as (

    select

        ---------- ids
        leads.lead_key,
        leads.source_system,
        leads.source_id,
        requests.party_key,
        leads.contact_key,
        leads.company_key,
        converted.deal_key,
        leads.source_system || ':' || leads.responsible_id as responsible_account_key,
        {{ employee_key_of('accounts') }} as responsible_key,

        ---------- state
        leads.title,
        leads.crm_status,
        leads.state,
        leads.outcome,
        leads.quality,
        matched.duplicate_of,
        case when matched.is_repeat then 'repeat' else 'new' end as novelty,
        leads.channel,
        leads.channel_label,
        leads.channel_group,
        leads.pause_reason,
        leads.paused_until_date,

        ---------- dates
        leads.created_date,
        {{ business_date('leads.qualified_at') }} as qualified_date,
        {{ business_date('leads.finished_at') }} as finished_date,
        leads.created_at,
        leads.qualified_at,
        leads.finished_at,
        pauses.paused_at,

        ---------- numbers
        leads.estimate_amount,
        coalesce(pauses.pauses, 0) as pauses,

        ---------- flags
        leads.quality = 'spam' as is_spam,
        leads.qualified_at is not null or leads.state = 'qualified' as is_qualified,
        coalesce(matched.is_duplicate, false) as is_duplicate,
        coalesce(matched.is_repeat, false) as is_repeat

    from leads

    left join matched
        on leads.lead_key = matched.lead_key

    left join requests
        on leads.lead_key = requests.lead_key

    left join converted
        on leads.lead_key = converted.lead_key

    left join pauses
        on leads.lead_key = pauses.lead_key

    {{ join_accounts('accounts', 'leads.source_system', 'leads.responsible_id') }}

)

select * from described
