{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# Findings of deals of any day, those that were deleted since among them. #}
select
    findings.finding_key,
    findings.rule_id,
    rules.title as finding_title,
    rules.hint as finding_hint,
    rules.severity,
    findings.column_name,
    findings.deal_key,
    findings.opened_at,
    coalesce(findings.closed_at, 'infinity') as closed_at

from {{ ref('fct_findings') }} as findings

inner join {{ ref('dim_rules') }} as rules
    on findings.rule_id = rules.rule_id
