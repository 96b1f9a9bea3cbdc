{# One row per deal: where it stands and for how long, how far it ever came. What depends
   on the clock is as of the pass. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

visits as (

    select * from {{ ref('int_stage_visits__timed') }}

),

milestones as (

    select * from {{ ref('fct_deal_milestones') }}

),

calendar as (

    select * from {{ ref('dim_calendar') }}

),

-- A pause stops the clock of a stage: the stay goes on when the deal comes back to it.
marked as (

    select
        *,
        coalesce(
            crm_stage <> lag(crm_stage) over (partition by deal_key order by visit_no),
            true
        ) as is_new_stay

    from visits

    where not is_pause

),

stays as (

    select
        *,
        count(*) filter (where is_new_stay) over (
            partition by deal_key
            order by visit_no
        ) as stay_no

    from marked

),

open_visits as (

    select * from visits
    where is_open

),

open_stays as (

    select
        stays.deal_key,
        stays.stay_no

    from stays

    where stays.is_open

),

clocked as (

    select
        stays.deal_key,
        min(stays.entered_at) as stage_entered_at,
        sum(stays.duration_s) as stage_seconds,
        sum(
            {{ norm_hours_until('coalesce(stays.left_at, ' ~ pass_time() ~ ')', 'days_left') }}
            - ({{ norm_hours_until('stays.entered_at', 'days_entered') }})
        ) as stage_working_hours

    from stays

    inner join open_stays
        on
            stays.deal_key = open_stays.deal_key
            and stays.stay_no = open_stays.stay_no

    inner join calendar as days_entered
        on stays.entered_date = days_entered.calendar_date

    inner join calendar as days_left
        on coalesce(stays.left_date, {{ today() }}) = days_left.calendar_date

    group by stays.deal_key

),

returns as (

    select
        deal_key,
        count(*) filter (where is_return) as stage_return_count,
        max(entered_at) as last_move_at

    from visits

    group by deal_key

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

gathered as (

    select
        deals.deal_key,
        deals.outcome,
        deals.closing_date,
        open_visits.stage as visit_stage,
        open_visits.visit_no,
        open_visits.entered_at as visit_entered_at,
        coalesce(clocked.stage_entered_at, open_visits.entered_at) as stage_entered_at,
        coalesce(clocked.stage_seconds, open_visits.duration_s) as stage_seconds,
        clocked.stage_working_hours,
        returns.last_move_at,
        coalesce(returns.stage_return_count, 0) as stage_return_count,
        highest.max_rank,
        highest.lost_rank,
        coalesce(highest.first_contact_date, deals.created_date) as first_contact_date

    from deals

    left join open_visits
        on deals.deal_key = open_visits.deal_key

    left join clocked
        on deals.deal_key = clocked.deal_key

    left join returns
        on deals.deal_key = returns.deal_key

    left join highest
        on deals.deal_key = highest.deal_key

),

judged as (

    select
        deal_key,
        visit_no as stage_visit_no,
        visit_entered_at as stage_visit_entered_at,
        stage_entered_at,
        {{ business_date('stage_entered_at') }} as stage_entered_date,
        cast(floor(stage_seconds / 86400) as integer) as days_in_stage,
        cast(stage_return_count as integer) as stage_return_count,
        cast(max_rank as integer) as max_rank,
        case
            when outcome <> 'lost' then null
            when lost_rank >= 90 then 'after_closing'
            when lost_rank >= 60 then 'after_advance'
            when lost_rank >= 40 then 'after_contract'
            else 'before_contract'
        end as loss_depth,
        outcome = 'lost' and coalesce(lost_rank, 0) >= 60 as is_collapsed,
        first_contact_date,
        case
            when closing_date <= {{ today() }} then closing_date - first_contact_date
        end as cycle_days

    from gathered

)

select * from judged
