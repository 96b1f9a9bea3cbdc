{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal: who owns it today beside who is credited, and whether anybody does. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

owners as (

    select * from {{ ref('fct_deal_participants') }}
    where role = 'deal_owner'

),

employees as (

    select * from {{ ref('dim_employees') }}

),

held as (

    select
        owners.deal_key,
        string_agg(owners.employee_name, ', ' order by owners.employee_key)
            filter (where owners.is_current) as current_owner_name,
        bool_or(owners.is_current <> owners.is_credited) as is_owner_changed,
        bool_or(owners.is_current and employees.is_active) as has_active_owner

    from owners

    left join employees
        on owners.employee_key = employees.employee_key

    group by owners.deal_key

),

owned as (

    select
        deals.deal_key,
        held.current_owner_name,
        coalesce(held.is_owner_changed, false) as is_owner_changed,
        deals.outcome in ('open', 'paused')
        and not coalesce(held.has_active_owner, false) as is_ownerless

    from deals

    left join held
        on deals.deal_key = held.deal_key

)

select * from owned
