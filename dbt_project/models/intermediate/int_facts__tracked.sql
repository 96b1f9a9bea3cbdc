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

deals as (

    select * from {{ ref('fct_deals') }}

),

tracked as (

    select
        cast(
            {{ surrogate_key(['facts.fact_type', 'facts.fact_key', 'facts.employee_key']) }}
            as uuid
        ) as event_key,
        facts.is_stock,
        facts.fact_type as event_type,
        facts.fact_key,
        facts.fact_date as event_date,
        facts.deal_key,
        cast(null as text) as lead_key,
        facts.role,
        facts.employee_key,
        coalesce(facts.unit_path_key, {{ no_unit_path() }}) as unit_path_key,
        facts.detail,
        coalesce(facts.deal_type, facts.deal_type_label) as deal_type,
        deals.source_system || ':' || deals.pipeline as pipeline_key,
        deals.source_system || ':' || coalesce(deals.channel, deals.channel_label)
            as channel_key,
        case when facts.is_stock then deals.stage end as stage,
        facts.credit_weight,
        case when facts.counted_from is null then facts.amount end as amount,
        case when facts.counted_from is null then facts.whole_amount end as whole_amount,
        facts.is_shared,
        cast(null as text) as quality,
        cast(null as boolean) as is_duplicate,
        cast(null as boolean) as is_repeat,
        cast(null as boolean) as is_qualified,
        facts.counted_from,
        facts.counted_weight,
        facts.counted_total_weight

    from facts

    left join deals
        on facts.deal_key = deals.deal_key

)

select * from tracked
