with

spans as (

    select * from {{ ref('int_org_units__spanned') }}

),

today as (

    select
        org_unit_key,
        parent_key,
        name,
        ancestor_keys,
        function,
        department_key,
        department_name,
        group_key,
        group_name

    from spans

    where valid_to = 'infinity'

)

select * from today
