{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal: the keys of everyone who may see it, by right. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

people as not materialized (

    select * from {{ ref('int_deal_people__scoped') }}

),

scopes as (

    select
        deal_key,
        family || ':' || unnest(ancestor_keys) as scope,
        family = 'sales' as is_sales

    from people

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
