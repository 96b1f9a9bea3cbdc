{# The raw column a connection maps to a canonical field; null where it maps none. #}
{% macro mapped(source_kind, entity, field) -%}
    {%- set column = var(source_kind)['fields'].get(entity, {}).get(field) -%}
    {{ adapter.quote(column) if column else 'null' }}
{%- endmacro %}
