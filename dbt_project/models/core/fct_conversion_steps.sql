{{ config(meta={'unit': 'deal_key'}) }}

with

milestones as (

    select * from {{ ref('fct_deal_milestones') }}

),

pairs as (

    select * from {{ ref('conversion_pairs') }}
    -- What begins with a request is told by requests.
    where pair <> 'unique_lead__closed_won'

),

stages as (

    select * from {{ ref('stages') }}

),

deals as (

    select * from {{ ref('fct_deals') }}

),

role_holders as (

    select * from {{ ref('int_deal_holders__spanned') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

-- A deal is one in a cohort, so one person answers for an entry: who held the stage's
-- role on that day; of several the one with the largest share, then the lowest key.
credited as (

    select distinct on (milestones.milestone_key)
        milestones.deal_key,
        milestones.stage,
        milestones.entered_date,
        role_holders.employee_key

    from milestones

    inner join stages
        on milestones.stage = stages.stage

    left join role_holders
        on
            milestones.deal_key = role_holders.deal_key
            and role_holders.role in (stages.role, 'deal_owner')
            and milestones.entered_date >= role_holders.valid_from
            and milestones.entered_date < role_holders.valid_to

    order by
        milestones.milestone_key asc,
        role_holders.role = stages.role desc,
        role_holders.weight desc,
        length(role_holders.employee_key) asc,
        role_holders.employee_key asc

),

-- The fate of a deal is known when it came through, won or was lost.
entries as (

    select
        pairs.pair,
        pairs.from_stage,
        pairs.to_stage,
        'entered' as side,
        starts.deal_key,
        starts.employee_key,
        starts.entered_date as event_date,
        1 as entered,
        case when ends.deal_key is null then 0 else 1 end as reached,
        case when ends.deal_key is null and deals.outcome in ('open', 'paused') then 0 else 1 end
            as decided,
        0 as arrived,
        ends.entered_date as reached_date,
        ends.entered_date - starts.entered_date as lag_days

    from pairs

    inner join credited as starts
        on pairs.from_stage = starts.stage

    inner join deals
        on starts.deal_key = deals.deal_key

    left join credited as ends
        on
            starts.deal_key = ends.deal_key
            and pairs.to_stage = ends.stage

),

-- The same deal on the day it came to the second stage: what the ratio of a period counts.
arrivals as (

    select
        pairs.pair,
        pairs.from_stage,
        pairs.to_stage,
        'arrived' as side,
        ends.deal_key,
        ends.employee_key,
        ends.entered_date as event_date,
        0 as entered,
        0 as reached,
        0 as decided,
        1 as arrived,
        cast(null as date) as reached_date,
        cast(null as integer) as lag_days

    from pairs

    inner join credited as ends
        on pairs.to_stage = ends.stage

),

steps as (

    select * from entries

    union all

    select * from arrivals

),

placed as (

    select
        steps.pair || '/' || steps.side || '/' || steps.deal_key as step_key,
        steps.deal_key,
        steps.pair,
        steps.from_stage,
        steps.to_stage,
        steps.side,
        steps.event_date,
        cast(date_trunc('month', steps.event_date) as date) as event_month,
        steps.reached_date,
        steps.entered,
        steps.reached,
        steps.decided,
        steps.arrived,
        steps.lag_days,
        coalesce(employees.employee_key, 'unassigned') as employee_key,
        employees.full_name as employee_name,
        {%- for column in [
            'org_unit_key', 'ancestor_keys', 'group_key', 'group_name',
            'department_key', 'department_name',
        ] %}
        placements.{{ column }},
        {%- endfor %}
        deals.deal_type,
        deals.deal_type_label,
        deals.pipeline_label,
        deals.channel_label

    from steps

    inner join deals
        on steps.deal_key = deals.deal_key

    left join employees
        on steps.employee_key = employees.employee_key

    left join placements
        on
            coalesce(employees.employee_key, deals.responsible_place_key)
            = placements.employee_key
            and steps.event_date >= placements.valid_from
            and steps.event_date < placements.valid_to

)

select * from placed
