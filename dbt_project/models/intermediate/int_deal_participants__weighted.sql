{# One row per deal, role and holder; weights inside a deal and role sum to 1.0000. #}
with

participants as (

    select * from {{ ref('int_deal_participants__unioned') }}

),

roles as (

    select * from {{ ref('roles') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

-- Shares that nobody entered are equal; a weight counts against its role's sum.
weighed as (

    select
        participants.source_system || ':' || participants.deal_source_id as deal_key,
        participants.role,
        participants.source_system || ':' || participants.employee_id as employee_key,
        coalesce(participants.credit_weight, 1) as weight

    from participants

),

summed as (

    select
        *,
        sum(weight) over (partition by deal_key, role) as total_weight

    from weighed

),

weighted as (

    select
        summed.deal_key,
        summed.role,
        summed.employee_key,
        summed.weight,
        summed.total_weight,
        roles.family,
        employees.full_name as employee_name,
        employees.org_unit_key,
        employees.ancestor_keys,
        employees.group_key,
        employees.group_name,
        employees.department_key,
        employees.department_name,
        cast(
            {{ split_amount(
                '1', 'summed.weight', 'summed.total_weight',
                'summed.deal_key, summed.role', 'summed.employee_key', 10000
            ) }} as numeric(9, 4)
        ) as credit_weight

    from summed

    inner join roles
        on summed.role = roles.role

    left join employees
        on summed.employee_key = employees.employee_key

)

select * from weighted
