{# The index tells the planner that a join finds one row: who asks no name pays no join. #}
{{ config(indexes=[{'columns': ['employee_key'], 'unique': true}]) }}

with

employees as (

    select * from {{ ref('int_employees__unioned') }}

),

-- A second login is no second person, and a shared one is nobody.
people as (

    select * from {{ ref('dim_employee_accounts') }}
    where account_key = employee_key

),

placements as (

    select * from {{ ref('dim_employee_placements') }}
    where
        valid_from <= {{ today() }}
        and valid_to > {{ today() }}

),

placed as (

    select
        people.employee_key,
        employees.source_system,
        employees.source_id,
        coalesce(employees.full_name, employees.source_id) as full_name,
        employees.position,
        employees.is_active,
        employees.hired_date,
        employees.dismissed_date,
        placements.org_unit_key,
        placements.ancestor_keys,
        placements.group_key,
        placements.group_name,
        placements.department_key,
        placements.department_name,
        placements.function

    from employees

    inner join people
        on employees.source_system || ':' || employees.source_id = people.employee_key

    left join placements
        on people.employee_key = placements.employee_key

)

select * from placed
