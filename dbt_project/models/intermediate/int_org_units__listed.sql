{# One row per unit that reports are made for: the company, departments of sales and
   their groups, in reading order, with the keys of those who may read them. #}
with

org_units as (

    select * from {{ ref('dim_org_units') }}
    where
        function = 'sales'
        and org_unit_key in (department_key, group_key)

),

listed as (

    select
        'company' as unit_key,
        {{ text('company') }} as unit_label,
        0 as unit_level,
        string_to_array('', '/') as ancestor_keys,
        '' as sort_path

    union all

    select
        org_unit_key as unit_key,
        name as unit_label,
        case when org_unit_key = department_key then 1 else 2 end as unit_level,
        ancestor_keys,
        {{ sort_key('department_name') }} || '/'
        || coalesce({{ sort_key('group_name') }}, '') as sort_path

    from org_units

),

ordered as (

    select
        unit_key,
        unit_label,
        cast(unit_level as smallint) as unit_level,
        cast(
            row_number() over (
                order by unit_level > 0, sort_path, unit_key
            ) as integer
        ) as unit_order,
        array['whole/company'] || coalesce(
            (
                select array_agg('whole/sales:' || above.org_unit_key)
                from unnest(listed.ancestor_keys) as above (org_unit_key)
            ),
            '{}'
        ) as reader_keys

    from listed

)

select * from ordered
