{{ config(meta={
    'by': {'deal_key': "coalesce(deal_key, activity_key)", 'lead_key': "lead_key"},
}) }}

with

activities as (

    select * from {{ ref('int_activities__keyed') }}

),

-- Telephony and people record the same call: starts of one client and direction within
-- a minute of each other are one call, and the longest record of it survives.
calls as (

    select
        activity_key,
        client_key,
        direction,
        started_at,
        duration_s,
        started_at - lag(started_at) over (
            partition by client_key, direction
            order by started_at
        ) <= interval '60 seconds' as is_close

    from activities

    where
        activity_type = 'call'
        and started_at is not null

),

runs as (

    select
        *,
        count(*) filter (where is_close is not true) over (
            partition by client_key, direction
            order by started_at
        ) as run_number

    from calls

),

repeated as (

    select
        activity_key,
        row_number() over (
            partition by client_key, direction, run_number
            order by
                duration_s desc nulls last,
                length(activity_key) asc,
                activity_key asc
        ) > 1 as is_repeated

    from runs

),

counted as (

    select
        activities.activity_key,
        activities.source_system,
        activities.source_id,
        activities.activity_type,
        activities.direction,
        activities.deal_key,
        activities.lead_key,
        activities.contact_key,
        activities.party_key,
        activities.unit_key,
        {{ employee_key_of('accounts') }} as employee_key,
        {{ employee_key_of('authors') }} as author_key,
        case
            when activities.is_completed then 'held'
            when activities.result in ('failed', 'cancelled') then activities.result
            when
                coalesce(activities.deadline_at, activities.planned_start_at)
                < {{ day_end() }}
                then 'failed'
            else 'planned'
        end as status,
        activities.result,
        activities.planned_start_at,
        {{ business_date('activities.planned_start_at') }} as planned_date,
        activities.started_at,
        {{ business_date('activities.started_at') }} as started_date,
        activities.ended_at,
        activities.deadline_at,
        activities.duration_s,
        activities.is_completed,
        activities.is_auto

    from activities

    left join repeated
        on activities.activity_key = repeated.activity_key

    {{ join_accounts('accounts', 'activities.source_system', 'activities.responsible_id') }}

    {{ join_accounts('authors', 'activities.source_system', 'activities.author_id') }}

    where repeated.is_repeated is not true

)

select * from counted
