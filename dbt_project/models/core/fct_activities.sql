{{ config(meta={
    'unit': 'activities',
    'by': {
        'activities': 'activity_key',
        'deal_key': 'coalesce(deal_key, activity_key)',
        'lead_key': 'lead_key',
        'subject_key': subject_key(),
    },
    'clocked': "status = 'planned' and "
        ~ business_date('coalesce(deadline_at, planned_start_at)') ~ ' <= {today}',
}) }}

with

activities as (

    select * from {{ ref('int_activities__keyed') }}

),

repeated as (

    select * from {{ ref('int_calls__repeated') }}

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

    where repeated.activity_key is null

)

select * from counted
