{{ config(meta={
    'unit': 'deal_key',
    'clocked': has_come_since(business_date('limit_at')) ~ ' or '
        ~ has_become_stuck_since('quiet_since', 'is_stuck'),
}) }}

{# One row per deal: where it stands and since when, how far it ever came. Classes that
   depend on the clock are as of the pass, days are told by int_deals__timed. #}
with

deals as not materialized (

    select * from {{ ref('int_deals__mapped') }}

),

visits as not materialized (

    select * from {{ ref('int_stage_visits__limited') }}

),

milestones as (

    select * from {{ ref('fct_deal_milestones') }}

),

-- The hours of the norm by their number, one row per hour.
norm_hours as (

    select
        calendar.calendar_date,
        calendar.norm_hours,
        calendar.norm_hours_before,
        calendar.norm_hours_before + hours.hour_no as norm_hour

    from {{ ref('dim_calendar') }} as calendar

    cross join lateral generate_series(0, calendar.norm_hours - 1) as hours (hour_no)

),

-- A limit is a moment that no later pass moves: what is beyond it is told by any clock.
open_visits as (

    select
        visits.*,
        {{ business_date('visits.stay_clock_at') }} as stay_clock_date,
        case visits.limit_unit
            when 'working_hours'
                then date_trunc('second', {{ moment_of_norm_hour(
                    'visits.limit_norm_h', 'norm_hours'
                ) }})
            else visits.stay_clock_at + interval '1 day' * visits.limit_value
        end as limit_at

    from visits

    left join norm_hours
        on floor(visits.limit_norm_h) = norm_hours.norm_hour

    where visits.is_open

),

returns as (

    select
        deal_key,
        count(*) filter (where is_return) as stage_return_count,
        max(entered_date) as last_move_date

    from visits

    group by deal_key

),

touches as (

    select * from {{ ref('int_deals__touched') }}

),

-- A refusal is as deep as the highest rank before it.
highest as (

    select
        milestones.deal_key,
        max(milestones.stage_rank) as max_rank,
        max(milestones.stage_rank) filter (
            where milestones.entered_date <= coalesce(deals.lost_date, 'infinity')
        ) as lost_rank,
        min(milestones.entered_date) as first_contact_date

    from milestones

    inner join deals
        on milestones.deal_key = deals.deal_key

    group by milestones.deal_key

),

-- Since when nobody has touched an open deal.
quiet as (

    select
        deals.deal_key,
        greatest(returns.last_move_date, touches.last_touch_date) as quiet_since

    from deals

    left join returns
        on deals.deal_key = returns.deal_key

    left join touches
        on deals.deal_key = touches.deal_key

    where deals.outcome = 'open'

),

judged as (

    select
        deals.deal_key,
        open_visits.visit_no as stage_visit_no,
        open_visits.entered_at as stage_entered_at,
        open_visits.stay_entered_date as stage_entered_date,
        open_visits.stay_clock_date,
        open_visits.limit_unit as stage_limit_unit,
        open_visits.limit_value as stage_limit,
        case when deals.outcome = 'open' then open_visits.limit_at end as limit_at,
        deals.outcome = 'open'
        and coalesce({{ is_over('open_visits.limit_at', day_end()) }}, false)
            as is_over_limit,
        quiet.quiet_since,
        deals.outcome = 'open'
        and quiet.quiet_since <= {{ today() }} - cast(
            {{ setting_value('stuck_days', 'deals.source_system', today()) }} as integer
        ) as is_stuck,
        cast(coalesce(returns.stage_return_count, 0) as integer) as stage_return_count,
        cast(highest.max_rank as integer) as max_rank,
        case
            when deals.outcome <> 'lost' then null
            when highest.lost_rank >= 90 then 'after_closing'
            when highest.lost_rank >= 60 then 'after_advance'
            when highest.lost_rank >= 40 then 'after_contract'
            else 'before_contract'
        end as loss_depth,
        deals.outcome = 'lost' and coalesce(highest.lost_rank, 0) >= 60 as is_collapsed,
        coalesce(highest.first_contact_date, deals.created_date) as first_contact_date,
        case
            when deals.closing_date <= {{ today() }}
                then deals.closing_date
                - coalesce(highest.first_contact_date, deals.created_date)
        end as cycle_days

    from deals

    left join open_visits
        on deals.deal_key = open_visits.deal_key

    left join returns
        on deals.deal_key = returns.deal_key

    left join quiet
        on deals.deal_key = quiet.deal_key

    left join highest
        on deals.deal_key = highest.deal_key

)

select * from judged
