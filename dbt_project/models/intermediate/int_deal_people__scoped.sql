{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal, person, family of roles and place: everyone by whom a scope sees the
   deal, in the unit of the fact's date and in today's. The person responsible for the
   card stands in the function of the own department. #}
with

participants as not materialized (

    select * from {{ ref('fct_deal_participants') }}

),

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

people as (

    select
        deal_key,
        employee_key,
        family,
        ancestor_keys
    from participants
    where is_credited

    union

    select
        deal_key,
        employee_key,
        family,
        current_ancestor_keys as ancestor_keys
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

)

select * from people
