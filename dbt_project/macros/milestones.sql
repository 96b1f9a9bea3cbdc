{# Ranks whose milestone a connection gives as a fact: there the fact decides, and a stage
   that somebody chose without it proves nothing. #}
{% macro ranks_with_facts(source_kind) -%}
    {%- set connection = var(source_kind) -%}
    {%- set given = connection.get('entities', []) -%}
    {%- set deals = connection['fields'].get('deals', {}) -%}
    {%- set ranks = [] -%}
    {%- if source_kind == 'bitrix24' or 'activities' in given -%}
        {%- do ranks.extend([30, 50]) -%}
    {%- endif -%}
    {%- if 'contract_signed_date' in deals or 'documents' in given -%}
        {%- do ranks.append(40) -%}
    {%- endif -%}
    {%- if 'reservations' in given -%}
        {%- do ranks.append(55) -%}
    {%- endif -%}
    {%- if 'advance_received_date' in deals or 'advances' in given -%}
        {%- do ranks.append(60) -%}
    {%- endif -%}
    {{ return(ranks) }}
{%- endmacro %}
