{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal with the deal that lives on for it: itself, unless people merged it. #}
with

deals as (

    select deal_key from {{ ref('int_deals__mapped') }}

),

connections as (

    select * from {{ source('mapping', 'connections') }}

),

-- The last decision about a deal counts.
decided as (

    select distinct on (absorbed_deal_id)
        absorbed_deal_id,
        survivor_deal_id
    from {{ source('decisions', 'deal_merges') }}
    order by absorbed_deal_id asc, batch_id desc, line desc

),

merged as (

    select
        absorbed.deal_key,
        survivors.deal_key as survivor_key

    from decided

    cross join connections

    inner join {{ whole('int_deals__mapped') }} as absorbed
        on connections.connection || ':' || decided.absorbed_deal_id = absorbed.deal_key

    inner join {{ whole('int_deals__mapped') }} as survivors
        on connections.connection || ':' || decided.survivor_deal_id = survivors.deal_key

    where decided.absorbed_deal_id <> decided.survivor_deal_id

),

-- The survivor of a merge may be merged itself, once more; two that name each other
-- both live on.
survived as (

    select
        deals.deal_key,
        case
            when later.survivor_key = deals.deal_key then deals.deal_key
            else coalesce(later.survivor_key, merged.survivor_key, deals.deal_key)
        end as survivor_key

    from deals

    left join merged
        on deals.deal_key = merged.deal_key

    left join merged as later
        on merged.survivor_key = later.deal_key

)

select * from survived
