{{ config(materialized='view', meta={
    'unit': 'deal_key', 'by': {'deal_key': "coalesce(deal_key, fact_key)"}
}) }}

select
    {{ surrogate_key(['facts.fact_type', 'facts.fact_key', 'facts.employee_key']) }}
        as stock_key,
    facts.fact_type as stock_type,
    facts.fact_key,
    facts.detail,
    facts.deal_key,
    {{ today() }} as as_of_date,
    facts.role,
    facts.employee_key,
    facts.unit_path_key,
    {{ placed_columns() }},
    facts.deal_type,
    facts.deal_type_label,
    facts.pipeline_label,
    facts.channel_label,
    deals.stage,
    deals.stage_label,
    facts.credit_weight,
    facts.amount,
    facts.whole_amount,
    facts.is_shared

from {{ ref('int_facts__credited') }} as facts

left join {{ ref('fct_deals') }} as deals
    on facts.deal_key = deals.deal_key

{{ join_places('facts') }}

where facts.is_stock
