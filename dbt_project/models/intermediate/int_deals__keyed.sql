{# One row per deal: the keys of everyone who may see it, by right. #}
with

deals as (

    select * from {{ ref('fct_deals') }}

),

participants as (

    select * from {{ ref('fct_deal_participants') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

-- The person responsible for the card sees it in the function of the own department.
people as (

    select
        deal_key,
        employee_key,
        family,
        ancestor_keys

    from participants

    union

    select
        deals.deal_key,
        employees.employee_key,
        coalesce(employees.function, 'sales') as family,
        employees.ancestor_keys

    from deals

    inner join employees
        on deals.responsible_key = employees.employee_key

),

scopes as (

    select distinct
        people.deal_key,
        people.family || ':' || units.org_unit_key as scope,
        people.family = 'sales' as is_sales

    from people

    cross join lateral unnest(people.ancestor_keys) as units (org_unit_key)

    union

    select
        deal_key,
        'employee:' || employee_key as scope,
        false as is_sales

    from people

),

collected as (

    select
        deal_key,
        array_agg('rows/' || scope order by scope) as row_keys,
        array_agg('whole/' || scope order by scope) filter (where is_sales) as whole_keys

    from scopes

    group by deal_key

),

completed as (

    select
        deals.deal_key,
        array['rows/company'] || coalesce(collected.row_keys, '{}') as row_keys,
        array['whole/company'] || coalesce(collected.whole_keys, '{}') as whole_keys

    from deals

    left join collected
        on deals.deal_key = collected.deal_key

)

select * from completed
