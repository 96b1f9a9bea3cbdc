{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# One row per deal that counts: neither deleted nor made to try the CRM out. #}
select * from {{ ref('int_deals__mapped') }}
where
    deleted_at is null
    and not is_test
