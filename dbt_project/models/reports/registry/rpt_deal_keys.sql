{{ config(meta={'unit': 'deal_key', 'clocked': scopes_of_another_day()}) }}

{# The keys of a deal by right, for what is many per deal: a version lasts, who may see it
   changes. The last keys of a deal that was deleted stay. Keys that nobody holds are left
   out. #}
with

keyed as not materialized (

    select * from {{ ref('int_deals__keyed') }}

),

held_keys as (

    select distinct key from {{ ref('user_scopes') }}

),

listed as (

    select
        deal_key,
        'rows' as right_name,
        unnest(row_keys) as key
    from keyed

    union all

    select
        deal_key,
        'whole' as right_name,
        unnest(whole_keys) as key
    from keyed

)

select
    listed.right_name || '|' || listed.deal_key as deal_right_key,
    listed.deal_key,
    listed.right_name,
    array_agg(listed.key order by listed.key) as reader_keys

from listed

inner join held_keys
    on listed.key = held_keys.key

group by
    listed.deal_key,
    listed.right_name
