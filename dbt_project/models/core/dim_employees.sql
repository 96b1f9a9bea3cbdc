with

employees as (

    select * from {{ ref('int_employees__unioned') }}

),

org_units as (

    select * from {{ ref('dim_org_units') }}

),

placed as (

    select
        employees.source_system || ':' || employees.source_id as employee_key,
        employees.source_system,
        employees.source_id,
        coalesce(employees.full_name, employees.source_id) as full_name,
        employees.is_active,
        org_units.org_unit_key,
        org_units.ancestor_keys,
        org_units.group_key,
        org_units.group_name,
        org_units.department_key,
        org_units.department_name,
        org_units.function

    from employees

    left join org_units
        on
            employees.source_system || ':' || employees.org_unit_id
            = org_units.org_unit_key

)

select * from placed
