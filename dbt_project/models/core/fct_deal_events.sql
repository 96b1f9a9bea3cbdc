{{ config(materialized='view', meta={
    'unit': 'deal_key', 'by': {'deal_key': "coalesce(deal_key, fact_key)"}
}) }}

select
    {{ surrogate_key(['facts.fact_type', 'facts.fact_key', 'facts.employee_key']) }}
        as event_key,
    facts.fact_type as event_type,
    facts.fact_key,
    facts.detail,
    facts.deal_key,
    facts.fact_date as event_date,
    cast(date_trunc('month', facts.fact_date) as date) as event_month,
    facts.role,
    facts.employee_key,
    facts.placement_key,
    {{ placed_columns() }},
    facts.deal_type,
    facts.deal_type_label,
    facts.pipeline_label,
    facts.channel_label,
    facts.credit_weight,
    facts.amount,
    facts.whole_amount,
    facts.is_shared

from {{ ref('int_facts__credited') }} as facts

{{ join_places('facts') }}

where not facts.is_stock
