{{ config(meta={'unit': 'deal_key'}) }}

{# Findings of deals that are there today. #}
select
    {%- for column in finding_columns() %}
    findings.{{ column }},
    {%- endfor %}
    {%- for column in finding_deal_columns() %}
    registry.{{ column }},
    {%- endfor %}
    nullif(findings.closed_at, 'infinity') as closed_at,
    keys.row_keys as reader_keys

from {{ ref('rpt_finding_versions') }} as findings

inner join {{ ref('int_deal_registry__described') }} as registry
    on findings.deal_key = registry.deal_key

inner join {{ ref('int_deals__keyed') }} as keys
    on findings.deal_key = keys.deal_key
