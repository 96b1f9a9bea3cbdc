{# Statistics of the table a model has just written; a view has none, and what a pass of
   changes adds to a table the server counts by itself. #}
{% macro analyze_table() -%}
    {%- if model.config.materialized in ['by_unit', 'incremental']
        and not is_pass_of_changes() -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
