{{ config(meta={
    'unit': 'deal_key',
    'by': {'step_cell': unit_of_cell('step_cell'), 'stepping_deal_key': 'deal_key'},
}) }}

{# One row per deal and stage that it came through, with the one person who answers for it:
   whoever held the stage's role on that day, else the owner of the deal. A deal is one in
   a cohort. Keys and what a step is grouped by; every step is made of these rows. #}
with

milestones as (

    select * from {{ ref('fct_deal_milestones') }}

),

stages as (

    select * from {{ ref('stages') }}

),

deals as (

    select * from {{ ref('fct_deals') }}

),

holders as not materialized (

    select
        deal_key,
        role,
        employee_key,
        valid_from,
        valid_to

    from {{ ref('int_deal_holders__spanned') }}

    where holder_no = 1

),

employees as (

    select * from {{ ref('dim_employees') }}

),

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

credited as (

    select
        milestones.milestone_key,
        milestones.deal_key,
        milestones.stage,
        milestones.entered_date,
        employees.employee_key,
        coalesce(employees.employee_key, deals.responsible_place_key) as place_key,
        deals.outcome in ('open', 'paused') as is_undecided,
        deals.deal_type,
        deals.deal_type_label,
        deals.pipeline_label,
        deals.channel_label

    from milestones

    inner join stages
        on milestones.stage = stages.stage

    inner join deals
        on milestones.deal_key = deals.deal_key

    left join holders as of_stage
        on
            milestones.deal_key = of_stage.deal_key
            and stages.role = of_stage.role
            and milestones.entered_date >= of_stage.valid_from
            and milestones.entered_date < of_stage.valid_to

    left join holders as of_deal
        on
            milestones.deal_key = of_deal.deal_key
            and of_deal.role = 'deal_owner'
            and milestones.entered_date >= of_deal.valid_from
            and milestones.entered_date < of_deal.valid_to

    left join employees
        on coalesce(of_stage.employee_key, of_deal.employee_key) = employees.employee_key

),

placed as (

    select
        credited.milestone_key,
        credited.deal_key,
        credited.stage,
        credited.entered_date,
        coalesce(credited.employee_key, 'unassigned') as employee_key,
        placements.unit_path_key,
        credited.is_undecided,
        credited.deal_type,
        credited.deal_type_label,
        credited.pipeline_label,
        credited.channel_label

    from credited

    left join placements
        on
            credited.place_key = placements.employee_key
            and credited.entered_date >= placements.valid_from
            and credited.entered_date < placements.valid_to

)

select
    *,
    {{ step_cell('entered_date', 'stage') }} as step_cell

from placed
