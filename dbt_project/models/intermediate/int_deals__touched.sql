{{ config(meta={
    'unit': 'deal_key',
    'also_changed': deals_of_changed_leads(),
    'clocked': 'last_activity_date > {previous_day}',
}) }}

{# One row per deal: the first answer, the first meeting and showing with their hosts, the
   last touch and the days of open steps. Robots do not count, nor does what is dated in the
   future until its day has come. What was done with the lead before belongs to it. #}
with

deals as (

    select
        deals.deal_key,
        deals.source_system || ':' || details.lead_source_id as lead_key

    from {{ ref('int_deals__mapped') }} as deals

    inner join {{ ref('int_deals__unioned') }} as details
        on
            deals.source_system = details.source_system
            and deals.source_id = details.source_id

),

-- The lead of a deal may have had activities of its own.
owned as (

    select
        activities.deal_key as owner_key,
        activities.*
    from {{ ref('fct_activities') }} as activities
    where activities.deal_key is not null

    union all

    select
        deals.deal_key as owner_key,
        activities.*
    from {{ whole('fct_activities') }} as activities
    inner join deals
        on activities.lead_key = deals.lead_key
    where activities.deal_key is null

),

done as (

    select
        *,
        case
            when activity_type = 'task' then coalesce(deadline_at, planned_start_at)
            else coalesce(planned_start_at, deadline_at)
        end as step_at
    from owned

),

touched as (

    select
        owner_key as deal_key,
        min(started_at) filter (
            where
            direction = 'out'
            and activity_type in ('call', 'message', 'email', 'sms')
            and started_at < {{ day_end() }}
        ) as first_response_at,
        max(coalesce(ended_at, started_at)) filter (
            where
            is_completed
            and coalesce(ended_at, started_at) < {{ day_end() }}
        ) as last_touch_at,
        -- A task is due at its deadline, a meeting at its start.
        array_agg(
            distinct {{ business_date('step_at') }} order by {{ business_date('step_at') }}
        ) filter (
            where
            not is_completed
            and step_at is not null
        ) as open_step_dates,
        count(*) filter (where not is_completed and activity_type = 'task') as open_tasks

    from done

    where not is_auto

    group by owner_key

),

dated as (

    select
        owner_key as deal_key,
        max({{ business_date('greatest(started_at, ended_at)') }}) as last_activity_date

    from done

    group by owner_key

),

met as (

    select distinct on (deal_key)
        deal_key,
        meeting_date as first_meeting_date,
        employee_key as first_meeting_host_key

    from {{ ref('fct_meetings') }}

    where
        deal_key is not null
        and meeting_date <= {{ today() }}

    order by deal_key, started_at, meeting_key

),

shown as (

    select distinct on (deal_key)
        deal_key,
        showing_date as first_showing_date,
        employee_key as first_showing_host_key

    from {{ ref('fct_showings') }}

    where
        deal_key is not null
        and status = 'held'
        and showing_date <= {{ today() }}

    order by deal_key, started_at, showing_key

),

described as (

    select
        deals.deal_key,
        touched.first_response_at,
        {{ business_date('touched.first_response_at') }} as first_response_date,
        met.first_meeting_date,
        met.first_meeting_host_key,
        shown.first_showing_date,
        shown.first_showing_host_key,
        touched.last_touch_at,
        {{ business_date('touched.last_touch_at') }} as last_touch_date,
        touched.open_step_dates,
        dated.last_activity_date,
        coalesce(touched.open_tasks, 0) as open_tasks

    from deals

    left join touched
        on deals.deal_key = touched.deal_key

    left join dated
        on deals.deal_key = dated.deal_key

    left join met
        on deals.deal_key = met.deal_key

    left join shown
        on deals.deal_key = shown.deal_key

)

select * from described
