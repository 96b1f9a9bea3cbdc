{{ config(meta={
    'unit': 'lead_key',
    'by': {'step_cell': unit_of_cell('step_cell')},
    'also_changed': 'select lead_key as key from dbt_core.fct_leads'
        ~ " where deal_key in (select key from ops.changed_units where unit = 'deal_key')",
}) }}

with

leads as (

    select * from {{ ref('int_lead_facts__credited') }}
    where
        event_type = 'lead_created'
        and not is_duplicate

),

closings as (

    select * from {{ ref('fct_deal_milestones') }}
    where stage = 'closed_won'

),

deals as (

    select * from {{ ref('fct_deals') }}

),

-- A lead is through when its deal is, and decided when it ended without a deal or its
-- deal is.
entries as (

    select
        'unique_lead__closed_won/entered/' || leads.lead_key as step_key,
        leads.lead_key,
        leads.deal_key,
        'unique_lead__closed_won' as pair,
        'entered' as side,
        leads.event_date,
        leads.event_month,
        closings.entered_date as reached_date,
        1 as entered,
        case when closings.deal_key is null then 0 else 1 end as reached,
        case
            when closings.deal_key is not null then 1
            when leads.deal_key is null and leads.outcome <> 'open' then 1
            when deals.outcome in ('won', 'lost') then 1
            else 0
        end as decided,
        0 as arrived,
        closings.entered_date - leads.event_date as lag_days,
        leads.employee_key,
        leads.unit_path_key,
        leads.employee_name,
        leads.org_unit_key,
        leads.ancestor_keys,
        leads.group_key,
        leads.group_name,
        leads.department_key,
        leads.department_name,
        deals.deal_type,
        deals.deal_type_label,
        deals.pipeline_label,
        leads.channel_label

    from leads

    left join closings
        on leads.deal_key = closings.deal_key

    left join deals
        on leads.deal_key = deals.deal_key

),

arrivals as (

    select
        'unique_lead__closed_won/arrived/' || lead_key as step_key,
        lead_key,
        deal_key,
        pair,
        'arrived' as side,
        reached_date as event_date,
        cast(date_trunc('month', reached_date) as date) as event_month,
        cast(null as date) as reached_date,
        0 as entered,
        0 as reached,
        0 as decided,
        1 as arrived,
        cast(null as integer) as lag_days,
        employee_key,
        unit_path_key,
        employee_name,
        org_unit_key,
        ancestor_keys,
        group_key,
        group_name,
        department_key,
        department_name,
        deal_type,
        deal_type_label,
        pipeline_label,
        channel_label

    from entries

    where reached = 1

),

steps as (

    select * from entries

    union all

    select * from arrivals

)

select
    *,
    {{ step_cell('event_date', 'side') }} as step_cell

from steps
