{{ config(
    materialized='view',
    meta={'unit': 'deal_key', 'by': {'deal_key': 'coalesce(deal_key, fact_key)'}},
) }}

{# Every fact and stock of deals in the narrow shape whose history is kept: codes for
   labels, one key for a place in the tree. What only another day would change is not in
   it. #}
with

facts as (

    select * from {{ ref('int_facts__credited') }}

),

tracked as (

    select
        cast(event_key as uuid) as event_key,
        is_stock,
        fact_type as event_type,
        fact_key,
        case when not is_stock then fact_date end as event_date,
        deal_key,
        cast(null as text) as lead_key,
        role,
        employee_key,
        coalesce(unit_path_key, {{ no_unit_path() }}) as unit_path_key,
        detail,
        coalesce(deal_type, deal_type_label) as deal_type,
        source_system || ':' || pipeline as pipeline_key,
        source_system || ':' || coalesce(channel, channel_label) as channel_key,
        case when is_stock then stage end as stage,
        credit_weight,
        case when counted_from is null then amount end as amount,
        case when counted_from is null then whole_amount end as whole_amount,
        is_shared,
        cast(null as text) as quality,
        cast(null as boolean) as is_duplicate,
        cast(null as boolean) as is_repeat,
        cast(null as boolean) as is_qualified,
        counted_from,
        counted_weight,
        counted_total_weight

    from facts

)

select * from tracked
