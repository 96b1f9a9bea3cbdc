{# A reader may hold several scopes that overlap, a group and an exception for another:
   the shares of everyone in any of them are summed once, so a deal stands in one row. #}
with

registry as (

    select * from {{ ref('int_deal_registry__described') }}

),

shares as (

    select * from {{ ref('int_deal_shares__split') }}

),

people as (

    select * from {{ ref('int_deal_people__scoped') }}
    where family = 'sales'

),

scopes as (

    select
        username,
        split_part(key, '/', 2) as scope

    from {{ ref('user_scopes') }}

    where split_part(key, '/', 1) = 'split'

),

share_scopes as (

    select
        deal_key,
        employee_key,
        'employee:' || employee_key as scope

    from people

    union

    select
        deal_key,
        employee_key,
        'sales:' || unnest(ancestor_keys) as scope

    from people

),

visible as (

    select distinct
        scopes.username,
        share_scopes.deal_key,
        share_scopes.employee_key

    from scopes

    inner join share_scopes
        on scopes.scope = share_scopes.scope

),

summed as (

    select
        visible.username,
        visible.deal_key,
        sum(shares.credit_weight) as credit_weight,
        {%- for column in registry_money_columns() %}
        sum(shares.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from visible

    inner join shares
        on
            visible.deal_key = shares.deal_key
            and visible.employee_key = shares.employee_key

    group by visible.username, visible.deal_key

)

select
    summed.deal_key || '|' || summed.username as registry_key,
    {%- for column in registry_columns() %}
    registry.{{ column }},
    {%- endfor %}
    summed.credit_weight,
    {%- for column in registry_money_columns() %}
    summed.{{ column }},
    {%- endfor %}
    {%- for column in marked_columns() + marked_money_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    array['split/reader:' || summed.username] as reader_keys

from summed

inner join registry
    on summed.deal_key = registry.deal_key
