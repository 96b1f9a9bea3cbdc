{# What a finding says itself, and what of its deal. #}
{% macro finding_columns() -%}
    {{ return([
        'finding_key', 'rule_id', 'finding_title', 'finding_hint', 'severity',
        'column_name', 'deal_key', 'opened_at',
    ]) }}
{%- endmacro %}

{% macro finding_deal_columns() -%}
    {{ return([
        'deal_number', 'deal_number_html', 'card_url', 'responsible_name', 'group_name',
        'department_name',
    ]) }}
{%- endmacro %}
