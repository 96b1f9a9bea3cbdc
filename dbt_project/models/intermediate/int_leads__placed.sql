{{ config(materialized='view', meta={'by': {'lead_key': 'lead_key'}}) }}

{# One row per lead and date it is asked for, created or today: the person responsible and
   the unit of this person on that date. #}
with

leads as not materialized (

    select * from {{ ref('fct_leads') }}

),

dated as (

    select
        leads.*,
        'created' as moment,
        leads.created_date as moment_date
    from leads

    union all

    select
        leads.*,
        'qualified' as moment,
        leads.qualified_date as moment_date
    from leads
    where leads.qualified_date is not null

    union all

    select
        leads.*,
        'today' as moment,
        {{ today() }} as moment_date
    from leads
    where leads.outcome in ('open', 'paused')

),

employees as (

    select * from {{ ref('dim_employees') }}

),

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

accounts as (

    select * from {{ ref('dim_employee_accounts') }}

),

placed as (

    select
        dated.*,
        coalesce(employees.employee_key, 'unassigned') as employee_key,
        employees.full_name as employee_name,
        placements.unit_path_key,
        placements.org_unit_key,
        placements.ancestor_keys,
        placements.group_key,
        placements.group_name,
        placements.department_key,
        placements.department_name

    from dated

    left join employees
        on dated.responsible_key = employees.employee_key

    left join accounts
        on dated.responsible_account_key = accounts.account_key

    -- The place of a shared login is known, though nobody knows who worked.
    left join placements
        on
            accounts.placement_key = placements.employee_key
            and dated.moment_date >= placements.valid_from
            and dated.moment_date < placements.valid_to

)

select * from placed
