{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# One row per deal, role and holder of a part of the deal, with the part of every amount
   and what is said of the money; the amounts of a sole holder are the deal's own. #}
with

holders as (

    select * from {{ ref('int_deal_holders__listed') }}
    where weight not in (0, total_weight)

),

registry as (

    select * from {{ ref('int_deal_registry__described') }}

),

shares as (

    select * from {{ ref('int_deal_shares__split') }}

),

shared as (

    select
        holders.participant_key,
        holders.source_system,
        holders.deal_key,
        {%- for column in registry_money_columns() %}
        shares.{{ column }},
        {%- endfor %}
        {%- for column in registry_money_words() + registry_states(marked_money_columns()) %}
        registry.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from holders

    inner join registry
        on holders.deal_key = registry.deal_key

    inner join shares
        on
            holders.deal_key = shares.deal_key
            and holders.money_role = shares.role
            and holders.employee_key = shares.employee_key

)

select * from shared
