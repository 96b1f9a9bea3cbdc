{{ config(meta={
    'unit': 'deal_key',
    'by': {'stepping_deal_key': 'deal_key'},
    'also_changed': links_of_changed_deals(),
}) }}

{# One row per deal that hangs on another one that counts: a purchase that waits for the
   sale of the client's own flat. The deal at the head of a chain is none of them. #}
select deals.deal_key

from {{ ref('int_deals__counted') }} as deals

inner join {{ whole('int_deals__counted') }} as heads
    on
        deals.source_system || ':' || deals.parent_deal_id = heads.deal_key
        and deals.deal_key <> heads.deal_key
