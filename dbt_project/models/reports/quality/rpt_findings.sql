{{ config(meta={'unit': 'deal_key'}) }}

select
    findings.finding_key,
    findings.rule_id,
    rules.title as finding_title,
    rules.hint as finding_hint,
    rules.severity,
    findings.column_name,
    findings.deal_key,
    registry.deal_number,
    registry.deal_number_html,
    registry.card_url,
    registry.responsible_name,
    registry.group_name,
    registry.department_name,
    findings.opened_at,
    findings.closed_at,
    keys.row_keys as reader_keys

from {{ ref('fct_findings') }} as findings

inner join {{ ref('dim_rules') }} as rules
    on findings.rule_id = rules.rule_id

inner join {{ ref('int_deal_registry__described') }} as registry
    on findings.deal_key = registry.deal_key

inner join {{ ref('int_deals__keyed') }} as keys
    on findings.deal_key = keys.deal_key
