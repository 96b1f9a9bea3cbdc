{# Statistics of the table a model has just written; a view has none. #}
{% macro analyze_table() -%}
    {%- if model.config.materialized in ['by_unit', 'incremental'] -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
