{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal, role and holder, with the holder's share of every amount. #}
with

registry as (

    select * from {{ ref('int_deal_registry__described') }}

),

holders as (

    select * from {{ ref('int_deal_holders__listed') }}
    where role = money_role

),

-- Most roles of a deal have one holder, and the whole is the share.
sole as (

    select
        holders.deal_key,
        holders.role,
        holders.employee_key,
        {%- for column in registry_money_columns() %}
        cast(registry.{{ column }} as numeric(18, 2)) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from holders

    inner join registry
        on holders.deal_key = registry.deal_key

    where holders.weight = holders.total_weight

),

shared as (

    select
        holders.deal_key,
        holders.role,
        holders.employee_key,
        {%- for column in registry_money_columns() %}
        cast(
            {{ split_amount(
                'registry.' ~ column, 'holders.weight', 'holders.total_weight',
                'holders.deal_key, holders.role', 'holders.employee_key'
            ) }} as numeric(18, 2)
        ) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from holders

    inner join registry
        on holders.deal_key = registry.deal_key

    where holders.weight <> holders.total_weight

)

select * from sole
union all
select * from shared
