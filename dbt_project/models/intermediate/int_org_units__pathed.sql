{# One row per org unit: its ancestors, and the department and group it belongs to. #}
with recursive

org_units as (

    select * from {{ ref('int_org_units__unioned') }}

),

functions as (

    select * from {{ source('mapping', 'departments') }}

),

named as (

    select
        org_units.source_system,
        org_units.source_system || ':' || org_units.source_id as org_unit_key,
        org_units.source_system || ':' || org_units.parent_id as parent_key,
        org_units.name,
        functions.function

    from org_units

    left join functions
        on
            org_units.source_system = functions.connection
            and functions.department_id in (org_units.source_id, org_units.name)

),

walked as (

    select
        named.org_unit_key,
        named.parent_key,
        named.name,
        array[named.org_unit_key] as ancestor_keys,
        named.function,
        case when named.function is not null then named.org_unit_key end
            as department_key,
        case when named.function is not null then named.name end as department_name,
        cast(null as text) as group_key,
        cast(null as text) as group_name

    from named

    left join named as parents
        on named.parent_key = parents.org_unit_key

    where parents.org_unit_key is null

    union all

    select
        named.org_unit_key,
        named.parent_key,
        named.name,
        walked.ancestor_keys || named.org_unit_key as ancestor_keys,
        coalesce(named.function, walked.function) as function,
        -- A department is the unit whose function the firm named; groups lie below it.
        case
            when named.function is not null then named.org_unit_key
            else walked.department_key
        end as department_key,
        case
            when named.function is not null then named.name
            else walked.department_name
        end as department_name,
        case
            when named.function is not null or walked.department_key is null then null
            else coalesce(walked.group_key, named.org_unit_key)
        end as group_key,
        case
            when named.function is not null or walked.department_key is null then null
            else coalesce(walked.group_name, named.name)
        end as group_name

    from named

    inner join walked
        on named.parent_key = walked.org_unit_key

    where named.org_unit_key <> all(walked.ancestor_keys)

)

select * from walked
