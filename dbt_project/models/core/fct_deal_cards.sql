{{ config(materialized='view') }}

{# What the quality rules judge: deals that count, with the facts rules need. A view, so
   that the rules always see the deals of this pass. #}
with

deals as (

    select * from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

),

judged as (

    select
        deals.*,
        (deals.is_after_advance and coalesce(deals.deal_type, '') <> 'rent')
            as is_sale_after_advance,
        (
            deals.outcome = 'open'
            and coalesce(deals.planned_settlement_date < deals.as_of_date, false)
        ) as is_planned_settlement_past

    from deals

)

select * from judged
