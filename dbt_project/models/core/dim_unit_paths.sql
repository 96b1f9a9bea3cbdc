{# The index tells the planner that a join finds one row: who asks no name pays no join. #}
{{ config(indexes=[{'columns': ['unit_path_key'], 'unique': true}]) }}

with

paths as (

    select * from {{ ref('int_unit_paths__recorded') }}

),

-- A unit is called what it is called today, also in the past.
names as (

    select distinct on (org_unit_key)
        org_unit_key,
        name
    from {{ ref('int_org_units__spanned') }}
    order by org_unit_key asc, valid_from desc

)

select
    paths.unit_path_key,
    paths.org_unit_key,
    paths.ancestor_keys,
    paths.group_key,
    groups.name as group_name,
    paths.department_key,
    departments.name as department_name

from paths

left join names as groups
    on paths.group_key = groups.org_unit_key

left join names as departments
    on paths.department_key = departments.org_unit_key
