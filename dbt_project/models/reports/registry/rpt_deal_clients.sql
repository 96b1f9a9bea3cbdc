{{ config(meta={'unit': 'deal_key', 'clocked': scopes_of_another_day()}) }}

{# Names of clients, for those whose role may read them. Keys that nobody holds are left
   out. #}
with

held_keys as (

    select distinct key
    from {{ ref('user_scopes') }}
    where starts_with(key, 'names/')

),

keys as (

    select
        keyed.deal_key,
        array_agg(held_keys.key order by held_keys.key) as reader_keys

    from {{ ref('int_deals__keyed') }} as keyed

    cross join lateral unnest(keyed.row_keys) as deal_keys (key)

    inner join held_keys
        on 'names/' || split_part(deal_keys.key, '/', 2) = held_keys.key

    group by keyed.deal_key

)

select
    registry.deal_key,
    registry.client_name,
    keys.reader_keys

from {{ ref('int_deal_registry__described') }} as registry

inner join keys
    on registry.deal_key = keys.deal_key

where registry.client_name is not null
