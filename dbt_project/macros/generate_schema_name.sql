{# Working schemas are dbt_<layer>; the publish step fills the ones readers see. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    dbt_{{ custom_schema_name or 'scratch' }}
{%- endmacro %}
