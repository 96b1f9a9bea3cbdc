{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{# The page of what stands behind a number: every fact of it under both structures, with
   its deal. A reader of the fact who may not see the deal sees the fact alone. #}
select
    facts.metric_fact_key || '|' || structures.structure as record_key,
    facts.metric,
    facts.metric_label,
    structures.structure,
    structures.structure_label,
    structures.structure_order,
    facts.event_date,
    facts.employee_key,
    facts.employee_name,
    case structures.structure
        when 'today' then facts.current_group_name
        else facts.group_name
    end as group_name,
    case structures.structure
        when 'today' then facts.current_department_name
        else facts.department_name
    end as department_name,
    facts.credit_weight,
    facts.added_value,
    facts.deal_key,
    deals.deal_number,
    deals.deal_number_html,
    deals.object_address,
    deals.stage_label,
    deals.outcome_label,
    deals.deal_type_label,
    deals.channel_label,
    facts.reader_keys

from {{ ref('rpt_metric_facts') }} as facts

cross join {{ ref('rpt_structures') }} as structures

left join {{ ref('rpt_deal_registry_without_money') }} as deals
    on facts.deal_key = deals.deal_key
