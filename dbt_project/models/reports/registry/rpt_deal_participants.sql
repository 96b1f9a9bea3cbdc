{{ config(meta={'unit': 'deal_key', 'clocked': scopes_of_another_day()}) }}

{# Whoever sees a deal sees who takes part in it; the amounts of people lie apart. #}
with

holders as (

    select * from {{ ref('int_deal_holders__listed') }}

),

held_keys as (

    select distinct key from {{ ref('user_scopes') }}

),

-- A key that nobody holds opens the row to nobody.
keys as (

    select
        keyed.deal_key,
        array_agg(held_keys.key order by held_keys.key) as reader_keys

    from {{ ref('int_deals__keyed') }} as keyed

    cross join lateral unnest(keyed.row_keys) as deal_keys (key)

    inner join held_keys
        on deal_keys.key = held_keys.key

    group by keyed.deal_key

)

select
    holders.participant_key,
    holders.deal_key,
    holders.role,
    holders.employee_key,
    holders.employee_name as holder_name,
    holders.group_name as holder_group_name,
    holders.department_name as holder_department_name,
    holders.credit_weight,
    keys.reader_keys

from holders

inner join keys
    on holders.deal_key = keys.deal_key
