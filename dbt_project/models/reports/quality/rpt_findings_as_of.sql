{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{# Findings that are open today and, as it was known then, on every day that can be asked
   for. A constant tells the two apart, as in the registry. #}
select
    findings.finding_key || '|' || days.as_of_date as finding_day_key,
    {{ day_columns('days') }},
    true as is_today,
    {%- for column in finding_columns() + finding_deal_columns() %}
    findings.{{ column }},
    {%- endfor %}
    findings.reader_keys

from {{ ref('rpt_as_of_dates') }} as days

cross join {{ ref('rpt_findings') }} as findings

where
    days.is_today
    and findings.closed_at is null

union all

select
    findings.finding_key || '|' || days.as_of_date as finding_day_key,
    {{ day_columns('days') }},
    false as is_today,
    {%- for column in finding_columns() %}
    findings.{{ column }},
    {%- endfor %}
    {%- for column in finding_deal_columns() %}
    registry.{{ column }},
    {%- endfor %}
    registry.reader_keys

from {{ ref('rpt_as_of_dates') }} as days

inner join {{ ref('rpt_finding_versions') }} as findings
    on
        findings.opened_at < days.recorded_before
        and findings.closed_at >= days.recorded_before

inner join {{ ref('rpt_deal_registry_as_of_without_money') }} as registry
    on
        findings.deal_key = registry.deal_key
        and days.as_of_label = registry.as_of_label

where
    not days.is_today
    and not registry.is_today
